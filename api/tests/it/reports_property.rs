//! Random reports over random events, against a plain computation over the events: rows, Before,
//! Others, Total, files and the lists of events agree, in every zone and over changes of clocks.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Datelike as _;
use serde_json::Value;
use sluice_api::policy::Position;
use sluice_api::time_zone::TimeZone;
use sluice_schemas::rows::{OrderRow, ProspectRow};

use crate::events::{order, prospect};
use crate::reports::{report, store};
use crate::world::{Person, World};

const N_VISITS: u64 = 400;
const N_REPORTS: u64 = 32;
const HOUR_MS: i64 = 3_600_000;
const ZONES: [&str; 4] = ["UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Kyiv"];
/// First and last day of the ranges: the clocks change in the first three.
const RANGES: [(&str, &str); 4] = [
    ("2026-03-27", "2026-04-06"),
    ("2026-10-02", "2026-10-05"),
    ("2026-10-24", "2026-10-26"),
    ("2026-11-20", "2026-11-23"),
];
const DIMENSIONS: [&str; 16] = [
    "user",
    "team",
    "campaign",
    "country",
    "device",
    "os",
    "bot",
    "page",
    "sub1",
    "utm_source",
    "hour",
    "day",
    "week",
    "month",
    "weekday",
    "hour_of_day",
];
const METRICS: &str = "prospects,unique,bots,orders,sales,hold,revenue,revenue_hold,cost,profit";
const ADDITIVE: [&str; 9] =
    ["prospects", "bots", "orders", "sales", "hold", "revenue", "revenue_hold", "cost", "profit"];

/// A generator of numbers (`SplitMix64`): the same ones in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % n
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

/// An event with the dimensions of its visit.
struct Event<'a> {
    time_ms: i64,
    visit: &'a ProspectRow,
    order: Option<&'a OrderRow>,
}

/// Sums of events; money in millionths, with how many amounts have no rate.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Sums {
    counts: BTreeMap<&'static str, i128>,
    missing: BTreeSet<&'static str>,
    visitors: BTreeSet<(std::net::Ipv6Addr, String, i64)>,
}

struct Traffic {
    world: World,
    people: Vec<(Person, Position)>,
    visits: Vec<ProspectRow>,
    orders: Vec<OrderRow>,
    red: u64,
}

impl Traffic {
    async fn new(random: &mut Random) -> Self {
        let world = World::with_events(|_| {}).await;
        let mut people = Vec::new();
        for (name, position) in [
            ("owner", Position::Owner),
            ("funds", Position::FundsCoordinator),
            ("lead", Position::TeamLead),
            ("ann", Position::Buyer),
            ("bob", Position::Buyer),
        ] {
            people.push((world.person(name, position).await, position));
        }
        let red = world.team("Red", people[2].0.id, &[people[3].0.id]).await;
        world
            .sql(
                "INSERT INTO fund_rates (base, quote, day, rate_e9, created_at) VALUES
                 ('EUR', 'USD', '2026-03-01', 1080000000, 'epoch'), ('EUR', 'USD', '2026-10-25', 1100000000, 'epoch'),
                 ('USD', 'UAH', '2026-03-01', 41300000000, 'epoch')",
            )
            .await;
        let red = red.try_into().unwrap();
        let visits = visits(random, &people, red);
        let orders = orders(random, &visits);
        store(&world, &visits, &orders).await;
        Self { world, people, visits, orders, red }
    }

    /// The events that a person may count.
    fn events(&self, person: &Person, position: Position) -> Vec<Event<'_>> {
        let (viewer, ann) = (person.id.unsigned_abs(), self.people[3].0.id.unsigned_abs());
        let is_seen = |user_id: u64, team_id: u64| match position {
            Position::Owner | Position::FundsCoordinator => true,
            Position::Buyer => user_id == viewer,
            Position::TeamLead => {
                user_id == viewer || team_id == self.red || (team_id == 0 && user_id == ann)
            }
        };
        let visits = self.visits.iter().map(|visit| Event { time_ms: visit.time, visit, order: None });
        let orders = self.orders.iter().map(|order| {
            let visit = self.visits.iter().find(|visit| visit.prospect_id == order.prospect_id).unwrap();
            Event { time_ms: order.time, visit, order: Some(order) }
        });
        visits.chain(orders).filter(|event| is_seen(event.visit.user_id, event.visit.team_id)).collect()
    }
}

