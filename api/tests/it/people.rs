//! Users over the API: as each role, with extreme values, and two requests at once.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use sluice_api::config::Registration;
use sluice_api::db::names::{self, Refers};
use sluice_api::policy::Position;

use crate::world::{PASSWORD, Person, World};

async fn team(world: &World) -> [Person; 5] {
    let owner = world.person("owner", Position::Owner).await;
    let funds = world.person("funds", Position::FundsCoordinator).await;
    let lead = world.person("lead", Position::TeamLead).await;
    let ann = world.person("ann", Position::Buyer).await;
    let bob = world.person("bob", Position::Buyer).await;
    world.team("Red", lead.id, &[ann.id]).await;
    [owner, funds, lead, ann, bob]
}

#[tokio::test]
async fn a_user_is_visible_within_the_scope() {
    let world = World::new().await;
    let [owner, funds, lead, ann, bob] = team(&world).await;
    let path = format!("/api/users/detail/{}/", ann.id);
    for (person, status) in [(&owner, 200), (&funds, 200), (&lead, 200), (&ann, 200), (&bob, 404)] {
        assert_eq!(world.get_as(&path, person).await.status, status);
    }
    let answer = world.get_as(&path, &ann).await;
    assert_eq!(answer.header("etag"), "\"1\"");
    insta::assert_snapshot!(answer.text.replace(&format!("\"created_at\":{}", answer.json()["created_at"]), "\"created_at\":…"), @r#"{"id":4,"username":"ann","email":"ann@example.com","first_name":"","last_name":"","position":"Buyer","is_active":true,"awaits_approval":false,"team_id":1,"time_zone":"UTC","has_second_factor":false,"image":null,"created_at":…,"last_login":"2026-11-23T15:00:00.000Z"}"#);
    for id in ["0", "-1", "abc", "+4", "9223372036854775808", "99999999999999999999", "%00", "%ff", "1%2F2"] {
        let answer = world.get_as(&format!("/api/users/detail/{id}/"), &owner).await;
        assert_eq!(answer.line(), r#"404 {"detail":"Not found."}"#, "{id}");
    }
    let names = async |query: &str| {
        let answer = world.get_as(&format!("/api/users/list/?{query}"), &owner).await.json();
        let names =
            answer.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    world.ask("POST", &format!("/api/users/{}/deactivate/", bob.id), &Value::Null, &owner).await;
    assert_eq!(names("is_active=false").await, ["bob"]);
    assert_eq!(names("team_id=1").await, ["ann", "lead"]);
    assert_eq!(names("is_active=true&team_id=1&sort=-username&q=a").await, ["lead", "ann"]);
    for query in ["is_active=maybe", "team_id=0", "team_id=9223372036854775808", "position=King"] {
        assert_eq!(world.get_as(&format!("/api/users/list/?{query}"), &owner).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn only_owners_make_change_and_remove_people() {
    let world = World::new().await;
    let [_, funds, lead, ann, bob] = team(&world).await;
    let id = ann.id;
    for person in [&funds, &lead, &ann, &bob] {
        for (method, path) in [
            ("POST", "/api/users/create/".to_owned()),
            ("PUT", format!("/api/users/update/{id}/")),
            ("PATCH", format!("/api/users/update/{id}/")),
            ("DELETE", format!("/api/users/delete/{id}/")),
            ("POST", format!("/api/users/{id}/approve/")),
            ("POST", format!("/api/users/{id}/activate/")),
            ("POST", format!("/api/users/{id}/deactivate/")),
        ] {
            let answer = world.ask(method, &path, &json!({"position": "Owner"}), person).await;
            assert_eq!(answer.status, 403, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn an_owner_creates_users_of_any_position_in_every_mode() {
    let world = World::with(|config| config.auth.registration = Registration::Closed).await;
    let owner = world.person("owner", Position::Owner).await;
    let body = json!({"username": "Fay", "password": "secretpassword", "position": "Funds Coordinator"});
    let made = world.ask("POST", "/api/users/create/", &body, &owner).await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""));
    assert_eq!(
        (&made.json()["position"], &made.json()["is_active"]),
        (&json!("Funds Coordinator"), &json!(true))
    );
    assert_eq!(world.login("fay", "secretpassword").await.status, 200);
    let trail = world.trail("users", made.json()["id"].as_i64().unwrap()).await;
    assert!(trail[0].starts_with("owner create - {") && !trail[0].contains("secretpassword"), "{trail:?}");
    let again = world
        .ask("POST", "/api/users/create/", &json!({"username": "FAY", "password": "secretpassword"}), &owner)
        .await;
    insta::assert_snapshot!(again.line(), @r#"400 {"username":["A user with that username already exists."]}"#);
    for body in [
        json!({}),
        json!({"username": "a b", "password": "password", "email": "x", "position": 5}),
        json!([]),
        json!({"username": null, "password": []}),
        json!({"username": "a\u{0}"}),
    ] {
        let answer = world.ask("POST", "/api/users/create/", &body, &owner).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.json().as_object().unwrap().values().all(Value::is_array), "{}", answer.text);
    }
}

#[tokio::test]
async fn put_replaces_patch_changes_and_an_old_version_is_refused() {
    let world = World::new().await;
    let [owner, _, _, ann, _] = team(&world).await;
    let path = format!("/api/users/update/{}/", ann.id);
    let patch = async |body: Value, version: &str| world.call("PATCH", &path, &body, &owner, version).await;
    let patched = patch(json!({"first_name": "Ann", "time_zone": "Europe/Berlin"}), "\"1\"").await;
    assert_eq!((patched.status, patched.header("etag")), (200, "\"2\""));
    assert_eq!(patched.json()["email"], "ann@example.com");
    assert_eq!(patch(json!({"first_name": "Eve"}), "\"1\"").await.status, 412);
    // Nothing changes: no new version and no line in the audit trail.
    assert_eq!(patch(json!({}), "").await.header("etag"), "\"2\"");
    let put = world.ask("PUT", &path, &json!({"username": "Anna"}), &owner).await;
    assert_eq!((put.status, put.header("etag")), (200, "\"3\""));
    let put = put.json();
    assert_eq!(
        (&put["email"], &put["first_name"], &put["position"]),
        (&json!(""), &json!(""), &json!("Buyer"))
    );
    assert_eq!((&put["time_zone"], &put["is_active"]), (&json!("Europe/Berlin"), &json!(true)));
    assert_eq!(world.get_as("/api/users/list/", &ann).await.status, 200);
    insta::assert_snapshot!(world.trail("users", ann.id).await.join("\n"), @r#"
    owner update {"time_zone": "UTC", "first_name": ""} {"time_zone": "Europe/Berlin", "first_name": "Ann"}
    owner update {"email": "ann@example.com", "username": "ann", "first_name": "Ann"} {"email": "", "username": "Anna", "first_name": ""}
    "#);
    for (body, field) in [
        (json!({"username": "OWNER"}), "username"),
        (json!({"username": ""}), "username"),
        (json!({"email": "no"}), "email"),
        (json!({"email": null}), "email"),
        (json!({"first_name": "x".repeat(31)}), "first_name"),
        (json!({"position": "King"}), "position"),
        (json!({"is_active": "maybe"}), "is_active"),
        (json!({"is_active": null}), "is_active"),
        (json!({"time_zone": "Mars/Olympus"}), "time_zone"),
        (json!({"last_name": {"a": 1}}), "last_name"),
        (json!({"last_name": "a\u{0}b"}), "last_name"),
        (json!([1]), "non_field_errors"),
    ] {
        let answer = patch(body, "").await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.json()[field].is_array(), "{}", answer.text);
    }
    let missing = world.ask("PUT", &path, &json!({}), &owner).await;
    insta::assert_snapshot!(missing.line(), @r#"400 {"username":["This field is required."]}"#);
    assert_eq!(world.ask("PATCH", "/api/users/update/999/", &json!({}), &owner).await.status, 404);
}

#[tokio::test]
async fn forms_change_a_person_as_json_does() {
    let world = World::new().await;
    let [owner, _, _, ann, _] = team(&world).await;
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"is_active\"\r\n\r\ntrue\r\n--b--\r\n";
    for (content_type, body, is_active) in [
        ("application/x-www-form-urlencoded", "is_active=off&first_name=A+B", false),
        ("multipart/form-data; boundary=b", multipart, true),
    ] {
        let request = Request::patch(format!("/api/users/update/{}/", ann.id))
            .header("authorization", format!("Bearer {}", owner.token))
            .header("content-type", content_type);
        let answer = world.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(
            (&answer.json()["is_active"], &answer.json()["first_name"]),
            (&json!(is_active), &json!("A B"))
        );
    }
}

#[tokio::test]
async fn new_positions_and_deactivations_apply_at_once() {
    let world = World::new().await;
    let [owner, _, lead, ann, bob] = team(&world).await;
    let mut browser = world.visitor("bob").await;
    assert_eq!(browser.get("/").await.status, 200);
    let promoted = world
        .ask("PATCH", &format!("/api/users/update/{}/", ann.id), &json!({"position": "Team Lead"}), &owner)
        .await;
    assert_eq!((promoted.status, &promoted.json()["team_id"]), (200, &Value::Null));
    assert_eq!(world.get_as("/api/users/list/", &ann).await.status, 401);
    let list = world.get_as("/api/users/list/", &lead).await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);

    let deactivate = format!("/api/users/{}/deactivate/", bob.id);
    let answer = world.ask("POST", &deactivate, &Value::Null, &owner).await;
    assert_eq!((answer.status, &answer.json()["is_active"]), (200, &json!(false)));
    assert_eq!(world.ask("POST", &deactivate, &Value::Null, &owner).await.status, 200);
    assert_eq!(world.get_as("/api/users/list/", &bob).await.json()["code"], "user_inactive");
    assert_eq!(browser.get("/").await.status, 303);
    assert_eq!(world.login("bob", PASSWORD).await.status, 400);
    let approve = world.ask("POST", &format!("/api/users/{}/approve/", bob.id), &Value::Null, &owner).await;
    insta::assert_snapshot!(approve.line(), @r#"409 {"detail":"This user does not wait for an approval, but was deactivated."}"#);
    let activate = world.ask("POST", &format!("/api/users/{}/activate/", bob.id), &Value::Null, &owner).await;
    assert_eq!((activate.status, &activate.json()["is_active"]), (200, &json!(true)));
    // Revoked tokens stay revoked.
    assert_eq!(world.get_as("/api/users/list/", &bob).await.json()["code"], "token_not_valid");
    assert_eq!(browser.get("/").await.status, 303);
    assert_eq!(world.login("bob", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn with_approval_a_new_user_waits() {
    let world = World::with(|config| config.auth.registration = Registration::Approval).await;
    let owner = world.person("owner", Position::Owner).await;
    let body = json!({"username": "ann", "password": "secretpassword"});
    let id =
        world.post_json("/api/users/register/", &body, None).await.json()["user"]["id"].as_i64().unwrap();
    assert_eq!(world.login("ann", "secretpassword").await.status, 400);
    let seen = world.get_as(&format!("/api/users/detail/{id}/"), &owner).await.json();
    assert_eq!((&seen["is_active"], &seen["awaits_approval"]), (&json!(false), &json!(true)));
    let approved = world.ask("POST", &format!("/api/users/{id}/approve/"), &Value::Null, &owner).await;
    assert_eq!(
        (&approved.json()["is_active"], &approved.json()["awaits_approval"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(world.login("ann", "secretpassword").await.status, 200);
    let trail = world.trail("users", id).await;
    assert!(trail[0].starts_with("anonymous register - {"), "{trail:?}");
    assert!(trail.iter().any(|line| line.starts_with("anonymous login-failed")), "{trail:?}");
    assert_eq!(
        trail.last().unwrap(),
        r#"owner approve {"is_active": false, "awaits_approval": true} {"is_active": true, "awaits_approval": false}"#
    );
}

#[tokio::test]
async fn a_deleted_user_is_gone_and_the_name_is_free() {
    let world = World::new().await;
    let [owner, _, lead, ann, _] = team(&world).await;
    let path = format!("/api/users/delete/{}/", ann.id);
    assert_eq!(world.call("DELETE", &path, &Value::Null, &owner, "\"7\"").await.status, 412);
    assert_eq!(world.ask("DELETE", &path, &Value::Null, &owner).await.line(), "204 ");
    assert_eq!(world.ask("DELETE", &path, &Value::Null, &owner).await.status, 404);
    assert_eq!(world.get_as(&format!("/api/users/detail/{}/", ann.id), &owner).await.status, 404);
    assert_eq!(
        world.ask("PATCH", &format!("/api/users/update/{}/", ann.id), &json!({}), &owner).await.status,
        404
    );
    assert_eq!(
        world.ask("POST", &format!("/api/users/{}/activate/", ann.id), &Value::Null, &owner).await.status,
        404
    );
    assert_eq!(world.get_as("/api/users/list/?q=ann", &owner).await.text, "[]");
    assert_eq!(world.get_as("/api/users/list/", &ann).await.json()["code"], "user_not_found");
    assert_eq!(world.get_as("/api/users/list/", &lead).await.json().as_array().unwrap().len(), 1);
    for name in ["ann", &format!("ann#{}", ann.id)] {
        assert_eq!(world.login(name, PASSWORD).await.status, 400);
    }
    let named = names::of(&world.app.postgres, Refers::User, &[ann.id]).await.unwrap();
    assert_eq!(named, [(ann.id, "ann".to_owned())]);
    let again = json!({"username": "ANN", "password": "secretpassword"});
    let again = world.post_json("/api/users/register/", &again, None).await;
    assert_eq!(again.status, 201, "{}", again.text);
    assert_ne!(again.json()["user"]["id"], ann.id);
    assert!(world.trail("users", ann.id).await.last().unwrap().starts_with("owner delete {"));
}
