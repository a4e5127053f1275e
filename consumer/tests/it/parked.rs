//! Parked events that an Owner has decided about: mended, ignored, waiting again. And those that
//! expire, or that there is no room for.

use std::time::Duration;

use sluice_local::servers::postgres::psql;
use sluice_runtime::clock::Clock;
use sluice_schemas::change::{Act, Entity};
use uuid::Uuid;

use crate::changes::{assert_no_difference, change, order_id};
use crate::exactly_once::assert_once;
use crate::harness::{Lane, World};
use crate::resolving::{KEY, add_campaign};
use crate::tripwire::{Trip, Tripwire};

/// A well-formed key that no campaign has.
pub(crate) const UNKNOWN_KEY: &str = "8qk2m9xw4tbvhr3f";
pub(crate) const N_WAITING: &str = "SELECT count() FROM parked WHERE state = 'waiting'";
const N_IGNORED: &str = "SELECT count() FROM parked WHERE state = 'ignored'";
const N_WITH_CUSTOMER: &str = "SELECT uniqExact(event_id) FROM parked_log \
                               WHERE position(tryBase64Decode(payload), 'jane@example.com') > 0";

/// Makes a decision as the API does. Returns its id.
async fn decide(world: &World, act: &str, which: &str, target: &str, until: &str) -> u64 {
    let sql = format!("SELECT decide_parked('{act}', {which}, {target}, {until}, 'a reason', 1, NULL)");
    psql(&world.postgres_url, &sql).await.unwrap().parse().unwrap()
}

fn alike(reason: &str, reference: &str) -> String {
    format!("NULL, '{reason}', '{reference}'")
}

fn one(event_id: Uuid, reason: &str, reference: &str) -> String {
    format!("'{event_id}', '{reason}', '{reference}'")
}

const NOBODY: &str = "NULL, NULL, NULL";
const FOR_EVER: &str = "NULL";

async fn let_wait(world: &World, which: &str) -> u64 {
    let sql = format!("SELECT let_parked_wait({which}, 1, NULL)");
    psql(&world.postgres_url, &sql).await.unwrap().parse().unwrap()
}

async fn revoke(world: &World, decision: u64) {
    let sql = format!("UPDATE parked_decisions SET revoked_at = now() WHERE id = {decision}");
    psql(&world.postgres_url, &sql).await.unwrap();
}

/// Hundreds of mended events are replayed while the consumer dies at each of its inserts in turn,
/// before it and after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mended_events_are_stored_once_wherever_the_consumer_dies() {
    const N_OF_EACH: u64 = 100;
    let world = World::new(2).await;
    add_campaign(&world, KEY, 4).await;
    let consumer = world.consume();
    let mut lanes = [Lane::new(0), Lane::new(1)];
    let meant = Uuid::now_v7();
    lanes[0].prospect(meant, "user_id=3");
    for number in 0..N_OF_EACH {
        let lane = &mut lanes[usize::try_from(number % 2).unwrap()];
        lane.prospect(Uuid::now_v7(), &format!("k={UNKNOWN_KEY}"));
        lane.prospect(Uuid::now_v7(), "user_id=999");
        lane.prospect(Uuid::now_v7(), &format!("user_id={}", number % 5 + 1));
        lane.order(order_id(), "{click.id}");
    }
    for lane in &mut lanes {
        lane.send(&world, 50, 0).await;
    }
    world.wait_for(N_WAITING, 3 * N_OF_EACH).await;
    consumer.drain().await;

    let key = decide(&world, "mend", &alike("unknown_key", UNKNOWN_KEY), "1, NULL, NULL", FOR_EVER).await;
    let user = decide(&world, "mend", &alike("unknown_user", "999"), "NULL, 5, NULL", "now()").await;
    let to_prospect = format!("NULL, NULL, '{meant}'");
    let order = decide(&world, "mend", &alike("unknown_prospect", "{click.id}"), &to_prospect, "now()").await;
    for n_inserts in 0..24 {
        let trip = if n_inserts % 2 == 0 { Trip::BeforeInsert } else { Trip::AfterInsert };
        let wire = Tripwire::start(&world.clickhouse.url, n_inserts / 2, trip).await;
        let consumer = world.consume_by(&wire.url);
        // What an earlier one has inserted is not inserted again: the last ones have nothing left.
        let tripped = tokio::time::timeout(Duration::from_secs(4), wire.tripped()).await;
        assert!(tripped.is_ok() || n_inserts > 4, "{n_inserts}");
        drop(consumer);
        if world.one(N_WAITING).await == 0 {
            break;
        }
    }
    let consumer = world.consume();
    world.wait_for(N_WAITING, 0).await;
    consumer.drain().await;
    assert_once(&world, 3 * N_OF_EACH + 1, N_OF_EACH).await;
    assert_no_difference(&world).await;
    for (sql, expected) in [
        ("SELECT count() FROM prospects WHERE user_id = 4 AND campaign_id = 1".to_owned(), N_OF_EACH),
        (format!("SELECT count() FROM orders WHERE prospect_id = '{meant}' AND user_id = 3"), N_OF_EACH),
        (
            format!("SELECT count() FROM parked_log FINAL WHERE state = 'replayed' AND decision = {key}"),
            N_OF_EACH,
        ),
        (
            format!("SELECT count() FROM parked_log FINAL WHERE state = 'replayed' AND decision = {user}"),
            N_OF_EACH,
        ),
        (
            format!("SELECT count() FROM parked_log FINAL WHERE state = 'replayed' AND decision = {order}"),
            N_OF_EACH,
        ),
        ("SELECT count() FROM parked WHERE payload != ''".to_owned(), 0),
    ] {
        assert_eq!(world.one(&sql).await, expected, "{sql}");
    }
}

