//! The dates of lists: one control, in the viewer's zone, kept by filters, pages and CSV files.

use sluice_api::policy::Position;

use crate::events::{Office, id, insert_prospects, park_order, prospect};
use crate::world::{NOW_MS, World};

const HOUR_MS: u64 = 3_600_000;
/// Lists of the pages that have dates.
const LISTS: [&str; 8] = [
    "/prospects/",
    "/orders/",
    "/funds/requests/",
    "/funds/transfers/",
    "/funds/ledger/",
    "/funds/rates/",
    "/admin/audit/",
    "/parked/",
];

#[tokio::test]
async fn days_begin_at_midnight_of_the_viewers_zone() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    world.sql(&format!("UPDATE users SET time_zone = 'Asia/Kolkata' WHERE id = {}", owner.id)).await;
    // In Kolkata it is 20:30, in UTC 15:00. Midnight was 20.5 and 15 hours ago.
    for (number, hours) in [(1, 1), (2, 16), (3, 21), (4, 50)] {
        insert_prospects(&world, &[prospect(number, NOW_MS - hours * HOUR_MS, owner.id)]).await;
    }
    let mut visitor = world.visitor("owner").await;
    for (query, expected) in [
        ("", vec![1, 2, 3, 4]),
        ("range=all", vec![1, 2, 3, 4]),
        ("range=today", vec![1, 2]),
        ("range=today&tz=UTC", vec![1]),
        ("range=yesterday", vec![3]),
        ("from=2026-11-21&to=2026-11-22", vec![3, 4]),
        ("to=2026-11-21", vec![4]),
        ("from=2026-11-23T14:30:00Z", vec![]),
    ] {
        let page = visitor.get(&format!("/prospects/?{query}")).await;
        assert_eq!(page.status, 200, "{query}: {}", page.text);
        let csv = visitor.get(&format!("/prospects/export.csv?{query}")).await.text;
        for number in 1..=4 {
            let is_there = expected.contains(&number);
            assert_eq!(page.text.contains(&id(number).to_string()), is_there, "{query}: {number}");
            assert_eq!(csv.contains(&id(number).to_string()), is_there, "{query}: {number} in the file");
        }
        assert_eq!(page.text.contains("Nothing matches"), expected.is_empty(), "{query}");
    }
    // The zone of the request is that of all times.
    let page = visitor.get("/prospects/?range=today&tz=UTC").await.text;
    assert!(page.contains("2026-11-23 14:00:00") && page.contains("Times in UTC, not your zone."), "{page}");
    assert!(visitor.get("/prospects/?range=today").await.text.contains("2026-11-23 19:30:00"));
}

#[tokio::test]
async fn pages_filters_and_files_keep_the_dates() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let rows: Vec<_> = (1..=12).map(|number| prospect(number, NOW_MS - number * 1000, owner.id)).collect();
    insert_prospects(&world, &rows).await;
    insert_prospects(&world, &[prospect(99, NOW_MS - 30 * HOUR_MS, owner.id)]).await;
    let mut visitor = world.visitor("owner").await;
    let first = visitor.get("/prospects/?range=today&tz=UTC&country=UA&per_page=10").await.text;
    assert!(
        first.contains("href=\"export.csv?range=today&#38;tz=UTC&#38;country=UA&#38;per_page=10\""),
        "{first}"
    );
    let (filters, control) = (form(&first, "class=\"filters"), form(&first, "class=\"dates-form\""));
    for field in ["name=\"range\" value=\"today\"", "name=\"tz\" value=\"UTC\""] {
        assert!(filters.contains(&format!("type=\"hidden\" {field}")), "{filters}");
    }
    for field in ["name=\"country\" value=\"UA\"", "name=\"per_page\" value=\"10\""] {
        assert!(control.contains(&format!("type=\"hidden\" {field}")), "{control}");
    }
    let (_, next) = first.split_once("rel=\"next\" href=\"").unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    assert!(next.contains("range=today") && next.contains("cursor="), "{next}");
    let second = visitor.get(&format!("/prospects/{next}")).await.text;
    assert!(second.contains(&id(12).to_string()) && !second.contains(&id(99).to_string()), "{second}");
    assert!(form(&second, "class=\"dates-form\"").find("cursor").is_none(), "other dates begin again");
}

/// Returns the form with this part in its tag.
fn form(page: &str, part: &str) -> String {
    let (_, form) = page.split_once(&format!("<form {part}")).expect(part);
    form.split("</form>").next().unwrap().to_owned()
}

