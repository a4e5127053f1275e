//! Traffic sources in Postgres.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};

use crate::db::list_query::{Keyed, ListQuery, NamedFilter};
use crate::db::sort::{Column, Key, Order, Sorting};

/// The constraint that keeps names unique, ignoring case.
pub const NAME_UNIQUE: &str = "sources_name_unique";

/// A source.
#[derive(Debug, Clone, FromRow)]
pub struct SourceRow {
    pub id: i64,
    pub name: String,
    pub click_id_param: String,
    pub macros: Json<BTreeMap<String, String>>,
    pub version: i64,
    pub archived_at: Option<DateTime<Utc>>,
}

/// The columns of a source to insert or update.
#[derive(Debug, Clone)]
pub struct NewSource {
    pub name: String,
    pub click_id_param: String,
    pub macros: BTreeMap<String, String>,
}

pub const SORTING: Sorting = Sorting::new(
    "name",
    &[Key::number("id")],
    &[
        Column::new("name", &[Key::text("lower(name)")]),
        Column::new("id", &[]),
        Column::new("click_id_param", &[Key::text("click_id_param")]),
        Column::new("created_at", &[Key::time("created_at")]),
        Column::new("archived_at", &[Key::time("archived_at").or_null()]),
    ],
);

const COLUMNS: &str = "id, name, click_id_param, macros, version, archived_at";

pub async fn list(pool: &PgPool, filter: &NamedFilter, order: &Order) -> sqlx::Result<Vec<Keyed<SourceRow>>> {
    ListQuery::new(order, COLUMNS, "sources")
        .archived("archived_at", filter.is_archived)
        .for_each("name ILIKE ?", &filter.q)
        .fetch(pool)
        .await
}

/// Finds a source that is not archived.
pub async fn find(executor: impl PgExecutor<'_>, id: i64) -> sqlx::Result<Option<SourceRow>> {
    let query = ListQuery::one(COLUMNS, "sources").archived("archived_at", false);
    query.when("id = ?", Some(id)).fetch_one(executor).await
}

/// Finds a source and locks it until the transaction ends.
pub async fn lock_exclusive(connection: &mut PgConnection, id: i64) -> sqlx::Result<Option<SourceRow>> {
    sqlx::query!("SELECT id FROM sources WHERE id = $1 FOR NO KEY UPDATE", id)
        .fetch_optional(&mut *connection)
        .await?;
    find(connection, id).await
}

/// Inserts a source and returns its id.
///
/// # Errors
/// A violation of [`NAME_UNIQUE`].
pub async fn insert(connection: &mut PgConnection, source: &NewSource) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO sources (name, click_id_param, macros) VALUES ($1, $2, $3) RETURNING id",
        source.name,
        source.click_id_param,
        Json(&source.macros) as _,
    )
    .fetch_one(connection)
    .await
}

/// # Errors
/// A violation of [`NAME_UNIQUE`].
pub async fn update(connection: &mut PgConnection, id: i64, source: &NewSource) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sources SET name = $2, click_id_param = $3, macros = $4, version = version + 1 WHERE id = $1",
        id,
        source.name,
        source.click_id_param,
        Json(&source.macros) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Hides a source from all lists. Campaigns that refer to it keep it.
pub async fn archive(connection: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sources SET archived_at = clock_timestamp(), version = version + 1 WHERE id = $1",
        id
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Brings an archived source back. Returns false if there is none with this id.
///
/// # Errors
/// A violation of [`NAME_UNIQUE`].
pub async fn restore(connection: &mut PgConnection, id: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE sources SET archived_at = NULL, version = version + 1 WHERE id = $1 AND archived_at IS NOT NULL",
        id
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
