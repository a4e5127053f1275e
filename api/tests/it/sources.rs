//! Traffic sources and partners, which campaigns refer to.

use axum::http::Request;
use serde_json::{Value, json};
use sluice_api::policy::Position;

use crate::world::{Person, World};

/// Creates, reads, changes and deletes one. Returns the lines of the responses.
async fn life_of(world: &World, owner: &Person, thing: &str, body: &Value, patch: &Value) -> String {
    let path = |verb: &str| format!("/api/{thing}/{verb}/1/");
    let made = world.post_json(&format!("/api/{thing}/create/"), body, Some(owner)).await;
    let again = world.post_json(&format!("/api/{thing}/create/"), body, Some(owner)).await;
    let detail = world.get_as(&path("detail"), owner).await;
    assert_eq!((detail.status, detail.header("etag")), (200, "\"1\""));
    let list = world.get_as(&format!("/api/{thing}/list/"), owner).await;
    assert_eq!(list.text, format!("[{}]", detail.text));
    let stale = world.call("PATCH", &path("update"), patch, owner, "\"2\"").await;
    let same = world.call("PUT", &path("update"), body, owner, "\"1\"").await;
    assert_eq!((same.status, same.header("etag")), (200, "\"1\""));
    let patched = world.call("PATCH", &path("update"), patch, owner, "\"1\"").await;
    assert_eq!(patched.header("etag"), "\"2\"");
    let put = world.call("PUT", &path("update"), &json!({"name": "Bare"}), owner, "").await;
    let stale_delete = world.call("DELETE", &path("delete"), &Value::Null, owner, "\"1\"").await;
    let gone = world.call("DELETE", &path("delete"), &Value::Null, owner, "\"3\"").await;
    for (method, verb) in [("GET", "detail"), ("PATCH", "update"), ("PUT", "update"), ("DELETE", "delete")] {
        assert_eq!(world.call(method, &path(verb), patch, owner, "").await.status, 404, "{method}");
    }
    assert_eq!(world.get_as(&format!("/api/{thing}/list/"), owner).await.line(), "200 []");
    assert_eq!(stale_delete.status, 412);
    // Its name can be used again.
    assert_eq!(world.post_json(&format!("/api/{thing}/create/"), body, Some(owner)).await.status, 201);
    let lines = [made, again, stale, patched, put, gone].map(|answer| answer.line().trim_end().to_owned());
    lines.join("\n") + "\n" + &world.audit(thing).await.join("\n")
}

#[tokio::test]
async fn a_source_is_created_changed_and_deleted() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let body = json!({"name": "Push", "click_id_param": "gclid", "macros": {"sub1": " {zoneid} ", "external_id": "${SUBID}"}});
    let lines = life_of(&world, &owner, "sources", &body, &json!({"macros": {"sub20": "{x}"}})).await;
    insta::assert_snapshot!(lines, @r#"
    201 {"id":1,"name":"Push","click_id_param":"gclid","macros":{"external_id":"${SUBID}","sub1":"{zoneid}"}}
    400 {"name":["source with this name already exists."]}
    412 {"detail":"It has changed since you read it. Read it again."}
    200 {"id":1,"name":"Push","click_id_param":"gclid","macros":{"sub20":"{x}"}}
    200 {"id":1,"name":"Bare","click_id_param":"","macros":{}}
    204
    create 1 by owner: - -> {"click_id_param":"gclid","id":1,"macros":{"external_id":"${SUBID}","sub1":"{zoneid}"},"name":"Push"}
    update 1 by owner: {"macros":{"external_id":"${SUBID}","sub1":"{zoneid}"}} -> {"macros":{"sub20":"{x}"}}
    update 1 by owner: {"click_id_param":"gclid","macros":{"sub20":"{x}"},"name":"Push"} -> {"click_id_param":"","macros":{},"name":"Bare"}
    delete 1 by owner: {"click_id_param":"","id":1,"macros":{},"name":"Bare"} -> -
    create 3 by owner: - -> {"click_id_param":"gclid","id":3,"macros":{"external_id":"${SUBID}","sub1":"{zoneid}"},"name":"Push"}
    "#);
}

