//! Runs the scenarios: runs rounds without a fault, tests the points one by one, and compares all
//! rounds again at the end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::Plan;
use super::ledger::{Check, differences};
use super::point::{Point, PointFilter, count, points_of, sample, within_table};
use super::report::{Finding, Summary};
use super::round::Round;
use super::scenario::Scenario;
use super::shim::Shim;
use super::world::World;
use crate::testbed::PrivateServers;

/// The number of rounds without a fault before the points.
const N_DRY: u64 = 3;
/// Each round has its own hour, and the two months begin a year apart.
const MAX_POINTS: usize = 8000;
const POLL: Duration = Duration::from_millis(15);
/// The time limit for the commit of the consumer.
const COMMIT_PATIENCE: Duration = Duration::from_secs(40);
/// The longest time that a table may be unreadable after the commit.
const READ_PATIENCE: Duration = Duration::from_secs(10);
/// The time limit for a replay after the commit of the visits that it waited for. On a busy machine
/// a restart of ClickHouse in between takes most of it.
const REPLAY_PATIENCE: Duration = Duration::from_secs(30);
/// After the commit, a difference must last this long to count.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// One kill in this many also kills the consumer.
const CONSUMER_TOO: u32 = 4;
/// After this many consecutive rounds that the consumer did not finish, the run stops.
const MAX_STUCK: usize = 3;

/// Tests the points of the scenarios.
pub(super) struct Runner {
    servers: PrivateServers,
    shim: Shim,
    rng: SmallRng,
    begin: Instant,
    pub(super) summary: Summary,
    n_stuck: usize,
}

/// A running scenario.
struct Stage {
    scenario: Scenario,
    world: World,
    tables: BTreeMap<String, String>,
}

impl Runner {
    pub(super) fn new(servers: PrivateServers, shim: Shim, seed: u64) -> Self {
        Self {
            servers,
            shim,
            rng: SmallRng::seed_from_u64(seed),
            begin: Instant::now(),
            summary: Summary { seed, ..Summary::default() },
            n_stuck: 0,
        }
    }

    /// Tests the points of a scenario.
    pub(super) async fn scenario(
        &mut self,
        plan: &Plan,
        scenario: Scenario,
        note: &impl Fn(&str),
    ) -> anyhow::Result<()> {
        let world = World::start(&self.servers, &format!("crash_{scenario}")).await?;
        let tables = world.tables().await?;
        let mut stage = Stage { scenario, world, tables };
        let points = self.rehearse(plan, &mut stage).await?;
        note(&format!("{scenario}: {} points", points.len()));
        anyhow::ensure!(points.len() < MAX_POINTS, "more points than hours: choose a sample");

        let numbers = N_DRY..N_DRY + points.len() as u64;
        let setup: Vec<_> = numbers.clone().flat_map(|number| scenario.setup(Round(number))).collect();
        self.set_up(&mut stage, &setup).await?;
        let mut unharmed: Vec<u64> = (0..N_DRY).collect();
        for (done, (number, point)) in numbers.zip(&points).enumerate() {
            if self.begin.elapsed() > plan.time {
                self.summary.n_left += points.len() - done;
                break;
            }
            let differences = self.round(&mut stage, Round(number), Some(point)).await?;
            let fired_at = self.shim.fired_at()?;
            let place = format!("{} of {}: {point}", done + 1, points.len());
            let Some(path) = fired_at else {
                note(&format!("{place}: not reached"));
                self.summary.not_reached.push(point.clone());
                continue;
            };
            self.summary.n_fired += 1;
            let path = within_table(&path, &stage.tables).map_or(path.clone(), |(_, path)| path);
            if differences.is_empty() {
                unharmed.push(number);
            } else {
                note(&format!("{place} ({path}): {}", differences.join("; ")));
                self.summary.findings.push(Finding { point: point.to_string(), path, differences });
            }
            if done % 20 == 19 {
                let n_findings = self.summary.findings.len();
                note(&format!("{place}; {n_findings} points with findings so far"));
            }
        }
        self.look_back(&mut stage, &unharmed).await
    }

    /// Sends events that the rounds need, and waits until they are stored.
    async fn set_up(&mut self, stage: &mut Stage, events: &[Vec<u8>]) -> anyhow::Result<()> {
        stage.world.send_events(events).await?;
        let differences = self.finish(stage, &[], false).await?;
        anyhow::ensure!(differences.is_empty(), "{}: {}", stage.scenario, differences.join("; "));
        stage.world.merge_parts(&stage.tables).await
    }

