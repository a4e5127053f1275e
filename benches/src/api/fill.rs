//! The data for measuring the API. `fill.sql` creates people and money inside PostgreSQL;
//! ClickHouse creates the events. Both compute the owner of an event in the same way, so the owners
//! in the events and the roll-up are as if the consumer had written them.

use anyhow::Context as _;
use sluice_local::servers::postgres::psql;
use sluice_runtime::clock::Clock;

use crate::clickhouse::ClickHouse;

/// The number of days before now in which events lie.
pub const DAYS: u64 = 90;
const DAY_MS: u64 = 86_400_000;
/// Users before the first Buyer, besides the leads: the first Owner, coordinators, more Owners.
const N_OTHERS: u64 = 16;
/// Prospects per statement. Each statement stays far below the time limit.
const CHUNK: u64 = 1_000_000;

/// The amount of data.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub users: u64,
    pub teams: u64,
    pub ledger_lines: u64,
    pub prospects: u64,
}

impl Size {
    /// The size for which the figures are required.
    pub const FULL: Self =
        Self { users: 10_000, teams: 1_000, ledger_lines: 1_000_000, prospects: 10_000_000 };
    /// About a tenth. Every list that has a next page at full size has one here.
    pub const QUICK: Self = Self { users: 1_000, teams: 200, ledger_lines: 100_000, prospects: 1_000_000 };

    /// Returns the lowest id of a Buyer. The others follow.
    #[must_use]
    pub fn first_buyer(&self) -> u64 {
        self.teams + N_OTHERS + 1
    }

    /// Returns the number of Buyers.
    #[must_use]
    pub fn buyers(&self) -> u64 {
        self.users - self.first_buyer() + 1
    }

    /// Returns the number of campaigns, each with two keys.
    #[must_use]
    pub fn campaigns(&self) -> u64 {
        self.users
    }

    /// Returns the number of ad accounts.
    #[must_use]
    pub fn accounts(&self) -> u64 {
        self.users / 5
    }

    /// Returns the number of ledger entries, each with two lines.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.ledger_lines / 2
    }

    /// Returns the number of requests for money.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.users
    }

    fn fill_sql(&self) -> String {
        let numbers = [
            (":first_buyer", self.first_buyer()),
            (":users", self.users),
            (":teams", self.teams),
            (":buyers", self.buyers()),
            (":campaigns", self.campaigns()),
            (":accounts", self.accounts()),
            (":entries", self.entries()),
            (":requests", self.requests()),
            (":audited", self.ledger_lines / 10),
        ];
        let sql = include_str!("fill.sql").to_owned();
        numbers.iter().fold(sql, |sql, (name, number)| sql.replace(name, &number.to_string()))
    }
}

/// Fills the tables of a database in which the first Owner is the only user.
///
/// # Errors
/// When a statement fails, or the triggers would not allow the created rows.
pub async fn postgres(url: &str, size: Size) -> anyhow::Result<()> {
    psql(url, &size.fill_sql()).await.context("people and money")?;
    psql(url, "VACUUM ANALYZE").await.map(drop)
}

/// Fills the tables of an empty database with prospects, an order for every fiftieth prospect, and
/// the sums of both.
pub async fn clickhouse(clickhouse: &ClickHouse, size: Size) -> anyhow::Result<()> {
    let now_ms = Clock::default().now_ms();
    let first_ms = now_ms - DAYS * DAY_MS;
    for first in (0..size.prospects).step_by(CHUNK as usize) {
        let n = CHUNK.min(size.prospects - first);
        clickhouse.query(&prospects_sql(size, first_ms, first, n)).await?;
        let ms_of = |number: u64| first_ms + number * (DAYS * DAY_MS) / size.prospects;
        let times = format!(
            "time >= fromUnixTimestamp64Milli({}) AND time < fromUnixTimestamp64Milli({})",
            ms_of(first) as i64,
            ms_of(first + n) as i64
        );
        for sql in AFTER_PROSPECTS {
            clickhouse.query(&sql.replace("{times}", &times)).await?;
        }
    }
    for sql in [CONTACTS, STATUSES, ORDERS_BY_HOUR, PARKED] {
        clickhouse.query(sql).await?;
    }
    Ok(())
}

/// A few campaigns have most of the events, and one event in twenty has no owner.
fn prospects_sql(size: Size, first_ms: u64, first: u64, n: u64) -> String {
    let (campaigns, buyers, teams) = (size.campaigns(), size.buyers(), size.teams);
    let (first_buyer, span_ms, all) = (size.first_buyer(), DAYS * DAY_MS, size.prospects);
    format!(
        "INSERT INTO prospects (prospect_id, time, user_id, team_id, campaign_id, ip, user_agent, referrer, page, country,
                                device, os, browser, bot, external_id, external_kind, subs, utm_source, utm_medium,
                                utm_campaign, keyword, creative_id, cost, currency)
         WITH cityHash64(number) AS h, {first_ms} + intDiv(number * {span_ms}, {all}) AS ms,
              h % 20 != 0 AS owned, toUInt64(pow((h % 1000003) / 1000003, 3) * {campaigns}) AS c,
              intDiv(h, 1000) AS g
         SELECT {ID_OF_MS}, fromUnixTimestamp64Milli(toInt64(ms)),
                if(owned, {first_buyer} + c % {buyers}, 0), if(owned, 1 + c % {buyers} % {teams}, 0), if(owned, c + 1, 0),
                toIPv6(concat('::ffff:', IPv4NumToString(toUInt32(h)))),
                concat('Mozilla/5.0 (', ['Windows NT 10.0; Win64; x64', 'Linux; Android 14', 'iPhone; CPU iPhone OS 18_1 like Mac OS X'][1 + g % 3],
                       ') AppleWebKit/537.36 (KHTML, like Gecko) Chrome/', toString(110 + g % 30), '.0.0.0 Safari/537.36'),
                concat('https://news', toString(g % 500), '.example/'),
                concat('https://landing', toString(c % 100), '.example/offer/', toString(c % 1000), '?p=', lower(hex(h))),
                ['UA', 'PL', 'DE', 'US', 'BR', 'IN', 'ID', 'MX', 'ES', 'IT', 'FR', 'GB', 'TR', 'TH', 'VN', 'RO', 'CZ', 'HU', 'NL', 'IS'][1 + toUInt64(sqrt(g % 400))],
                ['desktop', 'mobile', 'mobile'][1 + g % 3], ['Windows', 'Android', 'iOS'][1 + g % 3],
                ['Chrome', 'Firefox', 'Safari', 'Edge'][1 + g % 4], if(g % 50 = 7, 'curl', ''),
                lower(hex(h)), 'clickid', [toString(g % 10000), toString(g % 97), toString(number)],
                ['push', 'native', 'search', 'social'][1 + g % 4], 'cpc', toString(c % 300), toString(g % 5000),
                toString(g % 700), toDecimal64((g % 400) / 1000, 6), 'USD'
         FROM numbers({first}, {n})"
    )
}

