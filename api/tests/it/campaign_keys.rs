//! A campaign over time: its keys, buyers and references. Also as a form.

use axum::http::Request;
use serde_json::{Value, json};
use sluice_api::policy::Position;

use crate::world::{Answer, Person, World};

async fn campaign(world: &World, buyer: &Person) -> String {
    let made = world.post_json("/api/campaigns/create/", &json!({"name": "a"}), Some(buyer)).await;
    made.json()["tracking_key"].as_str().unwrap().to_owned()
}

/// Returns each key as its number in `known` and `open` (without an end), `grace` (ends later) or
/// `ended`.
async fn keys(world: &World, known: &mut Vec<String>) -> Vec<String> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT key, CASE WHEN expires_at IS NULL THEN 'open' WHEN expires_at > now() THEN 'grace' ELSE 'ended' END
         FROM tracking_keys ORDER BY created_at",
    )
    .fetch_all(&world.app.postgres)
    .await
    .unwrap();
    let mut states = Vec::new();
    for (key, state) in rows {
        if !known.contains(&key) {
            known.push(key.clone());
        }
        let number = known.iter().position(|other| *other == key).unwrap();
        states.push(format!("{number} {state}"));
    }
    states
}

#[tokio::test]
async fn a_rotated_key_stays_for_its_grace_time() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let mut known = vec![campaign(&world, &ann).await];
    let rotate =
        async |body: Value| world.call("POST", "/api/campaigns/1/rotate-key/", &body, &ann, "").await;
    let rotated = rotate(Value::Null).await;
    assert_eq!((rotated.status, rotated.header("etag")), (200, "\"2\""));
    assert_eq!(keys(&world, &mut known).await, ["0 grace", "1 open"]);
    let body = rotated.json();
    assert_eq!(body["tracking_key"], known[1].as_str());
    assert!(body["snippet"].as_str().unwrap().contains(&known[1]));
    assert_eq!(body["tracking_keys"][0]["expires_at"], Value::Null);
    assert!(body["tracking_keys"][1]["expires_at"].is_string());
    assert_eq!(rotate(json!({"grace_hours": "0"})).await.status, 200);
    assert_eq!(keys(&world, &mut known).await, ["0 ended", "1 ended", "2 open"]);
    for wrong in [json!(-1), json!(721), json!("a"), json!(null), json!([]), json!(1.5), json!(u64::MAX)] {
        let answer = rotate(json!({"grace_hours": wrong})).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(answer.json()["grace_hours"].is_array(), "{}", answer.text);
    }
    let stale = world.call("POST", "/api/campaigns/1/rotate-key/", &json!({}), &ann, "\"1\"").await;
    assert_eq!(stale.status, 412);
    assert_eq!(keys(&world, &mut known).await.len(), 3);
}

