//! `GET /api/reports/`: the policy, the links to events, wrong addresses and strange values.

use serde_json::{Value, json};
use sluice_api::policy::Position;
use sluice_schemas::rows::ProspectRow;

use crate::events::{Office, park_order};
use crate::reports::{lines, report, store, visit};
use crate::world::{NOW_MS, World};

#[tokio::test]
async fn everybody_sees_their_scope_and_no_more() {
    let office = Office::new().await;
    let world = &office.world;
    let query = "group_by=user&metrics=prospects,orders&range=all";
    for (person, expected) in [
        (&office.owner, vec!["bob 2 2", "eve 2 2", "(none) 1 1", "ann 1 1"]),
        (&office.funds, vec!["bob 2 2", "eve 2 2", "(none) 1 1", "ann 1 1"]),
        (&office.lead, vec!["ann 1 1", "bob 1 1", "eve 1 1"]),
        (&office.ann, vec!["ann 1 1"]),
        (&office.bob, vec!["bob 2 2"]),
        (&office.eve, vec!["eve 2 2"]),
    ] {
        let found = report(world, person, query).await;
        let mut shown = lines(&found["rows"], &["prospects", "orders"]);
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        shown.sort();
        expected.sort();
        assert_eq!(shown, expected);
        let csv = world.get_as(&format!("/api/reports/?{query}&format=csv"), person).await;
        assert_eq!(csv.text.lines().count(), expected.len() + 1, "{}", csv.text);
    }
    // A filter does not reach out of the scope.
    let other =
        report(world, &office.ann, &format!("group_by=user&user_id={}&range=all", office.bob.id)).await;
    assert_eq!((&other["rows"], &other["total"]["values"]["prospects"]), (&json!([]), &json!(0)));
    assert_eq!(world.get("/api/reports/").await.status, 401);
}

#[tokio::test]
async fn texts_of_visitors_are_hidden_from_coordinators() {
    let office = Office::new().await;
    let world = &office.world;
    for (query, name) in [
        ("group_by=page", "group_by"),
        ("group_by=country,sub1", "group_by"),
        ("group_by=country&sub20=x", "sub20"),
        ("group_by=country&referrer.has=example", "referrer.has"),
        ("group_by=country&keyword.none=1", "keyword.none"),
        ("group_by=utm_source&format=csv", "group_by"),
    ] {
        let answer = world.get_as(&format!("/api/reports/?{query}"), &office.funds).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert!(answer.json()[name].to_string().contains("hidden from your position"), "{}", answer.text);
    }
    let found = report(world, &office.funds, "group_by=country&range=all").await;
    assert_eq!(found["rows"][0]["events"], json!({"prospects": null, "orders": null}));
    let schema = world.get_as("/api/reports/schema/", &office.funds).await.json();
    let dimensions = schema["dimensions"].as_array().unwrap();
    assert!(dimensions.iter().all(|dimension| dimension["visitor_text"] == false));
    let schema = world.get_as("/api/reports/schema/", &office.ann).await.json();
    assert!(schema["dimensions"].as_array().unwrap().len() > dimensions.len());
}

#[tokio::test]
async fn a_count_leads_to_its_events() {
    let office = Office::new().await;
    let world = &office.world;
    park_order(world, 77, NOW_MS - 5000, "nobody", "").await;
    let found = report(
        world,
        &office.owner,
        "group_by=user,device&shape=flat&range=all&os=Linux&metrics=prospects,orders",
    )
    .await;
    for row in found["rows"].as_array().unwrap() {
        for (list, metric) in [("prospects", "prospects"), ("orders", "orders")] {
            let query = row["events"][list].as_str().unwrap();
            let listed = world.get_as(&format!("/api/{list}/list/?{query}"), &office.owner).await;
            assert_eq!(
                listed.json().as_array().unwrap().len() as u64,
                row["values"][metric].as_u64().unwrap()
            );
        }
    }
    // The parked order is in the list without a filter, and not counted.
    let total = report(world, &office.owner, "range=all").await["total"].clone();
    let query = total["events"]["orders"].as_str().unwrap();
    let listed = world.get_as(&format!("/api/orders/list/?{query}"), &office.owner).await.json();
    assert_eq!((listed.as_array().unwrap().len(), &total["values"]["orders"]), (6, &json!(6)));
    // Orders have no landing page of their own, so that list cannot be filtered by it.
    let pages = report(world, &office.owner, "group_by=page&range=all").await;
    assert_eq!(pages["rows"][0]["events"]["orders"], Value::Null);
    assert!(pages["rows"][0]["events"]["prospects"].is_string());
}

