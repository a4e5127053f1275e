//! Stored events whose tables a test damages, and their repair.

use std::path::PathBuf;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sluice_consumer::config::{ClickhouseConfig, DirectoryConfig};
use sluice_consumer::directory::keeper::Keeper;
use sluice_consumer::enrich::Enricher;
use sluice_consumer::enrich::data::DataFiles;
use sluice_consumer::store::Store;
use sluice_consumer::verify::range::TimeRange;
use sluice_consumer::verify::repair::{Repaired, Tools, repair};
use sluice_consumer::verify::stopped::RepairError;
use sluice_consumer::verify::verify_range;
use sluice_runtime::config::Secret;
use sluice_schemas::change::{Act, Entity};
use uuid::Uuid;

use crate::changes::{assert_no_difference, change, order_id};
use crate::harness::{Lane, NOVEMBER_MS, World};

const HOUR_MS: i64 = 3_600_000;

/// The range between two hours, counted from the hour of the first event.
pub(crate) fn hours(from: i64, to: i64) -> TimeRange {
    let begin = NOVEMBER_MS as i64;
    TimeRange::new(Some(begin + from * HOUR_MS), Some(begin + to * HOUR_MS)).unwrap()
}

/// Returns a world in which a consumer has stored events and has ended: ten prospects of five
/// buyers, six orders (one sold, one erased, one deleted), one replayed order and one that waits.
pub(crate) async fn stored_and_stopped() -> World {
    let world = World::new(1).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let late = Uuid::now_v7();
    let orders: Vec<Uuid> = (0..6).map(|_| order_id()).collect();
    lane.order(order_id(), &late.to_string());
    lane.order(order_id(), &Uuid::now_v7().to_string());
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'waiting'", 2).await;
    lane.prospect(late, "user_id=3");
    for (index, order) in orders.iter().enumerate() {
        let prospect = Uuid::now_v7();
        lane.prospect(prospect, &format!("user_id={}", index % 5 + 1));
        lane.order(*order, &prospect.to_string());
    }
    for index in 0..3 {
        lane.prospect(Uuid::now_v7(), &format!("user_id={}", index + 1));
    }
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM orders", 7).await;
    let sale = [("status", "sale")];
    world.change(Uuid::nil(), &change(Entity::Order, orders[0], Act::Update, &sale)).await;
    world.change(Uuid::nil(), &change(Entity::Order, orders[1], Act::Erase, &[])).await;
    world.change(Uuid::nil(), &change(Entity::Order, orders[2], Act::Delete, &[])).await;
    world.wait_for("SELECT count() FROM changes WHERE outcome = 'applied'", 3).await;
    consumer.drain().await;
    assert_no_difference(&world).await;
    world
}

pub(crate) async fn run(world: &World, statement: &str) {
    let client = world.client.clone().with_setting("mutations_sync", "2");
    // Tests restore the same rows again and again, which ClickHouse must not ignore as repetitions.
    let client = client.with_setting("insert_deduplicate", "0");
    client.query(statement).execute().await.unwrap();
}

/// Lists all differences within a range as lines.
pub(crate) async fn differences(world: &World, range: &TimeRange) -> Vec<String> {
    let reports = verify_range(&Store::new(&world.clickhouse), range, Duration::ZERO, &|_| {}).await.unwrap();
    let lines = reports.iter().flat_map(|report| {
        report.differences.iter().map(|(place, found)| format!("{} | {place} | {found}", report.name))
    });
    lines.collect()
}

pub(crate) async fn mend(
    world: &World,
    range: &TimeRange,
    is_dry_run: bool,
) -> Result<Repaired, RepairError> {
    mend_by(world, &world.clickhouse.url, range, is_dry_run).await
}

/// Repairs through another address of ClickHouse.
pub(crate) async fn mend_by(
    world: &World,
    url: &str,
    range: &TimeRange,
    is_dry_run: bool,
) -> Result<Repaired, RepairError> {
    let store = Store::new(&ClickhouseConfig { url: url.to_owned(), ..world.clickhouse.clone() });
    let postgres_url = Secret::new(world.postgres_url.clone());
    let directory = DirectoryConfig { postgres_url, file: PathBuf::new() };
    let directory = Keeper::open(&directory, Counter::default()).unwrap();
    let enricher = Enricher::load(&DataFiles::default()).unwrap();
    let kafka = world.kafka();
    let tools = Tools { store: &store, kafka: &kafka, directory: &directory, enricher: &enricher };
    repair(tools, range, is_dry_run, &|_| {}).await
}

/// Returns everything that a repair may write to, as text.
pub(crate) async fn tables(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for (table, order) in [
        ("prospects", "prospect_id"),
        ("prospect_index", "prospect_id"),
        ("orders", "order_id"),
        ("order_contacts", "order_id"),
    ] {
        all.extend(world.texts(&format!("SELECT toString(tuple(*)) FROM {table} ORDER BY {order}")).await);
    }
    all.extend(world.texts(SUMS).await);
    all
}

/// Returns the sums, without the markers of batches.
pub(crate) const SUMS: &str = "SELECT toString((hour, user_id, team_id, campaign_id, sum(prospects), sum(bots), sum(orders), sum(sales), \
                    sum(rejected), sum(trash), sum(chargebacks), sum(rebills))) AS line FROM rollup_hourly \
                    GROUP BY hour, user_id, team_id, campaign_id HAVING sum(batches) = 0 ORDER BY line";

/// Makes Kafka drop the records before an offset, as its retention does.
pub(crate) async fn forget(world: &World, topic: &str, before: i64) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &world.brokers).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(before)).unwrap();
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)));
    admin.delete_records(&list, &options).await.unwrap();
}
