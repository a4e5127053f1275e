//! Invalid input to the funds: the response is a 4xx with the field and the reason.

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request};
use serde_json::{Value, json};

use super::Funds;

#[tokio::test]
async fn unknown_ids() {
    let funds = Funds::new().await;
    for id in
        ["0", "-1", "9223372036854775808", "9223372036854775807", "abc", "%00", "1.0", "%D9%A7", "1%2F2"]
    {
        for resource in ["accounts", "budgets", "requests", "transfers", "rates"] {
            let answer = funds.get(&format!("{resource}/detail/{id}/"), &funds.owner).await;
            assert_eq!(answer.status, 404, "{resource} {id}: {}", answer.text);
        }
        for resource in ["accounts", "budgets", "requests", "rates"] {
            for (method, verb) in
                [(Method::PUT, "update"), (Method::PATCH, "update"), (Method::DELETE, "delete")]
            {
                let path = format!("{resource}/{verb}/{id}/");
                let answer = funds.send(method, &path, Some(&json!({})), &funds.owner, &[]).await;
                assert_eq!(answer.status, 404, "{path}: {}", answer.text);
            }
        }
        for path in [
            "requests/{}/approve/",
            "requests/{}/refuse/",
            "requests/{}/cancel/",
            "requests/{}/top-up/",
            "transfers/{}/reverse/",
        ] {
            let path = path.replace("{}", id);
            let answer = funds.post(&path, &json!({"reason": "r"}), &funds.owner).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        }
        assert_eq!(funds.get(&format!("accounts/{id}/statement.csv"), &funds.owner).await.status, 404);
    }
}

/// Texts and numbers that are not amounts of dollars.
fn no_amounts() -> Vec<Value> {
    vec![
        json!(0),
        json!(-1),
        json!("0"),
        json!("-1"),
        json!("0.001"),
        json!(0.001),
        json!("1e3"),
        json!("NaN"),
        json!("١٢"),
        json!("1000000000000000000"),
        json!(1_000_000_000_000_000_000_u64),
        json!(1e300),
        json!("1,5"),
        json!("+1"),
        json!(" "),
    ]
}

#[tokio::test]
async fn invalid_values() {
    let funds = Funds::new().await;
    let id = funds.account("A", &funds.buyer, "USD").await;
    let long = "x".repeat(1000);
    let wrong = [json!(null), json!([]), json!({}), json!(true), json!(""), json!("a\0"), json!(long)];
    let with = |more: &[Value]| wrong.iter().chain(more).cloned().collect::<Vec<_>>();
    let ids = with(&[
        json!(-1),
        json!(0),
        json!(1.5),
        json!(9_223_372_036_854_775_808_u64),
        json!("99999999999999999999999"),
        json!(1e300),
    ]);
    let amounts = with(&no_amounts());
    let transfer = json!({"kind": "top_up", "account_id": id, "amount": "1", "fee": "1", "date": "2026-11-23", "reference": "r", "note": "n"});
    let account = json!({"name": "n", "user_id": funds.buyer.id, "currency": "USD", "state": "active"});
    let request = json!({"account_id": id, "amount": "1", "purpose": "p"});
    let budget = json!({"team_id": funds.team, "month": "2026-11", "amount": "1", "currency": "USD"});
    let texts = vec![json!(null), json!([]), json!({}), json!("a\0"), json!(long)];
    let words = vec![json!(null), json!([]), json!("a\0"), json!(long), json!("x"), json!(7)];
    for (path, body, field, values) in [
        ("transfers/create", &transfer, "amount", &amounts),
        ("transfers/create", &transfer, "account_id", &ids),
        ("transfers/create", &transfer, "kind", &words),
        ("transfers/create", &transfer, "date", &words),
        (
            "transfers/create",
            &transfer,
            "fee",
            &vec![json!(-1), json!("0.001"), json!("1e3"), json!(null), json!([])],
        ),
        ("transfers/create", &transfer, "reference", &texts),
        ("transfers/create", &transfer, "note", &texts),
        ("accounts/create", &account, "user_id", &ids),
        ("accounts/create", &account, "source_id", &vec![json!(-1), json!("a"), json!([]), json!(1.5)]),
        ("accounts/create", &account, "name", &texts),
        ("accounts/create", &account, "currency", &words),
        ("accounts/create", &account, "state", &words),
        (
            "accounts/create",
            &account,
            "credit_limit",
            &vec![json!(-1), json!("0.001"), json!("1e18"), json!("NaN"), json!([])],
        ),
        (
            "accounts/create",
            &account,
            "low_runway_days",
            &vec![json!(-1), json!(366), json!(1.5), json!("a"), json!(1e300)],
        ),
        ("requests/create", &request, "amount", &amounts),
        ("requests/create", &request, "account_id", &ids),
        ("requests/create", &request, "purpose", &texts),
        ("budgets/create", &budget, "amount", &amounts),
        ("budgets/create", &budget, "team_id", &ids),
        ("budgets/create", &budget, "month", &words),
    ] {
        for value in values {
            let mut body = body.clone();
            body[field] = value.clone();
            let answer = funds.post(path, &body, &funds.owner).await;
            assert_eq!(answer.status, 400, "{path} {field} {value}: {}", answer.text);
            assert!(answer.json()[field].is_array(), "{path} {field} {value}: {}", answer.text);
        }
    }
    assert_eq!(funds.balance(id).await, "0.00");
}

