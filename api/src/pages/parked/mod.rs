//! `/parked/`: parked events, their contents, and the decisions about them.
//!
//! A decision takes two steps. A form names the events and the decision. A second page shows the
//! number of events, and its button makes the decision.

pub mod decide;
pub mod decision;
pub mod event;
pub mod list;

use sluice_schemas::outcome::ParkReason;

use crate::db::parked_decisions::DecisionRow;
use crate::pages::format::{self, LocalTime};
use crate::parked::progress::Progress;
use crate::time_zone::TimeZone;

/// A decision, formatted for pages.
#[derive(Debug)]
pub struct DecisionView {
    pub id: i64,
    /// A sentence that says what it does.
    pub sentence: String,
    /// The events that it is about.
    pub about: String,
    pub note: String,
    pub until: String,
    pub decided: LocalTime,
    pub decided_by: String,
    pub n_events: String,
    pub waiting: String,
    pub replayed: String,
    pub ignored: String,
    pub is_revoked: bool,
    pub is_ignore: bool,
    /// Whether events still wait for it to be carried out.
    pub is_under_way: bool,
}

impl DecisionView {
    /// Formats a decision.
    #[must_use]
    pub fn new(row: DecisionRow, progress: Progress, zone: TimeZone) -> Self {
        let is_ignore = row.act == "ignore";
        let number = |count: u64| format::number(i64::try_from(count).unwrap_or(i64::MAX));
        let sentence = match (row.act.as_str(), row.campaign_id, row.user_id, row.prospect_id) {
            ("ignore", ..) => "Ignored".to_owned(),
            (_, Some(id), ..) => {
                format!("Mended: campaign {}", row.campaign_name.unwrap_or_else(|| format!("#{id}")))
            }
            (_, _, Some(id), _) => {
                format!("Mended: buyer {}", row.username.unwrap_or_else(|| format!("#{id}")))
            }
            (_, _, _, Some(id)) => format!("Mended: prospect {}", short(&id.to_string())),
            _ => "Waits, although others like it are ignored".to_owned(),
        };
        let about = match row.event_id {
            Some(id) => format!("event {}", short(&id.to_string())),
            None => format!("all with {}", named(&row.reason, &row.reference)),
        };
        let until = match row.until {
            _ if row.event_id.is_some() => format::NONE.to_owned(),
            Some(until) => LocalTime::new(until.timestamp_millis(), zone).text,
            None => "for ever".to_owned(),
        };
        Self {
            id: row.id,
            sentence,
            about,
            note: format::or_none(row.note),
            until,
            decided: LocalTime::new(row.decided_at.timestamp_millis(), zone),
            decided_by: row.decided_by_name.unwrap_or_else(|| "command line".to_owned()),
            n_events: format::number(row.n_events),
            waiting: number(progress.waiting),
            replayed: number(progress.replayed),
            ignored: number(progress.ignored),
            is_under_way: progress.waiting > 0 && row.revoked_at.is_none() && row.act != "wait",
            is_revoked: row.revoked_at.is_some(),
            is_ignore,
        }
    }
}

/// A reason and what the event names, in words.
#[must_use]
pub fn named(reason: &str, reference: &str) -> String {
    let what = match ParkReason::parse(reason) {
        Some(ParkReason::UnknownKey) => "unknown key",
        Some(ParkReason::ExpiredKey) => "expired key",
        Some(ParkReason::UnknownUser) => "unknown buyer",
        Some(ParkReason::UnknownProspect) => "unknown prospect",
        Some(ParkReason::Unreadable) => "unreadable bytes",
        None => reason,
    };
    if reference.is_empty() { what.to_owned() } else { format!("{what} {reference}") }
}

/// The end of an id.
fn short(id: &str) -> String {
    let end: String = id.chars().skip(id.chars().count().saturating_sub(8)).collect();
    format!("…{end}")
}

/// Returns a sentence: the thing for which an event waits, or the reason why it ended.
fn story(state: &str, reason: &str, reference: &str, note: &str) -> String {
    let end: String = reference.chars().skip(reference.chars().count().saturating_sub(4)).collect();
    match (state, reason) {
        ("replayed", _) => "It is in the reports.".to_owned(),
        ("ignored", _) if note == "expired" => {
            "It has waited too long. What it carried is deleted.".to_owned()
        }
        ("ignored", _) if note.is_empty() => "It was deleted.".to_owned(),
        ("ignored", _) => format!("It is ignored: {note}"),
        (_, "unknown_prospect") => format!("Kept until prospect …{end} arrives, then joined automatically."),
        (_, "unknown_key") => {
            format!("Kept until a campaign has the key {reference}, then stored automatically.")
        }
        (_, "expired_key") => {
            format!(
                "The key {reference} was revoked before the event came. Name the campaign that was meant, or ignore it."
            )
        }
        (_, "unknown_user") => format!(
            "Kept: {reference} names a buyer who does not exist, or had been removed. Name who was meant, or ignore it."
        ),
        _ => "Kept until a version of Sluice can read it.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_says_why_it_waits() {
        let id = "00000000-0000-7000-8000-0000000045b0";
        assert_eq!(
            story("waiting", "unknown_prospect", id, ""),
            "Kept until prospect …45b0 arrives, then joined automatically."
        );
        assert!(story("ignored", "unknown_key", "k", "expired").contains("too long"));
        assert_eq!(story("ignored", "unknown_key", "k", "a test"), "It is ignored: a test");
        assert_eq!((short(id).as_str(), short("é").as_str()), ("…000045b0", "…é"));
    }
}
