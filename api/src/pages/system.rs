//! `/system/`: the state of every part, for Owners. The page comes even if parts do not answer.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::DateTime;

use crate::http::allowed::Allowed;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::state::App;
use crate::pages::format::{self, LocalTime};
use crate::system::check::check;
use crate::system::model::{
    DataSetResponse, JournalResponse, PartKind, PartResponse, PartState, PartitionResponse, SystemResponse,
};
use crate::time_zone::TimeZone;

/// Below this the page warns: it is too little to act in.
const FEW_MINUTES: f64 = 60.0;
const MINUTES_A_DAY: f64 = 1440.0;
/// Below this share of free space the page warns.
const LITTLE_SPACE_PERCENT: u64 = 10;
/// Above this age the page warns about a data set.
const OLD_DAYS: i64 = 90;

/// A row of the table of parts.
#[derive(Debug)]
pub struct PartView {
    pub name: String,
    pub state: &'static str,
    /// The color and the shape of the state.
    pub class: &'static str,
    pub since: Option<LocalTime>,
    pub started: Option<LocalTime>,
    pub version: String,
    pub lines: Vec<Line>,
}

/// A line about a part.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    pub is_warning: bool,
}

/// The partitions of one topic.
#[derive(Debug)]
pub struct PartitionView {
    pub topic: String,
    pub partition: i32,
    pub end: String,
    pub lag: String,
}

#[derive(Template)]
#[template(path = "system.html")]
struct SystemPage {
    frame: Frame,
    checked: LocalTime,
    parts: Vec<PartView>,
    partitions: Vec<PartitionView>,
    lag: String,
}

/// `GET /system/`.
///
/// # Errors
/// 500 if the template fails.
pub async fn show_system(State(app): State<App>, allowed: Allowed) -> Result<Response, PageError> {
    let found = check(&app).await;
    let zone = allowed.viewer.time_zone;
    let now_ms = i64::try_from(app.clock.now_ms()).unwrap_or(i64::MAX);
    let partitions: Vec<&PartitionResponse> = found.parts.iter().flat_map(|part| &part.partitions).collect();
    render(&SystemPage {
        frame: Frame::new(&allowed, Section::System),
        checked: LocalTime::new(now_ms, zone),
        parts: found.parts.iter().map(|part| PartView::new(part, &found, now_ms, zone)).collect(),
        lag: format::number(partitions.iter().map(|partition| partition.lag).sum()),
        partitions: partitions.into_iter().map(PartitionView::new).collect(),
    })
}

impl PartView {
    fn new(part: &PartResponse, all: &SystemResponse, now_ms: i64, zone: TimeZone) -> Self {
        let kind = match part.part {
            PartKind::Edge => "Edge",
            PartKind::Kafka => "Kafka",
            PartKind::Consumer => "Consumer",
            PartKind::Clickhouse => "ClickHouse",
            PartKind::Postgres => "PostgreSQL",
            PartKind::Api => "API and pages",
        };
        let is_only = all.parts.iter().filter(|other| other.part == part.part).count() == 1;
        let (state, class) = match part.state {
            PartState::Ready => ("Ready", "sale"),
            PartState::NotReady => ("Not ready", "rejected"),
            PartState::Draining => ("Stopping", "hold"),
            PartState::NotAnswering => ("Not answering", "rejected"),
            PartState::NotConfigured => ("Not configured", "trash"),
        };
        let at = |text: &Option<String>| {
            let at_ms = DateTime::parse_from_rfc3339(text.as_deref()?).ok()?.timestamp_millis();
            Some(LocalTime::new(at_ms, zone))
        };
        Self {
            name: if is_only { kind.to_owned() } else { format!("{kind} {}", part.number) },
            state,
            class,
            since: at(&part.since),
            started: at(&part.started_at),
            version: format::or_none(part.version.clone().unwrap_or_default()),
            lines: lines(part, now_ms),
        }
    }
}

impl PartitionView {
    fn new(partition: &PartitionResponse) -> Self {
        Self {
            topic: partition.topic.clone(),
            partition: partition.partition,
            end: format::number(partition.end),
            lag: format::number(partition.lag),
        }
    }
}

