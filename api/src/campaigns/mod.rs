//! Campaigns over the API: what buyers run, with the keys that pixels carry and the code that landing pages copy.

pub mod create;
pub mod delete;
pub mod detail;
pub mod keys;
pub mod list;
mod rules;
pub mod show;
pub mod update;
