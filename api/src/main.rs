//! `sluice-api`: prepares the databases, makes accounts, and serves the API and the pages.

use clap::Parser as _;
use sluice_api::cli::{self, Arguments};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run(Arguments::parse())
}
