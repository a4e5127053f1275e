//! The binding to `libchdb.so`, the engine of ClickHouse as a C library, which is opened at run
//! time.
//!
//! This file has all `unsafe` code of the package. Invariants: a [`Connection`] is used by one
//! thread at a time (its methods take `&mut self`, and it is not `Sync`). A stream borrows its
//! connection for its whole life. Each handle is destroyed exactly once, on drop. Results are
//! copied at once, so that no pointer of the engine outlives the call that returned it. Arrow,
//! backups and the deprecated interface are not used.
//!
//! The engine has one data folder per process. It runs for as long as one connection is open.

#![allow(unsafe_code, reason = "calls into a C library; the only file of the package that may")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;

type RawConnection = *mut c_void;
type RawResult = *mut c_void;
type RawInsert = *mut c_void;
type Query = unsafe extern "C" fn(
    RawConnection,
    *const c_char,
    usize,
    *const c_char,
    usize,
    *const *const c_char,
    *const usize,
    *const *const c_char,
    *const usize,
    usize,
) -> *mut c_void;
type Number = unsafe extern "C" fn(RawResult) -> u64;

/// The functions of the engine, as declared in the header `chdb.h` of version 26.7.
struct Functions {
    connect: unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut RawConnection,
    close: unsafe extern "C" fn(*mut RawConnection),
    query: Query,
    stream_query: Query,
    stream_fetch: unsafe extern "C" fn(RawConnection, RawResult) -> RawResult,
    stream_cancel: unsafe extern "C" fn(RawConnection, RawResult),
    stream_insert: Query,
    insert_append: unsafe extern "C" fn(RawInsert, *const c_void, usize) -> c_int,
    insert_done: unsafe extern "C" fn(RawInsert) -> RawResult,
    insert_error: unsafe extern "C" fn(RawInsert) -> *const c_char,
    insert_destroy: unsafe extern "C" fn(RawInsert),
    result_destroy: unsafe extern "C" fn(RawResult),
    result_buffer: unsafe extern "C" fn(RawResult) -> *mut c_char,
    result_length: unsafe extern "C" fn(RawResult) -> usize,
    result_error: unsafe extern "C" fn(RawResult) -> *const c_char,
    storage_rows_read: Number,
    storage_bytes_read: Number,
    rows_written: Number,
    bytes_written: Number,
}

/// The opened library. It stays open until the process ends.
pub struct Library {
    functions: Functions,
    /// Never closed, because the engine's threads run its code until the process ends.
    _library: ManuallyDrop<libloading::Library>,
}

/// The result of a statement, or one chunk of a streamed result.
#[derive(Debug, Default)]
pub struct Output {
    /// Text or bytes in the requested format.
    pub data: Bytes,
    /// Rows and bytes read from tables.
    pub rows_read: u64,
    pub bytes_read: u64,
    /// Rows and bytes written, including those of dependent materialized views.
    pub rows_written: u64,
    pub bytes_written: u64,
}

/// Query parameters: names and values. The values are escaped as ClickHouse's HTTP interface
/// requires.
pub type Params = [(String, String)];

/// An error message of the engine (`Code: 60. DB::Exception: …`).
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub String);

impl Library {
    /// Opens the library.
    pub fn open(path: &Path) -> anyhow::Result<Arc<Self>> {
        // SAFETY: loading runs the initialisers of the library. It is the engine's library, its
        // checksum was verified after the download, and it has no preconditions.
        let library = unsafe { libloading::Library::new(path) }
            .with_context(|| format!("cannot load {}", path.display()))?;
        let functions = load_functions(&library)?;
        // SAFETY: the signature is the one in the header. Without this call, the engine would take
        // over signals that this process handles itself (SIGTERM, SIGINT).
        unsafe {
            let quiet: libloading::Symbol<'_, unsafe extern "C" fn(c_int)> =
                library.get(b"chdb_set_signal_handlers_enabled\0")?;
            quiet(0);
        }
        Ok(Arc::new(Self { functions, _library: ManuallyDrop::new(library) }))
    }

    /// Opens a connection, which starts the engine if it is the first one.
    ///
    /// # Errors
    /// When the engine refuses: another process uses the folder, or an argument is wrong.
    pub fn connect(self: &Arc<Self>, arguments: &[String]) -> anyhow::Result<Connection> {
        let arguments: Vec<CString> = arguments
            .iter()
            .map(|argument| CString::new(argument.as_str()))
            .collect::<Result<_, _>>()
            .context("an argument of the engine contains a NUL byte")?;
        let mut pointers: Vec<*mut c_char> =
            arguments.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
        let count = c_int::try_from(pointers.len()).context("too many arguments")?;
        // SAFETY: `pointers` has `count` NUL-terminated strings that outlive the call. The engine
        // copies them.
        let handle = unsafe { (self.functions.connect)(count, pointers.as_mut_ptr()) };
        let handle = NonNull::new(handle).context("the ClickHouse engine did not start")?;
        Ok(Connection { library: Arc::clone(self), handle, _not_sync: PhantomData })
    }
}

