//! The units of the stack: how each is started, when it is ready, and how it is stopped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::Signal;

use super::config::{Ports, Secrets};
use crate::demo::credentials::Credentials;
use crate::process::{Process, ProcessSpec};
use crate::servers::clickhouse::ClickHouseConfig;
use crate::servers::kafka::KafkaConfig;
use crate::servers::postgres::PostgresConfig;
use crate::servers::wait_until_ready;

/// The topics of the pipeline.
pub const EVENTS_TOPIC: &str = "sluice.events";
pub const CHANGES_TOPIC: &str = "sluice.changes";
pub const LIVE_TOPIC: &str = "sluice.live";
/// The name of the database in both PostgreSQL and ClickHouse.
pub const DATABASE: &str = "sluice";

/// The way in which a unit is started.
pub enum Start {
    Postgres(PostgresConfig),
    Kafka(KafkaConfig),
    ClickHouse(ClickHouseConfig),
    /// A program. It is ready when the URL answers 200, or, without a URL, when it has started.
    Program(ProcessSpec, Option<String>),
}

/// Returns the path of the file with the logins and campaigns.
pub fn credentials_path(folder: &Path) -> PathBuf {
    folder.join("credentials.json")
}

/// Returns the file that keeps the unit with this log stopped.
pub fn pause_file(log: &Path) -> PathBuf {
    log.with_extension("paused")
}

/// A unit of the stack.
pub struct Unit {
    /// The name in `status` and `logs`.
    pub name: &'static str,
    /// The address of its listener.
    pub address: String,
    pub log: PathBuf,
    pub start: Start,
    /// The signal that asks it to end.
    pub stop_signal: Signal,
    /// The time limit for its end.
    pub patience: Duration,
}

impl Unit {
    /// Starts the unit and waits until it is ready; for a program, at most `patience`.
    pub async fn start(&self, patience: Duration) -> anyhow::Result<Process> {
        match &self.start {
            Start::Postgres(config) => config.start().await,
            Start::Kafka(config) => config.start().await,
            Start::ClickHouse(config) => config.start().await,
            Start::Program(spec, ready_url) => {
                let process = spec.spawn()?;
                if let Some(url) = ready_url {
                    wait_until_ready(self.name, &process, &self.log, patience, || crate::probe::ready(url))
                        .await?;
                }
                Ok(process)
            }
        }
    }
}

impl Unit {
    /// Returns the file whose existence keeps the unit stopped while the stack runs.
    pub fn pause_file(&self) -> PathBuf {
        pause_file(&self.log)
    }

    /// Returns the URL that reports whether the unit is ready, if it has one.
    pub fn ready_url(&self) -> Option<&str> {
        match &self.start {
            Start::Program(_, ready_url) => ready_url.as_deref(),
            _ => None,
        }
    }
}

/// The data from which all units are made.
pub struct Blueprint {
    pub folder: PathBuf,
    pub ports: Ports,
    pub secrets: Secrets,
    /// The country database.
    pub geo: PathBuf,
}

impl Blueprint {
    /// Returns the data of the running stack of a folder, and the process id of its supervisor.
    ///
    /// # Errors
    /// When no stack is running there.
    pub fn running(folder: &Path) -> anyhow::Result<(Self, u32)> {
        let state = super::state::read(folder).filter(|_| super::state::is_running(folder).unwrap_or(false));
        let state = state.context("no stack is running here; start it with `deploy/up`")?;
        let ports = state.ports.context("the running stack has not written its ports yet; try again")?;
        let secrets = Secrets::load(folder)?;
        Ok((Self { folder: folder.to_owned(), ports, secrets, geo: PathBuf::new() }, state.pid))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join("log").join(format!("{name}.log"))
    }

    pub fn postgres(&self) -> PostgresConfig {
        PostgresConfig {
            folder: self.folder.clone(),
            log: self.log("postgres"),
            port: self.ports.postgres,
            password: self.secrets.postgres.clone(),
            is_volatile: false,
        }
    }

    pub fn kafka(&self) -> KafkaConfig {
        KafkaConfig {
            folder: self.folder.join("kafka"),
            log: self.log("kafka"),
            port: self.ports.kafka,
            heap_mb: 512,
            is_short_lived: false,
        }
    }

