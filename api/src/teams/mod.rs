//! Teams over the API. What may be in one, and who says so, is in `rules`.

pub mod create;
pub mod delete;
pub mod detail;
pub mod history;
pub mod list;
mod rules;
pub mod update;
