//! Finds events of Kafka that were stored and whose rows are gone, and makes the rows to write.
//!
//! An event is not lost if a row has its id and time, if it is parked, or if it ended while it was
//! parked. Rows that people deleted, erased or edited are not brought back: an edited row cannot be
//! made from the event, so it is only reported.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluice_schemas::change::Entity;
use sluice_schemas::event::{Event, Kind};
use sluice_schemas::rows::OrderContactRow;
use uuid::Uuid;

use crate::decode::{Decoded, Lanes, LocatedEvent, Position};
use crate::directory::Directory;
use crate::enrich::{Dimensions, Enricher};
use crate::erased::{erased_payload, is_erased};
use crate::event::{event_id, millis, prospect_of};
use crate::owner::{Inherited, Known, Owner};
use crate::rows::{RowContext, Rows};
use crate::store::{Store, StoreError};
use crate::verify::people::{Contact, People};
use crate::verify::range::TimeRange;
use crate::verify::there::{Keys, ParkedStates};

/// Looks for lost events of one time range.
pub(super) struct Search<'a> {
    pub(super) store: &'a Store,
    pub(super) directory: Arc<Directory>,
    pub(super) enricher: &'a Enricher,
    pub(super) range: TimeRange,
    /// The next ordinals of the lanes: later events are not stored yet.
    pub(super) reached: Lanes,
    pub(super) people: People<'a>,
    /// Lost prospects that a dry run does not write.
    pub(super) unwritten: Known,
}

/// The losses of a run of events.
#[derive(Default)]
pub(super) struct Lost {
    /// The rows to write; the sums are of these rows.
    pub(super) rows: Rows,
    /// Losses that cannot be mended, with reasons.
    pub(super) left_alone: Vec<String>,
}

/// An event that is looked for.
#[derive(Clone, Copy)]
struct Sought<'a> {
    located: &'a LocatedEvent,
    event: &'a Event,
    id: Uuid,
    time: i64,
}

impl Sought<'_> {
    const fn key(&self) -> (Uuid, i64) {
        (self.id, self.time)
    }
}

