//! Lists and details of events, and who sees them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sluice_api::policy::Position;
use sluice_schemas::event::{EventRef, OrderRef};
use sluice_schemas::rows::{
    OrderContactRow, OrderRow, ParkedRow, ProspectIndexRow, ProspectRow, RollupHourlyRow,
};
use uuid::Uuid;

use crate::world::{Answer, NOW_MS, Person, World};

/// Returns the UUIDv7 of a number. They sort like the numbers.
pub(crate) fn id(number: u64) -> Uuid {
    Uuid::from_u128(0x019a_0b7a_1cb0_7000_8000_0000_0000_0000 + u128::from(number))
}

/// Returns the id of an order, which contains its time.
pub(crate) fn order_id(number: u64, time_ms: u64) -> Uuid {
    Uuid::from_u128((u128::from(time_ms) << 80) | 0x7000_8000_0000_0000_0000 | u128::from(number))
}

pub(crate) fn prospect(number: u64, time_ms: u64, user_id: i64) -> ProspectRow {
    ProspectRow {
        prospect_id: id(number),
        time: time_ms.try_into().unwrap(),
        user_id: user_id.try_into().unwrap(),
        team_id: 0,
        campaign_id: 0,
        ip: "::ffff:192.168.4.1".parse().unwrap(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64)".to_owned(),
        referrer: "example.com".to_owned(),
        page: "https://landing.example/".to_owned(),
        country: "UA".to_owned(),
        device: "desktop".to_owned(),
        os: "Linux".to_owned(),
        browser: "Firefox".to_owned(),
        bot: String::new(),
        external_id: String::new(),
        external_kind: String::new(),
        subs: vec!["first".to_owned()],
        utm_source: "news".to_owned(),
        utm_medium: String::new(),
        utm_campaign: String::new(),
        utm_content: String::new(),
        utm_term: String::new(),
        keyword: String::new(),
        creative_id: String::new(),
        ad_campaign_id: String::new(),
        placement: String::new(),
        cost: 120_000,
        currency: "USD".to_owned(),
        marks: vec!["cut:referrer".to_owned()],
    }
}

pub(crate) async fn insert_prospects(world: &World, rows: &[ProspectRow]) {
    let mut insert = world.events().insert::<ProspectRow>("prospects").await.unwrap();
    for row in rows {
        insert.write(row).await.unwrap();
    }
    insert.end().await.unwrap();
}

pub(crate) async fn insert_index(world: &World, rows: &[ProspectRow]) {
    let mut insert = world.events().insert::<ProspectIndexRow>("prospect_index").await.unwrap();
    for row in rows {
        let ProspectRow { prospect_id, time, user_id, team_id, campaign_id, .. } = *row;
        insert.write(&ProspectIndexRow { prospect_id, time, user_id, team_id, campaign_id }).await.unwrap();
    }
    insert.end().await.unwrap();
}

pub(crate) async fn insert_orders(world: &World, rows: &[OrderRow]) {
    let mut insert = world.events().insert::<OrderRow>("orders").await.unwrap();
    let mut contacts = world.events().insert::<OrderContactRow>("order_contacts").await.unwrap();
    for row in rows {
        insert.write(row).await.unwrap();
        contacts.write(&contact(row)).await.unwrap();
    }
    insert.end().await.unwrap();
    contacts.end().await.unwrap();
}

pub(crate) fn order(number: u64, time_ms: u64, of: &ProspectRow) -> OrderRow {
    OrderRow {
        order_id: order_id(number, time_ms),
        prospect_id: of.prospect_id,
        time: time_ms.try_into().unwrap(),
        user_id: of.user_id,
        team_id: of.team_id,
        campaign_id: 0,
        status: "hold".to_owned(),
        status_text: String::new(),
        payout: 12_500_000,
        currency: "EUR".to_owned(),
        marks: Vec::new(),
        country: of.country.clone(),
        device: of.device.clone(),
        os: of.os.clone(),
        browser: of.browser.clone(),
        bot: of.bot.clone(),
    }
}

fn contact(order: &OrderRow) -> OrderContactRow {
    OrderContactRow {
        order_id: order.order_id,
        time: order.time,
        email: "john@example.com".to_owned(),
        phone_number: "1234567890".to_owned(),
        first_name: "John".to_owned(),
        last_name: "Doe".to_owned(),
        delivery_address: "123 Main St, City, Country".to_owned(),
        version: 0,
    }
}

