//! Rows that one table has lost are found in their time range, and mended from the other tables.

use std::process::Command;
use std::time::Duration;

use sluice_consumer::verify::range::TimeRange;
use sluice_consumer::verify::repair::Repaired;
use sluice_consumer::verify::stopped::RepairError;
use uuid::Uuid;

use crate::changes::{assert_no_difference, order_id};
use crate::damage::{SUMS, differences, hours, mend, run, stored_and_stopped, tables};
use crate::doubt::set_offset;
use crate::harness::{Lane, World};
use crate::tripwire::{Trip, Tripwire};

const TABLES: [&str; 5] = ["prospects", "prospect_index", "orders", "order_contacts", "rollup_hourly"];

#[tokio::test]
async fn every_loss_is_found_in_its_range_and_not_outside() {
    let of_buyer = |table: &str| format!("ALTER TABLE {table} DELETE WHERE user_id = 2");
    let damages = [
        (of_buyer("prospects"), "prospect_index has it, prospects lacks it"),
        (of_buyer("prospects"), "rows have [0,0], rollup_hourly has [2,0]"),
        (of_buyer("prospect_index"), "prospects has it, prospect_index lacks it"),
        (of_buyer("rollup_hourly"), "rows have [2,0], rollup_hourly has [0,0]"),
        ("INSERT INTO prospects SELECT * FROM prospects WHERE user_id = 5".to_owned(), "prospects has it 2 times"),
        (
            "INSERT INTO prospect_index SELECT * FROM prospect_index WHERE user_id = 5".to_owned(),
            "prospects has it 1 times, prospect_index 2 times",
        ),
        (
            "ALTER TABLE prospect_index UPDATE user_id = 4 WHERE user_id = 5".to_owned(),
            "prospects and prospect_index give it different owners",
        ),
        (
            "ALTER TABLE orders DELETE WHERE user_id = 5".to_owned(),
            "order_contacts has it, orders lacks it",
        ),
        ("ALTER TABLE orders DELETE WHERE user_id = 5".to_owned(), "rows have [0,0,0,0,0,0], rollup_hourly has [1,0,"),
        ("INSERT INTO orders SELECT * FROM orders WHERE user_id = 5".to_owned(), "orders has it 2 times"),
        ("ALTER TABLE orders UPDATE country = 'XX' WHERE user_id = 5".to_owned(), "its prospect has not"),
        (
            "ALTER TABLE order_contacts DELETE WHERE order_id IN (SELECT order_id FROM orders WHERE user_id = 5)".to_owned(),
            "order_contacts lacks it, and nobody erased or deleted it",
        ),
        (
            "INSERT INTO order_contacts SELECT * FROM order_contacts".to_owned(),
            "order_contacts has it 2 times",
        ),
        (
            "ALTER TABLE orders DELETE WHERE order_id IN (SELECT event_id FROM parked_log)".to_owned(),
            "orders lacks it, parked_log calls it replayed",
        ),
        (
            "INSERT INTO rollup_hourly (hour, user_id, team_id, campaign_id, sales) \
             SELECT hour, user_id, team_id, campaign_id, 1 FROM rollup_hourly WHERE user_id = 5 LIMIT 1".to_owned(),
            "rows have [1,0,0,0,0,0], rollup_hourly has [1,1,0,0,0,0] (orders, sales,",
        ),
    ];
    let world = stored_and_stopped().await;
    for table in TABLES {
        run(&world, &format!("CREATE TABLE {table}_before AS {table}")).await;
        run(&world, &format!("INSERT INTO {table}_before SELECT * FROM {table}")).await;
    }
    for (damage, expected) in damages {
        run(&world, &damage).await;
        for range in [TimeRange::default(), hours(0, 1), hours(-1, 2)] {
            let found = differences(&world, &range).await;
            assert!(found.iter().any(|line| line.contains(expected)), "{damage} {range:?}: {found:?}");
        }
        for range in [hours(-1, 0), hours(1, 2)] {
            assert_eq!(differences(&world, &range).await, [""; 0], "{damage}");
        }
        for table in TABLES {
            run(&world, &format!("TRUNCATE TABLE {table}")).await;
            run(&world, &format!("INSERT INTO {table} SELECT * FROM {table}_before")).await;
        }
        assert_eq!(differences(&world, &TimeRange::default()).await, [""; 0], "after {damage}");
    }
}

