//! `POST /api/parked/mend/`: names what parked events should have named.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use sluice_schemas::outcome::ParkReason;

use crate::db::parked_decisions;
use crate::db::prospects;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::keys::Key;
use crate::http::fields::options::Nullable;
use crate::http::openapi::MakeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use crate::parked::decide::{Confirmation, DecisionDraft, Step, Subject, make};
use crate::parked::model::{MendParkedRequest, ParkedCountResponse, ParkedDecisionResponse};
use crate::parked::progress::Progress;

/// Mend parked events
///
/// Names the campaign, buyer or prospect that they should have named. With `dry_run` it only
/// counts the events. A decision needs that number in `expected`, and is refused with 409 if
/// another number matches meanwhile. The consumer then stores each event once; `progress` of the
/// decision shows how far it is. A decision takes the place of an earlier one about the same
/// events, so that a request may be repeated.
#[utoipa::path(
    post, path = "/api/parked/mend/", tag = "parked", request_body = MendParkedRequest,
    responses(
        (status = 200, description = "With `dry_run`: the count", body = ParkedCountResponse),
        (status = 201, description = "The decision", body = ParkedDecisionResponse),
        (status = 409, description = "Another number of events matches, or they are ignored", body = crate::http::error::DetailResponse),
        MakeErrors,
    ),
    security(("bearer" = [])),
)]
pub async fn mend_parked(
    State(app): State<App>,
    call: Call<()>,
    body: Body<MendParkedRequest>,
) -> Result<Response, ApiError> {
    let wanted = read_mend(&app, body).await?;
    answer(&app, &call, wanted).await
}

/// Reads a request to mend, and checks that what it names exists.
///
/// # Errors
/// 400 with the messages of the fields.
pub async fn read_mend(app: &App, body: Body<MendParkedRequest>) -> Result<DecisionDraft, ApiError> {
    let request = body.checked()?;
    let id_of = |key: &Option<Nullable<Key>>| key.clone().and_then(|key| key.0);
    let (campaign, user) = (id_of(&request.campaign_id), id_of(&request.user_id));
    let prospect_id = request.prospect_id.0;
    let subject = Subject::find(app, request.event_id, request.reason, request.reference).await?;
    let (is_order, is_unreadable) = (
        subject.reason == ParkReason::UnknownProspect.as_str(),
        subject.reason == ParkReason::Unreadable.as_str(),
    );
    let n_named =
        [campaign.is_some(), user.is_some(), prospect_id.is_some()].into_iter().filter(|is| *is).count();
    if is_unreadable {
        return Err(ApiError::field("reason", "What cannot be read cannot be mended."));
    }
    if is_order && (n_named != 1 || prospect_id.is_none()) {
        return Err(ApiError::field("prospect_id", "Name the prospect of the orders, and nothing else."));
    }
    if !is_order && (n_named != 1 || prospect_id.is_some()) {
        return Err(ApiError::field(
            "campaign_id",
            "Name either the campaign or the buyer of the prospects.",
        ));
    }
    let campaign_id = match &campaign {
        None => None,
        Some(key) => match key.id {
            Some(id) if parked_decisions::is_campaign(&app.postgres, id).await? => Some(id),
            _ => return Err(ApiError::field("campaign_id", key.no_such())),
        },
    };
    let user_id = match &user {
        None => None,
        Some(key) => match key.id {
            Some(id) if parked_decisions::is_user(&app.postgres, id).await? => Some(id),
            _ => return Err(ApiError::field("user_id", key.no_such())),
        },
    };
    if let Some(id) = prospect_id
        && prospects::find_many(&app.clickhouse, &[id]).await?.is_empty()
    {
        return Err(ApiError::field("prospect_id", format!("Invalid pk \"{id}\" - object does not exist.")));
    }
    Ok(DecisionDraft {
        act: "mend",
        subject,
        campaign_id,
        user_id,
        prospect_id,
        until: request.until,
        note: request.note.0,
        confirmation: Confirmation {
            dry_run: request.dry_run.unwrap_or_default(),
            expected: request.expected.map(|count| count.0),
            counted_at: request.counted_at.0,
        },
    })
}

/// Answers with the count, or makes the decision and answers with it.
pub(super) async fn answer(app: &App, call: &Call<()>, wanted: DecisionDraft) -> Result<Response, ApiError> {
    match wanted.step(app).await? {
        Step::Count(count) => Ok(Json(count).into_response()),
        Step::Decide(new) => {
            let (transaction, row) = make(app, call, &new).await?;
            let waiting = new.n_events.unsigned_abs();
            let made = ParkedDecisionResponse::new(row, Progress { waiting, ..Progress::default() });
            transaction.commit().await?;
            Ok((StatusCode::CREATED, Json(made)).into_response())
        }
    }
}
