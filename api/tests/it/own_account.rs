//! The caller's own account: profile, password, logins, and the one-time token for a new password.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_api::db::sessions::LoginOrigin;
use sluice_api::db::users;
use sluice_api::http::auth::session;
use sluice_api::policy::Position;

use crate::world::{PASSWORD, Person, World};

const NEW: &str = "another good one";

fn person(pair: &Value) -> Person {
    Person { id: 0, token: pair["access_token"].as_str().unwrap().to_owned() }
}

#[tokio::test]
async fn everybody_changes_their_own_profile_and_nothing_else_of_it() {
    let world = World::new().await;
    for (name, position) in ["a", "b", "c", "d"].into_iter().zip(Position::ALL) {
        let person = world.person(name, position).await;
        let body = json!({"email": "x@example.com", "last_name": "X", "time_zone": "Asia/Tokyo", "username": "king", "position": "Owner", "is_active": false});
        let answer = world.call("PATCH", "/api/account/", &body, &person, "\"1\"").await;
        assert_eq!((answer.status, answer.header("etag")), (200, "\"2\""), "{}", answer.text);
        let account = world.get_as("/api/account/", &person).await.json();
        assert_eq!((&account["username"], &account["position"]), (&json!(name), &json!(position.as_str())));
        assert_eq!(
            (&account["email"], &account["time_zone"]),
            (&json!("x@example.com"), &json!("Asia/Tokyo"))
        );
        assert_eq!(world.trail("users", person.id).await.len(), 1);
    }
    let ann = world.person("ann", Position::Buyer).await;
    let wrong = world.ask("PATCH", "/api/account/", &json!({"time_zone": "", "email": "x"}), &ann).await;
    insta::assert_snapshot!(wrong.line(), @r#"400 {"email":["Enter a valid email address."],"time_zone":["This field may not be blank."]}"#);
    assert_eq!(world.call("PATCH", "/api/account/", &json!({"email": ""}), &ann, "\"2\"").await.status, 412);
}

#[tokio::test]
async fn a_new_password_ends_every_other_login_at_once() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let other = world.login("ann", PASSWORD).await.json();
    let mut browser = world.visitor("ann").await;
    let body = json!({"old_password": PASSWORD, "new_password": NEW});
    assert_eq!(world.ask("POST", "/api/account/password/", &body, &ann).await.line(), "204 ");
    assert_eq!(world.get_as("/api/account/", &ann).await.status, 200);
    assert_eq!(world.get_as("/api/account/", &person(&other)).await.status, 401);
    let refresh = json!({"refresh_token": other["refresh_token"]});
    assert_eq!(world.post_json("/api/users/refresh/", &refresh, None).await.status, 401);
    assert_eq!(browser.get("/").await.status, 303);
    assert_eq!(world.login("ann", PASSWORD).await.status, 400);
    assert_eq!(world.login("ann", NEW).await.status, 200);
    let trail = world.trail("users", ann.id).await;
    assert_eq!(trail[0], "ann change-password - -");
}

#[tokio::test]
async fn a_login_fails_if_the_password_changes_meanwhile() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let found = users::find_login(&world.app.postgres, "ann").await.unwrap().unwrap();
    let body = json!({"old_password": PASSWORD, "new_password": NEW});
    assert_eq!(world.ask("POST", "/api/account/password/", &body, &ann).await.status, 204);
    let program = world.app.tokens.begin(&world.app.postgres, &found, &LoginOrigin::default()).await;
    assert_eq!(program.unwrap_err().status(), 400);
    let browser = session::begin(&world.app.postgres, &world.clock, &found, 1, &LoginOrigin::default()).await;
    assert_eq!(browser.unwrap_err().status(), 400);
}

