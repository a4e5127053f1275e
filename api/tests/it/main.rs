//! The service through its real router, on real PostgreSQL and ClickHouse. Each test has its own databases.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod accounts;
mod bad_input;
mod browser;
mod cli;
mod events;
mod funds;
mod pages;
mod routes;
mod seed;
mod world;
