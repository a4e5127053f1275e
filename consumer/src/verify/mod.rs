//! `verify`: compares what is stored with what was counted, and says where they differ. Reads only.
//!
//! While events come in, a batch may be between its rows and its sums: what differs is looked at again after a moment,
//! and counts only when it differs in the same way.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::store::{Store, StoreError};

/// Longer than a batch takes between its first insert and its last.
const MOMENT: Duration = Duration::from_secs(3);
/// How many differences are listed.
const MAX_LISTED: u64 = 100;

/// A comparison and the query that lists its differences, as lines of text.
struct Check {
    name: &'static str,
    sql: &'static str,
}

const CHECKS: &[Check] = &[
    Check {
        name: "prospects by hour, buyer, team and campaign, against rollup_hourly",
        sql: "SELECT toString((hour, user_id, team_id, campaign_id)) AS place, \
                     concat('rows ', toString(sum(n)), ' bots ', toString(sum(b)), ', counted ', toString(sum(rn)), ' bots ', toString(sum(rb))) AS found \
              FROM (SELECT toStartOfHour(time) AS hour, user_id, team_id, campaign_id, toInt64(count()) AS n, toInt64(countIf(bot != '')) AS b, 0 AS rn, 0 AS rb \
                    FROM prospects GROUP BY hour, user_id, team_id, campaign_id \
                    UNION ALL SELECT hour, user_id, team_id, campaign_id, 0, 0, sum(prospects), sum(bots) \
                    FROM rollup_hourly GROUP BY hour, user_id, team_id, campaign_id) \
              GROUP BY hour, user_id, team_id, campaign_id HAVING sum(n) != sum(rn) OR sum(b) != sum(rb) \
              ORDER BY place LIMIT {limit:UInt64}",
    },
    Check {
        name: "orders by hour, buyer, team, campaign and status, against rollup_hourly",
        sql: "SELECT toString((hour, user_id, team_id, campaign_id)) AS place, \
                     concat('rows ', toString(sumForEach(n)), ', counted ', toString(sumForEach(c))) AS found \
              FROM (SELECT toStartOfHour(time) AS hour, user_id, team_id, campaign_id, \
                           arrayMap(x -> toInt64(x), [count(), countIf(status = 'sale'), countIf(status = 'rejected'), countIf(status = 'trash'), \
                            countIf(status = 'chargeback'), countIf(status = 'rebill')]) AS n, \
                           arrayMap(x -> toInt64(0), range(6)) AS c \
                    FROM orders GROUP BY hour, user_id, team_id, campaign_id \
                    UNION ALL SELECT hour, user_id, team_id, campaign_id, arrayMap(x -> toInt64(0), range(6)), \
                           [sum(orders), sum(sales), sum(rejected), sum(trash), sum(chargebacks), sum(rebills)] \
                    FROM rollup_hourly GROUP BY hour, user_id, team_id, campaign_id) \
              GROUP BY hour, user_id, team_id, campaign_id HAVING sumForEach(n) != sumForEach(c) \
              ORDER BY place LIMIT {limit:UInt64}",
    },
    Check {
        name: "prospects against prospect_index",
        sql: "SELECT toString(prospect_id) AS place, concat('rows ', toString(sum(n)), ', indexed ', toString(sum(i))) AS found \
              FROM (SELECT prospect_id, time, user_id, team_id, campaign_id, 1 AS n, 0 AS i FROM prospects \
                    UNION ALL SELECT prospect_id, time, user_id, team_id, campaign_id, 0, 1 FROM prospect_index) \
              GROUP BY prospect_id, time, user_id, team_id, campaign_id HAVING sum(n) != sum(i) \
              ORDER BY place LIMIT {limit:UInt64}",
    },
    Check {
        name: "orders that are not whose, or of what, their prospect is",
        sql: "WITH with_orders AS (SELECT prospect_id, (user_id, team_id, campaign_id, country, device, os, browser, bot) AS origin \
                                   FROM prospects WHERE prospect_id IN (SELECT prospect_id FROM orders)) \
              SELECT toString(order_id) AS place, toString((user_id, team_id, campaign_id, country, device, os, browser, bot)) AS found \
              FROM orders \
              WHERE prospect_id IN (SELECT prospect_id FROM with_orders) \
                AND (prospect_id, (user_id, team_id, campaign_id, country, device, os, browser, bot)) NOT IN \
                    (SELECT prospect_id, origin FROM with_orders) \
              ORDER BY place LIMIT {limit:UInt64}",
    },
    Check {
        name: "contacts without an order, orders and contacts twice",
        sql: "SELECT toString(order_id) AS place, concat('orders ', toString(sum(n)), ', contacts ', toString(sum(c))) AS found \
              FROM (SELECT order_id, 1 AS n, 0 AS c FROM orders UNION ALL SELECT order_id, 0, 1 FROM order_contacts) \
              GROUP BY order_id HAVING sum(n) != 1 OR sum(c) > 1 \
              ORDER BY place LIMIT {limit:UInt64}",
    },
];

#[derive(clickhouse::Row, Deserialize)]
struct Found {
    place: String,
    found: String,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub name: &'static str,
    /// Where, and what is there; a hundred at most.
    pub differences: BTreeMap<String, String>,
}

/// Makes every comparison.
///
/// # Errors
/// When ClickHouse does not answer.
pub async fn verify(store: &Store) -> Result<Vec<Report>, StoreError> {
    let mut reports = Vec::new();
    for check in CHECKS {
        let mut differences = compare(store, check).await?;
        if !differences.is_empty() {
            tokio::time::sleep(MOMENT).await;
            let again = compare(store, check).await?;
            differences.retain(|place, found| again.get(place) == Some(found));
        }
        reports.push(Report { name: check.name, differences });
    }
    Ok(reports)
}

async fn compare(store: &Store, check: &Check) -> Result<BTreeMap<String, String>, StoreError> {
    let found = store.client().query(check.sql).param("limit", MAX_LISTED).fetch_all::<Found>().await?;
    Ok(found.into_iter().map(|found| (found.place, found.found)).collect())
}
