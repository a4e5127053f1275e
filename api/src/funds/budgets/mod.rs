//! Monthly budgets of teams: their shared JSON.
//!
//! A request counts against the budget of the month in which it is approved (UTC), and of the team
//! of its buyer at that time. The database ensures that the used part does not exceed the amount.

pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod model;
pub mod update;
