//! Expected revenue: orders on hold, each by the approve rate of its campaign.
//!
//! The rate is the share of sales and rebills among the decided orders of the last [`N_DAYS`] days,
//! within the viewer's scope. A campaign with fewer decided orders than [`MIN_DECIDED`] has the
//! rate of all campaigns. The interval is Wilson's, for 95 %.

use clickhouse::query::Query;
use clickhouse::{Client, Row};
use serde::Deserialize;

use crate::db::clickhouse::fetch_all;
use crate::db::scope::EventScope;

/// The days whose orders make the rate.
pub const N_DAYS: i64 = 90;
/// A campaign with fewer decided orders has no rate of its own.
pub const MIN_DECIDED: u64 = 30;
const MS_PER_DAY: i64 = 86_400_000;
/// One, in billionths.
const ONE_E9: f64 = 1e9;
/// The quantile of the normal distribution for an interval of 95 %.
const Z: f64 = 1.959_964;
/// The place of the rate of all campaigns.
const ALL: u32 = 1;
/// The rate if no order was decided.
const UNKNOWN: Rate = Rate { expected: -1, low: -1, high: -1 };

/// An approve rate and its interval, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    expected: i64,
    low: i64,
    high: i64,
}

/// Decided orders of a campaign.
#[derive(Debug, Clone, Copy, Row, Deserialize)]
struct DecidedRow {
    campaign_id: u64,
    n_approved: u64,
    n_decided: u64,
}

/// Approve rates by campaign, as arrays for ClickHouse.
#[derive(Debug, Clone)]
pub struct ApproveRates {
    campaigns: Vec<u64>,
    places: Vec<u32>,
    rates: Vec<Rate>,
}

impl ApproveRates {
    /// Loads the rates of the orders before a moment.
    pub async fn load(client: &Client, scope: &EventScope, now_ms: i64) -> clickhouse::error::Result<Self> {
        let sql = format!(
            "SELECT campaign_id, countIf(status IN ('sale', 'rebill')) AS n_approved, count() AS n_decided
             FROM orders
             WHERE time >= fromUnixTimestamp64Milli({{approved_from_ms:Int64}}) AND status != 'hold' AND {}
             GROUP BY campaign_id ORDER BY campaign_id",
            scope.events_sql()
        );
        let query = scope.bind(client.query(&sql)).param("approved_from_ms", now_ms - N_DAYS * MS_PER_DAY);
        Ok(Self::of(&fetch_all(query).await?))
    }

    /// Returns no rates, for a report without expected revenue.
    #[must_use]
    pub fn none() -> Self {
        Self::of(&[])
    }

    fn of(rows: &[DecidedRow]) -> Self {
        let total = |of: fn(&DecidedRow) -> u64| rows.iter().map(of).sum();
        let all = Rate::of(total(|row| row.n_approved), total(|row| row.n_decided));
        // `transform` needs a value.
        let mut found = Self { campaigns: vec![0], places: vec![ALL], rates: vec![all] };
        for row in rows.iter().filter(|row| row.campaign_id > 0 && row.n_decided >= MIN_DECIDED) {
            found.rates.push(Rate::of(row.n_approved, row.n_decided));
            found.campaigns.push(row.campaign_id);
            found.places.push(u32::try_from(found.rates.len()).unwrap_or(ALL));
        }
        found
    }

    /// The place of the rate of an order's campaign, among the arrays.
    pub const PLACE: &str = "toUInt32(transform(campaign_id, {approve_campaigns:Array(UInt64)}, \
        {approve_places:Array(UInt32)}, toUInt32(1))) AS approve_place";

    /// Binds the parameters of [`Self::PLACE`] and of the sums.
    pub fn bind(&self, query: Query) -> Query {
        let of = |of: fn(&Rate) -> i64| -> Vec<i64> { self.rates.iter().map(of).collect() };
        query
            .param("approve_campaigns", &self.campaigns)
            .param("approve_places", &self.places)
            .param("approve_rates", of(|rate| rate.expected))
            .param("approve_lows", of(|rate| rate.low))
            .param("approve_highs", of(|rate| rate.high))
    }
}

impl Rate {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "counts of orders, and a share between 0 and 1"
    )]
    fn of(n_approved: u64, n_decided: u64) -> Self {
        if n_decided == 0 {
            return UNKNOWN;
        }
        let (share, n) = (n_approved as f64 / n_decided as f64, n_decided as f64);
        let scale = 1.0 + Z * Z / n;
        let middle = (share + Z * Z / (2.0 * n)) / scale;
        let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
        let billionths = |share: f64| (share.clamp(0.0, 1.0) * ONE_E9).round() as i64;
        Self { expected: billionths(share), low: billionths(middle - half), high: billionths(middle + half) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        assert_eq!(Rate::of(0, 0), UNKNOWN);
        // 30 of 40: as in textbooks, 59.8 % to 85.8 %.
        assert_eq!(Rate::of(30, 40), Rate { expected: 750_000_000, low: 598_060_385, high: 858_128_814 });
        let (none, all) = (Rate::of(0, 10), Rate::of(10, 10));
        assert_eq!((none.expected, none.low, all.expected, all.high), (0, 0, 1_000_000_000, 1_000_000_000));
        assert_eq!(none.high, 1_000_000_000 - all.low);
    }

    #[test]
    fn a_campaign_with_few_decided_orders_has_the_rate_of_all() {
        let row = |campaign_id, n_approved, n_decided| DecidedRow { campaign_id, n_approved, n_decided };
        let found = ApproveRates::of(&[row(0, 0, 50), row(7, 30, 40), row(8, 29, 29), row(9, 0, 30)]);
        assert_eq!((&found.campaigns[..], &found.places[..]), (&[0, 7, 9][..], &[1, 2, 3][..]));
        let rates: Vec<i64> = found.rates.iter().map(|rate| rate.expected).collect();
        assert_eq!(rates, [395_973_154, 750_000_000, 0]);
        assert_eq!(ApproveRates::none().rates, [UNKNOWN]);
    }
}
