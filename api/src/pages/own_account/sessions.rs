//! `/account/sessions/`: the viewer's logins, and buttons to end them.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::account::sessions;
use crate::db;
use crate::db::time_of;
use crate::http::allowed::Allowed;
use crate::http::call::Call;
use crate::http::page::{Frame, PageError, render};
use crate::http::state::App;
use crate::pages::format::LocalTime;
use crate::pages::own_account::device;
use crate::pages::own_account::sections::{Shell, done, open};

const HREF: &str = "/account/sessions/";
/// The most logins that the page shows.
const MAX_ROWS: i64 = 100;

/// A login in the list.
#[derive(Debug)]
struct LoginView {
    id: String,
    device: String,
    /// The whole user agent.
    agent: String,
    kind: &'static str,
    address: String,
    began: LocalTime,
    seen: LocalTime,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "account_sessions.html")]
struct SessionsPage {
    frame: Frame,
    shell: Shell,
    rows: Vec<LoginView>,
    zone: &'static str,
    has_others: bool,
    is_cut: bool,
}

/// `GET /account/sessions/`.
pub async fn show_sessions(State(app): State<App>, allowed: Allowed) -> Result<Response, PageError> {
    let (viewer, now) = (&allowed.viewer, time_of(&app.clock));
    let zone = viewer.time_zone;
    let found = db::sessions::list(&app.postgres, viewer.id, now, None, MAX_ROWS + 1).await?;
    let current = allowed.credential.login();
    let is_cut = i64::try_from(found.len()).unwrap_or(i64::MAX) > MAX_ROWS;
    let mut rows: Vec<LoginView> = found
        .into_iter()
        .map(|row| LoginView {
            is_current: Some(row.id) == current,
            id: row.id.to_string(),
            device: device::words(&row.agent),
            agent: row.agent,
            kind: if row.kind == "browser" { "Browser" } else { "Program" },
            address: row.address,
            began: LocalTime::new(row.created_at.timestamp_millis(), zone),
            seen: LocalTime::new(row.last_seen_at.timestamp_millis(), zone),
        })
        .collect();
    rows.sort_by_key(|row| !row.is_current);
    rows.truncate(usize::try_from(MAX_ROWS).unwrap_or(usize::MAX));
    let (frame, shell) = open(&allowed, HREF);
    render(&SessionsPage {
        frame,
        shell,
        has_others: rows.iter().any(|row| !row.is_current),
        rows,
        zone: zone.name(),
        is_cut,
    })
}

/// `POST /account/sessions/{id}/end/`.
pub async fn end_session(State(app): State<App>, call: Call<String>) -> Result<Response, PageError> {
    match sessions::revoke_session(State(app), call).await {
        Ok(_) => Ok(done(HREF, "The login has ended.")),
        // A second click, or it was ended elsewhere.
        Err(error) if error.status() == StatusCode::NOT_FOUND => {
            Ok(done(HREF, "This login had ended already."))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /account/sessions/end-others/`.
pub async fn end_other_sessions(State(app): State<App>, call: Call<()>) -> Result<Response, PageError> {
    let ended = sessions::revoke_other_sessions(State(app), call).await?.0.revoked;
    let text = match ended {
        0 => "There was no other login.".to_owned(),
        1 => "1 other login has ended.".to_owned(),
        n => format!("{n} other logins have ended."),
    };
    Ok(done(HREF, &text))
}
