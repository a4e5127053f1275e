//! Prospects over the API: list, detail, and the seed's way to create one.

pub mod create;
pub mod detail;
pub mod list;
