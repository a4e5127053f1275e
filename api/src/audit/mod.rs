//! The audit trail over the API.

pub mod list;
pub mod model;
