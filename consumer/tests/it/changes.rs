//! Edits and deletions are applied once and in order, wherever the consumer dies. Sums and rows
//! agree afterwards.

use std::collections::HashMap;
use std::time::Duration;

use sluice_consumer::store::Store;
use sluice_consumer::verify::verify;
use sluice_schemas::change::{Act, Change, Entity};
use uuid::Uuid;

use crate::harness::{Lane, NOVEMBER_MS, World};
use crate::tripwire::{Trip, Tripwire};

pub(crate) fn change(entity: Entity, id: Uuid, act: Act, fields: &[(&str, &str)]) -> Change {
    let fields: HashMap<_, _> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Change {
        id: Uuid::now_v7().into_bytes().to_vec().into(),
        time_ms: NOVEMBER_MS + 1000,
        actor_id: 1,
        entity: entity.into(),
        entity_id: id.into_bytes().to_vec().into(),
        act: act.into(),
        fields,
        reason: "test".to_owned(),
        expected_version: None,
    }
}

pub(crate) async fn assert_no_difference(world: &World) {
    for report in verify(&Store::new(&world.clickhouse)).await.unwrap() {
        assert!(report.differences.is_empty(), "{report:?}");
    }
}

/// An order's id with its time in it, as the edge makes it.
pub(crate) fn order_id() -> Uuid {
    let random = Uuid::new_v4().into_bytes()[..10].try_into().unwrap();
    uuid::Builder::from_unix_timestamp_millis(NOVEMBER_MS, &random).into_uuid()
}

/// Stores a prospect of buyer 3 and its order.
pub(crate) async fn stored(world: &World, lane: &mut Lane) -> (Uuid, Uuid) {
    let (prospect, order) = (Uuid::now_v7(), order_id());
    lane.prospect(prospect, "user_id=3");
    lane.order(order, &prospect.to_string());
    lane.send(world, 10, 0).await;
    world.wait_for(&format!("SELECT count() FROM orders WHERE order_id = '{order}'"), 1).await;
    (prospect, order)
}

#[tokio::test]
async fn a_status_moves_as_it_may_and_is_remembered() {
    let world = World::new(1).await;
    let consumer = world.consume();
    let (prospect, order) = stored(&world, &mut Lane::new(0)).await;
    for (word, n_changes) in [("Approved", 1), ("trash", 2), ("refund", 3)] {
        let fields = [("status", word), ("payout", "7500000"), ("currency", "EUR")];
        world.change(prospect, &change(Entity::Order, order, Act::Update, &fields)).await;
        world.wait_for("SELECT count() FROM changes", n_changes).await;
    }
    let text: String = world
        .client
        .query("SELECT concat(status, ' ', status_text, ' ', toString(payout), ' ', currency) FROM orders")
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(text, "chargeback refund 7.5 EUR");
    let refused: String =
        world.client.query("SELECT reason FROM changes WHERE outcome = 'refused'").fetch_one().await.unwrap();
    assert_eq!(refused, "sale cannot become trash");
    let history: Vec<String> = world
        .client
        .query("SELECT status FROM order_status ORDER BY toUInt128(change_id)")
        .fetch_all()
        .await
        .unwrap();
    assert_eq!(history, ["sale", "chargeback"]);
    assert_eq!(
        world
            .one("SELECT toUInt64(sum(orders) * 100 + sum(sales) * 10 + sum(chargebacks)) FROM rollup_hourly")
            .await,
        101
    );
    assert_no_difference(&world).await;
    consumer.drain().await;
}

