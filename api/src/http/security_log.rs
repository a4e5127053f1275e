//! The security log: one line for each refusal, each failed login, and each change to an account or
//! a token. The lines have the target `sluice_api::security`, so that a collector of logs can keep
//! them apart. `docs/security.md` lists the fields.
//!
//! Lines name people by id. The span of the request has its id, method, path and caller. No line
//! has a name, an e-mail address, a password or a token, because logs are kept in more places than
//! the audit trail.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::db::audit::{Actor, TARGET};
use crate::http::client_address::ClientInfo;
use crate::http::state::App;
use crate::metrics::Refusal;

/// Bytes of the hash of a username that was tried.
const HASH_BYTES: usize = 8;

/// Logs and counts the answers 401, 403 and 429. A middleware of all routes.
pub async fn note_refusals(
    State(app): State<App>,
    client: ClientInfo,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    let refusal = match response.status() {
        StatusCode::UNAUTHORIZED => Refusal::NotAuthenticated,
        StatusCode::FORBIDDEN => Refusal::Forbidden,
        StatusCode::TOO_MANY_REQUESTS => Refusal::Throttled,
        _ => return response,
    };
    app.metrics.refused(refusal);
    tracing::info!(
        target: TARGET,
        event = refusal.as_str(),
        status = response.status().as_u16(),
        address = %client.address,
        "refused"
    );
    response
}

/// Logs a failed login. The hash of the username tells attempts at one account from attempts at
/// many. `id` is 0 if the account is unknown.
pub fn login_failed(app: &App, actor: &Actor, id: i64, username_key: &str, wrong: &str) {
    tracing::info!(
        target: TARGET,
        event = "login-failed",
        wrong,
        user_id = id,
        username_hash = hash(app.config.auth.secret.expose(), username_key),
        address = actor.address,
        "login failed"
    );
}

/// Returns a short hash that only this service can compute.
fn hash(secret: &str, username_key: &str) -> String {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(b"username in the security log\0");
    mac.update(username_key.as_bytes());
    mac.finalize().into_bytes()[..HASH_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_tells_names_and_secrets_apart() {
        let secret = "a secret of the tests, 32 bytes long";
        assert_eq!(hash(secret, "ann"), hash(secret, "ann"));
        assert_eq!(hash(secret, "ann").len(), 2 * HASH_BYTES);
        assert!(hash(secret, "ann") != hash(secret, "bob") && hash(secret, "ann") != hash("other", "ann"));
    }
}
