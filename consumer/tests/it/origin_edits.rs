//! A prospect is edited while one of its orders is being stored. In the end the order has the
//! values of the edited prospect, wherever either of the two is delayed or dies.

use std::time::Duration;

use sluice_schemas::change::{Act, Change, Entity};
use uuid::Uuid;

use crate::changes::{assert_no_difference, change, order_id};
use crate::harness::{Consumer, Lane, World};
use crate::tripwire::{Trip, Tripwire};

/// Time for everything that is not held to go as far as it can.
const A_WHILE: Duration = Duration::from_millis(700);

fn edit(prospect: Uuid, user_id: &str) -> Change {
    let fields = [("user_id", user_id), ("user_agent", "curl/8.5.0")];
    change(Entity::Prospect, prospect, Act::Update, &fields)
}

/// Starts a consumer and holds a request with this text after `n_before` such requests have passed.
async fn held(world: &World, text: &'static str, n_before: usize) -> (Tripwire, Consumer) {
    let wire = Tripwire::start(&world.clickhouse.url, n_before, Trip::Hold(text)).await;
    let consumer = world.consume_by(&wire.url);
    (wire, consumer)
}

async fn stored_prospect(world: &World, lane: &mut Lane) -> Uuid {
    let prospect = Uuid::now_v7();
    lane.prospect(prospect, "user_id=3");
    lane.send(world, 10, 0).await;
    world.wait_for("SELECT count() FROM lanes", 1).await;
    prospect
}

