//! Tracking keys in Postgres. Current keys of a campaign have no end; the others have an end in the
//! future or in the past.
//!
//! Callers hold the exclusive lock of the campaign.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use sluice_schemas::tracking_key;
use sqlx::{PgConnection, PgPool};

/// A key of a campaign.
#[derive(Debug, Clone, Deserialize)]
pub struct KeyRow {
    pub key: String,
    pub created_at: DateTime<Utc>,
    /// Events with this key that are later than this are parked.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it has not ended, by the database's clock.
    pub is_valid: bool,
}

/// Returns the campaign of a key, also of an expired one.
pub async fn campaign_of(pool: &PgPool, key: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT campaign_id FROM tracking_keys WHERE key = $1", key)
        .fetch_optional(pool)
        .await
}

/// Creates a current key and returns it.
pub async fn insert(connection: &mut PgConnection, campaign_id: i64) -> sqlx::Result<String> {
    let key = tracking_key::generate();
    sqlx::query!(
        "INSERT INTO tracking_keys (key, campaign_id, created_at) VALUES ($1, $2, clock_timestamp())",
        key,
        campaign_id
    )
    .execute(connection)
    .await?;
    Ok(key)
}

/// Lets all keys of a campaign end in `hours`, except those that end earlier.
pub async fn expire_all(connection: &mut PgConnection, campaign_id: i64, hours: i32) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE tracking_keys SET expires_at = clock_timestamp() + make_interval(hours => $2)
         WHERE campaign_id = $1
           AND (expires_at IS NULL OR expires_at > clock_timestamp() + make_interval(hours => $2))",
        campaign_id,
        hours
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends a key now.
pub async fn expire(connection: &mut PgConnection, campaign_id: i64, key: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE tracking_keys SET expires_at = clock_timestamp() WHERE campaign_id = $1 AND key = $2",
        campaign_id,
        key
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends all keys of an archived campaign at the moment when it was archived.
pub async fn expire_with_campaign(connection: &mut PgConnection, campaign_id: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE tracking_keys SET expires_at = archived_at FROM campaigns
         WHERE campaign_id = $1 AND campaigns.id = $1 AND (expires_at IS NULL OR expires_at > archived_at)",
        campaign_id
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes the newest key of an archived campaign valid again, if it ended with the campaign. Returns
/// false if there is none.
pub async fn revive_newest(connection: &mut PgConnection, campaign_id: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE tracking_keys SET expires_at = NULL
         WHERE key = (SELECT key FROM tracking_keys JOIN campaigns ON campaigns.id = campaign_id
                      WHERE campaign_id = $1 AND expires_at = archived_at
                      ORDER BY tracking_keys.created_at DESC, key LIMIT 1)",
        campaign_id
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
