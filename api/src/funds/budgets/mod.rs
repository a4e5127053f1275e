//! What teams may spend in a month: what budgets have in common on the wire.
//!
//! A request counts against the budget of the month in which it is approved (UTC), of the team that its buyer is in then. The
//! database keeps what is used from passing the amount.

pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod model;
pub mod update;
