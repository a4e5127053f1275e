//! Ad accounts, from which a buyer's money is spent: their shared JSON.

pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod model;
pub mod restore;
pub mod statement;
pub mod update;
