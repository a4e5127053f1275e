//! Registration, logins, tokens and the list of people.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use sluice_api::config::Registration;
use sluice_api::policy::Position;
use sluice_runtime::config::Secret;

use crate::world::{PASSWORD, Person, World};

fn account(username: &str) -> serde_json::Value {
    json!({"username": username, "password": "secretpassword"})
}

#[tokio::test]
async fn names_are_unique_without_regard_to_case() {
    let world = World::new().await;
    assert_eq!(world.post_json("/api/users/register/", &account("Émile"), None).await.status, 201);
    let again = world.post_json("/api/users/register/", &account("éMILE"), None).await;
    insta::assert_snapshot!(again.line(), @r#"400 {"message":"Bad Request.","errors":{"username":["A user with that username already exists."]}}"#);
    assert_eq!(world.login("ÉMILE", "secretpassword").await.status, 200);
}

#[tokio::test]
async fn a_password_is_not_made_of_what_is_known_about_its_user() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let ann = json!({
        "username": "ann.smith", "email": "ann@acmemedia.example", "first_name": "Ann", "last_name": "Smith",
        "password": "Acmemedia2026",
    });
    let refused = world.post_json("/api/users/register/", &ann, None).await;
    insta::assert_snapshot!(refused.line(), @r#"400 {"message":"Bad Request.","errors":{"password":["This password is too similar to the username, the e-mail address or the name."]}}"#);
    let refused = world.ask("POST", "/api/users/create/", &ann, &owner).await;
    insta::assert_snapshot!(refused.line(), @r#"400 {"password":["This password is too similar to the username, the e-mail address or the name."]}"#);
    let mut bob = ann.clone();
    bob["email"] = json!("bob@example.com");
    assert_eq!(world.post_json("/api/users/register/", &bob, None).await.status, 201);
}

#[tokio::test]
async fn only_an_owner_registers_other_positions() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let lead = world.person("lead", Position::TeamLead).await;
    let mut body = account("boss");
    body["position"] = json!("Owner");
    for person in [None, Some(&lead)] {
        let answer = world.post_json("/api/users/register/", &body, person).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.line(), @r#"400 {"message":"Bad Request.","errors":{"position":["Only an Owner can register another position than Buyer."]}}"#);
        }
    }
    let made = world.post_json("/api/users/register/", &body, Some(&owner)).await;
    assert_eq!((made.status, made.json()["user"]["position"].as_str()), (201, Some("Owner")));
    assert_eq!(world.login("boss", "secretpassword").await.status, 200);
    let bad_token = Person { id: 0, token: "x.y.z".to_owned() };
    assert_eq!(world.post_json("/api/users/register/", &account("x"), Some(&bad_token)).await.status, 401);
}

#[tokio::test]
async fn the_operator_chooses_who_may_register() {
    let world = World::with(|config| config.auth.registration = Registration::Approval).await;
    assert_eq!(world.post_json("/api/users/register/", &account("ann"), None).await.status, 201);
    assert_eq!(world.login("ann", "secretpassword").await.status, 400);

    let world = World::with(|config| config.auth.registration = Registration::Closed).await;
    let owner = world.person("owner", Position::Owner).await;
    let refused = world.post_json("/api/users/register/", &account("ann"), None).await;
    insta::assert_snapshot!(refused.line(), @r#"403 {"detail":"Registration is closed. Ask an Owner for an account."}"#);
    assert_eq!(world.post_json("/api/users/register/", &account("ann"), Some(&owner)).await.status, 201);
}

#[tokio::test]
async fn registrations_by_the_public_are_limited_and_an_owners_are_not() {
    let world = World::with(|config| config.auth.registrations_per_minute = 2).await;
    let owner = world.person("owner", Position::Owner).await;
    for name in ["a", "b"] {
        assert_eq!(world.post_json("/api/users/register/", &account(name), None).await.status, 201);
    }
    let limited = world.post_json("/api/users/register/", &account("c"), None).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "60"));
    assert_eq!(world.post_json("/api/users/register/", &account("c"), Some(&owner)).await.status, 201);
}

