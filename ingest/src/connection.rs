//! The open connections of a serving thread. They are closed when they are idle, and all of them
//! are told about a drain. One sweep a few times a second replaces a timer for each request.
//!
//! Invariant: a connection is closed when nothing was answered on it within its time limit, even if
//! it keeps sending a few bytes. A connection with a request in progress is not closed.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use hyper::server::conn::http1;

use crate::config::EdgeConfig;
use crate::request_head::MendedStream;
use crate::routes::Endpoint;

/// The interval of the search for idle connections.
pub const SWEEP_INTERVAL: Duration = Duration::from_millis(250);

/// The largest request head: the longest URL that is kept whole, and the headers of a browser.
const MAX_HEAD_BYTES: usize = 128 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Serve,
    Finish,
    Close,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Control {
    clock: Rc<Cell<u64>>,
    progressed: Cell<u64>,
    has_request: Cell<bool>,
    n_busy: Cell<u32>,
    command: Cell<Command>,
    waker: RefCell<Option<Waker>>,
}

/// Marks a connection as busy while a request is being answered.
pub struct Busy(Rc<Control>);

/// All connections of a thread.
#[derive(Debug, Default)]
pub struct Connections {
    sweeps: Rc<Cell<u64>>,
    next_id: Cell<u64>,
    is_draining: Cell<bool>,
    open: RefCell<HashMap<u64, Rc<Control>>>,
}

impl Control {
    /// Records that a request has arrived or was answered.
    pub fn progress(&self) {
        self.progressed.set(self.clock.get());
        self.has_request.set(true);
    }

    fn command(&self, command: Command) {
        self.command.set(command);
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    fn remember(&self, waker: &Waker) {
        let mut known = self.waker.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }
}

impl Busy {
    /// Keeps the connection from being idle until the value is dropped.
    #[must_use]
    pub fn new(control: &Rc<Control>) -> Self {
        control.n_busy.set(control.n_busy.get() + 1);
        Self(Rc::clone(control))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.n_busy.set(self.0.n_busy.get() - 1);
        self.0.progress();
    }
}

impl Connections {
    /// Returns the number of open connections.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.borrow().len()
    }

    /// Returns whether no connection is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Registers a connection.
    pub fn open(&self) -> (u64, Rc<Control>) {
        let id = self.next_id.replace(self.next_id.get() + 1);
        let control = Rc::new(Control {
            clock: Rc::clone(&self.sweeps),
            progressed: Cell::new(self.sweeps.get()),
            has_request: Cell::new(false),
            n_busy: Cell::new(0),
            command: Cell::new(if self.is_draining.get() { Command::Finish } else { Command::Serve }),
            waker: RefCell::new(None),
        });
        self.open.borrow_mut().insert(id, Rc::clone(&control));
        (id, control)
    }

    /// Forgets a connection.
    pub fn close(&self, id: u64) {
        self.open.borrow_mut().remove(&id);
    }

    /// Asks every connection to end after the request in progress.
    pub fn drain(&self) {
        self.is_draining.set(true);
        for control in self.open.borrow().values() {
            control.command(Command::Finish);
        }
    }

    /// Closes connections that have been idle for too long. Called every [`SWEEP_INTERVAL`].
    pub fn sweep(&self, config: &EdgeConfig) {
        let now = self.sweeps.get() + 1;
        self.sweeps.set(now);
        let n_sweeps = |limit_ms: u64| limit_ms.div_ceil(SWEEP_INTERVAL.as_millis() as u64) + 1;
        let (first, later) = (n_sweeps(config.header_timeout_ms), n_sweeps(config.keep_alive_ms));
        for control in self.open.borrow().values() {
            let limit = if control.has_request.get() { later } else { first };
            if control.n_busy.get() == 0 && now - control.progressed.get() > limit {
                control.command(Command::Close);
            }
        }
    }
}

/// Returns the HTTP settings of every connection.
#[must_use]
pub fn http() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // The sweep enforces the time limits: the timer of hyper would be set again for each request.
    builder.header_read_timeout(None).pipeline_flush(true).max_buf_size(MAX_HEAD_BYTES);
    builder
}

/// Serves a connection until either side ends it.
pub async fn serve(connection: http1::Connection<MendedStream, Endpoint>, control: Rc<Control>) {
    let mut connection = pin!(connection);
    let mut is_told = false;
    poll_fn(|context| {
        match control.command.get() {
            Command::Close => return Poll::Ready(()),
            Command::Finish if !is_told => {
                is_told = true;
                connection.as_mut().graceful_shutdown();
            }
            Command::Serve | Command::Finish => {}
        }
        control.remember(context.waker());
        connection.as_mut().poll(context).map(|result| {
            if let Err(error) = result {
                tracing::debug!(%error, "a connection ended");
            }
        })
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connections_are_closed_and_busy_ones_are_not() {
        let connections = Connections::default();
        let config = EdgeConfig { header_timeout_ms: 500, keep_alive_ms: 1000, ..EdgeConfig::default() };
        let (_, silent) = connections.open();
        let (_, idle) = connections.open();
        let (busy_id, busy) = connections.open();
        idle.progress();
        let held = Busy::new(&busy);
        let closed_after = |control: &Control| (control.command.get() == Command::Close).then_some(());
        for _ in 0..4 {
            connections.sweep(&config);
        }
        assert_eq!((closed_after(&silent), closed_after(&idle)), (Some(()), None));
        for _ in 0..3 {
            connections.sweep(&config);
        }
        assert_eq!((closed_after(&idle), closed_after(&busy)), (Some(()), None));
        drop(held);
        connections.close(busy_id);
        assert_eq!(connections.len(), 2);
        connections.drain();
        assert_eq!(busy.command.get(), Command::Serve);
        assert_eq!(connections.open().1.command.get(), Command::Finish);
    }
}
