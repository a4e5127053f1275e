//! Teams of Buyers with a Team Lead. `rules.rs` checks names, leads and members.

pub mod create;
pub mod delete;
pub mod detail;
pub mod history;
pub mod list;
pub mod model;
pub mod restore;
mod rules;
pub mod update;
