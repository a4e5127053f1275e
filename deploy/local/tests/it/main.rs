//! Integration tests of the local stack: its ClickHouse against what a ClickHouse server does, and its processes.

mod clickhouse;
mod processes;
mod supervisor;
