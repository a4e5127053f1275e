//! Ad accounts: where a buyer's money is spent. What they have in common on the wire.

pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod model;
pub mod statement;
pub mod update;
