//! Registration by the page in each mode, and a new password by the link of an Owner.

use serde_json::{Value, json};
use sluice_api::config::Registration;
use sluice_api::policy::Position;

use crate::world::{PASSWORD, Visitor, World, token_in};

const NEW: &str = "another good one";

fn stranger(world: &World) -> Visitor<'_> {
    Visitor { world, cookies: Vec::new() }
}

#[tokio::test]
async fn a_closed_registration_says_whom_to_ask() {
    let world = World::with(|config| config.auth.registration = Registration::Closed).await;
    let mut visitor = stranger(&world);
    assert!(!visitor.get("/login/").await.text.contains("href=\"/register/\""));
    let page = visitor.get("/register/").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Ask an Owner of your team for an account.") && !page.text.contains("<form"));
    let login = visitor.get("/login/").await;
    let form =
        [("csrf_token", token_in(&login)), ("username", "ann".to_owned()), ("password", PASSWORD.to_owned())];
    assert_eq!(visitor.post("/register/", &form).await.status, 403);
    assert_eq!(world.login("ann", PASSWORD).await.status, 400);
}

#[tokio::test]
async fn who_registers_waits_for_an_owner_or_logs_in_at_once() {
    for (mode, words, status) in [
        (Registration::Approval, "once an Owner has approved your account", 400),
        (Registration::Open, "You are registered. Log in.", 200),
    ] {
        let world = World::with(|config| config.auth.registration = mode).await;
        let mut visitor = stranger(&world);
        assert!(visitor.get("/login/").await.text.contains("href=\"/register/\""));
        let fields = [("username", "ann"), ("email", "ann@example.com"), ("password", PASSWORD)];
        let done = visitor.submit("/register/", "/register/", &fields).await;
        assert_eq!((done.status, done.header("location")), (303, "/login/?done=registered"), "{}", done.text);
        assert!(visitor.get("/login/?done=registered").await.text.contains(words));
        assert_eq!(world.login("ann", PASSWORD).await.status, status);
        let lines = world.audit("users").await;
        assert!(lines[0].starts_with("register 1 by anonymous"), "{lines:?}");
    }
}

#[tokio::test]
async fn errors_of_a_registration_stand_at_their_fields_and_input_is_kept() {
    let world = World::with(|config| config.auth.registrations_per_minute = 4).await;
    world.person("ann", Position::Buyer).await;
    let mut visitor = stranger(&world);
    let wrong =
        [("username", "a b"), ("email", "kept"), ("password", "short"), ("first_name", "\u{202e}<b>")];
    let page = visitor.submit("/register/", "/register/", &wrong).await;
    assert_eq!(page.status, 400);
    for text in [
        "<title>Error: Register",
        "id=\"field-username-error\">Enter a valid username.",
        "id=\"field-email-error\">Enter a valid email address.",
        "id=\"field-password-error\">This password is too short. It must contain at least 8 characters.",
        "value=\"kept\"",
        "value=\"\u{202e}&#60;b&#62;\"",
    ] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    assert!(!page.text.contains("short\""));
    let taken = [("username", "ANN"), ("password", PASSWORD)];
    let page = visitor.submit("/register/", "/register/", &taken).await;
    assert!(page.text.contains("A user with that username already exists."), "{}", page.text);
    let king = [("username", "king"), ("password", PASSWORD), ("position", "Owner")];
    let page = visitor.submit("/register/", "/register/", &king).await;
    assert!(page.text.contains("Only an Owner can register another position than Buyer."), "{}", page.text);
    assert_eq!(visitor.submit("/register/", "/register/", &taken).await.status, 400);
    let limited = visitor.submit("/register/", "/register/", &taken).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "60"));
    assert!(limited.text.contains("Too many attempts."), "{}", limited.text);
    let form = [("username", "bob".to_owned()), ("password", PASSWORD.to_owned())];
    assert_eq!(visitor.post("/register/", &form).await.status, 403, "no token");
}

#[tokio::test]
async fn a_link_sets_a_new_password_once() {
    let world = World::new().await;
    let owner = world.person("olga", Position::Owner).await;
    let ann = world.person("ann", Position::Buyer).await;
    let path = format!("/api/users/{}/reset-password/", ann.id);
    let link = async || {
        let token = world.ask("POST", &path, &Value::Null, &owner).await.json()["token"].clone();
        format!("/reset-password/?token={}", token.as_str().unwrap())
    };
    let old = link().await;
    let newer = link().await;
    let mut visitor = stranger(&world);
    let page = visitor.get(&newer).await;
    assert_eq!((page.status, page.header("referrer-policy")), (200, "no-referrer"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(!page.text.contains("https://") && !page.text.contains("http://"), "{}", page.text);
    for dead in [
        &old,
        "/reset-password/",
        "/reset-password/?token=x",
        "/reset-password/?token=%00",
        "/reset-password/?token=%ff",
    ] {
        let page = visitor.get(dead).await;
        assert_eq!((page.status, page.header("referrer-policy")), (400, "no-referrer"), "{dead}");
        assert!(page.text.contains("This link is not valid, has expired or was used before."), "{dead}");
    }
    let token = newer.split('=').nth(1).unwrap().to_owned();
    let weak =
        visitor.submit(&newer, "/reset-password/", &[("token", &token), ("password", "password")]).await;
    assert_eq!((weak.status, weak.header("referrer-policy")), (400, "no-referrer"));
    assert!(weak.text.contains("id=\"field-password-error\">This password is too common."), "{}", weak.text);
    let form = [("token", token.clone()), ("password", NEW.to_owned())];
    assert_eq!(visitor.post("/reset-password/", &form).await.status, 403, "no form token");
    let done = visitor.submit(&newer, "/reset-password/", &[("token", &token), ("password", NEW)]).await;
    assert_eq!((done.status, done.header("location")), (303, "/login/?done=reset"), "{}", done.text);
    assert!(visitor.get("/login/?done=reset").await.text.contains("Your new password is set."));
    assert_eq!(world.login("ann", NEW).await.status, 200);
    assert_eq!(world.get_as("/api/account/", &ann).await.status, 401);
    assert_eq!(visitor.get(&newer).await.status, 400, "used");
    let login = visitor.get("/login/").await;
    let again = [("csrf_token", token_in(&login)), ("token", token), ("password", NEW.to_owned())];
    let again = visitor.post("/reset-password/", &again).await;
    assert!(again.status == 400 && again.text.contains("This link is not valid"), "{}", again.text);

    let late = link().await;
    world.clock.advance(std::time::Duration::from_secs(24 * 3600));
    assert_eq!(visitor.get(&late).await.status, 400, "expired");
}

#[tokio::test]
async fn a_link_does_not_turn_off_the_second_factor() {
    let world = World::new().await;
    let owner = world.person("olga", Position::Owner).await;
    let guarded = world.guarded("ann", Position::Buyer).await;
    let path = format!("/api/users/{}/reset-password/", guarded.person.id);
    let token = world.ask("POST", &path, &Value::Null, &owner).await.json()["token"].clone();
    let body = json!({"token": token, "password": NEW});
    assert_eq!(world.post_json("/api/users/reset-password/", &body, None).await.status, 200);
    assert_eq!(
        world.login("ann", NEW).await.json()["errors"]["code"][0],
        "Enter the code of your authenticator app."
    );
}
