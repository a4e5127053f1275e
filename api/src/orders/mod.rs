//! Orders over the API: list, detail, and the seed's way to create one. Orders that wait for their prospect are shown
//! among the others to those who may see parked events.

pub mod assemble;
pub mod create;
pub mod detail;
pub mod list;