#[tokio::test]
async fn outcomes_are_compared_with_ordinals() {
    let world = stored_and_stopped().await;
    run(&world, "INSERT INTO outcomes SELECT * FROM outcomes WHERE outcome = 'parked'").await;
    let [found] = &differences(&world, &TimeRange::default()).await[..] else { panic!() };
    assert!(found.ends_with("20 outcomes of 18 ordinals: some were counted twice"), "{found}");
    assert_eq!(differences(&world, &hours(0, 1)).await, [""; 0]);
    run(&world, "ALTER TABLE outcomes DELETE WHERE outcome = 'parked'").await;
    let [found] = &differences(&world, &TimeRange::default()).await[..] else { panic!() };
    assert!(
        found.ends_with("16 outcomes of 18 ordinals: outcomes were lost, or events never came"),
        "{found}"
    );
}

#[tokio::test]
async fn sums_and_the_index_are_rebuilt_from_rows() {
    let world = stored_and_stopped().await;
    let before = tables(&world).await;
    run(&world, "ALTER TABLE prospect_index DELETE WHERE user_id IN (1, 2)").await;
    run(&world, "ALTER TABLE rollup_hourly DELETE WHERE user_id IN (2, 3)").await;
    run(&world, "INSERT INTO rollup_hourly SELECT * FROM rollup_hourly WHERE user_id = 1").await;
    let damaged = tables(&world).await;

    assert_eq!(mend(&world, &hours(1, 2), false).await.unwrap(), Repaired::default());
    let dry = mend(&world, &TimeRange::default(), true).await.unwrap();
    assert_eq!((dry.n_rows["prospect_index"], dry.n_rows["rollup_hourly"]), (5, 3), "{dry:?}");
    assert!(
        dry.lines.iter().any(|line| line.ends_with("buyer 2 team 0 campaign 0: prospects +2 orders +1")),
        "{dry:?}"
    );
    assert_eq!(tables(&world).await, damaged);

    assert_eq!(mend(&world, &hours(0, 1), false).await.unwrap(), dry);
    assert_eq!(tables(&world).await, before);
    assert_no_difference(&world).await;
    // The same loss once more: no token of the first repair stands in the way of the second.
    run(&world, "ALTER TABLE prospect_index DELETE WHERE user_id IN (1, 2)").await;
    run(&world, "ALTER TABLE rollup_hourly DELETE WHERE user_id IN (2, 3)").await;
    mend(&world, &TimeRange::default(), false).await.unwrap();
    assert_eq!(tables(&world).await, before);
    assert_eq!(mend(&world, &TimeRange::default(), false).await.unwrap(), Repaired::default());
}

/// Rows that are there twice are no reason to count them twice.
#[tokio::test]
async fn the_sums_of_rows_that_are_stored_twice_are_left_alone() {
    for table in ["prospects", "orders"] {
        let world = stored_and_stopped().await;
        let before = world.texts(SUMS).await;
        run(&world, &format!("INSERT INTO {table} SELECT * FROM {table} WHERE user_id = 5")).await;
        let repaired = mend(&world, &TimeRange::default(), false).await.unwrap();
        assert_eq!((repaired.n_rows.len(), repaired.left_alone.len()), (0, 1), "{table}");
        assert_eq!(world.texts(SUMS).await, before, "{table}");
    }
}

#[tokio::test]
async fn a_repair_beside_a_consumer_is_refused() {
    let world = stored_and_stopped().await;
    let consumer = world.consume();
    world.wait_for("SELECT count() FROM parked WHERE state = 'waiting'", 1).await;
    while !consumer.readiness.is_ready() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let refused = mend(&world, &TimeRange::default(), false).await.unwrap_err();
    assert!(matches!(refused, RepairError::Running { n_members: 1, .. }), "{refused}");
    assert!(refused.to_string().contains("stop every sluice-consumer"), "{refused}");
    consumer.drain().await;
    mend(&world, &TimeRange::default(), false).await.unwrap();
}

