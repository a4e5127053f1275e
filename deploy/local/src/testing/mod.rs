//! Helpers for the integration tests of the services: real servers and real service processes.
//!
//! [`servers`] returns PostgreSQL, Kafka and ClickHouse: either those of the file that
//! `SLUICE_TEST_SERVERS` names, or new ones. New servers are started once per test process and end
//! with it, however it ends. Each test creates its own [`postgres_database`],
//! [`clickhouse_database`] and [`kafka_topic`], so tests run at the same time. [`Service`] runs the
//! binary of a service as a child.
//!
//! All functions panic where a test could only unwrap.

mod service;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use crate::keeper::Servers;
pub use crate::ports::free_port;
use crate::process::{Process, ProcessSpec, tail};
use crate::servers::kafka::Topic;
use crate::servers::{clickhouse, kafka, postgres};
pub use service::Service;
use tokio::sync::OnceCell;

/// Returns the servers for tests. Starts them if there are none.
pub async fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    if let Some(servers) = SERVERS.get() {
        return servers;
    }
    // On a separate thread, because the runtime of this caller may be gone before the next caller
    // comes.
    tokio::task::spawn_blocking(|| SERVERS.get_or_init(find_or_start)).await.expect("the servers start")
}

fn find_or_start() -> Servers {
    if let Some(path) = std::env::var_os("SLUICE_TEST_SERVERS") {
        let text = std::fs::read_to_string(&path).expect("SLUICE_TEST_SERVERS names a readable file");
        return serde_json::from_str(&text)
            .expect("SLUICE_TEST_SERVERS names a file of `sluice-local servers`");
    }
    start().unwrap_or_else(|error| panic!("cannot start the test servers: {error:#}"))
}

/// Starts a keeper. It ends with this process and removes the servers and their folder.
fn start() -> anyhow::Result<Servers> {
    static KEEPER: OnceLock<Process> = OnceLock::new();
    let folder = folder("servers");
    let json = folder.join("servers.json");
    let log = folder.join("keeper.log");
    let mut spec = ProcessSpec::new(crate::process::own_binary()?, &log).args([
        "servers",
        "--remove",
        "--dir",
        &folder.to_string_lossy(),
        "--json",
        &json.to_string_lossy(),
    ]);
    // Not SIGKILL, because the keeper must remove its folder.
    spec.death_signal = nix::sys::signal::Signal::SIGTERM;
    let keeper = KEEPER.get_or_init(|| spec.spawn().unwrap_or_else(|error| panic!("{error:#}")));
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        if let Ok(text) = std::fs::read_to_string(&json) {
            return Ok(serde_json::from_str(&text)?);
        }
        let is_late = Instant::now() > deadline;
        if keeper.exit_status().is_some() || is_late {
            anyhow::bail!("the servers did not start:\n{}", tail(&log, 0, 30));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Returns a name that no other test has: letters, digits and underscores, at most 40 characters.
pub fn unique_name(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let random = &uuid::Uuid::new_v4().simple().to_string()[..8];
    format!("{prefix}_{random}_{number}")
}

/// Creates a folder for a test, readable by all users, in the temporary folder of the system.
pub fn folder(prefix: &str) -> PathBuf {
    let path = std::env::temp_dir().join(unique_name(&format!("sluice_{prefix}")));
    std::fs::create_dir_all(&path).expect("a temporary folder can be made");
    path
}

/// Creates an empty database. Returns its URL, as the superuser.
pub async fn postgres_database() -> String {
    create_postgres_database("template0").await
}

/// Copies a database without connections, which is much faster than its migrations. Returns the URL
/// of the copy.
pub async fn postgres_copy(of_url: &str) -> String {
    let (_, template) = of_url.rsplit_once('/').expect("the URL names a database");
    create_postgres_database(template).await
}

async fn create_postgres_database(template: &str) -> String {
    let servers = servers().await;
    let name = unique_name("test");
    let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
    postgres::psql(&servers.postgres_url, &sql).await.expect("a database can be created");
    let base = servers.postgres_url.strip_suffix("/postgres").expect("the URL names the database postgres");
    format!("{base}/{name}")
}

/// Creates a database with all tables, and 20 people with ids from 1. Returns its URL.
pub async fn people_database() -> String {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let make = || async {
        let url = postgres_database().await;
        postgres::make_people(&url, 20).await.expect("the tables can be made");
        url
    };
    postgres_copy(TEMPLATE.get_or_init(make).await).await
}

/// Creates an empty ClickHouse database. Returns its name.
pub async fn clickhouse_database() -> String {
    let servers = servers().await;
    let name = unique_name("test");
    clickhouse_query(servers, &format!("CREATE DATABASE {name}")).await;
    name
}

/// Runs a statement on the ClickHouse of the test servers. Returns its answer, tab-separated by
/// default.
pub async fn clickhouse_query(servers: &Servers, sql: &str) -> String {
    clickhouse::query(&servers.clickhouse_url, &servers.clickhouse_user, &servers.clickhouse_password, sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:#}"))
}

/// Creates a topic, and waits until its partitions have leaders. Returns its name.
pub async fn kafka_topic(prefix: &str, n_partitions: i32) -> String {
    let servers = servers().await;
    let name = unique_name(prefix);
    let topic = Topic { name: &name, n_partitions, retention: Duration::from_hours(24) };
    kafka::create_topics(&servers.kafka_brokers, &[topic]).await.expect("a topic can be created");
    name
}

/// Returns the executable of a service (or any other of the workspace). Builds it if necessary.
pub fn service_binary(name: &str) -> PathBuf {
    crate::binaries::find(name).unwrap_or_else(|error| panic!("{error:#}"))
}