#[tokio::test]
async fn every_list_with_dates_has_the_control_and_explains_wrong_ones() {
    let office = Office::new().await;
    let world = &office.world;
    park_order(world, 9, NOW_MS - 45_000, "1", "").await;
    world
        .sql(
            "INSERT INTO fund_rates (base, quote, day, rate_e9, created_at)
             VALUES ('EUR', 'USD', '2026-11-22', 1100000000, 'epoch'), ('EUR', 'USD', '2026-11-23', 1200000000, 'epoch')",
        )
        .await;
    let mut owner = world.visitor("owner").await;
    for list in LISTS {
        for range in ["today", "24h", "7full", "last_week", "year", "all"] {
            let page = owner.get(&format!("{list}?range={range}")).await;
            assert_eq!(page.status, 200, "{list} {range}: {}", page.text);
            assert!(
                page.text.contains("class=\"dates-form\"") && !page.text.contains("id=\"from\""),
                "{list}"
            );
        }
        for (query, field, message) in [
            ("range=fortnight", "range", "&#34;fortnight&#34; is not a valid choice."),
            ("from=soon", "from", "Enter a date as 2026-11-23"),
            ("from=2026-11-20&to=2026-11-19", "to", "Ensure this is not before"),
            ("tz=Mars/Olympus", "tz", "This is not the name of a time zone"),
            ("to=%00", "to", "Null characters are not allowed."),
            ("from=%3Cscript%3E", "from", "Enter a date as 2026-11-23"),
        ] {
            let answer = owner.get(&format!("{list}?{query}")).await;
            assert_eq!(answer.status, 400, "{list} {query}");
            let label = match field {
                "range" => "Dates",
                "from" => "From",
                "to" => "To",
                _ => "Time zone",
            };
            for part in [
                format!("<a href=\"#dates-{field}\">{label}: "),
                format!("id=\"dates-{field}\""),
                message.to_owned(),
                "<title>Error: ".to_owned(),
            ] {
                assert!(answer.text.contains(&part), "{list} {query}: {part}: {}", answer.text);
            }
            assert!(!answer.text.contains("<script>") && !answer.text.contains("Nothing matches"), "{query}");
        }
        for query in ["range=&from=&to=&tz=", "from=0001-01-01", "to=9999-12-31"] {
            assert_eq!(owner.get(&format!("{list}?{query}")).await.status, 200, "{list} {query}");
        }
    }
    for list in LISTS.iter().filter(|list| **list != "/parked/") {
        let file = owner.get(&format!("{list}export.csv?range=fortnight")).await;
        assert_eq!(file.status, 400, "{list}");
    }
    let rates = owner.get("/funds/rates/?range=today").await.text;
    assert!(rates.contains("1.2") && !rates.contains("1.1<"), "days of rates have no zone: {rates}");
    for (username, list) in [("funds", "/prospects/"), ("ann", "/admin/audit/"), ("lead", "/parked/")] {
        let answer = world.visitor(username).await.get(&format!("{list}?range=today")).await;
        assert_eq!(answer.status, 403, "{username} {list}");
    }
    let users = owner.get("/users/").await.text;
    assert!(!users.contains("dates-form"), "a list without dates has no control");
}

#[tokio::test]
async fn weeks_begin_on_the_viewers_day() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    // Saturday, Sunday and Monday.
    for (number, days) in [(1, 2), (2, 1), (3, 0)] {
        insert_prospects(&world, &[prospect(number, NOW_MS - days * 24 * HOUR_MS - 1, owner.id)]).await;
    }
    let mut visitor = world.visitor("owner").await;
    for (start, expected) in [("monday", 1), ("sunday", 2), ("saturday", 3)] {
        world.sql(&format!("UPDATE users SET week_start = '{start}' WHERE id = {}", owner.id)).await;
        let page = visitor.get("/prospects/?range=week").await.text;
        assert_eq!(page.matches("class=\"id\"").count(), expected, "{start}: {page}");
    }
}

#[tokio::test]
async fn files_have_the_columns_of_the_page() {
    let office = Office::new().await;
    let mut owner = office.world.visitor("owner").await;
    let orders = "Created,Id,Prospect,E-mail,Phone number,First name,Last name,Delivery address,Status,Waits,\
                  Payout,Payout (currency),User,User (name)";
    let prospects = "Created,Id,IP address,Country,User agent,Referral source,Bot,User,User (name)";
    for (list, columns) in [("orders", orders), ("prospects", prospects)] {
        let file = owner.get(&format!("/{list}/export.csv")).await.text;
        assert_eq!(file.trim_start_matches('\u{feff}').lines().next(), Some(columns));
    }
}
