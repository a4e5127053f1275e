//! What migrations do to what is stored.

use sluice_schemas::migrations::CLICKHOUSE;
use uuid::Uuid;

use crate::changes::order_id;
use crate::harness::World;

/// Orders that are stored without dimensions are given their prospects', also by a migration that was cut off anywhere; those
/// of a prospect that was deleted have none.
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