/// A batch, or a replay, that a dead consumer has begun: its rows may be there and its sums not
/// yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_of_what_is_half_done_is_refused() {
    // Inserts of the prospect's batch: two of rows, the sums, the outcomes and the lanes. Then the
    // replay's verdict.
    for (n_inserts, part) in [(1, "has a batch that was begun"), (6, "has a replay that was begun")] {
        let world = World::new(1).await;
        let mut lane = Lane::new(0);
        let (consumer, prospect) = (world.consume(), Uuid::now_v7());
        lane.order(order_id(), &prospect.to_string());
        lane.send(&world, 10, 0).await;
        world.wait_for("SELECT count() FROM parked WHERE state = 'waiting'", 1).await;
        consumer.drain().await;
        let wire = Tripwire::start(&world.clickhouse.url, n_inserts, Trip::BeforeInsert).await;
        let consumer = world.consume_by(&wire.url);
        lane.prospect(prospect, "user_id=3");
        lane.send(&world, 10, 0).await;
        wire.tripped().await;
        drop(consumer);
        let refused = mend(&world, &TimeRange::default(), false).await.unwrap_err().to_string();
        assert!(refused.contains(part) && refused.contains("start sluice-consumer"), "{refused}");

        let consumer = world.consume();
        world.wait_for("SELECT count() FROM lanes WHERE startsWith(lane, 'replay/')", 1).await;
        consumer.drain().await;
        assert_eq!(mend(&world, &TimeRange::default(), false).await.unwrap(), Repaired::default());
        assert_no_difference(&world).await;
    }
}

/// The offset was set with Kafka's tools: a plan may be lost with it.
#[tokio::test]
async fn a_repair_of_what_may_be_half_done_is_refused() {
    let world = stored_and_stopped().await;
    set_offset(&world, 1).await;
    let refused = mend(&world, &TimeRange::default(), false).await.unwrap_err();
    assert!(matches!(refused, RepairError::Doubted { partition: 0, .. }), "{refused}");
    let consumer = world.consume();
    let prospect = Uuid::now_v7();
    let mut lane = Lane::new(0);
    lane.prospect(prospect, "user_id=3");
    lane.send(&world, 10, 0).await;
    world.wait_for(&format!("SELECT count() FROM prospects WHERE prospect_id = '{prospect}'"), 1).await;
    consumer.drain().await;
    assert_eq!(mend(&world, &TimeRange::default(), false).await.unwrap(), Repaired::default());
    assert_no_difference(&world).await;
}

/// The program itself: what it prints, and how it ends.
#[tokio::test]
async fn the_program_says_what_differs_and_what_it_mended() {
    let world = stored_and_stopped().await;
    run(&world, "ALTER TABLE rollup_hourly DELETE WHERE user_id = 2").await;
    let program = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sluice-consumer"))
            .arg("verify")
            .args(args)
            .env("SLUICE__KAFKA__BROKERS", &world.brokers)
            .env("SLUICE__KAFKA__TOPIC", &world.topic)
            .env("SLUICE__KAFKA__CHANGES_TOPIC", &world.changes_topic)
            .env("SLUICE__KAFKA__GROUP", &world.group)
            .env("SLUICE__CLICKHOUSE__URL", &world.clickhouse.url)
            .env("SLUICE__CLICKHOUSE__DATABASE", &world.clickhouse.database)
            .env("SLUICE__CLICKHOUSE__USER", &world.clickhouse.user)
            .env("SLUICE__CLICKHOUSE__PASSWORD", world.clickhouse.password.expose())
            .env("SLUICE__DIRECTORY__POSTGRES_URL", &world.postgres_url)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, out, err) = program(&["--from", "2026-11-01", "--to", "2026-11-01T01:00:00Z"]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("rows have [2,0], rollup_hourly has [0,0]"), "{out}");
    assert!(err.contains("check 1 of"), "{err}");
    assert_eq!(program(&["--from", "2026-11-02"]).0, Some(0));
    for (args, code, part) in [
        (&["--from", "noon"][..], 2, "expected a date"),
        (&["--to", "2026-11-01T00:30:00Z"], 2, "whole hour"),
        (&["--from", "2026-11-02", "--to", "2026-11-01"], 64, "--from must be before --to"),
        (&["--dry-run"], 2, "--repair"),
    ] {
        let (found, _, err) = program(args);
        assert!(found == Some(code) && err.contains(part), "{args:?}: {found:?} {err}");
    }
    let (code, out, _) = program(&["--repair", "--dry-run"]);
    assert!(code == Some(1) && out.contains("would write 1 rows to rollup_hourly"), "{out}");
    let (code, out, err) = program(&["--repair"]);
    assert!(code == Some(0) && out.starts_with("wrote 1 rows to rollup_hourly"), "{out}{err}");
    assert!(err.contains("sums of day 1 of 1: nothing so far"), "{err}");
}