fn visits(random: &mut Random, people: &[(Person, Position)], red: u64) -> Vec<ProspectRow> {
    (1..=N_VISITS)
        .map(|number| {
            let (first, last) = random.pick(&RANGES);
            let begin = TimeZone::UTC.start_of_day(first.parse().unwrap()).unwrap();
            let end = TimeZone::UTC.start_of_day(last.parse().unwrap()).unwrap() + 24 * HOUR_MS;
            // Many at whole quarters of an hour, where intervals begin and end.
            let time_ms = u64::try_from(begin).unwrap() + random.below(u64::try_from(end - begin).unwrap());
            let time_ms = if random.below(3) == 0 { time_ms / 900_000 * 900_000 } else { time_ms };
            let user_id = random.pick(&[people[2].0.id, people[3].0.id, people[4].0.id, 0]).to_owned();
            ProspectRow {
                team_id: *random.pick(&[0, 0, red, red + 7]),
                campaign_id: random.below(3),
                ip: std::net::Ipv4Addr::new(10, 0, 0, u8::try_from(random.below(9)).unwrap())
                    .to_ipv6_mapped(),
                user_agent: (*random.pick(&["a", "b"])).to_owned(),
                country: (*random.pick(&["UA", "PL", "", "DE"])).to_owned(),
                device: (*random.pick(&["mobile", "desktop", "tablet"])).to_owned(),
                os: (*random.pick(&["iOS", "Linux"])).to_owned(),
                bot: (*random.pick(&["", "", "", "user_agent"])).to_owned(),
                page: (*random.pick(&["https://a.example/'?", "https://b.example/", ""])).to_owned(),
                subs: random.pick(&[vec![], vec!["x".to_owned()], vec!["y, \"z\"".to_owned()]]).clone(),
                utm_source: (*random.pick(&["", "news", "=1"])).to_owned(),
                cost: i64::try_from(random.below(2_000_000)).unwrap(),
                currency: (*random.pick(&["USD", "USD", "USD", "EUR", "UAH"])).to_owned(),
                ..prospect(number, time_ms, user_id)
            }
        })
        .collect()
}

fn orders(random: &mut Random, visits: &[ProspectRow]) -> Vec<OrderRow> {
    (1..)
        .zip(visits.iter().filter(|_| random.below(3) == 0).collect::<Vec<_>>())
        .map(|(number, visit)| {
            let time_ms = u64::try_from(visit.time).unwrap() + random.below(5_000_000);
            let statuses = ["hold", "sale", "sale", "rejected", "trash", "chargeback", "rebill"];
            OrderRow {
                campaign_id: visit.campaign_id,
                status: (*random.pick(&statuses)).to_owned(),
                payout: i64::try_from(random.below(9_000_001)).unwrap(),
                // There is no rate for pounds.
                currency: (*random.pick(&["USD", "USD", "EUR", "UAH", "UAH", "GBP"])).to_owned(),
                ..order(number, time_ms, visit)
            }
        })
        .collect()
}

/// The value of a dimension, as the answer writes it.
fn value(name: &str, event: &Event<'_>, zone: TimeZone) -> String {
    let visit = event.visit;
    let id = |id: u64| if id == 0 { String::new() } else { id.to_string() };
    let day = zone.day_of(event.time_ms);
    match name {
        "user" => id(visit.user_id),
        "team" => id(visit.team_id),
        "campaign" => id(visit.campaign_id),
        "country" => visit.country.clone(),
        "device" => visit.device.clone(),
        "os" => visit.os.clone(),
        "bot" => visit.bot.clone(),
        "page" => visit.page.clone(),
        "sub1" => visit.subs.first().cloned().unwrap_or_default(),
        "utm_source" => visit.utm_source.clone(),
        "hour" => zone.format(start_of_hour(event.time_ms, zone), "%Y-%m-%dT%H:%M:%S%:z"),
        "day" => day.to_string(),
        "week" => (day - chrono::Days::new(u64::from(day.weekday().num_days_from_monday()))).to_string(),
        "month" => day.format("%Y-%m").to_string(),
        "weekday" => (day.weekday().num_days_from_monday() + 1).to_string(),
        "hour_of_day" => (zone.clock_ms(event.time_ms) / HOUR_MS).to_string(),
        _ => panic!("{name}"),
    }
}

