//! Encrypts the secrets of second factors, so that a copy of the database has no codes. The key is
//! derived from `auth.secret`. After a rotation, secrets under a previous key can still be read,
//! and the service encrypts them again when it starts (`second_factor.rs`).
//!
//! A sealed secret: 8 bytes id of the key, 12 bytes nonce, AES-256-GCM of the secret. The user's id
//! is authenticated with it, so that one person's row is of no use in another's.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::config::AuthConfig;
use crate::http::error::ApiError;

const KEY_ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 12;

/// Encrypts and decrypts secrets.
pub struct Sealer {
    /// The current key, and after it the previous ones.
    keys: Vec<([u8; KEY_ID_BYTES], Aes256Gcm)>,
}

impl Sealer {
    /// Derives the keys from the configured secrets.
    #[must_use]
    pub fn new(config: &AuthConfig) -> Self {
        let secrets = std::iter::once(&config.secret).chain(&config.previous_secrets);
        Self { keys: secrets.map(|secret| derive(secret.expose().as_bytes())).collect() }
    }

    /// Encrypts a user's secret with the current key.
    ///
    /// # Errors
    /// 500 if the secret is longer than AES-GCM permits.
    pub fn seal(&self, user_id: i64, secret: &[u8]) -> Result<Vec<u8>, ApiError> {
        let (id, cipher) = self.keys.first().ok_or_else(|| ApiError::bug("a sealer without a key"))?;
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: secret, aad: &user_id.to_be_bytes() };
        let sealed = cipher.encrypt(&nonce.into(), payload);
        let sealed = sealed.map_err(|_| ApiError::bug("a secret could not be encrypted"))?;
        Ok([&id[..], &nonce[..], &sealed[..]].concat())
    }

    /// Decrypts a user's secret; `None` if no key fits, or the bytes were changed.
    #[must_use]
    pub fn open(&self, user_id: i64, sealed: &[u8]) -> Option<Vec<u8>> {
        let (id, rest) = sealed.split_first_chunk::<KEY_ID_BYTES>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let (_, cipher) = self.keys.iter().find(|(known, _)| known == id)?;
        let payload = Payload { msg: sealed, aad: &user_id.to_be_bytes() };
        cipher.decrypt(&(*nonce).into(), payload).ok()
    }

    /// Returns whether a secret is encrypted with the current key.
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        self.keys.first().is_some_and(|(id, _)| sealed.starts_with(id))
    }
}

fn derive(secret: &[u8]) -> ([u8; KEY_ID_BYTES], Aes256Gcm) {
    let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(secret).expect("HMAC takes keys of any length");
    let key: [u8; 32] = mac.chain_update(b"sluice second factors").finalize().into_bytes().into();
    let mut id = [0; KEY_ID_BYTES];
    let hash = Sha256::new().chain_update(b"sluice second factors key id\0").chain_update(key).finalize();
    id.copy_from_slice(&hash[..KEY_ID_BYTES]);
    (id, Aes256Gcm::new(&key.into()))
}

#[cfg(test)]
mod tests {
    use sluice_runtime::config::Secret;

    use super::*;

    fn sealer(secrets: &[&str]) -> Sealer {
        Sealer::new(&AuthConfig {
            secret: Secret::new(secrets[0]),
            previous_secrets: secrets[1..].iter().copied().map(Secret::new).collect(),
            ..AuthConfig::default()
        })
    }

    #[test]
    fn only_the_right_key_and_user_open_a_secret() {
        let (old, new) = ("0123456789abcdef0123456789abcdef", "another secret of at least 32 bytes");
        let before = sealer(&[old]);
        let sealed = before.seal(7, b"the secret").unwrap();
        assert_ne!(sealed, before.seal(7, b"the secret").unwrap());
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(before.open(7, &sealed).as_deref(), Some(&b"the secret"[..]));
        assert_eq!(before.open(8, &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(before.open(7, &changed), None, "byte {at}");
            assert_eq!(before.open(7, &sealed[..at]), None, "cut at {at}");
        }
        let rotated = sealer(&[new, old]);
        assert_eq!(rotated.open(7, &sealed).as_deref(), Some(&b"the secret"[..]));
        assert!(before.is_current(&sealed) && !rotated.is_current(&sealed));
        assert_eq!(sealer(&[new]).open(7, &sealed), None);
    }
}