#[tokio::test]
async fn bodies_that_are_not_objects_or_are_empty() {
    let funds = Funds::new().await;
    for path in [
        "transfers/create",
        "accounts/create",
        "requests/create",
        "budgets/create",
        "rates/create",
        "transfers/import",
    ] {
        let list = funds.post(path, &json!([1]), &funds.owner).await;
        assert_eq!(
            list.line(),
            r#"400 {"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}"#
        );
        assert_eq!(funds.send(Method::POST, path, None, &funds.owner, &[]).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn invalid_parameters() {
    let funds = Funds::new().await;
    for list in ["accounts", "budgets", "requests", "transfers", "rates", "ledger", "balances"] {
        for query in [
            "limit=0",
            "limit=1001",
            "limit=a",
            "cursor=a",
            "cursor=%00",
            "cursor=MTIz",
            "cursor=OTk5OTk5OTk5OTk5OTk5OTk5IDE",
        ] {
            let answer = funds.get(&format!("{list}/list/?{query}"), &funds.owner).await;
            // Accounts and rates are sorted by text, so any text can be a valid cursor.
            assert!(
                answer.status == 400 || query.starts_with("cursor=OTk"),
                "{list} {query}: {}",
                answer.line()
            );
            assert!(answer.status < 500, "{list} {query}: {}", answer.line());
        }
    }
    for list in ["requests", "transfers", "ledger"] {
        for query in [
            "from=x",
            "tz=Nowhere",
            "from=2026-02-01&to=2026-01-01",
            "account_id=0",
            "user_id=-1",
            "team_id=9223372036854775808",
        ] {
            let answer = funds.get(&format!("{list}/list/?{query}"), &funds.owner).await;
            assert_eq!(answer.status, 400, "{list} {query}");
        }
    }
}

#[tokio::test]
async fn forms_say_the_same_as_json() {
    let funds = Funds::new().await;
    let id = funds.account("A", &funds.buyer, "USD").await;
    let multipart = format!(
        "--b\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\ntop_up\r\n--b\r\nContent-Disposition: form-data; name=\"account_id\"\r\n\r\n{id}\r\n--b\r\nContent-Disposition: form-data; name=\"amount\"\r\n\r\n1.50\r\n--b--\r\n"
    );
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", format!("kind=top_up&account_id={id}&amount=1.5&fee=&date=")),
        ("multipart/form-data; boundary=b", multipart),
    ] {
        let request = Request::post("/api/funds/transfers/create/")
            .header(AUTHORIZATION, format!("Bearer {}", funds.coordinator.token))
            .header(CONTENT_TYPE, content_type);
        let answer = funds.world.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    assert_eq!(funds.balance(id).await, "3.00");
}
