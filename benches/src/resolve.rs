//! Measures the cost for the consumer of resolving the owner of an event: only the look-up, in this
//! process, in a directory of the required size, with keys in random order.

use std::hint::black_box;
use std::time::Instant;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;
use sluice_consumer::directory::{Directory, Entry};

use crate::pixel::median;

const N_USERS: i64 = 10_000;
const N_TEAMS: i64 = 1_000;
const N_CAMPAIGNS: i64 = 10_000;
const KEYS_A_CAMPAIGN: i64 = 2;
/// The number of different events, resolved in turn.
const N_EVENTS: usize = 1_000_000;
/// The time at which people changed teams, which is about the time of the events; Unix
/// milliseconds.
const CHANGED_MS: i64 = 1_780_000_000_000;
const SPAN_MS: i64 = 10_000_000_000;

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct ResolveResult {
    pub users: i64,
    pub teams: i64,
    pub keys: i64,
    pub events: usize,
    /// Nanoseconds per event in each run.
    pub runs_ns: Vec<f64>,
    pub median_ns: f64,
}

/// Resolves a million events `n_runs` times.
#[must_use]
pub fn measure(n_runs: usize) -> ResolveResult {
    let directory = directory();
    let events = events();
    let runs_ns: Vec<f64> = (0..n_runs).map(|_| run(&directory, &events)).collect();
    ResolveResult {
        users: N_USERS,
        teams: N_TEAMS,
        keys: N_CAMPAIGNS * KEYS_A_CAMPAIGN,
        events: N_EVENTS * n_runs,
        median_ns: median(runs_ns.clone()).unwrap_or_default(),
        runs_ns,
    }
}

fn run(directory: &Directory, events: &[(String, Option<u64>, u64)]) -> f64 {
    let begin = Instant::now();
    for (key, user_id, time_ms) in events {
        black_box(directory.owner(black_box(key), *user_id, *time_ms)).ok();
    }
    begin.elapsed().as_nanos() as f64 / events.len() as f64
}

/// Everybody was in two teams. Every campaign has one buyer and two keys, one of which has ended.
fn directory() -> Directory {
    let mut directory = Directory::default();
    let mut version = 0;
    let mut add = |entity: &str, id: String, ids: (i64, i64), times: (Option<i64>, Option<i64>)| {
        version += 1;
        directory.apply(&Entry {
            version,
            entity: entity.to_owned(),
            entity_id: id,
            subject_id: ids.0,
            object_id: ids.1,
            currency: String::new(),
            from_ms: times.0,
            to_ms: times.1,
            is_gone: false,
            details: String::new(),
        });
    };
    for user in 1..=N_USERS {
        add("user", user.to_string(), (0, 0), (None, None));
        let teams = (1 + user % N_TEAMS, 1 + (user + 1) % N_TEAMS);
        add("membership", (2 * user).to_string(), (user, teams.0), (Some(0), Some(CHANGED_MS)));
        add("membership", (2 * user + 1).to_string(), (user, teams.1), (Some(CHANGED_MS), None));
    }
    for campaign in 1..=N_CAMPAIGNS {
        let buyer = 1 + campaign % N_USERS;
        add("campaign_buyer", campaign.to_string(), (campaign, buyer), (Some(0), None));
        add("tracking_key", key(2 * campaign), (0, campaign), (None, Some(CHANGED_MS)));
        add("tracking_key", key(2 * campaign + 1), (0, campaign), (None, None));
    }
    directory
}

/// Returns a key of sixteen characters, like real ones.
fn key(number: i64) -> String {
    format!("{:016x}", number.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Nine of ten events have a key, the others the id of a user.
fn events() -> Vec<(String, Option<u64>, u64)> {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut event = |number: usize| {
        let time_ms = (CHANGED_MS + rng.random_range(-SPAN_MS..SPAN_MS)).unsigned_abs();
        if number.is_multiple_of(10) {
            let user_id = rng.random_range(1..=N_USERS).unsigned_abs();
            (String::new(), Some(user_id), time_ms)
        } else {
            let campaign = rng.random_range(1..=N_CAMPAIGNS);
            (key(2 * campaign + 1), None, time_ms)
        }
    };
    (0..N_EVENTS).map(&mut event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_somebodys_of_some_team() {
        let directory = directory();
        for (key, user_id, time_ms) in events().iter().take(1000) {
            let owner = directory.owner(key, *user_id, *time_ms).unwrap();
            assert!(owner.user_id > 0 && owner.team_id > 0, "{owner:?}");
        }
    }
}