    /// Runs the rounds without a fault. Returns the points of the last of them.
    async fn rehearse(&mut self, plan: &Plan, stage: &mut Stage) -> anyhow::Result<Vec<Point>> {
        let scenario = stage.scenario;
        let mut setup = scenario.foundation();
        setup.extend((0..N_DRY).flat_map(|number| scenario.setup(Round(number))));
        self.set_up(stage, &setup).await?;
        let mut trace = Vec::new();
        for number in 0..N_DRY {
            self.shim.start_trace()?;
            let differences = self.round(stage, Round(number), None).await?;
            trace = self.shim.end_trace()?;
            anyhow::ensure!(
                differences.is_empty(),
                "{scenario}: without a fault: {}\n{}",
                differences.join("; "),
                stage.world.testbed.log_tails()
            );
        }
        let mut points = points_of(scenario, &trace, &stage.tables, &plan.filter);
        let all = points_of(scenario, &trace, &stage.tables, &PointFilter::default());
        anyhow::ensure!(!all.is_empty(), "{scenario}: the shim sees none of ClickHouse's calls");
        self.summary.available.extend(count(&all));
        if let Some(n) = plan.sample {
            let (mut chosen, mut others): (Vec<_>, Vec<_>) = points.into_iter().partition(plan.always);
            sample(&mut others, n, &mut self.rng);
            chosen.append(&mut others);
            points = chosen;
        }
        points.drain(..plan.skip.min(points.len()));
        Ok(points)
    }

    /// Sends the batch of a round with the shim armed for a point. Returns the final differences.
    async fn round(
        &mut self,
        stage: &mut Stage,
        round: Round,
        point: Option<&Point>,
    ) -> anyhow::Result<Vec<String>> {
        let batch = stage.scenario.batch(round);
        if let Some(point) = point {
            let table = stage.tables.iter().find(|(_, table)| **table == point.table);
            let needle = table.map_or("", |(uuid, _)| uuid);
            self.shim.arm(point.call, point.number, point.action, needle)?;
        }
        let consumer_too =
            point.is_some_and(|point| point.action.is_kill()) && self.rng.random_ratio(1, CONSUMER_TOO);
        stage.world.send(&batch).await?;
        let mut checks = stage.scenario.expected(round);
        if !batch.events.is_empty() {
            checks.push(stage.world.lane_check());
        }
        let differences = self.finish(stage, &checks, consumer_too).await;
        self.shim.disarm()?;
        differences
    }

    /// Waits until the consumer has committed and the checks hold. Restarts ClickHouse whenever it
    /// has died. Returns the differences that remain when the time is up.
    async fn finish(
        &mut self,
        stage: &mut Stage,
        checks: &[Check],
        consumer_too: bool,
    ) -> anyhow::Result<Vec<String>> {
        let begin = Instant::now();
        let mut committed: Option<Instant> = None;
        loop {
            if self.servers.clickhouse.exit_status().is_some() {
                self.restart_clickhouse(stage, consumer_too).await?;
            }
            if committed.is_none() && stage.world.is_finished().await? {
                committed = Some(Instant::now());
            }
            if let Some(committed) = committed {
                let patience = if stage.scenario == Scenario::Replay { REPLAY_PATIENCE } else { LOOK_AGAIN };
                match differences(&stage.world.testbed.clickhouse, checks).await {
                    Ok(differences) if differences.is_empty() || committed.elapsed() > patience => {
                        self.n_stuck = 0;
                        return Ok(differences);
                    }
                    Err(error) if committed.elapsed() > READ_PATIENCE => {
                        self.restart_clickhouse(stage, false).await?;
                        return Ok(vec![format!("the tables cannot be read: {error:#}")]);
                    }
                    // ClickHouse may have died just now.
                    Ok(_) | Err(_) => {}
                }
            } else if begin.elapsed() > COMMIT_PATIENCE {
                return self.unstick(stage).await;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Restarts ClickHouse with nothing armed, and also the consumer if requested.
    async fn restart_clickhouse(&mut self, stage: &mut Stage, consumer_too: bool) -> anyhow::Result<()> {
        self.shim.disarm()?;
        if consumer_too {
            stage.world.consumer.crash()?;
        }
        self.servers.crash_clickhouse(Duration::ZERO).await
    }

    /// Restarts everything that may hang, and returns a description of it.
    async fn unstick(&mut self, stage: &mut Stage) -> anyhow::Result<Vec<String>> {
        self.n_stuck += 1;
        anyhow::ensure!(
            self.n_stuck < MAX_STUCK,
            "the consumer no longer finishes\n{}",
            stage.world.testbed.log_tails()
        );
        self.restart_clickhouse(stage, true).await?;
        let tail = sluice_local::process::tail(stage.world.consumer.log(), 0, 1);
        Ok(vec![format!(
            "the consumer did not finish in {} s; its last line:\n{tail}",
            COMMIT_PATIENCE.as_secs()
        )])
    }

    /// Restarts ClickHouse, and compares once more the rounds that were right before.
    async fn look_back(&mut self, stage: &mut Stage, numbers: &[u64]) -> anyhow::Result<()> {
        self.servers.crash_clickhouse(Duration::ZERO).await?;
        for number in numbers {
            let checks = stage.scenario.expected(Round(*number)).into_iter().filter(Check::is_lasting);
            let differences =
                differences(&stage.world.testbed.clickhouse, &checks.collect::<Vec<_>>()).await?;
            if !differences.is_empty() {
                let point = format!("{}: round {number}, after all others and a restart", stage.scenario);
                self.summary.findings.push(Finding { point, path: String::new(), differences });
            }
        }
        Ok(())
    }
}
