//! The directory's log on disk, for a consumer that starts while Postgres is down: a line of JSON
//! with the database's origin and the format, then a line for each change. New lines are appended;
//! a last line that a crash has cut off is left out.
//!
//! The file is not needed for anything else, and may be lost. It holds ids, tracking keys and
//! times, and no customer's data.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Entry;

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    origin: Uuid,
    #[serde(default)]
    format: u32,
}

/// Files of earlier formats lack a field.
const FORMAT: u32 = 1;

/// The contents of the file.
#[derive(Debug)]
pub struct Kept {
    pub origin: Uuid,
    pub entries: Vec<Entry>,
}

/// Reads the file. Returns `None` if it does not exist or cannot be decoded.
///
/// # Errors
/// If the disk fails.
pub fn read(path: &Path) -> io::Result<Option<Kept>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut lines = BufReader::new(file).lines();
    let head = lines.next().and_then(Result::ok).and_then(|line| serde_json::from_str::<Head>(&line).ok());
    let Some(Head { origin, .. }) = head.filter(|head| head.format == FORMAT) else { return Ok(None) };
    let mut entries = Vec::new();
    for line in lines {
        // A torn line need not even be text.
        let Some(entry) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else { break };
        entries.push(entry);
    }
    Ok(Some(Kept { origin, entries }))
}

/// Replaces the whole log.
///
/// # Errors
/// If the disk fails; the old file is still there then.
pub fn replace(path: &Path, origin: Uuid, entries: &[Entry]) -> io::Result<()> {
    let new: PathBuf = path.with_extension("new");
    let mut file = BufWriter::new(File::create(&new)?);
    write_line(&mut file, &Head { origin, format: FORMAT })?;
    write_lines(file, entries)?;
    std::fs::rename(new, path)
}

/// Adds changes at the end.
///
/// # Errors
/// If the disk fails.
pub fn append(path: &Path, entries: &[Entry]) -> io::Result<()> {
    write_lines(BufWriter::new(OpenOptions::new().append(true).open(path)?), entries)
}

fn write_lines(mut file: BufWriter<File>, entries: &[Entry]) -> io::Result<()> {
    for entry in entries {
        write_line(&mut file, entry)?;
    }
    file.flush()?;
    file.get_ref().sync_data()
}

fn write_line(file: &mut impl io::Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry;
    use super::*;

    #[test]
    fn what_was_kept_is_read_up_to_where_it_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("directory.log");
        assert!(read(&path).unwrap().is_none());
        let log: Vec<Entry> =
            (1..=3).map(|n| entry(n, "user", &n.to_string(), (0, 0), (None, Some(n)))).collect();
        let origin = Uuid::now_v7();
        replace(&path, origin, &log[..1]).unwrap();
        append(&path, &log[1..]).unwrap();
        let kept = read(&path).unwrap().unwrap();
        assert_eq!((kept.origin, kept.entries), (origin, log.clone()));
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().entries, log[..2]);
        std::fs::write(&path, format!("{{\"origin\":\"{origin}\"}}\n")).unwrap();
        assert!(read(&path).unwrap().is_none(), "of an earlier format");
        std::fs::write(&path, b"nothing of ours").unwrap();
        assert!(read(&path).unwrap().is_none());
    }
}
