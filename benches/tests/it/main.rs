//! The whole pipeline on real servers: everything acknowledged arrives once, whatever is killed,
//! and the team sees the order of a visitor. The services are the binaries of this workspace.
//! Nothing is skipped.

mod browser;
mod client;
mod crash_points;
mod demo;
mod disks;
mod ledger;
mod outages;
mod references;
mod renames;
mod restarts;
mod shared_servers;
mod site;
mod walks;
