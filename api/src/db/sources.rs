//! Traffic sources in Postgres.

use std::collections::BTreeMap;

use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::db::name_filter::NameFilter;

/// The constraint that keeps names unique, ignoring case.
pub const NAME_UNIQUE: &str = "sources_name_unique";

/// A source that is not archived.
#[derive(Debug, Clone)]
pub struct SourceRow {
    pub id: i64,
    pub name: String,
    /// The sort key.
    pub name_key: String,
    pub click_id_param: String,
    pub macros: Json<BTreeMap<String, String>>,
    pub version: i64,
}

/// The columns of a source to insert or update.
#[derive(Debug, Clone)]
pub struct NewSource {
    pub name: String,
    pub click_id_param: String,
    pub macros: BTreeMap<String, String>,
}

/// Lists sources by name.
pub async fn list(pool: &PgPool, filter: &NameFilter) -> sqlx::Result<Vec<SourceRow>> {
    macro_rules! page {
        ($after:literal, $order:literal) => {
            sqlx::query_as!(
                SourceRow,
                r#"SELECT id, name, lower(name) AS "name_key!", click_id_param, macros AS "macros: Json<BTreeMap<String, String>>",
                          version
                   FROM sources
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

pub async fn find(executor: impl PgExecutor<'_>, id: i64) -> sqlx::Result<Option<SourceRow>> {
    sqlx::query_as!(
        SourceRow,
        r#"SELECT id, name, lower(name) AS "name_key!", click_id_param, macros AS "macros: Json<BTreeMap<String, String>>",
                  version
           FROM sources WHERE id = $1 AND archived_at IS NULL"#,
        id
    )
    .fetch_optional(executor)
    .await
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
