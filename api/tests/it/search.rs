//! A search finds a text in each field of a visit: page, click id, referrer and user agent. It
//! finds names, phone numbers, ids and addresses as people write them.

use sluice_api::policy::Position;
use sluice_schemas::event::OrderRef;
use sluice_schemas::rows::{OrderContactRow, OrderRow, ProspectRow};

use crate::events::{id, insert_index, insert_prospects, numbers, order, order_id, park_sent, prospect};
use crate::world::{Answer, NOW_MS, Person, World};

/// The click id of a network, which is a UUID.
const CLICK_ID: &str = "7b0e0000-0000-4000-8000-00000000000a";

#[tokio::test]
async fn a_text_is_found_in_every_field_and_each_visit_once() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let visit = |number: u64| ProspectRow {
        user_agent: "Agent".to_owned(),
        referrer: "https://news.example/".to_owned(),
        page: "https://shop.example/".to_owned(),
        ..prospect(number, NOW_MS + number, 0)
    };
    let rows = [
        ProspectRow { page: "https://shop.example/?p=Summer_Sale-50%25".to_owned(), ..visit(1) },
        ProspectRow { external_id: "Summer".to_owned(), ..visit(2) },
        ProspectRow { referrer: "https://news.example/SUMMER".to_owned(), ..visit(3) },
        ProspectRow { user_agent: "Summer/1.0".to_owned(), ..visit(4) },
        ProspectRow { user_agent: r"back\slash".to_owned(), ..visit(5) },
        ProspectRow {
            page: "summer".to_owned(),
            referrer: "summer".to_owned(),
            user_agent: "summer".to_owned(),
            ..visit(6)
        },
        ProspectRow { page: r"https://shop.example/a\b?ЛІТО".to_owned(), ..visit(7) },
    ];
    insert_prospects(&world, &rows).await;
    for (q, found) in [
        ("sUMMer", vec![6, 4, 3, 1]),
        // A click id is matched exactly.
        ("Summer", vec![6, 4, 3, 2, 1]),
        ("summer_sale-50%25", vec![1]),
        ("summer%sale", vec![]),
        ("summer-sale", vec![]),
        ("%", vec![1]),
        ("_", vec![1]),
        (r"\", vec![7, 5]),
        (r"A\B", vec![7]),
        ("літо", vec![7]),
        ("l", vec![7, 5, 4, 3, 2, 1]),
        ("winter", vec![]),
    ] {
        let query = |more: &str| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            format!("/api/prospects/list/?{}{more}", query.append_pair("q", q).finish())
        };
        assert_eq!(numbers(&world.get_as(&query(""), &owner).await), found, "{q}");
        let mut pages = Vec::new();
        let mut next = Some(query("&limit=2"));
        while let Some(path) = next {
            let answer = world.get_as(&path, &owner).await;
            pages.extend(numbers(&answer));
            next = answer.header("link").split(['<', '>']).nth(1).map(str::to_owned);
        }
        assert_eq!(pages, found, "{q}, two at a time");
        let oldest_first = found.iter().rev().copied().collect::<Vec<_>>();
        assert_eq!(numbers(&world.get_as(&query("&sort=time"), &owner).await), oldest_first, "{q}");
    }
}

/// Asks for a path with a text to search for.
async fn search(world: &World, person: &Person, path: &str, q: &str) -> Answer {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("q", q).finish();
    world.get_as(&format!("{path}?{query}"), person).await
}

/// Stores orders with these first and last names, phone numbers and addresses.
async fn insert_contacts(world: &World, contacts: &[[&str; 4]]) {
    let mut orders = world.events().insert::<OrderRow>("orders").await.unwrap();
    let mut insert = world.events().insert::<OrderContactRow>("order_contacts").await.unwrap();
    for (number, [first_name, last_name, phone_number, address]) in (1..).zip(contacts) {
        let row = order(number, NOW_MS + number, &prospect(number, NOW_MS, 0));
        let contact = OrderContactRow {
            order_id: row.order_id,
            time: row.time,
            email: format!("Client.{number}@Example.com"),
            phone_number: (*phone_number).to_owned(),
            first_name: (*first_name).to_owned(),
            last_name: (*last_name).to_owned(),
            delivery_address: (*address).to_owned(),
            version: 0,
        };
        orders.write(&row).await.unwrap();
        insert.write(&contact).await.unwrap();
    }
    orders.end().await.unwrap();
    insert.end().await.unwrap();
}

