//! A person who walks through the pages and looks at each.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use sluice_browser::{Scheme, Tab};

/// The kinds of pages that were looked at, by all walkers.
pub(super) type Seen = Arc<Mutex<BTreeSet<String>>>;

/// Kinds of pages that differ by the position that sees them. Each position looks at them.
const DIFFERING: [&str; 4] = ["home", "campaigns_id", "funds_requests", "funds_requests_id"];

/// Kinds of pages that every run looks at: each kind of content once. A look takes two to five
/// seconds, so the others are looked at only when pictures are asked for.
const ALWAYS: [&str; 9] = [
    "home",
    "orders",
    "campaigns_id",
    "reports",
    "funds_requests_create",
    "id_delete",
    "admin_users",
    "parked_mend",
    "conflict",
];

/// A logged-in person in a tab.
pub(super) struct Walker {
    tab: Tab,
    username: &'static str,
    findings: Vec<String>,
    has_scripts: bool,
    seen: Seen,
}

impl Deref for Walker {
    type Target = Tab;

    fn deref(&self) -> &Tab {
        &self.tab
    }
}

impl DerefMut for Walker {
    fn deref_mut(&mut self) -> &mut Tab {
        &mut self.tab
    }
}

impl Walker {
    pub(super) async fn log_in(
        mut tab: Tab,
        username: &'static str,
        password: &str,
        seen: Seen,
    ) -> anyhow::Result<Self> {
        tab.log_in(username, password).await?;
        Ok(Self { tab, username, findings: Vec::new(), has_scripts: true, seen })
    }

    /// Switches the scripts of all later pages off.
    pub(super) async fn go_without_scripts(&mut self) -> anyhow::Result<()> {
        self.has_scripts = false;
        self.tab.allow_scripts(false).await
    }

    pub(super) fn into_findings(self) -> Vec<String> {
        self.findings
    }

    /// Opens a page and looks at it.
    pub(super) async fn visit(&mut self, path: &str) -> anyhow::Result<()> {
        let status = self.tab.open(path).await?;
        self.expect(status, 200).await?;
        self.look().await
    }

    /// Clicks a button or a link, and expects a page that shows a text.
    pub(super) async fn press_and_see(&mut self, button: &str, text: &str) -> anyhow::Result<()> {
        let status = self.tab.press(button).await.with_context(|| self.username)?;
        self.expect(status, 200).await?;
        let shown = self.tab.visible_text().await?;
        anyhow::ensure!(
            shown.contains(text),
            "{} pressed {button:?}, but sees no {text:?} on {}:\n{shown}",
            self.username,
            self.tab.path().await?
        );
        Ok(())
    }

    async fn expect(&self, status: i64, wanted: i64) -> anyhow::Result<()> {
        let path = self.tab.path().await?;
        anyhow::ensure!(status == wanted, "{} gets {status} from {path} instead of {wanted}", self.username);
        Ok(())
    }

    /// Opens a page of a kind that another position looks at, and asks for its faults.
    pub(super) async fn pass(&mut self, path: &str) -> anyhow::Result<()> {
        let status = self.tab.open(path).await?;
        self.expect(status, 200).await?;
        self.find_faults(path).await
    }

    /// Notes the faults of the present page.
    pub(super) async fn find_faults(&mut self, path: &str) -> anyhow::Result<()> {
        let found = self.tab.faults().await?;
        self.note(path, found);
        Ok(())
    }

    fn note(&mut self, path: &str, found: impl IntoIterator<Item = String>) {
        let username = self.username;
        self.findings.extend(found.into_iter().map(|what| format!("{username} at {path}: {what}")));
    }

    /// Looks at the present page: in light and dark, on a phone and at 200 %. A page of a kind that
    /// was looked at before, or that this run leaves out, is only asked for its faults.
    pub(super) async fn look(&mut self) -> anyhow::Result<()> {
        let name = kind_of(&self.tab.path().await?);
        self.look_as(&name).await
    }

    /// Looks at the present page under another name than that of its path.
    pub(super) async fn look_as(&mut self, name: &str) -> anyhow::Result<()> {
        let path = self.tab.path().await?;
        let mut found = Vec::new();
        let picture = format!("{}-{name}", self.username);
        let looks_at_all = std::env::var_os("SLUICE_TEST_PICTURES").is_some();
        let kind = if looks_at_all && DIFFERING.contains(&name) { &picture } else { name };
        if self.has_scripts && (looks_at_all || ALWAYS.contains(&name)) && self.is_new(kind) {
            found.extend(self.tab.axe(None).await?);
            self.tab.keep_picture(&format!("{picture}-wide")).await?;
            // Two fifths of the window, as at 200 % with the menu of a browser.
            self.tab.resize(640, 900).await?;
            found.extend(self.tab.sideways().await?.map(|excess| format!("at 200 %, {excess}")));
            self.tab.resize(390, 844).await?;
            found.extend(self.tab.sideways().await?.map(|excess| format!("on a phone, {excess}")));
            self.tab.prefer(Scheme::Dark).await?;
            found.extend(
                self.tab.axe(Some("color-contrast")).await?.iter().map(|what| format!("dark: {what}")),
            );
            self.tab.keep_picture(&format!("{picture}-phone")).await?;
            self.tab.prefer(Scheme::Light).await?;
            self.tab.resize(1280, 900).await?;
        }
        found.extend(self.tab.faults().await?);
        self.note(&path, found);
        Ok(())
    }

    fn is_new(&self, kind: &str) -> bool {
        self.seen.lock().expect("no walker panics while it has the lock").insert(kind.to_owned())
    }

    /// Walks through the present page by keyboard alone.
    pub(super) async fn try_keyboard(&mut self) -> anyhow::Result<()> {
        if !self.has_scripts {
            return Ok(());
        }
        let path = self.tab.path().await?;
        let found = self.tab.walk_by_tab().await?;
        self.note(&path, found.into_iter().map(|what| format!("by keyboard, {what}")));
        Ok(())
    }

    /// Returns the path of the first thing that the present list links to.
    pub(super) async fn first_of_list(&self, list: &str) -> anyhow::Result<Option<String>> {
        let found = self
            .tab
            .text(&format!(
                "[...document.querySelectorAll('main tbody a')].map(a => a.getAttribute('href') ?? '')
                    .find(href => href.startsWith('{list}') &&
                        /^[0-9a-f-]+\\/$/.test(href.slice('{list}'.length))) ?? ''"
            ))
            .await?;
        Ok(Some(found).filter(|path| !path.is_empty()))
    }
}

/// Returns the kind of a page as the name of its picture: the path without ids. The pages that edit
/// and delete things look alike for all entities. Their fields are those of the pages that create.
fn kind_of(path: &str) -> String {
    let path = path.split('?').next().unwrap_or(path);
    let is_id = |part: &str| part.len() == 36 || part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = path.split('/').filter(|part| !part.is_empty());
    let name = parts.map(|part| if is_id(part) { "id" } else { part }).collect::<Vec<_>>().join("_");
    if let Some(kind) = ["id_update", "id_delete"].into_iter().find(|kind| name.ends_with(kind)) {
        return kind.to_owned();
    }
    if name.is_empty() { "home".to_owned() } else { name }
}
