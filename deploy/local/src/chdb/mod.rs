//! ClickHouse's engine behind ClickHouse's HTTP interface, for one machine and for tests.
//!
//! The path of a request: [`server`] reads it → [`request`] takes the statement, settings and parameters out of URL,
//! headers, form and body → [`auth`] checks the user → [`statement`] finds out what kind of statement it is →
//! [`engine`] runs it on a connection of its own, on one of a fixed number of threads → the result streams back,
//! compressed by [`compression`] when asked.
//!
//! Invariant: a statement sees exactly the database and settings of its own request. Each gets a fresh connection
//! (0.5 ms), so nothing can leak from one request into the next.
//!
//! Left out, and refused with the reason: sessions (`session_id`), roles, quotas, external tables, request bodies in
//! gzip, brotli or zstd. Ignored as a server may: `Accept-Encoding` other than lz4. `query_id` is echoed, but the
//! engine runs under an id of its own. Results in JSON and other formats that are not a plain run of rows are built
//! in memory before they are sent.

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
