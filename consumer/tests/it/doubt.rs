//! Inserts that fail in a way that leaves the consumer in doubt: every row is there once, and every sum is right.

use std::time::Duration;

use sluice_schemas::change::{Act, Entity};
use uuid::Uuid;

use crate::changes::{assert_no_difference, change, order_id};
use crate::exactly_once::die_at_every_step;
use crate::harness::{Lane, NOON_MS, World};
use crate::tripwire::{Failure, Trip, Tripwire};

/// Tables that the consumer inserts into.
const TABLES: [&str; 12] = [
    "prospects",
    "prospect_index",
    "orders",
    "order_contacts",
    "rollup_hourly",
    "outcomes",
    "parked_log",
    "lanes",
    "verdicts",
    "order_status",
    "changes",
    "origin_edits",
];

async fn forget_tokens(world: &World) {
    for table in TABLES {
        let sql = format!("ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 0");
        world.client.query_raw(&sql).execute().await.unwrap();
    }
}

/// Visits, orders before and after their visits, edits, a status: every table is written.
async fn everything(world: &World, consumer_url: &str) {
    const N_PROSPECTS: u64 = 25;
    let consumer = world.consume_by(consumer_url);
    let mut lanes = [Lane::new(0), Lane::new(1)];
    let prospects: Vec<Uuid> = (0..N_PROSPECTS).map(|_| Uuid::now_v7()).collect();
    let orders: Vec<Uuid> = prospects.iter().map(|_| order_id()).collect();
    for (order, prospect) in orders.iter().zip(&prospects).take(10) {
        lanes[0].order(*order, &prospect.to_string());
    }
    lanes[0].send(world, 100, 0).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'waiting'", 10).await;
    for (index, prospect) in prospects.iter().enumerate() {
        lanes[1].prospect(*prospect, &format!("user_id={}", index % 5 + 1));
    }
    lanes[1].send(world, 100, 0).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'replayed'", 10).await;
    for (order, prospect) in orders.iter().zip(&prospects).skip(10) {
        lanes[0].order(*order, &prospect.to_string());
    }
    lanes[0].send(world, 100, 0).await;
    world.wait_for("SELECT uniqExact(order_id) FROM orders", N_PROSPECTS).await;
    world.wait_for("SELECT toUInt64(sum(next_seq)) FROM (SELECT max(next_seq) AS next_seq FROM lanes WHERE NOT startsWith(lane, 'replay') GROUP BY lane)", 50).await;
    let sale = [("status", "sale")];
    let contact =
        ["email", "phone_number", "first_name", "last_name", "delivery_address"].map(|name| (name, "new"));
    let hand_over = [("user_id", "7")];
    world.change(prospects[0], &change(Entity::Order, orders[0], Act::Update, &sale)).await;
    world.change(prospects[1], &change(Entity::Order, orders[1], Act::Update, &contact)).await;
    world.change(prospects[2], &change(Entity::Prospect, prospects[2], Act::Update, &hand_over)).await;
    world.wait_for("SELECT uniqExact(change_id) FROM changes WHERE outcome = 'applied'", 3).await;
    // What is still under way may insert for a second time.
    tokio::time::sleep(Duration::from_millis(700)).await;
    consumer.drain().await;
    assert_eq!(world.one("SELECT count() FROM order_status").await, 1);
    assert_eq!(world.one("SELECT count() FROM changes").await, 3);
    assert_eq!(world.one("SELECT count() FROM order_contacts WHERE email = 'new'").await, 1);
    assert_eq!(world.one("SELECT toUInt64(sum(sales)) FROM rollup_hourly").await, 1);
    assert_eq!(world.one("SELECT count() FROM orders WHERE user_id = 7").await, 1);
    assert_eq!(world.one("SELECT count() FROM origin_edits").await, 1);
    assert_stored_once(world, N_PROSPECTS).await;
    assert_no_difference(world).await;
}

/// Each prospect and its order are there once, and the outcomes count them once.
async fn assert_stored_once(world: &World, n: u64) {
    for (sql, expected) in [
        ("SELECT count() FROM prospects", n),
        ("SELECT count() FROM prospect_index", n),
        ("SELECT count() FROM orders", n),
        ("SELECT count() FROM order_contacts", n),
        ("SELECT sum(count) FROM outcomes WHERE outcome IN ('stored', 'replayed')", 2 * n),
        ("SELECT sum(count) FROM outcomes WHERE outcome = 'parked'", 10),
    ] {
        assert_eq!(world.one(sql).await, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insert_that_is_done_and_not_answered_is_not_made_again() {
    for do_tables_know_tokens in [true, false] {
        let world = World::new(2).await;
        if !do_tables_know_tokens {
            forget_tokens(&world).await;
        }
        let wire = Tripwire::start(&world.clickhouse.url, 0, Trip::FirstTries(Failure::Unanswered)).await;
        everything(&world, &wire.url).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insert_of_which_only_the_token_was_stored_is_made_again() {
    let world = World::new(2).await;
    let wire = Tripwire::start(&world.clickhouse.url, 0, Trip::FirstTries(Failure::TokenAlone)).await;
    everything(&world, &wire.url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insert_that_comes_after_its_repetition_is_ignored() {
    let world = World::new(2).await;
    let wire = Tripwire::start(&world.clickhouse.url, 0, Trip::FirstTries(Failure::Late)).await;
    everything(&world, &wire.url).await;
}

/// The consumer dies after and before each insert of a batch, and ClickHouse knows no tokens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_batch_needs_no_tokens() {
    let world = World::new(2).await;
    forget_tokens(&world).await;
    die_at_every_step(world).await;
}

/// A batch that spans the end of a month is a part for each month in each table. One of them is there and the other is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_months_the_one_that_is_missing_is_inserted() {
    let world = World::new(1).await;
    let wire = Tripwire::start(&world.clickhouse.url, 0, Trip::FirstTries(Failure::TokenAlone)).await;
    let consumer = world.consume_by(&wire.url);
    let mut lane = Lane::new(0);
    // The lane's clock begins with November: the times of the first hundred events lie in October.
    lane.time_ms = NOON_MS - 100;
    for _ in 0..200 {
        let prospect = Uuid::now_v7();
        lane.prospect(prospect, "user_id=1");
        lane.order(Uuid::now_v7(), &prospect.to_string());
    }
    lane.send(&world, 1000, 0).await;
    world.wait_for("SELECT max(next_seq) FROM lanes", 400).await;
    consumer.drain().await;
    for (table, time, n) in [
        ("prospects", "time", 200),
        ("prospect_index", "time", 200),
        ("orders", "time", 200),
        ("order_contacts", "time", 200),
        ("rollup_hourly", "hour", 2),
    ] {
        let months = format!("SELECT uniqExact(toYYYYMM({time})) FROM {table}");
        assert_eq!(world.one(&months).await, 2, "{table}");
        let condition = if time == "hour" { "batches = 0" } else { "true" };
        let rows = format!("SELECT count() FROM {table} WHERE {condition}");
        assert_eq!(world.one(&rows).await, n, "{table}");
    }
    assert_no_difference(&world).await;
}
