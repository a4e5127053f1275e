//! The ticket between the two steps of a login by the page: proof that the right password was
//! entered a moment ago. So the page that asks for the code has no password in it.
//!
//! A ticket is 8 bytes expiry and an HMAC over it, the username, the password's hash and the form
//! secret of the browser. It is of no use in another browser, for another account, or after a new
//! password. It replaces no code: each code counts once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac};
use sha2::Sha256;

use crate::db::users::LoginRow;

/// Time to enter the code.
const LIFE_MS: u64 = 5 * 60_000;
const EXPIRY_BYTES: usize = 8;

/// Makes a ticket. `browser` is the form secret of the browser.
#[must_use]
pub fn issue(service_secret: &str, browser: &[u8; 32], login: &LoginRow, now_ms: u64) -> String {
    let expiry = (now_ms + LIFE_MS).to_be_bytes();
    let mac = mac(service_secret, browser, login, expiry).finalize().into_bytes();
    URL_SAFE_NO_PAD.encode([&expiry[..], &mac[..]].concat())
}

/// Returns whether the ticket is valid for this login, in this browser, now.
#[must_use]
pub fn is_valid(
    service_secret: &str,
    browser: &[u8; 32],
    login: &LoginRow,
    now_ms: u64,
    ticket: &str,
) -> bool {
    let Ok(ticket) = URL_SAFE_NO_PAD.decode(ticket) else { return false };
    let Some((expiry, offered)) = ticket.split_first_chunk::<EXPIRY_BYTES>() else { return false };
    // Compares in constant time.
    let is_ours = mac(service_secret, browser, login, *expiry).verify_slice(offered).is_ok();
    is_ours && now_ms < u64::from_be_bytes(*expiry)
}

fn mac(
    service_secret: &str,
    browser: &[u8; 32],
    login: &LoginRow,
    expiry: [u8; EXPIRY_BYTES],
) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(service_secret.as_bytes());
    let mac = mac.expect("HMAC takes keys of any length").chain_update(b"sluice login ticket\0");
    let mac = mac.chain_update(browser).chain_update(expiry).chain_update(login.id.to_be_bytes());
    mac.chain_update(login.password_hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_valid_for_one_login_in_one_browser_for_a_while() {
        let login = |id, password_hash: &str| LoginRow {
            id,
            username: "ann".to_owned(),
            password_hash: password_hash.to_owned(),
            is_active: true,
            has_second_factor: true,
        };
        let (ann, browser) = (login(1, "hash"), [7; 32]);
        let ticket = issue("service", &browser, &ann, 1000);
        assert!(is_valid("service", &browser, &ann, 1000 + LIFE_MS - 1, &ticket));
        assert!(!is_valid("service", &browser, &ann, 1000 + LIFE_MS, &ticket));
        assert!(!is_valid("other", &browser, &ann, 1000, &ticket));
        assert!(!is_valid("service", &[8; 32], &ann, 1000, &ticket));
        assert!(!is_valid("service", &browser, &login(2, "hash"), 1000, &ticket));
        assert!(!is_valid("service", &browser, &login(1, "new"), 1000, &ticket));
        let later = (u64::MAX).to_be_bytes();
        let forged = [&later[..], &URL_SAFE_NO_PAD.decode(&ticket).unwrap()[EXPIRY_BYTES..]].concat();
        for wrong in ["", "AAAA", "é", &URL_SAFE_NO_PAD.encode(forged)] {
            assert!(!is_valid("service", &browser, &ann, 1000, wrong), "{wrong}");
        }
    }
}