/// A UUIDv7 of the time `ms` and the random bits `h`. ClickHouse stores the first half of a UUID in
/// the lower bytes.
const ID_OF_MS: &str = "reinterpretAsUUID(bitOr(
    toUInt128(bitOr(bitShiftLeft(toUInt64(ms), 16), bitOr(0x7000, h % 4096))),
    bitShiftLeft(toUInt128(bitOr(0x8000000000000000, bitShiftRight(h, 2))), 64)))";

const AFTER_PROSPECTS: [&str; 3] = [
    "INSERT INTO prospect_index (prospect_id, time, user_id, team_id, campaign_id)
     SELECT prospect_id, time, user_id, team_id, campaign_id FROM prospects WHERE {times}",
    "INSERT INTO rollup_hourly (hour, user_id, team_id, campaign_id, prospects, bots)
     SELECT toStartOfHour(time), user_id, team_id, campaign_id, count(), countIf(bot != '') FROM prospects
     WHERE {times} GROUP BY 1, 2, 3, 4",
    "INSERT INTO orders (order_id, prospect_id, time, user_id, team_id, campaign_id, status, payout, currency,
                         country, device, os, browser, bot)
     WITH cityHash64(prospect_id) AS h, toUnixTimestamp64Milli(time) + 60000 + h % 240000 AS ms
     SELECT reinterpretAsUUID(bitOr(
                toUInt128(bitOr(bitShiftLeft(toUInt64(ms), 16), bitOr(0x7000, h % 4096))),
                bitShiftLeft(toUInt128(bitOr(0x8000000000000000, bitShiftRight(h, 2))), 64))),
            prospect_id, fromUnixTimestamp64Milli(toInt64(ms)), user_id, team_id, campaign_id,
            ['hold', 'hold', 'sale', 'rejected', 'trash'][1 + intDiv(h, 50) % 5], 10, 'USD',
            country, device, os, browser, bot
     FROM prospects WHERE {times} AND cityHash64(prospect_id) % 50 = 0 ORDER BY ms",
];

const CONTACTS: &str = "INSERT INTO order_contacts (order_id, time, email, phone_number, first_name, last_name, delivery_address)
    WITH cityHash64(order_id) AS h
    SELECT order_id, time, concat('customer', toString(h % 1000000), '@example.com'), toString(h % 10000000000),
           ['John', 'Ann', 'Olena', 'Piotr'][1 + h % 4], concat('Doe', toString(h % 1000)),
           concat(toString(h % 200), ' Main St, City ', toString(h % 500))
    FROM orders";

const STATUSES: &str = "INSERT INTO order_status (order_id, time, status, actor_id, change_id)
    SELECT order_id, time + INTERVAL 1 DAY, status, 1, generateUUIDv4() FROM orders WHERE status != 'hold'";

const ORDERS_BY_HOUR: &str =
    "INSERT INTO rollup_hourly (hour, user_id, team_id, campaign_id, orders, sales, rejected, trash)
    SELECT toStartOfHour(time), user_id, team_id, campaign_id, count(), countIf(status = 'sale'),
           countIf(status = 'rejected'), countIf(status = 'trash')
    FROM orders GROUP BY 1, 2, 3, 4";

/// Orders that wait. Their payload is empty, so lists show empty fields.
const PARKED: &str =
    "INSERT INTO parked_log (event_id, kind, reason, state, first_seen, last_tried, reference, place, version)
    SELECT generateUUIDv4(), 'order', 'unknown_prospect', if(number % 10 = 0, 'waiting', 'replayed'),
           now64(3) - toIntervalMinute(number), now64(3), toString(generateUUIDv4(number)), toString(number), 1
    FROM numbers(1000)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_the_filling_is_replaced() {
        let sql = Size::QUICK.fill_sql();
        let is_left = |(at, _): (usize, &str)| {
            let after = sql[at + 1..].chars().next().unwrap_or(' ');
            let before = sql[..at].chars().last().unwrap_or(' ');
            after.is_ascii_lowercase() && before != ':'
        };
        assert_eq!(sql.match_indices(':').filter(|found| is_left(*found)).count(), 0);
        assert_eq!((Size::QUICK.first_buyer(), Size::QUICK.buyers()), (217, 784));
    }
}
