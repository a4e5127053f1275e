//! Watches one unit: starts it, waits until it is ready, restarts it when it dies, keeps it stopped
//! while its pause file exists, and stops it in order.
//!
//! The pause before a restart grows from half a second to 30 seconds. It is reset once the unit has
//! been ready for a minute.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice_runtime::clock::Clock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::state::{Board, UnitState};
use super::units::Unit;
use crate::process::Process;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// The time limit for a program to become ready the first time. `up` fails after that.
const FIRST_PATIENCE: Duration = Duration::from_secs(90);
/// Later a program may wait for another unit that is down, for as long as that takes.
const LATER_PATIENCE: Duration = Duration::from_secs(24 * 3600);
const PROBE_INTERVAL: Duration = Duration::from_secs(2);
const PAUSE_INTERVAL: Duration = Duration::from_millis(200);

/// Returns the pause before the next start, after a run that lasted `lasted`.
pub fn next_pause(previous: Option<Duration>, lasted: Duration) -> Duration {
    match previous {
        Some(previous) if lasted < HEALTHY_AFTER => (previous * 2).min(LONGEST_PAUSE),
        _ => FIRST_PAUSE,
    }
}

/// A watched unit.
pub struct Watched {
    pub name: &'static str,
    stop: CancellationToken,
    stopped: watch::Receiver<bool>,
}

impl Watched {
    /// Stops the unit and waits until it is gone.
    pub async fn stop(&self) {
        self.stop.cancel();
        let mut stopped = self.stopped.clone();
        // An error means that the task is gone, and so is the process.
        stopped.wait_for(|stopped| *stopped).await.ok();
    }
}

/// Starts a unit and waits until it is ready. From then on it is watched.
///
/// # Errors
/// When it does not become ready the first time.
pub async fn start(unit: Unit, board: &Board, tracker: &TaskTracker) -> anyhow::Result<Watched> {
    let name = unit.name;
    board.change(|state| {
        state.units.push(UnitState {
            name: name.to_owned(),
            state: "starting".into(),
            pid: None,
            ready_since: None,
            restarts: 0,
            address: unit.address.clone(),
            log: unit.log.clone(),
        });
    });
    let started = Instant::now();
    // Of an earlier run of the stack.
    std::fs::remove_file(unit.pause_file()).ok();
    let process = unit.start(FIRST_PATIENCE).await?;
    show_ready(board, name, &process);
    crate::progress::done(name, started.elapsed());
    let (sender, stopped) = watch::channel(false);
    let stop = CancellationToken::new();
    let watching = watch_unit(Arc::new(unit), process, board.clone(), stop.clone());
    tracker.spawn(async move {
        watching.await;
        sender.send_replace(true);
    });
    Ok(Watched { name, stop, stopped })
}

fn show_ready(board: &Board, name: &str, process: &Process) {
    let now = i64::try_from(Clock::default().now_ms() / 1000).unwrap_or(i64::MAX);
    board.unit(name, |unit| {
        unit.state = "ready".into();
        unit.pid = Some(process.pid());
        unit.ready_since = Some(now);
    });
}

async fn watch_unit(unit: Arc<Unit>, first: Process, board: Board, stop: CancellationToken) {
    let mut process = Some(first);
    let mut since = Instant::now();
    let mut pause = None;
    loop {
        if let Some(running) = &process {
            tokio::select! {
                status = running.wait() => {
                    crate::progress::say(&format!("{} ended ({status})", unit.name));
                }
                () = probe(&unit, &board) => {}
                () = exists(&unit, true) => {
                    if !pause_unit(&unit, running, &board, &stop).await {
                        break;
                    }
                }
                () = stop.cancelled() => {
                    board.unit(unit.name, |unit| unit.state = "stopping".into());
                    running.stop(unit.stop_signal, unit.patience).await;
                    break;
                }
            }
        }
        let wait = next_pause(pause, since.elapsed());
        pause = Some(wait);
        board.unit(unit.name, |unit| {
            unit.state = "restarting".into();
            (unit.pid, unit.ready_since) = (None, None);
            unit.restarts += 1;
        });
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => break,
        }
        since = Instant::now();
        board.unit(unit.name, |unit| unit.state = "starting".into());
        process = tokio::select! {
            () = stop.cancelled() => break,
            started = unit.start(LATER_PATIENCE) => match started {
                Ok(process) => {
                    show_ready(&board, unit.name, &process);
                    crate::progress::say(&format!("{} is ready again", unit.name));
                    Some(process)
                }
                Err(error) => {
                    crate::progress::say(&format!("{} cannot be started: {error:#}", unit.name));
                    None
                }
            },
        };
    }
    show_gone(&board, unit.name, "stopped");
}

/// Updates whether a running unit is ready, until it is dropped. A unit that is not ready is left
/// running: it may wait for another one.
async fn probe(unit: &Unit, board: &Board) {
    let Some(url) = unit.ready_url() else { return std::future::pending().await };
    let mut was_ready = true;
    loop {
        tokio::time::sleep(PROBE_INTERVAL).await;
        let is_ready = crate::probe::ready(url).await.is_ok();
        if is_ready != was_ready {
            board.unit(unit.name, |unit| unit.state = if is_ready { "ready" } else { "not ready" }.into());
        }
        was_ready = is_ready;
    }
}

/// Stops a unit until its pause file is gone. False if the unit must not run again.
async fn pause_unit(unit: &Unit, running: &Process, board: &Board, stop: &CancellationToken) -> bool {
    running.stop(unit.stop_signal, unit.patience).await;
    show_gone(board, unit.name, "paused");
    tokio::select! {
        () = exists(unit, false) => true,
        () = stop.cancelled() => false,
    }
}

fn show_gone(board: &Board, name: &str, state: &str) {
    board.unit(name, |unit| {
        unit.state = state.into();
        (unit.pid, unit.ready_since) = (None, None);
    });
}

/// Waits until the pause file of a unit exists, or no longer exists.
async fn exists(unit: &Unit, wanted: bool) {
    let path = unit.pause_file();
    while path.exists() != wanted {
        tokio::time::sleep(PAUSE_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_and_begins_anew_after_a_healthy_minute() {
        let short = Duration::from_secs(1);
        let mut pause = next_pause(None, short);
        let mut pauses = vec![pause];
        for _ in 0..7 {
            pause = next_pause(Some(pause), short);
            pauses.push(pause);
        }
        let seconds: Vec<f32> = pauses.iter().map(Duration::as_secs_f32).collect();
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        assert_eq!(next_pause(Some(pause), Duration::from_secs(61)), FIRST_PAUSE);
    }
}
