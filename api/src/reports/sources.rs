//! The SQL of the rows that a report counts: one for each visit and order of its ranges. Another
//! storage of events changes only this file.

use sluice_schemas::status::Status;

use crate::db::event_filter::RANGE;
use crate::reports::dimensions::{Dimension, Kind, LOCAL};
use crate::reports::expected::ApproveRates;
use crate::reports::formula::Base;
use crate::reports::money::Rates;
use crate::reports::plan::Plan;
use crate::reports::request::Uniq;

/// The columns of a row after its keys.
const NAMES: &str = "is_then, is_visit, is_bot, visitor, spent, is_spent_missing, status_number, earned, \
    is_earned_missing, is_slot";
/// A row that is no order, in a report with expected revenue.
const NO_APPROVE_RATE: &str = "toUInt32(1) AS approve_place";

impl Plan {
    fn range_sql(is_then: bool) -> &'static str {
        if is_then {
            "time >= fromUnixTimestamp64Milli({then_from_ms:Int64})
             AND time <= fromUnixTimestamp64Milli({then_to_ms:Int64})"
        } else {
            RANGE
        }
    }

    pub(super) fn visits_sql(&self, is_then: bool, keys: &str, columns: &str) -> String {
        format!(
            "SELECT {keys}{columns} FROM prospects WHERE {} AND {}{}",
            Self::range_sql(is_then),
            self.scope.events_sql(),
            self.conditions().sql()
        )
    }

    /// Returns the dimensions of a query of orders that only visits have.
    fn joined(&self, has_keys: bool) -> Vec<&'static Dimension> {
        let grouped = self.report.dimensions.iter().copied().filter(|_| has_keys);
        let mut joined: Vec<&'static Dimension> = Vec::new();
        for dimension in self.report.filters.dimensions().chain(grouped) {
            let is_known = joined.iter().any(|known| known.name == dimension.name);
            if !dimension.is_of_orders && !is_known {
                joined.push(dimension);
            }
        }
        joined
    }

    /// Selects columns of orders, whose names are in `names`, after the keys if `has_keys`.
    /// Dimensions that only visits have are joined.
    pub(super) fn orders_sql(&self, is_then: bool, has_keys: bool, columns: &str, names: &str) -> String {
        let joined = self.joined(has_keys);
        let is_joined = |name: &str| joined.iter().any(|dimension| dimension.name == name);
        let own = format!(
            "{} AND {}{}",
            Self::range_sql(is_then),
            self.scope.events_sql(),
            self.conditions().sql_of(|name| !is_joined(name))
        );
        let keys = |of: &dyn Fn(&Dimension, usize) -> String| {
            if has_keys { self.keys_sql(of) } else { String::new() }
        };
        if joined.is_empty() {
            let keys = keys(&|dimension, _| self.value_sql(is_then, dimension));
            return format!("SELECT {keys}{columns} FROM orders WHERE {own}");
        }
        let own_keys = keys(&|dimension, _| {
            if dimension.is_of_orders { self.value_sql(is_then, dimension) } else { "0".to_owned() }
        });
        let own_keys = own_keys.replace(" AS k", " AS own_k");
        let all_keys = keys(&|dimension, index| {
            if dimension.is_of_orders { format!("own_k{}", index + 1) } else { of_visit(dimension) }
        });
        let conditions = self.report.filters.conditions(|dimension| {
            if dimension.is_of_orders { dimension.sql("") } else { of_visit(dimension) }
        });
        format!(
            "SELECT {all_keys}{names}
             FROM (SELECT {own_keys}prospect_id AS of_visit, {columns} FROM orders WHERE {own}) AS own
             LEFT JOIN ({}) AS visit ON own.of_visit = visit.visit_id
             WHERE true{}",
            visits_of_sql(&joined, &own),
            conditions.sql_of(is_joined)
        )
    }

    /// Writes the rows of visits and orders.
    pub(super) fn events_sql(&self) -> String {
        let mut branches = Vec::new();
        let names = self.with_approve_place(NAMES, "approve_place");
        for is_then in self.spans() {
            let keys = self.keys_sql(|dimension, _| self.value_sql(is_then, dimension));
            branches.push(self.visits_sql(is_then, &keys, &self.visit_columns_sql(is_then)));
            branches.push(self.orders_sql(is_then, true, &self.order_columns_sql(is_then), &names));
        }
        if self.n_slots > 0 {
            branches.push(self.slots_sql());
        }
        branches.join(" UNION ALL ")
    }

    /// Adds the place of the approve rate of an order's campaign, if the report needs it.
    fn with_approve_place(&self, columns: &str, place: &str) -> String {
        if self.report.uses_any(Base::is_expected) {
            format!("{columns}, {place}")
        } else {
            columns.to_owned()
        }
    }

    fn visit_columns_sql(&self, is_then: bool) -> String {
        let (cost, is_missing) = if self.uses(Base::Cost) { Rates::sql("cost") } else { nothing() };
        let columns = format!(
            "toUInt8({}) AS is_then, toUInt8(1) AS is_visit, toUInt8(bot != '') AS is_bot, {} AS visitor,
             {cost} AS spent, {is_missing} AS is_spent_missing, toUInt8(0) AS status_number,
             toInt128(0) AS earned, toUInt8(0) AS is_earned_missing, toUInt8(0) AS is_slot",
            u8::from(is_then),
            self.visitor_sql()
        );
        self.with_approve_place(&columns, NO_APPROVE_RATE)
    }

    fn order_columns_sql(&self, is_then: bool) -> String {
        let uses_payout = self.report.uses_any(|base| base == Base::Revenue || base.is_hold());
        let (payout, is_missing) = if uses_payout { Rates::sql("payout") } else { nothing() };
        // The numbers of `SUMS` in `query.rs`.
        let statuses: Vec<String> = Status::WORDS.iter().map(|word| format!("'{word}'")).collect();
        let columns = format!(
            "toUInt8({}) AS is_then, toUInt8(0) AS is_visit, toUInt8(0) AS is_bot,
             CAST(NULL AS Nullable(UInt64)) AS visitor, toInt128(0) AS spent, toUInt8(0) AS is_spent_missing,
             toUInt8(transform(toString(status), [{}], [1, 2, 3, 4, 5, 6], 7)) AS status_number,
             {payout} AS earned, {is_missing} AS is_earned_missing, toUInt8(0) AS is_slot",
            u8::from(is_then),
            statuses.join(", ")
        );
        self.with_approve_place(&columns, ApproveRates::PLACE)
    }

    /// Writes a row without events for each interval of the first level.
    fn slots_sql(&self) -> String {
        let keys = self.keys_sql(|dimension, index| match (index, dimension.kind) {
            (0, Kind::Weekday) => "toUInt64(number + 1)".to_owned(),
            (0, _) => "toUInt64(number)".to_owned(),
            (_, kind) if kind.is_number() => "toUInt64(0)".to_owned(),
            _ => "''".to_owned(),
        });
        let columns = self.with_approve_place(
            "toUInt8(0) AS is_then, toUInt8(0) AS is_visit, toUInt8(0) AS is_bot,
             CAST(NULL AS Nullable(UInt64)) AS visitor, toInt128(0) AS spent, toUInt8(0) AS is_spent_missing,
             toUInt8(0) AS status_number, toInt128(0) AS earned, toUInt8(0) AS is_earned_missing, toUInt8(1) AS is_slot",
            NO_APPROVE_RATE,
        );
        format!("SELECT {keys}{columns} FROM numbers({})", self.n_slots)
    }

    /// Writes the expression that is counted once: a visitor, within the window.
    fn visitor_sql(&self) -> String {
        if !self.uses(Base::Unique) {
            return "CAST(NULL AS Nullable(UInt64))".to_owned();
        }
        let window = match self.report.uniq {
            // An hour that the clocks show twice is two windows.
            Uniq::Hour => {
                format!("toUnixTimestamp64Milli(time) - positiveModulo({LOCAL}, 3600000)")
            }
            Uniq::Day => format!("intDiv({LOCAL}, 86400000)"),
            Uniq::Campaign => "campaign_id".to_owned(),
            Uniq::Ever => "0".to_owned(),
        };
        format!("toNullable(cityHash64(ip, user_agent, {window}))")
    }
}

/// Returns the name of a column that is read from the visit of an order.
fn of_visit(dimension: &Dimension) -> String {
    format!("visit_{}", dimension.name)
}

/// Selects columns of the visits of some orders. Of two visits with one id, an order belongs to the
/// earliest.
fn visits_of_sql(columns: &[&Dimension], orders: &str) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|dimension| format!(", {} AS {}", dimension.sql(""), of_visit(dimension)))
        .collect();
    let ids = format!("SELECT toUInt128(prospect_id) FROM orders WHERE {orders}");
    format!(
        "SELECT prospect_id AS visit_id{} FROM prospects
         WHERE time IN (SELECT time FROM prospect_index WHERE toUInt128(prospect_id) IN ({ids}))
           AND toUInt128(prospect_id) IN ({ids}) ORDER BY time LIMIT 1 BY prospect_id",
        columns.concat()
    )
}

/// An amount that is not asked for, and that no rate of it is missing.
fn nothing() -> (String, String) {
    ("toInt128(0)".to_owned(), "toUInt8(0)".to_owned())
}
