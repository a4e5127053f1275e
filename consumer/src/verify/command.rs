//! The command lines of `sluice-consumer verify` and `reclassify`: their arguments, and what they
//! print. Results go to standard output, progress to standard error.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use prometheus_client::metrics::counter::Counter;
use sluice_runtime::config::{ConfigError, exit_bad_config};

use crate::config::{Config, DirectoryConfig};
use crate::directory::keeper::Keeper;
use crate::enrich::Enricher;
use crate::enrich::data::DataFiles;
use crate::store::Store;
use crate::verify::range::{TimeRange, parse_time};
use crate::verify::reclassify::reclassify;
use crate::verify::repair::{Repaired, Tools, repair};
use crate::verify::{MOMENT, Report, verify_range};

/// The flags of the command.
#[derive(Debug, Clone, clap::Args)]
pub struct VerifyArgs {
    /// Only from this time on: a date (UTC) or a whole hour by RFC 3339
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<i64>,
    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<i64>,
    /// Mend what can be mended; every sluice-consumer must be stopped
    #[arg(long)]
    repair: bool,
    /// Print what --repair would write, and write nothing
    #[arg(long, requires = "repair")]
    dry_run: bool,
}

/// The flags of `reclassify`.
#[derive(Debug, Clone, clap::Args)]
pub struct ReclassifyArgs {
    /// Only visits from this time on: a date (UTC) or a whole hour by RFC 3339
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<i64>,
    /// Only visits before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<i64>,
    /// Count the visits that would be read again, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Compares the tables, and repairs them if requested. Fails if anything differs at the end.
///
/// # Errors
/// If ClickHouse or Kafka does not answer, or a repair cannot be made now.
pub async fn run(args: &VerifyArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let range = range_of(args.from, args.to);
    let store = Store::new(&config.clickhouse);
    if args.repair {
        let surroundings = Surroundings::open(config)?;
        let repaired = repair(surroundings.tools(&store, config), &range, args.dry_run, &tell).await?;
        print_repaired(&repaired, args.dry_run)?;
    }
    compare(&store, &range).await
}

/// Classifies stored visits again, and compares the tables. Fails if anything differs at the end.
///
/// # Errors
/// If ClickHouse or Kafka does not answer, or a consumer is at work.
pub async fn run_reclassify(args: &ReclassifyArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let range = range_of(args.from, args.to);
    let store = Store::new(&config.clickhouse);
    let surroundings = Surroundings::open(config)?;
    let changed = reclassify(surroundings.tools(&store, config), &range, args.dry_run, &tell).await?;
    print_repaired(&changed, args.dry_run)?;
    compare(&store, &range).await
}

/// The data sets and the directory of a command that writes.
struct Surroundings {
    directory: Keeper,
    enricher: Enricher,
}

impl Surroundings {
    fn open(config: &Config) -> anyhow::Result<Self> {
        let enricher = Enricher::load(&DataFiles::of(config))
            .unwrap_or_else(|error| exit_bad_config(&ConfigError::new(error.key, error.to_string())));
        // Without the file: rows that come back are not resolved with an old directory.
        let directory = DirectoryConfig { file: PathBuf::new(), ..config.directory.clone() };
        let directory = Keeper::open(&directory, Counter::default()).context("the directory")?;
        Ok(Self { directory, enricher })
    }

    fn tools<'a>(&'a self, store: &'a Store, config: &'a Config) -> Tools<'a> {
        Tools { store, kafka: &config.kafka, directory: &self.directory, enricher: &self.enricher }
    }
}

fn range_of(from: Option<i64>, to: Option<i64>) -> TimeRange {
    TimeRange::new(from, to)
        .unwrap_or_else(|error| exit_bad_config(&ConfigError::new("--to", error.to_string())))
}

/// Reports the progress to standard error, which nobody may read.
fn tell(line: &str) {
    writeln!(io::stderr(), "{line}").ok();
}

async fn compare(store: &Store, range: &TimeRange) -> anyhow::Result<ExitCode> {
    let reports = verify_range(store, range, MOMENT, &tell).await.context("clickhouse")?;
    print_reports(&reports)?;
    let is_good = reports.iter().all(|report| report.differences.is_empty());
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_repaired(repaired: &Repaired, is_dry_run: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let did = if is_dry_run { "would write" } else { "wrote" };
    if repaired.n_rows.is_empty() {
        writeln!(out, "{did} nothing")?;
    }
    for (table, n_rows) in &repaired.n_rows {
        writeln!(out, "{did} {n_rows} rows to {table}")?;
    }
    for line in &repaired.lines {
        writeln!(out, "  {line}")?;
    }
    for line in &repaired.left_alone {
        writeln!(out, "left alone: {line}")?;
    }
    for line in &repaired.gone {
        writeln!(out, "gone: {line}")?;
    }
    Ok(())
}

fn print_reports(reports: &[Report]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for report in reports {
        let n_differences = report.differences.len();
        let sum = if n_differences == 0 {
            "no difference".to_owned()
        } else {
            format!("{n_differences} differences")
        };
        writeln!(out, "{}: {sum}", report.name)?;
        for (place, found) in &report.differences {
            writeln!(out, "  {place}: {found}")?;
        }
    }
    Ok(())
}
