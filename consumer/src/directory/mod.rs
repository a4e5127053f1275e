//! The directory, which resolves the owner of an event: tracking key → campaign → buyer → team,
//! each as of the event's time. Pure look-ups in a snapshot of Postgres. [`keeper`] keeps the
//! snapshot current, and [`mod@file`] keeps it on disk.
//!
//! Invariant: a snapshot is a fold of the directory's log up to its version. So a batch that is
//! computed again with the same version finds the same owners.

pub mod decisions;
pub mod file;
pub mod keeper;
mod period;
mod sources;

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use sluice_schemas::outcome::ParkReason;
use sluice_schemas::rows::Micros;
use sluice_schemas::{currency, tracking_key};

use self::decisions::{Act, Decisions, Target};
use self::period::{Period, Periods, at, set};
use self::sources::Sources;
use crate::owner::Owner;

/// A change of the directory: a row of `directory_log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub version: i64,
    /// `user`, `membership`, `campaign_buyer`, `campaign_payout`, `campaign_source`, `source`,
    /// `tracking_key` or `parked_decision`.
    pub entity: String,
    pub entity_id: String,
    pub subject_id: i64,
    pub object_id: i64,
    /// The currency of a payout; empty in other changes.
    pub currency: String,
    pub from_ms: Option<i64>,
    pub to_ms: Option<i64>,
    pub is_gone: bool,
    /// A decision about parked events, or a source, as JSON; empty in other changes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub details: String,
}

/// The snapshot of a version. An event costs a look-up in each map, in memory that is seldom in the
/// processor's cache. So the hash is quick for small keys, and the maps hold the periods
/// themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    pub version: i64,
    /// By the bytes of the key, as a number.
    keys: HashMap<u128, Key>,
    /// The buyers of each campaign over time.
    campaigns: HashMap<u64, Periods<u64>>,
    /// The payouts of each campaign over time.
    payouts: HashMap<u64, Periods<Payout>>,
    users: HashMap<u64, User>,
    sources: Sources,
    decisions: Arc<Decisions>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    campaign_id: u64,
    to_ms: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct User {
    /// The ids of their teams over time; a user without a team has no period.
    teams: Periods<u64>,
    /// They keep earlier events.
    removed_ms: Option<i64>,
}

/// The payout of an order that does not name one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// `None` if the campaign has none.
    pub micros: Option<Micros>,
    /// ISO 4217.
    pub currency: String,
}

impl Directory {
    /// Applies a change. Changes come in the order of their versions.
    pub fn apply(&mut self, entry: &Entry) {
        self.version = entry.version;
        let (subject_id, object_id) = (entry.subject_id.unsigned_abs(), entry.object_id.unsigned_abs());
        let to_ms = entry.to_ms.unwrap_or(i64::MAX);
        let row_id = || entry.entity_id.parse::<u64>().unwrap_or_default();
        let period = || Period {
            row_id: row_id(),
            holds: object_id,
            from_ms: entry.from_ms.unwrap_or(i64::MIN),
            to_ms,
        };
        match entry.entity.as_str() {
            "tracking_key" => {
                let Some(key) = folded(&entry.entity_id) else { return };
                if entry.is_gone {
                    self.keys.remove(&key);
                } else {
                    self.keys.insert(key, Key { campaign_id: object_id, to_ms });
                }
            }
            "user" if entry.is_gone => drop(self.users.remove(&row_id())),
            "user" => self.users.entry(row_id()).or_default().removed_ms = entry.to_ms,
            "membership" => {
                if let Some(user) = known(&mut self.users, subject_id, entry.is_gone) {
                    set(&mut user.teams, period(), entry.is_gone);
                }
            }
            "campaign_buyer" => {
                if let Some(buyers) = known(&mut self.campaigns, subject_id, entry.is_gone) {
                    set(buyers, period(), entry.is_gone);
                }
            }
            "campaign_payout" => {
                if let Some(payouts) = known(&mut self.payouts, subject_id, entry.is_gone) {
                    set(payouts, period().with(payout_of(entry)), entry.is_gone);
                }
            }
            "campaign_source" => {
                self.sources.set_campaign(row_id(), (!entry.is_gone).then_some(object_id));
            }
            "source" => self.sources.set_source(row_id(), (!entry.is_gone).then_some(&entry.details)),
            "parked_decision" => {
                Arc::make_mut(&mut self.decisions).set(row_id(), &entry.details, to_ms, entry.is_gone);
            }
            // An entity of a later schema, which this program does not need.
            _ => {}
        }
    }

