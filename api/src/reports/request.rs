//! The address of a report: its dimensions, its columns, and the events that it counts.

use utoipa::IntoParams;

use crate::dates::compare::Comparison;
use crate::dates::control::{Control, Dates};
use crate::dates::range::{Present, Preset, Range};
use crate::db::MAX_TIME_MS;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::query::{Params, text_cursor};
use crate::reports::dimensions::{self, Dimension, Kind};
use crate::reports::filters::{Filters, shortened};
use crate::reports::formula::Base;
use crate::reports::metric::Metric;
use crate::reports::metrics::{self, PRESETS};
use crate::reports::slots::intervals;
use sluice_schemas::currency::Currency;

pub const MAX_DIMENSIONS: usize = 3;
/// The longest range of dates.
pub const MAX_DAYS: i64 = 3660;
pub const PER_PAGE: [&str; 4] = ["100", "25", "10", "1000"];
/// The most paths in `open`.
const MAX_OPEN: usize = 100;

/// The parameters of a report. A filter is a parameter too; the schema of reports lists them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ReportQuery {
    /// Up to three dimensions, separated by commas. The default is `day`.
    group_by: Option<String>,
    /// Metrics, separated by commas.
    metrics: Option<String>,
    /// `money` (the default), `traffic`, `orders` or `unit`: a set of metrics.
    preset: Option<String>,
    /// A metric, or a dimension of `group_by`; with a minus sign before it, in descending order.
    sort: Option<String>,
    /// `tree` (the default for more than one dimension): the rows of the first dimension, with the
    /// rows of the next ones in them. `flat`: a row for each combination.
    shape: Option<String>,
    /// The `path` of a row of a tree whose rows are to be listed; may be repeated. Trees of up to
    /// 100 rows have all of them, unless this is `none`.
    open: Option<String>,
    /// The window in which a visitor is counted once: `1h`, `24h` (the default), `campaign`,
    /// `ever`.
    uniq: Option<String>,
    /// The currency of amounts (ISO 4217). The default is the viewer's.
    currency: Option<String>,
    /// The time by which orders are counted. Only `order`.
    dated: Option<String>,
    /// `today`, `yesterday`, `24h`, `7d` (the default), `7full`, `14d`, `30d`, `week`, `last_week`,
    /// `month`, `last_month`, `year` or `all`.
    range: Option<String>,
    /// Start, inclusive: RFC 3339, or a date in `tz`.
    from: Option<String>,
    /// End, inclusive: RFC 3339, or a date in `tz`, of which the whole day is included.
    to: Option<String>,
    /// IANA time zone, for example `Europe/Berlin`. The default is the viewer's.
    tz: Option<String>,
    /// `prev`, `week`, `year`, or `custom` with `compare_from` and `compare_to`.
    compare: Option<String>,
    compare_from: Option<String>,
    compare_to: Option<String>,
    /// Rows of a page: 10, 25, 100 or 1000.
    per_page: Option<u32>,
    /// `next` of the previous page.
    cursor: Option<String>,
    /// `json` (the default) or `csv`.
    format: Option<String>,
    /// Of a CSV file: `comma` (the default), `semicolon` or `tab`.
    separator: Option<String>,
}

/// The window in which a visitor is counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uniq {
    /// An hour of the zone's clocks.
    Hour,
    /// A day of the zone.
    Day,
    Campaign,
    Ever,
}

