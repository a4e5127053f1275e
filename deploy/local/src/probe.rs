//! Asks a service whether it is ready.

use std::time::Duration;

/// `GET` on a `/readyz`.
///
/// # Errors
/// When it does not answer 200; with what it answers.
pub async fn ready(url: &str) -> anyhow::Result<()> {
    let response = reqwest::Client::new().get(url).timeout(Duration::from_secs(3)).send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let text = response.text().await.unwrap_or_default();
    anyhow::bail!("{url} answers {status}: {}", text.trim().chars().take(300).collect::<String>())
}
