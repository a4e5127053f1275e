//! Changes and the rows that they refer to → the writes. Pure: a function of the batch's records,
//! of its verdict and of the directory, so that a batch that is computed again writes the same.
//!
//! Invariant: a sum loses the rows that were seen and gains the rows that are written; each change
//! has one outcome.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use sluice_schemas::change::{APPLIED, Act, CHANGED_SINCE, Change, Entity, MISSING, REFUSED};
use sluice_schemas::contact;
use sluice_schemas::rows::{ChangeRow, OrderContactRow, OrderStatusRow, RollupHourlyRow};
use sluice_schemas::status::Status;
use uuid::Uuid;

use crate::changes::effects::Effects;
use crate::changes::entity::{Order, Prospect};
use crate::changes::seen::{Seen, SeenOrder};
use crate::directory::Directory;
use crate::enrich::Enricher;
use crate::event::millis;
use crate::owner::Owner;
use crate::sql::Value;

/// The state of everything while the changes are applied one after the other.
struct Fold<'a> {
    prospects: Vec<Prospect<'a>>,
    orders: Vec<Order<'a>>,
    parked: BTreeSet<Uuid>,
    directory: &'a Directory,
    enricher: &'a Enricher,
    statuses: Vec<OrderStatusRow>,
}

/// Applies the changes in their order.
#[must_use]
pub fn fold(changes: &[Change], seen: &Seen, directory: &Directory, enricher: &Enricher) -> Effects {
    let mut fold = Fold {
        prospects: seen.prospects.iter().map(Prospect::new).collect(),
        orders: seen.orders.iter().map(Order::new).collect(),
        parked: seen.parked.clone(),
        directory,
        enricher,
        statuses: Vec::new(),
    };
    let mut taken = seen.done.clone();
    let new = changes.iter().filter(|change| taken.insert(change.change_id()));
    let rows = new.map(|change| {
        let (outcome, reason) = match fold.apply(change) {
            Ok(()) => (APPLIED, change.reason.clone()),
            Err(Unapplied::Missing) => (MISSING, String::new()),
            Err(Unapplied::Refused(reason)) => (REFUSED, reason),
        };
        change_row(change, outcome, reason)
    });
    let rows = rows.collect();
    let mut effects = fold.finish();
    effects.changes = rows;
    effects
}

/// Refuses a change whose author has read an older version.
fn check_version(change: &Change, seen: u32, is_touched: bool) -> Result<(), Unapplied> {
    match change.expected_version {
        Some(expected) if expected != seen || is_touched => Err(Unapplied::Refused(CHANGED_SINCE.to_owned())),
        _ => Ok(()),
    }
}

/// A change that changed nothing.
enum Unapplied {
    Missing,
    Refused(String),
}

