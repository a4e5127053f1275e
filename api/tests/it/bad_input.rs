//! Invalid input: the response is a clear 4xx, never a 5xx.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;
use sluice_api::policy::Position;

use crate::world::World;

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let world = World::new().await;
    let register = async |content_type: &str, body: &str| {
        world.post("/api/users/register/", content_type, body.to_owned()).await.line()
    };
    insta::assert_snapshot!(register("text/plain", "a").await, @r#"415 {"detail":"Unsupported media type \"text/plain\" in request."}"#);
    insta::assert_snapshot!(register("application/json", "[1]").await, @r#"400 {"message":"Bad Request.","errors":{"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}}"#);
    insta::assert_snapshot!(register("application/json", r#"{"username":"a\u0000b","password":null}"#).await, @r#"400 {"message":"Bad Request.","errors":{"password":["This field may not be null."],"username":["Null characters are not allowed."]}}"#);
    insta::assert_snapshot!(register("application/json", "{").await, @r#"400 {"detail":"JSON parse error - EOF while parsing an object at line 1 column 1"}"#);
    insta::assert_snapshot!(register("application/json", "").await, @r#"400 {"message":"Bad Request.","errors":{"password":["This field is required."],"username":["This field is required."]}}"#);
    assert!(register("application/json", &"[".repeat(5000)).await.starts_with("400"));
    assert!(register("application/json", r#"{"username":"\ud800"}"#).await.starts_with("400"));
    let huge = world.post("/api/users/register/", "application/json", vec![b' '; 65 * 1024]).await;
    insta::assert_snapshot!(huge.line(), @r#"413 {"detail":"The request is larger than 64 KiB."}"#);
    let huge = world.post("/api/orders/create/", "application/json", vec![b' '; 65 * 1024]).await;
    assert_eq!((huge.status, world.edge.n_asked()), (413, 0));
    let form = world
        .post("/api/users/login/", "application/x-www-form-urlencoded", "username=a%00b&password=x")
        .await;
    assert_eq!(form.status, 400);
    let invalid = world.post("/api/users/login/", "application/json", vec![b'{', 0xff, b'}']).await;
    assert_eq!(invalid.status, 400);
}

#[tokio::test]
async fn methods_that_a_path_does_not_have() {
    let world = World::new().await;
    let get = world.get("/api/users/register/").await;
    insta::assert_snapshot!(get.line(), @r#"405 {"detail":"Method \"GET\" not allowed."}"#);
    assert_eq!(get.header("allow"), "POST");
    let delete =
        Request::builder().method(Method::DELETE).uri("/api/users/list/").body(Body::empty()).unwrap();
    let delete = world.send(delete).await;
    insta::assert_snapshot!(delete.line(), @r#"405 {"detail":"Method \"DELETE\" not allowed."}"#);
    assert_eq!(delete.header("allow"), "GET,HEAD");
    assert_eq!(world.get("/api/nothing/").await.line(), r#"404 {"detail":"Not found."}"#);
    let page = world.get("/nothing/").await;
    assert_eq!(page.status, 404);
    assert!(page.text.contains("There is nothing here"));
    assert_eq!(world.get("/logout/").await.status, 405);
}

#[tokio::test]
async fn invalid_parameters_and_ids() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    for list in ["users", "prospects", "orders"] {
        for query in [
            "limit=-1",
            "limit=0",
            "limit=1001",
            "limit=1000000000000000000000000000000",
            "limit=a",
            "cursor=a",
            "sort=password",
            "q=%00",
            "q=%ff%00",
        ] {
            let answer = world.get_as(&format!("/api/{list}/list/?{query}"), &owner).await;
            assert_eq!(answer.status, 400, "{list} {query}: {}", answer.text);
            let name = query.split('=').next().unwrap();
            assert!(answer.json()[name].is_array(), "{}", answer.text);
        }
        for query in [
            "q=%ff",
            "q=';DROP+TABLE+users;--",
            "q=%F0%9F%98%80",
            "limit=&q=&sort=",
            "unknown=1",
            "q={a:b}%3F",
        ] {
            let answer = world.get_as(&format!("/api/{list}/list/?{query}"), &owner).await;
            assert_eq!(answer.status, 200, "{list} {query}: {}", answer.text);
        }
    }
    for query in [
        "from=2026-02-30",
        "to=x",
        "tz=Mars/Olympus",
        "from=2027-01-01&to=2026-01-01",
        "user_id=9223372036854775808",
    ] {
        assert_eq!(
            world.get_as(&format!("/api/prospects/list/?{query}"), &owner).await.status,
            400,
            "{query}"
        );
    }
    for range in ["from=0001-01-01&to=9999-12-31", "from=1969-12-31T23:59:59Z", "to=9999-12-31T23:59:59Z"] {
        assert_eq!(world.get_as(&format!("/api/orders/list/?{range}"), &owner).await.status, 200, "{range}");
    }
    assert_eq!(world.get_as("/api/orders/list/?status=approved", &owner).await.status, 400);
    for id in [
        "1",
        "-1",
        "9223372036854775808",
        "abc",
        "%00",
        "00000000-0000-0000-0000-000000000000",
        "a%2Fb",
        "%ff",
    ] {
        for thing in ["prospects", "orders"] {
            let answer = world.get_as(&format!("/api/{thing}/detail/{id}/"), &owner).await;
            assert_eq!(answer.line(), r#"404 {"detail":"Not found."}"#, "{thing} {id}");
        }
    }
}

#[tokio::test]
async fn servers_that_are_down_are_a_503_and_come_back() {
    let mut config = crate::world::config().await;
    config.edge.url = "http://127.0.0.1:9".to_owned();
    let postgres = config.postgres.url.clone();
    let clickhouse = config.clickhouse.clone();
    config.postgres.url = sluice_runtime::config::Secret::new("postgres://nobody@127.0.0.1:9/none");
    config.clickhouse.url = "http://127.0.0.1:9".to_owned();
    let world = World::on(config.clone(), crate::world::StubEdge::start().await);
    sluice_api::http::health::probe_all(&world.app).await;
    let reasons = world.app.readiness.reasons();
    assert!(reasons.contains("postgres: ") && reasons.contains("clickhouse: "), "{reasons}");
    assert_eq!(world.get("/readyz").await.line(), "503 not ready\n");
    assert_eq!(world.get("/livez").await.line(), "200 ok\n");
    let body = json!({"username": "a", "password": "b"});
    let answer = world.post_json("/api/users/login/", &body, None).await;
    insta::assert_snapshot!(answer.line(), @r#"503 {"detail":"Service temporarily unavailable (postgres), try again later."}"#);
    assert_eq!(answer.header("retry-after"), "2");

    // Postgres is empty and ClickHouse is down.
    config.postgres.url = postgres;
    let world = World::on(config, crate::world::StubEdge::start().await);
    sluice_api::http::health::probe_all(&world.app).await;
    assert!(world.app.readiness.reasons().contains("postgres: has no tables yet: run sluice-api migrate"));
    sluice_api::db::migrations::POSTGRES.run(&world.app.postgres).await.unwrap();
    sluice_api::http::health::probe_all(&world.app).await;
    assert!(!world.app.readiness.reasons().contains("postgres"));
    let owner = world.person("owner", Position::Owner).await;
    let answer = world.get_as("/api/prospects/list/", &owner).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "2"));

    // Both are up. ClickHouse is empty until it is migrated.
    let mut config = world.app.config.clone();
    config.clickhouse = clickhouse;
    let world = World::on(config.clone(), crate::world::StubEdge::start().await);
    sluice_api::http::health::probe_all(&world.app).await;
    let reasons = world.app.readiness.reasons();
    assert_eq!(reasons, "clickhouse: has no tables yet: run sluice-api migrate\n");
    sluice_api::cli::migrate::run(&config).await.unwrap();
    sluice_api::http::health::probe_all(&world.app).await;
    assert_eq!(world.get("/readyz").await.line(), "200 ready\n");
}
