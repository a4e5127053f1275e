//! The owner of an event: keys, campaigns, buyers and teams as of the event's time, also if they
//! appear later, and also while Postgres is away.

use sluice_local::servers::postgres::psql;
use uuid::Uuid;

use crate::harness::{Lane, NOVEMBER_MS, World};
use crate::tripwire::{Trip, Tripwire};

pub(crate) const KEY: &str = "7qk2m9xw4tbvhr32";

/// Makes a campaign of this buyer with this key.
pub(crate) async fn add_campaign(world: &World, key: &str, user_id: u64) {
    let sql = format!(
        "WITH campaign AS (INSERT INTO campaigns (name) VALUES ('test') RETURNING id),
              buyer AS (INSERT INTO campaign_buyers (campaign_id, user_id) SELECT id, {user_id} FROM campaign)
         INSERT INTO tracking_keys (key, campaign_id) SELECT '{key}', id FROM campaign"
    );
    psql(&world.postgres_url, &sql).await.unwrap();
}

async fn add_team(world: &World, name: &str, user_id: u64, from_ms: u64, to_ms: Option<u64>) {
    let to = to_ms.map_or_else(|| "NULL".to_owned(), |to_ms| format!("to_timestamp({to_ms} / 1000.0)"));
    let sql = format!(
        "WITH team AS (INSERT INTO teams (name) VALUES ('{name}') RETURNING id)
         INSERT INTO memberships (team_id, user_id, during)
         SELECT id, {user_id}, tstzrange(to_timestamp({from_ms} / 1000.0), {to}) FROM team"
    );
    psql(&world.postgres_url, &sql).await.unwrap();
}

#[tokio::test]
async fn an_event_is_its_keys_campaigns_buyers_teams_of_its_time() {
    let world = World::new(1).await;
    add_campaign(&world, KEY, 4).await;
    // The buyer changes teams exactly between the second and the third event.
    add_team(&world, "old", 4, NOVEMBER_MS + 1, Some(NOVEMBER_MS + 2)).await;
    add_team(&world, "new", 4, NOVEMBER_MS + 2, None).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let prospects: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();
    for prospect in &prospects {
        lane.prospect(*prospect, &format!("k={}&user_id=9", KEY.to_uppercase()));
    }
    lane.order(Uuid::now_v7(), &prospects[1].to_string());
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM lanes", 1).await;
    let owners: Vec<(u64, u64, u64)> = world
        .client
        .query("SELECT user_id, team_id, campaign_id FROM prospects ORDER BY time")
        .fetch_all()
        .await
        .unwrap();
    assert_eq!(owners, [(4, 0, 1), (4, 1, 1), (4, 2, 1)]);
    // An order has its prospect's owner, whatever the buyer's present team.
    let order: (u64, u64, u64) =
        world.client.query("SELECT user_id, team_id, campaign_id FROM orders").fetch_one().await.unwrap();
    assert_eq!(order, (4, 1, 1));
    world.wait_for("SELECT count() FROM rollup_hourly FINAL WHERE campaign_id = 1", 3).await;
    consumer.drain().await;
}

#[tokio::test]
async fn a_key_or_a_user_that_comes_later_brings_its_events_in() {
    let world = World::new(1).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let prospect = Uuid::now_v7();
    lane.prospect(prospect, &format!("k={KEY}"));
    lane.prospect(Uuid::now_v7(), "user_id=21");
    lane.prospect(Uuid::now_v7(), "user_id=99");
    lane.order(Uuid::now_v7(), &prospect.to_string());
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'waiting'", 4).await;
    world.wait_for("SELECT count() FROM parked WHERE reason = 'unknown_user' AND reference = '21'", 1).await;

    add_campaign(&world, KEY, 5).await;
    world.wait_for("SELECT count() FROM orders WHERE user_id = 5 AND campaign_id = 1", 1).await;
    psql(
        &world.postgres_url,
        "INSERT INTO users (username, username_key, password_hash) VALUES ('x', 'x', '')",
    )
    .await
    .unwrap();
    world.wait_for("SELECT count() FROM prospects WHERE user_id = 21", 1).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'replayed' AND payload = ''", 3).await;
    assert_eq!(world.one("SELECT count() FROM prospects").await, 2);
    world.wait_for("SELECT toUInt64(sum(prospects) * 10 + sum(orders)) FROM rollup_hourly", 21).await;

    // After a key has ended, its events are parked.
    let end = format!("UPDATE tracking_keys SET expires_at = to_timestamp({} / 1000.0)", NOVEMBER_MS + 5);
    psql(&world.postgres_url, &end).await.unwrap();
    lane.prospect(Uuid::now_v7(), &format!("k={KEY}"));
    lane.prospect(Uuid::now_v7(), &format!("k={KEY}"));
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM parked WHERE reason = 'expired_key'", 1).await;
    world.wait_for("SELECT count() FROM prospects WHERE user_id = 5", 2).await;
    consumer.drain().await;
}

