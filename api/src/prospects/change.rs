//! `PUT`, `PATCH /api/prospects/update/<id>/` and `DELETE /api/prospects/delete/<id>/`: Owners mend what a visit said and
//! whose it is. The orders of a visit go with it to another buyer; they stay when it is deleted.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use sluice_schemas::change::{Act, Entity};
use utoipa::ToSchema;

use crate::audit::{self, Actor, Diff};
use crate::changes::{self, Edit, Progress, on_its_way};
use crate::db::prospects::ProspectDetailRow;
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::guard::Allowed;
use crate::http::openapi::{ChangeErrors, OnItsWay};
use crate::http::path_id::PathText;
use crate::http::precondition::{expected_version, versioned};
use crate::policy::Resource;
use crate::prospects::create::check_user;
use crate::prospects::detail::{self, ProspectDetailResponse};
use crate::state::App;

/// The longest user agent and referrer, in bytes; as the edge keeps them.
const MAX_TEXT_BYTES: usize = 2048;

/// What to change; what is left out of a PATCH stays.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct UpdateProspectRequest {
    /// IPv4 or IPv6.
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
    pub referral_source: Option<String>,
    /// Whose it is from now on; its orders go along.
    pub user_id: Option<i64>,
}

/// Diff a prospect
#[utoipa::path(
    patch, path = "/api/prospects/update/{id}/", tag = "prospects", params(("id" = uuid::Uuid, Path)),
    request_body(content(
        (UpdateProspectRequest = "application/json"),
        (UpdateProspectRequest = "application/x-www-form-urlencoded"),
        (UpdateProspectRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "Changed", body = ProspectDetailResponse), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_prospect(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathText(id): PathText,
    headers: HeaderMap,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &allowed, &actor, &id, &headers, fields, false).await
}

/// Replace a prospect's data
///
/// As the change, but address, user agent and referral source must all be there.
#[utoipa::path(
    put, path = "/api/prospects/update/{id}/", tag = "prospects", params(("id" = uuid::Uuid, Path)),
    request_body(content(
        (UpdateProspectRequest = "application/json"),
        (UpdateProspectRequest = "application/x-www-form-urlencoded"),
        (UpdateProspectRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "Changed", body = ProspectDetailResponse), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_prospect(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathText(id): PathText,
    headers: HeaderMap,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &allowed, &actor, &id, &headers, fields, true).await
}

/// Delete a prospect
///
/// Its orders stay.
#[utoipa::path(
    delete, path = "/api/prospects/delete/{id}/", tag = "prospects", params(("id" = uuid::Uuid, Path)),
    responses((status = 204, description = "Gone"), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_prospect(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathText(id): PathText,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (row, _) = detail::find(&app, &allowed, &id).await?;
    let edit = edit_of(&row, &headers, Act::Delete, Vec::new())?;
    record(&app, &allowed, &actor, &row, &edit).await?;
    Ok(match changes::submit(&app, allowed.viewer.id, edit).await? {
        Progress::Applied => StatusCode::NO_CONTENT.into_response(),
        Progress::OnItsWay => on_its_way(),
    })
}

async fn change(
    app: &App,
    allowed: &Allowed,
    actor: &Actor,
    id: &str,
    headers: &HeaderMap,
    mut fields: Fields,
    is_whole: bool,
) -> Result<Response, ApiError> {
    let (row, _) = detail::find(app, allowed, id).await?;
    let mut set = Vec::new();
    if (is_whole || fields.get("ip_address").is_some())
        && let Some(text) = fields.required_text("ip_address", 45)
    {
        match text.parse::<std::net::IpAddr>() {
            Ok(address) => set.push(("ip", address.to_string())),
            Err(_) => fields.fail("ip_address", "Enter a valid IPv4 or IPv6 address."),
        }
    }
    for (name, column) in [("user_agent", "user_agent"), ("referral_source", "referrer")] {
        if (is_whole || fields.get(name).is_some())
            && let Some(text) = fields.required_text(name, MAX_TEXT_BYTES)
        {
            if text.len() > MAX_TEXT_BYTES {
                fields.fail(name, format!("Ensure this field has no more than {MAX_TEXT_BYTES} bytes."));
            }
            set.push((column, text));
        }
    }
    fields.finish().map_err(ApiError::fields)?;
    if let Some(user_id) = check_user(app, &fields).await? {
        set.push(("user_id", user_id.unwrap_or(0).to_string()));
    }
    let edit = edit_of(&row, headers, Act::Update, set)?;
    record(app, allowed, actor, &row, &edit).await?;
    if changes::submit(app, allowed.viewer.id, edit).await? == Progress::OnItsWay {
        return Ok(on_its_way());
    }
    let (row, _) = detail::find(app, allowed, id).await?;
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

/// Before the change is sent, as with orders. What a visitor's browser said stays out of the line, which outlives it.
async fn record(
    app: &App,
    allowed: &Allowed,
    actor: &Actor,
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
    let mut transaction = allowed.begin(app).await?;
    audit::record(&mut transaction, actor, verb, Resource::Prospects, row.prospect_id, line).await?;
    transaction.commit().await
}
