//! Campaigns: their fields, invalid input, and who may own them.

use serde_json::{Value, json};
use sluice_api::policy::Position;

use crate::world::{Person, World};

/// Creates an Owner, a lead with Ann in the team, Ben without a team, and a coordinator. Their ids
/// are in this order.
struct Team {
    owner: Person,
    lead: Person,
    ann: Person,
    ben: Person,
    funds: Person,
}

impl Team {
    async fn new(world: &World) -> Self {
        let team = Self {
            owner: world.person("owner", Position::Owner).await,
            lead: world.person("lead", Position::TeamLead).await,
            ann: world.person("ann", Position::Buyer).await,
            ben: world.person("ben", Position::Buyer).await,
            funds: world.person("funds", Position::FundsCoordinator).await,
        };
        world.team("Red", team.lead.id, &[team.ann.id]).await;
        team
    }
}

/// Returns the response with names in place of keys and times, which differ in each run.
fn masked(answer: &crate::world::Answer) -> String {
    let mut text = answer.line();
    let Ok(body) = serde_json::from_str::<Value>(&answer.text) else { return text };
    for (index, key) in body["tracking_keys"].as_array().into_iter().flatten().enumerate() {
        text = text.replace(key["key"].as_str().unwrap(), &format!("KEY{index}"));
        text = text.replace(key["created_at"].as_str().unwrap(), "TIME");
    }
    text
}

