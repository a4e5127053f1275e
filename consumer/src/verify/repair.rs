//! `verify --repair`: brings back rows from Kafka, adds the missing rows to `prospect_index`, and
//! adds the missing sums to `rollup_hourly`, day by day.
//!
//! Each step reads the tables again, so an interrupted repair can be repeated. Every insert has its
//! own token, since an equal loss may have to be mended twice. Hours with duplicate rows are left
//! alone, because their sums may be right and the rows wrong.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sluice_schemas::rows::RollupHourlyRow;
use uuid::Uuid;

use crate::config::KafkaConfig;
use crate::directory::keeper::Keeper;
use crate::enrich::Enricher;
use crate::store::Store;
use crate::stored::{Stored, parts};
use crate::verify::range::TimeRange;
use crate::verify::stopped::{Groups, Places, REPAIR, RepairError};
use crate::verify::sums::{Sums, describe};
use crate::verify::{MAX_LISTED, Progress};

/// Progress is reported at most this often.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Rows of one insert.
const N_ROWS_AN_INSERT: usize = 100_000;

/// The systems that a repair reads and writes.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    pub store: &'a Store,
    pub kafka: &'a KafkaConfig,
    pub directory: &'a Keeper,
    pub enricher: &'a Enricher,
}

/// The writes of a repair, or those that a dry run would make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repaired {
    /// The number of rows written to each table.
    pub n_rows: BTreeMap<&'static str, usize>,
    /// The written rows, at most a hundred lines.
    pub lines: Vec<String>,
    /// Losses that were left alone, with reasons; at most a hundred lines.
    pub left_alone: Vec<String>,
    /// Records that Kafka no longer has.
    pub gone: Vec<String>,
}

/// A repair in progress.
pub(super) struct Repair<'a> {
    pub(super) tools: Tools<'a>,
    pub(super) range: TimeRange,
    groups: Groups,
    pub(super) places: Places,
    pub(super) is_dry_run: bool,
    progress: &'a Progress<'a>,
    pub(super) told: Option<Instant>,
    /// The sums of rows that a dry run does not write.
    pub(super) unwritten: Sums,
    pub(super) repaired: Repaired,
}

/// Mends losses within a time range. A dry run writes nothing.
///
/// # Errors
/// If a consumer is at work or has left something half done, or if ClickHouse, Kafka or Postgres
/// does not answer.
pub async fn repair(
    tools: Tools<'_>,
    range: &TimeRange,
    is_dry_run: bool,
    progress: &Progress<'_>,
) -> Result<Repaired, RepairError> {
    let mut repair = Repair::begin(tools, range, is_dry_run, progress).await?;
    repair.mend_from_kafka().await?;
    repair.mend_from_rows().await?;
    Ok(repair.repaired)
}

impl<'a> Repair<'a> {
    /// Begins once all consumers are stopped and nothing is half written.
    pub(super) async fn begin(
        tools: Tools<'a>,
        range: &TimeRange,
        is_dry_run: bool,
        progress: &'a Progress<'a>,
    ) -> Result<Self, RepairError> {
        let groups = Groups::new(tools.kafka)?;
        let places = groups.check_stopped(tools.store, progress).await?;
        Ok(Self {
            tools,
            range: *range,
            groups,
            places,
            is_dry_run,
            progress,
            told: None,
            unwritten: Sums::new(),
            repaired: Repaired::default(),
        })
    }

    /// Fails if a consumer has been at work since the beginning.
    pub(super) async fn check_unchanged(&self) -> Result<(), RepairError> {
        self.groups.check_unchanged(&self.places).await
    }
}

