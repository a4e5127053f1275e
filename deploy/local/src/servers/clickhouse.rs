//! ClickHouse: the `clickhouse` binary if there is one in the PATH, else its engine through the
//! `clickhouse` subcommand of this program. It listens on loopback and has one user with a
//! generated password.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use super::wait_until_ready;
use crate::process::{Process, ProcessSpec, own_binary};

/// The settings of ClickHouse.
#[derive(Debug, Clone)]
pub struct ClickHouseConfig {
    pub folder: PathBuf,
    pub log: PathBuf,
    /// The port of the HTTP interface, on loopback.
    pub port: u16,
    pub user: String,
    pub password: String,
}

impl ClickHouseConfig {
    /// Returns the URL of the HTTP interface.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts ClickHouse and waits until it is ready.
    pub async fn start(&self) -> anyhow::Result<Process> {
        self.start_with(&[]).await
    }

    /// Starts ClickHouse with these variables added to its environment.
    pub async fn start_with(&self, environment: &[(String, String)]) -> anyhow::Result<Process> {
        std::fs::create_dir_all(&self.folder)?;
        let mut spec = match server_binary() {
            Some(binary) => self.server(&binary)?,
            None => self.engine().await?,
        };
        spec.environment.extend_from_slice(environment);
        let process = spec.spawn()?;
        wait_until_ready("clickhouse", &process, &self.log, Duration::from_secs(60), || async {
            self.query("SELECT 1").await.map(drop)
        })
        .await?;
        Ok(process)
    }

    async fn engine(&self) -> anyhow::Result<ProcessSpec> {
        tokio::task::spawn_blocking(crate::artifacts::chdb_library).await??;
        let listen = format!("127.0.0.1:{}", self.port);
        let data = self.folder.to_string_lossy().into_owned();
        Ok(ProcessSpec::new(own_binary()?, &self.log)
            .args(["clickhouse", "--listen", &listen, "--data", &data])
            .args(["--user", &self.user, "--password-env", "SLUICE_LOCAL_CLICKHOUSE_PASSWORD"])
            .env("SLUICE_LOCAL_CLICKHOUSE_PASSWORD", &self.password))
    }

    /// Returns a server with a minimal configuration. Its TCP ports are closed.
    fn server(&self, binary: &Path) -> anyhow::Result<ProcessSpec> {
        let (port, folder, user) = (self.port, self.folder.display(), &self.user);
        let password = self.password.replace('&', "&amp;").replace('<', "&lt;");
        let config = format!(
            "<clickhouse>
  <logger><level>warning</level><console>1</console></logger>
  <listen_host>127.0.0.1</listen_host><http_port>{port}</http_port>
  <path>{folder}/</path><tmp_path>{folder}/tmp/</tmp_path><user_files_path>{folder}/user_files/</user_files_path>
  <mark_cache_size>268435456</mark_cache_size>
  <profiles><default><async_insert>0</async_insert></default></profiles>
  <users><{user}><password>{password}</password><networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile><quota>default</quota><access_management>1</access_management></{user}></users>
  <quotas><default/></quotas><users_config>{folder}/config.xml</users_config>
</clickhouse>
"
        );
        let path = self.folder.join("config.xml");
        crate::secrets::write_private(&path, &config)?;
        let argument = format!("--config-file={}", path.display());
        Ok(ProcessSpec::new(binary, &self.log).args(["server", &argument]))
    }

    /// Runs a statement and returns its answer.
    pub async fn query(&self, sql: &str) -> anyhow::Result<String> {
        query(&self.url(), &self.user, &self.password, sql).await
    }
}

fn server_binary() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("clickhouse")).find(|binary| binary.is_file())
}

/// Runs a statement over HTTP and returns its answer.
///
/// # Errors
/// When the server does not answer, or refuses the statement.
pub async fn query(url: &str, user: &str, password: &str, sql: &str) -> anyhow::Result<String> {
    let response = reqwest::Client::new()
        .post(url)
        .header("X-ClickHouse-User", user)
        .header("X-ClickHouse-Key", password)
        .body(sql.to_owned())
        .timeout(Duration::from_secs(60))
        .send()
        .await
        .context("ClickHouse does not answer")?;
    let is_good = response.status().is_success();
    let text = response.text().await?;
    anyhow::ensure!(is_good, "{}", text.trim());
    Ok(text)
}
