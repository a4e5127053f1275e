//! One-time codes by time (TOTP, RFC 6238) with SHA-1, six digits and steps of 30 seconds: all
//! authenticator apps make these.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

/// The length of a secret, as RFC 4226 recommends it.
pub const SECRET_BYTES: usize = 20;
/// The number of digits of a code.
pub const DIGITS: usize = 6;

const STEP_S: u64 = 30;
/// A code may be this many steps early or late, because clocks differ and typing takes time.
const DRIFT: u64 = 1;
const ISSUER: &str = "Sluice";

/// Returns a new secret.
#[must_use]
pub fn new_secret() -> [u8; SECRET_BYTES] {
    rand::random()
}

/// Returns the step of a code that is valid now and later than `last_step`. The caller stores the
/// step, so that no code counts twice.
#[must_use]
pub fn find_step(secret: &[u8], code: &str, now_s: u64, last_step: u64) -> Option<u64> {
    let now = now_s / STEP_S;
    let mut found = None;
    for step in now.saturating_sub(DRIFT)..=now + DRIFT {
        let is_equal: bool = code_of(secret, step).as_bytes().ct_eq(code.as_bytes()).into();
        if is_equal && step > last_step {
            found = Some(step);
        }
    }
    found
}

/// Returns the secret as people type it into an app.
#[must_use]
pub fn shown(secret: &[u8]) -> String {
    BASE32_NOPAD.encode(secret)
}

/// Returns the address that an app reads from a QR code.
#[must_use]
pub fn uri(secret: &[u8], username: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(username.as_bytes()).collect();
    format!(
        "otpauth://totp/{ISSUER}:{name}?secret={}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={STEP_S}",
        shown(secret)
    )
}

/// Returns the code of a step.
#[must_use]
pub fn code_of(secret: &[u8], step: u64) -> String {
    format!("{:0DIGITS$}", truncated(secret, step) % 1_000_000)
}

/// Returns the number whose last digits are the code (RFC 4226, section 5.3).
fn truncated(secret: &[u8], step: u64) -> u32 {
    let mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes keys of any length");
    let hash = mac.chain_update(step.to_be_bytes()).finalize().into_bytes();
    let offset = usize::from(hash[hash.len() - 1] & 0x0f);
    let word = [hash[offset], hash[offset + 1], hash[offset + 2], hash[offset + 3]];
    u32::from_be_bytes(word) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238, appendix B.
    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn the_values_of_rfc_6238_are_computed() {
        for (time_s, code) in [
            (59_u64, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let step = time_s / STEP_S;
            assert_eq!(format!("{:08}", truncated(SECRET, step) % 100_000_000), code, "{time_s}");
            assert_eq!(code_of(SECRET, step), code[2..], "{time_s}");
            assert_eq!(find_step(SECRET, &code[2..], time_s, 0), Some(step), "{time_s}");
        }
    }

    #[test]
    fn a_code_may_be_one_step_off_and_counts_once() {
        let now_s = 1_111_111_111;
        let now = now_s / STEP_S;
        for (step, is_valid) in
            [(now - 2, false), (now - 1, true), (now, true), (now + 1, true), (now + 2, false)]
        {
            let found = find_step(SECRET, &code_of(SECRET, step), now_s, 0);
            assert_eq!(found, is_valid.then_some(step), "{step}");
        }
        let code = code_of(SECRET, now);
        assert_eq!(find_step(SECRET, &code, now_s, now - 1), Some(now));
        assert_eq!(find_step(SECRET, &code, now_s, now), None);
        assert_eq!(find_step(SECRET, &code_of(SECRET, now - 1), now_s, now), None);
        for wrong in ["", "0", "0000000", "05047１", "abcdef"] {
            assert_eq!(find_step(SECRET, wrong, now_s, 0), None, "{wrong}");
        }
        assert_eq!(find_step(SECRET, &code_of(SECRET, 0), 0, u64::MAX), None);
    }

    #[test]
    fn an_app_can_read_the_address() {
        insta::assert_snapshot!(
            uri(SECRET, "ann+é@x"),
            @"otpauth://totp/Sluice:ann%2B%C3%A9%40x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Sluice&algorithm=SHA1&digits=6&period=30"
        );
    }
}
