//! Parked events by the API: counts, decisions after a count, their progress, and refusals.

use serde_json::{Value, json};
use sluice_api::policy::Position;
use sluice_schemas::rows::ParkedRow;

use crate::events::{
    Office, id, insert_index, insert_parked, insert_prospects, park_order, park_prospect, prospect,
};
use crate::world::{NOW_MS, Person, World};

pub(crate) const KEY: &str = "8qk2m9xw4tbvhr3f";

/// A world with a campaign (1), three prospects that wait for a key, and an order that waits.
async fn world_with_parked() -> (World, Person) {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    world.sql("INSERT INTO campaigns (name) VALUES ('Shoes')").await;
    for number in 1..=3 {
        park_prospect(&world, number, NOW_MS - 60_000 + number, KEY).await;
    }
    park_order(&world, 9, NOW_MS - 45_000, "{click.id}", "").await;
    (world, owner)
}

/// The events of a decision in a later state, as the consumer writes it.
async fn moved(world: &World, row: &ParkedRow, state: &str, decision: u64) {
    let payload = if state == "replayed" { String::new() } else { row.payload.clone() };
    let version = row.version + 2;
    insert_parked(world, &ParkedRow { state: state.to_owned(), payload, version, decision, ..row.clone() })
        .await;
}

async fn log_of_directory(world: &World) -> Vec<(bool, Option<i64>, Value)> {
    sqlx::query_as(
        "SELECT is_gone, to_ms, details FROM directory_log WHERE entity = 'parked_decision' ORDER BY version",
    )
    .fetch_all(&world.app.postgres)
    .await
    .unwrap()
}

