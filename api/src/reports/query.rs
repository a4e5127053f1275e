//! The SQL of a report. One statement reads all rows of a level with their Others and Total, so
//! they always agree, even while events come in.
//!
//! From the inside out: `events` has a row for each visit and order of the range (and of the range
//! to compare with), `groups` sums them, `ranked` gives each group its place, `placed` says whether
//! it is on the page, and the outermost query adds up the groups that are not. Visitors are counted
//! by sets (`uniqExactState`) until the end, so that those of Others are exact too.

use clickhouse::query::Query;
use clickhouse::{Client, Row};
use serde::Deserialize;

use crate::dates::buckets::MAX_BUCKETS;
use crate::db::clickhouse::{fetch_all, fetch_optional};
use crate::reports::formula::Base;
use crate::reports::money::Rates;
use crate::reports::plan::Plan;
use crate::reports::request::SortBy;
use crate::reports::sums::GroupRow;

/// The most groups that a page may be chosen from.
pub const MAX_GROUPS: u32 = 1_000_000;
/// The longest that the query of a page may run, as the client of ClickHouse limits it.
pub const MAX_SECONDS: u32 = 10;
/// The longest that the query of a file may run.
pub const MAX_FILE_SECONDS: u32 = 120;
/// A tree of this many rows is open by itself.
const SMALL_TREE: u32 = 100;
/// Rows of a level of time below the first: all of them.
const MAX_TIMES: usize = MAX_BUCKETS;

/// A currency without a rate, and the days on which one is missing.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct MissingRow {
    pub currency: String,
    pub days: Vec<String>,
}

/// The sum of amounts on hold, each by the rate of its order's campaign and rounded to a millionth.
macro_rules! share_of_hold {
    ($rates:literal) => {
        concat!(
            "sumIf(toInt128(sign(earned)) * intDiv(toInt128(abs(earned)) * greatest({",
            $rates,
            ":Array(Int64)}[approve_place], 0) * 2 + 1000000000, 2000000000), status_number = 1 AND {})"
        )
    };
}

/// The sums of `groups`: name, and expression over the events for which `{}` holds.
const SUMS: [(&str, &str); 20] = [
    ("n_prospects", "countIf(is_visit = 1 AND {})"),
    ("n_bots", "countIf(is_bot = 1 AND {})"),
    ("visitors", "uniqExactState(if({}, visitor, NULL))"),
    ("cost", "sumIf(spent, {})"),
    ("n_cost_missing", "countIf(is_spent_missing = 1 AND {})"),
    ("n_orders", "countIf(status_number > 0 AND {})"),
    ("n_hold", "countIf(status_number = 1 AND {})"),
    ("n_sale", "countIf(status_number = 2 AND {})"),
    ("n_rejected", "countIf(status_number = 3 AND {})"),
    ("n_trash", "countIf(status_number = 4 AND {})"),
    ("n_chargeback", "countIf(status_number = 5 AND {})"),
    ("n_rebill", "countIf(status_number = 6 AND {})"),
    ("revenue", "sumIf(earned, status_number IN (2, 6) AND {})"),
    ("n_revenue_missing", "countIf(is_earned_missing = 1 AND status_number IN (2, 6) AND {})"),
    ("revenue_hold", "sumIf(earned, status_number = 1 AND {})"),
    ("n_hold_missing", "countIf(is_earned_missing = 1 AND status_number = 1 AND {})"),
    ("hold_expected", share_of_hold!("approve_rates")),
    ("hold_low", share_of_hold!("approve_lows")),
    ("hold_high", share_of_hold!("approve_highs")),
    (
        "n_expected_missing",
        "countIf({approve_rates:Array(Int64)}[approve_place] < 0 AND status_number = 1 AND {})",
    ),
];

/// The currency and the day of an amount.
const DAY: &str = "toString(currency) AS code, toString(toDate(time, 'UTC')) AS day";

impl Plan {
    /// Returns the rows of the page, and the sums of the other rows.
    pub async fn rows(&self, client: &Client) -> clickhouse::error::Result<Vec<GroupRow>> {
        fetch_all(self.limited(client, &self.page_sql())).await
    }

    /// Returns the query of all rows of a flat report, one by one.
    pub fn all_rows(&self, client: &Client) -> Query {
        self.bind(client.query(&self.all_sql()))
            .with_setting("max_execution_time", MAX_FILE_SECONDS.to_string())
    }

