//! Recovers lanes at a start: finds the segments with records and the next ordinal of each lane.
//!
//! Invariant: everything returned is synced, so a power failure cannot take back what was
//! forwarded. The next ordinal is after the last whole record and after everything that Kafka has
//! acknowledged.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::cursor::Cursor;
use super::lane::{Lane, Segment};
use super::record::{self, Parsed};
use super::segment::{self, Header};

const READ_BYTES: usize = 1 << 20;

/// Recovers one lane. Creates its directory if it does not exist.
pub(super) fn recover_lane(
    edge: Uuid,
    dir: PathBuf,
    id: u32,
    is_written: bool,
    recycled_bytes: Option<u64>,
) -> io::Result<Lane> {
    std::fs::create_dir_all(&dir)?;
    remove_prepared(&dir)?;
    let cursor = Cursor::open(&dir)?;
    let mut next_ordinal = cursor.next_ordinal();
    let mut segments = Vec::new();
    let found = segment::list(&dir)?;
    for (index, (first_ordinal, path)) in found.iter().enumerate() {
        let expected = Header { edge, lane: id, first_ordinal: *first_ordinal };
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        if !is_ours(&file, path, expected)? {
            std::fs::remove_file(path)?;
            continue;
        }
        let mut bytes = file.metadata()?.len();
        if index + 1 == found.len() {
            let (end, n_records) = find_end(&file, bytes, *first_ordinal)?;
            next_ordinal = next_ordinal.max(first_ordinal + n_records);
            file.set_len(end)?;
            bytes = end;
        } else {
            next_ordinal = next_ordinal.max(found[index + 1].0);
        }
        file.sync_all()?;
        segments.push(Segment {
            first_ordinal: *first_ordinal,
            path: path.clone(),
            bytes,
            file: None,
            is_new: false,
        });
    }
    remove_empty_last(&mut segments, next_ordinal)?;
    segment::sync_dir(&dir)?;
    Ok(Lane::new(id, dir, is_written, recycled_bytes, next_ordinal, segments))
}

/// Returns whether a file is a segment of this lane; `false` if it has no records.
///
/// The header of a segment is synced with its first record. So after a power failure, a file may
/// have its name and nothing else, or only old records of a recycled file. If the header is damaged
/// and whole records follow, they are kept: the name and the directory give the same information.
fn is_ours(file: &File, path: &Path, expected: Header) -> io::Result<bool> {
    match Header::read(file)? {
        Some(header) if header == expected => Ok(true),
        Some(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} belongs to another edge or lane: was edge-id removed?", path.display()),
        )),
        None => {
            let (_, n_records) = find_end(file, file.metadata()?.len(), expected.first_ordinal)?;
            tracing::warn!(segment = %path.display(), n_records, "a segment has no readable header");
            Ok(n_records > 0)
        }
    }
}

/// Removes a last segment without records, because the next segment would get the same name.
fn remove_empty_last(segments: &mut Vec<Segment>, next_ordinal: u64) -> io::Result<()> {
    let is_empty = |segment: &mut Segment| {
        segment.first_ordinal >= next_ordinal || segment.bytes <= segment::HEADER_BYTES as u64
    };
    if let Some(last) = segments.pop_if(is_empty) {
        std::fs::remove_file(&last.path)?;
    }
    Ok(())
}

fn remove_prepared(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|suffix| suffix == segment::PREPARED_SUFFIX) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Returns the end of the last whole record and the number of records.
fn find_end(file: &File, file_bytes: u64, first_ordinal: u64) -> io::Result<(u64, u64)> {
    let mut buffer = vec![0; READ_BYTES];
    let (mut offset, mut n_records) = (segment::HEADER_BYTES as u64, 0);
    loop {
        let length = buffer.len().min(file_bytes.saturating_sub(offset) as usize);
        file.read_exact_at(&mut buffer[..length], offset)?;
        let mut used = 0;
        while let Some(rest) = buffer[..length].get(used..)
            && let Parsed::Record(payload) = record::read(rest, first_ordinal + n_records)
        {
            used += record::size(payload.len());
            n_records += 1;
        }
        // A cut file may lack the padding of the last record.
        offset = (offset + used as u64).min(file_bytes);
        if used == 0 || offset == file_bytes {
            return Ok((offset, n_records));
        }
    }
}
