//! The command line of `sluice-consumer parked`.
//!
//! It decides nothing by itself: a decision is a row in Postgres, as on the page, and running
//! consumers act on it. The consumer's role may only call the two functions that make and revoke
//! decisions and leave their line in the audit trail.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use sluice_runtime::clock::Clock;
use sluice_schemas::outcome::ParkReason;
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use uuid::Uuid;

use crate::config::Config;
use crate::parked_counts::ParkedFilter;
use crate::store::Store;

/// The longest reference in Postgres.
const MAX_REFERENCE_CHARS: usize = 256;

/// The flags of the command.
#[derive(Debug, Clone, Args)]
pub struct ParkedArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Count parked events by reason, by what they name, and by state
    Counts {
        /// Only in this state
        #[arg(long, value_parser = ["waiting", "replayed", "ignored"])]
        state: Option<String>,
        /// The most lines
        #[arg(long, default_value_t = 50)]
        limit: u64,
    },
    /// List parked events, the newest first, without their contents
    List {
        /// Only of this reason
        #[arg(long, value_parser = reason)]
        reason: Option<String>,
        /// Only those that name this key, user or prospect
        #[arg(long)]
        reference: Option<String>,
        /// Only in this state
        #[arg(long, value_parser = ["waiting", "replayed", "ignored"])]
        state: Option<String>,
        /// The most lines
        #[arg(long, default_value_t = 50)]
        limit: u64,
    },
    /// Say what waiting events should have named; running consumers then store them
    ///
    /// Without --expect it only counts them. The consumer's database role needs EXECUTE on
    /// operator_decides_parked and operator_lets_parked_wait.
    Mend {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        until: Until,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        expect: Expect,
    },
    /// Wait for events no longer; reversible by wait-again while their bytes are kept
    ///
    /// Without --expect it only counts them.
    Ignore {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        until: Until,
        /// The reason
        #[arg(long)]
        because: String,
        #[command(flatten)]
        expect: Expect,
    },
    /// Let ignored events wait again
    ///
    /// Without --expect it only counts them.
    WaitAgain {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        expect: Expect,
    },
}

/// One event, or all alike.
#[derive(Debug, Clone, Args)]
struct Selection {
    /// The id of one event
    #[arg(long, conflicts_with_all = ["reason", "reference"])]
    event: Option<Uuid>,
    /// All events that wait for this reason …
    #[arg(long, value_parser = reason, requires = "reference", required_unless_present = "event")]
    reason: Option<String>,
    /// … and name this key, user or prospect
    #[arg(long, requires = "reason")]
    reference: Option<String>,
}

#[derive(Debug, Clone, Args)]
struct Until {
    /// Only events before this time (RFC 3339); now if it is not given
    #[arg(long, value_parser = time)]
    until: Option<DateTime<Utc>>,
    /// Later events too
    #[arg(long, conflicts_with = "until")]
    for_ever: bool,
}

#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// The campaign that prospects should have named
    #[arg(long)]
    campaign: Option<i64>,
    /// The buyer that prospects should have named
    #[arg(long)]
    user: Option<i64>,
    /// The prospect that orders should have named
    #[arg(long)]
    prospect: Option<Uuid>,
}

#[derive(Debug, Clone, Args)]
struct Expect {
    /// Do it, if this many events are counted
    #[arg(long, value_name = "COUNT")]
    expect: Option<u64>,
}

/// The events of a decision, as they were counted.
struct Subject {
    event: Option<Uuid>,
    reason: String,
    reference: String,
    n_events: i64,
}

/// Runs the command.
///
/// # Errors
/// If ClickHouse or Postgres does not answer or refuses, or the count is not the expected one.
pub async fn run(args: &ParkedArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let store = Store::new(&config.clickhouse);
    match &args.command {
        Command::Counts { state, limit } => {
            let filter = ParkedFilter { state: state.clone(), ..ParkedFilter::default() };
            print_counts(&store, &filter, *limit).await?;
        }
        Command::List { reason, reference, state, limit } => {
            let (reason, reference, state) = (reason.clone(), reference.clone(), state.clone());
            let filter = ParkedFilter { reason, reference, state, ..ParkedFilter::default() };
            print_list(&store, &filter, *limit).await?;
        }
        Command::Mend { selection, until, target, expect } => {
            let Target { campaign, user, prospect } = target;
            let decision = Decision {
                act: "mend",
                campaign: *campaign,
                user: *user,
                prospect: *prospect,
                until: until.time(),
                note: "",
            };
            decide(&store, config, selection, &decision, expect).await?;
        }
        Command::Ignore { selection, until, because, expect } => {
            anyhow::ensure!(because.chars().count() <= 500, "--because: at most 500 characters");
            let until = until.time();
            let decision =
                Decision { act: "ignore", campaign: None, user: None, prospect: None, until, note: because };
            decide(&store, config, selection, &decision, expect).await?;
        }
        Command::WaitAgain { selection, expect } => wait_again(&store, config, selection, expect).await?,
    }
    Ok(ExitCode::SUCCESS)
}

struct Decision<'a> {
    act: &'a str,
    campaign: Option<i64>,
    user: Option<i64>,
    prospect: Option<Uuid>,
    until: Option<DateTime<Utc>>,
    note: &'a str,
}

