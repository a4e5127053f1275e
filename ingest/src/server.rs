//! The listeners and the serving threads. Each thread has its own runtime and its own listeners on
//! the same ports (`SO_REUSEPORT`), so the kernel distributes the connections and the threads share
//! nothing.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::LocalOptions;
use tokio_util::sync::CancellationToken;

use crate::connection::{self, Connections, SWEEP_INTERVAL};
use crate::pixel::Peer;
use crate::request_head::{HeadState, MendedStream, Space};
use crate::routes::Endpoint;
use crate::worker::Worker;

const BACKLOG: i32 = 4096;
const NO_DESCRIPTORS_PAUSE: Duration = Duration::from_millis(50);
const DRAIN_POLL: Duration = Duration::from_millis(5);

/// A listener of one thread.
#[derive(Debug)]
pub struct Bound {
    listener: StdListener,
    trusts_proxies: bool,
}

/// Binds one address once per thread. Returns the listeners and the bound address.
///
/// # Errors
/// When the address cannot be bound, for example because another edge uses it.
pub fn bind(
    address: SocketAddr,
    n_threads: usize,
    trusts_proxies: bool,
) -> io::Result<(Vec<Bound>, SocketAddr)> {
    // Only the threads of this process may share a port. If another process uses it, this fails.
    let probe = open(address, false)?;
    let bound = probe.local_addr()?.as_socket().unwrap_or(address);
    drop(probe);
    let listen = || {
        let socket = open(bound, true)?;
        socket.listen(BACKLOG)?;
        Ok(Bound { listener: socket.into(), trusts_proxies })
    };
    let listeners = (0..n_threads).map(|_| listen()).collect::<io::Result<Vec<_>>>();
    let listeners = listeners
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {bound}: {error}")))?;
    Ok((listeners, bound))
}

fn open(address: SocketAddr, is_shared: bool) -> io::Result<Socket> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(is_shared)?;
    // Connections inherit this from their listener.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into()).map_err(named)?;
    Ok(socket)
}

/// Serves on this thread until the drain, and then until every request is answered or the time
/// limit of the drain is over.
pub fn run(
    worker: Worker,
    listeners: Vec<Bound>,
    draining: &CancellationToken,
    max_connections: usize,
) -> io::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let worker = Rc::new(worker);
    runtime.block_on(async {
        let connections = Rc::new(Connections::default());
        let space = Space::default();
        let mut accepting = Vec::new();
        for Bound { listener, trusts_proxies } in listeners {
            let acceptor = Acceptor {
                worker: Rc::clone(&worker),
                connections: Rc::clone(&connections),
                space: space.clone(),
                trusts_proxies,
                max_connections,
            };
            let listener = TcpListener::from_std(listener)?;
            accepting.push(tokio::task::spawn_local(acceptor.run(listener, draining.clone())));
        }
        let sweeping = tokio::task::spawn_local(sweep(Rc::clone(&worker), Rc::clone(&connections)));
        for task in accepting {
            if task.await.is_err() {
                tracing::error!("a listener of this thread stopped accepting connections");
            }
        }
        finish(&worker, &connections).await;
        sweeping.abort();
        Ok(())
    })
}

async fn sweep(worker: Rc<Worker>, connections: Rc<Connections>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        connections.sweep(&worker.config);
    }
}

async fn finish(worker: &Worker, connections: &Connections) {
    connections.drain();
    let all_ended = async {
        while !connections.is_empty() {
            tokio::time::sleep(DRAIN_POLL).await;
        }
    };
    let patience = Duration::from_millis(worker.config.drain_ms);
    if tokio::time::timeout(patience, all_ended).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "the time limit of the drain is over; open connections are closed"
        );
    }
}

struct Acceptor {
    worker: Rc<Worker>,
    connections: Rc<Connections>,
    space: Space,
    trusts_proxies: bool,
    max_connections: usize,
}

impl Acceptor {
    async fn run(self, listener: TcpListener, draining: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = draining.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer),
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(NO_DESCRIPTORS_PAUSE).await;
                }
            }
        }
        // Closing the listener would reset the connections that the kernel has already accepted.
        while let Some(Ok((stream, peer))) = accept_now(&listener).await {
            self.take(stream, peer);
        }
    }

    fn take(&self, stream: TcpStream, address: SocketAddr) {
        if self.connections.len() >= self.max_connections {
            self.worker.counters.refused();
            return;
        }
        self.worker.counters.opened();
        let (id, control) = self.connections.open();
        let peer = Peer { address: address.ip(), trusts_proxies: self.trusts_proxies };
        let head = Rc::new(HeadState::default());
        let stream = MendedStream::new(stream, self.space.clone(), Rc::clone(&head));
        let endpoint = Endpoint { worker: Rc::clone(&self.worker), peer, control: Rc::clone(&control), head };
        let connection = connection::http().serve_connection(stream, endpoint);
        let closing =
            Closing { id, worker: Rc::clone(&self.worker), connections: Rc::clone(&self.connections) };
        tokio::task::spawn_local(async move {
            connection::serve(connection, control).await;
            drop(closing);
        });
    }
}

/// Returns one connection that is waiting now, without waiting for another.
async fn accept_now(listener: &TcpListener) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    tokio::select! {
        biased;
        accepted = listener.accept() => Some(accepted),
        () = std::future::ready(()) => None,
    }
}

/// Returns whether the connection was gone before it was accepted.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// Removes a connection from the list when its task ends, however it ends.
struct Closing {
    id: u64,
    worker: Rc<Worker>,
    connections: Rc<Connections>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.connections.close(self.id);
        self.worker.counters.closed();
    }
}
