//! The command line of the local stack.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use sluice_local::chdb::{self, auth::Credentials};
use sluice_local::demo::DemoCommand;
use sluice_local::stack::commands::Service;
use sluice_local::stack::config::{FolderArgs, Ports};
use sluice_local::stack::start::{UpOptions, up};
use sluice_local::stack::{commands, demo_data, detach};
use sluice_local::{artifacts, keeper, process, progress};
use tokio_util::sync::CancellationToken;

/// Starts, watches and stops Sluice and the servers it needs, on one machine.
#[derive(Parser)]
#[command(name = "sluice-local", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything, wait until it is ready, and print addresses and logins; Ctrl-C stops
    /// everything in order
    Up(UpArgs),
    /// Stop a detached stack
    Down(FolderArgs),
    /// Show the stack, one line per service
    Status(StatusArgs),
    /// Follow the log of a service
    Logs(LogsArgs),
    /// Run a command of a service with the configuration of the running stack, for example
    /// `run consumer verify`
    Run(RunArgs),
    /// Stop one service of the running stack until `resume`, for example for a repair
    Pause(NameArgs),
    /// Let a paused service run again
    Resume(NameArgs),
    /// Run a part of the demo, or remove the demo
    Demo(DemoArgs),
    /// Serve ClickHouse's HTTP interface from the engine as a library
    Clickhouse(ClickhouseArgs),
    /// Run PostgreSQL, Kafka and ClickHouse on free ports, for tests, until stopped
    Servers(ServersArgs),
    /// Download the files that the local stack needs and that are missing
    Fetch,
    /// Become a child process that dies with its parent
    #[command(hide = true)]
    RunChild(RunChildArgs),
}

#[derive(clap::Args)]
struct UpArgs {
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    ports: Ports,
    /// Return once everything is ready
    #[arg(long)]
    detach: bool,
    /// Start without the demo team and its traffic
    #[arg(long)]
    no_demo: bool,
    /// Delete old data first, after a question
    #[arg(long)]
    fresh: bool,
    /// Answer all questions with yes
    #[arg(long)]
    yes: bool,
    /// Run as the background process of `--detach`
    #[arg(long, hide = true)]
    in_background: bool,
}

#[derive(clap::Args)]
struct StatusArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct LogsArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// The service (see `status`)
    name: String,
    /// Show the end of the log and exit
    #[arg(long)]
    no_follow: bool,
}

#[derive(clap::Args)]
struct NameArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// The service (see `status`)
    name: String,
}

