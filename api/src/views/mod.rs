//! Views: reports that users save under a name. An Owner may publish one to everybody. A view is
//! only an address: the figures are always those that its viewer may see.

pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod model;
pub mod star;
pub mod update;
