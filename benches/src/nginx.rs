//! nginx with `empty_gif` and without a log: the lowest possible cost of answering a pixel,
//! although it stores nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sluice_local::ports::free_port;
use sluice_local::process::{Process, ProcessSpec};
use sluice_local::servers::wait_until_ready;

/// A running nginx with one process.
pub struct Nginx {
    pub process: Process,
    pub address: SocketAddr,
}

/// Returns the path of nginx if it is installed.
#[must_use]
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join("nginx"))
        .find(|program| program.is_file())
}

impl Nginx {
    /// Starts nginx with its files in a folder.
    pub async fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let folder = folder.join("nginx");
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("nginx.conf");
        std::fs::write(&config, configuration(address, &folder))?;
        let log = folder.join("error.log");
        let arguments = ["-c".to_owned(), config.to_string_lossy().into_owned()];
        let process = ProcessSpec::new(program, &log).args(arguments).spawn()?;
        let url = format!("http://{address}/p.gif");
        wait_until_ready("nginx", &process, &log, Duration::from_secs(10), || {
            sluice_local::probe::ready(&url)
        })
        .await?;
        Ok(Self { process, address })
    }
}

/// One process without a master, so that nothing remains when it is killed. It serves like a worker
/// process.
fn configuration(address: SocketAddr, folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 75s; tcp_nodelay on;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen {address}; location = /p.gif {{ empty_gif; }} }}
}}
"
    )
}
