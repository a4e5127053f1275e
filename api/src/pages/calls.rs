//! The calls of the API that all pages of entities make.

use serde_json::Value;

use crate::http::error::ApiError;
use crate::http::in_process::{Api, Reply};
use crate::http::query::with_param;
use crate::pages::entity::Entity;
use crate::pages::form::Messages;

/// Asks the API for a thing.
///
/// # Errors
/// The error of the API.
pub async fn find(api: &Api, entity: &Entity, id: &str) -> Result<Reply, ApiError> {
    api.get(&format!("/api/{}/detail/{}/", entity.path(), escaped(id))).await
}

/// Returns an id as a part of a path. An id has only letters, digits and hyphens.
#[must_use]
pub fn escaped(id: &str) -> String {
    id.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '-').collect()
}

/// Asks the API for the rows of a list. Returns them with the cursor of the next page.
///
/// # Errors
/// The error of the API.
pub async fn rows(
    api: &Api,
    entity: &Entity,
    query: Option<&str>,
    limit: u32,
) -> Result<(Vec<Value>, Option<String>), ApiError> {
    let query = with_param(query, "per_page", None);
    let query = with_param(Some(&query), "limit", Some(&limit.to_string()));
    let more = entity.list_query;
    let reply = api.get(&format!("/api/{}/list/?{query}{more}", entity.path())).await?;
    let Value::Array(items) = reply.body else {
        return Err(ApiError::bug("the answer of a list is not an array"));
    };
    Ok((items, reply.next))
}

/// Returns the messages of an error by field.
#[must_use]
pub fn messages(error: &ApiError) -> Messages {
    let whole = || Messages::from([("non_field_errors".to_owned(), vec![error.sentence()])]);
    error.messages().cloned().unwrap_or_else(whole)
}
