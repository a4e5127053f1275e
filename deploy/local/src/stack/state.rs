//! The state of a running stack: `var/state.json`, replaced in one step at every change, and
//! `var/lock`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::config::Ports;

/// One unit, as shown by `status --json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnitState {
    /// `kafka`, `ingest`, …
    pub name: String,
    /// `starting`, `ready`, `not ready`, `paused`, `restarting`, `stopping`, `stopped`.
    pub state: String,
    /// The process id while the unit is running.
    pub pid: Option<i32>,
    /// When it became ready, in seconds of Unix time.
    pub ready_since: Option<i64>,
    /// The number of restarts.
    pub restarts: u32,
    /// The address of its listener.
    pub address: String,
    pub log: PathBuf,
}

/// The whole stack.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StackState {
    /// The process id of the supervisor.
    pub pid: u32,
    /// Whether all units have been ready and the preparations of the start are done.
    pub is_ready: bool,
    pub ports: Option<Ports>,
    /// In the order of their start.
    pub units: Vec<UnitState>,
    /// The text that is printed when the stack is ready: addresses and logins.
    pub welcome: String,
}

/// The state of the stack and its file. Clones share it.
#[derive(Clone)]
pub struct Board {
    path: PathBuf,
    state: Arc<Mutex<StackState>>,
}

impl Board {
    /// Creates the state and writes it.
    pub fn new(folder: &Path) -> Self {
        let state = StackState { pid: std::process::id(), ..StackState::default() };
        let board = Self { path: path(folder), state: Arc::new(Mutex::new(state)) };
        board.change(|_| {});
        board
    }

    /// Changes the state and writes it.
    pub fn change<T>(&self, change: impl FnOnce(&mut StackState) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        let written = serde_json::to_string_pretty(&*state)
            .map_err(std::io::Error::other)
            .and_then(|text| crate::secrets::write_private(&self.path, &text));
        if let Err(error) = written {
            tracing::warn!(%error, "cannot write the state of the stack");
        }
        result
    }

    /// Changes one unit.
    pub fn unit(&self, name: &str, change: impl FnOnce(&mut UnitState)) {
        self.change(|state| {
            if let Some(unit) = state.units.iter_mut().find(|unit| unit.name == name) {
                change(unit);
            }
        });
    }
}

impl Drop for LockedFolder {
    fn drop(&mut self) {
        std::fs::remove_file(path(&self.folder)).ok();
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("state.json")
}

/// Returns whether the last stack of the folder was killed: an orderly stop removes the state.
pub fn was_killed(folder: &Path) -> bool {
    path(folder).exists()
}

/// Proof that this process is the stack of a folder.
pub struct LockedFolder {
    folder: PathBuf,
    _lock: nix::fcntl::Flock<std::fs::File>,
}

/// Locks the folder.
///
/// # Errors
/// When another stack is running on it. The message names its process.
pub fn lock(folder: &Path) -> anyhow::Result<LockedFolder> {
    match try_lock(folder)? {
        Some(lock) => Ok(LockedFolder { folder: folder.to_owned(), _lock: lock }),
        None => {
            let holder = read(folder).map_or(String::new(), |state| format!(" (pid {})", state.pid));
            anyhow::bail!("a stack is already running on {}{holder}", folder.display())
        }
    }
}

fn try_lock(folder: &Path) -> anyhow::Result<Option<nix::fcntl::Flock<std::fs::File>>> {
    let file =
        std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    match nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}

/// Returns whether a stack is running on the folder.
pub fn is_running(folder: &Path) -> anyhow::Result<bool> {
    Ok(try_lock(folder)?.is_none())
}

/// Returns the state as last written.
pub fn read(folder: &Path) -> Option<StackState> {
    serde_json::from_str(&std::fs::read_to_string(path(folder)).ok()?).ok()
}
