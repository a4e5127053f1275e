//! Import of spend from a file: previewed, recorded once, all or nothing.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::json;

use super::Funds;
use crate::world::Answer;

impl Funds {
    async fn upload(&self, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(format!("/api/funds/transfers/{path}"))
            .header(AUTHORIZATION, format!("Bearer {}", self.coordinator.token))
            .header(CONTENT_TYPE, content_type);
        self.world.send(request.body(body.into()).unwrap()).await
    }
}

fn outcomes(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let rows = answer.json()["rows"].as_array().unwrap().clone();
    rows.iter().map(|row| format!("{} {}", row["row"], row["outcome"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_file_is_previewed_and_recorded_once() {
    let funds = Funds::new().await;
    let id = funds.account("Facebook 1", &funds.buyer, "USD").await;
    funds.transfer("top_up", id, "100").await;
    let file = "\u{feff}Day;Spend;Account;Id;Currency\n22.11.2026;1.012,50;facebook 1;a;USD\n";
    let preview = funds.upload("import/preview/", "text/csv", file).await;
    let row = &preview.json()["rows"][0];
    insta::assert_snapshot!(row["errors"], @r#"{"amount":["Only 100.00 USD can be taken out of the account."]}"#);
    assert_eq!((&row["amount"], &row["date"]), (&json!("1012.50"), &json!("2026-11-22")));
    let file = format!(
        "Day,Cost,Account,Id\n2026-11-22,12.50,{id},a\n2026-11-22,0,{id},b\n2026-11-22,7.50,FACEBOOK 1,c\n"
    );
    let preview = funds.upload("import/preview/", "text/csv", file.clone()).await;
    assert_eq!(outcomes(&preview), ["2 record", "3 zero", "4 record"]);
    assert_eq!(funds.balance(id).await, "100.00");
    assert_eq!(
        outcomes(&funds.upload("import/", "text/csv", file.clone()).await),
        ["2 record", "3 zero", "4 record"]
    );
    assert_eq!(funds.balance(id).await, "80.00");
    assert_eq!(
        outcomes(&funds.upload("import/", "text/csv", file.clone()).await),
        ["2 duplicate", "3 zero", "4 duplicate"]
    );
    assert_eq!(funds.balance(id).await, "80.00");
    let other = file.replace("12.50", "12.51");
    let refused = funds.upload("import/", "text/csv", other).await;
    insta::assert_snapshot!(refused.line(), @r#"400 {"file":["Row 2, amount: It is recorded with 12.50 already: reverse that first."]}"#);
    assert_eq!(funds.trail("funds/transfers").await, ["top_up coordinator", "import coordinator"]);
}

#[tokio::test]
async fn one_invalid_row_refuses_the_file() {
    let funds = Funds::new().await;
    let id = funds.account("A", &funds.buyer, "JPY").await;
    funds.transfer("top_up", id, "100").await;
    let file = "when,paid,ref\n2026-11-20,60,a\n2026-11-20,60,b\n2026-11-20,60,a\nx,1.5,\n2026-11-20\n";
    let body = json!({"file": file, "account_id": id, "date_column": "When", "amount_column": "paid", "reference_column": "ref"});
    let preview = funds.post("transfers/import/preview", &body, &funds.coordinator).await;
    assert_eq!(outcomes(&preview), ["2 record", "3 error", "4 error", "5 error", "6 error"]);
    let refused = funds.post("transfers/import", &body, &funds.coordinator).await;
    insta::assert_snapshot!(refused.line(), @r#"400 {"file":["Row 3, amount: Only 40 JPY can be taken out of the account.","Row 4, reference: Row 2 has the same account, date and reference.","Row 5, amount: Ensure that there are no more than 0 decimal places.","Row 5, date: Enter a date as 2026-11-23, 2026/11/23, 20261123 or 23.11.2026.","Row 6, amount: A valid number is required."]}"#);
    assert_eq!(funds.balance(id).await, "100");
}

#[tokio::test]
async fn two_imports_of_one_file_at_once_record_it_once() {
    let funds = Funds::new().await;
    let id = funds.account("A", &funds.buyer, "USD").await;
    funds.transfer("top_up", id, "100").await;
    let rows: String = (0..50).map(|row| format!("2026-11-20,1.00,r{row}\n")).collect();
    let file = format!("date,amount,reference\n{rows}");
    let path = format!("import/?account_id={id}");
    let send = || funds.upload(&path, "text/csv", file.clone());
    let both = futures::future::join(send(), send()).await;
    let recorded = [both.0, both.1].map(|answer| answer.json()["n_recorded"].as_u64().unwrap());
    assert_eq!(recorded[0] + recorded[1], 50);
    assert_eq!(funds.balance(id).await, "50.00");
}

#[tokio::test]
async fn invalid_files_are_refused_with_a_reason() {
    let funds = Funds::new().await;
    let id = funds.account("A", &funds.buyer, "USD").await;
    let send = async |body: Vec<u8>| {
        funds.upload(&format!("import/preview/?account_id={id}"), "text/csv", body).await
    };
    insta::assert_snapshot!(send(b"date,amount\n\xff,1\n".to_vec()).await.line(), @r#"400 {"file":["The file is not UTF-8."]}"#);
    insta::assert_snapshot!(send(Vec::new()).await.line(), @r#"400 {"file":["This field may not be blank."]}"#);
    insta::assert_snapshot!(send(b"a,b\n1,2\n".to_vec()).await.line(), @r#"400 {"amount_column":["The file has no such column. It has: a, b."],"date_column":["The file has no such column. It has: a, b."]}"#);
    insta::assert_snapshot!(send(b"date,amount\n2026-11-20,\"1\0\"\n".to_vec()).await.line(), @r#"400 {"file":["Null characters are not allowed."]}"#);
    insta::assert_snapshot!(send(vec![b'a'; 1024 * 1024 + 1]).await.line(), @r#"413 {"detail":"The request is larger than 1024 KiB."}"#);
    // The file is larger than the limit of other requests.
    let long = format!("date,amount,reference\n{}", "2026-11-20,0,r\n".repeat(2000) + &" ".repeat(70_000));
    let answer = send(long.into_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let too_many = format!("date,amount\n{}", "2026-11-20,0\n".repeat(2001));
    assert_eq!(send(too_many.into_bytes()).await.status, 400);
    assert_eq!(funds.upload("import/preview/", "text/plain", "a").await.status, 415);
    let multipart = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\ndate\tamount\n2026-11-20\t0\n\r\n--b\r\nContent-Disposition: form-data; name=\"account_id\"\r\n\r\n{id}\r\n--b--\r\n"
    );
    let answer = funds.upload("import/preview/", "multipart/form-data; boundary=b", multipart).await;
    assert_eq!(outcomes(&answer), ["2 zero"]);
}