    pub fn clickhouse(&self) -> ClickHouseConfig {
        ClickHouseConfig {
            folder: self.folder.join("clickhouse"),
            log: self.log("clickhouse"),
            port: self.ports.clickhouse,
            user: "sluice".into(),
            password: self.secrets.clickhouse.clone(),
        }
    }

    /// Returns the three servers.
    pub fn servers(&self) -> [Unit; 3] {
        let address = |port: u16| format!("127.0.0.1:{port}");
        let unit = |name, port, start, stop_signal| Unit {
            name,
            address: address(port),
            log: self.log(name),
            start,
            stop_signal,
            patience: Duration::from_secs(20),
        };
        [
            // SIGINT is the fast shutdown of PostgreSQL, which does not wait for clients to leave.
            unit("postgres", self.ports.postgres, Start::Postgres(self.postgres()), Signal::SIGINT),
            unit("kafka", self.ports.kafka, Start::Kafka(self.kafka()), Signal::SIGTERM),
            unit("clickhouse", self.ports.clickhouse, Start::ClickHouse(self.clickhouse()), Signal::SIGTERM),
        ]
    }

    fn service(&self, name: &'static str, spec: ProcessSpec, port: u16, ready: Option<String>) -> Unit {
        Unit {
            name,
            address: format!("http://127.0.0.1:{port}"),
            log: self.log(name),
            start: Start::Program(spec, ready),
            stop_signal: Signal::SIGTERM,
            patience: Duration::from_secs(20),
        }
    }

    fn spec(&self, program: &Path, log: &str) -> ProcessSpec {
        ProcessSpec::new(program, self.log(log))
    }

