//! A walk over all routes: each has a rule that is enforced, and the OpenAPI document describes it.

use axum::body::Body;
use axum::http::Request;
use sluice_api::http::guard::{Rule, Surface};
use sluice_api::routes;

use crate::world::World;

#[tokio::test]
async fn anonymous_callers_reach_only_public_routes() {
    let world = World::new().await;
    let (_, routes) = routes::routes(&world.app);
    assert!(routes.len() >= 25, "{}", routes.len());
    for route in &routes {
        let path = route.path.replace("{id}", "0192f5a0-1234-7000-8000-000000000000");
        let mut answer = world.get(&path).await;
        if answer.status == 405 && route.surface == Surface::Api {
            // A route without GET is requested with its first method.
            let method = answer.header("allow").split(',').next().unwrap().to_owned();
            let request = Request::builder().method(method.as_str()).uri(&path);
            answer = world.send(request.body(Body::empty()).unwrap()).await;
        }
        match (route.rule, route.surface) {
            (Rule::Public(reason), _) => assert!(reason.len() > 10, "{path}"),
            (Rule::Asks(..) | Rule::AsksPerson(..), Surface::Api) => {
                assert_eq!(statuses_of(&world, &path).await, [401], "{path}");
            }
            (_, Surface::Page | Surface::Data) if answer.status == 405 => {}
            (_, Surface::Page | Surface::Data) => {
                assert_eq!(answer.status, 303, "{path}");
                assert!(answer.header("location").starts_with("/login/?next=%2F"), "{path}");
            }
            (_, Surface::File) => panic!("{path}: files are for everybody"),
        }
    }
    let public: Vec<&str> = routes
        .iter()
        .filter(|route| matches!(route.rule, Rule::Public(_)))
        .map(|route| route.path.as_str())
        .collect();
    insta::assert_snapshot!(public.join("\n"), @r"
    /api/users/register/
    /api/users/login/
    /api/users/refresh/
    /api/users/logout/
    /api/users/reset-password/
    /api/prospects/create/
    /api/prospects/create/
    /api/orders/create/
    /api/orders/create/
    /login/
    /login/code/
    /register/
    /reset-password/
    /static/{version}/{name}
    /swagger/
    /redoc/
    /livez
    /readyz
    /robots.txt
    ");
}

/// Returns the statuses for an anonymous caller, for every method of the path.
async fn statuses_of(world: &World, path: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        statuses.push(world.send(request).await.status);
    }
    statuses.retain(|status| *status != 405);
    statuses.dedup();
    statuses
}

#[tokio::test]
async fn every_operation_has_an_id_and_responses() {
    let world = World::new().await;
    let answer = world.get("/openapi.json").await;
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut n_operations = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operation["operationId"].is_string(), "{method} {path}");
            assert!(operation["responses"].as_object().unwrap().len() > 2, "{method} {path}");
            n_operations += 1;
        }
    }
    assert!(n_operations > 100, "{n_operations}");
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect_a_browser() {
    let world = World::new().await;
    for path in
        ["/login/", "/api/users/list/", "/nothing/", "/swagger/", "/redoc/", "/openapi.json", "/livez"]
    {
        let answer = world.get(path).await;
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(!answer.header("content-security-policy").contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn https_is_believed_from_a_trusted_proxy_only() {
    let world =
        World::with(|config| config.http.trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()]).await;
    let request = Request::get("/login/").header("x-forwarded-proto", "https");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    assert!(answer.header("set-cookie").ends_with("SameSite=Lax; Secure"));
}

#[tokio::test]
async fn files_are_kept_by_browsers_for_ever_and_compressed() {
    let world = World::new().await;
    let path = sluice_api::http::assets::url("tabler.css");
    let request = Request::get(&path).header("accept-encoding", "gzip");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert_eq!(answer.header("vary"), "accept-encoding");
    assert!(world.get(&path).await.header("content-encoding").is_empty());
    let request =
        Request::get(sluice_api::http::assets::url("app.css")).header("accept-encoding", "gzip, br");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("content-encoding")), (200, "br"));
    assert_eq!(world.get("/static/old/app.css").await.header("cache-control"), "no-cache");
    assert_eq!(world.get("/static/old/none.css").await.status, 404);
    // The path without its last slash is the same page.
    assert_eq!(world.get("/login").await.status, 200);
}
