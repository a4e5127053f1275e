//! Reads the audit trail in Postgres. `audit::record` writes it.
//!
//! Only the order of time has indexes. Every other order reads all lines that match the filters.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgConnection, PgPool};

use crate::db::list_query::{Keyed, ListQuery};
use crate::db::sort::{Column, Key, Order, Sorting};

/// A line of the audit trail.
#[derive(Debug, FromRow)]
pub struct AuditRow {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub actor_id: Option<i64>,
    pub actor_name: String,
    pub address: String,
    pub via: String,
    pub request_id: String,
    pub verb: String,
    pub resource: String,
    pub resource_id: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Filters of a list of lines. `None` matches every line.
#[derive(Debug, Clone)]
pub struct AuditFilter {
    pub actor_id: Option<i64>,
    pub resource: Option<String>,
    pub resource_id: Option<String>,
    pub verb: Option<String>,
    /// `from` and `to` are both included.
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// An `ILIKE` pattern of a name, an address, an id or a value.
    pub q: Option<String>,
}

/// Lets the commit return before its data is on disk.
pub async fn commit_without_sync(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SET LOCAL synchronous_commit = off").execute(connection).await?;
    Ok(())
}

pub const SORTING: Sorting = Sorting::new(
    "-at",
    &[Key::number("id")],
    &[
        Column::new("at", &[Key::time("at")]),
        Column::new("id", &[]),
        Column::new("actor_name", &[Key::text("lower(actor_name)")]),
        Column::new("address", &[Key::text("address")]),
        Column::new("via", &[Key::text("via")]),
        Column::new("verb", &[Key::text("verb")]),
        Column::new("resource", &[Key::text("resource"), Key::text("resource_id")]),
    ],
);

/// Lists lines of the trail.
pub async fn list(pool: &PgPool, filter: &AuditFilter, order: &Order) -> sqlx::Result<Vec<Keyed<AuditRow>>> {
    let columns =
        "id, at, actor_id, actor_name, address, via, request_id, verb, resource, resource_id, before, after";
    ListQuery::new(order, columns, "audit_log")
        .when("at >= ?", Some(filter.from))
        .when("at <= ?", Some(filter.to))
        .when("actor_id = ?", filter.actor_id)
        .when("resource = ?", filter.resource.as_deref())
        .when("resource_id = ?", filter.resource_id.as_deref())
        .when("verb = ?", filter.verb.as_deref())
        .when("audit_text(audit_log) ILIKE ?", filter.q.as_deref())
        .fetch(pool)
        .await
}