#[tokio::test]
async fn orders_are_found_as_people_write_names_phones_and_addresses() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let contacts = [
        ["Ann", "Test", "+1 (555) 010-0123", "5 Baker St, London"],
        ["Test", "Ann-Marie", "0441234567", ""],
        ["Jürgen", "Müller", "0044 20 7946 0018", ""],
        ["Анна", "Тест", "+44 (0)161 4960000", ""],
        ["Oleh", "Shevchenko", "050 123 45 67", ""],
    ];
    insert_contacts(&world, &contacts).await;
    for (q, found) in [
        ("Ann Test", vec![2, 1]),
        ("Test Ann", vec![2, 1]),
        ("test,\u{a0}ANN", vec![2, 1]),
        ("Ann Nobody", vec![]),
        ("müller JÜRGEN", vec![3]),
        ("тест анна", vec![4]),
        ("London Ann", vec![1]),
        ("5 Baker St, London", vec![1]),
        ("15550100123", vec![1]),
        ("+1.555.010.0123", vec![1]),
        ("555 0100", vec![1]),
        ("(555) 010-0123", vec![1]),
        ("Ann 0100123", vec![1]),
        ("+44 20 7946-0018", vec![3]),
        ("+44 (0)20 79460018", vec![3]),
        ("020 7946 0018", vec![3]),
        ("441614960000", vec![4]),
        ("+380 50 123 4567", vec![5]),
        ("+380 50 123 4568", vec![]),
        ("CLIENT.1@example.COM", vec![1]),
        ("100%", vec![]),
    ] {
        let answer = search(&world, &owner, "/api/orders/list/", q).await;
        assert_eq!(numbers_of_orders(&answer), found, "{q}");
    }
    let hits = search(&world, &owner, "/api/search/", "Test Ann").await.json();
    assert_eq!(hits.as_array().unwrap().iter().filter(|hit| hit["kind"] == "order").count(), 2, "{hits}");
    let mut visitor = world.visitor("owner").await;
    let page = visitor.get("/search/?q=Test+Ann").await;
    assert!(page.status == 200 && page.text.contains("Ann Test, +1 (555) 010-0123"), "{}", page.text);
}

/// Returns the numbers of the orders in a list. An order's number is the end of its id.
fn numbers_of_orders(answer: &Answer) -> Vec<u64> {
    let list = answer.json();
    let orders = list.as_array().unwrap_or_else(|| panic!("{}", answer.text));
    let end =
        |order: &serde_json::Value| order["id"].as_str().unwrap().rsplit('-').next().unwrap().to_owned();
    orders.iter().map(|order| u64::from_str_radix(&end(order), 16).unwrap()).collect()
}

#[tokio::test]
async fn parked_orders_are_found_by_words_and_digits_too() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let sent = OrderRef {
        prospect_ref: CLICK_ID,
        first_name: "Zoë",
        last_name: "Lind",
        phone_number: "+46 (70) 555-01-99",
        ..OrderRef::default()
    };
    let parked = park_sent(&world, 9, NOW_MS, sent, ("", "")).await;
    let simple_id = CLICK_ID.replace('-', "");
    for q in ["Lind Zoë", "zoë lind", "LIND", "46705550199", "070 555 0199", "555 0199", CLICK_ID, &simple_id]
    {
        for path in ["/api/parked/list/", "/api/orders/list/"] {
            let answer = search(&world, &owner, path, q).await;
            assert_eq!(answer.json().as_array().map(Vec::len), Some(1), "{path} {q}: {}", answer.text);
            assert!(answer.text.contains(&parked.to_string()), "{path} {q}: {}", answer.text);
        }
    }
    for q in ["Lind Nobody", "46705550198"] {
        assert_eq!(search(&world, &owner, "/api/parked/list/", q).await.text, "[]", "{q}");
    }
}

