//! The demo's money: rates, budgets, ad accounts with a month of top-ups and spend, and a request
//! at each stage. One account runs out within its threshold, one transfer was recorded by mistake
//! and reversed, and one returned money.

use anyhow::Context as _;
use chrono::{Days, Months, NaiveDate};
use serde_json::{Value, json};
use sluice_runtime::clock::Clock;
use sqlx::PgPool;

use super::campaigns::source_name;
use super::client::Api;
use super::ledger::{Movement, month};
use super::people::{DemoTeam, DemoUser};
use crate::db::{demo, time_of};

const COORDINATOR: &str = "demo_funds";
/// Budgets of the teams for a month, in USD.
const BUDGETS: [&str; 2] = ["20000.00", "12000.00"];
/// Days ago, and the price of a euro in dollars.
const RATES: [(u64, &str); 4] = [(28, "1.1587"), (21, "1.1612"), (14, "1.1644"), (7, "1.1629")];

/// The state of the newest request of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Approved,
    Refused,
    Cancelled,
}

struct Account {
    name: &'static str,
    buyer: &'static str,
    lead: &'static str,
    network: &'static str,
    currency: &'static str,
    daily_minor: i64,
    left_minor: i64,
    newest: Stage,
}

const ACCOUNTS: [Account; 7] = [
    // Less than two days are left, and the threshold is three.
    account("Google 402-118-2291 (demo)", "demo_buyer1", "Google Ads", "USD", (14_000, 21_000), Stage::Open),
    account("Meta 1180-5534 (demo)", "demo_buyer1", "Meta Ads", "USD", (9_500, 90_000), Stage::Refused),
    account("TikTok 7044-17 (demo)", "demo_buyer2", "TikTok Ads", "USD", (8_000, 48_000), Stage::Approved),
    account("PropellerAds 9031 (demo)", "demo_buyer3", "PropellerAds", "USD", (3_500, 42_000), Stage::Open),
    account("Taboola 5512 (demo)", "demo_buyer3", "Taboola", "EUR", (6_000, 42_000), Stage::Cancelled),
    account("Google 510-771-0031 (demo)", "demo_buyer4", "Google Ads", "EUR", (7_500, 45_000), Stage::Open),
    account("TikTok 7052-02 (demo)", "demo_buyer5", "TikTok Ads", "USD", (5_500, 55_000), Stage::Approved),
];

const fn account(
    name: &'static str,
    buyer: &'static str,
    network: &'static str,
    currency: &'static str,
    (daily_minor, left_minor): (i64, i64),
    newest: Stage,
) -> Account {
    let lead = match buyer.as_bytes() {
        [.., b'4' | b'5'] => "demo_lead2",
        _ => "demo_lead",
    };
    Account { name, buyer, lead, network, currency, daily_minor, left_minor, newest }
}

/// Creates the missing rates, budgets and ad accounts. An account that exists is not changed.
pub(super) async fn create(
    pool: &PgPool,
    api: &Api,
    users: &[DemoUser],
    teams: &[DemoTeam],
) -> anyhow::Result<()> {
    let today = time_of(&Clock::System).date_naive();
    if !demo::has_fund_rates(pool).await.context("postgres")? {
        create_rates(pool, api, today).await?;
    }
    for (team, amount) in teams.iter().zip(BUDGETS) {
        if !demo::has_fund_budget(pool, team.id).await.context("postgres")? {
            create_budgets(api, team.id, amount, today).await?;
        }
    }
    let known = demo::fund_account_names(pool).await.context("postgres")?;
    for (salt, account) in (0..).zip(&ACCOUNTS) {
        let buyer = users.iter().find(|user| user.username == account.buyer);
        if let Some(buyer) = buyer
            && !known.iter().any(|name| name == account.name)
        {
            let source = demo::source_id(pool, &source_name(account.network)).await.context("postgres")?;
            let body = json!({
                "name": account.name, "user_id": buyer.id, "source_id": source, "currency": account.currency,
            });
            let id = api.create(COORDINATOR, "/api/funds/accounts/create/", &body).await?;
            create_month(api, account, id, today, salt).await?;
            create_newest(api, account, id).await?;
            if account.newest == Stage::Refused {
                create_corrections(api, id, today).await?;
            }
        }
    }
    Ok(())
}

async fn create_rates(pool: &PgPool, api: &Api, today: NaiveDate) -> anyhow::Result<()> {
    for (days, rate) in RATES {
        let day = days_before(today, days);
        if demo::has_fund_rate(pool, "EUR", "USD", day).await.context("postgres")? {
            continue;
        }
        let body = json!({"base": "EUR", "quote": "USD", "date": day, "rate": rate});
        let id = api.create(COORDINATOR, "/api/funds/rates/create/", &body).await?;
        demo::mark_fund_rate(pool, id).await.context("postgres")?;
    }
    Ok(())
}

