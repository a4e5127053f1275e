//! `down`, `status`, `logs`, `run`, `pause` and `resume`. They read the state file of the running
//! stack, and tell its supervisor by a signal or a file.

use std::io::{Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sluice_runtime::clock::Clock;

use super::state::{self, UnitState};
use super::units::{Blueprint, Start, pause_file};
use crate::progress::say;

/// A service whose commands can be run.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Service {
    Consumer,
    Api,
}

/// Replaces this process by a command of a service, with the configuration of the running stack.
///
/// # Errors
/// When no stack is running, or the program cannot be started.
pub fn run(folder: &Path, service: Service, arguments: Vec<String>) -> anyhow::Result<()> {
    let (blueprint, _) = Blueprint::running(folder)?;
    let unit = match service {
        Service::Consumer => blueprint.consumer()?,
        Service::Api => blueprint.api()?,
    };
    let Start::Program(spec, _) = unit.start else { anyhow::bail!("{} is no program", unit.name) };
    anyhow::ensure!(!arguments.is_empty(), "name a command of the {}: see --help", unit.name);
    let mut command = Command::new(&spec.program);
    command.args(arguments).envs(spec.environment).env("RUST_LOG", "warn");
    Err(command.exec()).with_context(|| format!("cannot run {}", spec.program.display()))
}

/// Stops the stack of a folder. Does nothing if none is running.
///
/// # Errors
/// When the stack does not stop within two minutes.
pub async fn down(folder: &Path) -> anyhow::Result<()> {
    if !state::is_running(folder)? {
        say("no stack is running here");
        return Ok(());
    }
    let state = state::read(folder).context("the running stack has not written its state yet; try again")?;
    say(&format!("stopping the stack (pid {}) …", state.pid));
    kill(Pid::from_raw(i32::try_from(state.pid)?), Signal::SIGTERM)?;
    let began = Instant::now();
    while state::is_running(folder)? {
        anyhow::ensure!(
            began.elapsed() < Duration::from_secs(120),
            "the stack is still running after two minutes"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    say(&format!("stopped after {:.1} s", began.elapsed().as_secs_f32()));
    Ok(())
}

/// Stops a unit until it is resumed, or lets a stopped one run again. Waits until it has.
///
/// # Errors
/// When no stack is running, it has no such unit, or the unit does not follow within two minutes.
pub async fn pause(folder: &Path, name: &str, is_paused: bool) -> anyhow::Result<()> {
    let unit = |name: &str| -> anyhow::Result<UnitState> {
        let state = state::read(folder).filter(|_| state::is_running(folder).unwrap_or(false));
        let units = state.context("no stack is running here")?.units;
        let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
        let unknown = format!("there is no unit {name:?}; units: {}", names.join(", "));
        units.into_iter().find(|unit| unit.name == name).context(unknown)
    };
    let file = pause_file(&unit(name)?.log);
    if is_paused {
        std::fs::write(&file, "")?;
    } else {
        std::fs::remove_file(&file).ok();
    }
    let wanted = if is_paused { "paused" } else { "ready" };
    let began = Instant::now();
    while unit(name)?.state != wanted {
        anyhow::ensure!(
            began.elapsed() < Duration::from_secs(120),
            "{name} is not {wanted} after two minutes"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    say(&format!("{name} is {wanted}"));
    Ok(())
}

/// Shows the stack, one line per unit.
///
/// # Errors
/// When no stack is running on the folder.
pub fn status(folder: &Path, as_json: bool) -> anyhow::Result<()> {
    let is_running = state::is_running(folder)?;
    let state = state::read(folder).filter(|_| is_running);
    if as_json {
        say(&serde_json::to_string_pretty(&state.unwrap_or_default())?);
        return Ok(());
    }
    let state = state.context("no stack is running here")?;
    let header = ["NAME", "STATE", "PID", "UPTIME", "RESTARTS", "ADDRESS", "LOG"];
    say(&row(header.map(str::to_owned)));
    for unit in &state.units {
        say(&row(fields(unit)));
    }
    say(&format!("\n{}", state.welcome));
    Ok(())
}

fn row([name, state, pid, uptime, restarts, address, log]: [String; 7]) -> String {
    format!("{name:<11} {state:<11} {pid:>8} {uptime:>9} {restarts:>8}  {address:<24} {log}")
}

fn fields(unit: &UnitState) -> [String; 7] {
    let now = i64::try_from(Clock::default().now_ms() / 1000).unwrap_or(i64::MAX);
    [
        unit.name.clone(),
        unit.state.clone(),
        unit.pid.map_or("-".into(), |pid| pid.to_string()),
        unit.ready_since.map_or("-".into(), |since| uptime(now - since)),
        unit.restarts.to_string(),
        unit.address.clone(),
        unit.log.display().to_string(),
    ]
}

fn uptime(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Shows the end of the log of a unit, and follows it until interrupted.
///
/// # Errors
/// When there is no such log.
pub async fn logs(folder: &Path, name: &str, follow: bool) -> anyhow::Result<()> {
    let path = folder.join("log").join(format!("{name}.log"));
    let mut file = match std::fs::File::open(&path) {
        Ok(file) if !name.contains('/') => file,
        _ => anyhow::bail!("there is no log of {name:?}; available logs: {}", names(folder).join(", ")),
    };
    // The last 16 KiB, from the beginning of a line.
    let length = file.metadata()?.len();
    let shown = crate::process::tail(&path, length.saturating_sub(16 << 10), 40);
    for line in shown.lines() {
        say(line.strip_prefix("  ").unwrap_or(line));
    }
    file.seek(SeekFrom::Start(length))?;
    if !follow {
        return Ok(());
    }
    loop {
        super::detach::show_new(&mut file)?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder.join("log"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".log").map(str::to_owned))
        .collect();
    names.sort();
    names
}
