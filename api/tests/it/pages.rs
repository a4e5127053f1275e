//! Every page renders from real rows for everybody who may see it. Forms need their token. No
//! redirect leaves the site.

use crate::events::{Office, id, order_id, park_order};
use crate::world::{NOW_MS, PASSWORD, Visitor, World, token_in};

#[tokio::test]
async fn every_page_renders_for_its_roles() {
    let office = Office::new().await;
    let world = &office.world;
    let parked = park_order(world, 9, NOW_MS - 45_000, "1", "").await;
    let order = order_id(3, NOW_MS - 49_000);
    let prospect = format!("/prospects/{}/", id(3));
    let order = format!("/orders/{order}/");
    let parked_order = format!("/orders/{parked}/");
    let parked_event = format!("/parked/{parked}/");
    let cases = [
        ("/", [200, 200, 200, 200]),
        ("/prospects/", [200, 200, 403, 200]),
        (prospect.as_str(), [200, 200, 403, 200]),
        ("/orders/", [200, 200, 403, 200]),
        (order.as_str(), [200, 200, 403, 200]),
        (parked_order.as_str(), [404, 404, 403, 200]),
        ("/prospects/%ff/", [404, 404, 403, 404]),
        ("/orders/%ff/", [404, 404, 403, 404]),
        ("/users/", [200, 200, 200, 200]),
        ("/parked/", [403, 403, 403, 200]),
        (parked_event.as_str(), [403, 403, 403, 200]),
        ("/parked/%ff/", [403, 403, 403, 404]),
        ("/parked/decisions/1/", [403, 403, 403, 404]),
        ("/account/", [200, 200, 200, 200]),
        ("/prospects/?per_page=-1", [400, 400, 403, 400]),
        ("/prospects/?from=&to=&q=", [200, 200, 403, 200]),
    ];
    for (column, username) in ["ann", "lead", "funds", "owner"].into_iter().enumerate() {
        let mut visitor = world.visitor(username).await;
        for (path, expected) in &cases {
            let answer = visitor.get(path).await;
            assert_eq!(answer.status, expected[column], "{path} as {username}: {}", answer.text);
            assert!(answer.text.contains("</html>"), "{path} as {username}");
            assert!(!answer.text.contains("style=") && !answer.text.contains(" onclick="), "{path}");
        }
    }
}

#[tokio::test]
async fn pages_show_rows_in_the_viewers_time_zone() {
    let office = Office::new().await;
    let world = &office.world;
    let parked = park_order(world, 9, NOW_MS - 45_000, "<b>1</b>", "").await;
    let mut ann = world.visitor("ann").await;
    let page = ann.get("/account/").await;
    let form = [("csrf_token", token_in(&page)), ("time_zone", "Asia/Kolkata".to_owned())];
    assert_eq!(ann.post("/account/", &form).await.status, 303);
    assert!(ann.get("/account/").await.text.contains("<option value=\"Asia/Kolkata\" selected>"));
    let prospects = ann.get("/prospects/").await.text;
    assert!(prospects.contains("2026-11-23 20:29:10"), "{prospects}");
    assert!(prospects.contains(&id(3).to_string()) && !prospects.contains(&id(4).to_string()));
    let ordered = order_id(3, NOW_MS - 49_000);
    let sql = "INSERT INTO order_status (order_id, time, status, status_text, reason, actor_id, change_id)
               VALUES ({order:UUID}, fromUnixTimestamp64Milli({at:Int64}, 'UTC'), 'sale', 'approved', 'Paid.', 0, {order:UUID})";
    let query = world.events().query(sql).param("order", ordered.to_string());
    query.param("at", NOW_MS - 1000).execute().await.unwrap();
    let prospect = ann.get(&format!("/prospects/{}/", id(3))).await.text;
    let trail = prospect.split_once(">Trail<").unwrap().1;
    let places = ["visited the landing page", "ordered", "the partner’s word: approved", "Paid."]
        .map(|text| trail.find(text).unwrap_or_else(|| panic!("no {text} in {trail}")));
    assert!(places.is_sorted(), "{trail}");
    assert!(trail.contains("20:29:59") && prospect.contains("referrer was too long and was cut"));
    assert!(prospect.contains(&order_id(3, NOW_MS - 49_000).to_string()), "its orders are there");
    assert!(prospect.contains("12.50 EUR") && prospect.contains("cut:referrer"));

    let mut owner = world.visitor("owner").await;
    let orders = owner.get("/orders/?per_page=10").await.text;
    assert!(orders.contains("status-trash\">unknown prospect"), "{orders}");
    assert!(owner.get(&format!("/orders/{parked}/")).await.text.contains("&#60;b&#62;1&#60;/b&#62;"));
    for q in [parked.to_string(), "<b>1</b>".to_owned(), "park@example".to_owned()] {
        let path = format!("/parked/?q={}", q.replace('<', "%3C").replace('>', "%3E"));
        assert!(owner.get(&path).await.text.contains(&parked.to_string()), "{q}");
    }
    assert!(owner.get("/parked/?q=nothing").await.text.contains("Nothing matches"));
    let paged = owner.get("/prospects/?per_page=10&sort=time").await.text;
    assert!(paged.contains("aria-sort=\"ascending\""));
}