#[tokio::test]
async fn what_comes_after_a_buyers_removal_is_nobodys() {
    let world = World::new(1).await;
    add_campaign(&world, KEY, 4).await;
    // The person is removed exactly between the second and the third event.
    let removed = format!(
        "UPDATE users SET is_active = false, archived_at = to_timestamp({} / 1000.0) WHERE id = 4",
        NOVEMBER_MS + 2
    );
    psql(&world.postgres_url, &removed).await.unwrap();
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    for pairs in [&format!("k={KEY}"), "user_id=4", &format!("k={KEY}"), "user_id=4"] {
        lane.prospect(Uuid::now_v7(), pairs);
    }
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM parked WHERE reason = 'unknown_user' AND state = 'waiting'", 2).await;
    assert_eq!(world.one("SELECT count() FROM prospects WHERE user_id = 4").await, 2);
    // Another buyer gets the campaign, and with it all later events.
    let handed = format!(
        "UPDATE campaign_buyers SET during = tstzrange('epoch', to_timestamp({0} / 1000.0));
         INSERT INTO campaign_buyers (campaign_id, user_id, during) VALUES (1, 5, tstzrange(to_timestamp({0} / 1000.0), NULL))",
        NOVEMBER_MS + 4
    );
    psql(&world.postgres_url, &handed).await.unwrap();
    lane.prospect(Uuid::now_v7(), &format!("k={KEY}"));
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM prospects WHERE user_id = 5", 1).await;
    assert_eq!(world.one("SELECT count() FROM parked WHERE state = 'waiting'").await, 2);
    consumer.drain().await;
}

