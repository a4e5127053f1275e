//! Events → rows, and the sums of a batch. Pure: external answers come in as [`Known`].
//!
//! Invariant: every added event is in exactly one of prospects, orders and parked, and is counted
//! in exactly one outcome; the sums are those of the rows. Debug builds check it for each batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use sluice_schemas::event::{Event, Kind};
use sluice_schemas::outcome::{Outcome, ParkReason};
use sluice_schemas::rows::{
    OrderContactRow, OrderRow, OutcomeRow, ParkedRow, ProspectIndexRow, ProspectRow, RollupHourlyRow,
};
use sluice_schemas::status::Status;
use uuid::Uuid;

use crate::decode::{Decoded, Gap, LocatedEvent};
use crate::directory::{Directory, reference};
use crate::enrich::Enricher;
use crate::erased::is_erased;
use crate::event::{event_id, hour_of, marks_of, millis, prospect_of};
use crate::money::payout_of;
use crate::owner::{Inherited, Known, Owner};
use crate::pairs::Parameters;
use crate::prospect::{dimensions_of, prospect_row};

/// The rows of one batch.
#[derive(Debug, Default)]
pub struct Rows {
    pub prospects: Vec<ProspectRow>,
    pub index: Vec<ProspectIndexRow>,
    pub orders: Vec<OrderRow>,
    pub contacts: Vec<OrderContactRow>,
    pub parked: Vec<ParkedRow>,
    pub rollup: BTreeMap<(u32, u64, u64, u64), RollupHourlyRow>,
    pub outcomes: BTreeMap<(u32, Arc<str>, &'static str, &'static str), u64>,
    /// Events that never came, by the minute and the lane of the next event that came.
    missing: BTreeMap<(u32, Arc<str>), u64>,
}

/// The stage of this program in the table `outcomes`.
pub const STAGE: &str = "consumer";

/// The prospects that the orders among these events name.
#[must_use]
pub fn wanted_prospects(events: &[LocatedEvent]) -> BTreeSet<Uuid> {
    events.iter().filter_map(|located| located.event().and_then(prospect_of)).collect()
}

/// The wanted prospects that are among the events themselves.
#[must_use]
pub fn own_prospects(
    events: &[LocatedEvent],
    wanted: &BTreeSet<Uuid>,
    directory: &Directory,
    enricher: &Enricher,
) -> Known {
    if wanted.is_empty() {
        return Known::new();
    }
    let prospects =
        events.iter().filter_map(LocatedEvent::event).filter(|event| event.kind() == Kind::Prospect);
    let mut own = Known::new();
    for event in prospects.filter(|event| wanted.contains(&event_id(event))) {
        if let Ok(owner) = owner_of(event, &parameters_of(event), directory) {
            // The first of two visits with one id.
            own.entry(event_id(event))
                .or_insert_with(|| Inherited { owner, dimensions: dimensions_of(event, enricher) });
        }
    }
    own
}

fn parameters_of(event: &Event) -> Parameters {
    Parameters::parse(&event.pairs, event_id(event))
}

/// The owner of a prospect.
fn owner_of(event: &Event, parameters: &Parameters, directory: &Directory) -> Result<Owner, ParkReason> {
    directory.owner(&parameters.key, parameters.user_id, event.time_ms)
}

/// The owner of a parked prospect, if the directory knows it now.
#[must_use]
pub fn owner_of_parked(event: &Event, directory: &Directory) -> Option<Owner> {
    owner_of(event, &parameters_of(event), directory).ok()
}

/// The surroundings of a batch from which its rows are made.
pub struct RowContext<'a> {
    /// The partition of the batch, whose owner replays its parked events.
    pub partition: i32,
    pub known: &'a Known,
    pub directory: &'a Directory,
    pub enricher: &'a Enricher,
}

/// The numbers of events that may still be parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub pixels: u64,
    pub orders: u64,
}

/// A reason to park an event, and the key, user or prospect that it waits for.
struct Parking {
    kind: &'static str,
    reason: ParkReason,
    reference: String,
    time_ms: u64,
}

impl Rows {
    /// Adds an event.
    pub fn add(&mut self, located: &LocatedEvent, context: &RowContext<'_>) {
        let unreadable = |time_ms| Parking {
            kind: "unreadable",
            reason: ParkReason::Unreadable,
            reference: String::new(),
            time_ms,
        };
        match &located.decoded {
            Decoded::Unreadable => self.park(located, unreadable(0), context),
            Decoded::Event(event) => match event.kind() {
                Kind::Prospect => self.add_prospect(located, event, context),
                Kind::Order => self.add_order(located, event, context),
                Kind::Unspecified => self.park(located, unreadable(event.time_ms), context),
            },
        }
    }

