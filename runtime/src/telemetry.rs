//! Logging to standard error: text on a terminal, else JSON. `RUST_LOG` sets the level (default
//! `info`).

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts logging. Called once, right after the configuration is read. A second call does nothing.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if std::io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    };
    if started.is_err() {
        tracing::debug!("logging is already started");
    }
}
