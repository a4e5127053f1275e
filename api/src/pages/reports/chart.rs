//! The chart of a report: the largest rows and the others over time, or a heat map of weekdays and
//! hours. The figures of a chart are in a table below it, which is all that is shown without
//! JavaScript.

use std::collections::HashMap;

use chrono::DateTime;

use crate::dates::buckets::Bucket;
use crate::http::error::ApiError;
use crate::http::in_process::Api;
use crate::pages::reports::address::Address;
use crate::pages::reports::answer::{Answer, Metric, Row, Schema, Values};
use crate::pages::reports::numbers::{as_number, write};
use crate::pages::reports::table::INTERVALS;

/// The most lines of a chart, without that of the others.
const MAX_LINES: usize = 5;
/// The most metrics of a chart, each with a panel of its own.
const MAX_PANELS: usize = 2;
/// The classes of a heat map.
const CLASSES: usize = 7;
/// The rows of a call: as many as a range has intervals at most.
const MAX_INTERVALS: &str = "1000";
/// Parameters of the table that a chart does not share.
const OF_TABLE: [&str; 17] = [
    "group_by",
    "metrics",
    "preset",
    "sort",
    "open",
    "shape",
    "per_page",
    "chart",
    "chart_as",
    "compare",
    "compare_from",
    "compare_to",
    "interval",
    "filter_by",
    "filter_was",
    "scale",
    "both",
];

/// Parameters of the compared dates.
const OF_COMPARE: [&str; 3] = ["compare", "compare_from", "compare_to"];

/// A chart: lines (`line`), areas (`stack`), bars (`bar`), or a heat map.
pub(super) struct ChartView {
    pub(super) kind: &'static str,
    pub(super) is_logarithmic: bool,
    pub(super) panels: Vec<Panel>,
    pub(super) heat: Option<Heat>,
}

/// The lines of one metric.
pub(super) struct Panel {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) unit: String,
    pub(super) series: Vec<Series>,
    pub(super) points: Vec<Point>,
}

/// A line of a panel.
pub(super) struct Series {
    pub(super) label: String,
    /// `others`, `before` for the compared dates, or empty for one of the largest rows.
    pub(super) kind: &'static str,
}

/// An interval.
pub(super) struct Point {
    pub(super) label: String,
    /// The same report of this interval.
    pub(super) href: String,
    /// Whether it is not over yet.
    pub(super) is_running: bool,
    /// The label on the axis, if it has one.
    pub(super) tick: Option<String>,
    pub(super) values: Vec<Plotted>,
}

/// A value as a number for the chart, and as it is written.
#[derive(Clone)]
pub(super) struct Plotted {
    pub(super) number: String,
    pub(super) text: String,
}

/// A table of weekdays by hours of the day.
pub(super) struct Heat {
    pub(super) title: String,
    pub(super) hours: Vec<String>,
    pub(super) days: Vec<HeatDay>,
}

pub(super) struct HeatDay {
    pub(super) label: String,
    /// The class, from 0, and the value.
    pub(super) cells: Vec<(usize, String)>,
}

/// The parts of the page that a chart is made of.
pub(super) struct Request<'a> {
    pub(super) api: &'a Api,
    pub(super) address: &'a Address,
    /// The query of the address, with the ends of the dates.
    pub(super) answer: &'a Answer,
    pub(super) schema: &'a Schema,
    /// The unit of time of the chart.
    pub(super) interval: &'static str,
    pub(super) buckets: &'a [Bucket],
}

/// Loads the chart that the address asks for.
///
/// # Errors
/// The error of the API.
pub(super) async fn load(request: &Request<'_>) -> Result<Option<ChartView>, ApiError> {
    let kind = match request.address.get("chart_as") {
        Some("none") => return Ok(None),
        Some("stack") => "stack",
        Some("bar") => "bar",
        Some("heat") => "heat",
        _ => "line",
    };
    let metrics = request.metrics();
    let Some(first) = metrics.first() else { return Ok(None) };
    if kind == "heat" {
        let heat = Some(request.heat(first).await?);
        return Ok(Some(ChartView { kind, is_logarithmic: false, panels: Vec::new(), heat }));
    }
    let mut panels = Vec::new();
    for metric in metrics {
        panels.push(request.panel(metric, kind).await?);
    }
    let is_logarithmic = kind == "line" && request.address.get("scale") == Some("log");
    Ok(Some(ChartView { kind, is_logarithmic, panels, heat: None }))
}

