//! Passwords: hashing with argon2id in a limited number of blocking threads, and the rules for new
//! passwords.
//!
//! Checking a password takes the same time whether the account exists or not.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use crate::http::blocking_pool::BlockingPool;
use crate::http::error::ApiError;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};

/// The minimum length of a password, in characters.
pub const MIN_CHARS: usize = 8;
/// The maximum length of a password, in characters.
pub const MAX_CHARS: usize = 1024;

/// The most common passwords, in lower case.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// Hashes and checks passwords. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords {
    pool: BlockingPool,
    /// A hash to check when there is no account, so that this takes as long as a wrong password.
    dummy_hash: Arc<str>,
}

impl Passwords {
    /// Creates a pool with one place for each processor.
    ///
    /// # Panics
    /// If the system has no random numbers.
    #[must_use]
    pub fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let dummy_hash =
            hash_blocking(&crate::http::auth::random_secret()).expect("a fixed length can be hashed");
        Self { pool: BlockingPool::new(processors, "logins"), dummy_hash: dummy_hash.into() }
    }

    /// Hashes a password into a PHC string.
    ///
    /// # Errors
    /// 503 when the pool is busy.
    pub async fn hash(&self, password: &str) -> Result<String, ApiError> {
        let password = password.as_bytes().to_vec();
        self.pool
            .run(move || hash_blocking(&password))
            .await?
            .ok_or_else(|| ApiError::bug("argon2 rejected a password"))
    }

    /// Returns whether the password matches the hash. Without a hash it returns false after the
    /// same time.
    ///
    /// # Errors
    /// 503 when the pool is busy.
    pub async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool, ApiError> {
        let password = password.as_bytes().to_vec();
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy_hash.to_string());
        let matches = self
            .pool
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

fn hash_blocking(password: &[u8]) -> Option<String> {
    // The defaults are OWASP's: argon2id, 19 MiB, 2 passes, 1 lane.
    Argon2::default().hash_password(password).ok().map(|hash| hash.to_string())
}

/// Returns the reasons against a new password; empty if it is acceptable.
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
    if COMMON.contains(password.to_lowercase().as_str()) {
        found.push("This password is too common.".to_owned());
    }
    found
}

/// Generates a random password of characters that are easy to distinguish.
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
    async fn a_password_matches_only_its_own_hash() {
        let passwords = Passwords::new();
        let hash = passwords.hash("secretpassword").await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(passwords.verify("secretpassword", Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("secretpassworD", Some(hash)).await.unwrap());
        assert!(!passwords.verify("secretpassword", None).await.unwrap());
        assert!(!passwords.verify("secretpassword", Some("no hash".to_owned())).await.unwrap());
    }

    #[test]
    fn short_long_and_common_passwords_are_refused() {
        assert!(weaknesses("secretpassword").is_empty());
        assert!(weaknesses(&generate()).is_empty());
        assert_eq!(weaknesses("Password123"), ["This password is too common."]);
        assert_eq!(weaknesses("12345").len(), 2);
        assert_eq!(weaknesses(&"x".repeat(1025)).len(), 1);
    }
}
