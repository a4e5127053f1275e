//! Reads the address of a report, and loads what its query needs: scope, rates, and the sources of
//! campaigns.

use crate::dates::buckets::Bucket;
use crate::dates::range::Range;
use crate::db::campaigns;
use crate::db::scope::EventScope;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::query::Params;
use crate::http::state::App;
use crate::reports::dimensions::{Dimension, Kind};
use crate::reports::expected::ApproveRates;
use crate::reports::formula::Base;
use crate::reports::keys::Keys;
use crate::reports::money::Rates;
use crate::reports::plan::{Plan, Span};
use crate::reports::query::earliest_ms;
use crate::reports::request::Report;
use crate::reports::slots::intervals;

/// A report whose rows can be read.
#[derive(Debug)]
pub struct Prepared {
    pub plan: Plan,
    pub keys: Keys,
}

/// Prepares a report. `is_flat` makes rows of all dimensions, from the first one, as files have
/// them.
///
/// # Errors
/// 400 with messages by parameter.
pub async fn prepare(
    app: &App,
    allowed: &Allowed,
    mut params: Params,
    query: Option<&str>,
    is_flat: bool,
) -> Result<Prepared, ApiError> {
    let is_all = params.text("range") == Some("all");
    let earliest_ms = if is_all { earliest_ms(&app.clickhouse).await? } else { 0 };
    let mut report = Report::read(&mut params, query, allowed, app.clock.now_ms(), earliest_ms)?;
    if is_flat {
        (report.is_tree, report.offset) = (false, 0);
    }
    let scope = EventScope::load(&app.postgres, &allowed.viewer, allowed.grant.scope).await?;
    let to_ms = report.comparison.as_ref().map_or(0, |other| other.to_ms).max(report.range.to_ms);
    let rates = if report.uses_any(Base::is_money) {
        Rates::load(&app.postgres, report.currency, to_ms).await?
    } else {
        Rates::none(report.currency)
    };
    let approve_rates = if report.uses_any(Base::is_expected) {
        ApproveRates::load(&app.clickhouse, &scope, report.present.now_ms).await?
    } else {
        ApproveRates::none()
    };
    let of_campaigns = |dimension: &&Dimension| matches!(dimension.name, "source" | "partner");
    let is_of_campaigns = report.dimensions.iter().any(of_campaigns)
        || report.filters.dimensions().any(|dimension| of_campaigns(&dimension));
    let links = if is_of_campaigns { campaigns::links(&app.postgres).await? } else { Vec::new() };
    let buckets = buckets(&report, &report.range);
    let keys = Keys::new(&report, &buckets);
    let now = Span::new(report.range.from_ms, report.range.to_ms, &buckets);
    let then = report.comparison.as_ref().map(|other| {
        let range = Range { from_ms: other.from_ms, to_ms: other.to_ms, preset: None, days: None };
        Span::new(other.from_ms, other.to_ms, &self::buckets(&report, &range))
    });
    let n_slots = if report.fills_first() { keys.begun(&report, 0).len() } else { 0 };
    let below = (2..=report.n_levels()).filter(|level| report.keys_of(*level)[0].kind.is_time());
    let begun = below.map(|level| {
        let last = keys.begun(&report, level - 1).pop().and_then(|number| number.parse::<usize>().ok());
        (level, last.map_or(0, |number| number + 1))
    });
    let begun = begun.collect();
    let in_sql = |path: &Vec<String>| -> Option<Vec<String>> {
        path.iter().enumerate().map(|(index, value)| keys.sql_of(&report, index, value)).collect()
    };
    let open = report.open.iter().filter_map(in_sql).collect();
    Ok(Prepared {
        plan: Plan { report, scope, rates, approve_rates, links, now, then, n_slots, begun, open },
        keys,
    })
}

/// Returns the intervals of a range for each dimension; none for one that is no interval. A range
/// to compare with may have more of them than the report: those beyond are cut off.
fn buckets(report: &Report, range: &Range) -> Vec<Vec<Bucket>> {
    let of = |dimension: &&'static Dimension| match dimension.kind {
        Kind::Interval(interval) => intervals(range, interval, &report.present).unwrap_or_default(),
        _ => Vec::new(),
    };
    report.dimensions.iter().map(of).collect()
}