#[tokio::test]
async fn a_revoked_key_ends_at_once_and_the_last_is_replaced() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let mut known = vec![campaign(&world, &ann).await];
    let revoke = async |key: &str| {
        world.call("POST", "/api/campaigns/1/revoke-key/", &json!({"key": key}), &ann, "").await
    };
    let first = revoke(&known[0].to_uppercase()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(keys(&world, &mut known).await, ["0 ended", "1 open"]);
    world.call("POST", "/api/campaigns/1/rotate-key/", &json!({}), &ann, "").await;
    assert_eq!(keys(&world, &mut known).await, ["0 ended", "1 grace", "2 open"]);
    assert_eq!(revoke(&known[1].clone()).await.status, 200);
    assert_eq!(keys(&world, &mut known).await, ["0 ended", "1 ended", "2 open"]);
    insta::assert_snapshot!(revoke(&known[1].clone()).await.line(), @r#"400 {"key":["This key has ended already."]}"#);
    insta::assert_snapshot!(revoke("2222222222222222").await.line(), @r#"400 {"key":["The campaign has no such key."]}"#);
    insta::assert_snapshot!(revoke("").await.line(), @r#"400 {"key":["This field may not be blank."]}"#);
    let lines = world.audit("campaigns").await;
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[1].starts_with("revoke-key 1 by ann: {\"valid_keys\":[\""), "{}", lines[1]);
}

#[tokio::test]
async fn rotations_at_once_leave_one_key_without_an_end() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let mut known = vec![campaign(&world, &ann).await];
    let body = json!({});
    let rotate = || world.call("POST", "/api/campaigns/1/rotate-key/", &body, &ann, "");
    let (first, second, third) = tokio::join!(rotate(), rotate(), rotate());
    for answer in [first, second, third] {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let states = keys(&world, &mut known).await;
    assert_eq!(states.iter().filter(|state| state.ends_with("open")).count(), 1, "{states:?}");
    // The number of keys is limited.
    for _ in 0..16 {
        assert_eq!(rotate().await.status, 200);
    }
    insta::assert_snapshot!(rotate().await.line(), @r#"409 {"detail":"It has 20 valid keys. Revoke some first."}"#);
}

#[tokio::test]
async fn a_campaign_is_handed_over_and_its_past_stays() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let lead = world.person("lead", Position::TeamLead).await;
    let ann = world.person("ann", Position::Buyer).await;
    let ben = world.person("ben", Position::Buyer).await;
    let eve = world.person("eve", Position::Buyer).await;
    world.team("Red", lead.id, &[ann.id, ben.id]).await;
    campaign(&world, &ann).await;
    let hand = async |person: &Person, to: i64| -> Answer {
        world.call("PATCH", "/api/campaigns/update/1/", &json!({"user_id": to}), person, "").await
    };
    insta::assert_snapshot!(hand(&ann, ben.id).await.line(), @r#"400 {"user_id":["A Buyer runs campaigns of their own only."]}"#);
    insta::assert_snapshot!(hand(&lead, eve.id).await.line(), @r#"400 {"user_id":["Invalid pk \"5\" - object does not exist."]}"#);
    assert_eq!(hand(&lead, ben.id).await.json()["user_id"], ben.id);
    assert_eq!(world.get_as("/api/campaigns/detail/1/", &ann).await.status, 404);
    assert_eq!(world.get_as("/api/campaigns/detail/1/", &ben).await.status, 200);
    // An Owner may give it to any buyer, after which the lead no longer sees it.
    assert_eq!(hand(&owner, lead.id).await.status, 400);
    let (first, second) = tokio::join!(hand(&owner, eve.id), hand(&owner, ann.id));
    assert_eq!((first.status, second.status), (200, 200));
    let periods: Vec<(i64, bool, bool)> = sqlx::query_as(
        "SELECT user_id, lower(during) = 'epoch', upper_inf(during) FROM campaign_buyers ORDER BY during",
    )
    .fetch_all(&world.app.postgres)
    .await
    .unwrap();
    assert_eq!(periods[..2], [(ann.id, true, false), (ben.id, false, false)]);
    assert_eq!(periods.len(), 4);
    assert_eq!(periods.iter().filter(|(_, _, is_open)| *is_open).count(), 1);
    let gaps: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM campaign_buyers one WHERE NOT upper_inf(during) AND NOT EXISTS (
             SELECT FROM campaign_buyers other WHERE lower(other.during) = upper(one.during))",
    )
    .fetch_one(&world.app.postgres)
    .await
    .unwrap();
    assert_eq!(gaps, 0);
}

#[tokio::test]
async fn a_campaign_keeps_deleted_sources_and_partners() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let ann = world.person("ann", Position::Buyer).await;
    for thing in ["sources", "partners"] {
        world.post_json(&format!("/api/{thing}/create/"), &json!({"name": "a"}), Some(&owner)).await;
    }
    let body = json!({"name": "a", "source": 1, "partner": 1});
    assert_eq!(world.post_json("/api/campaigns/create/", &body, Some(&ann)).await.status, 201);
    for thing in ["sources", "partners"] {
        let path = format!("/api/{thing}/delete/1/");
        assert_eq!(world.call("DELETE", &path, &Value::Null, &owner, "").await.status, 204);
    }
    let renamed = world.call("PATCH", "/api/campaigns/update/1/", &json!({"name": "b"}), &ann, "").await;
    assert_eq!((renamed.status, &renamed.json()["source"]), (200, &json!(1)));
    assert_eq!(world.post_json("/api/campaigns/create/", &body, Some(&ann)).await.status, 400);
}

#[tokio::test]
async fn every_change_moves_the_directorys_version() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let ann = world.person("ann", Position::Buyer).await;
    let ben = world.person("ben", Position::Buyer).await;
    let version = async || -> i64 {
        sqlx::query_scalar("SELECT max(version) FROM directory_log")
            .fetch_one(&world.app.postgres)
            .await
            .unwrap()
    };
    let mut last = version().await;
    for (method, path, body) in [
        ("POST", "/api/campaigns/create/", json!({"name": "a", "user_id": ann.id})),
        ("PATCH", "/api/campaigns/update/1/", json!({"user_id": ben.id})),
        ("POST", "/api/campaigns/1/rotate-key/", json!({})),
        ("DELETE", "/api/campaigns/delete/1/", Value::Null),
        ("POST", "/api/teams/create/", json!({"name": "a", "members": [ann.id]})),
        ("PATCH", "/api/teams/update/1/", json!({"members": []})),
    ] {
        let answer = world.call(method, path, &body, &owner, "").await;
        assert!(answer.status < 300, "{path}: {}", answer.text);
        let now = version().await;
        assert!(now > last, "{method} {path}");
        last = now;
    }
}

#[tokio::test]
async fn a_form_repeats_the_names_of_lists() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let request = Request::post("/api/campaigns/create/")
        .header("authorization", format!("Bearer {}", ann.token))
        .header("content-type", "application/x-www-form-urlencoded");
    let body = "name=Form&tags=a&tags=b&sites=https://a.example&payout=1.5&source=&partner=";
    let made = world.send(request.body(body.into()).unwrap()).await;
    let made = (made.status, made.json());
    assert_eq!((made.0, &made.1["tags"], &made.1["payout"]), (201, &json!(["a", "b"]), &json!("1.50")));
}