    fn add_prospect(&mut self, located: &LocatedEvent, event: &Event, context: &RowContext<'_>) {
        let parameters = parameters_of(event);
        match owner_of(event, &parameters, context.directory) {
            Err(reason) => {
                let reference = reference(reason, &parameters.key, parameters.user_id);
                let parking = Parking { kind: "prospect", reason, reference, time_ms: event.time_ms };
                self.park(located, parking, context);
            }
            Ok(owner) => {
                self.push_prospect(event, parameters, owner, context.directory, context.enricher);
                self.count(event.time_ms, &located.lane, Outcome::Stored, "");
            }
        }
    }

    /// Adds a prospect whose owner is known, or who has none: its row, its row in the index, its
    /// sum.
    pub fn store_prospect(
        &mut self,
        event: &Event,
        owner: Owner,
        directory: &Directory,
        enricher: &Enricher,
    ) {
        self.push_prospect(event, parameters_of(event), owner, directory, enricher);
    }

    fn push_prospect(
        &mut self,
        event: &Event,
        mut parameters: Parameters,
        owner: Owner,
        directory: &Directory,
        enricher: &Enricher,
    ) {
        if let Some(param) = directory.click_id_param(owner.campaign_id) {
            parameters.take_click_id(&event.pairs, event_id(event), param);
        }
        let row = prospect_row(event, parameters, owner, enricher);
        let sums = self.sums(event.time_ms, owner);
        sums.prospects += 1;
        sums.bots += i64::from(!row.bot.is_empty());
        self.index.push(ProspectIndexRow {
            prospect_id: row.prospect_id,
            time: row.time,
            user_id: owner.user_id,
            team_id: owner.team_id,
            campaign_id: owner.campaign_id,
        });
        self.prospects.push(row);
    }

    fn add_order(&mut self, located: &LocatedEvent, event: &Event, context: &RowContext<'_>) {
        let known = |prospect_id| Some((prospect_id, context.known.get(&prospect_id)?));
        let found = prospect_of(event).and_then(known);
        match found {
            Some((prospect_id, inherited)) => {
                self.store_order(event, prospect_id, inherited, context.directory);
                self.count(event.time_ms, &located.lane, Outcome::Stored, "");
            }
            None => {
                // Canonical, so that ClickHouse and this program read it as the same id, or as
                // none.
                let reference = prospect_of(event).map_or_else(
                    || event.order.as_ref().map(|order| order.prospect_ref.clone()).unwrap_or_default(),
                    |prospect_id| prospect_id.to_string(),
                );
                let (reason, time_ms) = (ParkReason::UnknownProspect, event.time_ms);
                self.park(located, Parking { kind: "order", reason, reference, time_ms }, context);
            }
        }
    }

    /// Adds an order whose prospect is known: its row, its contact unless it was erased, its sum.
    pub fn store_order(
        &mut self,
        event: &Event,
        prospect_id: Uuid,
        inherited: &Inherited,
        directory: &Directory,
    ) {
        let Inherited { owner, dimensions } = inherited.clone();
        let order = event.order.clone().unwrap_or_default();
        let parameters = parameters_of(event);
        let (order_id, time) = (event_id(event), millis(event.time_ms));
        let campaign = directory.payout(owner.campaign_id, time);
        let (payout, currency) = payout_of(parameters.payout, parameters.currency, campaign);
        self.sums(event.time_ms, owner).add_orders(Status::Hold, 1);
        self.orders.push(OrderRow {
            order_id,
            prospect_id,
            time,
            user_id: owner.user_id,
            team_id: owner.team_id,
            campaign_id: owner.campaign_id,
            status: Status::Hold.as_str().to_owned(),
            status_text: parameters.status,
            payout,
            currency,
            marks: marks_of(event, parameters.marks),
            country: dimensions.country,
            device: dimensions.device,
            os: dimensions.os,
            browser: dimensions.browser,
            bot: dimensions.bot,
        });
        if is_erased(&order) {
            return;
        }
        self.contacts.push(OrderContactRow {
            order_id,
            time,
            email: order.email,
            phone_number: order.phone_number,
            first_name: order.first_name,
            last_name: order.last_name,
            delivery_address: order.delivery_address,
            version: 0,
        });
    }

    fn park(&mut self, located: &LocatedEvent, parking: Parking, context: &RowContext<'_>) {
        let Parking { kind, reason, reference, time_ms } = parking;
        let event_id = match &located.decoded {
            Decoded::Event(event) => event_id(event),
            Decoded::Unreadable => located.place_id(),
        };
        self.parked.push(ParkedRow {
            event_id,
            kind: kind.to_owned(),
            reason: reason.as_str().to_owned(),
            state: "waiting".to_owned(),
            first_seen: millis(time_ms),
            last_tried: millis(time_ms),
            reference,
            partition: context.partition,
            payload: base64::engine::general_purpose::STANDARD.encode(&located.bytes),
            place: located.place(),
            version: 1,
            decision: 0,
            note: String::new(),
        });
        self.count(time_ms, &located.lane, Outcome::Parked, reason.as_str());
    }

