//! A connection that prepares the head of a pixel request before it is parsed.
//!
//! - It mends the request line: bytes that a URL must not contain (blanks, control bytes, `"`, `<`,
//!   `>`, and bytes that are not UTF-8) are percent-encoded, and a target that is too long is cut.
//!   The parser would answer them with 400 or 414, and a pixel never gets an error for its
//!   contents. Browsers encode these bytes; redirectors and macros of ad networks do not always.
//! - It drops header lines that every browser sends and that nothing here reads. Parsing a line and
//!   storing it in the map of headers costs several times as much as finding its end, and a browser
//!   sends ten of them.
//!
//! Invariant: only the beginning of a request head is changed, and only that of `GET` and `HEAD`.
//! [`HeadState`] knows when all bytes of the last request have been read. A request line ends at
//! its line feed. A line without a version at its end is not changed, and is refused. No line that
//! determines the end of a request is dropped.
//!
//! If a head arrives in several pieces, its request line is prepared, and of its headers those in
//! the piece with the end of that line. Of pipelined requests, only the first is prepared.

use std::cell::{Cell, RefCell};
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
/// A longer target is cut: twice the length of the pairs that are kept, and half of what the parser
/// accepts.
const MAX_TARGET_BYTES: usize = 32 * 1024;
/// The bytes at the beginning of a request line that are held until its end has come.
const HELD_BYTES: usize = MAX_TARGET_BYTES + 16;
/// The number of bytes kept from the end of the received part: more than the version and the end of
/// the line.
const TAIL_BYTES: usize = 16;

/// The read buffer that all connections of a thread use in turn.
#[derive(Debug, Clone)]
pub struct Space(Rc<RefCell<Box<[u8]>>>);

impl Default for Space {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(vec![0; SPACE_BYTES].into())))
    }
}

/// The place in the stream of requests, known to the connection and to the handler of its requests.
#[derive(Debug)]
pub struct HeadState {
    /// The bytes of all earlier requests were read: a head comes next.
    is_next: Cell<bool>,
    /// The request line of the next request was mended.
    is_mended: Cell<bool>,
}

impl Default for HeadState {
    fn default() -> Self {
        Self { is_next: Cell::new(true), is_mended: Cell::new(false) }
    }
}

impl HeadState {
    /// Records that a request has come, whose body is still to be read or not. Returns whether its
    /// request line was mended.
    pub fn has_come(&self, has_body: bool) -> bool {
        self.is_next.set(!has_body);
        self.is_mended.take()
    }

    /// Records that the body of the request was read to its end.
    pub fn has_ended(&self) {
        self.is_next.set(true);
    }
}

/// A connection with prepared request heads.
#[derive(Debug)]
pub struct MendedStream {
    stream: TokioIo<TcpStream>,
    space: Space,
    state: Rc<HeadState>,
    /// The beginning of a request line whose end has not come, without its middle if it is long.
    line: Vec<u8>,
    /// Mended bytes that did not fit into the buffer of the reader.
    pending: Vec<u8>,
}

impl MendedStream {
    /// Reads from a connection through the buffer of the thread.
    #[must_use]
    pub fn new(stream: TcpStream, space: Space, state: Rc<HeadState>) -> Self {
        Self { stream: TokioIo::new(stream), space, state, line: Vec::new(), pending: Vec::new() }
    }

    /// Takes a piece of a request line that must be mended or is not complete.
    fn take(&mut self, piece: &[u8]) {
        self.line.extend_from_slice(piece);
        // Nothing more comes if the piece is empty.
        if piece.is_empty() || memchr::memchr(b'\n', piece).is_some() {
            let head = mem::take(&mut self.line);
            let mended = mend(&head);
            self.state.is_mended.set(mended.is_some());
            needed(mended.as_deref().unwrap_or(&head), |part| self.pending.extend_from_slice(part));
        } else if self.line.len() > HELD_BYTES + TAIL_BYTES {
            self.line.drain(HELD_BYTES..self.line.len() - TAIL_BYTES);
        }
    }
}

