//! `GET /api/reports/`: formulas by hand, levels and pages, time and comparison.

use serde_json::{Value, json};
use sluice_api::policy::Position;
use sluice_schemas::rows::{OrderRow, ProspectRow};

use crate::events::{id, insert_index, insert_orders, insert_prospects, order, prospect};
use crate::world::{NOW_MS, Person, World};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Stores visits and orders as the consumer does.
pub(crate) async fn store(world: &World, prospects: &[ProspectRow], orders: &[OrderRow]) {
    insert_prospects(world, prospects).await;
    insert_index(world, prospects).await;
    insert_orders(world, orders).await;
}

/// Returns a report.
pub(crate) async fn report(world: &World, person: &Person, query: &str) -> Value {
    let answer = world.get_as(&format!("/api/reports/?{query}"), person).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    answer.json()
}

/// Returns the rows of a level as lines: labels, then the values of these metrics.
pub(crate) fn lines(rows: &Value, metrics: &[&str]) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        let labels =
            row["keys"].as_array().unwrap().iter().map(|key| key["label"].as_str().unwrap().to_owned());
        let values = metrics.iter().map(|metric| row["values"][metric].to_string());
        labels.chain(values).collect::<Vec<_>>().join(" ")
    })
    .collect()
}

/// A visit for 0.50 USD with some of its columns.
pub(crate) fn visit(number: u64, time_ms: u64, user_id: i64, country: &str, device: &str) -> ProspectRow {
    ProspectRow {
        country: country.to_owned(),
        device: device.to_owned(),
        cost: 500_000,
        ip: std::net::Ipv4Addr::new(198, 51, 100, u8::try_from(number % 200).unwrap()).to_ipv6_mapped(),
        subs: vec![format!("s{}", number % 2)],
        ..prospect(number, time_ms, user_id)
    }
}

fn sold(number: u64, of: &ProspectRow, status: &str, payout: i64) -> OrderRow {
    let time_ms = u64::try_from(of.time).unwrap() + 1000;
    OrderRow {
        status: status.to_owned(),
        payout,
        currency: "USD".to_owned(),
        campaign_id: of.campaign_id,
        ..order(number, time_ms, of)
    }
}

#[tokio::test]
async fn expected_revenue_is_by_the_approve_rate_of_the_campaign() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let (mut visits, mut orders) = (Vec::new(), Vec::new());
    let mut add = |campaign_id: u64, n: u64, age_ms: u64, status: &str| {
        for _ in 0..n {
            let number = 1 + visits.len() as u64;
            let of =
                ProspectRow { campaign_id, ..visit(number, NOW_MS - age_ms - number, 7, "UA", "mobile") };
            orders.push(sold(number, &of, status, if status == "hold" { 8_000_000 } else { 0 }));
            visits.push(of);
        }
    };
    // Of campaign 5, 30 of 40 orders were approved; those of more than 90 days ago do not count.
    add(5, 30, 10 * DAY_MS, "sale");
    add(5, 10, 10 * DAY_MS, "rejected");
    add(5, 50, 91 * DAY_MS, "rejected");
    add(5, 1, HOUR_MS, "hold");
    // Campaign 6 has too few decided orders for a rate of its own: 30 of 45 of all were approved.
    add(6, 5, 10 * DAY_MS, "trash");
    add(6, 2, HOUR_MS, "hold");
    store(&world, &visits, &orders).await;
    let metrics = ["revenue_expected", "revenue_expected_low", "revenue_expected_high"];
    let query = format!("range=today&group_by=campaign&sort=campaign&metrics={}", metrics.join(","));
    let found = report(&world, &owner, &query).await;
    assert_eq!(
        lines(&found["rows"], &metrics),
        [r##"#5 "6.00" "4.784483" "6.865031""##, r##"#6 "10.666666" "8.331278" "12.58258""##,]
    );
    assert_eq!(found["total"]["values"]["revenue_expected"], "16.666666");
    let lead = world.person("lead", Position::TeamLead).await;
    let empty = report(&world, &lead, &query).await;
    assert_eq!(empty["total"]["values"]["revenue_expected"], "0.00");
}

