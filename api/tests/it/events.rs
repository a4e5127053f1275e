//! Events that tests store and park, and an office whose buyers have events.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
        rules: String::new(),
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
