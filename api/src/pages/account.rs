//! `/account/`: the viewer's profile, time zone and code for landing pages.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::db::users::{UserEdit, UserRow};
use crate::http::allowed::{Allowed, Form};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::state::App;
use crate::people::change::change_user;
use crate::snippet::Snippet;
use crate::time_zone::TimeZone;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    facts: Vec<(&'static str, String)>,
    zone: &'static str,
    zones: Vec<&'static str>,
    snippet: Snippet,
}

/// `GET /account/`.
pub async fn show_account(State(app): State<App>, allowed: Allowed) -> Result<Response, PageError> {
    let viewer = &allowed.viewer;
    let team = viewer.team.as_ref().map_or_else(|| "no team".to_owned(), |(_, name)| name.clone());
    let mut facts = vec![
        ("Id", viewer.id.to_string()),
        ("Username", viewer.username.clone()),
        ("Name", viewer.display_name()),
        ("E-mail", viewer.email.clone()),
        ("Position", viewer.position.as_str().to_owned()),
        ("Team", team),
    ];
    facts.retain(|(_, text)| !text.is_empty());
    render(&AccountPage {
        frame: Frame::new(&allowed, Section::Account),
        facts,
        zone: viewer.time_zone.name(),
        zones: TimeZone::names().collect(),
        snippet: Snippet::new(&app.config.edge, viewer.id),
    })
}

/// `POST /account/`.
///
/// # Errors
/// 400 for an unknown time zone.
pub async fn update_account(
    State(app): State<App>,
    call: Call<()>,
    form: Form,
) -> Result<Response, PageError> {
    let zone = TimeZone::find(form.text("time_zone")).ok_or_else(|| {
        ApiError::field("time_zone", "This is not the name of a time zone. An example is Europe/Berlin.")
    })?;
    let edit = |row: &UserRow| Ok(UserEdit { time_zone: zone.name().to_owned(), ..UserEdit::of(row) });
    change_user(&app, &call.about_oneself(), "update", edit).await?;
    Ok(Redirect::to("/account/").into_response())
}