#[tokio::test]
async fn events_are_mended_after_they_were_counted() {
    let (world, owner) = world_with_parked().await;
    let mend = async |more: Value| {
        let mut body = json!({"reason": "unknown_key", "reference": KEY, "campaign_id": 1});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.post_json("/api/parked/mend/", &body, Some(&owner)).await
    };
    let counted = mend(json!({"dry_run": true})).await;
    insta::assert_snapshot!(counted.line(), @r#"200 {"count":3,"first_seen":"2026-11-23T14:59:00.001Z","last_seen":"2026-11-23T14:59:00.003Z","until":"2026-11-23T15:00:00.000Z","counted_at":"2026-11-23T15:00:00.000Z"}"#);
    assert_eq!(mend(json!({})).await.line(), r#"400 {"expected":["This field is required."]}"#);
    let other = mend(json!({"expected": 4})).await;
    assert_eq!(other.line(), r#"409 {"detail":"3 events match now, not 4. Count them again."}"#);
    assert!(log_of_directory(&world).await.is_empty());

    let until = counted.json()["until"].clone();
    let made = mend(json!({"expected": 3, "until": until, "note": "typo"})).await;
    insta::assert_snapshot!(made.line(), @r#"201 {"id":1,"act":"mend","event_id":null,"reason":"unknown_key","reference":"8qk2m9xw4tbvhr3f","campaign_id":1,"user_id":null,"prospect_id":null,"until":"2026-11-23T15:00:00.000Z","note":"typo","n_events":3,"decided_at":"2026-11-23T15:00:00.000Z","decided_by":1,"revoked_at":null,"progress":{"waiting":3,"replayed":0,"ignored":0}}"#);
    let log = log_of_directory(&world).await;
    assert_eq!(
        (log[0].0, log[0].1, &log[0].2["campaign_id"]),
        (false, Some(NOW_MS.cast_signed()), &json!(1))
    );

    // The consumer stores one of them; one comes that is later than the decision.
    let stored = park_prospect(&world, 1, NOW_MS - 60_000 + 1, KEY).await;
    moved(&world, &stored, "replayed", 1).await;
    park_prospect(&world, 4, NOW_MS + 1, KEY).await;
    let detail = world.get_as("/api/parked/decisions/detail/1/", &owner).await.json();
    assert_eq!(detail["progress"], json!({"waiting": 2, "replayed": 1, "ignored": 0}));
    let list = world.get_as("/api/parked/decisions/list/?state=active", &owner).await.json();
    assert_eq!(list[0]["progress"], detail["progress"]);

    let revoke = "/api/parked/decisions/1/revoke/";
    assert_eq!(world.post_json(revoke, &json!({}), Some(&owner)).await.status, 204);
    assert_eq!(world.post_json(revoke, &json!({}), Some(&owner)).await.status, 409);
    assert_eq!(
        world.post_json("/api/parked/decisions/7/revoke/", &json!({}), Some(&owner)).await.status,
        404
    );
    assert!(log_of_directory(&world).await[1].0);
    assert_eq!(world.get_as("/api/parked/decisions/list/?state=active", &owner).await.line(), "200 []");
    let audit = world.audit("parked").await;
    assert!(
        audit[0].starts_with("mend 1 by owner: - -> {") && audit[0].contains("\"n_events\":3"),
        "{audit:?}"
    );
    assert!(audit[1].starts_with("revoke 1 by owner: {"), "{audit:?}");
    assert_eq!(audit.len(), 2);
}

#[tokio::test]
async fn an_order_is_mended_with_a_stored_prospect_only() {
    let (world, owner) = world_with_parked().await;
    let meant = [prospect(50, NOW_MS - 90_000, owner.id)];
    insert_prospects(&world, &meant).await;
    insert_index(&world, &meant).await;
    let which =
        json!({"reason": "unknown_prospect", "reference": "{click.id}", "expected": 1, "until": "forever"});
    let mend = async |target: Value| {
        let mut body = which.clone();
        body.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        world.post_json("/api/parked/mend/", &body, Some(&owner)).await
    };
    for (target, field) in [
        (json!({"prospect_id": id(51)}), "prospect_id"),
        (json!({"prospect_id": "x"}), "prospect_id"),
        (json!({"campaign_id": 1}), "prospect_id"),
        (json!({"prospect_id": id(50), "campaign_id": 1}), "prospect_id"),
        (json!({}), "prospect_id"),
    ] {
        let answer = mend(target).await;
        assert_eq!((answer.status, answer.json()[field].is_array()), (400, true), "{}", answer.text);
    }
    let made = mend(json!({"prospect_id": id(50)})).await;
    assert_eq!((made.status, &made.json()["until"]), (201, &Value::Null), "{}", made.text);
    assert_eq!(log_of_directory(&world).await[0].1, None);
}

#[tokio::test]
async fn nonsense_is_refused_with_the_field() {
    let (world, owner) = world_with_parked().await;
    world.sql("UPDATE campaigns SET archived_at = now()").await;
    let key = json!({"reason": "unknown_key", "reference": KEY, "expected": 3});
    let merged = |more: Value| {
        let mut body = key.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (path, body, field) in [
        ("mend", merged(json!({"campaign_id": 1})), "campaign_id"),
        ("mend", merged(json!({"campaign_id": "x"})), "campaign_id"),
        ("mend", merged(json!({"user_id": 99})), "user_id"),
        ("mend", merged(json!({"user_id": 1, "campaign_id": 1})), "campaign_id"),
        ("mend", merged(json!({})), "campaign_id"),
        ("mend", merged(json!({"user_id": 1, "until": "tomorrow"})), "until"),
        ("mend", merged(json!({"user_id": 1, "expected": -1})), "expected"),
        ("mend", merged(json!({"user_id": 1, "event_id": id(1)})), "event_id"),
        ("mend", json!({"user_id": 1, "event_id": id(77)}), "event_id"),
        ("mend", json!({"user_id": 1}), "reason"),
        ("mend", json!({"user_id": 1, "reason": "bored"}), "reason"),
        ("mend", json!({"user_id": 1, "reason": "unreadable", "expected": 1}), "reason"),
        ("ignore", merged(json!({})), "note"),
        ("ignore", merged(json!({"note": "x".repeat(501)})), "note"),
        ("ignore", merged(json!({"note": "a\0b"})), "note"),
        ("ignore", merged(json!({"note": "x", "dry_run": "maybe"})), "dry_run"),
        ("wait-again", json!({"reason": "unknown_key", "reference": "x".repeat(5000)}), "reference"),
        ("wait-again", json!({"event_id": id(1)}), "expected"),
    ] {
        let answer = world.post_json(&format!("/api/parked/{path}/"), &body, Some(&owner)).await;
        assert_eq!((answer.status, answer.json()[field].is_array()), (400, true), "{body}: {}", answer.text);
    }
    for path in [
        "list/?state=bored",
        "list/?reason=bored",
        "list/?cursor=1",
        "counts/?limit=0",
        "decisions/list/?state=x",
    ] {
        assert_eq!(world.get_as(&format!("/api/parked/{path}"), &owner).await.status, 400, "{path}");
    }
    for path in ["detail/x/", "decisions/detail/1/", "decisions/detail/99999999999999999999/"] {
        assert_eq!(world.get_as(&format!("/api/parked/{path}"), &owner).await.status, 404, "{path}");
    }
    assert!(log_of_directory(&world).await.is_empty());
}

#[tokio::test]
async fn ignored_events_wait_again_before_they_are_mended() {
    let (world, owner) = world_with_parked().await;
    let ignore = json!({"reason": "unknown_key", "reference": KEY, "note": "a test", "expected": 3});
    assert_eq!(world.post_json("/api/parked/ignore/", &ignore, Some(&owner)).await.status, 201);
    for number in 1..=3 {
        let row = park_prospect(&world, number, NOW_MS - 60_000 + number, KEY).await;
        moved(&world, &row, "ignored", 1).await;
    }
    let late = park_prospect(&world, 4, NOW_MS - 1000, KEY).await;
    let mend = json!({"reason": "unknown_key", "reference": KEY, "user_id": owner.id, "expected": 1});
    let refused = world.post_json("/api/parked/mend/", &mend, Some(&owner)).await;
    assert_eq!(refused.line(), r#"409 {"detail":"These events are ignored. Let them wait again first."}"#);
    let detail = world.get_as(&format!("/api/parked/detail/{}/", id(1)), &owner).await.json();
    assert_eq!((&detail["state"], &detail["can_wait_again"]), (&json!("ignored"), &json!(true)));
    assert_eq!(detail["contents"]["ip"], "203.0.113.7");

    // One of them, then the others.
    let wait = async |body: Value| world.post_json("/api/parked/wait-again/", &body, Some(&owner)).await;
    let one = wait(json!({"event_id": id(1), "expected": 1})).await;
    assert_eq!((one.status, &one.json()["count"]), (200, &json!(1)), "{}", one.text);
    let all = json!({"reason": "unknown_key", "reference": KEY});
    assert_eq!(wait(all.clone()).await.line(), r#"400 {"expected":["This field is required."]}"#);
    let mut all = all.as_object().unwrap().clone();
    all.insert("expected".to_owned(), json!(3));
    assert_eq!(wait(Value::Object(all.clone())).await.status, 200);
    assert_eq!(wait(Value::Object(all)).await.status, 409);
    let acts: Vec<(String, bool)> =
        sqlx::query_as("SELECT act, revoked_at IS NULL FROM parked_decisions ORDER BY id")
            .fetch_all(&world.app.postgres)
            .await
            .unwrap();
    assert_eq!(acts, [("ignore".to_owned(), false), ("wait".to_owned(), true)]);
    // One that was deleted never waits again.
    let deleted = ParkedRow { decision: 0, version: 9, state: "ignored".to_owned(), ..late };
    insert_parked(&world, &deleted).await;
    assert_eq!(wait(json!({"event_id": id(4), "expected": 1})).await.status, 409);
    assert_eq!(world.post_json("/api/parked/mend/", &mend, Some(&owner)).await.status, 409, "none waits");
    let lines = world.audit("parked").await;
    assert!(lines[1].starts_with(&format!("wait_again {} by owner", id(1))), "{lines:?}");
}

#[tokio::test]
async fn parked_events_are_counted_and_listed() {
    let (world, owner) = world_with_parked().await;
    let minute = NOW_MS / 1000 - 3600;
    let lost = format!(
        "INSERT INTO outcomes (minute, stage, lane, outcome, reason, count) VALUES \
         ({minute}, 'consumer', 'a', 'dropped', 'unknown_key', 7), ({minute}, 'consumer', 'a', 'parked', 'unknown_key', 3), \
         ({}, 'consumer', 'a', 'dropped', 'unknown_key', 9)",
        minute - 90_000
    );
    world.events().query(&lost).execute().await.unwrap();
    let counts = world.get_as("/api/parked/counts/?limit=1", &owner).await;
    insta::assert_snapshot!(counts.line(), @r#"200 {"by_reason":[{"reason":"unknown_key","waiting":3,"replayed":0,"ignored":0,"oldest_waiting":"2026-11-23T14:59:00.001Z"},{"reason":"unknown_prospect","waiting":1,"replayed":0,"ignored":0,"oldest_waiting":"2026-11-23T14:59:15.000Z"}],"alike":[{"kind":"prospect","reason":"unknown_key","reference":"8qk2m9xw4tbvhr3f","state":"waiting","count":3,"oldest":"2026-11-23T14:59:00.001Z","newest":"2026-11-23T14:59:00.003Z"}],"lost_last_day":[{"outcome":"dropped","reason":"unknown_key","count":7}]}"#);
    let page =
        world.get_as(&format!("/api/parked/list/?reason=unknown_key&reference={KEY}&limit=2"), &owner).await;
    let ids = |answer: &Value| -> Vec<String> {
        answer.as_array().unwrap().iter().map(|row| row["event_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&page.json()), [id(3).to_string(), id(2).to_string()]);
    let next = page.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    let next = next.split_once("crm.example").map_or(next.clone(), |(_, path)| path.to_owned());
    assert_eq!(ids(&world.get_as(&next, &owner).await.json()), [id(1).to_string()]);
    assert_eq!(
        ids(&world.get_as("/api/parked/list/?state=ignored", &owner).await.json()),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn only_owners_decide() {
    let office = Office::new().await;
    let world = &office.world;
    let row = park_prospect(world, 60, NOW_MS - 1000, KEY).await;
    let body = json!({"event_id": row.event_id, "user_id": office.owner.id, "note": "x", "expected": 1});
    for person in [&office.ann, &office.lead, &office.funds] {
        for path in [
            "list/".to_owned(),
            "counts/".to_owned(),
            format!("detail/{}/", row.event_id),
            "decisions/list/".to_owned(),
        ] {
            assert_eq!(world.get_as(&format!("/api/parked/{path}"), person).await.status, 403, "{path}");
        }
        for path in ["mend/", "ignore/", "wait-again/", "decisions/1/revoke/"] {
            let answer = world.post_json(&format!("/api/parked/{path}"), &body, Some(person)).await;
            assert_eq!(answer.status, 403, "{path}");
        }
    }
    assert_eq!(world.post_json("/api/parked/mend/", &body, Some(&office.owner)).await.status, 201);
}

#[tokio::test]
async fn a_repeated_decision_takes_the_place_of_the_first() {
    let (world, owner) = world_with_parked().await;
    let body = json!({"event_id": id(1), "user_id": owner.id, "expected": 1});
    for _ in 0..2 {
        assert_eq!(world.post_json("/api/parked/mend/", &body, Some(&owner)).await.status, 201);
    }
    let active = world.get_as("/api/parked/decisions/list/?state=active", &owner).await.json();
    assert_eq!((active.as_array().unwrap().len(), &active[0]["id"]), (1, &json!(2)));
    // The log of the directory has them in this order: made, revoked, made.
    let gone: Vec<bool> = log_of_directory(&world).await.iter().map(|line| line.0).collect();
    assert_eq!(gone, [false, true, false]);
}
