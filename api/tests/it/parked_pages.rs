//! `/parked/`: an Owner counts, confirms, follows the progress and revokes, without JavaScript.

use sluice_api::policy::Position;

use crate::events::{id, park_order, park_prospect};
use crate::parked::KEY;
use crate::world::{Answer, NOW_MS, World, token_in};

/// The hidden fields of the form with this action.
fn hidden_fields(page: &Answer, action: &str) -> Vec<(String, String)> {
    let (_, form) = page.text.split_once(&format!("action=\"{action}\"")).expect("the form is there");
    let form = form.split("</form>").next().unwrap();
    let fields = form.split("type=\"hidden\" name=\"").skip(1).map(|field| {
        let (name, rest) = field.split_once("\" value=\"").unwrap();
        let value = rest.split('"').next().unwrap();
        (name.to_owned(), value.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\""))
    });
    fields.collect()
}

fn as_form<'a>(fields: &'a [(String, String)], more: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
    let sent = fields.iter().map(|(name, value)| (name.as_str(), value.clone()));
    sent.chain(more.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect()
}

#[tokio::test]
async fn an_owner_mends_all_alike_and_revokes() {
    let world = World::with_events(|_| {}).await;
    world.person("owner", Position::Owner).await;
    world.sql("INSERT INTO campaigns (name) VALUES ('Shoes <1>')").await;
    for number in 1..=3 {
        park_prospect(&world, number, NOW_MS - 60_000 + number, KEY).await;
    }
    let mut owner = world.visitor("owner").await;
    let list = owner.get("/parked/").await;
    assert!(list.text.contains("unknown key</a>") && list.text.contains(KEY), "{}", list.text);
    let path = format!("/parked/{}/", id(1));
    let page = owner.get(&path).await;
    assert!(
        page.text.contains(&format!("Kept until a campaign has the key {KEY}, then stored automatically."))
    );
    assert!(page.text.contains("&#60;script&#62;") && page.text.contains("203.0.113.7"), "{}", page.text);
    assert!(page.text.contains(">Shoes &#60;1&#62;</option>"));

    // Nothing chosen: the page again, with the reason.
    let fields = hidden_fields(&page, "/parked/mend/");
    let form =
        as_form(&fields, &[("scope", "alike"), ("campaign_id", ""), ("user_id", ""), ("until", "now")]);
    let refused = owner.post("/parked/mend/", &form).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.text.contains("There is a problem") && refused.text.contains("<title>Error: "),
        "{}",
        refused.text
    );

    let form = as_form(
        &fields,
        &[
            ("scope", "alike"),
            ("campaign_id", "1"),
            ("user_id", ""),
            ("until", "now"),
            ("note", "a \"typo\""),
        ],
    );
    let without_token: Vec<_> = form.iter().filter(|(name, _)| *name != "csrf_token").cloned().collect();
    assert_eq!(owner.post("/parked/mend/", &without_token).await.status, 403);
    let confirm = owner.post("/parked/mend/", &form).await;
    assert_eq!(confirm.status, 200, "{}", confirm.text);
    assert!(
        confirm.text.contains("3 events")
            && confirm.text.contains("<dt>Join with</dt>")
            && confirm.text.contains("<a href=\"/campaigns/1/\">Shoes &#60;1&#62;</a>")
            && confirm.text.contains("Later events like these are not affected.")
    );
    let decisions = "SELECT count(*) FROM parked_decisions";
    let n_decisions = || sqlx::query_scalar::<_, i64>(decisions).fetch_one(&world.app.postgres);
    assert_eq!(n_decisions().await.unwrap(), 0, "nothing happens before the confirmation");

    // Another one comes meanwhile that is older: the count is another one.
    let confirmed = hidden_fields(&confirm, "/parked/mend/");
    assert!(!confirmed.iter().any(|(name, _)| name == "event_id"), "{confirmed:?}");
    park_prospect(&world, 4, NOW_MS - 70_000, KEY).await;
    let changed = owner.post("/parked/mend/", &as_form(&confirmed, &[])).await;
    assert_eq!(changed.status, 409);
    assert!(changed.text.contains("4 events match now, not 3."), "{}", changed.text);
    let confirm = owner.post("/parked/mend/", &form).await;
    let confirmed = hidden_fields(&confirm, "/parked/mend/");
    let done = owner.post("/parked/mend/", &as_form(&confirmed, &[])).await;
    assert_eq!((done.status, done.header("location")), (303, "/parked/decisions/1/"), "{}", done.text);
    let page = owner.get("/parked/decisions/1/").await;
    assert!(page.text.contains("4 events still wait for it. You may leave this page"), "{}", page.text);
    assert!(page.text.contains("campaign Shoes &#60;1&#62;"));
    assert!(owner.get("/parked/").await.text.contains("Revoke decision 1"));
    let revoked = owner.post("/parked/decisions/1/revoke/", &[("csrf_token", token_in(&page))]).await;
    assert_eq!((revoked.status, revoked.header("location")), (303, "/parked/decisions/1/"));
    assert!(owner.get("/parked/decisions/1/").await.text.contains("It is revoked."));
    assert!(!owner.get("/parked/").await.text.contains("Revoke decision 1"));
}

#[tokio::test]
async fn an_owner_ignores_one_order_and_lets_it_wait_again() {
    let world = World::with_events(|_| {}).await;
    world.person("owner", Position::Owner).await;
    let event = park_order(&world, 9, NOW_MS - 45_000, "0192f5a0-1234-7000-8000-0000000045b0", "").await;
    let mut owner = world.visitor("owner").await;
    let path = format!("/parked/{event}/");
    let page = owner.get(&path).await;
    assert!(
        page.text.contains("Kept until prospect …45b0 arrives, then joined automatically."),
        "{}",
        page.text
    );
    assert!(page.text.contains("park@example.com"));
    let fields = hidden_fields(&page, "/parked/ignore/");
    let form = as_form(&fields, &[("scope", "one"), ("until", "now"), ("note", "a test")]);
    let confirm = owner.post("/parked/ignore/", &form).await;
    assert!(confirm.text.contains("Ignore 1 event"), "{}", confirm.text);
    let confirmed = hidden_fields(&confirm, "/parked/ignore/");
    let done = owner.post("/parked/ignore/", &as_form(&confirmed, &[])).await;
    assert_eq!((done.status, done.header("location")), (303, "/parked/decisions/1/"), "{}", done.text);
    // The consumer does it.
    world
        .events()
        .query(
            "INSERT INTO parked_log SELECT event_id, kind, reason, 'ignored', first_seen, last_tried, reference, partition, \
             payload, place, 3, 1, 'a test' FROM parked_log",
        )
        .execute()
        .await
        .unwrap();
    let page = owner.get(&path).await;
    assert!(page.text.contains("It is ignored: a test") && !page.text.contains("action=\"/parked/ignore/\""));
    // It can still be found as an order, to be deleted or erased.
    assert_eq!(owner.get(&format!("/orders/{event}/")).await.status, 200);
    let fields = hidden_fields(&page, "/parked/wait-again/");
    let confirm = owner.post("/parked/wait-again/", &as_form(&fields, &[("scope", "one")])).await;
    let confirmed = hidden_fields(&confirm, "/parked/wait-again/");
    let done = owner.post("/parked/wait-again/", &as_form(&confirmed, &[])).await;
    assert_eq!((done.status, done.header("location")), (303, path.as_str()), "{}", done.text);
    let again = owner.post("/parked/wait-again/", &as_form(&confirmed, &[])).await;
    assert_eq!(again.status, 409, "it waits already: {}", again.text);
}
