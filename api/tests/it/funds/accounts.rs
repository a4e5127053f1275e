//! Ad accounts: permissions, changes, and the statement.

use axum::http::Method;
use serde_json::json;

use super::{Funds, ids, made};

#[tokio::test]
async fn each_role_sees_its_scope() {
    let funds = Funds::new().await;
    let own = funds.account("Own", &funds.buyer, "USD").await;
    let foreign = funds.account("Foreign", &funds.other, "EUR").await;
    for (person, expected) in [
        (&funds.buyer, vec![own]),
        (&funds.other, vec![foreign]),
        (&funds.lead, vec![own]),
        (&funds.coordinator, vec![foreign, own]),
        (&funds.owner, vec![foreign, own]),
    ] {
        assert_eq!(ids(&funds.get("accounts/list/", person).await), expected);
        let detail = funds.get(&format!("accounts/detail/{foreign}/"), person).await.status;
        assert_eq!(detail, if expected.contains(&foreign) { 200 } else { 404 });
        let statement = funds.get(&format!("accounts/{foreign}/statement.csv"), person).await.status;
        assert_eq!(statement, if expected.contains(&foreign) { 200 } else { 404 });
    }
    for (method, path) in [
        (Method::POST, "accounts/create/".to_owned()),
        (Method::PATCH, format!("accounts/update/{own}/")),
        (Method::DELETE, format!("accounts/delete/{own}/")),
    ] {
        let body = json!({"name": format!("By {method}"), "user_id": funds.buyer.id, "currency": "USD"});
        let found = funds.by_role(method.clone(), &path, Some(&body)).await;
        assert_eq!(found[..2], [403, 403], "{method} {path}");
        let is_done = [201, 200, 204].contains(&found[2]);
        assert!(is_done, "{method} {path}: {found:?}");
    }
    // The lead no longer sees somebody who left the team.
    assert_eq!(ids(&funds.get("accounts/list/", &funds.lead).await).len(), 1);
    funds.world.sql("UPDATE memberships SET during = tstzrange(lower(during), now())").await;
    assert_eq!(ids(&funds.get("accounts/list/", &funds.lead).await), Vec::<i64>::new());
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let funds = Funds::new().await;
    let mut made = Vec::new();
    for name in ["a", "B", "c_1"] {
        made.push(funds.account(name, &funds.buyer, "USD").await);
    }
    let page = funds.get("accounts/list/?limit=2", &funds.owner).await;
    assert_eq!(ids(&page), made[..2]);
    let next = page.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    let next = next.split_once("/api/funds/").unwrap().1.to_owned();
    assert_eq!(ids(&funds.get(&next, &funds.owner).await), made[2..]);
    assert_eq!(ids(&funds.get("accounts/list/?q=_", &funds.owner).await), made[2..]);
    assert_eq!(ids(&funds.get("accounts/list/?state=paused", &funds.owner).await), Vec::<i64>::new());
    let of_team = format!("accounts/list/?team_id={}&user_id={}", funds.team, funds.buyer.id);
    assert_eq!(ids(&funds.get(&of_team, &funds.owner).await).len(), 3);
    assert_eq!(ids(&funds.get(&of_team, &funds.other).await).len(), 0);
}

