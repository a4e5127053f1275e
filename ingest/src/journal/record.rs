//! One record of a segment as bytes. The header of the journal (`journal/mod.rs`) describes the
//! format. Pure: the slices may lie in a mapping or in a buffer.
//!
//! Invariant: bytes that [`write()`] did not completely write with this ordinal are never read as a
//! record, whatever was there before.

use std::sync::atomic::{Ordering, fence};

/// Length and checksum before the payload.
pub const HEADER_BYTES: usize = 8;
/// The zeros that end the records of a segment: an empty header.
pub const END_BYTES: usize = HEADER_BYTES;
/// The largest event. A larger length means damage.
pub const MAX_PAYLOAD_BYTES: usize = 128 * 1024;

/// The bytes at a position of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// A whole record with the expected ordinal.
    Record(&'a [u8]),
    /// The zero length after the last record.
    End,
    /// The slice ends inside the record. The record may continue in the file.
    Short,
    /// Not a record with this ordinal: torn or damaged.
    Damaged,
}

/// Returns the bytes that a payload takes in a segment: header, payload, padding to 8.
#[must_use]
pub const fn size(payload_bytes: usize) -> usize {
    (HEADER_BYTES + payload_bytes + 7) & !7
}

/// Writes a record into `slot`, which has [`size`] bytes and [`END_BYTES`] more unless the segment
/// ends there. The first 8 bytes must be zero. `fill` writes the payload in place.
///
/// The header becomes visible after the payload and the end, in one store of 8 bytes. So a process
/// killed between any two instructions leaves no record, or a whole one followed by the end.
pub fn write(slot: &mut [u8], payload_bytes: usize, ordinal: u64, fill: impl FnOnce(&mut [u8])) {
    // The padding, then the end.
    slot[size(payload_bytes) - 8..].fill(0);
    let payload = &mut slot[HEADER_BYTES..HEADER_BYTES + payload_bytes];
    fill(payload);
    let length = payload_bytes as u32;
    let header = u64::from(length) | u64::from(checksum(length, ordinal, payload)) << 32;
    fence(Ordering::Release);
    slot[..HEADER_BYTES].copy_from_slice(&header.to_le_bytes());
}

/// Reads the record at the start of `bytes`, which is expected to have this ordinal.
#[must_use]
pub fn read(bytes: &[u8], ordinal: u64) -> Parsed<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Parsed::Short;
    };
    let header = u64::from_le_bytes(*header);
    let (length, expected) = (header as u32, (header >> 32) as u32);
    if header == 0 {
        return Parsed::End;
    }
    if length == 0 || length as usize > MAX_PAYLOAD_BYTES {
        return Parsed::Damaged;
    }
    let Some(payload) = rest.get(..length as usize) else {
        return Parsed::Short;
    };
    if checksum(length, ordinal, payload) == expected { Parsed::Record(payload) } else { Parsed::Damaged }
}

/// Returns the CRC32C over length, ordinal and payload.
fn checksum(length: u32, ordinal: u64, payload: &[u8]) -> u32 {
    let mut head = [0; 12];
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..].copy_from_slice(&ordinal.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&head), payload)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(payload: &[u8], ordinal: u64) -> Vec<u8> {
        // A slot in a recycled segment: only the header is zero, as the previous record left it.
        let mut slot = vec![0xff; size(payload.len()) + END_BYTES];
        slot[..END_BYTES].fill(0);
        write(&mut slot, payload.len(), ordinal, |out| out.copy_from_slice(payload));
        assert_eq!(read(&slot[size(payload.len())..], ordinal + 1), Parsed::End);
        slot.truncate(size(payload.len()));
        slot
    }

    #[test]
    fn zeros_are_the_end_and_a_few_bytes_are_short() {
        assert_eq!(read(&[0; 64], 1), Parsed::End);
        assert_eq!(read(&[0; 7], 1), Parsed::Short);
        assert_eq!(read(&[], 1), Parsed::Short);
    }

    proptest! {
        #[test]
        fn only_the_whole_record_with_its_own_ordinal_is_read(
            payload in proptest::collection::vec(any::<u8>(), 1..300),
            ordinal in 0..u64::MAX,
            cut in any::<prop::sample::Index>(),
            flip in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let bytes = record(&payload, ordinal);
            prop_assert_eq!(bytes.len() % 8, 0);
            prop_assert_eq!(read(&bytes, ordinal), Parsed::Record(&payload[..]));
            prop_assert_eq!(read(&bytes, ordinal + 1), Parsed::Damaged);

            let used = HEADER_BYTES + payload.len();
            prop_assert_eq!(read(&bytes[..cut.index(used)], ordinal), Parsed::Short);

            let mut zeroed = bytes.clone();
            zeroed[cut.index(used)..].fill(0);
            prop_assert!(zeroed == bytes || !matches!(read(&zeroed, ordinal), Parsed::Record(_)));

            let mut flipped = bytes;
            flipped[flip.index(used)] ^= 1 << bit;
            prop_assert!(!matches!(read(&flipped, ordinal), Parsed::Record(_)));
        }
    }
}
