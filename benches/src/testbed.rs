//! The whole pipeline for one measurement or test: a topic, a database with its tables, a folder,
//! and the services started on them. [`PrivateServers`] are separate servers that may be measured
//! or killed; a [`Testbed`] runs on any servers.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use sluice_local::ports::free_port;
use sluice_local::process::{Process, ProcessSpec};
use sluice_local::servers::clickhouse::ClickHouseConfig;
use sluice_local::servers::kafka::{KafkaConfig, Topic, create_topics};
use sluice_local::servers::postgres::{PostgresConfig, make_people, psql};

use crate::child::{Child, binary};
use crate::clickhouse::ClickHouse;

/// The environment variable with another edge to measure.
pub const EDGE_VARIABLE: &str = "SLUICE_BENCH_EDGE";

/// The number of buyers. Their ids start at 1.
const N_PEOPLE: u32 = 20;

/// The topic and the databases of the pipeline.
pub struct Testbed {
    pub brokers: String,
    pub topic: String,
    pub changes_topic: String,
    pub live_topic: String,
    pub clickhouse: ClickHouse,
    /// The database with the people who own the events.
    pub postgres_url: String,
    folder: PathBuf,
    n_started: AtomicU32,
}

/// A running edge and its two listeners.
pub struct Edge {
    pub child: Child,
    /// The listener that trusts no proxy.
    pub public: SocketAddr,
    /// The listener that believes `X-Forwarded-For` from loopback.
    pub proxied: SocketAddr,
}

impl Testbed {
    /// Creates the topic, the database and its tables.
    pub async fn new(
        brokers: &str,
        topic: &str,
        n_partitions: i32,
        clickhouse: ClickHouse,
        postgres_url: String,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let changes_topic = format!("{topic}_changes");
        let live_topic = format!("{topic}_live");
        let retention = Duration::from_hours(24);
        let topics =
            [(topic, n_partitions), (changes_topic.as_str(), n_partitions), (live_topic.as_str(), 1)]
                .map(|(name, n_partitions)| Topic { name, n_partitions, retention });
        create_topics(brokers, &topics).await?;
        Ok(Self {
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            changes_topic,
            live_topic,
            clickhouse,
            postgres_url,
            folder: folder.to_owned(),
            n_started: AtomicU32::new(0),
        })
    }

    /// Returns the name of the consumer group for events. The group for changes has the suffix
    /// `-changes`.
    #[must_use]
    pub fn group(&self) -> String {
        format!("{}-group", self.topic)
    }

    /// Returns the last log lines of each service, to find the cause of a failure.
    #[must_use]
    pub fn log_tails(&self) -> String {
        let files = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut logs: Vec<PathBuf> = files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .collect();
        logs.sort();
        let tail = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            format!("{name}:\n{}", sluice_local::process::tail(path, 0, 40))
        };
        logs.iter().map(tail).collect()
    }

    /// Starts an edge with a new journal, and waits until it is ready.
    pub async fn edge(&self, threads: usize) -> anyhow::Result<Edge> {
        let number = self.n_started.fetch_add(1, Ordering::Relaxed);
        let (public, proxied, ops_port) = (free_address(), free_address(), free_port());
        let program = binary("sluice-ingest", Some(EDGE_VARIABLE)).await?;
        let log = self.folder.join(format!("ingest-{number}.log"));
        let journal = self.folder.join(format!("journal-{number}"));
        let spec = ProcessSpec::new(program, log)
            .env("SLUICE__EDGE__LISTEN", public.to_string())
            .env("SLUICE__EDGE__PROXY_LISTEN", proxied.to_string())
            .env("SLUICE__EDGE__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#)
            .env("SLUICE__EDGE__THREADS", threads.to_string())
            .env("SLUICE__JOURNAL__DIR", journal.to_string_lossy())
            .env("SLUICE__KAFKA__BROKERS", &self.brokers)
            .env("SLUICE__KAFKA__TOPIC", &self.topic)
            .env("SLUICE__OPS__LISTEN", format!("127.0.0.1:{ops_port}"));
        Ok(Edge { child: Child::start(spec, ops_port).await?, public, proxied })
    }

    /// Starts a consumer with additional settings (environment variables). It stores countries too
    /// if the country database is available.
    pub async fn consumer(&self, settings: &[(&str, &str)]) -> anyhow::Result<Child> {
        let ops_port = free_port();
        let mut spec =
            self.consumer_spec().await?.env("SLUICE__OPS__LISTEN", format!("127.0.0.1:{ops_port}"));
        for (name, value) in settings {
            spec = spec.env(name, *value);
        }
        Child::start(spec, ops_port).await
    }

    /// Compares the tables with `sluice-consumer verify`. The consumer must not run.
    pub async fn verify(&self) -> anyhow::Result<()> {
        self.consumer_spec().await?.args(["verify"]).run().await
    }

    /// The consumer with the settings of this testbed.
    async fn consumer_spec(&self) -> anyhow::Result<ProcessSpec> {
        let number = self.n_started.fetch_add(1, Ordering::Relaxed);
        let program = binary("sluice-consumer", None).await?;
        let log = self.folder.join(format!("consumer-{number}.log"));
        let mut spec = ProcessSpec::new(program, log)
            .env("SLUICE__KAFKA__BROKERS", &self.brokers)
            .env("SLUICE__KAFKA__TOPIC", &self.topic)
            .env("SLUICE__KAFKA__CHANGES_TOPIC", &self.changes_topic)
            .env("SLUICE__KAFKA__LIVE_TOPIC", &self.live_topic)
            .env("SLUICE__KAFKA__GROUP", self.group())
            .env("SLUICE__CLICKHOUSE__URL", &self.clickhouse.url)
            .env("SLUICE__CLICKHOUSE__DATABASE", &self.clickhouse.database)
            .env("SLUICE__CLICKHOUSE__USER", &self.clickhouse.user)
            .env("SLUICE__CLICKHOUSE__PASSWORD", &self.clickhouse.password)
            .env("SLUICE__DIRECTORY__POSTGRES_URL", &self.postgres_url)
            // Events of fixed times in the past must not expire while they wait.
            .env("SLUICE__BATCH__KEEP_WAITING_DAYS", "36500")
            .env("SLUICE__BATCH__KEEP_WAITING_ORDERS_DAYS", "36500")
            .env("SLUICE__DIRECTORY__FILE", self.folder.join("directory.log").to_string_lossy());
        if let Ok(Ok(countries)) = tokio::task::spawn_blocking(sluice_local::artifacts::geo_database).await {
            spec = spec.env("SLUICE__GEO__DATABASE", countries.to_string_lossy());
        }
        Ok(spec)
    }
}

fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// Empty databases and a folder for logs.
pub struct Databases {
    pub brokers: String,
    pub clickhouse: ClickHouse,
    pub postgres_url: String,
    pub folder: PathBuf,
}

/// Servers that nothing else uses. They end with this value.
pub struct PrivateServers {
    pub postgres: Process,
    pub kafka: Process,
    pub clickhouse: Process,
    postgres_config: PostgresConfig,
    kafka_config: KafkaConfig,
    clickhouse_config: ClickHouseConfig,
    /// Added to the environment of ClickHouse.
    clickhouse_environment: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

impl PrivateServers {
    /// Starts the servers.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(async |_, _| Ok(Vec::new())).await
    }

    /// Starts the servers, with a changed environment of ClickHouse: `prepare` gets a folder for
    /// its files and the data folder of ClickHouse, and returns the variables to add.
    ///
    /// # Errors
    /// When a server does not start, or `prepare` fails.
    pub async fn start_with(
        prepare: impl AsyncFnOnce(&Path, &Path) -> anyhow::Result<Vec<(String, String)>>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("sluice_bench_").tempdir()?;
        let path = folder.path();
        // The folder must be accessible to the other user that runs PostgreSQL.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
        let postgres_config = PostgresConfig {
            folder: path.to_owned(),
            log: path.join("postgres.log"),
            port: free_port(),
            password: sluice_local::secrets::generate(),
            is_volatile: true,
        };
        let kafka_config = KafkaConfig {
            folder: path.join("kafka"),
            log: path.join("kafka.log"),
            port: free_port(),
            heap_mb: 512,
            is_short_lived: false,
        };
        let clickhouse_config = ClickHouseConfig {
            folder: path.join("clickhouse"),
            log: path.join("clickhouse.log"),
            port: free_port(),
            user: "sluice".to_owned(),
            password: sluice_local::secrets::generate(),
        };
        let clickhouse_environment = prepare(path, &clickhouse_config.folder).await?;
        let (postgres, kafka, clickhouse) = tokio::try_join!(
            postgres_config.start(),
            kafka_config.start(),
            clickhouse_config.start_with(&clickhouse_environment)
        )?;
        Ok(Self {
            postgres,
            kafka,
            clickhouse,
            postgres_config,
            kafka_config,
            clickhouse_config,
            clickhouse_environment,
            folder,
        })
    }

    /// Creates a topic and a database with this name (letters, digits, underscores) on these
    /// servers.
    pub async fn testbed(&self, name: &str, n_partitions: i32) -> anyhow::Result<Testbed> {
        let Databases { brokers, postgres_url, folder, .. } = self.databases(name).await?;
        let config = &self.clickhouse_config;
        let clickhouse = ClickHouse::create(&config.url(), &config.user, &config.password, name)
            .await
            .context("cannot make the tables")?;
        make_people(&postgres_url, N_PEOPLE).await?;
        Testbed::new(&brokers, name, n_partitions, clickhouse, postgres_url, &folder).await
    }

    /// Creates empty databases with this name (letters, digits, underscores) on these servers.
    pub async fn databases(&self, name: &str) -> anyhow::Result<Databases> {
        let config = &self.clickhouse_config;
        let clickhouse = ClickHouse::empty(&config.url(), &config.user, &config.password, name).await?;
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder)?;
        psql(&self.postgres_config.url("postgres"), &format!("CREATE DATABASE {name} TEMPLATE template0"))
            .await?;
        let postgres_url = self.postgres_config.url(name);
        Ok(Databases { brokers: self.kafka_config.brokers(), clickhouse, postgres_url, folder })
    }

    /// Kills Kafka with `kill -9`, and starts it again after a while.
    pub async fn crash_kafka(&mut self, away: Duration) -> anyhow::Result<()> {
        self.kafka.kill_now();
        tokio::time::sleep(away).await;
        self.kafka = self.kafka_config.start().await?;
        Ok(())
    }

    /// Kills ClickHouse with `kill -9`, and starts it again after a while.
    pub async fn crash_clickhouse(&mut self, away: Duration) -> anyhow::Result<()> {
        self.clickhouse.kill_now();
        tokio::time::sleep(away).await;
        self.clickhouse = self.clickhouse_config.start_with(&self.clickhouse_environment).await?;
        Ok(())
    }
}
