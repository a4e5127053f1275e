//! Reads the audit trail in Postgres, newest line first. `audit::record` writes it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use crate::db::begin_with_custom_plans;

/// A line of the audit trail.
#[derive(Debug)]
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
    /// A part of a name, an address, an id or a value.
    pub q: Option<String>,
    /// The id of the last line of the previous page.
    pub after: Option<i64>,
    pub limit: i64,
}

/// Lets the commit return before its data is on disk.
pub async fn commit_without_sync(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SET LOCAL synchronous_commit = off").execute(connection).await?;
    Ok(())
}

/// Lists lines of the trail.
pub async fn list(pool: &PgPool, filter: &AuditFilter) -> sqlx::Result<Vec<AuditRow>> {
    let mut planned = begin_with_custom_plans(pool).await?;
    sqlx::query_as!(
        AuditRow,
        "SELECT id, at, actor_id, actor_name, address, via, request_id, verb, resource, resource_id, before, after
         FROM audit_log
         WHERE at BETWEEN $1 AND $2
           AND ($3::bigint IS NULL OR actor_id = $3)
           AND ($4::text IS NULL OR resource = $4)
           AND ($5::text IS NULL OR resource_id = $5)
           AND ($6::text IS NULL OR verb = $6)
           AND ($7::text IS NULL OR audit_text(audit_log) ILIKE $7)
           AND ($8::bigint IS NULL OR (at, id) < (SELECT last.at, last.id FROM audit_log last WHERE last.id = $8))
         ORDER BY at DESC, id DESC LIMIT $9",
        filter.from,
        filter.to,
        filter.actor_id,
        filter.resource,
        filter.resource_id,
        filter.verb,
        filter.q.as_deref().map(crate::db::like_pattern),
        filter.after,
        filter.limit,
    )
    .fetch_all(&mut *planned)
    .await
}
