//! Funds in Postgres: one file per resource, and `post`, the only code that writes to the ledger.

pub mod accounts;
pub mod balances;
pub mod budgets;
pub mod entries;
pub mod ledger;
pub mod post;
pub mod rates;
pub mod requests;
