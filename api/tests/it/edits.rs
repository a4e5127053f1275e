//! Edits and deletions of prospects and orders: permissions, fields, and that the next request
//! shows them. Through a real Kafka and a real consumer.

use serde_json::{Value, json};
use sluice_api::policy::Position;
use sluice_local::testing::{Service, free_port, kafka_topic, servers};

use crate::events::{
    id, insert_index, insert_orders, insert_prospects, order, order_id, park_order, prospect,
};
use crate::world::{Answer, NOW_MS, Person, World};

struct Office {
    world: World,
    owner: Person,
    lead: Person,
    buyer: Person,
    other: Person,
    _consumer: Option<Service>,
}

/// Creates an order of the buyer (number 1) and one without a buyer (number 2), each with its
/// prospect, and starts a consumer that applies changes if asked to.
async fn office(has_consumer: bool) -> Office {
    let topic = kafka_topic("changes", 1).await;
    let world = World::with_events(|config| config.kafka.changes_topic.clone_from(&topic)).await;
    let owner = world.person("olga", Position::Owner).await;
    let lead = world.person("lena", Position::TeamLead).await;
    let buyer = world.person("ben", Position::Buyer).await;
    let other = world.person("finn", Position::FundsCoordinator).await;
    let team = world.team("One", lead.id, &[buyer.id]).await;
    let mut rows = vec![prospect(1, NOW_MS, buyer.id), prospect(2, NOW_MS, 0)];
    rows[0].team_id = team.unsigned_abs();
    insert_prospects(&world, &rows).await;
    insert_index(&world, &rows).await;
    insert_orders(&world, &[order(1, NOW_MS, &rows[0]), order(2, NOW_MS, &rows[1])]).await;
    let consumer = if has_consumer { Some(start_consumer(&world, &topic).await) } else { None };
    Office { world, owner, lead, buyer, other, _consumer: consumer }
}

async fn start_consumer(world: &World, topic: &str) -> Service {
    let (config, port) = (&world.app.config, free_port());
    let brokers = servers().await.kafka_brokers.clone();
    let environment = [
        ("SLUICE__KAFKA__BROKERS", brokers),
        ("SLUICE__KAFKA__TOPIC", kafka_topic("events", 1).await),
        ("SLUICE__KAFKA__CHANGES_TOPIC", topic.to_owned()),
        ("SLUICE__KAFKA__GROUP", topic.to_owned()),
        ("SLUICE__CLICKHOUSE__URL", config.clickhouse.url.clone()),
        ("SLUICE__CLICKHOUSE__DATABASE", config.clickhouse.database.clone()),
        ("SLUICE__CLICKHOUSE__USER", config.clickhouse.user.clone()),
        ("SLUICE__CLICKHOUSE__PASSWORD", config.clickhouse.password.expose().to_owned()),
        ("SLUICE__DIRECTORY__POSTGRES_URL", config.postgres.url.expose().to_owned()),
        ("SLUICE__OPS__LISTEN", format!("127.0.0.1:{port}")),
    ];
    Service::start("sluice-consumer", &environment, port).await
}

impl Office {
    async fn ask(&self, method: &str, path: &str, body: &Value, person: &Person) -> Answer {
        self.ask_if(method, path, body, person, None).await
    }

    async fn ask_if(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        person: &Person,
        tag: Option<&str>,
    ) -> Answer {
        self.world.call(method, path, body, person, tag.unwrap_or_default()).await
    }

    async fn n_audited(&self, resource: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE resource = $1")
            .bind(resource)
            .fetch_one(&self.world.app.postgres)
            .await
            .unwrap()
    }
}

fn update_path() -> String {
    format!("/api/orders/update/{}/", order_id(1, NOW_MS))
}