#[tokio::test]
async fn a_username_that_looks_like_another_is_refused_and_logs_in_as_the_same_person() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    for name in ["sam", "Straße", "Émile", "Саша"] {
        assert_eq!(world.post_json("/api/users/register/", &account(name), Some(&owner)).await.status, 201);
    }
    for name in [
        "ſam",
        "ＳＡＭ",
        "ｓam",
        "STRASSE",
        "e\u{301}mile",
        "САША",
        "ⓢam",
        "𝐬𝐚𝐦",
        // Cyrillic letters that look like Latin ones.
        "\u{455}am",
        "s\u{430}m",
        "\u{43e}wner",
    ] {
        for person in [None, Some(&owner)] {
            let refused = world.post_json("/api/users/register/", &account(name), person).await;
            assert_eq!(refused.status, 400, "{name}: {}", refused.text);
            assert!(refused.json()["errors"]["username"].is_array(), "{name}: {}", refused.text);
        }
    }
    for name in ["SAM", "ſam", "ＳＡＭ", "strasse", "STRASSE", "émile"] {
        assert_eq!(world.login(name, "secretpassword").await.status, 200, "{name}");
    }
    let renamed =
        world.ask("PATCH", "/api/users/update/2/", &json!({"username": "ＯＷＮＥＲ"}), &owner).await;
    assert_eq!(renamed.status, 400, "{}", renamed.text);
    let long = world.post_json("/api/users/register/", &account(&"\u{fdfa}".repeat(150)), None).await;
    assert_eq!(long.status, 400, "{}", long.text);
}

#[tokio::test]
async fn a_wrong_login_does_not_say_what_was_wrong() {
    let world = World::new().await;
    world.person("ann", Position::Buyer).await;
    world.sql("INSERT INTO users (username, username_key, password_hash, is_active) SELECT 'off', 'off', password_hash, false FROM users").await;
    for (username, password) in [("ann", "wrong"), ("nobody", PASSWORD), ("off", PASSWORD)] {
        let answer = world.login(username, password).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.line(), @r#"400 {"message":"Bad Request.","errors":{"non_field_errors":["Unable to log in with provided credentials."]}}"#);
        }
    }
}

#[tokio::test]
async fn twenty_wrong_passwords_within_a_minute_end_in_429() {
    let world = World::new().await;
    world.person("ann", Position::Buyer).await;
    world.person("bob", Position::Buyer).await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(world.login("ann", "wrong").await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 15);
    assert_eq!(statuses.last(), Some(&429));
    // The right password must wait too, or guessing could continue. Other accounts need not wait.
    let limited = world.login("ANN", PASSWORD).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "60"));
    insta::assert_snapshot!(limited.text, @r#"{"detail":"Request was throttled. Expected available in 60 seconds."}"#);
    assert_eq!(world.login("bob", PASSWORD).await.status, 200);
    world.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(world.login("ann", PASSWORD).await.status, 200);
}

/// Logs in from an address, by way of a trusted proxy.
async fn login_from(world: &World, address: &str, username: &str, password: &str) -> u16 {
    let body = json!({"username": username, "password": password}).to_string();
    let request = Request::post("/api/users/login/").header("content-type", "application/json");
    world.send(request.header("x-forwarded-for", address).body(Body::from(body)).unwrap()).await.status
}

#[tokio::test]
async fn strangers_do_not_lock_a_person_out() {
    let world =
        World::with(|config| config.http.trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()]).await;
    let ann = world.person("ann", Position::Buyer).await;
    for (home, network) in [("203.0.113.7", "203.0.113.7"), ("2001:db8::7", "2001:db8::8")] {
        assert_eq!(login_from(&world, home, "ann", PASSWORD).await, 200);
        // One address guesses as often as it may. Nobody else has to wait for it.
        for _ in 0..20 {
            login_from(&world, "198.51.100.66", "ANN", "wrong").await;
        }
        assert_eq!(login_from(&world, "198.51.100.66", "ann", PASSWORD).await, 429);
        assert_eq!(login_from(&world, "198.51.100.77", "ann", PASSWORD).await, 200);
        // Many addresses together reach the limit of the account.
        for number in 0..200 {
            login_from(&world, &format!("198.51.101.{number}"), "ann", "wrong").await;
        }
        assert_eq!(login_from(&world, "198.51.100.78", "ann", PASSWORD).await, 429);
        assert_eq!(login_from(&world, network, "ann", PASSWORD).await, 200, "a former login's address");
        assert_eq!(login_from(&world, "198.51.100.78", "bob", PASSWORD).await, 400);
        // A known address has the limit of one address.
        let mut statuses = Vec::new();
        for _ in 0..16 {
            statuses.push(login_from(&world, network, "ann", "wrong").await);
        }
        assert_eq!((statuses[14], statuses[15]), (400, 429));
        // Somebody who is logged in can change the password, whatever strangers do.
        let change = |old: &str| json!({"old_password": old, "new_password": PASSWORD});
        let path = "/api/account/password/";
        assert_eq!(world.ask("POST", path, &change(PASSWORD), &ann).await.status, 204);
        for _ in 0..15 {
            assert_eq!(world.ask("POST", path, &change("wrong"), &ann).await.status, 400);
        }
        assert_eq!(world.ask("POST", path, &change(PASSWORD), &ann).await.status, 429);
        world.clock.advance(std::time::Duration::from_secs(61));
    }
}

