//! Partners in Postgres.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};

use crate::db::list_query::{Keyed, ListQuery, NamedFilter};
use crate::db::sort::{Column, Key, Order, Sorting};

/// The constraint that keeps names unique, ignoring case.
pub const NAME_UNIQUE: &str = "partners_name_unique";

/// A partner.
#[derive(Debug, Clone, FromRow)]
pub struct PartnerRow {
    pub id: i64,
    pub name: String,
    pub currency: String,
    pub status_map: Json<BTreeMap<String, String>>,
    pub version: i64,
    pub archived_at: Option<DateTime<Utc>>,
}

/// The columns of a partner to insert or update.
#[derive(Debug, Clone)]
pub struct NewPartner {
    pub name: String,
    pub currency: String,
    pub status_map: BTreeMap<String, String>,
}

pub const SORTING: Sorting = Sorting::new(
    "name",
    &[Key::number("id")],
    &[
        Column::new("name", &[Key::text("lower(name)")]),
        Column::new("id", &[]),
        Column::new("currency", &[Key::text("currency")]),
        Column::new("created_at", &[Key::time("created_at")]),
        Column::new("archived_at", &[Key::time("archived_at").or_null()]),
    ],
);

const COLUMNS: &str = "id, name, currency, status_map, version, archived_at";

pub async fn list(
    pool: &PgPool,
    filter: &NamedFilter,
    order: &Order,
) -> sqlx::Result<Vec<Keyed<PartnerRow>>> {
    ListQuery::new(order, COLUMNS, "partners")
        .archived("archived_at", filter.is_archived)
        .for_each("name ILIKE ?", &filter.q)
        .fetch(pool)
        .await
}

/// Finds a partner that is not archived.
pub async fn find(executor: impl PgExecutor<'_>, id: i64) -> sqlx::Result<Option<PartnerRow>> {
    let query = ListQuery::one(COLUMNS, "partners").archived("archived_at", false);
    query.when("id = ?", Some(id)).fetch_one(executor).await
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

/// Brings an archived partner back. Returns false if there is none with this id.
///
/// # Errors
/// A violation of [`NAME_UNIQUE`].
pub async fn restore(connection: &mut PgConnection, id: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE partners SET archived_at = NULL, version = version + 1 WHERE id = $1 AND archived_at IS NOT NULL",
        id
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
