//! Requests with a late body: a caller who meanwhile was shut out or lost a permission changes
//! nothing.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use futures::future::join_all;
use serde_json::{Value, json};
use sluice_api::policy::Position;
use tokio::sync::oneshot;

use crate::events::{Office, order_id};
use crate::funds::{Funds, made};
use crate::world::{Answer, NOW_MS, PASSWORD, Person, World};

/// Sends the head of a request, runs `meanwhile` once the head is accepted, and then sends the
/// body.
async fn held(
    world: &World,
    (method, path): (&str, &str),
    body: &Value,
    person: &Person,
    meanwhile: impl Future<Output = ()>,
) -> Answer {
    let (asked, was_asked) = oneshot::channel();
    let (release, released) = oneshot::channel();
    let bytes = Bytes::from(body.to_string());
    // The body is read only after the guard has accepted the head.
    let body = Body::from_stream(futures::stream::once(async move {
        asked.send(()).unwrap();
        released.await.unwrap();
        Ok::<_, Infallible>(bytes)
    }));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(AUTHORIZATION, format!("Bearer {}", person.token))
        .header(CONTENT_TYPE, "application/json");
    let release = async {
        was_asked.await.unwrap();
        meanwhile.await;
        release.send(()).unwrap();
    };
    tokio::join!(world.send(request.body(body).unwrap()), release).0
}

#[tokio::test]
async fn a_caller_who_was_shut_out_meanwhile_changes_nothing() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    for (number, (method, path, body, verb)) in [
        ("POST", "/api/teams/create/", json!({"name": "late"}), "POST deactivate"),
        ("POST", "/api/sources/create/", json!({"name": "late"}), "DELETE"),
        ("POST", "/api/users/create/", json!({"username": "late", "password": PASSWORD}), "PATCH"),
        (
            "POST",
            "/api/users/register/",
            json!({"username": "late", "password": PASSWORD}),
            "POST deactivate",
        ),
        ("PATCH", "/api/account/", json!({"first_name": "late"}), "POST deactivate"),
        ("POST", "/api/account/tokens/create/", json!({"name": "late"}), "POST deactivate"),
        (
            "POST",
            "/api/account/password/",
            json!({"old_password": PASSWORD, "new_password": "late and long"}),
            "DELETE",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let person = world.person(&format!("second{number}"), Position::Owner).await;
        let answer = held(&world, (method, path), &body, &person, async {
            let (id, none) = (person.id, Value::Null);
            let done = match verb {
                "DELETE" => world.ask("DELETE", &format!("/api/users/delete/{id}/"), &none, &owner).await,
                "PATCH" => {
                    let position = json!({"position": "Buyer"});
                    world.ask("PATCH", &format!("/api/users/update/{id}/"), &position, &owner).await
                }
                _ => world.ask("POST", &format!("/api/users/{id}/deactivate/"), &none, &owner).await,
            };
            assert!(matches!(done.status, 200 | 204), "{}", done.text);
        })
        .await;
        assert_eq!(answer.status, 401, "{path}: {}", answer.text);
        assert!(!world.trail("users", person.id).await.join("\n").contains("late"), "{path}");
    }
    let n_made: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM teams) + (SELECT count(*) FROM sources) + (SELECT count(*) FROM api_tokens)
              + (SELECT count(*) FROM users WHERE username = 'late' OR first_name = 'late')",
    )
    .fetch_one(&world.app.postgres)
    .await
    .unwrap();
    assert_eq!(n_made, 0);
}

#[tokio::test]
async fn a_login_or_token_that_ended_meanwhile_changes_nothing() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let login = async || {
        let answer = world.login("owner", PASSWORD).await.json();
        (
            Person { id: owner.id, token: answer["access_token"].as_str().unwrap().to_owned() },
            answer["refresh_token"].as_str().unwrap().to_owned(),
        )
    };
    let body = json!({"name": "late"});
    let teams = ("POST", "/api/teams/create/");
    let (second, refresh) = login().await;
    let answer = held(&world, teams, &body, &second, async {
        let out = world.post_json("/api/users/logout/", &json!({"refresh_token": refresh}), None).await;
        assert_eq!(out.status, 204);
    })
    .await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("token_not_valid")));
    let (third, _) = login().await;
    let answer = held(&world, teams, &body, &third, async {
        let path = "/api/account/sessions/revoke-others/";
        assert_eq!(world.ask("POST", path, &Value::Null, &owner).await.status, 200);
    })
    .await;
    assert_eq!(answer.status, 401);
    let token = json!({"name": "sync", "scopes": ["write"]});
    let token = world.ask("POST", "/api/account/tokens/create/", &token, &owner).await.json();
    let program = Person { id: owner.id, token: token["token"].as_str().unwrap().to_owned() };
    let answer = held(&world, teams, &body, &program, async {
        let path = format!("/api/account/tokens/delete/{}/", token["id"]);
        assert_eq!(world.ask("DELETE", &path, &Value::Null, &owner).await.status, 204);
    })
    .await;
    assert_eq!(answer.status, 401);
    assert_eq!(world.get_as("/api/teams/list/", &owner).await.text, "[]");
}

