//! What buyers ask for: open → approved or refused by the lead, or cancelled; approved → topped up by the coordinator, or
//! cancelled. What requests have in common on the wire.

pub mod cancel;
pub mod create;
pub mod decide;
pub mod detail;
pub mod list;
pub mod model;
pub mod top_up;
pub mod update;