    fn sums(&mut self, time_ms: u64, owner: Owner) -> &mut RollupHourlyRow {
        let hour = hour_of(millis(time_ms));
        let key = (hour, owner.user_id, owner.team_id, owner.campaign_id);
        self.rollup.entry(key).or_insert(RollupHourlyRow::of(
            hour,
            owner.user_id,
            owner.team_id,
            owner.campaign_id,
        ))
    }

    /// Counts an outcome in the event's minute.
    pub fn count(&mut self, time_ms: u64, lane: &Arc<str>, outcome: Outcome, reason: &'static str) {
        *self.outcomes.entry((minute(time_ms), Arc::clone(lane), outcome.as_str(), reason)).or_default() += 1;
    }

    /// Counts events that never came.
    pub(crate) fn count_missing(&mut self, gap: &Gap) {
        *self.missing.entry((minute(gap.time_ms), Arc::clone(&gap.lane))).or_default() += gap.n_missing;
    }

    /// Drops the latest parked prospects and orders beyond the room that is left for each, and
    /// counts them as dropped instead.
    pub(crate) fn drop_beyond(&mut self, mut room: Room) {
        let is_beyond = |row: &mut ParkedRow| {
            let left = match row.kind.as_str() {
                "prospect" => &mut room.pixels,
                "order" => &mut room.orders,
                _ => return false,
            };
            let is_beyond = *left == 0;
            *left = left.saturating_sub(1);
            is_beyond
        };
        let dropped: Vec<ParkedRow> = self.parked.extract_if(.., is_beyond).collect();
        for row in dropped {
            let (Some(reason), Some((lane, _))) =
                (ParkReason::parse(&row.reason), row.place.rsplit_once(':'))
            else {
                continue;
            };
            let (minute, lane): (u32, Arc<str>) = (minute(row.first_seen.unsigned_abs()), lane.into());
            let parked = (minute, Arc::clone(&lane), Outcome::Parked.as_str(), reason.as_str());
            if let Some(count) = self.outcomes.get_mut(&parked) {
                *count -= 1;
                if *count == 0 {
                    self.outcomes.remove(&parked);
                }
            }
            *self.outcomes.entry((minute, lane, Outcome::Dropped.as_str(), reason.as_str())).or_default() +=
                1;
        }
    }

    /// Checks in debug builds that this many added events are each in one row and one outcome, and
    /// that the sums are those of the rows.
    pub(crate) fn assert_conserved(&self, n_events: usize) {
        if !cfg!(debug_assertions) {
            return;
        }
        let n_rows = self.prospects.len() + self.orders.len() + self.parked.len();
        assert_eq!(n_rows, n_events, "events and their rows");
        assert_eq!(self.outcomes.values().sum::<u64>(), n_events as u64, "events and their outcomes");
        self.assert_summed();
    }

    /// Checks in debug builds that the sums are those of the rows.
    pub(crate) fn assert_summed(&self) {
        if !cfg!(debug_assertions) {
            return;
        }
        let sum = |column: fn(&RollupHourlyRow) -> i64| self.rollup.values().map(column).sum::<i64>();
        let n_bots = self.prospects.iter().filter(|row| !row.bot.is_empty()).count();
        assert_eq!(sum(|sums| sums.prospects), self.prospects.len() as i64, "prospects and their sums");
        assert_eq!(sum(|sums| sums.bots), n_bots as i64, "bots and their sums");
        assert_eq!(sum(|sums| sums.orders), self.orders.len() as i64, "orders and their sums");
        assert_eq!(self.index.len(), self.prospects.len(), "prospects and their index");
    }

    /// The outcome counts as rows.
    pub fn outcome_rows(&self) -> impl Iterator<Item = OutcomeRow> {
        let came = self.outcomes.iter();
        let came =
            came.map(|((minute, lane, outcome, reason), count)| (minute, lane, *outcome, *reason, count));
        let missing = self.missing.iter();
        let missing =
            missing.map(|((minute, lane), count)| (minute, lane, Outcome::Missing.as_str(), "", count));
        came.chain(missing).map(|(minute, lane, outcome, reason, count)| OutcomeRow {
            minute: *minute,
            stage: STAGE.to_owned(),
            lane: lane.to_string(),
            outcome: outcome.to_owned(),
            reason: reason.to_owned(),
            count: *count,
            ..OutcomeRow::default()
        })
    }
}

/// The minute (Unix seconds of its start) of a time.
fn minute(time_ms: u64) -> u32 {
    u32::try_from(time_ms / 1000).unwrap_or(u32::MAX) / 60 * 60
}