/// Two consumers, and the same decision made twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mend_that_is_started_twice_stores_each_event_once() {
    let world = World::new(2).await;
    add_campaign(&world, KEY, 4).await;
    let consumers =
        [world.consume_as("one", &world.clickhouse.url), world.consume_as("two", &world.clickhouse.url)];
    let mut lanes = [Lane::new(0), Lane::new(1)];
    for lane in &mut lanes {
        for _ in 0..150 {
            lane.prospect(Uuid::now_v7(), &format!("k={UNKNOWN_KEY}"));
        }
        lane.send(&world, 50, 0).await;
    }
    world.wait_for(N_WAITING, 300).await;
    let which = alike("unknown_key", UNKNOWN_KEY);
    let (first, second) = tokio::join!(
        decide(&world, "mend", &which, "1, NULL, NULL", "now()"),
        decide(&world, "mend", &which, "1, NULL, NULL", "now()"),
    );
    world.wait_for(N_WAITING, 0).await;
    for consumer in consumers {
        consumer.drain().await;
    }
    assert_eq!(world.one("SELECT count() FROM prospects WHERE campaign_id = 1").await, 300);
    assert_eq!(world.one("SELECT toUInt64(sum(prospects)) FROM rollup_hourly").await, 300);
    let decided = format!("SELECT count() FROM parked_log FINAL WHERE decision IN ({first}, {second})");
    assert_eq!(world.one(&decided).await, 300);
    assert_no_difference(&world).await;
}

/// The prospect of an ignored order arrives: the order stays ignored, until it may wait again.
#[tokio::test]
async fn an_ignored_order_is_not_joined_until_it_may_wait_again() {
    let world = World::new(1).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let (prospect, [ignored, other]) = (Uuid::now_v7(), [order_id(), order_id()]);
    lane.order(ignored, &prospect.to_string());
    lane.order(other, &prospect.to_string());
    lane.send(&world, 10, 0).await;
    world.wait_for(N_WAITING, 2).await;
    let reference = prospect.to_string();
    let which = one(ignored, "unknown_prospect", &reference);
    let decision = decide(&world, "ignore", &which, NOBODY, FOR_EVER).await;
    world.wait_for(N_IGNORED, 1).await;
    assert_eq!(
        world
            .texts(
                "SELECT concat(toString(decision), ' ', note) FROM parked_log FINAL WHERE state = 'ignored'"
            )
            .await,
        [format!("{decision} a reason")]
    );
    lane.prospect(prospect, "user_id=3");
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM orders", 1).await;
    assert_eq!(world.one(N_IGNORED).await, 1);
    assert_eq!(let_wait(&world, &which).await, 1);
    world.wait_for("SELECT count() FROM orders", 2).await;
    consumer.drain().await;
    assert_eq!(world.one("SELECT count() FROM parked WHERE state != 'replayed'").await, 0);
    assert_eq!(world.one("SELECT toUInt64(sum(orders)) FROM rollup_hourly").await, 2);
    assert_eq!(let_wait(&world, &which).await, 0, "nothing is ignored any more");
    assert_no_difference(&world).await;
}