#[tokio::test]
async fn an_id_is_also_a_text_and_an_address_has_many_spellings() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let visit = |number: u64| prospect(number, NOW_MS + number, 0);
    let other = "0190f000-0000-7000-8000-000000000001";
    let rows = [
        ProspectRow { external_id: CLICK_ID.to_owned(), ..visit(1) },
        ProspectRow { external_id: CLICK_ID.replace('-', "").to_uppercase(), ..visit(2) },
        ProspectRow { page: format!("https://shop.example/?order={other}"), ..visit(3) },
        ProspectRow { ip: "2001:db8::1".parse().unwrap(), ..visit(4) },
        ProspectRow { ip: "::ffff:203.0.113.7".parse().unwrap(), external_id: id(1).to_string(), ..visit(5) },
    ];
    insert_prospects(&world, &rows).await;
    insert_index(&world, &rows).await;
    let (upper, simple) = (CLICK_ID.to_uppercase(), CLICK_ID.replace('-', ""));
    let (braced, id_1, id_3) = (format!("{{{CLICK_ID}}}"), id(1).to_string(), id(3).simple().to_string());
    for (q, found) in [
        (CLICK_ID, vec![2, 1]),
        (&upper, vec![2, 1]),
        (&simple, vec![2, 1]),
        (&braced, vec![2, 1]),
        (&id_3, vec![3]),
        (&id_1, vec![5, 1]),
        (other, vec![3]),
        ("00000000-0000-0000-0000-000000000000", vec![]),
        ("2001:db8::1", vec![4]),
        ("2001:DB8:0:0:0:0:0:1", vec![4]),
        ("2001:0db8::0001", vec![4]),
        ("[2001:DB8::1]:4711", vec![4]),
        ("2001:DB8:", vec![4]),
        ("203.0.113.7", vec![5]),
        ("203.0.113.7:4711", vec![5]),
        ("::ffff:CB00:7107", vec![5]),
        ("203.0.113", vec![5]),
        ("2001:db8::2", vec![]),
    ] {
        let answer = search(&world, &owner, "/api/prospects/list/", q).await;
        assert_eq!(numbers(&answer), found, "{q}");
    }
    let page = world.get_as(&format!("/api/prospects/list/?limit=1&q={CLICK_ID}"), &owner).await;
    let next = page.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    assert_eq!((numbers(&page), numbers(&world.get_as(&next, &owner).await)), (vec![2], vec![1]));
    let hits = search(&world, &owner, "/api/search/", &id(1).to_string()).await.json();
    let hits: Vec<_> = hits.as_array().unwrap().iter().map(|hit| (&hit["id"], &hit["is_exact"])).collect();
    let (first, fifth) = (serde_json::json!(id(1)), serde_json::json!(id(5)));
    assert_eq!(hits, [(&first, &true.into()), (&fifth, &false.into())]);
    for q in [CLICK_ID, "2001:DB8:0:0:0:0:0:1"] {
        assert!(search(&world, &owner, "/api/search/", q).await.text.contains("prospect"), "{q}");
    }
    // An order of a visit is listed by the id of the visit, whatever else has that text.
    insert_contacts(&world, &[["Ann", "Test", "1", ""]]).await;
    let of_visit = search(&world, &owner, "/api/orders/list/", &id(1).to_string()).await;
    assert_eq!(of_visit.json()[0]["id"], serde_json::json!(order_id(1, NOW_MS + 1)));
}

#[tokio::test]
async fn people_teams_and_logins_are_found_by_words_in_any_order() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let ann = world.person("ann77", Position::Buyer).await;
    world
        .sql(&format!("UPDATE users SET first_name = 'Ann', last_name = 'Test' WHERE id = {}", ann.id))
        .await;
    world.team("Red Alpha", None, &[]).await;
    let count =
        async |path: &str, q: &str| search(&world, &owner, path, q).await.json().as_array().unwrap().len();
    for (q, n) in [
        ("Ann Test", 1),
        ("Test Ann", 1),
        ("test, ann", 1),
        ("ann77 TEST", 1),
        ("ANN77@Example.COM", 1),
        ("Ann Nobody", 0),
    ] {
        assert_eq!(count("/api/users/list/", q).await, n, "{q}");
    }
    assert_eq!(count("/api/teams/list/", "alpha red").await, 1);
    assert_eq!(count("/api/teams/list/", "alpha blue").await, 0);
    world.sql("UPDATE token_families SET address = '2001:db8::1'").await;
    assert_eq!(count("/api/sessions/list/", "2001:DB8:0:0:0:0:0:1").await, 2);
    assert_eq!(count("/api/sessions/list/", "2001:DB8:0:0:0:0:0:1 ann77").await, 1);
    assert_eq!(count("/api/sessions/list/", "2001:DB8:0:0:0:0:0:2").await, 0);
}
