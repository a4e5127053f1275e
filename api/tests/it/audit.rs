//! Reading the audit trail: only by Owners, with each filter, page by page.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use sluice_api::policy::Position;

use crate::world::{Answer, PASSWORD, Person, World};

fn verbs(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let list = answer.json();
    list.as_array().unwrap().iter().map(|line| line["verb"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_trail_is_for_owners_and_found_by_each_filter() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let others = [Position::Buyer, Position::TeamLead, Position::FundsCoordinator];
    for (name, position) in ["ann", "lead", "funds"].into_iter().zip(others) {
        let person = world.person(name, position).await;
        assert_eq!(world.get_as("/api/audit/list/", &person).await.status, 403);
    }
    let ann = world.login("ann", PASSWORD).await.json();
    world.login("ANN", "wrong").await;
    world.login("nobody", "wrong").await;
    world.post_json("/api/users/logout/", &json!({"refresh_token": ann["refresh_token"]}), None).await;
    world
        .post_json("/api/users/register/", &json!({"username": "eve", "password": "secretpassword"}), None)
        .await;
    world.ask("PATCH", "/api/users/update/2/", &json!({"first_name": "100%"}), &owner).await;
    let list = async |query: &str| world.get_as(&format!("/api/audit/list/?{query}"), &owner).await;
    let all = verbs(&list("").await);
    assert_eq!(
        all,
        ["update", "register", "logout", "login-failed", "login", "login", "login", "login", "login"]
    );
    assert_eq!(verbs(&list("actor_id=2").await), ["logout", "login", "login"]);
    assert_eq!(verbs(&list("resource=users&resource_id=2&verb=login-failed").await), ["login-failed"]);
    assert_eq!(verbs(&list("q=100%25").await), ["update"]);
    assert_eq!(verbs(&list("q=EVE").await), ["register"]);
    assert_eq!(verbs(&list("verb=nothing").await), [""; 0]);
    assert_eq!(verbs(&list("to=2020-01-01").await), [""; 0]);
    assert_eq!(verbs(&list("from=2020-01-01&to=2099-01-01").await).len(), 9);
    let first = list("limit=4").await;
    let cursor = first.header("link").split("cursor=").nth(1).unwrap().split('>').next().unwrap().to_owned();
    assert_eq!(verbs(&list(&format!("limit=4&cursor={cursor}")).await), all[4..8]);
    for query in [
        "limit=0",
        "cursor=x",
        "actor_id=-1",
        "actor_id=9223372036854775808",
        "from=x",
        "q=%00",
        "q=ab",
        "verb=%00",
        "from=2027-01-01&to=2026-01-01",
        "tz=Mars/Olympus",
    ] {
        assert_eq!(list(query).await.status, 400, "{query}");
    }
    let mut line = list("q=100%25").await.json()[0].clone();
    line["id"] = Value::Null;
    line["at"] = Value::Null;
    line["request_id"] = Value::Null;
    insta::assert_snapshot!(line, @r#"{"actor_id":1,"actor_name":"owner","address":"192.0.2.1","after":{"first_name":"100%"},"at":null,"before":{"first_name":""},"id":null,"request_id":null,"resource":"users","resource_id":"2","verb":"update","via":"api"}"#);
    assert_eq!(world.get_as("/api/audit/list/", &Person { id: 0, token: "x".to_owned() }).await.status, 401);
}

#[tokio::test]
async fn a_login_by_the_page_and_its_end_are_in_the_trail() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let mut browser = world.visitor("ann").await;
    let page = browser.get("/account/").await;
    let form = [("csrf_token", crate::world::token_in(&page))];
    assert_eq!(browser.post("/logout/", &form).await.status, 303);
    let lines: Vec<String> = sqlx::query_scalar(
        "SELECT via || ' ' || verb || ' ' || address FROM audit_log WHERE actor_id = $1 ORDER BY id",
    )
    .bind(ann.id)
    .fetch_all(&world.app.postgres)
    .await
    .unwrap();
    assert_eq!(lines, ["api login 192.0.2.1", "page login 192.0.2.1", "page logout 192.0.2.1"]);
    let request = Request::get("/").header("cookie", browser.cookies.join("; "));
    assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status, 303);
}
