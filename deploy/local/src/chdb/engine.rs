//! Runs statements on a fixed number of threads, because the calls of the engine block.
//!
//! Each statement gets a new connection with its own database and settings, so that nothing leaks
//! into the next statement. Opening a connection takes half a millisecond. One more connection
//! stays open all the time, because the engine stops with the last one. A statement whose client is
//! gone is killed: its id is stored as `log_comment`, by which `KILL QUERY` finds it (unless the
//! client has set `log_comment` itself).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc as threads};

use anyhow::Context as _;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::compression::Encoder;
use super::error::ClickHouseError;
use super::library::{Connection, Library, Output};
use super::statement::StatementKind;

/// The contents of the summary header: rows and bytes read and written so far.
#[derive(Debug, Default, Clone, Copy)]
pub struct Summary {
    pub rows_read: u64,
    pub bytes_read: u64,
    pub rows_written: u64,
    pub bytes_written: u64,
}

impl From<&Output> for Summary {
    fn from(output: &Output) -> Self {
        Self {
            rows_read: output.rows_read,
            bytes_read: output.bytes_read,
            rows_written: output.rows_written,
            bytes_written: output.bytes_written,
        }
    }
}

/// A part of the rows of an INSERT.
pub enum Rows {
    Data(Bytes),
    /// The end of the rows. Without it, the insert is cancelled.
    End,
}

/// A statement to run.
pub struct Job {
    /// The id by which the statement can be killed.
    pub id: String,
    /// The text. For an INSERT with data, the text without its format.
    pub sql: String,
    pub kind: StatementKind,
    /// The output format if the text names none.
    pub format: String,
    /// The database for names without one.
    pub database: Option<String>,
    pub settings: Vec<(String, String)>,
    pub params: Vec<(String, String)>,
    pub rows: mpsc::Receiver<Rows>,
    /// Compresses the result.
    pub encoder: Encoder,
    /// Receives one message when it is known whether the statement works.
    pub started: oneshot::Sender<Result<Summary, ClickHouseError>>,
    /// The compressed result. An error ends it.
    pub result: mpsc::Sender<Result<Bytes, ClickHouseError>>,
    /// Marks the error message if the statement fails after the first bytes of the result.
    pub tag: String,
    /// Set when the statement has ended.
    pub is_over: Arc<AtomicBool>,
}

/// The engine and its threads. Clones share it.
#[derive(Clone)]
pub struct Engine {
    jobs: threads::Sender<Job>,
    kills: threads::Sender<String>,
    /// The version of the engine, as returned by `SELECT version()`.
    pub version: Arc<str>,
}

/// The threads of the engine, which end when the last [`Engine`] is dropped.
pub struct Threads(Vec<std::thread::JoinHandle<()>>);

impl Threads {
    /// Waits for the threads to end, and so for the orderly shutdown of the engine. Otherwise the
    /// engine's internal threads are still running when the process runs its destructors.
    pub fn join(self) {
        for thread in self.0 {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine has panicked");
            }
        }
    }
}

impl Engine {
    /// Starts the engine on a data folder.
    ///
    /// # Errors
    /// When the library cannot be loaded, or the folder cannot be used.
    pub fn start(library: &Arc<Library>, data: &str, n_threads: usize) -> anyhow::Result<(Self, Threads)> {
        let mut threads_started = Vec::new();
        let arguments = arguments(data);
        let mut anchor = library.connect(&arguments)?;
        let version = anchor.query("SELECT version()", "TabSeparated", &[]).context("engine")?.data;
        let version: Arc<str> = String::from_utf8_lossy(&version).trim().into();
        let (jobs, queue) = threads::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..n_threads {
            let (queue, library) = (Arc::clone(&queue), Arc::clone(library));
            let (arguments, version) = (arguments.clone(), Arc::clone(&version));
            let thread = std::thread::Builder::new().name(format!("engine-{number}")).spawn(move || {
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(job) = job else { return };
                    run(&library, &arguments, &version, job);
                }
            })?;
            threads_started.push(thread);
        }
        let (kills, ids) = threads::channel::<String>();
        let (library, ready) = (Arc::clone(library), threads::channel::<anyhow::Result<()>>());
        let thread = std::thread::Builder::new()
            .name("engine-kill".into())
            .spawn(move || kill_loop(&library, &arguments, &ids, &ready.0))?;
        threads_started.push(thread);
        ready.1.recv().context("the engine's thread ended")??;
        // Dropped only now, because the engine stops with its last connection.
        drop(anchor);
        Ok((Self { jobs, kills, version }, Threads(threads_started)))
    }

    /// Queues a statement.
    pub fn submit(&self, job: Job) {
        // This fails only if every thread has ended. The receiver of `started` reports that.
        drop(self.jobs.send(job));
    }

    /// Kills the statement with this id.
    pub fn kill(&self, id: &str) {
        drop(self.kills.send(id.to_owned()));
    }
}

/// This engine has `async_insert` on by default, which would disable deduplication tokens.
fn arguments(data: &str) -> Vec<String> {
    vec!["clickhouse".into(), format!("--path={data}"), "--async_insert=0".into()]
}

