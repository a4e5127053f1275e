//! `/admin/`: for Owners, every entity in one place.

use askama::Template;
use axum::response::Response;

use crate::http::allowed::Allowed;
use crate::http::page::{Frame, PageError, Section, render};
use crate::pages::entity::{ALL, Entity};
use crate::pages::site::Site;

#[derive(Template)]
#[template(path = "admin.html")]
struct AdminPage {
    frame: Frame,
    entities: &'static [&'static Entity],
    site: Site,
}

/// `GET /admin/`.
///
/// # Errors
/// 500 if the template fails.
pub async fn show(allowed: Allowed) -> Result<Response, PageError> {
    render(&AdminPage { frame: Frame::new(&allowed, Section::Admin), entities: &ALL, site: Site::Admin })
}
