//! `POST /api/teams/create/`: creates a team.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::teams;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::MakeErrors;
use crate::http::precondition::versioned;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;
use crate::teams::model::{CreateTeamRequest, TeamResponse, UpdateTeamRequest};
use crate::teams::rules::constraint_error;

/// Create a team
#[utoipa::path(
    post, path = "/api/teams/create/", tag = "teams",
    request_body = CreateTeamRequest,
    responses((status = 201, description = "Created", body = TeamResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_team(
    State(app): State<App>,
    call: Call<()>,
    Body { request, mut errors }: Body<CreateTeamRequest>,
) -> Result<Response, ApiError> {
    let request = UpdateTeamRequest::from(request);
    let mut transaction = call.allowed.begin(&app).await?;
    let people = request.lock(&mut transaction).await?;
    let team = request.check(&people, None, &mut errors);
    errors.finish()?;
    let id = teams::insert(&mut transaction, &team.name, team.lead).await.map_err(constraint_error)?;
    teams::join(&mut transaction, id, &team.members).await.map_err(constraint_error)?;
    let made =
        TeamResponse { id, name: team.name, team_lead: team.lead, members: team.members, archived_at: None };
    call.record_created(&mut transaction, Resource::Teams, id, &made).await?;
    let mut response = versioned(1, &made);
    *response.status_mut() = StatusCode::CREATED;
    transaction.answer(response).await
}
