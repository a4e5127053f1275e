//! What is around every page: navigation by what the policy allows, the viewer, the form token; and the page of an error.

use askama::Template;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use crate::auth::csrf;
use crate::http::assets;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::policy::{self, Action, Resource};

/// A part of the system in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Home,
    Prospects,
    Orders,
    Parked,
    Users,
    Account,
    None,
}

/// A link of the navigation.
#[derive(Debug, Clone)]
pub struct NavItem {
    pub href: &'static str,
    pub label: &'static str,
    pub is_active: bool,
}

/// Around a page.
#[derive(Debug, Clone)]
pub struct Frame {
    pub nav: Vec<NavItem>,
    /// `None` for a visitor who is not logged in.
    pub viewer: Option<FrameViewer>,
    pub section: Section,
}

/// Who is looking.
#[derive(Debug, Clone)]
pub struct FrameViewer {
    pub name: String,
    pub position: &'static str,
    /// For the hidden field of every form.
    pub csrf: String,
}

const NAVIGATION: [(Section, &str, &str, Action, Resource); 5] = [
    (Section::Home, "/", "Home", Action::View, Resource::Figures),
    (Section::Prospects, "/prospects/", "Prospects", Action::List, Resource::Prospects),
    (Section::Orders, "/orders/", "Orders", Action::List, Resource::Orders),
    (Section::Parked, "/parked/", "Parked", Action::List, Resource::Parked),
    (Section::Users, "/users/", "Users", Action::List, Resource::Users),
];

impl Frame {
    /// For somebody who is logged in.
    #[must_use]
    pub fn new(allowed: &Allowed, section: Section) -> Self {
        let position = allowed.viewer.position;
        let nav = NAVIGATION
            .iter()
            .filter(|(_, _, _, action, resource)| policy::decide(position, *action, *resource).is_some())
            .map(|(known, href, label, _, _)| NavItem { href, label, is_active: *known == section })
            .collect();
        let csrf = allowed.session.as_ref().map(|session| csrf::show(&session.csrf)).unwrap_or_default();
        let viewer = FrameViewer { name: allowed.viewer.display_name(), position: position.as_str(), csrf };
        Self { nav, viewer: Some(viewer), section }
    }

    /// For anybody.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { nav: Vec::new(), viewer: None, section: Section::None }
    }

    /// The path of a file.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    /// Whether the account's own page is shown.
    #[must_use]
    pub fn is_account(&self) -> bool {
        self.section == Section::Account
    }
}

/// A page from a template.
///
/// # Errors
/// 500 when the template cannot be written, which a test of every page rules out.
pub fn render(page: &impl Template) -> Result<Response, PageError> {
    let html = page.render().map_err(|error| ApiError::internal(&error))?;
    Ok(Html(html).into_response())
}

/// An error, shown as a page.
#[derive(Debug)]
pub struct PageError(ApiError);

impl<E: Into<ApiError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    title: &'static str,
    status: u16,
    sentence: String,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let title = match status {
            StatusCode::FORBIDDEN => "Not for you",
            StatusCode::NOT_FOUND => "There is nothing here",
            StatusCode::SERVICE_UNAVAILABLE => "Back in a moment",
            StatusCode::TOO_MANY_REQUESTS => "Too many tries",
            _ if status.is_client_error() => "That did not work",
            _ => "Something went wrong",
        };
        let page = ErrorPage {
            frame: Frame::anonymous(),
            title,
            status: status.as_u16(),
            sentence: self.0.sentence(),
        };
        let html = page.render().unwrap_or_else(|_| title.to_owned());
        let mut response = (status, Html(html)).into_response();
        if let Some(seconds) = self.0.retry_after_s() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
