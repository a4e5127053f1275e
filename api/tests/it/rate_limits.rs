//! The limits of requests by address and by token.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use sluice_api::policy::Position;

use crate::world::World;

#[tokio::test]
async fn an_address_over_its_limit_waits_as_it_is_told() {
    let world = World::with(|config| {
        config.http.requests_per_minute_by_address = 6;
        config.http.trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()];
    })
    .await;
    for _ in 0..6 {
        assert_eq!(world.get("/api/account/").await.status, 401);
    }
    let limited = world.get("/api/account/").await;
    insta::assert_snapshot!(limited.line(), @r#"429 {"detail":"Request was throttled. Expected available in 10 seconds."}"#);
    assert_eq!(limited.header("retry-after"), "10");
    // Whatever is asked for, before a login or a body is looked at.
    assert_eq!(world.login("nobody", "a wrong password").await.status, 429);
    assert_eq!(world.post("/api/orders/create/", "application/json", "{}").await.status, 429);
    let page = world.get("/login/").await;
    assert_eq!((page.status, page.header("retry-after")), (429, "10"));
    assert!(page.header("content-type").starts_with("text/html"), "{}", page.text);
    // But not what operators and browsers need.
    for path in ["/livez", "/openapi.json", "/swagger/", &sluice_api::http::assets::url("app.css")] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    assert_ne!(world.get("/readyz").await.status, 429);
    // Another address behind the same proxy.
    let request = Request::get("/api/account/").header("x-forwarded-for", "198.51.100.7");
    assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status, 401);
    world.clock.advance(Duration::from_millis(9_999));
    assert_eq!(world.get("/api/account/").await.status, 429);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.get("/api/account/").await.status, 401);
    assert_eq!(world.get("/api/account/").await.status, 429);
}

#[tokio::test]
async fn a_login_has_its_own_limit() {
    let world = World::with(|config| config.http.requests_per_minute_by_token = 3).await;
    let ann = world.person("ann", Position::Buyer).await;
    let bob = world.person("bob", Position::Buyer).await;
    for _ in 0..3 {
        assert_eq!(world.get_as("/api/account/", &ann).await.status, 200);
    }
    let limited = world.get_as("/api/account/", &ann).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "20"));
    // Nor is what she may not do told apart then.
    assert_eq!(world.get_as("/api/audit/list/", &ann).await.status, 429);
    assert_eq!(world.get_as("/api/account/", &bob).await.status, 200);
    // A forged token is nobody's.
    let request = Request::get("/api/account/").header("authorization", "Bearer forged");
    assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status, 401);
    // A browser's login is another one.
    let mut browser = world.visitor("ann").await;
    for expected in [200, 200, 200, 429] {
        assert_eq!(browser.get("/account/").await.status, expected);
    }
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.get_as("/api/account/", &ann).await.status, 200);
}

#[tokio::test]
async fn a_limit_of_nothing_is_no_limit() {
    let world = World::with(|config| {
        config.http.requests_per_minute_by_address = 0;
        config.http.requests_per_minute_by_token = 0;
    })
    .await;
    for _ in 0..200 {
        assert_eq!(world.get("/api/account/").await.status, 401);
    }
}

#[tokio::test]
async fn a_person_has_a_few_searches_and_reports_at_once() {
    let world = World::with_events(|_| {}).await;
    let ann = world.person("ann", Position::Buyer).await;
    let bob = world.person("bob", Position::Buyer).await;
    let turns = &world.app.turns;
    let held = [turns.wait(ann.id).await.unwrap(), turns.wait(ann.id).await.unwrap()];
    let mut waiting: Vec<_> = (0..8).map(|_| Box::pin(turns.wait(ann.id))).collect();
    for wait in &mut waiting {
        assert!(futures::poll!(wait).is_pending());
    }
    let search = "/api/prospects/list/?q=%C3%A9";
    for path in [search, "/api/orders/list/?q=x", "/api/search/?q=12345678", "/api/reports/"] {
        let limited = world.get_as(path, &ann).await;
        assert_eq!((limited.status, limited.header("retry-after")), (429, "5"), "{path}: {}", limited.text);
        assert_eq!(world.get_as(path, &bob).await.status, 200, "{path}");
    }
    assert_eq!(world.get_as("/api/prospects/list/", &ann).await.status, 200);
    drop((held, waiting));
    assert_eq!(world.get_as(search, &ann).await.status, 200);
    // More at once than have a turn: each waits for the others.
    let answers = futures::future::join_all((0..6).map(|_| world.get_as(search, &ann))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}
