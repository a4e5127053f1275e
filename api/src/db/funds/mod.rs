//! The money in Postgres: one file per kind of thing, and `post`, the only way into the ledger.

pub mod accounts;
pub mod balances;
pub mod budgets;
pub mod entries;
pub mod ledger;
pub mod post;
pub mod rates;
pub mod requests;
