//! The command line: the configuration and the exit code of each subcommand.

pub mod create_owner;
pub mod demo;
pub mod migrate;
mod say;
pub mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sluice_runtime::config::{ConfigArgs, exit_bad_config, load_or_exit};
use sluice_runtime::telemetry;

use crate::cli::create_owner::CreateOwnerArgs;
use crate::config::Config;

/// Sluice's API and pages.
#[derive(Debug, Parser)]
#[command(name = "sluice-api", version)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Apply the missing migrations of Postgres and ClickHouse.
    Migrate,
    /// Create an Owner's account. The password comes from SLUICE_OWNER_PASSWORD or from standard
    /// input.
    CreateOwner(CreateOwnerArgs),
    /// Create or remove the demo teams.
    #[command(subcommand)]
    Demo(DemoCommand),
    /// Serve the API and the pages.
    Serve,
}

#[derive(Debug, Subcommand)]
enum DemoCommand {
    /// Create two demo teams with campaigns and a month of money, and print their users with
    /// passwords, and the campaigns with their keys, as JSON. What exists is not changed.
    Create,
    /// Remove the demo: its people, campaigns and money, and their events. Its lines in the audit
    /// trail stay. What real data refer to is archived.
    Remove,
}

/// Runs a subcommand. Exits 64 for a bad configuration.
pub fn run(arguments: Arguments) -> ExitCode {
    let config: Config = load_or_exit(&arguments.config);
    let needs = match arguments.command {
        Command::CreateOwner(_) | Command::Demo(DemoCommand::Create) => config.require_postgres(),
        Command::Migrate | Command::Demo(DemoCommand::Remove) => {
            config.require_postgres().and_then(|()| config.require_clickhouse())
        }
        Command::Serve => config.require_serve(),
    };
    if let Err(error) = needs {
        exit_bad_config(&error);
    }
    telemetry::init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let ended = runtime.block_on(async {
        match arguments.command {
            Command::Migrate => migrate::run(&config).await,
            Command::CreateOwner(arguments) => create_owner::run(&config, &arguments).await,
            Command::Demo(DemoCommand::Create) => demo::create(&config).await,
            Command::Demo(DemoCommand::Remove) => demo::remove(&config).await,
            Command::Serve => serve::run(config).await,
        }
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the answer to who typed the command")]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("sluice-api: {error:#}");
    ExitCode::FAILURE
}
