//! Prospects: list, detail, edits, and creation as in the legacy CRM.

pub mod change;
pub mod create;
pub mod detail;
pub mod fields;
pub mod list;
pub mod model;
mod user;
