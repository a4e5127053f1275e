//! A session that ends in the middle of a form: what was entered is there after the login, for its
//! owner only, and nothing is done without a second press.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use sluice_api::policy::Position;

use crate::entity_pages::fields;
use crate::world::{Answer, PASSWORD, Visitor, World, token_in};

const NAME: &str = "Ünal \u{202e}<script>alert(1)</script>";

/// Returns the fields of the only form in the main part of a page, filled in.
fn filled(page: &Answer, filled: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut form: Vec<(&'static str, String)> = fields(&page.text)
        .into_iter()
        .map(|(name, text)| (&*Box::leak(name.into_boxed_str()), text))
        .filter(|(name, _)| !filled.iter().any(|(filled, _)| filled == name))
        .collect();
    form.extend(filled.iter().map(|(name, text)| (*name, (*text).to_owned())));
    form
}

/// Fills in the form of a new team, and ends all sessions before it is sent.
async fn sent_too_late(visitor: &mut Visitor<'_>) -> Answer {
    let page = visitor.get("/teams/create/").await;
    let form = filled(&page, &[("name", NAME)]);
    visitor.world.sql("UPDATE sessions SET revoked_at = created_at").await;
    visitor.post("/teams/create/", &form).await
}

fn login(page: &Answer, username: &str, password: &str) -> Vec<(&'static str, String)> {
    filled(page, &[("username", username), ("password", password)])
}

async fn n_teams(world: &World) -> i64 {
    world.sql_number("SELECT count(*) FROM teams").await
}

#[tokio::test]
async fn what_was_entered_is_sent_after_the_login_by_a_second_press() {
    let world = World::new().await;
    world.person("owner", Position::Owner).await;
    let mut visitor = world.visitor("owner").await;
    let page = sent_too_late(&mut visitor).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("You were logged out. Log in to send what you entered."), "{}", page.text);
    assert!(page.text.contains("name=\"kept_form\"") && !page.text.contains("alert(1)"), "{}", page.text);
    let wrong = visitor.post("/login/", &login(&page, "owner", "wrong password")).await;
    assert!(wrong.text.contains("name=\"kept_form\""), "a wrong password loses nothing");
    let shown = visitor.post("/login/", &login(&wrong, "owner", PASSWORD)).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert!(shown.text.contains("Send your changes now?") && shown.text.contains("<dt>Name</dt>"));
    assert!(!shown.text.contains("<script>alert"), "markup is escaped");
    assert!(!shown.text.contains("<dt>Idempotency key</dt>"), "nobody has entered it");
    assert_eq!(n_teams(&world).await, 0, "nothing is done by the login");
    let form = filled(&shown, &[]);
    let created = visitor.post("/teams/create/", &form).await;
    assert_eq!(created.status, 303, "{}", created.text);
    assert_eq!(visitor.post("/teams/create/", &form).await.status, 303);
    assert_eq!(n_teams(&world).await, 1, "a second press makes no second team");
    assert!(visitor.get(created.header("location")).await.text.contains("Ünal"));
}

#[tokio::test]
async fn a_form_goes_through_the_second_factor_and_beyond_natural_expiry() {
    let world = World::new().await;
    let guarded = world.guarded("owner", Position::Owner).await;
    let mut visitor = Visitor { world: &world, cookies: Vec::new() };
    let page = visitor.get("/login/").await;
    let code_page = visitor.post("/login/", &login(&page, "owner", PASSWORD)).await;
    let code = world.code(&guarded.secret);
    assert_eq!(visitor.post("/login/code/", &filled(&code_page, &[("code", &code)])).await.status, 303);
    let page = visitor.get("/teams/create/").await;
    let form = filled(&page, &[("name", "Beta")]);
    let days = u64::from(world.app.config.auth.session_days);
    world.clock.advance(std::time::Duration::from_secs(days * 86_400 + 60));
    // The browser has forgotten both cookies.
    visitor.cookies.clear();
    let page = visitor.post("/teams/create/", &form).await;
    assert!(page.header("set-cookie").contains("sluice_form="), "the login needs its cookie");
    let code_page = visitor.post("/login/", &login(&page, "owner", PASSWORD)).await;
    assert!(code_page.text.contains("name=\"kept_form\""), "{}", code_page.text);
    let wrong = visitor.post("/login/code/", &filled(&code_page, &[("code", "000000")])).await;
    assert!(wrong.text.contains("name=\"kept_form\""), "{}", wrong.text);
    let code = world.code(&guarded.secret);
    let shown = visitor.post("/login/code/", &filled(&wrong, &[("code", &code)])).await;
    assert!(shown.text.contains("Send your changes now?"), "{}", shown.text);
    assert_eq!(visitor.post("/teams/create/", &filled(&shown, &[])).await.status, 303);
    assert_eq!(n_teams(&world).await, 1);
}

