//! `POST /api/teams/create/`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::{self, Actor, Diff};
use crate::db::teams;
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::MakeErrors;
use crate::http::precondition::versioned;
use crate::policy::Resource;
use crate::state::App;
use crate::teams::list::TeamResponse;
use crate::teams::rules::{Wanted, constraint_error};

/// A new team.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct CreateTeamRequest {
    /// Up to 100 characters. Teams may have the same name.
    name: String,
    /// An active Team Lead without a team.
    team_lead: Option<i64>,
    /// Active Buyers without a team. They are in it from now on.
    members: Option<Vec<i64>>,
}

/// Create a team
#[utoipa::path(
    post, path = "/api/teams/create/", tag = "teams",
    request_body(content(
        (CreateTeamRequest = "application/json"),
        (CreateTeamRequest = "application/x-www-form-urlencoded"),
        (CreateTeamRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Created", body = TeamResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_team(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let wanted = Wanted::read(&mut fields, true);
    let mut transaction = allowed.begin(&app).await?;
    let people = wanted.lock_exclusive(&mut transaction).await?;
    let team = wanted.check(&people, None, &mut fields);
    fields.finish().map_err(ApiError::fields)?;
    let id = teams::insert(&mut transaction, &team.name, team.lead).await.map_err(constraint_error)?;
    teams::join(&mut transaction, id, &team.members).await.map_err(constraint_error)?;
    let made = TeamResponse { id, name: team.name, team_lead: team.lead, members: team.members };
    audit::record(&mut transaction, &actor, "create", Resource::Teams, id, Diff::created(&made)).await?;
    let mut response = versioned(1, &made);
    *response.status_mut() = StatusCode::CREATED;
    transaction.answer(response).await
}
