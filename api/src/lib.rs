//! The people's side of Sluice: accounts, the JSON API that keeps the seed's contract, and the pages.
//!
//! The way of a request: `http/serve` takes the connection → `middleware` (ids, headers, bounds) → `router` finds the route →
//! `guard` finds out who asks and asks `policy` → the handler reads `query` or `body`, asks `db` within its grant → JSON, or
//! a page. What goes wrong is an `error::ApiError`.
#![forbid(unsafe_code)]

pub mod account;
pub mod audit;
pub mod auth;
pub mod campaigns;
pub mod changes;
pub mod cli;
pub mod config;
pub mod db;
pub mod funds;
pub mod health;
pub mod http;
pub mod metrics;
pub mod orders;
pub mod pages;
pub mod partners;
pub mod policy;
pub mod prospects;
pub mod routes;
pub mod sources;
pub mod state;
pub mod teams;
pub mod users;
