//! `POST /api/partners/create/`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::{self, Actor, Diff};
use crate::db::partners;
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::MakeErrors;
use crate::http::precondition::versioned;
use crate::partners::list::PartnerResponse;
use crate::partners::rules;
use crate::policy::Resource;
use crate::state::App;

/// A partner. In a form, `status_map` is the text of a JSON object.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct CreatePartnerRequest {
    /// Up to 100 characters; unique without regard to case.
    name: String,
    /// ISO 4217; `USD` unless another is sent.
    currency: Option<String>,
    /// The partner's word → our group.
    status_map: Option<BTreeMap<String, String>>,
}

/// Create a partner
#[utoipa::path(
    post, path = "/api/partners/create/", tag = "partners",
    request_body(content(
        (CreatePartnerRequest = "application/json"),
        (CreatePartnerRequest = "application/x-www-form-urlencoded"),
        (CreatePartnerRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Created", body = PartnerResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_partner(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let new = rules::read(&mut fields);
    fields.finish().map_err(ApiError::fields)?;
    let new = new.ok_or_else(|| ApiError::bug("a partner without errors was not read"))?;
    let mut transaction = allowed.begin(&app).await?;
    let id = partners::insert(&mut transaction, &new).await.map_err(rules::constraint_error)?;
    let made = PartnerResponse { id, name: new.name, currency: new.currency, status_map: new.status_map };
    audit::record(&mut transaction, &actor, "create", Resource::Partners, id, Diff::created(&made)).await?;
    let mut response = versioned(1, &made);
    *response.status_mut() = StatusCode::CREATED;
    transaction.answer(response).await
}
