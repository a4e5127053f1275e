//! Partners in Postgres.

use std::collections::BTreeMap;

use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::db::name_filter::NameFilter;

/// The constraint that keeps names unique, ignoring case.
pub const NAME_UNIQUE: &str = "partners_name_unique";

/// A partner that is not archived.
#[derive(Debug, Clone)]
pub struct PartnerRow {
    pub id: i64,
    pub name: String,
    /// The sort key.
    pub name_key: String,
    pub currency: String,
    pub status_map: Json<BTreeMap<String, String>>,
    pub version: i64,
}

/// The columns of a partner to insert or update.
#[derive(Debug, Clone)]
pub struct NewPartner {
    pub name: String,
    pub currency: String,
    pub status_map: BTreeMap<String, String>,
}

/// Lists partners by name.
pub async fn list(pool: &PgPool, filter: &NameFilter) -> sqlx::Result<Vec<PartnerRow>> {
    macro_rules! page {
        ($after:literal, $order:literal) => {
            sqlx::query_as!(
                PartnerRow,
                r#"SELECT id, name, lower(name) AS "name_key!", currency, status_map AS "status_map: Json<BTreeMap<String, String>>",
                          version
                   FROM partners
                   WHERE archived_at IS NULL AND ($1::text IS NULL OR name ILIKE $1) AND ($2::text IS NULL OR "#
                    + $after
                    + ") ORDER BY "
                    + $order
                    + " LIMIT $4",
                filter.q.as_deref(),
                filter.after_name(),
                filter.after_id(),
                filter.n_rows(),
            )
            .fetch_all(pool)
            .await
        };
    }
    if filter.is_descending {
        page!("(lower(name), id) < ($2, $3::bigint)", "lower(name) DESC, id DESC")
    } else {
        page!("(lower(name), id) > ($2, $3::bigint)", "lower(name), id")
    }
}

pub async fn find(executor: impl PgExecutor<'_>, id: i64) -> sqlx::Result<Option<PartnerRow>> {
    sqlx::query_as!(
        PartnerRow,
        r#"SELECT id, name, lower(name) AS "name_key!", currency, status_map AS "status_map: Json<BTreeMap<String, String>>",
                  version
           FROM partners WHERE id = $1 AND archived_at IS NULL"#,
        id
    )
    .fetch_optional(executor)
    .await
}

/// Finds a partner and locks it until the transaction ends.
pub async fn lock_exclusive(connection: &mut PgConnection, id: i64) -> sqlx::Result<Option<PartnerRow>> {
    sqlx::query!("SELECT id FROM partners WHERE id = $1 FOR NO KEY UPDATE", id)
        .fetch_optional(&mut *connection)
        .await?;
    find(connection, id).await
}

/// Inserts a partner and returns its id.
///
/// # Errors
/// A violation of [`NAME_UNIQUE`].
pub async fn insert(connection: &mut PgConnection, partner: &NewPartner) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO partners (name, currency, status_map) VALUES ($1, $2, $3) RETURNING id",
        partner.name,
        partner.currency,
        Json(&partner.status_map) as _,
    )
    .fetch_one(connection)
    .await
}

/// # Errors
/// A violation of [`NAME_UNIQUE`].
pub async fn update(connection: &mut PgConnection, id: i64, partner: &NewPartner) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE partners SET name = $2, currency = $3, status_map = $4, version = version + 1 WHERE id = $1",
        id,
        partner.name,
        partner.currency,
        Json(&partner.status_map) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Hides a partner from all lists. Campaigns that refer to it keep it.
pub async fn archive(connection: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE partners SET archived_at = clock_timestamp(), version = version + 1 WHERE id = $1",
        id
    )
    .execute(connection)
    .await?;
    Ok(())
}
