//! Exchange rates: one for each day and pair, entered and corrected by the coordinator.

use axum::http::Method;
use serde_json::json;

use super::{Funds, ids, made};

#[tokio::test]
async fn rates_are_dated_and_unique() {
    let funds = Funds::new().await;
    let rate = |date: &str, rate: &str| json!({"base": "EUR", "quote": "usd", "date": date, "rate": rate});
    let body = rate("2026-11-20", "1.0842");
    assert_eq!(funds.by_role(Method::POST, "rates/create", Some(&body)).await, [403, 403, 201, 400]);
    let again = funds.post("rates/create", &body, &funds.owner).await;
    insta::assert_snapshot!(again.line(), @r#"400 {"date":["There is a rate of these currencies for this day."]}"#);
    let later = made(funds.post("rates/create", &rate("2026-11-21", "1.1"), &funds.coordinator).await);
    assert_eq!(funds.by_role(Method::GET, "rates/list/?base=EUR&from=2026-11-21", None).await, [200; 4]);
    let list = funds.get("rates/list/", &funds.buyer).await;
    assert_eq!(ids(&list)[0], later);
    assert_eq!((&list.json()[1]["rate"], &list.json()[1]["quote"]), (&json!("1.0842"), &json!("USD")));
    let page = funds.get("rates/list/?limit=1", &funds.buyer).await;
    assert!(page.header("link").contains("cursor="));
    let path = format!("rates/update/{later}");
    let patch = json!({"rate": 1.25});
    assert_eq!(funds.by_role(Method::PATCH, &path, Some(&patch)).await, [403, 403, 200, 200]);
    assert_eq!(funds.get(&format!("rates/detail/{later}"), &funds.lead).await.json()["rate"], "1.25");
    let put = funds.send(Method::PUT, &path, Some(&rate("2026-11-20", "1")), &funds.owner, &[]).await;
    assert_eq!(put.status, 400);
    let path = format!("rates/delete/{later}");
    assert_eq!(funds.by_role(Method::DELETE, &path, None).await, [403, 403, 204, 404]);
    assert_eq!(
        funds.trail("funds/rates").await,
        [
            "create coordinator",
            "create coordinator",
            "update coordinator",
            "update owner",
            "delete coordinator"
        ]
    );
}

#[tokio::test]
async fn invalid_rates_are_refused_with_a_reason() {
    let funds = Funds::new().await;
    for (field, value) in [
        ("base", json!("XXX")),
        ("quote", json!("EUR")),
        ("date", json!("2026-02-30")),
        ("date", json!("")),
        ("rate", json!("0")),
        ("rate", json!("-1")),
        ("rate", json!("0.0000000001")),
        ("rate", json!("99999999999999999999")),
        ("rate", json!("1e3")),
        ("rate", json!(null)),
    ] {
        let mut body = json!({"base": "EUR", "quote": "USD", "date": "2026-11-20", "rate": "1"});
        body[field] = value.clone();
        let answer = funds.post("rates/create", &body, &funds.coordinator).await;
        assert_eq!(answer.status, 400, "{field} {value}: {}", answer.text);
        assert!(answer.json()[field].is_array(), "{field} {value}: {}", answer.text);
    }
}