#[tokio::test]
async fn an_account_is_changed_only_with_its_current_version() {
    let funds = Funds::new().await;
    let id = funds.account("First", &funds.buyer, "USD").await;
    let path = format!("accounts/update/{id}/");
    let read = funds.get(&format!("accounts/detail/{id}/"), &funds.owner).await;
    assert_eq!(read.header("etag"), "\"1\"");
    let patch = json!({"name": "Second", "credit_limit": "5.00"});
    let if_match = [("if-match", "\"1\"")];
    let answer = funds.send(Method::PATCH, &path, Some(&patch), &funds.coordinator, &if_match).await;
    assert_eq!((answer.status, answer.header("etag")), (200, "\"2\""));
    assert_eq!(answer.json()["credit_limit"], "5.00");
    let stale = funds.send(Method::PATCH, &path, Some(&patch), &funds.owner, &if_match).await;
    assert_eq!(stale.status, 412);
    // A PUT needs all required fields and clears the others.
    let put = json!({"name": "Third", "user_id": funds.other.id, "currency": "USD"});
    let answer = funds.send(Method::PUT, &path, Some(&put), &funds.owner, &[]).await;
    assert_eq!(answer.json()["credit_limit"], "0.00");
    let lacking = funds.send(Method::PUT, &path, Some(&json!({"name": "x"})), &funds.owner, &[]).await;
    insta::assert_snapshot!(lacking.line(), @r#"400 {"currency":["This field is required."],"user_id":["This field is required."]}"#);
    let currency =
        funds.send(Method::PATCH, &path, Some(&json!({"currency": "EUR"})), &funds.owner, &[]).await;
    insta::assert_snapshot!(currency.line(), @r#"400 {"currency":["The currency of an account cannot be changed."]}"#);
    assert_eq!(
        funds.trail("funds/accounts").await,
        ["create coordinator", "update coordinator", "update owner"]
    );
}

#[tokio::test]
async fn constraints_of_the_database_are_named_by_field() {
    let funds = Funds::new().await;
    let id = funds.account("Name", &funds.buyer, "USD").await;
    let create = async |body| funds.post("accounts/create", &body, &funds.coordinator).await.line();
    let (buyer, lead) = (funds.buyer.id, funds.lead.id);
    insta::assert_snapshot!(create(json!({"name": "NAME", "user_id": buyer, "currency": "USD"})).await, @r#"400 {"name":["An account with this name already exists."]}"#);
    let not_a_buyer = create(json!({"name": "x", "user_id": lead, "currency": "USD"})).await;
    assert_eq!(
        not_a_buyer,
        format!("400 {{\"user_id\":[\"Invalid pk \\\"{lead}\\\" - object does not exist.\"]}}")
    );
    insta::assert_snapshot!(create(json!({"name": "x", "user_id": buyer, "currency": "USD", "source_id": 99})).await, @r#"400 {"source_id":["Invalid pk \"99\" - object does not exist."]}"#);
    // The credit limit of an overdrawn account cannot go below what was taken.
    let path = format!("accounts/update/{id}");
    let credit = |limit: &str| json!({"credit_limit": limit});
    funds.send(Method::PATCH, &path, Some(&credit("10")), &funds.owner, &[]).await;
    assert_eq!(funds.transfer("spend", id, "7.50").await.status, 201);
    let less = funds.send(Method::PATCH, &path, Some(&credit("7.49")), &funds.owner, &[]).await;
    insta::assert_snapshot!(less.line(), @r#"400 {"credit_limit":["The account is overdrawn by more than this."]}"#);
    assert_eq!(funds.send(Method::PATCH, &path, Some(&credit("7.5")), &funds.owner, &[]).await.status, 200);
}

#[tokio::test]
async fn only_an_empty_account_is_archived() {
    let funds = Funds::new().await;
    let id = funds.account("Full", &funds.buyer, "USD").await;
    assert_eq!(funds.transfer("top_up", id, "5").await.status, 201);
    let delete =
        async || funds.send(Method::DELETE, &format!("accounts/delete/{id}"), None, &funds.owner, &[]).await;
    insta::assert_snapshot!(delete().await.line(), @r#"409 {"detail":"The account holds 5.00 USD. Only an empty one can be archived."}"#);
    assert_eq!(funds.transfer("return", id, "5").await.status, 201);
    let request = funds.request(id, "1").await;
    assert_eq!(delete().await.status, 409);
    funds.post(&format!("requests/{request}/cancel"), &json!({}), &funds.buyer).await;
    assert_eq!(delete().await.line(), "204 ");
    assert_eq!(delete().await.status, 404);
    assert_eq!(ids(&funds.get("accounts/list/", &funds.owner).await), Vec::<i64>::new());
    assert_eq!(funds.transfer("top_up", id, "5").await.status, 400);
    // Its name can be used again.
    made(
        funds
            .post(
                "accounts/create",
                &json!({"name": "full", "user_id": funds.buyer.id, "currency": "USD"}),
                &funds.owner,
            )
            .await,
    );
}

#[tokio::test]
async fn a_statement_has_opening_and_closing_balances_and_no_formulas() {
    let funds = Funds::new().await;
    let id = funds.account("=Account", &funds.buyer, "USD").await;
    funds.transfer("top_up", id, "100").await;
    funds.world.clock.advance(std::time::Duration::from_secs(86_400));
    let spend = json!({"kind": "spend", "account_id": id, "amount": 12.5, "date": "2026-11-23", "reference": "@r", "note": "=1+1"});
    made(funds.post("transfers/create", &spend, &funds.coordinator).await);
    let path = format!("accounts/{id}/statement.csv?from=2026-11-24&to=2026-11-24&tz=UTC");
    let answer = funds.get(&path, &funds.buyer).await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    insta::assert_snapshot!(answer.text, @r"
    time,date,kind,amount,balance,currency,reference,note
    2026-11-24T00:00:00.000Z,,opening balance,,100.00,USD,,'=Account
    2026-11-24T15:00:00.000Z,2026-11-23,spend,-12.50,87.50,USD,'@r,'=1+1
    2026-11-24T23:59:59.999Z,,closing balance,,87.50,USD,,'=Account
    ");
    assert_eq!(funds.trail("funds/accounts").await, ["create coordinator", "export buyer"]);
    assert_eq!(funds.get(&format!("accounts/{id}/statement.csv?tz=Nowhere"), &funds.buyer).await.status, 400);
}