#[tokio::test]
async fn of_two_new_passwords_at_once_one_is_set() {
    let world = World::new().await;
    for round in 0..3 {
        let person = world.person(&format!("ann{round}"), Position::Buyer).await;
        let send = async |new: &str| {
            let body = json!({"old_password": PASSWORD, "new_password": new});
            world.ask("POST", "/api/account/password/", &body, &person).await
        };
        let both = join_all([send("the first of two"), send("the second of two")]).await;
        let mut statuses: Vec<u16> = both.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 400], "{both:?}");
    }
}

#[tokio::test]
async fn a_new_password_ends_api_tokens_unless_they_are_kept() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let token = world.ask("POST", "/api/account/tokens/create/", &json!({"name": "sync"}), &ann).await.json();
    let program = Person { id: ann.id, token: token["token"].as_str().unwrap().to_owned() };
    let keep = json!({"old_password": PASSWORD, "new_password": "the second one", "keep_api_tokens": true});
    assert_eq!(world.ask("POST", "/api/account/password/", &keep, &ann).await.status, 204);
    assert_eq!(world.get_as("/api/account/", &program).await.status, 200);
    let end = json!({"old_password": "the second one", "new_password": "the third one"});
    assert_eq!(world.ask("POST", "/api/account/password/", &end, &ann).await.status, 204);
    assert_eq!(world.get_as("/api/account/", &program).await.status, 401);
}

#[tokio::test]
async fn a_lead_cannot_approve_a_buyer_who_left_meanwhile() {
    let funds = Funds::new().await;
    let account = funds.account("A", &funds.buyer, "USD").await;
    funds.budget("100", "USD").await;
    let id = made(
        funds
            .post(
                "requests/create",
                &json!({"account_id": account, "amount": "60", "purpose": "p"}),
                &funds.buyer,
            )
            .await,
    );
    let team = format!("/api/teams/update/{}/", funds.team);
    let set = async |body: Value| {
        let answer = funds.world.ask("PATCH", &team, &body, &funds.owner).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    for (verb, body) in [("approve", json!({"amount": "60"})), ("refuse", json!({"reason": "r"}))] {
        let path = format!("/api/funds/requests/{id}/{verb}/");
        let left = held(&funds.world, ("POST", &path), &body, &funds.lead, set(json!({"members": []}))).await;
        assert_eq!(left.status, 404, "{}", left.text);
        set(json!({"members": [funds.buyer.id]})).await;
        let gone =
            held(&funds.world, ("POST", &path), &body, &funds.lead, set(json!({"team_lead": null}))).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(gone.line(), @r#"409 {"detail":"Your team has changed since you sent the request. Try again."}"#);
        }
        set(json!({"team_lead": funds.lead.id})).await;
    }
    assert_eq!(funds.trail("funds/requests").await, ["create buyer"]);
}

#[tokio::test]
async fn a_lead_who_lost_the_team_meanwhile_changes_nothing() {
    let office = Office::new().await;
    let world = &office.world;
    let team = world.get_as("/api/teams/list/", &office.lead).await.json()[0]["id"].to_string();
    let campaign = json!({"name": "C", "user_id": office.ann.id});
    let campaign = world.ask("POST", "/api/campaigns/create/", &campaign, &office.lead).await.json();
    let order = order_id(3, NOW_MS - 49_000);
    for (method, path, body) in [
        ("PATCH", format!("/api/campaigns/update/{}/", campaign["id"]), json!({"name": "late"})),
        ("POST", format!("/api/campaigns/{}/rotate-key/", campaign["id"]), json!({})),
        ("PATCH", format!("/api/teams/update/{team}/"), json!({"members": []})),
        ("POST", format!("/api/orders/{order}/set-status/"), json!({"status": "sale"})),
    ] {
        let set = async |lead: Value| {
            let body = json!({ "team_lead": lead });
            let answer =
                world.ask("PATCH", &format!("/api/teams/update/{team}/"), &body, &office.owner).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        };
        let answer = held(world, (method, &path), &body, &office.lead, set(Value::Null)).await;
        assert!(matches!(answer.status, 404 | 409), "{path}: {}", answer.line());
        set(office.lead.id.into()).await;
    }
    assert_eq!(world.audit("orders").await, [""; 0]);
}
