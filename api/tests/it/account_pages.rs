//! The pages of one's own account, as a browser without JavaScript uses them.

use std::io::Cursor;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::BASE32_NOPAD;
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};
use sluice_api::policy::Position;

use crate::world::{Answer, PASSWORD, Visitor, World, token_in};

const SECTIONS: [&str; 5] =
    ["/account/", "/account/password/", "/account/second-factor/", "/account/sessions/", "/account/tokens/"];

impl Visitor<'_> {
    /// Sends a form of a page.
    pub(crate) async fn submit(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(page).await;
        let mut form = vec![("csrf_token", token_in(&page))];
        form.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self.post(action, &form).await
    }

    async fn upload(&mut self, token: &str, file: &[u8]) -> Answer {
        let mut body = Vec::new();
        for (disposition, content) in
            [("name=\"csrf_token\"", token.as_bytes()), ("name=\"image\"; filename=\"a.png\"", file)]
        {
            body.extend_from_slice(
                format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--b--\r\n");
        let request =
            Request::post("/account/image/").header(CONTENT_TYPE, "multipart/form-data; boundary=b");
        self.send(request.body(Body::from(body)).unwrap()).await
    }
}

/// Returns the notice for the next page.
fn notice(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text);
    let cookies = answer.cookies();
    let text = cookies.iter().find_map(|cookie| cookie.strip_prefix("sluice_notice=")).expect("a notice");
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// Checks an error at a field, above the form and in the title, and that the field names it.
#[track_caller]
fn assert_error(page: &Answer, id: &str, message: &str) {
    let escaped = message.replace('"', "&#34;");
    assert_eq!(page.status, 400, "{}", page.text);
    assert!(page.text.contains("<title>Error: "), "{}", page.text);
    assert!(page.text.contains("There is a problem") && page.text.contains(&format!("href=\"#{id}\"")));
    assert!(page.text.contains(&format!("id=\"{id}-error\">{escaped}</div>")), "{}", page.text);
    assert!(page.text.contains(&format!("aria-invalid=\"true\" aria-describedby=\"{id}-error\"")));
}

fn png(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    DynamicImage::new_rgb8(side, side).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

#[tokio::test]
async fn everybody_has_all_sections_and_forms_need_their_token() {
    let world = World::new().await;
    for (name, position) in ["ann", "lea", "fay", "olga"].into_iter().zip(Position::ALL) {
        world.person(name, position).await;
        let mut visitor = world.visitor(name).await;
        for path in SECTIONS {
            let page = visitor.get(path).await;
            assert_eq!(page.status, 200, "{path} as {name}");
            assert!(page.text.contains(&format!("<a href=\"{path}\" aria-current=\"page\">")), "{path}");
            let n_forms = page.text.matches("<form method=\"post\"").count();
            assert_eq!(page.text.matches("name=\"csrf_token\"").count(), n_forms, "{path}");
            assert!(!page.text.contains("style=") && !page.text.contains("https://fonts"), "{path}");
        }
    }
    let mut ann = world.visitor("ann").await;
    for path in [
        "/account/",
        "/account/image/delete/",
        "/account/password/",
        "/account/second-factor/begin/",
        "/account/second-factor/confirm/",
        "/account/second-factor/disable/",
        "/account/second-factor/recovery-codes/",
        "/account/sessions/end-others/",
        "/account/sessions/0192f5a0-1234-7000-8000-000000000000/end/",
        "/account/tokens/",
        "/account/tokens/1/delete/",
    ] {
        let form = [("password", PASSWORD.to_owned()), ("csrf_token", "AAAA".to_owned())];
        assert_eq!(ann.post(path, &form).await.status, 403, "{path}");
        let mut nobody = Visitor { world: &world, cookies: Vec::new() };
        assert_eq!(nobody.post(path, &form).await.header("location"), "/login/?next=%2F", "{path}");
    }
    assert_eq!(ann.upload("AAAA", &png(8)).await.status, 403);
}

#[tokio::test]
async fn profile_and_preferences_are_saved_or_explained_at_the_field() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let mut visitor = world.visitor("ann").await;
    let profile = [("first_name", "Ann"), ("last_name", "Lee \u{202e}<b>"), ("email", "ann@example.org")];
    assert_eq!(notice(&visitor.submit("/account/", "/account/", &profile).await), "Saved.");
    let preferences = [
        ("time_zone", "Asia/Tokyo"),
        ("week_start", "sunday"),
        ("report_currency", "EUR"),
        ("theme", "dark"),
        ("shortcuts", "false"),
    ];
    assert_eq!(notice(&visitor.submit("/account/", "/account/", &preferences).await), "Saved.");
    let account = world.get_as("/api/account/", &ann).await.json();
    for (name, value) in profile.iter().chain(&preferences[..4]) {
        assert_eq!(account[name], json!(value));
    }
    assert_eq!(account["shortcuts"], false);
    let page = visitor.get("/account/").await.text;
    assert!(page.contains("<html lang=\"en\" data-theme=\"dark\" data-bs-theme=\"dark\">"), "{page}");
    assert!(page.contains("value=\"Lee \u{202e}&#60;b&#62;\"") && page.contains("value=\"sunday\" selected"));
    assert!(!page.contains("name=\"shortcuts\" value=\"true\" checked"));
    // A checked box follows its hidden default.
    let on = [("shortcuts", "false"), ("shortcuts", "true"), ("theme", "auto")];
    visitor.submit("/account/", "/account/", &on).await;
    let page = visitor.get("/account/").await.text;
    assert!(page.contains("name=\"shortcuts\" value=\"true\" checked"), "{page}");
    assert!(page.contains("<html lang=\"en\">"));

    let wrong = [("first_name", "kept"), ("last_name", ""), ("email", "nobody")];
    let page = visitor.submit("/account/", "/account/", &wrong).await;
    assert_error(&page, "profile-email", "Enter a valid email address.");
    assert!(page.text.contains("value=\"kept\"") && page.text.contains("value=\"nobody\""), "input is kept");
    for (name, value, message) in [
        ("theme", "pink", "\"pink\" is not a valid choice."),
        ("week_start", "", "This field may not be blank."),
        ("report_currency", "XXX", "\"XXX\" is not a currency of ISO 4217."),
        ("time_zone", "Mars/Olympus", "This is not the name of a time zone. An example is Europe/Berlin."),
    ] {
        let fields = [("time_zone", "UTC"), (name, value)];
        let page = visitor.submit("/account/", "/account/", &fields).await;
        assert_error(&page, &format!("preferences-{name}"), message);
    }
    let king = [("username", "king"), ("position", "Owner"), ("is_active", "false"), ("email", "")];
    assert_eq!(visitor.submit("/account/", "/account/", &king).await.status, 303);
    let account = world.get_as("/api/account/", &ann).await.json();
    assert_eq!((&account["username"], &account["position"]), (&json!("ann"), &json!("Buyer")));
    for (name, length) in [("first_name", 2048), ("email", 2048)] {
        let long = "é".repeat(length);
        assert_eq!(visitor.submit("/account/", "/account/", &[(name, &long)]).await.status, 400, "{name}");
    }
    assert_eq!(visitor.submit("/account/", "/account/", &[("first_name", "a\0b")]).await.status, 400);
    assert!(world.trail("users", ann.id).await.iter().any(|line| line.contains("\"theme\": \"dark\"")));
}

#[tokio::test]
async fn an_image_is_uploaded_with_the_forms_token_shown_and_removed() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let mut visitor = world.visitor("ann").await;
    assert_eq!(visitor.get("/account/image/").await.status, 404);
    let token = token_in(&visitor.get("/account/").await);
    assert_eq!(notice(&visitor.upload(&token, &png(500)).await), "Saved.");
    let page = visitor.get("/account/").await.text;
    assert!(page.contains("src=\"/account/image/?v=") && page.contains("Remove image"), "{page}");
    let shown = visitor.get("/account/image/").await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/jpeg"));
    let wrong = visitor.upload(&token, b"not an image").await;
    let message = "Upload a valid image: a PNG, JPEG or WebP of at most 8192 x 8192 pixels.";
    assert_eq!(wrong.status, 400);
    assert!(wrong.text.contains(&format!("id=\"image-error\">{message}</div>")), "{}", wrong.text);
    let empty = visitor.upload(&token, b"").await;
    assert!(empty.status == 400 && empty.text.contains("Choose a file first."), "{}", empty.text);
    // Larger than an image may be, and larger than a form may be.
    for (n_bytes, words) in [(2 * 1024 * 1024 + 1, "2048 KiB"), (3 * 1024 * 1024, "2112 KiB")] {
        let large = visitor.upload(&token, &vec![0; n_bytes]).await;
        assert_eq!(large.status, 413);
        assert!(large.text.contains(words) && large.text.contains("</html>"), "{}", large.text);
    }
    for body in ["", "--b", "--b\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n\u{1}"] {
        let request =
            Request::post("/account/image/").header(CONTENT_TYPE, "multipart/form-data; boundary=b");
        assert!(matches!(visitor.send(request.body(Body::from(body)).unwrap()).await.status, 400 | 403));
    }
    let removed = visitor.submit("/account/", "/account/image/delete/", &[]).await;
    assert_eq!(notice(&removed), "Removed the image.");
    assert_eq!(visitor.submit("/account/", "/account/image/delete/", &[]).await.status, 303);
    assert_eq!(visitor.get("/account/image/").await.status, 404);
    let trail = world.trail("users", ann.id).await;
    assert!(trail[0].starts_with("ann set-image") && trail[1].starts_with("ann delete-image"), "{trail:?}");
}

