//! The service through its real router, on real PostgreSQL and ClickHouse. Each test has its own databases.

mod accounts;
mod bad_input;
mod browser;
mod cli;
mod events;
mod pages;
mod routes;
mod seed;
mod world;
