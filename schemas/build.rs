//! Compiles the Protobuf schema with protox, so that no protoc is needed, and lists the Postgres
//! migrations.

use std::fmt::Write as _;
use std::path::Path;

const POSTGRES: &str = "migrations/postgres";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed={POSTGRES}");
    let files = protox::compile(["proto/sluice/v1/event.proto", "proto/sluice/v1/change.proto"], ["proto"])?;
    prost_build::Config::new().bytes(["."]).compile_fds(files)?;
    list_postgres_migrations()
}

fn list_postgres_migrations() -> Result<(), Box<dyn std::error::Error>> {
    let mut names: Vec<_> = std::fs::read_dir(POSTGRES)?
        .map(|file| file.map(|file| file.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()?;
    names.sort();
    let mut list = "&[".to_owned();
    for name in names {
        // The path is left to the compiler: clones in several places may share one target
        // directory.
        let text = format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{POSTGRES}/{name}\"))");
        write!(list, "Migration {{ name: {name:?}, sql: {text} }}, ")?;
    }
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("postgres_migrations.rs"), list + "]")?;
    Ok(())
}
