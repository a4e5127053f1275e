//! `Idempotency-Key`: a repeated request creates one thing, for every caller and also at the same
//! time.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use futures::future::join_all;
use serde_json::{Value, json};
use sluice_api::db::{time_of, tokens};
use sluice_api::policy::Position;

use crate::world::{Answer, PASSWORD, Person, World};

const TEAMS: &str = "/api/teams/create/";

/// Sends a request with a key. Events have no caller.
async fn ask(world: &World, path: &str, body: &Value, person: Option<&Person>, key: &[u8]) -> Answer {
    let mut request = Request::post(path).header(CONTENT_TYPE, "application/json");
    if let Some(person) = person {
        request = request.header(AUTHORIZATION, format!("Bearer {}", person.token));
    }
    world.send(request.header("idempotency-key", key).body(Body::from(body.to_string())).unwrap()).await
}

async fn count(world: &World, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&world.app.postgres).await.unwrap()
}

/// Everything that can be created under a key: path, body, table, and another body.
async fn creates(world: &World, owner: &Person) -> Vec<(String, Value, &'static str, Value)> {
    let buyer = world.person("buyer", Position::Buyer).await.id;
    let team = world.team("Alpha", None, &[buyer]).await;
    let made =
        async |path: &str, body: Value| world.post_json(path, &body, Some(owner)).await.json()["id"].clone();
    let account = json!({"name": "first", "user_id": buyer, "currency": "USD"});
    let account = made("/api/funds/accounts/create/", account).await;
    let campaign = made("/api/campaigns/create/", json!({"name": "C", "user_id": buyer})).await;
    let budget =
        |amount: &str| json!({"team_id": team, "month": "2026-11", "amount": amount, "currency": "USD"});
    let rate = |rate: &str| json!({"base": "USD", "quote": "JPY", "date": "2026-11-01", "rate": rate});
    let asked = |amount: &str| json!({"account_id": account, "amount": amount, "purpose": "scale"});
    let user = |name: &str| json!({"username": name, "password": "correct horse"});
    let named = |name: &str| json!({ "name": name });
    let campaign_of = |name: &str| json!({"name": name, "user_id": buyer});
    let opened = |name: &str| json!({"name": name, "user_id": buyer, "currency": "USD"});
    let grace = |hours: i64| json!({ "grace_hours": hours });
    vec![
        ("/api/users/create/".into(), user("a"), "users", user("b")),
        (TEAMS.into(), named("a"), "teams", named("b")),
        ("/api/sources/create/".into(), named("a"), "sources", named("b")),
        ("/api/partners/create/".into(), named("a"), "partners", named("b")),
        ("/api/campaigns/create/".into(), campaign_of("a"), "campaigns", campaign_of("b")),
        (format!("/api/campaigns/{campaign}/rotate-key/"), grace(1), "tracking_keys", grace(2)),
        ("/api/funds/accounts/create/".into(), opened("a"), "fund_accounts", opened("b")),
        ("/api/funds/budgets/create/".into(), budget("1"), "fund_budgets", budget("2")),
        ("/api/funds/rates/create/".into(), rate("1"), "fund_rates", rate("2")),
        ("/api/funds/requests/create/".into(), asked("1"), "fund_requests", asked("2")),
    ]
}

#[tokio::test]
async fn everything_is_created_once() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    for (path, body, table, other) in creates(&world, &owner).await {
        let first = ask(&world, &path, &body, Some(&owner), b"k1").await;
        assert!(matches!(first.status, 200 | 201), "{path}: {}", first.text);
        assert_eq!(first.header("idempotency-replayed"), "");
        let (n_rows, n_lines) = (count(&world, table).await, count(&world, "audit_log").await);
        let again = ask(&world, &path, &body, Some(&owner), b"k1").await;
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{path}");
        for name in ["etag", "content-type", "location"] {
            assert_eq!(again.header(name), first.header(name), "{path} {name}");
        }
        assert_eq!(again.header("idempotency-replayed"), "true", "{path}");
        let otherwise = ask(&world, &path, &other, Some(&owner), b"k1").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(otherwise.line(), @r#"409 {"detail":"This Idempotency-Key was used for another request."}"#);
        }
        assert_eq!(count(&world, table).await, n_rows, "{path}");
        assert_eq!(count(&world, "audit_log").await, n_lines, "{path}");
    }
    // Each operation has its own keys.
    let kept: Vec<String> = sqlx::query_scalar("SELECT operation FROM idempotency_keys WHERE key = 'k1'")
        .fetch_all(&world.app.postgres)
        .await
        .unwrap();
    assert!(
        kept.len() == 10 && kept.contains(&"POST /api/campaigns/{id}/rotate-key/".to_owned()),
        "{kept:?}"
    );
}

