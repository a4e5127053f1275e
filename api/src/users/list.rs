//! `GET /api/users/list/`: lists the users within the viewer's scope, by username.

use axum::extract::State;
use axum::response::Response;

use crate::db::users::{self, SORTING, UserFilter, UserRow, Visible};
use crate::http::allowed::Allowed;
use crate::http::archived::{ArchivedQuery, read_part};
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{Search, query};
use crate::people::model::UserResponse;
use crate::policy::{Position, Resource};

page_query! {
    /// The order and the page.
    pub struct UserPageQuery of SORTING;
}

query! {
    /// The filters of the list.
    pub struct ListUsersQuery {
        /// Part of a username, e-mail address or name.
        pub q: Search,
        /// Only users with this position.
        pub position: Option<Position>,
        /// Only active or only inactive users.
        pub is_active: Option<bool>,
        /// Only users who registered and wait for approval, or only others.
        pub awaits_approval: Option<bool>,
        /// Only the present members of this team and its lead.
        pub team_id: Option<i64>,
    }
}

/// List users
///
/// `sort=team_id` sorts by the name of the team.
#[utoipa::path(
    get, path = "/api/users/list/", tag = "users", params(UserPageQuery, ListUsersQuery, ArchivedQuery),
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
/// 400 for an invalid parameter, 403 for deleted users whom the viewer may not see.
pub async fn collect(
    app: &App,
    allowed: &Allowed,
    mut params: Params,
    limit: u32,
) -> Result<Page<UserRow>, ApiError> {
    let part = read_part(&mut params, allowed, Resource::Users)?;
    let order = params.order(&SORTING, limit);
    let query = ListUsersQuery::read(&mut params);
    let filter = UserFilter {
        visible: Visible::of(&allowed.viewer, part.scope),
        q: query.q.patterns(),
        position: query.position,
        is_active: query.is_active,
        awaits_approval: query.awaits_approval,
        team_id: query.team_id,
        is_archived: part.is_archived,
    };
    params.finish()?;
    let rows = users::list(&app.postgres, &filter, &order).await?;
    Ok(Page::ordered(rows, &order))
}
