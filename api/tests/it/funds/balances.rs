//! Balances at a moment, by account, buyer and team, and the runway.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::{Funds, made};
use crate::world::Person;

const DAY: Duration = Duration::from_secs(86_400);

impl Funds {
    async fn balances(&self, query: &str, person: &Person) -> Vec<String> {
        let answer = self.get(&format!("balances/list/?{query}"), person).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let line = |row: &Value| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            format!("{} {} {}", text("name"), text("balance"), text("currency"))
        };
        answer.json().as_array().unwrap().iter().map(line).collect()
    }
}

#[tokio::test]
async fn the_past_stays_as_it_was() {
    let funds = Funds::new().await;
    let one = funds.account("One", &funds.buyer, "USD").await;
    let two = funds.account("Two", &funds.other, "USD").await;
    funds.transfer("top_up", one, "100").await;
    funds.transfer("top_up", two, "7").await;
    funds.world.clock.advance(DAY);
    funds.transfer("spend", one, "30").await;
    assert_eq!(funds.balances("", &funds.owner).await, ["One 70.00 USD", "Two 7.00 USD"]);
    let past = "at=2026-11-23T23:00:00Z";
    assert_eq!(funds.balances(past, &funds.owner).await, ["One 100.00 USD", "Two 7.00 USD"]);
    assert_eq!(
        funds.balances("at=2026-11-23&tz=UTC&by=buyer", &funds.owner).await,
        ["buyer 100.00 USD", "other 7.00 USD"]
    );
    assert_eq!(funds.balances("at=2026-11-01", &funds.owner).await, Vec::<String>::new());
    // The buyer leaves the team and hands the account over. Before that, it counts for the former
    // team.
    funds.world.sql("UPDATE memberships SET during = tstzrange(lower(during), '2026-11-25')").await;
    funds.world.clock.advance(DAY);
    let patch = json!({"user_id": funds.other.id});
    let path = format!("accounts/update/{one}");
    assert_eq!(funds.send(Method::PATCH, &path, Some(&patch), &funds.owner, &[]).await.status, 200);
    assert_eq!(funds.balances(&format!("by=team&{past}"), &funds.owner).await, ["Alpha 100.00 USD"]);
    assert_eq!(funds.balances("by=team&at=2026-11-24", &funds.owner).await, ["Alpha 70.00 USD"]);
    assert_eq!(funds.balances("by=team", &funds.owner).await, Vec::<String>::new());
    assert_eq!(
        funds.balances(&format!("by=buyer&{past}"), &funds.owner).await,
        ["buyer 100.00 USD", "other 7.00 USD"]
    );
    assert_eq!(funds.balances("by=buyer", &funds.owner).await, ["other 77.00 USD"]);
    assert_eq!(funds.balances("limit=1&by=account", &funds.owner).await, ["One 70.00 USD"]);
}

#[tokio::test]
async fn each_role_sees_its_scope() {
    let funds = Funds::new().await;
    funds.transfer("top_up", funds.account("One", &funds.buyer, "USD").await, "1").await;
    funds.transfer("top_up", funds.account("Two", &funds.other, "EUR").await, "2").await;
    let all = vec!["One 1.00 USD", "Two 2.00 EUR"];
    for (person, expected) in [
        (&funds.buyer, all[..1].to_vec()),
        (&funds.other, all[1..].to_vec()),
        (&funds.lead, all[..1].to_vec()),
        (&funds.coordinator, all.clone()),
        (&funds.owner, all.clone()),
    ] {
        assert_eq!(funds.balances("", person).await, expected);
        assert_eq!(funds.balances("by=buyer", person).await.len(), expected.len());
    }
    assert_eq!(funds.balances("by=team", &funds.lead).await, ["Alpha 1.00 USD"]);
    assert_eq!(funds.balances("by=team", &funds.buyer).await, Vec::<String>::new());
    assert_eq!(funds.balances("by=team&team_id=99", &funds.lead).await, Vec::<String>::new());
    for query in ["by=week", "at=yesterday", "tz=Nowhere", "cursor=x", "account_id=-1", "user_id=a"] {
        assert_eq!(funds.get(&format!("balances/list/?{query}"), &funds.owner).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn the_runway_counts_the_last_seven_full_days() {
    let funds = Funds::new().await;
    let id = funds.account("A", &funds.buyer, "USD").await;
    funds.transfer("top_up", id, "200").await;
    let runway = async || {
        let row = funds.get("balances/list/", &funds.buyer).await.json()[0].clone();
        (row["spent_7_days"].as_str().unwrap().to_owned(), row["runway_days"].clone(), row["is_low"].clone())
    };
    assert_eq!(runway().await, ("0.00".to_owned(), Value::Null, json!(false)));
    let mut spent = Vec::new();
    // Spend of today and of eight days ago does not count.
    for (date, amount) in
        [("2026-11-15", "1"), ("2026-11-16", "30"), ("2026-11-22", "40"), ("2026-11-23", "1")]
    {
        let body = json!({"kind": "spend", "account_id": id, "amount": amount, "date": date});
        spent.push(made(funds.post("transfers/create", &body, &funds.coordinator).await));
    }
    // The balance is 128, the spend 10 a day.
    assert_eq!(runway().await, ("70.00".to_owned(), json!(12), json!(false)));
    let body = json!({"kind": "return", "account_id": id, "amount": "99"});
    made(funds.post("transfers/create", &body, &funds.coordinator).await);
    assert_eq!(runway().await, ("70.00".to_owned(), json!(2), json!(true)));
    // Reversed spend does not count.
    made(funds.post(&format!("transfers/{}/reverse", spent[2]), &json!({}), &funds.coordinator).await);
    assert_eq!(runway().await, ("30.00".to_owned(), json!(16), json!(false)));
}