    /// The owner of an event of this moment: by its tracking key if it has one, else by its user,
    /// else none. If the key or the user is unknown, the owner by an Owner's decision about it.
    ///
    /// # Errors
    /// The reason to park the event.
    pub fn owner(&self, key: &str, user_id: Option<u64>, time_ms: u64) -> Result<Owner, ParkReason> {
        let time_ms = i64::try_from(time_ms).unwrap_or(i64::MAX);
        self.named_owner(key, user_id, time_ms).or_else(|reason| {
            let reference = || reference(reason, key, user_id);
            let decision = self.decisions.on_alike(reason.as_str(), reference, time_ms).ok_or(reason)?;
            match &decision.act {
                Act::Mend(target) => self.meant_owner(target, time_ms).ok_or(reason),
                Act::Ignore | Act::Wait => Err(reason),
            }
        })
    }

    /// The owner that a decision names for a prospect of this moment; `None` if nobody was the
    /// buyer then.
    #[must_use]
    pub fn meant_owner(&self, target: &Target, time_ms: i64) -> Option<Owner> {
        match target {
            Target::Campaign(id) => self.owner_of_campaign(*id, time_ms).ok(),
            Target::User(id) => self.owner_of_user(*id, 0, time_ms).ok(),
            Target::Prospect(_) => None,
        }
    }

    /// The decisions about parked events.
    #[must_use]
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    fn named_owner(&self, key: &str, user_id: Option<u64>, time_ms: i64) -> Result<Owner, ParkReason> {
        if !key.is_empty() {
            let key = folded(key).and_then(|key| self.keys.get(&key)).ok_or(ParkReason::UnknownKey)?;
            if time_ms >= key.to_ms {
                return Err(ParkReason::ExpiredKey);
            }
            return self.owner_of_campaign(key.campaign_id, time_ms);
        }
        match user_id.unwrap_or_default() {
            0 => Ok(Owner::default()),
            user_id => self.owner_of_user(user_id, 0, time_ms),
        }
    }

    fn owner_of_campaign(&self, campaign_id: u64, time_ms: i64) -> Result<Owner, ParkReason> {
        let buyers = self.campaigns.get(&campaign_id).ok_or(ParkReason::UnknownKey)?;
        let user_id = at(buyers, time_ms).copied().ok_or(ParkReason::UnknownKey)?;
        self.owner_of_user(user_id, campaign_id, time_ms)
    }

    fn owner_of_user(&self, user_id: u64, campaign_id: u64, time_ms: i64) -> Result<Owner, ParkReason> {
        let user = self.users.get(&user_id).filter(|user| user.existed(time_ms));
        let user = user.ok_or(ParkReason::UnknownUser)?;
        Ok(Owner { user_id, team_id: at(&user.teams, time_ms).copied().unwrap_or(0), campaign_id })
    }

    /// The payout of a campaign's orders at this moment.
    #[must_use]
    pub fn payout(&self, campaign_id: u64, time_ms: i64) -> Option<&Payout> {
        at(self.payouts.get(&campaign_id)?, time_ms)
    }

    /// The parameter with which the source of a campaign passes its click id.
    #[must_use]
    pub fn click_id_param(&self, campaign_id: u64) -> Option<&str> {
        self.sources.click_id_param(campaign_id)
    }

    /// Whether the key or the user's id that a parked event names is known.
    #[must_use]
    pub fn knows(&self, reference: &str) -> bool {
        folded(reference).is_some_and(|key| self.keys.contains_key(&key))
            || reference
                .parse()
                .is_ok_and(|id: u64| self.users.get(&id).is_some_and(|user| user.removed_ms.is_none()))
    }
}

