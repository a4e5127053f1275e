//! The engine of ClickHouse behind ClickHouse's HTTP interface, for one machine and for tests.
//!
//! The path of a request: [`server`] reads it → [`request`] takes the statement, settings and
//! parameters from URL, headers, form and body → [`auth`] checks the user → [`statement`] finds the
//! type of the statement → [`engine`] runs it on its own connection, on one of a fixed number of
//! threads → the result streams back, compressed by [`compression`] if requested.
//!
//! Invariant: a statement sees exactly the database and settings of its own request. Each request
//! gets a new connection (0.5 ms), so nothing can leak from one request into the next.
//!
//! Refused with a reason: sessions (`session_id`), roles, quotas, external tables, and request
//! bodies in gzip, brotli or zstd. `Accept-Encoding` other than lz4 is ignored, as HTTP allows.
//! `query_id` is echoed, but the engine uses its own id. Results in JSON and other formats that are
//! not a plain sequence of rows are built in memory before they are sent.

pub mod auth;
pub mod compression;
pub mod engine;
pub mod error;
pub mod library;
pub mod request;
pub mod response;
pub mod server;
pub mod statement;

pub use server::{ServerConfig, serve};
