//! Three of the legacy CRM's charts: Team Leads registered, Buyers registered, prospects generated.
//! Every interval of the range has a row, with zero where nothing happened.

use chrono::{DateTime, Utc};
use futures::TryFutureExt as _;

use crate::dates::buckets::{Bucket, Interval};
use crate::db::figures::hours::Hours;
use crate::db::figures::people::{self, RegistrationRow};
use crate::db::figures::prospects::{self, SlotRow};
use crate::db::users::Visible;
use crate::http::error::ApiError;
use crate::pages::format::number;
use crate::pages::home::request::{Request, time};
use crate::policy::{Action, Position, Resource, Scope, decide};

/// A chart of one line, and its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chart {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// The name of the values.
    pub(super) series: &'static str,
    /// The name of the intervals, as "Hour".
    pub(super) interval: &'static str,
    pub(super) rows: Vec<Point>,
    pub(super) total: String,
}

/// An interval of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) start_s: i64,
    pub(super) label: String,
    pub(super) short: String,
    pub(super) is_tick: bool,
    pub(super) value: i64,
    /// The value with its digits in groups.
    pub(super) shown: String,
}

/// Loads the charts with two statements.
pub(super) async fn load(request: &Request<'_>) -> Result<Vec<Chart>, ApiError> {
    let buckets = request.dates.buckets(request.earliest_ms);
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return Ok(charts(request.dates.interval, &buckets, &[], &[]));
    };
    let viewer = &request.allowed.viewer;
    let users = decide(viewer.position, Action::List, Resource::Users);
    let visible = Visible::of(viewer, users.map_or(Scope::Own, |grant| grant.scope));
    let starts: Vec<i64> = buckets.iter().map(|bucket| bucket.from_ms).collect();
    let edges: Vec<DateTime<Utc>> = starts.iter().map(|at_ms| time(*at_ms)).collect();
    let hours = Hours::new(first.from_ms, last.to_ms, &starts, request.scope);
    let registered = people::registrations(&request.app.postgres, visible, &edges, time(last.to_ms))
        .map_err(ApiError::from);
    let visited =
        prospects::by_time(&request.app.clickhouse, request.scope, &hours, 0).map_err(ApiError::from);
    let (registered, visited) = futures::try_join!(registered, visited)?;
    Ok(charts(request.dates.interval, &buckets, &registered, &visited))
}

fn charts(
    interval: Interval,
    buckets: &[Bucket],
    registered: &[RegistrationRow],
    visited: &[SlotRow],
) -> Vec<Chart> {
    let interval = match interval {
        Interval::Hour => "Hour",
        Interval::Day => "Day",
        Interval::Week => "Week",
        Interval::Month => "Month",
    };
    let chart = |id, title, series, values: Vec<i64>| Chart {
        id,
        title,
        series,
        interval,
        total: number(values.iter().sum()),
        rows: buckets.iter().zip(values).map(|(bucket, value)| point(bucket, value)).collect(),
    };
    let registered = |position: Position| {
        let mut values = vec![0; buckets.len()];
        for row in registered.iter().filter(|row| row.position == position.as_str()) {
            let slot = usize::try_from(row.slot).ok().and_then(|slot| slot.checked_sub(1));
            if let Some(value) = slot.and_then(|slot| values.get_mut(slot)) {
                *value += row.n_users;
            }
        }
        values
    };
    vec![
        chart("leads", "Team Leads registered", "Team Leads", registered(Position::TeamLead)),
        chart("buyers", "Buyers registered", "Buyers", registered(Position::Buyer)),
        chart("prospects", "Prospects generated", "Prospects", by_bucket(buckets, visited)),
    ]
}

fn by_bucket(buckets: &[Bucket], slots: &[SlotRow]) -> Vec<i64> {
    let mut values = vec![0; buckets.len()];
    for slot in slots {
        let after = buckets.partition_point(|bucket| bucket.from_ms <= slot.at_ms);
        if let Some(value) = after.checked_sub(1).and_then(|index| values.get_mut(index)) {
            *value += slot.n_prospects;
        }
    }
    values
}

fn point(bucket: &Bucket, value: i64) -> Point {
    Point {
        start_s: bucket.from_ms / 1000,
        label: bucket.label.clone(),
        short: bucket.short.clone(),
        is_tick: bucket.is_tick,
        value,
        shown: number(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interval_has_a_value() {
        let bucket = |from_ms| Bucket {
            from_ms,
            to_ms: from_ms + 9,
            label: String::new(),
            short: String::new(),
            is_tick: true,
        };
        let slot = |at_ms, n_prospects| SlotRow { at_ms, n_prospects, n_bots: 0 };
        let buckets = [bucket(10), bucket(20), bucket(30)];
        assert_eq!(by_bucket(&buckets, &[slot(10, 1), slot(19, 2), slot(35, 4)]), [3, 0, 4]);
        let registered = |position: Position, slot| RegistrationRow {
            position: position.as_str().to_owned(),
            slot,
            n_users: 2,
        };
        let rows = [registered(Position::Buyer, 1), registered(Position::TeamLead, 3)];
        let charts = charts(Interval::Day, &buckets, &rows, &[]);
        let values: Vec<Vec<i64>> =
            charts.iter().map(|chart| chart.rows.iter().map(|row| row.value).collect()).collect();
        assert_eq!(values, [[0, 0, 2], [2, 0, 0], [0, 0, 0]]);
        assert_eq!(charts[1].total, "2");
    }
}
