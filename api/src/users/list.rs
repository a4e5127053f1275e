//! `GET /api/users/list/`: the people whom the viewer may see, by username.

use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;

use crate::db::users::{self, UserFilter, UserRow, Visible};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::{Params, text_cursor};
use crate::http::state::App;
use crate::people::model::UserResponse;
use crate::policy::Position;

/// What the list of users understands.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListUsersQuery {
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// From the `Link` header of the previous page.
    cursor: Option<String>,
    /// `username` or `-username`.
    sort: Option<String>,
    /// A part of a username, an e-mail address or a name.
    q: Option<String>,
    position: Option<Position>,
    is_active: Option<bool>,
    /// Who is in this team now, its lead included.
    team_id: Option<i64>,
}

/// List users
#[utoipa::path(
    get, path = "/api/users/list/", tag = "users", params(ListUsersQuery),
    responses((status = 200, description = "Users by username", body = Vec<UserResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_users(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let page = collect(&app, &allowed, params, limit).await?;
    Ok(listing.answer(&page.map(UserResponse::from)))
}

/// The users that the parameters ask for, within the viewer's scope.
///
/// # Errors
/// 400 for a parameter that cannot be meant.
pub async fn collect(
    app: &App,
    allowed: &Allowed,
    mut params: Params,
    limit: u32,
) -> Result<Page<UserRow>, ApiError> {
    let position = params.choice("position", &["", "Buyer", "Team Lead", "Funds Coordinator", "Owner"]);
    let filter = UserFilter {
        visible: Visible::of(&allowed.viewer, allowed.grant.scope),
        q: Some(params.q()).filter(|q| !q.is_empty()),
        position: Position::parse(position),
        is_active: params.choice("is_active", &["", "true", "false"]).parse().ok(),
        team_id: params.id("team_id"),
        is_descending: !params.is_ascending("username", true),
        after: params.text_cursor(),
        limit: i64::from(limit) + 1,
    };
    params.finish()?;
    let rows = users::list(&app.postgres, &filter).await?;
    Ok(Page::of(rows, limit, |row| text_cursor(&row.username_key)))
}
