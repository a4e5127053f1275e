//! Requests and responses of rates, and their rules.

use serde::Serialize;
use sluice_schemas::currency::Currency;
use sluice_schemas::decimal::{self, Decimal};
use utoipa::ToSchema;

use crate::amount::to_scaled;
use crate::db::funds::rates::{ONE_A_DAY, RateRow, RateValues};
use crate::http::error::ApiError;
use crate::http::fields::Errors;
use crate::http::fields::options::{Day, Required};
use crate::http::request::{patch, request};
use crate::http::server_error::constraint_to_field;

/// Maximum decimal places of a rate.
pub const RATE_PLACES: u32 = 9;
/// Largest rate: 64 bits of billionths.
const MAX_RATE: &str = "9223372036.854775807";

/// An exchange rate.
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

request! {
    /// The columns of a rate to insert or update.
    pub struct FundRateRequest {
        /// ISO 4217 code.
        pub base: Required<Currency>,
        /// ISO 4217 code.
        pub quote: Required<Currency>,
        /// First day on which the rate is valid, for example `2026-11-23`.
        pub date: Required<Day>,
        /// Price of one unit of `base` in `quote`, with at most nine decimal places.
        pub rate: Required<Decimal>,
    }
}

patch! {
    /// Changes of an exchange rate. Omitted fields keep their values.
    pub struct UpdateFundRateRequest of FundRateRequest;
}

impl FundRateRequest {
    /// Returns the values, if there are no errors.
    pub fn values(&self, errors: &mut Errors) -> Option<RateValues> {
        let (base, quote) = (self.base.0, self.quote.0);
        if base.is_some() && base == quote {
            errors.fail("quote", "A rate is between two currencies.");
        }
        let rate = self.rate.0;
        let rate = rate.and_then(|rate| errors.accept("rate", to_scaled(rate, RATE_PLACES, 1, MAX_RATE)));
        errors.ok()?;
        Some(RateValues { base: base?.code, quote: quote?.code, day: self.date.0?.0, rate_e9: rate? })
    }
}

/// Maps violated constraints to errors of fields.
#[must_use]
pub fn constraint_error(error: sqlx::Error) -> ApiError {
    constraint_to_field(error, &[(ONE_A_DAY, "date", "There is a rate of these currencies for this day.")])
}
