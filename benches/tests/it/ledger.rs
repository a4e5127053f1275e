//! The invariants after any fault: every acknowledged number is stored exactly once, no other
//! number is stored more than once, no unsent number is stored, every acknowledged order is joined
//! to its prospect, and the roll-up has the same sums.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use sluice_bench::clickhouse::ClickHouse;
use sluice_bench::testbed::Testbed;

use crate::client::{Clients, Record};

const PATIENCE: Duration = Duration::from_secs(90);
const PIXELS: &str = "SELECT sub1 AS number, count() FROM prospects GROUP BY number";
const ORDERS: &str = "SELECT extract(email, '^n([0-9]+)@') AS number, count() FROM orders \
                      INNER JOIN order_contacts ON orders.order_id = order_contacts.order_id GROUP BY number";

/// Waits until everything acknowledged has arrived and nothing more comes, then compares. An error
/// contains the last log lines of the services.
pub(crate) async fn check(testbed: &Testbed, record: &Record) -> anyhow::Result<()> {
    compare_all(&testbed.clickhouse, record).await.with_context(|| testbed.log_tails())
}

/// Stops clients of which every event must have been acknowledged, and checks their record.
pub(crate) async fn check_all(testbed: &Testbed, clients: Clients) -> anyhow::Result<()> {
    let record = clients.stop();
    assert!(record.other_pixels.is_empty() && record.other_orders.is_empty(), "all were acknowledged");
    check(testbed, &record).await
}

async fn compare_all(clickhouse: &ClickHouse, record: &Record) -> anyhow::Result<()> {
    let (pixels, orders) = (record.acknowledged_pixels.len(), record.acknowledged_orders.len());
    eprintln!(
        "acknowledged: {pixels} pixels, {orders} orders; not acknowledged: {} and {}",
        record.other_pixels.len(),
        record.other_orders.len()
    );
    // If too few arrive, the comparison below reports the missing numbers.
    wait_at_least(clickhouse, "SELECT uniqExact(sub1) FROM prospects", pixels).await;
    wait_at_least(clickhouse, "SELECT uniqExact(order_id) FROM orders", orders).await;
    wait_until_quiet(clickhouse).await?;

    compare("pixel", &record.acknowledged_pixels, &record.other_pixels, &counts(clickhouse, PIXELS).await?)?;
    compare("order", &record.acknowledged_orders, &record.other_orders, &counts(clickhouse, ORDERS).await?)?;
    for (what, left, right) in [
        ("prospects", "SELECT count() FROM prospects", "SELECT sum(prospects) FROM rollup_hourly"),
        ("orders", "SELECT count() FROM orders", "SELECT sum(orders) FROM rollup_hourly"),
        ("contacts", "SELECT count() FROM orders", "SELECT count() FROM order_contacts"),
        ("index", "SELECT count() FROM prospects", "SELECT count() FROM prospect_index"),
        ("waiting", "SELECT 0", "SELECT count() FROM parked WHERE state = 'waiting'"),
    ] {
        let (left, right) = (clickhouse.number(left).await?, clickhouse.number(right).await?);
        anyhow::ensure!(left == right, "{what}: {left} on one side, {right} on the other");
    }
    Ok(())
}

async fn wait_at_least(clickhouse: &ClickHouse, sql: &str, expected: usize) {
    let expected = i64::try_from(expected).expect("a few thousand numbers");
    if let Err(error) = clickhouse.wait_for(sql, expected, PATIENCE).await {
        eprintln!("{error:#}");
    }
}

/// Waits until two looks, two seconds apart, show the same: a late duplicate would have arrived.
async fn wait_until_quiet(clickhouse: &ClickHouse) -> anyhow::Result<()> {
    const APART: Duration = Duration::from_secs(2);
    let sql = "SELECT (SELECT count() FROM prospects), (SELECT count() FROM orders), \
               (SELECT count() FROM parked WHERE state = 'waiting')";
    let mut last = clickhouse.query(sql).await?;
    for _ in 0..30 {
        tokio::time::sleep(APART).await;
        let now = clickhouse.query(sql).await?;
        if now == last {
            return Ok(());
        }
        last = now;
    }
    anyhow::bail!("rows still arrive after a minute: {last}")
}

async fn counts(clickhouse: &ClickHouse, sql: &str) -> anyhow::Result<HashMap<u64, u64>> {
    let text = clickhouse.query(sql).await?;
    let row = |line: &str| {
        let (number, count) = line.split_once('\t')?;
        Some((number.parse().ok()?, count.parse().ok()?))
    };
    text.lines()
        .map(|line| row(line).with_context(|| format!("not a number and its count: {line}")))
        .collect()
}

fn compare(
    what: &str,
    acknowledged: &[u64],
    others: &[u64],
    stored: &HashMap<u64, u64>,
) -> anyhow::Result<()> {
    let lost: Vec<u64> =
        acknowledged.iter().copied().filter(|number| !stored.contains_key(number)).take(20).collect();
    anyhow::ensure!(lost.is_empty(), "acknowledged {what}s that are not stored: {lost:?} …");
    let twice: Vec<_> = stored.iter().filter(|(_, count)| **count != 1).take(20).collect();
    anyhow::ensure!(twice.is_empty(), "{what}s stored more than once (number, times): {twice:?} …");
    let unasked = others.iter().filter(|number| stored.contains_key(number)).count();
    anyhow::ensure!(
        stored.len() == acknowledged.len() + unasked,
        "{} {what}s are stored, but {} were acknowledged and {unasked} of the others arrived",
        stored.len(),
        acknowledged.len()
    );
    Ok(())
}
