//! The loss audit: every event that an edge numbered has an outcome.

pub mod audit;
pub mod model;
