//! Events → rows, and the sums of a batch. Pure: what had to be asked outside comes in as [`Known`].
//!
//! Conserved: every event given in is in exactly one of prospects, orders or parked, and counted in exactly one outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use sluice_schemas::event::{Event, Kind, Mark};
use sluice_schemas::outcome::{Outcome, ParkReason};
use sluice_schemas::rows::{
    OrderContactRow, OrderRow, OutcomeRow, ParkedRow, ProspectIndexRow, ProspectRow, RollupHourlyRow,
};
use sluice_schemas::status::Status;
use uuid::Uuid;

use crate::decode::{Decoded, Placed};
use crate::directory::Directory;
use crate::enrich::{Dimensions, Enricher};
use crate::erased::is_erased;
use crate::money::payout_of;
use crate::pairs::Fields;
use crate::prospect::{ip_of, prospect_row};

/// Whose a prospect is. 0 means nobody's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Owner {
    pub user_id: u64,
    pub team_id: u64,
    pub campaign_id: u64,
}

/// What an order takes from its prospect. In verdicts of before there were dimensions, they are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Origin {
    #[serde(flatten)]
    pub owner: Owner,
    #[serde(flatten)]
    pub dimensions: Dimensions,
}

/// The prospects that are known, with what their orders take from them.
pub type Known = BTreeMap<Uuid, Origin>;

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
}

/// The stage that this program is in the table `outcomes`.
pub const STAGE: &str = "consumer";

/// The prospect that an order names, if its reference can be one.
#[must_use]
pub fn prospect_of(event: &Event) -> Option<Uuid> {
    let order = event.order.as_ref()?;
    Uuid::try_parse(&order.prospect_ref).ok()
}

/// The prospects that the orders among these events name.
#[must_use]
pub fn wanted_prospects(events: &[Placed]) -> BTreeSet<Uuid> {
    events.iter().filter_map(|placed| placed.event().and_then(prospect_of)).collect()
}

/// Those of the wanted prospects that are among the events themselves.
#[must_use]
pub fn own_prospects(
    events: &[Placed],
    wanted: &BTreeSet<Uuid>,
    directory: &Directory,
    enricher: &Enricher,
) -> Known {
    if wanted.is_empty() {
        return Known::new();
    }
    let prospects = events.iter().filter_map(Placed::event).filter(|event| event.kind() == Kind::Prospect);
    let mut own = Known::new();
    for event in prospects.filter(|event| wanted.contains(&event_id(event))) {
        if let Ok(owner) = owner_of(event, &Fields::parse(&event.pairs), directory) {
            // The first of two visits with one id.
            own.entry(event_id(event)).or_insert_with(|| {
                let dimensions = enricher.dimensions(ip_of(event), &event.user_agent);
                Origin { owner, dimensions }
            });
        }
    }
    own
}

/// Who brought a prospect.
fn owner_of(event: &Event, fields: &Fields, directory: &Directory) -> Result<Owner, ParkReason> {
    directory.owner(&fields.key, fields.user_id, event.time_ms)
}

/// Who brought a parked prospect, now that the directory may know.
#[must_use]
pub fn owner_of_parked(event: &Event, directory: &Directory) -> Option<Owner> {
    owner_of(event, &Fields::parse(&event.pairs), directory).ok()
}

pub(crate) fn event_id(event: &Event) -> Uuid {
    // The decoder gives out no event with another length.
    Uuid::from_slice(&event.id).unwrap_or_default()
}

/// What the rows of a batch are made with.
pub struct Means<'a> {
    /// Where the batch came from; a parked event is tried again by that partition's owner.
    pub partition: i32,
    pub known: &'a Known,
    pub directory: &'a Directory,
    pub enricher: &'a Enricher,
}

impl Rows {
    /// Adds an event.
    pub fn add(&mut self, placed: &Placed, means: &Means<'_>) {
        let partition = means.partition;
        match &placed.decoded {
            Decoded::Unreadable => {
                self.park(placed, "unreadable", ParkReason::Unreadable, String::new(), partition, 0)
            }
            Decoded::Event(event) => match event.kind() {
                Kind::Prospect => self.add_prospect(placed, event, means),
                Kind::Order => self.add_order(placed, event, means),
                Kind::Unspecified => {
                    self.park(
                        placed,
                        "unreadable",
                        ParkReason::Unreadable,
                        String::new(),
                        partition,
                        event.time_ms,
                    );
                }
            },
        }
    }

    fn add_prospect(&mut self, placed: &Placed, event: &Event, means: &Means<'_>) {
        let fields = Fields::parse(&event.pairs);
        match owner_of(event, &fields, means.directory) {
            Err(reason) => {
                let reference = match reason {
                    ParkReason::UnknownUser if fields.key.is_empty() => {
                        fields.user_id.unwrap_or_default().to_string()
                    }
                    _ => fields.key.to_ascii_lowercase(),
                };
                self.park(placed, "prospect", reason, reference, means.partition, event.time_ms);
            }
            Ok(owner) => {
                self.push_prospect(event, fields, owner, means.enricher);
                self.count(event.time_ms, &placed.lane, Outcome::Stored, "");
            }
        }
    }

