//! `PUT` and `PATCH /api/funds/requests/update/<id>/`: replace or update an open request.

use axum::extract::State;
use axum::response::Response;

use crate::db::funds::requests;
use crate::funds::reach::Reach;
use crate::funds::requests::create::minor;
use crate::funds::requests::model::{
    FundRequestRequest, FundRequestResponse, UpdateFundRequestRequest, changed, lock_exclusive,
};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::request::Body;
use crate::http::state::App;

/// Replace an open request
#[utoipa::path(
    put, path = "/api/funds/requests/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body = FundRequestRequest,
    responses((status = 200, description = "The updated request", body = FundRequestResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_fund_request(
    State(app): State<App>,
    call: Call,
    body: Body<FundRequestRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, |_| body).await
}

/// Update an open request
///
/// Omitted fields keep their values.
#[utoipa::path(
    patch, path = "/api/funds/requests/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body = UpdateFundRequestRequest,
    responses((status = 200, description = "The updated request", body = FundRequestResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_fund_request(
    State(app): State<App>,
    call: Call,
    patch: Body<UpdateFundRequestRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, |now| patch.request.onto(now)).await
}

async fn change(
    app: &App,
    call: &Call,
    body: impl FnOnce(&FundRequestResponse) -> Body<FundRequestRequest>,
) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let reach = Reach::of(&mut *transaction, &call.allowed).await?;
    let row = lock_exclusive(&mut transaction, &reach, call, &["open"]).await?;
    let request = body(&FundRequestResponse::from(&row)).checked()?;
    if request.account_id.0 != row.fund_account_id {
        return Err(ApiError::field("account_id", "The account of a request cannot be changed."));
    }
    let amount = minor(request.amount.checked()?, &row.currency)?;
    requests::update(&mut transaction, call.id, amount, &request.purpose).await?;
    let response = changed(&mut transaction, &call.actor, "update", &row).await?;
    transaction.commit().await?;
    Ok(response)
}
