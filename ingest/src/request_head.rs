//! A connection that prepares the head of a pixel request before it is parsed.
//!
//! - It mends the request line: bytes that a URL must not contain (`"`, `<`, `>`, and bytes that
//!   are not UTF-8) are percent-encoded. The parser would answer them with 400, and a pixel never
//!   gets an error for its contents. Browsers encode these bytes; redirectors and macros of ad
//!   networks do not always.
//! - It drops header lines that every browser sends and that nothing here reads. Parsing a line and
//!   storing it in the map of headers costs several times as much as finding its end, and a browser
//!   sends ten of them.
//!
//! Invariant: only the first bytes read after an answer are changed, and only those of `GET` and
//! `HEAD`. No line that determines the end of a request is dropped.
//!
//! If a head arrives in several pieces, only the first piece is prepared. Of pipelined requests,
//! only the first is prepared.

use std::cell::RefCell;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;

/// The number of bytes to read at once.
const SPACE_BYTES: usize = 16 * 1024;

/// The read buffer that all connections of a thread use in turn.
#[derive(Debug, Clone)]
pub struct Space(Rc<RefCell<Box<[u8]>>>);

impl Default for Space {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(vec![0; SPACE_BYTES].into())))
    }
}

/// A connection with prepared request heads.
#[derive(Debug)]
pub struct MendedStream {
    stream: TokioIo<TcpStream>,
    space: Space,
    /// Whether the next read begins with a request: nothing was read since the last answer.
    is_at_head: bool,
    /// Mended bytes that did not fit into the buffer of the reader.
    pending: Vec<u8>,
}

impl MendedStream {
    /// Reads from a connection through the buffer of the thread.
    #[must_use]
    pub fn new(stream: TcpStream, space: Space) -> Self {
        Self { stream: TokioIo::new(stream), space, is_at_head: true, pending: Vec::new() }
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
            let bytes = read.filled();
            if !mem::take(&mut this.is_at_head) || !is_get_or_head(bytes) {
                buffer.put_slice(bytes);
                return Poll::Ready(Ok(()));
            }
            let Some(mended) = mend(bytes) else {
                needed(bytes, |part| buffer.put_slice(part));
                return Poll::Ready(Ok(()));
            };
            needed(&mended, |part| this.pending.extend_from_slice(part));
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
        self.is_at_head = true;
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
        self.is_at_head = true;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

fn is_get_or_head(bytes: &[u8]) -> bool {
    bytes.starts_with(b"GET ") || bytes.starts_with(b"HEAD ")
}

/// Passes on the parts of a head that are parsed, in their order: all lines except unread headers.
/// Incomplete lines, and everything after the head, stay unchanged.
fn needed(bytes: &[u8], mut take: impl FnMut(&[u8])) {
    let (mut taken, mut line_start) = (0, 0);
    while let Some(length) = memchr::memchr(b'\n', &bytes[line_start..]) {
        let line = &bytes[line_start..=line_start + length];
        if matches!(line, b"\r\n" | b"\n") {
            break;
        }
        let next_start = line_start + line.len();
        if is_unread(line) {
            take(&bytes[taken..line_start]);
            taken = next_start;
        }
        line_start = next_start;
    }
    take(&bytes[taken..]);
}

/// Returns whether a line is a header that browsers send and the edge never reads.
/// `Accept-Encoding` is read for the script.
fn is_unread(line: &[u8]) -> bool {
    let begins = |name: &[u8]| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    match line.first().map(u8::to_ascii_lowercase) {
        Some(b'a') => begins(b"accept:") || begins(b"accept-language:"),
        Some(b'c') => begins(b"cookie:") || begins(b"cache-control:"),
        Some(b'p') => begins(b"pragma:") || begins(b"priority:"),
        Some(b's') => begins(b"sec-fetch-") || begins(b"sec-ch-"),
        Some(b'u') => begins(b"upgrade-insecure-requests:"),
        _ => false,
    }
}

/// Returns the bytes of a pixel request with its request line mended, if that is necessary.
fn mend(bytes: &[u8]) -> Option<Vec<u8>> {
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
        for fine in ["GET /p.gif?a={b}|\\^`%zz HTTP/1.1\r\nX: <\r\n", "GET /?ä=ö HTTP/1.1\r\n", "GET /"] {
            assert_eq!(mended(fine.as_bytes()), None, "{fine}");
        }
    }
    #[test]
    fn nothing_else_is_touched() {
        for other in ["POST /<", "", "GE", "get /"] {
            assert!(!is_get_or_head(other.as_bytes()), "{other}");
        }
    }

    fn parsed(head: &str) -> String {
        let mut kept = Vec::new();
        needed(head.as_bytes(), |part| kept.extend_from_slice(part));
        String::from_utf8(kept).unwrap()
    }

    #[test]
    fn what_nothing_reads_is_not_parsed() {
        let head = "GET /accept: HTTP/1.1\r\nHost: a\r\naccept: */*\r\nACCEPT-language: en\r\nSec-CH-UA: \"x\"\r\n\
                    Sec-GPC: 1\r\nAccept-Encoding: gzip\r\nCookie: a=b\r\nsec-fetch-mode: no-cors\r\n\r\naccept: a body\r\n";
        let kept = "GET /accept: HTTP/1.1\r\nHost: a\r\nSec-GPC: 1\r\nAccept-Encoding: gzip\r\n\r\naccept: a body\r\n";
        assert_eq!(parsed(head), kept);
        assert_eq!(parsed(&head.replace("\r\n", "\n")), kept.replace("\r\n", "\n"));
    }

    #[test]
    fn what_ends_a_request_is_kept_and_so_is_an_unfinished_line() {
        for head in [
            "GET / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nExpect: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nAccept: */*",
            "GET / HTTP/1.1\r\nAccept",
            "GET /",
            "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nAccept: x\r\n\r\n",
        ] {
            assert_eq!(parsed(head), head);
        }
    }
}