#[tokio::test]
async fn a_new_password_ends_other_logins_and_wrong_ones_are_limited() {
    let world = World::with(|config| config.auth.wrong_passwords_per_minute = 3).await;
    world.person("ann", Position::Buyer).await;
    let mut other = world.visitor("ann").await;
    let mut visitor = world.visitor("ann").await;
    let path = "/account/password/";
    let weak = [("old_password", PASSWORD), ("new_password", "password")];
    assert_error(
        &visitor.submit(path, path, &weak).await,
        "field-new_password",
        "This password is too common.",
    );
    let wrong =
        [("old_password", "wrong"), ("new_password", "another good one"), ("keep_api_tokens", "true")];
    let page = visitor.submit(path, path, &wrong).await;
    let message = "Your old password was entered incorrectly. Please enter it again.";
    assert_error(&page, "field-old_password", message);
    assert!(!page.text.contains("another good one"), "passwords are not shown again");
    assert!(page.text.contains("name=\"keep_api_tokens\" value=\"true\" checked"));
    let right = [("old_password", PASSWORD), ("new_password", "another good one")];
    let changed = visitor.submit(path, path, &right).await;
    assert_eq!(notice(&changed), "Your password is changed. All your other logins have ended.");
    assert_eq!((visitor.get("/").await.status, other.get("/").await.status), (200, 303));
    for expected in [400, 400, 400, 429] {
        let page = visitor.submit(path, path, &wrong).await;
        assert_eq!(page.status, expected);
        assert_eq!(page.header("retry-after").is_empty(), expected == 400);
        assert!(page.text.contains("There is a problem"), "{}", page.text);
    }
}

