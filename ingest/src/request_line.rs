//! A connection on which the request line of a pixel is mended before it is parsed: bytes that a URL must not hold (`"`,
//! `<`, `>`, and letters that are no UTF-8) are percent-encoded, since the parser would answer 400 and a pixel is never
//! answered with an error for what it carries. Browsers encode them; redirectors and macros of ad networks do not always.
//!
//! Left out: a line that comes in several pieces, and all but the first of pipelined requests.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;

/// Bytes read at once.
const SPACE_BYTES: usize = 16 * 1024;

/// Where a thread's connections read into, one after the other.
#[derive(Debug, Clone)]
pub struct Space(Rc<RefCell<Box<[u8]>>>);

impl Default for Space {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(vec![0; SPACE_BYTES].into())))
    }
}

/// See the module.
#[derive(Debug)]
pub struct MendedStream {
    stream: TokioIo<TcpStream>,
    space: Space,
    /// What was mended and did not fit into the reader's buffer.
    pending: Vec<u8>,
}

impl MendedStream {
    /// Reads from a connection by way of the thread's space.
    #[must_use]
    pub fn new(stream: TcpStream, space: Space) -> Self {
        Self { stream: TokioIo::new(stream), space, pending: Vec::new() }
    }
}

impl Read for MendedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.pending.is_empty() {
            let mut space = this.space.0.borrow_mut();
            let n_wanted = buffer.remaining().min(SPACE_BYTES);
            let mut read = ReadBuf::new(&mut space[..n_wanted]);
            ready!(Pin::new(this.stream.inner_mut()).poll_read(context, &mut read))?;
            match mend(read.filled()) {
                None => {
                    buffer.put_slice(read.filled());
                    return Poll::Ready(Ok(()));
                }
                Some(mended) => this.pending = mended,
            }
        }
        let n_bytes = this.pending.len().min(buffer.remaining());
        buffer.put_slice(&this.pending[..n_bytes]);
        this.pending.drain(..n_bytes);
        Poll::Ready(Ok(()))
    }
}

impl Write for MendedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

/// The bytes with their first line mended, if they begin with a pixel's request line that needs it.
fn mend(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(b"GET ") && !bytes.starts_with(b"HEAD ") {
        return None;
    }
    let end = memchr::memchr(b'\r', bytes).unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(end);
    let is_fine = memchr::memchr3(b'"', b'<', b'>', line).is_none()
        && (line.is_ascii() || std::str::from_utf8(line).is_ok());
    if is_fine {
        return None;
    }
    let mut mended = Vec::with_capacity(bytes.len() + 64);
    for byte in line {
        if matches!(byte, b'"' | b'<' | b'>' | 0x80..) {
            mended.extend_from_slice(percent_encoding::percent_encode_byte(*byte).as_bytes());
        } else {
            mended.push(*byte);
        }
    }
    mended.extend_from_slice(rest);
    Some(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_parser_would_refuse_is_encoded() {
        let mended = |line: &[u8]| mend(line).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(mended(b"GET /p.gif?a=\"<\xe4 HTTP/1.1").unwrap(), "GET /p.gif?a=%22%3C%E4 HTTP/1.1");
        assert_eq!(mend(b"HEAD /p?\xff\r\nX: <\xe4\r\n").unwrap(), b"HEAD /p?%FF\r\nX: <\xe4\r\n");
        for fine in
            ["GET /p.gif?a={b}|\\^`%zz HTTP/1.1\r\nX: <\r\n", "GET /?ä=ö HTTP/1.1\r\n", "POST /<", "", "GE"]
        {
            assert_eq!(mended(fine.as_bytes()), None, "{fine}");
        }
    }
}
