//! Requests: created, decided once within the budget, topped up once.

use axum::http::Method;
use futures::future::join_all;
use serde_json::json;

use super::{Funds, ids, made};

#[tokio::test]
async fn the_whole_way_of_a_request() {
    let funds = Funds::new().await;
    let account = funds.account("A", &funds.buyer, "USD").await;
    funds.budget("100", "USD").await;
    let id = funds.request(account, "60").await;
    let top_up = format!("requests/{id}/top-up");
    let body = json!({"reference": "W1", "fee": "1", "amount": "50"});
    let early = funds.post(&top_up, &body, &funds.coordinator).await;
    insta::assert_snapshot!(early.line(), @r#"409 {"detail":"The request is not approved yet."}"#);
    let approve = format!("requests/{id}/approve");
    assert_eq!(funds.by_role(Method::POST, &approve, None).await, [403, 200, 403, 409]);
    let more = funds.post(&top_up, &json!({"amount": "60.01"}), &funds.coordinator).await;
    insta::assert_snapshot!(more.line(), @r#"400 {"amount":["Ensure this value is less than or equal to 60.00."]}"#);
    let key = [("idempotency-key", "once")];
    let send = || funds.send(Method::POST, &top_up, Some(&body), &funds.coordinator, &key);
    let answers = join_all([send(), send()]).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(answers[0].text, answers[1].text);
    assert_eq!(answers[0].json()["status"], "topped_up");
    assert_eq!(funds.balance(account).await, "50.00");
    assert_eq!(funds.by_role(Method::POST, &top_up, Some(&body)).await, [403, 403, 409, 409]);
    let transfer = answers[0].json()["transfer_id"].as_i64().unwrap();
    let transfer = funds.get(&format!("transfers/detail/{transfer}"), &funds.buyer).await.json();
    assert_eq!((&transfer["request_id"], &transfer["fee"]), (&json!(id), &json!("1.00")));
    assert_eq!(funds.trail("funds/requests").await, ["create buyer", "approve lead", "top-up coordinator"]);
}

#[tokio::test]
async fn each_role_sees_and_creates_requests_in_its_scope() {
    let funds = Funds::new().await;
    let own = funds.account("Own", &funds.buyer, "USD").await;
    let foreign = funds.account("Foreign", &funds.other, "USD").await;
    let body = json!({"account_id": own, "amount": "1", "purpose": "p"});
    assert_eq!(funds.by_role(Method::POST, "requests/create", Some(&body)).await, [201, 403, 403, 201]);
    let body = json!({"account_id": foreign, "amount": "1", "purpose": "p"});
    assert_eq!(funds.post("requests/create", &body, &funds.buyer).await.status, 400);
    let other = made(funds.post("requests/create", &body, &funds.other).await);
    for (person, n) in
        [(&funds.buyer, 2), (&funds.other, 1), (&funds.lead, 2), (&funds.coordinator, 3), (&funds.owner, 3)]
    {
        let list = ids(&funds.get("requests/list/?status=open", person).await);
        assert_eq!(list.len(), n);
        let detail = funds.get(&format!("requests/detail/{other}"), person).await.status;
        assert_eq!(detail, if list.contains(&other) { 200 } else { 404 });
    }
    // A lead decides only for their own team.
    for verb in ["approve", "refuse"] {
        let answer =
            funds.post(&format!("requests/{other}/{verb}"), &json!({"reason": "r"}), &funds.lead).await;
        assert_eq!(answer.status, 404);
    }
    assert_eq!(
        funds.by_role(Method::POST, &format!("requests/{other}/cancel"), None).await,
        [404, 403, 403, 200]
    );
    let page = funds.get("requests/list/?limit=1", &funds.owner).await;
    assert_eq!(ids(&page), [other]);
    assert!(page.header("link").contains("cursor="));
}

#[tokio::test]
async fn an_open_request_is_changed_rejected_or_cancelled() {
    let funds = Funds::new().await;
    let account = funds.account("A", &funds.buyer, "USD").await;
    let id = funds.request(account, "60").await;
    let path = format!("requests/update/{id}");
    let patch = json!({"amount": "70"});
    assert_eq!(funds.by_role(Method::PATCH, &path, Some(&patch)).await, [200, 403, 403, 200]);
    let put = funds.send(Method::PUT, &path, Some(&patch), &funds.buyer, &[]).await;
    insta::assert_snapshot!(put.line(), @r#"400 {"account_id":["This field is required."],"purpose":["This field is required."]}"#);
    let stale = [("if-match", "\"1\"")];
    assert_eq!(funds.send(Method::PATCH, &path, Some(&patch), &funds.buyer, &stale).await.status, 412);
    let refuse = format!("requests/{id}/refuse");
    assert_eq!(funds.post(&refuse, &json!({}), &funds.lead).await.status, 400);
    let answer = funds.post(&refuse, &json!({"reason": "no"}), &funds.lead).await.json();
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("refused"), &json!("no")));
    for verb in ["approve", "refuse"] {
        let answer =
            funds.post(&format!("requests/{id}/{verb}"), &json!({"reason": "r"}), &funds.owner).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.line(), @r#"409 {"detail":"The request is refused already."}"#);
        }
    }
    assert_eq!(funds.send(Method::PATCH, &path, Some(&patch), &funds.buyer, &[]).await.status, 409);
    let second = funds.request(account, "1").await;
    let delete = format!("requests/delete/{second}");
    assert_eq!(funds.send(Method::DELETE, &delete, None, &funds.buyer, &[]).await.line(), "204 ");
    assert_eq!(
        funds.get(&format!("requests/detail/{second}"), &funds.buyer).await.json()["status"],
        "cancelled"
    );
}

