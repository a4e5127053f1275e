//! Changes of a later version, as after a downgrade to this one.

use std::time::{Duration, Instant};

use sluice_schemas::change::{Act, Entity, SCHEMA_VERSION};

use crate::changes::{assert_no_difference, change, stored};
use crate::harness::{Lane, World};

/// Earlier changes are applied. The newer change and those after it are kept in order for a version
/// that can read them.
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
    // Other partitions continue, and the consumer ends normally.
    stored(&world, &mut Lane::new(0)).await;
    consumer.drain().await;
    // The next consumer stops at the same change.
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