#[tokio::test]
async fn an_empty_list_suggests_the_next_step() {
    let world = World::new().await;
    let buyer = world.person("newcomer", sluice_api::policy::Position::Buyer).await;
    let mut visitor = world.visitor("newcomer").await;
    for path in ["/", "/prospects/", "/orders/", "/account/"] {
        let page = visitor.get(path).await.text;
        let snippet = format!(
            "&#60;script async src=&#34;https://edge.example/s.js&#34; data-user-id=&#34;{}&#34;",
            buyer.id
        );
        assert!(page.contains(&snippet), "{path}: {page}");
        assert!(page.contains("action=&#34;https://edge.example/o&#34;"), "{path}");
    }
    assert!(visitor.get("/prospects/?q=x").await.text.contains("Nothing matches"));
}

#[tokio::test]
async fn a_login_follows_next_only_within_the_site() {
    let world = World::new().await;
    world.person("ann", sluice_api::policy::Position::Buyer).await;
    let anonymous = world.get("/prospects/?q=a%20b&page=2").await;
    assert_eq!(anonymous.status, 303);
    assert_eq!(anonymous.header("location"), "/login/?next=%2Fprospects%2F%3Fq%3Da%2520b%26page%3D2");
    for (next, expected) in [
        ("/prospects/?q=a", "/prospects/?q=a"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("", "/"),
    ] {
        let mut visitor = Visitor { world: &world, cookies: Vec::new() };
        let page = visitor.get("/login/").await;
        let form = [
            ("csrf_token", token_in(&page)),
            ("username", "ann".to_owned()),
            ("password", PASSWORD.to_owned()),
            ("next", next.to_owned()),
        ];
        let answer = visitor.post("/login/", &form).await;
        assert_eq!((answer.status, answer.header("location")), (303, expected), "{next}");
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
        assert_eq!(visitor.get("/login/?next=/users/").await.header("location"), "/users/");
    }
}

#[tokio::test]
async fn forms_need_their_token() {
    let world = World::new().await;
    world.person("ann", sluice_api::policy::Position::Buyer).await;
    let mut visitor = Visitor { world: &world, cookies: Vec::new() };
    let credentials = [("username", "ann".to_owned()), ("password", PASSWORD.to_owned())];
    assert_eq!(visitor.post("/login/", &credentials).await.status, 403);
    let page = visitor.get("/login/").await;
    let wrong =
        [("csrf_token", token_in(&page)), ("username", "ann".to_owned()), ("password", "wrong".to_owned())];
    let answer = visitor.post("/login/", &wrong).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("Please enter a correct username and password."));
    // The form token of one browser is not valid in another.
    let mut other = Visitor { world: &world, cookies: vec!["sluice_form=abc".to_owned()] };
    assert_eq!(other.post("/login/", &wrong).await.status, 403);

    let mut ann = world.visitor("ann").await;
    assert_eq!(ann.post("/logout/", &[]).await.status, 403);
    assert_eq!(ann.post("/account/", &[("time_zone", "UTC".to_owned())]).await.status, 403);
    assert_eq!(ann.get("/").await.status, 200);
    let page = ann.get("/account/").await;
    let zone = [("csrf_token", token_in(&page)), ("time_zone", "Mars/Olympus".to_owned())];
    assert_eq!(ann.post("/account/", &zone).await.status, 400);
    let old = ann.cookies.clone();
    let answer = ann.post("/logout/", &[("csrf_token", token_in(&page))]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/login/"));
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    // The old cookie is not valid any more.
    let mut kept = Visitor { world: &world, cookies: old };
    assert_eq!(kept.get("/").await.status, 303);
}

#[tokio::test]
async fn guessing_by_the_page_is_limited_too() {
    let world = World::with(|config| config.auth.wrong_passwords_per_minute = 2).await;
    world.person("ann", sluice_api::policy::Position::Buyer).await;
    let mut visitor = Visitor { world: &world, cookies: Vec::new() };
    let page = visitor.get("/login/").await;
    let wrong =
        [("csrf_token", token_in(&page)), ("username", "ann".to_owned()), ("password", "wrong".to_owned())];
    for expected in [200, 200, 429] {
        assert_eq!(visitor.post("/login/", &wrong).await.status, expected);
    }
}