/// Orders are ignored at the moment when their prospect comes, and the consumer dies at each step.
/// Each order is either ignored or stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_both_ignored_and_stored() {
    const N_ORDERS: u64 = 20;
    let world = World::new(1).await;
    let mut lane = Lane::new(0);
    let (mut n_expected, mut n_prospects) = (0, 0);
    for n_inserts in 0..11 {
        let consumer = world.consume();
        let prospect = Uuid::now_v7();
        let reference = prospect.to_string();
        for _ in 0..N_ORDERS {
            lane.order(order_id(), &reference);
        }
        lane.send(&world, 20, 0).await;
        n_expected += N_ORDERS;
        world.wait_for("SELECT count() FROM parked", n_expected).await;
        consumer.drain().await;
        let wire = Tripwire::start(&world.clickhouse.url, n_inserts, Trip::BeforeInsert).await;
        let consumer = world.consume_by(&wire.url);
        lane.prospect(prospect, "user_id=3");
        n_prospects += 1;
        let which = alike("unknown_prospect", &reference);
        let ((), decision) =
            tokio::join!(lane.send(&world, 20, 0), decide(&world, "ignore", &which, NOBODY, FOR_EVER),);
        drop(tokio::time::timeout(Duration::from_secs(4), wire.tripped()).await);
        drop(consumer);
        if n_inserts % 2 == 0 {
            revoke(&world, decision).await;
        }
    }
    let consumer = world.consume();
    world.wait_for("SELECT count() FROM prospects", n_prospects).await;
    world.wait_for(N_WAITING, 0).await;
    // A revoked decision lets them wait again.
    world
        .wait_for("SELECT count() FROM parked_log FINAL WHERE state = 'ignored' AND decision % 2 = 1", 0)
        .await;
    world.wait_for(N_WAITING, 0).await;
    consumer.drain().await;
    let both =
        "SELECT count() FROM orders WHERE order_id IN (SELECT event_id FROM parked WHERE state = 'ignored')";
    assert_eq!(world.one(both).await, 0);
    let n_ignored = world.one(N_IGNORED).await;
    assert_eq!(world.one("SELECT count() FROM orders").await + n_ignored, n_expected);
    assert_eq!(world.one("SELECT uniqExact(order_id) FROM orders").await + n_ignored, n_expected);
    assert_eq!(world.one("SELECT toUInt64(sum(orders)) FROM rollup_hourly").await + n_ignored, n_expected);
    assert_no_difference(&world).await;
}

/// A mend without an end also stores events that come later, without parking them. After it is
/// revoked, it stores no more events, and the stored ones stay.
#[tokio::test]
async fn a_revoked_mend_stores_no_more() {
    let world = World::new(1).await;
    add_campaign(&world, KEY, 4).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let visit = format!("k={UNKNOWN_KEY}");
    lane.prospect(Uuid::now_v7(), &visit);
    lane.send(&world, 10, 0).await;
    world.wait_for(N_WAITING, 1).await;
    let which = alike("unknown_key", UNKNOWN_KEY);
    let decision = decide(&world, "mend", &which, "1, NULL, NULL", FOR_EVER).await;
    world.wait_for("SELECT count() FROM prospects", 1).await;
    lane.prospect(Uuid::now_v7(), &visit);
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM prospects WHERE campaign_id = 1", 2).await;
    assert_eq!(world.one("SELECT count() FROM parked").await, 1);
    revoke(&world, decision).await;
    lane.prospect(Uuid::now_v7(), &visit);
    lane.send(&world, 10, 0).await;
    world.wait_for(N_WAITING, 1).await;
    // One that ended before this event.
    decide(&world, "mend", &which, "1, NULL, NULL", "'2026-11-01'").await;
    // One for this event alone.
    let waiting = world.texts("SELECT toString(event_id) FROM parked WHERE state = 'waiting'").await;
    let waiting: Uuid = waiting[0].parse().unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.one(N_WAITING).await, 1);
    decide(&world, "mend", &one(waiting, "unknown_key", UNKNOWN_KEY), "NULL, 2, NULL", FOR_EVER).await;
    world.wait_for("SELECT count() FROM prospects WHERE user_id = 2 AND campaign_id = 0", 1).await;
    consumer.drain().await;
    assert_eq!(world.one("SELECT toUInt64(sum(prospects)) FROM rollup_hourly").await, 3);
    assert_no_difference(&world).await;
}

