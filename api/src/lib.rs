//! The people's side of Sluice: accounts, the JSON API that keeps the seed's contract, and the pages.
//!
//! The way of a request: `serve` takes the connection → `middleware` (ids, headers, bounds) → `router` finds the route →
//! `guard` finds out who asks and asks `policy` → the handler reads `query` or `body`, asks `db` within its grant → JSON, or
//! a page. What goes wrong is an `error::ApiError`.
#![forbid(unsafe_code)]

pub mod account;
pub mod assets;
pub mod audit;
pub mod auth;
pub mod body;
pub mod call;
pub mod campaigns;
pub mod changes;
pub mod cli;
pub mod client;
pub mod config;
pub mod db;
pub mod edge;
pub mod error;
pub mod fields;
pub mod funds;
pub mod guard;
pub mod health;
pub mod metrics;
pub mod middleware;
pub mod named;
pub mod once;
pub mod openapi;
pub mod orders;
pub mod pages;
pub mod paging;
pub mod partners;
pub mod path_id;
pub mod policy;
pub mod precondition;
pub mod prospects;
pub mod query;
pub mod router;
pub mod serve;
pub mod sources;
pub mod state;
pub mod teams;
pub mod turns;
pub mod users;
pub mod wire;
pub mod work;
