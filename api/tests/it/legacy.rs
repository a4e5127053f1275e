//! Makes the calls of the legacy CRM's README, in their order, against one base URL.

use serde_json::json;
use sluice_api::policy::Position;

use crate::events::{insert_index, insert_prospects, prospect};
use crate::world::{NOW_MS, Person, World};

const USER: &str = r#"{
    "username": "example_user",
    "email": "user@example.com",
    "password": "secretpassword"
}"#;
const PROSPECT: &str = r#"{
    "ip_address": "192.168.4.1",
    "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/89.0.4389.82 Safari/537.36",
    "referral_source": "example.com"
}"#;
const ORDER: &str = r#"{
    "prospect_id": 1,
    "email": "example@example.com",
    "phone_number": "1234567890",
    "first_name": "John",
    "last_name": "Doe",
    "delivery_address": "123 Main St, City, Country"
}"#;

#[tokio::test]
async fn the_readmes_calls_work_in_their_order() {
    let world = World::with_events(|_| {}).await;
    let registered = world.post("/api/users/register/", "application/json", USER).await;
    insta::assert_snapshot!(registered.line(), @r#"201 {"message":"User registered successfully.","user":{"id":1,"username":"example_user","email":"user@example.com","first_name":"","last_name":"","position":"Buyer"}}"#);

    let credentials = r#"{"username": "example_user", "password": "secretpassword"}"#;
    let login = world.post("/api/users/login/", "application/json", credentials).await;
    assert_eq!((login.status, login.json()["message"].as_str()), (200, Some("User logged in successfully.")));
    assert_eq!(login.json()["expires_in"], 900);
    let person = Person { id: 1, token: login.json()["access_token"].as_str().unwrap().to_owned() };

    let list = world.get_as("/api/users/list/", &person).await;
    let listed = list.json();
    let fields =
        ["id", "username", "email", "first_name", "last_name", "position"].map(|name| &listed[0][name]);
    assert_eq!(json!(fields), json!([1, "example_user", "user@example.com", "", "", "Buyer"]));

    let created = world.post("/api/prospects/create/", "application/json", PROSPECT).await;
    assert_eq!((created.status, created.header("x-sluice-outcome")), (201, "accepted"));
    assert_eq!(created.json()["ip_address"], "192.168.4.1");

    // The rows that the pipeline would write.
    insert_prospects(&world, &[prospect(1, NOW_MS, person.id)]).await;
    insert_index(&world, &[prospect(1, NOW_MS, person.id)]).await;
    let list = world.get_as("/api/prospects/list/", &person).await;
    insta::assert_snapshot!(list.line(), @r#"200 [{"id":"019a0b7a-1cb0-7000-8000-000000000001","ip_address":"192.168.4.1","user_agent":"Mozilla/5.0 (X11; Linux x86_64)","referral_source":"example.com","created_at":"2026-11-23T15:00:00.000Z","user_id":1}]"#);

    let created = world.post("/api/orders/create/", "application/json", ORDER).await;
    assert_eq!((created.status, created.json()["prospect_id"].as_i64()), (201, Some(1)));
    let list = world.get_as("/api/orders/list/", &person).await;
    assert_eq!(list.line(), "200 []");
}

#[tokio::test]
async fn creates_are_passed_on_as_they_came_with_the_clients_address() {
    let world = World::new().await;
    let answer = world.post("/api/orders/create", "application/json; charset=utf-8", ORDER).await;
    let sent = world.edge.last();
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/api/orders/create/"));
    assert_eq!(sent.body, ORDER);
    assert_eq!(sent.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(sent.headers["x-forwarded-for"], "192.0.2.1");
    assert_eq!(answer.header("access-control-allow-origin"), "https://landing.example");
    // This origin has cookies, and an edge has none.
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    assert_eq!(answer.header("x-internal"), "");

    let preflight =
        axum::http::Request::options("/api/prospects/create/").header("origin", "https://landing.example");
    world.send(preflight.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(world.edge.last().method, "OPTIONS");
}

#[tokio::test]
async fn a_prospect_of_an_unknown_buyer_is_refused_here() {
    let world = World::new().await;
    let buyer = world.person("buyer", Position::Buyer).await;
    let create = |user_id: serde_json::Value| {
        let body =
            json!({"ip_address": "1.2.3.4", "user_agent": "a", "referral_source": "b", "user_id": user_id});
        let world = &world;
        async move { world.post_json("/api/prospects/create/", &body, None).await.line() }
    };
    assert!(create(json!(buyer.id)).await.starts_with("201"));
    assert!(create(json!(null)).await.starts_with("201"));
    assert_eq!(world.edge.n_asked(), 2);
    insta::assert_snapshot!(create(json!(999)).await, @r#"400 {"user_id":["Invalid pk \"999\" - object does not exist."]}"#);
    insta::assert_snapshot!(create(json!(-1)).await, @r#"400 {"user_id":["Invalid pk \"-1\" - object does not exist."]}"#);
    insta::assert_snapshot!(create(json!("9223372036854775808")).await, @r#"400 {"user_id":["Invalid pk \"9223372036854775808\" - object does not exist."]}"#);
    insta::assert_snapshot!(create(json!("abc")).await, @r#"400 {"user_id":["Incorrect type. Expected pk value, received str."]}"#);
    assert_eq!(world.edge.n_asked(), 2);

    let form = world.post("/api/prospects/create/", "application/x-www-form-urlencoded", "user_id=77").await;
    assert_eq!(form.status, 400);
}

#[tokio::test]
async fn an_edge_that_is_down_is_a_503() {
    let world = World::with(|config| config.edge.url = "http://127.0.0.1:9".to_owned()).await;
    let answer = world.post("/api/orders/create/", "application/json", ORDER).await;
    insta::assert_snapshot!(answer.line(), @r#"503 {"detail":"Service temporarily unavailable (edge), try again later."}"#);
    assert_eq!(answer.header("retry-after"), "2");
}
