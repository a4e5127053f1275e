//! PostgreSQL from the packages of the distribution: a separate cluster on loopback, with a
//! generated password.
//!
//! PostgreSQL refuses to run as root, so root starts it as the user `postgres`. If that user cannot
//! reach the data folder (a checkout under `/root`), the cluster is in `/var/lib/postgresql`, under
//! a name derived from the path of the folder.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::Signal;
use nix::unistd::User;

use super::wait_until_ready;
use crate::process::{Process, ProcessSpec};

/// The settings of PostgreSQL.
#[derive(Debug, Clone)]
pub struct PostgresConfig {
    /// The data folder of the stack. The cluster is in `postgres` inside it.
    pub folder: PathBuf,
    pub log: PathBuf,
    /// The port on loopback.
    pub port: u16,
    /// The password of the superuser `postgres`.
    pub password: String,
    /// Gives up durability for speed, for tests only.
    pub is_volatile: bool,
}

impl PostgresConfig {
    /// Returns the connection URL of a database, as the superuser.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Returns the folder of the cluster.
    pub fn cluster_folder(&self) -> PathBuf {
        let wanted = self.folder.join("postgres");
        if !nix::unistd::geteuid().is_root() || is_reachable(&self.folder) {
            return wanted;
        }
        let path = std::fs::canonicalize(&self.folder).unwrap_or_else(|_| self.folder.clone());
        let base = Path::new("/var/lib/postgresql");
        let base = if base.is_dir() { base } else { Path::new("/tmp") };
        base.join(format!("sluice-{:016x}", hash(path.to_string_lossy().as_bytes())))
    }

    /// Starts PostgreSQL. Creates the cluster first if it does not exist.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start.
    pub async fn start(&self) -> anyhow::Result<Process> {
        let programs = programs()?;
        let cluster = self.cluster_folder();
        if !cluster.join("PG_VERSION").exists() {
            self.initialise(&programs, &cluster).await?;
        }
        let mut arguments = vec!["-D".to_owned(), cluster.to_string_lossy().into_owned()];
        let port = self.port.to_string();
        let mut settings = vec![
            ("listen_addresses", "127.0.0.1"),
            ("port", port.as_str()),
            ("unix_socket_directories", ""),
            ("max_connections", "200"),
            ("shared_buffers", "64MB"),
            ("jit", "off"),
        ];
        if self.is_volatile {
            settings.extend([("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")]);
        }
        for (name, value) in settings {
            arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        let mut spec = self.spec(programs.join("postgres")).args(arguments);
        // An immediate shutdown: the child processes of the server end with it.
        spec.death_signal = Signal::SIGQUIT;
        let process = spec.spawn()?;
        wait_until_ready("postgres", &process, &self.log, Duration::from_secs(60), || async {
            psql(&self.url("postgres"), "SELECT 1").await.map(drop)
        })
        .await?;
        Ok(process)
    }

    fn spec(&self, program: PathBuf) -> ProcessSpec {
        let mut spec = ProcessSpec::new(program, &self.log).env("LC_ALL", "C.UTF-8");
        spec.user = nix::unistd::geteuid().is_root().then(|| "postgres".to_owned());
        spec
    }

    async fn initialise(&self, programs: &Path, cluster: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(cluster).with_context(|| format!("cannot create {}", cluster.display()))?;
        std::fs::set_permissions(cluster, std::fs::Permissions::from_mode(0o700))?;
        let password_file = cluster.with_extension("password");
        crate::secrets::write_private(&password_file, &self.password)?;
        if nix::unistd::geteuid().is_root() {
            let user = User::from_name("postgres")?.context("there is no user postgres")?;
            for path in [cluster, &password_file] {
                nix::unistd::chown(path, Some(user.uid), Some(user.gid))?;
            }
        }
        // In a debug build, a client needs a tenth of a second to derive the key for SCRAM. Tests
        // open thousands of connections, so they send their password as it is, on loopback.
        let auth = if self.is_volatile { "--auth=password" } else { "--auth=scram-sha-256" };
        let made = self
            .spec(programs.join("initdb"))
            .args(["--username=postgres", auth, "--encoding=UTF8", "--locale=C.UTF-8"])
            .args(["--no-sync".to_owned(), format!("--pwfile={}", password_file.display())])
            .args(["-D".to_owned(), cluster.to_string_lossy().into_owned()])
            .run()
            .await;
        std::fs::remove_file(&password_file)?;
        made
    }
}

/// Returns whether the user `postgres` can reach a folder: every folder above it is open to others
/// or belongs to that user.
fn is_reachable(folder: &Path) -> bool {
    let Ok(folder) = std::fs::canonicalize(folder) else { return false };
    let uid = User::from_name("postgres").ok().flatten().map(|user| user.uid.as_raw());
    folder.ancestors().all(|path| {
        path.metadata().is_ok_and(|metadata| metadata.mode() & 0o001 != 0 || Some(metadata.uid()) == uid)
    })
}

/// Returns the FNV-1a hash of bytes, to name a folder after a path.
fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Returns the folder with `postgres` and `initdb`: the newest version of Debian's packages, else
/// the one in the PATH.
fn programs() -> anyhow::Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, path)| path.join("initdb").exists())
        .collect();
    versions.sort();
    if let Some((_, path)) = versions.pop() {
        return Ok(path);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
        .context("the PostgreSQL server is not installed (Debian: apt-get install postgresql)")
}

/// Runs SQL through `psql` and returns its output, unaligned.
///
/// # Errors
/// When it fails. The message contains that of psql.
pub async fn psql(url: &str, sql: &str) -> anyhow::Result<String> {
    // Debian has a script in the path that looks for the right psql, and takes longer than psql.
    let beside_server = programs().ok().map(|folder| folder.join("psql")).filter(|path| path.exists());
    let program = beside_server.unwrap_or_else(|| "psql".into());
    let arguments = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d"];
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .arg(url)
        .env("PGCONNECT_TIMEOUT", "5")
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("cannot run psql; is it installed?")?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Creates the tables in an empty database, and `n_people` Buyers with ids from 1: for tests and
/// measurements that resolve events.
pub async fn make_people(url: &str, n_people: u32) -> anyhow::Result<()> {
    for migration in sluice_schemas::migrations::POSTGRES {
        psql(url, migration.sql).await.with_context(|| format!("migration {}", migration.name))?;
    }
    let people = format!(
        "INSERT INTO users (username, username_key, password_hash)
         SELECT 'buyer' || n, 'buyer' || n, '' FROM generate_series(1, {n_people}) AS n"
    );
    psql(url, &people).await.map(drop)
}