/// The order of rows.
#[derive(Debug, Clone, Copy)]
pub enum SortBy {
    Metric(&'static Metric),
    /// The index of a dimension of the report.
    Dimension(usize),
}

/// A report that was asked for.
#[derive(Debug, Clone)]
pub struct Report {
    pub range: Range,
    pub present: Present,
    pub comparison: Option<Comparison>,
    pub dimensions: Vec<&'static Dimension>,
    pub metrics: Vec<&'static Metric>,
    pub sort_by: SortBy,
    pub is_ascending: bool,
    pub is_tree: bool,
    pub open: Vec<Vec<String>>,
    /// Whether a small tree is open by itself.
    pub opens_itself: bool,
    pub uniq: Uniq,
    pub currency: &'static str,
    pub filters: Filters,
    pub per_page: u32,
    /// Rows before the page.
    pub offset: u64,
}

impl Uniq {
    pub const WORDS: [&'static str; 4] = ["24h", "1h", "campaign", "ever"];

    fn of(word: &str) -> Self {
        match word {
            "1h" => Self::Hour,
            "campaign" => Self::Campaign,
            "ever" => Self::Ever,
            _ => Self::Day,
        }
    }

    /// Returns the word in the address.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Campaign => "campaign",
            Self::Ever => "ever",
        }
    }
}

impl Report {
    /// Reads the address. `earliest_ms` is the time of the first event, for the range of all dates.
    ///
    /// # Errors
    /// 400 with messages by parameter.
    pub fn read(
        params: &mut Params,
        query: Option<&str>,
        allowed: &Allowed,
        now_ms: u64,
        earliest_ms: i64,
    ) -> Result<Self, ApiError> {
        let viewer = Present::of(&allowed.viewer, now_ms);
        let dates = Dates::read(params, query, viewer, Control::REPORT);
        let range = bounded(params, &dates, earliest_ms);
        let dimensions = read_dimensions(params, allowed, "day");
        check_slots(params, &dimensions, &range, &dates.present);
        let metrics = read_metrics(params);
        let (sort_by, is_ascending) = read_sort(params, &dimensions, &metrics);
        let is_tree = match params.choice("shape", &["", "tree", "flat"]) {
            "" | "tree" => dimensions.len() > 1,
            _ => false,
        };
        let opens_itself = params.all("open").all(|path| path != "none");
        let masked = dimensions::DIMENSIONS.iter().filter(|dimension| !dimension.is_permitted(allowed.grant));
        refuse_masked(params, masked);
        params.choice("dated", &["order"]);
        let report = Self {
            range,
            present: dates.present,
            comparison: dates.comparison.clone(),
            metrics,
            sort_by,
            is_ascending,
            is_tree,
            open: read_open(params, dimensions.len()),
            opens_itself,
            uniq: Uniq::of(params.choice("uniq", &Uniq::WORDS)),
            currency: read_currency(params, allowed),
            filters: Filters::read(params, dimensions::permitted(allowed.grant)),
            per_page: params.choice("per_page", &PER_PAGE).parse().unwrap_or(100),
            offset: 0,
            dimensions,
        };
        let offset = report.read_cursor(params);
        std::mem::take(params).finish()?;
        Ok(Self { offset, ..report })
    }

    /// Returns `sort` as it is in the address.
    #[must_use]
    pub fn sort_word(&self) -> String {
        let name = match self.sort_by {
            SortBy::Metric(metric) => metric.name,
            SortBy::Dimension(index) => self.dimensions[index].name,
        };
        format!("{}{name}", if self.is_ascending { "" } else { "-" })
    }

    /// Returns the number of levels of rows.
    #[must_use]
    pub fn n_levels(&self) -> usize {
        if self.is_tree { self.dimensions.len() } else { 1 }
    }

    /// Returns the dimensions whose values are the keys of a row of a level, from 1.
    #[must_use]
    pub fn keys_of(&self, level: usize) -> &[&'static Dimension] {
        if self.is_tree { &self.dimensions[level - 1..level] } else { &self.dimensions }
    }

    /// Returns whether the first level has a row for every value, also without events.
    #[must_use]
    pub fn fills_first(&self) -> bool {
        self.keys_of(1).len() == 1 && self.dimensions[0].kind.is_time()
    }

    /// A cursor belongs to its grouping and its order.
    fn cursor_of(&self, offset: u64) -> String {
        let names: Vec<&str> = self.dimensions.iter().map(|dimension| dimension.name).collect();
        text_cursor(&format!("{offset} {} {} {}", self.sort_word(), self.is_tree, names.join(",")))
    }

