//! Transfers (top-ups, spend, returns and their reversals): their shared JSON.

pub mod columns;
pub mod create;
pub mod detail;
pub mod import;
pub mod list;
pub mod model;
pub mod plan;
pub mod record;
pub mod reverse;
pub mod sheet;
