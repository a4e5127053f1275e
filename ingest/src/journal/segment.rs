//! A segment file: its header and its name. `prepare.rs` creates the file, and `record.rs` knows
//! the records.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// Bytes before the first record.
pub const HEADER_BYTES: usize = 64;
/// The suffix of segment files.
pub const SUFFIX: &str = "seg";
/// The suffix of prepared files, which have no records.
pub const PREPARED_SUFFIX: &str = "tmp";

const MAGIC: [u8; 8] = *b"SLUICEJ1";
const VERSION: u32 = 1;

/// The first 64 bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub edge: Uuid,
    pub lane: u32,
    pub first_ordinal: u64,
}

impl Header {
    /// Returns the header as bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.lane.to_le_bytes());
        bytes[16..32].copy_from_slice(self.edge.as_bytes());
        bytes[32..40].copy_from_slice(&self.first_ordinal.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..HEADER_BYTES - 4]);
        bytes[HEADER_BYTES - 4..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a header; `None` if it is damaged or has another version.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte))
        };
        let intact = bytes[..8] == MAGIC
            && number(8..12) == u64::from(VERSION)
            && number(60..64) == u64::from(crc32c::crc32c(&bytes[..HEADER_BYTES - 4]));
        let edge = Uuid::from_slice(&bytes[16..32]).ok()?;
        intact.then(|| Self { edge, lane: number(12..16) as u32, first_ordinal: number(32..40) })
    }

    /// Reads the header of a file; `None` as in [`Header::from_bytes`], or if the file is shorter.
    pub fn read(file: &File) -> io::Result<Option<Self>> {
        let mut bytes = [0; HEADER_BYTES];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(Self::from_bytes(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns the path of the segment that begins with this ordinal.
#[must_use]
pub fn path(lane_dir: &Path, first_ordinal: u64) -> PathBuf {
    lane_dir.join(format!("{first_ordinal:020}.{SUFFIX}"))
}

/// Returns the segments of a lane by their first ordinals, ascending.
pub fn list(lane_dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(lane_dir)? {
        let path = entry?.path();
        let ordinal = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (Some(ordinal), true) = (ordinal, path.extension().is_some_and(|suffix| suffix == SUFFIX)) {
            segments.push((ordinal, path));
        }
    }
    segments.sort();
    Ok(segments)
}

/// Makes the names in a directory durable.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_and_any_flipped_bit_is_noticed() {
        let header = Header { edge: Uuid::from_u128(77), lane: 3, first_ordinal: u64::MAX - 1 };
        let bytes = header.to_bytes();
        assert_eq!(Header::from_bytes(&bytes), Some(header));
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::from_bytes(&flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn names_sort_by_ordinal_and_other_files_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        for ordinal in [2_000, 1, 10] {
            std::fs::write(path(dir.path(), ordinal), b"").unwrap();
        }
        std::fs::write(dir.path().join("cursor"), b"").unwrap();
        std::fs::write(dir.path().join("x.tmp"), b"").unwrap();
        let found: Vec<u64> = list(dir.path()).unwrap().into_iter().map(|(ordinal, _)| ordinal).collect();
        assert_eq!(found, [1, 10, 2_000]);
    }
}