async fn assert_edited(world: &World, consumer: Consumer, case: &str) {
    world.wait_for("SELECT count() FROM changes WHERE outcome = 'applied'", 1).await;
    world.wait_for("SELECT count() FROM orders", 1).await;
    world.wait_for("SELECT toUInt64(sum(orders)) FROM rollup_hourly", 1).await;
    consumer.drain().await;
    let found = world.texts("SELECT concat(toString(user_id), ' ', bot) FROM orders").await;
    assert_eq!(found, ["4 curl"], "{case}");
    assert_eq!(world.one("SELECT count() FROM parked WHERE state = 'waiting'").await, 0, "{case}");
    assert_no_difference(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_waits_for_the_orders_that_are_being_stored() {
    for (text, n_before) in [
        ("FROM origin_edits", 0),
        ("FROM prospects", 0),
        ("%2Fverdicts", 0),
        ("%2Forders", 0),
        ("%2Flanes", 1),
    ] {
        let (world, mut lane) = (World::new(1).await, Lane::new(0));
        let (wire, consumer) = held(&world, text, n_before).await;
        let prospect = stored_prospect(&world, &mut lane).await;
        lane.order(order_id(), &prospect.to_string());
        lane.send(&world, 10, 0).await;
        wire.tripped().await;
        world.change(prospect, &edit(prospect, "4")).await;
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(world.one("SELECT count() FROM changes").await, 0, "{text}");
        wire.release();
        assert_edited(&world, consumer, text).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_waits_for_the_edit_of_its_prospect() {
    for (text, n_waiting) in [
        ("%2Forigin_edits", 0),
        ("FROM prospects", 1),
        ("FROM orders", 1),
        ("ALTER TABLE prospect_index", 1),
        ("ALTER TABLE prospects", 1),
        ("%2Fchanges", 1),
    ] {
        let (world, mut lane) = (World::new(1).await, Lane::new(0));
        let (wire, consumer) = held(&world, text, 0).await;
        let prospect = stored_prospect(&world, &mut lane).await;
        world.change(prospect, &edit(prospect, "4")).await;
        wire.tripped().await;
        lane.order(order_id(), &prospect.to_string());
        lane.send(&world, 10, 0).await;
        world.wait_for_numbered(2).await;
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(
            world.one("SELECT count() FROM parked WHERE state = 'waiting'").await,
            n_waiting,
            "{text}"
        );
        wire.release();
        assert_edited(&world, consumer, text).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_waits_for_the_orders_that_are_being_replayed_or_they_for_it() {
    // The batch that parks the order has two verdicts, the second of which is the room for parked
    // events. The second verdict of a replay lists the events that it keeps.
    for (text, n_before) in [
        ("AND reference = toString(toUUIDOrZero(reference)) AND", 0),
        ("%2Fverdicts", 2),
        ("FROM parked_log FINAL WHERE state != 'replayed'", 0),
        ("%2Fverdicts", 3),
        ("%2Forders", 0),
        ("%2Flanes", 2),
    ] {
        let (world, mut lane) = (World::new(1).await, Lane::new(0));
        let (wire, consumer) = held(&world, text, n_before).await;
        let prospect = Uuid::now_v7();
        lane.order(order_id(), &prospect.to_string());
        lane.send(&world, 10, 0).await;
        world.wait_for("SELECT count() FROM parked WHERE state = 'waiting'", 1).await;
        lane.prospect(prospect, "user_id=3");
        lane.send(&world, 10, 0).await;
        wire.tripped().await;
        world.change(prospect, &edit(prospect, "4")).await;
        tokio::time::sleep(A_WHILE).await;
        wire.release();
        assert_edited(&world, consumer, text).await;
    }
}

/// Prospects change owners again and again while their orders arrive, early and in time, and the
/// consumer dies at each step.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_whose_their_prospects_are_wherever_the_consumer_dies() {
    const N_ROUNDS: usize = 16;
    let world = World::new(2).await;
    let mut lanes = [Lane::new(0), Lane::new(1)];
    let prospects: Vec<Uuid> = (0..6).map(|_| Uuid::now_v7()).collect();
    let consumer = world.consume();
    for (index, prospect) in prospects.iter().enumerate() {
        lanes[index % 2].prospect(*prospect, "user_id=3");
    }
    for lane in &mut lanes {
        lane.send(&world, 10, 0).await;
    }
    world.wait_for("SELECT count() FROM lanes", 2).await;
    consumer.drain().await;
    for round in 0..N_ROUNDS {
        let trip = if round % 2 == 0 { Trip::AfterInsert } else { Trip::BeforeInsert };
        let wire = Tripwire::start(&world.clickhouse.url, round, trip).await;
        let consumer = world.consume_by(&wire.url);
        let late = Uuid::now_v7();
        lanes[0].order(order_id(), &late.to_string());
        for (index, prospect) in prospects.iter().enumerate() {
            lanes[index % 2].order(order_id(), &prospect.to_string());
            world.change(*prospect, &edit(*prospect, &(round % 5 + 3).to_string())).await;
        }
        lanes[1].prospect(late, "user_id=5");
        for lane in &mut lanes {
            lane.send(&world, 10, 1).await;
        }
        drop(tokio::time::timeout(Duration::from_secs(2), wire.tripped()).await);
        drop(consumer);
    }
    let (n_rounds, consumer) = (N_ROUNDS as u64, world.consume());
    world.wait_for("SELECT count() FROM changes WHERE outcome = 'applied'", 6 * n_rounds).await;
    world.wait_for("SELECT count() FROM orders", 7 * n_rounds).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'waiting'", 0).await;
    consumer.drain().await;
    assert_eq!(world.one("SELECT uniqExact(order_id) FROM orders").await, 7 * n_rounds);
    assert_no_difference(&world).await;
}

/// A second visit with the prospect's id comes in one batch with an order. The order copies the
/// visit of its own batch, and an edit sees that visit before it sees the order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_of_two_visits_waits_for_the_order_that_came_with_the_second() {
    let (world, mut lane) = (World::new(1).await, Lane::new(0));
    let orders = Tripwire::start(&world.clickhouse.url, 0, Trip::Hold("%2Forders")).await;
    let look = "SELECT change_id FROM changes WHERE toUInt128(change_id) IN (SELECT toUInt128(arrayJoin";
    let looking = Tripwire::start(&orders.url, 0, Trip::Hold(look)).await;
    let consumer = world.consume_by(&looking.url);
    let prospect = stored_prospect(&world, &mut lane).await;
    world.change(prospect, &edit(prospect, "4")).await;
    looking.tripped().await;
    lane.prospect(prospect, "user_id=3");
    lane.order(order_id(), &prospect.to_string());
    lane.send(&world, 10, 0).await;
    orders.tripped().await;
    looking.release();
    tokio::time::sleep(A_WHILE).await;
    orders.release();
    assert_edited(&world, consumer, "two visits").await;
}