#[tokio::test]
async fn a_partner_is_created_changed_and_deleted() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let body = json!({"name": "Offers", "currency": "eur", "status_map": {"OK": "Sale", "in work": "hold"}});
    let lines = life_of(&world, &owner, "partners", &body, &json!({"currency": "JPY"})).await;
    insta::assert_snapshot!(lines, @r#"
    201 {"id":1,"name":"Offers","currency":"EUR","status_map":{"in work":"hold","ok":"sale"}}
    400 {"name":["partner with this name already exists."]}
    412 {"detail":"It has changed since you read it. Read it again."}
    200 {"id":1,"name":"Offers","currency":"JPY","status_map":{"in work":"hold","ok":"sale"}}
    200 {"id":1,"name":"Bare","currency":"USD","status_map":{}}
    204
    create 1 by owner: - -> {"currency":"EUR","id":1,"name":"Offers","status_map":{"in work":"hold","ok":"sale"}}
    update 1 by owner: {"currency":"EUR"} -> {"currency":"JPY"}
    update 1 by owner: {"currency":"JPY","name":"Offers","status_map":{"in work":"hold","ok":"sale"}} -> {"currency":"USD","name":"Bare","status_map":{}}
    delete 1 by owner: {"currency":"USD","id":1,"name":"Bare","status_map":{}} -> -
    create 3 by owner: - -> {"currency":"EUR","id":3,"name":"Offers","status_map":{"in work":"hold","ok":"sale"}}
    "#);
}

#[tokio::test]
async fn invalid_values_are_named_by_field() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let mut seen = String::new();
    for (thing, body) in [
        ("sources", json!({})),
        (
            "sources",
            json!({"name": "x".repeat(101), "click_id_param": "a b", "macros": {"sub21": "{x}", "k": "{y}"}}),
        ),
        ("sources", json!({"name": "a\0", "click_id_param": null, "macros": []})),
        ("sources", json!({"name": "a", "macros": {"sub1": "a&b"}})),
        ("sources", json!({"name": "a", "macros": {"sub1": ["x"]}})),
        ("sources", json!({"name": "a", "macros": {"sub1": "\u{0}"}})),
        ("sources", json!({"name": "a", "macros": {"sub1": "x".repeat(201)}})),
        ("sources", json!({"name": "a", "macros": "{"})),
        ("sources", json!([1])),
        ("partners", json!({"name": " ", "currency": "XXX", "status_map": {"ok": "won"}})),
        ("partners", json!({"name": "a", "currency": 5, "status_map": {"OK": "sale", "ok": "hold"}})),
        ("partners", json!({"name": {}, "currency": [], "status_map": null})),
        ("partners", json!({"name": "a", "status_map": {" ": "sale"}})),
    ] {
        let answer = world.post_json(&format!("/api/{thing}/create/"), &body, Some(&owner)).await;
        seen.push_str(&format!("{}\n", answer.line()));
    }
    insta::assert_snapshot!(seen, @r#"
    400 {"name":["This field is required."]}
    400 {"click_id_param":["This value may contain only letters, numbers, and _ . - characters."],"macros":["\"k\" is not a parameter that a pixel understands.","\"sub21\" is not a parameter that a pixel understands."],"name":["Ensure this field has no more than 100 characters."]}
    400 {"click_id_param":["This field may not be null."],"macros":["Expected a dictionary of items but got type \"list\"."],"name":["Null characters are not allowed."]}
    400 {"macros":["\"a&b\" cannot stand in a URL as it is."]}
    400 {"macros":["Not a valid string."]}
    400 {"macros":["Null characters are not allowed."]}
    400 {"macros":["Ensure this field has no more than 200 characters."]}
    400 {"macros":["Value must be valid JSON."]}
    400 {"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}
    400 {"currency":["\"XXX\" is not a currency of ISO 4217."],"name":["This field may not be blank."],"status_map":["\"won\" is not a valid choice. Choose one of hold, sale, rejected, trash, chargeback, rebill."]}
    400 {"currency":["\"5\" is not a currency of ISO 4217."],"status_map":["\"ok\" is there twice: case does not matter."]}
    400 {"currency":["Not a valid string."],"name":["Not a valid string."],"status_map":["This field may not be null."]}
    400 {"status_map":["This field may not be blank."]}
    "#);
    // Of two requests at once, one creates it.
    let body = json!({"name": "Twin"});
    for thing in ["sources", "partners"] {
        let path = format!("/api/{thing}/create/");
        let (first, second) = tokio::join!(
            world.post_json(&path, &body, Some(&owner)),
            world.post_json(&path, &body, Some(&owner))
        );
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 400]);
    }
}