#[tokio::test]
async fn a_wrong_address_is_a_400_with_the_reason() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let quotes = format!("page={}", "%27%22%3C%3E%5C".repeat(410));
    for (query, name) in [
        ("group_by=shoe_size", "group_by"),
        ("group_by=country,os,device,browser", "group_by"),
        ("group_by=country,country", "group_by"),
        ("group_by=,", "group_by"),
        ("metrics=luck", "metrics"),
        ("metrics=,", "metrics"),
        ("preset=all", "preset"),
        ("sort=-luck", "sort"),
        ("sort=country", "sort"),
        ("shape=round", "shape"),
        ("uniq=2h", "uniq"),
        ("dated=conversion", "dated"),
        ("currency=XXX", "currency"),
        ("per_page=11", "per_page"),
        ("cursor=x", "cursor"),
        ("format=xml", "format"),
        ("separator=pipe&format=csv", "separator"),
        ("tz=Mars/Olympus", "tz"),
        ("range=fortnight", "range"),
        ("from=2026-11-20&to=2026-11-19", "to"),
        ("from=1926-01-01&to=2026-01-01", "from"),
        ("from=2016-01-01&to=2116-01-01", "from"),
        ("from=2026-01-01&to=2026-11-01&group_by=hour", "group_by"),
        ("range=all&compare=prev", "compare"),
        ("compare=custom&compare_from=1990-01-01&compare_to=2026-01-01", "compare_from"),
        ("group_by=country,os&open=UA/Linux", "open"),
        ("user_id=x", "user_id"),
        ("device.like=x&country=1", "country"),
        ("sub1=%00", "sub1"),
        (quotes.as_str(), "page"),
    ] {
        let answer = world.get_as(&format!("/api/reports/?{query}"), &owner).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert!(answer.json()[name].is_array(), "{query}: {}", answer.text);
    }
    // Texts of any kind are values.
    for value in ["%27%22%3C%5C%09%0A%7Bx:String%7D%3F", "%F0%9F%98%80", "%ff", "';DROP+TABLE+prospects;--"] {
        let found =
            report(&world, &owner, &format!("group_by=sub1&sub1={value}&page.has={value}&os.not={value}"))
                .await;
        assert_eq!(found["total"]["values"]["prospects"], 0);
    }
}

#[tokio::test]
async fn values_with_quotes_are_found() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let texts =
        ["it's", "a\\b", "\"q\"", "tab\there", "line\nbreak", "=1+1", "<b>", "?", "{x:String}", "ЛІТО"];
    let visits: Vec<_> = (1..)
        .zip(texts)
        .map(|(number, text)| ProspectRow {
            subs: vec![text.to_owned()],
            ..visit(number, NOW_MS - number, 7, "UA", "mobile")
        })
        .collect();
    store(&world, &visits, &[]).await;
    let found = report(&world, &owner, "group_by=sub1,country&metrics=prospects&shape=tree").await;
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), texts.len());
    for row in rows {
        let key = &row["keys"][0];
        assert!(texts.contains(&key["value"].as_str().unwrap()), "{key}");
        let filter = key["filter"].as_str().unwrap();
        let one = report(&world, &owner, &format!("group_by=sub1&metrics=prospects&{filter}")).await;
        assert_eq!(
            (&one["total"]["values"]["prospects"], &one["rows"][0]["keys"][0]["value"]),
            (&json!(1), &key["value"])
        );
        let mut open = form_urlencoded::Serializer::new("group_by=sub1,country&open=none".to_owned());
        open.append_pair("open", row["path"].as_str().unwrap());
        let open = report(&world, &owner, &open.finish()).await;
        let opened = open["rows"].as_array().unwrap().iter().filter(|row| !row["children"].is_null());
        assert_eq!(opened.map(|row| &row["keys"][0]["value"]).collect::<Vec<_>>(), [&key["value"]]);
    }
}
