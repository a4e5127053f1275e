//! `/users/`: the users in the viewer's scope.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::http::allowed::Allowed;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::state::App;
use crate::pages::format::{LocalTime, or_none};
use crate::pages::listing::ListView;
use crate::policy::Position;
use crate::users::list;

/// A row of the list.
#[derive(Debug)]
pub struct UserView {
    pub id: i64,
    pub username: String,
    pub name: String,
    pub email: String,
    pub position: String,
    pub is_active: bool,
    pub is_demo: bool,
    pub registered: LocalTime,
    pub last_login: Option<LocalTime>,
}

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    frame: Frame,
    list: ListView,
    zone: &'static str,
    position: String,
    positions: [&'static str; 4],
    rows: Vec<UserView>,
}

/// `GET /users/`.
pub async fn list_users_page(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, PageError> {
    let mut params = listing.params();
    let list = ListView::read(&mut params, listing.query(), true);
    let position = params.text("position").unwrap_or_default().to_owned();
    let page = list::collect(&app, &allowed, params, list.per_page).await?;
    let zone = allowed.viewer.time_zone;
    let view = |row: crate::db::users::UserRow| UserView {
        id: row.id,
        name: or_none(format!("{} {}", row.first_name, row.last_name).trim().to_owned()),
        username: row.username,
        email: or_none(row.email),
        position: row.position,
        is_active: row.is_active,
        is_demo: row.is_demo,
        registered: LocalTime::new(row.created_at.timestamp_millis(), zone),
        last_login: row.last_login.map(|time| LocalTime::new(time.timestamp_millis(), zone)),
    };
    render(&UsersPage {
        frame: Frame::new(&allowed, Section::Users),
        list: list.followed_by(listing.query(), page.next.as_deref()),
        zone: zone.name(),
        position,
        positions: Position::ALL.map(Position::as_str),
        rows: page.items.into_iter().map(view).collect(),
    })
}