#[tokio::test]
async fn sums_and_rates_by_hand() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    // Ten visits from two countries, the last one by a bot, and the second by the first visitor.
    let mut visits: Vec<ProspectRow> = (1..=10)
        .map(|number| {
            visit(number, NOW_MS - number * 1000, 7, if number > 6 { "PL" } else { "UA" }, "mobile")
        })
        .collect();
    visits[9].bot = "user_agent".to_owned();
    visits[1].ip = visits[0].ip;
    let orders = [
        sold(1, &visits[0], "sale", 8_000_000),
        sold(2, &visits[1], "hold", 8_000_000),
        sold(3, &visits[2], "rejected", 8_000_000),
        sold(4, &visits[3], "trash", 8_000_000),
        sold(5, &visits[6], "chargeback", 8_000_000),
        sold(6, &visits[7], "rebill", 4_000_000),
    ];
    store(&world, &visits, &orders).await;
    let metrics = "prospects,unique,bots,orders,hold,sales,rejected,trash,chargebacks,rebills,cr,cr_sale,\
                   approve_rate,approve_rate_clean,revenue,revenue_hold,revenue_with_hold,cost,profit,roi,roas,epc,uepc,cpc,\
                   cpa,cps,aov,unique_rate,bot_rate";
    let found = report(&world, &owner, &format!("group_by=country&metrics={metrics}")).await;
    insta::assert_snapshot!(serde_json::to_string(&found["rows"][0]["values"]).unwrap(), @r#"{"aov":"2.00","approve_rate":0.25,"approve_rate_clean":0.33333333,"bot_rate":0.0,"bots":0,"chargebacks":0,"cost":"3.00","cpa":"0.75","cpc":"0.50","cps":"3.00","cr":0.66666667,"cr_sale":0.16666667,"epc":"1.333333","hold":1,"orders":4,"profit":"5.00","prospects":6,"rebills":0,"rejected":1,"revenue":"8.00","revenue_hold":"8.00","revenue_with_hold":"16.00","roas":2.66666667,"roi":1.66666667,"sales":1,"trash":1,"uepc":"1.60","unique":5,"unique_rate":0.83333333}"#);
    insta::assert_snapshot!(serde_json::to_string(&found["rows"][1]["values"]).unwrap(), @r#"{"aov":"2.00","approve_rate":null,"approve_rate_clean":null,"bot_rate":0.25,"bots":1,"chargebacks":1,"cost":"2.00","cpa":"1.00","cpc":"0.50","cps":null,"cr":0.5,"cr_sale":0.0,"epc":"1.00","hold":0,"orders":2,"profit":"2.00","prospects":4,"rebills":1,"rejected":0,"revenue":"4.00","revenue_hold":"0.00","revenue_with_hold":"4.00","roas":2.0,"roi":1.0,"sales":0,"trash":0,"uepc":"1.00","unique":4,"unique_rate":1.0}"#);
    assert_eq!(
        (&found["total"]["values"]["roi"], &found["total"]["values"]["profit"]),
        (&json!(1.4), &json!("7.00"))
    );
    assert_eq!(
        (&found["others"], &found["before"], &found["next"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    // A rate of few is uncertain.
    assert_eq!(found["rows"][1]["uncertain"]["bot_rate"], 4);
    assert_eq!(found["rows"][1]["uncertain"].get("roi"), None);
    let humans = report(&world, &owner, "group_by=country&bot=false&preset=traffic").await;
    assert_eq!(lines(&humans["rows"], &["prospects", "orders"]), ["UA 6 4", "PL 3 2"]);
    let bots = report(&world, &owner, "group_by=bot&bot=true&preset=traffic").await;
    assert_eq!(lines(&bots["rows"], &["prospects", "bots"]), ["user_agent 1 1"]);
}

#[tokio::test]
async fn a_visitor_counts_once_in_the_window() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let of = |number, time_ms, campaign_id| ProspectRow {
        ip: "::1".parse().unwrap(),
        campaign_id,
        ..visit(number, time_ms, 7, "UA", "mobile")
    };
    let day = NOW_MS / DAY_MS * DAY_MS;
    let visits = [
        of(1, day + 1, 1),
        of(2, day + HOUR_MS - 1, 1),
        of(3, day + HOUR_MS, 2),
        of(4, day - 1, 2),
        of(5, day - 2, 2),
    ];
    store(&world, &visits, &[]).await;
    for (uniq, expected) in [("1h", 3), ("24h", 2), ("campaign", 2), ("ever", 1)] {
        let found = report(&world, &owner, &format!("group_by=country&metrics=unique&uniq={uniq}")).await;
        assert_eq!(found["total"]["values"]["unique"], expected, "{uniq}");
    }
    // In Kyiv all are of one day, and in Kathmandu the hours begin at another minute.
    let kyiv = report(&world, &owner, "group_by=country&metrics=unique&tz=Europe/Kyiv").await;
    assert_eq!(kyiv["total"]["values"]["unique"], 1);
    let by_day = report(&world, &owner, "group_by=day&metrics=unique&range=7d&uniq=ever").await;
    let days: Vec<i64> = by_day["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["values"]["unique"].as_i64().unwrap())
        .collect();
    assert_eq!((days, &by_day["total"]["values"]["unique"]), (vec![0, 0, 0, 0, 0, 1, 1], &json!(1)));
}

#[tokio::test]
async fn money_is_converted_by_the_rate_of_its_day() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    world
        .sql(
            "INSERT INTO fund_rates (base, quote, day, rate_e9, created_at) VALUES
             ('EUR', 'USD', '2026-11-01', 1100000000, 'epoch'), ('EUR', 'USD', '2026-11-22', 1200000000, 'epoch'),
             ('USD', 'UAH', '2026-11-01', 40000000000, 'epoch')",
        )
        .await;
    let in_currency = |number, time_ms, cost, currency: &str| ProspectRow {
        cost,
        currency: currency.to_owned(),
        ..visit(number, time_ms, 7, "UA", "mobile")
    };
    let visits = [
        in_currency(1, NOW_MS - 3 * DAY_MS, 1_000_000, "EUR"),
        in_currency(2, NOW_MS, 1_000_000, "EUR"),
        in_currency(3, NOW_MS, 10_000_000, "UAH"),
        in_currency(4, NOW_MS, 1_000_000, "USD"),
    ];
    store(&world, &visits, &[]).await;
    let query = "group_by=country&metrics=cost,cpc,profit";
    let found = report(&world, &owner, query).await;
    assert_eq!((&found["currency"], &found["missing_rates"]), (&json!("USD"), &json!([])));
    assert_eq!(found["total"]["values"], json!({"cost": "3.55", "cpc": "0.8875", "profit": "-3.55"}));
    let in_uah = report(&world, &owner, &format!("{query}&currency=UAH&user_id=7&country=UA")).await;
    assert_eq!((&in_uah["currency"], &in_uah["total"]["values"]["cost"]), (&json!("UAH"), &Value::Null));
    let days = json!([{"currency": "EUR", "days": ["2026-11-20", "2026-11-23"]}]);
    assert_eq!(in_uah["missing_rates"], days);
    // A day on which a rate is missing does not hide the others.
    let by_day = report(&world, &owner, "group_by=day&metrics=cost&currency=UAH&range=today").await;
    assert_eq!(by_day["rows"][0]["values"]["cost"], Value::Null);
    let early =
        [in_currency(5, NOW_MS - 30 * DAY_MS, 1_000_000, "EUR"), in_currency(6, NOW_MS, 2_000_000, "")];
    store(&world, &early, &[]).await;
    let all = report(&world, &owner, &format!("{query}&range=all")).await;
    let days = json!([{"currency": "", "days": ["2026-11-23"]}, {"currency": "EUR", "days": ["2026-10-24"]}]);
    assert_eq!((&all["missing_rates"], &all["total"]["values"]["cost"]), (&days, &Value::Null));
    assert_eq!(all["from"], "2026-10-24T00:00:00.000Z");
    // A report without amounts needs no rates.
    assert_eq!(
        report(&world, &owner, "range=all&group_by=os&preset=traffic").await["missing_rates"],
        json!([])
    );
}

#[tokio::test]
async fn a_tree_has_rows_in_rows_and_others() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let ann = world.person("ann", Position::Buyer).await.id;
    let mut visits = Vec::new();
    for (number, (user, country, device)) in (1..).zip([
        (ann, "UA", "mobile"),
        (ann, "UA", "mobile"),
        (ann, "UA", "desktop"),
        (ann, "PL", "mobile"),
        (0, "PL", "mobile"),
        (99, "DE", "tablet"),
    ]) {
        visits.push(visit(number, NOW_MS - number * 1000, user, country, device));
    }
    store(&world, &visits, &[sold(1, &visits[0], "sale", 8_000_000)]).await;
    let query = "group_by=user,country,device&metrics=prospects,orders";
    let found = report(&world, &owner, query).await;
    assert_eq!(lines(&found["rows"], &["prospects", "orders"]), ["ann 4 1", "(none) 1 0", "#99 1 0"]);
    let countries = &found["rows"][0]["children"]["rows"];
    assert_eq!(lines(countries, &["prospects"]), ["UA 3", "PL 1"]);
    assert_eq!(
        lines(&countries[0]["children"]["rows"], &["prospects", "orders"]),
        ["mobile 2 1", "desktop 1 0"]
    );
    assert_eq!(countries[0]["path"], format!("{ann}/UA"));
    assert_eq!(countries[0]["keys"][0]["filter"], "country=UA");
    assert_eq!(found["rows"][0]["keys"][0]["href"], format!("/users/{ann}/"));
    assert_eq!(found["rows"][1]["keys"][0]["filter"], "user_id.none=1");
    // Closed, but for one row.
    let closed = report(&world, &owner, &format!("{query}&open=none&open={ann}")).await;
    assert_eq!(lines(&closed["rows"][0]["children"]["rows"], &["prospects"]), ["UA 3", "PL 1"]);
    assert_eq!(closed["rows"][0]["children"]["rows"][0]["children"], Value::Null);
    assert_eq!(closed["rows"][1]["children"], Value::Null);
    // Flat, the least first.
    let flat =
        report(&world, &owner, "group_by=country,device&shape=flat&sort=prospects&metrics=prospects").await;
    assert_eq!(
        lines(&flat["rows"], &["prospects"]),
        ["DE tablet 1", "UA desktop 1", "PL mobile 2", "UA mobile 2"]
    );
    // By hours of a day below a buyer.
    let hours =
        report(&world, &owner, "group_by=user,hour&metrics=prospects&range=today&user_id.none=1").await;
    let hours = lines(&hours["rows"][0]["children"]["rows"], &["prospects"]);
    assert_eq!((hours.len(), &*hours[14], &*hours[15]), (16, "Mon 23 Nov 14:00 1", "Mon 23 Nov 15:00 0"));
}

#[tokio::test]
async fn pages_add_up_to_the_total() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    // Value n has n visits.
    let mut visits = Vec::new();
    for value in 1..=25 {
        for _ in 0..value {
            let number = visits.len() as u64 + 1;
            let subs = vec![format!("v{value:02}")];
            visits.push(ProspectRow { subs, ..visit(number, NOW_MS - number, 7, "UA", "mobile") });
        }
    }
    store(&world, &visits, &[]).await;
    let query = "group_by=sub1&metrics=prospects,cost,unique&per_page=10&uniq=ever";
    let (mut path, mut seen) = (query.to_owned(), Vec::new());
    loop {
        let found = report(&world, &owner, &path).await;
        assert_eq!(
            (&found["total"]["n_rows"], &found["total"]["values"]["prospects"]),
            (&json!(25), &json!(325))
        );
        let n = |sums: &Value| sums["values"]["prospects"].as_i64().unwrap_or(0);
        let rows = found["rows"].as_array().unwrap();
        let sum: i64 = rows.iter().map(n).sum();
        assert_eq!(sum + n(&found["before"]) + n(&found["others"]), 325);
        let n_rows = |sums: &Value| sums["n_rows"].as_u64().unwrap_or(0);
        assert_eq!(rows.len() as u64 + n_rows(&found["before"]) + n_rows(&found["others"]), 25);
        seen.extend(lines(&found["rows"], &["prospects"]));
        let Some(cursor) = found["next"].as_str() else { break };
        path = format!("{query}&cursor={cursor}");
    }
    let expected: Vec<String> = (1..=25).rev().map(|value| format!("v{value:02} {value}")).collect();
    assert_eq!(seen, expected);
    // A cursor belongs to its order.
    let next = report(&world, &owner, query).await["next"].as_str().unwrap().to_owned();
    let answer = world.get_as(&format!("/api/reports/?{query}&sort=cost&cursor={next}"), &owner).await;
    assert!(answer.status == 400 && answer.text.starts_with("{\"cursor\""), "{}", answer.text);
}

#[tokio::test]
async fn days_of_other_lengths_and_hours_that_come_twice() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    // One visit every half an hour from 24 to 26 October, UTC.
    let begin = 1_792_800_000_000 / DAY_MS * DAY_MS;
    let visits: Vec<_> =
        (0..144).map(|half| visit(half + 1, begin + half * HOUR_MS / 2, 7, "UA", "mobile")).collect();
    store(&world, &visits, &[]).await;
    let kyiv = "tz=Europe/Kyiv&metrics=prospects&from=2026-10-25&to=2026-10-25";
    let day = report(&world, &owner, &format!("{kyiv}&group_by=day")).await;
    assert_eq!(lines(&day["rows"], &["prospects"]), ["Sun 25 Oct (25 h) 50"]);
    let hours = report(&world, &owner, &format!("{kyiv}&group_by=hour")).await;
    assert_eq!(hours["rows"].as_array().unwrap().len(), 25);
    assert_eq!(
        lines(&hours["rows"], &["prospects"])[3..5],
        ["Sun 25 Oct 03:00 +03 2", "Sun 25 Oct 03:00 +02 2"]
    );
    let key = &hours["rows"][4]["keys"][0];
    assert_eq!(
        (&key["value"], &key["from"]),
        (&json!("2026-10-25T03:00:00+02:00"), &json!("2026-10-25T01:00:00.000Z"))
    );
    let clock = report(&world, &owner, &format!("{kyiv}&group_by=hour_of_day")).await;
    assert_eq!(lines(&clock["rows"], &["prospects"])[2..5], ["02:00 2", "03:00 4", "04:00 2"]);
    let weekdays = report(
        &world,
        &owner,
        "tz=Asia/Kathmandu&metrics=prospects&group_by=weekday&from=2026-10-24&to=2026-10-26",
    )
    .await;
    assert_eq!(
        lines(&weekdays["rows"], &["prospects"]),
        ["Monday 48", "Tuesday 0", "Wednesday 0", "Thursday 0", "Friday 0", "Saturday 37", "Sunday 48"]
    );
    let one = report(&world, &owner, &format!("{kyiv}&group_by=day&hour_of_day=3&weekday=7")).await;
    assert_eq!(lines(&one["rows"], &["prospects"]), ["Sun 25 Oct (25 h) 4"]);
}