impl Fold<'_> {
    fn apply(&mut self, change: &Change) -> Result<(), Unapplied> {
        match change.entity() {
            Entity::Prospect => self.apply_to_prospect(change),
            Entity::Order => self.apply_to_order(change),
            Entity::Unspecified => Err(Unapplied::Refused("entity".to_owned())),
        }
    }

    fn apply_to_prospect(&mut self, change: &Change) -> Result<(), Unapplied> {
        let id = change.target();
        let new_user = match change.field("user_id") {
            Some(text) => Some(text.parse::<u64>().map_err(|_| Unapplied::Refused("user_id".to_owned()))?),
            None => None,
        };
        let ip = match change.field("ip") {
            Some(text) => Some(stored_ip(text).ok_or_else(|| Unapplied::Refused("ip".to_owned()))?),
            None => None,
        };
        let (directory, enricher) = (self.directory, self.enricher);
        let known = || self.prospects.iter().filter(|known| known.seen.prospect_id == id && !known.is_gone);
        // Checks all visits before it changes the first. Pages show the newest version.
        let newest = known().map(|prospect| prospect.seen.version).max().ok_or(Unapplied::Missing)?;
        check_version(change, newest, known().any(|prospect| !prospect.set.is_empty()))?;
        if let Some(user_id) = new_user
            && known().any(|known| owner_now(directory, user_id, known.owner, known.seen.time_ms).is_none())
        {
            return Err(Unapplied::Refused("unknown_user".to_owned()));
        }
        let mut new_owner = None;
        for prospect in
            self.prospects.iter_mut().filter(|known| known.seen.prospect_id == id && !known.is_gone)
        {
            if change.act() == Act::Delete {
                prospect.is_gone = true;
                continue;
            }
            if let Some(user_id) = new_user {
                let owner = owner_now(directory, user_id, prospect.owner, prospect.seen.time_ms);
                prospect.hand_over(owner.expect("all of them were checked above"));
                // Of two visits with one id the orders belong to the first one.
                new_owner.get_or_insert(prospect.owner);
            }
            if let Some(ip) = ip {
                prospect.set_ip(ip, enricher);
            }
            if let Some(referrer) = change.field("referrer") {
                prospect.set.insert("referrer", Value::Text(referrer.to_owned()));
            }
            if let Some(user_agent) = change.field("user_agent") {
                prospect.set_agent(user_agent, enricher);
            }
        }
        if change.act() == Act::Delete {
            return Ok(());
        }
        // Its orders inherit its owner, country, device and so on.
        for order in self.orders.iter_mut().filter(|order| order.seen.prospect_id == id && !order.is_gone) {
            if let Some(owner) = new_owner {
                order.hand_over(owner);
            }
            order.set_dimensions(ip, change.field("user_agent"), enricher);
        }
        Ok(())
    }

    fn apply_to_order(&mut self, change: &Change) -> Result<(), Unapplied> {
        let id = change.target();
        let known = self.orders.iter_mut().find(|order| order.seen.order_id == id && !order.is_gone);
        let Some(order) = known else {
            // A waiting order was deleted or erased before; it cannot be changed in another way.
            let is_done = match change.act() {
                Act::Delete => self.parked.remove(&id),
                Act::Erase => self.parked.contains(&id),
                Act::Update | Act::Unspecified => false,
            };
            return if is_done { Ok(()) } else { Err(Unapplied::Missing) };
        };
        let is_touched = !order.set.is_empty() || order.contact.is_some();
        check_version(change, order.seen.version, is_touched)?;
        match change.act() {
            Act::Delete => {
                order.is_gone = true;
                order.contact = Some(None);
                return Ok(());
            }
            Act::Erase => {
                order.contact = Some(None);
                order.set.insert("status_text", Value::Text(String::new()));
                return Ok(());
            }
            Act::Update | Act::Unspecified => {}
        }
        if let Some(word) = change.field("status") {
            let status = Status::parse(word).ok_or_else(|| Unapplied::Refused("status".to_owned()))?;
            if !order.status.may_become(status) {
                return Err(Unapplied::Refused(format!("{} cannot become {status}", order.status)));
            }
            order.status = status;
            let status_text = change.field("status_text").unwrap_or(word).to_owned();
            order.set.insert("status", Value::Text(status.as_str().to_owned()));
            order.set.insert("status_text", Value::Text(status_text.clone()));
            self.statuses.push(OrderStatusRow {
                order_id: id,
                time: millis(change.time_ms),
                status: status.as_str().to_owned(),
                status_text,
                reason: change.reason.clone(),
                actor_id: change.actor_id,
                change_id: change.change_id(),
            });
        }
        order.set_money(change, self.directory);
        if let Some(contact) = contact_of(change, order.seen) {
            order.contact = Some(Some(contact));
        }
        Ok(())
    }

    fn finish(self) -> Effects {
        let mut effects = Effects { statuses: self.statuses, ..Effects::default() };
        for prospect in &self.prospects {
            prospect.finish(&mut effects);
        }
        for order in self.orders {
            order.finish(&mut effects);
        }
        effects.assert_conserved();
        effects.rollup.retain(|_, sums| {
            *sums != RollupHourlyRow::of(sums.hour, sums.user_id, sums.team_id, sums.campaign_id)
        });
        effects
    }
}

/// Reassigns an event to another user, in the team that the user had at the event's time. The
/// campaign is cleared: it belongs to the previous owner.
fn owner_now(directory: &Directory, user_id: u64, before: Owner, time_ms: i64) -> Option<Owner> {
    if user_id == before.user_id {
        return Some(before);
    }
    directory.owner("", Some(user_id), time_ms.unsigned_abs()).ok()
}

fn stored_ip(text: &str) -> Option<Ipv6Addr> {
    Some(match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    })
}

fn contact_of(change: &Change, seen: &SeenOrder) -> Option<OrderContactRow> {
    let [email, phone_number, first_name, last_name, delivery_address] =
        contact::FIELDS.map(|name| change.field(name).map(str::to_owned));
    Some(OrderContactRow {
        order_id: seen.order_id,
        time: seen.time_ms,
        email: email?,
        phone_number: phone_number?,
        first_name: first_name?,
        last_name: last_name?,
        delivery_address: delivery_address?,
        version: seen.version + 1,
    })
}

fn change_row(change: &Change, outcome: &str, reason: String) -> ChangeRow {
    let entity = match change.entity() {
        Entity::Prospect => "prospect",
        Entity::Order => "order",
        Entity::Unspecified => "",
    };
    let act = match change.act() {
        Act::Update => "update",
        Act::Delete => "delete",
        Act::Erase => "erase",
        Act::Unspecified => "",
    };
    ChangeRow {
        change_id: change.change_id(),
        time: millis(change.time_ms),
        entity: entity.to_owned(),
        entity_id: change.target(),
        act: act.to_owned(),
        actor_id: change.actor_id,
        outcome: outcome.to_owned(),
        reason,
    }
}