    /// Returns the cursor of the next page.
    #[must_use]
    pub fn next_cursor(&self) -> String {
        self.cursor_of(self.offset + u64::from(self.per_page))
    }

    fn read_cursor(&self, params: &mut Params) -> u64 {
        let Some(text) = params.text_cursor() else { return 0 };
        let offset = text.split(' ').next().and_then(|offset| offset.parse().ok()).unwrap_or(0);
        if params.text("cursor") != Some(self.cursor_of(offset).as_str()) {
            params.fail(
                "cursor",
                "Invalid cursor. It is from a report with the same \"group_by\" and \"sort\".",
            );
        }
        offset
    }

    /// Returns whether a metric of the report, or the one it is sorted by, needs a base of a kind.
    #[must_use]
    pub fn uses_any(&self, is: impl Fn(Base) -> bool) -> bool {
        let sorted = match self.sort_by {
            SortBy::Metric(metric) => Some(metric),
            SortBy::Dimension(_) => None,
        };
        let mut metrics = self.metrics.iter().copied().chain(sorted);
        metrics.any(|metric| metric.uses_any(&is))
    }
}

/// Limits the range of all dates to those that have events.
fn bounded(params: &mut Params, dates: &Dates, earliest_ms: i64) -> Range {
    let zone = dates.present.zone;
    let range = dates.range;
    if range.preset == Some(Preset::All) {
        let days = [earliest_ms.clamp(1, dates.present.now_ms), dates.present.now_ms];
        let [first, last] = days.map(|at_ms| zone.day_of(at_ms));
        return Range { preset: range.preset, ..Range::of_days(first, last, zone) };
    }
    let is_long = range.n_days(zone) > MAX_DAYS;
    if is_long && params.errors().is_empty() {
        params.fail("from", format!("Choose at most {MAX_DAYS} days."));
    }
    let compared = dates.comparison.as_ref().map_or(0, |other| (other.to_ms - other.from_ms) / 86_400_000);
    if compared > MAX_DAYS {
        params.fail("compare_from", format!("Choose at most {MAX_DAYS} days."));
    }
    Range { to_ms: range.to_ms.min(MAX_TIME_MS), ..range }
}

fn read_dimensions(params: &mut Params, allowed: &Allowed, default: &str) -> Vec<&'static Dimension> {
    let text = params.text("group_by").unwrap_or(default).to_owned();
    let mut found: Vec<&'static Dimension> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match dimensions::find(name) {
            None => params.fail("group_by", format!("\"{}\" is not a dimension.", shortened(name))),
            Some(dimension) if !dimension.is_permitted(allowed.grant) => {
                params.fail("group_by", format!("\"{name}\" is hidden from your position."));
            }
            Some(_) if found.iter().any(|known| known.name == name) => {
                params.fail("group_by", format!("\"{name}\" is named twice."));
            }
            Some(dimension) => found.push(dimension),
        }
    }
    if found.len() > MAX_DIMENSIONS {
        params.fail("group_by", format!("Choose at most {MAX_DIMENSIONS} dimensions."));
    }
    if found.is_empty() {
        if !params.errors().contains_key("group_by") {
            params.fail("group_by", "Choose a dimension.");
        }
        found.extend(dimensions::find(default));
    }
    found
}

/// Checks that the range has not too many intervals.
fn check_slots(params: &mut Params, dimensions: &[&'static Dimension], range: &Range, present: &Present) {
    if !params.errors().is_empty() {
        return;
    }
    for dimension in dimensions {
        let Kind::Interval(interval) = dimension.kind else { continue };
        if intervals(range, interval, present).is_none() {
            let message = format!(
                "The dates have more than {} of \"{}\". Choose fewer days, or a longer interval.",
                crate::dates::buckets::MAX_BUCKETS,
                dimension.name
            );
            params.fail("group_by", message);
        }
    }
}

fn read_metrics(params: &mut Params) -> Vec<&'static Metric> {
    let names: Vec<&'static str> = PRESETS.iter().map(|preset| preset.name).collect();
    let word = params.choice("preset", &names);
    let preset = PRESETS.iter().find(|preset| preset.name == word).unwrap_or(&PRESETS[0]);
    let Some(text) = params.text("metrics").map(str::to_owned) else {
        return preset.metrics.iter().filter_map(|name| metrics::find(name)).collect();
    };
    let mut found: Vec<&'static Metric> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match metrics::find(name) {
            None => params.fail("metrics", format!("\"{}\" is not a metric.", shortened(name))),
            Some(metric) if found.iter().any(|known| known.name == metric.name) => {}
            Some(metric) => found.push(metric),
        }
    }
    if found.is_empty() && !params.errors().contains_key("metrics") {
        params.fail("metrics", "Choose a metric.");
    }
    found
}

