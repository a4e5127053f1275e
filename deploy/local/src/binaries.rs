//! Finds the executables of the services: they are beside this one, in the same folder of the
//! target directory of Cargo.
//!
//! Under `cargo test`, that folder may lack an executable or have an old one, because the tests of
//! a package build only its own. So each one is built once per process (half a second if there is
//! nothing to do), unless `SLUICE_TEST_BUILT` is set: then the caller has built everything.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;

static BUILT: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);

/// Returns the path of the executable `name`. Tests build it first.
pub fn find(name: &str) -> anyhow::Result<PathBuf> {
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = built.get_or_insert_default();
    if let Some(path) = built.get(name) {
        return Ok(path.clone());
    }
    let current = std::env::current_exe()?;
    let folder = current.parent().context("this executable has no folder")?;
    let is_test = folder.file_name().is_some_and(|folder| folder == "deps");
    let folder = if is_test { folder.parent().context("no profile folder")? } else { folder };
    let path = folder.join(name);
    if is_test && std::env::var_os("SLUICE_TEST_BUILT").is_none() {
        build(name, folder)?;
    }
    anyhow::ensure!(path.exists(), "{} is missing: run `cargo build --bins` first", path.display());
    built.insert(name.to_owned(), path.clone());
    Ok(path)
}

fn build(name: &str, folder: &std::path::Path) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile = match folder.file_name().and_then(|profile| profile.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--profile", profile, "--package", name, "--bin", name])
        .arg("--target-dir")
        .arg(folder.parent().context("no target folder")?)
        .output()
        .context("cannot run cargo")?;
    anyhow::ensure!(
        output.status.success(),
        "cannot build {name}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
