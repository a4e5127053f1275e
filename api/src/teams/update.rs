//! `PUT` and `PATCH /api/teams/update/<id>/`. Who leaves has their period ended now, who joins begins one now, who stays is
//! not touched. As in the seed, a field that was not sent stays as it is; PUT needs the name.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::audit::Diff;
use crate::db::teams::{self, TeamRow};
use crate::http::body::Posted;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::openapi::ChangeErrors;
use crate::http::precondition::versioned;
use crate::policy::{Resource, Scope};
use crate::state::App;
use crate::teams::create::CreateTeamRequest;
use crate::teams::detail::is_in_scope;
use crate::teams::list::TeamResponse;
use crate::teams::rules::{Checked, Wanted, constraint_error, missing};

/// What changes.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct UpdateTeamRequest {
    name: Option<String>,
    /// An active Team Lead without a team, or null.
    team_lead: Option<i64>,
    /// All members that it shall have.
    members: Option<Vec<i64>>,
}

/// Replace a team
///
/// A Team Lead may change the members of the own team, and nothing else.
#[utoipa::path(
    put, path = "/api/teams/update/{id}/", tag = "teams", params(("id" = i64, Path)),
    request_body(content(
        (CreateTeamRequest = "application/json"),
        (CreateTeamRequest = "application/x-www-form-urlencoded"),
        (CreateTeamRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The team as it is now", body = TeamResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_team(
    State(app): State<App>,
    call: Call,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &call, fields, true).await
}

/// Diff a team
///
/// A Team Lead may change the members of the own team, and nothing else.
#[utoipa::path(
    patch, path = "/api/teams/update/{id}/", tag = "teams", params(("id" = i64, Path)),
    request_body(content(
        (UpdateTeamRequest = "application/json"),
        (UpdateTeamRequest = "application/x-www-form-urlencoded"),
        (UpdateTeamRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The team as it is now", body = TeamResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_team(
    State(app): State<App>,
    call: Call,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &call, fields, false).await
}

async fn change(app: &App, call: &Call, mut fields: Fields, needs_name: bool) -> Result<Response, ApiError> {
    let is_owner = call.allowed.grant.scope == Scope::All;
    let wanted = Wanted::read(&mut fields, needs_name && is_owner);
    let mut transaction = call.allowed.begin(app).await?;
    let people = wanted.lock_exclusive(&mut transaction).await?;
    let before = teams::find(&mut *transaction, call.id).await?;
    let before = before.filter(|team| is_in_scope(&call.allowed, team.id)).ok_or_else(ApiError::not_found)?;
    if !is_owner && before.lead_id != Some(call.allowed.viewer.id) {
        return Err(ApiError::not_found());
    }
    call.check_version(before.version)?;
    let team = wanted.check(&people, Some(&before), &mut fields);
    if !is_owner {
        refuse_all_but_members(&team, &before, &mut fields);
    }
    fields.finish().map_err(ApiError::fields)?;
    let after = save(&mut transaction, &before, team).await?;
    let version = after.version;
    let (before, after) = (TeamResponse::from(before), TeamResponse::from(after));
    call.record(&mut transaction, "update", Resource::Teams, Diff::updated(&before, &after)).await?;
    transaction.commit().await?;
    Ok(versioned(version, &after))
}

fn refuse_all_but_members(team: &Checked, before: &TeamRow, fields: &mut Fields) {
    const ONLY_OWNERS: &str = "Only an Owner can change this.";
    if team.name != before.name {
        fields.fail("name", ONLY_OWNERS);
    }
    if team.lead != before.lead_id {
        fields.fail("team_lead", ONLY_OWNERS);
    }
}

/// Writes what differs; a team that is as it was keeps its version.
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
    Ok(TeamRow { id: before.id, name: team.name, lead_id: team.lead, members: team.members, version })
}
