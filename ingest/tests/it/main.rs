//! The edge over real sockets, with its journal in a temporary folder and no Kafka: what comes in, what is answered, what is
//! in the journal afterwards. What Kafka gets is the end-to-end suite's.

#![allow(clippy::unwrap_used, reason = "this is a test")]

mod beacon;
mod crash;
mod forwarder;
mod journal;
mod legacy;
mod orders;
mod pixel;
mod protocol;
mod recycling;
mod support;
