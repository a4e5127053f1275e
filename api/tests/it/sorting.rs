//! Every list is read by every choice of `sort` that the OpenAPI document has, page by page, and
//! compared with the whole list. The rows have equal, missing and Unicode values.

use std::cmp::Ordering;

use serde_json::{Value, json};
use sluice_api::policy::Position;
use sluice_schemas::rows::{OrderRow, ProspectRow};

use crate::events::{insert_index, insert_orders, insert_prospects, order, park_order, prospect};
use crate::world::{NOW_MS, Person, World};

/// Rows of each table.
const N_ROWS: usize = 9;
/// Lists that the walk must find, at least.
const MIN_LISTS: usize = 13;
const EVENT_LISTS: [&str; 3] = ["/api/orders/list/", "/api/parked/list/", "/api/prospects/list/"];

/// Table, columns, and the row of number `n`. Users 1 and 2 exist; each number adds a Buyer and a
/// Team Lead.
const ROWS: [(&str, &str, &str); 15] = [
    (
        "users",
        "username, username_key, password_hash, email, first_name, last_name, is_active, last_login",
        "'Buyer' || n, 'buyer' || n, '', (ARRAY['', 'a@b.example', 'Z@b.example'])[n % 3 + 1],
         (ARRAY['Ян', 'émile', 'Zoë', 'a ''b', ''])[n % 5 + 1], (ARRAY['日本', 'x'])[n % 2 + 1], n % 2 = 0,
         CASE WHEN n % 3 > 0 THEN timestamptz '2026-11-01 10:00:00.123456' + n % 4 * interval '1 microsecond' END",
    ),
    ("users", "username, username_key, password_hash, position", "'Lead' || n, 'lead' || n, '', 'Team Lead'"),
    (
        "teams",
        "name, lead_id, created_at",
        "(ARRAY['Ночь', 'a', 'B', 'ß'])[n % 4 + 1],
         CASE WHEN n % 3 > 0 THEN (SELECT id FROM users WHERE username = 'Lead' || n) END,
         timestamptz '2026-11-01' + n % 2 * interval '1 day'",
    ),
    (
        "memberships",
        "team_id, user_id, during",
        "n % 3 + 1, (SELECT id FROM users WHERE username = 'Buyer' || n), tstzrange('epoch', NULL)",
    ),
    ("sources", "name, click_id_param", "(ARRAY['Ads', 'ёж', 'Zed'])[n % 3 + 1] || n, (ARRAY['', 'gclid'])[n % 2 + 1]"),
    ("partners", "name, currency", "(ARRAY['B', 'a'])[n % 2 + 1] || n, (ARRAY['USD', 'EUR'])[n % 2 + 1]"),
    (
        "campaigns",
        "name, source_id, partner_id, payout_minor, currency, state",
        "(ARRAY['Push', 'push', 'ПУШ'])[n % 3 + 1], nullif(n % 4, 0), nullif(n % 3, 0),
         CASE WHEN n % 4 > 0 THEN n % 3 * 100 END, (ARRAY['USD', 'EUR'])[n % 2 + 1],
         (ARRAY['active', 'paused'])[n % 2 + 1]",
    ),
    (
        "campaign_buyers",
        "campaign_id, user_id",
        "n, (SELECT id FROM users WHERE username = 'Buyer' || (n % 3 + 1))",
    ),
    (
        "fund_accounts",
        "name, buyer_id, buyer_since, source_id, currency, credit_limit_minor, low_runway_days, created_at",
        "(ARRAY['Meta', 'ТТ', 'ads'])[n % 3 + 1] || n, (SELECT id FROM users WHERE username = 'Buyer' || (n % 3 + 1)),
         'epoch', nullif(n % 3, 0), (ARRAY['USD', 'JPY'])[n % 2 + 1], n % 2 * 100, n % 3,
         timestamptz '2026-11-01' + n % 2 * interval '1 day'",
    ),
    (
        "fund_budgets",
        "team_id, month, amount_minor, currency, created_at",
        "n, date '2026-10-01' + n % 2 * interval '1 month', n % 3 * 100 + 1, (ARRAY['USD', 'EUR'])[n % 2 + 1], 'epoch'",
    ),
    (
        "fund_requests",
        "fund_account_id, buyer_id, amount_minor, currency, purpose, status, decided_by, decided_at, reason, created_at",
        "n % 3 + 1, (SELECT id FROM users WHERE username = 'Buyer' || (n % 3 + 1)), n % 3 + 1, 'USD',
         (ARRAY['scale', 'тест'])[n % 2 + 1], (ARRAY['open', 'refused'])[n % 2 + 1],
         CASE WHEN n % 2 = 1 THEN 1 END, CASE WHEN n % 2 = 1 THEN timestamptz '2026-11-02' END,
         (ARRAY['', 'no'])[n % 2 + 1], timestamptz '2026-11-01' + n % 3 * interval '1 ms'",
    ),
    (
        "fund_rates",
        "base, quote, day, rate_e9, created_at",
        "(ARRAY['EUR', 'GBP', 'PLN'])[n % 3 + 1], 'USD', date '2026-11-01' + (n / 3)::int, n % 2 + 1, 'epoch'",
    ),
    (
        "audit_log",
        "at, actor_id, actor_name, via, verb, resource, resource_id",
        "timestamptz '2026-11-01' + n % 2 * interval '1 microsecond', n, (ARRAY['Ян', 'ann', 'Ben'])[n % 3 + 1], 'api',
         (ARRAY['update', 'create'])[n % 2 + 1], (ARRAY['teams', 'users'])[n % 2 + 1], n % 3",
    ),
    (
        "sessions",
        "token_hash, user_id, csrf, created_at, last_seen_at, expires_at, address, agent",
        "sha256(n::text::bytea), n % 3 + 1, sha256(n::text::bytea), timestamptz '2026-11-01' + n % 2 * interval '1 day',
         CASE WHEN n % 3 > 0 THEN timestamptz '2026-11-02' END, timestamptz '2027-01-01' + n % 2 * interval '1 day',
         (ARRAY['192.0.2.1', '2001:db8::1'])[n % 2 + 1], (ARRAY['curl', 'Ünal'])[n % 2 + 1]",
    ),
    (
        "api_tokens",
        "user_id, name, token_hash, hint, scopes, created_at, expires_at, last_used_at",
        "n % 3 + 1, (ARRAY['Ω', 'a', 'B'])[n % 3 + 1], sha256(n::text::bytea), 'abc', '{read}',
         timestamptz '2026-11-01' + n % 2 * interval '1 day', timestamptz '2027-01-01' + n % 3 * interval '1 day',
         CASE WHEN n % 3 > 0 THEN timestamptz '2026-11-02' END",
    ),
];

