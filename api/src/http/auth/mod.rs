//! Authentication: passwords, second factors, access, refresh and API tokens of programs, sessions
//! of browsers, and limits on guessing.

pub mod api_token;
pub mod credentials;
pub mod csrf;
mod hs256;
pub mod limits;
pub mod login;
pub mod login_ticket;
pub mod password;
pub mod recovery;
pub mod sealer;
pub mod second_factor;
pub mod session;
pub mod token;
pub mod totp;

use sha2::{Digest as _, Sha256};

/// Returns 32 random bytes, for tokens.
#[must_use]
pub fn random_secret() -> [u8; 32] {
    rand::random()
}

/// Hashes a secret for storage. The secrets are random, so a plain hash is enough.
#[must_use]
pub fn hash_secret(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}