async fn decide(
    store: &Store,
    config: &Config,
    selection: &Selection,
    decision: &Decision<'_>,
    expect: &Expect,
) -> anyhow::Result<()> {
    let filter = ParkedFilter {
        state: Some("waiting".to_owned()),
        before_ms: decision.until.filter(|_| selection.event.is_none()).map(|time| time.timestamp_millis()),
        ..selection.filter()
    };
    let again = match decision.until {
        Some(until) if selection.event.is_none() => {
            format!(" --until {}", until.to_rfc3339_opts(SecondsFormat::Millis, true))
        }
        _ => String::new(),
    };
    let Some(subject) = count(store, &filter, selection, expect, &again).await? else { return Ok(()) };
    let mut postgres = connect(config).await?;
    let Decision { act, campaign, user, prospect, until, note } = decision;
    let until = until.filter(|_| selection.event.is_none());
    let id = sqlx::query_scalar!(
        r#"SELECT operator_decides_parked($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS "id!""#,
        act,
        subject.event,
        subject.reason,
        subject.reference,
        *campaign,
        *user,
        *prospect,
        until,
        note,
        subject.n_events,
    )
    .fetch_one(&mut postgres)
    .await
    .context("postgres")?;
    postgres.close().await?;
    say(&format!("Decision {id} is made. Running consumers act on it within seconds."))
}

async fn wait_again(
    store: &Store,
    config: &Config,
    selection: &Selection,
    expect: &Expect,
) -> anyhow::Result<()> {
    let filter = ParkedFilter { is_ignored_by_decision: true, ..selection.filter() };
    let Some(subject) = count(store, &filter, selection, expect, "").await? else { return Ok(()) };
    let mut postgres = connect(config).await?;
    let n_changed = sqlx::query_scalar!(
        r#"SELECT operator_lets_parked_wait($1, $2, $3, $4) AS "n!""#,
        subject.event,
        subject.reason,
        subject.reference,
        subject.n_events,
    )
    .fetch_one(&mut postgres)
    .await
    .context("postgres")?;
    postgres.close().await?;
    anyhow::ensure!(n_changed > 0, "the decision was revoked meanwhile");
    say("The events wait again as soon as the running consumers see it, within seconds.")
}

/// Counts the events. `None` if they were only to be counted.
async fn count(
    store: &Store,
    filter: &ParkedFilter,
    selection: &Selection,
    expect: &Expect,
    again: &str,
) -> anyhow::Result<Option<Subject>> {
    let counts = store.count_parked(filter, 10_000).await.context("clickhouse")?;
    let n_events: u64 = counts.iter().map(|count| count.n_events).sum();
    let Some(first) = counts.first() else { anyhow::bail!("no event matches") };
    let oldest_ms = counts.iter().map(|count| count.oldest_ms).min().unwrap_or_default();
    let newest_ms = counts.iter().map(|count| count.newest_ms).max().unwrap_or_default();
    let Some(expected) = expect.expect else {
        say(&format!("{n_events} events, from {} to {}.", time_of(oldest_ms), time_of(newest_ms)))?;
        say(&format!("Nothing was changed. To do it, add:{again} --expect {n_events}"))?;
        return Ok(None);
    };
    anyhow::ensure!(n_events == expected, "{n_events} events match now, not {expected}");
    Ok(Some(Subject {
        event: selection.event,
        reason: first.reason.clone(),
        // Of one event it is only shown.
        reference: first.reference.chars().take(MAX_REFERENCE_CHARS).collect(),
        n_events: i64::try_from(n_events)?,
    }))
}

async fn connect(config: &Config) -> anyhow::Result<PgConnection> {
    let options = config.directory.postgres_url.expose().parse::<PgConnectOptions>()?;
    options.application_name("sluice-consumer").connect().await.context("postgres")
}

async fn print_counts(store: &Store, filter: &ParkedFilter, limit: u64) -> anyhow::Result<()> {
    let counts = store.count_parked(filter, limit).await.context("clickhouse")?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{:>9}  {:<9} {:<17} {:<24} {:<24} reference",
        "events", "state", "reason", "oldest", "newest"
    )?;
    for count in &counts {
        writeln!(
            out,
            "{:>9}  {:<9} {:<17} {:<24} {:<24} {}",
            count.n_events,
            count.state,
            count.reason,
            time_of(count.oldest_ms),
            time_of(count.newest_ms),
            printable(&count.reference)
        )?;
    }
    Ok(())
}

async fn print_list(store: &Store, filter: &ParkedFilter, limit: u64) -> anyhow::Result<()> {
    let events = store.list_parked(filter, limit).await.context("clickhouse")?;
    let mut out = io::stdout().lock();
    writeln!(out, "{:<24} {:<36} {:<9} {:<17} reference", "first seen", "event", "state", "reason")?;
    for event in &events {
        writeln!(
            out,
            "{:<24} {:<36} {:<9} {:<17} {}{}",
            time_of(event.first_seen_ms),
            event.event_id,
            event.state,
            event.reason,
            printable(&event.reference),
            if event.note.is_empty() { String::new() } else { format!(" ({})", printable(&event.note)) }
        )?;
    }
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{line}")?)
}

/// A visitor's text without control characters, which could move the cursor of a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

fn time_of(time_ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(time_ms).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn reason(text: &str) -> Result<String, String> {
    let known = || ParkReason::ALL.map(ParkReason::as_str).join(", ");
    ParkReason::parse(text)
        .map(|reason| reason.as_str().to_owned())
        .ok_or_else(|| format!("one of {}", known()))
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|error| error.to_string())
}

impl Until {
    /// `None`: for ever.
    fn time(&self) -> Option<DateTime<Utc>> {
        let now_ms = i64::try_from(Clock::System.now_ms()).unwrap_or_default();
        let now = || DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
        (!self.for_ever).then(|| self.until.unwrap_or_else(now))
    }
}

impl Selection {
    fn filter(&self) -> ParkedFilter {
        ParkedFilter {
            event_id: self.event,
            reason: self.reason.clone(),
            reference: self.reference.clone(),
            ..ParkedFilter::default()
        }
    }
}