/// Parks an order whose prospect id is this text.
pub(crate) async fn park_order(
    world: &World,
    number: u64,
    time_ms: u64,
    reference: &str,
    pairs: &str,
) -> Uuid {
    park(world, number, time_ms, reference, (pairs, "")).await
}

/// Parks an order that was sent from a page.
pub(crate) async fn park_order_on(world: &World, number: u64, time_ms: u64, page: &str) -> Uuid {
    park(world, number, time_ms, "1", ("", page)).await
}

async fn park(
    world: &World,
    number: u64,
    time_ms: u64,
    reference: &str,
    (pairs, referer): (&str, &str),
) -> Uuid {
    let sent = OrderRef {
        prospect_ref: reference,
        email: "park@example.com",
        first_name: "Parker",
        ..OrderRef::default()
    };
    park_sent(world, number, time_ms, sent, (pairs, referer)).await
}

/// Parks an order with these fields.
pub(crate) async fn park_sent(
    world: &World,
    number: u64,
    time_ms: u64,
    sent: OrderRef<'_>,
    (pairs, referer): (&str, &str),
) -> Uuid {
    let event_id = order_id(number, time_ms);
    let event = EventRef {
        id: event_id.into_bytes(),
        time_ms,
        ip: [0; 16],
        user_agent: b"",
        referer: referer.as_bytes(),
        pairs: pairs.as_bytes(),
        marks: 0,
        order: Some(sent),
    };
    let mut payload = Vec::new();
    event.encode(&mut payload);
    let row = ParkedRow {
        event_id,
        kind: "order".to_owned(),
        reason: "unknown_prospect".to_owned(),
        state: "waiting".to_owned(),
        first_seen: time_ms.try_into().unwrap(),
        last_tried: time_ms.try_into().unwrap(),
        reference: sent.prospect_ref.to_owned(),
        partition: 0,
        place: format!("lane/{number}"),
        payload: STANDARD.encode(payload),
        version: 1,
        decision: 0,
        note: String::new(),
    };
    insert_parked(world, &row).await;
    event_id
}

pub(crate) async fn insert_parked(world: &World, row: &ParkedRow) {
    let mut insert = world.events().insert::<ParkedRow>("parked_log").await.unwrap();
    insert.write(row).await.unwrap();
    insert.end().await.unwrap();
}

/// Parks a prospect of an unknown key.
pub(crate) async fn park_prospect(world: &World, number: u64, time_ms: u64, key: &str) -> ParkedRow {
    let event = EventRef {
        id: id(number).into_bytes(),
        time_ms,
        ip: std::net::Ipv4Addr::new(203, 0, 113, 7).to_ipv6_mapped().octets(),
        user_agent: b"Browser <of> a visitor",
        referer: b"https://landing.example/page",
        pairs: b"k=key&sub1=<script>",
        marks: 0,
        order: None,
    };
    let mut payload = Vec::new();
    event.encode(&mut payload);
    let row = ParkedRow {
        event_id: id(number),
        kind: "prospect".to_owned(),
        reason: "unknown_key".to_owned(),
        state: "waiting".to_owned(),
        first_seen: time_ms.try_into().unwrap(),
        last_tried: time_ms.try_into().unwrap(),
        reference: key.to_owned(),
        partition: 0,
        place: format!("lane/{number}"),
        payload: STANDARD.encode(payload),
        version: 1,
        decision: 0,
        note: String::new(),
    };
    insert_parked(world, &row).await;
    row
}

pub(crate) async fn insert_rollup(world: &World, rows: &[RollupHourlyRow]) {
    let mut insert = world.events().insert::<RollupHourlyRow>("rollup_hourly").await.unwrap();
    for row in rows {
        insert.write(row).await.unwrap();
    }
    insert.end().await.unwrap();
}

/// A team of a lead and two buyers, another buyer, a coordinator and an Owner. Each buyer has
/// events, and one event has no buyer.
pub(crate) struct Office {
    pub(crate) world: World,
    pub(crate) owner: Person,
    pub(crate) funds: Person,
    pub(crate) lead: Person,
    pub(crate) ann: Person,
    pub(crate) bob: Person,
    pub(crate) eve: Person,
}

