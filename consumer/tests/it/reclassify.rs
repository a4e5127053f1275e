//! Stored visits are classified again with other data sets: visits, orders and sums.

use std::path::PathBuf;

use prometheus_client::metrics::counter::Counter;
use sluice_consumer::config::DirectoryConfig;
use sluice_consumer::directory::keeper::Keeper;
use sluice_consumer::enrich::Enricher;
use sluice_consumer::enrich::data::DataFiles;
use sluice_consumer::store::Store;
use sluice_consumer::verify::range::TimeRange;
use sluice_consumer::verify::reclassify::reclassify;
use sluice_consumer::verify::repair::{Repaired, Tools};
use sluice_consumer::verify::stopped::RepairError;
use sluice_runtime::config::Secret;
use uuid::Uuid;

use crate::changes::{assert_no_difference, order_id};
use crate::damage::{hours, run};
use crate::harness::{Lane, World};

async fn again(
    world: &World,
    files: &DataFiles,
    range: TimeRange,
    is_dry_run: bool,
) -> Result<Repaired, RepairError> {
    let store = Store::new(&world.clickhouse);
    let postgres_url = Secret::new(world.postgres_url.clone());
    let directory = DirectoryConfig { postgres_url, file: PathBuf::new() };
    let directory = Keeper::open(&directory, Counter::default()).unwrap();
    let (enricher, kafka) = (Enricher::load(files).unwrap(), world.kafka());
    let tools = Tools { store: &store, kafka: &kafka, directory: &directory, enricher: &enricher };
    reclassify(tools, &range, is_dry_run, &|_| {}).await
}

#[tokio::test]
async fn visits_orders_and_sums_follow_the_new_rules() {
    let world = World::new(1).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let (visit, bot) = (Uuid::now_v7(), Uuid::now_v7());
    lane.prospect(visit, "user_id=3");
    lane.order(order_id(), &visit.to_string());
    lane.order(order_id(), &visit.to_string());
    lane.prospect(bot, "user_id=3");
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM orders", 2).await;
    consumer.drain().await;
    // One visit was a bot when it was stored, by the rules of that time.
    let of = format!("prospect_id = '{bot}'");
    run(&world, &format!("ALTER TABLE prospects UPDATE bot = 'user_agent', rules = '' WHERE {of}")).await;
    run(&world, "INSERT INTO rollup_hourly (hour, user_id, team_id, campaign_id, bots) \
                 SELECT hour, user_id, team_id, campaign_id, 1 FROM rollup_hourly WHERE prospects > 0 LIMIT 1").await;
    assert_no_difference(&world).await;

    // Chrome has another name now, and the addresses a country.
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("agents.json");
    let parser = r#"{"regex": "Chrome/", "family_replacement": "Renamed"}"#;
    let text = format!(
        r#"{{"version": "2", "built_s": 1790000000, "user_agent_parsers": [{parser}], "os_parsers": []}}"#
    );
    std::fs::write(&rules, text).unwrap();
    let countries = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/tests/maxmind.mmdb"));
    let files = DataFiles { agents: rules, countries, ..DataFiles::default() };

    let would = again(&world, &files, hours(0, 24), true).await.unwrap();
    assert_eq!(would.n_rows.get("prospects"), Some(&2));
    assert_eq!(world.one("SELECT count() FROM prospects WHERE browser = 'Renamed'").await, 0);
    // Outside of the range nothing happens.
    assert!(again(&world, &files, hours(48, 72), false).await.unwrap().n_rows.is_empty());
    assert_eq!(world.one("SELECT count() FROM prospects WHERE browser = 'Renamed'").await, 0);

    let done = again(&world, &files, hours(0, 24), false).await.unwrap();
    let expected = [("orders", 2), ("prospects", 2), ("rollup_hourly", 1)];
    assert_eq!(done.n_rows.into_iter().collect::<Vec<_>>(), expected);
    let facts = "SELECT concat(country, '|', device, '|', os, '|', browser, '|', bot) FROM";
    assert_eq!(world.texts(&format!("{facts} prospects")).await, ["US|other||Renamed|"; 2]);
    assert_eq!(world.texts(&format!("{facts} orders")).await, ["US|other||Renamed|"; 2]);
    assert_eq!(
        world
            .one("SELECT countIf(rules LIKE 'agents 2, %, countries GeoLite2-Country%') FROM prospects")
            .await,
        2
    );
    assert_eq!(world.one("SELECT toUInt64(sum(bots)) FROM rollup_hourly").await, 0);
    assert_no_difference(&world).await;

    // Again: nothing is left to do. Nothing of the command's own tables stays.
    assert!(again(&world, &files, hours(0, 24), false).await.unwrap().n_rows.is_empty());
    let left = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND engine = 'Join'";
    assert_eq!(world.one(left).await, 0);

    // A run that was killed after the visits: the next one mends orders and sums.
    run(&world, "ALTER TABLE orders UPDATE browser = 'Old', country = '' WHERE true").await;
    let done = again(&world, &files, hours(0, 24), false).await.unwrap();
    assert_eq!(done.n_rows.into_iter().collect::<Vec<_>>(), [("orders", 2)]);
    assert_no_difference(&world).await;
}

#[tokio::test]
async fn a_running_consumer_forbids_it() {
    let world = World::new(1).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    lane.prospect(Uuid::now_v7(), "user_id=3");
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM prospects", 1).await;
    let error = again(&world, &DataFiles::default(), hours(0, 24), false).await.unwrap_err();
    assert!(matches!(error, RepairError::Running { .. }), "{error}");
    consumer.drain().await;
}
