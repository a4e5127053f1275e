//! A repair does not bring back what people deleted, erased or edited.

use std::collections::BTreeSet;

use sluice_consumer::verify::range::TimeRange;
use sluice_consumer::verify::repair::Repaired;
use sluice_schemas::change::{Act, Entity};
use uuid::Uuid;

use crate::changes::{change, order_id};
use crate::damage::{forget, mend, run};
use crate::harness::{Lane, World};

const CONTACT: [(&str, &str); 5] = [
    ("email", "new@example.com"),
    ("phone_number", "1"),
    ("first_name", "N"),
    ("last_name", ""),
    ("delivery_address", ""),
];

const WITH_CUSTOMER: &str = "SELECT toString(event_id) FROM parked_log WHERE position(tryBase64Decode(payload), 'jane@example.com') > 0";

async fn assert_ids(world: &World, sql: &str, expected: &[Uuid]) {
    let found: BTreeSet<String> = world.texts(sql).await.into_iter().collect();
    assert_eq!(found, expected.iter().map(Uuid::to_string).collect(), "{sql}");
}

#[tokio::test]
async fn what_people_ended_does_not_come_back() {
    let world = World::new(2).await;
    let consumer = world.consume();
    let (mut lane, mut other) = (Lane::new(0), Lane::new(1));
    let prospects: Vec<Uuid> = (0..5).map(|_| Uuid::now_v7()).collect();
    let [kept_visit, moved_visit, deleted_visit, hidden_visit, never] = prospects[..] else { panic!() };
    let [kept, erased, edited, deleted] = [(); 4].map(|()| order_id());
    let [waits, waits_erased, waits_deleted, of_deleted, of_moved] = [(); 5].map(|()| order_id());
    for prospect in &prospects[..4] {
        other.prospect(*prospect, "user_id=3");
    }
    other.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM prospects", 4).await;
    for order in [kept, erased, edited, deleted] {
        lane.order(order, &kept_visit.to_string());
    }
    for order in [waits, waits_erased, waits_deleted] {
        lane.order(order, &never.to_string());
    }
    lane.order(of_deleted, &deleted_visit.to_string());
    lane.order(of_moved, &moved_visit.to_string());
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM orders", 6).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'waiting'", 3).await;
    for (prospect, change) in [
        (kept_visit, change(Entity::Order, erased, Act::Erase, &[])),
        (kept_visit, change(Entity::Order, edited, Act::Update, &CONTACT)),
        (kept_visit, change(Entity::Order, deleted, Act::Delete, &[])),
        (never, change(Entity::Order, waits_erased, Act::Erase, &[])),
        (never, change(Entity::Order, waits_deleted, Act::Delete, &[])),
        (deleted_visit, change(Entity::Prospect, deleted_visit, Act::Delete, &[])),
        (hidden_visit, change(Entity::Prospect, hidden_visit, Act::Update, &[("ip", "::")])),
        (moved_visit, change(Entity::Prospect, moved_visit, Act::Update, &[("user_id", "4")])),
    ] {
        world.change(prospect, &change).await;
    }
    world.wait_for("SELECT count() FROM changes WHERE outcome = 'applied'", 8).await;
    consumer.drain().await;
    assert_eq!(mend(&world, &TimeRange::default(), false).await.unwrap(), Repaired::default());

    // The table of changes has lost some of its rows, too: the topic still has them.
    let ids = [erased, waits_deleted, deleted_visit].map(|id| format!("'{id}'")).join(", ");
    run(&world, &format!("ALTER TABLE changes DELETE WHERE entity_id IN ({ids})")).await;
    for table in ["prospect_index", "orders", "order_contacts", "rollup_hourly"] {
        run(&world, &format!("TRUNCATE TABLE {table}")).await;
    }
    let hidden =
        format!("ALTER TABLE prospects DELETE WHERE prospect_id IN ('{kept_visit}', '{hidden_visit}')");
    run(&world, &hidden).await;
    run(&world, "TRUNCATE TABLE parked_log").await;
    let repaired = mend(&world, &TimeRange::default(), false).await.unwrap();

    for (sql, expected) in [
        ("SELECT toString(prospect_id) FROM prospects", vec![kept_visit, moved_visit]),
        ("SELECT toString(prospect_id) FROM prospect_index", vec![kept_visit, moved_visit]),
        ("SELECT toString(order_id) FROM orders", vec![kept, erased, of_moved]),
        ("SELECT toString(order_id) FROM orders WHERE user_id = 4", vec![of_moved]),
        ("SELECT toString(order_id) FROM order_contacts", vec![kept, of_moved]),
        ("SELECT toString(event_id) FROM parked", vec![waits, waits_erased]),
        (WITH_CUSTOMER, vec![waits]),
    ] {
        assert_ids(&world, sql, &expected).await;
    }
    let left = repaired.left_alone.join("\n");
    for (id, reason) in
        [(hidden_visit, "was edited"), (edited, "was edited"), (of_deleted, "its prospect was deleted")]
    {
        assert!(left.lines().any(|line| line.contains(&id.to_string()) && line.contains(reason)), "{left}");
    }
    assert_eq!(repaired.left_alone.len(), 3, "{left}");
    // What came back of the waiting ones is replayed, the erased one without its customer.
    let consumer = world.consume();
    other.prospect(never, "user_id=5");
    other.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM orders WHERE user_id = 5", 2).await;
    consumer.drain().await;
    assert_ids(&world, "SELECT toString(order_id) FROM order_contacts", &[kept, of_moved, waits]).await;
}

/// Only the contact is lost, of orders that were changed in all ways.
#[tokio::test]
async fn a_lost_contact_comes_back_unless_it_was_ended() {
    let world = World::new(1).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let prospect = Uuid::now_v7();
    let [plain, sold, edited, erased] = [(); 4].map(|()| order_id());
    lane.prospect(prospect, "user_id=3");
    for order in [plain, sold, edited, erased] {
        lane.order(order, &prospect.to_string());
    }
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM orders", 4).await;
    for (order, act, fields) in [
        (sold, Act::Update, &[("status", "sale")][..]),
        (edited, Act::Update, &CONTACT),
        (erased, Act::Erase, &[]),
    ] {
        world.change(prospect, &change(Entity::Order, order, act, fields)).await;
    }
    world.wait_for("SELECT count() FROM changes WHERE outcome = 'applied'", 3).await;
    consumer.drain().await;
    let contacts = "SELECT concat(toString(order_id), ' ', email) FROM order_contacts ORDER BY order_id";
    run(&world, "TRUNCATE TABLE order_contacts").await;
    mend(&world, &TimeRange::default(), false).await.unwrap();
    let found = world.texts(contacts).await;
    assert_eq!(found.len(), 2, "{found:?}");
    for order in [plain, sold] {
        assert!(found.contains(&format!("{order} jane@example.com")), "{found:?}");
    }

    // Kafka has forgotten the changes: of an order that was changed nobody knows in what.
    run(&world, "TRUNCATE TABLE order_contacts").await;
    forget(&world, &world.changes_topic, 3).await;
    let repaired = mend(&world, &TimeRange::default(), false).await.unwrap();
    assert_eq!(world.texts(contacts).await, [format!("{plain} jane@example.com")]);
    let left = repaired.left_alone.join("\n");
    assert!(left.contains(&format!("the contact of order {sold} is lost, or was erased")), "{left}");
}
