//! The second factor: turning it on and off, both logins with it, limits, and its reset.

use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use serde_json::{Value, json};
use sluice_api::db::sessions::LoginOrigin;
use sluice_api::db::users;
use sluice_api::http::auth::{second_factor, session, totp};
use sluice_api::policy::Position;
use sluice_runtime::config::Secret;

use crate::world::{Answer, PASSWORD, Person, Visitor, World, token_in};

const STEP: Duration = Duration::from_secs(30);
const AREA: &str = "/api/account/second-factor/";

/// Somebody whose second factor is on.
pub(crate) struct Guarded {
    pub(crate) person: Person,
    pub(crate) secret: Vec<u8>,
    pub(crate) recovery_codes: Vec<String>,
}

impl World {
    /// Makes a person and turns their second factor on. The next code is not used up.
    pub(crate) async fn guarded(&self, username: &str, position: Position) -> Guarded {
        let person = self.person(username, position).await;
        let secret = self.begin_second_factor(&person).await;
        let confirmed = self.second_factor("confirm/", &json!({"code": self.code(&secret)}), &person).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.text);
        self.clock.advance(STEP);
        Guarded { person, secret, recovery_codes: codes_of(&confirmed) }
    }

    async fn begin_second_factor(&self, person: &Person) -> Vec<u8> {
        let begun = self.second_factor("begin/", &json!({"password": PASSWORD}), person).await;
        assert_eq!(begun.status, 200, "{}", begun.text);
        BASE32_NOPAD.decode(begun.json()["secret"].as_str().unwrap().as_bytes()).unwrap()
    }

    async fn second_factor(&self, action: &str, body: &Value, person: &Person) -> Answer {
        self.ask("POST", &format!("{AREA}{action}"), body, person).await
    }

    /// Returns the present code.
    pub(crate) fn code(&self, secret: &[u8]) -> String {
        totp::code_of(secret, self.clock.now_ms() / 30_000)
    }

    async fn login_with(&self, username: &str, code: &str) -> Answer {
        let body = json!({"username": username, "password": PASSWORD, "code": code});
        self.post_json("/api/users/login/", &body, None).await
    }
}

