//! The cursor of a lane: the first ordinal that Kafka has not acknowledged. It has two slots, at 0
//! and at 512, written in turn: number of the write (u64), ordinal (u64), CRC32C of both (u32),
//! little-endian. A torn write leaves the other slot intact.
//!
//! Invariant: a segment is deleted only after [`Cursor::sync`] of a cursor beyond it. So the cursor
//! tells which ordinal comes next even when no segment is left.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use sluice_schemas::chunk::FIRST_ORDINAL;

const SLOT_BYTES: usize = 20;
const SLOT_OFFSETS: [u64; 2] = [0, 512];
const FILE_NAME: &str = "cursor";

/// The durable cursor of one lane.
#[derive(Debug)]
pub struct Cursor {
    file: File,
    n_writes: u64,
    next_ordinal: u64,
}

impl Cursor {
    /// Opens the cursor of a lane, or creates it at the first ordinal.
    pub fn open(lane_dir: &Path) -> io::Result<Self> {
        let path = lane_dir.join(FILE_NAME);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let newest = SLOT_OFFSETS.iter().filter_map(|offset| read_slot(&file, *offset)).max();
        let (n_writes, next_ordinal) = newest.unwrap_or((0, FIRST_ORDINAL));
        Ok(Self { file, n_writes, next_ordinal })
    }

    /// The first ordinal that Kafka has not acknowledged.
    #[must_use]
    pub const fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    /// Moves the cursor. The new position survives a killed process at once, and a power failure
    /// after [`Cursor::sync`].
    ///
    /// # Errors
    /// When the file cannot be written. The cursor then keeps its position.
    pub fn store(&mut self, next_ordinal: u64) -> io::Result<()> {
        let n_writes = self.n_writes + 1;
        let mut slot = [0; SLOT_BYTES];
        slot[..8].copy_from_slice(&n_writes.to_le_bytes());
        slot[8..16].copy_from_slice(&next_ordinal.to_le_bytes());
        let checksum = crc32c::crc32c(&slot[..16]);
        slot[16..].copy_from_slice(&checksum.to_le_bytes());
        self.file.write_all_at(&slot, SLOT_OFFSETS[(n_writes % 2) as usize])?;
        self.n_writes = n_writes;
        self.next_ordinal = next_ordinal;
        Ok(())
    }

    /// Makes the last [`Cursor::store`] durable.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

fn read_slot(file: &File, offset: u64) -> Option<(u64, u64)> {
    let mut slot = [0; SLOT_BYTES];
    file.read_exact_at(&mut slot, offset).ok()?;
    let number =
        |at: usize| slot[at..at + 8].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
    let intact = slot[16..] == crc32c::crc32c(&slot[..16]).to_le_bytes();
    intact.then(|| (number(0), number(8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_intact_slot_counts() {
        let dir = tempfile::tempdir().unwrap();
        let mut cursor = Cursor::open(dir.path()).unwrap();
        assert_eq!(cursor.next_ordinal(), 1);
        for next in [5, 9, 300] {
            cursor.store(next).unwrap();
        }
        cursor.sync().unwrap();
        assert_eq!(Cursor::open(dir.path()).unwrap().next_ordinal(), 300);

        // The third write went to slot 1; tear it.
        cursor.file.write_all_at(&[0xff; 3], SLOT_OFFSETS[1] + 9).unwrap();
        assert_eq!(Cursor::open(dir.path()).unwrap().next_ordinal(), 9);
    }
}
