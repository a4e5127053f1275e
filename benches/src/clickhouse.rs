//! Questions to ClickHouse over its HTTP interface, in one database of one's own.

use std::time::{Duration, Instant};

use anyhow::Context as _;

/// How long a statement may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// A database and how to reach it.
#[derive(Debug, Clone)]
pub struct ClickHouse {
    client: reqwest::Client,
    pub url: String,
    pub user: String,
    pub password: String,
    pub database: String,
}

impl ClickHouse {
    /// Makes the database and its tables.
    ///
    /// # Errors
    /// When the server does not answer or refuses a statement.
    pub async fn create(url: &str, user: &str, password: &str, database: &str) -> anyhow::Result<Self> {
        let clickhouse = Self::empty(url, user, password, database).await?;
        for migration in sluice_schemas::migrations::CLICKHOUSE {
            for statement in migration.statements() {
                clickhouse.query(&statement).await?;
            }
        }
        Ok(clickhouse)
    }

    /// Makes the database, without tables.
    ///
    /// # Errors
    /// When the server does not answer or refuses a statement.
    pub async fn empty(url: &str, user: &str, password: &str, database: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(STATEMENT_TIMEOUT).build()?;
        let [url, user, password] = [url, user, password].map(str::to_owned);
        let mut clickhouse = Self { client, url, user, password, database: "default".to_owned() };
        clickhouse.query(&format!("CREATE DATABASE IF NOT EXISTS {database}")).await?;
        database.clone_into(&mut clickhouse.database);
        Ok(clickhouse)
    }

    /// Runs a statement and gives its answer, tab-separated.
    ///
    /// # Errors
    /// When the server does not answer or refuses; with its message.
    pub async fn query(&self, sql: &str) -> anyhow::Result<String> {
        let request = self
            .client
            .post(&self.url)
            .query(&[("database", self.database.as_str())])
            .header("x-clickhouse-user", &self.user)
            .header("x-clickhouse-key", &self.password)
            .body(sql.to_owned());
        let response = request.send().await.context("clickhouse does not answer")?;
        let is_good = response.status().is_success();
        let text = response.text().await.context("clickhouse's answer broke off")?;
        anyhow::ensure!(is_good, "{sql}: {}", text.trim());
        Ok(text)
    }

    /// The only value of a query's only row.
    ///
    /// # Errors
    /// As [`ClickHouse::query`], and when it is no number.
    pub async fn number(&self, sql: &str) -> anyhow::Result<i64> {
        let text = self.query(sql).await?;
        text.trim().parse().with_context(|| format!("{sql}: {text:?} is no number"))
    }

    /// Waits until a query gives at least `expected`; how long after the beginning of the wait it did.
    ///
    /// # Errors
    /// When it has not within `patience`, with what it gave.
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
