//! Queries to ClickHouse over its HTTP interface, in one separate database.

use std::time::{Duration, Instant};

use anyhow::Context as _;

/// The time limit for a statement.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// A database and its address.
#[derive(Debug, Clone)]
pub struct ClickHouse {
    client: reqwest::Client,
    pub url: String,
    pub user: String,
    pub password: String,
    pub database: String,
}

impl ClickHouse {
    /// Creates the database and its tables.
    pub async fn create(url: &str, user: &str, password: &str, database: &str) -> anyhow::Result<Self> {
        let clickhouse = Self::empty(url, user, password, database).await?;
        for migration in sluice_schemas::migrations::CLICKHOUSE {
            for statement in migration.statements() {
                clickhouse.query(&statement).await?;
            }
        }
        Ok(clickhouse)
    }

    /// Creates the database without tables.
    pub async fn empty(url: &str, user: &str, password: &str, database: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(STATEMENT_TIMEOUT).build()?;
        let [url, user, password] = [url, user, password].map(str::to_owned);
        let mut clickhouse = Self { client, url, user, password, database: "default".to_owned() };
        clickhouse.query(&format!("CREATE DATABASE IF NOT EXISTS {database}")).await?;
        database.clone_into(&mut clickhouse.database);
        Ok(clickhouse)
    }

    /// Runs a statement and returns its answer, tab-separated.
    ///
    /// # Errors
    /// When the server does not answer, or refuses. The message contains its answer.
    pub async fn query(&self, sql: &str) -> anyhow::Result<String> {
        let request = self
            .client
            .post(&self.url)
            .query(&[("database", self.database.as_str())])
            .header("x-clickhouse-user", &self.user)
            .header("x-clickhouse-key", &self.password)
            .body(sql.to_owned());
        let response = request.send().await.context("ClickHouse does not answer")?;
        let is_good = response.status().is_success();
        let text = response.text().await.context("the answer of ClickHouse ended early")?;
        anyhow::ensure!(is_good, "{sql}: {}", text.trim());
        Ok(text)
    }

    /// Returns the only value of the only row of a query.
    ///
    /// # Errors
    /// As [`ClickHouse::query`], and if the value is not a number.
    pub async fn number(&self, sql: &str) -> anyhow::Result<i64> {
        let text = self.query(sql).await?;
        text.trim().parse().with_context(|| format!("{sql}: {text:?} is not a number"))
    }

    /// Waits until a query returns at least `expected`. Returns how long that took.
    ///
    /// # Errors
    /// When it does not within `patience`. The message contains the last value.
    pub async fn wait_for(&self, sql: &str, expected: i64, patience: Duration) -> anyhow::Result<Duration> {
        const POLL: Duration = Duration::from_millis(20);
        let begin = Instant::now();
        loop {
            let found = self.number(sql).await;
            if found.as_ref().is_ok_and(|found| *found >= expected) {
                return Ok(begin.elapsed());
            }
            if begin.elapsed() > patience {
                anyhow::bail!("{sql}: {found:?} after {patience:?} instead of {expected}");
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