    /// Returns the currencies for which a rate is missing.
    pub async fn missing(&self, client: &Client) -> clickhouse::error::Result<Vec<MissingRow>> {
        let (_, cost) = Rates::sql("cost");
        let (_, payout) = Rates::sql("payout");
        let with = |is_missing: &str| format!("{DAY}, {is_missing} AS is_missing");
        let none = format!("{DAY}, 0 AS is_missing");
        let earned = [
            (self.uses(Base::Revenue), "status IN ('sale', 'rebill')"),
            (self.report.uses_any(Base::is_hold), "status = 'hold'"),
        ];
        let used: Vec<&str> =
            earned.iter().filter(|(is_used, _)| *is_used).map(|(_, statuses)| *statuses).collect();
        let orders = if used.is_empty() {
            none.clone()
        } else {
            with(&format!("{payout} AND ({})", used.join(" OR ")))
        };
        let visits = if self.uses(Base::Cost) { with(&cost) } else { none };
        let branches: Vec<String> = self
            .spans()
            .flat_map(|is_then| {
                [
                    self.visits_sql(is_then, "", &visits),
                    self.orders_sql(is_then, false, &orders, "code, day, is_missing"),
                ]
            })
            .collect();
        let sql = format!(
            "SELECT code, arraySort(groupUniqArray(day)) FROM ({}) WHERE is_missing = 1 GROUP BY code ORDER BY code",
            branches.join(" UNION ALL ")
        );
        fetch_all(self.bind(client.query(&sql))).await
    }

    fn limited(&self, client: &Client, sql: &str) -> Query {
        self.bind(client.query(sql))
            .with_setting("max_execution_time", MAX_SECONDS.to_string())
            .with_setting("max_rows_to_group_by", MAX_GROUPS.to_string())
            .with_setting("group_by_overflow_mode", "throw")
    }

    fn groups_sql(&self) -> String {
        let names: Vec<String> = (1..=self.n_keys()).map(|number| format!("k{number}")).collect();
        let (level, sets) = if self.report.n_levels() > 1 {
            let absent: Vec<String> = names[1..].iter().map(|name| format!("grouping({name})")).collect();
            let sets: Vec<String> =
                (1..=names.len()).map(|n| format!("({})", names[..n].join(", "))).collect();
            let level = format!("{} - ({})", names.len(), absent.join(" + "));
            (level, format!("GROUPING SETS ({})", sets.join(", ")))
        } else {
            ("1".to_owned(), names.join(", "))
        };
        let mut sums: Vec<String> = Vec::new();
        for (prefix, is_span) in [("", "is_then = 0"), ("then_", "is_then = 1")] {
            let is_asked = prefix.is_empty() || self.then.is_some();
            for (name, sql) in SUMS.iter().filter(|_| is_asked) {
                let sql = self.left_out(name).unwrap_or(sql);
                sums.push(format!("{} AS {prefix}{name}", sql.replace("{}", is_span)));
            }
        }
        format!(
            "SELECT toUInt8({level}) AS level, {}, max(is_slot) AS has_slot, {} FROM ({}) GROUP BY {sets}",
            names.join(", "),
            sums.join(", "),
            self.events_sql()
        )
    }

