//! The two LZ4 formats of ClickHouse's HTTP interface.
//!
//! - `compress=1`/`decompress=1`: native blocks of ClickHouse. CityHash128 (v1.0.2, halves swapped)
//!   of the rest, 16 bytes; method, 1 byte (`0x82` LZ4, `0x02` none); size including this 9-byte
//!   header, and unpacked size, each u32 LE; data. ZSTD (`0x90`) is refused.
//! - `Accept-Encoding: lz4`: one standard LZ4 frame over the whole body.

use std::io::Write as _;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use super::error::ClickHouseError;

const CHECKSUM_LENGTH: usize = 16;
const HEADER_LENGTH: usize = 9;
const METHOD_LZ4: u8 = 0x82;
const METHOD_NONE: u8 = 0x02;
/// ClickHouse has the same limit for one block.
const MAX_BLOCK_LENGTH: usize = 1 << 30;
const OUTPUT_BLOCK_LENGTH: usize = 1 << 20;

fn checksum(data: &[u8]) -> u128 {
    cityhash_rs::cityhash_102_128(data).rotate_right(64)
}

fn corrupt(text: &str) -> ClickHouseError {
    ClickHouseError::new(271, "CANNOT_DECOMPRESS", text)
}

/// Unpacks a stream of native blocks that may be cut anywhere.
#[derive(Default)]
pub struct BlockDecoder {
    buffer: BytesMut,
}

impl BlockDecoder {
    /// Adds bytes and returns the blocks that are complete now.
    ///
    /// # Errors
    /// When a block does not match its header.
    pub fn push(&mut self, data: &[u8]) -> Result<Vec<Bytes>, ClickHouseError> {
        self.buffer.extend_from_slice(data);
        let mut blocks = Vec::new();
        while let Some(block) = self.next_block()? {
            blocks.push(block);
        }
        Ok(blocks)
    }

    /// Checks that nothing is left at the end.
    ///
    /// # Errors
    /// When the last block is incomplete.
    pub fn finish(&self) -> Result<(), ClickHouseError> {
        if self.buffer.is_empty() { Ok(()) } else { Err(corrupt("the last compressed block is incomplete")) }
    }

    fn next_block(&mut self) -> Result<Option<Bytes>, ClickHouseError> {
        if self.buffer.len() < CHECKSUM_LENGTH + HEADER_LENGTH {
            return Ok(None);
        }
        let mut header = &self.buffer[CHECKSUM_LENGTH..];
        let method = header.get_u8();
        let packed_length = header.get_u32_le() as usize;
        let length = header.get_u32_le() as usize;
        if !(HEADER_LENGTH..=MAX_BLOCK_LENGTH).contains(&packed_length) || length > MAX_BLOCK_LENGTH {
            return Err(corrupt("a compressed block's size is out of range"));
        }
        if self.buffer.len() < CHECKSUM_LENGTH + packed_length {
            return Ok(None);
        }
        let mut block = self.buffer.split_to(CHECKSUM_LENGTH + packed_length);
        let expected = block.get_u128_le();
        if checksum(&block) != expected {
            return Err(ClickHouseError::new(
                40,
                "CHECKSUM_DOESNT_MATCH",
                "Checksum doesn't match: corrupted data",
            ));
        }
        let data = &block[HEADER_LENGTH..];
        match method {
            METHOD_NONE => Ok(Some(Bytes::copy_from_slice(data))),
            METHOD_LZ4 => lz4_flex::block::decompress(data, length)
                .map(|unpacked| Some(unpacked.into()))
                .map_err(|error| corrupt(&format!("cannot unpack an LZ4 block: {error}"))),
            other => Err(ClickHouseError::not_implemented(&format!(
                "compression method 0x{other:02x} is not supported here, only LZ4 (0x82) and none (0x02)"
            ))),
        }
    }
}

/// The compression of a response body.
pub enum Encoder {
    /// No compression.
    Plain,
    /// Native blocks of ClickHouse.
    Blocks,
    /// An LZ4 frame.
    Frame(Box<lz4_flex::frame::FrameEncoder<Vec<u8>>>),
}

impl Encoder {
    /// Returns an encoder for a standard LZ4 frame.
    pub fn frame() -> Self {
        Self::Frame(Box::new(lz4_flex::frame::FrameEncoder::new(Vec::new())))
    }

    /// Compresses one chunk. A client that has the result can decode all of the chunk.
    pub fn encode(&mut self, data: Bytes) -> Bytes {
        match self {
            Self::Plain => data,
            Self::Blocks => encode_blocks(&data),
            Self::Frame(encoder) => {
                let written = encoder.write_all(&data).and_then(|()| encoder.flush());
                debug_assert!(written.is_ok(), "writing to memory does not fail");
                std::mem::take(encoder.get_mut()).into()
            }
        }
    }

    /// Returns the bytes that follow the last chunk.
    pub fn finish(&mut self) -> Bytes {
        match self {
            Self::Frame(encoder) => {
                let ended = encoder.try_finish();
                debug_assert!(ended.is_ok(), "writing to memory does not fail");
                std::mem::take(encoder.get_mut()).into()
            }
            Self::Plain | Self::Blocks => Bytes::new(),
        }
    }
}

fn encode_blocks(data: &[u8]) -> Bytes {
    let mut packed = BytesMut::new();
    for part in data.chunks(OUTPUT_BLOCK_LENGTH) {
        let body = lz4_flex::block::compress(part);
        let mut block = BytesMut::with_capacity(HEADER_LENGTH + body.len());
        block.put_u8(METHOD_LZ4);
        block.put_u32_le(u32::try_from(HEADER_LENGTH + body.len()).expect("a part is 1 MiB"));
        block.put_u32_le(u32::try_from(part.len()).expect("a part is 1 MiB"));
        block.put_slice(&body);
        packed.put_u128_le(checksum(&block));
        packed.put_slice(&block);
    }
    packed.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_however_they_are_cut() {
        let data: Vec<u8> = (0..3_000_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let packed = encode_blocks(&data);
        assert!(packed.len() < data.len());
        for step in [1 << 20, 65_537, 999] {
            let mut decoder = BlockDecoder::default();
            let unpacked: Vec<u8> = packed
                .chunks(step)
                .flat_map(|part| decoder.push(part).unwrap())
                .flat_map(|block| block.to_vec())
                .collect();
            assert!(unpacked == data);
            decoder.finish().unwrap();
        }
    }

    #[test]
    fn a_damaged_block_is_refused() {
        let mut packed = encode_blocks(b"hello, hello, hello").to_vec();
        *packed.last_mut().unwrap() ^= 1;
        assert_eq!(BlockDecoder::default().push(&packed).unwrap_err().code, 40);
    }

    #[test]
    fn a_frame_is_standard_lz4() {
        let mut encoder = Encoder::frame();
        let mut packed = encoder.encode(Bytes::from_static(b"one ")).to_vec();
        packed.extend(encoder.encode(Bytes::from_static(b"two")));
        packed.extend(encoder.finish());
        let mut text = String::new();
        std::io::Read::read_to_string(&mut lz4_flex::frame::FrameDecoder::new(&packed[..]), &mut text)
            .unwrap();
        assert_eq!(text, "one two");
    }
}
