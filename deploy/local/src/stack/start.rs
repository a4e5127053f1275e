//! `up`: starts the stack in the order of the dependencies, and keeps it running until it is
//! stopped.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::TaskTracker;

use super::config::{Ports, Secrets};
use super::demo_data::{self, Logins};
use super::state::{self, Board};
use super::supervisor::{self, Watched};
use super::units::{Blueprint, CHANGES_TOPIC, DATABASE, EVENTS_TOPIC, LIVE_TOPIC, Unit};
use crate::progress::say;
use crate::servers::kafka::{Topic, create_topics};
use crate::servers::postgres::psql;

/// The options of `up`.
#[derive(Debug, Clone)]
pub struct UpOptions {
    pub folder: PathBuf,
    pub ports: Ports,
    /// Whether to start the demo team and its traffic.
    pub with_demo: bool,
    /// Whether to delete old data first.
    pub is_fresh: bool,
}

/// A stack that is starting or running.
struct Stack {
    board: Board,
    tracker: TaskTracker,
    /// In the order of their start.
    watched: Vec<Watched>,
}

/// Runs a stack until SIGTERM or Ctrl-C. A second signal ends it at once.
///
/// # Errors
/// When the folder or a port is taken, or a unit does not start. All units are stopped then.
pub async fn up(options: UpOptions) -> anyhow::Result<()> {
    let lock = state::lock(&options.folder)?;
    check_ports(&options).await?;
    if options.is_fresh {
        forget(&options.folder)?;
    }
    let board = Board::new(&options.folder);
    board.change(|state| state.ports = Some(options.ports.clone()));
    let mut stack = Stack { board, tracker: TaskTracker::new(), watched: Vec::new() };
    let mut signals = Signals::new()?;
    let mut stop_demo = signal(SignalKind::user_defined1())?;
    let outcome = tokio::select! {
        started = stack.start(&options) => started,
        () = signals.stop() => Ok(()),
    };
    if outcome.is_ok() && stack.board.change(|state| state.is_ready) {
        loop {
            tokio::select! {
                () = signals.stop() => break,
                _ = stop_demo.recv() => stack.stop_named(&["traffic", "landing"]).await,
            }
        }
    }
    // Two signals at the same time count as one: `timeout` and similar programs also signal the
    // whole group.
    let again = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        match Signals::new() {
            Ok(mut signals) => signals.stop().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stack.stop() => {}
        () = again => {
            say("stopping at once");
            // The kernel sends the death signal to the children.
            drop(lock);
            std::process::exit(130);
        }
    }
    outcome
}

