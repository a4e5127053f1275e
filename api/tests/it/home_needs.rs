//! The part *Needs you* of the home page, for each position.

use serde_json::json;
use sluice_api::policy::Position;
use sluice_schemas::rows::RollupHourlyRow;

use crate::events::insert_rollup;
use crate::funds::Funds;
use crate::world::{NOW_MS, World};

/// Returns the lines of *Needs you*.
fn needs(page: &str) -> Vec<String> {
    let (_, rest) = page.split_once("id=\"needs\">").unwrap();
    let (section, _) = rest.split_once("</section>").unwrap();
    section
        .split("<li>")
        .skip(1)
        .map(|line| {
            let (_, rest) = line.split_once("href=\"").unwrap();
            let (href, rest) = rest.split_once("\">").unwrap();
            format!("{href} {}", rest.split_once("</a>").unwrap().0).replace('\u{202f}', " ")
        })
        .collect()
}

#[tokio::test]
async fn each_position_sees_what_needs_it() {
    let funds = Funds::on(World::with_events(|_| {}).await).await;
    let world = &funds.world;
    let page = async |username: &str| world.visitor(username).await.get("/").await.text;
    for username in ["buyer", "other", "lead", "coordinator", "owner"] {
        assert_eq!(needs(&page(username).await), [""; 0], "{username}");
    }
    let account = funds.account("Meta 1", &funds.buyer, "USD").await;
    let idle = funds.account("Meta 2", &funds.buyer, "USD").await;
    for account in [account, idle] {
        assert_eq!(funds.transfer("top_up", account, "1000").await.status, 201);
    }
    for (account, amount, day) in [(account, "900", "2026-11-22"), (idle, "10", "2026-11-18")] {
        let body = json!({"kind": "spend", "account_id": account, "amount": amount, "date": day});
        let answer = funds.post("transfers/create", &body, &funds.coordinator).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    let (first, second) = (funds.request(account, "500").await, funds.request(account, "1200").await);
    assert_eq!(
        needs(&page("lead").await),
        [
            "/funds/requests/?status=open 2 requests to approve: 1 700.00 USD. Your team has no budget for November."
        ]
    );
    funds.budget("2000", "USD").await;
    for (id, verb, body) in
        [(first, "approve", json!({"amount": "500"})), (second, "refuse", json!({"reason": "no"}))]
    {
        let answer = funds.post(&format!("requests/{id}/{verb}"), &body, &funds.lead).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let third = funds.request(account, "100").await;
    assert_eq!(
        needs(&page("lead").await),
        [
            "/funds/requests/?status=open 1 request to approve: 100.00 USD. 1 500.00 USD is left of the budget for November."
        ]
    );
    assert_eq!(
        needs(&page("coordinator").await),
        [
            "/funds/requests/?status=approved 1 request to top up: 500.00 USD.".to_owned(),
            format!("/funds/accounts/{account}/ Meta 1 lasts less than a day: 100.00 USD is left."),
            format!("/funds/accounts/{idle}/ No spend of Meta 2 for two days; 990.00 USD is in it."),
        ]
    );
    assert_eq!(
        needs(&page("owner").await),
        [
            "/funds/requests/?status=open 1 request to approve: 100.00 USD.",
            "/funds/requests/?status=approved 1 request to top up: 500.00 USD.",
        ]
    );
    let mut answers = needs(&page("buyer").await);
    answers.sort();
    assert_eq!(
        answers,
        [
            format!("/funds/requests/{first}/ Your request of 500.00 USD for Meta 1 was approved."),
            format!("/funds/requests/{second}/ Your request of 1 200.00 USD for Meta 1 was refused."),
        ]
    );
    assert_eq!(needs(&page("other").await), [""; 0], "another buyer's are not shown ({third})");
}

#[tokio::test]
async fn silence_keys_parked_events_and_people_are_named() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let lead = world.person("lead", Position::TeamLead).await;
    let ann = world.person("ann", Position::Buyer).await;
    let eve = world.person("eve", Position::Buyer).await;
    world.team("Red", lead.id, &[ann.id]).await;
    let campaign = async |name: &str| {
        let body = json!({"name": name, "user_id": ann.id});
        let answer = world.post_json("/api/campaigns/create/", &body, Some(&owner)).await;
        answer.json()["id"].as_u64().unwrap()
    };
    let (silent, busy, paused) = (campaign("Silent").await, campaign("Busy").await, campaign("Paused").await);
    world.sql(&format!("UPDATE campaigns SET state = 'paused' WHERE id = {paused}")).await;
    let sums = |campaign_id: u64, hours_ago: u64, user_id: i64| RollupHourlyRow {
        prospects: 3,
        ..RollupHourlyRow::of(
            u32::try_from(NOW_MS / 1000 - hours_ago * 3600).unwrap(),
            user_id.try_into().unwrap(),
            0,
            campaign_id,
        )
    };
    let rows = [(silent, 25), (silent, 70), (busy, 24), (paused, 40)];
    insert_rollup(&world, &rows.map(|(campaign, hours)| sums(campaign, hours, ann.id))).await;
    insert_rollup(&world, &[sums(99, 30, eve.id)]).await;
    let soon = NOW_MS / 1000 + 86_400;
    world
        .sql(&format!(
            "UPDATE tracking_keys SET expires_at = to_timestamp({soon}) WHERE campaign_id = {busy}"
        ))
        .await;
    let page = async |username: &str| needs(&world.visitor(username).await.get("/").await.text);
    assert_eq!(
        page("ann").await,
        [
            format!("/campaigns/{silent}/ No visits to campaign Silent since 22 Nov 15:00."),
            format!("/campaigns/{busy}/ A tracking key of campaign Busy ends on 24 Nov 15:00."),
        ]
    );
    assert_eq!(page("lead").await, [""; 0], "the last visit was 24 hours ago");
    world.clock.advance(std::time::Duration::from_secs(3600));
    assert_eq!(page("lead").await, [format!("/users/{}/ No visits by ann since 22 Nov 16:00.", ann.id)]);
    assert_eq!(page("owner").await, [""; 0]);
    for number in 1..=3 {
        crate::events::park_order(&world, number, NOW_MS - number, "nobody", "").await;
    }
    for (minutes_ago, missing) in [(30, 2), (1500, 7)] {
        crate::pipeline::count(&world, 0, minutes_ago, "missing", missing).await;
    }
    world.sql("UPDATE users SET is_active = false, awaits_approval = true WHERE username = 'eve'").await;
    assert_eq!(
        page("owner").await,
        [
            "/pipeline/ 2 events are missing in the loss audit of the last 24 hours.",
            "/users/?is_active=false 1 person waits for approval.",
            "/parked/?state=waiting 3 events are parked: unknown prospect.",
        ]
    );
}
