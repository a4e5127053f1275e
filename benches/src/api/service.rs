//! A `sluice-api serve` on its own, filled databases, with logged-in users.

use std::net::SocketAddr;

use anyhow::Context as _;
use serde_json::{Value, json};
use sluice_local::ports::free_port;
use sluice_local::process::ProcessSpec;

use super::fill::{self, Size};
use crate::child::{Child, binary};
use crate::clickhouse::ClickHouse;
use crate::testbed::{Databases, PrivateServers};

/// The password of all filled-in users.
const PASSWORD: &str = "correct horse battery";

/// The service and its data.
pub struct Service {
    pub child: Child,
    pub address: SocketAddr,
    pub size: Size,
    pub clickhouse: ClickHouse,
    client: reqwest::Client,
}

impl Service {
    /// Migrates, fills and serves. `note` is called for each step.
    ///
    /// # Errors
    /// When something does not start, or a statement fails.
    pub async fn start(servers: &PrivateServers, size: Size, note: impl Fn(&str)) -> anyhow::Result<Self> {
        let databases = servers.databases("api").await?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let ops_port = free_port();
        let spec = spec(&databases, address, ops_port).await?;
        spec.clone().args(["migrate"]).run().await.context("migrate")?;
        let owner = spec.clone().args(["create-owner", "--username", "owner"]);
        owner.env("SLUICE_OWNER_PASSWORD", PASSWORD).run().await.context("create-owner")?;
        note(&format!("filling PostgreSQL with {} users, {} ledger lines", size.users, size.ledger_lines));
        fill::postgres(&databases.postgres_url, size).await?;
        note(&format!("filling ClickHouse with {} prospects", size.prospects));
        fill::clickhouse(&databases.clickhouse, size).await?;
        let child = Child::start(spec.args(["serve"]), ops_port).await?;
        let client = reqwest::Client::new();
        Ok(Self { child, address, size, clickhouse: databases.clickhouse, client })
    }

    /// Logs a user in. Returns the value of the `Authorization` header.
    pub async fn log_in(&self, username: &str) -> anyhow::Result<String> {
        let url = format!("http://{}/api/users/login/", self.address);
        let answer = self.client.post(url).json(&json!({"username": username, "password": PASSWORD}));
        let answer: Value = answer.send().await?.error_for_status()?.json().await?;
        let token = answer["access_token"].as_str().context("a login gives a token")?;
        Ok(format!("Bearer {token}"))
    }

    /// Logs a user in through the page. Returns a client that keeps the cookies.
    ///
    /// # Errors
    /// When the login is refused.
    pub async fn open_browser(&self, username: &str) -> anyhow::Result<reqwest::Client> {
        let no_redirect = reqwest::redirect::Policy::none();
        let browser = reqwest::Client::builder().cookie_store(true).redirect(no_redirect).build()?;
        let url = format!("http://{}/login/", self.address);
        let page = browser.get(&url).send().await?.error_for_status()?.text().await?;
        let token =
            page.split_once("name=\"csrf_token\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
        let (token, _) = token.context("the login page has no token")?;
        let form = [("csrf_token", token), ("username", username), ("password", PASSWORD)];
        let answer = browser.post(&url).form(&form).send().await?;
        anyhow::ensure!(answer.status() == 303, "{username} was refused with status {}", answer.status());
        Ok(browser)
    }

    /// Returns the path of the page after a page of a list.
    ///
    /// # Errors
    /// When there is no next page.
    pub async fn next_page(&self, path: &str, bearer: &str) -> anyhow::Result<String> {
        let request =
            self.client.get(format!("http://{}{path}", self.address)).header("authorization", bearer);
        let answer = request.send().await?.error_for_status()?;
        let link = answer.headers().get("link").and_then(|link| link.to_str().ok());
        let next = link.and_then(|link| link.split_once('<')?.1.split_once('>')).map(|(url, _)| url);
        let next = next.with_context(|| format!("{path} has no next page"))?;
        Ok(next.strip_prefix(&format!("http://{}", self.address)).unwrap_or(next).to_owned())
    }
}

/// Returns the body of a login, for callers that send many.
#[must_use]
pub fn login_body(user: u64) -> String {
    json!({"username": format!("user{user}"), "password": PASSWORD}).to_string()
}

async fn spec(databases: &Databases, address: SocketAddr, ops_port: u16) -> anyhow::Result<ProcessSpec> {
    let clickhouse = &databases.clickhouse;
    let program = binary("sluice-api", None).await?;
    Ok(ProcessSpec::new(program, databases.folder.join("api.log"))
        .env("SLUICE__HTTP__LISTEN", address.to_string())
        .env("SLUICE__HTTP__REQUESTS_PER_MINUTE_BY_ADDRESS", "0")
        .env("SLUICE__HTTP__REQUESTS_PER_MINUTE_BY_TOKEN", "0")
        .env("SLUICE__OPS__LISTEN", format!("127.0.0.1:{ops_port}"))
        .env("SLUICE__POSTGRES__URL", &databases.postgres_url)
        .env("SLUICE__CLICKHOUSE__URL", &clickhouse.url)
        .env("SLUICE__CLICKHOUSE__DATABASE", &clickhouse.database)
        .env("SLUICE__CLICKHOUSE__USER", &clickhouse.user)
        .env("SLUICE__CLICKHOUSE__PASSWORD", &clickhouse.password)
        .env("SLUICE__KAFKA__BROKERS", &databases.brokers)
        // Nothing listens there, because nothing sends events.
        .env("SLUICE__EDGE__URL", "http://127.0.0.1:9")
        .env("SLUICE__AUTH__SECRET", sluice_local::secrets::generate())
        .env("SLUICE__AUTH__ACCESS_MINUTES", "600"))
}
