//! Accessibility of a page, as [axe](https://github.com/dequelabs/axe-core) finds it.

use anyhow::Context as _;
use sluice_local::artifacts::npm_packages;
use tokio::sync::OnceCell;

use crate::tab::Tab;

const MANIFEST: &str = include_str!("../assets/package.json");
const LOCK: &str = include_str!("../assets/package-lock.json");

static AXE: OnceCell<String> = OnceCell::const_new();

async fn source() -> anyhow::Result<&'static str> {
    let load = || async {
        let packages =
            tokio::task::spawn_blocking(|| npm_packages("a checker of accessibility (3 MB)", MANIFEST, LOCK));
        let file = packages.await??.join("node_modules/axe-core/axe.min.js");
        tokio::fs::read_to_string(&file).await.with_context(|| format!("cannot read {}", file.display()))
    };
    AXE.get_or_try_init(load).await.map(String::as_str)
}

impl Tab {
    /// Returns the serious and critical findings of axe; with `rule`, those of one rule.
    ///
    /// # Errors
    /// When axe cannot be downloaded, or fails.
    pub async fn axe(&self, rule: Option<&str>) -> anyhow::Result<Vec<String>> {
        if self.evaluate("typeof axe").await? != "object" {
            self.evaluate(&format!("{}; true", source().await?)).await?;
        }
        let rules = rule.map_or_else(String::new, |rule| format!(", runOnly: ['{rule}']"));
        let found = self
            .evaluate(&format!(
                "axe.run(document, {{ resultTypes: ['violations'], preload: false, selectors: false{rules} }}).then(found => found.violations
                    .filter(rule => ['serious', 'critical'].includes(rule.impact))
                    .map(rule => `${{rule.id}}, ${{rule.nodes.length}} times: ${{rule.nodes[0].html}} ` +
                        rule.nodes[0].failureSummary))"
            ))
            .await?;
        Ok(serde_json::from_value(found)?)
    }
}
