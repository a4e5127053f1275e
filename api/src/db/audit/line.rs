//! The audit trail: the actor, address, and old and new values of every change. A line is written
//! in the transaction of its change, so that neither exists without the other.
//!
//! Invariant: a line never contains a secret, a password or a hash of one. Callers pass the values
//! of API responses.

use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::PgConnection;

use crate::policy::Resource;

/// The actor of a change, as the trail stores it.
#[derive(Debug, Clone)]
pub struct Actor {
    /// `None`: the system, its command line, or a caller who is not logged in.
    pub user_id: Option<i64>,
    pub username: String,
    pub address: String,
    /// `api`, `page`, `cli` or `system`.
    pub via: &'static str,
    pub request_id: String,
}

impl Actor {
    /// Returns the actor of the service's command line.
    #[must_use]
    pub fn cli() -> Self {
        Self {
            user_id: None,
            username: "command line".to_owned(),
            address: String::new(),
            via: "cli",
            request_id: String::new(),
        }
    }
}

impl Actor {
    /// Adds the user, who is only known after a login or a registration.
    #[must_use]
    pub fn known_as(&self, user_id: i64, username: &str) -> Self {
        Self { user_id: Some(user_id), username: username.to_owned(), ..self.clone() }
    }
}

/// The values of a resource before and after a change.
#[derive(Debug, Clone, Default)]
pub struct Diff {
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl Diff {
    /// A resource was created.
    #[must_use]
    pub fn created(after: &impl Serialize) -> Self {
        Self { before: None, after: serde_json::to_value(after).ok() }
    }

    /// A resource was deleted.
    #[must_use]
    pub fn deleted(before: &impl Serialize) -> Self {
        Self { before: serde_json::to_value(before).ok(), after: None }
    }

    /// An event with these facts.
    #[must_use]
    pub fn noted(facts: Value) -> Self {
        Self { before: None, after: Some(facts) }
    }

    /// A resource was updated. Keeps only the fields that changed.
    #[must_use]
    pub fn updated(before: &impl Serialize, after: &impl Serialize) -> Self {
        let (before, after) = (object(before), object(after));
        let differs = |name: &String| before.get(name) != after.get(name);
        let part = |whole: &Map<String, Value>| {
            let fields = whole.iter().filter(|(name, _)| differs(name));
            Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
        };
        Self { before: Some(part(&before)), after: Some(part(&after)) }
    }

    /// Returns whether an update changed nothing, so that it needs no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let is_blank = |side: &Option<Value>| {
            side.as_ref().is_none_or(|value| value.as_object().is_some_and(Map::is_empty))
        };
        is_blank(&self.before) && is_blank(&self.after)
    }
}

fn object(thing: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(thing) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The target of the lines of the security log.
pub const TARGET: &str = "sluice_api::security";

/// Writes a line, in the caller's transaction. A line about an account or a token, and an export,
/// is in the security log too. `verb` is `create`, `update`, `delete`, `approve`
/// and so on.
pub async fn record(
    connection: &mut PgConnection,
    actor: &Actor,
    verb: &str,
    resource: Resource,
    resource_id: impl ToString,
    diff: Diff,
) -> sqlx::Result<()> {
    let resource_id = resource_id.to_string();
    // `login-failed` has a line of its own, also for unknown accounts.
    if (resource == Resource::Users && verb != "login-failed") || verb == "export" {
        tracing::info!(
            target: TARGET,
            event = verb,
            resource = resource.as_str(),
            resource_id,
            actor_id = actor.user_id,
            address = actor.address,
            via = actor.via,
            "recorded"
        );
    }
    sqlx::query!(
        "INSERT INTO audit_log (actor_id, actor_name, address, via, request_id, verb, resource, resource_id, before, after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        actor.user_id,
        actor.username,
        actor.address,
        actor.via,
        actor.request_id,
        verb,
        resource.as_str(),
        resource_id,
        diff.before,
        diff.after,
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_update_keeps_the_fields_that_changed() {
        let diff = Diff::updated(&json!({"name": "a", "lead": 1}), &json!({"name": "b", "lead": 1}));
        assert_eq!((diff.before, diff.after), (Some(json!({"name": "a"})), Some(json!({"name": "b"}))));
        assert!(Diff::updated(&json!({"a": 1}), &json!({"a": 1})).is_empty());
        assert!(!Diff::created(&json!({"a": 1})).is_empty());
    }
}
