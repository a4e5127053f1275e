//! `/<things>/create/`: the form for a new thing.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use uuid::Uuid;

use crate::http::allowed::Form;
use crate::http::error::ApiError;
use crate::http::in_process::{Api, Sent};
use crate::http::notice::redirect;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::query::Params;
use crate::pages::calls::{find, messages};
use crate::pages::entity::{Entity, Forms, Input};
use crate::pages::form::{self, FieldView, Messages, Texts};
use crate::pages::site::Site;
use crate::pages::table::id_of;

/// The longest wait for a visit or an order that was created: it passes the pipeline.
const STORED_WITHIN: std::time::Duration = std::time::Duration::from_secs(3);
const POLL: std::time::Duration = std::time::Duration::from_millis(100);

#[derive(Template)]
#[template(path = "form.html")]
pub(super) struct FormPage {
    pub frame: Frame,
    pub heading: String,
    pub about: String,
    pub action: String,
    pub cancel_href: String,
    pub submit: String,
    /// Hidden fields.
    pub hidden: Vec<(&'static str, String)>,
    pub fields: Vec<FieldView>,
    /// Messages that belong to no field of the form.
    pub errors: Vec<String>,
}

impl FormPage {
    pub(super) fn has_errors(&self) -> bool {
        form::has_errors(&self.fields, &self.errors)
    }
}

/// Shows the empty form. Parameters of the query fill in fields.
///
/// # Errors
/// When the API fails.
pub async fn show(
    entity: &'static Entity,
    site: Site,
    api: Api,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let inputs = inputs(entity, &api);
    let params = Params::parse(query.as_deref());
    let texts: Texts = inputs
        .iter()
        .filter_map(|input| Some((input.name, vec![params.text(input.name)?.to_owned()])))
        .collect();
    params.finish()?;
    let key = Uuid::new_v4().to_string();
    render(&page(&api, entity, site, &inputs, &texts, &Messages::new(), key).await?)
}

/// Creates a thing.
///
/// # Errors
/// An error that is not about the form.
pub async fn submit(
    entity: &'static Entity,
    site: Site,
    api: Api,
    form: Form,
) -> Result<Response, PageError> {
    let inputs = inputs(entity, &api);
    let mut texts = form::texts_sent(&inputs, &form);
    form::resolve(&api, &inputs, &mut texts).await?;
    let key = form.text("idempotency_key").to_owned();
    let sent = Sent {
        body: form::body(&inputs, &texts, false),
        idempotency_key: Some(key.clone()).filter(|key| !key.is_empty()),
        version: None,
    };
    match api.call(Method::POST, &format!("/api/{}/create/", entity.path()), sent).await {
        Ok(reply) => {
            let id = created_id(&reply.body);
            wait_until_stored(&api, entity, &id).await?;
            let target = if entity.is_shown { site.thing(entity, &id) } else { site.list(entity) };
            Ok(redirect(&target, &format!("Created {}.", entity.one)))
        }
        Err(error) if is_about_form(&error) => {
            let page = page(&api, entity, site, &inputs, &texts, &messages(&error), key).await?;
            Ok((error.status(), render(&page)?).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns whether the form is shown again with the messages of an error.
pub(super) fn is_about_form(error: &ApiError) -> bool {
    matches!(
        error.status(),
        StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::PRECONDITION_REQUIRED
    )
}

fn inputs(entity: &'static Entity, api: &Api) -> Vec<&'static Input> {
    form::inputs(entity.inputs, Forms::Create, api.caller().viewer.position)
}

/// The legacy shape of a new account has the user inside.
fn created_id(body: &Value) -> String {
    body.get("user").map_or_else(|| id_of(body), id_of)
}

/// Waits until a visit or an order has gone through the pipeline, so that its page exists.
async fn wait_until_stored(api: &Api, entity: &'static Entity, id: &str) -> Result<(), ApiError> {
    let until = tokio::time::Instant::now() + STORED_WITHIN;
    loop {
        match find(api, entity, id).await {
            Err(error) if error.status() == StatusCode::NOT_FOUND && entity.is_shown => {}
            _ => return Ok(()),
        }
        if tokio::time::Instant::now() >= until {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn page(
    api: &Api,
    entity: &'static Entity,
    site: Site,
    inputs: &[&'static Input],
    texts: &Texts,
    messages: &Messages,
    key: String,
) -> Result<FormPage, ApiError> {
    Ok(FormPage {
        frame: Frame::new(api.caller(), Section::of(entity.resource, site == Site::Admin)),
        heading: format!("New {}", entity.one),
        about: entity.many.to_owned(),
        action: format!("{}create/", site.list(entity)),
        cancel_href: site.list(entity),
        submit: format!("Create {}", entity.one),
        hidden: vec![("csrf_token", Frame::csrf(api.caller())), ("idempotency_key", key)],
        fields: form::fields(api, inputs, texts, messages, &Default::default()).await?,
        errors: others(inputs, messages),
    })
}

/// Returns the messages that belong to no field of the form.
pub(super) fn others(inputs: &[&'static Input], messages: &Messages) -> Vec<String> {
    let is_field = |name: &str| inputs.iter().any(|input| input.name == name);
    messages
        .iter()
        .filter(|(name, _)| !is_field(name))
        .map(|(name, texts)| match name.as_str() {
            "non_field_errors" => texts.join(" "),
            name => format!("{name}: {}", texts.join(" ")),
        })
        .collect()
}