#[tokio::test]
async fn wrong_old_passwords_are_limited_for_each_login() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let change = async |old: &str, new: &str| {
        let body = json!({"old_password": old, "new_password": new});
        world.ask("POST", "/api/account/password/", &body, &ann).await
    };
    insta::assert_snapshot!(change(PASSWORD, "password").await.line(), @r#"400 {"new_password":["This password is too common."]}"#);
    insta::assert_snapshot!(change(PASSWORD, "ann@example.com").await.line(), @r#"400 {"new_password":["This password is too similar to the username, the e-mail address or the name."]}"#);
    insta::assert_snapshot!(change("wrong", NEW).await.line(), @r#"400 {"old_password":["Your old password was entered incorrectly. Please enter it again."]}"#);
    let mut last = change("wrong", NEW).await;
    for _ in 0..14 {
        last = change("wrong", NEW).await;
    }
    assert_eq!((last.status, last.header("retry-after")), (429, "60"));
    assert_eq!(change(PASSWORD, NEW).await.status, 429);
    // Nobody else waits, nor does another login of the same person.
    assert_eq!(world.login("ann", PASSWORD).await.status, 200);
    for body in [json!({}), json!([]), json!({"old_password": null, "new_password": 5})] {
        assert_eq!(world.ask("POST", "/api/account/password/", &body, &ann).await.status, 400);
    }
}

#[tokio::test]
async fn logins_are_listed_and_ended_one_by_one_or_all_others() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let bob = world.person("bob", Position::Buyer).await;
    world.clock.advance(Duration::from_secs(90));
    let mut browser = world.visitor("ann").await;
    world.clock.advance(Duration::from_secs(90));
    let second = person(&world.login("ann", PASSWORD).await.json());
    assert_eq!(browser.get("/").await.status, 200);
    let list = world.get_as("/api/account/sessions/", &second).await.json();
    let lines: Vec<String> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|login| {
            let text = |name: &str| login[name].as_str().unwrap().to_owned();
            format!(
                "{} {} {} {} {}",
                text("kind"),
                text("created_at"),
                text("last_seen_at"),
                text("address"),
                login["is_current"]
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    api 2026-11-23T15:03:00.000Z 2026-11-23T15:03:00.000Z 192.0.2.1 true
    browser 2026-11-23T15:01:30.000Z 2026-11-23T15:03:00.000Z 192.0.2.1 false
    api 2026-11-23T15:00:00.000Z 2026-11-23T15:00:00.000Z 192.0.2.1 false
    ");
    let page = world.get_as("/api/account/sessions/?limit=2", &second).await;
    let cursor = page.header("link").split("cursor=").nth(1).unwrap().split('>').next().unwrap().to_owned();
    let rest = world.get_as(&format!("/api/account/sessions/?limit=2&cursor={cursor}"), &second).await.json();
    assert_eq!(rest.as_array().unwrap().len(), 1);
    assert_eq!(rest[0]["id"], list[2]["id"]);

    let path = |index: usize| format!("/api/account/sessions/{}/", list[index]["id"].as_str().unwrap());
    assert_eq!(world.ask("DELETE", &path(1), &Value::Null, &bob).await.status, 404);
    assert_eq!(browser.get("/").await.status, 200);
    assert_eq!(world.ask("DELETE", &path(1), &Value::Null, &second).await.status, 204);
    assert_eq!(world.ask("DELETE", &path(1), &Value::Null, &second).await.status, 404);
    assert_eq!(browser.get("/").await.status, 303);
    for id in ["1", "-1", "abc", "%ff", "9223372036854775808"] {
        let path = format!("/api/account/sessions/{id}/");
        assert_eq!(world.ask("DELETE", &path, &Value::Null, &second).await.status, 404, "{id}");
    }
    let others = world.ask("POST", "/api/account/sessions/revoke-others/", &Value::Null, &second).await;
    assert_eq!(others.line(), r#"200 {"revoked":1}"#);
    assert_eq!(world.get_as("/api/account/", &ann).await.status, 401);
    assert_eq!(world.get_as("/api/account/", &second).await.status, 200);
    assert_eq!(world.get_as("/api/account/", &bob).await.status, 200);
    assert_eq!(world.ask("DELETE", &path(0), &Value::Null, &second).await.status, 204);
    assert_eq!(world.get_as("/api/account/", &second).await.status, 401);
    assert_eq!(world.trail("users", ann.id).await.len(), 3);
}

#[tokio::test]
async fn a_one_time_token_sets_a_password_once() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let lead = world.person("lead", Position::TeamLead).await;
    let ann = world.person("ann", Position::Buyer).await;
    let path = format!("/api/users/{}/reset-password/", ann.id);
    for person in [&lead, &ann] {
        assert_eq!(world.ask("POST", &path, &Value::Null, person).await.status, 403);
    }
    let make = async || {
        let made = world.ask("POST", &path, &Value::Null, &owner).await;
        assert_eq!(made.status, 200, "{}", made.text);
        made.json()["token"].as_str().unwrap().to_owned()
    };
    let reset = async |token: &str, password: &str| {
        world
            .post_json("/api/users/reset-password/", &json!({"token": token, "password": password}), None)
            .await
    };
    let first = make().await;
    let second = make().await;
    assert_eq!(reset(&first, NEW).await.status, 400);
    insta::assert_snapshot!(reset(&second, "12345678").await.line(), @r#"400 {"password":["This password is too common."]}"#);
    insta::assert_snapshot!(reset(&second, "ann@example.com").await.line(), @r#"400 {"password":["This password is too similar to the username, the e-mail address or the name."]}"#);
    // Of two requests at once, one sets the password.
    let (left, right) = tokio::join!(reset(&second, NEW), reset(&second, NEW));
    let mut statuses = [left.status, right.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    insta::assert_snapshot!(reset(&second, NEW).await.line(), @r#"400 {"token":["This token is not valid, has expired or was used before."]}"#);
    assert_eq!(world.get_as("/api/account/", &ann).await.status, 401);
    assert_eq!(world.login("ann", PASSWORD).await.status, 400);
    assert_eq!(world.login("ann", NEW).await.status, 200);

    let late = make().await;
    world.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(reset(&late, PASSWORD).await.status, 400);
    let trail = world.trail("users", ann.id).await.join("\n");
    assert!(trail.contains("ann reset-password - -") && !trail.contains(&second), "{trail}");
    let missing = world.post_json("/api/users/reset-password/", &json!({}), None).await;
    insta::assert_snapshot!(missing.line(), @r#"400 {"password":["This field is required."],"token":["This field is required."]}"#);
    let mut last = 0;
    for _ in 0..151 {
        last = reset("nonsense", NEW).await.status;
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn tokens_of_deleted_and_inactive_users_set_no_password() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    for (index, verb) in ["deactivate", "delete"].into_iter().enumerate() {
        let ann = world.person(&format!("ann{index}"), Position::Buyer).await;
        let path = format!("/api/users/{}/reset-password/", ann.id);
        let token = world.ask("POST", &path, &Value::Null, &owner).await.json()["token"].clone();
        match verb {
            "delete" => {
                world.ask("DELETE", &format!("/api/users/delete/{}/", ann.id), &Value::Null, &owner).await
            }
            _ => world.ask("POST", &format!("/api/users/{}/deactivate/", ann.id), &Value::Null, &owner).await,
        };
        let body = json!({"token": token, "password": NEW});
        assert_eq!(world.post_json("/api/users/reset-password/", &body, None).await.status, 400, "{verb}");
    }
    assert_eq!(world.ask("POST", "/api/users/999/reset-password/", &Value::Null, &owner).await.status, 404);
}