#[tokio::test]
async fn a_campaign_is_created_changed_and_archived() {
    let world = World::new().await;
    let team = Team::new(&world).await;
    let source = json!({"name": "Push", "macros": {"sub1": "{zoneid}", "external_id": "${SUBID}"}});
    world.post_json("/api/sources/create/", &source, Some(&team.owner)).await;
    world.post_json("/api/partners/create/", &json!({"name": "Offers"}), Some(&team.owner)).await;

    let bare = world.post_json("/api/campaigns/create/", &json!({"name": "Bare"}), Some(&team.ann)).await;
    insta::assert_snapshot!(masked(&bare), @r#"201 {"id":1,"name":"Bare","user_id":3,"source":null,"partner":null,"state":"active","sites":[],"redirects":[],"payout":null,"currency":"USD","tags":[],"tracking_key":"KEY0","tracking_keys":[{"key":"KEY0","created_at":"TIME","expires_at":null}],"pixel_url":"https://edge.example/p.gif?k=KEY0","snippet":"<script async src=\"https://edge.example/s.js\" data-key=\"KEY0\"></script>\n<noscript><img src=\"https://edge.example/p.gif?k=KEY0\" width=\"1\" height=\"1\" alt=\"\" referrerpolicy=\"no-referrer-when-downgrade\"></noscript>","form_code":"<form data-sluice method=\"post\" action=\"https://edge.example/o\">\n  <input name=\"first_name\" placeholder=\"Name\" autocomplete=\"given-name\">\n  <input name=\"phone_number\" placeholder=\"Phone\" autocomplete=\"tel\" required>\n  <button>Order</button>\n</form>"}"#);
    assert_eq!(bare.header("etag"), "\"1\"");
    let body = json!({
        "name": "Full", "source": 1, "partner": "1", "state": "paused", "sites": ["https://Shop.Example/"],
        "redirects": ["https://shop.example/thanks?a=1&b=2"], "payout": 12.5, "currency": "eur",
        "tags": ["push", " push "],
    });
    let full = world.post_json("/api/campaigns/create/", &body, Some(&team.ann)).await;
    insta::assert_snapshot!(masked(&full), @r#"201 {"id":2,"name":"Full","user_id":3,"source":1,"partner":1,"state":"paused","sites":["https://shop.example"],"redirects":["https://shop.example/thanks?a=1&b=2"],"payout":"12.50","currency":"EUR","tags":["push"],"tracking_key":"KEY0","tracking_keys":[{"key":"KEY0","created_at":"TIME","expires_at":null}],"pixel_url":"https://edge.example/p.gif?k=KEY0&external_id=${SUBID}&sub1={zoneid}","snippet":"<script async src=\"https://edge.example/s.js\" data-key=\"KEY0\"></script>\n<noscript><img src=\"https://edge.example/p.gif?k=KEY0\" width=\"1\" height=\"1\" alt=\"\" referrerpolicy=\"no-referrer-when-downgrade\"></noscript>","form_code":"<form data-sluice method=\"post\" action=\"https://edge.example/o\">\n  <input type=\"hidden\" name=\"redirect\" value=\"https://shop.example/thanks?a=1&amp;b=2\">\n  <input name=\"first_name\" placeholder=\"Name\" autocomplete=\"given-name\">\n  <input name=\"phone_number\" placeholder=\"Phone\" autocomplete=\"tel\" required>\n  <button>Order</button>\n</form>"}"#);
    let key = full.json()["tracking_key"].as_str().unwrap().to_owned();
    assert!(sluice_schemas::tracking_key::is_well_formed(key.as_bytes()), "{key}");
    let detail = world.get_as("/api/campaigns/detail/2/", &team.ann).await;
    assert_eq!((detail.text.as_str(), detail.header("etag")), (full.text.as_str(), "\"1\""));

    // PATCH changes the fields that are sent, PUT all but the buyer. Without a change the version
    // stays.
    let update = async |method: &str, body: Value, version: &str| {
        world.call(method, "/api/campaigns/update/2/", &body, &team.ann, version).await
    };
    let same = update("PATCH", json!({"payout": "12.50", "state": "paused"}), "\"1\"").await;
    assert_eq!((same.status, same.header("etag")), (200, "\"1\""));
    let patched = update("PATCH", json!({"state": "active", "payout": null}), "\"1\"").await;
    assert_eq!((patched.status, patched.header("etag")), (200, "\"2\""));
    assert_eq!(update("PATCH", json!({"state": "paused"}), "\"1\"").await.status, 412);
    let put = update("PUT", json!({"name": "Plain"}), "").await;
    insta::assert_snapshot!(masked(&put), @r#"200 {"id":2,"name":"Plain","user_id":3,"source":null,"partner":null,"state":"active","sites":[],"redirects":[],"payout":null,"currency":"USD","tags":[],"tracking_key":"KEY0","tracking_keys":[{"key":"KEY0","created_at":"TIME","expires_at":null}],"pixel_url":"https://edge.example/p.gif?k=KEY0","snippet":"<script async src=\"https://edge.example/s.js\" data-key=\"KEY0\"></script>\n<noscript><img src=\"https://edge.example/p.gif?k=KEY0\" width=\"1\" height=\"1\" alt=\"\" referrerpolicy=\"no-referrer-when-downgrade\"></noscript>","form_code":"<form data-sluice method=\"post\" action=\"https://edge.example/o\">\n  <input name=\"first_name\" placeholder=\"Name\" autocomplete=\"given-name\">\n  <input name=\"phone_number\" placeholder=\"Phone\" autocomplete=\"tel\" required>\n  <button>Order</button>\n</form>"}"#);

    let delete = async |version: &str| {
        world.call("DELETE", "/api/campaigns/delete/2/", &Value::Null, &team.ann, version).await.status
    };
    assert_eq!((delete("\"2\"").await, delete("\"3\"").await, delete("").await), (412, 204, 404));
    assert_eq!(world.get_as("/api/campaigns/detail/2/", &team.owner).await.status, 404);
    let valid: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM tracking_keys WHERE campaign_id = 2 AND (expires_at IS NULL OR expires_at > now())",
    )
    .fetch_one(&world.app.postgres)
    .await
    .unwrap();
    assert_eq!(valid, 0);
    insta::assert_snapshot!(world.audit("campaigns").await.join("\n"), @r#"
    create 1 by ann: - -> {"currency":"USD","name":"Bare","partner":null,"payout":null,"redirects":[],"sites":[],"source":null,"state":"active","tags":[],"user_id":3}
    create 2 by ann: - -> {"currency":"EUR","name":"Full","partner":1,"payout":"12.50","redirects":["https://shop.example/thanks?a=1&b=2"],"sites":["https://shop.example"],"source":1,"state":"paused","tags":["push"],"user_id":3}
    update 2 by ann: {"payout":"12.50","state":"paused"} -> {"payout":null,"state":"active"}
    update 2 by ann: {"currency":"EUR","name":"Full","partner":1,"redirects":["https://shop.example/thanks?a=1&b=2"],"sites":["https://shop.example"],"source":1,"tags":["push"]} -> {"currency":"USD","name":"Plain","partner":null,"redirects":[],"sites":[],"source":null,"tags":[]}
    delete 2 by ann: {"currency":"USD","name":"Plain","partner":null,"payout":null,"redirects":[],"sites":[],"source":null,"state":"active","tags":[],"user_id":3} -> -
    "#);
}

#[tokio::test]
async fn invalid_values_are_named_by_field() {
    let world = World::new().await;
    let team = Team::new(&world).await;
    let mut seen = String::new();
    for body in [
        json!({}),
        json!({"name": null, "user_id": null}),
        json!({"name": "x".repeat(101), "user_id": u64::MAX, "source": 1, "partner": "abc"}),
        json!({"name": "a\0", "state": "gone", "sites": "https://a.example", "redirects": ["/thanks"]}),
        json!({"name": "a", "sites": ["https://a.example/x", "ftp://a.example", 1], "tags": [" "]}),
        json!({"name": "a", "payout": "0.001", "currency": "USD"}),
        json!({"name": "a", "payout": "0.1", "currency": "JPY"}),
        json!({"name": "a", "payout": "-1", "currency": "XXX"}),
        json!({"name": "a", "payout": -1}),
        json!({"name": "a", "payout": "1e3"}),
        json!({"name": "a", "payout": 1e18}),
        json!({"name": "a", "payout": [1], "tags": {"a": 1}}),
        json!({"name": "a", "tags": ["x".repeat(51)]}),
        json!([]),
    ] {
        let answer = world.post_json("/api/campaigns/create/", &body, Some(&team.ann)).await;
        seen.push_str(&format!("{}\n", answer.line()));
    }
    insta::assert_snapshot!(seen, @r#"
    400 {"name":["This field is required."]}
    400 {"name":["This field may not be null."],"user_id":["This field may not be null."]}
    400 {"name":["Ensure this field has no more than 100 characters."],"partner":["Incorrect type. Expected pk value, received str."],"source":["Invalid pk \"1\" - object does not exist."],"user_id":["A Buyer runs campaigns of their own only."]}
    400 {"name":["Null characters are not allowed."],"redirects":["Enter a valid URL."],"sites":["Expected a list of items but got type \"str\"."],"state":["\"gone\" is not a valid choice."]}
    400 {"sites":["Not a valid string."],"tags":["This field may not be blank."]}
    400 {"payout":["Ensure that there are no more than 2 decimal places."]}
    400 {"payout":["Ensure that there are no more than 0 decimal places."]}
    400 {"currency":["\"XXX\" is not a currency of ISO 4217."],"payout":["Ensure this value is greater than or equal to 0."]}
    400 {"payout":["Ensure this value is greater than or equal to 0."]}
    400 {"payout":["A valid number is required."]}
    400 {"payout":["A valid number is required."]}
    400 {"payout":["Not a valid string."],"tags":["Expected a list of items but got type \"dict\"."]}
    400 {"tags":["Ensure this field has no more than 50 characters."]}
    400 {"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}
    "#);
    for id in ["0", "-1", "abc", "9223372036854775808", "%00", "99"] {
        for (method, path) in [
            ("GET", format!("detail/{id}")),
            ("PATCH", format!("update/{id}")),
            ("DELETE", format!("delete/{id}")),
            ("POST", format!("{id}/rotate-key")),
            ("POST", format!("{id}/revoke-key")),
        ] {
            let answer = world
                .call(method, &format!("/api/campaigns/{path}/"), &json!({"key": "x"}), &team.owner, "")
                .await;
            assert_eq!(answer.line(), r#"404 {"detail":"Not found."}"#, "{path}");
        }
    }
    for query in [
        "state=gone",
        "user_id=0",
        "team_id=a",
        "source_id=-1",
        "partner_id=9223372036854775808",
        "cursor=YQ",
    ] {
        assert_eq!(
            world.get_as(&format!("/api/campaigns/list/?{query}"), &team.owner).await.status,
            400,
            "{query}"
        );
    }
    // The payout has no more decimals than the new currency allows.
    let body = json!({"name": "a", "payout": "1.50"});
    assert_eq!(world.post_json("/api/campaigns/create/", &body, Some(&team.ann)).await.status, 201);
    let list = world.get_as("/api/campaigns/list/", &team.ann).await.json();
    let path = format!("/api/campaigns/update/{}/", list[0]["id"]);
    assert_eq!(world.call("PATCH", &path, &json!({"currency": "JPY"}), &team.ann, "").await.status, 400);
}

#[tokio::test]
async fn each_role_creates_campaigns_within_its_scope() {
    let world = World::new().await;
    let team = Team::new(&world).await;
    world.sql("UPDATE users SET is_active = false WHERE username = 'ben'").await;
    let mut seen = String::new();
    for (name, person) in
        [("owner", &team.owner), ("lead", &team.lead), ("ann", &team.ann), ("funds", &team.funds)]
    {
        for user_id in [json!(team.ann.id), json!(team.ben.id), json!(team.lead.id), json!(99), Value::Null] {
            let body = json!({"name": "a", "user_id": user_id});
            let answer = world.post_json("/api/campaigns/create/", &body, Some(person)).await;
            let said =
                if answer.status == 201 { answer.json()["user_id"].to_string() } else { answer.text.clone() };
            seen.push_str(&format!("{name} for {user_id}: {} {said}\n", answer.status));
        }
    }
    insta::assert_snapshot!(seen, @r#"
    owner for 3: 201 3
    owner for 4: 400 {"user_id":["Invalid pk \"4\" - object does not exist."]}
    owner for 2: 400 {"user_id":["Invalid pk \"2\" - object does not exist."]}
    owner for 99: 400 {"user_id":["Invalid pk \"99\" - object does not exist."]}
    owner for null: 400 {"user_id":["This field may not be null."]}
    lead for 3: 201 3
    lead for 4: 400 {"user_id":["Invalid pk \"4\" - object does not exist."]}
    lead for 2: 400 {"user_id":["Invalid pk \"2\" - object does not exist."]}
    lead for 99: 400 {"user_id":["Invalid pk \"99\" - object does not exist."]}
    lead for null: 400 {"user_id":["This field may not be null."]}
    ann for 3: 201 3
    ann for 4: 400 {"user_id":["A Buyer runs campaigns of their own only."]}
    ann for 2: 400 {"user_id":["A Buyer runs campaigns of their own only."]}
    ann for 99: 400 {"user_id":["A Buyer runs campaigns of their own only."]}
    ann for null: 400 {"user_id":["This field may not be null."]}
    funds for 3: 403 {"detail":"You do not have permission to perform this action."}
    funds for 4: 403 {"detail":"You do not have permission to perform this action."}
    funds for 2: 403 {"detail":"You do not have permission to perform this action."}
    funds for 99: 403 {"detail":"You do not have permission to perform this action."}
    funds for null: 403 {"detail":"You do not have permission to perform this action."}
    "#);
}

#[tokio::test]
async fn everybody_sees_their_scope_and_changes_within_it() {
    let world = World::new().await;
    let team = Team::new(&world).await;
    for (name, person) in [("anns", &team.ann), ("bens", &team.ben)] {
        world.post_json("/api/campaigns/create/", &json!({"name": name}), Some(person)).await;
    }
    let stranger = world.person("stranger", Position::TeamLead).await;
    let mut seen = String::new();
    for (name, person) in [
        ("owner", &team.owner),
        ("lead", &team.lead),
        ("ann", &team.ann),
        ("ben", &team.ben),
        ("funds", &team.funds),
        ("stranger", &stranger),
    ] {
        let list = world.get_as("/api/campaigns/list/", person).await.json();
        let names: Vec<_> = list.as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
        let mut statuses = Vec::new();
        for id in [1, 2] {
            let path = |verb: &str| format!("/api/campaigns/{verb}/{id}/");
            statuses.push(world.get_as(&path("detail"), person).await.status);
            statuses.push(world.call("PATCH", &path("update"), &json!({}), person, "").await.status);
            let rotate = format!("/api/campaigns/{id}/rotate-key/");
            statuses.push(world.call("POST", &rotate, &json!({"grace_hours": -1}), person, "").await.status);
            statuses.push(world.call("DELETE", &path("delete"), &Value::Null, person, "\"0\"").await.status);
        }
        seen.push_str(&format!("{name}: {} {statuses:?}\n", Value::from(names)));
    }
    insta::assert_snapshot!(seen, @r#"
    owner: ["anns","bens"] [200, 200, 400, 412, 200, 200, 400, 412]
    lead: ["anns"] [200, 200, 400, 412, 404, 404, 404, 404]
    ann: ["anns"] [200, 200, 400, 412, 404, 404, 404, 404]
    ben: ["bens"] [404, 404, 404, 404, 200, 200, 400, 412]
    funds: ["anns","bens"] [200, 403, 403, 403, 200, 403, 403, 403]
    stranger: [] [404, 404, 404, 404, 404, 404, 404, 404]
    "#);
}

#[tokio::test]
async fn a_lead_hands_over_only_what_was_run_in_the_team() {
    let world = World::new().await;
    let team = Team::new(&world).await;
    let create = async |name: &str, person: &Person| {
        let made = world.post_json("/api/campaigns/create/", &json!({"name": name}), Some(person)).await;
        made.json()["id"].as_i64().unwrap_or_else(|| panic!("{}", made.text))
    };
    let hand_over = async |id: i64, to: &Person, by: &Person| {
        let path = format!("/api/campaigns/update/{id}/");
        world.call("PATCH", &path, &json!({"user_id": to.id}), by, "").await
    };
    let old = create("old", &team.ben).await;
    // The lead takes Ben in, as leads may with any Buyer without a team.
    let members = json!({"members": [team.ann.id, team.ben.id]});
    let taken = world.call("PATCH", "/api/teams/update/1/", &members, &team.lead, "").await;
    assert_eq!(taken.status, 200, "{}", taken.text);
    let refused = hand_over(old, &team.ann, &team.lead).await;
    insta::assert_snapshot!(refused.line(), @r#"400 {"user_id":["Its Buyer has run this campaign since before they joined your team. Ask an Owner to hand it over."]}"#);
    // The rest of the campaign can be changed, also with the present Buyer in the request.
    assert_eq!(hand_over(old, &team.ben, &team.lead).await.status, 200);
    let new = create("new", &team.ben).await;
    assert_eq!(hand_over(new, &team.ann, &team.lead).await.status, 200);
    assert_eq!(hand_over(new, &team.ben, &team.lead).await.status, 200, "handed over in the team");
    assert_eq!(hand_over(old, &team.ann, &team.owner).await.status, 200);
    assert_eq!(hand_over(old, &team.ben, &team.lead).await.status, 200, "Ann got it in the team");
}

#[tokio::test]
async fn lists_are_filtered_and_page() {
    let world = World::new().await;
    let team = Team::new(&world).await;
    world.post_json("/api/sources/create/", &json!({"name": "Push"}), Some(&team.owner)).await;
    world.post_json("/api/partners/create/", &json!({"name": "Offers"}), Some(&team.owner)).await;
    for (person, body) in [
        (&team.ann, json!({"name": "beta", "source": 1, "tags": ["x", "y"]})),
        (&team.ann, json!({"name": "Alpha", "partner": 1, "state": "paused"})),
        (&team.ben, json!({"name": "gamma 50%", "tags": ["y"]})),
    ] {
        assert_eq!(world.post_json("/api/campaigns/create/", &body, Some(person)).await.status, 201);
    }
    let names = async |query: &str| {
        let page = world.get_as(&format!("/api/campaigns/list/?{query}"), &team.owner).await;
        let rows = page.json();
        let names: Vec<&str> =
            rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
        let cursor = page.header("link").split("cursor=").nth(1).unwrap_or_default();
        (names.join(","), cursor.split('>').next().unwrap().to_owned())
    };
    for (query, expected) in [
        ("", "Alpha,beta,gamma 50%"),
        ("sort=-name", "gamma 50%,beta,Alpha"),
        ("user_id=4", "gamma 50%"),
        ("team_id=1", "Alpha,beta"),
        ("team_id=9", ""),
        ("source_id=1", "beta"),
        ("partner_id=1", "Alpha"),
        ("state=paused", "Alpha"),
        ("tag=y", "beta,gamma 50%"),
        ("tag=y&team_id=1", "beta"),
        ("q=50%25", "gamma 50%"),
        ("q=A", "Alpha,beta,gamma 50%"),
    ] {
        assert_eq!(names(query).await.0, expected, "{query}");
    }
    let (first, cursor) = names("limit=2&sort=-name").await;
    assert_eq!(first, "gamma 50%,beta");
    assert_eq!(names(&format!("sort=-name&cursor={cursor}")).await.0, "Alpha");
}
