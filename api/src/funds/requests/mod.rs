//! Requests of buyers for money: their shared JSON and checks.
//!
//! An open request is approved or refused by the lead, or cancelled. An approved request is topped
//! up by the coordinator, or cancelled.

pub mod cancel;
pub mod create;
pub mod decide;
pub mod detail;
pub mod list;
pub mod model;
pub mod top_up;
pub mod update;