#[tokio::test]
async fn logins_are_listed_with_their_devices_and_ended() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let mut phone = world.visitor("ann").await;
    world.sql("UPDATE sessions SET agent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) Version/26.1 Safari/604.1 <b>'").await;
    let mut visitor = world.visitor("ann").await;
    let path = "/account/sessions/";
    let page = visitor.get(path).await.text;
    assert!(page.contains("Safari on iPhone") && page.contains("Safari/604.1 &#60;b&#62;"), "{page}");
    assert_eq!((page.matches("This one").count(), page.matches("/end/\"").count()), (1, 2), "{page}");
    let id: String = sqlx::query_scalar("SELECT id::text FROM sessions WHERE agent <> ''")
        .fetch_one(&world.app.postgres)
        .await
        .unwrap();
    let end = format!("/account/sessions/{id}/end/");
    assert_eq!(notice(&visitor.submit(path, &end, &[]).await), "The login has ended.");
    assert_eq!(phone.get("/").await.status, 303);
    assert_eq!(notice(&visitor.submit(path, &end, &[]).await), "This login had ended already.");
    let nonsense = visitor.submit(path, "/account/sessions/%ff/end/", &[]).await;
    assert_eq!(nonsense.status, 404);
    assert_eq!(
        notice(&visitor.submit(path, "/account/sessions/end-others/", &[]).await),
        "1 other login has ended."
    );
    assert_eq!(world.get_as("/api/account/", &ann).await.status, 401);
    let page = visitor.get(path).await.text;
    assert!(!page.contains("End all others"), "{page}");
    // Nobody ends somebody else's.
    world.person("bob", Position::Buyer).await;
    let mut bob = world.visitor("bob").await;
    let id: String =
        sqlx::query_scalar("SELECT id::text FROM sessions WHERE revoked_at IS NULL AND user_id = $1")
            .bind(ann.id)
            .fetch_one(&world.app.postgres)
            .await
            .unwrap();
    bob.submit(path, &format!("/account/sessions/{id}/end/"), &[]).await;
    assert_eq!(visitor.get("/").await.status, 200);
}

