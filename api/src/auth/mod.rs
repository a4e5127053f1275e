//! Who is asking: passwords, access and refresh tokens of programs, sessions of browsers, and the limits on guessing.

pub mod api_token;
pub mod csrf;
pub mod limits;
pub mod login;
pub mod password;
pub mod session;
pub mod token;
pub mod viewer;

use sha2::{Digest as _, Sha256};

/// Random bytes that prove something to whom they are shown.
#[must_use]
pub fn random_secret() -> [u8; 32] {
    rand::random()
}

/// What is kept of a secret: enough to know it again, not enough to show it. The secrets are random, so that a plain hash
/// does.
#[must_use]
pub fn hash_secret(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}
