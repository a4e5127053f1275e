//! `/parked/decisions/<id>/`: a decision and its progress, and its revocation.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::http::allowed::Allowed;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::path_id::PathId;
use crate::http::state::App;
use crate::pages::parked::DecisionView;
use crate::parked::decisions::{find, revoke};

#[derive(Template)]
#[template(path = "parked_decision.html")]
struct DecisionPage {
    frame: Frame,
    zone: &'static str,
    decision: DecisionView,
}

/// `GET /parked/decisions/<id>/`.
pub async fn show_decision(
    State(app): State<App>,
    id: Result<PathId, ApiError>,
    allowed: Allowed,
) -> Result<Response, PageError> {
    let PathId(id) = id?;
    let zone = allowed.viewer.time_zone;
    let (row, progress) = find(&app, id).await?;
    render(&DecisionPage {
        frame: Frame::new(&allowed, Section::Parked),
        zone: zone.name(),
        decision: DecisionView::new(row, progress, zone),
    })
}

/// `POST /parked/decisions/<id>/revoke/`.
pub async fn submit_revoke(
    State(app): State<App>,
    call: Result<Call, ApiError>,
) -> Result<Response, PageError> {
    let call = call?;
    revoke(&app, &call).await?;
    Ok(Redirect::to(&format!("/parked/decisions/{}/", call.id)).into_response())
}
