//! Restarts with a growing pause, and an orderly stop.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sluice_local::process::ProcessSpec;
use sluice_local::stack::state::{Board, StackState, read};
use sluice_local::stack::supervisor;
use sluice_local::stack::units::{Start, Unit};
use sluice_local::testing;
use tokio_util::task::TaskTracker;

fn unit(folder: &std::path::Path, script: &str) -> Unit {
    let log = folder.join("unit.log");
    let spec = ProcessSpec::new("sh", &log).args(["-c", script]);
    Unit {
        name: "unit",
        address: "-".into(),
        log,
        start: Start::Program(spec, None),
        stop_signal: Signal::SIGTERM,
        patience: Duration::from_secs(5),
    }
}

#[tokio::test]
async fn what_dies_is_started_again_after_a_growing_pause() {
    let folder = testing::folder("restart");
    let board = Board::new(&folder);
    let tracker = TaskTracker::new();
    let starts = folder.join("starts");
    let script = format!("date +%s%N >> {}; exit 3", starts.display());
    let watched = supervisor::start(unit(&folder, &script), &board, &tracker).await.unwrap();
    let times = || -> Vec<f64> {
        let text = std::fs::read_to_string(&starts).unwrap_or_default();
        text.lines().map(|line| line.parse::<f64>().unwrap() / 1e9).collect()
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while times().len() < 4 {
        assert!(Instant::now() < deadline, "not started again: {:?}", times());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let times = times();
    let pauses: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[0] >= 0.5 && pauses[1] >= 1.0 && pauses[2] >= 2.0, "{pauses:?}");
    let shown: StackState = read(&folder).unwrap();
    assert!(shown.units[0].restarts >= 3, "{shown:?}");
    // Stopping does not wait for the pause to end.
    let began = Instant::now();
    watched.stop().await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(read(&folder).unwrap().units[0].state, "stopped");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_paused_unit_runs_again_when_it_is_resumed() {
    let folder = testing::folder("pause");
    let board = Board::new(&folder);
    let tracker = TaskTracker::new();
    let unit = unit(&folder, "sleep 60");
    let pause_file = unit.pause_file();
    // Of an earlier run of the stack.
    std::fs::write(&pause_file, "").unwrap();
    let watched = supervisor::start(unit, &board, &tracker).await.unwrap();
    let becomes = async |state: &str| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while read(&folder).unwrap().units[0].state != state {
            assert!(Instant::now() < deadline, "not {state}: {:?}", read(&folder));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        read(&folder).unwrap().units[0].pid
    };
    let first = becomes("ready").await;
    std::fs::write(&pause_file, "").unwrap();
    assert_eq!(becomes("paused").await, None);
    std::fs::remove_file(&pause_file).unwrap();
    let second = becomes("ready").await;
    assert!(second.is_some() && second != first);
    std::fs::write(&pause_file, "").unwrap();
    becomes("paused").await;
    watched.stop().await;
    assert_eq!(becomes("stopped").await, None);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_stop_asks_first_and_kills_later() {
    let folder = testing::folder("stop");
    let board = Board::new(&folder);
    let tracker = TaskTracker::new();
    let mark = folder.join("drained");
    let polite = format!("trap 'touch {}; exit 0' TERM; while :; do sleep 0.05; done", mark.display());
    let watched = supervisor::start(unit(&folder, &polite), &board, &tracker).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    watched.stop().await;
    assert!(mark.exists(), "it had no time to drain");
    let mut deaf = unit(&folder, "trap '' TERM; while :; do sleep 0.05; done");
    deaf.patience = Duration::from_millis(500);
    let watched = supervisor::start(deaf, &board, &tracker).await.unwrap();
    let began = Instant::now();
    tokio::time::sleep(Duration::from_millis(200)).await;
    watched.stop().await;
    assert!(began.elapsed() < Duration::from_secs(4));
    std::fs::remove_dir_all(folder).unwrap();
}