#[derive(clap::Args)]
struct RunArgs {
    #[command(flatten)]
    folder: FolderArgs,
    service: Service,
    /// The arguments of the service
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

#[derive(clap::Args)]
struct DemoArgs {
    #[command(subcommand)]
    command: DemoChoice,
}

#[derive(Subcommand)]
enum DemoChoice {
    #[command(flatten)]
    Part(DemoCommand),
    /// Stop the traffic of the demo and remove its data from a running stack
    Remove {
        #[command(flatten)]
        folder: FolderArgs,
    },
}

#[derive(clap::Args)]
struct ClickhouseArgs {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:18123")]
    listen: SocketAddr,
    /// Data folder
    #[arg(long)]
    data: PathBuf,
    /// The only accepted user
    #[arg(long, default_value = "default")]
    user: String,
    /// Environment variable with the password of the user (default: an empty password)
    #[arg(long)]
    password_env: Option<String>,
    /// Number of statements that can run at the same time
    #[arg(long, default_value_t = 8)]
    pool: usize,
    /// The library of the engine (default: the downloaded one)
    #[arg(long)]
    library: Option<PathBuf>,
}

#[derive(clap::Args)]
struct ServersArgs {
    /// The folder for data and logs
    #[arg(long)]
    dir: PathBuf,
    /// The file for the addresses, written when all servers are ready
    #[arg(long)]
    json: PathBuf,
    /// Remove the folder at the end
    #[arg(long)]
    remove: bool,
}

#[derive(clap::Args)]
struct RunChildArgs {
    #[arg(long)]
    parent: i32,
    #[arg(long)]
    death_signal: nix::sys::signal::Signal,
    #[arg(long)]
    user: Option<String>,
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a backtrace, whatever the environment asks for: a person reads these
            // messages.
            progress::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn start() -> anyhow::Result<()> {
    let cli = Cli::parse();
    // Before any thread is started, because this replaces the program.
    if let Command::RunChild(args) = &cli.command {
        process::become_child(args.parent, args.death_signal, args.user.as_deref(), &args.program)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let done = runtime.block_on(run(cli.command));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    done
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Up(args) => start_stack(args).await,
        Command::Down(folder) => commands::down(&folder.folder()?).await,
        Command::Status(args) => commands::status(&args.folder.folder()?, args.json),
        Command::Logs(args) => commands::logs(&args.folder.folder()?, &args.name, !args.no_follow).await,
        Command::Pause(args) => commands::pause(&args.folder.folder()?, &args.name, true).await,
        Command::Resume(args) => commands::pause(&args.folder.folder()?, &args.name, false).await,
        Command::Run(args) => commands::run(&args.folder.folder()?, args.service, args.arguments),
        Command::Demo(args) => match args.command {
            DemoChoice::Part(command) => {
                init_log();
                command.run().await
            }
            DemoChoice::Remove { folder } => demo_data::remove(&folder.folder()?).await,
        },
        Command::Clickhouse(args) => clickhouse(args).await,
        Command::Servers(args) => servers(args).await,
        Command::Fetch => tokio::task::spawn_blocking(artifacts::fetch_all).await?,
        Command::RunChild(_) => Ok(()),
    }
}

async fn start_stack(args: UpArgs) -> anyhow::Result<()> {
    let folder = args.folder.folder()?;
    if args.fresh && !args.yes {
        ask_to_forget(&folder)?;
    }
    if args.detach {
        return detach::detach(&folder).await;
    }
    if args.in_background {
        // A separate session, so that the stack does not end with the terminal.
        nix::unistd::setsid().context("cannot detach from the terminal")?;
    }
    up(UpOptions { folder, ports: args.ports, with_demo: !args.no_demo, is_fresh: args.fresh }).await
}

fn ask_to_forget(folder: &std::path::Path) -> anyhow::Result<()> {
    use std::io::IsTerminal as _;
    anyhow::ensure!(
        std::io::stdin().is_terminal(),
        "--fresh needs a confirmation: add --yes to delete old data without a question"
    );
    progress::print(format!("delete all data in {}? [y/N] ", folder.display()).as_bytes());
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    anyhow::ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "nothing was changed");
    Ok(())
}

async fn clickhouse(args: ClickhouseArgs) -> anyhow::Result<()> {
    init_log();
    let password = match &args.password_env {
        Some(name) => std::env::var(name).with_context(|| format!("{name} is not set"))?,
        None => String::new(),
    };
    let library = match args.library {
        Some(library) => library,
        None => tokio::task::spawn_blocking(artifacts::chdb_library).await??,
    };
    let stop = CancellationToken::new();
    let config = chdb::ServerConfig {
        listen: args.listen,
        data: args.data,
        library,
        credentials: Credentials { user: args.user, password },
        n_threads: args.pool,
    };
    let serving = chdb::serve(config, stop.clone());
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        served = &mut serving => return served,
        () = stop_signal() => stop.cancel(),
    }
    tokio::select! {
        served = &mut serving => served,
        // On a second signal, or if a statement does not end. The data is safe in both cases.
        () = stop_signal() => Ok(()),
        () = tokio::time::sleep(std::time::Duration::from_secs(20)) => Ok(()),
    }
}

async fn servers(args: ServersArgs) -> anyhow::Result<()> {
    let kept = keeper::keep(&args.dir, &args.json, stop_signal()).await;
    if args.remove {
        let outside = keeper::outside_folders(&args.dir);
        for folder in outside.iter().chain([&args.dir]) {
            drop(std::fs::remove_dir_all(folder));
        }
    }
    kept
}

/// Logs to standard error, coloured only on a terminal. Usually it is a file.
fn init_log() {
    use std::io::IsTerminal as _;
    let is_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(is_terminal).init();
}

/// Waits for SIGTERM or Ctrl-C.
async fn stop_signal() {
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    match terminate {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