impl Search<'_> {
    /// The lost prospects of a run.
    pub(super) async fn prospects(
        &mut self,
        run: &[LocatedEvent],
        partition: i32,
    ) -> Result<Lost, StoreError> {
        let mut lost = Lost::default();
        let sought = self.sought(run, Kind::Prospect);
        let mut there = self.store.there("prospects", "prospect_id", &keys(&sought)).await?;
        let lacking: Vec<Sought<'_>> =
            sought.into_iter().filter(|sought| !there.use_up(sought.key())).collect();
        let ids: BTreeSet<Uuid> = lacking.iter().map(|sought| sought.id).collect();
        let parked = self.store.parked_states(&ids).await?;
        self.people.ask(&ids).await?;
        let known = Known::new();
        for sought in lacking.iter().filter(|sought| !parked.is_kept(sought.id, sought.located)) {
            if self.people.is_deleted(Entity::Prospect, sought.id) {
                continue;
            }
            if self.people.is_edited(Entity::Prospect, sought.id) {
                lost.left_alone.push(format!("prospect {} is lost, and was edited", sought.id));
                continue;
            }
            lost.rows.add(sought.located, &self.context(partition, &known));
        }
        lost.forget_replayed(&parked);
        Ok(lost)
    }

    /// The lost orders and contacts of a run, and records that could not be read. After all
    /// prospects: orders take their owner from the stored ones.
    pub(super) async fn orders(&mut self, run: &[LocatedEvent], partition: i32) -> Result<Lost, StoreError> {
        let mut lost = self.unreadable(run, partition).await?;
        let sought = self.sought(run, Kind::Order);
        let mut there = self.store.there("orders", "order_id", &keys(&sought)).await?;
        let contacts = self.store.there("order_contacts", "order_id", &keys(&sought)).await?;
        let (stored, lacking): (Vec<_>, Vec<_>) =
            sought.into_iter().partition(|sought| there.use_up(sought.key()));
        let bare = stored.into_iter().filter(|sought| has_customer(sought.event));
        let bare: Vec<_> = bare.filter(|sought| !contacts.has(sought.key())).collect();
        let ids: BTreeSet<Uuid> = lacking.iter().chain(&bare).map(|sought| sought.id).collect();
        if ids.is_empty() {
            return Ok(lost);
        }
        let prospects: BTreeSet<Uuid> =
            lacking.iter().filter_map(|sought| prospect_of(sought.event)).collect();
        let parked = self.store.parked_states(&ids).await?;
        self.people.ask(&ids.union(&prospects).copied().collect()).await?;
        let mut known = self.store.origins(&prospects).await?;
        for id in &prospects {
            if let Some(inherited) = self.unwritten.get(id) {
                known.entry(*id).or_insert_with(|| inherited.clone());
            }
        }
        for sought in lacking.iter().filter(|sought| !parked.is_kept(sought.id, sought.located)) {
            if self.people.is_deleted(Entity::Order, sought.id) {
                continue;
            }
            if self.people.is_edited(Entity::Order, sought.id) {
                lost.left_alone.push(format!("order {} is lost, and was edited", sought.id));
                continue;
            }
            let is_known = prospect_of(sought.event).is_some_and(|id| known.contains_key(&id));
            let is_gone = |id| self.people.is_deleted(Entity::Prospect, id);
            if !is_known && prospect_of(sought.event).is_some_and(is_gone) {
                lost.left_alone.push(format!("order {} is lost, and its prospect was deleted", sought.id));
                continue;
            }
            lost.rows.add(sought.located, &self.context(partition, &known));
        }
        self.leave_out_erased(&mut lost, &contacts, &parked);
        for sought in &bare {
            let version = there.version(sought.key());
            match self.people.contact(sought.id, parked.knows(sought.id), version, sought.time) {
                Contact::Allowed => lost.rows.contacts.extend(self.contact_of(sought)),
                Contact::Ended => {}
                Contact::Unknown => lost.left_alone.push(format!(
                    "the contact of order {} is lost, or was erased; Kafka no longer has its changes",
                    sought.id
                )),
            }
        }
        lost.forget_replayed(&parked);
        Ok(lost)
    }

    /// Removes erased data, and contacts that are not missing, from the rows.
    fn leave_out_erased(&self, lost: &mut Lost, contacts: &Keys, parked: &ParkedStates) {
        let is_erased = |id| self.people.is_erased(id, parked.knows(id));
        for order in lost.rows.orders.iter_mut().filter(|order| is_erased(order.order_id)) {
            order.status_text.clear();
        }
        lost.rows.contacts.retain(|contact| {
            let (id, time) = (contact.order_id, contact.time);
            !contacts.has((id, time))
                && self.people.contact(id, parked.knows(id), 0, time) == Contact::Allowed
        });
        for row in lost.rows.parked.iter_mut().filter(|row| is_erased(row.event_id)) {
            row.payload = erased_payload(row).unwrap_or_default();
        }
    }

    /// Records and events that could not be read, and are not among the parked ones.
    async fn unreadable(&self, run: &[LocatedEvent], partition: i32) -> Result<Lost, StoreError> {
        let id_of = |located: &LocatedEvent| match &located.decoded {
            Decoded::Unreadable => Some((located.place_id(), 0)),
            Decoded::Event(event) if event.kind() == Kind::Unspecified => {
                Some((event_id(event), millis(event.time_ms)))
            }
            Decoded::Event(_) => None,
        };
        let reached = run.iter().filter(|located| self.is_reached(located));
        let found = reached.filter_map(|located| Some((located, id_of(located)?)));
        let found: Vec<_> = found.filter(|(_, (_, time))| self.range.contains(*time)).collect();
        let ids: BTreeSet<Uuid> = found.iter().map(|(_, (id, _))| *id).collect();
        let parked = self.store.parked_states(&ids).await?;
        let (mut lost, known) = (Lost::default(), Known::new());
        for (located, (id, _)) in found {
            if !parked.has(id, &located.place()) {
                lost.rows.add(located, &self.context(partition, &known));
            }
        }
        Ok(lost)
    }

    fn sought<'e>(&self, run: &'e [LocatedEvent], kind: Kind) -> Vec<Sought<'e>> {
        let of_kind = |located: &'e LocatedEvent| {
            let event = located.event().filter(|event| event.kind() == kind)?;
            Some(Sought { located, event, id: event_id(event), time: millis(event.time_ms) })
        };
        let sought = run.iter().filter(|located| self.is_reached(located)).filter_map(of_kind);
        sought.filter(|sought| self.range.contains(sought.time)).collect()
    }

    fn is_reached(&self, located: &LocatedEvent) -> bool {
        match located.position {
            Position::Ordinal(ordinal) => {
                self.reached.get(&*located.lane).is_some_and(|next| ordinal < *next)
            }
            Position::Offset(_) => true,
        }
    }

    fn context<'m>(&'m self, partition: i32, known: &'m Known) -> RowContext<'m> {
        RowContext { partition, known, directory: &self.directory, enricher: self.enricher }
    }

    fn contact_of(&self, sought: &Sought<'_>) -> Option<OrderContactRow> {
        let mut rows = Rows::default();
        rows.store_order(sought.event, Uuid::nil(), &Inherited::default(), &self.directory);
        rows.contacts.pop()
    }
}

impl Lost {
    /// The lost prospects, for a dry run that does not write them.
    pub(super) fn known(&self) -> impl Iterator<Item = (Uuid, Inherited)> {
        self.rows.prospects.iter().map(|row| {
            let owner = Owner { user_id: row.user_id, team_id: row.team_id, campaign_id: row.campaign_id };
            let dimensions = Dimensions {
                country: row.country.clone(),
                device: row.device.clone(),
                os: row.os.clone(),
                browser: row.browser.clone(),
                bot: row.bot.clone(),
            };
            (row.prospect_id, Inherited { owner, dimensions })
        })
    }

    /// Removes events that were parked and replayed and cannot be resolved now: they must not wait
    /// again.
    fn forget_replayed(&mut self, parked: &ParkedStates) {
        for row in self.rows.parked.extract_if(.., |row| parked.has(row.event_id, &row.place)) {
            let (kind, id, reason) = (row.kind, row.event_id, row.reason);
            self.left_alone.push(format!("{kind} {id} is lost, and cannot be resolved: {reason}"));
        }
    }
}

fn has_customer(event: &Event) -> bool {
    event.order.as_ref().is_some_and(|order| !is_erased(order))
}

fn keys(sought: &[Sought<'_>]) -> Vec<(Uuid, i64)> {
    sought.iter().map(Sought::key).collect()
}
