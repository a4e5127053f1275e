//! Orders that are deleted or erased while they wait for their prospect, or at the moment when it
//! arrives.

use std::time::Duration;

use sluice_consumer::store::Store;
use sluice_schemas::change::{Act, Entity};
use uuid::Uuid;

use crate::changes::{assert_no_difference, change, order_id};
use crate::harness::{Lane, World};
use crate::tripwire::{Trip, Tripwire};

const N_WAITING: &str = "SELECT count() FROM parked WHERE state = 'waiting'";
const N_WITH_CUSTOMER: &str =
    "SELECT count() FROM parked_log WHERE position(tryBase64Decode(payload), 'jane@example.com') > 0";

/// Checks that the counts equal the rows.
async fn assert_counted(world: &World) {
    assert_no_difference(world).await;
    let n_parked = world.one("SELECT count() FROM parked").await;
    assert_eq!(world.one("SELECT sum(count) FROM outcomes WHERE outcome = 'parked'").await, n_parked);
    let n_replayed = world.one("SELECT count() FROM parked WHERE state = 'replayed'").await;
    assert_eq!(world.one("SELECT sum(count) FROM outcomes WHERE outcome = 'replayed'").await, n_replayed);
}

#[tokio::test]
async fn an_order_that_waits_can_be_erased_and_deleted() {
    let world = World::new(2).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let prospect = Uuid::now_v7();
    let [erased, deleted, kept, nobodys] = [order_id(), order_id(), order_id(), order_id()];
    for order in [erased, deleted, kept] {
        lane.order(order, &prospect.to_string());
    }
    lane.order(nobodys, "1");
    lane.send(&world, 10, 0).await;
    world.wait_for(N_WAITING, 4).await;

    world.change(prospect, &change(Entity::Order, erased, Act::Erase, &[])).await;
    world.change(prospect, &change(Entity::Order, deleted, Act::Delete, &[])).await;
    world.change(Uuid::nil(), &change(Entity::Order, nobodys, Act::Erase, &[])).await;
    world.change(Uuid::nil(), &change(Entity::Order, nobodys, Act::Delete, &[])).await;
    // Others cannot be made yet.
    world.change(prospect, &change(Entity::Order, kept, Act::Update, &[("status", "sale")])).await;
    world.wait_for("SELECT count() FROM changes WHERE outcome = 'applied'", 4).await;
    world.wait_for("SELECT count() FROM changes WHERE outcome = 'missing'", 1).await;
    // Not only out of sight: the bytes are gone.
    assert_eq!(world.one(N_WITH_CUSTOMER).await, 1);
    assert_eq!(world.one("SELECT count() FROM parked WHERE state = 'ignored'").await, 2);
    assert_counted(&world).await;

    lane.prospect(prospect, "user_id=3");
    lane.send(&world, 10, 0).await;
    world.wait_for(N_WAITING, 0).await;
    world.wait_for("SELECT count() FROM lanes WHERE startsWith(lane, 'replay/')", 1).await;
    let orders = world.texts("SELECT toString(order_id) FROM orders ORDER BY order_id").await;
    let mut expected = [erased.to_string(), kept.to_string()];
    expected.sort_by_key(|id| orders.iter().position(|found| found == id));
    assert_eq!(orders, expected);
    assert_eq!(world.one("SELECT count() FROM orders WHERE payout = 12.5 AND user_id = 3").await, 2);
    let contacts = world.texts("SELECT toString(order_id) FROM order_contacts").await;
    assert_eq!(contacts, [kept.to_string()]);
    assert_counted(&world).await;
    consumer.drain().await;
}

