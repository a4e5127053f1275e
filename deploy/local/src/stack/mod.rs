//! The local stack: the commands `up`, `down`, `status` and `logs`.
//!
//! The path of `up`: [`config`] (ports, folder) → the lock on the folder → free ports → [`start`]
//! starts the [`units`] in the order of their dependencies, each watched by [`supervisor`] →
//! [`state`] is kept in a file, which `status`, `logs` and `down` read. Invariant: the process with
//! the lock on `var/lock` is the stack of that folder, so there is at most one.

pub mod commands;
pub mod config;
pub mod demo_data;
pub mod detach;
pub mod start;
pub mod state;
pub mod supervisor;
pub mod units;