impl<'a> Request<'a> {
    /// The metrics of the chart: those that are asked for, or the first column.
    fn metrics(&self) -> Vec<&'a Metric> {
        let asked = self.address.get("chart").unwrap_or_default();
        let mut asked: Vec<_> =
            asked.split(',').filter_map(|name| self.schema.metric(name)).take(MAX_PANELS).collect();
        asked.dedup_by_key(|metric| &metric.name);
        if asked.is_empty() {
            let first = self.answer.metrics.first().and_then(|name| self.schema.metric(name));
            return first.into_iter().collect();
        }
        asked
    }

    async fn ask(&self, metric: &Metric, with: &[(&str, &str)]) -> Result<Answer, ApiError> {
        let address = self.address.clone().without(&OF_TABLE).and("metrics", &metric.name);
        let address = with.iter().fold(address, |address, (name, value)| address.and(name, value));
        let reply = self.api.get(&format!("/api/reports/?{}", address.query())).await?;
        serde_json::from_value(reply.body).map_err(|error| ApiError::internal(&error))
    }

    async fn panel(&self, metric: &Metric, kind: &str) -> Result<Panel, ApiError> {
        let by_time = [("group_by", self.interval), ("per_page", MAX_INTERVALS)];
        let dimension = self.answer.group_by.iter().find(|name| !INTERVALS.contains(&name.as_str()));
        let has_before = kind == "line" && dimension.is_none() && self.answer.compare.is_some();
        let compared = OF_COMPARE.iter().filter_map(|name| Some((*name, self.address.get(name)?)));
        let by_time: Vec<_> = by_time.into_iter().chain(compared.filter(|_| has_before)).collect();
        let (whole, lines) = futures::try_join!(self.ask(metric, &by_time), self.lines(metric, dimension))?;
        let lines: Vec<(String, HashMap<&str, &Values>)> =
            lines.iter().map(|row| (label(row), by_start(below(row)))).collect();
        // A ratio of the other rows cannot be computed from ratios.
        let has_others = dimension.is_some() && metric.additive && whole_is_larger(metric, &whole, &lines);
        let mut series: Vec<Series> =
            lines.iter().map(|(label, _)| Series { label: label.clone(), kind: "" }).collect();
        if series.is_empty() {
            series.push(Series { label: metric.label.clone(), kind: "" });
            let name = self.answer.compare.as_ref().and_then(|compare| compare.get("name")?.as_str());
            if let Some(name) = name.filter(|_| has_before) {
                let name = name.trim_start_matches("vs ");
                series.push(Series { label: format!("{}, {name}", metric.label), kind: "before" });
            }
        } else if has_others {
            series.push(Series { label: "Others".to_owned(), kind: "others" });
        }
        let n_series = series.len();
        let points = whole.rows.iter().map(|row| {
            let start = start(row);
            let mut values: Vec<Plotted> = lines
                .iter()
                .map(|(_, values)| {
                    self.plotted(metric, values.get(start).and_then(|values| values.get(&metric.name)))
                })
                .collect();
            let all = row.sums.values.get(&metric.name);
            if lines.is_empty() {
                values.push(self.plotted(metric, all));
                if n_series > 1 {
                    let before = row.sums.compared.as_ref().and_then(|values| values.get(&metric.name));
                    values.push(self.plotted(metric, before));
                }
            } else if has_others {
                let shown: f64 = lines.iter().filter_map(|(_, values)| value_at(values, start, metric)).sum();
                let rest = as_number(all).unwrap_or_default() - shown;
                // Amounts have at most six places.
                let rest = serde_json::json!((rest * 1e6).round() / 1e6);
                values.push(self.plotted(metric, Some(&rest)));
            }
            self.point(row, values)
        });
        Ok(Panel {
            id: format!("chart-{}", metric.name),
            title: metric.label.clone(),
            unit: if metric.unit == "money" { self.answer.currency.clone() } else { String::new() },
            points: points.collect(),
            series,
        })
    }

    fn point(&self, row: &Row, values: Vec<Plotted>) -> Point {
        let key = row.keys.first();
        let end = key.and_then(|key| key.to.as_deref()).unwrap_or_default();
        let is_after = |one: &str, other: &str| {
            let moment = |text| DateTime::parse_from_rfc3339(text).ok();
            Some(moment(one)? > moment(other)?)
        };
        let address = self.address.clone().without(&["range", "interval", "open"]);
        // Other dates chosen by hand belong to the whole range.
        let address = match address.get("compare") {
            Some("custom") => address.without(&OF_COMPARE),
            _ => address,
        };
        Point {
            label: label(row),
            href: address.with("from", start(row)).with("to", end).href(),
            is_running: is_after(end, &self.answer.as_of).unwrap_or(false),
            tick: self.tick(start(row)),
            values,
        }
    }

    /// The largest rows of the first dimension, each with its values by time.
    async fn lines(&self, metric: &Metric, dimension: Option<&String>) -> Result<Vec<Row>, ApiError> {
        let Some(dimension) = dimension else { return Ok(Vec::new()) };
        let sort = format!("-{}", metric.name);
        let largest =
            self.ask(metric, &[("group_by", dimension), ("sort", &sort), ("per_page", "10")]).await?;
        let paths: Vec<&str> = largest.rows.iter().take(MAX_LINES).map(|row| row.path.as_str()).collect();
        let groups = format!("{dimension},{}", self.interval);
        let mut with =
            vec![("group_by", groups.as_str()), ("shape", "tree"), ("sort", &sort), ("per_page", "10")];
        with.extend(paths.iter().map(|path| ("open", *path)));
        let answer = self.ask(metric, &with).await?;
        Ok(answer.rows.into_iter().filter(|row| paths.contains(&row.path.as_str())).collect())
    }

    fn plotted(&self, metric: &Metric, value: Option<&serde_json::Value>) -> Plotted {
        let number = as_number(value).map(|number| number.to_string()).unwrap_or_default();
        Plotted { number, text: write(metric, value, &self.answer.currency) }
    }

    /// The label on the axis of the interval that starts then.
    fn tick(&self, start: &str) -> Option<String> {
        let start_ms = DateTime::parse_from_rfc3339(start).ok()?.timestamp_millis();
        let bucket = self.buckets.iter().find(|bucket| bucket.from_ms == start_ms)?;
        if self.buckets.iter().filter(|bucket| bucket.is_tick).count() < 2 {
            // The hours of one day, as "Sat 28 Nov 09:00".
            let (_, clock) = bucket.label.split_once(&bucket.short)?;
            let label = if clock.is_empty() { bucket.short.as_str() } else { clock.trim() };
            return Some(label.to_owned());
        }
        bucket.is_tick.then(|| bucket.short.clone())
    }

    async fn heat(&self, metric: &Metric) -> Result<Heat, ApiError> {
        let asked = [("group_by", "weekday,hour_of_day"), ("shape", "tree"), ("per_page", "10")];
        let days: Vec<String> = (1..=7).map(|day: u8| day.to_string()).collect();
        let open = days.iter().map(|day| ("open", day.as_str()));
        let with: Vec<_> = asked.into_iter().chain(open).collect();
        let answer = self.ask(metric, &with).await?;
        let numbers: Vec<f64> =
            answer.rows.iter().flat_map(below).filter_map(|row| number(row, metric)).collect();
        let limits = quantiles(numbers);
        let hours = answer.rows.first().map(|row| below(row).iter().map(label).collect()).unwrap_or_default();
        let days = answer.rows.iter().map(|row| HeatDay {
            label: label(row),
            cells: below(row)
                .iter()
                .map(|cell| {
                    let class = number(cell, metric).map_or(0, |value| class(&limits, value));
                    (class, write(metric, cell.sums.values.get(&metric.name), &self.answer.currency))
                })
                .collect(),
        });
        let unit = if metric.unit == "money" { format!(", {}", self.answer.currency) } else { String::new() };
        Ok(Heat { title: format!("{}{unit}", metric.label), hours, days: days.collect() })
    }
}

