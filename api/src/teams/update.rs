//! `PUT` and `PATCH /api/teams/update/<id>/`: replace or update a team.
//!
//! Memberships of leaving members end now, those of joining members begin now, others do not
//! change. As in the legacy CRM, omitted fields keep their values, but PUT requires the name.

use axum::extract::State;
use axum::response::Response;
use sqlx::PgConnection;

use crate::db::audit::Diff;
use crate::db::teams::{self, TeamRow};
use crate::http::allowed::Allowed;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::Errors;
use crate::http::openapi::ChangeErrors;
use crate::http::precondition::versioned;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::{Resource, Scope};
use crate::teams::detail::is_in_scope;
use crate::teams::model::{CreateTeamRequest, TeamResponse, UpdateTeamRequest};
use crate::teams::rules::{Checked, constraint_error, missing};

/// Replace a team
///
/// A Team Lead may change the members of their own team, and nothing else. Omitted fields keep
/// their values.
#[utoipa::path(
    put, path = "/api/teams/update/{id}/", tag = "teams", params(("id" = i64, Path)),
    request_body = CreateTeamRequest,
    responses((status = 200, description = "The updated team", body = TeamResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_team(
    State(app): State<App>,
    call: Call,
    Body { request, mut errors }: Body<CreateTeamRequest>,
) -> Result<Response, ApiError> {
    if !is_owner(&call.allowed) {
        errors.forgive_missing("name");
    }
    change(&app, &call, request.into(), errors).await
}

/// Update a team
///
/// A Team Lead may change the members of their own team, and nothing else. Omitted fields keep
/// their values.
#[utoipa::path(
    patch, path = "/api/teams/update/{id}/", tag = "teams", params(("id" = i64, Path)),
    request_body = UpdateTeamRequest,
    responses((status = 200, description = "The updated team", body = TeamResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_team(
    State(app): State<App>,
    call: Call,
    Body { request, errors }: Body<UpdateTeamRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, request, errors).await
}

async fn change(
    app: &App,
    call: &Call,
    request: UpdateTeamRequest,
    mut errors: Errors,
) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let people = request.lock(&mut transaction).await?;
    let before = teams::find(&mut *transaction, call.id).await?;
    let before = before.filter(|team| is_in_scope(&call.allowed, team.id)).ok_or_else(ApiError::not_found)?;
    let is_owner = is_owner(&call.allowed);
    if !is_owner && before.lead_id != Some(call.allowed.viewer.id) {
        return Err(ApiError::not_found());
    }
    call.check_version(before.version)?;
    let team = request.check(&people, Some(&before), &mut errors);
    if !is_owner {
        refuse_all_but_members(&team, &before, &mut errors);
    }
    errors.finish()?;
    let after = save(&mut transaction, &before, team).await?;
    let version = after.version;
    let (before, after) = (TeamResponse::from(before), TeamResponse::from(after));
    call.record(&mut transaction, "update", Resource::Teams, Diff::updated(&before, &after)).await?;
    transaction.commit().await?;
    Ok(versioned(version, &after))
}

fn is_owner(allowed: &Allowed) -> bool {
    allowed.grant.scope == Scope::All
}

fn refuse_all_but_members(team: &Checked, before: &TeamRow, errors: &mut Errors) {
    const ONLY_OWNERS: &str = "Only an Owner can change this.";
    if team.name != before.name {
        errors.fail("name", ONLY_OWNERS);
    }
    if team.lead != before.lead_id {
        errors.fail("team_lead", ONLY_OWNERS);
    }
}

/// Writes the differences. An unchanged team keeps its version.
async fn save(connection: &mut PgConnection, before: &TeamRow, team: Checked) -> Result<TeamRow, ApiError> {
    let leavers = missing(&before.members, &team.members);
    let joiners = missing(&team.members, &before.members);
    let is_same = team.name == before.name && team.lead == before.lead_id;
    if is_same && leavers.is_empty() && joiners.is_empty() {
        return Ok(before.clone());
    }
    teams::leave(connection, before.id, &leavers).await?;
    teams::join(connection, before.id, &joiners).await.map_err(constraint_error)?;
    teams::update(connection, before.id, &team.name, team.lead).await.map_err(constraint_error)?;
    let version = before.version + 1;
    Ok(TeamRow {
        id: before.id,
        name: team.name,
        lead_id: team.lead,
        members: team.members,
        version,
        archived_at: None,
    })
}
