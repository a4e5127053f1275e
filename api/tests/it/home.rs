//! The home page: the four charts and today's figures, for each position.

use std::collections::BTreeMap;

use serde_json::json;
use sluice_api::policy::Position;
use sluice_api::time_zone::TimeZone;
use sluice_schemas::rows::{ProspectRow, RollupHourlyRow};

use crate::events::{insert_orders, insert_prospects, insert_rollup, order, prospect};
use crate::statements::{Counts, FEW, MANY, grow};
use crate::world::{NOW_MS, World};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Stores visits as the consumer does: rows, and sums by hour.
async fn visit(world: &World, rows: &[ProspectRow]) {
    insert_prospects(world, rows).await;
    let mut sums = BTreeMap::new();
    for row in rows {
        let hour = u32::try_from(row.time / 3_600_000 * 3600).unwrap();
        let key = (hour, row.user_id, row.team_id);
        let sum = sums.entry(key).or_insert(RollupHourlyRow::of(hour, row.user_id, row.team_id, 0));
        sum.prospects += 1;
        sum.bots += i64::from(!row.bot.is_empty());
    }
    insert_rollup(world, &sums.into_values().collect::<Vec<_>>()).await;
}

/// Returns visits of a buyer at a time, with ids from `number`.
fn visits(number: u64, count: u64, time_ms: u64, user_id: i64) -> Vec<ProspectRow> {
    (number..number + count).map(|number| prospect(number, time_ms, user_id)).collect()
}

/// Returns the rows of a chart's table: start, label and value.
fn table(page: &str, id: &str) -> Vec<(i64, String, i64)> {
    let start = format!("id=\"chart-{id}\"");
    let (_, rest) = page.split_once(&start).unwrap_or_else(|| panic!("no {id} in {page}"));
    let (table, _) = rest.split_once("</table>").unwrap();
    let row = |row: &str| {
        let between = |before: &str, after: &str| {
            let (_, rest) = row.split_once(before)?;
            Some(rest.split_once(after)?.0.to_owned())
        };
        let time = between("data-time=\"", "\"").map_or(0, |time| time.parse().unwrap());
        let label = between("<td class=\"time\">", "</td>").or_else(|| between("/\">", "</a>"));
        Some((time, label.unwrap_or_default(), between("data-value=\"", "\"")?.parse().unwrap()))
    };
    table.split("<tr").filter_map(row).collect()
}

fn total(page: &str, id: &str) -> i64 {
    table(page, id).iter().map(|(_, _, value)| value).sum()
}

