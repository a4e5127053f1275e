//! Requests and responses of parked events.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::parked::ParkedRow;
use crate::db::parked_counts::{AlikeRow, LostRow, ReasonRow};
use crate::db::parked_decisions::DecisionRow;
use crate::http::fields::keys::Key;
use crate::http::fields::options::Nullable;
use crate::http::fields::types::{OptionalText, Text, WholeNumber};
use crate::http::json_values;
use crate::http::request::request;
use crate::parked::contents::Contents;
use crate::parked::progress::Progress;
use crate::parked::rules::{Moment, OptionalUuid, Reason, Reference, Until};

/// A number of events that the caller has counted before.
pub type Count = WholeNumber<0, { i64::MAX }, 0>;

request! {
    /// Names what parked events should have named. Either `event_id`, or `reason` and `reference`;
    /// and one of `campaign_id`, `user_id` (for prospects) and `prospect_id` (for orders).
    pub struct MendParkedRequest {
        /// One event.
        pub event_id: OptionalUuid,
        /// All events that wait for this reason and name the same thing.
        pub reason: Reason,
        /// The key, user id or prospect that they name, exactly.
        pub reference: Reference,
        /// The campaign that they should have named.
        pub campaign_id: Option<Nullable<Key>>,
        /// The buyer whom they should have named.
        pub user_id: Option<Nullable<Key>>,
        /// The prospect that the orders should have named.
        pub prospect_id: OptionalUuid,
        /// `now` (the default): only events that came before this moment; `forever`: later ones
        /// too; or a time. For one event it has no meaning.
        pub until: Until,
        /// Why.
        pub note: OptionalText<500>,
        /// Only count the events.
        pub dry_run: Option<bool>,
        /// The number of events that the caller has counted. Required unless `dry_run` is true.
        pub expected: Option<Count>,
        /// The `counted_at` of that count: events after that time are not counted.
        pub counted_at: Moment,
    }
}

request! {
    /// Stops waiting for parked events. Either `event_id`, or `reason` and `reference`.
    pub struct IgnoreParkedRequest {
        /// One event.
        pub event_id: OptionalUuid,
        /// All events that wait for this reason and name the same thing.
        pub reason: Reason,
        /// The key, user id or prospect that they name, exactly.
        pub reference: Reference,
        /// `now` (the default): only events that came before this moment; `forever`: later ones
        /// too; or a time. For one event it has no meaning.
        pub until: Until,
        /// Why.
        pub note: Text<500>,
        /// Only count the events.
        pub dry_run: Option<bool>,
        /// The number of events that the caller has counted. Required unless `dry_run` is true.
        pub expected: Option<Count>,
        /// The `counted_at` of that count: events after that time are not counted.
        pub counted_at: Moment,
    }
}

request! {
    /// Lets ignored events wait again. Either `event_id`, or `reason` and `reference`.
    pub struct WaitAgainRequest {
        /// One event.
        pub event_id: OptionalUuid,
        /// All ignored events that were parked for this reason and name the same thing.
        pub reason: Reason,
        /// The key, user id or prospect that they name, exactly.
        pub reference: Reference,
        /// Only count the events.
        pub dry_run: Option<bool>,
        /// The number of events that the caller has counted. Required unless `dry_run` is true.
        pub expected: Option<Count>,
        /// The `counted_at` of that count: events after that time are not counted.
        pub counted_at: Moment,
    }
}

/// A parked event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParkedResponse {
    pub event_id: Uuid,
    /// `prospect`, `order` or `unreadable`.
    pub kind: String,
    /// `unknown_key`, `expired_key`, `unknown_user`, `unknown_prospect` or `unreadable`.
    pub reason: String,
    /// The key, user id or prospect that it names.
    pub reference: String,
    /// `waiting`, `replayed` or `ignored`.
    pub state: String,
    pub first_seen: String,
    pub last_tried: String,
    /// The decision by which it was mended or ignored.
    pub decision_id: Option<u64>,
    /// Why it is ignored; `expired` if it has waited too long.
    pub note: String,
    /// Whether it can wait again.
    pub can_wait_again: bool,
}

impl From<&ParkedRow> for ParkedResponse {
    fn from(row: &ParkedRow) -> Self {
        Self {
            event_id: row.event_id,
            kind: row.kind.clone(),
            reason: row.reason.clone(),
            reference: row.reference.clone(),
            state: row.state.clone(),
            first_seen: json_values::time(row.first_seen_ms),
            last_tried: json_values::time(row.last_tried_ms),
            decision_id: json_values::id(row.decision),
            note: row.note.clone(),
            can_wait_again: row.can_wait_again(),
        }
    }
}

