//! `PUT`, `PATCH /api/prospects/update/<id>/` and `DELETE /api/prospects/delete/<id>/`: Owners
//! correct the data and the buyer of a prospect.
//!
//! A new buyer also gets the orders of the prospect. A deletion keeps its orders.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use sluice_schemas::change::{Act, Entity};

use crate::db::audit::{self, Diff};
use crate::db::prospects::ProspectDetailRow;
use crate::event_edits::{Edit, Progress};
use crate::http::accepted::on_its_way;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::options::Nullable;
use crate::http::openapi::{ChangeErrors, OnItsWay};
use crate::http::precondition::{expected_version, versioned};
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;
use crate::prospects::detail;
use crate::prospects::model::{ProspectDetailResponse, UpdateProspectRequest};
use crate::prospects::user::find_user;

/// Update a prospect
///
/// Omitted fields keep their values.
#[utoipa::path(
    patch, path = "/api/prospects/update/{id}/", tag = "prospects", params(("id" = uuid::Uuid, Path)),
    request_body = UpdateProspectRequest,
    responses((status = 200, description = "The updated prospect", body = ProspectDetailResponse), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_prospect(
    State(app): State<App>,
    call: Call<String>,
    body: Body<UpdateProspectRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, body).await
}

/// Replace the data of a prospect
///
/// Like the update, but address, user agent and referral source are required.
#[utoipa::path(
    put, path = "/api/prospects/update/{id}/", tag = "prospects", params(("id" = uuid::Uuid, Path)),
    request_body = UpdateProspectRequest,
    responses((status = 200, description = "The updated prospect", body = ProspectDetailResponse), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_prospect(
    State(app): State<App>,
    call: Call<String>,
    Body { request, mut errors }: Body<UpdateProspectRequest>,
) -> Result<Response, ApiError> {
    for (name, is_sent) in [
        ("ip_address", request.ip_address.is_some()),
        ("user_agent", request.user_agent.is_some()),
        ("referral_source", request.referral_source.is_some()),
    ] {
        if !is_sent {
            errors.fail_missing(name);
        }
    }
    change(&app, &call, Body { request, errors }).await
}

/// Delete a prospect
///
/// Its orders stay.
#[utoipa::path(
    delete, path = "/api/prospects/delete/{id}/", tag = "prospects", params(("id" = uuid::Uuid, Path)),
    responses((status = 204, description = "Deleted"), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_prospect(State(app): State<App>, call: Call<String>) -> Result<Response, ApiError> {
    let (row, _) = detail::find(&app, &call.allowed, &call.id).await?;
    let edit = edit_of(&row, &call.headers, Act::Delete, Vec::new())?;
    record(&app, &call, &row, &edit).await?;
    Ok(match app.edits.submit(&app.clickhouse, app.clock.now_ms(), call.allowed.viewer.id, edit).await? {
        Progress::Applied => StatusCode::NO_CONTENT.into_response(),
        Progress::OnItsWay => on_its_way(),
    })
}

async fn change(
    app: &App,
    call: &Call<String>,
    body: Body<UpdateProspectRequest>,
) -> Result<Response, ApiError> {
    let (row, _) = detail::find(app, &call.allowed, &call.id).await?;
    let request = body.checked()?;
    let mut set = Vec::new();
    set.extend(request.ip_address.map(|address| ("ip", address.0)));
    set.extend(request.user_agent.map(|agent| ("user_agent", agent.0)));
    set.extend(request.referral_source.map(|source| ("referrer", source.0)));
    if let Some(Nullable(user)) = request.user_id {
        let user_id = find_user(app, user).await?;
        set.push(("user_id", user_id.unwrap_or(0).to_string()));
    }
    let edit = edit_of(&row, &call.headers, Act::Update, set)?;
    record(app, call, &row, &edit).await?;
    if app.edits.submit(&app.clickhouse, app.clock.now_ms(), call.allowed.viewer.id, edit).await?
        == Progress::OnItsWay
    {
        return Ok(on_its_way());
    }
    let (row, _) = detail::find(app, &call.allowed, &call.id).await?;
    Ok(versioned(row.version.into(), &ProspectDetailResponse::from(row)))
}

fn edit_of(
    row: &ProspectDetailRow,
    headers: &HeaderMap,
    act: Act,
    fields: Vec<(&'static str, String)>,
) -> Result<Edit, ApiError> {
    Ok(Edit {
        entity: Entity::Prospect,
        id: row.prospect_id,
        prospect_id: row.prospect_id,
        act,
        fields,
        reason: String::new(),
        expected_version: expected_version(headers, row.version)?,
    })
}

/// Writes the line of the audit trail, before the edit is sent, as for orders. The line does not
/// contain the visitor's data, because it outlives the prospect.
async fn record(
    app: &App,
    call: &Call<String>,
    row: &ProspectDetailRow,
    edit: &Edit,
) -> Result<(), ApiError> {
    let before = serde_json::json!({ "user_id": row.user_id.to_string() });
    let (verb, line) = if edit.act == Act::Delete {
        ("delete", Diff::deleted(&before))
    } else {
        let mut after = before.clone();
        for (name, value) in &edit.fields {
            after[*name] = if *name == "user_id" { value.clone().into() } else { "***".into() };
        }
        ("update", Diff::updated(&before, &after))
    };
    let mut transaction = call.allowed.begin(app).await?;
    audit::record(&mut transaction, &call.actor, verb, Resource::Prospects, row.prospect_id, line).await?;
    transaction.commit().await
}
