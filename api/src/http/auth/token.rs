//! Tokens of programs: a short-lived access token (JWT, HS256, with the claims of the legacy CRM)
//! and a refresh token for one exchange. Both belong to a family, which is one login. A refresh
//! token that is used twice was copied, so its family is revoked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sluice_runtime::clock::Clock;
use sluice_runtime::config::Secret;
use sqlx::PgPool;
use uuid::Uuid;

use crate::config::AuthConfig;
use crate::db::audit::{Actor, Diff, record};
use crate::db::sessions::LoginOrigin;
use crate::db::users::LoginRow;
use crate::db::{tokens, users};
use crate::http::auth::{hash_secret, hs256, random_secret};
use crate::http::error::ApiError;
use crate::policy::Resource;

/// The claims of an access token. `sid` is the family, so that a logout also ends the access token.
/// The legacy CRM does not have it.
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

/// A claim of the legacy CRM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    pub user_id: i64,
    pub username: String,
}

/// A new access token with its refresh token.
#[derive(Debug, Clone)]
pub struct Pair {
    pub access: String,
    pub refresh: String,
    /// Seconds until the access token expires.
    pub expires_in_s: u64,
}

/// Issues and checks tokens.
pub struct Tokens {
    header: Header,
    encoding: EncodingKey,
    /// The current key and the previous ones that are still accepted, by key id.
    decoding: Vec<(String, DecodingKey)>,
    validation: Validation,
    access_s: u64,
    refresh: TimeDelta,
    clock: Clock,
}

