//! Ports: finds free ports for tests, and the process that uses a port (from `/proc`).

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context as _;

/// Returns a port that is free now. The kernel returns a different one each time, until all have
/// been used.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: i32,
    pub command: String,
}

/// Checks that a port can be bound on loopback.
///
/// # Errors
/// When it is taken. The message names the process that uses it.
pub fn check_free(what: &str, port: u16) -> anyhow::Result<()> {
    // Bound like the servers do (with SO_REUSEADDR), so that connections in TIME_WAIT do not count.
    match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => match holder(port) {
            Some(Holder { pid, command }) => {
                anyhow::bail!("port {port} ({what}) is taken by {command} (pid {pid})")
            }
            None => anyhow::bail!("port {port} ({what}) is taken by a process of another user"),
        },
        Err(error) => Err(error).with_context(|| format!("cannot use port {port} ({what})")),
    }
}

/// Returns the process that listens on a TCP port, if `/proc` shows it to this user.
pub fn holder(port: u16) -> Option<Holder> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .collect();
    let targets: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .find(|pid| has_open(*pid, &targets))
        .map(|pid| Holder { pid, command: command_of(pid) })
}

/// Returns the inodes of the sockets in state LISTEN (0A) on a port, from `/proc/net/tcp`.
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    let suffix = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.len() > 9 && fields[1].ends_with(&suffix) && fields[3] == "0A")
        .map(|fields| fields[9].to_owned())
        .collect()
}

fn has_open(pid: i32, targets: &[String]) -> bool {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files
        .flatten()
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .any(|link| targets.iter().any(|target| link.as_os_str() == target.as_str()))
}

fn command_of(pid: i32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let first = line.split(|byte| *byte == 0).next().unwrap_or_default();
    let path = String::from_utf8_lossy(first).into_owned();
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() { "an unnamed process".into() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_who_holds_a_port() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let holder = holder(port).unwrap();
        assert_eq!(holder.pid, i32::try_from(std::process::id()).unwrap());
        let message = check_free("edge", port).unwrap_err().to_string();
        assert!(message.starts_with(&format!("port {port} (edge) is taken by sluice_local")), "{message}");
        drop(listener);
        check_free("edge", port).unwrap();
    }
}