#[tokio::test]
async fn a_report_is_compared_with_another_range() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let week = NOW_MS - 7 * DAY_MS;
    let visits = [
        visit(1, NOW_MS - 1000, 7, "UA", "mobile"),
        visit(2, NOW_MS - 2000, 7, "UA", "mobile"),
        visit(3, NOW_MS - 3000, 7, "PL", "mobile"),
        visit(4, week - 1000, 7, "UA", "mobile"),
        // After this time of the day, a week ago.
        visit(5, week + HOUR_MS, 7, "UA", "mobile"),
        visit(6, week - 2000, 7, "DE", "mobile"),
    ];
    store(&world, &visits, &[]).await;
    let found =
        report(&world, &owner, "group_by=country&metrics=prospects,unique&range=today&compare=week").await;
    assert_eq!(lines(&found["rows"], &["prospects"]), ["UA 2", "PL 1"]);
    let then = |sums: &Value| sums["compared"]["prospects"].clone();
    assert_eq!((then(&found["rows"][0]), then(&found["rows"][1])), (json!(1), json!(0)));
    // Germany has no visits any more, and is in Others.
    assert_eq!((then(&found["others"]), &found["others"]["n_rows"]), (json!(1), &json!(0)));
    assert_eq!((then(&found["total"]), &found["total"]["n_rows"]), (json!(2), &json!(2)));
    assert_eq!(
        (&found["compare"]["name"], &found["compare"]["note"]),
        (&json!("vs week before"), &json!("both until 15:00"))
    );
    // Days by their place in the range.
    let days = report(&world, &owner, "group_by=day&metrics=prospects&range=7d&compare=week").await;
    let rows = days["rows"].as_array().unwrap();
    let both: Vec<(i64, i64)> = rows
        .iter()
        .map(|row| (row["values"]["prospects"].as_i64().unwrap(), then(row).as_i64().unwrap()))
        .collect();
    assert_eq!(both, [(0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (3, 2)]);
}

