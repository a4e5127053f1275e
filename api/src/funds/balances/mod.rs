//! Balances and runways of accounts, buyers and teams.

pub mod list;
pub mod runway;
