//! The subcommands, on real servers and as processes.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sluice_api::cli::demo;
use sluice_api::config::Config;
use sluice_api::db::clickhouse::admin_client;
use sluice_api::db::migrations::POSTGRES;
use sluice_api::policy::Position;
use sluice_schemas::rows::RollupHourlyRow;

use crate::events::{
    insert_index, insert_orders, insert_prospects, insert_rollup, order, park_order, prospect,
};
use crate::world::{NOW_MS, World, config};

async fn run(config: &Config, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice-api"));
    command
        .args(arguments)
        .env("SLUICE__POSTGRES__URL", config.postgres.url.expose())
        .env("SLUICE__CLICKHOUSE__URL", &config.clickhouse.url)
        .env("SLUICE__CLICKHOUSE__USER", &config.clickhouse.user)
        .env("SLUICE__CLICKHOUSE__PASSWORD", config.clickhouse.password.expose())
        .env("SLUICE__CLICKHOUSE__DATABASE", &config.clickhouse.database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let input = input.to_owned();
    let ended = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        // A child that reads nothing may have ended already.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        child.wait_with_output().unwrap()
    });
    ended.await.unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn migrate_says_what_it_did_and_two_at_once_wait_for_each_other() {
    let mut config = config().await;
    // The migration creates the ClickHouse database if it is missing.
    config.clickhouse.database = sluice_local::testing::unique_name("made");
    let (first, second) = tokio::join!(run(&config, &["migrate"], ""), run(&config, &["migrate"], ""));
    assert!(first.status.success() && second.status.success(), "{} {}", stderr(&first), stderr(&second));
    let both = stdout(&first) + &stdout(&second);
    let mut lines: Vec<&str> = both.lines().collect();
    lines.sort_unstable();
    // Whichever process comes first applies each migration, once.
    let n_applied = lines.iter().filter(|line| line.starts_with("postgres: applied ")).count();
    assert_eq!(n_applied, POSTGRES.iter().count(), "{both}");
    lines.retain(|line| !line.starts_with("postgres: applied ") || line.ends_with("0001 accounts"));
    insta::assert_snapshot!(lines.join("\n"), @"
    clickhouse: applied 0001_events
    clickhouse: applied 0002_changes
    clickhouse: applied 0003_lists
    clickhouse: applied 0004_order_dimensions
    clickhouse: applied 0005_origin_edits
    clickhouse: applied 0006_kept_tokens
    clickhouse: applied 0007_text
    clickhouse: applied 0008_markers
    clickhouse: up to date
    postgres: applied 0001 accounts
    postgres: up to date
    ");

    let client = admin_client(&config.clickhouse);
    client.query("TRUNCATE TABLE schema_migrations").execute().await.unwrap();
    let changed = "INSERT INTO schema_migrations (name, checksum) SELECT '0001_events', 'another'";
    client.query(changed).execute().await.unwrap();
    let refused = run(&config, &["migrate"], "").await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("0001_events was changed after it was applied"),
        "{}",
        stderr(&refused)
    );
}

#[tokio::test]
async fn an_owner_is_created_once() {
    let world = World::new().await;
    let config = &world.app.config;
    let made =
        run(config, &["create-owner", "--username", "boss", "--email", "b@example.com"], "secretpassword\n")
            .await;
    assert!(made.status.success(), "{}", stderr(&made));
    assert_eq!(world.login("boss", "secretpassword").await.status, 200);
    let again = run(config, &["create-owner", "--username", "BOSS"], "another password").await;
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("already exists; nothing was changed"), "{}", stderr(&again));
    assert_eq!(world.login("boss", "secretpassword").await.status, 200);
    for (arguments, input, words) in [
        (["create-owner", "--username", "other"], "", "there is no password"),
        (["create-owner", "--username", "other"], "password", "too common"),
        (["create-owner", "--username", "a b"], "secretpassword", "username: Enter a valid username"),
    ] {
        let refused = run(config, &arguments, input).await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains(words), "{}", stderr(&refused));
    }
}

