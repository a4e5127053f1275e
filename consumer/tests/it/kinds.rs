//! The outcome of each kind of event.

use uuid::Uuid;

use crate::harness::{Lane, World};

#[tokio::test]
async fn a_prospect_and_its_order_are_stored_with_their_fields() {
    let world = World::new(1).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let (prospect, order) = (Uuid::now_v7(), Uuid::now_v7());
    lane.prospect(
        prospect,
        "user_id=7&sub1=red&utm_source=face+book&r=https%3A%2F%2Fsearch.example&cost=0.05&gclid=G1&sub2={x}",
    );
    lane.order(order, &prospect.to_string());
    lane.send(&world, 10, 0).await;
    // Ordinals are written last: once they are there, the whole batch is.
    world.wait_for("SELECT count() FROM lanes", 1).await;

    let text: String = world
        .client
        .query(
            "SELECT concat(toString(user_id), '|', sub1, '|', sub20, '|', utm_source, '|', referrer, '|', page, '|', toString(cost), '|', \
             external_kind, '|', external_id, '|', device, '|', browser, '|', bot, '|', toString(IPv6NumToString(ip)), '|', toString(marks)) \
             FROM prospects",
        )
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(
        text,
        "7|red||face book|https://search.example|https://landing.example/page|0.05|gclid|G1|desktop|Chrome||::ffff:203.0.113.7|['macro:sub2']"
    );
    let text: String = world
        .client
        .query(
            "SELECT concat(toString(prospect_id), ' ', toString(user_id), ' ', status, ' ', toString(payout), ' ', currency, '|', \
             country, '|', device, '|', os, '|', browser, '|', bot) FROM orders",
        )
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(text, format!("{prospect} 7 hold 12.5 USD||desktop|Windows 10|Chrome|"));
    world.wait_for("SELECT count() FROM order_contacts WHERE email = 'jane@example.com'", 1).await;
    world
        .wait_for(
            "SELECT toUInt64(sum(prospects) * 10 + sum(orders)) FROM rollup_hourly WHERE user_id = 7",
            11,
        )
        .await;
    world
        .wait_for("SELECT sum(count) FROM outcomes WHERE stage = 'consumer' AND outcome = 'stored'", 2)
        .await;
    consumer.drain().await;
}

#[tokio::test]
async fn an_order_waits_for_a_prospect_that_comes_later_by_another_partition() {
    let world = World::new(2).await;
    let consumer = world.consume();
    let (mut early, mut late) = (Lane::new(0), Lane::new(1));
    let prospects: Vec<Uuid> = (0..30).map(|_| Uuid::now_v7()).collect();
    for prospect in &prospects {
        early.order(Uuid::now_v7(), &prospect.to_string());
    }
    early.order(Uuid::now_v7(), "1");
    early.order(Uuid::now_v7(), &Uuid::now_v7().to_string());
    early.send(&world, 7, 0).await;
    world
        .wait_for("SELECT count() FROM parked WHERE state = 'waiting' AND reason = 'unknown_prospect'", 32)
        .await;
    assert_eq!(world.one("SELECT count() FROM orders").await, 0);

    for prospect in &prospects {
        late.prospect(*prospect, "user_id=9");
    }
    late.send(&world, 11, 0).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'replayed' AND payload = ''", 30).await;
    world.wait_for("SELECT uniqExact(order_id) FROM orders WHERE user_id = 9", 30).await;
    assert_eq!(world.one("SELECT count() FROM orders").await, 30);
    assert_eq!(
        world.one("SELECT count() FROM orders WHERE device = 'desktop' AND os = 'Windows 10'").await,
        30
    );
    assert_eq!(world.one("SELECT count() FROM order_contacts").await, 30);
    world.wait_for("SELECT toUInt64(sum(orders)) FROM rollup_hourly", 30).await;
    assert_eq!(world.one("SELECT count() FROM parked WHERE state = 'waiting' AND payload != ''").await, 2);
    world.wait_for("SELECT sum(count) FROM outcomes WHERE outcome = 'replayed'", 30).await;
    consumer.drain().await;
}

#[tokio::test]
async fn what_cannot_be_read_or_resolved_is_parked() {
    let world = World::new(1).await;
    let consumer = world.consume();
    world.send_raw(0, &[], b"no chunk").await;
    world.send_raw(0, &[("schema", "9".to_owned())], b"").await;
    let mut lane = Lane::new(0);
    let same_id = Uuid::now_v7();
    lane.prospect(same_id, "k=7qk2m9xw4tbvhr32");
    lane.prospect(same_id, "k=7qk2m9xw4tbvhr32");
    lane.prospect(Uuid::now_v7(), "user_id=1");
    lane.send(&world, 2, 1).await;
    world.wait_for("SELECT count() FROM prospects", 1).await;
    world
        .wait_for(
            "SELECT count() FROM parked WHERE reason = 'unknown_key' AND reference = '7qk2m9xw4tbvhr32'",
            2,
        )
        .await;
    world.wait_for("SELECT count() FROM parked WHERE reason = 'unreadable'", 2).await;
    consumer.drain().await;
}

#[tokio::test]
async fn events_that_never_came_are_counted_in_their_lane() {
    let world = World::new(1).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    lane.prospect(Uuid::now_v7(), "user_id=7");
    lane.send(&world, 10, 0).await;
    lane.next_seq += 3;
    lane.prospect(Uuid::now_v7(), "user_id=7");
    lane.send(&world, 10, 0).await;
    world.wait_for_numbered(5).await;
    let missing = "SELECT concat(lane, ' ', toString(sum(count)), ' ', toString(any(reason))) FROM outcomes \
                   WHERE outcome = 'missing' AND stage = 'consumer' AND batches = 0 GROUP BY lane";
    assert_eq!(world.texts(missing).await, [format!("{}/0 3 ", lane.edge)]);
    consumer.drain().await;
}
