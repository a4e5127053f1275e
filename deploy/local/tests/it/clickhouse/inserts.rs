//! Inserts: formats, the sources of rows, one block per request, deduplication tokens, bodies that
//! end early.

use std::io::{Read as _, Write as _};

use super::Target;

const TABLE: &str = "(a UInt64, s String) ENGINE = MergeTree ORDER BY a \
    SETTINGS non_replicated_deduplication_window = 100";

fn rows(n_rows: u64) -> Vec<u8> {
    (0..n_rows).flat_map(|number| [&number.to_le_bytes()[..], b"\x05hello"].concat()).collect()
}

#[tokio::test]
async fn every_format_comes_back_as_it_went_out() {
    let target = Target::new().await;
    target.run(&format!("CREATE TABLE source {TABLE}")).await;
    target
        .run(r"INSERT INTO source SELECT number, concat('a\t\'\n;', toString(number)) FROM numbers(1000)")
        .await;
    let formats = [
        "RowBinary",
        "RowBinaryWithNamesAndTypes",
        "JSONEachRow",
        "TabSeparated",
        "CSV",
        "Native",
        "JSON",
        "JSONCompact",
    ];
    for format in formats {
        let parameters = [("database", target.database.as_str()), ("default_format", format)];
        let out = target.post(&parameters, "SELECT * FROM source ORDER BY a").await.body;
        target.run(&format!("CREATE TABLE copy_{format} {TABLE}")).await;
        let answer =
            target.insert(&format!("INSERT INTO copy_{format} (a, s) FORMAT {format}"), &[], out).await;
        assert_eq!(answer.status, 200, "{format}: {}", answer.text());
        let summary: serde_json::Value =
            serde_json::from_str(&answer.headers["x-clickhouse-summary"]).unwrap();
        assert_eq!(summary["written_rows"], "1000", "{format}");
        let difference =
            format!("SELECT count() FROM source FULL JOIN copy_{format} USING (a, s) WHERE a = 0");
        assert_eq!(target.run(&difference).await, "1", "{format}");
        assert_eq!(
            target.run(&format!("SELECT count(), uniq(s) FROM copy_{format}")).await,
            "1000\t1000",
            "{format}"
        );
    }
}

#[tokio::test]
async fn rows_come_in_text_body_or_both() {
    let target = Target::new().await;
    target.run(&format!("CREATE TABLE t {TABLE}")).await;
    target.run("INSERT INTO t VALUES (1, 'one'), (2, upper('two'))").await;
    target.run("INSERT INTO t (a, s) FORMAT CSV\n3,three;\n4,\"four\"").await;
    target.run("INSERT INTO t SELECT 5, 'five'").await;
    for (sql, body) in [
        ("INSERT INTO t (a) VALUES", "(6)"),
        ("INSERT INTO t VALUES (7, 'seven'),", "(8, 'eight')"),
        ("INSERT INTO t SETTINGS max_threads = 1 FORMAT TSV", "9\tnine\n"),
        ("INSERT INTO t FORMAT CSV\n10,ten", "11,eleven"),
        ("INSERT INTO t FORMAT RowBinary", ""),
    ] {
        let answer = target.insert(sql, &[], body.into()).await;
        assert_eq!(answer.status, 200, "{sql}: {}", answer.text());
    }
    let all = "SELECT arrayStringConcat(groupArray(s), ',') FROM (SELECT s FROM t ORDER BY a)";
    assert_eq!(target.run(all).await, "one,TWO,three;,four,five,,seven,eight,nine,ten,eleven");
}

#[tokio::test]
async fn a_request_is_one_block_and_a_token_counts_once() {
    let target = Target::new().await;
    target.run(&format!("CREATE TABLE t {TABLE}")).await;
    target
        .run(
            "CREATE TABLE sums (k UInt64, n UInt64) ENGINE = SummingMergeTree ORDER BY k \
             SETTINGS non_replicated_deduplication_window = 100",
        )
        .await;
    target
        .run("CREATE MATERIALIZED VIEW v TO sums AS SELECT a % 3 AS k, count() AS n FROM t GROUP BY k")
        .await;
    let sql = "INSERT INTO t (a, s) FORMAT RowBinary";
    let once =
        [("insert_deduplication_token", "k'1"), ("deduplicate_blocks_in_dependent_materialized_views", "1")];
    for _ in 0..3 {
        let answer = target.insert(sql, &once, rows(100_000)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let counts = "SELECT (SELECT count() FROM t), (SELECT sum(n) FROM sums)";
    assert_eq!(target.run(counts).await, "(100000,100000)".trim_matches(['(', ')']).replace(',', "\t"));
    let parts = format!(
        "SELECT count(), sum(rows) FROM system.parts WHERE database = '{}' AND table = 't' AND active",
        target.database
    );
    assert_eq!(target.run(&parts).await, "1\t100000");
    // The same rows with another token are other rows. A token does not outlive its request.
    let again = [("insert_deduplication_token", "k2"), once[1]];
    target.insert(sql, &again, rows(100_000)).await;
    assert_eq!(target.run(counts).await, "200000\t200000");
    let without = target.insert(sql, &[("insert_deduplicate", "0")], rows(10)).await;
    assert_eq!(without.status, 200);
    assert_eq!(target.run(counts).await, "200010\t200010");
}

#[tokio::test]
async fn a_body_that_breaks_off_stores_nothing() {
    let target = Target::new().await;
    target.run(&format!("CREATE TABLE t {TABLE}")).await;
    let address = target.url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    let head = format!(
        "POST /?database={}&query=INSERT+INTO+t+FORMAT+RowBinary HTTP/1.1\r\nHost: x\r\nX-ClickHouse-User: {}\r\n\
         X-ClickHouse-Key: {}\r\nContent-Length: {}\r\n\r\n",
        target.database,
        target.user,
        target.password,
        rows(1000).len()
    );
    let broken = move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&rows(500)).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        stream.read_to_end(&mut Vec::new()).ok();
    };
    tokio::task::spawn_blocking(broken).await.unwrap();
    assert_eq!(target.run("SELECT count() FROM t").await, "0");
}