#[tokio::test]
async fn an_order_has_the_texts_of_its_first_visit() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let first =
        ProspectRow { keyword: "first".to_owned(), ..visit(1, NOW_MS - 9 * DAY_MS, 7, "UA", "mobile") };
    let again = ProspectRow { keyword: "again".to_owned(), ..visit(1, NOW_MS - 1000, 7, "UA", "mobile") };
    let late = order(1, NOW_MS - 500, &first);
    let lost = OrderRow { prospect_id: id(99), ..order(2, NOW_MS - 400, &first) };
    store(&world, &[again, first], &[late, lost]).await;
    let found = report(&world, &owner, "group_by=keyword&metrics=prospects,orders&sort=keyword").await;
    assert_eq!(lines(&found["rows"], &["prospects", "orders"]), ["(none) 0 1", "again 1 0", "first 0 1"]);
    let found = report(&world, &owner, "group_by=keyword&metrics=prospects,orders&keyword=first").await;
    assert_eq!(lines(&found["rows"], &["prospects", "orders"]), ["first 0 1"]);
}

#[tokio::test]
async fn sources_and_partners_are_those_of_the_campaign() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    world.sql("INSERT INTO sources (name) VALUES ('TikTok')").await;
    world.sql("INSERT INTO partners (name) VALUES ('Advertiser')").await;
    world.sql("INSERT INTO campaigns (name, source_id, partner_id) VALUES ('a', 1, 1), ('b', 1, NULL)").await;
    let of = |number, campaign_id| ProspectRow {
        campaign_id,
        ..visit(number, NOW_MS - number, 7, "UA", "mobile")
    };
    let visits = [of(1, 1), of(2, 2), of(3, 2), of(4, 0)];
    let orders = [OrderRow { campaign_id: 2, ..sold(1, &visits[1], "sale", 5_000_000) }];
    store(&world, &visits, &orders).await;
    let found = report(&world, &owner, "group_by=source,partner&metrics=prospects,orders&shape=flat").await;
    assert_eq!(
        lines(&found["rows"], &["prospects", "orders"]),
        ["TikTok (none) 2 1", "(none) (none) 1 0", "TikTok Advertiser 1 0"]
    );
    let found =
        report(&world, &owner, "group_by=campaign&metrics=prospects&source_id=1&partner_id.none=1").await;
    assert_eq!(lines(&found["rows"], &["prospects"]), ["b 2"]);
}
