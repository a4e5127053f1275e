//! The `clickhouse` crate, as used by the services.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::Target;

#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
struct Visit {
    #[serde(with = "clickhouse::serde::uuid")]
    id: uuid::Uuid,
    user: u64,
    page: String,
    subs: Vec<String>,
    cost: Option<i64>,
}

fn visits(n_visits: u64) -> Vec<Visit> {
    (0..n_visits)
        .map(|number| Visit {
            id: uuid::Uuid::from_u128(u128::from(number) << 32),
            user: number % 7,
            page: format!("https://example.com/{number}?x='\u{e9}'"),
            subs: (0..number % 3).map(|sub| format!("s{sub}")).collect(),
            cost: (number % 2 == 0).then_some(-5),
        })
        .collect()
}

#[tokio::test]
async fn inserts_and_selects_rows_packed_and_plain() {
    let target = Target::new().await;
    target
        .run(
            "CREATE TABLE visits (id UUID, user UInt64, page String, subs Array(String), cost Nullable(Int64)) \
             ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100",
        )
        .await;
    let all = visits(20_000);
    for compression in [clickhouse::Compression::Lz4, clickhouse::Compression::None] {
        // The second round repeats the token of the first.
        let client = target.client().with_compression(compression);
        let mut insert = client
            .insert::<Visit>("visits")
            .await
            .unwrap()
            .with_setting("insert_deduplication_token", "events:0:0-19999")
            .with_setting("async_insert", "0");
        for visit in &all {
            insert.write(visit).await.unwrap();
        }
        insert.end().await.unwrap();
        let mut read =
            client.query("SELECT ?fields FROM visits ORDER BY id").fetch_all::<Visit>().await.unwrap();
        assert_eq!(read.len(), all.len());
        read.sort_by_key(|visit| visit.id);
        assert!(read == all);
    }
    let client = target.client();
    let count: u64 = client
        .query("SELECT count() FROM visits WHERE user = {user:UInt64} AND page != {page:String}")
        .param("user", 3)
        .param("page", "it's")
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(count, 2857);
    let bound = client.query("SELECT count() FROM visits WHERE user IN ?").bind(vec![1, 2]);
    assert_eq!(bound.fetch_one::<u64>().await.unwrap(), 5714);
    client
        .query("ALTER TABLE visits DELETE WHERE user = 0")
        .with_setting("mutations_sync", "1")
        .execute()
        .await
        .unwrap();
    let error = client.query("SELECT nosuch FROM visits").fetch_all::<u64>().await.unwrap_err().to_string();
    assert!(error.contains("Code: 47") && error.contains("UNKNOWN_IDENTIFIER"), "{error}");
    let error = client.query("INSERT INTO nosuch VALUES (1)").execute().await.unwrap_err().to_string();
    assert!(error.contains("UNKNOWN_TABLE"), "{error}");
}
