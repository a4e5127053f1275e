//! The mapped window of a segment file through which a lane writes. This is the only unsafe code of
//! the edge. A window is a few MiB, so that a long segment does not count as resident memory. It
//! moves forward as the lane writes.
//!
//! Invariant: a window lies within the preallocated length of the file and has one owner, the
//! thread of the lane. Nothing else maps the file. Readers read published bytes through the file
//! itself, which is the same page cache.
#![allow(unsafe_code, reason = "mapping a file is unsafe, since another process could truncate it")]

use std::fs::File;
use std::io;

use memmap2::{MmapMut, MmapOptions};

/// The length of a window. The last window of a segment is shorter.
const WINDOW_BYTES: usize = 4 << 20;
/// Windows begin at multiples of the largest folio, which is 2 MiB on x86. The kernel maps a whole
/// folio of the page cache at the first fault only if all of it lies within the mapping. Otherwise
/// every page faults, and each fault goes through all blocks of the folio (docs/adr/0007).
const ALIGN_BYTES: usize = 2 << 20;

/// A writable window of a preallocated file.
#[derive(Debug)]
pub(super) struct MappedWindow {
    map: MmapMut,
    offset: usize,
}

impl MappedWindow {
    /// Maps the window that contains `position`.
    ///
    /// # Errors
    /// When the position lies outside the file, or the system cannot map more memory.
    pub(super) fn open(file: &File, file_bytes: usize, position: usize) -> io::Result<Self> {
        let offset = position / ALIGN_BYTES * ALIGN_BYTES;
        let length = WINDOW_BYTES.min(file_bytes.saturating_sub(offset));
        if length == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        let mut options = MmapOptions::new();
        options.offset(offset as u64).len(length);
        // SAFETY: the range lies within the length of the file, which was allocated on disk before
        // (no SIGBUS for a full disk). The directory of the journal is locked, so no other edge
        // writes or truncates the file. In this process only the thread of the lane writes to it,
        // and no reference into the map outlives `&mut self`.
        let map = unsafe { options.map_mut(file)? };
        Ok(Self { map, offset })
    }

    /// Returns the `length` bytes from `position` in the file, if the window contains all of them.
    pub(super) fn slot(&mut self, position: usize, length: usize) -> Option<&mut [u8]> {
        let start = position.checked_sub(self.offset)?;
        self.map.get_mut(start..start.checked_add(length)?)
    }
}