#[tokio::test]
async fn a_token_is_shown_once_and_deleted() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let mut visitor = world.visitor("ann").await;
    let path = "/account/tokens/";
    assert!(visitor.get(path).await.text.contains("You have no API tokens."));
    for (fields, id, message) in [
        (
            [("name", " "), ("scopes", "read"), ("expires_in_days", "90")],
            "field-name",
            "This field may not be blank.",
        ),
        (
            [("name", "n"), ("scopes", "admin"), ("expires_in_days", "90")],
            "field-scopes",
            "\"admin\" is not a valid choice.",
        ),
        (
            [("name", "n"), ("scopes", "read"), ("expires_in_days", "367")],
            "field-expires_in_days",
            "Ensure this value is less than or equal to 366.",
        ),
    ] {
        assert_error(&visitor.submit(path, path, &fields).await, id, message);
    }
    let fields = [("name", "report <b>"), ("scopes", "read,write"), ("expires_in_days", "30")];
    let made = visitor.submit(path, path, &fields).await;
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"));
    assert!(made.text.contains("Created the token report &#60;b&#62;"), "{}", made.text);
    let (_, rest) = made.text.split_once("id=\"new-token\">").unwrap();
    let token = rest.split('<').next().unwrap().to_owned();
    let program = crate::world::Person { id: ann.id, token: token.clone() };
    let email = json!({"email": "new@example.com"});
    assert_eq!(world.ask("PATCH", "/api/account/", &email, &program).await.status, 200);
    let page = visitor.get(path).await.text;
    assert!(
        !page.contains(&token) && page.contains("report &#60;b&#62;") && page.contains("Read and change")
    );
    let id: i64 =
        sqlx::query_scalar("SELECT id FROM api_tokens").fetch_one(&world.app.postgres).await.unwrap();
    let delete = format!("/account/tokens/{id}/delete/");
    world.person("bob", Position::Buyer).await;
    world.visitor("bob").await.submit(path, &delete, &[]).await;
    assert_eq!(world.get_as("/api/account/", &program).await.status, 200, "bob cannot delete ann's");
    let deleted = visitor.submit(path, &delete, &[]).await;
    assert_eq!(notice(&deleted), "Deleted the token. Programs with it have no access any more.");
    assert_eq!(world.get_as("/api/account/", &program).await.status, 401);
    assert_eq!(notice(&visitor.submit(path, &delete, &[]).await), "This token was deleted already.");
}

#[tokio::test]
async fn a_form_of_a_token_that_is_sent_twice_makes_one() {
    let world = World::new().await;
    world.person("ann", Position::Buyer).await;
    let mut visitor = world.visitor("ann").await;
    let path = "/account/tokens/";
    let page = visitor.get(path).await;
    let (_, key) = page.text.split_once("name=\"idempotency_key\" value=\"").unwrap();
    let key = key.split('"').next().unwrap();
    let form = [
        ("csrf_token", token_in(&page)),
        ("idempotency_key", key.to_owned()),
        ("name", "report".to_owned()),
        ("scopes", "read".to_owned()),
        ("expires_in_days", "30".to_owned()),
    ];
    // A form with an error uses no key up.
    let mut wrong = form.clone();
    wrong[2].1 = String::new();
    let told = visitor.post(path, &wrong).await;
    assert!(told.status == 400 && told.text.contains(&format!("value=\"{key}\"")), "{}", told.text);
    let made = visitor.post(path, &form).await;
    assert!(made.status == 200 && made.text.contains("id=\"new-token\""), "{}", made.text);
    let again = visitor.post(path, &form).await;
    assert_eq!(again.status, 409);
    assert!(again.text.contains("which was shown once") && !again.text.contains("id=\"new-token\""));
    assert!(!again.text.contains(key), "the next form makes another token");
    assert_eq!(world.sql_number("SELECT count(*) FROM api_tokens").await, 1);
    let other = visitor.get(path).await.text;
    assert!(!other.contains(key) && other.contains("name=\"idempotency_key\""));
}

