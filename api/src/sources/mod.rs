//! Traffic sources over the API: where visits are bought, and by which parameters and macros their clicks are known.

pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
mod rules;
pub mod templates;
pub mod update;
