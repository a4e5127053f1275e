//! The folder and the ports of a stack.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The folder of the stack.
#[derive(Debug, Clone, clap::Args)]
pub struct FolderArgs {
    /// Folder for all state (default: `var` in the current folder)
    #[arg(long, env = "SLUICE_LOCAL_DIR", value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

impl FolderArgs {
    /// Returns the absolute path of the folder. Creates it if it does not exist.
    pub fn folder(&self) -> anyhow::Result<PathBuf> {
        let folder = self.dir.clone().unwrap_or_else(|| PathBuf::from("var"));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(std::fs::canonicalize(folder)?)
    }
}

/// Every port of the stack. All are on loopback.
#[derive(Debug, Clone, clap::Args, serde::Serialize, serde::Deserialize)]
pub struct Ports {
    /// Edge, public listener
    #[arg(long = "port-edge", env = "SLUICE_LOCAL_PORT_EDGE", default_value_t = 8080, value_name = "PORT")]
    pub edge: u16,
    /// Edge, second listener, which trusts a proxy on loopback
    #[arg(
        long = "port-edge-proxy",
        env = "SLUICE_LOCAL_PORT_EDGE_PROXY",
        default_value_t = 8082,
        value_name = "PORT"
    )]
    pub edge_proxy: u16,
    /// Pages and API
    #[arg(long = "port-api", env = "SLUICE_LOCAL_PORT_API", default_value_t = 8000, value_name = "PORT")]
    pub api: u16,
    /// Demo landing page
    #[arg(
        long = "port-landing",
        env = "SLUICE_LOCAL_PORT_LANDING",
        default_value_t = 8081,
        value_name = "PORT"
    )]
    pub landing: u16,
    /// Health and metrics of the edge
    #[arg(
        long = "port-ingest-ops",
        env = "SLUICE_LOCAL_PORT_INGEST_OPS",
        default_value_t = 9180,
        value_name = "PORT"
    )]
    pub ingest_ops: u16,
    /// Health and metrics of the API
    #[arg(
        long = "port-api-ops",
        env = "SLUICE_LOCAL_PORT_API_OPS",
        default_value_t = 9100,
        value_name = "PORT"
    )]
    pub api_ops: u16,
    /// Health and metrics of the consumer
    #[arg(
        long = "port-consumer-ops",
        env = "SLUICE_LOCAL_PORT_CONSUMER_OPS",
        default_value_t = 9190,
        value_name = "PORT"
    )]
    pub consumer_ops: u16,
    /// Kafka
    #[arg(
        long = "port-kafka",
        env = "SLUICE_LOCAL_PORT_KAFKA",
        default_value_t = 19092,
        value_name = "PORT"
    )]
    pub kafka: u16,
    /// HTTP interface of ClickHouse
    #[arg(
        long = "port-clickhouse",
        env = "SLUICE_LOCAL_PORT_CLICKHOUSE",
        default_value_t = 18123,
        value_name = "PORT"
    )]
    pub clickhouse: u16,
    /// PostgreSQL
    #[arg(
        long = "port-postgres",
        env = "SLUICE_LOCAL_PORT_POSTGRES",
        default_value_t = 15432,
        value_name = "PORT"
    )]
    pub postgres: u16,
}

impl Ports {
    /// Returns all ports with their purposes.
    pub fn all(&self) -> [(&'static str, u16); 10] {
        [
            ("edge", self.edge),
            ("edge behind a proxy", self.edge_proxy),
            ("pages and API", self.api),
            ("demo landing page", self.landing),
            ("health of the edge", self.ingest_ops),
            ("health of the API", self.api_ops),
            ("health of the consumer", self.consumer_ops),
            ("kafka", self.kafka),
            ("clickhouse", self.clickhouse),
            ("postgres", self.postgres),
        ]
    }

    /// Checks that all ports are free.
    ///
    /// # Errors
    /// Names every port that is taken and the process that uses it, and tells how to choose another
    /// port.
    pub fn check_free(&self) -> anyhow::Result<()> {
        let taken: Vec<String> = self
            .all()
            .into_iter()
            .filter_map(|(what, port)| crate::ports::check_free(what, port).err())
            .map(|error| format!("{error:#}"))
            .collect();
        anyhow::ensure!(
            taken.is_empty(),
            "{}; stop it, or choose another port (see `--help`)",
            taken.join("; ")
        );
        Ok(())
    }
}

/// The secrets of the stack, generated at the first start.
pub struct Secrets {
    /// The password of the superuser of PostgreSQL.
    pub postgres: String,
    /// The password of the PostgreSQL user `sluice`.
    pub sluice: String,
    /// The password of the PostgreSQL user `sluice_consumer`.
    pub consumer: String,
    /// The password of the ClickHouse user `sluice`.
    pub clickhouse: String,
    /// The key with which the API signs tokens.
    pub auth: String,
}

impl Secrets {
    /// Reads the secrets from `var/secrets`. Generates missing ones.
    pub fn load(folder: &Path) -> anyhow::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let secrets = folder.join("secrets");
        std::fs::create_dir_all(&secrets)?;
        std::fs::set_permissions(&secrets, std::fs::Permissions::from_mode(0o700))?;
        let load = |name: &str| crate::secrets::load_or_generate(&secrets.join(name));
        Ok(Self {
            postgres: load("postgres")?,
            sluice: load("postgres-sluice")?,
            consumer: load("postgres-consumer")?,
            clickhouse: load("clickhouse")?,
            auth: load("auth")?,
        })
    }
}
