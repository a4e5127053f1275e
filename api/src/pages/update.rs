//! `/<things>/<id>/update/`: the form that edits a thing. It sends only what was changed, with the
//! version that was read. If another person saved meanwhile, the page shows both values.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use crate::http::allowed::Form;
use crate::http::error::ApiError;
use crate::http::in_process::{Api, Sent};
use crate::http::notice::redirect;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::path_id::PathText;
use crate::pages::calls::{escaped, find, messages};
use crate::pages::create::{FormPage, is_about_form, others};
use crate::pages::entity::{Entity, Forms, Input};
use crate::pages::form::{self, Edit, Messages, Texts};
use crate::pages::site::Site;
use crate::pages::table::name_of;

/// The state of the form.
struct State<'a> {
    id: &'a str,
    title: String,
    texts: Texts,
    before: Texts,
    version: String,
    messages: Messages,
    theirs: BTreeMap<&'static str, String>,
}

/// Shows the form with the present values.
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
    let inputs = inputs(entity, &api);
    let texts = form::texts_of(&inputs, &thing.body);
    let state = State {
        id: &id,
        title: name_of(entity, &thing.body),
        before: texts.clone(),
        texts,
        version: thing.version.unwrap_or_default(),
        messages: Messages::new(),
        theirs: BTreeMap::new(),
    };
    render(&page(&api, entity, site, &inputs, state).await?)
}

/// Saves what was changed.
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
    let inputs = inputs(entity, &api);
    let mut edit = Edit::read(&inputs, &form);
    form::resolve(&api, &inputs, &mut edit.texts).await?;
    let sent = Sent {
        body: form::body(&edit.changed, &edit.texts, true),
        version: Some(form.text("version").to_owned()).filter(|version| !version.is_empty()),
        idempotency_key: None,
    };
    let path = format!("/api/{}/update/{}/", entity.path(), escaped(&id));
    let error = match api.call(Method::PATCH, &path, sent).await {
        Ok(_) => return Ok(redirect(&site.thing(entity, &id), "Saved.")),
        Err(error) => error,
    };
    let is_outdated = error.status() == StatusCode::PRECONDITION_FAILED;
    if !is_outdated && !is_about_form(&error) {
        return Err(error.into());
    }
    let thing = find(&api, entity, &id).await?;
    let (mut theirs, mut told) = (BTreeMap::new(), Messages::new());
    let mut version = form.text("version").to_owned();
    if is_outdated {
        theirs = edit.merge(&inputs, form::texts_of(&inputs, &thing.body));
        version = thing.version.clone().unwrap_or_default();
        told.insert("non_field_errors".to_owned(), vec![outdated(&api, entity, &id).await]);
    } else {
        told = messages(&error);
    }
    let state = State {
        id: &id,
        title: name_of(entity, &thing.body),
        texts: edit.texts,
        before: edit.before,
        version,
        messages: told,
        theirs,
    };
    let page = page(&api, entity, site, &inputs, state).await?;
    Ok((error.status(), render(&page)?).into_response())
}

/// Tells who changed the thing last. Only Owners may read the audit trail.
async fn outdated(api: &Api, entity: &Entity, id: &str) -> String {
    let resource = entity.resource.as_str().replace('/', "%2F");
    let path = format!("/api/audit/list/?limit=1&resource={resource}&resource_id={}", escaped(id));
    let line = api.get(&path).await.ok().and_then(|reply| reply.body.get(0).cloned());
    let name = line.as_ref().and_then(|line| line.get("actor_name")).and_then(Value::as_str);
    format!("{} changed this meanwhile. Choose what to keep, and save again.", name.unwrap_or("Somebody"))
}

fn inputs(entity: &'static Entity, api: &Api) -> Vec<&'static Input> {
    form::inputs(entity.inputs, Forms::Update, api.caller().viewer.position)
}

async fn page(
    api: &Api,
    entity: &'static Entity,
    site: Site,
    inputs: &[&'static Input],
    state: State<'_>,
) -> Result<FormPage, ApiError> {
    let path = site.thing(entity, state.id);
    Ok(FormPage {
        frame: Frame::new(api.caller(), Section::of(entity.resource, site == Site::Admin)),
        heading: format!("Edit {} {}", entity.one, state.title),
        about: entity.many.to_owned(),
        action: format!("{path}update/"),
        cancel_href: path,
        submit: "Save".to_owned(),
        hidden: vec![
            ("csrf_token", Frame::csrf(api.caller())),
            ("version", state.version),
            ("before", form::write_before(&state.before)),
        ],
        fields: form::fields(api, inputs, &state.texts, &state.messages, &state.theirs).await?,
        errors: others(inputs, &state.messages),
    })
}
