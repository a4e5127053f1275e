//! The comparisons. Each is a query that lists its differences as lines of text: the place, and the
//! values there.

use crate::enrich::Dimensions;
use crate::verify::range::TimeRange;
use crate::verify::sums::{SumChoice, differing_sql};

/// A comparison.
pub(super) struct Check {
    pub(super) name: &'static str,
    /// Makes its query, with the parameter `limit`. `None` if it cannot be limited to a time range.
    pub(super) sql: fn(&TimeRange) -> Option<String>,
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "prospects against rollup_hourly, by hour, buyer, team and campaign",
        sql: |range| Some(sums(range, SumChoice::Prospects)),
    },
    Check {
        name: "orders against rollup_hourly, by hour, buyer, team and campaign",
        sql: |range| Some(sums(range, SumChoice::Orders)),
    },
    Check { name: "prospects against prospect_index", sql: |range| Some(index(range)) },
    Check {
        name: "orders against their prospects' buyer, team, campaign, country, device, system, browser and bot",
        sql: |range| Some(origins(range)),
    },
    Check { name: "orders against order_contacts", sql: |range| Some(contacts(range)) },
    Check {
        name: "parked events that were replayed, against prospects and orders",
        sql: |range| Some(replayed(range)),
    },
    Check {
        name: "outcomes against lanes' ordinals",
        sql: |range| range.is_everything().then(|| LANES.to_owned()),
    },
];

fn sums(range: &TimeRange, which: SumChoice) -> String {
    format!(
        "SELECT toString((hour, user_id, team_id, campaign_id)) AS place, \
                concat('rows have ', toString(in_rows), ', rollup_hourly has ', toString(counted), ' ({})') AS found \
         FROM ({}) ORDER BY place LIMIT {{limit:UInt64}}",
        which.names(),
        differing_sql(range, which)
    )
}

fn index(range: &TimeRange) -> String {
    let time = range.time("time");
    format!(
        "SELECT concat(toString(prospect_id), ' of ', toString(time)) AS place, \
                multiIf(sum(n_indexed) = 0, 'prospects has it, prospect_index lacks it', \
                        sum(n_rows) = 0, 'prospect_index has it, prospects lacks it', \
                        sum(n_rows) != sum(n_indexed), concat('prospects has it ', toString(sum(n_rows)), \
                            ' times, prospect_index ', toString(sum(n_indexed)), ' times'), \
                        'prospects and prospect_index give it different owners') AS found \
         FROM (SELECT prospect_id, time, sum(n) AS n_rows, sum(i) AS n_indexed \
               FROM (SELECT prospect_id, time, user_id, team_id, campaign_id, 1 AS n, 0 AS i FROM prospects WHERE {time} \
                     UNION ALL SELECT prospect_id, time, user_id, team_id, campaign_id, 0, 1 FROM prospect_index WHERE {time}) \
               GROUP BY prospect_id, time, user_id, team_id, campaign_id HAVING n_rows != n_indexed) \
         GROUP BY prospect_id, time ORDER BY place LIMIT {{limit:UInt64}}"
    )
}

fn origins(range: &TimeRange) -> String {
    let origin = format!("(user_id, team_id, campaign_id, {})", Dimensions::COLUMNS.join(", "));
    let time = range.time("time");
    format!(
        "WITH with_orders AS (SELECT prospect_id, {origin} AS origin FROM prospects \
                              WHERE prospect_id IN (SELECT prospect_id FROM orders WHERE {time})) \
         SELECT toString(order_id) AS place, concat('the order has ', toString({origin}), ', its prospect has not') AS found \
         FROM orders WHERE {time} AND prospect_id IN (SELECT prospect_id FROM with_orders) \
           AND (prospect_id, {origin}) NOT IN (SELECT prospect_id, origin FROM with_orders) \
         ORDER BY place LIMIT {{limit:UInt64}}"
    )
}

/// Orders whose contact may be missing. An erasure that was refused may have reached an order while
/// it was parked, so for parked orders its outcome does not matter.
const ERASED: &str = "SELECT entity_id FROM changes WHERE entity = 'order' AND act IN ('erase', 'delete') \
                      AND (outcome = 'applied' OR entity_id IN (SELECT event_id FROM parked_log WHERE kind = 'order'))";

fn contacts(range: &TimeRange) -> String {
    let time = range.time("time");
    format!(
        "SELECT toString(order_id) AS place, \
                multiIf(sum(n) = 0, 'order_contacts has it, orders lacks it', \
                        sum(n) > 1, concat('orders has it ', toString(sum(n)), ' times'), \
                        sum(c) > 1, concat('order_contacts has it ', toString(sum(c)), ' times'), \
                        'orders has it, order_contacts lacks it, and nobody erased or deleted it') AS found \
         FROM (SELECT order_id, 1 AS n, 0 AS c FROM orders WHERE {time} \
               UNION ALL SELECT order_id, 0, 1 FROM order_contacts WHERE {time}) \
         GROUP BY order_id HAVING sum(n) != 1 OR sum(c) > 1 OR (sum(c) = 0 AND order_id NOT IN ({ERASED})) \
         ORDER BY place LIMIT {{limit:UInt64}}"
    )
}

fn replayed(range: &TimeRange) -> String {
    let first_seen = range.time("first_seen");
    let lost = |kind: &str, table: &str, id: &str| {
        let replayed = format!("state = 'replayed' AND kind = '{kind}' AND {first_seen}");
        format!(
            "SELECT concat(kind, ' ', toString(event_id)) AS place, \
                    '{table} lacks it, parked_log calls it replayed, and nobody deleted it' AS found \
             FROM parked_log FINAL WHERE {replayed} \
               AND event_id NOT IN (SELECT {id} FROM {table} WHERE {id} IN (SELECT event_id FROM parked_log WHERE {replayed})) \
               AND event_id NOT IN (SELECT entity_id FROM changes \
                                    WHERE entity = '{kind}' AND act = 'delete' AND outcome = 'applied')"
        )
    };
    format!(
        "SELECT place, any(found) AS found FROM ({} UNION ALL {}) GROUP BY place ORDER BY place LIMIT {{limit:UInt64}}",
        lost("prospect", "prospects", "prospect_id"),
        lost("order", "orders", "order_id")
    )
}

/// A lane's ordinals begin at 1 in a new journal, and the consumer counts each event once when it
/// first reads it, as stored, parked or dropped. A lane's name is `edge/number`. Outcomes of
/// replays and of records that are not chunks have other names.
const LANES: &str = "SELECT lane AS place, \
            if(sum(n_counted) > sum(n_ordinals), \
               concat(toString(sum(n_counted)), ' outcomes of ', toString(sum(n_ordinals)), ' ordinals: some were counted twice'), \
               concat(toString(sum(n_counted)), ' outcomes of ', toString(sum(n_ordinals)), \
                      ' ordinals: outcomes were lost, or events never came')) AS found \
     FROM (SELECT lane, max(lanes.next_seq) - 1 AS n_ordinals, 0 AS n_counted FROM lanes GROUP BY lane \
           UNION ALL SELECT lane, 0, sum(outcomes.count) FROM outcomes \
           WHERE stage = 'consumer' AND outcome IN ('stored', 'parked', 'dropped') GROUP BY lane) \
     WHERE match(lane, '^[0-9a-f-]{36}/[0-9]+$') \
     GROUP BY lane HAVING sum(n_counted) != sum(n_ordinals) ORDER BY place LIMIT {limit:UInt64}";