impl User {
    /// Whether the user was not yet removed at a moment.
    fn existed(&self, time_ms: i64) -> bool {
        self.removed_ms.is_none_or(|removed_ms| time_ms < removed_ms)
    }
}

impl Entry {
    /// The key or user's id by which parked events wait for this change.
    fn reference(&self) -> Option<&str> {
        matches!(self.entity.as_str(), "tracking_key" | "user").then_some(&self.entity_id)
    }
}

/// Returns the reference of an event that is parked for this reason: its key, or its user without
/// a key.
#[must_use]
pub fn reference(reason: ParkReason, key: &str, user_id: Option<u64>) -> String {
    match reason {
        ParkReason::UnknownUser if key.is_empty() => user_id.unwrap_or_default().to_string(),
        _ => key.to_ascii_lowercase(),
    }
}

/// Keys are lower case; upper case is accepted. `None` if the length is not that of a key.
fn folded(key: &str) -> Option<u128> {
    let mut key: [u8; tracking_key::LEN] = key.as_bytes().try_into().ok()?;
    key.make_ascii_lowercase();
    Some(u128::from_ne_bytes(key))
}

/// The value of an id: created by its first entry, except by one that removes it.
fn known<T: Default>(all: &mut HashMap<u64, T>, id: u64, is_gone: bool) -> Option<&mut T> {
    if is_gone { all.get_mut(&id) } else { Some(all.entry(id).or_default()) }
}

fn payout_of(entry: &Entry) -> Payout {
    // Below zero means none.
    let minor = (entry.object_id >= 0).then_some(entry.object_id);
    let micros = minor.and_then(|minor| currency::micros(minor, &entry.currency));
    Payout { micros, currency: entry.currency.clone() }
}

/// The recent changes of keys and users that parked events may wait for.
#[derive(Debug, Default)]
struct Recent {
    /// Everything after this version is here.
    since: i64,
    references: Vec<(i64, String)>,
}

/// Beyond this number a replay looks up everything that waits.
const MAX_RECENT: usize = 10_000;

impl Recent {
    fn note(&mut self, entry: &Entry) {
        if let Some(reference) = entry.reference() {
            if self.references.len() >= MAX_RECENT {
                *self = Self { since: entry.version - 1, references: Vec::new() };
            }
            self.references.push((entry.version, reference.to_owned()));
        }
    }

