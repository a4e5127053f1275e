//! Passwords: argon2id in a bounded number of blocking threads, and which ones are refused.
//!
//! Checking a password costs the same whether the account exists or not.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use crate::http::blocking_pool::Turns;
use crate::http::error::ApiError;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};

/// The fewest characters of a password.
pub const MIN_CHARS: usize = 8;
/// The most characters of a password.
pub const MAX_CHARS: usize = 1024;

/// The passwords that are tried first; none of them in upper case.
static COMMONEST: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// Hashes and checks passwords. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Turns,
    /// Checked where there is no account, so that its absence takes as long as a wrong password.
    nobody: Arc<str>,
}

impl Passwords {
    /// With as many at a time as there are processors.
    ///
    /// # Panics
    /// When the system has no random numbers.
    #[must_use]
    pub fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let nobody = hash_now(&crate::auth::random_secret()).expect("a fixed length can be hashed");
        Self { turns: Turns::new(processors, "logins"), nobody: nobody.into() }
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// 503 when too many are waiting.
    pub async fn hash(&self, password: &str) -> Result<String, ApiError> {
        let password = password.as_bytes().to_vec();
        self.turns.run(move || hash_now(&password)).await?.ok_or_else(|| ApiError::bug("argon2 refused"))
    }

    /// Whether the password is the one of the hash; without a hash, no, after as long a time.
    ///
    /// # Errors
    /// 503 when too many are waiting.
    pub async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool, ApiError> {
        let password = password.as_bytes().to_vec();
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.to_string());
        let matches = self
            .turns
            .run(move || Argon2::default().verify_password(&password, hash.as_str()).is_ok())
            .await?;
        Ok(matches && is_known)
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

fn hash_now(password: &[u8]) -> Option<String> {
    // The defaults are OWASP's: argon2id, 19 MiB, 2 passes, 1 lane.
    Argon2::default().hash_password(password).ok().map(|hash| hash.to_string())
}

/// What is wrong with a new password; empty when it is good.
#[must_use]
pub fn weaknesses(password: &str) -> Vec<String> {
    let mut found = Vec::new();
    let length = password.chars().count();
    if length < MIN_CHARS {
        found.push(format!("This password is too short. It must contain at least {MIN_CHARS} characters."));
    }
    if length > MAX_CHARS {
        found.push(format!("Ensure this field has no more than {MAX_CHARS} characters."));
    }
    if COMMONEST.contains(password.to_lowercase().as_str()) {
        found.push("This password is too common.".to_owned());
    }
    found
}

/// A password nobody will guess, in characters nobody will confuse.
#[must_use]
pub fn generate() -> String {
    const ALPHABET: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyzR";
    let bytes: [u8; 20] = rand::random();
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_no_account_matches_nothing() {
        let passwords = Passwords::new();
        let hash = passwords.hash("secretpassword").await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(passwords.verify("secretpassword", Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("secretpassworD", Some(hash)).await.unwrap());
        assert!(!passwords.verify("secretpassword", None).await.unwrap());
        assert!(!passwords.verify("secretpassword", Some("no hash".to_owned())).await.unwrap());
    }

    #[test]
    fn the_commonest_are_refused_and_the_readmes_is_not() {
        assert!(weaknesses("secretpassword").is_empty());
        assert!(weaknesses(&generate()).is_empty());
        assert_eq!(weaknesses("Password123"), ["This password is too common."]);
        assert_eq!(weaknesses("12345").len(), 2);
        assert_eq!(weaknesses(&"x".repeat(1025)).len(), 1);
    }
}
