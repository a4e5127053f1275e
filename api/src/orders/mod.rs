//! Orders over the API: list, detail, change, deletion, statuses, and the seed's way to create one. Orders that wait for their prospect are shown
//! among the others to those who may see parked events.

pub mod assemble;
pub mod change;
pub mod create;
pub mod delete;
pub mod detail;
pub mod history;
pub mod list;
pub mod update;
