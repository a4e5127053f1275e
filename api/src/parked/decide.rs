//! Decisions about parked events, for the API and the pages: finds the events, counts them, and
//! makes the decision once the caller has confirmed the count.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::db::audit::{self, Diff};
use crate::db::parked_counts::{self, CountFilter, Counted};
use crate::db::parked_decisions::{self, BOUND, DecisionRow, IGNORED, NewDecision};
use crate::db::{MAX_TIME_MS, parked, violated_constraint};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::json_values;
use crate::http::state::App;
use crate::http::transaction::Transaction;
use crate::parked::model::ParkedCountResponse;
use crate::parked::rules::{FOR_EVER, MAX_REFERENCE_CHARS, OptionalUuid, Reason, Reference, Until};
use crate::policy::Resource;

/// The events that a decision is about: one, or all alike.
#[derive(Debug, Clone)]
pub struct Subject {
    pub event_id: Option<Uuid>,
    pub reason: String,
    pub reference: String,
}

/// The caller's confirmation of the count.
#[derive(Debug, Clone, Copy)]
pub struct Confirmation {
    pub dry_run: bool,
    pub expected: Option<i64>,
    pub counted_at: Option<DateTime<Utc>>,
}

/// A requested decision whose events are not counted yet.
#[derive(Debug, Clone)]
pub struct DecisionDraft {
    pub act: &'static str,
    pub subject: Subject,
    pub campaign_id: Option<i64>,
    pub user_id: Option<i64>,
    pub prospect_id: Option<Uuid>,
    pub until: Until,
    pub note: String,
    pub confirmation: Confirmation,
}

/// The next step.
#[derive(Debug)]
pub enum Step {
    /// The caller has to confirm this count.
    Count(ParkedCountResponse),
    Decide(NewDecision),
}

impl Subject {
    /// Finds the events that a request names.
    ///
    /// # Errors
    /// 400 if it names none, or both one event and all alike, or an unknown event.
    pub async fn find(
        app: &App,
        OptionalUuid(event_id): OptionalUuid,
        Reason(reason): Reason,
        Reference(reference): Reference,
    ) -> Result<Self, ApiError> {
        match (event_id, reason) {
            (Some(_), Some(_)) => {
                Err(ApiError::field("event_id", "Send either this, or \"reason\" and \"reference\"."))
            }
            (Some(event_id), None) => {
                let row = parked::find(&app.clickhouse, event_id).await?.ok_or_else(|| {
                    ApiError::field("event_id", format!("No parked event has the id {event_id}."))
                })?;
                // Of one event it is only shown.
                let reference = row.reference.chars().take(MAX_REFERENCE_CHARS).collect();
                Ok(Self { event_id: Some(event_id), reason: row.reason, reference })
            }
            (None, Some(reason)) => {
                Ok(Self { event_id: None, reason: reason.as_str().to_owned(), reference })
            }
            (None, None) => Err(ApiError::field("reason", "This field is required.")),
        }
    }

    /// Counts the events that wait, or those that are ignored and can wait again.
    pub async fn count(
        &self,
        app: &App,
        before_ms: i64,
        are_ignored: bool,
    ) -> clickhouse::error::Result<Counted> {
        let Self { event_id, reason, reference } = self;
        let which = CountFilter { event_id: *event_id, reason, reference, before_ms, are_ignored };
        parked_counts::count(&app.clickhouse, &which).await
    }

    /// The count that a caller has to confirm, up to their last one.
    pub async fn count_for(
        &self,
        app: &App,
        confirmation: Confirmation,
        until: Option<DateTime<Utc>>,
        are_ignored: bool,
    ) -> Result<Count, ApiError> {
        let counted_at = confirmation.counted_at.unwrap_or_else(|| now(app));
        let until = until.filter(|_| self.event_id.is_none());
        let before = until.map_or(counted_at, |until| until.min(counted_at));
        let before_ms = if self.event_id.is_some() { i64::MAX } else { before.timestamp_millis() };
        let counted = self.count(app, before_ms, are_ignored).await?;
        Ok(Count { counted, until, counted_at })
    }
}

/// A count that was made for a confirmation.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    counted: Counted,
    until: Option<DateTime<Utc>>,
    counted_at: DateTime<Utc>,
}

