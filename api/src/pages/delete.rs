//! `/<things>/<id>/delete/`: a page that says what a deletion removes and what it leaves.

use askama::Template;
use axum::http::Method;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use crate::http::allowed::Form;
use crate::http::error::ApiError;
use crate::http::in_process::{Api, Reply, Sent};
use crate::http::notice::redirect_with_undo;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::path_id::PathText;
use crate::pages::calls::{escaped, find, messages};
use crate::pages::entity::Entity;
use crate::pages::site::Site;
use crate::pages::table::name_of;

/// A thing with more items than this is deleted only by a person who types their number.
const MAX_UNTYPED: usize = 20;

#[derive(Template)]
#[template(path = "delete.html")]
struct DeletePage {
    frame: Frame,
    entity: &'static Entity,
    title: String,
    action: String,
    cancel_href: String,
    csrf: String,
    version: String,
    /// The number of items, and their word.
    counted: Option<(usize, &'static str)>,
    is_typed: bool,
    errors: Vec<String>,
}

/// Shows what would be deleted.
///
/// # Errors
/// 404 for a thing that does not exist or is out of scope.
pub async fn show(
    entity: &'static Entity,
    site: Site,
    id: Result<PathText, ApiError>,
    api: Api,
) -> Result<Response, PageError> {
    let PathText(id) = id?;
    let thing = find(&api, entity, &id).await?;
    render(&page(&api, entity, site, &id, &thing, Vec::new()))
}

/// Deletes a thing.
///
/// # Errors
/// An error that is not about the form.
pub async fn submit(
    entity: &'static Entity,
    site: Site,
    id: Result<PathText, ApiError>,
    api: Api,
    form: Form,
) -> Result<Response, PageError> {
    let PathText(id) = id?;
    let thing = find(&api, entity, &id).await?;
    let counted = count(entity, &thing.body);
    if let Some((n, word)) =
        counted.filter(|(n, _)| *n > MAX_UNTYPED && form.text("typed").trim() != n.to_string())
    {
        let error = ApiError::field("typed", format!("Type {n}, the number of {word}."));
        return failed(&api, entity, site, &id, &thing, &error);
    }
    let version = Some(form.text("version").to_owned()).filter(|version| !version.is_empty());
    let path = format!("/api/{}/delete/{}/", entity.path(), escaped(&id));
    match api.call(Method::DELETE, &path, Sent { version, ..Sent::default() }).await {
        Ok(_) => {
            let notice = format!("Deleted {} {}.", entity.one, name_of(entity, &thing.body));
            let undo = entity.is_restored.then(|| format!("{}restore/", site.thing(entity, &id)));
            Ok(redirect_with_undo(&site.list(entity), &notice, undo.as_deref()))
        }
        Err(error) if error.status().is_client_error() => failed(&api, entity, site, &id, &thing, &error),
        Err(error) => Err(error.into()),
    }
}

fn failed(
    api: &Api,
    entity: &'static Entity,
    site: Site,
    id: &str,
    thing: &Reply,
    error: &ApiError,
) -> Result<Response, PageError> {
    let errors = messages(error).into_values().flatten().collect();
    Ok((error.status(), render(&page(api, entity, site, id, thing, errors))?).into_response())
}

fn page(
    api: &Api,
    entity: &'static Entity,
    site: Site,
    id: &str,
    thing: &Reply,
    errors: Vec<String>,
) -> DeletePage {
    let counted = count(entity, &thing.body);
    let path = site.thing(entity, id);
    DeletePage {
        frame: Frame::new(api.caller(), Section::of(entity.resource, site == Site::Admin)),
        entity,
        title: name_of(entity, &thing.body),
        action: format!("{path}delete/"),
        cancel_href: path,
        csrf: Frame::csrf(api.caller()),
        version: thing.version.clone().unwrap_or_default(),
        is_typed: counted.is_some_and(|(n, _)| n > MAX_UNTYPED),
        counted,
        errors,
    }
}

fn count(entity: &Entity, thing: &Value) -> Option<(usize, &'static str)> {
    let (key, word) = entity.counted?;
    Some((thing.get(key)?.as_array()?.len(), word))
}