#[tokio::test]
async fn a_visits_external_id_is_the_click_id_of_its_campaigns_source() {
    let mut world = World::new(1).await;
    add_campaign(&world, KEY, 4).await;
    let source =
        "WITH source AS (INSERT INTO sources (name, click_id_param) VALUES ('Zed', 'zclid') RETURNING id)
                  UPDATE campaigns SET source_id = (SELECT id FROM source)";
    psql(&world.postgres_url, source).await.unwrap();
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let own = Uuid::now_v7();
    lane.prospect(own, &format!("k={KEY}&pid={own}&ZCLID=Z-17&gclid=G"));
    lane.prospect(Uuid::now_v7(), &format!("k={KEY}&gclid=G-2&zclid={{zclid}}"));
    lane.prospect(Uuid::now_v7(), "user_id=4&zclid=Z-18");
    let id = Uuid::now_v7();
    lane.prospect(id, &format!("k={KEY}&pid={id}&clickid=NET-123"));
    // Parked, and replayed with the source that its campaign has then.
    lane.prospect(Uuid::now_v7(), "k=7qk2m9xw4tbvhr3f&cid=C-1&zclid=Z-19");
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM lanes", 1).await;
    let externals = "SELECT concat(external_kind, '=', external_id) FROM prospects ORDER BY time";
    assert_eq!(world.texts(externals).await, ["zclid=Z-17", "gclid=G-2", "=", "clickid=NET-123"]);

    let later = "WITH source AS (INSERT INTO sources (name, click_id_param) VALUES ('Cee', 'cid') RETURNING id),
                      campaign AS (INSERT INTO campaigns (name, source_id) SELECT 'later', id FROM source RETURNING id),
                      buyer AS (INSERT INTO campaign_buyers (campaign_id, user_id) SELECT id, 5 FROM campaign)
                 INSERT INTO tracking_keys (key, campaign_id) SELECT '7qk2m9xw4tbvhr3f', id FROM campaign";
    psql(&world.postgres_url, later).await.unwrap();
    world
        .wait_for("SELECT count() FROM prospects WHERE external_id = 'C-1' AND external_kind = 'cid'", 1)
        .await;

    // Another parameter, then none.
    psql(&world.postgres_url, "UPDATE sources SET click_id_param = 'q' WHERE name = 'Zed'").await.unwrap();
    lane.prospect(Uuid::now_v7(), &format!("k={KEY}&zclid=Z-21&q=Q-1"));
    lane.send(&world, 10, 0).await;
    world
        .wait_for("SELECT count() FROM prospects WHERE external_id = 'Q-1' AND external_kind = 'q'", 1)
        .await;
    psql(&world.postgres_url, "UPDATE campaigns SET source_id = NULL").await.unwrap();
    lane.prospect(Uuid::now_v7(), &format!("k={KEY}&q=Q-2"));
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM prospects WHERE external_id = ''", 2).await;
    consumer.drain().await;

    // A consumer that has never reached Postgres knows the source from the file.
    psql(&world.postgres_url, "UPDATE campaigns SET source_id = 1").await.unwrap();
    let consumer = world.consume();
    lane.prospect(Uuid::now_v7(), &format!("k={KEY}&q=Q-3"));
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM prospects WHERE external_id = 'Q-3'", 1).await;
    consumer.drain().await;
    world.postgres_url = "postgres://nobody@127.0.0.1:1/nothing".to_owned();
    let consumer = world.consume();
    lane.prospect(Uuid::now_v7(), &format!("k={KEY}&q=Q-4"));
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM prospects WHERE external_id = 'Q-4'", 1).await;
    consumer.drain().await;
}

/// A consumer dies after the first insert of its batch. The buyer is moved to another team for that
/// time before the next consumer computes the batch again. The rows are those of the first
/// computation, each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_batch_is_resolved_as_it_was_planned() {
    let world = World::new(1).await;
    add_team(&world, "old", 4, 0, None).await;
    let wire = Tripwire::start(&world.clickhouse.url, 1, Trip::AfterInsert).await;
    let consumer = world.consume_by(&wire.url);
    let mut lane = Lane::new(0);
    for _ in 0..30 {
        lane.prospect(Uuid::now_v7(), "user_id=4");
    }
    lane.send(&world, 10, 0).await;
    wire.tripped().await;
    drop(consumer);
    psql(&world.postgres_url, "DELETE FROM memberships").await.unwrap();
    add_team(&world, "new", 4, 0, None).await;
    let consumer = world.consume();
    world.wait_for("SELECT count() FROM lanes", 1).await;
    for table in ["prospects", "prospect_index"] {
        assert_eq!(world.one(&format!("SELECT count() FROM {table} WHERE team_id = 1")).await, 30, "{table}");
        assert_eq!(world.one(&format!("SELECT count() FROM {table}")).await, 30, "{table}");
    }
    lane.prospect(Uuid::now_v7(), "user_id=4");
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM prospects WHERE team_id = 2", 1).await;
    world.wait_for("SELECT toUInt64(sum(prospects)) FROM rollup_hourly WHERE team_id = 1", 30).await;
    consumer.drain().await;
}

#[tokio::test]
async fn without_postgres_the_last_directory_goes_on() {
    let mut world = World::new(1).await;
    add_campaign(&world, KEY, 4).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    lane.prospect(Uuid::now_v7(), &format!("k={KEY}"));
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM prospects WHERE user_id = 4", 1).await;
    consumer.drain().await;

    // A consumer that has never reached Postgres: nobody listens on port 1.
    world.postgres_url = "postgres://nobody@127.0.0.1:1/nothing".to_owned();
    let consumer = world.consume();
    lane.prospect(Uuid::now_v7(), &format!("k={KEY}"));
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM prospects WHERE user_id = 4 AND campaign_id = 1", 2).await;
    consumer.drain().await;
}