impl Office {
    pub(crate) async fn new() -> Self {
        let world = World::with_events(|_| {}).await;
        let owner = world.person("owner", Position::Owner).await;
        let funds = world.person("funds", Position::FundsCoordinator).await;
        let lead = world.person("lead", Position::TeamLead).await;
        let ann = world.person("ann", Position::Buyer).await;
        let bob = world.person("bob", Position::Buyer).await;
        let eve = world.person("eve", Position::Buyer).await;
        let team = world.team("Red", lead.id, &[ann.id]).await;
        world.team("Blue", None, &[eve.id]).await;
        // Bob was in the team until an hour ago.
        world
            .sql(&format!(
                "INSERT INTO memberships (team_id, user_id, during)
                 VALUES ({team}, {}, tstzrange('epoch', to_timestamp({})))",
                bob.id,
                (NOW_MS - 3_600_000) / 1000
            ))
            .await;
        let prospects = [
            prospect(1, NOW_MS - 7_200_000, bob.id), // while Bob was in the team
            prospect(2, NOW_MS - 60_000, bob.id),    // after he left
            prospect(3, NOW_MS - 50_000, ann.id),
            prospect(4, NOW_MS - 40_000, eve.id),
            prospect(5, NOW_MS - 30_000, 0),
            // The event has the team, although its buyer was never a member.
            ProspectRow { team_id: team.try_into().unwrap(), ..prospect(6, NOW_MS - 20_000, eve.id) },
        ];
        // In two parts each, like batches, so that results have more than one block.
        for part in prospects.chunks(3) {
            insert_prospects(&world, part).await;
            insert_index(&world, part).await;
        }
        let orders: Vec<OrderRow> = (1..=6)
            .zip(&prospects)
            .map(|(number, of)| order(number, u64::try_from(of.time).unwrap() + 1000, of))
            .collect();
        for part in orders.chunks(3) {
            insert_orders(&world, part).await;
        }
        Self { world, owner, funds, lead, ann, bob, eve }
    }
}

/// Returns the numbers of the prospects in a list.
pub(crate) fn numbers(answer: &Answer) -> Vec<u64> {
    let base = id(0).as_u128();
    let number = |value: &serde_json::Value| {
        let id: Uuid = value.as_str().unwrap().parse().unwrap();
        u64::try_from(id.as_u128() - base).unwrap()
    };
    let list = answer.json();
    let ids = list.as_array().unwrap_or_else(|| panic!("{}", answer.text)).iter();
    ids.map(|item| number(item.get("prospect_id").unwrap_or(&item["id"]))).collect()
}

#[tokio::test]
async fn everybody_sees_their_own_scope_in_lists_and_details() {
    let office = Office::new().await;
    let world = &office.world;
    let cases = [
        (&office.owner, vec![6, 5, 4, 3, 2, 1]),
        (&office.lead, vec![6, 3, 1]),
        (&office.ann, vec![3]),
        (&office.bob, vec![2, 1]),
        (&office.eve, vec![6, 4]),
    ];
    for (person, expected) in cases {
        for list in ["/api/prospects/list/", "/api/orders/list/"] {
            assert_eq!(numbers(&world.get_as(list, person).await), expected, "{list} as {}", person.id);
        }
        for number in 1..=6 {
            let path = format!("/api/prospects/detail/{}/", id(number));
            let status = if expected.contains(&number) { 200 } else { 404 };
            assert_eq!(world.get_as(&path, person).await.status, status, "{path} as {}", person.id);
        }
    }
    for path in ["/api/prospects/list/", "/api/orders/list/"] {
        let answer = world.get_as(path, &office.funds).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.line(), @r#"403 {"detail":"You do not have permission to perform this action."}"#);
        }
    }
    let path = format!("/api/orders/detail/{}/", order_id(3, NOW_MS - 49_000));
    assert_eq!(world.get_as(&path, &office.ann).await.status, 200);
    assert_eq!(world.get_as(&path, &office.eve).await.status, 404);
}

