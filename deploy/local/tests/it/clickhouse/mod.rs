//! Conformance with ClickHouse's HTTP interface. The tests run against the server at
//! `SLUICE_TEST_CLICKHOUSE_URL` (with `SLUICE_TEST_CLICKHOUSE_USER` and `_PASSWORD`) if it is set,
//! else against the engine of the local stack. The answers must be the same.

mod errors;
mod inserts;
mod library;
mod lifetime;
mod selects;
mod statements;

use std::collections::HashMap;

use sluice_local::testing;

/// A server and a database for one test.
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn code(&self) -> u32 {
        self.headers.get("x-clickhouse-exception-code").map_or(0, |code| code.parse().expect("a number"))
    }
}

/// Returns whether the tests run against a ClickHouse server, not the local engine.
pub(crate) fn is_server() -> bool {
    std::env::var_os("SLUICE_TEST_CLICKHOUSE_URL").is_some()
}

impl Target {
    pub(crate) async fn new() -> Self {
        let database = testing::unique_name("conformance");
        let target = match std::env::var("SLUICE_TEST_CLICKHOUSE_URL") {
            Ok(url) => {
                let variable = |name: &str, otherwise: &str| std::env::var(name).unwrap_or(otherwise.into());
                let user = variable("SLUICE_TEST_CLICKHOUSE_USER", "default");
                Self { url, user, password: variable("SLUICE_TEST_CLICKHOUSE_PASSWORD", ""), database }
            }
            Err(_) => {
                let servers = testing::servers().await;
                Self {
                    url: servers.clickhouse_url.clone(),
                    user: servers.clickhouse_user.clone(),
                    password: servers.clickhouse_password.clone(),
                    database,
                }
            }
        };
        let created = target.post(&[], format!("CREATE DATABASE {}", target.database)).await;
        assert_eq!(created.status, 200, "{}", created.text());
        target
    }

    pub(crate) fn request(&self, parameters: &[(&str, &str)]) -> reqwest::RequestBuilder {
        reqwest::Client::new()
            .post(&self.url)
            .query(parameters)
            .header("X-ClickHouse-User", &self.user)
            .header("X-ClickHouse-Key", &self.password)
    }

    /// Sends a POST with URL parameters, without a database.
    pub(crate) async fn post(&self, parameters: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
        read(self.request(parameters).body(body).send().await.expect("an answer")).await
    }

    /// Runs a statement in the database of the test. It must succeed. Returns the text without the
    /// last line end.
    pub(crate) async fn run(&self, sql: &str) -> String {
        let answer = self.post(&[("database", &self.database)], sql.to_owned()).await;
        assert_eq!(answer.status, 200, "{sql}: {}", answer.text());
        answer.text().trim_end_matches('\n').to_owned()
    }

    /// Inserts a body with the statement in the URL.
    pub(crate) async fn insert(&self, sql: &str, settings: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut parameters = vec![("database", self.database.as_str()), ("query", sql)];
        parameters.extend_from_slice(settings);
        self.post(&parameters, body).await
    }

    /// Returns a client of the `clickhouse` crate for the database of the test.
    pub(crate) fn client(&self) -> clickhouse::Client {
        clickhouse::Client::default()
            .with_url(&self.url)
            .with_user(&self.user)
            .with_password(&self.password)
            .with_database(&self.database)
    }
}

pub(crate) async fn read(response: reqwest::Response) -> Answer {
    let status = response.status().as_u16();
    let headers = response.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned())).collect();
    Answer { status, headers, body: response.bytes().await.expect("a whole body").to_vec() }
}
