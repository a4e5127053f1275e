//! Statements that change tables, and the features that the roll-ups of the pipeline need.

use super::Target;

#[tokio::test]
async fn data_definition_and_mutations_work() {
    let target = Target::new().await;
    target.run("CREATE TABLE t (a UInt32, s LowCardinality(String), d DateTime64(3, 'UTC')) ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY a").await;
    target.run("INSERT INTO t SELECT number, 'x', toDateTime64('2026-11-23 10:00:00', 3, 'UTC') FROM numbers(10)").await;
    target.run("ALTER TABLE t DELETE WHERE a = 1 SETTINGS mutations_sync = 1").await;
    target.run("DELETE FROM t WHERE a = 2").await;
    target.run("ALTER TABLE t UPDATE s = 'y' WHERE a = 3 SETTINGS mutations_sync = 1").await;
    target.run("ALTER TABLE t ADD COLUMN n UInt8 DEFAULT 7").await;
    assert_eq!(target.run("SELECT count(), countIf(s = 'y'), sum(n) FROM t").await, "8\t1\t56");
    assert_eq!(target.run("SHOW TABLES").await, "t");
    assert_eq!(target.run("EXISTS TABLE t").await, "1");
    assert!(target.run("DESCRIBE TABLE t").await.starts_with("a\tUInt32"));
    assert!(target.run("SHOW CREATE TABLE t").await.contains("PARTITION BY toYYYYMM(d)"));
    assert!(target.run("EXPLAIN SELECT * FROM t").await.contains("ReadFromMergeTree"));
    target.run("RENAME TABLE t TO u").await;
    target.run("TRUNCATE TABLE u").await;
    target.run("OPTIMIZE TABLE u FINAL").await;
    assert_eq!(target.run("SELECT count() FROM u").await, "0");
    target.run("DROP TABLE u SYNC").await;
    assert_eq!(target.run("SHOW TABLES").await, "");
}

#[tokio::test]
async fn a_materialized_view_keeps_states() {
    let target = Target::new().await;
    target.run("CREATE TABLE t (user UInt32, ip IPv6, id UUID) ENGINE = MergeTree ORDER BY user").await;
    target
        .run(
            "CREATE TABLE r (user UInt32, n SimpleAggregateFunction(sum, UInt64), ips AggregateFunction(uniqCombined64, IPv6)) \
             ENGINE = AggregatingMergeTree ORDER BY user",
        )
        .await;
    target
        .run(
            "CREATE MATERIALIZED VIEW v TO r AS SELECT user, count() AS n, uniqCombined64State(ip) AS ips FROM t GROUP BY user",
        )
        .await;
    for _ in 0..2 {
        target.run("INSERT INTO t SELECT number % 2, toIPv6(concat('2001:db8::', hex(number % 5))), generateUUIDv7() FROM numbers(100)").await;
    }
    let report = "SELECT user, sum(n), uniqCombined64Merge(ips) FROM r GROUP BY user ORDER BY user";
    assert_eq!(target.run(report).await, "0\t100\t5\n1\t100\t5");
}