#[tokio::test]
async fn another_person_neither_sees_nor_sends_it() {
    let world = World::new().await;
    world.person("owner", Position::Owner).await;
    world.person("other", Position::Owner).await;
    let mut visitor = world.visitor("owner").await;
    let page = sent_too_late(&mut visitor).await;
    let answer = visitor.post("/login/", &login(&page, "other", PASSWORD)).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"), "{}", answer.text);
    let home = visitor.get("/").await;
    assert!(home.text.contains("The form that was open was not yours") && !home.text.contains("Ünal"));
    // Nor with a form of the first person in a tab that was left open.
    let form = [("csrf_token", token_of(&page)), ("name", "Gamma".to_owned())];
    assert_eq!(visitor.post("/teams/create/", &form).await.status, 403);
    assert_eq!(n_teams(&world).await, 0);
}

/// Returns the token of the kept form in a page.
fn token_of(page: &Answer) -> String {
    use base64::Engine as _;
    let kept = fields(&page.text).into_iter().find(|(name, _)| name == "kept_form").unwrap().1;
    let kept = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(kept).unwrap();
    let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
    kept["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_form_of_an_earlier_session_is_shown_to_the_same_person() {
    let world = World::new().await;
    world.person("owner", Position::Owner).await;
    world.person("ann", Position::Buyer).await;
    let mut visitor = world.visitor("owner").await;
    let page = visitor.get("/teams/create/").await;
    let form = filled(&page, &[("name", "Delta")]);
    // In another tab they log out and in again.
    let mut visitor = world.visitor("owner").await;
    let shown = visitor.post("/teams/create/", &form).await;
    assert_eq!(shown.status, 409, "{}", shown.text);
    assert!(shown.text.contains("Send your changes now?") && shown.text.contains("Log out"));
    assert_eq!(n_teams(&world).await, 0);
    assert_eq!(visitor.post("/teams/create/", &filled(&shown, &[])).await.status, 303);
    // A wrong role is refused before anything else.
    let mut ann = world.visitor("ann").await;
    assert_eq!(ann.post("/teams/create/", &form).await.status, 403);
    assert_eq!(n_teams(&world).await, 1);
}

#[tokio::test]
async fn only_a_form_of_this_site_is_kept_without_its_secrets() {
    let world = World::new().await;
    world.person("owner", Position::Owner).await;
    let mut visitor = world.visitor("owner").await;
    let token = token_in(&visitor.get("/users/create/").await);
    world.sql("UPDATE sessions SET revoked_at = created_at").await;
    let user = |token: &str| {
        [
            ("csrf_token", token.to_owned()),
            ("username", "carla".to_owned()),
            ("password", "a new secret of carla".to_owned()),
            ("position", "Buyer".to_owned()),
        ]
    };
    let page = visitor.post("/users/create/", &user(&token)).await;
    let shown = visitor.post("/login/", &login(&page, "owner", PASSWORD)).await;
    assert!(shown.text.contains("carla") && !shown.text.contains("a new secret"), "{}", shown.text);
    let again = visitor.post("/users/create/", &filled(&shown, &[])).await;
    assert_eq!(again.status, 400, "the password is asked for: {}", again.text);
    assert!(again.text.contains("value=\"carla\"") && again.text.contains("id=\"field-password-error\""));

    let mut nobody = Visitor { world: &world, cookies: Vec::new() };
    let huge = "x".repeat(63 * 1024);
    let many = "a=b&".repeat(15_000);
    for (body, content_type) in [
        (String::new(), "application/x-www-form-urlencoded"),
        ("name=x".to_owned(), "application/x-www-form-urlencoded"),
        ("csrf_token=AAAA&name=x".to_owned(), "application/x-www-form-urlencoded"),
        (format!("csrf_token={token}"), "application/x-www-form-urlencoded"),
        (format!("csrf_token={token}&{many}"), "application/x-www-form-urlencoded"),
        (format!("csrf_token={token}&name={huge}{huge}"), "application/x-www-form-urlencoded"),
        (format!("csrf_token={token}&name=x"), "multipart/form-data; boundary=b"),
        ("{\"csrf_token\": 1}".to_owned(), "application/json"),
    ] {
        let request = Request::post("/teams/create/").header(CONTENT_TYPE, content_type);
        let answer = nobody.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/login/?next=%2F"));
    }
    let request = Request::post("/teams/create/")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site");
    let answer = nobody.send(request.body(Body::from(format!("csrf_token={token}&name=x"))).unwrap()).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/login/?next=%2F"), "of another site");
    let large = [("csrf_token", token), ("name", huge)];
    assert_eq!(nobody.post("/teams/create/", &large).await.status, 200, "as large as any form");
    // Nonsense in the field is ignored.
    for kept in ["%%%", "e30", "AAAA"] {
        let page = nobody.get("/login/").await;
        let form = filled(&page, &[("username", "owner"), ("password", PASSWORD), ("kept_form", kept)]);
        let answer = nobody.post("/login/", &form).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{kept}");
        nobody.cookies.clear();
    }
}
