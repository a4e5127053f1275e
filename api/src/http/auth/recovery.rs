//! Recovery codes, for people who lost their authenticator app. A code has 80 random bits, so a
//! plain hash of it is enough.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest as _, Sha256};

/// The number of codes that a person gets.
pub const N_CODES: usize = 10;

const CODE_BYTES: usize = 10;
const GROUP_CHARS: usize = 4;

/// Generates codes, each as four groups of four characters.
#[must_use]
pub fn generate() -> Vec<String> {
    (0..N_CODES).map(|_| shown(&rand::random())).collect()
}

/// Returns the stored hash of a code. It ignores case, spaces and hyphens. `None`: the text is not
/// a code.
#[must_use]
pub fn hash(user_id: i64, text: &str) -> Option<[u8; 32]> {
    let plain: String = text
        .chars()
        .filter(|ch| !ch.is_whitespace() && *ch != '-')
        // The alphabet has no 0 and no 1, which look like two of its letters.
        .map(|ch| match ch.to_ascii_uppercase() {
            '0' => 'O',
            '1' => 'I',
            other => other,
        })
        .collect();
    let code: [u8; CODE_BYTES] = BASE32_NOPAD.decode(plain.as_bytes()).ok()?.try_into().ok()?;
    let hash = Sha256::new().chain_update(b"sluice recovery code\0");
    Some(hash.chain_update(user_id.to_be_bytes()).chain_update(code).finalize().into())
}

fn shown(code: &[u8; CODE_BYTES]) -> String {
    let text = BASE32_NOPAD.encode(code).to_ascii_lowercase();
    let mut groups = String::new();
    for (index, ch) in text.chars().enumerate() {
        if index > 0 && index % GROUP_CHARS == 0 {
            groups.push('-');
        }
        groups.push(ch);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_four_groups_of_four() {
        assert_eq!(shown(b"0123456789"), "gayt-emzu-gu3d-oobz");
        assert_eq!(hash(7, "gayt-emzu-gu3d-00bz"), hash(7, "GAYTEMZUGU3DOOBZ"));
    }

    #[test]
    fn codes_differ_and_belong_to_one_user() {
        let codes = generate();
        assert_eq!(codes.len(), N_CODES);
        let known = hash(7, &codes[0]).unwrap();
        for typed in [codes[0].to_uppercase(), codes[0].replace('-', " "), codes[0].replace('-', "")] {
            assert_eq!(hash(7, &typed), Some(known), "{typed}");
        }
        assert_ne!(hash(8, &codes[0]), Some(known));
        assert_ne!(hash(7, &codes[1]), Some(known));
        for wrong in
            ["", "123456", "aaaa-aaaa-aaaa-aaa", "aaaa-aaaa-aaaa-aaaa-aaaa", "aaaa-aaaa-aaaa-aaa8", "é"]
        {
            assert_eq!(hash(7, wrong), None, "{wrong}");
        }
    }
}