/// The start of the hour of the clocks, or the change of clocks in it.
fn start_of_hour(time_ms: i64, zone: TimeZone) -> i64 {
    let mut start = time_ms - time_ms.rem_euclid(60_000);
    let is_same = |at_ms: i64| zone.offset_ms(at_ms) == zone.offset_ms(time_ms);
    while zone.clock_ms(start) % HOUR_MS != 0 && is_same(start - 60_000) {
        start -= 60_000;
    }
    start
}

/// An amount in dollars, by the rates above; `None` without a rate.
fn converted(micros: i64, currency: &str, time_ms: i64) -> Option<i128> {
    let is_late = TimeZone::UTC.day_of(time_ms) >= "2026-10-25".parse().unwrap();
    let (above, below) = match currency {
        _ if micros == 0 => (1, 1),
        "USD" => (1, 1),
        "EUR" => (if is_late { 110 } else { 108 }, 100),
        "UAH" => (10, 413),
        _ => return None,
    };
    Some((i128::from(micros) * above * 2 + below) / (below * 2))
}

fn sum<'a>(events: impl Iterator<Item = &'a Event<'a>>, uniq: &str, zone: TimeZone) -> Sums {
    let mut sums = Sums::default();
    for event in events {
        let mut add = |name: &'static str, amount: Option<i128>| match amount {
            Some(amount) => *sums.counts.entry(name).or_default() += amount,
            None => {
                sums.missing.insert(name);
            }
        };
        let time_ms = event.time_ms;
        if let Some(order) = event.order {
            add("orders", Some(1));
            let payout = converted(order.payout, &order.currency, time_ms);
            match order.status.as_str() {
                "sale" => {
                    add("sales", Some(1));
                    add("revenue", payout);
                }
                "rebill" => add("revenue", payout),
                "hold" => {
                    add("hold", Some(1));
                    add("revenue_hold", payout);
                }
                _ => {}
            }
            continue;
        }
        let visit = event.visit;
        add("prospects", Some(1));
        add("bots", Some(i128::from(!visit.bot.is_empty())));
        add("cost", converted(visit.cost, &visit.currency, time_ms));
        let window = match uniq {
            "1h" => time_ms - zone.clock_ms(time_ms) % HOUR_MS,
            "24h" => zone.day_of(time_ms).num_days_from_ce().into(),
            "campaign" => visit.campaign_id.try_into().unwrap(),
            _ => 0,
        };
        sums.visitors.insert((visit.ip, visit.user_agent.clone(), window));
    }
    let of = |name: &str| sums.counts.get(name).copied().unwrap_or(0);
    let profit = of("revenue") - of("cost");
    sums.counts.insert("profit", profit);
    if sums.missing.contains("revenue") || sums.missing.contains("cost") {
        sums.missing.insert("profit");
    }
    sums
}

/// Millionths of an amount, or a count.
fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Null => None,
        Value::Number(number) => Some(number.as_i64().unwrap().into()),
        Value::String(text) => {
            let (whole, part) = text.split_once('.').unwrap();
            let digits = format!("{}{part:0<6}", whole.trim_start_matches('-'));
            let micros: i128 = digits.parse().unwrap();
            Some(if text.starts_with('-') { -micros } else { micros })
        }
        _ => panic!("{value}"),
    }
}

fn check(found: &Value, expected: &Sums, at: &str) {
    for name in ADDITIVE {
        let value = expected.counts.get(name).copied().unwrap_or(0);
        let value = (!expected.missing.contains(name)).then_some(value);
        assert_eq!(number(&found["values"][name]), value, "{name} of {at}");
    }
    assert_eq!(number(&found["values"]["unique"]), Some(expected.visitors.len() as i128), "unique of {at}");
}