#[tokio::test]
async fn the_second_factor_is_set_up_used_and_turned_off_by_pages() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let mut visitor = world.visitor("ann").await;
    let path = "/account/second-factor/";
    let begin = "/account/second-factor/begin/";
    let page = visitor.submit(path, begin, &[("password", "wrong")]).await;
    assert_error(&page, "begin-password", "Your password was entered incorrectly. Please enter it again.");
    let begun = visitor.submit(path, begin, &[("password", PASSWORD)]).await;
    assert_eq!((begun.status, begun.header("location")), (303, path));
    let page = visitor.get(path).await;
    assert!(
        page.text.contains("<svg class=\"qr-code\"") && page.text.contains("Start again"),
        "{}",
        page.text
    );
    let (_, rest) = page.text.split_once("id=\"secret\">").unwrap();
    let secret = rest.split('<').next().unwrap().replace(' ', "");
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let confirm = "/account/second-factor/confirm/";
    let wrong = visitor.submit(path, confirm, &[("code", "000000")]).await;
    let message = "This code is wrong or was used before. Enter the newest code.";
    assert_error(&wrong, "confirm-code", message);
    assert!(wrong.text.contains("<svg class=\"qr-code\""), "the secret is still there");
    let on = visitor.submit(path, confirm, &[("code", &world.code(&secret))]).await;
    assert_eq!((on.status, on.header("cache-control")), (200, "no-store"));
    let (_, rest) = on.text.split_once("id=\"recovery-codes\">").unwrap();
    let codes: Vec<String> = rest.split('<').next().unwrap().split_whitespace().map(str::to_owned).collect();
    assert_eq!(codes.len(), 10);
    let page = visitor.get(path).await.text;
    assert!(page.contains("You have 10 recovery codes left.") && !page.contains(&codes[0]), "{page}");
    assert!(!page.contains("qr-code"));
    assert_eq!(world.get_as("/api/account/", &ann).await.status, 401, "other logins have ended");
    // A form that is out of date says what is now.
    let again = visitor.submit(path, begin, &[("password", PASSWORD)]).await;
    assert_eq!(notice(&again), "The second factor is on already. Turn it off first.");

    world.clock.advance(Duration::from_secs(30));
    let renew = "/account/second-factor/recovery-codes/";
    let wrong = visitor.submit(path, renew, &[("password", PASSWORD), ("code", "aaaa")]).await;
    assert_error(&wrong, "renew-code", message);
    let renewed = visitor.submit(path, renew, &[("password", PASSWORD), ("code", &codes[0])]).await;
    assert!(renewed.status == 200 && !renewed.text.contains(&codes[1]), "{}", renewed.text);
    let disable = "/account/second-factor/disable/";
    let off = visitor.submit(path, disable, &[("password", PASSWORD), ("code", &world.code(&secret))]).await;
    assert_eq!(notice(&off), "The second factor is off.");
    assert_eq!(visitor.get(confirm).await.header("location"), path);
    let trail = world.audit("users").await;
    assert_eq!(
        trail.iter().filter(|line| line.contains("second-factor") || line.contains("recovery")).count(),
        4
    );
}

#[tokio::test]
async fn anonymous_visitors_are_sent_to_the_login() {
    let world = World::new().await;
    for path in SECTIONS {
        let target = format!("/login/?next={}", path.replace('/', "%2F"));
        assert_eq!(world.get(path).await.header("location"), target);
    }
    assert_eq!(
        world.ask("GET", "/account/", &Value::Null, &world.person("ann", Position::Buyer).await).await.status,
        303
    );
}
