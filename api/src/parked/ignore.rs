//! `POST /api/parked/ignore/`: stops waiting for parked events.

use axum::extract::State;
use axum::response::Response;

use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::MakeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use crate::parked::decide::{Confirmation, DecisionDraft, Subject};
use crate::parked::mend::answer;
use crate::parked::model::{IgnoreParkedRequest, ParkedCountResponse, ParkedDecisionResponse};

/// Ignore parked events
///
/// They are not stored, even if what they name appears. While their bytes are kept, they can be
/// made to wait again. With `dry_run` it only counts the events, see *Mend parked events*.
#[utoipa::path(
    post, path = "/api/parked/ignore/", tag = "parked", request_body = IgnoreParkedRequest,
    responses(
        (status = 200, description = "With `dry_run`: the count", body = ParkedCountResponse),
        (status = 201, description = "The decision", body = ParkedDecisionResponse),
        (status = 409, description = "Another number of events matches", body = crate::http::error::DetailResponse),
        MakeErrors,
    ),
    security(("bearer" = [])),
)]
pub async fn ignore_parked(
    State(app): State<App>,
    call: Call<()>,
    body: Body<IgnoreParkedRequest>,
) -> Result<Response, ApiError> {
    let wanted = read_ignore(&app, body).await?;
    answer(&app, &call, wanted).await
}

/// Reads a request to ignore.
///
/// # Errors
/// 400 with the messages of the fields.
pub async fn read_ignore(app: &App, body: Body<IgnoreParkedRequest>) -> Result<DecisionDraft, ApiError> {
    let request = body.checked()?;
    let subject = Subject::find(app, request.event_id, request.reason, request.reference).await?;
    Ok(DecisionDraft {
        act: "ignore",
        subject,
        campaign_id: None,
        user_id: None,
        prospect_id: None,
        until: request.until,
        note: request.note.0,
        confirmation: Confirmation {
            dry_run: request.dry_run.unwrap_or_default(),
            expected: request.expected.map(|count| count.0),
            counted_at: request.counted_at.0,
        },
    })
}
