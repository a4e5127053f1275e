//! `POST /<things>/<id>/restore/`: brings back a deleted thing.

use axum::http::Method;
use axum::response::Response;

use crate::http::error::ApiError;
use crate::http::in_process::{Api, Sent};
use crate::http::notice::redirect;
use crate::http::page::PageError;
use crate::http::path_id::PathText;
use crate::pages::calls::escaped;
use crate::pages::entity::Entity;
use crate::pages::site::Site;
use crate::pages::table::name_of;

/// Restores it.
///
/// # Errors
/// 404 for a thing that is not deleted, 409 for one that cannot come back.
pub async fn submit(
    entity: &'static Entity,
    site: Site,
    id: Result<PathText, ApiError>,
    api: Api,
) -> Result<Response, PageError> {
    site.admit(&api)?;
    let PathText(id) = id?;
    let path = format!("/api/{}/{}/restore/", entity.path(), escaped(&id));
    let restored = api.call(Method::POST, &path, Sent::default()).await?;
    let notice = format!("Restored {} {}.", entity.one, name_of(entity, &restored.body));
    Ok(redirect(&site.thing(entity, &id), &notice))
}