#[tokio::test]
async fn a_new_password_ends_the_wait() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let ann = world.person("ann", Position::Buyer).await;
    for _ in 0..16 {
        world.login("ann", "wrong").await;
    }
    assert_eq!(world.login("ann", PASSWORD).await.status, 429);
    let path = format!("/api/users/{}/reset-password/", ann.id);
    let reset = world.ask("POST", &path, &json!({}), &owner).await;
    let token = reset.json()["token"].as_str().unwrap_or_else(|| panic!("{}", reset.text)).to_owned();
    let body = json!({"token": token, "password": "a new and long one"});
    assert_eq!(world.post_json("/api/users/reset-password/", &body, None).await.status, 200);
    assert_eq!(world.login("ann", "a new and long one").await.status, 200);
}

#[tokio::test]
async fn visitors_of_a_proxy_that_adds_ports_have_their_own_login_limits() {
    let world = World::with(|config| {
        config.http.trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()];
        config.auth.wrong_passwords_per_minute = 1;
    })
    .await;
    let guess = async |name: &str, header: &str, value: &str| {
        let body = json!({"username": name, "password": "wrong"}).to_string();
        let request = Request::post("/api/users/login/").header("content-type", "application/json");
        world.send(request.header(header, value).body(Body::from(body)).unwrap()).await.status
    };
    // An address may guess ten times as often as an account.
    for number in 0..10 {
        let visitor = format!("198.51.100.7:{}", 40_000 + number);
        assert_eq!(guess(&format!("made-up-{number}"), "x-forwarded-for", &visitor).await, 400);
    }
    for (header, visitor, expected) in [
        ("x-forwarded-for", "198.51.100.7:50000", 429),
        ("x-forwarded-for", "198.51.100.8:50000", 400),
        ("forwarded", "for=\"198.51.100.7:50000\";proto=https", 429),
        ("forwarded", "for=\"[2001:db8::7]:50000\";proto=https", 400),
    ] {
        assert_eq!(guess(visitor, header, visitor).await, expected, "{visitor}");
    }
}

