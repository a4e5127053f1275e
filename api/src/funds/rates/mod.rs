//! Rates of exchange, entered by the coordinator for days: what they have in common on the wire.
//!
//! A rate holds from its day until the next one. What was converted by a rate that is changed later stays as it was.

pub mod convert;
pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod model;
pub mod update;