fn codes_of(answer: &Answer) -> Vec<String> {
    let codes = answer.json()["recovery_codes"].as_array().unwrap().clone();
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn everybody_turns_it_on_with_a_code_and_off_with_password_and_code() {
    let world = World::new().await;
    for (name, position) in ["ann", "lea", "fay", "olga"].into_iter().zip(Position::ALL) {
        let person = world.person(name, position).await;
        let state = world.get_as(AREA, &person).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(state.line(), @r#"200 {"is_on":false,"recovery_codes_left":0}"#);
        }
        let wrong = world.second_factor("begin/", &json!({"password": "wrong"}), &person).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(wrong.line(), @r#"400 {"password":["Your password was entered incorrectly. Please enter it again."]}"#);
        }
        assert_eq!(world.second_factor("confirm/", &json!({"code": "000000"}), &person).await.status, 409);
        let secret = world.begin_second_factor(&person).await;
        // Until the first code, logins need none.
        assert_eq!(world.login(name, PASSWORD).await.status, 200);
        let begun = world.second_factor("begin/", &json!({"password": PASSWORD}), &person).await.json();
        let uri = begun["otpauth_uri"].as_str().unwrap();
        assert!(uri.starts_with(&format!("otpauth://totp/Sluice:{name}?secret=")), "{uri}");
        let stale = world.second_factor("confirm/", &json!({"code": world.code(&secret)}), &person).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(stale.line(), @r#"400 {"code":["This code is wrong or was used before. Enter the newest code."]}"#);
        }
        let secret = BASE32_NOPAD.decode(begun["secret"].as_str().unwrap().as_bytes()).unwrap();
        let confirmed = world.second_factor("confirm/", &json!({"code": world.code(&secret)}), &person).await;
        assert_eq!((confirmed.status, codes_of(&confirmed).len()), (200, 10));
        assert_eq!(
            world.get_as(AREA, &person).await.json(),
            json!({"is_on": true, "recovery_codes_left": 10})
        );
        assert_eq!(world.get_as("/api/account/", &person).await.json()["has_second_factor"], true);
        for (action, body) in
            [("begin/", json!({"password": PASSWORD})), ("confirm/", json!({"code": world.code(&secret)}))]
        {
            assert_eq!(world.second_factor(action, &body, &person).await.status, 409, "{action}");
        }
        world.clock.advance(STEP);
        let prove = |password: &str, code: &str| json!({"password": password, "code": code});
        let off = world.second_factor("disable/", &prove("wrong", &world.code(&secret)), &person).await;
        assert!(off.status == 400 && off.json()["password"].is_array(), "{}", off.text);
        let off = world.second_factor("disable/", &prove(PASSWORD, "000000"), &person).await;
        assert!(off.status == 400 && off.json()["code"].is_array(), "{}", off.text);
        let off = world.second_factor("disable/", &prove(PASSWORD, &world.code(&secret)), &person).await;
        assert_eq!(off.line(), "204 ");
        assert_eq!(world.login(name, PASSWORD).await.status, 200);
        let again = world.second_factor("disable/", &prove(PASSWORD, "000000"), &person).await;
        assert_eq!(again.status, 409);
        world.sql("DELETE FROM sessions").await;
        let trail = world.trail("users", person.id).await;
        let verbs: Vec<&str> = trail.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
        assert_eq!(
            verbs,
            ["begin-second-factor", "begin-second-factor", "enable-second-factor", "disable-second-factor"]
        );
        assert!(!trail.join(" ").contains(&BASE32_NOPAD.encode(&secret)), "{trail:?}");
    }
}

#[tokio::test]
async fn a_login_needs_a_code_and_each_code_counts_once() {
    let world = World::new().await;
    let Guarded { person: ann, secret, recovery_codes } = world.guarded("ann", Position::Buyer).await;
    // Only the right password tells that there is a second factor.
    insta::assert_snapshot!(world.login("ann", "wrong").await.line(), @r#"400 {"message":"Bad Request.","errors":{"non_field_errors":["Unable to log in with provided credentials."]}}"#);
    insta::assert_snapshot!(world.login("ann", PASSWORD).await.line(), @r#"400 {"message":"Bad Request.","errors":{"code":["Enter the code of your authenticator app."]}}"#);
    insta::assert_snapshot!(world.login_with("ann", "000000").await.line(), @r#"400 {"message":"Bad Request.","errors":{"code":["This code is wrong or was used before. Enter the newest code."]}}"#);
    let code = world.code(&secret);
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    assert_eq!(world.login_with("ann", &spaced).await.status, 200);
    assert_eq!(world.login_with("ann", &code).await.status, 400, "a replay");
    // The next step's code is right already, and then this step's and earlier ones are not.
    let next = totp::code_of(&secret, world.clock.now_ms() / 30_000 + 1);
    assert_eq!(world.login_with("ann", &next).await.status, 200);
    world.clock.advance(STEP);
    assert_eq!(world.login_with("ann", &next).await.status, 400);
    world.clock.advance(STEP * 2);
    let late = totp::code_of(&secret, world.clock.now_ms() / 30_000 - 1);
    assert_eq!(world.login_with("ann", &late).await.status, 200);
    for drift in [-2_i64, 2] {
        let step = (world.clock.now_ms() / 30_000).checked_add_signed(drift).unwrap();
        assert_eq!(world.login_with("ann", &totp::code_of(&secret, step)).await.status, 400, "{drift}");
    }
    // A recovery code, too, and however it is typed.
    let typed = recovery_codes[3].to_uppercase().replace('-', " ");
    assert_eq!(world.login_with("ann", &typed).await.status, 200);
    assert_eq!(world.login_with("ann", &recovery_codes[3]).await.status, 400);
    assert_eq!(world.get_as(AREA, &ann).await.json()["recovery_codes_left"], 9);
    // New ones replace all.
    let body = json!({"password": PASSWORD, "code": recovery_codes[4]});
    let renewed = codes_of(&world.second_factor("recovery-codes/", &body, &ann).await);
    assert_eq!(renewed.len(), 10);
    assert_eq!(world.login_with("ann", &recovery_codes[5]).await.status, 400);
    assert_eq!(world.login_with("ann", &renewed[0]).await.status, 200);
    let lines: Vec<String> = world.audit("users").await;
    let with = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(with(r#"{"second_factor":"code"}"#), 3, "{lines:#?}");
    assert_eq!(with("login 1 by ann: - -> {\"second_factor\":\"recovery code\"}"), 2, "{lines:#?}");
    assert_eq!((with("ask-code"), with("renew-recovery-codes"), with(r#""wrong":"code""#)), (1, 1, 7));
}

#[tokio::test]
async fn one_code_sent_twice_at_once_logs_in_once() {
    let world = World::new().await;
    let Guarded { secret, recovery_codes, .. } = world.guarded("ann", Position::Buyer).await;
    for code in [world.code(&secret), recovery_codes[0].clone()] {
        let (one, two) = tokio::join!(world.login_with("ann", &code), world.login_with("ann", &code));
        let n_in = [&one, &two].iter().filter(|answer| answer.status == 200).count();
        assert_eq!(n_in, 1, "{} {}", one.text, two.text);
    }
}

#[tokio::test]
async fn guessing_codes_gets_slower_and_a_right_password_does_not_reset_it() {
    let world = World::new().await;
    let Guarded { secret, recovery_codes, .. } = world.guarded("ann", Position::Buyer).await;
    for _ in 0..5 {
        assert_eq!(world.login_with("ann", "000000").await.status, 400);
    }
    let limited = world.login_with("ann", "000000").await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "30"));
    assert_eq!(world.login_with("ann", &world.code(&secret)).await.status, 429);
    // The password alone resets nothing.
    assert_eq!(world.login("ann", PASSWORD).await.status, 400);
    world.clock.advance(STEP);
    assert_eq!(world.login_with("ann", "000000").await.status, 400);
    let limited = world.login_with("ann", "000000").await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "60"));
    // Somebody else's guesses do not keep ann out.
    assert_eq!(world.login_with("ann", &recovery_codes[0]).await.status, 200);
    world.clock.advance(STEP * 2);
    assert_eq!(world.login_with("ann", &world.code(&secret)).await.status, 200);
    // Wrong codes count like wrong passwords.
    let world = World::with(|config| config.auth.wrong_passwords_per_minute = 3).await;
    let Guarded { secret, .. } = world.guarded("ann", Position::Buyer).await;
    for _ in 0..3 {
        assert_eq!(world.login_with("ann", "zzzz-zzzz-zzzz-zzzz").await.status, 400);
    }
    assert_eq!(world.login_with("ann", &world.code(&secret)).await.status, 429);
}

#[tokio::test]
async fn turning_it_on_ends_logins_without_a_code() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let before = users::find_login(&world.app.postgres, "ann").await.unwrap().unwrap();
    let mut browser = world.visitor("ann").await;
    let secret = world.begin_second_factor(&ann).await;
    let confirmed = world.second_factor("confirm/", &json!({"code": world.code(&secret)}), &ann).await;
    assert_eq!(confirmed.status, 200);
    assert_eq!(browser.get("/").await.status, 303);
    assert_eq!(world.get_as("/api/account/", &ann).await.status, 200);
    // A login that had checked the password before it was turned on does not begin.
    let program = world.app.tokens.begin(&world.app.postgres, &before, &LoginOrigin::default()).await;
    assert_eq!(program.unwrap_err().status(), 400);
    let page = session::begin(&world.app.postgres, &world.clock, &before, 1, &LoginOrigin::default()).await;
    assert_eq!(page.unwrap_err().status(), 400);
}

#[tokio::test]
async fn a_secret_waits_a_quarter_of_an_hour_for_its_first_code() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let secret = world.begin_second_factor(&ann).await;
    world.clock.advance(Duration::from_secs(15 * 60));
    let again = world.login("ann", PASSWORD).await.json();
    let ann = Person { id: ann.id, token: again["access_token"].as_str().unwrap().to_owned() };
    let late = world.second_factor("confirm/", &json!({"code": world.code(&secret)}), &ann).await;
    insta::assert_snapshot!(late.line(), @r#"409 {"detail":"No secret waits for its first code, or it has expired. Begin again."}"#);
}

#[tokio::test]
async fn the_database_has_no_secret_and_a_new_key_takes_over() {
    let world = World::new().await;
    let Guarded { person, secret, recovery_codes } = world.guarded("ann", Position::Buyer).await;
    let stored: Vec<u8> = sqlx::query_scalar("SELECT sealed_secret FROM second_factors")
        .fetch_one(&world.app.postgres)
        .await
        .unwrap();
    assert!(!stored.windows(secret.len()).any(|part| part == secret));
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar("SELECT code_hash FROM recovery_codes")
        .fetch_all(&world.app.postgres)
        .await
        .unwrap();
    assert!(hashes.iter().all(|hash| !recovery_codes.iter().any(|code| code.as_bytes() == &hash[..])));
    // Another person's row does not work with this secret.
    let eve = world.guarded("eve", Position::Buyer).await;
    world
        .sql(&format!(
            "UPDATE second_factors SET sealed_secret =
                 (SELECT sealed_secret FROM second_factors WHERE user_id = {}) WHERE user_id = {}",
            eve.person.id, person.id
        ))
        .await;
    assert_eq!(world.login_with("ann", &world.code(&eve.secret)).await.status, 400);
    world.sql(&format!("UPDATE second_factors SET n_attempts = 0 WHERE user_id = {}", person.id)).await;
    sqlx::query("UPDATE second_factors SET sealed_secret = $1 WHERE user_id = $2")
        .bind(&stored)
        .bind(person.id)
        .execute(&world.app.postgres)
        .await
        .unwrap();

    let mut config = world.app.config.clone();
    let old =
        std::mem::replace(&mut config.auth.secret, Secret::new("another secret of the tests, 32 bytes"));
    config.auth.previous_secrets = vec![old];
    let rotated = World::on(config.clone(), world.edge.clone());
    rotated.clock.advance(STEP);
    assert_eq!(rotated.login_with("ann", &rotated.code(&secret)).await.status, 200);
    second_factor::reseal(&rotated.app).await.unwrap();
    config.auth.previous_secrets.clear();
    let later = World::on(config, world.edge.clone());
    later.clock.advance(STEP * 4);
    assert_eq!(later.login_with("ann", &later.code(&secret)).await.status, 200);
    // Without the key, the recovery codes still work.
    world.clock.advance(STEP * 4);
    assert_eq!(world.login_with("ann", &world.code(&secret)).await.status, 400);
    assert_eq!(world.login_with("ann", &recovery_codes[0]).await.status, 200);
}

#[tokio::test]
async fn an_owner_resets_it_and_nobody_else_does() {
    let world = World::new().await;
    let owner = world.guarded("olga", Position::Owner).await;
    let Guarded { person: ann, .. } = world.guarded("ann", Position::Buyer).await;
    let lead = world.person("lea", Position::TeamLead).await;
    let funds = world.person("fay", Position::FundsCoordinator).await;
    let path = format!("/api/users/{}/reset-second-factor/", ann.id);
    for person in [&ann, &lead, &funds] {
        assert_eq!(world.ask("POST", &path, &Value::Null, person).await.status, 403);
    }
    assert_eq!(world.post_json(&path, &Value::Null, None).await.status, 401);
    let own = format!("/api/users/{}/reset-second-factor/", owner.person.id);
    assert_eq!(world.ask("POST", &own, &Value::Null, &owner.person).await.status, 409);
    assert_eq!(
        world.ask("POST", "/api/users/999/reset-second-factor/", &Value::Null, &owner.person).await.status,
        404
    );
    assert_eq!(world.call("POST", &path, &Value::Null, &owner.person, "\"1\"").await.status, 412);
    assert_eq!(world.ask("POST", &path, &Value::Null, &owner.person).await.line(), "204 ");
    assert_eq!(world.get_as("/api/account/", &ann).await.status, 401, "her logins have ended");
    assert_eq!(world.login("ann", PASSWORD).await.status, 200);
    assert_eq!(world.ask("POST", &path, &Value::Null, &owner.person).await.line(), "204 ");
    let trail = world.trail("users", ann.id).await;
    assert_eq!(trail.iter().filter(|line| line.starts_with("olga reset-second-factor")).count(), 1);
}

#[tokio::test]
async fn api_tokens_and_wrong_bodies_are_refused() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let body = json!({"name": "t", "scopes": ["read", "write"]});
    let token = world.ask("POST", "/api/account/tokens/create/", &body, &ann).await.json();
    let program = Person { id: ann.id, token: token["token"].as_str().unwrap().to_owned() };
    for action in ["begin/", "confirm/", "disable/", "recovery-codes/"] {
        let answer = world.second_factor(action, &json!({"password": PASSWORD, "code": "1"}), &program).await;
        assert_eq!(answer.status, 403, "{action}");
        for body in [json!({}), json!([]), json!({"password": null, "code": [1]})] {
            assert_eq!(world.second_factor(action, &body, &ann).await.status, 400, "{action} {body}");
        }
    }
    assert_eq!(world.get_as(AREA, &program).await.status, 200);
    let long = json!({"username": "ann", "password": PASSWORD, "code": "1".repeat(101)});
    assert_eq!(world.post_json("/api/users/login/", &long, None).await.status, 400);
    world.guarded("bob", Position::Buyer).await;
    for code in ["\u{202e}", "😀", "<script>", "' OR 1=1"] {
        assert_eq!(world.login_with("bob", code).await.status, 400, "{code}");
    }
}

#[tokio::test]
async fn the_page_asks_for_the_code_in_a_second_step_without_the_password() {
    let world = World::with(|config| config.auth.wrong_passwords_per_minute = 7).await;
    let Guarded { secret, recovery_codes, .. } = world.guarded("ann", Position::Buyer).await;
    let mut visitor = Visitor { world: &world, cookies: Vec::new() };
    let page = visitor.get("/login/?next=/orders/").await;
    let form = [
        ("csrf_token", token_in(&page)),
        ("username", "ann".to_owned()),
        ("password", PASSWORD.to_owned()),
        ("next", "/orders/".to_owned()),
    ];
    let step = visitor.post("/login/", &form).await;
    assert_eq!((step.status, step.cookies().len()), (200, 0), "{}", step.text);
    assert!(step.text.contains("Code of your authenticator app") && !step.text.contains(PASSWORD));
    assert_eq!(visitor.get("/").await.status, 303, "not logged in yet");
    let ticket = hidden(&step, "ticket");
    let code_form = |page: &Answer, ticket: &str, code: &str| {
        [
            ("csrf_token", token_in(page)),
            ("username", "ann".to_owned()),
            ("ticket", ticket.to_owned()),
            ("next", "/orders/".to_owned()),
            ("code", code.to_owned()),
        ]
    };
    let without_token = [("username", "ann".to_owned()), ("ticket", ticket.clone())];
    assert_eq!(visitor.post("/login/code/", &without_token).await.status, 403);
    let empty = visitor.post("/login/code/", &code_form(&step, &ticket, "")).await;
    assert!(empty.text.contains("Enter the code of your authenticator app."), "{}", empty.text);
    let wrong = visitor.post("/login/code/", &code_form(&step, &ticket, "000000")).await;
    assert_eq!(wrong.status, 200);
    assert!(wrong.text.contains("This code is wrong or was used before."), "{}", wrong.text);
    assert!(wrong.text.contains("aria-invalid=\"true\""));
    // A forged ticket, or one of another browser, asks for the password again.
    let forged = visitor.post("/login/code/", &code_form(&step, "AAAA", &world.code(&secret))).await;
    assert!(forged.text.contains("Enter your password again."), "{}", forged.text);
    let mut other = Visitor { world: &world, cookies: Vec::new() };
    let page = other.get("/login/").await;
    let stolen = other.post("/login/code/", &code_form(&page, &ticket, &world.code(&secret))).await;
    assert!(stolen.text.contains("Enter your password again."), "{}", stolen.text);
    let done = visitor
        .post("/login/code/", &code_form(&wrong, &hidden(&wrong, "ticket"), &world.code(&secret)))
        .await;
    assert_eq!((done.status, done.header("location")), (303, "/orders/"), "{}", done.text);
    assert_eq!(visitor.get("/").await.status, 200);
    assert_eq!(other.get("/login/code/").await.header("location"), "/login/");

    // The ticket expires.
    let mut late = Visitor { world: &world, cookies: Vec::new() };
    let page = late.get("/login/").await;
    let form =
        [("csrf_token", token_in(&page)), ("username", "ann".to_owned()), ("password", PASSWORD.to_owned())];
    let step = late.post("/login/", &form).await;
    world.clock.advance(Duration::from_secs(301));
    let expired =
        late.post("/login/code/", &code_form(&step, &hidden(&step, "ticket"), &recovery_codes[0])).await;
    assert!(expired.text.contains("Enter your password again."), "{}", expired.text);
    // And guessing is limited here too.
    let step = late.post("/login/", &form).await;
    let ticket = hidden(&step, "ticket");
    let mut last = 0;
    for _ in 0..8 {
        last = late.post("/login/code/", &code_form(&step, &ticket, "zzzz-zzzz-zzzz-zzzz")).await.status;
    }
    assert_eq!(last, 429);
}

/// Returns the value of a hidden field.
pub(crate) fn hidden(page: &Answer, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.text.split_once(&start).unwrap_or_else(|| panic!("no {name}: {}", page.text));
    rest.split('"').next().unwrap().to_owned()
}
