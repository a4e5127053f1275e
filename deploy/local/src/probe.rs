//! Checks whether a service is ready.

use std::time::Duration;

/// Sends a `GET` to a `/readyz`.
///
/// # Errors
/// When the answer is not 200. The message contains the answer.
pub async fn ready(url: &str) -> anyhow::Result<()> {
    let response = reqwest::Client::new().get(url).timeout(Duration::from_secs(3)).send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let text = response.text().await.unwrap_or_default();
    anyhow::bail!("{url} answers {status}: {}", text.trim().chars().take(300).collect::<String>())
}