/// Owns the connection that keeps the engine running, and kills statements through it.
fn kill_loop(
    library: &Arc<Library>,
    arguments: &[String],
    ids: &threads::Receiver<String>,
    ready: &threads::Sender<anyhow::Result<()>>,
) {
    let mut connection = match library.connect(arguments) {
        Ok(connection) => connection,
        Err(error) => return drop(ready.send(Err(error))),
    };
    drop(ready.send(Ok(())));
    while let Ok(id) = ids.recv() {
        let sql = format!("KILL QUERY WHERE Settings['log_comment'] = {} ASYNC", quote(&id));
        if let Err(error) = connection.query(&sql, "TabSeparated", &[]) {
            tracing::warn!(%error, "cannot kill a statement");
        }
    }
}

/// Returns a string literal of ClickHouse.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn quote_name(text: &str) -> String {
    format!("`{}`", text.replace('\\', "\\\\").replace('`', "\\`"))
}

fn run(library: &Arc<Library>, arguments: &[String], version: &str, mut job: Job) {
    if job.started.is_closed() {
        return;
    }
    let outcome = match library.connect(arguments) {
        Ok(mut connection) => match prepare(&mut connection, &job) {
            Ok(()) => execute(&mut connection, &mut job, version),
            Err(error) => Err(error),
        },
        Err(error) => Err(ClickHouseError::new(279, "ALL_CONNECTION_TRIES_FAILED", &format!("{error:#}"))),
    };
    job.is_over.store(true, Ordering::Release);
    match outcome {
        Ok(Some(summary)) => drop(job.started.send(Ok(summary))),
        Ok(None) => {}
        Err(error) => drop(job.started.send(Err(error))),
    }
}

fn prepare(connection: &mut Connection, job: &Job) -> Result<(), ClickHouseError> {
    if let Some(database) = &job.database {
        connection.query(&format!("USE {}", quote_name(database)), "TabSeparated", &[])?;
    }
    let mut settings: Vec<String> = Vec::with_capacity(job.settings.len() + 1);
    if !job.settings.iter().any(|(name, _)| name == "log_comment") {
        settings.push(format!("log_comment = {}", quote(&job.id)));
    }
    for (name, value) in &job.settings {
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(ClickHouseError::new(115, "UNKNOWN_SETTING", &format!("Unknown setting '{name}'")));
        }
        settings.push(format!("{name} = {}", quote(value)));
    }
    connection.query(&format!("SET {}", settings.join(", ")), "TabSeparated", &[])?;
    Ok(())
}

/// Runs the statement. Returns the summary if the answer has not been sent yet.
fn execute(
    connection: &mut Connection,
    job: &mut Job,
    version: &str,
) -> Result<Option<Summary>, ClickHouseError> {
    match &job.kind {
        StatementKind::InsertData { format, .. } => {
            let mut stream = connection.insert(&job.sql, format, &job.params)?;
            loop {
                match job.rows.blocking_recv() {
                    Some(Rows::Data(data)) => {
                        if !stream.append(&data) {
                            break;
                        }
                    }
                    Some(Rows::End) => break,
                    None => {
                        return Err(ClickHouseError::new(394, "QUERY_WAS_CANCELLED", "The client went away"));
                    }
                }
            }
            Ok(Some(Summary::from(&stream.finish()?)))
        }
        StatementKind::Whole => {
            let output = connection.query(&job.sql, &job.format, &job.params)?;
            let summary = Summary::from(&output);
            send(job, summary, output.data);
            Ok(None)
        }
        StatementKind::Stream => {
            let mut stream = connection.stream(&job.sql, &job.format, &job.params)?;
            let first = stream.next_chunk()?.unwrap_or_default();
            let mut is_wanted = send(job, Summary::from(&first), first.data);
            while is_wanted {
                is_wanted = match stream.next_chunk() {
                    Ok(Some(output)) => send_chunk(job, output.data),
                    Ok(None) => false,
                    Err(error) => {
                        fail_late(job, error.into(), version);
                        return Ok(None);
                    }
                };
            }
            finish(job);
            Ok(None)
        }
    }
}

/// Sends the head and the first bytes of the answer; for a complete result also its end.
fn send(job: &mut Job, summary: Summary, data: Bytes) -> bool {
    let (unused, _) = oneshot::channel();
    let started = std::mem::replace(&mut job.started, unused);
    if started.send(Ok(summary)).is_err() {
        return false;
    }
    let is_wanted = send_chunk(job, data);
    if matches!(job.kind, StatementKind::Whole) {
        finish(job);
    }
    is_wanted
}

fn send_chunk(job: &mut Job, data: Bytes) -> bool {
    if data.is_empty() {
        return true;
    }
    let packed = job.encoder.encode(data);
    packed.is_empty() || job.result.blocking_send(Ok(packed)).is_ok()
}

/// Sends the error inside the body, in its compression, and aborts the body.
fn fail_late(job: &mut Job, error: ClickHouseError, version: &str) {
    let text = super::response::late_failure(&error, version, &job.tag);
    send_chunk(job, text);
    drop(job.result.blocking_send(Err(error)));
}

fn finish(job: &mut Job) {
    let end = job.encoder.finish();
    if !end.is_empty() {
        drop(job.result.blocking_send(Ok(end)));
    }
}