/// Returns value and comparison of a key figure.
fn figure(page: &str, label: &str) -> (String, String) {
    let (_, rest) = page.split_once(&format!("\">{label}</div>")).unwrap_or_else(|| panic!("no {label}"));
    let text = |before: &str| {
        let (_, rest) = rest.split_once(before).unwrap();
        let (_, rest) = rest.split_once('>').unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    (text("class=\"figure"), text("Yesterday <span"))
}

/// A team of a lead, Ann and (until yesterday) Bob; Eve in another team, an Owner, a coordinator.
pub(crate) struct Company {
    pub(crate) world: World,
    red: i64,
    blue: i64,
}

impl Company {
    pub(crate) async fn new() -> Self {
        let world = World::with_events(|_| {}).await;
        world.person("owner", Position::Owner).await;
        world.person("funds", Position::FundsCoordinator).await;
        let lead = world.person("lead", Position::TeamLead).await;
        let ann = world.person("ann", Position::Buyer).await;
        let bob = world.person("bob", Position::Buyer).await;
        let eve = world.person("eve", Position::Buyer).await;
        let red = world.team("Red", lead.id, &[ann.id]).await;
        let blue = world.team("Blue", None, &[eve.id]).await;
        world.team("Green", None, &[]).await;
        // In the middle of an hour.
        let moved = (NOW_MS - DAY_MS) / 1000 + 1800;
        for (team, during) in
            [(red, format!("'epoch', to_timestamp({moved})")), (blue, format!("to_timestamp({moved}), NULL"))]
        {
            let sql = format!(
                "INSERT INTO memberships (team_id, user_id, during) VALUES ({team}, {}, tstzrange({during}))",
                bob.id
            );
            world.sql(&sql).await;
        }
        world.sql(&format!("UPDATE users SET created_at = to_timestamp({})", NOW_MS / 1000 - 7200)).await;
        let at = |ms: u64, user: i64, number, count| visits(number, count, NOW_MS - ms, user);
        let mut rows = at(60_000, ann.id, 1, 4);
        rows[0].bot = "curl".to_owned();
        // Yesterday: before this time, and after it.
        rows.extend(at(DAY_MS + 60_000, ann.id, 10, 2));
        rows.extend(at(DAY_MS - 60_000, ann.id, 20, 8));
        // Bob on both sides of his change within one hour, without a stored team.
        rows.extend(at(DAY_MS - 1_700_000, bob.id, 30, 32));
        rows.extend(at(DAY_MS - 1_900_000, bob.id, 70, 16));
        rows.extend(at(30_000, eve.id, 100, 64));
        // The event has its team, whoever brought it.
        let stored = visits(200, 3, NOW_MS - 20_000, eve.id);
        rows.extend(stored.into_iter().map(|row| ProspectRow { team_id: red.try_into().unwrap(), ..row }));
        rows.extend(at(10_000, 0, 300, 5));
        visit(&world, &rows).await;
        let mut orders = Vec::new();
        for (number, (of, status)) in
            [(0, "sale"), (1, "sale"), (2, "hold"), (3, "rejected"), (4, "sale"), (6, "sale")]
                .into_iter()
                .enumerate()
        {
            let time_ms = u64::try_from(rows[of].time).unwrap() + 1000;
            let mut row = order(1000 + number as u64, time_ms, &rows[of]);
            status.clone_into(&mut row.status);
            orders.push(row);
        }
        insert_orders(&world, &orders).await;
        Self { world, red, blue }
    }

    async fn page(&self, username: &str, path: &str) -> String {
        let answer = self.world.visitor(username).await.get(path).await;
        assert_eq!(answer.status, 200, "{path} as {username}: {}", answer.text);
        answer.text
    }
}

#[tokio::test]
async fn everybody_sees_their_scope_and_no_more() {
    let company = Company::new().await;
    // Prospects of the last seven days, registered leads and buyers.
    for (username, prospects, leads, buyers) in [
        ("ann", 14, 0, 1),
        ("bob", 48, 0, 1),
        ("eve", 67, 0, 1),
        // Ann's, Bob's before he left, and those that are stored with the team.
        ("lead", 14 + 32 + 3, 1, 1),
        ("funds", 134, 1, 3),
        ("owner", 134, 1, 3),
    ] {
        let page = company.page(username, "/").await;
        assert_eq!(total(&page, "prospects"), prospects, "{username}");
        assert_eq!((total(&page, "leads"), total(&page, "buyers")), (leads, buyers), "{username}");
    }
}

#[tokio::test]
async fn a_prospect_counts_for_the_team_of_that_moment() {
    let company = Company::new().await;
    let bars = async |username: &str, by: &str| {
        let page = company.page(username, &format!("/?teams_by={by}")).await;
        let rows = table(&page, "teams").into_iter().map(|(_, name, value)| format!("{name} {value}"));
        (rows.collect::<Vec<_>>().join(", "), page)
    };
    assert_eq!(bars("owner", "prospects").await.0, "Blue 80, Red 49, Green 0");
    assert_eq!(bars("owner", "members").await.0, "Blue 2, Red 1, Green 0");
    assert_eq!(bars("funds", "prospects").await.0, "Blue 80, Red 49, Green 0");
    assert_eq!(bars("lead", "prospects").await.0, "Red 49");
    assert_eq!(bars("ann", "prospects").await.0, "Red 14");
    // Bob is in Blue now, and brought 32 while he was in Red, which he does not see.
    let (row, page) = bars("bob", "prospects").await;
    assert_eq!(row, "Blue 16");
    assert!(page.contains("32 prospects were brought outside of these teams.") && !page.contains("Red"));
    assert!(bars("owner", "prospects").await.1.contains("5 prospects were brought outside"));
    // A deleted team keeps its prospects, and has no bar without any.
    for team in [company.red, company.blue + 1] {
        company.world.sql(&format!("UPDATE teams SET archived_at = now() WHERE id = {team}")).await;
    }
    let page = company.page("owner", "/?teams_by=prospects").await;
    assert!(page.contains("Red <span class=\"text-secondary\">(deleted)</span>") && !page.contains("Green"));
}

#[tokio::test]
async fn today_is_compared_with_yesterday_at_this_time() {
    let company = Company::new().await;
    let page = company.page("ann", "/").await;
    assert_eq!(figure(&page, "Prospects"), ("4".to_owned(), "2".to_owned()));
    assert_eq!(figure(&page, "Orders"), ("4".to_owned(), "1".to_owned()));
    assert_eq!(figure(&page, "CR"), ("(100.00\u{202f}%)".to_owned(), "50.00\u{202f}%".to_owned()));
    assert_eq!(figure(&page, "Bot rate"), ("(25.00\u{202f}%)".to_owned(), "0.00\u{202f}%".to_owned()));
    assert_eq!(figure(&page, "Approve rate").0, "(50.00\u{202f}%)");
    assert_eq!(figure(&page, "Revenue, EUR"), ("25.00".to_owned(), "12.50".to_owned()));
    for (label, now, before) in
        [("Unique", "1", "1"), ("Cost, USD", "0.48", "0.24"), ("Profit, USD", "–", "–"), ("ROI", "–", "–")]
    {
        assert_eq!(figure(&page, label), (now.to_owned(), before.to_owned()), "{label}");
    }
    assert!(page.contains("+ 12.50 on hold") && page.contains("until 15:00"));
    assert!(page.contains("<polyline points=\"") && !page.contains("style="));
    // Until 00:30 in Kyiv, on the next day.
    company.world.clock.advance(std::time::Duration::from_millis(7 * HOUR_MS + HOUR_MS / 2));
    company.world.sql("UPDATE users SET time_zone = 'Europe/Kyiv'").await;
    let page = company.page("ann", "/").await;
    assert_eq!(figure(&page, "Prospects"), ("0".to_owned(), "0".to_owned()));
    assert!(page.contains("until 00:30"));
}

#[tokio::test]
async fn intervals_are_filled_with_zeros_and_both_ends_are_included() {
    let company = Company::new().await;
    let page = company.page("owner", "/").await;
    assert!(page.contains("Last 7 days, 17-23 Nov, UTC"));
    // Six whole days, and the hours of today that have begun.
    for id in ["leads", "buyers", "prospects"] {
        assert_eq!(table(&page, id).len(), 6 * 24 + 16, "{id}");
    }
    let last = table(&page, "buyers").pop().unwrap();
    assert_eq!((last.1.as_str(), last.2), ("Mon 23 Nov 15:00", 0));
    assert_eq!(table(&page, "buyers").iter().find(|row| row.2 > 0).unwrap().1, "Mon 23 Nov 13:00");
    let days = company.page("owner", "/?from=2026-11-15&to=2026-11-22").await;
    let rows: Vec<_> =
        table(&days, "prospects").into_iter().map(|(_, label, value)| (label, value)).collect();
    assert_eq!((rows.len(), rows[0].0.as_str()), (8, "Sun 15 Nov"));
    assert_eq!(rows[7], ("Sun 22 Nov".to_owned(), 58));
    let day = company.page("owner", "/?from=2026-11-22&to=2026-11-22&tz=Europe/Kyiv").await;
    assert_eq!((table(&day, "prospects").len(), total(&day, "prospects")), (24, 58));
    assert!(day.contains("Times in Europe/Kyiv, not your zone."));
    let all = company.page("owner", "/?range=all&teams_by=prospects").await;
    assert_eq!(total(&all, "prospects"), 134);
    let future = company.page("owner", "/?from=2027-01-01&to=2027-01-02&teams_by=prospects").await;
    assert!(future.contains("These dates have not come yet.") && future.contains("Green"));
    // Times that are no whole hours are exact.
    let cut =
        company.page("owner", "/?from=2026-11-22T15:27:00Z&to=2026-11-22T15:30:00Z&teams_by=prospects").await;
    assert_eq!(total(&cut, "prospects"), 32);
    assert_eq!(total(&cut, "teams"), 32);
}

/// Every bucket is compared with a count of the visits one by one.
#[tokio::test]
async fn roll_up_and_raw_rows_agree_in_every_zone() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let start_ms = 1_774_000_000_000;
    // Odd steps through the days around both changes of clocks, of the north and of the south.
    let around = ["2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25"];
    let mut times: Vec<u64> = Vec::new();
    for day in around {
        let noon = TimeZone::UTC.start_of_day(day.parse().unwrap()).unwrap() + 43_200_000;
        let begin = u64::try_from(noon).unwrap() - 2 * DAY_MS;
        times.extend((0..400).map(|step| begin + step * 863_999));
    }
    assert!(times.iter().all(|time_ms| *time_ms > start_ms));
    let rows: Vec<_> = (1..).zip(&times).map(|(number, at)| prospect(number, *at, owner.id)).collect();
    visit(&world, &rows).await;
    world.clock.advance(std::time::Duration::ZERO);
    let mut visitor = world.visitor("owner").await;
    for zone in ["Asia/Kathmandu", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Kyiv"] {
        let mut n_hours = Vec::new();
        for day in around {
            // The figures of a day count what the list of the day has.
            let day_of_list = format!("from={day}&to={day}&tz={zone}");
            let list = format!("/api/prospects/list/?{day_of_list}&limit=1000");
            let listed = world.get_as(&list, &owner).await.json().as_array().unwrap().len();
            let shown = total(&visitor.get(&format!("/?{day_of_list}")).await.text, "prospects");
            assert_eq!((shown, listed > 90), (listed as i64, true), "{day_of_list}");
            for query in [
                format!("from={day}&to={day}&tz={zone}"),
                format!("from={day}&to={day}&tz={zone}&interval=day"),
                format!("range=year&tz={zone}"),
            ] {
                let answer = visitor.get(&format!("/?{query}")).await;
                assert_eq!(answer.status, 200, "{query}: {}", answer.text);
                let rows = table(&answer.text, "prospects");
                let ends = rows.iter().skip(1).map(|row| row.0).chain([i64::MAX / 1000]);
                let is_year = query.starts_with("range");
                for (row, end_s) in rows.iter().zip(ends) {
                    let end_s = if is_year || end_s < i64::MAX / 1000 { end_s } else { end_of(day, zone) };
                    let expected = times.iter().filter(|at| {
                        let at = i64::try_from(**at).unwrap();
                        (row.0 * 1000..end_s * 1000).contains(&at)
                    });
                    assert_eq!(row.2, expected.count() as i64, "{query}: {row:?}");
                }
                if is_year {
                    assert_eq!(rows.iter().map(|row| row.2).sum::<i64>(), times.len() as i64, "{query}");
                } else if !query.ends_with("interval=day") {
                    n_hours.push(rows.len());
                }
            }
        }
        let expected = match zone {
            "Europe/Kyiv" => [23, 24, 24, 25],
            // Half an hour is cut from an hour, or added to one.
            "Australia/Lord_Howe" => [24, 25, 24, 24],
            _ => [24; 4],
        };
        assert_eq!(n_hours, expected, "{zone}");
    }
}

