//! Shared steps of all edits of an order: reads the order, writes the line of the audit trail,
//! sends the edit to the consumer, and responds.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value};
use sluice_schemas::change::Act;
use sluice_schemas::contact;

use crate::db::audit::{self, Diff};
use crate::event_edits::{Edit, Progress};
use crate::http::accepted::on_its_way;
use crate::http::allowed::Allowed;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::precondition::versioned;
use crate::http::state::App;
use crate::orders::assemble::Order;
use crate::orders::detail;
use crate::orders::model::OrderDetailResponse;
use crate::policy::Resource;

/// Returns a stored order within the viewer's scope.
///
/// # Errors
/// 404 if the order does not exist, 409 if it is parked.
pub async fn stored(app: &App, allowed: &Allowed, id: &str) -> Result<Order, ApiError> {
    let order = detail::find(app, allowed, id).await?;
    if order.state.is_none() {
        return Err(ApiError::conflict("The order waits for its prospect and cannot be changed yet."));
    }
    Ok(order)
}

/// Writes the line of the audit trail, sends the edit, and responds with the edited order.
///
/// # Errors
/// As [`EventEdits::submit`](crate::event_edits::EventEdits::submit).
pub async fn apply(app: &App, call: &Call<String>, order: Order, edit: Edit) -> Result<Response, ApiError> {
    let (id, act) = (order.id.to_string(), edit.act);
    record(app, call, order, &edit).await?;
    let progress =
        app.edits.submit(&app.clickhouse, app.clock.now_ms(), call.allowed.viewer.id, edit).await?;
    Ok(match (progress, act) {
        (Progress::OnItsWay, _) => on_its_way(),
        (Progress::Applied, Act::Delete) => StatusCode::NO_CONTENT.into_response(),
        (Progress::Applied, _) => {
            let order = detail::find(app, &call.allowed, &id).await?;
            versioned(order.version().into(), &OrderDetailResponse::from(order))
        }
    })
}

/// Writes the line of the audit trail.
///
/// Called before the edit is sent, so that no edit is without a line. A line without an edit is
/// possible, if Kafka refuses the edit. Of the customer's data, the line contains only the names of
/// the fields that were set.
async fn record(app: &App, call: &Call<String>, order: Order, edit: &Edit) -> Result<(), ApiError> {
    let verb = match edit.act {
        Act::Delete => "delete",
        Act::Erase => "erase",
        Act::Update | Act::Unspecified => "update",
    };
    let is_contact = |name: &str| contact::FIELDS.contains(&name);
    let shown = |(name, value): &(&'static str, String)| {
        let value = if is_contact(name) { Value::from("***") } else { Value::from(value.clone()) };
        ((*name).to_owned(), value)
    };
    let before = order.state.as_ref().map(|state| {
        serde_json::json!({
            "status": state.status, "status_text": state.status_text,
            "payout": state.payout_micros.to_string(), "currency": state.currency,
        })
    });
    let after: Map<String, Value> = edit.fields.iter().map(shown).collect();
    let before = before.map(|mut before| {
        if let Value::Object(fields) = &mut before
            && edit.act == Act::Update
        {
            fields.retain(|name, _| after.contains_key(name));
        }
        before
    });
    let after = (edit.act == Act::Update).then_some(Value::Object(after));
    let mut transaction = call.allowed.begin(app).await?;
    call.allowed.lock_teams_shared(&mut transaction).await?;
    audit::record(&mut transaction, &call.actor, verb, Resource::Orders, order.id, Diff { before, after })
        .await?;
    transaction.commit().await
}