#[tokio::test]
async fn an_order_comes_with_its_customer_and_its_whole_prospect() {
    let office = Office::new().await;
    let answer = office.world.get_as("/api/orders/list/", &office.ann).await;
    insta::assert_snapshot!(answer.line(), @r#"200 [{"id":"01a208eb-0a18-7000-8000-000000000003","prospect_id":"019a0b7a-1cb0-7000-8000-000000000003","email":"john@example.com","phone_number":"1234567890","first_name":"John","last_name":"Doe","delivery_address":"123 Main St, City, Country","created_at":"2026-11-23T14:59:11.000Z","prospect":{"id":"019a0b7a-1cb0-7000-8000-000000000003","ip_address":"192.168.4.1","user_agent":"Mozilla/5.0 (X11; Linux x86_64)","referral_source":"example.com","created_at":"2026-11-23T14:59:10.000Z","user_id":4},"status":"hold","parked":null}]"#);
    let path = format!("/api/orders/detail/{}", order_id(3, NOW_MS - 49_000));
    let detail = office.world.get_as(&path, &office.ann).await.json();
    assert_eq!((detail["payout"].as_str(), detail["currency"].as_str()), (Some("12.50"), Some("EUR")));
    let path = format!("/api/prospects/detail/{}", id(3));
    let detail = office.world.get_as(&path, &office.ann).await.json();
    assert_eq!((detail["cost"].as_str(), detail["subs"][0].as_str()), (Some("0.12"), Some("first")));
    assert_eq!(detail["marks"][0], "cut:referrer");
}

/// Ids from the edge contain the time of the visit. Ids from a page need not, and are in the index.
#[tokio::test]
async fn an_orders_prospect_is_found_by_the_time_in_its_id_or_by_the_index() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let born = ProspectRow { prospect_id: order_id(1, NOW_MS), ..prospect(1, NOW_MS, owner.id) };
    let sent = prospect(2, NOW_MS + 1, owner.id);
    let far = ProspectRow { prospect_id: order_id(3, 1 << 47), ..prospect(3, NOW_MS + 2, owner.id) };
    let random = ProspectRow { prospect_id: Uuid::new_v4(), ..prospect(4, NOW_MS + 3, owner.id) };
    let rows = [born, sent, far, random];
    insert_prospects(&world, &rows).await;
    insert_index(&world, &rows[1..]).await;
    let orders: Vec<_> =
        (1_u64..).zip(&rows).map(|(number, row)| order(number, NOW_MS + 1000 + number, row)).collect();
    insert_orders(&world, &orders).await;
    let found = world.get_as("/api/orders/list/?sort=time", &owner).await.json();
    let found: Vec<_> =
        found.as_array().unwrap().iter().map(|order| order["prospect"]["id"].clone()).collect();
    assert_eq!(found, rows.iter().map(|row| json!(row.prospect_id)).collect::<Vec<_>>());
}

