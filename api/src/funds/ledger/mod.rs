//! The ledger. It is read-only.

pub mod list;
