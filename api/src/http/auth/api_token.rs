//! API tokens for programs: a random secret after a prefix that people and secret scanners
//! recognise. A token has the permissions of its user. `viewer.rs` checks it and limits a token
//! without the scope `write` to reading.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::http::auth::token::read_secret;
use crate::http::auth::{hash_secret, random_secret};

/// The prefix of every token.
pub const PREFIX: &str = "slc_";
/// The scopes of tokens.
pub const SCOPES: [&str; 2] = ["read", "write"];
/// The length of the stored beginning of a token, by which its user recognises it. It is too short
/// to help guessing.
const HINT_CHARS: usize = PREFIX.len() + 4;

/// A new token. The text is shown once; hash and hint are stored.
#[derive(Debug)]
pub struct NewToken {
    pub text: String,
    pub hash: [u8; 32],
    pub hint: String,
}

/// Generates a token.
#[must_use]
pub fn generate() -> NewToken {
    let secret = random_secret();
    let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    NewToken { hash: hash_secret(&secret), hint: text.chars().take(HINT_CHARS).collect(), text }
}

/// Returns whether a bearer token is an API token and not an access token.
#[must_use]
pub fn is_api_token(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Returns the stored hash of a token; `None` if the text is not a token.
#[must_use]
pub fn hash(text: &str) -> Option<[u8; 32]> {
    read_secret(text.strip_prefix(PREFIX)?).map(|secret| hash_secret(&secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_by_its_hash() {
        let token = generate();
        assert!(is_api_token(&token.text) && token.text.starts_with(&token.hint));
        assert_eq!(hash(&token.text), Some(token.hash));
        for text in ["slc_", "slc_AAAA", "AAAA", ""] {
            assert_eq!(hash(text), None, "{text}");
        }
    }
}
