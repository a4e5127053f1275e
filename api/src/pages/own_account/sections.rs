//! The sections of the account, and the frame around each.

use axum::response::Response;

use crate::http::allowed::Allowed;
use crate::http::notice;
use crate::http::page::{Frame, Section};

/// A link to a section.
#[derive(Debug)]
pub struct Tab {
    pub href: &'static str,
    pub label: &'static str,
    pub is_active: bool,
}

/// Data that all pages of the account have in addition to the frame.
#[derive(Debug)]
pub struct Shell {
    pub tabs: Vec<Tab>,
    pub title: &'static str,
    pub csrf: String,
}

const SECTIONS: [(&str, &str); 5] = [
    ("/account/", "Profile"),
    ("/account/password/", "Password"),
    ("/account/second-factor/", "Second factor"),
    ("/account/sessions/", "Logins"),
    ("/account/tokens/", "API tokens"),
];

/// Makes the frame of a section, which its address names.
#[must_use]
pub fn open(allowed: &Allowed, href: &'static str) -> (Frame, Shell) {
    let tabs: Vec<Tab> =
        SECTIONS.iter().map(|(known, label)| Tab { href: known, label, is_active: *known == href }).collect();
    let title = tabs.iter().find(|tab| tab.is_active).map_or("Account", |tab| tab.label);
    let frame = Frame::new(allowed, Section::Account);
    let csrf = frame.viewer.as_ref().map(|viewer| viewer.csrf.clone()).unwrap_or_default();
    (frame, Shell { tabs, title, csrf })
}

/// Sends the browser back to a section with a notice.
#[must_use]
pub fn done(href: &str, text: &str) -> Response {
    notice::redirect(href, text)
}