/// The end of a day in a zone, in seconds.
fn end_of(day: &str, zone: &str) -> i64 {
    let day: chrono::NaiveDate = day.parse().unwrap();
    TimeZone::find(zone).unwrap().start_of_day(day.succ_opt().unwrap()).unwrap() / 1000
}

#[tokio::test]
async fn an_empty_system_shows_the_steps_that_tick_themselves() {
    let world = World::with_events(|_| {}).await;
    assert_eq!(world.get("/").await.status, 303);
    assert!(world.get("/?teams_by=prospects").await.header("location").starts_with("/login/?next="));
    let owner = world.person("owner", Position::Owner).await;
    let mut visitor = world.visitor("owner").await;
    for path in ["/", "/?teams_by=prospects", "/?range=all&teams_by=prospects", "/?range=24h"] {
        let page = visitor.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        assert_eq!(total(&page.text, "prospects"), 0);
        assert!(page.text.contains("There is no team in your scope."));
        assert!(page.text.contains("Nothing needs your attention."));
        assert_eq!(page.text.matches("class=\"done\"").count(), 0);
    }
    let buyer = world.person("ben", Position::Buyer).await;
    let body = json!({"name": "Spring", "user_id": buyer.id});
    assert_eq!(world.post_json("/api/campaigns/create/", &body, Some(&owner)).await.status, 201);
    assert_eq!(visitor.get("/").await.text.matches("class=\"done\"").count(), 1);
    // Long ago, and of no campaign.
    visit(&world, &visits(1, 1, NOW_MS - 60 * DAY_MS, buyer.id)).await;
    let page = visitor.get("/").await.text;
    assert_eq!(page.matches("class=\"done\"").count(), 2);
    assert!(!page.contains("edge.example/s.js"), "the code is only for viewers without visits");
    let hour = u32::try_from(NOW_MS / 1000).unwrap();
    let sums = RollupHourlyRow { orders: 1, prospects: 1, ..RollupHourlyRow::of(hour, 0, 0, 1) };
    insert_rollup(&world, &[sums]).await;
    assert!(!visitor.get("/").await.text.contains("First steps"));
    world.person("funds", Position::FundsCoordinator).await;
    assert!(!world.visitor("funds").await.get("/").await.text.contains("First steps"));
}

