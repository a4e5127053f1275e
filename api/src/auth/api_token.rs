//! API tokens of programs: a random secret behind a prefix by which people and secret scanners know it. It acts as its
//! user, with no more rights; `viewer.rs` asks for it and keeps one without the scope `write` to reading.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::token::read_secret;
use crate::auth::{hash_secret, random_secret};

/// What every token begins with.
pub const PREFIX: &str = "slc_";
/// What a token may be allowed.
pub const SCOPES: [&str; 2] = ["read", "write"];
/// Characters of a token that are kept to know it again: too few to guess the others from.
const HINT_CHARS: usize = PREFIX.len() + 4;

/// A new token: the text is shown once, the rest is kept.
#[derive(Debug)]
pub struct NewToken {
    pub text: String,
    pub hash: [u8; 32],
    pub hint: String,
}

/// Makes a token.
#[must_use]
pub fn generate() -> NewToken {
    let secret = random_secret();
    let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    NewToken { hash: hash_secret(&secret), hint: text.chars().take(HINT_CHARS).collect(), text }
}

/// Whether a bearer's text is an API token and not an access token.
#[must_use]
pub fn is_one(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// What is kept of a token, by its text.
#[must_use]
pub fn hash(text: &str) -> Option<[u8; 32]> {
    read_secret(text.strip_prefix(PREFIX)?).map(|secret| hash_secret(&secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash() {
        let token = generate();
        assert!(is_one(&token.text) && token.text.starts_with(&token.hint));
        assert_eq!(hash(&token.text), Some(token.hash));
        for text in ["slc_", "slc_AAAA", "AAAA", ""] {
            assert_eq!(hash(text), None, "{text}");
        }
    }
}