/// Creates the budgets of the last month and of this one.
async fn create_budgets(api: &Api, team_id: i64, amount: &str, today: NaiveDate) -> anyhow::Result<()> {
    for months in [1, 0] {
        let month = today.checked_sub_months(Months::new(months)).unwrap_or(today);
        let month = month.format("%Y-%m").to_string();
        let body = json!({"team_id": team_id, "month": month, "amount": amount, "currency": "USD"});
        api.post("demo_owner", "/api/funds/budgets/create/", &body).await?;
    }
    Ok(())
}

/// Records the month of an account. The buyer asked for the newest top-up. The others were recorded
/// by hand, with a fee.
async fn create_month(
    api: &Api,
    account: &Account,
    id: i64,
    today: NaiveDate,
    salt: u64,
) -> anyhow::Result<()> {
    let movements = month(today, account.daily_minor, account.left_minor, salt);
    let newest = movements.iter().rposition(|movement| movement.is_top_up);
    for (index, movement) in movements.iter().enumerate() {
        let reference = format!("{}-{}", if movement.is_top_up { "wire" } else { "daily" }, movement.day);
        if Some(index) == newest {
            let amount = show(movement.amount_minor);
            let path = ask(api, account, id, &amount, "Two more weeks at the present pace.").await?;
            api.post(account.lead, &format!("{path}approve/"), &json!({"amount": amount})).await?;
            let body = json!({"reference": reference, "date": movement.day});
            api.post(COORDINATOR, &format!("{path}top-up/"), &body).await?;
        } else {
            record(api, id, movement, &reference).await?;
        }
    }
    Ok(())
}

async fn record(api: &Api, account_id: i64, movement: &Movement, reference: &str) -> anyhow::Result<i64> {
    let mut body = json!({
        "kind": if movement.is_top_up { "top_up" } else { "spend" },
        "account_id": account_id,
        "amount": show(movement.amount_minor),
        "date": movement.day,
        "reference": reference,
    });
    if movement.is_top_up {
        body["fee"] = Value::from(show(movement.amount_minor * 3 / 100));
    }
    api.create(COORDINATOR, "/api/funds/transfers/create/", &body).await
}

/// Creates the newest request of an account.
async fn create_newest(api: &Api, account: &Account, id: i64) -> anyhow::Result<()> {
    let amount = show(account.daily_minor * 5);
    let path =
        ask(api, account, id, &amount, "The weekend converts best, so I want to raise the bid.").await?;
    match account.newest {
        Stage::Open => {}
        Stage::Approved => {
            api.post(account.lead, &format!("{path}approve/"), &json!({"amount": amount})).await?;
        }
        Stage::Refused => {
            let body = json!({"reason": "There is enough for another week. Ask again on Monday."});
            api.post(account.lead, &format!("{path}refuse/"), &body).await?;
        }
        Stage::Cancelled => {
            api.post(account.buyer, &format!("{path}cancel/"), &json!({})).await?;
        }
    }
    Ok(())
}

/// Creates a request, and returns the beginning of the paths of what can be done with it.
async fn ask(
    api: &Api,
    account: &Account,
    account_id: i64,
    amount: &str,
    purpose: &str,
) -> anyhow::Result<String> {
    let body = json!({"account_id": account_id, "amount": amount, "purpose": purpose});
    let id = api.create(account.buyer, "/api/funds/requests/create/", &body).await?;
    Ok(format!("/api/funds/requests/{id}/"))
}

/// Records a spend twice and reverses the second, and records a return.
async fn create_corrections(api: &Api, account_id: i64, today: NaiveDate) -> anyhow::Result<()> {
    let again = Movement { is_top_up: false, day: days_before(today, 2), amount_minor: 61_40 };
    let id = record(api, account_id, &again, "typed twice").await?;
    let body = json!({"note": "This day was recorded already."});
    api.post(COORDINATOR, &format!("/api/funds/transfers/{id}/reverse/"), &body).await?;
    let returned = json!({
        "kind": "return", "account_id": account_id, "amount": "150.00", "date": days_before(today, 1),
        "reference": "refund-1180", "note": "The network returned the credit of a closed campaign.",
    });
    api.post(COORDINATOR, "/api/funds/transfers/create/", &returned).await?;
    Ok(())
}

fn days_before(today: NaiveDate, days: u64) -> NaiveDate {
    today.checked_sub_days(Days::new(days)).unwrap_or(today)
}

/// Writes an amount of a currency with two decimal places.
fn show(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}
