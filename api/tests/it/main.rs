//! Tests of the service through its real router, on real PostgreSQL and ClickHouse. Each test has
//! its own databases.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod account_pages;
mod accounts;
mod api_tokens;
mod archived;
mod asking;
mod audit;
mod bad_input;
mod browser;
mod calls;
mod campaign_keys;
mod campaigns;
mod cli;
mod client;
mod cut_off;
mod described;
mod documents;
mod edits;
mod entity_pages;
mod events;
mod funds;
mod held_back;
mod home;
mod home_browser;
mod idempotency;
mod images;
mod last_owner;
mod legacy;
mod openapi;
mod own_account;
mod pages;
mod parked;
mod parked_pages;
mod people;
mod rate_limits;
mod registration_page;
mod routes;
mod search;
mod second_factor;
mod sorting;
mod sources;
mod statements;
mod team_members;
mod teams;
mod world;
