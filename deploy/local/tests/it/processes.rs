//! The command line: its refusals, and that no process outlives it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sluice_local::stack::state;
use sluice_local::testing;

const BINARY: &str = env!("CARGO_BIN_EXE_sluice-local");

fn free_ports() -> HashMap<String, String> {
    let names = [
        "EDGE",
        "EDGE_PROXY",
        "API",
        "LANDING",
        "INGEST_OPS",
        "API_OPS",
        "CONSUMER_OPS",
        "KAFKA",
        "CLICKHOUSE",
        "POSTGRES",
    ];
    names.iter().map(|name| (format!("SLUICE_LOCAL_PORT_{name}"), testing::free_port().to_string())).collect()
}

#[test]
fn a_taken_port_is_named_with_its_holder() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let folder = testing::folder("ports");
    let output = Command::new(BINARY)
        .args(["up", "--port-edge", &port, "--dir"])
        .arg(&folder)
        .envs(free_ports())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    let expected = format!("error: port {port} (edge) is taken by it-");
    assert!(message.starts_with(&expected), "{message}");
    assert!(message.contains(&format!("(pid {})", std::process::id())), "{message}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_second_stack_on_a_folder_is_refused() {
    let folder = testing::folder("lock");
    let lock = state::lock(&folder).unwrap();
    let up = || Command::new(BINARY).args(["up", "--dir"]).arg(&folder).envs(free_ports()).output().unwrap();
    let output = up();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("a stack is already running on"), "{message}");
    drop(lock);
    assert!(!state::is_running(&folder).unwrap());
    std::fs::remove_dir_all(folder).unwrap();
}

/// Returns the processes whose command lines contain `folder`.
fn processes_of(folder: &str) -> Vec<(i32, String)> {
    let entries = std::fs::read_dir("/proc").expect("procfs").flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            (line.contains(folder)).then_some((pid, line))
        })
        .collect()
}

#[test]
fn nothing_outlives_a_killed_supervisor() {
    let folder = testing::folder("orphans");
    let name = folder.to_str().unwrap();
    let mut keeper = Command::new(BINARY)
        .args(["servers", "--dir", name, "--json", &format!("{name}/servers.json")])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let has = |part: &str| processes_of(name).iter().any(|(_, line)| line.contains(part));
    let deadline = Instant::now() + Duration::from_secs(60);
    while !(has("java") && has("clickhouse --listen") && has("bin/postgres")) {
        assert!(Instant::now() < deadline, "the servers were not started: {:?}", processes_of(name));
        std::thread::sleep(Duration::from_millis(20));
    }
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !processes_of(name).is_empty() {
        assert!(Instant::now() < deadline, "left over: {:?}", processes_of(name));
        std::thread::sleep(Duration::from_millis(20));
    }
    std::fs::remove_dir_all(folder).unwrap();
}