impl Repair<'_> {
    async fn mend_from_rows(&mut self) -> Result<(), RepairError> {
        let mut days = self.tools.store.days(&self.range).await?;
        days.extend(self.unwritten.keys().map(|(hour, ..)| i64::from(*hour) / 86_400));
        days.sort_unstable();
        days.dedup();
        self.told = None;
        for (index, day) in days.iter().enumerate() {
            self.tell(|repair| {
                format!("sums of day {} of {}: {}", index + 1, days.len(), repair.repaired.so_far())
            });
            let day = self.range.on_day(*day);
            self.mend_index(&day).await?;
            self.mend_sums(&day).await?;
        }
        Ok(())
    }

    async fn mend_index(&mut self, day: &TimeRange) -> Result<(), RepairError> {
        let missing = self.tools.store.missing_in_index(day).await?;
        self.write(&missing, |row| format!("prospect {}", row.prospect_id)).await
    }

    pub(super) async fn mend_sums(&mut self, day: &TimeRange) -> Result<(), RepairError> {
        let mut corrections = self.tools.store.corrections(day).await?;
        let unwritten = self.unwritten.iter().filter(|((hour, ..), _)| day.contains(i64::from(*hour) * 1000));
        for (key, row) in unwritten {
            add(corrections.entry(*key).or_insert(RollupHourlyRow::of(key.0, key.1, key.2, key.3)), row);
        }
        corrections.retain(|_, row| {
            *row != RollupHourlyRow::of(row.hour, row.user_id, row.team_id, row.campaign_id)
        });
        if corrections.is_empty() {
            return Ok(());
        }
        let doubtful = self.tools.store.hours_with_duplicates(day).await?;
        let is_doubtful = |row: &RollupHourlyRow| doubtful.contains(&row.hour);
        for row in corrections.values().filter(|row| is_doubtful(row)) {
            self.leave_alone(format!("rollup_hourly: {}: rows of this hour are stored twice", describe(row)));
        }
        let rows: Vec<_> = corrections.into_values().filter(|row| !is_doubtful(row)).collect();
        self.write(&rows, describe).await
    }

    /// Inserts rows that were computed from the tables, if these are still the same.
    pub(super) async fn write<R: Stored>(
        &mut self,
        rows: &[R],
        name: impl Fn(&R) -> String,
    ) -> Result<(), RepairError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.list(rows, name);
        if self.is_dry_run {
            return Ok(());
        }
        self.check_unchanged().await?;
        for part in parts(rows) {
            for rows in part.rows.chunks(N_ROWS_AN_INSERT) {
                self.tools.store.insert(&format!("{REPAIR}{}", Uuid::now_v7()), rows).await?;
            }
        }
        Ok(())
    }

    /// Counts and lists rows that are written, or that a dry run would write.
    pub(super) fn list<R: Stored>(&mut self, rows: &[R], name: impl Fn(&R) -> String) {
        if rows.is_empty() {
            return;
        }
        let table = R::TABLE.name;
        *self.repaired.n_rows.entry(table).or_default() += rows.len();
        let n_listed = (MAX_LISTED as usize).saturating_sub(self.repaired.lines.len());
        let lines = rows.iter().take(n_listed).map(|row| format!("{table}: {}", name(row)));
        self.repaired.lines.extend(lines);
    }

    pub(super) fn leave_alone(&mut self, line: String) {
        if self.repaired.left_alone.len() < MAX_LISTED as usize {
            self.repaired.left_alone.push(line);
        }
    }

    pub(super) fn tell(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            (self.progress)(&line(self));
        }
    }
}

impl Repaired {
    /// Counts rows that were changed in a table.
    pub(super) fn note(&mut self, table: &'static str, n_rows: u64) {
        if n_rows > 0 {
            *self.n_rows.entry(table).or_default() += usize::try_from(n_rows).unwrap_or(usize::MAX);
        }
    }

    /// The rows so far, as a text for people.
    pub(super) fn so_far(&self) -> String {
        let tables = self.n_rows.iter().map(|(table, n_rows)| format!("{n_rows} rows for {table}"));
        let tables: Vec<String> = tables.collect();
        if tables.is_empty() { "nothing so far".to_owned() } else { tables.join(", ") }
    }
}

/// Adds the sums of one row to another.
pub(super) fn add(to: &mut RollupHourlyRow, row: &RollupHourlyRow) {
    to.prospects += row.prospects;
    to.bots += row.bots;
    to.orders += row.orders;
    to.sales += row.sales;
    to.rejected += row.rejected;
    to.trash += row.trash;
    to.chargebacks += row.chargebacks;
    to.rebills += row.rebills;
}
