//! The shim in the process of ClickHouse (`shim.c`). It is compiled here, loaded with `LD_PRELOAD`,
//! and controlled through a file that it maps into its memory.
//!
//! Format of the control file, little-endian: six `u64` (armed call, at, action, matched, fired,
//! traced), 256 bytes of text that the path must contain, 1024 bytes with the path at which the
//! fault happened. Both texts end with a zero.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::point::{Action, Call, Traced};
use crate::testbed::PrivateServers;

const SOURCE: &str = include_str!("shim.c");
const FILE_BYTES: u64 = 4096;
const ARMED: u64 = 0;
const AT: u64 = 8;
const ACTION: u64 = 16;
const MATCHED: u64 = 24;
const FIRED: u64 = 32;
const TRACED: u64 = 40;
const NEEDLE: u64 = 48;
const NEEDLE_BYTES: usize = 256;
const PATH: u64 = NEEDLE + NEEDLE_BYTES as u64;
const PATH_BYTES: usize = 1024;

/// The controlling side of the shim.
pub struct Shim {
    control: File,
    trace: PathBuf,
}

impl Shim {
    /// Starts servers, ClickHouse with a shim.
    ///
    /// # Errors
    /// When the shim cannot be compiled, or a server does not start.
    pub async fn start_servers() -> anyhow::Result<(PrivateServers, Self)> {
        let mut shim = None;
        let servers = PrivateServers::start_with(async |folder, data| {
            let (built, environment) = Self::build(folder, data).await?;
            shim = Some(built);
            Ok(environment)
        })
        .await?;
        Ok((servers, shim.context("the servers were not prepared")?))
    }

    /// Compiles the shim in a folder. Returns it together with the environment that loads it into a
    /// ClickHouse with this data folder.
    ///
    /// # Errors
    /// When there is no C compiler, or it fails.
    async fn build(folder: &Path, data: &Path) -> anyhow::Result<(Self, Vec<(String, String)>)> {
        let (source, library) = (folder.join("shim.c"), folder.join("shim.so"));
        let (control_path, trace) = (folder.join("shim.control"), folder.join("shim.trace"));
        std::fs::write(&source, SOURCE)?;
        let mut compiler = tokio::process::Command::new("cc");
        compiler.args(["-O1", "-Wall", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
        let output = compiler.output().await.context("cannot run cc: install a C compiler")?;
        anyhow::ensure!(output.status.success(), "cc failed: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(&trace, "")?;
        let control =
            File::options().read(true).write(true).create(true).truncate(true).open(&control_path)?;
        control.set_len(FILE_BYTES)?;
        // The shim compares with resolved paths.
        std::fs::create_dir_all(data)?;
        let data = data.canonicalize()?;
        let environment = [
            ("LD_PRELOAD", &library),
            ("SLUICE_CRASH_CONTROL", &control_path),
            ("SLUICE_CRASH_FOLDER", &data),
            ("SLUICE_CRASH_TRACE", &trace),
        ];
        let environment =
            environment.map(|(name, path)| (name.to_owned(), path.to_string_lossy().into_owned()));
        Ok((Self { control, trace }, environment.into()))
    }

    /// Arms the shim for one fault, at the n-th call of a type whose path contains a text. Counting
    /// starts now.
    pub fn arm(&self, call: Call, number: u64, action: Action, needle: &str) -> anyhow::Result<()> {
        anyhow::ensure!(needle.len() < NEEDLE_BYTES, "{needle} is too long");
        self.disarm()?;
        let mut text = [0; NEEDLE_BYTES];
        text[..needle.len()].copy_from_slice(needle.as_bytes());
        self.control.write_all_at(&text, NEEDLE)?;
        self.control.write_all_at(&[0; PATH_BYTES], PATH)?;
        self.set(AT, number)?;
        self.set(ACTION, code_of_action(action))?;
        self.set(MATCHED, 0)?;
        self.set(FIRED, 0)?;
        self.set(ARMED, code_of_call(call))
    }

    /// Disarms the shim.
    pub fn disarm(&self) -> anyhow::Result<()> {
        self.set(ARMED, 0)
    }

    /// Returns the path of the call at which the fault happened, if it happened since the shim was
    /// armed.
    pub fn fired_at(&self) -> anyhow::Result<Option<String>> {
        let mut fired = [0; 8];
        self.control.read_exact_at(&mut fired, FIRED)?;
        if u64::from_le_bytes(fired) == 0 {
            return Ok(None);
        }
        let mut path = [0; PATH_BYTES];
        self.control.read_exact_at(&mut path, PATH)?;
        let end = path.iter().position(|byte| *byte == 0).unwrap_or(PATH_BYTES);
        Ok(Some(String::from_utf8_lossy(&path[..end]).into_owned()))
    }

    /// Starts to trace all calls.
    pub(super) fn start_trace(&self) -> anyhow::Result<()> {
        // The shim appends, so the old lines are removed and the next line is the first.
        File::options().write(true).open(&self.trace)?.set_len(0)?;
        self.set(TRACED, 1)
    }

    /// Ends the trace. Returns the calls in their order.
    pub(super) fn end_trace(&self) -> anyhow::Result<Vec<Traced>> {
        self.set(TRACED, 0)?;
        let text = std::fs::read_to_string(&self.trace)?;
        let read = |line: &str| {
            let (word, path) = line.split_once(' ')?;
            let call = Call::ALL.into_iter().find(|call| call.as_str() == word)?;
            Some(Traced { call, path: path.to_owned() })
        };
        text.lines().map(|line| read(line).with_context(|| format!("not a call: {line}"))).collect()
    }

    fn set(&self, field: u64, value: u64) -> anyhow::Result<()> {
        self.control.write_all_at(&value.to_le_bytes(), field).context("cannot write the control file")
    }
}

/// `enum kind` in `shim.c`.
const fn code_of_call(call: Call) -> u64 {
    match call {
        Call::Write => 1,
        Call::Rename => 2,
        Call::Unlink => 3,
        Call::Fsync => 4,
    }
}

/// `enum action` in `shim.c`.
const fn code_of_action(action: Action) -> u64 {
    match action {
        Action::Kill => 1,
        Action::KillAfter => 2,
        Action::Eio => 3,
        Action::Enospc => 4,
    }
}
