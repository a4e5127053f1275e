//! The whole product on its own ports and databases, for walks in a browser.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use sluice_bench::child::{Child, binary};
use sluice_bench::testbed::{Edge, Testbed};
use sluice_local::demo::credentials::Credentials;
use sluice_local::process::ProcessSpec;
use sluice_local::testing::{self, free_port};

use crate::shared_servers::testbed;

const PATIENCE: Duration = Duration::from_secs(60);
/// The password of the user `owner`.
pub(crate) const PASSWORD: &str = "a long way from here to there";

/// The services that `deploy/up` starts.
pub(crate) struct Site {
    pub(crate) testbed: Testbed,
    /// The address of the pages.
    pub(crate) crm: String,
    pub(crate) edge: Edge,
    api: ProcessSpec,
    folder: tempfile::TempDir,
    _services: [Child; 2],
}

impl Site {
    /// Starts the services. `owner` is the only user.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let postgres_url = testing::postgres_database().await;
        let testbed = testbed("browser", 1, postgres_url, folder.path()).await?;
        let (edge, consumer) = tokio::try_join!(testbed.edge(1), testbed.consumer(&[]))?;
        let (crm_port, crm_ops_port) = (free_port(), free_port());
        let api = api_spec(&testbed, &edge, folder.path(), [crm_port, crm_ops_port]).await?;
        api.clone().args(["migrate"]).run().await?;
        let owner = api.clone().args(["create-owner", "--username", "owner"]);
        owner.env("SLUICE_OWNER_PASSWORD", PASSWORD).run().await?;
        let crm = format!("http://127.0.0.1:{crm_port}");
        let service = Child::start(api.clone().args(["serve"]), crm_ops_port).await?;
        Ok(Self { testbed, crm, edge, api, folder, _services: [consumer, service] })
    }

    /// Starts the demo landing page of the user `owner`. Returns it and its address.
    pub(crate) async fn landing(&self) -> anyhow::Result<(Child, String)> {
        let port = free_port();
        let log = self.folder.path().join("landing.log");
        let landing = ProcessSpec::new(binary("sluice-local", None).await?, log);
        let landing = landing
            .args(["demo", "landing", "--user-id", "1", "--crm", &self.crm])
            .args(["--listen".to_owned(), format!("127.0.0.1:{port}")])
            .args(["--edge".to_owned(), format!("http://{}", self.edge.public)]);
        Ok((Child::start(landing, port).await?, format!("http://127.0.0.1:{port}")))
    }

    /// Creates the demo teams with some visits and orders, and waits until these are stored.
    /// Returns the logins.
    pub(crate) async fn demo(&self) -> anyhow::Result<Credentials> {
        let printed = self.api.clone().args(["demo", "create"]).capture().await?;
        let json = printed.lines().rev().find(|line| line.starts_with('{')).unwrap_or(&printed);
        let credentials: Credentials = serde_json::from_str(json).with_context(|| printed.clone())?;
        let file = self.folder.path().join("credentials.json");
        std::fs::write(&file, json)?;
        let log = self.folder.path().join("backfill.log");
        ProcessSpec::new(binary("sluice-local", None).await?, log)
            .args(["demo", "backfill", "--days", "2", "--visits", "400"])
            .args(["--brokers", &self.testbed.brokers, "--topic", &self.testbed.topic])
            .args(["--campaigns".to_owned(), file.to_string_lossy().into_owned()])
            .run()
            .await?;
        let store = &self.testbed.clickhouse;
        store.wait_for("SELECT toInt64(count() >= 400) FROM prospects", 1, PATIENCE).await?;
        // The ordinal of the lane is the last insert of a batch.
        let left = "SELECT toInt64(max(next_seq)) - 1 - toInt64((SELECT count() FROM prospects) +
            (SELECT count() FROM orders) + (SELECT count() FROM parked FINAL)) FROM lanes";
        store.wait_for(left, 0, PATIENCE).await?;
        Ok(credentials)
    }
}

async fn api_spec(
    testbed: &Testbed,
    edge: &Edge,
    folder: &Path,
    [port, ops_port]: [u16; 2],
) -> anyhow::Result<ProcessSpec> {
    let clickhouse = &testbed.clickhouse;
    Ok(ProcessSpec::new(binary("sluice-api", None).await?, folder.join("api.log"))
        .env("SLUICE__HTTP__LISTEN", format!("127.0.0.1:{port}"))
        .env("SLUICE__POSTGRES__URL", &testbed.postgres_url)
        .env("SLUICE__CLICKHOUSE__URL", &clickhouse.url)
        .env("SLUICE__CLICKHOUSE__DATABASE", &clickhouse.database)
        .env("SLUICE__CLICKHOUSE__USER", &clickhouse.user)
        .env("SLUICE__CLICKHOUSE__PASSWORD", &clickhouse.password)
        .env("SLUICE__EDGE__URL", format!("http://{}", edge.proxied))
        .env("SLUICE__EDGE__PUBLIC_URL", format!("http://{}", edge.public))
        .env("SLUICE__KAFKA__BROKERS", &testbed.brokers)
        .env("SLUICE__KAFKA__CHANGES_TOPIC", &testbed.changes_topic)
        .env("SLUICE__AUTH__SECRET", "a secret of the browser walk, long enough for SHA-256")
        .env("SLUICE__OPS__LISTEN", format!("127.0.0.1:{ops_port}")))
}