#[tokio::test]
async fn wrong_parameters_are_shown_at_their_fields_without_figures() {
    let company = Company::new().await;
    let mut visitor = company.world.visitor("owner").await;
    for (query, field, message) in [
        ("range=fortnight", "range", "&#34;fortnight&#34; is not a valid choice."),
        ("from=soon&to=2026-11-20", "from", "Enter a date as 2026-11-23"),
        ("from=2026-11-20&to=2026-11-19", "to", "Ensure this is not before"),
        ("tz=Mars/Olympus", "tz", "This is not the name of a time zone"),
        ("interval=minute", "interval", "is not a valid choice."),
        ("range=year&interval=hour", "interval", "more than 1000 intervals"),
        ("teams_by=colour", "teams_by", "is not a valid choice."),
        ("from=%00", "from", "Null characters are not allowed."),
        ("from=%3Cscript%3E", "from", "Enter a date as 2026-11-23"),
    ] {
        let answer = visitor.get(&format!("/?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        let page = answer.text;
        assert!(page.contains(message), "{query}: {page}");
        // The message is a link to its field; the choice of bars is no field.
        for part in [format!("<a href=\"#dates-{field}\">"), format!("id=\"dates-{field}\"")] {
            assert_eq!(page.contains(&part), field != "teams_by", "{query}: {part}");
        }
        assert!(page.contains("<title>Error: ") && page.contains("There is a problem"), "{query}");
        assert!(!page.contains("<table") && !page.contains("class=\"figure"), "{query}");
        assert!(!page.contains("<script>"), "{query}");
    }
    let page = visitor.get("/?from=soon&to=2026-11-20").await.text;
    assert!(page.contains("value=\"soon\"") && page.contains("value=\"2026-11-20\""), "{page}");
    assert!(page.contains("aria-invalid=\"true\" aria-describedby=\"dates-from-error\""));
    for query in ["range=&from=&to=&tz=", "from=0001-01-01", "to=9999-12-31", "from=2099-01-01&q=x"] {
        assert_eq!(visitor.get(&format!("/?{query}")).await.status, 200, "{query}");
    }
}

#[tokio::test]
async fn more_rows_need_no_more_statements_of_any_position() {
    let counts = Counts::default();
    let proxy = counts.clickhouse_proxy().await;
    let world = World::with_events(|config| config.clickhouse.url = proxy).await;
    world.person("owner", Position::Owner).await;
    let coordinator = world.person("coordinator", Position::FundsCoordinator).await;
    let ben = world.person("ben", Position::Buyer).await;
    let lead = world.person("lead", Position::TeamLead).await;
    world.team("Mine", lead.id, &[ben.id]).await;
    let _other = tracing::Dispatch::new(counts.clone());
    let _guard = tracing::subscriber::set_default(counts.clone());
    let read = async || {
        let mut found = Vec::new();
        for username in ["owner", "coordinator", "ben", "lead"] {
            let mut visitor = world.visitor(username).await;
            for path in ["/", "/?range=30d&teams_by=prospects", "/?range=all&teams_by=prospects"] {
                visitor.get(path).await;
                counts.take();
                assert_eq!(visitor.get(path).await.status, 200, "{path} as {username}");
                found.push((username, path, counts.take()));
            }
        }
        found
    };
    grow(&world, &coordinator, 1, FEW).await;
    let few = read().await;
    grow(&world, &coordinator, FEW + 1, MANY).await;
    for (before, after) in few.iter().zip(read().await) {
        assert_eq!((before.0, before.1), (after.0, after.1));
        assert_eq!(before.2.0, after.2.0, "Postgres: {before:?}, {after:?}");
        // Every few seconds one more: the frame asks how fresh the events are.
        assert!(after.2.1 <= before.2.1 + 1, "ClickHouse: {before:?}, {after:?}");
        assert!(after.2.0 <= 14 && after.2.1 <= 11, "{after:?}");
    }
}