/// A random filter and whether an event passes it.
type Filter = (String, Box<dyn Fn(&Event<'_>) -> bool>);

fn filter(random: &mut Random, ann: i64, may_see_texts: bool) -> Filter {
    let ann_id = ann.unsigned_abs();
    match random.below(if may_see_texts { 10 } else { 6 }) {
        0 => (String::new(), Box::new(|_| true)),
        1 => (
            "country=UA&country=PL".to_owned(),
            Box::new(|event| matches!(&*event.visit.country, "UA" | "PL")),
        ),
        2 => (
            "device.not=mobile&country.none=1".to_owned(),
            Box::new(|event| event.visit.device != "mobile" && event.visit.country.is_empty()),
        ),
        3 => ("bot=false".to_owned(), Box::new(|event| event.visit.bot.is_empty())),
        4 => (format!("user_id={ann}"), Box::new(move |event| event.visit.user_id == ann_id)),
        5 => (
            format!("user_id.not={ann}&bot=true"),
            Box::new(move |event| event.visit.user_id != ann_id && !event.visit.bot.is_empty()),
        ),
        6 => ("page.has=B.EXAMPLE".to_owned(), Box::new(|event| event.visit.page.contains("b.example"))),
        7 => (
            "sub1.none=1&sub1=x".to_owned(),
            Box::new(|event| event.visit.subs.first().is_none_or(|sub| sub == "x")),
        ),
        8 => ("page=https://a.example/'%3F".to_owned(), Box::new(|event| event.visit.page.ends_with("'?"))),
        _ => (
            "utm_source.not=news&os=iOS".to_owned(),
            Box::new(|event| event.visit.utm_source != "news" && event.visit.os == "iOS"),
        ),
    }
}

/// A report and what it is to have.
struct Asked {
    query: String,
    names: Vec<&'static str>,
    uniq: &'static str,
    zone: TimeZone,
}

#[tokio::test]
async fn reports_agree_with_a_plain_computation() {
    let mut random = Random(2026);
    let traffic = Traffic::new(&mut random).await;
    for _ in 0..N_REPORTS {
        let (person, position) = random.pick(&traffic.people).clone();
        let may_see_texts = position != Position::FundsCoordinator;
        let zone_name = *random.pick(&ZONES);
        let zone = TimeZone::find(zone_name).unwrap();
        let (first, last) = *random.pick(&RANGES);
        let mut names: Vec<&'static str> = Vec::new();
        while names.len() < usize::try_from(1 + random.below(3)).unwrap() {
            let name = *random.pick(&DIMENSIONS);
            let is_text = matches!(name, "page" | "sub1" | "utm_source");
            if !names.contains(&name) && (may_see_texts || !is_text) {
                names.push(name);
            }
        }
        let uniq = *random.pick(&["1h", "24h", "campaign", "ever"]);
        let sort = *random.pick(&["-prospects", "unique", "-revenue", "orders", "-profit"]);
        let (filter, passes) = filter(&mut random, traffic.people[3].0.id, may_see_texts);
        let query = format!(
            "group_by={}&metrics={METRICS}&from={first}&to={last}&tz={zone_name}&uniq={uniq}&sort={sort}&currency=USD&{filter}",
            names.join(",")
        );
        let begin = zone.start_of_day(first.parse().unwrap()).unwrap();
        let end = zone.start_of_day(last.parse::<chrono::NaiveDate>().unwrap().succ_opt().unwrap()).unwrap();
        let mut events = traffic.events(&person, position);
        events.retain(|event| (begin..end).contains(&event.time_ms) && passes(event));
        let asked = Asked { query, names, uniq, zone };
        check_pages(&traffic.world, &person, &asked, &events).await;
        check_tree(&traffic.world, &person, &asked, &events).await;
        check_file(&traffic.world, &person, &asked, &events).await;
    }
}

/// Groups events by the values of dimensions.
fn grouped<'a>(
    events: &'a [Event<'a>],
    names: &[&str],
    zone: TimeZone,
) -> BTreeMap<Vec<String>, Vec<&'a Event<'a>>> {
    let mut groups = BTreeMap::<Vec<String>, Vec<&Event<'_>>>::new();
    for event in events {
        let key = names.iter().map(|name| value(name, event, zone)).collect();
        groups.entry(key).or_default().push(event);
    }
    groups
}

fn keys(row: &Value) -> Vec<String> {
    row["keys"].as_array().unwrap().iter().map(|key| key["value"].as_str().unwrap().to_owned()).collect()
}

