//! The service for people: accounts, the JSON API that keeps the contract of the legacy CRM, and
//! the pages.
//!
//! A request goes `http/serve` → `http/middleware` (ids, headers, limits) → the route in `routes` →
//! `http/guard` (who is asking, allowed by `policy`?) → a handler in the folder of its resource, or
//! a page → `http/query` or `http/body` → `db` within the grant → JSON or HTML. Every failure is an
//! `http::error::ApiError`.
//!
//! Folders depend on each other in one direction, from the ground up:
//!
//! 1. `config`, `metrics`, `policy`, `preferences`, `viewer`, `amount`, `snippet`, `time_zone`:
//!    values and rules, no I/O;
//! 2. `db`: every query, in a file per resource; `event_edits`: the way to Kafka; `live_feed`: the
//!    events that were just stored; `probes`: questions to the other services about their state;
//! 3. `http`: the machinery that all routes share;
//! 4. `dates`, `events` and `people`: what two resources or pages share;
//! 5. the resources: a folder each, with `model.rs` (its requests and responses) and a file per
//!    operation. A resource uses another one's `model.rs` at most;
//! 6. `search`, which looks into all resources, then `pages`, then `routes`, which lists
//!    everything, then `cli`.
//!
//! A test (`deploy/local/tests/it/circles.rs`) refuses circles of files and of folders.
#![forbid(unsafe_code)]

pub mod access;
pub mod account;
pub mod amount;
pub mod audit;
pub mod campaigns;
pub mod cli;
pub mod config;
pub mod dates;
pub mod db;
pub mod event_edits;
pub mod events;
pub mod funds;
pub mod http;
pub mod live_feed;
pub mod metrics;
pub mod orders;
pub mod pages;
pub mod parked;
pub mod partners;
pub mod people;
pub mod pipeline;
pub mod policy;
pub mod preferences;
pub mod probes;
pub mod prospects;
pub mod reports;
pub mod routes;
pub mod search;
pub mod snippet;
pub mod sources;
pub mod system;
pub mod teams;
pub mod time_zone;
pub mod users;
pub mod viewer;
pub mod views;
