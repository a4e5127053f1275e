//! The one date control of all pages.
//!
//! [`control::Dates::read`] reads the parameters `range`, `from`, `to`, `tz`, `compare`,
//! `compare_from`, `compare_to` and `interval` into a resolved range, whose messages stay in the
//! parameters. `view` makes the form of `templates/dates.html`. The rest is arithmetic without I/O:
//! `range` resolves a range in the viewer's zone, `compare` the range to compare it with,
//! `buckets` cuts it into intervals.

pub mod buckets;
pub mod compare;
pub mod control;
pub mod labels;
pub mod range;
