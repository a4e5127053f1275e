//! The admin section: logins, API tokens and settings of everybody, deleted things, and actions on
//! many things at once.

use serde_json::{Value, json};
use sluice_api::policy::Position;

use crate::entity_pages::fields;
use crate::world::{Answer, Person, Visitor, World, token_in};

struct Office {
    world: World,
    owner: Person,
    ann: Person,
}

impl Office {
    async fn new() -> Self {
        let world = World::new().await;
        let owner = world.person("owner", Position::Owner).await;
        let ann = world.person("ann", Position::Buyer).await;
        world.person("lead", Position::TeamLead).await;
        world.person("funds", Position::FundsCoordinator).await;
        Self { world, owner, ann }
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        let answer = self.world.get_as(path, &self.owner).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        serde_json::from_str(&answer.text).unwrap()
    }

    async fn delete(&self, path: &str, person: &Person) -> Answer {
        self.world.call("DELETE", path, &Value::Null, person, "").await
    }
}

#[tokio::test]
async fn an_owner_lists_and_ends_the_logins_of_all() {
    let office = Office::new().await;
    let world = &office.world;
    let mut browser = world.visitor("ann").await;
    let of_ann = format!("/api/sessions/list/?user_id={}", office.ann.id);
    let logins = office.list(&of_ann).await;
    assert_eq!(logins.len(), 2, "one of a program, one of a browser: {logins:?}");
    assert_eq!(office.list(&format!("{of_ann}&kind=browser")).await.len(), 1);
    assert_eq!(office.list("/api/sessions/list/?q=ANN").await.len(), 2);
    assert_eq!(office.list("/api/sessions/list/?q=nobody").await.len(), 0);
    assert_eq!(office.list("/api/sessions/list/?to=2026-11-22").await.len(), 0);
    for wrong in ["kind=pigeon", "user_id=x", "from=x", "sort=csrf", "q=%00"] {
        let answer = world.get_as(&format!("/api/sessions/list/?{wrong}"), &office.owner).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text);
    }
    let id = logins.iter().find(|login| login["kind"] == "browser").unwrap()["id"].as_str().unwrap();
    let path = format!("/api/sessions/delete/{id}/");
    assert_eq!(office.delete(&path, &office.ann).await.status, 403);
    assert_eq!(browser.get("/").await.status, 200);
    assert_eq!(office.delete(&path, &office.owner).await.status, 204);
    assert_eq!(browser.get("/").await.status, 303, "it has ended at once");
    assert_eq!(office.delete(&path, &office.owner).await.status, 404);
    for id in ["1", "%ff", "0192f5a0-1234-7000-8000-000000000000"] {
        assert_eq!(office.delete(&format!("/api/sessions/delete/{id}/"), &office.owner).await.status, 404);
        let detail = world.get_as(&format!("/api/sessions/detail/{id}/"), &office.owner).await;
        assert_eq!(detail.status, 404, "{id}");
    }
    let trail = world.trail("sessions", id).await;
    assert_eq!(trail.len(), 1, "{trail:?}");
    let own = office.list(&format!("/api/sessions/list/?user_id={}", office.owner.id)).await;
    let own = own[0]["id"].as_str().unwrap();
    let refused = office.delete(&format!("/api/sessions/delete/{own}/"), &office.owner).await;
    assert_eq!(
        (refused.status, refused.json()["detail"].as_str().unwrap()),
        (409, "You use this login now. Log out instead.")
    );
}