impl Count {
    /// Returns the number if the caller expects it.
    ///
    /// # Errors
    /// 400 without an expected number, 409 with another one.
    pub fn confirmed(&self, confirmation: Confirmation) -> Result<i64, ApiError> {
        let found = i64::try_from(self.counted.n_events).unwrap_or(i64::MAX);
        match confirmation.expected {
            None => Err(ApiError::field("expected", "This field is required.")),
            Some(_) if found == 0 => Err(ApiError::conflict("No event matches any more.")),
            Some(expected) if expected != found => Err(ApiError::conflict(format!(
                "{found} events match now, not {expected}. Count them again."
            ))),
            Some(_) => Ok(found),
        }
    }
}

impl From<Count> for ParkedCountResponse {
    fn from(count: Count) -> Self {
        let Count { counted, until, counted_at } = count;
        let time = |time_ms| (counted.n_events > 0).then(|| json_values::time(time_ms));
        Self {
            count: i64::try_from(counted.n_events).unwrap_or(i64::MAX),
            first_seen: time(counted.oldest_ms),
            last_seen: time(counted.newest_ms),
            until: until
                .map_or_else(|| FOR_EVER.to_owned(), |until| json_values::time(until.timestamp_millis())),
            counted_at: json_values::time(counted_at.timestamp_millis()),
        }
    }
}

impl DecisionDraft {
    /// Counts the events, and makes the decision out of it if the caller has confirmed the count.
    ///
    /// # Errors
    /// 400 and 409 as [`Count::confirmed`].
    pub async fn step(self, app: &App) -> Result<Step, ApiError> {
        let until = match self.until {
            Until::Now => Some(now(app)),
            Until::At(time) => Some(time),
            Until::ForEver => None,
        };
        let count = self.subject.count_for(app, self.confirmation, until, false).await?;
        if self.confirmation.dry_run {
            return Ok(Step::Count(count.into()));
        }
        let n_events = count.confirmed(self.confirmation)?;
        Ok(Step::Decide(NewDecision {
            act: self.act,
            event_id: self.subject.event_id,
            reason: self.subject.reason,
            reference: self.subject.reference,
            campaign_id: self.campaign_id,
            user_id: self.user_id,
            prospect_id: self.prospect_id,
            until: count.until,
            note: self.note,
            n_events,
        }))
    }
}

/// Makes a decision and its line in the audit trail, and returns it with the open transaction.
///
/// # Errors
/// 401 as [`crate::http::allowed::Allowed::begin`], 409 if the events are ignored or there are too
/// many decisions.
pub async fn make(
    app: &App,
    call: &Call<()>,
    new: &NewDecision,
) -> Result<(Transaction, DecisionRow), ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let actor_id = call.allowed.viewer.id;
    let id = parked_decisions::insert(&mut transaction, new, actor_id).await.map_err(constraint_error)?;
    let facts = json!({
        "event_id": new.event_id, "reason": new.reason, "reference": new.reference, "campaign_id": new.campaign_id,
        "user_id": new.user_id, "prospect_id": new.prospect_id, "until": new.until, "note": new.note,
        "n_events": new.n_events,
    });
    audit::record(&mut transaction, &call.actor, new.act, Resource::Parked, id, Diff::noted(facts)).await?;
    let row = DecisionRow {
        id,
        act: new.act.to_owned(),
        event_id: new.event_id,
        reason: new.reason.clone(),
        reference: new.reference.clone(),
        campaign_id: new.campaign_id,
        campaign_name: None,
        user_id: new.user_id,
        username: None,
        prospect_id: new.prospect_id,
        until: new.until,
        note: new.note.clone(),
        n_events: new.n_events,
        decided_at: now(app),
        decided_by: Some(actor_id),
        decided_by_name: None,
        revoked_at: None,
    };
    Ok((transaction, row))
}

fn constraint_error(error: sqlx::Error) -> ApiError {
    match violated_constraint(&error) {
        Some(IGNORED) => ApiError::conflict("These events are ignored. Let them wait again first."),
        Some(BOUND) => {
            ApiError::conflict("There are 2000 decisions. Revoke some whose events have been replayed.")
        }
        _ => error.into(),
    }
}

/// The present time, in whole milliseconds as events have it.
fn now(app: &App) -> DateTime<Utc> {
    let now_ms = i64::try_from(app.clock.now_ms()).unwrap_or(MAX_TIME_MS);
    DateTime::from_timestamp_millis(now_ms).unwrap_or_default()
}