#[tokio::test]
async fn lists_are_filtered_searched_and_sorted() {
    let office = Office::new().await;
    let world = &office.world;
    let as_owner = async |query: &str| {
        let answer = world.get_as(&format!("/api/prospects/list/?{query}"), &office.owner).await;
        numbers(&answer)
    };
    assert_eq!(as_owner("sort=time").await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(as_owner(&format!("user_id={}", office.bob.id)).await, [2, 1]);
    assert_eq!(as_owner("from=2026-11-23T14:59:00Z&to=2026-11-23T14:59:20Z").await, [4, 3, 2]);
    assert_eq!(as_owner("to=2026-11-22").await, [0_u64; 0]);
    assert_eq!(as_owner("from=2026-11-23&to=2026-11-23&tz=Europe/Kyiv").await.len(), 6);
    assert_eq!(as_owner("q=LINUX&limit=2").await, [6, 5]);
    assert_eq!(as_owner("q=192.168.4.1").await.len(), 6);
    assert_eq!(as_owner("q=nothing-of-the-kind").await, [0_u64; 0]);
    assert_eq!(as_owner(&format!("q={}", id(2))).await, [2]);
    let orders = async |query: &str| {
        let answer = world.get_as(&format!("/api/orders/list/?{query}"), &office.owner).await;
        numbers(&answer)
    };
    assert_eq!(orders("status=hold&limit=3").await, [6, 5, 4]);
    assert_eq!(orders("status=sale").await, [0_u64; 0]);
    assert_eq!(orders("q=john+doe").await.len(), 6);
    assert_eq!(orders("q=JOHN@").await.len(), 6);
    assert_eq!(orders(&format!("q={}", order_id(3, NOW_MS - 49_000))).await, [3]);
    assert_eq!(orders(&format!("q={}", id(4))).await, [4]);
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps_or_repeats() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    // 2,100 prospects. Groups of 7 share a millisecond.
    let rows: Vec<ProspectRow> = (0..2100).map(|number| prospect(number, NOW_MS + number / 7, 0)).collect();
    insert_prospects(&world, &rows).await;
    insert_index(&world, &rows).await;
    insert_orders(
        &world,
        &rows.iter().map(|row| order(row.time as u64, row.time as u64, row)).collect::<Vec<_>>()[..10],
    )
    .await;
    for (sort, limit) in [("-time", 1000), ("time", 999)] {
        let mut path = format!("/api/prospects/list/?limit={limit}&sort={sort}");
        let mut seen = Vec::new();
        loop {
            let answer = world.get_as(&path, &owner).await;
            let page = numbers(&answer);
            assert!(page.len() <= limit);
            seen.extend(page);
            let link = answer.header("link").to_owned();
            let Some(next) = link
                .strip_prefix("<http://crm.example")
                .and_then(|rest| rest.strip_suffix(">; rel=\"next\""))
            else {
                assert_eq!(link, "");
                break;
            };
            next.clone_into(&mut path);
        }
        if sort == "-time" {
            seen.reverse();
        }
        assert_eq!(seen, (0..2100).collect::<Vec<u64>>(), "{sort}");
    }
}

#[tokio::test]
async fn a_thousand_orders_are_one_page() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let rows: Vec<ProspectRow> = (0..1001).map(|number| prospect(number, NOW_MS + number, 0)).collect();
    insert_prospects(&world, &rows).await;
    insert_index(&world, &rows).await;
    let orders: Vec<OrderRow> =
        rows.iter().map(|row| order(1, u64::try_from(row.time).unwrap(), row)).collect();
    insert_orders(&world, &orders).await;
    let answer = world.get_as("/api/orders/list/?limit=1000", &owner).await;
    let list = answer.json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 1000);
    assert!(list.iter().all(|order| order["prospect"]["id"] == order["prospect_id"] && order["email"] != ""));
    assert!(answer.header("link").contains("cursor="));
}

#[tokio::test]
async fn waiting_orders_are_among_the_others_for_owners_only() {
    let office = Office::new().await;
    let world = &office.world;
    let parked = park_order(world, 9, NOW_MS - 45_000, "1", "").await;
    let list = world.get_as("/api/orders/list/", &office.owner).await.json();
    let found: Vec<_> = list.as_array().unwrap().iter().filter(|order| !order["parked"].is_null()).collect();
    assert_eq!(found.len(), 1);
    insta::assert_json_snapshot!(found[0], @r#"
    {
      "created_at": "2026-11-23T14:59:15.000Z",
      "delivery_address": "",
      "email": "park@example.com",
      "first_name": "Parker",
      "id": "01a208eb-19b8-7000-8000-000000000009",
      "last_name": "",
      "parked": "unknown_prospect",
      "phone_number": "",
      "prospect": null,
      "prospect_id": "1",
      "status": null
    }
    "#);
    // It has its place by time, also on pages of one row.
    let mut path = "/api/orders/list/?limit=1".to_owned();
    let mut times = Vec::new();
    loop {
        let answer = world.get_as(&path, &office.owner).await;
        times.push(answer.json()[0]["created_at"].as_str().unwrap().to_owned());
        let Some((_, cursor)) = answer.header("link").split_once("cursor=") else { break };
        path = format!("/api/orders/list/?limit=1&cursor={}", cursor.split('>').next().unwrap());
    }
    assert_eq!(times.len(), 7);
    assert!(times.is_sorted_by(|left, right| left > right), "{times:?}");

    let detail = format!("/api/orders/detail/{parked}/");
    assert_eq!(world.get_as(&detail, &office.owner).await.json()["parked"], "unknown_prospect");
    for person in [&office.lead, &office.ann] {
        assert!(!world.get_as("/api/orders/list/", person).await.text.contains("park@"));
        assert_eq!(world.get_as(&detail, person).await.status, 404);
    }
}
