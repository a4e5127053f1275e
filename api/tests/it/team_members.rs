//! Membership over time: a move leaves a history, and nobody is in two teams, also after requests
//! at once.

use serde_json::{Value, json};
use sluice_api::db::teams::{self, member_periods};
use sluice_api::policy::Position;

use crate::world::World;

/// Returns each period as its user and `open` or `closed`.
async fn periods(world: &World, team: i64) -> Vec<String> {
    let periods = member_periods(&world.app.postgres, team).await.unwrap();
    let state = |until_ms: i64| if until_ms == 9_999_999_999_999 { "open" } else { "closed" };
    periods.iter().map(|period| format!("{} {}", period.user_id, state(period.until_ms))).collect()
}

#[tokio::test]
async fn a_move_leaves_a_history() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let lead = world.person("lead", Position::TeamLead).await;
    let ann = world.person("ann", Position::Buyer).await;
    let old = world.team("old", lead.id, &[ann.id]).await;
    let body = json!({"name": "new", "members": [ann.id]});
    let refused = world.post_json("/api/teams/create/", &body, Some(&owner)).await;
    insta::assert_snapshot!(refused.line(), @r#"400 {"members":["A Buyer with id 3 can only be a member of one team."]}"#);

    let path = format!("/api/teams/update/{old}/");
    assert_eq!(world.call("PATCH", &path, &json!({"members": []}), &owner, "").await.status, 200);
    let made = world.post_json("/api/teams/create/", &body, Some(&owner)).await;
    let new = made.json()["id"].as_i64().unwrap();
    assert_eq!(periods(&world, old).await, ["3 closed"]);
    assert_eq!(periods(&world, new).await, ["3 open"]);
    let history = world.get_as(&format!("/api/teams/{old}/history/"), &owner).await.json();
    assert_eq!(history[0]["since"], "1970-01-01T00:00:00.000Z");
    let until = &history[0]["until"];
    let history = world.get_as(&format!("/api/teams/{new}/history/"), &owner).await.json();
    assert!(history[0]["since"].as_str() >= until.as_str(), "{history} {until}");
    assert_eq!(history[0]["until"], Value::Null);
    // The user returns: this is another period, and the history has pages.
    assert_eq!(
        world.call("DELETE", &format!("/api/teams/delete/{new}/"), &Value::Null, &owner, "").await.status,
        204
    );
    assert_eq!(world.call("PATCH", &path, &json!({"members": [ann.id]}), &owner, "").await.status, 200);
    assert_eq!(periods(&world, old).await, ["3 closed", "3 open"]);
    let page = world.get_as(&format!("/api/teams/{old}/history/?limit=1"), &owner).await;
    assert_eq!(page.json()[0]["until"], Value::Null);
    assert!(page.header("link").contains("cursor="));
    // A Buyer sees the history of their own team.
    assert_eq!(world.get_as(&format!("/api/teams/{old}/history/"), &ann).await.status, 200);
}

#[tokio::test]
async fn of_two_requests_for_one_buyer_exactly_one_wins() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let ann = world.person("ann", Position::Buyer).await;
    let ben = world.person("ben", Position::Buyer).await;
    for round in 0..5 {
        let body = json!({"name": round.to_string(), "members": [ann.id, ben.id]});
        let other = json!({"name": round.to_string(), "members": [ben.id, ann.id]});
        let (first, second) = tokio::join!(
            world.post_json("/api/teams/create/", &body, Some(&owner)),
            world.post_json("/api/teams/create/", &other, Some(&owner)),
        );
        let (won, lost) = if first.status == 201 { (first, second) } else { (second, first) };
        assert_eq!(won.status, 201, "{}", won.text);
        assert_eq!(lost.status, 400, "{}", lost.text);
        let message = format!("A Buyer with id {} can only be a member of one team.", ann.id);
        assert!(lost.json()["members"].as_array().unwrap().contains(&json!(message)), "{}", lost.text);
        let path = format!("/api/teams/delete/{}/", won.json()["id"]);
        assert_eq!(world.call("DELETE", &path, &Value::Null, &owner, "").await.status, 204);
    }
}

#[tokio::test]
async fn changes_in_opposite_orders_do_not_deadlock() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    for name in ["ann", "ben"] {
        world.person(name, Position::Buyer).await;
    }
    for members in [[2], [3]] {
        let body = json!({"name": "a", "members": members});
        assert_eq!(world.post_json("/api/teams/create/", &body, Some(&owner)).await.status, 201);
    }
    for _ in 0..10 {
        let [to_first, to_second, to_none] =
            [json!([3]), json!([2]), json!([])].map(|ids| json!({"members": ids}));
        let (first, second, third) = tokio::join!(
            world.call("PATCH", "/api/teams/update/1/", &to_first, &owner, ""),
            world.call("PATCH", "/api/teams/update/2/", &to_second, &owner, ""),
            world.call("PATCH", "/api/teams/update/1/", &to_none, &owner, ""),
        );
        for answer in [first, second, third] {
            assert!(matches!(answer.status, 200 | 400), "{}", answer.line());
        }
    }
}