#[tokio::test]
async fn an_owner_lists_and_deletes_the_tokens_of_all() {
    let office = Office::new().await;
    let world = &office.world;
    let body = json!({"name": "Robot <b>", "scopes": ["read"], "expires_in_days": 30});
    let made = world.post_json("/api/account/tokens/create/", &body, Some(&office.ann)).await.json();
    let token = Person { id: office.ann.id, token: made["token"].as_str().unwrap().to_owned() };
    let tokens = office.list("/api/tokens/list/?q=robot").await;
    assert_eq!((tokens.len(), &tokens[0]["user_id"]), (1, &json!(office.ann.id)));
    assert!(!tokens[0].to_string().contains(&token.token), "the secret is not shown");
    assert_eq!(office.list(&format!("/api/tokens/list/?user_id={}", office.owner.id)).await.len(), 0);
    assert_eq!(world.get_as("/api/users/list/", &token).await.status, 200);
    let path = format!("/api/tokens/delete/{}/", tokens[0]["id"]);
    assert_eq!(office.delete(&path, &office.ann).await.status, 403);
    assert_eq!(office.delete(&path, &office.owner).await.status, 204);
    assert_eq!(world.get_as("/api/users/list/", &token).await.status, 401);
    assert_eq!(office.delete(&path, &office.owner).await.status, 404);
    assert_eq!(world.trail("tokens", tokens[0]["id"].as_i64().unwrap()).await.len(), 1);
}

#[tokio::test]
async fn settings_are_shown_without_secrets() {
    let office = Office::new().await;
    let world = &office.world;
    let settings = office.list("/api/settings/list/").await;
    let value = |key: &str| {
        settings.iter().find(|setting| setting["key"] == key).unwrap()["value"].as_str().unwrap().to_owned()
    };
    assert_eq!((value("auth.registration").as_str(), value("auth.secret").as_str()), ("open", "[redacted]"));
    let all = serde_json::to_string(&settings).unwrap();
    for secret in [world.app.config.auth.secret.expose(), world.app.config.postgres.url.expose()] {
        assert!(!all.contains(secret), "{all}");
    }
    let pages = world.get_as("/api/settings/list/?limit=10", &office.owner).await;
    assert!(pages.header("link").contains("cursor="));
    assert_eq!(office.list("/api/settings/list/?q=SESSION_days").await.len(), 1);
    let mut owner = world.visitor("owner").await;
    let page = owner.get("/admin/settings/?q=registration").await.text;
    assert!(page.contains("auth.registration") && page.contains("open"), "{page}");
    assert!(!page.contains("auth.session_days") && !page.contains("name=\"ids\""), "{page}");
    assert_eq!(world.get_as("/api/settings/list/", &office.ann).await.status, 403);
}

#[tokio::test]
async fn the_admin_section_is_for_owners_in_every_part() {
    let office = Office::new().await;
    let world = &office.world;
    let mut owner = world.visitor("owner").await;
    for things in ["sessions", "tokens", "settings", "audit"] {
        let list = owner.get(&format!("/admin/{things}/")).await;
        assert_eq!(list.status, 200, "{things}: {}", list.text);
        assert_eq!(owner.get(&format!("/admin/{things}/export.csv")).await.status, 200, "{things}");
        assert_eq!(owner.get(&format!("/{things}/")).await.status, 404, "{things}");
    }
    // Buyers may do these on their own pages.
    for username in ["ann", "lead", "funds"] {
        let mut visitor = world.visitor(username).await;
        let token = token_in(&visitor.get("/account/").await);
        for path in ["", "sessions/", "tokens/", "settings/", "audit/", "campaigns/", "campaigns/create/"] {
            let answer = visitor.get(&format!("/admin/{path}")).await;
            assert_eq!(answer.status, 403, "{username} {path}");
        }
        for path in ["campaigns/create/", "campaigns/bulk/", "campaigns/1/restore/", "sessions/bulk/"] {
            let answer = visitor.post(&format!("/admin/{path}"), &[("csrf_token", token.clone())]).await;
            assert_eq!(answer.status, 403, "{username} {path}");
        }
    }
}

