//! Orders without a payout get their campaign's payout and currency as of the order's time.

use sluice_local::servers::postgres::psql;
use sluice_schemas::change::{Act, Entity};
use uuid::Uuid;

use crate::changes::{assert_no_difference, change, order_id};
use crate::harness::{Lane, NOVEMBER_MS, World};
use crate::resolving::{KEY, add_campaign};
use crate::tripwire::{Trip, Tripwire};

const ORDERS: &str = "SELECT concat(toString(payout), ' ', currency) FROM orders ORDER BY time";

/// A campaign whose orders bring 12.50 USD.
async fn world_with_campaign() -> World {
    let world = World::new(1).await;
    add_campaign(&world, KEY, 4).await;
    psql(&world.postgres_url, "UPDATE campaigns SET payout_minor = 1250").await.unwrap();
    // As if the campaign had been so from the beginning.
    let first = "DELETE FROM campaign_payouts WHERE NOT upper_inf(during);
                 UPDATE campaign_payouts SET during = tstzrange('epoch', NULL)";
    psql(&world.postgres_url, first).await.unwrap();
    world
}

#[tokio::test]
async fn an_order_brings_what_its_campaigns_orders_brought_at_its_time() {
    let world = world_with_campaign().await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let prospect = Uuid::now_v7();
    lane.prospect(prospect, &format!("k={KEY}"));
    for pairs in ["", "payout=5", "payout=5&currency=GBP", "currency=GBP&payout={payout}"] {
        lane.order_of(Uuid::now_v7(), &prospect.to_string(), pairs);
    }
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM orders", 4).await;

    // First from now on, which is after the test's events, then from the eighth event on.
    psql(&world.postgres_url, "UPDATE campaigns SET payout_minor = 300, currency = 'JPY'").await.unwrap();
    lane.order_of(Uuid::now_v7(), &prospect.to_string(), "");
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM orders", 5).await;
    let moment = format!("to_timestamp({} / 1000.0)", NOVEMBER_MS + 7);
    let earlier = format!(
        "UPDATE campaign_payouts SET during = tstzrange(lower(during), {moment}) WHERE NOT upper_inf(during);
         UPDATE campaign_payouts SET during = tstzrange({moment}, NULL) WHERE upper_inf(during)"
    );
    psql(&world.postgres_url, &earlier).await.unwrap();
    for pairs in ["", "", "payout=5"] {
        lane.order_of(Uuid::now_v7(), &prospect.to_string(), pairs);
    }
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM orders", 8).await;
    assert_eq!(
        world.texts(ORDERS).await,
        ["12.5 USD", "5 USD", "5 GBP", "12.5 USD", "12.5 USD", "12.5 USD", "300 JPY", "5 JPY"]
    );
    assert_no_difference(&world).await;
    consumer.drain().await;
}

/// One consumer dies in a batch and another in a replay, before the order is stored. The campaign's
/// payout of that time changes before the next consumer computes the order again. The orders are
/// those of the first computation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_batch_and_a_repeated_replay_bring_what_was_planned() {
    let world = world_with_campaign().await;
    let mut lane = Lane::new(0);
    let (prospect, late) = (Uuid::now_v7(), Uuid::now_v7());
    let wire = Tripwire::start(&world.clickhouse.url, 1, Trip::AfterInsert).await;
    let consumer = world.consume_by(&wire.url);
    lane.prospect(prospect, &format!("k={KEY}"));
    lane.order_of(Uuid::now_v7(), &prospect.to_string(), "");
    lane.order_of(Uuid::now_v7(), &late.to_string(), "");
    lane.send(&world, 10, 0).await;
    wire.tripped().await;
    drop(consumer);
    assert_eq!(world.one("SELECT count() FROM orders").await, 0);
    psql(&world.postgres_url, "UPDATE campaign_payouts SET payout_minor = 100").await.unwrap();
    let consumer = world.consume();
    world.wait_for("SELECT count() FROM lanes", 1).await;
    consumer.drain().await;

    // Five inserts of the batch with the late prospect, then two verdicts of the replay.
    let wire = Tripwire::start(&world.clickhouse.url, 7, Trip::BeforeInsert).await;
    let consumer = world.consume_by(&wire.url);
    lane.prospect(late, &format!("k={KEY}"));
    lane.send(&world, 10, 0).await;
    wire.tripped().await;
    drop(consumer);
    assert_eq!(world.one("SELECT count() FROM verdicts WHERE startsWith(batch, 'replay/')").await, 2);
    psql(&world.postgres_url, "UPDATE campaign_payouts SET payout_minor = 200").await.unwrap();
    let consumer = world.consume();
    world.wait_for("SELECT count() FROM orders", 2).await;
    assert_eq!(world.texts(ORDERS).await, ["12.5 USD", "1 USD"]);
    consumer.drain().await;
}

#[tokio::test]
async fn a_payout_that_is_set_without_a_currency_is_in_the_orders_or_its_campaigns() {
    let world = world_with_campaign().await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let (prospect, orders) = (Uuid::now_v7(), [order_id(), order_id(), order_id()]);
    lane.prospect(prospect, &format!("k={KEY}"));
    for order in orders {
        lane.order_of(order, &prospect.to_string(), "payout=1&currency=GBP");
    }
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM orders", 3).await;
    // As if it was stored before campaigns had payouts.
    let clear = format!(
        "ALTER TABLE orders UPDATE currency = '' WHERE order_id != toUUID('{}') SETTINGS mutations_sync = 2",
        orders[0]
    );
    world.client.query(&clear).execute().await.unwrap();
    for order in &orders[..2] {
        let payout = change(Entity::Order, *order, Act::Update, &[("payout", "2000000")]);
        world.change(prospect, &payout).await;
    }
    // Two edits in one batch: the second keeps the currency that the first one set.
    for fields in [&[("currency", "EUR")], &[("payout", "3000000")]] {
        world.change(prospect, &change(Entity::Order, orders[2], Act::Update, fields)).await;
    }
    world.wait_for("SELECT count() FROM changes WHERE outcome = 'applied'", 4).await;
    assert_eq!(world.texts(ORDERS).await, ["2 GBP", "2 USD", "3 EUR"]);
    assert_no_difference(&world).await;
    consumer.drain().await;
}