impl Read for MendedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.pending.is_empty() {
            let space = this.space.clone();
            let mut space = space.0.borrow_mut();
            let n_wanted = buffer.remaining().min(SPACE_BYTES);
            let mut read = ReadBuf::new(&mut space[..n_wanted]);
            ready!(Pin::new(this.stream.inner_mut()).poll_read(context, &mut read))?;
            let bytes = read.filled();
            if this.line.is_empty() {
                if !this.state.is_next.take() || !is_get_or_head(bytes) {
                    buffer.put_slice(bytes);
                    return Poll::Ready(Ok(()));
                }
                if is_fine(bytes) {
                    needed(bytes, |part| buffer.put_slice(part));
                    return Poll::Ready(Ok(()));
                }
            }
            this.take(bytes);
            if bytes.is_empty() && this.pending.is_empty() {
                return Poll::Ready(Ok(()));
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

/// Divides the bytes of a request into the method, the target and the rest; `None` if the request
/// line has no end or no version.
fn parts(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let line = &bytes[..memchr::memchr(b'\n', bytes)?];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let start = memchr::memchr(b' ', line)? + 1;
    let end = line.strip_suffix(b" HTTP/1.1").or_else(|| line.strip_suffix(b" HTTP/1.0"))?.len();
    (start < end).then(|| (&bytes[..start], &bytes[start..end], &bytes[end..]))
}

/// Returns whether the request line is complete and the parser accepts its target.
fn is_fine(bytes: &[u8]) -> bool {
    let Some((_, target, _)) = parts(bytes) else { return false };
    // Without an early end, so that many bytes are compared at once.
    let is_plain = target.iter().fold(true, |is_plain, byte| is_plain & !is_encoded(*byte) & byte.is_ascii());
    is_plain && target.len() <= MAX_TARGET_BYTES
}

/// Returns whether a byte of a target must be encoded, in UTF-8.
const fn is_encoded(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | b'"' | b'<' | b'>' | 0x7f)
}

/// Returns the bytes of a pixel request with its target mended, if that is necessary.
fn mend(bytes: &[u8]) -> Option<Vec<u8>> {
    let (method, target, rest) = parts(bytes)?;
    let is_text = std::str::from_utf8(target).is_ok();
    let mut mended = Vec::with_capacity(bytes.len() + 64);
    mended.extend_from_slice(method);
    for byte in target {
        let n_left = (method.len() + MAX_TARGET_BYTES).saturating_sub(mended.len());
        if is_encoded(*byte) || !is_text && !byte.is_ascii() {
            if n_left < 3 {
                break;
            }
            mended.extend_from_slice(percent_encoding::percent_encode_byte(*byte).as_bytes());
        } else if n_left == 0 {
            break;
        } else {
            mended.push(*byte);
        }
    }
    // A character may have lost its end.
    while std::str::from_utf8(&mended).is_err() {
        mended.pop();
    }
    let is_mended = mended[method.len()..] != *target;
    mended.extend_from_slice(rest);
    is_mended.then_some(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_parser_would_refuse_is_encoded() {
        let mended = |line: &[u8]| mend(line).map(|bytes| String::from_utf8(bytes).unwrap());
        for (target, expected) in [
            (&b"/p.gif?a=\"<\xe4"[..], "/p.gif?a=%22%3C%E4"),
            (b"/p.gif?a=b c\td", "/p.gif?a=b%20c%09d"),
            (b"/p.gif?a=\0\x01\x1f\x7f", "/p.gif?a=%00%01%1F%7F"),
            (b"/p.gif?a=b\rX: y", "/p.gif?a=b%0DX:%20y"),
            (b"/p.gif?a=b HTTP/1.1", "/p.gif?a=b%20HTTP/1.1"),
            (b" /p.gif?a= ", "%20/p.gif?a=%20"),
            ("/?ä=\u{1}ö".as_bytes(), "/?ä=%01ö"),
        ] {
            let request = [b"GET ", target, b" HTTP/1.1\r\nX: <\xe4 \t\r\n"].concat();
            assert!(!is_fine(&request), "{expected}");
            let found = mend(&request).unwrap();
            let rest = found.strip_prefix(format!("GET {expected}").as_bytes()).unwrap();
            assert_eq!(rest, b" HTTP/1.1\r\nX: <\xe4 \t\r\n", "{expected}");
        }
        assert_eq!(mended(b"HEAD /p?\xff HTTP/1.0\n\n").unwrap(), "HEAD /p?%FF HTTP/1.0\n\n");
        for fine in ["GET /p.gif?a={b}|\\^`%zz HTTP/1.1\r\nX: <\r\n", "GET /?a=b HTTP/1.1\n\n"] {
            assert!(is_fine(fine.as_bytes()) && mended(fine.as_bytes()).is_none(), "{fine}");
        }
        for other in [
            "GET /?ä=ö HTTP/1.1\r\n",
            "GET /",
            "GET / a\r\n",
            "GET / HTTP/1.1\rA: b\r\n",
            "GET  HTTP/1.1\r\n",
        ] {
            assert_eq!(mended(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_target_that_is_too_long_is_cut_at_a_character() {
        for unit in ["a", "ä", " ", "%41"] {
            let request = format!("GET /p.gif?{} HTTP/1.1\r\nA: b\r\n", unit.repeat(100_000 / unit.len()));
            let mended = String::from_utf8(mend(request.as_bytes()).unwrap()).unwrap();
            let target = mended.strip_prefix("GET ").unwrap().strip_suffix(" HTTP/1.1\r\nA: b\r\n").unwrap();
            assert!((MAX_TARGET_BYTES - 2..=MAX_TARGET_BYTES).contains(&target.len()), "{unit}");
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