#[tokio::test]
async fn invalid_tokens_are_refused_in_the_words_of_the_legacy_crm() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let anonymous = world.get("/api/users/list/").await;
    insta::assert_snapshot!(anonymous.line(), @r#"401 {"detail":"Authentication credentials were not provided."}"#);
    assert_eq!(anonymous.header("www-authenticate"), "Bearer realm=\"api\"");
    let bad = world.get_as("/api/users/list/", &Person { id: 0, token: "nonsense".to_owned() }).await;
    insta::assert_snapshot!(bad.line(), @r#"401 {"detail":"Given token not valid for any token type","code":"token_not_valid","messages":[{"token_class":"AccessToken","token_type":"access","message":"Token is invalid or expired"}]}"#);
    let two = world.get_as("/api/users/list/", &Person { id: 0, token: "a b".to_owned() }).await;
    assert_eq!((two.status, two.json()["code"].as_str()), (401, Some("bad_authorization_header")));
    let basic = Request::get("/api/users/list/").header("authorization", "Basic YTpi");
    assert_eq!(world.send(basic.body(Body::empty()).unwrap()).await.status, 401);

    world.sql("UPDATE users SET is_active = false").await;
    let inactive = world.get_as("/api/users/list/", &ann).await;
    insta::assert_snapshot!(inactive.line(), @r#"401 {"detail":"User is inactive","code":"user_inactive"}"#);
    world.sql("UPDATE users SET is_active = true").await;
    assert_eq!(world.get_as("/api/users/list/", &ann).await.status, 200);
    world.clock.advance(std::time::Duration::from_secs(901));
    assert_eq!(world.get_as("/api/users/list/", &ann).await.status, 401);
    world.sql("DELETE FROM users").await;
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_copied_one_revokes_them_all() {
    let world = World::new().await;
    world.person("ann", Position::Buyer).await;
    let first = world.login("ann", PASSWORD).await.json();
    let refresh = async |pair: &serde_json::Value| {
        let body = json!({"refresh_token": pair["refresh_token"]});
        world.post_json("/api/users/refresh/", &body, None).await
    };
    let second = refresh(&first).await;
    assert_eq!(second.status, 200);
    let person =
        |pair: &serde_json::Value| Person { id: 0, token: pair["access_token"].as_str().unwrap().to_owned() };
    assert_eq!(world.get_as("/api/users/list/", &person(&second.json())).await.status, 200);
    let reused = refresh(&first).await;
    insta::assert_snapshot!(reused.line(), @r#"401 {"detail":"Token is invalid or expired","code":"token_not_valid"}"#);
    assert_eq!(refresh(&second.json()).await.status, 401);
    assert_eq!(world.get_as("/api/users/list/", &person(&second.json())).await.status, 401);
}

#[tokio::test]
async fn of_two_exchanges_at_once_one_is_a_copy_and_ends_the_login() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let pair = world.login("ann", PASSWORD).await.json();
    let body = json!({"refresh_token": pair["refresh_token"]});
    let (left, right) = tokio::join!(
        world.post_json("/api/users/refresh/", &body, None),
        world.post_json("/api/users/refresh/", &body, None),
    );
    let mut statuses = [left.status, right.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    let winner = if left.status == 200 { left } else { right };
    let again = json!({"refresh_token": winner.json()["refresh_token"]});
    assert_eq!(world.post_json("/api/users/refresh/", &again, None).await.status, 401);
    // The person's other login is still valid.
    assert_eq!(world.get_as("/api/users/list/", &ann).await.status, 200);
    let trail = world.trail("users", ann.id).await;
    assert!(trail[0].starts_with("anonymous token-reuse - {"), "{trail:?}");
}

#[tokio::test]
async fn a_new_signing_key_logs_nobody_out() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let mut config = world.app.config.clone();
    config.auth.previous_secrets = vec![config.auth.secret.clone()];
    config.auth.secret = Secret::new("the next secret of the tests, 32 bytes");
    let rotated = World::on(config.clone(), world.edge.clone());
    assert_eq!(rotated.get_as("/api/users/list/", &ann).await.status, 200);
    let fresh = rotated.login("ann", PASSWORD).await.json()["access_token"].as_str().unwrap().to_owned();
    let fresh = Person { id: ann.id, token: fresh };
    // A service that does not know the new key yet refuses it.
    assert_eq!(world.get_as("/api/users/list/", &fresh).await.status, 401);
    config.auth.previous_secrets.clear();
    let forgotten = World::on(config, world.edge.clone());
    assert_eq!(forgotten.get_as("/api/users/list/", &ann).await.status, 401);
    assert_eq!(forgotten.get_as("/api/users/list/", &fresh).await.status, 200);
}

#[tokio::test]
async fn a_logout_ends_the_access_token_at_once() {
    let world = World::new().await;
    world.person("ann", Position::Buyer).await;
    let pair = world.login("ann", PASSWORD).await.json();
    let person = Person { id: 0, token: pair["access_token"].as_str().unwrap().to_owned() };
    let body = json!({"refresh_token": pair["refresh_token"]});
    assert_eq!(world.post_json("/api/users/logout/", &body, None).await.line(), "204 ");
    assert_eq!(world.get_as("/api/users/list/", &person).await.status, 401);
    assert_eq!(world.post_json("/api/users/refresh/", &body, None).await.status, 401);
    assert_eq!(world.post_json("/api/users/logout/", &body, None).await.status, 204);
    let missing = world.post_json("/api/users/logout/", &json!({}), None).await;
    insta::assert_snapshot!(missing.line(), @r#"400 {"refresh_token":["This field is required."]}"#);
}

#[tokio::test]
async fn the_list_of_people_is_scoped_and_paged() {
    let world = World::new().await;
    let owner = world.person("Owner", Position::Owner).await;
    let funds = world.person("funds", Position::FundsCoordinator).await;
    let lead = world.person("lead", Position::TeamLead).await;
    let ann = world.person("ann", Position::Buyer).await;
    let bob = world.person("Bob", Position::Buyer).await;
    world.team("Red", lead.id, &[ann.id]).await;
    let names = async |person: &Person, query: &str| {
        let answer = world.get_as(&format!("/api/users/list/?{query}"), person).await;
        let list = answer.json();
        let names = list.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), answer.header("link").to_owned())
    };
    assert_eq!(names(&owner, "").await.0, ["ann", "Bob", "funds", "lead", "Owner"]);
    assert_eq!(names(&funds, "").await.0.len(), 5);
    assert_eq!(names(&lead, "").await.0, ["ann", "lead"]);
    assert_eq!(names(&bob, "").await.0, ["Bob"]);
    assert_eq!(names(&owner, "q=an").await.0, ["ann"]);
    assert_eq!(names(&owner, "q=%25").await.0, [""; 0]);
    assert_eq!(names(&owner, "position=Buyer&sort=-username").await.0, ["Bob", "ann"]);
    let (first, link) = names(&owner, "limit=2").await;
    assert_eq!(first, ["ann", "Bob"]);
    let cursor = link.split("cursor=").nth(1).unwrap().split('>').next().unwrap().to_owned();
    assert_eq!(names(&owner, &format!("limit=2&cursor={cursor}")).await.0, ["funds", "lead"]);
}
