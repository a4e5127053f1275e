//! Rates of exchange, entered by the coordinator for days: what they have in common on the wire.
//!
//! A rate holds from its day until the next one. What was converted by a rate that is changed later stays as it was.

pub mod convert;
pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod update;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::constraint_to_field;
use crate::db::funds::rates::{ONE_A_DAY, RateRow, RateValues};
use crate::funds::amount::to_scaled;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use sluice_schemas::decimal;

/// Decimal places of a rate.
pub const RATE_PLACES: u32 = 9;
/// What fits into 64 bits of billionths.
const MAX_RATE: &str = "9223372036.854775807";

/// A rate to be, or what shall be changed of one.
#[derive(Debug, Deserialize, ToSchema)]
pub struct FundRateRequest {
    /// ISO 4217.
    pub base: String,
    /// ISO 4217.
    pub quote: String,
    /// The day from which it holds.
    pub date: String,
    /// What one unit of `base` is in `quote`, with at most nine decimal places.
    pub rate: String,
}

/// A rate.
#[derive(Debug, Serialize, ToSchema)]
pub struct FundRateResponse {
    pub id: i64,
    pub base: String,
    pub quote: String,
    #[schema(format = Date)]
    pub date: String,
    pub rate: String,
}

impl From<&RateRow> for FundRateResponse {
    fn from(row: &RateRow) -> Self {
        let rate = decimal::show(row.rate_e9, RATE_PLACES);
        Self {
            id: row.id,
            base: row.base.clone(),
            quote: row.quote.clone(),
            date: row.day.to_string(),
            rate: rate.trim_end_matches('0').trim_end_matches('.').to_owned(),
        }
    }
}

/// Reads a rate's fields; what is wrong stays in `fields`.
pub fn read(fields: &mut Fields) -> Option<RateValues> {
    let base = fields.required_currency("base");
    let quote = fields.required_currency("quote");
    if base.is_some() && base == quote {
        fields.fail("quote", "A rate is between two currencies.");
    }
    let is_dated = fields.required_text("date", 100).is_some();
    let day = if is_dated { fields.date("date") } else { None };
    let rate = fields.required_decimal("rate");
    let rate = rate.and_then(|rate| fields.accept("rate", to_scaled(rate, RATE_PLACES, 1, MAX_RATE)));
    fields.finish().ok()?;
    Some(RateValues { base: base?.code, quote: quote?.code, day: day?, rate_e9: rate? })
}

/// Maps violated constraints to errors of fields.
#[must_use]
pub fn constraint_error(error: sqlx::Error) -> ApiError {
    constraint_to_field(error, &[(ONE_A_DAY, "date", "There is a rate of these currencies for this day.")])
}
