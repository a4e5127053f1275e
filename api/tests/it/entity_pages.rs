//! Lists, forms and pages of things, as people use them: without JavaScript, in each role.

use crate::events::Office;
use crate::world::{Answer, PASSWORD, Visitor, token_in};

/// Fills in the form at a path as a browser does, and sends it with all its fields.
async fn send(visitor: &mut Visitor<'_>, path: &str, filled: &[(&str, &str)]) -> Answer {
    let page = visitor.get(path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.text);
    let mut form = fields(&page.text);
    form.retain(|(name, _)| !filled.iter().any(|(filled, _)| filled == name));
    form.extend(filled.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    let form: Vec<(&str, String)> = form.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    visitor.post(path, &form).await
}

/// Returns the fields that a browser sends for the form of a page.
pub(crate) fn fields(html: &str) -> Vec<(String, String)> {
    let main = html.split_once("<main").unwrap().1.split_once("</main>").unwrap().0;
    let mut fields = Vec::new();
    for tag in main.split('<') {
        let (head, text) = tag.split_once('>').unwrap_or((tag, ""));
        let name = attribute(head, "name").unwrap_or_default();
        let value = attribute(head, "value").unwrap_or_default();
        let is_off = (head.contains("type=\"checkbox\"") || head.contains("type=\"radio\""))
            && !head.contains(" checked");
        match head.split_whitespace().next() {
            Some("input") if !is_off => fields.push((name, value)),
            Some("textarea") => fields.push((name, unescaped(text.trim_start_matches('\n')))),
            Some("select") => fields.push((name, "\u{0}".to_owned())),
            Some("option") if head.contains(" selected") => {
                let select = fields.iter().rev().find(|(_, value)| value == "\u{0}").unwrap().0.clone();
                let at = fields.iter().rposition(|(_, value)| value == "\u{0}").unwrap();
                fields.insert(at, (select, value));
            }
            _ => {}
        }
    }
    fields.retain(|(_, value)| value != "\u{0}");
    fields
}

fn attribute(head: &str, name: &str) -> Option<String> {
    let (_, rest) = head.split_once(&format!(" {name}=\""))?;
    Some(unescaped(rest.split_once('"')?.0))
}

fn unescaped(text: &str) -> String {
    text.replace("&#34;", "\"")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

/// Things, the form of a new one, and the field and text of an edit.
type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a str, &'a str);

#[tokio::test]
async fn an_owner_creates_edits_and_deletes_each_thing() {
    let office = Office::new().await;
    let world = &office.world;
    let ann = office.ann.id.to_string();
    let mut owner = world.visitor("owner").await;
    let team = world.team("Beta", None, &[]).await.to_string();
    let cases: [Case<'_>; 7] = [
        (
            "users",
            vec![("username", "carla"), ("password", PASSWORD), ("position", "Buyer")],
            "first_name",
            "Carla",
        ),
        ("teams", vec![("name", "Gamma")], "name", "Gamma <b>2</b>"),
        ("sources", vec![("name", "TikTok"), ("macros", "sub1 = __CID__")], "click_id_param", "ttclid"),
        (
            "partners",
            vec![("name", "Nutra"), ("currency", "EUR"), ("status_map", "ok = sale")],
            "name",
            "Nutra 2",
        ),
        ("campaigns", vec![("name", "Spring"), ("user_id", &ann), ("payout", "12.50")], "tags", "a\r\nb"),
        (
            "funds/accounts",
            vec![("name", "TT-1"), ("user_id", &ann), ("currency", "USD")],
            "credit_limit",
            "5.00",
        ),
        (
            "funds/budgets",
            vec![("team_id", &team), ("month", "2026-11"), ("amount", "100"), ("currency", "USD")],
            "amount",
            "150",
        ),
    ];
    for site in ["", "/admin"] {
        for (things, filled, field, text) in &cases {
            let list = format!("{site}/{things}/");
            let created = send(&mut owner, &format!("{list}create/"), filled).await;
            assert_eq!(created.status, 303, "{list}: {}", created.text);
            let path = created.header("location").to_owned();
            let shown = owner.get(&path).await;
            assert_eq!(shown.status, 200, "{path}: {}", shown.text);
            assert!(shown.text.contains("Created "), "{path} tells what was done");
            let edited = send(&mut owner, &format!("{path}update/"), &[(*field, *text)]).await;
            assert_eq!((edited.status, edited.header("location")), (303, path.as_str()), "{}", edited.text);
            let shown = owner.get(&path).await.text;
            assert!(!shown.contains("<b>2</b>"), "{path}: markup is escaped");
            let deleted = send(&mut owner, &format!("{path}delete/"), &[]).await;
            assert_eq!(
                (deleted.status, deleted.header("location")),
                (303, list.as_str()),
                "{}",
                deleted.text
            );
            assert_eq!(owner.get(&path).await.status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn an_error_is_told_at_its_field_and_what_was_entered_stays() {
    let office = Office::new().await;
    let mut owner = office.world.visitor("owner").await;
    let filled =
        [("username", "ann"), ("email", "nonsense"), ("password", "sh0rt"), ("first_name", "Ann <i>")];
    let answer = send(&mut owner, "/users/create/", &filled).await;
    assert_eq!(answer.status, 400);
    for text in [
        "This password is too short.",
        "Enter a valid email address.",
        "There is a problem",
        "value=\"nonsense\"",
        "value=\"Ann &#60;i&#62;\"",
        "<title>Error: New user",
        "aria-invalid=\"true\" aria-describedby=\"field-email-error\"",
    ] {
        assert!(answer.text.contains(text), "{text}: {}", answer.text);
    }
    assert!(!answer.text.contains("sh0rt"), "a password is not shown again");
    let taken = [("username", "ann"), ("password", PASSWORD), ("position", "Buyer")];
    let taken = send(&mut owner, "/users/create/", &taken).await;
    assert!(taken.status == 400 && taken.text.contains("A user with that username already exists."));
    let nul = send(&mut owner, "/teams/create/", &[("name", "a\0b")]).await;
    assert_eq!(nul.status, 400, "{}", nul.text);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_makes_one_thing() {
    let office = Office::new().await;
    let mut owner = office.world.visitor("owner").await;
    let page = owner.get("/teams/create/").await;
    let mut form = fields(&page.text);
    form.retain(|(name, _)| name != "name");
    form.push(("name".to_owned(), "Twice".to_owned()));
    let form: Vec<(&str, String)> = form.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let first = owner.post("/teams/create/", &form).await;
    let second = owner.post("/teams/create/", &form).await;
    assert_eq!((first.status, second.status), (303, 303), "{}", second.text);
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(owner.get("/teams/?q=Twice").await.text.matches(">Twice</a>").count(), 1);
}

#[tokio::test]
async fn two_people_who_edit_one_thing_see_both_values() {
    let office = Office::new().await;
    let mut owner = office.world.visitor("owner").await;
    let created = send(&mut owner, "/partners/create/", &[("name", "Old"), ("currency", "USD")]).await;
    let path = created.header("location").to_owned();
    let edit = format!("{path}update/");
    let opened = fields(&owner.get(&edit).await.text);
    let theirs = send(&mut owner, &edit, &[("name", "Theirs"), ("currency", "EUR")]).await;
    assert_eq!(theirs.status, 303, "{}", theirs.text);
    let mut mine = opened.clone();
    mine.retain(|(name, _)| name != "name");
    mine.push(("name".to_owned(), "Mine".to_owned()));
    let mine: Vec<(&str, String)> = mine.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let conflict = owner.post(&edit, &mine).await;
    assert_eq!(conflict.status, 412, "{}", conflict.text);
    assert!(
        conflict.text.contains("Mine: Mine") && conflict.text.contains("Theirs: Theirs"),
        "{}",
        conflict.text
    );
    assert!(conflict.text.contains("owner changed this meanwhile"), "{}", conflict.text);
    assert!(!conflict.text.contains("name=\"keep.currency\""), "only one of us changed the currency");
    // Sent again as it stands, it keeps mine, and their currency.
    let again = fields(&conflict.text);
    let again: Vec<(&str, String)> = again.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let saved = owner.post(&edit, &again).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let shown = owner.get(&path).await.text;
    assert!(shown.contains("<h1 class=\"page-title\">Mine</h1>") && shown.contains("EUR"), "{shown}");
}

#[tokio::test]
async fn a_request_for_funds_goes_from_asking_to_the_top_up() {
    let office = Office::new().await;
    let world = &office.world;
    let mut owner = world.visitor("owner").await;
    let ann_id = office.ann.id.to_string();
    let account = send(
        &mut owner,
        "/funds/accounts/create/",
        &[("name", "TT-1"), ("user_id", &ann_id), ("currency", "USD")],
    )
    .await;
    let account = account.header("location").trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
    let team = world
        .sql_number("SELECT team_id FROM memberships JOIN users ON users.id = user_id WHERE username = 'ann'")
        .await;
    let budget = [
        ("team_id", team.to_string()),
        ("month", "2026-11".into()),
        ("amount", "500".into()),
        ("currency", "USD".into()),
    ];
    let budget: Vec<(&str, &str)> = budget.iter().map(|(name, text)| (*name, text.as_str())).collect();
    assert_eq!(send(&mut owner, "/funds/budgets/create/", &budget).await.status, 303);

    let mut ann = world.visitor("ann").await;
    let asked = [("account_id", account.as_str()), ("amount", "120.00"), ("purpose", "Weekend")];
    let asked = send(&mut ann, "/funds/requests/create/", &asked).await;
    assert_eq!(asked.status, 303, "{}", asked.text);
    let path = asked.header("location").to_owned();
    assert!(!ann.get(&path).await.text.contains(">Approve<"), "a buyer does not approve");

    let mut lead = world.visitor("lead").await;
    let page = lead.get("/").await.text;
    assert!(page.contains("Funds <span class=\"count\">1"), "the lead sees that one waits: {page}");
    let page = lead.get(&path).await;
    let form = [("csrf_token", token_in(&page)), ("amount", "120.00".to_owned())];
    assert_eq!(lead.post(&format!("{path}approve/"), &form).await.status, 303);

    let mut funds = world.visitor("funds").await;
    assert_eq!(funds.get("/funds/").await.header("location"), "/funds/requests/?status=approved");
    let page = funds.get(&path).await;
    let wrong = [("csrf_token", token_in(&page)), ("amount", "999".to_owned())];
    let wrong = funds.post(&format!("{path}top-up/"), &wrong).await;
    assert!((400..410).contains(&wrong.status) && wrong.text.contains("value=\"999\""), "{}", wrong.text);
    let form = [("csrf_token", token_in(&page)), ("amount", String::new()), ("fee", "2".to_owned())];
    let done = funds.post(&format!("{path}top-up/"), &form).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let shown = ann.get(&path).await.text;
    assert!(shown.contains("topped up"), "{shown}");
    assert!(ann.get(&format!("/funds/accounts/{account}/")).await.text.contains("120.00 USD"));
}

#[tokio::test]
async fn pages_are_within_the_scope_of_their_viewer() {
    let office = Office::new().await;
    let world = &office.world;
    let eve = office.eve.id;
    let mut owner = world.visitor("owner").await;
    let eves = eve.to_string();
    let campaign = send(&mut owner, "/campaigns/create/", &[("name", "Eves"), ("user_id", &eves)]).await;
    let campaign = campaign.header("location").to_owned();
    let user = format!("/users/{eve}/");
    for (username, expected) in [("ann", [404, 404, 403, 403, 403]), ("owner", [200, 200, 200, 200, 200])] {
        let mut visitor = world.visitor(username).await;
        let paths = [campaign.as_str(), user.as_str(), "/users/create/", "/admin/", "/admin/audit/"];
        for (path, status) in paths.into_iter().zip(expected) {
            let answer = visitor.get(path).await;
            assert_eq!(answer.status, status, "{path} as {username}: {}", answer.text);
            assert!(answer.text.contains("aria-label=\"Main\""), "{path} keeps its frame as {username}");
        }
    }
    let mut ann = world.visitor("ann").await;
    assert!(!ann.get("/campaigns/").await.text.contains("Eves"));
    assert!(!ann.get("/campaigns/export.csv").await.text.contains("Eves"));
    for path in ["/teams/create/", "/users/1/delete/", "/admin/teams/bulk/"] {
        let page = ann.get("/account/").await;
        let answer = ann.post(path, &[("csrf_token", token_in(&page))]).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_list_is_filtered_paged_and_downloaded() {
    let office = Office::new().await;
    let mut owner = office.world.visitor("owner").await;
    for number in 0..12 {
        let name = format!("=Team {number:02}");
        assert_eq!(send(&mut owner, "/teams/create/", &[("name", &name)]).await.status, 303);
    }
    let first = owner.get("/teams/?per_page=10&q=Team&sort=-name").await.text;
    assert!(first.contains("=Team 11") && !first.contains("=Team 01"), "{first}");
    let (_, next) = first.split_once("rel=\"next\" href=\"").unwrap();
    let next = unescaped(next.split('"').next().unwrap());
    let second = owner.get(&format!("/teams/{next}")).await.text;
    assert!(
        second.contains("=Team 01") && !second.contains("=Team 11") && second.contains("End of the list")
    );
    let csv = owner.get("/teams/export.csv?q=Team&sort=name").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.text.starts_with("\u{feff}Id,Name,Team Lead,Team Lead (name),Members\r\n"), "{}", csv.text);
    assert_eq!(csv.text.matches("'=Team").count(), 12, "{}", csv.text);
    assert!(owner.get("/admin/audit/?resource=teams").await.text.contains("export"));
    for (path, name) in [
        ("/teams/?per_page=-1", "Rows per page"),
        ("/teams/?sort=password", "Order"),
        ("/users/?position=King", "Position"),
        ("/funds/requests/?from=yesterday", "From"),
    ] {
        let answer = owner.get(path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text.contains(&format!(">{name}: ")) && !answer.text.contains("<tbody>"), "{path}");
    }
    let selected: Vec<String> = owner
        .get("/admin/teams/?q=Team&per_page=10")
        .await
        .text
        .split("name=\"ids\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    assert_eq!(selected.len(), 10);
    let token = token_in(&owner.get("/admin/teams/").await);
    let mut form = vec![("csrf_token", token), ("action", "delete".to_owned())];
    form.extend(selected.iter().map(|id| ("ids", id.clone())));
    let asked = owner.post("/admin/teams/bulk/", &form).await;
    assert!(asked.status == 200 && asked.text.contains("Delete these 10"), "{}", asked.text);
    assert!(owner.get("/teams/?q=Team").await.text.contains("=Team 05"), "nothing is deleted yet");
    form.push(("confirmed", "yes".to_owned()));
    assert_eq!(owner.post("/admin/teams/bulk/", &form).await.status, 303);
    assert_eq!(owner.get("/teams/?q=Team").await.text.matches("=Team ").count(), 2);
}

#[tokio::test]
async fn a_campaign_shows_its_code_and_waits_for_the_first_hit() {
    let office = Office::new().await;
    let mut ann = office.world.visitor("ann").await;
    let created = send(&mut ann, "/campaigns/create/", &[("name", "Summer")]).await;
    assert_eq!(created.status, 303, "{}", created.text);
    let path = created.header("location").to_owned();
    let page = ann.get(&path).await.text;
    for text in [
        "Waiting for the first hit",
        "https://edge.example/s.js",
        "https://edge.example/p.gif?k=",
        "does not expire",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let rotated = send(&mut ann, &path, &[]).await;
    assert_eq!(rotated.status, 405, "the page itself takes no form");
    let token = token_in(&ann.get(&path).await);
    let form = [("csrf_token", token), ("grace_hours", "0".to_owned())];
    assert_eq!(ann.post(&format!("{path}rotate-key/"), &form).await.status, 303);
    let mut funds = office.world.visitor("funds").await;
    let page = funds.get(&path).await.text;
    assert!(!page.contains("Waiting for the first hit"), "a coordinator sees no hits: {page}");
    assert_eq!(funds.get("/campaigns/999/hits/").await.status, 404);
}

#[tokio::test]
async fn a_file_of_spend_is_shown_before_it_is_recorded() {
    let office = Office::new().await;
    let world = &office.world;
    let mut owner = world.visitor("owner").await;
    let ann = office.ann.id.to_string();
    let account =
        [("name", "TT-1"), ("user_id", ann.as_str()), ("currency", "USD"), ("credit_limit", "1000")];
    assert_eq!(send(&mut owner, "/funds/accounts/create/", &account).await.status, 303);
    let mut funds = world.visitor("funds").await;
    let file = "date,amount,account,reference\n2026-11-20,12.50,TT-1,a<b>\n2026-11-21,0,TT-1,b\n";
    let token = token_in(&funds.get("/funds/import/").await);
    let form = [("csrf_token", token.clone()), ("content", file.to_owned())];
    let preview = funds.post("/funds/import/", &form).await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    assert!(preview.text.contains("Rows to record: 1. Known or zero: 1."), "{}", preview.text);
    assert!(preview.text.contains("a&#60;b&#62;") && !preview.text.contains("a<b>"));
    assert!(!funds.get("/funds/transfers/").await.text.contains("12.50"), "nothing is recorded yet");
    let form = [("csrf_token", token.clone()), ("content", file.to_owned()), ("confirmed", "yes".to_owned())];
    assert_eq!(funds.post("/funds/import/", &form).await.status, 303);
    assert!(funds.get("/funds/transfers/").await.text.contains("12.50"));
    let wrong = [("csrf_token", token), ("content", "date,amount\nyesterday,x\n".to_owned())];
    let wrong = funds.post("/funds/import/", &wrong).await;
    assert!(
        wrong.text.contains("There is a problem") || wrong.text.contains("With an error: 1"),
        "{}",
        wrong.text
    );
}
