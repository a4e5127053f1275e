//! Integration tests of the local stack: its ClickHouse compared with a ClickHouse server, and its
//! processes.

mod circles;
mod clickhouse;
mod processes;
mod supervisor;
