//! The part of Sluice that people use: accounts, the JSON API with the contract of the legacy CRM,
//! and the pages.
//!
//! The path of a request, with the files of `http/`: `serve` accepts the connection → `middleware`
//! (ids, headers, limits) → `../routes` finds the route → `guard` authenticates the caller and asks
//! `policy` → the handler reads `query` or `body` and queries `db` within its grant → JSON, or a
//! page of `pages`. Failures are an `error::ApiError`.
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