#[tokio::test]
async fn the_key_is_stored_in_the_transaction_that_creates_the_row() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    ask(&world, TEAMS, &json!({"name": "a"}), Some(&owner), b"k").await;
    // A process that dies after the commit leaves both; before it, neither.
    let is_one: bool = sqlx::query_scalar(
        "SELECT known.xmin = teams.xmin AND known.status = 201 FROM idempotency_keys known CROSS JOIN teams",
    )
    .fetch_one(&world.app.postgres)
    .await
    .unwrap();
    assert!(is_one);
}

#[tokio::test]
async fn many_requests_at_once_create_one() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    for round in 0..20 {
        let (key, body) = (format!("round {round}"), json!({"name": format!("team {round}")}));
        let answers = join_all((0..4).map(|_| ask(&world, TEAMS, &body, Some(&owner), key.as_bytes()))).await;
        assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
        assert!(answers.iter().all(|answer| answer.text == answers[0].text), "{answers:?}");
        let n_replayed =
            answers.iter().filter(|answer| answer.header("idempotency-replayed") == "true").count();
        assert_eq!(n_replayed, 3);
        assert_eq!(count(&world, "teams").await, round + 1);
    }
}

#[tokio::test]
async fn a_key_in_use_is_a_409_with_retry_after() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let body = json!({"name": "a"});
    let mut other = world.app.postgres.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO idempotency_keys (user_id, operation, key, fingerprint, created_at)
         VALUES ($1, 'POST /api/teams/create/', 'k', sha256('x'), now())",
    )
    .bind(owner.id)
    .execute(&mut *other)
    .await
    .unwrap();
    let answer = ask(&world, TEAMS, &body, Some(&owner), b"k").await;
    insta::assert_snapshot!(answer.line(), @r#"409 {"detail":"A request with this Idempotency-Key is in progress. Try again."}"#);
    assert_eq!(answer.header("retry-after"), "1");
    other.rollback().await.unwrap();
    assert_eq!(ask(&world, TEAMS, &body, Some(&owner), b"k").await.status, 201);
}

#[tokio::test]
async fn a_failed_request_frees_the_key() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let lead = world.person("lead", Position::TeamLead).await;
    world.team("Alpha", lead.id, &[]).await;
    // One request fails before the transaction, the other in it.
    for body in [json!({"name": ""}), json!({"name": "a", "team_lead": lead.id})] {
        assert_eq!(ask(&world, TEAMS, &body, Some(&owner), b"k").await.status, 400);
        assert_eq!(count(&world, "idempotency_keys").await, 0);
    }
    assert_eq!(ask(&world, TEAMS, &json!({"name": "a"}), Some(&owner), b"k").await.status, 201);
}

#[tokio::test]
async fn each_user_has_their_own_keys() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let second = world.person("second", Position::Owner).await;
    let first = ask(&world, TEAMS, &json!({"name": "a"}), Some(&owner), b"k").await;
    let other = ask(&world, TEAMS, &json!({"name": "a"}), Some(&second), b"k").await;
    assert_eq!((other.status, other.header("idempotency-replayed")), (201, ""));
    assert_ne!(first.json()["id"], other.json()["id"]);
    // A caller who lost the permission does not get the stored response either.
    world.sql(&format!("UPDATE users SET position = 'Buyer' WHERE id = {}", owner.id)).await;
    assert_eq!(ask(&world, TEAMS, &json!({"name": "a"}), Some(&owner), b"k").await.status, 403);
}

#[tokio::test]
async fn a_key_is_one_short_ascii_word() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let body = json!({"name": "a"});
    for bad in ["k".repeat(201).as_bytes(), b"", b" ", "ключ".as_bytes()] {
        let answer = ask(&world, TEAMS, &body, Some(&owner), bad).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.line(), @r#"400 {"Idempotency-Key":["Send one key of 1 to 200 printable ASCII characters."]}"#);
        }
    }
    let request = Request::post(TEAMS)
        .header(AUTHORIZATION, format!("Bearer {}", owner.token))
        .header(CONTENT_TYPE, "application/json")
        .header("idempotency-key", "a")
        .header("idempotency-key", "b");
    assert_eq!(world.send(request.body(Body::from(body.to_string())).unwrap()).await.status, 400);
    assert_eq!(count(&world, "teams").await, 0);
    assert_eq!(ask(&world, TEAMS, &body, Some(&owner), "k".repeat(200).as_bytes()).await.status, 201);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let world = World::with(|config| config.auth.access_minutes = 60 * 48).await;
    let owner = world.person("owner", Position::Owner).await;
    let body = json!({"name": "a"});
    let first = ask(&world, TEAMS, &body, Some(&owner), b"k").await;
    world.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(ask(&world, TEAMS, &body, Some(&owner), b"k").await.text, first.text);
    world.clock.advance(Duration::from_secs(1));
    let second = ask(&world, TEAMS, &json!({"name": "b"}), Some(&owner), b"k").await;
    assert_eq!((second.status, second.header("idempotency-replayed")), (201, ""));
    // Its row is deleted.
    world.clock.advance(Duration::from_secs(24 * 3600 + 1));
    let before = time_of(&world.app.clock) - chrono::TimeDelta::days(1);
    let mut connection = world.app.postgres.acquire().await.unwrap();
    tokens::forget_expired(&mut connection, before).await.unwrap();
    drop(connection);
    assert_eq!(count(&world, "idempotency_keys").await, 0);
}

