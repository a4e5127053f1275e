//! Information of the kernel about a process: its CPU time, its memory, and its allowed cores.
//! Linux only, from `/proc`.

use std::time::Duration;

use anyhow::Context as _;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// The memory of a process, in kibibytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// The peak of resident memory, including mapped files (the journal).
    pub peak_kib: u64,
    /// Current resident memory.
    pub resident_kib: u64,
    /// The part of it that no file backs.
    pub anonymous_kib: u64,
}

/// Returns user and system time of all threads of a process, including ended ones.
pub fn cpu_time(pid: i32) -> anyhow::Result<Duration> {
    let stat =
        std::fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("no process {pid}"))?;
    let ticks = cpu_ticks(&stat).context("/proc/pid/stat has another format")?;
    let per_s = sysconf(SysconfVar::CLK_TCK)?.context("no clock tick")?;
    Ok(Duration::from_secs_f64(ticks as f64 / per_s as f64))
}

/// Fields 14 and 15. The name of the command before them may contain spaces and parentheses.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Returns the current memory of a process.
pub fn memory(pid: i32) -> anyhow::Result<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("no process {pid}"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    };
    Ok(Memory { peak_kib: field("VmHWM"), resident_kib: field("VmRSS"), anonymous_kib: field("RssAnon") })
}

/// Binds all current threads of a process to one core. Later threads inherit it.
pub fn pin(pid: i32, core: usize) -> anyhow::Result<()> {
    let cores = one_core(core)?;
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("no process {pid}"))? {
        let thread: i32 =
            task?.file_name().to_string_lossy().parse().context("the id of a thread is not a number")?;
        sched_setaffinity(Pid::from_raw(thread), &cores)
            .with_context(|| format!("cannot pin {pid} to core {core}"))?;
    }
    Ok(())
}

/// Binds the calling thread to one core.
pub fn pin_this_thread(core: usize) -> anyhow::Result<()> {
    sched_setaffinity(Pid::from_raw(0), &one_core(core)?)
        .with_context(|| format!("cannot pin a thread to core {core}"))
}

fn one_core(core: usize) -> anyhow::Result<CpuSet> {
    let mut cores = CpuSet::new();
    cores.set(core)?;
    Ok(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_time_behind_a_strange_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 25 17 0 0 20 0 1 0 5 0 0";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_time_and_memory() {
        let pid = i32::try_from(std::process::id()).unwrap();
        cpu_time(pid).unwrap();
        let memory = memory(pid).unwrap();
        assert!(memory.peak_kib >= memory.resident_kib && memory.resident_kib > memory.anonymous_kib);
    }
}
