//! `sluice-consumer verify`: compares the tables with each other and with the sums (`checks`,
//! `sums`), and mends losses from the rest of the tables and from Kafka ([`mod@repair`]).
//! `sluice-consumer reclassify` classifies stored visits again ([`mod@reclassify`]).
//!
//! A comparison only reads, also while events come in. A batch may then be between its rows and its
//! sums: a difference is looked at again after a moment, and counts only if it is still the same.

mod checks;
pub mod command;
mod from_kafka;
mod index;
mod log;
mod lost;
mod people;
pub mod range;
pub mod reclassify;
pub mod repair;
pub mod stopped;
mod sums;
mod there;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::store::{Store, StoreError};
use crate::verify::checks::CHECKS;
use crate::verify::range::TimeRange;

/// Longer than a batch takes between its first insert and its last.
pub const MOMENT: Duration = Duration::from_secs(3);
/// The most differences that a comparison lists.
pub(crate) const MAX_LISTED: u64 = 100;

/// Reports the progress, a line at a time.
pub type Progress<'a> = dyn Fn(&str) + Send + Sync + 'a;

#[derive(clickhouse::Row, Deserialize)]
struct DifferenceRow {
    place: String,
    found: String,
}

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub name: &'static str,
    /// The differences by place, at most a hundred.
    pub differences: BTreeMap<String, String>,
}

/// Makes every comparison, without a time range.
///
/// # Errors
/// If ClickHouse does not answer.
pub async fn verify(store: &Store) -> Result<Vec<Report>, StoreError> {
    verify_range(store, &TimeRange::default(), MOMENT, &|_| {}).await
}

/// Makes the comparisons within a time range. Leaves out those that have no time, unless the range
/// has no bounds. Looks at differences again after `moment`, which may be zero while nobody writes.
///
/// # Errors
/// If ClickHouse does not answer.
pub async fn verify_range(
    store: &Store,
    range: &TimeRange,
    moment: Duration,
    progress: &Progress<'_>,
) -> Result<Vec<Report>, StoreError> {
    let checks = CHECKS.iter().filter_map(|check| Some((check.name, (check.sql)(range)?)));
    let checks: Vec<(&str, String)> = checks.collect();
    let mut reports = Vec::new();
    for (index, (name, sql)) in checks.iter().enumerate() {
        progress(&format!("check {} of {}: {name}", index + 1, checks.len()));
        reports.push(Report { name, differences: compare(store, sql).await? });
    }
    if reports.iter().all(|report| report.differences.is_empty()) {
        return Ok(reports);
    }
    tokio::time::sleep(moment).await;
    for (report, (name, sql)) in reports.iter_mut().zip(&checks) {
        if !report.differences.is_empty() {
            progress(&format!("again: {name}"));
            let again = compare(store, sql).await?;
            report.differences.retain(|place, found| again.get(place) == Some(found));
        }
    }
    Ok(reports)
}

async fn compare(store: &Store, sql: &str) -> Result<BTreeMap<String, String>, StoreError> {
    let found = store.client().query(sql).param("limit", MAX_LISTED).fetch_all::<DifferenceRow>().await?;
    Ok(found.into_iter().map(|found| (found.place, found.found)).collect())
}
