//! The effect of migrations on stored rows.

use std::time::{Duration, Instant};

use sluice_schemas::migrations::CLICKHOUSE;
use uuid::Uuid;

use crate::changes::order_id;
use crate::harness::World;

/// A migration copies the dimensions of prospects to orders that were stored without them. It may
/// be interrupted anywhere. Orders of a deleted prospect keep none.
#[tokio::test]
async fn stored_orders_are_given_their_prospects_dimensions() {
    let world = World::new(1).await;
    let statements: Vec<String> = CLICKHOUSE[3].statements().collect();
    for n_done in 0..=statements.len() {
        let prospect = Uuid::now_v7();
        for table in ["prospects", "prospect_index"] {
            let insert = format!(
                "INSERT INTO {table} (prospect_id, time, user_id{}",
                if table == "prospects" {
                    format!(
                        ", country, device, os, browser, bot) VALUES ('{prospect}', 1, 3, 'UA', 'mobile', 'iPhone', 'Safari', 'b')"
                    )
                } else {
                    format!(") VALUES ('{prospect}', 1, 3)")
                }
            );
            world.client.query(&insert).execute().await.unwrap();
        }
        for (order, of) in [(order_id(), prospect), (order_id(), Uuid::now_v7())] {
            let insert = format!(
                "INSERT INTO orders (order_id, prospect_id, time, user_id) VALUES ('{order}', '{of}', 2, 3)"
            );
            world.client.query(&insert).execute().await.unwrap();
        }
        for statement in statements[..n_done].iter().chain(&statements) {
            world.client.query_raw(statement).execute().await.unwrap();
        }
        let n_given = "SELECT count() FROM orders WHERE (country, device, os, browser, bot) = ('UA', 'mobile', 'iPhone', 'Safari', 'b')";
        assert_eq!(world.one(n_given).await, n_done as u64 + 1);
        assert_eq!(world.one("SELECT count() FROM orders WHERE device = ''").await, n_done as u64 + 1);
    }
    let report = world
        .texts("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'Join'")
        .await;
    assert_eq!(report, [""; 0]);
}

/// Every row of an insert is deleted, and ClickHouse removes the empty part at a time of its
/// choice, within a minute. A repetition of the insert is still recognised afterwards.
#[tokio::test]
async fn a_deletion_of_all_that_was_inserted_leaves_its_token() {
    const TABLES: [(&str, &str); 5] = [
        ("prospects", "prospect_id"),
        ("prospect_index", "prospect_id"),
        ("orders", "order_id"),
        ("order_contacts", "order_id"),
        ("parked_log", "event_id"),
    ];
    const PATIENCE: Duration = Duration::from_secs(180);
    let world = World::new(1).await;
    let client = world.client.clone().with_setting("mutations_sync", "2");
    let client = client.with_setting("insert_deduplication_token", "once").with_setting("async_insert", "0");
    let id = Uuid::now_v7();
    let insert = async || {
        for (table, column) in TABLES {
            client
                .query_raw(&format!("INSERT INTO {table} ({column}) VALUES ('{id}')"))
                .execute()
                .await
                .unwrap();
        }
    };
    let n_rows = async || {
        let mut n_rows = 0;
        for (table, _) in TABLES {
            n_rows += world.one(&format!("SELECT count() FROM {table}")).await;
        }
        n_rows
    };
    insert().await;
    insert().await;
    assert_eq!(n_rows().await, 5);
    for (table, column) in TABLES {
        client
            .query_raw(&format!("ALTER TABLE {table} DELETE WHERE {column} = '{id}'"))
            .execute()
            .await
            .unwrap();
    }
    let began = Instant::now();
    while world
        .one(
            "SELECT count() FROM system.parts WHERE database = currentDatabase() AND NOT active \
              AND table IN ('prospects', 'prospect_index', 'orders', 'order_contacts', 'parked_log')",
        )
        .await
        > 0
    {
        assert!(began.elapsed() < PATIENCE, "nothing is cleared away");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    insert().await;
    assert_eq!(n_rows().await, 0);
}