fn load_functions(library: &libloading::Library) -> anyhow::Result<Functions> {
    macro_rules! function {
        ($name:literal) => {{
            // SAFETY: the inferred type is the type of the field, which matches the header of the
            // engine.
            let symbol = unsafe { library.get(concat!($name, "\0").as_bytes()) };
            *symbol.with_context(|| format!("the library lacks {}", $name))?
        }};
    }
    Ok(Functions {
        connect: function!("chdb_connect"),
        close: function!("chdb_close_conn"),
        query: function!("chdb_query_with_params_n"),
        stream_query: function!("chdb_stream_query_with_params_n"),
        stream_fetch: function!("chdb_stream_fetch_result"),
        stream_cancel: function!("chdb_stream_cancel_query"),
        stream_insert: function!("chdb_stream_insert_with_params_n"),
        insert_append: function!("chdb_stream_append"),
        insert_done: function!("chdb_stream_done"),
        insert_error: function!("chdb_stream_insert_error"),
        insert_destroy: function!("chdb_destroy_insert_stream"),
        result_destroy: function!("chdb_destroy_query_result"),
        result_buffer: function!("chdb_result_buffer"),
        result_length: function!("chdb_result_length"),
        result_error: function!("chdb_result_error"),
        storage_rows_read: function!("chdb_result_storage_rows_read"),
        storage_bytes_read: function!("chdb_result_storage_bytes_read"),
        rows_written: function!("chdb_result_rows_written"),
        bytes_written: function!("chdb_result_bytes_written"),
    })
}

/// One connection: runs one statement at a time.
pub struct Connection {
    library: Arc<Library>,
    handle: NonNull<RawConnection>,
    /// A raw pointer is neither `Send` nor `Sync`: a connection stays on the thread that opened it.
    _not_sync: PhantomData<*const ()>,
}

impl Connection {
    fn raw(&self) -> RawConnection {
        // SAFETY: `handle` comes from `connect` and is closed only on drop. It points to the
        // connection.
        unsafe { *self.handle.as_ptr() }
    }

    fn start(&self, function: Query, sql: &str, format: &str, params: &Params) -> *mut c_void {
        let names: Vec<_> = params.iter().map(|(name, _)| name.as_ptr().cast::<c_char>()).collect();
        let name_lengths: Vec<_> = params.iter().map(|(name, _)| name.len()).collect();
        let values: Vec<_> = params.iter().map(|(_, value)| value.as_ptr().cast::<c_char>()).collect();
        let value_lengths: Vec<_> = params.iter().map(|(_, value)| value.len()).collect();
        // SAFETY: all texts are passed with their lengths and outlive the call, in which the engine
        // copies them. The four arrays have `params.len()` entries each.
        unsafe {
            function(
                self.raw(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                names.as_ptr(),
                name_lengths.as_ptr(),
                values.as_ptr(),
                value_lengths.as_ptr(),
                params.len(),
            )
        }
    }

    /// Runs a statement and returns its whole result. Blocks.
    pub fn query(&mut self, sql: &str, format: &str, params: &Params) -> Result<Output, EngineError> {
        let result = self.start(self.library.functions.query, sql, format, params);
        OwnedResult { library: &self.library, raw: result }.into_output()
    }

    /// Starts a SELECT whose result is fetched in chunks. Blocks.
    ///
    /// # Errors
    /// The engine's error if the text cannot be parsed. Most other errors come with the first
    /// chunk.
    pub fn stream(
        &mut self,
        sql: &str,
        format: &str,
        params: &Params,
    ) -> Result<QueryStream<'_>, EngineError> {
        let raw = self.start(self.library.functions.stream_query, sql, format, params);
        let head = OwnedResult { library: &self.library, raw };
        head.error()?;
        Ok(QueryStream { connection: self, head, ended: false })
    }

    /// Starts an INSERT whose rows follow in `format`. `sql` has no FORMAT clause. Blocks.
    pub fn insert(
        &mut self,
        sql: &str,
        format: &str,
        params: &Params,
    ) -> Result<InsertStream<'_>, EngineError> {
        let raw = self.start(self.library.functions.stream_insert, sql, format, params);
        let stream = InsertStream { connection: self, raw };
        match stream.error() {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: the handle is open and not used again. The streams that borrow it are gone.
        unsafe { (self.library.functions.close)(self.handle.as_ptr()) };
    }
}

