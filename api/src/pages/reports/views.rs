//! Saved reports on the page: the menu, and the forms that save, delete and star them.

use axum::extract::Path;
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use crate::dates::control::NAMES;
use crate::http::allowed::Form;
use crate::http::error::ApiError;
use crate::http::in_process::{Api, Sent};
use crate::http::notice::redirect;
use crate::http::page::PageError;
use crate::pages::calls::messages;
use crate::pages::reports::address::Address;

/// A saved report in the menu.
pub(super) struct SavedView {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) href: String,
    /// The username of its owner, if that is another person.
    pub(super) author: Option<String>,
    pub(super) is_published: bool,
    pub(super) is_starred: bool,
    pub(super) is_current: bool,
}

#[derive(Deserialize)]
struct ViewAnswer {
    id: i64,
    name: String,
    query: String,
    is_published: bool,
    is_starred: bool,
    is_own: bool,
    username: String,
}

/// Asks for the saved reports. `address` is that of the page.
///
/// # Errors
/// The error of the API.
pub(super) async fn load(api: &Api, address: &Address) -> Result<Vec<SavedView>, ApiError> {
    let reply = api.get("/api/views/list/").await?;
    let views: Vec<ViewAnswer> =
        serde_json::from_value(reply.body).map_err(|error| ApiError::internal(&error))?;
    let current = address.get("view").and_then(|id| id.parse::<i64>().ok());
    let view = |view: ViewAnswer| SavedView {
        href: Address::parse(&view.query).with("view", &view.id.to_string()).href(),
        author: (!view.is_own).then_some(view.username),
        is_current: current == Some(view.id),
        id: view.id,
        name: view.name,
        is_published: view.is_published,
        is_starred: view.is_starred,
    };
    Ok(views.into_iter().map(view).collect())
}

/// `POST /reports/views/`: saves the report of the page.
///
/// # Errors
/// The error of the API, unless the name is wrong: then the page says so.
pub async fn submit_view(api: Api, form: Form) -> Result<Response, PageError> {
    let address = Address::parse(form.text("query")).without(&["view"]);
    let saved = if form.has("with_dates") { address.clone() } else { address.clone().without(&NAMES) };
    let body = json!({
        "name": form.text("name"), "query": saved.query(), "is_published": form.has("is_published"),
    });
    let key = form.text("idempotency_key");
    let idempotency_key = (!key.is_empty()).then(|| key.to_owned());
    let sent = Sent { body, idempotency_key, ..Sent::default() };
    match api.call(Method::POST, "/api/views/create/", sent).await {
        Ok(reply) => {
            let id = reply.body.get("id").and_then(serde_json::Value::as_i64).unwrap_or_default();
            Ok(redirect(&address.with("view", &id.to_string()).href(), "The view is saved."))
        }
        Err(error) if error.status().is_client_error() => {
            let texts: Vec<String> = messages(&error).into_values().flatten().collect();
            Ok(redirect(&address.href(), &format!("The view was not saved. {}", texts.join(" "))))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /reports/views/<id>/delete/`, `…/star/` and `…/unstar/`.
///
/// # Errors
/// The error of the API.
pub async fn submit_action(
    Path((id, action)): Path<(i64, String)>,
    api: Api,
    form: Form,
) -> Result<Response, PageError> {
    let (method, path, notice) = match action.as_str() {
        "delete" => (Method::DELETE, format!("/api/views/delete/{id}/"), "The view is deleted."),
        "star" => (Method::POST, format!("/api/views/{id}/star/"), "Reports start with this view."),
        "unstar" => (Method::POST, format!("/api/views/{id}/unstar/"), "Reports start by day."),
        _ => return Err(ApiError::not_found().into()),
    };
    api.call(method, &path, Sent::default()).await?;
    let address = Address::parse(form.text("query"));
    let address = if action == "delete" { address.without(&["view"]) } else { address };
    Ok(redirect(&address.href(), notice))
}
