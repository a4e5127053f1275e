//! Partners: companies that accept orders and pay for them, with their words for the statuses of
//! orders.

pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod model;
pub mod restore;

pub(crate) mod rules;
pub mod update;
