//! Entries that the database itself refuses, and its speed with many lines.

use std::time::Instant;

use sqlx::{Executor as _, PgPool};

use super::{Funds, made};

/// Runs statements in one transaction. Returns the answer of the database.
async fn refusal(pool: &PgPool, statements: &str) -> String {
    let mut transaction = pool.begin().await.unwrap();
    let done = transaction.execute(sqlx::AssertSqlSafe(statements.to_owned())).await.map(|_| ());
    let result = match done {
        Ok(()) => transaction.commit().await,
        Err(error) => Err(error),
    };
    let error = result.expect_err(statements);
    let error = error.as_database_error().unwrap();
    error.constraint().map_or_else(|| error.message().to_owned(), str::to_owned)
}

#[tokio::test]
async fn the_database_refuses_wrong_entries() {
    let funds = Funds::new().await;
    let account = funds.account("A", &funds.buyer, "USD").await;
    funds.account("B", &funds.buyer, "EUR").await;
    let entry = made(funds.transfer("top_up", account, "10").await);
    let pool = &funds.world.app.postgres;
    let new = |kind: &str, amount: i64, more: &str, value: &str| {
        format!(
            "INSERT INTO ledger_entries (id, at, day, kind, fund_account_id, currency, amount_minor, spent_minor, actor_id, content_hash{more})
             VALUES (1000, '2026-12-01', '2026-12-01', '{kind}', {account}, 'USD', {amount}, 0, 1, decode(repeat('00', 32), 'hex'){value});"
        )
    };
    let post = |entry: i64, kind: &str, currency: &str, amount: i64| {
        format!(
            "INSERT INTO ledger_postings (entry_id, account_id, currency, amount_minor, balance_minor, at)
             SELECT {entry}, id, '{currency}', {amount}, 0, 'epoch' FROM ledger_accounts WHERE kind = '{kind}' AND currency = '{currency}';"
        )
    };
    for (statements, expected) in [
        ("UPDATE ledger_entries SET amount_minor = 1".to_owned(), "ledger_entries is append-only"),
        ("DELETE FROM ledger_postings".to_owned(), "ledger_postings is append-only"),
        ("TRUNCATE ledger_postings".to_owned(), "ledger_postings is append-only"),
        ("TRUNCATE ledger_entries CASCADE".to_owned(), "ledger_entries is append-only"),
        ("DELETE FROM ledger_accounts".to_owned(), "ledger_accounts is append-only"),
        (new("top_up", 5, "", ""), "ledger_entries_balanced"),
        (new("top_up", 5, "", "") + &post(1000, "ad_account", "USD", 5), "ledger_entries_balanced"),
        (
            new("top_up", 5, "", "") + &post(1000, "ad_account", "USD", 5) + &post(1000, "bank", "USD", -4),
            "ledger_entries_balanced",
        ),
        (
            new("top_up", 5, "", "") + &post(1000, "ad_account", "USD", -5) + &post(1000, "bank", "USD", 5),
            "ledger_entries_amount",
        ),
        (
            new("spend", 1001, "", "") + &post(1000, "ad_account", "USD", -1001) + &post(1000, "spend", "USD", 1001),
            "ledger_accounts_floor",
        ),
        (
            new("top_up", 5, "", "") + &post(1000, "ad_account", "EUR", 5),
            "ledger_postings_entry_id_currency_fkey",
        ),
        (post(entry, "bank", "USD", 1), "ledger_entries_whole"),
        (
            new("reversal", 10, ", reverses_id", &format!(", {entry}"))
                + &post(1000, "ad_account", "USD", -10)
                + &post(1000, "bank", "USD", 10),
            "ledger_entries_reverse_exactly",
        ),
        (new("reversal", 10, "", ""), "ledger_entries_reverse_something"),
        (
            "INSERT INTO fund_account_buyers SELECT fund_account_id, buyer_id, tstzrange(now(), NULL) FROM fund_account_buyers"
                .to_owned(),
            "fund_account_buyers_one_at_a_time",
        ),
        ("UPDATE fund_accounts SET currency = 'GBP'".to_owned(), "fund_accounts_currency_stays"),
    ] {
        assert_eq!(refusal(pool, &statements).await, expected, "{statements}");
    }
}

#[tokio::test]
async fn a_balance_is_read_fast_among_many_lines() {
    let funds = Funds::new().await;
    let account = funds.account("A", &funds.buyer, "USD").await;
    // Lines as the triggers would write them, inserted without triggers: this test is about
    // reading.
    let mut connection = funds.world.app.postgres.acquire().await.unwrap();
    let many = format!(
        "SET session_replication_role = replica;
         INSERT INTO ledger_entries (id, at, day, kind, fund_account_id, currency, amount_minor, spent_minor, actor_id, content_hash)
         SELECT n, timestamptz '2020-01-01' + n * interval '1 minute', date '2020-01-01' + n / 1440, 'top_up', {account}, 'USD', 1, 0,
                1, decode(repeat('00', 32), 'hex') FROM generate_series(1, 20000) n;
         INSERT INTO ledger_postings (entry_id, account_id, currency, amount_minor, balance_minor, at)
         SELECT n, (SELECT id FROM ledger_accounts WHERE fund_account_id = {account}), 'USD', 1, n,
                timestamptz '2020-01-01' + n * interval '1 minute' FROM generate_series(1, 20000) n;
         SET session_replication_role = DEFAULT; ANALYZE ledger_postings; ANALYZE ledger_entries"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(many)).execute(&mut *connection).await.unwrap();
    drop(connection);
    let path = "balances/list/?at=2020-01-01T01:00:00Z";
    // The account was created later than its lines.
    funds.world.sql("UPDATE fund_accounts SET created_at = '2019-01-01'").await;
    let began = Instant::now();
    let answer = funds.get(path, &funds.owner).await.json();
    assert_eq!(answer[0]["balance"], "0.60");
    // Generous, since test machines are busy. The benchmarks measure it.
    assert!(began.elapsed().as_millis() < 1000);
}
