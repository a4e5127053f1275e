//! Transfers: their effect on balances, once for each key, and their reversal.

use axum::http::Method;
use futures::future::join_all;
use serde_json::json;

use super::{Funds, ids, made};
use crate::world::Answer;

#[tokio::test]
async fn money_is_topped_up_spent_and_returned() {
    let funds = Funds::new().await;
    let id = funds.account("A", &funds.buyer, "USD").await;
    let top_up =
        json!({"kind": "top_up", "account_id": id, "amount": "100.00", "fee": "2.50", "reference": "W1"});
    let answer = funds.post("transfers/create", &top_up, &funds.coordinator).await;
    let mut shown = answer.json();
    shown["id"] = json!(0);
    shown["account_id"] = json!(0);
    shown["user_id"] = json!(0);
    insta::assert_snapshot!(shown, @r#"{"account_id":0,"amount":"100.00","currency":"USD","date":"2026-11-23","fee":"2.50","id":0,"kind":"top_up","note":"","reference":"W1","request_id":null,"reversed_by_id":null,"reverses_id":null,"time":"2026-11-23T15:00:00.000Z","user_id":0}"#);
    assert_eq!(funds.transfer("spend", id, "30").await.status, 201);
    assert_eq!(funds.transfer("return", id, "20").await.status, 201);
    assert_eq!(funds.balance(id).await, "50.00");
    insta::assert_snapshot!(funds.transfer("spend", id, "50.01").await.line(), @r#"400 {"amount":["Only 50.00 USD can be taken out of the account."]}"#);
    // Somebody who sees everything sees both sides.
    let ledger = funds.get("ledger/list/", &funds.owner).await.json();
    let books: Vec<String> = ledger
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            format!(
                "{} {} {}",
                line["book"].as_str().unwrap(),
                line["amount"].as_str().unwrap(),
                line["balance"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        books,
        [
            "bank 20.00 -82.50",
            "ad_account -20.00 50.00",
            "spend 30.00 30.00",
            "ad_account -30.00 70.00",
            "fees 2.50 2.50",
            "ad_account 100.00 100.00",
            "bank -102.50 -102.50",
        ]
    );
    assert_eq!(ids(&funds.get("ledger/list/", &funds.buyer).await).len(), 3);
    assert_eq!(ids(&funds.get("ledger/list/", &funds.other).await).len(), 0);
    assert_eq!(
        funds.trail("funds/transfers").await,
        ["top_up coordinator", "spend coordinator", "return coordinator"]
    );
}

#[tokio::test]
async fn each_role_sees_its_scope_and_only_two_record() {
    let funds = Funds::new().await;
    let own = funds.account("Own", &funds.buyer, "USD").await;
    let foreign = funds.account("Foreign", &funds.other, "JPY").await;
    let first = made(funds.transfer("top_up", own, "1").await);
    let second = made(funds.transfer("top_up", foreign, "100").await);
    for (person, expected) in [
        (&funds.buyer, vec![first]),
        (&funds.other, vec![second]),
        (&funds.lead, vec![first]),
        (&funds.coordinator, vec![second, first]),
        (&funds.owner, vec![second, first]),
    ] {
        assert_eq!(ids(&funds.get("transfers/list/", person).await), expected);
        let detail = funds.get(&format!("transfers/detail/{second}"), person).await;
        assert_eq!(detail.status, if expected.contains(&second) { 200 } else { 404 });
    }
    assert_eq!(ids(&funds.get("transfers/list/?limit=1&kind=top_up", &funds.owner).await), [second]);
    assert_eq!(ids(&funds.get(&format!("transfers/list/?account_id={own}"), &funds.owner).await), [first]);
    assert_eq!(
        ids(&funds.get(&format!("transfers/list/?account_id={foreign}"), &funds.lead).await),
        Vec::<i64>::new()
    );
    let body = json!({"kind": "top_up", "account_id": own, "amount": "1"});
    assert_eq!(funds.by_role(Method::POST, "transfers/create", Some(&body)).await, [403, 403, 201, 201]);
    let reverse = format!("transfers/{first}/reverse");
    assert_eq!(funds.by_role(Method::POST, &reverse, Some(&json!({}))).await, [403, 403, 201, 409]);
    for path in ["transfers/import", "transfers/import/preview"] {
        let found = funds.by_role(Method::POST, path, Some(&json!({}))).await;
        assert_eq!(found, [403, 403, 400, 400], "{path}");
    }
}

#[tokio::test]
async fn a_key_records_once_and_refuses_another_body() {
    let funds = Funds::new().await;
    let id = funds.account("A", &funds.buyer, "USD").await;
    let body = json!({"kind": "top_up", "account_id": id, "amount": "10.0"});
    let key = [("idempotency-key", "k1")];
    let send = async |body, key| {
        funds.send(Method::POST, "transfers/create", Some(body), &funds.coordinator, key).await
    };
    let answers = join_all((0..4).map(|_| send(&body, &key))).await;
    assert!(
        answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text),
        "{answers:?}"
    );
    let replayed = |answer: &&Answer| answer.header("idempotency-replayed") == "true";
    assert_eq!(answers.iter().filter(replayed).count(), 3);
    // The same number in another notation is the same body.
    let again = json!({"kind": "top_up", "account_id": id, "amount": "10.00"});
    assert_eq!(send(&again, &key).await.text, answers[0].text);
    let other = json!({"kind": "top_up", "account_id": id, "amount": "11"});
    insta::assert_snapshot!(send(&other, &key).await.line(), @r#"409 {"detail":"This Idempotency-Key was used for another request."}"#);
    assert_eq!(funds.balance(id).await, "10.00");
    // Each user has their own keys.
    let owner = funds.send(Method::POST, "transfers/create", Some(&other), &funds.owner, &key).await;
    assert_eq!(owner.status, 201);
    let long = "k".repeat(201);
    for bad in ["", long.as_str()] {
        let header = [("idempotency-key", bad)];
        let answer =
            funds.send(Method::POST, "transfers/create", Some(&body), &funds.coordinator, &header).await;
        assert_eq!(answer.status, 400);
    }
}

#[tokio::test]
async fn a_transfer_is_reversed_once() {
    let funds = Funds::new().await;
    let id = funds.account("A", &funds.buyer, "USD").await;
    let top_up = made(funds.transfer("top_up", id, "10").await);
    let spend =
        json!({"kind": "spend", "account_id": id, "amount": "4", "reference": "r", "date": "2026-11-20"});
    let spent = made(funds.post("transfers/create", &spend, &funds.coordinator).await);
    insta::assert_snapshot!(funds.post("transfers/create", &spend, &funds.coordinator).await.line(), @r#"400 {"reference":["Spend with this reference is recorded for the account and day."]}"#);
    let reverse = async |id: i64| {
        funds.post(&format!("transfers/{id}/reverse"), &json!({"note": "wrong"}), &funds.coordinator).await
    };
    insta::assert_snapshot!(reverse(top_up).await.line(), @r#"409 {"detail":"Only 6.00 USD can be taken out of the account."}"#);
    let both = join_all([reverse(spent), reverse(spent)]).await;
    let mut statuses: Vec<u16> = both.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let reversal = both.iter().find(|answer| answer.status == 201).unwrap().json();
    assert_eq!(
        (reversal["kind"].as_str(), reversal["reverses_id"].as_i64()),
        (Some("reversal"), Some(spent))
    );
    assert_eq!(reverse(reversal["id"].as_i64().unwrap()).await.status, 409);
    let detail = funds.get(&format!("transfers/detail/{spent}"), &funds.buyer).await.json();
    assert_eq!(detail["reversed_by_id"], reversal["id"]);
    // The reference can be used again for the right entry.
    made(funds.post("transfers/create", &spend, &funds.coordinator).await);
    assert_eq!(funds.balance(id).await, "6.00");
    assert_eq!(reverse(999).await.status, 404);
}

#[tokio::test]
async fn an_account_that_is_not_active_is_not_topped_up() {
    let funds = Funds::new().await;
    let id = funds.account("A", &funds.buyer, "KWD").await;
    funds.transfer("top_up", id, "10.125").await;
    let banned = json!({"state": "banned"});
    funds.send(Method::PATCH, &format!("accounts/update/{id}"), Some(&banned), &funds.owner, &[]).await;
    insta::assert_snapshot!(funds.transfer("top_up", id, "1").await.line().replace(&id.to_string(), "N"), @r#"400 {"account_id":["The account is banned: nothing is topped up."]}"#);
    // Its money can still be returned.
    assert_eq!(funds.transfer("return", id, "10.125").await.status, 201);
    assert_eq!(funds.balance(id).await, "0.000");
}
