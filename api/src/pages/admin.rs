//! `/admin/`: for Owners, every entity in one place, and actions on many things at once.

use askama::Template;
use axum::http::Method;
use axum::response::{IntoResponse as _, Response};

use crate::http::allowed::{Allowed, Form};
use crate::http::error::ApiError;
use crate::http::in_process::{Api, Sent};
use crate::http::notice::redirect;
use crate::http::page::{Frame, PageError, Section, render};
use crate::pages::calls::{escaped, find, messages};
use crate::pages::entity::{ALL, Entity};
use crate::pages::site::Site;
use crate::pages::table::name_of;

/// The most things of one action.
const MAX_SELECTED: usize = 100;

#[derive(Template)]
#[template(path = "admin.html")]
struct AdminPage {
    frame: Frame,
    entities: &'static [&'static Entity],
    site: Site,
}

#[derive(Template)]
#[template(path = "bulk.html")]
struct BulkPage {
    frame: Frame,
    entity: &'static Entity,
    site: Site,
    csrf: String,
    /// Ids and names of the selected things.
    selected: Vec<(String, String)>,
    /// Names of the things that could not be deleted, and the reasons.
    failed: Vec<(String, String)>,
}

/// `GET /admin/`.
///
/// # Errors
/// 500 if the template fails.
pub async fn show(allowed: Allowed) -> Result<Response, PageError> {
    render(&AdminPage { frame: Frame::new(&allowed, Section::Admin), entities: &ALL, site: Site::Admin })
}

/// `POST /admin/<things>/bulk/`: the first time shows what would be deleted, with `confirmed`
/// deletes it.
///
/// # Errors
/// 400 for no selection or a selection that is too large.
pub async fn submit_bulk(entity: &'static Entity, api: Api, form: Form) -> Result<Response, PageError> {
    let mut ids: Vec<String> = form.all("ids").map(escaped).collect();
    ids.sort();
    ids.dedup();
    if ids.is_empty() || ids.len() > MAX_SELECTED {
        let message = format!("Select 1 to {MAX_SELECTED} {}.", entity.many.to_lowercase());
        return Err(ApiError::field("ids", message).into());
    }
    let mut selected = Vec::new();
    for id in ids {
        match find(&api, entity, &id).await {
            Ok(thing) => selected.push((id, name_of(entity, &thing.body))),
            // Somebody else has deleted it.
            Err(error) if error.status().is_client_error() => {}
            Err(error) => return Err(error.into()),
        }
    }
    if form.text("confirmed") != "yes" {
        return render(&page(&api, entity, selected, Vec::new()));
    }
    let (mut n_deleted, mut failed) = (0_usize, Vec::new());
    for (id, name) in selected {
        let path = format!("/api/{}/delete/{id}/", entity.path());
        match api.call(Method::DELETE, &path, Sent::default()).await {
            Ok(_) => n_deleted += 1,
            Err(error) if error.status().is_client_error() => {
                failed.push((name, messages(&error).into_values().flatten().collect::<Vec<_>>().join(" ")));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if failed.is_empty() {
        return Ok(redirect(
            &Site::Admin.list(entity),
            &format!("Deleted {n_deleted} {}.", entity.many.to_lowercase()),
        ));
    }
    let response = render(&page(&api, entity, Vec::new(), failed))?;
    Ok((axum::http::StatusCode::CONFLICT, response).into_response())
}

fn page(
    api: &Api,
    entity: &'static Entity,
    selected: Vec<(String, String)>,
    failed: Vec<(String, String)>,
) -> BulkPage {
    BulkPage {
        frame: Frame::new(api.caller(), Section::Admin),
        entity,
        site: Site::Admin,
        csrf: Frame::csrf(api.caller()),
        selected,
        failed,
    }
}
