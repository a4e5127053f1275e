//! Asks a service's port for operators for its state and its metrics.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Bytes;
use axum::http::Uri;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use sluice_runtime::ops::Status;

/// Far more than the metrics of a service with many partitions.
const MAX_BYTES: usize = 1 << 20;
const POOL_IDLE: Duration = Duration::from_secs(30);

/// The client of all ports for operators.
#[derive(Debug, Clone)]
pub struct Ops(Client<HttpConnector, Empty<Bytes>>);

/// The answer of a service.
#[derive(Debug, Clone)]
pub struct Service {
    pub status: Status,
    /// The metrics without labels.
    pub metrics: HashMap<String, f64>,
}

impl Ops {
    /// Connects on first use.
    #[must_use]
    pub fn new() -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_timer(TokioTimer::new())
            .build(HttpConnector::new());
        Self(client)
    }

    /// Asks the service whose port for operators has this URL. The caller limits the time.
    ///
    /// # Errors
    /// If the service cannot be reached, or answers something else.
    pub async fn ask(&self, url: &str) -> anyhow::Result<Service> {
        let url = url.trim_end_matches('/');
        let (status, metrics) =
            futures::try_join!(self.get(format!("{url}/status")), self.get(format!("{url}/metrics")))?;
        let status = serde_json::from_slice(&status).context("the status cannot be read")?;
        Ok(Service { status, metrics: read_metrics(&String::from_utf8_lossy(&metrics)) })
    }

    async fn get(&self, url: String) -> anyhow::Result<Bytes> {
        let response = self.0.get(url.parse::<Uri>()?).await?;
        anyhow::ensure!(response.status().is_success(), "answered {}", response.status());
        let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
        Ok(body.map_err(anyhow::Error::from_boxed)?.to_bytes())
    }
}

impl Default for Ops {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads the samples without labels.
fn read_metrics(text: &str) -> HashMap<String, f64> {
    let sample = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        let is_plain = !name.starts_with('#') && !name.contains('{');
        Some((name.to_owned(), value.parse().ok()?)).filter(|_| is_plain)
    };
    text.lines().filter_map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_without_labels_are_read() {
        let text = "# HELP sluice_a 1.\n# TYPE sluice_a gauge\nsluice_a 12.5\nsluice_b{c=\"d\"} 1\nsluice_e x\n# EOF\n";
        assert_eq!(read_metrics(text), HashMap::from([("sluice_a".to_owned(), 12.5)]));
    }
}