#[tokio::test]
async fn a_prospect_changes_hands_with_its_orders() {
    let world = World::new(1).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let (prospect, _) = stored(&world, &mut lane).await;
    let fields =
        [("user_id", "4"), ("ip", "198.51.100.9"), ("user_agent", "Googlebot/2.1 '\\?"), ("referrer", "")];
    world.change(prospect, &change(Entity::Prospect, prospect, Act::Update, &fields)).await;
    world.wait_for("SELECT count() FROM changes", 1).await;
    let text: String = world
        .client
        .query("SELECT concat(toString(user_id), ' ', IPv6NumToString(ip), ' ', user_agent, ' ', bot) FROM prospects")
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(text, "4 ::ffff:198.51.100.9 Googlebot/2.1 '\\? Googlebot");
    for table in ["orders", "prospect_index"] {
        assert_eq!(world.one(&format!("SELECT count() FROM {table} WHERE user_id = 4")).await, 1, "{table}");
    }
    let dimensions = "SELECT concat(device, '|', os, '|', browser, '|', bot) FROM";
    let of_order = world.texts(&format!("{dimensions} orders")).await;
    assert_eq!(of_order, ["other||Googlebot|Googlebot"]);
    assert_eq!(of_order, world.texts(&format!("{dimensions} prospects")).await);
    assert_no_difference(&world).await;

    // An order in a later batch than its prospect, which was edited in between.
    lane.order(order_id(), &prospect.to_string());
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM orders WHERE user_id = 4 AND bot = 'Googlebot'", 2).await;
    let fields = [(
        "user_agent",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
    )];
    world.change(prospect, &change(Entity::Prospect, prospect, Act::Update, &fields)).await;
    world.wait_for("SELECT count() FROM changes", 2).await;
    assert_eq!(world.texts(&format!("{dimensions} orders")).await, ["mobile|iPhone|Safari|"; 2]);
    assert_no_difference(&world).await;

    let unknown = [("user_id", "99")];
    world.change(prospect, &change(Entity::Prospect, prospect, Act::Update, &unknown)).await;
    world
        .wait_for("SELECT count() FROM changes WHERE outcome = 'refused' AND reason = 'unknown_user'", 1)
        .await;
    assert_no_difference(&world).await;
    consumer.drain().await;
}

#[tokio::test]
async fn a_customer_is_changed_and_erased_and_what_is_deleted_is_not_counted() {
    let world = World::new(1).await;
    let consumer = world.consume();
    let (prospect, order) = stored(&world, &mut Lane::new(0)).await;
    let contact = [
        ("email", "new@example.com"),
        ("phone_number", "1"),
        ("first_name", "N"),
        ("last_name", ""),
        ("delivery_address", "it's ?"),
    ];
    world.change(prospect, &change(Entity::Order, order, Act::Update, &contact)).await;
    world.wait_for("SELECT count() FROM changes", 1).await;
    assert_eq!(world.one("SELECT count() FROM order_contacts WHERE email = 'new@example.com' AND delivery_address = 'it\\'s ??'").await, 1);
    assert_eq!(world.one("SELECT count() FROM order_contacts").await, 1);

    world.change(prospect, &change(Entity::Order, order, Act::Erase, &[])).await;
    world.change(prospect, &change(Entity::Prospect, prospect, Act::Delete, &[])).await;
    world.change(prospect, &change(Entity::Prospect, prospect, Act::Update, &[("ip", "::1")])).await;
    world.wait_for("SELECT count() FROM changes", 4).await;
    assert_eq!(world.one("SELECT count() FROM changes WHERE outcome = 'missing'").await, 1);
    assert_eq!(
        world.one("SELECT count() FROM prospects").await
            + world.one("SELECT count() FROM order_contacts").await,
        0
    );
    assert_eq!(world.one("SELECT count() FROM orders WHERE user_id = 3").await, 1);
    assert_no_difference(&world).await;

    world.change(prospect, &change(Entity::Order, order, Act::Delete, &[])).await;
    world.wait_for("SELECT count() FROM changes", 5).await;
    assert_eq!(world.one("SELECT count() FROM orders").await, 0);
    assert_eq!(
        world.one("SELECT toUInt64(sum(prospects) + sum(orders) + sum(bots)) FROM rollup_hourly").await,
        0
    );
    assert_no_difference(&world).await;
    consumer.drain().await;
}

