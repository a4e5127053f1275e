//! Errors: their codes and statuses, and an error in the middle of a result.

use super::{Target, read};

#[tokio::test]
async fn errors_carry_clickhouse_codes_and_statuses() {
    let target = Target::new().await;
    target.run("CREATE TABLE t (a UInt8) ENGINE = Memory").await;
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, u16, u32);
    let table: [Case<'_>; 9] = [
        (&[], "SELEC 1", 400, 62),
        (&[], "SELECT 1; SELECT 2", 400, 62),
        (&[], "SELECT * FROM nosuch", 404, 60),
        (&[], "SELECT nosuch", 404, 47),
        (&[], "SELECT nosuch(1)", 404, 46),
        (&[], "SELECT * FROM nosuch.t", 404, 81),
        (&[("database", "nosuch")], "SELECT 1", 404, 81),
        (&[("nosuch", "1")], "SELECT 1", 404, 115),
        (&[], "SELECT toUInt8('x')", 400, 6),
    ];
    for (parameters, sql, status, code) in table {
        let answer = target.post(parameters, sql).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{sql}: {}", answer.text());
        assert!(answer.text().starts_with(&format!("Code: {code}. DB::Exception: ")), "{}", answer.text());
    }
    let insert = target.insert("INSERT INTO nosuch FORMAT RowBinary", &[], vec![0; 3_000_000]).await;
    assert_eq!((insert.status, insert.code()), (404, 60), "{}", insert.text());
    let insert = target.insert("INSERT INTO t FORMAT JSONEachRow", &[], br#"{"a":"x"}"#.to_vec()).await;
    assert_eq!((insert.status, insert.code()), (400, 27), "{}", insert.text());
    assert_eq!(target.run("SELECT count() FROM t").await, "0");
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let target = Target::new().await;
    let request = reqwest::Client::new().post(&target.url).header("X-ClickHouse-User", &target.user);
    let answer =
        read(request.header("X-ClickHouse-Key", "wrong").body("SELECT 1").send().await.unwrap()).await;
    assert_eq!((answer.status, answer.code()), (403, 516));
    assert!(answer.text().contains("AUTHENTICATION_FAILED"), "{}", answer.text());
}

#[tokio::test]
async fn a_get_only_reads() {
    let target = Target::new().await;
    let got = reqwest::Client::new().get(&target.url).query(&[
        ("query", "CREATE DATABASE no_get"),
        ("user", &target.user),
        ("password", &target.password),
    ]);
    let answer = read(got.send().await.unwrap()).await;
    assert_eq!((answer.status, answer.code()), (500, 164), "{}", answer.text());
}

#[tokio::test]
async fn a_failure_in_the_middle_breaks_the_body() {
    let target = Target::new().await;
    let sql =
        "SELECT number, throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_block_size = 65536";
    let mut response = target.request(&[]).body(sql).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let mut last = Vec::new();
    let error = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                last = [last.split_off(last.len().saturating_sub(1000)), chunk.to_vec()].concat()
            }
            Ok(None) => panic!("a broken result looks complete"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode() || error.is_request(), "{error:?}");
    assert!(String::from_utf8_lossy(&last).contains("Code: 395. DB::Exception"), "the message is missing");
    // The client of the crate reports the reason.
    let client = target.client();
    let read = client.query("SELECT throwIf(number = 3000000) FROM numbers(4000000)").fetch_all::<u8>().await;
    assert!(read.unwrap_err().to_string().contains("FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"));
}
