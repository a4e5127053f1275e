//! The CSRF token of every form. It is the secret of the browser's session, or before a login a
//! secret that is derived from a cookie. A fresh mask each time keeps the size of a compressed page
//! from revealing it (BREACH).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The name of the hidden field.
pub const FIELD: &str = "csrf_token";

/// Derives the secret of a browser without a session from its cookie and the service's secret.
#[must_use]
pub fn anonymous(service_secret: &str, cookie: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"sluice anonymous form token\0");
    hash.update(service_secret.as_bytes());
    hash.update([0]);
    hash.update(cookie);
    hash.finalize().into()
}

/// Returns the masked token for a form.
#[must_use]
pub fn show(secret: &[u8; 32]) -> String {
    let mask: [u8; 32] = rand::random();
    let mut shown = [0; 64];
    shown[..32].copy_from_slice(&mask);
    for (index, byte) in secret.iter().enumerate() {
        shown[32 + index] = byte ^ mask[index];
    }
    URL_SAFE_NO_PAD.encode(shown)
}

/// Returns the secret in a form's token; `None` if it is no token.
#[must_use]
pub fn read(shown: &str) -> Option<[u8; 32]> {
    let shown = <[u8; 64]>::try_from(URL_SAFE_NO_PAD.decode(shown).ok()?).ok()?;
    Some(std::array::from_fn(|index| shown[index] ^ shown[32 + index]))
}

/// Returns whether a form's token matches the secret.
#[must_use]
pub fn matches(secret: &[u8; 32], shown: &str) -> bool {
    read(shown).is_some_and(|offered| offered.ct_eq(secret).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_under_every_mask() {
        let secret = anonymous("service", b"cookie");
        let (first, second) = (show(&secret), show(&secret));
        assert_ne!(first, second);
        assert!(matches(&secret, &first) && matches(&secret, &second));
        assert!(!matches(&anonymous("service", b"other"), &first));
        assert!(!matches(&secret, "") && !matches(&secret, "AAAA") && !matches(&secret, "é"));
    }
}
