//! `GET /api/users/list/`: the people whom the viewer may see, by username.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::db::users::{self, UserFilter, UserRow, Visible};
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::json_values;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::{Params, text_cursor};
use crate::policy::Position;
use crate::state::App;

/// A person on the team.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserResponse {
    pub id: i64,
    pub username: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    #[schema(value_type = Position)]
    pub position: String,
    pub is_active: bool,
    /// Registered by the public, and not approved by an Owner yet.
    pub awaits_approval: bool,
    /// The team that a Team Lead leads or a Buyer is in now.
    pub team_id: Option<i64>,
    /// As `Europe/Berlin`.
    pub time_zone: String,
    /// The path of the image, if there is one.
    pub image: Option<String>,
    pub created_at: String,
    pub last_login: Option<String>,
}

impl From<UserRow> for UserResponse {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            username: row.username,
            email: row.email,
            first_name: row.first_name,
            last_name: row.last_name,
            position: row.position,
            is_active: row.is_active,
            awaits_approval: row.awaits_approval,
            team_id: row.team_id,
            time_zone: row.time_zone,
            image: row.has_image.then(|| format!("/api/users/{}/image/", row.id)),
            created_at: json_values::time(row.created_at.timestamp_millis()),
            last_login: row.last_login.map(|time| json_values::time(time.timestamp_millis())),
        }
    }
}

/// What the list of users understands.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListUsersQuery {
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// From the `Link` header of the page before.
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