    /// Returns a constant for a sum that the report does not need. Sets of visitors and the rates
    /// of campaigns cost much.
    fn left_out(&self, name: &str) -> Option<&'static str> {
        let is_expected = self.report.uses_any(Base::is_expected);
        match name {
            "visitors" if !self.uses(Base::Unique) => Some("toUInt64(0)"),
            "hold_expected" | "hold_low" | "hold_high" if !is_expected => Some("toInt128(0)"),
            "n_expected_missing" if !is_expected => Some("toUInt64(0)"),
            _ => None,
        }
    }

    /// Writes the order of rows within their level and parent.
    fn order_sql(&self) -> String {
        let keys: Vec<String> = (1..=self.n_keys()).map(|number| format!("k{number}")).collect();
        let direction = if self.report.is_ascending { "ASC" } else { "DESC" };
        let sort = match self.report.sort_by {
            SortBy::Dimension(index) => format!("k{}", index + 1),
            SortBy::Metric(metric) => {
                // Times below the first level are in their own order.
                let times: Vec<String> = (2..=self.report.n_levels())
                    .filter(|level| self.report.keys_of(*level)[0].kind.is_time())
                    .map(|level| format!("level = {level}"))
                    .collect();
                let sql = metric.sql();
                if times.is_empty() { sql } else { format!("if({}, NULL, {sql})", times.join(" OR ")) }
            }
        };
        format!("is_listed DESC, {sort} {direction} NULLS LAST, {}", keys.join(", "))
    }

    /// Selects from groups, with whether a group has a row: it has events, or it is an interval
    /// that has begun.
    fn listed_sql(&self, groups: &str) -> String {
        let mut listed = "n_prospects + n_orders > 0 OR (has_slot = 1 AND level = 1)".to_owned();
        for (level, n_begun) in &self.begun {
            let of_level = format!(" OR (level = {level} AND k{level} < {n_begun})");
            listed.push_str(&of_level);
        }
        format!("SELECT *, toUInt8({listed}) AS is_listed FROM ({groups})")
    }

    /// Selects the groups, and fails if there are too many. `max_rows_to_group_by` ends such a
    /// query early, but allows each thread that many.
    fn bounded_sql(&self) -> String {
        format!(
            "SELECT * FROM (SELECT *, count() OVER () AS n_groups FROM ({} LIMIT {}))
             WHERE throwIf(n_groups > {MAX_GROUPS}, 'too many groups') = 0",
            self.groups_sql(),
            MAX_GROUPS + 1
        )
    }

    fn ranked_sql(&self) -> String {
        let parent = |number: usize| {
            let is_key = self.report.n_levels() > number;
            if is_key { format!("if(level > {number}, toString(k{number}), '')") } else { "''".to_owned() }
        };
        format!(
            "SELECT *, {} AS p1, {} AS p2,
                    row_number() OVER (PARTITION BY level, p1, p2 ORDER BY {}) AS place_in_all,
                    sum(is_listed) OVER () AS n_listed
             FROM ({})",
            parent(1),
            parent(2),
            self.order_sql(),
            self.listed_sql(&self.bounded_sql())
        )
    }

    fn placed_sql(&self) -> String {
        let per_page = self.report.per_page;
        let limits: Vec<String> = (2..=self.report.n_levels())
            .filter(|level| self.report.keys_of(*level)[0].kind.is_time())
            .map(|level| format!("level = {level}, {MAX_TIMES}, "))
            .collect();
        let limit = if limits.is_empty() {
            per_page.to_string()
        } else {
            format!("multiIf({}{per_page})", limits.concat())
        };
        let small = if self.report.opens_itself { SMALL_TREE } else { 0 };
        format!(
            "SELECT *, if(level = 1, {{offset:UInt64}}, 0) AS n_before,
                    toUInt8(multiIf(is_listed = 0, 2, place_in_all <= n_before, 0,
                                    place_in_all <= n_before + {limit}, 1, 2)) AS part,
                    toUInt64(if(part = 1, place_in_all, 0)) AS place
             FROM ({})
             WHERE level = 1 OR n_listed <= {small}
                OR has({{open:Array(String)}}, concat(toString(level), p1, '\\x01', p2))",
            self.ranked_sql()
        )
    }

    fn page_sql(&self) -> String {
        let keys: Vec<String> =
            (1..=self.n_keys()).map(|number| format!("toString(any(k{number}))")).collect();
        let sums = |prefix: &str| {
            let sums = SUMS.map(|(name, _)| match name {
                "visitors" if self.uses(Base::Unique) => format!("uniqExactMerge({prefix}visitors)"),
                _ => format!("sum({prefix}{name})"),
            });
            sums.join(", ")
        };
        format!(
            "SELECT level, toUInt8(if(grouping(part) = 1, 3, part)), place, toUInt64(sum(is_listed)), [{}],
                    {}, {}
             FROM ({})
             GROUP BY GROUPING SETS ((level, p1, p2, part, place), (level))
             HAVING grouping(part) = 0 OR level = 1",
            keys.join(", "),
            sums(""),
            if self.then.is_some() { sums("then_") } else { NO_SUMS.to_owned() },
            self.placed_sql()
        )
    }

    fn all_sql(&self) -> String {
        let keys: Vec<String> = (1..=self.n_keys()).map(|number| format!("toString(k{number})")).collect();
        let sums = |prefix: &str| {
            let sums = SUMS.map(|(name, _)| match name {
                "visitors" if self.uses(Base::Unique) => format!("finalizeAggregation({prefix}visitors)"),
                _ => format!("{prefix}{name}"),
            });
            sums.join(", ")
        };
        format!(
            "SELECT toUInt8(1), toUInt8(1), toUInt64(0), toUInt64(1), [{}], {}, {}
             FROM ({}) WHERE is_listed = 1 ORDER BY {}",
            keys.join(", "),
            sums(""),
            if self.then.is_some() { sums("then_") } else { NO_SUMS.to_owned() },
            self.listed_sql(&self.groups_sql()),
            self.order_sql()
        )
    }
}

/// The sums of a range that is not asked for.
const NO_SUMS: &str = "toUInt64(0), toUInt64(0), toUInt64(0), toInt128(0), toUInt64(0), toUInt64(0), toUInt64(0), \
    toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toInt128(0), toUInt64(0), toInt128(0), toUInt64(0), \
    toInt128(0), toInt128(0), toInt128(0), toUInt64(0)";

/// Returns the time of the first event in Unix milliseconds, or 0 without events.
pub async fn earliest_ms(client: &Client) -> clickhouse::error::Result<i64> {
    let sql = "SELECT toUnixTimestamp64Milli(min(first)) FROM (
                   SELECT min(time) AS first FROM prospects UNION ALL SELECT min(time) AS first FROM orders)
               WHERE first > toDateTime64(0, 3, 'UTC')";
    Ok(fetch_optional(client.query(sql)).await?.unwrap_or(0))
}
