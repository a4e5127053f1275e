//! `verify --repair`: puts rows into `prospect_index` that only `prospects` has, and adds to
//! `rollup_hourly` what it lacks of the sums of the rows, day by day.
//!
//! Each step looks at the tables anew, so a repair that was cut off is simply made again. Every
//! insert has a token of its own, since an equal loss may have to be mended twice. Hours in which
//! rows are stored more often than they came are left alone: there the sums may be right and the
//! rows wrong.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::config::KafkaConfig;
use crate::store::Store;
use crate::stored::{Stored, parts};
use crate::verify::range::TimeRange;
use crate::verify::stopped::{Groups, NotStopped, Places};
use crate::verify::sums::describe;
use crate::verify::{MAX_LISTED, Progress};

/// A line of progress is told at most this often.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Rows of one insert.
const N_ROWS_AN_INSERT: usize = 100_000;

/// What a repair wrote, or would write in a dry run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Rows for `prospect_index`.
    pub n_index_rows: usize,
    /// Rows for `rollup_hourly`.
    pub n_sums: usize,
    /// What was written, a hundred lines at most.
    pub lines: Vec<String>,
    /// What was left alone, and why.
    pub left_alone: Vec<String>,
}

/// A repair under way.
struct Repair<'a> {
    store: &'a Store,
    groups: Groups,
    places: Places,
    is_dry_run: bool,
    progress: &'a Progress<'a>,
    told: Option<Instant>,
    repaired: Repaired,
}

/// Mends what is lost within a time range. A dry run writes nothing.
///
/// # Errors
/// If a consumer is at work or has left something half done, or if ClickHouse or Kafka does not
/// answer.
pub async fn repair(
    store: &Store,
    kafka: &KafkaConfig,
    range: &TimeRange,
    is_dry_run: bool,
    progress: &Progress<'_>,
) -> Result<Repaired, NotStopped> {
    let groups = Groups::new(kafka)?;
    let places = groups.insist_stopped(store, progress).await?;
    let repaired = Repaired::default();
    let mut repair = Repair { store, groups, places, is_dry_run, progress, told: None, repaired };
    let days = store.days(range).await?;
    for (index, day) in days.iter().enumerate() {
        repair.tell(|repair| {
            let Repaired { n_index_rows, n_sums, .. } = repair.repaired;
            format!("day {} of {}: {n_index_rows} index rows, {n_sums} sums so far", index + 1, days.len())
        });
        let day = range.on_day(*day);
        repair.mend_index(&day).await?;
        repair.mend_sums(&day).await?;
    }
    Ok(repair.repaired)
}

impl Repair<'_> {
    async fn mend_index(&mut self, day: &TimeRange) -> Result<(), NotStopped> {
        let missing = self.store.missing_in_index(day).await?;
        self.repaired.n_index_rows += missing.len();
        for row in &missing {
            self.note(|| format!("prospect_index: prospect {}", row.prospect_id));
        }
        self.write(&missing).await
    }

    async fn mend_sums(&mut self, day: &TimeRange) -> Result<(), NotStopped> {
        let mut corrections = self.store.corrections(day).await?;
        if corrections.is_empty() {
            return Ok(());
        }
        let doubtful = self.store.hours_with_duplicates(day).await?;
        for correction in corrections.extract_if(.., |correction| doubtful.contains(&correction.hour)) {
            let line =
                format!("rollup_hourly: {}: rows of this hour are stored twice", describe(&correction));
            self.repaired.left_alone.push(line);
        }
        self.repaired.n_sums += corrections.len();
        for correction in &corrections {
            self.note(|| format!("rollup_hourly: {}", describe(correction)));
        }
        self.write(&corrections).await
    }

    /// Inserts rows that were computed from the tables, if these are still the same.
    async fn write<R: Stored>(&self, rows: &[R]) -> Result<(), NotStopped> {
        if self.is_dry_run || rows.is_empty() {
            return Ok(());
        }
        self.groups.insist_unchanged(&self.places).await?;
        for part in parts(rows) {
            for rows in part.rows.chunks(N_ROWS_AN_INSERT) {
                self.store.insert(&format!("repair/{}", Uuid::now_v7()), rows).await?;
            }
        }
        Ok(())
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if self.repaired.lines.len() < MAX_LISTED as usize {
            self.repaired.lines.push(line());
        }
    }

    fn tell(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            (self.progress)(&line(self));
        }
    }
}
