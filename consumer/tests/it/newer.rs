//! Changes of a later version of the program, as after a way back to this one.

use std::time::{Duration, Instant};

use sluice_schemas::change::{Act, Entity, SCHEMA_VERSION};

use crate::changes::{assert_no_difference, change, stored};
use crate::harness::{Lane, World};

/// What came before is applied; the change and those behind it are kept in their order for whoever can read them.
#[tokio::test]
async fn a_change_of_a_later_version_stops_its_partition_until_it_can_be_read() {
    let world = World::new(1).await;
    let consumer = world.consume();
    let (prospect, order) = stored(&world, &mut Lane::new(0)).await;
    consumer.drain().await;
    let set = |payout| change(Entity::Order, order, Act::Update, &[("payout", payout), ("currency", "EUR")]);
    world.change(prospect, &set("1000000")).await;
    world.change_in(SCHEMA_VERSION + 1, prospect, &set("2000000")).await;
    world.change(prospect, &set("3000000")).await;

    let consumer = world.consume();
    world.wait_for("SELECT count() FROM changes", 1).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while consumer.readiness.is_ready() {
        assert!(Instant::now() < deadline, "nobody is told");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let reasons = consumer.readiness.reasons();
    assert!(
        reasons.contains("partition 0 stands still at offset 1") && reasons.contains("schema 2"),
        "{reasons}"
    );
    // The others are not held up, and the end is in order.
    stored(&world, &mut Lane::new(0)).await;
    consumer.drain().await;
    // It is the same for the next one.
    let consumer = world.consume();
    while consumer.readiness.is_ready() {
        assert!(Instant::now() < deadline, "nobody is told");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.one("SELECT count() FROM changes").await, 1);
    assert_eq!(world.one("SELECT count() FROM orders WHERE payout = 1 AND currency = 'EUR'").await, 1);
    assert_no_difference(&world).await;
    consumer.drain().await;
}