#[tokio::test]
async fn of_two_teams_for_one_lead_exactly_one_is_made() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let lead = world.person("lead", Position::TeamLead).await;
    let body = json!({"name": "a", "team_lead": lead.id});
    let (first, second) = tokio::join!(
        world.post_json("/api/teams/create/", &body, Some(&owner)),
        world.post_json("/api/teams/create/", &body, Some(&owner)),
    );
    let lost = if first.status == 201 { second } else { first };
    insta::assert_snapshot!(lost.line(), @r#"400 {"team_lead":["team with this team lead already exists."]}"#);
    // The lead can leave once the team has another lead.
    let heir = world.person("heir", Position::TeamLead).await;
    let body_of = |id: i64| json!({"team_lead": id});
    let team = world.get_as("/api/teams/list/", &owner).await.json()[0]["id"].as_i64().unwrap();
    let path = format!("/api/teams/update/{team}/");
    assert_eq!(world.call("PATCH", &path, &body_of(heir.id), &owner, "").await.status, 200);
    assert_eq!(world.get_as(&format!("/api/teams/detail/{team}/"), &lead).await.status, 404);
    assert_eq!(world.get_as(&format!("/api/teams/detail/{team}/"), &heir).await.status, 200);
    assert_eq!(world.post_json("/api/teams/create/", &body, Some(&owner)).await.status, 201);
}

#[tokio::test]
async fn a_user_who_is_no_longer_buyer_or_lead_leaves_the_team() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let lead = world.person("lead", Position::TeamLead).await;
    let ann = world.person("ann", Position::Buyer).await;
    let ben = world.person("ben", Position::Buyer).await;
    let team = world.team("a", lead.id, &[ann.id, ben.id]).await;
    world.sql("UPDATE users SET position = 'Owner' WHERE username = 'ann'").await;
    world.sql("UPDATE users SET position = 'Buyer' WHERE username = 'lead'").await;
    let path = format!("/api/teams/detail/{team}/");
    let detail = world.get_as(&path, &owner).await;
    insta::assert_snapshot!(detail.line(), @r#"200 {"id":1,"name":"a","team_lead":null,"members":[4]}"#);
    assert_eq!(detail.header("etag"), "\"3\"");
    assert_eq!(periods(&world, team).await, ["3 closed", "4 open"]);

    // An inactive member stays until removed.
    world.sql("UPDATE users SET is_active = false WHERE username = 'ben'").await;
    let update = format!("/api/teams/update/{team}/");
    for (members, status) in [(json!([4]), 200), (json!([]), 200), (json!([4]), 400)] {
        let answer = world.call("PATCH", &update, &json!({"members": members}), &owner, "").await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }

    let cleo = world.person("cleo", Position::Buyer).await;
    world.call("PATCH", &update, &json!({"members": [cleo.id]}), &owner, "").await;
    let mut connection = world.app.postgres.acquire().await.unwrap();
    teams::leave_all(&mut connection, cleo.id).await.unwrap();
    drop(connection);
    assert_eq!(world.get_as(&path, &owner).await.json()["members"], json!([]));
}

#[tokio::test]
async fn changing_positions_and_teams_at_once_does_not_deadlock() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let ann = world.person("ann", Position::Buyer).await;
    let team = world.team("a", None, &[]).await;
    let (path, body) = (format!("/api/teams/update/{team}/"), json!({"members": [ann.id]}));
    let campaign = json!({"name": "a", "user_id": ann.id});
    for _ in 0..10 {
        world.sql("UPDATE users SET position = 'Buyer' WHERE username = 'ann'").await;
        let (joined, made, ()) = tokio::join!(
            world.call("PATCH", &path, &body, &owner, ""),
            world.post_json("/api/campaigns/create/", &campaign, Some(&owner)),
            world.sql("UPDATE users SET position = 'Team Lead' WHERE username = 'ann'"),
        );
        assert!(matches!(joined.status, 200 | 400), "{}", joined.line());
        assert!(matches!(made.status, 201 | 400), "{}", made.line());
        let detail = world.get_as(&format!("/api/teams/detail/{team}/"), &owner).await;
        assert_eq!(detail.json()["members"], json!([]));
    }
}

#[tokio::test]
async fn the_database_refuses_wrong_memberships() {
    let world = World::new().await;
    world.person("owner", Position::Owner).await;
    let lead = world.person("lead", Position::TeamLead).await;
    let ann = world.person("ann", Position::Buyer).await;
    world.team("a", lead.id, &[ann.id]).await;
    for (statement, constraint) in [
        ("INSERT INTO memberships (team_id, user_id) VALUES (1, 3)", "memberships_one_team_at_a_time"),
        ("INSERT INTO memberships (team_id, user_id) VALUES (1, 2)", "memberships_of_buyers"),
        ("INSERT INTO teams (name, lead_id) VALUES ('b', 3)", "teams_led_by_leads"),
        ("UPDATE teams SET lead_id = 1", "teams_led_by_leads"),
        ("INSERT INTO teams (name, lead_id) VALUES ('b', 2)", "teams_lead_unique"),
        (
            "WITH made AS (INSERT INTO campaigns (name) VALUES ('a') RETURNING id)
             INSERT INTO campaign_buyers (campaign_id, user_id) SELECT id, 1 FROM made",
            "campaigns_of_buyers",
        ),
    ] {
        let error = sqlx::query(statement).execute(&world.app.postgres).await.unwrap_err();
        assert_eq!(sluice_api::db::violated_constraint(&error), Some(constraint), "{statement}");
    }
}
