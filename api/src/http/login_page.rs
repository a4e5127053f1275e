//! The page of the login. The guard also shows it, in answer to a form whose session has ended.

use askama::Template;

use crate::config::Registration;
use crate::http::allowed::Anonymous;
use crate::http::auth::csrf;
use crate::http::page::Frame;
use crate::http::state::App;

/// The page.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    pub frame: Frame,
    pub csrf: String,
    pub next: String,
    pub username: String,
    pub error: Option<String>,
    /// A notice about the page before, for example after a new password.
    pub done: Option<&'static str>,
    /// A form that is sent after the login; empty without one.
    pub kept_form: String,
    pub is_registration_open: bool,
}

impl LoginPage {
    /// Makes the empty page.
    #[must_use]
    pub fn new(app: &App, anonymous: Anonymous) -> Self {
        Self {
            frame: Frame::anonymous(),
            csrf: csrf::show(&anonymous.csrf),
            next: "/".to_owned(),
            username: String::new(),
            error: None,
            done: None,
            kept_form: String::new(),
            is_registration_open: app.config.auth.registration != Registration::Closed,
        }
    }
}