/// A replay has stored that it takes the order, and dies before or after it looked whether the
/// order was deleted. Then the order is deleted. No table has it, and no sum counts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_during_a_replay_that_was_begun_holds() {
    // Five inserts of the batch of the prospect, the verdict, the look, and the first rows.
    for (n_inserts, act) in
        [(6, Act::Delete), (7, Act::Delete), (8, Act::Delete), (7, Act::Erase), (9, Act::Erase)]
    {
        let world = World::new(1).await;
        let consumer = world.consume();
        let mut lane = Lane::new(0);
        let (prospect, order) = (Uuid::now_v7(), order_id());
        lane.order(order, &prospect.to_string());
        lane.send(&world, 10, 0).await;
        world.wait_for(N_WAITING, 1).await;
        consumer.drain().await;

        let wire = Tripwire::start(&world.clickhouse.url, n_inserts, Trip::BeforeInsert).await;
        let consumer = world.consume_by(&wire.url);
        lane.prospect(prospect, "user_id=3");
        lane.send(&world, 10, 0).await;
        wire.tripped().await;
        drop(consumer);
        assert_eq!(world.one("SELECT count() FROM orders").await, 0);
        world.change(prospect, &change(Entity::Order, order, act, &[])).await;
        let consumer = world.consume();
        world.wait_for("SELECT count() FROM changes WHERE outcome = 'applied'", 1).await;
        consumer.drain().await;
        let n_left = u64::from(act == Act::Erase);
        assert_eq!(world.one("SELECT count() FROM orders").await, n_left, "{n_inserts}");
        assert_eq!(world.one("SELECT toUInt64(sum(orders)) FROM rollup_hourly").await, n_left, "{n_inserts}");
        assert_eq!(world.one("SELECT count() FROM order_contacts").await, 0, "{n_inserts}");
        assert_eq!(world.one(N_WITH_CUSTOMER).await + world.one(N_WAITING).await, 0, "{n_inserts}");
        assert_counted(&world).await;
    }
}

/// An erasure looks for its order among the waiting and then among the stored orders. A replay may
/// store the order between the two looks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_replayed_while_its_erasure_looks_for_it_is_found() {
    const WAITING: &str = "FROM parked_log FINAL WHERE kind = 'order'";
    for (held, n_before) in [("FROM orders WHERE", 0), (WAITING, 0), (WAITING, 1), (WAITING, 2)] {
        let world = World::new(1).await;
        let mut lane = Lane::new(0);
        let (prospect, order) = (Uuid::now_v7(), order_id());
        let wire = Tripwire::start(&world.clickhouse.url, n_before, Trip::Hold(held)).await;
        let consumer = world.consume_by(&wire.url);
        lane.order(order, &prospect.to_string());
        lane.send(&world, 10, 0).await;
        world.wait_for(N_WAITING, 1).await;

        world.change(prospect, &change(Entity::Order, order, Act::Erase, &[])).await;
        wire.tripped().await;
        lane.prospect(prospect, "user_id=3");
        lane.send(&world, 10, 0).await;
        world.wait_for("SELECT count() FROM parked WHERE state = 'replayed'", 1).await;
        wire.release();
        world.wait_for("SELECT count() FROM changes", 1).await;
        let outcomes = world.texts("SELECT outcome FROM changes").await;
        assert_eq!(outcomes, ["applied"], "{held} {n_before}");
        assert_eq!(world.one("SELECT count() FROM orders").await, 1);
        assert_eq!(world.one("SELECT count() FROM order_contacts").await, 0);
        assert_eq!(world.one(N_WITH_CUSTOMER).await, 0);
        assert_counted(&world).await;
        consumer.drain().await;
    }
}

