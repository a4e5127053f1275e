//! Deleted things: who may list them, and how they come back.

use serde_json::{Value, json};
use sluice_api::policy::Position;

use crate::world::{Answer, Person, World};

struct Office {
    world: World,
    owner: Person,
    lead: Person,
    ann: Person,
    funds: Person,
}

impl Office {
    async fn new() -> Self {
        let world = World::new().await;
        let owner = world.person("owner", Position::Owner).await;
        let lead = world.person("lead", Position::TeamLead).await;
        let ann = world.person("ann", Position::Buyer).await;
        let funds = world.person("funds", Position::FundsCoordinator).await;
        Self { world, owner, lead, ann, funds }
    }

    async fn make(&self, path: &str, body: Value) -> i64 {
        let made = self.world.post_json(&format!("/api/{path}/create/"), &body, Some(&self.owner)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()["id"].as_i64().unwrap()
    }

    async fn delete(&self, path: &str, id: i64) {
        let path = format!("/api/{path}/delete/{id}/");
        let gone = self.world.call("DELETE", &path, &Value::Null, &self.owner, "").await;
        assert_eq!(gone.status, 204, "{}", gone.text);
    }

    async fn restore(&self, path: &str, id: i64, person: &Person) -> Answer {
        self.world.call("POST", &format!("/api/{path}/{id}/restore/"), &Value::Null, person, "").await
    }

    async fn archived(&self, path: &str, person: &Person) -> Answer {
        self.world.get_as(&format!("/api/{path}/list/?archived=true"), person).await
    }

    fn ids(answer: &Answer) -> Vec<i64> {
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json().as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
    }
}

#[tokio::test]
async fn everything_that_is_archived_is_listed_and_comes_back_once() {
    let office = Office::new().await;
    let buyer = office.ann.id;
    for (path, body) in [
        ("teams", json!({"name": "Alpha", "team_lead": office.lead.id})),
        ("campaigns", json!({"name": "Push", "user_id": buyer})),
        ("sources", json!({"name": "Ads"})),
        ("partners", json!({"name": "Offers", "currency": "EUR"})),
        ("users", json!({"username": "eve", "password": "secretpassword", "first_name": "Eve"})),
        ("funds/accounts", json!({"name": "Meta 1", "user_id": buyer, "currency": "USD"})),
    ] {
        let id = office.make(path, body).await;
        let detail = async || office.world.get_as(&format!("/api/{path}/detail/{id}/"), &office.owner).await;
        let before = detail().await.json();
        assert!(before.get("archived_at").is_none(), "{before}");
        assert_eq!(Office::ids(&office.archived(path, &office.owner).await), [0; 0]);
        assert_eq!(office.restore(path, id, &office.owner).await.status, 404, "{path}: it is not deleted");
        office.delete(path, id).await;
        let list = office.world.get_as(&format!("/api/{path}/list/?archived=false"), &office.owner).await;
        assert!(!Office::ids(&list).contains(&id), "{path}");
        let archived = office.archived(path, &office.owner).await;
        assert_eq!(Office::ids(&archived), [id], "{path}");
        assert!(archived.json()[0]["archived_at"].as_str().unwrap().starts_with("20"), "{path}");

        let url = format!("/api/{path}/{id}/restore/");
        let stale = office.world.call("POST", &url, &Value::Null, &office.owner, "\"1\"").await;
        assert_eq!(stale.status, 412, "{path}: {}", stale.text);
        assert_eq!(Office::ids(&office.archived(path, &office.owner).await), [id], "{path}: not restored");
        let back = office.world.call("POST", &url, &Value::Null, &office.owner, "\"2\"").await;
        assert_eq!((back.status, back.header("etag")), (200, "\"3\""), "{path}: {}", back.text);
        let after = detail().await.json();
        assert_eq!(back.json(), after, "{path}");
        for (name, value) in before.as_object().unwrap() {
            // A user comes back inactive, and keys tell when they end.
            if name != "is_active" {
                assert_eq!(after[name], *value, "{path} {name}");
            }
        }
        assert_eq!(Office::ids(&office.archived(path, &office.owner).await), [0; 0]);
        assert_eq!(office.restore(path, id, &office.owner).await.status, 404, "{path}: it is there");
        for wrong in [0, 99, i64::MAX] {
            assert_eq!(office.restore(path, wrong, &office.owner).await.status, 404, "{path}");
        }
        let line = office.world.audit(path).await.pop().unwrap();
        assert!(line.starts_with(&format!("restore {id} by owner: - -> {{")), "{line}");
    }
    let wrong = office.world.get_as("/api/teams/list/?archived=1", &office.owner).await;
    insta::assert_snapshot!(wrong.line(), @r#"400 {"archived":["\"1\" is not a valid choice."]}"#);
}

#[tokio::test]
async fn a_deletion_is_undone_from_the_list_it_leads_to() {
    let office = Office::new().await;
    let id = office.make("teams", json!({"name": "Alpha", "team_lead": office.lead.id})).await;
    let mut visitor = office.world.visitor("owner").await;
    let page = format!("/teams/{id}/delete/");
    let deleted = visitor.submit(&page, &page, &[]).await;
    assert_eq!((deleted.status, deleted.header("location")), (303, "/teams/"));
    let list = visitor.get("/teams/").await.text;
    let undo = format!("/teams/{id}/restore/");
    assert!(list.contains("Deleted team Alpha.") && list.contains(&format!("action=\"{undo}\"")), "{list}");
    let restored = visitor.submit("/teams/", &undo, &[]).await;
    assert_eq!((restored.status, restored.header("location")), (303, format!("/teams/{id}/").as_str()));
    let team = visitor.get(&format!("/teams/{id}/")).await.text;
    assert!(team.contains("Restored team Alpha.") && !team.contains(&undo), "{team}");
    assert!(!visitor.get("/teams/").await.text.contains("Alpha."), "the notice is shown once");
}

#[tokio::test]
async fn what_is_taken_meanwhile_is_a_conflict_with_its_reason() {
    let office = Office::new().await;
    let (buyer, lead) = (office.ann.id, office.lead.id);
    let conflict = async |path: &str, body: Value| {
        let id = office.make(path, body.clone()).await;
        office.delete(path, id).await;
        let other = office.make(path, body).await;
        let answer = office.restore(path, id, &office.owner).await;
        assert_eq!(Office::ids(&office.archived(path, &office.owner).await), [id]);
        office.delete(path, other).await;
        assert_eq!(office.restore(path, id, &office.owner).await.status, 200, "{path}");
        answer.line()
    };
    let team = json!({"name": "Alpha", "team_lead": lead});
    insta::assert_snapshot!(conflict("teams", team).await, @r#"409 {"detail":"Its lead leads another team now. Give that team another lead first."}"#);
    insta::assert_snapshot!(conflict("sources", json!({"name": "Ads"})).await, @r#"409 {"detail":"Another source has this name now. Rename it first."}"#);
    insta::assert_snapshot!(conflict("partners", json!({"name": "Offers"})).await, @r#"409 {"detail":"Another partner has this name now. Rename it first."}"#);
    let user = json!({"username": "Eve", "password": "secretpassword"});
    insta::assert_snapshot!(conflict("users", user).await, @r#"409 {"detail":"Another user has this username now. Rename that user first."}"#);
    let account = json!({"name": "Meta", "user_id": buyer, "currency": "USD"});
    insta::assert_snapshot!(conflict("funds/accounts", account).await, @r#"409 {"detail":"Another account has this name now. Rename it first."}"#);
}

#[tokio::test]
async fn who_may_delete_may_list_and_restore() {
    let office = Office::new().await;
    office
        .world
        .sql("INSERT INTO users (username, username_key, password_hash) VALUES ('bob', 'bob', '')")
        .await;
    let bob: i64 = sqlx::query_scalar("SELECT id FROM users WHERE username = 'bob'")
        .fetch_one(&office.world.app.postgres)
        .await
        .unwrap();
    office.world.team("Alpha", office.lead.id, &[office.ann.id]).await;
    let mine = office.make("campaigns", json!({"name": "Mine", "user_id": office.ann.id})).await;
    let theirs = office.make("campaigns", json!({"name": "Theirs", "user_id": bob})).await;
    let account =
        office.make("funds/accounts", json!({"name": "M", "user_id": bob, "currency": "USD"})).await;
    office.delete("campaigns", mine).await;
    office.delete("campaigns", theirs).await;
    office.delete("funds/accounts", account).await;
    for (path, person, expected) in [
        ("campaigns", &office.owner, Some(vec![mine, theirs])),
        ("campaigns", &office.lead, Some(vec![mine])),
        ("campaigns", &office.ann, Some(vec![mine])),
        ("campaigns", &office.funds, None),
        ("funds/accounts", &office.owner, Some(vec![account])),
        ("funds/accounts", &office.funds, Some(vec![account])),
        ("funds/accounts", &office.lead, None),
        ("funds/accounts", &office.ann, None),
        ("teams", &office.lead, None),
        ("users", &office.lead, None),
        ("sources", &office.ann, None),
        ("partners", &office.funds, None),
    ] {
        let answer = office.archived(path, person).await;
        match expected {
            Some(ids) => assert_eq!(Office::ids(&answer), ids, "{path}"),
            None => assert_eq!(answer.status, 403, "{path}: {}", answer.text),
        }
        if answer.status == 403 {
            assert_eq!(office.restore(path, 1, person).await.status, 403, "{path}");
        }
    }
    assert_eq!(office.restore("campaigns", theirs, &office.ann).await.status, 404);
    assert_eq!(office.restore("campaigns", theirs, &office.lead).await.status, 404);
    assert_eq!(office.restore("campaigns", mine, &office.ann).await.status, 200);
    assert_eq!(office.restore("funds/accounts", account, &office.funds).await.status, 200);
}

#[tokio::test]
async fn a_campaign_comes_back_with_its_newest_key() {
    let office = Office::new().await;
    let id = office.make("campaigns", json!({"name": "Push", "user_id": office.ann.id})).await;
    let rotate = format!("/api/campaigns/{id}/rotate-key/");
    let rotated =
        office.world.post_json(&rotate, &json!({"grace_hours": 5}), Some(&office.owner)).await.json();
    office.delete("campaigns", id).await;
    let back = office.restore("campaigns", id, &office.owner).await.json();
    assert_eq!(back["tracking_key"], rotated["tracking_key"]);
    let keys = back["tracking_keys"].as_array().unwrap();
    let n_current = keys.iter().filter(|key| key["expires_at"].is_null()).count();
    assert_eq!((keys.len(), n_current), (2, 1), "the old key stays ended: {keys:?}");
    // A campaign that was deleted without the moment of its keys gets a new one.
    office.delete("campaigns", id).await;
    office.world.sql("UPDATE tracking_keys SET expires_at = expires_at - interval '1 second'").await;
    let back = office.restore("campaigns", id, &office.owner).await.json();
    assert_eq!(back["tracking_keys"].as_array().unwrap().len(), 3);
    assert_ne!(back["tracking_key"], rotated["tracking_key"]);
}

#[tokio::test]
async fn a_team_and_a_user_come_back_without_each_other() {
    let office = Office::new().await;
    let body = json!({"name": "Alpha", "team_lead": office.lead.id, "members": [office.ann.id]});
    let id = office.make("teams", body).await;
    office.delete("teams", id).await;
    // The lead is a lead no more.
    let buyer = json!({"position": "Buyer"});
    let path = format!("/api/users/update/{}/", office.lead.id);
    assert_eq!(office.world.call("PATCH", &path, &buyer, &office.owner, "").await.status, 200);
    let back = office.restore("teams", id, &office.owner).await;
    insta::assert_snapshot!(back.line(), @r#"200 {"id":1,"name":"Alpha","team_lead":null,"members":[]}"#);
    office.delete("users", office.ann.id).await;
    assert_eq!(office.world.login("ann", crate::world::PASSWORD).await.status, 400);
    let back = office.restore("users", office.ann.id, &office.owner).await.json();
    assert_eq!((&back["is_active"], &back["team_id"]), (&json!(false), &Value::Null));
    assert_eq!(office.world.login("ann", crate::world::PASSWORD).await.status, 400);
    let activate = format!("/api/users/{}/activate/", office.ann.id);
    assert_eq!(office.world.call("POST", &activate, &Value::Null, &office.owner, "").await.status, 200);
    assert_eq!(office.world.login("ann", crate::world::PASSWORD).await.status, 200);
}

#[tokio::test]
async fn teams_and_users_are_found_by_more_filters() {
    let office = Office::new().await;
    let first = office.make("teams", json!({"name": "A", "team_lead": office.lead.id})).await;
    let second = office.make("teams", json!({"name": "B", "members": [office.ann.id]})).await;
    let list = async |path: String| Office::ids(&office.world.get_as(&path, &office.owner).await);
    assert_eq!(list(format!("/api/teams/list/?lead={}", office.lead.id)).await, [first]);
    assert_eq!(list(format!("/api/teams/list/?member={}", office.ann.id)).await, [second]);
    assert_eq!(list(format!("/api/teams/list/?member={}", office.lead.id)).await, [0; 0]);
    office
        .world
        .sql("UPDATE users SET is_active = false, awaits_approval = true WHERE username = 'ann'")
        .await;
    assert_eq!(list("/api/users/list/?awaits_approval=true".to_owned()).await, [office.ann.id]);
    assert_eq!(list("/api/users/list/?awaits_approval=false".to_owned()).await.len(), 3);
    for query in ["teams/list/?lead=x", "teams/list/?member=0", "users/list/?awaits_approval=yes"] {
        assert_eq!(office.world.get_as(&format!("/api/{query}"), &office.owner).await.status, 400, "{query}");
    }
}
