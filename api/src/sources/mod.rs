//! Traffic sources: networks where visits are bought, with the parameters and macros that identify
//! their clicks.

pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod model;
pub mod restore;
mod rules;
pub mod templates;
pub mod update;
