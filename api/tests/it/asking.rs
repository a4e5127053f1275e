//! More ways to ask a [`World`], and to look at what it wrote into the audit trail.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use serde_json::Value;

use crate::world::{Answer, Person, World};

impl World {
    /// Any method, with a JSON body unless it is null.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &Value, person: &Person) -> Answer {
        self.call(method, path, body, person, "").await
    }

    /// The same, of the version that was read.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        person: &Person,
        if_match: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(AUTHORIZATION, format!("Bearer {}", person.token));
        if !if_match.is_empty() {
            request = request.header(IF_MATCH, if_match);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header(CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        };
        self.send(request.body(body).unwrap()).await
    }

    /// The audit trail of a resource's row: actor, verb, before, after; the oldest first, logins left out.
    pub(crate) async fn trail(&self, resource: &str, id: i64) -> Vec<String> {
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
