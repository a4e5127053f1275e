//! The frame of every page (navigation that the policy allows, viewer, form token) and the error
//! page.

use askama::Template;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use crate::http::allowed::Allowed;
use crate::http::assets;
use crate::http::auth::csrf;
use crate::http::error::ApiError;
use crate::policy::{self, Action, Resource};

/// A section of the navigation.
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

/// Data of the frame around a page.
#[derive(Debug, Clone)]
pub struct Frame {
    pub nav: Vec<NavItem>,
    /// `None` if nobody is logged in.
    pub viewer: Option<FrameViewer>,
    pub section: Section,
}

/// The logged-in user, as the frame shows them.
#[derive(Debug, Clone)]
pub struct FrameViewer {
    pub name: String,
    pub position: &'static str,
    /// Value of the hidden field `csrf_token` of every form.
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
    /// Makes the frame of a logged-in viewer.
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

    /// Makes the frame of a page without a viewer.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { nav: Vec::new(), viewer: None, section: Section::None }
    }

    /// Returns the path of a static file.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    /// Returns whether this is the account page.
    #[must_use]
    pub fn is_account(&self) -> bool {
        self.section == Section::Account
    }
}

/// Renders a template.
///
/// # Errors
/// 500 if the template fails. A test renders every page to rule this out.
pub fn render(page: &impl Template) -> Result<Response, PageError> {
    let html = page.render().map_err(|error| ApiError::internal(&error))?;
    Ok(Html(html).into_response())
}

/// An error that is shown as a page.
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
            StatusCode::FORBIDDEN => "No access",
            StatusCode::NOT_FOUND => "There is nothing here",
            StatusCode::SERVICE_UNAVAILABLE => "Temporarily unavailable",
            StatusCode::TOO_MANY_REQUESTS => "Too many attempts",
            _ if status.is_client_error() => "The request was not accepted",
            _ => "Something went wrong",
        };
        let sentence = match status {
            StatusCode::NOT_FOUND => "This page does not exist, or is not in your scope.".to_owned(),
            _ => self.0.sentence(),
        };
        let page = ErrorPage { frame: Frame::anonymous(), title, status: status.as_u16(), sentence };
        let html = page.render().unwrap_or_else(|_| title.to_owned());
        let mut response = (status, Html(html)).into_response();
        if let Some(seconds) = self.0.retry_after_s() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
