//! Many random operations at once through the router. Afterwards the ledger balances.

use futures::StreamExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::Funds;

const N_OPERATIONS: usize = 300;
const N_AT_ONCE: usize = 16;

#[derive(Debug, Clone)]
enum Operation {
    Transfer { kind: &'static str, account: i64, minor: i64, key: Option<String> },
    Reverse { entry: usize },
    Credit { account: i64, minor: i64 },
    Import { account: i64, row: usize },
}

fn operation(random: &mut StdRng, accounts: &[i64]) -> Operation {
    let account = accounts[random.random_range(0..accounts.len())];
    let minor = random.random_range(1..5_000);
    match random.random_range(0..20) {
        0..6 => Operation::Transfer { kind: "top_up", account, minor, key: None },
        6..11 => Operation::Transfer { kind: "spend", account, minor, key: None },
        11..13 => Operation::Transfer { kind: "return", account, minor, key: None },
        13..15 => {
            // Few keys with one body each, so that the same request is sent many times, also at
            // once.
            let number = random.random_range(0..10_usize);
            let minor = i64::try_from(number).unwrap() + 100;
            let account = accounts[number % accounts.len()];
            Operation::Transfer { kind: "top_up", account, minor, key: Some(format!("key {number}")) }
        }
        15..18 => Operation::Reverse { entry: random.random_range(0..200) },
        18 => Operation::Credit { account, minor },
        _ => Operation::Import { account, row: random.random_range(0..5) },
    }
}

async fn perform(funds: &Funds, operation: Operation) -> u16 {
    let amount = |minor: i64| format!("{}.{:02}", minor / 100, minor % 100);
    let coordinator = &funds.coordinator;
    match operation {
        Operation::Transfer { kind, account, minor, key } => {
            let body = json!({"kind": kind, "account_id": account, "amount": amount(minor), "fee": if kind == "top_up" { Some("0.05") } else { Some("") }});
            let headers: Vec<(&str, &str)> =
                key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
            funds
                .send(axum::http::Method::POST, "transfers/create", Some(&body), coordinator, &headers)
                .await
                .status
        }
        Operation::Reverse { entry } => {
            funds.post(&format!("transfers/{}/reverse", entry + 1), &json!({}), coordinator).await.status
        }
        Operation::Credit { account, minor } => {
            let body = json!({"credit_limit": amount(minor)});
            let path = format!("accounts/update/{account}");
            funds.send(axum::http::Method::PATCH, &path, Some(&body), coordinator, &[]).await.status
        }
        Operation::Import { account, row } => {
            let file = format!("date,amount,reference\n2026-11-20,1.00,r{row}\n2026-11-21,2.00,r{row}\n");
            let body = json!({"file": file, "account_id": account});
            funds.post("transfers/import", &body, coordinator).await.status
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_balances_after_random_operations() {
    let funds = Funds::new().await;
    let mut accounts = Vec::new();
    for (name, currency) in [("a", "USD"), ("b", "USD"), ("c", "EUR"), ("d", "EUR")] {
        accounts.push(funds.account(name, &funds.buyer, currency).await);
    }
    let seed: u64 = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    let operations: Vec<_> = (0..N_OPERATIONS).map(|_| operation(&mut random, &accounts)).collect();
    let funds = &funds;
    let answers: Vec<u16> = futures::stream::iter(operations)
        .map(|operation| perform(funds, operation))
        .buffer_unordered(N_AT_ONCE)
        .collect()
        .await;
    let n_done = answers.iter().filter(|status| **status < 300).count();
    assert!(answers.iter().all(|status| *status < 500), "seed {seed}: {answers:?}");
    assert!(n_done > N_OPERATIONS / 5, "seed {seed}: only {n_done} were done");
    for (broken, query) in [
        (
            "an entry balances",
            "SELECT count(*) FROM (SELECT FROM ledger_postings GROUP BY entry_id HAVING sum(amount_minor) <> 0 OR count(*) < 2) x",
        ),
        (
            "a currency balances",
            "SELECT count(*) FROM (SELECT FROM ledger_postings GROUP BY currency HAVING sum(amount_minor) <> 0) x",
        ),
        (
            "an entry has lines",
            "SELECT count(*) FROM ledger_entries WHERE id NOT IN (SELECT entry_id FROM ledger_postings)",
        ),
        (
            "nothing is below its floor",
            "SELECT count(*) FROM ledger_accounts WHERE balance_minor < floor_minor",
        ),
        (
            "a balance is its sum",
            "SELECT count(*) FROM ledger_accounts account WHERE balance_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM ledger_postings WHERE account_id = account.id)",
        ),
        (
            "a line's balance is the sum so far",
            "SELECT count(*) FROM (SELECT balance_minor - sum(amount_minor) OVER (PARTITION BY account_id ORDER BY at, id) AS off FROM ledger_postings) x WHERE off <> 0",
        ),
        (
            "time goes on",
            "SELECT count(*) FROM (SELECT at < lag(at) OVER (PARTITION BY account_id ORDER BY id) AS is_back FROM ledger_postings) x WHERE is_back",
        ),
        (
            "a key is used once",
            "SELECT count(*) FROM (SELECT FROM ledger_entries WHERE idempotency_key IS NOT NULL GROUP BY idempotency_key HAVING count(*) > 1) x",
        ),
        (
            "a reference is used once",
            "SELECT count(*) FROM (SELECT FROM ledger_entries e WHERE kind = 'spend' AND reference <> '' AND id NOT IN (SELECT reverses_id FROM ledger_entries WHERE reverses_id IS NOT NULL) GROUP BY fund_account_id, day, reference HAVING count(*) > 1) x",
        ),
        (
            "a reversed one is reversed once",
            "SELECT count(*) FROM (SELECT FROM ledger_entries WHERE reverses_id IS NOT NULL GROUP BY reverses_id HAVING count(*) > 1) x",
        ),
    ] {
        let n: i64 = sqlx::query_scalar(query).fetch_one(&funds.world.app.postgres).await.unwrap();
        assert_eq!(n, 0, "seed {seed}: not so: {broken}");
    }
}
