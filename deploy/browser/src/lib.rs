//! A real Chromium for tests: tabs that act as a person does, and checks of the pages in them.
//!
//! `CHROMIUM` names the program; `/usr/bin/chromium` is the default. Screenshots are kept in the
//! folder that `SLUICE_TEST_PICTURES` names, if it is set.

mod accessibility;
mod faults;
mod keyboard;
mod tab;

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use chromiumoxide::browser::{Browser, BrowserConfig};
use chromiumoxide::cdp::browser_protocol::target::{CreateBrowserContextParams, CreateTargetParams};
use futures::StreamExt as _;
use tokio::task::JoinHandle;

pub use tab::{Scheme, Tab};

/// The longest wait for a page.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running browser. It ends with this value.
pub struct Chromium {
    browser: Browser,
    connection: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Chromium {
    /// Starts the browser with an empty profile.
    ///
    /// # Errors
    /// When Chromium is missing or does not start.
    pub async fn launch() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (browser, mut events) = Browser::launch(config(folder.path())?).await?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the connection of the browser has no lifecycle to wait for"
        )]
        let connection =
            tokio::spawn(async move { while events.next().await.is_some_and(|event| event.is_ok()) {} });
        Ok(Self { browser, connection, _folder: folder })
    }

    /// Opens a tab that shares no cookies with other tabs. `base` is the address of the site
    /// without a slash at the end: requests to any other host are faults.
    ///
    /// # Errors
    /// When the browser has ended.
    pub async fn tab(&self, base: &str) -> anyhow::Result<Tab> {
        let context = self.browser.execute(CreateBrowserContextParams::default()).await?;
        let target = CreateTargetParams::builder()
            .url("about:blank")
            .browser_context_id(context.result.browser_context_id)
            .build()
            .map_err(anyhow::Error::msg)?;
        Tab::new(self.browser.new_page(target).await?, base).await
    }

    /// Ends the browser.
    ///
    /// # Errors
    /// When it has ended before.
    pub async fn close(mut self) -> anyhow::Result<()> {
        self.browser.close().await?;
        self.browser.wait().await?;
        self.connection.await?;
        Ok(())
    }
}

fn config(folder: &Path) -> anyhow::Result<BrowserConfig> {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    BrowserConfig::builder()
        .chrome_executable(chromium)
        .user_data_dir(folder)
        .no_sandbox()
        .window_size(1280, 1000)
        .viewport(None)
        .request_timeout(PATIENCE)
        .args(["disable-gpu", "disable-quic", "disable-component-update", "no-proxy-server"])
        .build()
        .map_err(anyhow::Error::msg)
        .context("chromium is needed: apt-get install chromium")
}
