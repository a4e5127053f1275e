//! Measures the cost for the consumer of reading a user agent that is not in its cache, and the
//! memory of the rules, in this process.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Context as _;
use serde::Serialize;
use sluice_consumer::enrich::Enricher;
use sluice_consumer::enrich::data::DataFiles;

use crate::pixel::median;
use crate::proc::memory;

/// User agents of browsers, apps and televisions, each after the names that are expected.
const NAMED: &str = include_str!("../../consumer/data/tests/named.txt");
/// Different user agents made of each.
const N_OF_EACH: usize = 200;

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct ClassifyResult {
    /// Milliseconds until the first user agent is read, for which the rules are compiled.
    pub first_ms: f64,
    /// Memory of the rules after all user agents were read once, in KiB.
    pub rules_kib: u64,
    pub agents: usize,
    /// Microseconds per user agent in each run.
    pub runs_us: Vec<f64>,
    pub median_us: f64,
}

/// Reads thousands of user agents `n_runs` times, each time with an empty cache.
///
/// # Errors
/// If `/proc` cannot be read.
pub fn measure(n_runs: usize) -> anyhow::Result<ClassifyResult> {
    let agents = agents();
    let pid = i32::try_from(std::process::id()).context("the process id is too large")?;
    let before = memory(pid)?.anonymous_kib;
    let first = Instant::now();
    black_box(Enricher::load(&DataFiles::default())?.agent(agents[0].as_bytes()));
    let first_ms = first.elapsed().as_secs_f64() * 1e3;
    // The first run fills what regular expressions keep for themselves.
    run(&agents)?;
    let rules_kib = memory(pid)?.anonymous_kib.saturating_sub(before);
    let runs_us = (0..n_runs).map(|_| run(&agents)).collect::<anyhow::Result<Vec<f64>>>()?;
    let median_us = median(runs_us.clone()).unwrap_or_default();
    Ok(ClassifyResult { first_ms, rules_kib, agents: agents.len(), runs_us, median_us })
}

fn run(agents: &[String]) -> anyhow::Result<f64> {
    let enricher = Enricher::load(&DataFiles::default())?;
    let begin = Instant::now();
    for agent in agents {
        black_box(enricher.agent(black_box(agent.as_bytes())));
    }
    Ok(begin.elapsed().as_secs_f64() * 1e6 / agents.len() as f64)
}

/// The user agents in turn, each a little different from the last time.
fn agents() -> Vec<String> {
    let named: Vec<&str> = NAMED.lines().filter_map(|line| Some(line.split_once(" | ")?.1)).collect();
    (0..N_OF_EACH).flat_map(|n| named.iter().map(move |agent| format!("{agent} v/{n}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_agents_differ_and_are_read() {
        let agents = agents();
        let distinct: std::collections::BTreeSet<&String> = agents.iter().collect();
        assert!(agents.len() > 10_000 && distinct.len() == agents.len());
        let enricher = Enricher::load(&DataFiles::default()).unwrap();
        assert_eq!(enricher.agent(agents[0].as_bytes()).browser, "Chrome");
    }
}