fn read_sort(
    params: &mut Params,
    dimensions: &[&'static Dimension],
    metrics: &[&'static Metric],
) -> (SortBy, bool) {
    let default = if dimensions.first().is_some_and(|first| first.kind.is_time()) {
        (SortBy::Dimension(0), true)
    } else {
        metrics.first().map_or((SortBy::Dimension(0), true), |metric| (SortBy::Metric(metric), false))
    };
    let Some(text) = params.text("sort").map(str::to_owned) else { return default };
    let (name, is_ascending) = text.strip_prefix('-').map_or((text.as_str(), true), |name| (name, false));
    if let Some(index) = dimensions.iter().position(|dimension| dimension.name == name) {
        return (SortBy::Dimension(index), is_ascending);
    }
    if let Some(metric) = metrics::find(name) {
        return (SortBy::Metric(metric), is_ascending);
    }
    let message = format!("\"{}\" is neither a metric nor a dimension of the report.", shortened(&text));
    params.fail("sort", message);
    default
}

fn read_open(params: &mut Params, n_dimensions: usize) -> Vec<Vec<String>> {
    let sent: Vec<String> = params.all("open").filter(|path| *path != "none").map(str::to_owned).collect();
    let paths: Vec<Vec<String>> = sent.iter().map(|path| parse_path(path)).collect();
    if paths.len() > MAX_OPEN {
        params.fail("open", format!("Open at most {MAX_OPEN} rows."));
    }
    if paths.iter().any(|path| path.len() >= n_dimensions) {
        params.fail("open", "There are no more rows in this one.");
    }
    paths
}

/// Writes the values of a row as a path.
#[must_use]
pub fn path_text(values: &[String]) -> String {
    let encoded = values.iter().map(|value| form_urlencoded::byte_serialize(value.as_bytes()).collect());
    encoded.collect::<Vec<String>>().join("/")
}

fn parse_path(text: &str) -> Vec<String> {
    let decode = |part: &str| {
        let pair = format!("v={part}");
        form_urlencoded::parse(pair.as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    text.split('/').map(decode).collect()
}

fn read_currency(params: &mut Params, allowed: &Allowed) -> &'static str {
    let default = allowed.viewer.preferences.report_currency;
    let Some(text) = params.text("currency").map(str::to_owned) else { return default };
    let Some(currency) = Currency::parse(&text) else {
        params.fail("currency", format!("\"{}\" is not a currency of ISO 4217.", shortened(&text)));
        return default;
    };
    currency.code
}

/// A filter by something that the caller may not see would reveal it.
fn refuse_masked<'a>(params: &mut Params, masked: impl Iterator<Item = &'a Dimension>) {
    for dimension in masked {
        for operator in ["", ".not", ".has", ".none"] {
            let name = format!("{}{operator}", dimension.filter);
            if params.text(&name).is_some() {
                params.fail(&name, "This is hidden from your position.");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_back() {
        for values in [vec!["7", "UA"], vec![""], vec!["a/b", "", "c&d=%"], vec!["ЛІТО +"]] {
            let values: Vec<String> = values.into_iter().map(str::to_owned).collect();
            assert_eq!(parse_path(&path_text(&values)), values);
        }
        assert_eq!(path_text(&["a/b".to_owned(), String::new()]), "a%2Fb/");
    }
}