impl Tokens {
    /// Creates the keys from the configured secrets.
    #[must_use]
    pub fn new(config: &AuthConfig, clock: Clock) -> Self {
        hs256::install();
        let secret = config.secret.expose();
        let accepted = std::iter::once(&config.secret).chain(&config.previous_secrets).map(Secret::expose);
        // Only HS256, regardless of the token's header. `read_access` checks the expiry against the
        // injected clock.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        Self {
            header: Header { kid: Some(key_id(secret)), ..Header::new(Algorithm::HS256) },
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            decoding: accepted
                .map(|secret| (key_id(secret), DecodingKey::from_secret(secret.as_bytes())))
                .collect(),
            validation,
            access_s: u64::from(config.access_minutes) * 60,
            refresh: TimeDelta::days(i64::from(config.refresh_days)),
            clock,
        }
    }

    /// Begins a family for an authenticated user.
    ///
    /// # Errors
    /// 400 if the user lost access meanwhile.
    pub async fn begin(
        &self,
        pool: &PgPool,
        user: &LoginRow,
        origin: &LoginOrigin,
    ) -> Result<Pair, ApiError> {
        let family = Uuid::now_v7();
        let refresh = random_secret();
        let now = self.now();
        let mut transaction = pool.begin().await?;
        if !users::lock_login_shared(&mut transaction, user).await? {
            return Err(ApiError::wrong_credentials());
        }
        tokens::insert_family(&mut transaction, family, user.id, now, origin).await?;
        tokens::insert_refresh(&mut transaction, family, &hash_secret(&refresh), now, now + self.refresh)
            .await?;
        transaction.commit().await?;
        self.pair(family, user.id, &user.username, &refresh)
    }

    /// Exchanges a refresh token for a new pair.
    ///
    /// # Errors
    /// 401 for a token that is unknown, expired, revoked or was used before. The last also revokes
    /// its family.
    pub async fn exchange(
        &self,
        pool: &PgPool,
        actor: &Actor,
        refresh_token: &str,
    ) -> Result<Pair, ApiError> {
        let offered = read_secret(refresh_token).ok_or_else(ApiError::refresh_not_valid)?;
        let hash = hash_secret(&offered);
        let now = self.now();
        let mut transaction = pool.begin().await?;
        let Some(known) = tokens::find_refresh_exclusive(&mut transaction, &hash).await? else {
            return Err(ApiError::refresh_not_valid());
        };
        if known.used_at.is_some() && known.revoked_at.is_none() {
            users::lock_exclusive(&mut transaction, &[known.user_id]).await?;
            tokens::revoke_family(&mut *transaction, known.family_id, now, "reuse").await?;
            let diff = Diff::noted(json!({"session": known.family_id}));
            record(&mut transaction, actor, "token-reuse", Resource::Users, known.user_id, diff).await?;
            transaction.commit().await?;
            tracing::warn!(
                user_id = known.user_id,
                "a refresh token was used twice, so its family was revoked"
            );
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

    /// Revokes the family of a refresh token. Ignores an unknown token.
    pub async fn end(&self, pool: &PgPool, actor: &Actor, refresh_token: &str) -> Result<(), ApiError> {
        let Some(offered) = read_secret(refresh_token) else { return Ok(()) };
        let mut transaction = pool.begin().await?;
        let hash = hash_secret(&offered);
        tokens::lock_owner_exclusive(&mut transaction, &hash).await?;
        let ended = tokens::revoke_by_refresh(&mut transaction, &hash, self.now()).await?;
        if let Some((user_id, username)) = ended {
            let actor = actor.known_as(user_id, &username);
            record(&mut transaction, &actor, "logout", Resource::Users, user_id, Diff::default()).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Returns the claims of a valid access token. The caller checks whether its family is revoked.
    #[must_use]
    pub fn read_access(&self, token: &str) -> Option<Claims> {
        let key_id = jsonwebtoken::decode_header(token).ok()?.kid?;
        let (_, key) = self.decoding.iter().find(|(known, _)| *known == key_id)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok()?.claims;
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
        let access = jsonwebtoken::encode(&self.header, &claims, &self.encoding)
            .map_err(|error| ApiError::internal(&error))?;
        Ok(Pair { access, refresh: URL_SAFE_NO_PAD.encode(refresh), expires_in_s: self.access_s })
    }

    fn now(&self) -> DateTime<Utc> {
        crate::db::time_of(&self.clock)
    }
}

/// Returns the id of a signing key, which does not reveal the key.
fn key_id(secret: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"sluice signing key\0");
    hash.update(secret.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..8])
}

/// Decodes a token.
#[must_use]
pub fn read_secret(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hmac::{Hmac, KeyInit as _, Mac as _};
    use sha2::Sha384;

    use super::*;

    fn tokens(clock: &Clock) -> Tokens {
        let config =
            AuthConfig { secret: Secret::new("0123456789abcdef0123456789abcdef"), ..AuthConfig::default() };
        Tokens::new(&config, clock.clone())
    }

    /// A token of an algorithm that we do not have, with a right signature.
    fn sign_hs384(header: &Header, claims: &Claims) -> String {
        let [header, claims] = [serde_json::to_vec(header), serde_json::to_vec(claims)]
            .map(|part| URL_SAFE_NO_PAD.encode(part.unwrap()));
        let message = format!("{header}.{claims}");
        let mac = Hmac::<Sha384>::new_from_slice(b"0123456789abcdef0123456789abcdef").unwrap();
        let signature = mac.chain_update(&message).finalize().into_bytes();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
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
    fn other_algorithms_keys_and_types_are_refused() {
        let clock = Clock::manual(1_700_000_000_000);
        let tokens = tokens(&clock);
        let pair = tokens.pair(Uuid::nil(), 7, "ann", &[0; 32]).unwrap();
        let claims = tokens.read_access(&pair.access).unwrap();
        let secret = EncodingKey::from_secret(b"0123456789abcdef0123456789abcdef");
        let signed = |header: &Header, claims: &Claims, key: &EncodingKey| {
            tokens.read_access(&jsonwebtoken::encode(header, claims, key).unwrap())
        };
        assert!(signed(&tokens.header, &claims, &secret).is_some());
        let other_algorithm = Header { alg: Algorithm::HS384, ..tokens.header.clone() };
        assert_eq!(tokens.read_access(&sign_hs384(&other_algorithm, &claims)), None);
        let other_key = EncodingKey::from_secret(b"another secret of at least 32 bytes");
        assert_eq!(signed(&tokens.header, &claims, &other_key), None);
        for kid in
            [None, Some(String::new()), Some("unknown".to_owned()), Some("../../etc/passwd".to_owned())]
        {
            assert_eq!(signed(&Header { kid, ..tokens.header.clone() }, &claims, &secret), None);
        }
        let refresh = Claims { token_type: "refresh".to_owned(), ..claims };
        assert_eq!(signed(&tokens.header, &refresh, &secret), None);
    }

    #[test]
    fn a_changed_header_or_body_is_refused() {
        let clock = Clock::manual(1_700_000_000_000);
        let tokens = tokens(&clock);
        let access = tokens.pair(Uuid::nil(), 7, "ann", &[0; 32]).unwrap().access;
        let parts: Vec<&str> = access.split('.').collect();
        let kid = tokens.header.kid.clone().unwrap();
        // Without a signature, with a wrong one, and with our key as the public half of another
        // type.
        for (algorithm, signature) in
            [("none", ""), ("none", parts[2]), ("RS256", parts[2]), ("ES256", parts[2])]
        {
            let header = format!(r#"{{"typ":"JWT","alg":"{algorithm}","kid":"{kid}"}}"#);
            let forged = format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), parts[1]);
            assert_eq!(tokens.read_access(&forged), None, "{algorithm}");
        }
        let mut claims = tokens.read_access(&access).unwrap();
        claims.user_id = 1;
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap());
        assert_eq!(tokens.read_access(&format!("{}.{body}.{}", parts[0], parts[2])), None);
        assert_eq!(tokens.read_access(&access[..access.len() - 1]), None);
    }

    #[test]
    fn tokens_of_a_previous_secret_are_valid_until_it_is_removed() {
        let clock = Clock::manual(1_700_000_000_000);
        let access = tokens(&clock).pair(Uuid::nil(), 7, "ann", &[0; 32]).unwrap().access;
        let mut config =
            AuthConfig { secret: Secret::new("the next secret, 32 bytes at least"), ..AuthConfig::default() };
        assert_eq!(Tokens::new(&config, clock.clone()).read_access(&access), None);
        config.previous_secrets = vec![Secret::new("0123456789abcdef0123456789abcdef")];
        let rotated = Tokens::new(&config, clock.clone());
        assert!(rotated.read_access(&access).is_some());
        let newer = rotated.pair(Uuid::nil(), 7, "ann", &[0; 32]).unwrap().access;
        assert!(rotated.read_access(&newer).is_some());
        assert_eq!(tokens(&clock).read_access(&newer), None);
    }
}
