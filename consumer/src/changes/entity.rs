//! A prospect and an order while changes are applied to them one after the other, and the writes
//! that follow: changed rows, and differences of sums.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::sync::Arc;

use sluice_schemas::change::Change;
use sluice_schemas::rows::OrderContactRow;
use sluice_schemas::status::Status;

use crate::changes::effects::{ContactGone, Effects, RowChange};
use crate::changes::seen::{SeenOrder, SeenProspect};
use crate::directory::Directory;
use crate::enrich::{Agent, Enricher};
use crate::owner::Owner;
use crate::sql::Value;

/// A prospect while its changes are applied.
pub(super) struct Prospect<'a> {
    pub(super) seen: &'a SeenProspect,
    pub(super) owner: Owner,
    pub(super) is_bot: bool,
    pub(super) is_gone: bool,
    pub(super) set: BTreeMap<&'static str, Value>,
}

/// An order while its changes are applied.
pub(super) struct Order<'a> {
    pub(super) seen: &'a SeenOrder,
    pub(super) owner: Owner,
    pub(super) status: Status,
    pub(super) is_gone: bool,
    pub(super) set: BTreeMap<&'static str, Value>,
    /// `Some(None)` deletes its contact, `Some(Some(_))` replaces it.
    pub(super) contact: Option<Option<OrderContactRow>>,
}

impl<'a> Prospect<'a> {
    pub(super) fn new(seen: &'a SeenProspect) -> Self {
        Self { seen, owner: seen.owner, is_bot: seen.is_bot, is_gone: false, set: BTreeMap::new() }
    }
}

impl<'a> Order<'a> {
    pub(super) fn new(seen: &'a SeenOrder) -> Self {
        let (owner, status) = (seen.owner, status_of(seen));
        Self { seen, owner, status, is_gone: false, set: BTreeMap::new(), contact: None }
    }
}

impl Prospect<'_> {
    pub(super) fn hand_over(&mut self, owner: Owner) {
        self.owner = owner;
        set_owner(&mut self.set, owner);
    }

    pub(super) fn set_ip(&mut self, ip: Ipv6Addr, enricher: &Enricher) {
        self.set.insert("ip", Value::Ip(ip));
        set_country(&mut self.set, ip, enricher);
        self.set.insert("rules", Value::Text(enricher.rules().to_owned()));
    }

    pub(super) fn set_agent(&mut self, user_agent: &str, enricher: &Enricher) {
        self.set.insert("user_agent", Value::Text(user_agent.to_owned()));
        let agent = set_agent(&mut self.set, user_agent, enricher);
        self.is_bot = !agent.bot.is_empty();
        self.set.insert("rules", Value::Text(enricher.rules().to_owned()));
    }

    pub(super) fn finish(&self, effects: &mut Effects) {
        let seen = self.seen;
        let row = RowChange { id: seen.prospect_id, time_ms: seen.time_ms, version: seen.version, set: None };
        if self.is_gone {
            effects.prospects.push(row);
        } else if !self.set.is_empty() {
            effects.prospects.push(RowChange { set: Some(self.set.clone()), ..row });
        }
        let before = effects.sums(seen.time_ms, seen.owner);
        before.prospects -= 1;
        before.bots -= i64::from(seen.is_bot);
        if !self.is_gone {
            let after = effects.sums(seen.time_ms, self.owner);
            after.prospects += 1;
            after.bots += i64::from(self.is_bot);
        }
    }
}

impl Order<'_> {
    pub(super) fn hand_over(&mut self, owner: Owner) {
        self.owner = owner;
        set_owner(&mut self.set, owner);
    }

    /// Sets the country and the facts of the user agent, which it inherits from its prospect.
    pub(super) fn set_dimensions(
        &mut self,
        ip: Option<Ipv6Addr>,
        user_agent: Option<&str>,
        enricher: &Enricher,
    ) {
        if let Some(ip) = ip {
            set_country(&mut self.set, ip, enricher);
        }
        if let Some(user_agent) = user_agent {
            set_agent(&mut self.set, user_agent, enricher);
        }
    }

    /// Sets payout and currency. A payout without a currency is in the order's currency, else in
    /// that of its campaign at the order's time.
    pub(super) fn set_money(&mut self, change: &Change, directory: &Directory) {
        let payout = change.field("payout").and_then(|text| text.parse::<i64>().ok());
        let has_none = self.seen.currency.as_deref() == Some("") && !self.set.contains_key("currency");
        let of_campaign = || {
            let campaign = directory.payout(self.seen.owner.campaign_id, self.seen.time_ms)?;
            (payout.is_some() && has_none).then(|| campaign.currency.clone())
        };
        let currency = change.field("currency").map(str::to_owned).or_else(of_campaign);
        if let Some(payout) = payout {
            self.set.insert("payout", Value::Micros(payout));
        }
        if let Some(currency) = currency {
            self.set.insert("currency", Value::Text(currency));
        }
    }

    pub(super) fn finish(self, effects: &mut Effects) {
        let seen = self.seen;
        let row = RowChange { id: seen.order_id, time_ms: seen.time_ms, version: seen.version, set: None };
        if self.is_gone {
            effects.orders.push(row);
        } else if !self.set.is_empty() || self.contact.is_some() {
            // A change of the contact alone moves the order's version, too.
            effects.orders.push(RowChange { set: Some(self.set), ..row });
        }
        if let Some(contact) = self.contact {
            let (order_id, time_ms, version) = (seen.order_id, seen.time_ms, seen.version);
            effects.contacts_gone.push(ContactGone { order_id, time_ms, version });
            effects.contacts.extend(contact);
        }
        let status = status_of(seen);
        effects.sums(seen.time_ms, seen.owner).add_orders(status, -1);
        if !self.is_gone {
            effects.sums(seen.time_ms, self.owner).add_orders(self.status, 1);
        }
    }
}

fn status_of(seen: &SeenOrder) -> Status {
    Status::parse(&seen.status).unwrap_or(Status::Hold)
}

fn set_country(set: &mut BTreeMap<&'static str, Value>, ip: Ipv6Addr, enricher: &Enricher) {
    set.insert("country", Value::Text(enricher.country(ip).to_owned()));
}

fn set_agent(set: &mut BTreeMap<&'static str, Value>, user_agent: &str, enricher: &Enricher) -> Arc<Agent> {
    let agent = enricher.agent(user_agent.as_bytes());
    for (column, text) in
        [("device", agent.device), ("os", &*agent.os), ("browser", &*agent.browser), ("bot", &*agent.bot)]
    {
        set.insert(column, Value::Text(text.to_owned()));
    }
    agent
}

fn set_owner(set: &mut BTreeMap<&'static str, Value>, owner: Owner) {
    set.insert("user_id", Value::Number(owner.user_id));
    set.insert("team_id", Value::Number(owner.team_id));
    set.insert("campaign_id", Value::Number(owner.campaign_id));
}
