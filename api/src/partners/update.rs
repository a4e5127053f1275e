//! `PUT` and `PATCH /api/partners/update/<id>/`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::Diff;
use crate::db::partners;
use crate::http::body::Posted;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::openapi::ChangeErrors;
use crate::http::precondition::versioned;
use crate::partners::create::CreatePartnerRequest;
use crate::partners::list::PartnerResponse;
use crate::partners::rules;
use crate::policy::Resource;
use crate::state::App;

/// What changes.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct UpdatePartnerRequest {
    name: Option<String>,
    currency: Option<String>,
    /// All words that it shall have.
    status_map: Option<BTreeMap<String, String>>,
}

/// Replace a partner
#[utoipa::path(
    put, path = "/api/partners/update/{id}/", tag = "partners", params(("id" = i64, Path)),
    request_body(content(
        (CreatePartnerRequest = "application/json"),
        (CreatePartnerRequest = "application/x-www-form-urlencoded"),
        (CreatePartnerRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The partner as it is now", body = PartnerResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_partner(
    State(app): State<App>,
    call: Call,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &call, fields, false).await
}

/// Diff a partner
#[utoipa::path(
    patch, path = "/api/partners/update/{id}/", tag = "partners", params(("id" = i64, Path)),
    request_body(content(
        (UpdatePartnerRequest = "application/json"),
        (UpdatePartnerRequest = "application/x-www-form-urlencoded"),
        (UpdatePartnerRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The partner as it is now", body = PartnerResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_partner(
    State(app): State<App>,
    call: Call,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &call, fields, true).await
}

async fn change(app: &App, call: &Call, mut fields: Fields, is_partial: bool) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let row = partners::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    let mut version = row.version;
    call.check_version(version)?;
    let before = PartnerResponse::from(row);
    if is_partial {
        fields.fill_from(&before);
    }
    let wanted = rules::read(&mut fields);
    fields.finish().map_err(ApiError::fields)?;
    let wanted = wanted.ok_or_else(|| ApiError::bug("a partner without errors was not read"))?;
    let after = PartnerResponse {
        id: before.id,
        name: wanted.name.clone(),
        currency: wanted.currency.clone(),
        status_map: wanted.status_map.clone(),
    };
    let diff = Diff::updated(&before, &after);
    if !diff.is_empty() {
        partners::update(&mut transaction, call.id, &wanted).await.map_err(rules::constraint_error)?;
        version += 1;
    }
    call.record(&mut transaction, "update", Resource::Partners, diff).await?;
    transaction.commit().await?;
    Ok(versioned(version, &after))
}
