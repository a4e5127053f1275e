//! Integration tests of the local stack: its ClickHouse compared with a ClickHouse server, and its
//! processes.

mod clickhouse;
mod processes;
mod supervisor;
