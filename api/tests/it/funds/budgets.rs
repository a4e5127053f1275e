//! Budgets: set by Owners, visible to the lead of the team, never exceeded.

use axum::http::Method;
use serde_json::json;

use super::{Funds, ids, made};

#[tokio::test]
async fn owners_set_budgets_and_leads_see_their_own() {
    let funds = Funds::new().await;
    let other_lead = funds.world.person("lead2", sluice_api::policy::Position::TeamLead).await;
    let other_team = funds.world.team("Beta", other_lead.id, &[]).await;
    let body = json!({"team_id": funds.team, "month": "2026-11", "amount": "100", "currency": "USD"});
    assert_eq!(funds.by_role(Method::POST, "budgets/create", Some(&body)).await, [403, 403, 403, 201]);
    let own = ids(&funds.get("budgets/list/", &funds.lead).await)[0];
    let again = funds.post("budgets/create", &body, &funds.owner).await;
    insta::assert_snapshot!(again.line(), @r#"400 {"month":["The team has a budget for this month."]}"#);
    let body = json!({"team_id": other_team, "month": "2026-12", "amount": "1.50", "currency": "EUR"});
    let other = made(funds.post("budgets/create", &body, &funds.owner).await);
    assert_eq!(ids(&funds.get("budgets/list/", &funds.coordinator).await), [other, own]);
    assert_eq!(ids(&funds.get("budgets/list/?month=2026-11", &funds.owner).await), [own]);
    assert_eq!(
        ids(&funds.get(&format!("budgets/list/?team_id={other_team}"), &funds.lead).await),
        Vec::<i64>::new()
    );
    assert_eq!(funds.by_role(Method::GET, "budgets/list/", None).await, [403, 200, 200, 200]);
    assert_eq!(
        funds.by_role(Method::GET, &format!("budgets/detail/{other}"), None).await,
        [403, 404, 200, 200]
    );
    let patch = json!({"amount": "2"});
    let path = format!("budgets/update/{other}");
    assert_eq!(funds.by_role(Method::PATCH, &path, Some(&patch)).await, [403, 403, 403, 200]);
    let path = format!("budgets/delete/{other}");
    assert_eq!(funds.by_role(Method::DELETE, &path, None).await, [403, 403, 403, 204]);
    assert_eq!(
        funds.trail("funds/budgets").await,
        ["create owner", "create owner", "update owner", "delete owner"]
    );
    let unknown = json!({"team_id": 99, "month": "2026-13", "amount": "0", "currency": "USD"});
    let answer = funds.post("budgets/create", &unknown, &funds.owner).await;
    assert_eq!(answer.json().as_object().unwrap().len(), 2, "{}", answer.text);
    let unknown = json!({"team_id": 99, "month": "2026-12", "amount": "1", "currency": "USD"});
    let answer = funds.post("budgets/create", &unknown, &funds.owner).await;
    insta::assert_snapshot!(answer.line(), @r#"400 {"team_id":["Invalid pk \"99\" - object does not exist."]}"#);
}

#[tokio::test]
async fn approved_amounts_stay_reserved() {
    let funds = Funds::new().await;
    let account = funds.account("A", &funds.buyer, "USD").await;
    let budget = funds.budget("100", "USD").await;
    let request = funds.request(account, "60").await;
    assert_eq!(funds.post(&format!("requests/{request}/approve"), &json!({}), &funds.lead).await.status, 200);
    let shown = funds.get(&format!("budgets/detail/{budget}"), &funds.lead).await.json();
    assert_eq!((&shown["used"], &shown["left"]), (&json!("60.00"), &json!("40.00")));
    let path = format!("budgets/update/{budget}");
    let body = json!({"amount": "59.99", "month": "2026-12"});
    let answer = funds.send(Method::PATCH, &path, Some(&body), &funds.owner, &[]).await;
    insta::assert_snapshot!(answer.line(), @r#"400 {"amount":["Ensure this value is greater than or equal to 60.00: so much is approved."],"month":["This cannot be changed: requests were approved within the budget."]}"#);
    let delete =
        funds.send(Method::DELETE, &format!("budgets/delete/{budget}"), None, &funds.owner, &[]).await;
    assert_eq!(delete.status, 409);
    // Cancelling a request frees its amount.
    funds.post(&format!("requests/{request}/cancel"), &json!({}), &funds.buyer).await;
    let shown = funds.get(&format!("budgets/detail/{budget}"), &funds.lead).await.json();
    assert_eq!(shown["left"], "100.00");
}
