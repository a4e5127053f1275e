//! Campaigns of buyers, with their tracking keys and the code for landing pages.

pub mod create;
pub mod delete;
pub mod detail;
pub mod field_types;
pub mod keys;
pub mod list;
pub mod model;
pub mod restore;
mod rules;
pub mod update;
