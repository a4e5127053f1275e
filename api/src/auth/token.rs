//! Tokens of programs: a short access token (JWT, HS256, the seed's claims) and a refresh token that is good for one
//! exchange. Both belong to a family, one login; a refresh token that is offered twice was copied, and ends its family.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sluice_runtime::clock::Clock;
use sqlx::PgPool;
use uuid::Uuid;

use crate::auth::{hash_secret, random_secret};
use crate::config::AuthConfig;
use crate::db::tokens;
use crate::error::ApiError;

/// What an access token says. `sid` is ours: the family, so that a logout ends the token too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub token_type: String,
    pub exp: u64,
    pub iat: u64,
    pub jti: String,
    pub user_id: i64,
    pub payload: Payload,
    pub sid: Uuid,
}

/// The seed's own claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    pub user_id: i64,
    pub username: String,
}

/// A fresh pair.
#[derive(Debug, Clone)]
pub struct Pair {
    pub access: String,
    pub refresh: String,
    /// Seconds until the access token expires.
    pub expires_in_s: u64,
}

/// From where a login came; shown to its owner later.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    pub address: String,
    pub agent: String,
}

/// Makes and reads tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    access_s: u64,
    refresh: TimeDelta,
    clock: Clock,
}

impl Tokens {
    /// With the configured secret and lives.
    #[must_use]
    pub fn new(config: &AuthConfig, clock: Clock) -> Self {
        let secret = config.secret.expose().as_bytes();
        // Only HS256, whatever the token's header says. The expiry is checked against our own clock.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            access_s: u64::from(config.access_minutes) * 60,
            refresh: TimeDelta::days(i64::from(config.refresh_days)),
            clock,
        }
    }

    /// Begins a family for a user that has proved who they are.
    ///
    /// # Errors
    /// When Postgres is down.
    pub async fn begin(
        &self,
        pool: &PgPool,
        user_id: i64,
        username: &str,
        origin: &Origin,
    ) -> Result<Pair, ApiError> {
        let family = Uuid::now_v7();
        let refresh = random_secret();
        let now = self.now();
        let mut transaction = pool.begin().await?;
        tokens::insert_family(&mut transaction, family, user_id, now, origin).await?;
        tokens::insert_refresh(&mut transaction, family, &hash_secret(&refresh), now, now + self.refresh)
            .await?;
        transaction.commit().await?;
        self.pair(family, user_id, username, &refresh)
    }

    /// Exchanges a refresh token for a new pair.
    ///
    /// # Errors
    /// 401 for a token that is unknown, expired, revoked or used before; the last ends its family.
    pub async fn exchange(&self, pool: &PgPool, refresh_token: &str) -> Result<Pair, ApiError> {
        let offered = read_secret(refresh_token).ok_or_else(ApiError::refresh_not_valid)?;
        let hash = hash_secret(&offered);
        let now = self.now();
        let mut transaction = pool.begin().await?;
        let Some(known) = tokens::find_refresh_for_update(&mut transaction, &hash).await? else {
            return Err(ApiError::refresh_not_valid());
        };
        if known.used_at.is_some() && known.revoked_at.is_none() {
            tokens::revoke_family(&mut *transaction, known.family_id, now, "reuse").await?;
            transaction.commit().await?;
            tracing::warn!(user_id = known.user_id, "a refresh token was used twice: its family is revoked");
            return Err(ApiError::refresh_not_valid());
        }
        if known.used_at.is_some()
            || known.revoked_at.is_some()
            || known.expires_at <= now
            || !known.is_active
        {
            return Err(ApiError::refresh_not_valid());
        }
        let next = random_secret();
        tokens::mark_used(&mut transaction, &hash, now).await?;
        tokens::insert_refresh(
            &mut transaction,
            known.family_id,
            &hash_secret(&next),
            now,
            now + self.refresh,
        )
        .await?;
        transaction.commit().await?;
        self.pair(known.family_id, known.user_id, &known.username, &next)
    }

    /// Ends the family of a refresh token. An unknown one is nothing to end.
    ///
    /// # Errors
    /// When Postgres is down.
    pub async fn end(&self, pool: &PgPool, refresh_token: &str) -> Result<(), ApiError> {
        if let Some(offered) = read_secret(refresh_token) {
            tokens::revoke_by_refresh(pool, &hash_secret(&offered), self.now()).await?;
        }
        Ok(())
    }

    /// The claims of an access token that is ours and not expired. Whether its family still stands is asked with the user.
    #[must_use]
    pub fn read_access(&self, token: &str) -> Option<Claims> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).ok()?.claims;
        let is_current = claims.token_type == "access" && claims.exp > self.clock.now_ms() / 1000;
        is_current.then_some(claims)
    }

    fn pair(&self, family: Uuid, user_id: i64, username: &str, refresh: &[u8]) -> Result<Pair, ApiError> {
        let iat = self.clock.now_ms() / 1000;
        let claims = Claims {
            token_type: "access".to_owned(),
            exp: iat + self.access_s,
            iat,
            jti: Uuid::new_v4().simple().to_string(),
            user_id,
            payload: Payload { user_id, username: username.to_owned() },
            sid: family,
        };
        let access = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| ApiError::internal(&error))?;
        Ok(Pair { access, refresh: URL_SAFE_NO_PAD.encode(refresh), expires_in_s: self.access_s })
    }

    fn now(&self) -> DateTime<Utc> {
        crate::db::time_of(&self.clock)
    }
}

/// The bytes of a token as it was shown.
#[must_use]
pub fn read_secret(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sluice_runtime::config::Secret;

    use super::*;

    fn tokens(clock: &Clock) -> Tokens {
        let config =
            AuthConfig { secret: Secret::new("0123456789abcdef0123456789abcdef"), ..AuthConfig::default() };
        Tokens::new(&config, clock.clone())
    }

    #[test]
    fn an_access_token_is_read_until_it_expires() {
        let clock = Clock::manual(1_700_000_000_000);
        let tokens = tokens(&clock);
        let pair = tokens.pair(Uuid::nil(), 7, "ann", &[0; 32]).unwrap();
        let claims = tokens.read_access(&pair.access).unwrap();
        assert_eq!((claims.user_id, claims.payload.username.as_str()), (7, "ann"));
        assert_eq!(claims.exp - claims.iat, 900);
        clock.advance(Duration::from_secs(900));
        assert_eq!(tokens.read_access(&pair.access), None);
    }

    #[test]
    fn other_algorithms_secrets_and_kinds_are_refused() {
        let clock = Clock::manual(1_700_000_000_000);
        let tokens = tokens(&clock);
        let claims =
            tokens.read_access(&tokens.pair(Uuid::nil(), 7, "ann", &[0; 32]).unwrap().access).unwrap();
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap());
        let unsigned = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#));
        assert_eq!(tokens.read_access(&unsigned), None);
        let secret = EncodingKey::from_secret(b"0123456789abcdef0123456789abcdef");
        let other_algorithm = jsonwebtoken::encode(&Header::new(Algorithm::HS384), &claims, &secret).unwrap();
        assert_eq!(tokens.read_access(&other_algorithm), None);
        let other = EncodingKey::from_secret(b"another secret of at least 32 bytes");
        let forged = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &other).unwrap();
        assert_eq!(tokens.read_access(&forged), None);
        let refresh = Claims { token_type: "refresh".to_owned(), ..claims };
        let other_kind = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &refresh, &secret).unwrap();
        assert_eq!(tokens.read_access(&other_kind), None);
    }
}
