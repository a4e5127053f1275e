//! Lists and details of events, and who sees them.

use serde_json::json;
use sluice_api::policy::Position;
use sluice_schemas::rows::{OrderRow, ProspectRow};
use uuid::Uuid;

use crate::events::{
    Office, id, insert_index, insert_orders, insert_prospects, numbers, order, order_id, park_order, prospect,
};
use crate::world::{NOW_MS, World};

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