    /// Returns the edge.
    pub fn ingest(&self) -> anyhow::Result<Unit> {
        let ports = &self.ports;
        let journal = self.folder.join("journal");
        let spec = self
            .spec(&crate::binaries::find("sluice-ingest")?, "ingest")
            .env("SLUICE__EDGE__LISTEN", format!("127.0.0.1:{}", ports.edge))
            .env("SLUICE__EDGE__PROXY_LISTEN", format!("127.0.0.1:{}", ports.edge_proxy))
            .env("SLUICE__EDGE__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#)
            .env("SLUICE__JOURNAL__DIR", journal.to_string_lossy())
            .env("SLUICE__KAFKA__BROKERS", format!("127.0.0.1:{}", ports.kafka))
            .env("SLUICE__KAFKA__TOPIC", EVENTS_TOPIC)
            .env("SLUICE__OPS__LISTEN", format!("127.0.0.1:{}", ports.ingest_ops));
        Ok(self.service("ingest", spec, ports.edge, Some(ready_url(ports.ingest_ops))))
    }

    /// Returns the consumer.
    pub fn consumer(&self) -> anyhow::Result<Unit> {
        let ports = &self.ports;
        let spec = self
            .spec(&crate::binaries::find("sluice-consumer")?, "consumer")
            .env("SLUICE__KAFKA__BROKERS", format!("127.0.0.1:{}", ports.kafka))
            .env("SLUICE__KAFKA__TOPIC", EVENTS_TOPIC)
            .env("SLUICE__KAFKA__GROUP", "sluice-consumer")
            .env("SLUICE__DIRECTORY__POSTGRES_URL", self.directory_url())
            .env("SLUICE__DIRECTORY__FILE", self.folder.join("directory.log").to_string_lossy())
            .env("SLUICE__GEO__DATABASE", self.geo.to_string_lossy())
            .env("SLUICE__OPS__LISTEN", format!("127.0.0.1:{}", ports.consumer_ops));
        let spec = self.with_clickhouse(spec);
        Ok(self.service("consumer", spec, ports.consumer_ops, Some(ready_url(ports.consumer_ops))))
    }

    fn with_clickhouse(&self, spec: ProcessSpec) -> ProcessSpec {
        spec.env("SLUICE__CLICKHOUSE__URL", format!("http://127.0.0.1:{}", self.ports.clickhouse))
            .env("SLUICE__CLICKHOUSE__DATABASE", DATABASE)
            .env("SLUICE__CLICKHOUSE__USER", "sluice")
            .env("SLUICE__CLICKHOUSE__PASSWORD", &self.secrets.clickhouse)
    }

    /// Returns the database URL of the API.
    pub fn postgres_url(&self) -> String {
        format!("postgres://sluice:{}@127.0.0.1:{}/{DATABASE}", self.secrets.sluice, self.ports.postgres)
    }

    /// Returns the URL of the same database for the consumer, whose user can read only the
    /// directory.
    pub fn directory_url(&self) -> String {
        let (password, port) = (&self.secrets.consumer, self.ports.postgres);
        format!("postgres://sluice_consumer:{password}@127.0.0.1:{port}/{DATABASE}")
    }

    /// Returns the API program with a subcommand.
    pub fn api_command(&self, arguments: &[&str], log: &str) -> anyhow::Result<ProcessSpec> {
        let ports = &self.ports;
        let spec = self
            .spec(&crate::binaries::find("sluice-api")?, log)
            .args(arguments.iter().copied())
            .env("SLUICE__HTTP__LISTEN", format!("127.0.0.1:{}", ports.api))
            .env("SLUICE__POSTGRES__URL", self.postgres_url())
            .env("SLUICE__EDGE__URL", format!("http://127.0.0.1:{}", ports.edge_proxy))
            .env("SLUICE__EDGE__PUBLIC_URL", format!("http://127.0.0.1:{}", ports.edge))
            .env("SLUICE__KAFKA__BROKERS", format!("127.0.0.1:{}", ports.kafka))
            .env("SLUICE__AUTH__SECRET", &self.secrets.auth)
            .env("SLUICE__AUTH__REGISTRATION", "open")
            .env("SLUICE__SYSTEM__EDGES", format!(r#"["http://127.0.0.1:{}"]"#, ports.ingest_ops))
            .env("SLUICE__SYSTEM__CONSUMERS", format!(r#"["http://127.0.0.1:{}"]"#, ports.consumer_ops))
            .env("SLUICE__OPS__LISTEN", format!("127.0.0.1:{}", ports.api_ops));
        Ok(self.with_clickhouse(spec))
    }

    /// Returns the API.
    pub fn api(&self) -> anyhow::Result<Unit> {
        let spec = self.api_command(&["serve"], "api")?;
        Ok(self.service("api", spec, self.ports.api, Some(ready_url(self.ports.api_ops))))
    }

    /// Returns the landing page of the demo. Its visits belong to the first campaign, or to the
    /// first buyer if there is no campaign.
    pub fn landing(&self, credentials: &Credentials) -> anyhow::Result<Unit> {
        let ports = &self.ports;
        let owner = match credentials.campaigns.first() {
            Some(campaign) => ["--key".to_owned(), campaign.key.clone()],
            None => {
                let buyer = credentials.buyers().first().copied().unwrap_or_default();
                ["--user-id".to_owned(), buyer.to_string()]
            }
        };
        let spec = self.spec(&crate::process::own_binary()?, "landing").args([
            "demo".to_owned(),
            "landing".into(),
            "--listen".into(),
            format!("127.0.0.1:{}", ports.landing),
            "--edge".into(),
            format!("http://127.0.0.1:{}", ports.edge),
            "--crm".into(),
            format!("http://127.0.0.1:{}", ports.api),
        ]);
        let spec = spec.args(owner);
        let ready = format!("http://127.0.0.1:{}/", ports.landing);
        Ok(self.service("landing", spec, ports.landing, Some(ready)))
    }

    /// Returns the endless traffic of the demo's campaigns.
    pub fn traffic(&self) -> anyhow::Result<Unit> {
        let edge = format!("http://127.0.0.1:{}", self.ports.edge_proxy);
        let crm = format!("http://127.0.0.1:{}", self.ports.api);
        let spec = self.spec(&crate::process::own_binary()?, "traffic").args([
            "demo",
            "traffic",
            "--edge",
            &edge,
            "--crm",
            &crm,
            "--campaigns",
            &credentials_path(&self.folder).to_string_lossy(),
        ]);
        let mut unit = self.service("traffic", spec, self.ports.edge_proxy, None);
        unit.address = "-".into();
        Ok(unit)
    }

    /// Returns the program that writes the week before the demo began.
    pub fn backfill(&self) -> anyhow::Result<ProcessSpec> {
        let brokers = format!("127.0.0.1:{}", self.ports.kafka);
        Ok(self.spec(&crate::process::own_binary()?, "backfill").args([
            "demo",
            "backfill",
            "--brokers",
            &brokers,
            "--topic",
            EVENTS_TOPIC,
            "--campaigns",
            &credentials_path(&self.folder).to_string_lossy(),
            "--days",
            "7",
        ]))
    }
}

fn ready_url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/readyz")
}
