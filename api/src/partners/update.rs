//! `PUT` and `PATCH /api/partners/update/<id>/`: replace or update a partner.

use axum::extract::State;
use axum::response::Response;

use crate::db::audit::Diff;
use crate::db::partners;
use crate::db::partners::NewPartner;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::precondition::versioned;
use crate::http::request::Body;
use crate::http::state::App;
use crate::partners::model::{CreatePartnerRequest, PartnerResponse, UpdatePartnerRequest};
use crate::partners::rules;
use crate::policy::Resource;

/// Replace a partner
#[utoipa::path(
    put, path = "/api/partners/update/{id}/", tag = "partners", params(("id" = i64, Path)),
    request_body = CreatePartnerRequest,
    responses((status = 200, description = "The updated partner", body = PartnerResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_partner(
    State(app): State<App>,
    call: Call,
    body: Body<CreatePartnerRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, |_| body).await
}

/// Update a partner
///
/// Omitted fields keep their values.
#[utoipa::path(
    patch, path = "/api/partners/update/{id}/", tag = "partners", params(("id" = i64, Path)),
    request_body = UpdatePartnerRequest,
    responses((status = 200, description = "The updated partner", body = PartnerResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_partner(
    State(app): State<App>,
    call: Call,
    patch: Body<UpdatePartnerRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, |now| patch.request.onto(now)).await
}

async fn change(
    app: &App,
    call: &Call,
    body: impl FnOnce(&PartnerResponse) -> Body<CreatePartnerRequest>,
) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let row = partners::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    let mut version = row.version;
    call.check_version(version)?;
    let before = PartnerResponse::from(row);
    let wanted = NewPartner::from(body(&before).checked()?);
    let after = PartnerResponse {
        id: before.id,
        name: wanted.name.clone(),
        currency: wanted.currency.clone(),
        status_map: wanted.status_map.clone(),
        archived_at: None,
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
