//! Compares the stored events with the sent events: how often each key is stored, table by table.

use std::collections::BTreeMap;

use anyhow::Context as _;
use uuid::Uuid;

use super::round::{Month, Round};
use crate::clickhouse::ClickHouse;

/// One comparison: a query that returns keys and their counts, and the expected counts.
#[derive(Debug, Clone)]
pub(super) struct Check {
    name: &'static str,
    sql: String,
    expected: BTreeMap<String, i64>,
}

impl Check {
    /// Each of these rows is stored once. A row is an id and the rest of its key (see [`key_of`]).
    pub(super) fn rows(table: &'static str, rows: &[(Uuid, String)]) -> Self {
        let ids: Vec<Uuid> = rows.iter().map(|(id, _)| *id).collect();
        let expected = rows.iter().map(|(id, rest)| (format!("{id} {rest}"), 1)).collect();
        Self { name: table, sql: count_sql(table, &ids), expected }
    }

    /// None of these ids is stored.
    pub(super) fn gone(table: &'static str, ids: &[Uuid]) -> Self {
        Self { name: table, sql: count_sql(table, ids), expected: BTreeMap::new() }
    }

    /// Each of these events was parked and has this state.
    pub(super) fn parked(events: &[(Uuid, &str)]) -> Self {
        let rows: Vec<_> = events.iter().map(|(id, state)| (*id, (*state).to_owned())).collect();
        Self::rows("parked", &rows)
    }

    /// The next expected ordinal of a lane.
    pub(super) fn lane(lane: &str, next_seq: u64) -> Self {
        let sql =
            format!("SELECT concat('next ', toString(max(next_seq))), 1 FROM lanes WHERE lane = '{lane}'");
        Self { name: "lanes", sql, expected: BTreeMap::from([(format!("next {next_seq}"), 1)]) }
    }

    /// Returns whether the check also holds later, when more was sent.
    pub(super) fn is_lasting(&self) -> bool {
        self.name != "lanes"
    }

    /// Returns a description of the difference; `None` if there is no difference.
    async fn difference(&self, clickhouse: &ClickHouse) -> anyhow::Result<Option<String>> {
        let text = clickhouse.query(&self.sql).await?;
        let mut found = BTreeMap::new();
        for line in text.lines() {
            let (key, count) = line.split_once('\t').context("a key and its count")?;
            found.insert(key.to_owned(), count.parse::<i64>().context("a count")?);
        }
        let (mut n_lost, mut n_extra) = (0, 0);
        for key in self.expected.keys().chain(found.keys().filter(|key| !self.expected.contains_key(*key))) {
            let of = |counts: &BTreeMap<String, i64>| counts.get(key).copied().unwrap_or(0);
            let difference = of(&found) - of(&self.expected);
            n_extra += difference.max(0);
            n_lost += (-difference).max(0);
        }
        let n_expected: i64 = self.expected.values().sum();
        Ok(match (n_lost, n_extra) {
            (0, 0) => None,
            (_, 0) => Some(format!("{} lost {n_lost} of {n_expected}", self.name)),
            (0, _) => Some(format!("{} has {n_extra} more than {n_expected}", self.name)),
            _ => Some(format!("{} lost {n_lost} of {n_expected} and has {n_extra} others", self.name)),
        })
    }
}

/// Runs the checks. Returns descriptions of the differences.
pub(super) async fn differences(clickhouse: &ClickHouse, checks: &[Check]) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    for check in checks {
        all.extend(check.difference(clickhouse).await?);
    }
    Ok(all)
}

/// Returns the id column of a table, and the other compared columns.
const fn key_of(table: &str) -> (&'static str, &'static str) {
    match table.as_bytes() {
        b"prospects" | b"prospect_index" => ("prospect_id", "toString(user_id)"),
        b"orders" => ("order_id", "concat(toString(user_id), ' ', status)"),
        b"order_contacts" => ("order_id", "email"),
        b"order_status" => ("order_id", "status"),
        b"changes" => ("change_id", "outcome"),
        _ => ("event_id", "state"),
    }
}

fn count_sql(table: &str, ids: &[Uuid]) -> String {
    let (id, rest) = key_of(table);
    let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
    format!(
        "SELECT concat(toString({id}), ' ', {rest}) AS key, count() FROM {table} WHERE {id} IN ({}) GROUP BY key",
        ids.join(", ")
    )
}

const fn word(month: Month) -> &'static str {
    match month {
        Month::Early => "early",
        Month::Late => "late",
    }
}

/// The sums of a round: month, buyer, and the numbers of prospects, bots, orders and sales.
pub(super) fn rollup(round: Round, sums: &[(Month, u64, [i64; 4])]) -> Check {
    const METRICS: [&str; 4] = ["prospects", "bots", "orders", "sales"];
    let sql = format!(
        "SELECT concat({}, ' ', toString(user_id), ' ', metric) AS key, sum(value) AS total FROM rollup_hourly \
         ARRAY JOIN ['prospects', 'bots', 'orders', 'sales'] AS metric, [prospects, bots, orders, sales] AS value \
         WHERE {} GROUP BY key HAVING total != 0",
        month_sql("hour", round),
        hours_sql("hour", round)
    );
    let named = |(month, buyer, values): &(Month, u64, [i64; 4])| {
        let (month, buyer) = (word(*month), *buyer);
        let counts = METRICS.into_iter().zip(*values).filter(|(_, value)| *value != 0);
        counts.map(|(metric, value)| (format!("{month} {buyer} {metric}"), value)).collect::<Vec<_>>()
    };
    Check { name: "rollup_hourly", sql, expected: sums.iter().flat_map(named).collect() }
}

/// The outcomes of a round: month, outcome, count.
pub(super) fn outcomes(round: Round, counts: &[(Month, &str, i64)]) -> Check {
    let sql = format!(
        "SELECT concat({}, ' ', outcome) AS key, sum(count) FROM outcomes \
         WHERE stage = 'consumer' AND batches = 0 AND {} GROUP BY key",
        month_sql("minute", round),
        hours_sql("minute", round)
    );
    let named =
        |(month, outcome, count): &(Month, &str, i64)| (format!("{} {outcome}", word(*month)), *count);
    Check { name: "outcomes", sql, expected: counts.iter().map(named).collect() }
}

/// Returns the start of the hour of a round, in Unix seconds.
const fn hour_s(round: Round, month: Month) -> u64 {
    round.time_ms(month) / 3_600_000 * 3600
}

fn month_sql(column: &str, round: Round) -> String {
    format!("if({column} < toDateTime({}, 'UTC'), 'early', 'late')", hour_s(round, Month::Late))
}

fn hours_sql(column: &str, round: Round) -> String {
    let (early, late) = (hour_s(round, Month::Early), hour_s(round, Month::Late));
    format!("toStartOfHour({column}) IN (toDateTime({early}, 'UTC'), toDateTime({late}, 'UTC'))")
}
