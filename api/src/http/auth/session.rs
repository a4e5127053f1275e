//! Sessions of browsers: a random cookie, whose hash Postgres stores.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use sluice_runtime::clock::Clock;
use sqlx::PgPool;

use crate::db::audit::{Actor, Diff, record};
use crate::db::sessions::{LoginOrigin, Session};
use crate::db::users::LoginRow;
use crate::db::{sessions, time_of, users};
use crate::http::auth::token::read_secret;
use crate::http::auth::{hash_secret, random_secret};
use crate::http::error::ApiError;
use crate::policy::Resource;

/// The cookie of a session.
pub const COOKIE_NAME: &str = "sluice_session";
/// The cookie for the CSRF token before a login.
pub const ANONYMOUS_COOKIE_NAME: &str = "sluice_form";

/// A session that has begun.
#[derive(Debug)]
pub struct Begun {
    /// The value of the cookie.
    pub cookie: String,
    /// The secret of the CSRF tokens.
    pub csrf: [u8; 32],
}

/// Begins a session for an authenticated user. `life_days` is `auth.session_days` of the
/// configuration (`config.rs`).
///
/// # Errors
/// 400 if the user lost access meanwhile.
pub async fn begin(
    pool: &PgPool,
    clock: &Clock,
    user: &LoginRow,
    life_days: u32,
    origin: &LoginOrigin,
) -> Result<Begun, ApiError> {
    let (token, csrf) = (random_secret(), random_secret());
    let now = time_of(clock);
    let row = sessions::NewSession {
        token_hash: hash_secret(&token),
        user_id: user.id,
        csrf,
        created_at: now,
        expires_at: now + TimeDelta::days(i64::from(life_days)),
        origin,
    };
    let mut transaction = pool.begin().await?;
    if !users::lock_login_shared(&mut transaction, user).await? {
        return Err(ApiError::wrong_credentials());
    }
    sessions::insert(&mut transaction, &row).await?;
    transaction.commit().await?;
    Ok(Begun { cookie: URL_SAFE_NO_PAD.encode(token), csrf })
}

/// Ends a session.
pub async fn end(pool: &PgPool, clock: &Clock, actor: &Actor, session: &Session) -> Result<(), ApiError> {
    let mut transaction = pool.begin().await?;
    users::lock_exclusive(&mut transaction, &[session.user_id]).await?;
    sessions::revoke(&mut transaction, session.user_id, session.id, time_of(clock)).await?;
    record(&mut transaction, actor, "logout", Resource::Users, session.user_id, Diff::default()).await?;
    Ok(transaction.commit().await?)
}

/// Finds the session of a request's cookie.
pub async fn find(pool: &PgPool, clock: &Clock, headers: &HeaderMap) -> Result<Option<Session>, ApiError> {
    let Some(token) = cookie(headers, COOKIE_NAME).and_then(read_secret) else { return Ok(None) };
    let token_hash = hash_secret(&token);
    Ok(sessions::find(pool, &token_hash, time_of(clock)).await?)
}

/// Returns the value of a cookie.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// Returns a `Set-Cookie` that scripts cannot read and other sites cannot send with a POST. A
/// `max_age_s` of 0 deletes the cookie.
///
/// # Panics
/// If a header cannot contain the value. All values here are base64url.
#[must_use]
pub fn set_cookie(name: &str, value: &str, max_age_s: u64, is_secure: bool) -> HeaderValue {
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).expect("base64url is allowed in a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; sluice_session=x=y"));
        headers.append(COOKIE, HeaderValue::from_static("b=2"));
        assert_eq!(cookie(&headers, COOKIE_NAME), Some("x=y"));
        assert_eq!(cookie(&headers, "b"), Some("2"));
        assert_eq!(cookie(&headers, "c"), None);
        assert_eq!(set_cookie("a", "b", 5, true), "a=b; Path=/; Max-Age=5; HttpOnly; SameSite=Lax; Secure");
    }
}
