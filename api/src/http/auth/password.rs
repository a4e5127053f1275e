//! Passwords: hashing with argon2id in a limited number of blocking threads, and the rules for new
//! passwords.
//!
//! Checking a password takes the same time whether the account exists or not.

use std::sync::LazyLock;

use crate::http::blocking_pool::BlockingPool;
use crate::http::error::ApiError;
use crate::http::fields::Errors;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use zxcvbn::{Score, zxcvbn};

/// The minimum length of a password, in characters.
pub const MIN_CHARS: usize = 8;
/// The maximum length of a password, in characters.
pub const MAX_CHARS: usize = 1024;

/// The characters whose strength is estimated. The work grows with their square and with the number
/// of signs that may stand for letters: up to a fifth of a second for 24 characters, ten seconds
/// for 100.
const MAX_ESTIMATED_CHARS: usize = 24;

/// The weakest score of a new password: an attacker needs a million guesses or more.
const MIN_SCORE: Score = Score::Two;

/// The password of the legacy CRM's example. It is weak, but clients that follow the example must
/// be able to register.
const LEGACY_EXAMPLE: &str = "secretpassword";

/// A hash to check when there is no account, so that this takes as long as a wrong password.
static DUMMY_HASH: LazyLock<String> = LazyLock::new(|| {
    hash_blocking(&crate::http::auth::random_secret()).expect("a fixed length can be hashed")
});

/// Hashes and checks passwords. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords {
    pool: BlockingPool,
}

impl Passwords {
    /// Creates a pool with one place for each processor.
    ///
    /// # Panics
    /// If the system has no random numbers.
    #[must_use]
    pub fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        LazyLock::force(&DUMMY_HASH);
        Self { pool: BlockingPool::new(processors, "logins") }
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
        let hash = hash.unwrap_or_else(|| DUMMY_HASH.clone());
        let matches = self
            .pool
            .run(move || Argon2::default().verify_password(&password, hash.as_str()).is_ok())
            .await?;
        Ok(matches && is_known)
    }

    /// Adds an error to a field if a new password is easy to guess; see [`easy_to_guess`].
    ///
    /// # Errors
    /// 503 when the pool is busy.
    pub async fn check_strength(
        &self,
        errors: &mut Errors,
        field: &str,
        password: &str,
        about_user: &[&str],
    ) -> Result<(), ApiError> {
        let password = password.to_owned();
        let about_user: Vec<String> = about_user.iter().map(|&text| text.to_owned()).collect();
        let weakness = self.pool.run(move || easy_to_guess(&password, &about_user)).await?;
        if let Some(message) = weakness {
            errors.fail(field, message);
        }
        Ok(())
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

/// Returns the message for a password with too few or too many characters.
#[must_use]
pub fn wrong_length(password: &str) -> Option<String> {
    match password.chars().count() {
        length if length < MIN_CHARS => {
            Some(format!("This password is too short. It must contain at least {MIN_CHARS} characters."))
        }
        length if length > MAX_CHARS => {
            Some(format!("Ensure this field has no more than {MAX_CHARS} characters."))
        }
        _ => None,
    }
}

/// Returns the message for a password that is easy to guess, also for somebody who knows these
/// texts about the user: the username, e-mail address and names. An empty password has no message.
#[must_use]
pub fn easy_to_guess(password: &str, about_user: &[impl AsRef<str>]) -> Option<&'static str> {
    if password.is_empty() || password == LEGACY_EXAMPLE {
        return None;
    }
    let beginning: String = password.chars().take(MAX_ESTIMATED_CHARS).collect();
    let is_weak = |words: &[&str]| zxcvbn(&beginning, words).score() < MIN_SCORE;
    let words = words_about(about_user);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if !is_weak(&words) {
        None
    } else if is_weak(&[]) {
        Some("This password is too common.")
    } else {
        Some("This password is too similar to the username, the e-mail address or the name.")
    }
}

/// Returns the texts, their words, and each two neighbours as one word: `annsmith` of Ann and
/// Smith.
fn words_about(texts: &[impl AsRef<str>]) -> Vec<String> {
    let words = texts.iter().flat_map(|text| text.as_ref().split(|ch: char| !ch.is_alphanumeric()));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let mut found: Vec<String> = texts.iter().map(|text| text.as_ref().to_owned()).collect();
    found.extend(words.iter().map(|&word| word.to_owned()));
    found.extend(words.windows(2).map(|pair| pair.concat()));
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
    fn short_and_long_passwords_are_refused() {
        assert_eq!(wrong_length("12345678"), None);
        assert!(wrong_length("1234567").unwrap().starts_with("This password is too short."));
        assert_eq!(wrong_length(&"x".repeat(1024)), None);
        assert!(wrong_length(&"x".repeat(1025)).is_some());
    }

    #[test]
    fn passwords_that_are_easy_to_guess_are_refused() {
        let ann = ["ann.smith", "ann@acmemedia.example", "Ann", "Smith"];
        for good in ["secretpassword", "another good one", "ann likes tea", "", &generate()] {
            assert_eq!(easy_to_guess(good, &ann), None, "{good}");
        }
        for common in ["Password123", "changeme1", "qwertyuiop1", "P@ssw0rd!", &"ab".repeat(500)] {
            assert_eq!(easy_to_guess(common, &ann), Some("This password is too common."), "{common}");
        }
        let similar = "This password is too similar to the username, the e-mail address or the name.";
        for own in ["ann.smith1", "AnnSmith1990", "acmemedia2026", "ann@acmemedia.example"] {
            assert_eq!(easy_to_guess(own, &ann), Some(similar), "{own}");
            assert_eq!(easy_to_guess(own, &["bob"]), None, "{own}");
        }
    }
}
