//! Search over everything that the viewer may list: `find.rs` asks each resource within its own
//! permission.

pub mod find;
pub mod model;
