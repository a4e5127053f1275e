//! Decisions of Owners about parked events: they mend, ignore, or let wait again (`docs/adr/0010`).
//! Pure look-ups.
//!
//! Invariant: there is at most one decision about an event, and one about all events that are
//! parked for the same reason and name the same thing. The one about the event takes precedence.

use foldhash::HashMap;
use serde::Deserialize;
use uuid::Uuid;

/// A decision that was not revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub id: u64,
    pub act: Act,
    /// It is about events before this moment (Unix milliseconds).
    pub before_ms: i64,
    /// The Owner's words.
    pub note: String,
}

/// The effect of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The event should have named this.
    Mend(Target),
    Ignore,
    /// The event waits, whatever was decided about others like it.
    Wait,
}

/// The thing that an event should have named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Campaign(u64),
    User(u64),
    /// Of an order.
    Prospect(Uuid),
}

/// All decisions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decisions {
    /// By reason and reference, see [`alike_key`].
    alike: HashMap<String, Decision>,
    events: HashMap<Uuid, Decision>,
}

/// The details in the directory's log.
#[derive(Deserialize)]
struct Details {
    act: String,
    event_id: Option<Uuid>,
    reason: String,
    reference: String,
    campaign_id: Option<u64>,
    user_id: Option<u64>,
    prospect_id: Option<Uuid>,
    note: String,
}

impl Decisions {
    /// Adds a decision or, if it is gone, removes it.
    pub(super) fn set(&mut self, id: u64, details: &str, before_ms: i64, is_gone: bool) {
        let Ok(details) = serde_json::from_str::<Details>(details) else {
            tracing::error!(id, "a decision about parked events cannot be read");
            return;
        };
        // One that a later version makes.
        let Some(act) = details.act() else { return };
        let Details { event_id, reason, reference, note, .. } = details;
        // Another one may have taken its place.
        let is_same = |known: &Decision| known.id == id;
        match (event_id, is_gone) {
            (Some(event_id), true) if self.events.get(&event_id).is_some_and(is_same) => {
                self.events.remove(&event_id);
            }
            (Some(event_id), false) => {
                self.events.insert(event_id, Decision { id, act, before_ms: i64::MAX, note });
            }
            (None, true) => {
                let key = alike_key(&reason, &reference);
                if self.alike.get(&key).is_some_and(is_same) {
                    self.alike.remove(&key);
                }
            }
            (None, false) => {
                self.alike.insert(alike_key(&reason, &reference), Decision { id, act, before_ms, note });
            }
            (Some(_), true) => {}
        }
    }

    /// The decision about all events of this moment that are parked for this reason and name the
    /// same thing.
    pub(super) fn on_alike(
        &self,
        reason: &str,
        reference: impl FnOnce() -> String,
        time_ms: i64,
    ) -> Option<&Decision> {
        if self.alike.is_empty() {
            return None;
        }
        let decision = self.alike.get(&alike_key(reason, &reference()))?;
        (time_ms < decision.before_ms).then_some(decision)
    }

    /// The decision about a parked event.
    #[must_use]
    pub fn on(&self, event_id: Uuid, reason: &str, reference: &str, time_ms: i64) -> Option<&Decision> {
        let alike = || self.on_alike(reason, || reference.to_owned(), time_ms);
        self.events.get(&event_id).or_else(alike)
    }

    /// Whether nothing was decided.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alike.is_empty() && self.events.is_empty()
    }

    /// The decisions about all events alike, by their [`alike_key`].
    pub fn alike(&self) -> impl Iterator<Item = (&str, &Decision)> {
        self.alike.iter().map(|(key, decision)| (key.as_str(), decision))
    }

    /// The decisions about one event.
    pub fn events(&self) -> impl Iterator<Item = (Uuid, &Decision)> {
        self.events.iter().map(|(event_id, decision)| (*event_id, decision))
    }

    /// All decisions.
    pub fn all(&self) -> impl Iterator<Item = &Decision> {
        self.alike.values().chain(self.events.values())
    }
}

impl Decision {
    /// The prospect that an order should have named.
    #[must_use]
    pub fn meant_prospect(&self) -> Option<Uuid> {
        match self.act {
            Act::Mend(Target::Prospect(id)) => Some(id),
            _ => None,
        }
    }
}

impl Details {
    fn act(&self) -> Option<Act> {
        match self.act.as_str() {
            "ignore" => Some(Act::Ignore),
            "wait" => Some(Act::Wait),
            "mend" => {
                let campaign = self.campaign_id.map(Target::Campaign);
                let user = self.user_id.map(Target::User);
                campaign.or(user).or(self.prospect_id.map(Target::Prospect)).map(Act::Mend)
            }
            _ => None,
        }
    }
}

/// The reason and the reference of a parked event as one text, which ClickHouse makes too.
#[must_use]
pub fn alike_key(reason: &str, reference: &str) -> String {
    format!("{reason} {reference}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn details(act: &str, event_id: Option<Uuid>, campaign_id: Option<u64>) -> String {
        json!({
            "act": act, "event_id": event_id, "reason": "unknown_key", "reference": "k", "note": "",
            "campaign_id": campaign_id, "user_id": null, "prospect_id": null,
        })
        .to_string()
    }

    #[test]
    fn a_decision_about_one_event_counts_before_one_about_all_alike() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut decisions = Decisions::default();
        decisions.set(1, &details("ignore", None, None), 1000, false);
        decisions.set(2, &details("wait", Some(one), None), i64::MAX, false);
        let act = |decisions: &Decisions, id, time_ms| {
            decisions.on(id, "unknown_key", "k", time_ms).map(|decision| decision.act.clone())
        };
        assert_eq!(act(&decisions, one, 1), Some(Act::Wait));
        assert_eq!(act(&decisions, other, 999), Some(Act::Ignore));
        assert_eq!(act(&decisions, other, 1000), None, "later than it is for");
        assert_eq!(decisions.on(other, "expired_key", "k", 1), None);
        decisions.set(3, &details("mend", None, Some(7)), i64::MAX, false);
        decisions.set(1, &details("ignore", None, None), 1000, true);
        assert_eq!(act(&decisions, other, 1000), Some(Act::Mend(Target::Campaign(7))), "took its place");
        decisions.set(3, &details("mend", None, Some(7)), i64::MAX, true);
        decisions.set(2, &details("wait", Some(one), None), i64::MAX, true);
        assert!(decisions.is_empty());
        decisions.set(4, &details("of a later version", None, None), 1, false);
        decisions.set(5, "{", 1, false);
        assert!(decisions.is_empty());
    }
}
