//! The answer of a report.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Values by the name of their metric: whole numbers, decimal texts of amounts, and ratios. A value
/// is null if its divisor is 0 or an exchange rate is missing.
pub type Values = BTreeMap<&'static str, Value>;

/// A report.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportResponse {
    #[schema(format = DateTime)]
    pub from: String,
    #[schema(format = DateTime)]
    pub to: String,
    pub tz: &'static str,
    /// When the events were counted.
    #[schema(format = DateTime)]
    pub as_of: String,
    /// The currency of all amounts.
    pub currency: &'static str,
    pub group_by: Vec<&'static str>,
    pub metrics: Vec<&'static str>,
    pub sort: String,
    pub shape: &'static str,
    pub uniq: &'static str,
    pub per_page: u32,
    pub compare: Option<ReportComparisonResponse>,
    pub rows: Vec<ReportRowResponse>,
    /// Sums of the rows of earlier pages.
    pub before: Option<ReportSumsResponse>,
    /// Sums of the rows of later pages, and of groups without events in the range.
    pub others: Option<ReportSumsResponse>,
    pub total: ReportSumsResponse,
    /// The cursor of the next page.
    pub next: Option<String>,
    /// Currencies without an exchange rate. Amounts of which they are a part are null.
    pub missing_rates: Vec<ReportMissingRateResponse>,
}

/// The range that a report is compared with.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportComparisonResponse {
    #[schema(format = DateTime)]
    pub from: String,
    #[schema(format = DateTime)]
    pub to: String,
    /// As "vs week before".
    pub name: String,
    /// As "both until 15:42", if the range is not over yet.
    pub note: Option<String>,
}

/// A row of a report.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportRowResponse {
    /// Opens the row of a tree, as `open`.
    pub path: String,
    pub keys: Vec<ReportKeyResponse>,
    #[schema(value_type = Object)]
    pub values: Values,
    /// The values of the range to compare with.
    #[schema(value_type = Option<Object>)]
    pub compared: Option<Values>,
    /// Rates on fewer than 30, with their divisor.
    #[schema(value_type = Object)]
    pub uncertain: BTreeMap<&'static str, i64>,
    pub events: ReportEventsResponse,
    /// The rows of the next dimension, if the row is open.
    pub children: Option<ReportLevelResponse>,
}

/// The rows in another row.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportLevelResponse {
    #[schema(no_recursion)]
    pub rows: Vec<ReportRowResponse>,
    pub others: Option<ReportSumsResponse>,
}

/// The sums of several rows. Unique visitors and ratios are those of all events together.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportSumsResponse {
    pub n_rows: u64,
    #[schema(value_type = Object)]
    pub values: Values,
    #[schema(value_type = Option<Object>)]
    pub compared: Option<Values>,
    #[schema(value_type = Object)]
    pub uncertain: BTreeMap<&'static str, i64>,
    pub events: ReportEventsResponse,
}

/// The value of a dimension in a row.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportKeyResponse {
    pub dimension: &'static str,
    /// Empty for no value.
    pub value: String,
    pub label: String,
    /// The parameter that limits a report to this value; null if no filter can.
    pub filter: Option<String>,
    /// The page of the thing.
    pub href: Option<String>,
    /// First moment of an interval.
    #[schema(format = DateTime)]
    pub from: Option<String>,
    /// Last moment of an interval.
    #[schema(format = DateTime)]
    pub to: Option<String>,
}

/// The queries of the lists with exactly the counted events. Null if a list cannot filter so, or if
/// the caller may not see it.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct ReportEventsResponse {
    /// Of `GET /api/prospects/list/`.
    pub prospects: Option<String>,
    /// Of `GET /api/orders/list/`.
    pub orders: Option<String>,
}

/// A currency without an exchange rate.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportMissingRateResponse {
    /// Empty for amounts without a currency.
    pub currency: String,
    /// Days (UTC) with amounts in it.
    pub days: Vec<String>,
}
