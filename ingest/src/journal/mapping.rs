//! The window of a segment file through which a lane writes: the only unsafe code of the edge. A window is a few MiB, so
//! that a long segment does not count as resident memory; it moves on as the lane writes.
//!
//! Invariant: a window lies within the file's preallocated length and has one owner, the lane's thread. Nobody else maps
//! the file; readers read what was published through the file itself, which is the same page cache.
#![allow(unsafe_code, reason = "mapping a file is unsafe, since another process could truncate it")]

use std::fs::File;
use std::io;

use memmap2::{MmapMut, MmapOptions};

/// A window's length; the last one of a segment is shorter.
const WINDOW_BYTES: usize = 4 << 20;
/// Where windows begin in the file: at multiples of the largest folio, x86's 2 MiB. The kernel maps a whole folio of the page
/// cache with its first fault only where all of it lies within the mapping; else every page of it faults, and each fault goes
/// through all of the folio's blocks (docs/adr/0007).
const ALIGN_BYTES: usize = 2 << 20;

/// A writable window of a preallocated file.
#[derive(Debug)]
pub(super) struct MappedWindow {
    map: MmapMut,
    offset: usize,
}

impl MappedWindow {
    /// Maps the window that holds `position`.
    ///
    /// # Errors
    /// When the position lies outside of the file, or the system has no room for a mapping.
    pub(super) fn open(file: &File, file_bytes: usize, position: usize) -> io::Result<Self> {
        let offset = position / ALIGN_BYTES * ALIGN_BYTES;
        let length = WINDOW_BYTES.min(file_bytes.saturating_sub(offset));
        if length == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        let mut options = MmapOptions::new();
        options.offset(offset as u64).len(length);
        // SAFETY: the range lies within the file's length, which was allocated on disk before (no SIGBUS for a full disk).
        // The journal's directory is locked, so no other edge writes or truncates the file; in this process only the lane's
        // thread writes to it, and no reference into the map outlives `&mut self`.
        let map = unsafe { options.map_mut(file)? };
        Ok(Self { map, offset })
    }

    /// The bytes from `position` on in the file, `length` of them, if the window holds them all.
    pub(super) fn slot(&mut self, position: usize, length: usize) -> Option<&mut [u8]> {
        let start = position.checked_sub(self.offset)?;
        self.map.get_mut(start..start.checked_add(length)?)
    }
}