/// The consumer dies before or after each statement of a batch of changes while other changes wait.
/// All are applied once and in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_dies_at_any_step_applies_every_change_once() {
    let world = World::new(2).await;
    let mut lane = Lane::new(0);
    let consumer = world.consume();
    let mut all = Vec::new();
    for _ in 0..8 {
        all.push(stored(&world, &mut lane).await);
    }
    consumer.drain().await;
    let mut n_changes = 0;
    for round in 0..20_usize {
        let trip = if round % 2 == 0 { Trip::AfterInsert } else { Trip::BeforeInsert };
        let wire = Tripwire::start(&world.clickhouse.url, round / 2, trip).await;
        let consumer = world.consume_by(&wire.url);
        let word = if round % 2 == 0 { "sale" } else { "rejected" };
        let user = (round % 5 + 3).to_string();
        for (prospect, order) in &all[..6] {
            let contact = format!("{round}@example.com");
            let fields = [
                ("status", word),
                ("email", contact.as_str()),
                ("phone_number", ""),
                ("first_name", ""),
                ("last_name", ""),
                ("delivery_address", ""),
            ];
            world.change(*prospect, &change(Entity::Order, *order, Act::Update, &fields)).await;
            let fields = [("user_id", user.as_str())];
            world.change(*prospect, &change(Entity::Prospect, *prospect, Act::Update, &fields)).await;
            n_changes += 2;
        }
        drop(tokio::time::timeout(Duration::from_secs(2), wire.tripped()).await);
        drop(consumer);
    }
    for (prospect, order) in &all[6..] {
        world.change(*prospect, &change(Entity::Prospect, *prospect, Act::Delete, &[])).await;
        world.change(*prospect, &change(Entity::Order, *order, Act::Delete, &[])).await;
        n_changes += 2;
    }
    let consumer = world.consume();
    world.wait_for("SELECT count() FROM changes", n_changes).await;
    consumer.drain().await;
    assert_eq!(world.one("SELECT count() FROM changes WHERE outcome = 'applied'").await, n_changes);
    assert_eq!(world.one("SELECT count() FROM order_status").await, 120);
    assert_eq!(world.one("SELECT count() FROM orders WHERE status = 'rejected' AND user_id = 7").await, 6);
    assert_eq!(world.one("SELECT count() FROM order_contacts WHERE email = '19@example.com'").await, 6);
    for table in ["prospects", "prospect_index", "orders", "order_contacts"] {
        assert_eq!(world.one(&format!("SELECT count() FROM {table}")).await, 6, "{table}");
    }
    assert_no_difference(&world).await;
}

/// A batch with more than one statement can take: a prospect with many orders, the longest texts,
/// and a visit that came twice. Then the same changes come a second time.
#[tokio::test]
async fn many_orders_long_texts_and_a_topic_read_anew_are_no_trouble() {
    let mut world = World::new(1).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let (prospect, _) = stored(&world, &mut lane).await;
    // A second visit with the same id, of another buyer.
    lane.prospect(prospect, "user_id=5");
    for _ in 0..1000 {
        lane.order(Uuid::now_v7(), &prospect.to_string());
    }
    lane.send(&world, 500, 0).await;
    world.wait_for("SELECT count() FROM orders", 1001).await;
    let long = "\u{1f98a}".repeat(500);
    let fields = [("user_id", "4"), ("user_agent", long.as_str()), ("referrer", long.as_str())];
    world.change(prospect, &change(Entity::Prospect, prospect, Act::Update, &fields)).await;
    world.wait_for("SELECT count() FROM changes WHERE outcome = 'applied'", 1).await;
    assert_eq!(world.one("SELECT count() FROM orders WHERE user_id = 4").await, 1001);
    assert_eq!(
        world.one("SELECT count() FROM prospects WHERE user_id = 4 AND length(referrer) = 2000").await,
        2
    );
    assert_no_difference(&world).await;
    consumer.drain().await;

    // Another group reads the topics from the beginning, as after a loss of offsets.
    world.group = format!("{}-again", world.topic);
    let consumer = world.consume();
    world.change(prospect, &change(Entity::Prospect, prospect, Act::Delete, &[])).await;
    world.wait_for("SELECT count() FROM changes WHERE outcome = 'applied'", 2).await;
    assert_eq!(world.one("SELECT count() FROM changes").await, 2);
    assert_eq!(world.one("SELECT count() FROM prospects").await, 0);
    assert_no_difference(&world).await;
    consumer.drain().await;
}