/// A parked event with its contents.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParkedDetailResponse {
    #[serde(flatten)]
    pub event: ParkedResponse,
    /// Null if its bytes are deleted or cannot be read.
    pub contents: Option<Contents>,
}

/// A number of events to confirm.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParkedCountResponse {
    /// The number to send as `expected`.
    pub count: i64,
    /// The oldest and the newest of them.
    pub first_seen: Option<String>,
    pub last_seen: Option<String>,
    /// The end of the decision, to send as `until`: a time, or `forever`.
    pub until: String,
    /// To send along.
    pub counted_at: String,
}

/// A decision about parked events.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParkedDecisionResponse {
    pub id: i64,
    /// `mend`, `ignore`, or `wait`: the event waits although all others like it are ignored.
    pub act: String,
    /// Null: the decision is about all events with this reason and reference.
    pub event_id: Option<Uuid>,
    pub reason: String,
    pub reference: String,
    pub campaign_id: Option<i64>,
    pub user_id: Option<i64>,
    pub prospect_id: Option<Uuid>,
    /// The decision is about events before this time. Null: it has no end.
    pub until: Option<String>,
    pub note: String,
    /// The number of events when it was made.
    pub n_events: i64,
    pub decided_at: String,
    /// Null if the command line made it.
    pub decided_by: Option<i64>,
    pub revoked_at: Option<String>,
    pub progress: Progress,
}

impl ParkedDecisionResponse {
    /// A decision with its progress.
    #[must_use]
    pub fn new(row: DecisionRow, progress: Progress) -> Self {
        let time = |time: chrono::DateTime<chrono::Utc>| json_values::time(time.timestamp_millis());
        Self {
            id: row.id,
            act: row.act,
            event_id: row.event_id,
            reason: row.reason,
            reference: row.reference,
            campaign_id: row.campaign_id,
            user_id: row.user_id,
            prospect_id: row.prospect_id,
            until: row.until.map(time),
            note: row.note,
            n_events: row.n_events,
            decided_at: time(row.decided_at),
            decided_by: row.decided_by,
            revoked_at: row.revoked_at.map(time),
            progress,
        }
    }
}

/// Parked events of one reason.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReasonCountResponse {
    pub reason: String,
    pub waiting: u64,
    /// In the last `batch.keep_replayed_days` of the consumer.
    pub replayed: u64,
    pub ignored: u64,
    /// The time of the oldest that waits.
    pub oldest_waiting: Option<String>,
}

/// Parked events with the same reason and reference.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlikeCountResponse {
    pub kind: String,
    pub reason: String,
    pub reference: String,
    pub state: String,
    pub count: u64,
    pub oldest: String,
    pub newest: String,
}

/// Events of the last day that were not kept.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LostCountResponse {
    /// `dropped`: too many of its kind were parked; `expired`: it has waited too long.
    pub outcome: String,
    /// Empty for expired events.
    pub reason: String,
    pub count: u64,
}

/// Numbers of parked events.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParkedCountsResponse {
    pub by_reason: Vec<ReasonCountResponse>,
    /// Waiting and ignored events by what they name, the most first, up to `limit`.
    pub alike: Vec<AlikeCountResponse>,
    /// Events of the last day that were dropped or that expired.
    pub lost_last_day: Vec<LostCountResponse>,
}

impl From<ReasonRow> for ReasonCountResponse {
    fn from(row: ReasonRow) -> Self {
        Self {
            reason: row.reason,
            waiting: row.waiting,
            replayed: row.replayed,
            ignored: row.ignored,
            oldest_waiting: (row.waiting > 0).then(|| json_values::time(row.oldest_ms)),
        }
    }
}

impl From<AlikeRow> for AlikeCountResponse {
    fn from(row: AlikeRow) -> Self {
        Self {
            kind: row.kind,
            reason: row.reason,
            reference: row.reference,
            state: row.state,
            count: row.n_events,
            oldest: json_values::time(row.oldest_ms),
            newest: json_values::time(row.newest_ms),
        }
    }
}

impl From<LostRow> for LostCountResponse {
    fn from(row: LostRow) -> Self {
        Self { outcome: row.outcome, reason: row.reason, count: row.n_events }
    }
}
