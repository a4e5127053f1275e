//! Selects: statements in URL and body, parameters, settings, formats, compression.

use sluice_local::chdb::compression::BlockDecoder;

use super::{Target, is_server, read};

#[tokio::test]
async fn answers_a_ping_and_an_empty_get() {
    let target = Target::new().await;
    for path in ["/ping", "/"] {
        let response = reqwest::get(format!("{}{path}", target.url)).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.text().await.unwrap().as_str()),
            (200, "Ok.\n"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn takes_the_statement_from_url_body_or_both() {
    let target = Target::new().await;
    assert_eq!(target.post(&[("query", "SELECT 1")], "").await.text(), "1\n");
    assert_eq!(target.post(&[], "SELECT 2").await.text(), "2\n");
    assert_eq!(target.post(&[("query", "SELECT")], "3").await.text(), "3\n");
    let got = reqwest::Client::new().get(&target.url).query(&[
        ("query", "SELECT 4"),
        ("user", &target.user),
        ("password", &target.password),
    ]);
    assert_eq!(read(got.send().await.unwrap()).await.text(), "4\n");
    let basic = reqwest::Client::new().post(&target.url).basic_auth(&target.user, Some(&target.password));
    assert_eq!(read(basic.body("SELECT 5;").send().await.unwrap()).await.text(), "5\n");
}

#[tokio::test]
async fn binds_parameters_from_url_and_form() {
    let target = Target::new().await;
    let sql = "SELECT {n:UInt8} + 1, {s:String}, {t:Identifier}.one FROM (SELECT 1 AS one) AS t";
    let values = [("param_n", "41"), ("param_s", "it's \\t"), ("param_t", "t")];
    assert_eq!(target.post(&values, sql).await.text(), "42\tit\\'s \\t\t1\n");
    let form =
        values.iter().fold(reqwest::multipart::Form::new().text("query", sql), |form, (name, value)| {
            form.text(name.to_string(), value.to_string())
        });
    let answer = read(target.request(&[]).multipart(form).send().await.unwrap()).await;
    assert_eq!(answer.text(), "42\tit\\'s \\t\t1\n");
    let missing = target.post(&[], "SELECT {n:UInt8}").await;
    assert_eq!((missing.code(), missing.status), (456, 500), "{}", missing.text());
}

#[tokio::test]
async fn database_and_settings_hold_for_their_statement_alone() {
    let target = Target::new().await;
    target.run("CREATE TABLE here (n UInt8) ENGINE = Memory").await;
    let checks = (1..60).map(|number: u32| {
        let target = &target;
        async move {
            if number.is_multiple_of(3) {
                let plain = target.post(&[], "SELECT currentDatabase(), getSetting('max_block_size')").await;
                assert_eq!(plain.text(), "default\t65409\n");
            } else {
                let size = number.to_string();
                let parameters = [("database", target.database.as_str()), ("max_block_size", &size)];
                let sql = "SELECT currentDatabase(), getSetting('max_block_size'), count() FROM here";
                let answer = target.post(&parameters, sql).await;
                assert_eq!(answer.text(), format!("{}\t{number}\t0\n", target.database));
            }
        }
    });
    futures::future::join_all(checks).await;
    // A setting or database that a statement changes does not outlive the statement.
    target.post(&[], "SET max_block_size = 7").await;
    target.post(&[], format!("USE {}", target.database)).await;
    let plain = target.post(&[], "SELECT currentDatabase(), getSetting('max_block_size')").await;
    assert_eq!(plain.text(), "default\t65409\n");
}

#[tokio::test]
async fn gives_every_format_with_its_headers() {
    let target = Target::new().await;
    let sql = "SELECT number AS n, toString(number) AS s FROM numbers(2)";
    let expected: [(&str, &str, &[u8]); 5] = [
        ("TabSeparated", "text/tab-separated-values; charset=UTF-8", b"0\t0\n1\t1\n"),
        (
            "JSONEachRow",
            "application/x-ndjson; charset=UTF-8",
            b"{\"n\":0,\"s\":\"0\"}\n{\"n\":1,\"s\":\"1\"}\n",
        ),
        ("CSV", "text/csv; charset=UTF-8; header=absent", b"0,\"0\"\n1,\"1\"\n"),
        ("RowBinary", "application/octet-stream", b"\0\0\0\0\0\0\0\0\x010\x01\0\0\0\0\0\0\0\x011"),
        (
            "RowBinaryWithNamesAndTypes",
            "application/octet-stream",
            b"\x02\x01n\x01s\x06UInt64\x06String\0\0\0\0\0\0\0\0\x010\x01\0\0\0\0\0\0\0\x011",
        ),
    ];
    for (format, content_type, body) in expected {
        let by_parameter = target.post(&[("default_format", format)], sql).await;
        let by_text = target.post(&[], format!("{sql} FORMAT {format}")).await;
        for answer in [by_parameter, by_text] {
            assert_eq!(answer.body, body, "{format}");
            assert_eq!(answer.headers["content-type"], content_type);
            assert_eq!(answer.headers["x-clickhouse-format"], format);
        }
    }
    let json = target.post(&[("default_format", "JSONCompact")], sql).await;
    let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!((&json["rows"], &json["data"][1][1]), (&2.into(), &"1".into()));
    let totals = target
        .run("SELECT number % 2 AS k, sum(number) AS s FROM numbers(5) GROUP BY k WITH TOTALS FORMAT JSON");
    let totals: serde_json::Value = serde_json::from_str(&totals.await).unwrap();
    assert_eq!((&totals["totals"]["s"], &totals["rows"]), (&10.into(), &2.into()));
}

#[tokio::test]
async fn streams_a_large_result_and_packs_it_when_asked() {
    let target = Target::new().await;
    let sql = "SELECT number FROM numbers(300000)";
    let plain = target.post(&[("query_id", "mine")], sql).await;
    assert_eq!(plain.text().lines().count(), 300_000);
    assert_eq!(plain.headers["x-clickhouse-query-id"], "mine");
    let blocks = target.post(&[("compress", "1")], sql).await;
    assert!(blocks.body.len() < plain.body.len());
    let mut decoder = BlockDecoder::default();
    let unpacked = decoder.push(&blocks.body).unwrap().concat();
    decoder.finish().unwrap();
    assert!(unpacked == plain.body);
    let request =
        target.request(&[("enable_http_compression", "1")]).header("Accept-Encoding", "lz4").body(sql);
    let frame = read(request.send().await.unwrap()).await;
    assert_eq!(frame.headers["content-encoding"], "lz4");
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut lz4_flex::frame::FrameDecoder::new(&frame.body[..]), &mut unpacked)
        .unwrap();
    assert!(unpacked == plain.body);
}

#[tokio::test]
async fn what_the_engine_leaves_out_is_refused_with_the_reason() {
    if is_server() {
        return;
    }
    let target = Target::new().await;
    let answer = target.post(&[("session_id", "x")], "SELECT 1").await;
    assert_eq!((answer.status, answer.code()), (501, 48));
    assert!(answer.text().contains("sessions"), "{}", answer.text());
}

#[tokio::test]
async fn a_header_comes_once_however_many_parts_a_table_has() {
    let target = Target::new().await;
    target.run("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n").await;
    for first in 0..5 {
        target.run(&format!("INSERT INTO t SELECT number + {first} * 1000 FROM numbers(1000)")).await;
    }
    for (format, header_lines) in [("TabSeparatedWithNamesAndTypes", 2), ("CSVWithNames", 1)] {
        let rows = target.run(&format!("SELECT n FROM t FORMAT {format}")).await;
        assert_eq!(rows.lines().count(), 5000 + header_lines, "{format}");
    }
    let binary = target
        .post(&[("database", target.database.as_str())], "SELECT n FROM t FORMAT RowBinaryWithNamesAndTypes")
        .await;
    // One column: the number of columns, its name and its type, each text with its length.
    let header_bytes = 1 + 2 + 1 + "UInt64".len();
    assert_eq!(binary.body.len(), header_bytes + 5000 * 8);
}