#[tokio::test]
async fn a_token_is_shown_once_and_its_secret_is_not_stored() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let (path, body) = ("/api/account/tokens/create/", json!({"name": "sync"}));
    let first = ask(&world, path, &body, Some(&owner), b"k").await;
    let id = first.json()["id"].to_string();
    let again = ask(&world, path, &body, Some(&owner), b"k").await;
    insta::assert_snapshot!(again.line().replace(&id, "N"), @r#"409 {"detail":"This Idempotency-Key created the token N, which was shown once. Delete it and create another with another key."}"#);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(count(&world, "api_tokens").await, 1);
}

#[tokio::test]
async fn an_order_under_a_key_goes_to_the_edge_once() {
    let world = World::new().await;
    let path = "/api/orders/create/";
    let body = json!({
        "prospect_id": "0192f5a0-1234-7000-8000-000000000000", "email": "john@example.com", "phone_number": "1",
        "first_name": "John", "last_name": "Doe", "delivery_address": "here",
    });
    let first = ask(&world, path, &body, None, b"k").await;
    let again = ask(&world, path, &body, None, b"k").await;
    assert_eq!((again.status, again.json()), (201, first.json()));
    assert_eq!(
        (again.header("idempotency-replayed"), again.header("x-sluice-outcome")),
        ("true", "accepted")
    );
    assert_eq!(world.edge.n_asked(), 1);
    // Callers are anonymous here: a key that somebody else used does not block an order.
    let mut other = body.clone();
    other["first_name"] = "Jane".into();
    assert_eq!(ask(&world, path, &other, None, b"k").await.status, 201);
    assert_eq!(world.edge.n_asked(), 2);
    // No row contains the customer.
    let kept: String = sqlx::query_scalar(
        "SELECT string_agg(convert_from(body, 'UTF8') || headers, '') FROM idempotency_keys",
    )
    .fetch_one(&world.app.postgres)
    .await
    .unwrap();
    for text in ["john@example.com", "John", "here"] {
        assert!(kept.contains("0192f5a0") && !kept.contains(text), "{kept}");
    }
    // A process that dies before it stores the response leaves the key in use, but not for long.
    world.sql("UPDATE idempotency_keys SET status = NULL").await;
    let during = ask(&world, path, &body, None, b"k").await;
    assert_eq!((during.status, during.header("retry-after"), world.edge.n_asked()), (409, "1", 2));
    world.clock.advance(Duration::from_secs(60));
    assert_eq!((ask(&world, path, &body, None, b"k").await.status, world.edge.n_asked()), (201, 3));
    assert_eq!(ask(&world, path, &body, None, "ü".as_bytes()).await.status, 400);
}

#[tokio::test]
async fn events_at_once_under_a_key_are_one() {
    let world = World::new().await;
    let body = json!({"ip_address": "192.168.4.1", "user_agent": "x", "referral_source": "y"});
    for round in 1..=20 {
        let key = format!("round {round}");
        let send = || ask(&world, "/api/prospects/create/", &body, None, key.as_bytes());
        let answers = join_all((0..3).map(|_| send())).await;
        assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)), "{answers:?}");
        assert!(answers.iter().any(|answer| answer.status == 201), "{answers:?}");
        assert_eq!(world.edge.n_asked(), round);
    }
}

#[tokio::test]
async fn an_edge_that_is_down_frees_the_key() {
    let world = World::with(|config| config.edge.url = "http://127.0.0.1:1".to_owned()).await;
    let body = json!({"ip_address": "192.168.4.1", "user_agent": "x", "referral_source": "y"});
    for _ in 0..2 {
        assert_eq!(ask(&world, "/api/prospects/create/", &body, None, b"k").await.status, 503);
    }
    assert_eq!(count(&world, "idempotency_keys").await, 0);
}

#[tokio::test]
async fn a_fingerprint_does_not_reveal_the_password() {
    let (world, other) = (
        World::new().await,
        World::with(|config| {
            config.auth.secret =
                sluice_runtime::config::Secret::new("another secret of the tests, of 32 bytes");
        })
        .await,
    );
    let mut prints = Vec::new();
    for world in [&world, &other] {
        let owner = world.person("owner", Position::Owner).await;
        let body = json!({"username": "new", "password": PASSWORD});
        assert_eq!(ask(world, "/api/users/create/", &body, Some(&owner), b"k").await.status, 201);
        let print: Vec<u8> = sqlx::query_scalar("SELECT fingerprint FROM idempotency_keys")
            .fetch_one(&world.app.postgres)
            .await
            .unwrap();
        prints.push(print);
    }
    assert_ne!(prints[0], prints[1]);
}
