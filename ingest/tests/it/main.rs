//! The edge over real sockets, with its journal in a temporary folder and without Kafka: requests,
//! answers, and the contents of the journal afterwards. The end-to-end tests check what Kafka gets.

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
mod shop;
mod snippet;
mod snippet_forms;
mod support;
