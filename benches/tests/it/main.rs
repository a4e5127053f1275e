//! The whole way on real parts: what is acknowledged arrives once whatever is killed, and a visitor's order is seen by the
//! team. The services are this workspace's binaries, the servers are real ones; nothing is skipped.

mod browser;
mod client;
mod crash_points;
mod demo;
mod ledger;
mod outages;
mod renames;
mod restarts;