async fn check_pages(world: &World, person: &Person, asked: &Asked, events: &[Event<'_>]) {
    let groups = grouped(events, &asked.names, asked.zone);
    let of = |events: &[&Event<'_>]| sum(events.iter().copied(), asked.uniq, asked.zone);
    let total = sum(events.iter(), asked.uniq, asked.zone);
    let flat = format!("{}&shape=flat&per_page=10", asked.query);
    let (mut path, mut seen) = (flat.clone(), BTreeSet::new());
    loop {
        let found = report(world, person, &path).await;
        check(&found["total"], &total, &path);
        let before: Vec<&Event<'_>> =
            groups.iter().filter(|(key, _)| seen.contains(*key)).flat_map(|(_, all)| all.clone()).collect();
        for (index, row) in found["rows"].as_array().unwrap().iter().enumerate() {
            let key = keys(row);
            let none = Vec::new();
            let of_row = groups.get(&key).unwrap_or(&none);
            check(row, &of(of_row), &format!("{key:?} in {path}"));
            assert!(seen.insert(key), "twice in {path}");
            if index < 2 && path == flat {
                check_lists(world, person, row, &path).await;
            }
        }
        let others: Vec<&Event<'_>> =
            groups.iter().filter(|(key, _)| !seen.contains(*key)).flat_map(|(_, all)| all.clone()).collect();
        for (name, rest) in [("before", before), ("others", others)] {
            if rest.is_empty() {
                assert_eq!(found[name]["values"]["prospects"].as_u64().unwrap_or(0), 0, "{name} of {path}");
            } else {
                check(&found[name], &of(&rest), &format!("{name} of {path}"));
            }
        }
        let Some(cursor) = found["next"].as_str() else { break };
        path = format!("{flat}&cursor={cursor}");
    }
    assert!(groups.keys().all(|key| seen.contains(key)), "{flat}");
}

/// A count leads to exactly its events.
async fn check_lists(world: &World, person: &Person, row: &Value, at: &str) {
    for (list, metric) in [("prospects", "prospects"), ("orders", "orders")] {
        let Some(query) = row["events"][list].as_str() else { continue };
        let listed = world.get_as(&format!("/api/{list}/list/?limit=1000&{query}"), person).await;
        assert_eq!(listed.status, 200, "{query}: {}", listed.text);
        let n_listed = listed.json().as_array().unwrap().len() as u64;
        assert_eq!(Some(n_listed), row["values"][metric].as_u64(), "{query} of {at}");
    }
}

async fn check_tree(world: &World, person: &Person, asked: &Asked, events: &[Event<'_>]) {
    let query = format!("{}&shape=tree", asked.query);
    let found = report(world, person, &query).await;
    check_level(&found, asked, &events.iter().collect::<Vec<_>>(), 0);
}

/// Rows and Others of a level have exactly the events of their parent.
fn check_level(level: &Value, asked: &Asked, events: &[&Event<'_>], depth: usize) {
    let at = format!("level {depth} of {}", asked.query);
    let mut rest: Vec<&Event<'_>> = events.to_vec();
    for row in level["rows"].as_array().unwrap() {
        let key = keys(row).remove(0);
        let is_of = |event: &&Event<'_>| value(asked.names[depth], event, asked.zone) == key;
        let own: Vec<&Event<'_>> = rest.iter().copied().filter(|event| is_of(event)).collect();
        check(row, &sum(own.iter().copied(), asked.uniq, asked.zone), &format!("{key} in {at}"));
        rest.retain(|event| !is_of(event));
        if !row["children"].is_null() {
            check_level(&row["children"], asked, &own, depth + 1);
        }
    }
    if !rest.is_empty() {
        check(&level["others"], &sum(rest.into_iter(), asked.uniq, asked.zone), &format!("others of {at}"));
    }
}

async fn check_file(world: &World, person: &Person, asked: &Asked, events: &[Event<'_>]) {
    let groups = grouped(events, &asked.names, asked.zone);
    let query = format!("/api/reports/?{}&format=csv", asked.query);
    let answer = world.get_as(&query, person).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8"));
    let text = answer.text.strip_prefix('\u{feff}').unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headings = reader.headers().unwrap().clone();
    let column = |label: &str| headings.iter().position(|heading| heading == label).unwrap();
    let mut sums = BTreeMap::<&str, i128>::new();
    let mut n_rows = 0;
    for record in reader.records() {
        let record = record.unwrap();
        let prospects: i128 = record[column("Prospects")].parse().unwrap();
        let orders: i128 = record[column("Orders")].parse().unwrap();
        *sums.entry("prospects").or_default() += prospects;
        *sums.entry("orders").or_default() += orders;
        n_rows += usize::from(prospects + orders > 0);
    }
    let total = sum(events.iter(), asked.uniq, asked.zone);
    for name in ["prospects", "orders"] {
        let expected = total.counts.get(name).copied().unwrap_or(0);
        assert_eq!(sums.get(name).copied().unwrap_or(0), expected, "{name} in {query}");
    }
    assert_eq!(n_rows, groups.len(), "{query}");
}