fn lines(part: &PartResponse, now_ms: i64) -> Vec<Line> {
    let mut lines: Vec<Line> =
        part.reasons.iter().map(|reason| Line { text: reason.clone(), is_warning: true }).collect();
    match (part.state, part.part) {
        (PartState::NotAnswering, _) => {
            lines.push(warning("It did not answer within a second. The log of the API says why."));
        }
        (PartState::NotConfigured, PartKind::Edge) => {
            lines.push(note("Set system.edges in the configuration of the API to see the edges here."));
        }
        (PartState::NotConfigured, _) => {
            lines.push(note(
                "Set system.consumers in the configuration of the API to see the consumers here.",
            ));
        }
        _ => {}
    }
    lines.extend(part.journal.iter().flat_map(journal));
    lines.extend(
        part.size_bytes
            .map(|size| note(format!("Takes {}.", bytes(u64::try_from(size).unwrap_or_default())))),
    );
    for disk in &part.disks {
        let text =
            format!("Disk {}: {} of {} free.", disk.name, bytes(disk.free_bytes), bytes(disk.total_bytes));
        let is_warning = disk.free_bytes / LITTLE_SPACE_PERCENT < disk.total_bytes / 100;
        lines.push(Line { text, is_warning });
    }
    if part.part == PartKind::Postgres && part.state == PartState::Ready {
        lines.push(note("PostgreSQL cannot say how much of its disk is free."));
    }
    lines.extend(part.data_sets.iter().map(|set| data_set(set, now_ms)));
    lines
}

fn journal(journal: &JournalResponse) -> [Line; 2] {
    let minutes = journal.minutes_left;
    let used = bytes(whole(journal.used_bytes));
    if minutes <= 0.0 {
        let text = format!("Journal: full, events are refused; takes {used}.");
        return [Line { text, is_warning: true }, waiting_events(journal)];
    }
    let left = if minutes >= 30.0 * MINUTES_A_DAY {
        "more than 30 days".to_owned()
    } else if minutes >= 2.0 * MINUTES_A_DAY {
        format!("{:.1} days", minutes / MINUTES_A_DAY)
    } else {
        format!("{minutes:.0} minutes")
    };
    let first = Line {
        text: format!("Journal: full in {left} if Kafka accepts nothing; takes {used}."),
        is_warning: minutes < FEW_MINUTES,
    };
    [first, waiting_events(journal)]
}

fn waiting_events(journal: &JournalResponse) -> Line {
    let waiting = format::number(i64::try_from(whole(journal.waiting_events)).unwrap_or(i64::MAX));
    let mut text =
        format!("{waiting} events wait for Kafka, the oldest for {:.0} s.", journal.waiting_seconds);
    if journal.damaged_places > 0.0 {
        text += &format!(
            " {:.0} places of the journal cannot be read: their events are lost.",
            journal.damaged_places
        );
    }
    Line { text, is_warning: journal.waiting_seconds > 60.0 || journal.damaged_places > 0.0 }
}

fn data_set(set: &DataSetResponse, now_ms: i64) -> Line {
    let made = set.made_at.as_deref().and_then(|made| DateTime::parse_from_rfc3339(made).ok());
    match (made, &set.version) {
        (Some(made), _) => {
            let days = (now_ms - made.timestamp_millis()).max(0) / 86_400_000;
            let text = format!("Data of {}: made on {}, {days} days ago.", set.name, made.format("%Y-%m-%d"));
            Line { text, is_warning: days > OLD_DAYS }
        }
        (None, Some(version)) => note(format!("Data of {}: version {version}.", set.name)),
        (None, None) => note(format!("Data of {}: a part of the program, as old as its version.", set.name)),
    }
}

fn note(text: impl Into<String>) -> Line {
    Line { text: text.into(), is_warning: false }
}

fn warning(text: impl Into<String>) -> Line {
    Line { text: text.into(), is_warning: true }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts that are not negative")]
const fn whole(value: f64) -> u64 {
    value as u64
}

/// Formats bytes with three digits or so.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count}\u{202f}B") } else { format!("{value:.1}\u{202f}{}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_warn_when_one_must_act() {
        assert_eq!((bytes(999), bytes(81_604_378_624)), ("999\u{202f}B".into(), "81.6\u{202f}GB".into()));
        let full = JournalResponse {
            minutes_left: 12.4,
            used_bytes: 1e9,
            waiting_events: 1200.0,
            waiting_seconds: 61.0,
            damaged_places: 1.0,
        };
        let [left, waiting] = journal(&full);
        assert_eq!(left.text, "Journal: full in 12 minutes if Kafka accepts nothing; takes 1.0\u{202f}GB.");
        assert_eq!(
            waiting.text,
            "1\u{202f}200 events wait for Kafka, the oldest for 61 s. 1 places of the journal cannot be read: \
             their events are lost."
        );
        assert!(left.is_warning && waiting.is_warning);
        let empty = JournalResponse { minutes_left: 1e6, waiting_events: 0.0, waiting_seconds: 0.0, ..full };
        assert!(journal(&empty)[0].text.contains("more than 30 days") && !journal(&empty)[0].is_warning);
        let made_at = Some("2026-08-01T00:00:00.000Z".to_owned());
        let old = data_set(&DataSetResponse { name: "countries", version: None, made_at }, 1_795_446_000_000);
        assert_eq!(old, warning("Data of countries: made on 2026-08-01, 114 days ago."));
    }
}