#[tokio::test]
async fn a_bad_configuration_exits_64_and_names_its_key() {
    let config = Config::default();
    for (arguments, key) in
        [(["serve"], "postgres.url"), (["migrate"], "postgres.url"), (["--print-config"], "")]
    {
        let output = run(&config, &arguments, "").await;
        if key.is_empty() {
            continue;
        }
        assert_eq!(output.status.code(), Some(64));
        assert!(stderr(&output).contains(key), "{}", stderr(&output));
    }
}

#[tokio::test]
async fn the_demo_is_created_once_and_removed_completely() {
    let world = World::with_events(|_| {}).await;
    let real = world.person("real", Position::Buyer).await;
    let first = run(&world.app.config, &["demo", "create"], "").await;
    assert!(first.status.success(), "{}", stderr(&first));
    let made: Value = serde_json::from_slice(&first.stdout).unwrap();
    let users = made["users"].as_array().unwrap();
    assert_eq!((users.len(), made["team"]["name"].as_str()), (6, Some("Demo team")));
    for user in users {
        let login = world.login(user["username"].as_str().unwrap(), user["password"].as_str().unwrap()).await;
        assert_eq!(login.status, 200);
    }
    let again = run(&world.app.config, &["demo", "create"], "").await;
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert!(again["users"].as_array().unwrap().iter().all(|user| user["password"].is_null()));
    assert_eq!(again["team"], made["team"]);

    let demo_buyer = users[3]["id"].as_i64().unwrap();
    fill(&world, &[demo_buyer, real.id]).await;
    // A campaign of a demo user, and one that a demo user gave to somebody else.
    for id in [1, 2] {
        world.sql("INSERT INTO campaigns (name) VALUES ('a')").await;
        world
            .sql(&format!("INSERT INTO campaign_buyers (campaign_id, user_id) VALUES ({id}, {demo_buyer})"))
            .await;
    }
    world.sql(&format!("SELECT hand_over_campaign(2, {})", real.id)).await;
    let client = admin_client(&world.app.config.clickhouse);
    demo::remove_from(&world.app.postgres, &client).await.unwrap();
    for table in ["prospects", "prospect_index", "orders", "order_contacts", "rollup_hourly", "parked"] {
        let count = world.app.clickhouse.query(&format!("SELECT count() FROM {table}")).fetch_one::<u64>();
        assert_eq!(count.await.unwrap(), 1, "{table}");
    }
    let people: i64 =
        sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&world.app.postgres).await.unwrap();
    let teams: i64 =
        sqlx::query_scalar("SELECT count(*) FROM teams").fetch_one(&world.app.postgres).await.unwrap();
    let campaigns: Vec<i64> = sqlx::query_scalar("SELECT campaign_id FROM campaign_buyers")
        .fetch_all(&world.app.postgres)
        .await
        .unwrap();
    assert_eq!((people, teams, campaigns), (1, 0, vec![2]));
    assert!(stdout(&run(&world.app.config, &["demo", "remove"], "").await).contains("removed 0"));
    assert!(run(&world.app.config, &["demo", "create"], "").await.status.success());
}

/// Inserts an event of each kind for each of these buyers.
async fn fill(world: &World, buyers: &[i64]) {
    for (number, buyer) in (1..).zip(buyers) {
        let row = prospect(number, NOW_MS + number, *buyer);
        insert_orders(world, &[order(number, NOW_MS + number, &row)]).await;
        insert_index(world, std::slice::from_ref(&row)).await;
        insert_prospects(world, &[row]).await;
        park_order(world, number + 10, NOW_MS + number, "1", &format!("user_id={buyer}")).await;
        let hour = u32::try_from(NOW_MS / 1000).unwrap();
        let user_id = (*buyer).try_into().unwrap();
        let rollup = RollupHourlyRow { prospects: 1, orders: 1, ..RollupHourlyRow::of(hour, user_id, 0, 0) };
        insert_rollup(world, &[rollup]).await;
    }
}

#[tokio::test]
async fn a_real_user_with_a_demo_name_is_left_alone() {
    let world = World::new().await;
    world.person("Demo_Owner", Position::Buyer).await;
    let error = demo::create_in(&world.app.postgres).await.unwrap_err();
    assert!(error.to_string().contains("does not belong to the demo"), "{error}");
    assert_eq!(demo::remove_from(&world.app.postgres, &world.app.clickhouse).await.unwrap(), 0);
}
