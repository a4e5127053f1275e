//! API tokens: their permissions and lifetime. A token cannot create another token.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_api::policy::Position;

use crate::world::{PASSWORD, Person, World};

async fn token(world: &World, person: &Person, body: &Value) -> Person {
    let made = world.ask("POST", "/api/account/tokens/create/", body, person).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let token = made.json()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("slc_"));
    Person { id: made.json()["id"].as_i64().unwrap(), token }
}

#[tokio::test]
async fn a_token_acts_as_its_user_within_its_scopes() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let ann = world.person("ann", Position::Buyer).await;
    let reader = token(&world, &owner, &json!({"name": "report"})).await;
    let writer =
        token(&world, &owner, &json!({"name": "sync", "scopes": ["write", "read"], "expires_in_days": 1}))
            .await;
    let small = token(&world, &ann, &json!({"name": "mine", "scopes": "read, write"})).await;
    assert_eq!(world.get_as("/api/users/list/", &reader).await.json().as_array().unwrap().len(), 2);
    assert_eq!(world.get_as("/api/users/list/", &small).await.json().as_array().unwrap().len(), 1);
    let body = json!({"name": "One"});
    let refused = world.ask("POST", "/api/teams/create/", &body, &reader).await;
    insta::assert_snapshot!(refused.line(), @r#"403 {"detail":"This API token may only read."}"#);
    assert_eq!(world.ask("POST", "/api/teams/create/", &body, &small).await.status, 403);
    assert_eq!(world.ask("POST", "/api/teams/create/", &body, &writer).await.status, 201);
    // A token creates no users: they could log in and create tokens.
    let new = json!({"username": "new", "password": "secretpassword", "position": "Owner"});
    assert_eq!(world.post_json("/api/users/register/", &new, Some(&reader)).await.status, 403);
    assert_eq!(world.post_json("/api/users/register/", &new, Some(&writer)).await.status, 400);
    assert_eq!(world.ask("POST", "/api/users/create/", &new, &writer).await.status, 403);

    // The token loses permissions with its user, who is demoted and then removed.
    world.sql(&format!("UPDATE users SET position = 'Owner' WHERE id = {}", ann.id)).await;
    world.sql(&format!("UPDATE users SET position = 'Buyer' WHERE id = {}", owner.id)).await;
    assert_eq!(world.ask("POST", "/api/teams/create/", &body, &writer).await.status, 403);
    let path = format!("/api/users/{}/deactivate/", owner.id);
    assert_eq!(world.ask("POST", &path, &Value::Null, &ann).await.status, 200);
    assert_eq!(world.get_as("/api/users/list/", &writer).await.status, 401);
    world.ask("POST", &format!("/api/users/{}/activate/", owner.id), &Value::Null, &ann).await;
    assert_eq!(world.get_as("/api/users/list/", &writer).await.json()["code"], "token_not_valid");
}

#[tokio::test]
async fn a_token_cannot_keep_its_user_out_or_make_another() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let writer = token(&world, &owner, &json!({"name": "sync", "scopes": ["write"]})).await;
    for (method, path) in [
        ("POST", "/api/account/tokens/create/".to_owned()),
        ("DELETE", format!("/api/account/tokens/delete/{}/", writer.id)),
        ("POST", "/api/account/password/".to_owned()),
        ("POST", "/api/account/sessions/revoke-others/".to_owned()),
        ("DELETE", "/api/account/sessions/0192f5a0-1234-7000-8000-000000000000/".to_owned()),
        ("POST", format!("/api/users/{}/reset-password/", owner.id)),
    ] {
        let body = json!({"name": "x", "old_password": PASSWORD, "new_password": "another good one"});
        let answer = world.ask(method, &path, &body, &writer).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.line(), @r#"403 {"detail":"API tokens are not accepted here. Log in with a password."}"#);
        }
    }
    assert_eq!(world.get_as("/api/account/", &writer).await.status, 200);
}

