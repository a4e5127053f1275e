//! More requests to a [`World`], and a look at its audit trail.

use serde_json::Value;

use crate::world::{Answer, Person, World};

impl World {
    /// Sends a request with any method, with a JSON body unless it is null.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &Value, person: &Person) -> Answer {
        self.call(method, path, body, person, "").await
    }

    /// Returns the audit trail of one row, oldest line first and without logins: actor, verb,
    /// before, after.
    pub(crate) async fn trail(&self, resource: &str, id: impl std::fmt::Display) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT actor_name || ' ' || verb || ' ' || coalesce(before::text, '-') || ' ' || coalesce(after::text, '-')
             FROM audit_log WHERE resource = $1 AND resource_id = $2 AND verb <> 'login' ORDER BY id",
        )
        .bind(resource)
        .bind(id.to_string())
        .fetch_all(&self.app.postgres)
        .await
        .unwrap()
    }
}
