//! Partners over the API: who accepts orders and pays, and by which words they say what became of one.

pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub(crate) mod rules;
pub mod update;
