//! The `servers` subcommand, which tests use: runs PostgreSQL, Kafka and ClickHouse on free ports
//! in one folder, until it is stopped or its parent dies. When all are ready, it writes their
//! addresses as JSON.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::ports::free_port;
use crate::secrets::generate;
use crate::servers::clickhouse::ClickHouseConfig;
use crate::servers::kafka::KafkaConfig;
use crate::servers::postgres::PostgresConfig;

/// The addresses of the servers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Servers {
    /// The URL of the database `postgres`, as the superuser.
    pub postgres_url: String,
    /// The bootstrap servers of Kafka.
    pub kafka_brokers: String,
    /// The URL of ClickHouse's HTTP interface.
    pub clickhouse_url: String,
    pub clickhouse_user: String,
    pub clickhouse_password: String,
    /// The folder with their data and logs.
    pub folder: PathBuf,
}

/// Starts the three servers at the same time, writes `json`, and stops them when `stop` ends.
///
/// # Errors
/// When a server does not start, or ends by itself.
pub async fn keep(folder: &Path, json: &Path, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let folder = std::fs::canonicalize(folder)?;
    let postgres = PostgresConfig {
        folder: folder.clone(),
        log: folder.join("postgres.log"),
        port: free_port(),
        password: generate(),
        is_volatile: true,
    };
    let kafka = KafkaConfig {
        folder: folder.join("kafka"),
        log: folder.join("kafka.log"),
        port: free_port(),
        heap_mb: 512,
        is_short_lived: true,
    };
    let clickhouse = ClickHouseConfig {
        folder: folder.join("clickhouse"),
        log: folder.join("clickhouse.log"),
        port: free_port(),
        user: "sluice".into(),
        password: generate(),
    };
    let start = async { tokio::try_join!(kafka.start(), postgres.start(), clickhouse.start()) };
    let mut stop = std::pin::pin!(stop);
    let processes = tokio::select! {
        processes = start => processes?,
        () = &mut stop => return Ok(()),
    };
    let servers = Servers {
        postgres_url: postgres.url("postgres"),
        kafka_brokers: kafka.brokers(),
        clickhouse_url: clickhouse.url(),
        clickhouse_user: clickhouse.user.clone(),
        clickhouse_password: clickhouse.password.clone(),
        folder: folder.clone(),
    };
    crate::secrets::write_private(json, &serde_json::to_string_pretty(&servers)?)?;
    let ended = tokio::select! {
        status = processes.0.wait() => Some(("kafka", status)),
        status = processes.1.wait() => Some(("postgres", status)),
        status = processes.2.wait() => Some(("clickhouse", status)),
        () = &mut stop => None,
    };
    // Their data is not needed any more, so they are killed.
    drop(processes);
    match ended {
        None => Ok(()),
        Some((name, status)) => {
            let log = crate::process::tail(&folder.join(format!("{name}.log")), 0, 15);
            anyhow::bail!("{name} ended by itself ({status}); its last lines:\n{log}")
        }
    }
}

/// Returns the folders of a stack that are outside its data folder, and that are removed with it.
pub fn outside_folders(folder: &Path) -> Option<PathBuf> {
    let config = PostgresConfig {
        folder: folder.to_owned(),
        log: PathBuf::new(),
        port: 0,
        password: String::new(),
        is_volatile: false,
    };
    let cluster = config.cluster_folder();
    (!cluster.starts_with(folder)).then_some(cluster)
}
