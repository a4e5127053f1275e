//! Requests and checks that the tests of changes share.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use serde_json::Value;

use crate::world::{Answer, Person, World};

impl World {
    /// Sends a request with a JSON body as a person, and `If-Match` unless `if_match` is empty.
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
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.header(CONTENT_TYPE, "application/json").body(body).unwrap()).await
    }

    /// Returns the lines of the audit trail about a resource: verb, actor, before, after.
    pub(crate) async fn audit(&self, resource: &str) -> Vec<String> {
        let rows: Vec<(String, String, Option<Value>, Option<Value>)> = sqlx::query_as(
            "SELECT verb || ' ' || resource_id, actor_name, before, after FROM audit_log WHERE resource = $1 ORDER BY id",
        )
        .bind(resource)
        .fetch_all(&self.app.postgres)
        .await
        .unwrap();
        let text = |side: Option<Value>| side.map_or_else(|| "-".to_owned(), |value| value.to_string());
        rows.into_iter()
            .map(|(what, who, before, after)| format!("{what} by {who}: {} -> {}", text(before), text(after)))
            .collect()
    }
}
