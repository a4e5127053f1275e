//! The local stack: what `up`, `down`, `status` and `logs` do.
//!
//! The path of `up`: [`config`] (ports, folder) → the lock on the folder → free ports → [`start`] brings up the units of
//! [`units`] in order of need, each watched by [`supervisor`] → [`state`] is kept in a file, which `status`, `logs` and
//! `down` read. Invariant: who holds the lock on `var/lock` is the stack of that folder; there is one at most.

pub mod commands;
pub mod config;
pub mod demo_data;
pub mod detach;
pub mod start;
pub mod state;
pub mod supervisor;
pub mod units;
