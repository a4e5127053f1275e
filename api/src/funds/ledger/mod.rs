//! The ledger, which can only be read.

pub mod list;