#[tokio::test]
async fn two_approvals_at_once_never_exceed_the_budget() {
    let funds = Funds::new().await;
    let account = funds.account("A", &funds.buyer, "USD").await;
    funds.budget("100", "USD").await;
    // Two people approve one request at once.
    let id = funds.request(account, "10").await;
    let path = format!("requests/{id}/approve");
    let body = json!({});
    let both =
        join_all([funds.post(&path, &body, &funds.lead), funds.post(&path, &body, &funds.owner)]).await;
    let mut statuses: Vec<u16> = both.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    // Two of three requests fit the budget.
    let mut paths = Vec::new();
    for _ in 0..3 {
        paths.push(format!("requests/{}/approve", funds.request(account, "40").await));
    }
    let all = join_all(paths.iter().map(|path| funds.post(path, &body, &funds.lead))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 200).count(), 2);
    let refused = all.iter().find(|answer| answer.status != 200).unwrap();
    insta::assert_snapshot!(refused.line(), @r#"409 {"detail":"The request takes 40.00 USD, and 10.00 USD are left of the team's budget for 2026-11."}"#);
    // An Owner cannot exceed it either, only raise it.
    let left = paths[all.iter().position(|answer| answer.status != 200).unwrap()].clone();
    assert_eq!(funds.post(&left, &body, &funds.owner).await.status, 409);
}

#[tokio::test]
async fn other_currencies_count_by_the_newest_rate() {
    let funds = Funds::new().await;
    let account = funds.account("A", &funds.buyer, "JPY").await;
    let id = funds.request(account, "15025").await;
    let approve = async || funds.post(&format!("requests/{id}/approve"), &json!({}), &funds.lead).await;
    insta::assert_snapshot!(approve().await.line(), @r#"409 {"detail":"The buyer's team has no budget for 2026-11."}"#);
    let budget = funds.budget("100.50", "USD").await;
    insta::assert_snapshot!(approve().await.line(), @r#"409 {"detail":"There is no rate from JPY to USD, the budget's currency."}"#);
    for (date, rate) in [("2026-11-01", "1"), ("2026-11-22", "150.25"), ("2026-11-24", "10")] {
        let body = json!({"base": "USD", "quote": "JPY", "date": date, "rate": rate});
        made(funds.post("rates/create", &body, &funds.coordinator).await);
    }
    assert_eq!(approve().await.status, 200);
    assert_eq!(funds.get(&format!("budgets/detail/{budget}"), &funds.owner).await.json()["used"], "100.00");
}

#[tokio::test]
async fn an_approval_of_a_changed_request_names_its_amount_or_version() {
    let funds = Funds::new().await;
    let account = funds.account("A", &funds.buyer, "USD").await;
    funds.budget("1000", "USD").await;
    let id = funds.request(account, "60").await;
    let raise = json!({"amount": "600"});
    let raised =
        funds.send(Method::PATCH, &format!("requests/update/{id}"), Some(&raise), &funds.buyer, &[]).await;
    assert_eq!((raised.status, raised.header("etag")), (200, "\"2\""));
    let path = format!("requests/{id}/approve");
    let blind = funds.send(Method::POST, &path, None, &funds.lead, &[]).await;
    insta::assert_snapshot!(blind.line(), @r#"428 {"detail":"The request was changed since it was made, and is for 600.00 USD now. Send that as the amount, or If-Match."}"#);
    let other = funds.post(&path, &json!({"amount": "60"}), &funds.lead).await;
    insta::assert_snapshot!(other.line(), @r#"409 {"detail":"The request is for 600.00 USD now."}"#);
    let stale = funds.send(Method::POST, &path, None, &funds.lead, &[("if-match", "\"1\"")]).await;
    assert_eq!(stale.status, 412);
    assert_eq!(funds.post(&path, &json!({"amount": "x"}), &funds.lead).await.status, 400);
    assert_eq!(funds.post(&path, &json!({"amount": 600}), &funds.lead).await.status, 200);
    // An unchanged request is approved with and without a version.
    let plain = funds.request(account, "1").await;
    let path = format!("requests/{plain}/approve");
    assert_eq!(funds.post(&path, &json!({"amount": "2"}), &funds.lead).await.status, 409);
    assert_eq!(funds.send(Method::POST, &path, None, &funds.lead, &[]).await.status, 200);
}
