//! `/`: key figures of today, and prospects and orders of the last seven days by the hour, in the
//! viewer's time zone.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{Days, NaiveDate};

use crate::db::rollups::{self, HourRow};
use crate::db::scope::EventScope;
use crate::http::allowed::Allowed;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::query::start_of_day;
use crate::http::state::App;
use crate::pages::format::{number, percent};
use crate::policy::Scope;
use crate::snippet::Snippet;
use crate::time_zone::TimeZone;

/// Number of days in the chart, including today.
const N_DAYS: u64 = 7;
const HOUR_S: i64 = 3600;

/// A key figure of today, with yesterday's value.
#[derive(Debug)]
pub struct Figure {
    pub label: &'static str,
    pub value: String,
    pub before: String,
    /// Definition, shown on hover.
    pub meaning: &'static str,
}

/// An hour of the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourView {
    pub start_s: i64,
    pub label: String,
    pub n_prospects: i64,
    pub n_orders: i64,
}

/// A day of the table.
#[derive(Debug)]
pub struct DayView {
    pub label: String,
    pub prospects: String,
    pub bots: String,
    pub orders: String,
    pub cr: String,
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    frame: Frame,
    zone: &'static str,
    scope: &'static str,
    figures: Vec<Figure>,
    hours: Vec<HourView>,
    days: Vec<DayView>,
    is_empty: bool,
    snippet: Snippet,
}

/// `GET /`.
pub async fn show_home(State(app): State<App>, allowed: Allowed) -> Result<Response, PageError> {
    let zone = allowed.viewer.time_zone;
    let now_s = i64::try_from(app.clock.now_ms() / 1000).unwrap_or(i64::MAX);
    let days = days_until(now_s, zone);
    let from_s = start_s(days[0], zone);
    let scope = EventScope::load(&app.postgres, &allowed.viewer, allowed.grant.scope).await?;
    let rows = rollups::hours(&app.clickhouse, &scope, from_s, now_s + 1).await?;
    let hours = fill(&rows, from_s, now_s);
    let by_day: Vec<(NaiveDate, HourRow)> =
        days.iter().map(|day| (*day, sum_of_day(&hours, *day, zone))).collect();
    let today = by_day.last().map(|(_, sum)| *sum).unwrap_or_default();
    let yesterday = by_day.iter().rev().nth(1).map(|(_, sum)| *sum).unwrap_or_default();
    render(&HomePage {
        frame: Frame::new(&allowed, Section::Home),
        zone: zone.name(),
        scope: match allowed.grant.scope {
            Scope::Own => "Your own traffic",
            Scope::Team => "Your team's traffic",
            Scope::All => "All traffic",
        },
        figures: figures(&today, &yesterday),
        is_empty: rows.is_empty(),
        hours: hours.iter().map(|hour| hour_view(hour, zone)).collect(),
        days: by_day.iter().rev().map(|(day, sum)| day_view(*day, sum)).collect(),
        snippet: Snippet::new(&app.config.edge, allowed.viewer.id),
    })
}

/// Returns the days of the chart in a zone, oldest first.
fn days_until(now_s: i64, zone: TimeZone) -> Vec<NaiveDate> {
    let today = zone.day_of(now_s.saturating_mul(1000));
    (0..N_DAYS).rev().map(|back| today.checked_sub_days(Days::new(back)).unwrap_or(today)).collect()
}

/// Returns the start of the UTC hour in which a day begins. In a zone with an offset of half an
/// hour this may be before the day begins.
fn start_s(day: NaiveDate, zone: TimeZone) -> i64 {
    (start_of_day(day, zone) / 1000).div_euclid(HOUR_S) * HOUR_S
}

/// Returns every hour of the range, with zeros for hours without a row.
fn fill(rows: &[HourRow], from_s: i64, now_s: i64) -> Vec<HourRow> {
    let mut rows = rows.iter().peekable();
    let mut hours = Vec::new();
    let mut hour_s = from_s;
    while hour_s <= now_s {
        let found = rows.next_if(|row| row.hour_s == hour_s).copied();
        hours.push(found.unwrap_or(HourRow { hour_s, ..HourRow::default() }));
        hour_s += HOUR_S;
    }
    hours
}

fn sum_of_day(hours: &[HourRow], day: NaiveDate, zone: TimeZone) -> HourRow {
    let (from_s, to_s) =
        (start_s(day, zone), start_s(day.checked_add_days(Days::new(1)).unwrap_or(day), zone));
    let mut sum = HourRow { hour_s: from_s, ..HourRow::default() };
    for hour in hours.iter().filter(|hour| (from_s..to_s).contains(&hour.hour_s)) {
        sum.n_prospects += hour.n_prospects;
        sum.n_bots += hour.n_bots;
        sum.n_orders += hour.n_orders;
    }
    sum
}

fn figures(today: &HourRow, yesterday: &HourRow) -> Vec<Figure> {
    let count = |label, meaning, of: fn(&HourRow) -> i64| Figure {
        label,
        value: number(of(today)),
        before: number(of(yesterday)),
        meaning,
    };
    let share = |label, meaning, of: fn(&HourRow) -> i64| Figure {
        label,
        value: percent(of(today), today.n_prospects),
        before: percent(of(yesterday), yesterday.n_prospects),
        meaning,
    };
    vec![
        count("Prospects", "Visits to landing pages", |sum| sum.n_prospects),
        count("Orders", "Submitted order forms whose visit is known", |sum| sum.n_orders),
        share("CR", "Conversion rate: orders / prospects", |sum| sum.n_orders),
        share("Bot rate", "Bots / prospects", |sum| sum.n_bots),
    ]
}

fn hour_view(hour: &HourRow, zone: TimeZone) -> HourView {
    HourView {
        start_s: hour.hour_s,
        label: zone.format(hour.hour_s.saturating_mul(1000), "%a %Y-%m-%d %H:%M"),
        n_prospects: hour.n_prospects,
        n_orders: hour.n_orders,
    }
}

fn day_view(day: NaiveDate, sum: &HourRow) -> DayView {
    DayView {
        label: day.format("%a %d %b").to_string(),
        prospects: number(sum.n_prospects),
        bots: number(sum.n_bots),
        orders: number(sum.n_orders),
        cr: percent(sum.n_orders, sum.n_prospects),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_days_are_filled_to_zero_in_the_viewers_zone() {
        // 2026-11-23 15:00:00 UTC.
        let now_s = 1_795_446_000;
        for (zone, hours) in
            [("UTC", 6 * 24 + 16), ("Asia/Kolkata", 6 * 24 + 22), ("America/New_York", 6 * 24 + 11)]
        {
            let zone = TimeZone::find(zone).unwrap();
            let days = days_until(now_s, zone);
            assert_eq!(days.len(), 7);
            let from_s = start_s(days[0], zone);
            let filled =
                fill(&[HourRow { hour_s: now_s, n_prospects: 5, ..HourRow::default() }], from_s, now_s);
            assert_eq!(filled.len(), hours, "{zone:?}");
            assert_eq!(sum_of_day(&filled, days[6], zone).n_prospects, 5);
            assert_eq!(sum_of_day(&filled, days[5], zone).n_prospects, 0);
            let counted: i64 = days.iter().map(|day| sum_of_day(&filled, *day, zone).n_prospects).sum();
            assert_eq!(counted, 5);
        }
    }
}