#[tokio::test]
async fn tokens_are_listed_without_the_secret_expire_and_are_revoked() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let bob = world.person("bob", Position::Buyer).await;
    let first = token(&world, &ann, &json!({"name": "first", "expires_in_days": 1})).await;
    let second = token(&world, &ann, &json!({"name": "second"})).await;
    world.get_as("/api/account/", &first).await;
    world.clock.advance(Duration::from_secs(59));
    world.get_as("/api/account/", &first).await;
    let list = world.get_as("/api/account/tokens/list/", &ann).await;
    assert!(!list.text.contains(&first.token[8..]));
    let shown = list.text.replace(&first.token[..8], "slc_…").replace(&second.token[..8], "slc_…");
    insta::assert_snapshot!(shown, @r#"[{"id":2,"name":"second","hint":"slc_…","scopes":["read"],"created_at":"2026-11-23T15:00:00.000Z","expires_at":"2027-02-21T15:00:00.000Z","last_used_at":null},{"id":1,"name":"first","hint":"slc_…","scopes":["read"],"created_at":"2026-11-23T15:00:00.000Z","expires_at":"2026-11-24T15:00:00.000Z","last_used_at":"2026-11-23T15:00:00.000Z"}]"#);
    let page = world.get_as("/api/account/tokens/list/?limit=1", &ann).await;
    let cursor = page.header("link").split("cursor=").nth(1).unwrap().split('>').next().unwrap().to_owned();
    let rest = world.get_as(&format!("/api/account/tokens/list/?limit=1&cursor={cursor}"), &ann).await.json();
    assert_eq!(rest[0]["name"], "first");
    assert_eq!(world.get_as("/api/account/tokens/list/?cursor=x", &ann).await.status, 400);
    world.clock.advance(Duration::from_secs(1));
    world.get_as("/api/account/", &first).await;
    let list = world.get_as("/api/account/tokens/list/", &ann).await.json();
    assert_eq!(list[1]["last_used_at"], "2026-11-23T15:01:00.000Z");

    let path = format!("/api/account/tokens/delete/{}/", second.id);
    assert_eq!(world.ask("DELETE", &path, &Value::Null, &bob).await.status, 404);
    assert_eq!(world.get_as("/api/account/", &second).await.status, 200);
    assert_eq!(world.ask("DELETE", &path, &Value::Null, &ann).await.status, 204);
    assert_eq!(world.ask("DELETE", &path, &Value::Null, &ann).await.status, 404);
    assert_eq!(world.get_as("/api/account/", &second).await.status, 401);
    world.clock.advance(Duration::from_secs(86_400));
    assert_eq!(world.get_as("/api/account/", &first).await.status, 401);
    let trail = world.trail("users", ann.id).await.join("\n");
    assert!(trail.contains("ann create-token - {") && trail.contains("ann delete-token {"), "{trail}");
    assert!(!trail.contains(&second.token[8..]), "{trail}");
}

#[tokio::test]
async fn malformed_tokens() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": "x".repeat(101)}), "name"),
        (json!({"name": "a\u{0}"}), "name"),
        (json!({"name": "x", "scopes": ["admin"]}), "scopes"),
        (json!({"name": "x", "scopes": []}), "scopes"),
        (json!({"name": "x", "scopes": {"read": true}}), "scopes"),
        (json!({"name": "x", "scopes": null}), "scopes"),
        (json!({"name": "x", "expires_in_days": 0}), "expires_in_days"),
        (json!({"name": "x", "expires_in_days": 367}), "expires_in_days"),
        (json!({"name": "x", "expires_in_days": 1e300}), "expires_in_days"),
        (json!({"name": "x", "expires_in_days": "soon"}), "expires_in_days"),
        (json!([1]), "non_field_errors"),
    ] {
        let answer = world.ask("POST", "/api/account/tokens/create/", &body, &ann).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.json()[field].is_array(), "{}", answer.text);
    }
    for text in ["slc_", "slc_AAAA", "slc_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let stranger = Person { id: 0, token: text.to_owned() };
        assert_eq!(world.get_as("/api/account/", &stranger).await.status, 401, "{text}");
    }
    for id in ["0", "-1", "abc", "9223372036854775808"] {
        let path = format!("/api/account/tokens/delete/{id}/");
        assert_eq!(world.ask("DELETE", &path, &Value::Null, &ann).await.status, 404, "{id}");
    }
}