#[tokio::test]
async fn everybody_reads_them_and_owners_change_them() {
    let world = World::new().await;
    for position in Position::ALL {
        let person = world.person(&position.as_str().replace(' ', ""), position).await;
        for thing in ["sources", "partners"] {
            let name = json!({"name": "a"});
            let statuses = [
                world.get_as(&format!("/api/{thing}/list/"), &person).await.status,
                world.get_as(&format!("/api/{thing}/detail/9/"), &person).await.status,
                world.call("PATCH", &format!("/api/{thing}/update/9/"), &name, &person, "").await.status,
                world
                    .call("DELETE", &format!("/api/{thing}/delete/9/"), &Value::Null, &person, "")
                    .await
                    .status,
                world.post_json(&format!("/api/{thing}/create/"), &name, Some(&person)).await.status,
            ];
            let expected = if position == Position::Owner {
                [200, 404, 404, 404, 201]
            } else {
                [200, 404, 403, 403, 403]
            };
            assert_eq!(statuses, expected, "{position:?} {thing}");
        }
    }
}

#[tokio::test]
async fn sources_and_partners_are_sorted_by_name_and_paged() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    for thing in ["sources", "partners"] {
        for name in ["beta", "Alpha", "gamma 50%"] {
            let path = format!("/api/{thing}/create/");
            world.post_json(&path, &json!({"name": name}), Some(&owner)).await;
        }
        let names = async |query: &str| {
            let page = world.get_as(&format!("/api/{thing}/list/?{query}"), &owner).await;
            let names: Vec<String> = page
                .json()
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["name"].as_str().unwrap().to_owned())
                .collect();
            let cursor = page.header("link").split("cursor=").nth(1).unwrap_or_default();
            (names.join(","), cursor.split('>').next().unwrap().to_owned())
        };
        let (first, cursor) = names("limit=2").await;
        assert_eq!(
            (first.as_str(), names(&format!("cursor={cursor}")).await.0.as_str()),
            ("Alpha,beta", "gamma 50%")
        );
        let (first, cursor) = names("limit=1&sort=-name").await;
        assert_eq!(first, "gamma 50%");
        assert_eq!(names(&format!("sort=-name&cursor={cursor}")).await.0, "beta,Alpha");
        assert_eq!(names("q=%25").await.0, "gamma 50%");
        assert_eq!(names("q=ALPHA").await.0, "Alpha");
    }
}

#[tokio::test]
async fn a_form_sends_a_map_as_text() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let request = Request::post("/api/sources/create/")
        .header("authorization", format!("Bearer {}", owner.token))
        .header("content-type", "application/x-www-form-urlencoded");
    let body = "name=Push&macros=%7B%22sub1%22%3A%22%7Bzoneid%7D%22%7D";
    let made = world.send(request.body(body.into()).unwrap()).await;
    assert_eq!((made.status, &made.json()["macros"]), (201, &json!({"sub1": "{zoneid}"})));
}

#[tokio::test]
async fn every_template_creates_a_source() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let buyer = world.person("buyer", Position::Buyer).await;
    let templates = world.get_as("/api/sources/templates/", &buyer).await;
    assert_eq!(templates.status, 200);
    let templates = templates.json();
    assert!(templates.as_array().unwrap().len() >= 9);
    for template in templates.as_array().unwrap() {
        let made = world.post_json("/api/sources/create/", template, Some(&owner)).await;
        assert_eq!((made.status, &made.json()["macros"]), (201, &template["macros"]), "{}", made.text);
    }
}