    fn since(&self, version: i64) -> Option<BTreeSet<String>> {
        let later = self.references.iter().filter(|(changed, _)| *changed > version);
        (version >= self.since).then(|| later.map(|(_, reference)| reference.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "7qk2m9xw4tbvhr32";

    pub(super) fn entry(
        version: i64,
        entity: &str,
        id: &str,
        ids: (i64, i64),
        times: (Option<i64>, Option<i64>),
    ) -> Entry {
        Entry {
            version,
            entity: entity.to_owned(),
            entity_id: id.to_owned(),
            subject_id: ids.0,
            object_id: ids.1,
            currency: String::new(),
            from_ms: times.0,
            to_ms: times.1,
            is_gone: false,
            details: String::new(),
        }
    }

    fn fold(entries: &[Entry]) -> Directory {
        entries.iter().fold(Directory::default(), |mut directory, entry| {
            directory.apply(entry);
            directory
        })
    }

    #[test]
    fn an_event_is_its_buyers_and_their_teams_of_its_time() {
        let mut log = vec![
            entry(1, "user", "5", (0, 0), (None, None)),
            entry(2, "user", "6", (0, 0), (None, None)),
            entry(3, "membership", "1", (5, 70), (Some(1000), None)),
            entry(4, "campaign_buyer", "1", (9, 5), (Some(0), None)),
            entry(5, "tracking_key", KEY, (0, 9), (None, None)),
        ];
        let owner = |user_id, team_id, campaign_id| Ok(Owner { user_id, team_id, campaign_id });
        let before = fold(&log);
        assert_eq!(before.owner(KEY, None, 2000), owner(5, 70, 9));
        assert_eq!(before.owner(&KEY.to_ascii_uppercase(), Some(6), 999), owner(5, 0, 9));
        assert_eq!(before.owner("", Some(5), 1000), owner(5, 70, 0));
        assert_eq!(before.owner("", None, 1000), owner(0, 0, 0));
        assert_eq!(before.owner("", Some(7), 1000), Err(ParkReason::UnknownUser));
        assert_eq!(before.owner("7qk2m9xw4tbvhr3f", None, 1000), Err(ParkReason::UnknownKey));
        // The buyer moves to another team, the campaign to another buyer, and the key ends.
        log.extend([
            entry(6, "membership", "1", (5, 70), (Some(1000), Some(3000))),
            entry(7, "membership", "2", (5, 71), (Some(3000), None)),
            entry(8, "campaign_buyer", "1", (9, 5), (Some(0), Some(4000))),
            entry(9, "campaign_buyer", "2", (9, 6), (Some(4000), None)),
            entry(10, "tracking_key", KEY, (0, 9), (None, Some(5000))),
        ]);
        let after = fold(&log);
        assert_eq!(after.owner(KEY, None, 2999), owner(5, 70, 9));
        assert_eq!(after.owner(KEY, None, 3000), owner(5, 71, 9));
        assert_eq!(after.owner(KEY, None, 4999), owner(6, 0, 9));
        assert_eq!(after.owner(KEY, None, 5000), Err(ParkReason::ExpiredKey));
        assert_eq!(after.version, 10);
        assert_eq!(fold(&log[..5]), before);
    }

    #[test]
    fn an_order_brings_what_its_campaigns_orders_brought_at_its_time() {
        let payout = |version, id: &str, minor, currency: &str, times| Entry {
            currency: currency.to_owned(),
            ..entry(version, "campaign_payout", id, (9, minor), times)
        };
        let mut log = vec![
            payout(1, "1", 1250, "USD", (Some(0), None)),
            payout(2, "1", 1250, "USD", (Some(0), Some(1000))),
            payout(3, "2", 300, "JPY", (Some(1000), Some(2000))),
            payout(4, "3", -1, "EUR", (Some(2000), None)),
        ];
        let directory = fold(&log);
        let at =
            |time_ms| directory.payout(9, time_ms).map(|payout| (payout.micros, payout.currency.as_str()));
        assert_eq!(at(999), Some((Some(12_500_000), "USD")));
        assert_eq!(at(1000), Some((Some(300_000_000), "JPY")));
        assert_eq!(at(2000), Some((None, "EUR")));
        assert_eq!(directory.payout(8, 0), None);
        log.push(Entry { is_gone: true, ..payout(5, "3", -1, "EUR", (Some(2000), None)) });
        assert_eq!(fold(&log).payout(9, 2000), None);
    }

    #[test]
    fn what_is_gone_is_unknown_again() {
        let mut log = vec![
            entry(1, "user", "5", (0, 0), (None, None)),
            entry(2, "membership", "1", (5, 70), (Some(0), None)),
            entry(3, "membership", "1", (5, 70), (Some(0), None)),
            entry(4, "user", "5", (0, 0), (None, None)),
        ];
        log[2].is_gone = true;
        log[3].is_gone = true;
        assert_eq!(
            fold(&log[..3]).owner("", Some(5), 1),
            Ok(Owner { user_id: 5, team_id: 0, campaign_id: 0 })
        );
        assert_eq!(fold(&log).owner("", Some(5), 1), Err(ParkReason::UnknownUser));
    }

    #[test]
    fn who_was_removed_keeps_what_came_before() {
        let log = [
            entry(1, "user", "5", (0, 0), (None, None)),
            entry(2, "user", "6", (0, 0), (None, None)),
            entry(3, "campaign_buyer", "1", (9, 5), (Some(0), None)),
            entry(4, "tracking_key", KEY, (0, 9), (None, None)),
            entry(5, "user", "5", (0, 0), (None, Some(2000))),
        ];
        let directory = fold(&log);
        assert!(directory.owner(KEY, None, 1999).is_ok() && directory.owner("", Some(5), 1999).is_ok());
        assert_eq!(directory.owner(KEY, None, 2000), Err(ParkReason::UnknownUser));
        assert_eq!(directory.owner("", Some(5), 2000), Err(ParkReason::UnknownUser));
        assert!(!directory.knows("5") && directory.knows("6"));
        // Another buyer takes the campaign over.
        let handed = [
            entry(6, "campaign_buyer", "1", (9, 5), (Some(0), Some(3000))),
            entry(7, "campaign_buyer", "2", (9, 6), (Some(3000), None)),
        ];
        let directory = fold(&[&log[..], &handed].concat());
        assert_eq!(directory.owner(KEY, None, 3000), Ok(Owner { user_id: 6, team_id: 0, campaign_id: 9 }));
        assert_eq!(directory.owner(KEY, None, 2999), Err(ParkReason::UnknownUser));
    }

    #[test]
    fn an_unknown_key_is_what_was_decided_and_known_ones_are_themselves() {
        let decision = |version, id: &str, details: serde_json::Value, to_ms| Entry {
            details: details.to_string(),
            ..entry(version, "parked_decision", id, (0, 0), (None, to_ms))
        };
        let mend = |reason: &str, reference: &str, campaign_id: Option<u64>, user_id: Option<u64>| {
            serde_json::json!({
                "act": "mend", "event_id": null, "reason": reason, "reference": reference, "note": "",
                "campaign_id": campaign_id, "user_id": user_id, "prospect_id": null,
            })
        };
        let mut log = vec![
            entry(1, "user", "5", (0, 0), (None, None)),
            entry(2, "membership", "1", (5, 70), (Some(1000), None)),
            entry(3, "campaign_buyer", "1", (9, 5), (Some(0), None)),
            decision(4, "1", mend("unknown_key", KEY, Some(9), None), Some(3000)),
            decision(5, "2", mend("unknown_user", "999", None, Some(5)), None),
            decision(6, "3", mend("unknown_user", "998", None, Some(997)), None),
        ];
        let directory = fold(&log);
        let owner = |user_id, team_id, campaign_id| Ok(Owner { user_id, team_id, campaign_id });
        assert_eq!(directory.owner(&KEY.to_ascii_uppercase(), None, 2999), owner(5, 70, 9));
        assert_eq!(directory.owner(KEY, None, 999), owner(5, 0, 9));
        assert_eq!(directory.owner(KEY, None, 3000), Err(ParkReason::UnknownKey));
        assert_eq!(directory.owner("", Some(999), 9_999_999), owner(5, 70, 0));
        assert_eq!(directory.owner("", Some(998), 1), Err(ParkReason::UnknownUser), "meant nobody either");
        // The key becomes known, as another campaign's.
        log.push(entry(7, "campaign_buyer", "2", (8, 5), (Some(0), None)));
        log.push(entry(8, "tracking_key", KEY, (0, 8), (None, None)));
        assert_eq!(fold(&log).owner(KEY, None, 1), owner(5, 0, 8));
        log.push(Entry {
            is_gone: true,
            ..decision(9, "2", mend("unknown_user", "999", None, Some(5)), None)
        });
        assert_eq!(fold(&log).owner("", Some(999), 1), Err(ParkReason::UnknownUser));
    }

    #[test]
    fn who_was_away_too_long_looks_at_everything() {
        let mut recent = Recent { since: 1, references: Vec::new() };
        for version in 2..=3 {
            recent.note(&entry(version, "user", &version.to_string(), (0, 0), (None, None)));
        }
        assert_eq!(recent.since(0), None);
        assert_eq!(recent.since(2), Some(BTreeSet::from(["3".to_owned()])));
        assert_eq!(recent.since(3), Some(BTreeSet::new()));
    }
}