/// Checks the ports. The servers of a killed stack may take a moment to release them.
async fn check_ports(options: &UpOptions) -> anyhow::Result<()> {
    if state::was_killed(&options.folder) {
        for _ in 0..50 {
            if options.ports.check_free().is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    options.ports.check_free()
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

impl Stack {
    async fn start(&mut self, options: &UpOptions) -> anyhow::Result<()> {
        let began = Instant::now();
        say(&format!("stack in {}", options.folder.display()));
        let geo = tokio::task::spawn_blocking(|| {
            crate::artifacts::fetch_all()?;
            crate::artifacts::geo_database()
        })
        .await??;
        let secrets = Secrets::load(&options.folder)?;
        let blueprint =
            Blueprint { folder: options.folder.clone(), ports: options.ports.clone(), secrets, geo };
        if let Some(outside) = crate::keeper::outside_folders(&options.folder) {
            say(&format!(
                "postgres stores its data in {}: its user cannot reach the folder of the stack",
                outside.display()
            ));
        }
        let [postgres, kafka, clickhouse] = blueprint.servers();
        self.start_all([postgres, kafka, clickhouse]).await?;
        prepare(&blueprint).await?;
        self.start_all([blueprint.ingest()?, blueprint.consumer()?, blueprint.api()?]).await?;
        let logins = if options.with_demo {
            let logins = demo_data::create(&blueprint).await?;
            if !logins.credentials.buyers().is_empty() {
                let landing = blueprint.landing(&logins.credentials)?;
                self.start_all([landing, blueprint.traffic()?]).await?;
            }
            logins
        } else {
            demo_data::create_owner(&blueprint).await?
        };
        let welcome = welcome(options, &logins);
        say(&format!("\nready after {:.0} s\n\n{welcome}", began.elapsed().as_secs_f32()));
        // The start that created the passwords shows them. They are not part of the state.
        let kept = welcome_again(options, &logins);
        self.board.change(|state| (state.is_ready, state.welcome) = (true, kept));
        Ok(())
    }

    /// Starts units at the same time.
    async fn start_all<const N: usize>(&mut self, units: [Unit; N]) -> anyhow::Result<()> {
        let names = units.each_ref().map(|unit| unit.name).join(", ");
        say(&format!("starting {names} …"));
        let starts = units.map(|unit| supervisor::start(unit, &self.board, &self.tracker));
        let mut failure = None;
        for started in futures::future::join_all(starts).await {
            match started {
                Ok(watched) => self.watched.push(watched),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn stop_named(&self, names: &[&str]) {
        let wanted = self.watched.iter().filter(|watched| names.contains(&watched.name));
        futures::future::join_all(wanted.map(Watched::stop)).await;
    }

    /// Stops the units in reverse order: producers, then their receivers, then the servers.
    async fn stop(&self) {
        let began = Instant::now();
        self.board.change(|state| state.is_ready = false);
        for group in [&["traffic", "landing"][..], &["api"], &["ingest"], &["consumer"]] {
            self.stop_named(group).await;
        }
        self.stop_named(&["clickhouse", "kafka", "postgres"]).await;
        self.tracker.close();
        self.tracker.wait().await;
        say(&format!("stopped after {:.1} s", began.elapsed().as_secs_f32()));
    }
}

/// Creates topics, databases and their schemas.
async fn prepare(blueprint: &Blueprint) -> anyhow::Result<()> {
    let week = Duration::from_hours(7 * 24);
    let topics = [
        Topic { name: EVENTS_TOPIC, n_partitions: 2, retention: week },
        Topic { name: CHANGES_TOPIC, n_partitions: 2, retention: week },
        Topic { name: LIVE_TOPIC, n_partitions: 1, retention: Duration::from_mins(10) },
    ];
    create_topics(&blueprint.kafka().brokers(), &topics).await?;
    blueprint.clickhouse().query(&format!("CREATE DATABASE IF NOT EXISTS {DATABASE}")).await?;
    let admin = blueprint.postgres().url("postgres");
    for (role, password) in
        [("sluice", &blueprint.secrets.sluice), ("sluice_consumer", &blueprint.secrets.consumer)]
    {
        let make = format!(
            "DO $$ BEGIN
               IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} LOGIN; END IF;
               ALTER ROLE {role} PASSWORD '{password}';
             END $$"
        );
        psql(&admin, &make).await?;
    }
    let found = psql(&admin, &format!("SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'")).await?;
    if found.is_empty() {
        psql(&admin, &format!("CREATE DATABASE {DATABASE} OWNER sluice TEMPLATE template0")).await?;
    }
    let began = Instant::now();
    blueprint.api_command(&["migrate"], "migrate")?.run().await?;
    let grant = "GRANT SELECT ON directory_log, directory_origin TO sluice_consumer;
                 GRANT EXECUTE ON FUNCTION operator_decides_parked, operator_lets_parked_wait TO sluice_consumer";
    psql(&blueprint.postgres().url(DATABASE), grant).await?;
    crate::progress::done("migrations", began.elapsed());
    Ok(())
}

fn welcome(options: &UpOptions, logins: &Logins) -> String {
    let ports = &options.ports;
    let mut text = format!("  pages and API      http://127.0.0.1:{}/\n", ports.api);
    if options.with_demo {
        text += &format!("  demo landing page  http://127.0.0.1:{}/\n", ports.landing);
    }
    text += &format!(
        "  edge               http://127.0.0.1:{}/p.gif\n  API documentation  http://127.0.0.1:{}/swagger/\n",
        ports.edge, ports.api
    );
    text += &logins.text(&options.folder);
    if options.with_demo
        && let Ok(binary) = crate::process::own_binary()
    {
        let (binary, folder) = (binary.display(), options.folder.display());
        text += &format!("  to remove the demo: {binary} demo remove --dir {folder}\n");
    }
    text
}

fn welcome_again(options: &UpOptions, logins: &Logins) -> String {
    welcome(options, &Logins { credentials: logins.credentials.clone(), is_new: false })
}

/// Removes everything that earlier stacks left, except the lock.
fn forget(folder: &Path) -> anyhow::Result<()> {
    if let Some(outside) = crate::keeper::outside_folders(folder).filter(|outside| outside.exists()) {
        std::fs::remove_dir_all(outside)?;
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == "lock" || entry.file_name() == "up.log" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
