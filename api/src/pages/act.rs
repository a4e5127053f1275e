//! `POST /<things>/<id>/<verb>/`: does something with one thing, from the form on its page.

use askama::Template;
use axum::extract::State;
use axum::http::Method;
use axum::response::Response;

use crate::http::allowed::Form;
use crate::http::error::ApiError;
use crate::http::in_process::{Api, Sent};
use crate::http::notice::redirect;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::path_id::PathText;
use crate::http::state::App;
use crate::pages::calls::{escaped, find};
use crate::pages::create::is_about_form;
use crate::pages::detail::{self, At, Failed};
use crate::pages::entity::{Entity, Forms, Verb};
use crate::pages::form;
use crate::pages::site::Site;
use crate::pages::table::plain;

#[derive(Template)]
#[template(path = "revealed.html")]
struct RevealedPage {
    frame: Frame,
    entity: &'static Entity,
    heading: &'static str,
    notice: &'static str,
    text: String,
    back_href: String,
}

/// An action on a kind of things, and its site.
#[derive(Debug, Clone, Copy)]
pub struct PageAction {
    pub entity: &'static Entity,
    pub verb: &'static Verb,
    pub site: Site,
}

/// Sends the action to the API.
///
/// # Errors
/// An error that is not about the form.
pub async fn submit(
    PageAction { entity, verb, site }: PageAction,
    State(app): State<App>,
    id: Result<PathText, ApiError>,
    api: Api,
    listing: Listing,
    form: Form,
) -> Result<Response, PageError> {
    let PathText(id) = id?;
    let inputs = form::inputs(verb.inputs, Forms::Both, api.caller().viewer.position);
    let texts = form::texts_sent(&inputs, &form);
    let mut body = form::body(&inputs, &texts, false);
    // A field that was left empty has its default.
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|name, value| {
            value.as_str() != Some("") || inputs.iter().any(|input| input.name == name && input.is_required)
        });
    }
    let path = format!("/api/{}/{}/{}/", entity.path(), escaped(&id), verb.name);
    match api.call(Method::POST, &path, Sent { body, ..Sent::default() }).await {
        Ok(reply) => match verb.reveals {
            Some((field, link)) => {
                let token = reply.body.get(field).map(plain).unwrap_or_default();
                let text = format!("{}{link}{token}", listing.base());
                Ok(render(&RevealedPage {
                    frame: Frame::new(api.caller(), Section::of(entity.resource, site == Site::Admin)),
                    entity,
                    heading: verb.label,
                    notice: verb.notice,
                    text,
                    back_href: site.thing(entity, &id),
                })?)
            }
            None => Ok(redirect(&site.thing(entity, &id), verb.notice)),
        },
        Err(error) if is_about_form(&error) => {
            let thing = find(&api, entity, &id).await?;
            let at = At { entity, site, id: &id, query: None };
            let failed = Failed { verb: verb.name, texts, error };
            detail::page(&app, &api, &at, &thing.body, Some(failed)).await
        }
        Err(error) => Err(error.into()),
    }
}
