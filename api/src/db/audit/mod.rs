//! The audit trail in Postgres: `line.rs` writes it, `list.rs` reads it.

mod line;
mod list;

pub use self::line::{Actor, Diff, TARGET, record};
pub use self::list::{AuditFilter, AuditRow, SORTING, commit_without_sync, list};
