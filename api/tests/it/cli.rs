//! The subcommands, on real servers and as processes.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use sluice_api::cli::demo;
use sluice_api::config::Config;
use sluice_api::db::clickhouse::admin_client;
use sluice_api::db::demo::PAGE;
use sluice_api::db::migrations::POSTGRES;
use sluice_api::db::users;
use sluice_api::policy::Position;
use sluice_runtime::clock::Clock;
use sluice_schemas::rows::{OrderStatusRow, RollupHourlyRow};
use sluice_schemas::tracking_key;
use uuid::Uuid;

use crate::events::{
    insert_index, insert_orders, insert_prospects, insert_rollup, order, order_id, park_order, park_order_on,
    prospect,
};
use crate::world::{NOW_MS, PASSWORD, Person, World, config};

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
    clickhouse: applied 0009_parked_decisions
    clickhouse: applied 0010_writers
    clickhouse: applied 0011_rules
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
async fn migrate_folds_the_usernames_of_earlier_versions() {
    let world = World::new().await;
    world.person("sam", Position::Buyer).await;
    for (username, key, end) in [
        ("ſam", "ſam", "NULL"),
        ("Straße", "straße", "NULL"),
        ("ＭＡＸ", "ｍａｘ", "NULL"),
        ("ſam", "ſam#5", "now()"),
    ] {
        world
            .sql(&format!(
                "INSERT INTO users (username, username_key, password_hash, archived_at, is_active)
                 SELECT '{username}', '{key}', password_hash, {end}, {end} IS NULL FROM users WHERE username = 'sam'"
            ))
            .await;
    }
    let migrated = run(&world.app.config, &["migrate"], "").await;
    assert!(migrated.status.success(), "{}", stderr(&migrated));
    let warned = "postgres: the username ſam looks like another one; an Owner should change it";
    assert_eq!(stdout(&migrated).matches(warned).count(), 1, "{}", stdout(&migrated));
    let keys: Vec<String> = sqlx::query_scalar("SELECT username_key FROM users ORDER BY id")
        .fetch_all(&world.app.postgres)
        .await
        .unwrap();
    assert_eq!(keys, ["sam", "ſam", "strasse", "max", "sam#5"]);
    // Nobody is locked out: the name as it is written comes first.
    let id = async |name: &str| users::find_login(&world.app.postgres, name).await.unwrap().unwrap().id;
    assert_eq!((id("sam").await, id("ſam").await, id("SAM").await), (1, 2, 1));
    assert_eq!((id("STRASSE").await, id("max").await, id("ＭＡＸ").await), (3, 4, 4));
    assert_eq!(world.login("ſam", PASSWORD).await.status, 200);
    let again = run(&world.app.config, &["migrate"], "").await;
    assert_eq!(stdout(&again).matches("looks like another").count(), 1, "{}", stdout(&again));
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

/// Tables of Postgres that hold the demo, besides those of logins.
const DEMO_TABLES: [&str; 17] = [
    "users",
    "teams",
    "memberships",
    "sources",
    "partners",
    "campaigns",
    "campaign_buyers",
    "campaign_payouts",
    "tracking_keys",
    "fund_accounts",
    "fund_account_buyers",
    "fund_rates",
    "fund_budgets",
    "fund_requests",
    "ledger_accounts",
    "ledger_entries",
    "ledger_postings",
];

async fn row_counts(world: &World) -> Vec<(&'static str, i64)> {
    let mut counts = Vec::new();
    for table in DEMO_TABLES {
        counts.push((table, world.sql_number(&format!("SELECT count(*) FROM {table}")).await));
    }
    counts
}

/// Runs `demo create` and returns what it printed.
async fn create_demo(world: &World) -> Value {
    let output = run(&world.app.config, &["demo", "create"], "").await;
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn the_demo_is_created_once_and_fills_every_page() {
    let world = World::new().await;
    let made = create_demo(&world).await;
    let users = made["users"].as_array().unwrap();
    for user in users {
        let login = world.login(user["username"].as_str().unwrap(), user["password"].as_str().unwrap()).await;
        assert_eq!(login.status == 200, user["is_active"] == true, "{user}");
    }
    let teams: Vec<_> = made["teams"].as_array().unwrap().iter().map(|team| team["name"].as_str()).collect();
    assert_eq!((users.len(), teams), (10, vec![Some("Demo team"), Some("Demo team North")]));
    assert_eq!(users.iter().filter(|user| user["is_active"] == false).count(), 1);
    let campaigns = made["campaigns"].as_array().unwrap();
    let buyers: BTreeSet<_> = campaigns.iter().map(|campaign| campaign["user_id"].as_i64()).collect();
    assert_eq!((campaigns.len(), buyers.len()), (10, 5));
    assert_eq!(PAGE, sluice_local::demo::visits::PAGE);
    for campaign in campaigns {
        assert!(tracking_key::is_well_formed(campaign["key"].as_str().unwrap().as_bytes()), "{campaign}");
        assert!(campaign["source"].as_str().unwrap().ends_with(" (demo)"), "{campaign}");
        assert!(!campaign["macros"].as_object().unwrap().is_empty(), "{campaign}");
    }
    let statuses = "SELECT count(DISTINCT status) FROM fund_requests";
    assert_eq!(world.sql_number(statuses).await, 5, "a request at each stage");
    assert_eq!(world.sql_number("SELECT count(DISTINCT kind) FROM ledger_entries").await, 4);
    let days = "SELECT max(day) - min(day) FROM ledger_entries";
    assert_eq!(world.sql_number(&format!("SELECT ({days})::bigint")).await, 29);
    for table in ["fund_accounts", "ledger_accounts", "sources", "partners", "campaigns", "fund_rates"] {
        let real = format!("SELECT count(*) FROM {table} WHERE NOT is_demo");
        assert_eq!(world.sql_number(&real).await, 0, "{table}");
    }
    assert_eq!(world.sql_number("SELECT count(*) FROM token_families WHERE revoked_at IS NULL").await, 9);

    let before = row_counts(&world).await;
    let again = create_demo(&world).await;
    assert!(again["users"].as_array().unwrap().iter().all(|user| user["password"].is_null()));
    assert_eq!((&again["teams"], &again["campaigns"]), (&made["teams"], &made["campaigns"]));
    assert_eq!(row_counts(&world).await, before);
}

#[tokio::test]
async fn one_demo_account_runs_out_within_its_threshold() {
    let world = World::new().await;
    create_demo(&world).await;
    // The days of the demo end at the time of the command, not of the world.
    world.clock.advance(Duration::from_millis(Clock::System.now_ms().saturating_sub(NOW_MS)));
    let owner = world.person("olga", Position::Owner).await;
    let balances = world.get_as("/api/funds/balances/list/", &owner).await.json();
    let low = balances.as_array().unwrap().iter().filter(|balance| balance["is_low"] == true);
    assert_eq!(low.count(), 1, "{balances}");
}

#[tokio::test]
async fn the_demo_is_removed_completely_and_real_data_stay() {
    let world = World::with_events(|_| {}).await;
    let real = world.person("real", Position::Buyer).await;
    let owner = world.person("olga", Position::Owner).await;
    let account = json!({"name": "Real", "user_id": real.id, "currency": "USD"});
    let account = world.post_json("/api/funds/accounts/create/", &account, Some(&owner)).await.json();
    let top_up = json!({"kind": "top_up", "account_id": account["id"], "amount": "100.00"});
    let made = world.post_json("/api/funds/transfers/create/", &top_up, Some(&owner)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let before = row_counts(&world).await;

    let made = create_demo(&world).await;
    let demo_buyer = made["users"][3]["id"].as_i64().unwrap();
    fill(&world, &[demo_buyer, real.id]).await;
    // Parked with a key of the demo, and on its page.
    let key = made["campaigns"][1]["key"].as_str().unwrap();
    park_order(&world, 21, NOW_MS, "1", &format!("k={key}")).await;
    park_order_on(&world, 22, NOW_MS, PAGE).await;
    // Real money cannot come into the books of the demo, nor the other way round.
    let path = format!("/api/funds/accounts/update/{}/", account["id"]);
    let given = world.call("PATCH", &path, &json!({"user_id": demo_buyer}), &owner, "").await;
    assert_eq!(given.status, 400, "{}", given.text);
    refer_to_demo(&world, &real, demo_buyer, made["campaigns"][0]["id"].as_i64().unwrap()).await;
    // The demo's coordinator records real money: the line stays, and so does whoever recorded it.
    let login = world.login("demo_funds", made["users"][1]["password"].as_str().unwrap()).await.json();
    let coordinator = Person {
        id: made["users"][1]["id"].as_i64().unwrap(),
        token: login["access_token"].as_str().unwrap().to_owned(),
    };
    assert_eq!(
        world.post_json("/api/funds/transfers/create/", &top_up, Some(&coordinator)).await.status,
        201
    );

    let client = admin_client(&world.app.config.clickhouse);
    assert_eq!(demo::remove_from(&world.app.postgres, &client).await.unwrap(), 10);
    for table in
        ["prospects", "prospect_index", "orders", "order_contacts", "order_status", "rollup_hourly", "parked"]
    {
        let count = world.app.clickhouse.query(&format!("SELECT count() FROM {table}")).fetch_one::<u64>();
        assert_eq!(count.await.unwrap(), 1, "{table}");
    }
    let after = row_counts(&world).await;
    let more: Vec<_> = after
        .iter()
        .zip(&before)
        .filter(|(after, before)| after != before)
        .map(|((table, after), (_, before))| (*table, after - before))
        .collect();
    // The coordinator, the two campaigns of the real buyer and what they refer to, and the top-up.
    let expected = [
        ("users", 1),
        ("sources", 1),
        ("partners", 1),
        ("campaigns", 2),
        ("campaign_buyers", 2),
        ("campaign_payouts", 2),
        ("tracking_keys", 1),
        ("ledger_entries", 1),
        ("ledger_postings", 2),
    ];
    assert_eq!(more, expected);
    assert_eq!(world.sql_number("SELECT count(*) FROM sources WHERE archived_at IS NULL").await, 0);
    assert_eq!(world.get_as("/api/users/list/", &coordinator).await.status, 401);
    let campaigns = world.sql_number("SELECT count(*) FROM campaigns WHERE is_demo").await;
    assert_eq!(campaigns, 0, "the campaign that was handed over is a real one now");
    let balance = "SELECT balance_minor FROM ledger_accounts WHERE kind = 'bank'";
    assert_eq!(world.sql_number(balance).await, -20_000);
    let postings = "SELECT sum(amount_minor)::bigint FROM ledger_postings";
    assert_eq!(world.sql_number(postings).await, 0);

    assert!(stdout(&run(&world.app.config, &["demo", "remove"], "").await).contains("removed 0"));
    create_demo(&world).await;
}

#[tokio::test]
async fn only_the_ledger_of_the_demo_can_be_deleted() {
    let world = World::new().await;
    create_demo(&world).await;
    let real = world.person("real", Position::Buyer).await;
    let owner = world.person("olga", Position::Owner).await;
    let account = json!({"name": "Real", "user_id": real.id, "currency": "USD"});
    let account = world.post_json("/api/funds/accounts/create/", &account, Some(&owner)).await.json();
    let top_up = json!({"kind": "top_up", "account_id": account["id"], "amount": "100.00"});
    assert_eq!(world.post_json("/api/funds/transfers/create/", &top_up, Some(&owner)).await.status, 201);
    for (statement, words) in [
        ("DELETE FROM ledger_postings", "ledger_postings is append-only"),
        ("DELETE FROM ledger_entries", "ledger_entries is append-only"),
        ("DELETE FROM ledger_accounts", "ledger_accounts is append-only"),
        ("UPDATE fund_accounts SET is_demo = true", "fund_accounts is append-only"),
        ("UPDATE ledger_accounts SET is_demo = true", "ledger_accounts is append-only"),
        ("UPDATE ledger_entries SET note = ''", "ledger_entries is append-only"),
    ] {
        let error =
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&world.app.postgres).await.unwrap_err();
        assert!(error.to_string().contains(words), "{statement}: {error}");
    }
}

/// Creates a real campaign with a source of the demo, and gives a campaign of the demo to a real
/// buyer.
async fn refer_to_demo(world: &World, real: &Person, demo_buyer: i64, handed: i64) {
    let buyer = format!("SELECT user_id FROM campaign_buyers WHERE campaign_id = {handed}");
    assert_eq!(world.sql_number(&buyer).await, demo_buyer);
    world.sql("INSERT INTO campaigns (name, source_id) SELECT 'real', min(id) FROM sources").await;
    let campaign = world.sql_number("SELECT max(id) FROM campaigns").await;
    let insert = "INSERT INTO campaign_buyers (campaign_id, user_id) VALUES";
    world.sql(&format!("{insert} ({campaign}, {})", real.id)).await;
    world.sql(&format!("SELECT hand_over_campaign({handed}, {})", real.id)).await;
}

/// Inserts an event of each kind for each of these buyers.
async fn fill(world: &World, buyers: &[i64]) {
    for (number, buyer) in (1..).zip(buyers) {
        let row = prospect(number, NOW_MS + number, *buyer);
        insert_orders(world, &[order(number, NOW_MS + number, &row)]).await;
        insert_index(world, std::slice::from_ref(&row)).await;
        insert_prospects(world, &[row]).await;
        park_order(world, number + 10, NOW_MS + number, "1", &format!("user_id={buyer}")).await;
        let status = OrderStatusRow {
            order_id: order_id(number, NOW_MS + number),
            time: (NOW_MS + number).try_into().unwrap(),
            status: "sale".to_owned(),
            status_text: String::new(),
            reason: String::new(),
            actor_id: 0,
            change_id: Uuid::nil(),
        };
        let mut insert = world.events().insert::<OrderStatusRow>("order_status").await.unwrap();
        insert.write(&status).await.unwrap();
        insert.end().await.unwrap();
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
    let error = demo::create_in(&world.app.config).await.unwrap_err();
    assert!(error.to_string().contains("does not belong to the demo"), "{error}");
    assert_eq!(demo::remove_from(&world.app.postgres, &world.app.clickhouse).await.unwrap(), 0);
}