#[tokio::test]
async fn logins_and_tokens_are_ended_on_pages() {
    let office = Office::new().await;
    let world = &office.world;
    let mut ann = world.visitor("ann").await;
    let mut owner = world.visitor("owner").await;
    let list = owner.get(&format!("/admin/sessions/?user_id={}&kind=browser", office.ann.id)).await;
    let (_, row) = list.text.split_once("href=\"/admin/sessions/").unwrap();
    let id = row.split('/').next().unwrap().to_owned();
    let page = owner.get(&format!("/admin/sessions/{id}/delete/")).await;
    assert!(page.text.contains("has to log in again"), "{}", page.text);
    let form = [("csrf_token", token_in(&page))];
    assert_eq!(owner.post(&format!("/admin/sessions/{id}/delete/"), &form).await.status, 303);
    assert_eq!(ann.get("/").await.status, 303);
    // The own login stays, also if everything is selected.
    let asked = all(&mut owner, "/admin/sessions/?kind=browser").await;
    assert!(asked.text.contains("Delete 1 logins"), "{}", asked.text);
    let refused = go_on(&mut owner, "/admin/sessions/bulk/", &asked, &[]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text.contains("You use this login now."), "{}", refused.text);
    assert_eq!(owner.get("/").await.status, 200);
}

#[tokio::test]
async fn deleted_things_are_listed_and_come_back() {
    let office = Office::new().await;
    let world = &office.world;
    let lead = world.sql_number("SELECT id FROM users WHERE username = 'lead'").await;
    world
        .sql(&format!("INSERT INTO teams (name, lead_id, archived_at) VALUES ('Gone <i>', {lead}, now())"))
        .await;
    let id = world.sql_number("SELECT max(id) FROM teams").await;
    let mut owner = world.visitor("owner").await;
    for site in ["", "/admin"] {
        assert!(!owner.get(&format!("{site}/teams/")).await.text.contains("Gone"));
        let page = owner.get(&format!("{site}/teams/?archived=true")).await;
        assert!(page.text.contains("Gone &#60;i&#62;") && page.text.contains(">Deleted</"), "{}", page.text);
        assert!(!page.text.contains(&format!("href=\"{site}/teams/{id}/\"")), "it has no page");
        assert!(page.text.contains("id=\"filter-archived\" name=\"archived\" value=\"true\" checked"));
        let form = [("csrf_token", token_in(&page))];
        let restored = owner.post(&format!("{site}/teams/{id}/restore/"), &form).await;
        assert_eq!(
            (restored.status, restored.header("location")),
            (303, format!("{site}/teams/{id}/").as_str())
        );
        assert!(owner.get(&format!("{site}/teams/{id}/")).await.text.contains("Restored team Gone"));
        assert_eq!(
            owner.post(&format!("{site}/teams/{id}/restore/"), &form).await.status,
            404,
            "it is not deleted"
        );
        world.sql("UPDATE teams SET archived_at = now(), lead_id = NULL").await;
    }
    for (path, is_there) in [
        ("/users/", true),
        ("/campaigns/", true),
        ("/sources/", true),
        ("/partners/", true),
        ("/funds/accounts/", true),
        ("/prospects/", false),
        ("/funds/requests/", false),
    ] {
        let page = owner.get(&format!("{path}?archived=true")).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        assert_eq!(page.text.contains("id=\"filter-archived\""), is_there, "{path}");
    }
    assert_eq!(owner.get("/teams/?archived=maybe").await.status, 400);
    assert!(owner.get("/teams/export.csv?archived=true").await.text.contains("Gone <i>"));
    let mut ann = world.visitor("ann").await;
    assert!(!ann.get("/teams/").await.text.contains("filter-archived"));
    assert_eq!(ann.get("/teams/?archived=true").await.status, 403);
    let form = [("csrf_token", token_in(&ann.get("/account/").await))];
    assert_eq!(ann.post(&format!("/teams/{id}/restore/"), &form).await.status, 403);
    // Something else took its place.
    world.sql(&format!("UPDATE teams SET lead_id = {lead}")).await;
    world.sql(&format!("INSERT INTO teams (name, lead_id) VALUES ('New', {lead})")).await;
    let form = [("csrf_token", token_in(&owner.get("/account/").await))];
    let refused = owner.post(&format!("/teams/{id}/restore/"), &form).await;
    assert!(
        refused.status == 409 && refused.text.contains("Its lead leads another team now."),
        "{}",
        refused.text
    );
}

