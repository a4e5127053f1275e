//! `POST /api/partners/create/`: creates a partner.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::partners;
use crate::db::partners::NewPartner;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::MakeErrors;
use crate::http::precondition::versioned;
use crate::http::request::Body;
use crate::http::state::App;
use crate::partners::model::{CreatePartnerRequest, PartnerResponse};
use crate::partners::rules;
use crate::policy::Resource;

/// Create a partner
#[utoipa::path(
    post, path = "/api/partners/create/", tag = "partners",
    request_body = CreatePartnerRequest,
    responses((status = 201, description = "Created", body = PartnerResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_partner(
    State(app): State<App>,
    call: Call<()>,
    body: Body<CreatePartnerRequest>,
) -> Result<Response, ApiError> {
    let new = NewPartner::from(body.checked()?);
    let mut transaction = call.allowed.begin(&app).await?;
    let id = partners::insert(&mut transaction, &new).await.map_err(rules::constraint_error)?;
    let made = PartnerResponse {
        id,
        name: new.name,
        currency: new.currency,
        status_map: new.status_map,
        archived_at: None,
    };
    call.record_created(&mut transaction, Resource::Partners, id, &made).await?;
    let mut response = versioned(1, &made);
    *response.status_mut() = StatusCode::CREATED;
    transaction.answer(response).await
}
