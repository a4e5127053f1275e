//! Orders: list, detail, edits, deletion, statuses, and creation as in the legacy CRM.
//!
//! Viewers who may see parked events see orders that wait for their prospect among the others.

pub mod assemble;
pub mod change;
pub mod create;
pub mod delete;
pub mod detail;
pub mod fields;
pub mod history;
pub mod list;
pub mod model;
pub mod update;
