//! `GET /api/users/list/`: lists the users within the viewer's scope, by username.

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

/// Query parameters of the list of users.
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
    /// Part of a username, e-mail address or name.
    q: Option<String>,
    /// Only users with this position.
    position: Option<Position>,
    /// Only active or only inactive users.
    is_active: Option<bool>,
    /// Only the present members of this team and its lead.
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

/// Returns the users that match the parameters, within the viewer's scope.
///
/// # Errors
/// 400 for an invalid parameter.
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