/// One of many ignored events waits again, though all others stay ignored. A deleted order never
/// does, and loses its customer.
#[tokio::test]
async fn one_event_waits_again_and_a_deleted_one_never_does() {
    let world = World::new(1).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let orders = [order_id(), order_id(), order_id()];
    for order in orders {
        lane.order(order, "lost");
    }
    lane.send(&world, 10, 0).await;
    world.wait_for(N_WAITING, 3).await;
    let which = alike("unknown_prospect", "lost");
    decide(&world, "ignore", &which, NOBODY, FOR_EVER).await;
    world.wait_for(N_IGNORED, 3).await;
    assert_eq!(let_wait(&world, &one(orders[0], "unknown_prospect", "lost")).await, 1);
    world.wait_for(N_WAITING, 1).await;
    world.change(Uuid::nil(), &change(Entity::Order, orders[1], Act::Delete, &[])).await;
    world.change(Uuid::nil(), &change(Entity::Order, orders[2], Act::Erase, &[])).await;
    world.wait_for("SELECT count() FROM changes WHERE outcome = 'applied'", 2).await;
    assert_eq!(world.one(N_WITH_CUSTOMER).await, 1, "only of the order that waits");
    let_wait(&world, &which).await;
    world.wait_for(N_WAITING, 2).await;
    let ignored = world.texts("SELECT toString(event_id) FROM parked WHERE state = 'ignored'").await;
    assert_eq!(ignored, [orders[1].to_string()]);
    consumer.drain().await;
}

#[tokio::test]
async fn events_that_waited_too_long_expire() {
    let mut world = World::new(1).await;
    world.keep_waiting_days = (90, 400);
    let consumer = world.consume();
    let now_ms = Clock::System.now_ms();
    let mut lane = Lane::new(0);
    for n_days in [89, 91, 399, 401] {
        lane.time_ms = now_ms - n_days * 24 * 3_600_000;
        lane.prospect(Uuid::now_v7(), &format!("k={UNKNOWN_KEY}"));
        lane.order(order_id(), "lost");
        lane.send(&world, 10, 0).await;
    }
    world.wait_for("SELECT count() FROM parked", 8).await;
    consumer.drain().await;
    let consumer = world.consume();
    world.wait_for(N_WAITING, 4).await;
    consumer.drain().await;
    assert_eq!(
        world.texts("SELECT toString(kind) FROM parked_log FINAL WHERE state = 'ignored' AND note = 'expired' AND payload = '' ORDER BY kind").await,
        ["order", "prospect", "prospect", "prospect"]
    );
    assert_eq!(world.one("SELECT sum(count) FROM outcomes WHERE outcome = 'expired'").await, 4);
}

/// Nobody can fill the disk with pixels of unknown keys, or with orders of unknown prospects.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_no_room_for_is_dropped_and_counted_once() {
    let mut world = World::new(1).await;
    world.max_waiting = (10, 20);
    let mut lane = Lane::new(0);
    for _ in 0..30 {
        lane.prospect(Uuid::now_v7(), &format!("k={UNKNOWN_KEY}"));
        lane.order(order_id(), "lost");
        lane.prospect(Uuid::now_v7(), "user_id=3");
    }
    lane.send(&world, 90, 0).await;
    for n_inserts in 0..8 {
        let wire = Tripwire::start(&world.clickhouse.url, n_inserts, Trip::BeforeInsert).await;
        let consumer = world.consume_by(&wire.url);
        let tripped = tokio::time::timeout(Duration::from_secs(5), wire.tripped()).await;
        drop(consumer);
        if tripped.is_err() {
            break;
        }
    }
    let consumer = world.consume();
    world.wait_for("SELECT count() FROM lanes", 1).await;
    lane.prospect(Uuid::now_v7(), &format!("k={UNKNOWN_KEY}"));
    lane.order(order_id(), "lost");
    lane.send(&world, 10, 0).await;
    world.wait_for_numbered(92).await;
    consumer.drain().await;
    for (sql, expected) in [
        ("SELECT count() FROM prospects", 30),
        ("SELECT count() FROM parked WHERE kind = 'prospect'", 10),
        ("SELECT count() FROM parked WHERE kind = 'order'", 20),
        ("SELECT sum(count) FROM outcomes WHERE outcome = 'parked'", 30),
        ("SELECT sum(count) FROM outcomes WHERE outcome = 'dropped' AND reason = 'unknown_key'", 21),
        ("SELECT sum(count) FROM outcomes WHERE outcome = 'dropped' AND reason = 'unknown_prospect'", 11),
        ("SELECT sum(count) FROM outcomes", 92),
    ] {
        assert_eq!(world.one(sql).await, expected, "{sql}");
    }
    assert_no_difference(&world).await;
}
