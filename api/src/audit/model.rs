//! Requests and responses of the audit trail.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::db::audit::AuditRow;
use crate::http::json_values;

/// A line of the trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditLineResponse {
    pub id: i64,
    pub at: String,
    /// Null for the system, its command line, and callers who were not logged in.
    pub actor_id: Option<i64>,
    pub actor_name: String,
    pub address: String,
    /// `api`, `page`, `cli` or `system`.
    pub via: String,
    pub request_id: String,
    /// `create`, `update`, `delete`, `login` and so on.
    pub verb: String,
    /// Like in paths: `users`, `funds/requests`.
    pub resource: String,
    pub resource_id: String,
    /// For an update, only the fields that changed.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
}

impl From<AuditRow> for AuditLineResponse {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            at: json_values::time(row.at.timestamp_millis()),
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            address: row.address,
            via: row.via,
            request_id: row.request_id,
            verb: row.verb,
            resource: row.resource,
            resource_id: row.resource_id,
            before: row.before,
            after: row.after,
        }
    }
}