#[tokio::test]
async fn leads_set_statuses_owners_set_everything_and_the_next_request_shows_it() {
    let office = office(true).await;
    let path = update_path();
    let sold =
        office.ask("PATCH", &path, &json!({"status": "Approved", "reason": "by phone"}), &office.lead).await;
    assert_eq!(sold.status, 200, "{}", sold.text);
    assert_eq!(
        (sold.json()["status"].as_str(), sold.json()["status_text"].as_str()),
        (Some("sale"), Some("Approved"))
    );
    let set_status = format!("/api/orders/{}/set-status/", order_id(1, NOW_MS));
    let wrong = office.ask("POST", &set_status, &json!({"status": "hold"}), &office.lead).await;
    assert_eq!(wrong.line(), r#"400 {"status":["An order on sale cannot become hold."]}"#);
    let back =
        office.ask("POST", &set_status, &json!({"status": "refund", "payout": "9"}), &office.lead).await;
    assert_eq!((back.status, back.json()["status"].as_str()), (200, Some("chargeback")), "{}", back.text);

    let body = json!({"payout": ".5", "currency": "eur", "email": "new@example.com"});
    assert_eq!(office.ask("PATCH", &path, &body, &office.lead).await.status, 403);
    let tag = back.header("etag").to_owned();
    let changed = office.ask_if("PATCH", &path, &body, &office.owner, Some(&tag)).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let order = changed.json();
    assert_eq!((order["payout"].as_str(), order["currency"].as_str()), (Some("0.50"), Some("EUR")));
    // Customer fields that were not sent stay.
    assert_eq!(
        (order["email"].as_str(), order["first_name"].as_str()),
        (Some("new@example.com"), Some("John"))
    );
    let stale = office.ask_if("PATCH", &path, &json!({"payout": "1"}), &office.owner, Some(&tag)).await;
    assert_eq!(stale.status, 412, "{}", stale.text);

    let history =
        office.world.get_as(&format!("/api/orders/{}/history/", order_id(1, NOW_MS)), &office.buyer).await;
    let words: Vec<String> = history
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["status"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(words, ["hold", "sale", "chargeback"]);
    assert_eq!(history.json()[1]["reason"], "by phone");
    assert_eq!(office.n_audited("orders").await, 3);
    let leaked: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE after::text LIKE '%new@example%'")
            .fetch_one(&office.world.app.postgres)
            .await
            .unwrap();
    assert_eq!(leaked, 0);
}

#[tokio::test]
async fn deleted_events_disappear_and_the_others_stay() {
    let office = office(true).await;
    let erased = office
        .ask("POST", &format!("/api/orders/{}/erase/", order_id(1, NOW_MS)), &json!({}), &office.owner)
        .await;
    assert_eq!((erased.status, erased.json()["email"].as_str()), (200, Some("")), "{}", erased.text);

    let path = format!("/api/prospects/update/{}/", id(1));
    let body = json!({"user_id": office.other.id, "ip_address": "2001:DB8::1", "user_agent": "curl/8"});
    let moved = office.ask("PATCH", &path, &body, &office.owner).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    assert_eq!(moved.json()["user_id"], office.other.id);
    assert_eq!(moved.json()["ip_address"], "2001:db8::1");
    let orders = office.world.get_as("/api/orders/list/", &office.buyer).await;
    assert_eq!(orders.text, "[]", "the order went along");

    for path in
        [format!("/api/prospects/delete/{}/", id(1)), format!("/api/orders/delete/{}/", order_id(2, NOW_MS))]
    {
        let deleted = office.ask("DELETE", &path, &json!({}), &office.owner).await;
        assert_eq!(deleted.line(), "204 ");
        assert_eq!(office.ask("DELETE", &path, &json!({}), &office.owner).await.status, 404);
    }
    let prospects = office.world.get_as("/api/prospects/list/", &office.owner).await;
    let prospects = prospects.json();
    assert_eq!(
        prospects.as_array().unwrap().iter().map(|row| row["id"].clone()).collect::<Vec<_>>(),
        [json!(id(2))]
    );
    let orders = office.world.get_as("/api/orders/list/", &office.owner).await.json();
    assert_eq!(orders.as_array().unwrap().len(), 1, "{orders}");
    assert_eq!((&orders[0]["id"], &orders[0]["prospect"]), (&json!(order_id(1, NOW_MS)), &Value::Null));
}

#[tokio::test]
async fn a_phone_number_is_changed_whatever_address_the_edge_accepted() {
    let office = office(true).await;
    let path = update_path();
    for email in ["x@localhost", "old@example.c"] {
        let sql = "ALTER TABLE order_contacts UPDATE email = ? WHERE 1 SETTINGS mutations_sync = 2";
        office.world.events().query(sql).bind(email).execute().await.unwrap();
        let changed = office.ask("PATCH", &path, &json!({"phone_number": "+44 20"}), &office.owner).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let order = changed.json();
        assert_eq!((order["email"].as_str(), order["phone_number"].as_str()), (Some(email), Some("+44 20")));
    }
    let sent = office.ask("PATCH", &path, &json!({"email": "x@localhost"}), &office.owner).await;
    assert_eq!((sent.status, sent.json()["email"].as_str()), (200, Some("x@localhost")), "{}", sent.text);
}

#[tokio::test]
async fn an_order_that_waits_can_be_erased_and_deleted() {
    let office = office(true).await;
    park_order(&office.world, 7, NOW_MS, "1", "payout=9").await;
    let id = order_id(7, NOW_MS);
    let (erase, delete) = (format!("/api/orders/{id}/erase/"), format!("/api/orders/delete/{id}/"));
    assert_eq!(office.ask("DELETE", &delete, &json!({}), &office.lead).await.status, 403);
    let erased = office.ask("POST", &erase, &json!({}), &office.owner).await;
    let order = erased.json();
    assert_eq!(erased.status, 200, "{}", erased.text);
    assert_eq!((&order["email"], &order["first_name"]), (&json!(""), &json!("")));
    assert_eq!((&order["parked"], &order["prospect_id"]), (&json!("unknown_prospect"), &json!("1")));
    let deleted = office.ask("DELETE", &delete, &json!({}), &office.owner).await;
    assert_eq!(deleted.line(), "204 ");
    for (method, path) in [("DELETE", &delete), ("POST", &erase)] {
        assert_eq!(office.ask(method, path, &json!({}), &office.owner).await.status, 404, "{path}");
    }
    assert_eq!(office.n_audited("orders").await, 2);
}

#[tokio::test]
async fn forbidden_and_invalid_changes_are_not_sent() {
    let office = office(false).await;
    let (order, prospect) = (update_path(), format!("/api/prospects/update/{}/", id(1)));
    let others = format!("/api/orders/update/{}/", order_id(2, NOW_MS));
    let status = json!({"status": "sale"});
    for (person, path, expected) in [
        (&office.buyer, &order, 403),
        (&office.other, &order, 403),
        (&office.lead, &others, 404),
        (&office.lead, &prospect, 403),
        (&office.buyer, &prospect, 403),
    ] {
        assert_eq!(office.ask("PATCH", path, &status, person).await.status, expected, "{path}");
    }
    for path in ["abc", "9223372036854775808", "-1", "00000000-0000-4000-8000-000000000000"] {
        for route in ["orders/update", "prospects/update"] {
            let answer = office.ask("PATCH", &format!("/api/{route}/{path}/"), &status, &office.owner).await;
            assert_eq!(answer.status, 404, "{route} {path}");
        }
    }
    for (path, body, expected) in [
        (&order, json!({"status": "{status}"}), r#"{"status":["\"{status}\" is not a valid choice."]}"#),
        (&order, json!({"status": null}), r#"{"status":["This field may not be null."]}"#),
        (&order, json!({"currency": "XYZ"}), r#"{"currency":["\"XYZ\" is not a currency of ISO 4217."]}"#),
        (&order, json!({"email": "a\u{0}@b.c"}), r#"{"email":["Null characters are not allowed."]}"#),
        (&order, json!({"email": "nobody"}), r#"{"email":["Enter a valid email address."]}"#),
        (
            &order,
            json!({"phone_number": "1".repeat(21)}),
            r#"{"phone_number":["Ensure this field has no more than 20 characters."]}"#,
        ),
        (&order, json!({"prospect_id": 1}), r#"{"prospect_id":["An order's prospect cannot be changed."]}"#),
        (
            &order,
            json!([1]),
            r#"{"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}"#,
        ),
        (
            &prospect,
            json!({"ip_address": "1.2.3"}),
            r#"{"ip_address":["Enter a valid IPv4 or IPv6 address."]}"#,
        ),
        (&prospect, json!({"user_agent": " "}), r#"{"user_agent":["This field may not be blank."]}"#),
        (
            &prospect,
            json!({"user_id": 9_223_372_036_854_775_808_u64}),
            r#"{"user_id":["Invalid pk \"9223372036854775808\" - object does not exist."]}"#,
        ),
    ] {
        let answer = office.ask("PATCH", path, &body, &office.owner).await;
        assert_eq!(answer.line(), format!("400 {expected}"), "{body}");
    }
    for amount in [json!(-1), json!(1e18), json!("1e3"), json!("0.0000001"), json!("NaN"), json!("١٢")] {
        let answer = office.ask("PATCH", &order, &json!({"payout": amount}), &office.owner).await;
        assert!(answer.line().starts_with("400 {\"payout\""), "{amount}: {}", answer.line());
    }
    let whole = office.ask("PUT", &order, &json!({"email": "a@b.example"}), &office.owner).await;
    assert!(whole.status == 400 && whole.text.contains("phone_number"), "{}", whole.line());

    park_order(&office.world, 7, NOW_MS, "1", "").await;
    let waiting = office
        .ask("PATCH", &format!("/api/orders/update/{}/", order_id(7, NOW_MS)), &status, &office.owner)
        .await;
    assert_eq!(waiting.status, 409, "{}", waiting.text);
    assert_eq!(office.n_audited("orders").await + office.n_audited("prospects").await, 0);
}

#[tokio::test]
async fn a_change_that_is_not_applied_yet_is_a_202_and_without_kafka_it_is_refused() {
    let office = office(false).await;
    let kept = office.ask("PATCH", &update_path(), &json!({"status": "sale"}), &office.owner).await;
    assert_eq!((kept.status, kept.json()["code"].as_str()), (202, Some("on_its_way")), "{}", kept.text);

    let world = World::with_events(|config| config.kafka.brokers = "127.0.0.1:1".to_owned()).await;
    let owner = world.person("olga", Position::Owner).await;
    let row = prospect(1, NOW_MS, owner.id);
    insert_prospects(&world, std::slice::from_ref(&row)).await;
    insert_index(&world, std::slice::from_ref(&row)).await;
    insert_orders(&world, &[order(1, NOW_MS, &row)]).await;
    let office = Office { world, owner, _consumer: None, ..office };
    let refused = office.ask("PATCH", &update_path(), &json!({"status": "sale"}), &office.owner).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "2"), "{}", refused.text);
}

#[tokio::test]
async fn lists_are_filtered_by_team_campaign_country_and_bot() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("olga", Position::Owner).await;
    let mut rows: Vec<_> = (1..=3).map(|number| prospect(number, NOW_MS + number, owner.id)).collect();
    (rows[0].team_id, rows[1].campaign_id, rows[2].country) = (7, 9, "DE".to_owned());
    rows[2].bot = "user_agent".to_owned();
    insert_prospects(&world, &rows).await;
    insert_index(&world, &rows).await;
    let mut orders: Vec<_> =
        (1..=3).map(|number| order(number, NOW_MS + number, &rows[number as usize - 1])).collect();
    (orders[0].team_id, orders[1].campaign_id) = (7, 9);
    insert_orders(&world, &orders).await;
    for (query, found) in [
        ("team_id=7", vec![1]),
        ("campaign_id=9", vec![2]),
        ("country=de", vec![3]),
        ("country=UA", vec![2, 1]),
        ("bot=true", vec![3]),
        ("bot=0&country=UA&team_id=7", vec![1]),
        ("bot=0&team_id=8", vec![]),
        ("sort=time&user_id=1", vec![1, 2, 3]),
    ] {
        let ids = |answer: Answer| -> Vec<Value> {
            answer.json().as_array().unwrap().iter().map(|row| row["id"].clone()).collect()
        };
        let prospects = world.get_as(&format!("/api/prospects/list/?{query}"), &owner).await;
        let expected: Vec<Value> = found.iter().map(|number| json!(id(*number))).collect();
        assert_eq!(ids(prospects), expected, "{query}");
        let orders = world.get_as(&format!("/api/orders/list/?{query}"), &owner).await;
        let expected: Vec<Value> =
            found.iter().map(|number| json!(order_id(*number, NOW_MS + *number))).collect();
        assert_eq!(ids(orders), expected, "{query}");
    }
    for wrong in ["team_id=x", "campaign_id=-1", "country=Germany", "bot=maybe"] {
        let answer = world.get_as(&format!("/api/prospects/list/?{wrong}"), &owner).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}
