//! The demo teams, or the first owner. They are created at the first start. Their passwords are in
//! `var/credentials.json`, which only the owner of the stack can read.

use std::path::Path;

use anyhow::Context as _;

use super::units::{Blueprint, credentials_path};
use crate::demo::credentials::{Credentials, DemoUser};
use crate::progress::say;

/// Returns the logins as lines of text.
fn table(credentials: &Credentials) -> String {
    let line = |user: &DemoUser| {
        let password = match &user.password {
            _ if !user.is_active => "(waits for approval)",
            Some(password) => password,
            None => "(as chosen)",
        };
        format!("    {:<20} {:<20} {password}\n", user.username, user.position)
    };
    credentials.users.iter().map(line).collect()
}

/// Returns the logins of an earlier start.
pub fn load(folder: &Path) -> Option<Credentials> {
    Credentials::read(&credentials_path(folder)).ok()
}

fn save(folder: &Path, credentials: &Credentials) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(credentials)?;
    Ok(crate::secrets::write_private(&credentials_path(folder), &text)?)
}

/// Logins. Passwords are shown only at the start that created them.
pub struct Logins {
    pub credentials: Credentials,
    /// Whether this start created them.
    pub is_new: bool,
}

impl Logins {
    /// Returns the text to print.
    pub fn text(&self, folder: &Path) -> String {
        let path = credentials_path(folder);
        if self.is_new {
            format!("  logins (kept in {}):\n{}", path.display(), table(&self.credentials))
        } else {
            let names: Vec<&str> = self.credentials.users.iter().map(|user| user.username.as_str()).collect();
            format!("  logins: {}; passwords in {}\n", names.join(", "), path.display())
        }
    }
}

/// Creates the demo teams if they do not exist, and at the first start its past week.
///
/// # Errors
/// When the API refuses, or Kafka does not accept the events.
pub async fn create(blueprint: &Blueprint) -> anyhow::Result<Logins> {
    let folder = &blueprint.folder;
    let printed = blueprint.api_command(&["demo", "create"], "demo")?.capture().await?;
    let json = printed.lines().rev().find(|line| line.trim_start().starts_with('{'));
    let mut made: Credentials = serde_json::from_str(json.unwrap_or(&printed))
        .or_else(|_| serde_json::from_str(&printed))
        .context("cannot read the output of `sluice-api demo create`")?;
    let is_new = made.users.iter().any(|user| user.password.is_some());
    // New passwords are printed only once. Those of an earlier start are in the file.
    let known = load(folder).unwrap_or_default();
    for user in made.users.iter_mut().filter(|user| user.password.is_none()) {
        let before = known.users.iter().find(|before| before.username == user.username);
        user.password = before.and_then(|before| before.password.clone());
    }
    save(folder, &made)?;
    let done = folder.join("demo-backfilled");
    if !done.exists() && !made.buyers().is_empty() {
        say("writing a week of demo visits …");
        blueprint.backfill()?.run().await.context("cannot write the past week of the demo")?;
        std::fs::write(&done, "")?;
    }
    Ok(Logins { credentials: made, is_new })
}

/// Creates an owner for a stack without the demo, unless this folder already has one.
pub async fn create_owner(blueprint: &Blueprint) -> anyhow::Result<Logins> {
    if let Some(credentials) = load(&blueprint.folder) {
        return Ok(Logins { credentials, is_new: false });
    }
    let password = crate::secrets::generate();
    blueprint
        .api_command(&["create-owner", "--username", "owner"], "api")?
        .env("SLUICE_OWNER_PASSWORD", &password)
        .run()
        .await?;
    let owner = DemoUser {
        id: 0,
        username: "owner".into(),
        position: "Owner".into(),
        is_active: true,
        password: Some(password),
    };
    let credentials = Credentials { users: vec![owner], campaigns: Vec::new() };
    save(&blueprint.folder, &credentials)?;
    Ok(Logins { credentials, is_new: true })
}

/// The command `sluice-local demo remove`: stops the traffic of the demo and removes its data.
///
/// # Errors
/// When no stack is running, or the API refuses.
pub async fn remove(folder: &Path) -> anyhow::Result<()> {
    let (blueprint, pid) = Blueprint::running(folder)?;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid)?);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGUSR1)?;
    let has_demo = || {
        super::state::read(folder).is_some_and(|state| {
            let mut demo = state.units.iter().filter(|unit| unit.name == "traffic" || unit.name == "landing");
            demo.any(|unit| unit.state != "stopped")
        })
    };
    while has_demo() {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    blueprint.api_command(&["demo", "remove"], "demo")?.run().await?;
    std::fs::remove_file(credentials_path(folder)).ok();
    std::fs::remove_file(folder.join("demo-backfilled")).ok();
    say("the demo data is removed");
    Ok(())
}
