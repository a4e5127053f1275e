//! Measurements of Sluice on real servers, and the faults that it must survive.
//!
//! - [`load`] sends prebuilt [`requests`] over raw keep-alive connections and counts the
//!   acknowledgements.
//! - [`pixel`], [`pipeline`], [`latency`], [`resolve`], [`classify`] and [`api`] are the
//!   measurements. [`report`] prints them.
//! - [`testbed`] starts Kafka, ClickHouse and the services of this workspace for them.
//!   [`clickhouse`], [`child`] and [`proc`] query and watch them.
//!
//! [`crash_points`] kills ClickHouse, or fails one of its calls, at every write, rename, unlink and
//! fsync of a batch.
//!
//! Everything uses loopback, ends by count or by time, and removes its processes and folders. The
//! fault runs and the browser walk are tests (`tests/it`). There is no product code here.
#![forbid(unsafe_code)]

pub mod api;
pub mod child;
pub mod classify;
pub mod clickhouse;
pub mod crash_points;
pub mod latency;
pub mod load;
pub mod nginx;
pub mod pipeline;
pub mod pixel;
pub mod proc;
pub mod report;
pub mod requests;
pub mod resolve;
pub mod testbed;
