//! Campaigns of buyers, with their tracking keys and the code for landing pages.

pub mod create;
pub mod delete;
pub mod detail;
pub mod keys;
pub mod list;
mod rules;
pub mod show;
pub mod update;
