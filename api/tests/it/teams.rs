//! Teams with the permissions and messages of the legacy CRM, and versions.

use serde_json::{Value, json};
use sluice_api::policy::Position;

use crate::world::{Person, World};

/// Creates an Owner, a lead, three buyers and a coordinator. Their ids are in this order.
async fn people(world: &World) -> (Person, Person, [Person; 3], Person) {
    let owner = world.person("owner", Position::Owner).await;
    let lead = world.person("lead", Position::TeamLead).await;
    let buyers = [
        world.person("ann", Position::Buyer).await,
        world.person("ben", Position::Buyer).await,
        world.person("cleo", Position::Buyer).await,
    ];
    (owner, lead, buyers, world.person("funds", Position::FundsCoordinator).await)
}

#[tokio::test]
async fn a_team_is_created_read_changed_and_deleted() {
    let world = World::new().await;
    let (owner, ..) = people(&world).await;
    let body = json!({"name": " Night shift ", "team_lead": 2, "members": [4, 3, 4]});
    let made = world.post_json("/api/teams/create/", &body, Some(&owner)).await;
    insta::assert_snapshot!(made.line(), @r#"201 {"id":1,"name":"Night shift","team_lead":2,"members":[3,4]}"#);
    assert_eq!(made.header("etag"), "\"1\"");
    let detail = world.get_as("/api/teams/detail/1/", &owner).await;
    assert_eq!((detail.text.as_str(), detail.header("etag")), (made.text.as_str(), "\"1\""));
    insta::assert_snapshot!(world.get_as("/api/teams/list/", &owner).await.line(), @r#"200 [{"id":1,"name":"Night shift","team_lead":2,"members":[3,4]}]"#);

    // Its own members are no conflict. Fields that are not sent stay.
    let put = json!({"name": "Day shift", "members": [4, 5]});
    let put = world.call("PUT", "/api/teams/update/1/", &put, &owner, "\"1\"").await;
    insta::assert_snapshot!(put.line(), @r#"200 {"id":1,"name":"Day shift","team_lead":2,"members":[4,5]}"#);
    assert_eq!(put.header("etag"), "\"2\"");
    let stale = world.call("PATCH", "/api/teams/update/1/", &json!({"name": "x"}), &owner, "\"1\"").await;
    insta::assert_snapshot!(stale.line(), @r#"412 {"detail":"It has changed since you read it. Read it again."}"#);
    let same = world.call("PATCH", "/api/teams/update/1/", &json!({"members": [5, 4]}), &owner, "").await;
    assert_eq!((same.status, same.header("etag")), (200, "\"2\""));
    let unled = world.call("PATCH", "/api/teams/update/1/", &json!({"team_lead": null}), &owner, "").await;
    insta::assert_snapshot!(unled.line(), @r#"200 {"id":1,"name":"Day shift","team_lead":null,"members":[4,5]}"#);

    let stale = world.call("DELETE", "/api/teams/delete/1/", &Value::Null, &owner, "\"2\"").await;
    assert_eq!(stale.status, 412);
    let gone = world.call("DELETE", "/api/teams/delete/1/", &Value::Null, &owner, "\"3\"").await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    for path in ["detail/1/", "1/history/"] {
        assert_eq!(world.get_as(&format!("/api/teams/{path}"), &owner).await.status, 404);
    }
    assert_eq!(world.get_as("/api/teams/list/", &owner).await.line(), "200 []");
    assert_eq!(world.call("DELETE", "/api/teams/delete/1/", &Value::Null, &owner, "").await.status, 404);
    insta::assert_snapshot!(world.audit("teams").await.join("\n"), @r#"
    create 1 by owner: - -> {"id":1,"members":[3,4],"name":"Night shift","team_lead":2}
    update 1 by owner: {"members":[3,4],"name":"Night shift"} -> {"members":[4,5],"name":"Day shift"}
    update 1 by owner: {"team_lead":2} -> {"team_lead":null}
    delete 1 by owner: {"id":1,"members":[4,5],"name":"Day shift","team_lead":null} -> -
    "#);
    // Its members and its lead can join other teams.
    let body = json!({"name": "Night shift", "team_lead": 2, "members": [3, 4, 5]});
    assert_eq!(world.post_json("/api/teams/create/", &body, Some(&owner)).await.status, 201);
}

#[tokio::test]
async fn errors_have_the_words_of_the_legacy_crm() {
    let world = World::new().await;
    let (owner, ..) = people(&world).await;
    world.team("Night shift", 2, &[3]).await;
    world.person("idle", Position::TeamLead).await;
    world.sql("UPDATE users SET is_active = false WHERE id IN (4, 7)").await;
    let create = async |body: Value| world.post_json("/api/teams/create/", &body, Some(&owner)).await.line();
    insta::assert_snapshot!(create(json!({})).await, @r#"400 {"name":["This field is required."]}"#);
    insta::assert_snapshot!(create(json!({"name": " ", "team_lead": 1, "members": [8, 2, 4, 3]})).await, @r#"400 {"members":["Invalid pk \"8\" - object does not exist.","Invalid pk \"2\" - object does not exist.","Invalid pk \"4\" - object does not exist.","A Buyer with id 3 can only be a member of one team."],"name":["This field may not be blank."],"team_lead":["Invalid pk \"1\" - object does not exist."]}"#);
    insta::assert_snapshot!(create(json!({"name": "b", "team_lead": 7})).await, @r#"400 {"team_lead":["Invalid pk \"7\" - object does not exist."]}"#);
    insta::assert_snapshot!(create(json!({"name": "b", "team_lead": 2})).await, @r#"400 {"team_lead":["team with this team lead already exists."]}"#);
    insta::assert_snapshot!(create(json!({"name": "x".repeat(101), "team_lead": "a", "members": 3})).await, @r#"400 {"members":["Expected a list of items but got type \"int\"."],"name":["Ensure this field has no more than 100 characters."],"team_lead":["Incorrect type. Expected pk value, received str."]}"#);
    insta::assert_snapshot!(create(json!({"name": "a\0b", "team_lead": true, "members": [[3]]})).await, @r#"400 {"members":["Incorrect type. Expected pk value, received list."],"name":["Null characters are not allowed."],"team_lead":["Incorrect type. Expected pk value, received bool."]}"#);
    insta::assert_snapshot!(create(json!({"name": null, "team_lead": u64::MAX, "members": null})).await, @r#"400 {"members":["This field may not be null."],"name":["This field may not be null."],"team_lead":["Invalid pk \"18446744073709551615\" - object does not exist."]}"#);
    insta::assert_snapshot!(create(json!({"name": [1], "team_lead": -1, "members": [null]})).await, @r#"400 {"members":["This field may not be null."],"name":["Not a valid string."],"team_lead":["Invalid pk \"-1\" - object does not exist."]}"#);
    insta::assert_snapshot!(create(json!({"name": "b", "members": [i64::MAX, 1e30, -1, 0]})).await, @r#"400 {"members":["Invalid pk \"9223372036854775807\" - object does not exist.","Invalid pk \"1e+30\" - object does not exist.","Invalid pk \"-1\" - object does not exist.","Invalid pk \"0\" - object does not exist."]}"#);
    insta::assert_snapshot!(create(json!([1])).await, @r#"400 {"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}"#);
    let many: Vec<i64> = (1..=1001).collect();
    insta::assert_snapshot!(create(json!({"name": "b", "members": many})).await, @r#"400 {"members":["Ensure this field has no more than 1000 elements."]}"#);
    assert!(world.audit("teams").await.is_empty());
}

#[tokio::test]
async fn a_form_lists_members_by_repeating_the_name() {
    let world = World::new().await;
    let (owner, ..) = people(&world).await;
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nm\r\n\
        --b\r\nContent-Disposition: form-data; name=\"members\"\r\n\r\n5\r\n--b--\r\n";
    for (content_type, body, members) in [
        ("application/x-www-form-urlencoded", "name=a&members=3&members=4&team_lead=2", json!([3, 4])),
        ("application/x-www-form-urlencoded", "name=b&members=&team_lead=", json!([])),
        ("multipart/form-data; boundary=b", multipart, json!([5])),
    ] {
        let request = axum::http::Request::post("/api/teams/create/")
            .header("authorization", format!("Bearer {}", owner.token))
            .header("content-type", content_type);
        let made = world.send(request.body(body.into()).unwrap()).await;
        assert_eq!((made.status, &made.json()["members"]), (201, &members), "{}", made.text);
    }
}

#[tokio::test]
async fn each_role_does_what_the_policy_says() {
    let world = World::new().await;
    let (owner, lead, [ann, ben, _], funds) = people(&world).await;
    let own = world.team("own", lead.id, &[ann.id]).await;
    world.sql("INSERT INTO teams (name) VALUES ('other')").await;
    let stranger = world.person("stranger", Position::TeamLead).await;
    let mut seen = String::new();
    for (name, person) in [
        ("owner", &owner),
        ("lead", &lead),
        ("ann", &ann),
        ("ben", &ben),
        ("funds", &funds),
        ("stranger", &stranger),
    ] {
        let list = world.get_as("/api/teams/list/", person).await;
        let names: Vec<_> = list.json().as_array().unwrap().iter().map(|team| team["name"].clone()).collect();
        let details = [own, 2].map(|id| format!("/api/teams/detail/{id}/"));
        let history = world.get_as(&format!("/api/teams/{own}/history/"), person).await.status;
        let patch = json!({"members": [ann.id]});
        let statuses = [
            world.get_as(&details[0], person).await.status,
            world.get_as(&details[1], person).await.status,
            history,
            world.post_json("/api/teams/create/", &json!({"name": ""}), Some(person)).await.status,
            world.call("PATCH", &format!("/api/teams/update/{own}/"), &patch, person, "").await.status,
            world.call("PATCH", "/api/teams/update/2/", &json!({"members": []}), person, "").await.status,
            world.call("DELETE", "/api/teams/delete/99/", &Value::Null, person, "").await.status,
        ];
        seen.push_str(&format!("{name}: {} {statuses:?}\n", Value::from(names)));
    }
    insta::assert_snapshot!(seen, @r#"
    owner: ["other","own"] [200, 200, 200, 400, 200, 200, 404]
    lead: ["own"] [200, 404, 200, 403, 200, 404, 403]
    ann: ["own"] [200, 404, 200, 403, 403, 403, 403]
    ben: [] [404, 404, 404, 403, 403, 403, 403]
    funds: ["other","own"] [200, 200, 200, 403, 403, 403, 403]
    stranger: [] [404, 404, 404, 403, 404, 404, 403]
    "#);
}

#[tokio::test]
async fn a_lead_changes_only_the_members_of_their_own_team() {
    let world = World::new().await;
    let (_, lead, [ann, ben, _], _) = people(&world).await;
    world.team("own", lead.id, &[ann.id]).await;
    let change = async |body: Value| world.call("PUT", "/api/teams/update/1/", &body, &lead, "").await.line();
    insta::assert_snapshot!(change(json!({"members": [ben.id]})).await, @r#"200 {"id":1,"name":"own","team_lead":2,"members":[4]}"#);
    insta::assert_snapshot!(change(json!({"name": "own", "team_lead": lead.id, "members": [ann.id]})).await, @r#"200 {"id":1,"name":"own","team_lead":2,"members":[3]}"#);
    insta::assert_snapshot!(change(json!({"name": "mine", "team_lead": null, "members": []})).await, @r#"400 {"name":["Only an Owner can change this."],"team_lead":["Only an Owner can change this."]}"#);
}

#[tokio::test]
async fn lists_are_sorted_by_name_and_paged() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    for name in ["b", "a", "a", "50%"] {
        world.sql(&format!("INSERT INTO teams (name) VALUES ('{name}')")).await;
    }
    for (sort, expected) in [("name", [4, 2, 3, 1]), ("-name", [1, 3, 2, 4])] {
        let mut path = format!("/api/teams/list/?limit=1&sort={sort}");
        for (index, id) in expected.into_iter().enumerate() {
            let page = world.get_as(&path, &owner).await;
            assert_eq!(page.json()[0]["id"], id, "{path}");
            let link = page.header("link").to_owned();
            assert_eq!(link.is_empty(), index == 3);
            if let Some((next, _)) = link.trim_start_matches("<https://crm.example").split_once('>') {
                path = next.replace("http://crm.example", "").trim_start_matches('<').to_owned();
            }
        }
    }
    let found = world.get_as("/api/teams/list/?q=%25", &owner).await;
    assert_eq!(found.json().as_array().map(Vec::len), Some(1));
    for query in ["limit=0", "sort=lead_id", "cursor=a", "cursor=YQ", "q=%00"] {
        assert_eq!(world.get_as(&format!("/api/teams/list/?{query}"), &owner).await.status, 400, "{query}");
    }
    assert_eq!(world.get_as("/api/teams/1/history/?cursor=YQ", &owner).await.status, 400);
    for id in ["0", "-1", "+1", "abc", "9223372036854775808", "%00", "%ff", "1.0", "99"] {
        for (method, path) in
            [("GET", "detail"), ("PATCH", "update"), ("PUT", "update"), ("DELETE", "delete")]
        {
            let answer = world
                .call(method, &format!("/api/teams/{path}/{id}/"), &json!({"name": "x"}), &owner, "")
                .await;
            assert_eq!(answer.line(), r#"404 {"detail":"Not found."}"#, "{method} {id}");
        }
    }
}
