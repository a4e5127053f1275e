//! The queries of the lists of prospects and orders with exactly the events of a row.

use form_urlencoded::Serializer;

use crate::http::json_values;
use crate::policy::{Action, Position, Resource, decide};
use crate::reports::dimensions::{Dimension, Kind};
use crate::reports::filters::pair_of;
use crate::reports::keys::Key;
use crate::reports::model::ReportEventsResponse;
use crate::reports::request::Report;

/// Writes the queries of the events with these keys, each with its dimension.
#[must_use]
pub fn events(
    report: &Report,
    position: Position,
    keys: &[(&'static Dimension, Key)],
) -> ReportEventsResponse {
    let may_list = |resource| decide(position, Action::List, resource).is_some();
    ReportEventsResponse {
        prospects: query(report, keys, Dimension::is_of_prospects).filter(|_| may_list(Resource::Prospects)),
        orders: query(report, keys, Dimension::is_column_of_orders)
            .filter(|_| may_list(Resource::Orders))
            // Parked orders are not counted.
            .map(|query| query + "&parked=false"),
    }
}

/// `None` if the list has not all of the dimensions.
fn query(report: &Report, keys: &[(&'static Dimension, Key)], has: fn(&Dimension) -> bool) -> Option<String> {
    let (mut from_ms, mut to_ms) = (report.range.from_ms, report.range.to_ms);
    let mut pairs = Vec::new();
    for (dimension, key) in keys {
        if let (Kind::Interval(_), Some((begin_ms, end_ms))) = (dimension.kind, key.ends_ms) {
            (from_ms, to_ms) = (from_ms.max(begin_ms), to_ms.min(end_ms));
        } else if has(dimension) {
            pairs.push(pair_of(dimension, &key.value)?);
        } else {
            return None;
        }
    }
    // A key is among the values of the filter of its dimension.
    let named: Vec<&str> = keys.iter().map(|(dimension, _)| dimension.name).collect();
    let mut filtered = report.filters.dimensions().filter(|dimension| !named.contains(&dimension.name));
    if !filtered.all(has) {
        return None;
    }
    pairs.extend(report.filters.pairs(&named));
    let mut query = Serializer::new(String::new());
    query.append_pair("from", &json_values::time(from_ms)).append_pair("to", &json_values::time(to_ms));
    Some(query.extend_pairs(pairs).finish())
}