    /// Adds a prospect that is known to be somebody's or nobody's: its row, its place in the index, its sum.
    pub fn store_prospect(&mut self, event: &Event, owner: Owner, enricher: &Enricher) {
        self.push_prospect(event, Fields::parse(&event.pairs), owner, enricher);
    }

    fn push_prospect(&mut self, event: &Event, fields: Fields, owner: Owner, enricher: &Enricher) {
        let row = prospect_row(event, fields, owner, enricher);
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

    fn add_order(&mut self, placed: &Placed, event: &Event, means: &Means<'_>) {
        let known = |prospect_id| Some((prospect_id, means.known.get(&prospect_id)?));
        let found = prospect_of(event).and_then(known);
        match found {
            Some((prospect_id, origin)) => {
                self.store_order(event, prospect_id, origin, means.directory);
                self.count(event.time_ms, &placed.lane, Outcome::Stored, "");
            }
            None => {
                // Canonical, so that ClickHouse takes it for the same id as this program does, or for none.
                let reference = prospect_of(event).map_or_else(
                    || event.order.as_ref().map(|order| order.prospect_ref.clone()).unwrap_or_default(),
                    |prospect_id| prospect_id.to_string(),
                );
                let (reason, partition) = (ParkReason::UnknownProspect, means.partition);
                self.park(placed, "order", reason, reference, partition, event.time_ms);
            }
        }
    }

    /// Adds an order whose prospect is known: its row, its contact unless that was erased, its sum.
    pub fn store_order(&mut self, event: &Event, prospect_id: Uuid, origin: &Origin, directory: &Directory) {
        let Origin { owner, dimensions } = origin.clone();
        let order = event.order.clone().unwrap_or_default();
        let fields = Fields::parse(&event.pairs);
        let (order_id, time) = (event_id(event), millis(event.time_ms));
        let campaign = directory.payout(owner.campaign_id, time);
        let (payout, currency) = payout_of(fields.payout, fields.currency, campaign);
        self.sums(event.time_ms, owner).add_orders(Status::Hold, 1);
        self.orders.push(OrderRow {
            order_id,
            prospect_id,
            time,
            user_id: owner.user_id,
            team_id: owner.team_id,
            campaign_id: owner.campaign_id,
            status: Status::Hold.as_str().to_owned(),
            status_text: fields.status,
            payout,
            currency,
            marks: marks_of(event, fields.marks),
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

    fn park(
        &mut self,
        placed: &Placed,
        kind: &str,
        reason: ParkReason,
        reference: String,
        partition: i32,
        time_ms: u64,
    ) {
        let event_id = match &placed.decoded {
            Decoded::Event(event) => event_id(event),
            Decoded::Unreadable => placed.place_id(),
        };
        self.parked.push(ParkedRow {
            event_id,
            kind: kind.to_owned(),
            reason: reason.as_str().to_owned(),
            state: "waiting".to_owned(),
            first_seen: millis(time_ms),
            last_tried: millis(time_ms),
            reference,
            partition,
            payload: base64::engine::general_purpose::STANDARD.encode(&placed.bytes),
            place: placed.place(),
            version: 1,
        });
        self.count(time_ms, &placed.lane, Outcome::Parked, reason.as_str());
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
        let minute = seconds(time_ms) / 60 * 60;
        *self.outcomes.entry((minute, Arc::clone(lane), outcome.as_str(), reason)).or_default() += 1;
    }

    /// The outcome counts as rows.
    pub fn outcome_rows(&self) -> impl Iterator<Item = OutcomeRow> {
        self.outcomes.iter().map(|((minute, lane, outcome, reason), count)| OutcomeRow {
            minute: *minute,
            stage: STAGE.to_owned(),
            lane: lane.to_string(),
            outcome: (*outcome).to_owned(),
            reason: (*reason).to_owned(),
            count: *count,
            ..OutcomeRow::default()
        })
    }
}

pub(crate) fn marks_of(event: &Event, found: Vec<String>) -> Vec<String> {
    let set = Mark::ALL.iter().filter(|mark| mark.is_in(event.marks));
    set.map(|mark| mark.as_str().to_owned()).chain(found).collect()
}

/// The year 2299, the last that DateTime64(3) and a month's partition can hold: a broken clock must not stop the rest.
const MAX_TIME_MS: u64 = 10_413_791_999_999;

pub(crate) fn millis(time_ms: u64) -> i64 {
    i64::try_from(time_ms.min(MAX_TIME_MS)).unwrap_or_default()
}

/// The hour (Unix seconds of its start) of a time that is stored.
#[must_use]
pub fn hour_of(time_ms: i64) -> u32 {
    u32::try_from(time_ms / 3_600_000 * 3600).unwrap_or(u32::MAX / 3600 * 3600)
}

fn seconds(time_ms: u64) -> u32 {
    u32::try_from(time_ms / 1000).unwrap_or(u32::MAX)
}
