//! Reports: visits, orders and money by up to three dimensions.
//!
//! `get` → `prepare` reads the address (`request`, `filters`; `dimensions` and `metrics` are the
//! catalogues) and loads what the query needs (`money`, `slots`) → `query` asks ClickHouse (`plan`,
//! `sources`) → `assemble` makes the answer (`keys`, `events`, `model`), or `csv` writes the rows
//! to a file.
//!
//! Counting reads the rows of `prospects` and `orders` as they are now, so a report is exact under
//! edits, deletions and changes of status. Only `sources` knows the tables.

pub mod assemble;
pub mod csv;
pub mod dimensions;
pub mod events;
pub mod expected;
pub mod failure;
pub mod filters;
pub mod formula;
pub mod get;
pub mod keys;
pub mod metric;
pub mod metrics;
pub mod model;
pub mod money;
pub mod plan;
pub mod prepare;
pub mod query;
pub mod request;
pub mod schema;
pub mod slots;
pub mod sources;
pub mod sums;
