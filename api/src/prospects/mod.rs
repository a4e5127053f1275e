//! Prospects over the API: list, detail, change, and the seed's way to create one.

pub mod change;
pub mod create;
pub mod detail;
pub mod list;