/// Presses the button for all that match a list.
async fn all(visitor: &mut Visitor<'_>, list: &str) -> Answer {
    let page = visitor.get(list).await;
    let (_, form) = page.text.split_once("<form id=\"bulk\"").expect("a form for many");
    let value = |name: &str| {
        let (_, rest) = form.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
        rest.split('"').next().unwrap().replace("&#38;", "&")
    };
    let form = [
        ("csrf_token", value("csrf_token")),
        ("query", value("query")),
        ("action", value("action")),
        ("scope", "all".to_owned()),
    ];
    let path = list.split('?').next().unwrap();
    visitor.post(&format!("{path}bulk/"), &form).await
}

/// Sends the only form of a page, with more fields.
async fn go_on(visitor: &mut Visitor<'_>, path: &str, page: &Answer, more: &[(&str, &str)]) -> Answer {
    let mut form = fields(&page.text);
    form.retain(|(name, _)| !more.iter().any(|(filled, _)| filled == name));
    form.extend(more.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    let form: Vec<(&str, String)> = form.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    visitor.post(path, &form).await
}

#[tokio::test]
async fn all_that_match_are_counted_first_and_done_in_steps() {
    let office = Office::new().await;
    let world = &office.world;
    world.sql("INSERT INTO sources (name) SELECT 'Net ' || n FROM generate_series(1, 120) n").await;
    world.sql("INSERT INTO sources (name) SELECT 'Kept ' || n FROM generate_series(1, 5) n").await;
    let present = "SELECT count(*) FROM sources WHERE archived_at IS NULL";
    let mut owner = world.visitor("owner").await;
    let bulk = "/admin/sources/bulk/";
    let asked = all(&mut owner, "/admin/sources/?q=Net&sort=-name&per_page=10").await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    for text in ["Delete 120 sources", "Type 120 to confirm", "<li>Net 99</li>", "and others"] {
        assert!(asked.text.contains(text), "{text}: {}", asked.text);
    }
    for wrong in ["", "25", "119", "x"] {
        let again = go_on(&mut owner, bulk, &asked, &[("typed", wrong)]).await;
        assert_eq!(again.status, 400, "{wrong}");
        assert!(
            again.text.contains("Type 120, the number of sources.") && again.text.contains("<title>Error: ")
        );
    }
    assert_eq!(world.sql_number(present).await, 125, "nothing is done before the number is typed");
    // More match than were confirmed: the question again.
    world.sql("INSERT INTO sources (name) VALUES ('Net 200')").await;
    let more = go_on(&mut owner, bulk, &asked, &[("typed", "120")]).await;
    assert_eq!(more.status, 400, "{}", more.text);
    assert!(
        more.text.contains("Now 121 sources match. Nothing was changed.") && more.text.contains("Type 121")
    );
    assert_eq!(world.sql_number(present).await, 126);
    world.sql("DELETE FROM sources WHERE name = 'Net 200'").await;
    let unreadable = go_on(&mut owner, bulk, &asked, &[("typed", "120"), ("total", "x")]).await;
    assert_eq!(unreadable.status, 400);
    // One that arrives meanwhile, and one that somebody else deletes.
    world.sql("UPDATE sources SET archived_at = now() WHERE name = 'Net 1'").await;
    let first = go_on(&mut owner, bulk, &asked, &[("typed", "120")]).await;
    assert!(first.text.contains("50 of 120</strong> sources deleted."), "{}", first.text);
    assert!(first.text.contains("data-continues") && first.text.contains("Continue"));
    assert_eq!(world.sql_number(present).await, 74);
    let second = go_on(&mut owner, bulk, &first, &[]).await;
    assert!(second.text.contains("100 of 120</strong>"), "{}", second.text);
    let over = go_on(&mut owner, bulk, &second, &[]).await;
    assert_eq!((over.status, over.header("location")), (303, "/admin/sources/"), "{}", over.text);
    assert!(owner.get("/admin/sources/").await.text.contains("119 sources deleted."));
    assert_eq!(world.sql_number(present).await, 5);
    let lines = "SELECT count(*) FROM audit_log WHERE resource = 'sources' AND verb = ";
    assert_eq!(world.sql_number(&format!("{lines}'delete'")).await, 119, "a line for each");
    // The last step once more finds nothing to do.
    let again = go_on(&mut owner, bulk, &second, &[]).await;
    assert_eq!(again.status, 303, "{}", again.text);

    let asked = all(&mut owner, "/admin/sources/?q=Net&archived=true").await;
    assert!(
        asked.text.contains("Restore 120 sources") && !asked.text.contains("name=\"typed\""),
        "{}",
        asked.text
    );
    let mut page = go_on(&mut owner, bulk, &asked, &[]).await;
    for _ in 0..2 {
        page = go_on(&mut owner, bulk, &page, &[]).await;
    }
    assert_eq!(page.status, 303, "{}", page.text);
    assert_eq!(world.sql_number(present).await, 125);
    assert_eq!(world.sql_number(&format!("{lines}'restore'")).await, 120);
}

#[tokio::test]
async fn what_cannot_be_done_is_told_with_its_reason() {
    let office = Office::new().await;
    let world = &office.world;
    let mut owner = world.visitor("owner").await;
    let bulk = "/admin/users/bulk/";
    let asked = all(&mut owner, "/admin/users/").await;
    assert!(asked.text.contains("Delete 4 users"), "{}", asked.text);
    let told = go_on(&mut owner, bulk, &asked, &[]).await;
    assert_eq!(told.status, 409);
    assert!(
        told.text.contains("3 users deleted. 1 could not be:") && told.text.contains("<li>owner: "),
        "{}",
        told.text
    );
    assert_eq!(world.sql_number("SELECT count(*) FROM users WHERE archived_at IS NULL").await, 1);

    let token = token_in(&owner.get("/admin/users/").await);
    let post = async |owner: &mut Visitor<'_>, things: &str, more: &[(&'static str, &str)]| {
        let mut form = vec![("csrf_token", token.clone())];
        form.extend(more.iter().map(|(name, text)| (*name, (*text).to_owned())));
        owner.post(&format!("/admin/{things}/bulk/"), &form).await
    };
    for (things, more, message) in [
        ("users", &[][..], "Select 1 to 100 users."),
        ("users", &[("scope", "all"), ("query", "q=nobody")], "Nothing matches any more."),
        ("users", &[("scope", "all"), ("query", "position=King")], "is not a valid choice"),
        ("users", &[("scope", "all"), ("query", "q=%00")], ""),
        (
            "users",
            &[("scope", "all"), ("confirmed", "yes"), ("cursor", "x"), ("total", "9")],
            "Invalid cursor",
        ),
        ("funds/budgets", &[("action", "restore"), ("ids", "1")], "They cannot be restored."),
    ] {
        let answer = post(&mut owner, things, more).await;
        assert_eq!(answer.status, 400, "{things} {more:?}: {}", answer.text);
        assert!(answer.text.contains(message), "{things} {more:?}: {}", answer.text);
    }
    world.sql("INSERT INTO sources (name) SELECT 'Net ' || n FROM generate_series(1, 10001) n").await;
    let many = all(&mut owner, "/admin/sources/").await;
    assert_eq!(many.status, 400);
    assert!(many.text.contains("More than 10000 match. Narrow the filters."), "{}", many.text);
    // A selection of 25 is not everything.
    let ids: Vec<String> = (1..=25).map(|id: i32| id.to_string()).collect();
    let selected: Vec<(&'static str, &str)> = ids.iter().map(|id| ("ids", id.as_str())).collect();
    let asked = post(&mut owner, "sources", &selected).await;
    assert!(
        asked.text.contains("Delete 25 sources") && asked.text.contains("Type 25 to confirm"),
        "{}",
        asked.text
    );
    let done = go_on(&mut owner, "/admin/sources/bulk/", &asked, &[("typed", "25")]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let present = "SELECT count(*) FROM sources WHERE archived_at IS NULL";
    assert_eq!(world.sql_number(present).await, 9976);
}