async fn world() -> (World, Person) {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let coordinator = world.person("coordinator", Position::FundsCoordinator).await;
    for (into, columns, values) in ROWS {
        let sql =
            format!("INSERT INTO {into} ({columns}) SELECT {values} FROM generate_series(1, {N_ROWS}) n");
        world.sql(&sql).await;
    }
    // Nine top-ups, of which two are alike, spend on some accounts, and a reversal.
    for number in 1..=N_ROWS {
        let account = number % 4 + 1;
        let transfer = json!({"kind": "top_up", "account_id": account, "amount": "7000", "reference": "Ω"});
        let answer = world.post_json("/api/funds/transfers/create/", &transfer, Some(&coordinator)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    for (account, amount) in [(1, "700"), (2, "7")] {
        let spend = json!({"kind": "spend", "account_id": account, "amount": amount, "date": "2026-11-22"});
        let answer = world.post_json("/api/funds/transfers/create/", &spend, Some(&coordinator)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    let answer =
        world.post_json("/api/funds/transfers/2/reverse/", &json!({"note": "ñ"}), Some(&coordinator)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    (world, owner)
}

/// Returns each list in Postgres with its choices of `sort`.
async fn lists(world: &World) -> Vec<(String, Vec<String>)> {
    let document = world.get("/openapi.json").await.json();
    let mut lists = Vec::new();
    // Lists of events are in ClickHouse, and have tests of their own.
    for (path, methods) in document["paths"].as_object().unwrap() {
        if EVENT_LISTS.contains(&path.as_str()) {
            continue;
        }
        let parameters = methods["get"]["parameters"].as_array().into_iter().flatten();
        let sort = parameters.filter(|parameter| parameter["name"] == "sort");
        for choices in sort.filter_map(|parameter| parameter["schema"]["enum"].as_array()) {
            let choices = choices.iter().map(|choice| choice.as_str().unwrap().to_owned());
            lists.push((path.clone(), choices.collect()));
        }
    }
    assert!(lists.len() >= MIN_LISTS, "{lists:?}");
    lists
}

/// Reads a list page by page.
async fn read(world: &World, person: &Person, path: &str, limit: usize) -> Vec<Value> {
    let (mut rows, mut path) = (Vec::new(), format!("{path}&limit={limit}"));
    loop {
        let answer = world.get_as(&path, person).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let page: Vec<Value> = serde_json::from_str(&answer.text).unwrap();
        assert!(page.len() <= limit && !(rows.is_empty() && page.is_empty()), "{path}");
        rows.extend(page);
        let Some((_, next)) = answer.header("link").split_once("http://crm.example") else { return rows };
        next.split_once('>').unwrap().0.clone_into(&mut path);
    }
}

#[tokio::test]
async fn each_row_is_on_one_page_of_every_order() {
    let (world, owner) = world().await;
    for (path, choices) in lists(&world).await {
        let default = read(&world, &owner, &format!("{path}?"), 1000).await;
        assert!(default.len() >= N_ROWS, "{path}: {}", default.len());
        for (index, sort) in choices.iter().enumerate() {
            let sorted = format!("{path}?sort={sort}");
            let whole = read(&world, &owner, &sorted, 1000).await;
            assert_eq!(whole.len(), default.len(), "{sorted}");
            let paged = read(&world, &owner, &sorted, index % 3 + 1).await;
            assert_eq!(paged, whole, "{sorted}");
        }
        assert_eq!(read(&world, &owner, &format!("{path}?"), 2).await, default, "{path}");
    }
}

#[tokio::test]
async fn rows_are_in_order_in_both_directions_and_missing_values_last() {
    let (world, owner) = world().await;
    for (path, choices) in lists(&world).await {
        for column in choices.iter().filter(|choice| !choice.starts_with('-')) {
            let up = read(&world, &owner, &format!("{path}?sort={column}"), 1000).await;
            let mut down = read(&world, &owner, &format!("{path}?sort=-{column}"), 1000).await;
            let is_missing = |row: &Value| row.get(column).is_some_and(Value::is_null);
            let n_values = up.iter().filter(|row| !is_missing(row)).count();
            // Payouts are sorted by currency first, so missing ones are the last of each currency.
            if column != "payout" {
                assert!(up[n_values..].iter().chain(&down[n_values..]).all(is_missing), "{path} {column}");
                down.truncate(n_values);
                down.reverse();
                assert_eq!(down, up[..n_values], "{path} {column}");
            }
            let is_ordered = |pair: &[Value]| compare(&pair[0], &pair[1], column) != Some(Ordering::Greater);
            assert!(up[..n_values].windows(2).all(is_ordered), "{path} {column}: {up:?}");
        }
    }
}

#[tokio::test]
async fn the_lines_of_some_accounts_are_in_the_order_of_all_lines() {
    let (world, owner) = world().await;
    let lists = lists(&world).await;
    let of_money = |path: &str| path.ends_with("/transfers/list/") || path.ends_with("/ledger/list/");
    for (path, choices) in lists.iter().filter(|(path, _)| of_money(path)) {
        for sort in choices {
            // The buyer with id 4 has the accounts 1, 4 and 7.
            let mut all = read(&world, &owner, &format!("{path}?sort={sort}"), 1000).await;
            all.retain(|row| row["account_id"].as_i64().is_some_and(|id| id % 3 == 1));
            let paged = read(&world, &owner, &format!("{path}?sort={sort}&user_id=4"), 2).await;
            assert!(paged.len() > 4, "{path} {sort}");
            assert_eq!(paged, all, "{path} {sort}");
        }
    }
}

/// Compares the values of two rows if their order does not depend on the collation of a language,
/// nor on the name of another thing.
fn compare(left: &Value, right: &Value, column: &str) -> Option<Ordering> {
    let is_reference = column.ends_with("_id") || matches!(column, "team_lead" | "source" | "partner");
    match (left.get(column)?, right.get(column)?) {
        (Value::Number(left), Value::Number(right)) if !is_reference => {
            left.as_i64().partial_cmp(&right.as_i64())
        }
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Array(left), Value::Array(right)) => Some(left.len().cmp(&right.len())),
        (Value::String(left), Value::String(right)) if left.starts_with("20") => Some(left.cmp(right)),
        _ => None,
    }
}

#[tokio::test]
async fn references_are_sorted_by_the_name_that_pages_show() {
    let (world, owner) = world().await;
    let column = async |path: &str, name: &str| {
        let rows = read(&world, &owner, path, 2).await;
        rows.iter().map(|row| row[name].to_string()).collect::<Vec<_>>().join(" ")
    };
    // Leads 4 (lead1) to 20; the first usernames are Lead1, Lead2, Lead4.
    insta::assert_snapshot!(column("/api/teams/list/?sort=-team_lead", "team_lead").await, @"19 18 16 15 13 12 null null null");
    insta::assert_snapshot!(column("/api/campaigns/list/?sort=source", "source").await, @"3 3 2 2 1 1 1 null null");
    insta::assert_snapshot!(column("/api/campaigns/list/?sort=-partner", "partner").await, @"2 2 2 1 1 1 null null null");
    insta::assert_snapshot!(column("/api/campaigns/list/?sort=-payout", "payout").await, @r#""2.00" "0.00" null null "2.00" "1.00" "1.00" "0.00" "0.00""#);
    insta::assert_snapshot!(column("/api/funds/accounts/list/?sort=-balance", "balance").await, @r#""20993.00" "14000.00" "0.00" "0.00" "13300" "7000" "0" "0" "0""#);
    insta::assert_snapshot!(column("/api/funds/balances/list/?sort=runway_days", "runway_days").await, @"133 20993 null null null null null null null");
    insta::assert_snapshot!(column("/api/funds/balances/list/?by=buyer&sort=-name", "name").await, @r#""Buyer3" "Buyer3" "Buyer2" "Buyer2" "Buyer1" "Buyer1""#);
    insta::assert_snapshot!(column("/api/funds/balances/list/?by=team&sort=-balance", "balance").await, @r#""20993.00" "14000.00" "0.00" "13300" "7000" "0""#);
    insta::assert_snapshot!(column("/api/users/list/?sort=-email&position=Buyer", "email").await, @r#""Z@b.example" "Z@b.example" "Z@b.example" "a@b.example" "a@b.example" "a@b.example" "" "" """#);
}

#[tokio::test]
async fn a_wrong_column_or_cursor_is_an_error_of_every_list() {
    let (world, owner) = world().await;
    for (path, choices) in lists(&world).await {
        for wrong in ["password", "--id", "id;", "ID", "id,name", "1", "id%00", "%27"] {
            let answer = world.get_as(&format!("{path}?sort={wrong}"), &owner).await;
            assert_eq!(answer.status, 400, "{path} {wrong}: {}", answer.text);
            let message = answer.json()["sort"][0].as_str().unwrap().to_owned();
            let told =
                choices.iter().filter(|choice| !choice.starts_with('-')).all(|name| message.contains(name));
            assert!(told || wrong == "id%00", "{path}: {message}");
        }
        let cursor = world.get_as(&format!("{path}?limit=1&sort={}", choices[0]), &owner).await;
        let cursor = cursor.header("link").split("cursor=").nth(1).unwrap();
        let cursor = cursor.split(['&', '>']).next().unwrap().to_owned();
        let other = format!("sort={}&cursor={cursor}", choices[1]);
        for wrong in ["cursor=a", "cursor=YQ", "cursor=W10", "cursor=%00", &other] {
            let answer = world.get_as(&format!("{path}?{wrong}"), &owner).await;
            assert_eq!(answer.status, 400, "{path} {wrong}: {}", answer.text);
            assert!(answer.json()["cursor"].is_array(), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn rows_that_come_and_go_between_two_pages_move_no_other_row() {
    let (world, owner) = world().await;
    let first = world.get_as("/api/teams/list/?sort=members&limit=4", &owner).await;
    let ids =
        |page: &Value| page.as_array().unwrap().iter().map(|team| team["id"].clone()).collect::<Vec<_>>();
    let (page, link) = (ids(&first.json()), first.header("link").to_owned());
    world.sql("INSERT INTO teams (name) VALUES ('late')").await;
    world.sql(&format!("UPDATE teams SET archived_at = now() WHERE id = {}", page[3])).await;
    let next = link.split_once("http://crm.example").unwrap().1.split_once('>').unwrap().0.to_owned();
    let rest = ids(&world.get_as(&next.replace("limit=4", "limit=100"), &owner).await.json());
    let mut all = [page, rest].concat();
    all.sort_by_key(Value::as_i64);
    assert_eq!(json!(all), json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
}

#[tokio::test]
async fn events_are_sorted_by_their_columns() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let pick = |words: &[&str], number: u64| words[number as usize % words.len()].to_owned();
    let visit = |number: u64| ProspectRow {
        ip: pick(&["::ffff:192.0.2.9", "2001:db8::1", "::ffff:192.0.2.10"], number).parse().unwrap(),
        country: pick(&["UA", "", "DK"], number),
        user_agent: pick(&["Ω {x:String} ?", "curl", "Curl", "'"], number),
        referrer: pick(&["", "https://новини.example/"], number),
        ..prospect(number, NOW_MS + number / 3, (number % 2).try_into().unwrap())
    };
    let visits: Vec<ProspectRow> = (0..10).map(visit).collect();
    insert_prospects(&world, &visits).await;
    insert_index(&world, &visits).await;
    let sale = |number: u64| OrderRow {
        status: pick(&["hold", "sale"], number),
        payout: [0, 12_500_000, 7, -1_000_000][number as usize % 4],
        ..order(number, NOW_MS + number / 3, &visits[number as usize])
    };
    insert_orders(&world, &(0..10).map(sale).collect::<Vec<_>>()).await;
    for number in 0..3 {
        park_order(&world, 1000 + number, NOW_MS, "nobody", "").await;
    }
    for (path, n_rows, columns) in [
        (
            "/api/prospects/list/",
            10,
            &["ip_address", "country", "user_agent", "referral_source", "user_id"][..],
        ),
        ("/api/prospects/list/?q=example", 10, &["ip", "referrer"]),
        ("/api/orders/list/", 13, &["status", "payout", "user_id"]),
        ("/api/parked/list/", 3, &["kind", "reason", "state", "last_tried"]),
        ("/api/orders/list/?status=sale", 5, &["status", "payout", "user_id", "time"]),
    ] {
        let path = format!("{path}{}", if path.contains('?') { "&" } else { "?" });
        for column in columns {
            let up = read(&world, &owner, &format!("{path}sort={column}"), 1000).await;
            assert_eq!(up.len(), n_rows, "{path} {column}");
            for limit in [1, 2, 3] {
                let paged = read(&world, &owner, &format!("{path}sort={column}"), limit).await;
                assert_eq!(paged, up, "{path} {column}");
            }
            let mut down = read(&world, &owner, &format!("{path}sort=-{column}"), 2).await;
            down.reverse();
            assert_eq!(down, up, "{path} {column}");
            let number = |row: &Value| row[column].as_str().and_then(|text| text.parse::<f64>().ok());
            assert!(
                up.windows(2).all(|pair| number(&pair[0]) <= number(&pair[1])),
                "{path} {column}: {up:?}"
            );
        }
    }
    let words = async |path: &str, name: &str| {
        let rows = read(&world, &owner, path, 3).await;
        let mut words: Vec<String> = rows.iter().map(|row| row[name].to_string()).collect();
        words.dedup();
        words.join(" ")
    };
    insta::assert_snapshot!(words("/api/orders/list/?sort=-status", "status").await, @r#""sale" "hold" null"#);
    let by_payout = read(&world, &owner, "/api/orders/list/?sort=payout", 3).await;
    let number = |row: &Value| u64::from_str_radix(&row["id"].as_str().unwrap()[24..], 16).unwrap();
    assert_eq!(
        by_payout.iter().map(number).collect::<Vec<_>>(),
        [3, 7, 0, 1000, 1001, 1002, 4, 8, 2, 6, 1, 5, 9]
    );
    insta::assert_snapshot!(words("/api/prospects/list/?sort=ip", "ip_address").await, @r#""192.0.2.9" "192.0.2.10" "2001:db8::1""#);
    insta::assert_snapshot!(words("/api/prospects/list/?sort=-user_agent", "user_agent").await, @r#""Ω {x:String} ?" "curl" "Curl" "'""#);
    for wrong in ["sort=phone", "sort=ip_address&cursor=YQ", "sort=user_id&cursor=W10", "sort=--time"] {
        let answer = world.get_as(&format!("/api/prospects/list/?{wrong}"), &owner).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text);
    }
}
