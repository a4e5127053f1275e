//! Exchange rates by day, which the coordinator enters: their shared JSON.
//!
//! A rate is valid from its day until the day of the next one. A later change of a rate does not
//! affect amounts that were converted before.

pub mod convert;
pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod model;
pub mod update;