/// A result handle, destroyed on drop.
struct OwnedResult<'a> {
    library: &'a Library,
    raw: RawResult,
}

impl OwnedResult<'_> {
    fn error(&self) -> Result<(), EngineError> {
        if self.raw.is_null() {
            return Err(EngineError(
                "Code: 49. DB::Exception: The engine gave no result. (LOGICAL_ERROR)".into(),
            ));
        }
        // SAFETY: `raw` is a live result. The text is NUL-terminated and lives as long as the
        // result.
        unsafe {
            let error = (self.library.functions.result_error)(self.raw);
            if error.is_null() { Ok(()) } else { Err(EngineError(text(error))) }
        }
    }

    fn into_output(self) -> Result<Output, EngineError> {
        self.error()?;
        let functions = &self.library.functions;
        // SAFETY: `raw` is a live result without an error. Its buffer has `length` bytes, which are
        // copied.
        unsafe {
            let length = (functions.result_length)(self.raw);
            let buffer = (functions.result_buffer)(self.raw).cast::<u8>();
            let data = if length == 0 || buffer.is_null() {
                Bytes::new()
            } else {
                Bytes::copy_from_slice(std::slice::from_raw_parts(buffer, length))
            };
            Ok(Output {
                data,
                rows_read: (functions.storage_rows_read)(self.raw),
                bytes_read: (functions.storage_bytes_read)(self.raw),
                rows_written: (functions.rows_written)(self.raw),
                bytes_written: (functions.bytes_written)(self.raw),
            })
        }
    }
}

impl Drop for OwnedResult<'_> {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: the handle is live and is destroyed once.
            unsafe { (self.library.functions.result_destroy)(self.raw) };
        }
    }
}

/// A SELECT that is being read.
pub struct QueryStream<'a> {
    connection: &'a Connection,
    head: OwnedResult<'a>,
    ended: bool,
}

impl QueryStream<'_> {
    /// Returns the next chunk, or `None` at the end. Blocks.
    ///
    /// # Errors
    /// The engine's error. The stream has then ended.
    pub fn next_chunk(&mut self) -> Result<Option<Output>, EngineError> {
        if self.ended {
            return Ok(None);
        }
        let library = &self.connection.library;
        // SAFETY: the connection and the stream are live, and `&mut self` excludes other calls.
        let raw = unsafe { (library.functions.stream_fetch)(self.connection.raw(), self.head.raw) };
        let output = OwnedResult { library, raw }.into_output().inspect_err(|_| self.ended = true)?;
        self.ended = output.data.is_empty();
        Ok((!self.ended).then_some(output))
    }
}

impl Drop for QueryStream<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // SAFETY: the connection and the stream are live. `head` destroys the handle itself.
            unsafe {
                (self.connection.library.functions.stream_cancel)(self.connection.raw(), self.head.raw)
            };
        }
    }
}

/// An INSERT that is being written. Dropping it before [`InsertStream::finish`] cancels it.
pub struct InsertStream<'a> {
    connection: &'a Connection,
    raw: RawInsert,
}

impl InsertStream<'_> {
    fn error(&self) -> Option<EngineError> {
        // SAFETY: the handle is live (the header says that it is never null). The text lives as
        // long as the handle.
        unsafe {
            let error = (self.connection.library.functions.insert_error)(self.raw);
            (!error.is_null()).then(|| EngineError(text(error)))
        }
    }

    /// Appends bytes, cut anywhere. Blocks while the engine is behind. Returns `false` if the
    /// engine has failed; [`InsertStream::finish`] then returns the error.
    pub fn append(&mut self, data: &[u8]) -> bool {
        // SAFETY: the handle is live, and the engine copies the `len` bytes.
        unsafe {
            (self.connection.library.functions.insert_append)(self.raw, data.as_ptr().cast(), data.len()) == 0
        }
    }

    /// Ends the data and waits until it is stored.
    ///
    /// # Errors
    /// The engine's error. Nothing of the last block is stored then.
    pub fn finish(self) -> Result<Output, EngineError> {
        let library = &self.connection.library;
        // SAFETY: the handle is live. It is destroyed on drop, after the result was copied.
        let raw = unsafe { (library.functions.insert_done)(self.raw) };
        OwnedResult { library, raw }.into_output()
    }
}

impl Drop for InsertStream<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is live and is destroyed once. The engine cancels an unfinished
        // insert.
        unsafe { (self.connection.library.functions.insert_destroy)(self.raw) };
    }
}

/// # Safety
/// `pointer` must point to a NUL-terminated text that lives during the call.
unsafe fn text(pointer: *const c_char) -> String {
    debug_assert_ne!(pointer, ptr::null());
    // SAFETY: the caller guarantees this.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}