fn below(row: &Row) -> &[Row] {
    row.children.as_ref().map_or(&[], |children| &children.rows)
}

fn label(row: &Row) -> String {
    row.keys.first().map(|key| key.label.clone()).unwrap_or_default()
}

fn start(row: &Row) -> &str {
    row.keys.first().and_then(|key| key.from.as_deref()).unwrap_or_default()
}

fn by_start(rows: &[Row]) -> HashMap<&str, &Values> {
    rows.iter().map(|row| (start(row), &row.sums.values)).collect()
}

fn number(row: &Row, metric: &Metric) -> Option<f64> {
    as_number(row.sums.values.get(&metric.name))
}

fn value_at(values: &HashMap<&str, &Values>, start: &str, metric: &Metric) -> Option<f64> {
    as_number(values.get(start)?.get(&metric.name))
}

fn whole_is_larger(metric: &Metric, whole: &Answer, lines: &[(String, HashMap<&str, &Values>)]) -> bool {
    let sum = |values: &HashMap<&str, &Values>| -> f64 {
        values.values().filter_map(|values| as_number(values.get(&metric.name))).sum()
    };
    let shown: f64 = lines.iter().map(|(_, values)| sum(values)).sum();
    let all = as_number(whole.total.values.get(&metric.name)).unwrap_or_default();
    (all - shown).abs() > 1e-6
}

/// The upper limits of the classes of positive values, so that each class has about as many.
fn quantiles(mut numbers: Vec<f64>) -> Vec<f64> {
    numbers.retain(|number| *number > 0.0);
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1);
    (1..CLASSES).filter_map(|class| numbers.get(last * class / (CLASSES - 1)).copied()).collect()
}

/// 0 for nothing, then 1 to 6.
fn class(limits: &[f64], value: f64) -> usize {
    if value <= 0.0 { 0 } else { 1 + limits.partition_point(|limit| *limit < value).min(CLASSES - 2) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_of_a_heat_map_has_about_as_many_values() {
        let limits = quantiles((0..=60).map(f64::from).collect());
        assert_eq!(limits.len(), CLASSES - 1);
        let classes: Vec<usize> =
            [0.0, 1.0, 11.0, 31.0, 60.0].iter().map(|value| class(&limits, *value)).collect();
        assert_eq!(classes, [0, 1, 2, 4, 6]);
        assert_eq!(class(&quantiles(vec![0.0]), 5.0), 1);
    }
}