/// Events that were replayed long ago are deleted together with their waiting state. Waiting events
/// stay, however old they are.
#[tokio::test]
async fn what_was_ended_long_ago_is_forgotten() {
    let world = World::new(1).await;
    for (number, state, tried, version) in [
        (1, "waiting", 1, 1),
        (1, "replayed", 9, 3),
        (2, "waiting", 1, 1),
        (3, "waiting", 1, 1),
        (3, "replayed", 20, 3),
        (4, "waiting", 1, 1),
        (4, "ignored", 1, 2),
    ] {
        // A part each: nothing has been merged.
        let insert = format!(
            "INSERT INTO parked_log (event_id, kind, reason, state, first_seen, last_tried, reference, partition, payload, place, version) \
             SELECT toUUID('00000000-0000-7000-8000-00000000000{number}'), 'order', 'unknown_prospect', \
             '{state}', toDateTime64(1, 3), toDateTime64({tried}, 3), '', 0, 'x', '{number}', {version}"
        );
        world.client.query(&insert).execute().await.unwrap();
    }
    let store = Store::new(&world.clickhouse);
    assert_eq!(store.forget_ended(1, 10_000).await.unwrap(), 0, "another partition's");
    assert_eq!(store.forget_ended(0, 10_000).await.unwrap(), 2);
    assert_eq!(
        world.one("SELECT count() FROM parked_log WHERE place IN ('1', '4')").await,
        0,
        "in any state"
    );
    assert_eq!(
        world.texts("SELECT concat(place, ' ', state) FROM parked ORDER BY place").await,
        ["2 waiting", "3 replayed"]
    );
    assert_eq!(store.forget_ended(0, 10_000).await.unwrap(), 0);
}

/// Prospects arrive while their orders are deleted and erased, and the consumer dies at each step
/// of both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_end_while_their_prospects_come_end_once_wherever_the_consumer_dies() {
    const N_ROUNDS: usize = 22;
    let world = World::new(2).await;
    let mut lanes = [Lane::new(0), Lane::new(1)];
    let rounds: Vec<Vec<(Uuid, Uuid)>> =
        (0..N_ROUNDS).map(|_| (0..6).map(|_| (Uuid::now_v7(), order_id())).collect()).collect();
    let consumer = world.consume();
    for (index, (prospect, order)) in rounds.iter().flatten().enumerate() {
        lanes[index % 2].order(*order, &prospect.to_string());
    }
    for lane in &mut lanes {
        lane.send(&world, 50, 0).await;
    }
    world.wait_for(N_WAITING, 6 * N_ROUNDS as u64).await;
    consumer.drain().await;

    for (round, pairs) in rounds.iter().enumerate() {
        let trip = if round % 2 == 0 { Trip::AfterInsert } else { Trip::BeforeInsert };
        let wire = Tripwire::start(&world.clickhouse.url, round, trip).await;
        let consumer = world.consume_by(&wire.url);
        for (prospect, _) in pairs {
            lanes[round % 2].prospect(*prospect, &format!("user_id={}", round % 5 + 1));
        }
        let acts = [(0, Act::Delete), (1, Act::Delete), (2, Act::Erase), (3, Act::Erase), (3, Act::Delete)];
        if round % 4 < 2 {
            lanes[round % 2].send(&world, 10, 1).await;
        }
        for (index, act) in acts {
            let (prospect, order) = pairs[index];
            world.change(prospect, &change(Entity::Order, order, act, &[])).await;
        }
        if round % 4 >= 2 {
            lanes[round % 2].send(&world, 10, 1).await;
        }
        drop(tokio::time::timeout(Duration::from_secs(2), wire.tripped()).await);
        drop(consumer);
    }
    let (n_rounds, consumer) = (N_ROUNDS as u64, world.consume());
    world.wait_for("SELECT count() FROM changes", 5 * n_rounds).await;
    world.wait_for("SELECT count() FROM prospects", 6 * n_rounds).await;
    world.wait_for(N_WAITING, 0).await;
    world.wait_for("SELECT count() FROM orders", 3 * n_rounds).await;
    consumer.drain().await;
    assert_eq!(world.one("SELECT count() FROM changes WHERE outcome = 'applied'").await, 5 * n_rounds);
    assert_eq!(world.one("SELECT uniqExact(order_id) FROM orders").await, 3 * n_rounds);
    assert_eq!(world.one("SELECT count() FROM order_contacts").await, 2 * n_rounds);
    let ended = format!("{N_WITH_CUSTOMER} AND event_id IN (SELECT entity_id FROM changes)");
    assert_eq!(world.one(&ended).await, 0);
    assert_counted(&world).await;
}
