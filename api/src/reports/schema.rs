//! `GET /api/reports/schema/`: lists the dimensions, metrics and limits of reports.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dates::buckets::MAX_BUCKETS;
use crate::db::funds::rates;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::state::App;
use crate::reports::dimensions::{self, Dimension, Kind};
use crate::reports::filters::{BOT_REASONS, MAX_VALUE_CHARS, MAX_VALUES, operators};
use crate::reports::metric::{MIN_DIVISOR, Metric};
use crate::reports::metrics::{METRICS, PRESETS};
use crate::reports::query::{MAX_GROUPS, MAX_SECONDS};
use crate::reports::request::{MAX_DAYS, MAX_DIMENSIONS, PER_PAGE, Uniq};

/// The catalogue of reports.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportSchemaResponse {
    /// The dimensions that the caller may use.
    dimensions: Vec<ReportDimensionResponse>,
    metrics: Vec<ReportMetricResponse>,
    presets: Vec<ReportPresetResponse>,
    uniq: Vec<&'static str>,
    /// The currency of amounts if a report names none.
    currency: &'static str,
    /// The currencies that have exchange rates.
    currencies: Vec<String>,
    limits: ReportLimitsResponse,
    not_available: Vec<ReportUnavailableResponse>,
}

/// A dimension.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportDimensionResponse {
    name: &'static str,
    label: &'static str,
    /// `who`, `visitor`, `traffic`, `subs` or `time`.
    group: &'static str,
    /// The parameter that filters by it; null if dates select its values.
    filter: Option<&'static str>,
    /// `is`, and the words after a point: `not`, `has`, `none`.
    operators: Vec<&'static str>,
    /// The words of a filter, if they are few.
    values: Option<Vec<&'static str>>,
    /// The path of the pages of what an id names.
    refers: Option<&'static str>,
    /// Whether it is a text that visitors bring.
    visitor_text: bool,
}

/// A metric.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportMetricResponse {
    name: &'static str,
    label: &'static str,
    /// `count`, `money` or `ratio`.
    unit: &'static str,
    /// Decimal places on pages; those of the currency for an amount with 2.
    places: u32,
    formula: &'static str,
    meaning: &'static str,
    /// Whether rows and Others add up to the total.
    additive: bool,
    less_is_good: bool,
    /// The count that it is divided by.
    divisor: Option<&'static str>,
    /// It is uncertain if the divisor is less.
    min_divisor: Option<i64>,
}

/// A set of metrics.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportPresetResponse {
    name: &'static str,
    label: &'static str,
    metrics: Vec<&'static str>,
}

/// The limits of a report.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportLimitsResponse {
    dimensions: usize,
    groups: u32,
    intervals: usize,
    days: i64,
    seconds: u32,
    filter_values: usize,
    filter_chars: usize,
    per_page: Vec<u32>,
}

/// A part of reports that cannot be counted exactly yet.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportUnavailableResponse {
    name: &'static str,
    reason: &'static str,
}

/// Parts that are left out whole.
const NOT_AVAILABLE: [(&str, &str); 2] = [
    ("dated=conversion", "Orders are counted by the time of the order."),
    ("spend", "Spend that was recorded in funds is by account and day, not by visit. Cost is the pixel's."),
];

/// List the dimensions and metrics of reports
#[utoipa::path(
    get, path = "/api/reports/schema/", tag = "reports",
    responses((status = 200, description = "The catalogue", body = ReportSchemaResponse), ListErrors),
    security(("bearer" = [])),
)]
pub async fn get_report_schema(
    State(app): State<App>,
    allowed: Allowed,
) -> Result<Json<ReportSchemaResponse>, ApiError> {
    Ok(Json(ReportSchemaResponse {
        dimensions: dimensions::permitted(allowed.grant).map(dimension).collect(),
        metrics: METRICS.iter().map(metric).collect(),
        presets: PRESETS
            .iter()
            .map(|preset| ReportPresetResponse {
                name: preset.name,
                label: preset.label,
                metrics: preset.metrics.to_vec(),
            })
            .collect(),
        uniq: Uniq::WORDS.to_vec(),
        currency: allowed.viewer.preferences.report_currency,
        currencies: rates::currencies(&app.postgres).await?,
        limits: ReportLimitsResponse {
            dimensions: MAX_DIMENSIONS,
            groups: MAX_GROUPS,
            intervals: MAX_BUCKETS,
            days: MAX_DAYS,
            seconds: MAX_SECONDS,
            filter_values: MAX_VALUES,
            filter_chars: MAX_VALUE_CHARS,
            per_page: PER_PAGE.iter().filter_map(|word| word.parse().ok()).collect(),
        },
        not_available: NOT_AVAILABLE
            .map(|(name, reason)| ReportUnavailableResponse { name, reason })
            .to_vec(),
    }))
}

fn dimension(dimension: &Dimension) -> ReportDimensionResponse {
    let has_filter = !dimension.filter.is_empty();
    let words = match dimension.kind {
        _ if dimension.name == "bot" => Some([&["true", "false"], &BOT_REASONS[..]].concat()),
        Kind::Weekday => Some(vec!["1", "2", "3", "4", "5", "6", "7"]),
        _ => None,
    };
    ReportDimensionResponse {
        name: dimension.name,
        label: dimension.label,
        group: dimension.group,
        filter: has_filter.then_some(dimension.filter),
        operators: if has_filter { [&["is"], operators(dimension)].concat() } else { Vec::new() },
        values: words,
        refers: match dimension.kind {
            Kind::Id(refers) => Some(refers.path()),
            _ => None,
        },
        visitor_text: dimension.is_visitor_text,
    }
}

fn metric(metric: &Metric) -> ReportMetricResponse {
    ReportMetricResponse {
        name: metric.name,
        label: metric.label,
        unit: metric.unit.word(),
        places: metric.places,
        formula: metric.formula,
        meaning: metric.meaning,
        additive: metric.is_additive(),
        less_is_good: metric.less_is_good,
        divisor: metric.divisor(),
        min_divisor: metric.divisor().and_then(|_| i64::try_from(MIN_DIVISOR).ok()),
    }
}
