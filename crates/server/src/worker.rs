//! A worker thread: one runtime, one engine, and the connections that live on it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fanfare_engine::{Broker, CloseReason, ConnId, Endpoint, Load, Worker};
use fanfare_fanout::Transmit;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, spawn_local};

use crate::connection;
use crate::process::{self, CoreTime, now};
use crate::stream::{Accepted, Stream};

/// Bytes read at once. All connections of a worker read into the same buffer, so an idle one holds none.
const READ_BYTES: usize = 64 * 1024;

/// Time is looked at after this many visits, since looking costs about as much as a tenth of one.
const VISITS_PER_LOOK: usize = 8;

/// How often time-dependent limits are checked.
const TICK: Duration = Duration::from_millis(100);

/// Dropped messages are logged once a second for each client, however many they are.
const TICKS_PER_REPORT: u64 = 10;

/// What the accepting side and the other workers know of a worker.
pub(crate) struct Handle {
    pub(crate) incoming: mpsc::UnboundedSender<(Accepted, Endpoint)>,
    /// Connections assigned to it.
    pub(crate) connections: Arc<AtomicUsize>,
    pub(crate) thread: std::thread::JoinHandle<std::io::Result<usize>>,
}

/// What a worker's thread starts with.
pub(crate) struct Setup {
    pub(crate) id: usize,
    pub(crate) broker: Arc<Broker>,
    pub(crate) incoming: mpsc::UnboundedReceiver<(Accepted, Endpoint)>,
    pub(crate) connections: Arc<AtomicUsize>,
    /// Told when another worker has put something into the mailbox.
    pub(crate) mailbox: Arc<Notify>,
    /// True when draining has taken long enough.
    pub(crate) stop: watch::Receiver<bool>,
}

/// What the tasks of one worker share.
pub(crate) struct Shared {
    pub(crate) core: RefCell<Core>,
    /// There are connections to visit.
    flush: Notify,
}

struct Connection {
    stream: Rc<Stream>,
    reader: AbortHandle,
    /// Waits until the socket takes bytes again.
    writer: Option<AbortHandle>,
    /// Told when reading may go on.
    gate: Rc<Notify>,
}

/// How a read ended.
pub(crate) enum Read {
    /// The connection is closed.
    Closed,
    /// Wait until the socket is readable (again).
    Later,
    /// The buffer was filled: there is more.
    More,
}

/// The worker's state; borrowed for a stretch of work, never across an await.
pub(crate) struct Core {
    pub(crate) worker: Worker,
    read_buffer: Box<[u8]>,
    connections: Vec<Option<Connection>>,
    count: Arc<AtomicUsize>,
}

/// Runs a worker until it is drained or told to stop; returns the connections that were cut off.
pub(crate) fn run(setup: Setup) -> std::io::Result<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    Ok(local.block_on(&runtime, serve(setup)))
}

async fn serve(setup: Setup) -> usize {
    let Setup { id, broker, mut incoming, connections, mailbox, mut stop } = setup;
    let shared = Rc::new(Shared {
        core: RefCell::new(Core {
            worker: Worker::new(broker, id),
            read_buffer: vec![0; READ_BYTES].into(),
            connections: Vec::new(),
            count: connections,
        }),
        flush: Notify::new(),
    });
    spawn_local(flush(Rc::clone(&shared)));
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_accepting = true;
    let mut ticks = 0_u64;
    let mut meter = LoadMeter::new();
    loop {
        tokio::select! {
            accepted = incoming.recv(), if is_accepting => match accepted {
                Some((accepted, endpoint)) => shared.core.borrow_mut().open(&shared, accepted, endpoint),
                None => is_accepting = false,
            },
            () = mailbox.notified() => shared.core.borrow_mut().finish_turn(&shared),
            _ = tick.tick() => {
                let mut core = shared.core.borrow_mut();
                core.worker.handle_timeout(now(), meter.load());
                ticks += 1;
                if ticks.is_multiple_of(TICKS_PER_REPORT) {
                    while let Some((client, messages, bytes)) = core.worker.poll_dropped() {
                        tracing::warn!(client, messages, bytes, "dropped: the subscriber is too slow");
                    }
                }
                core.after_turn(&shared);
            }
            _ = stop.wait_for(|stop| *stop) => break,
        }
        if shared.core.borrow().worker.is_drained() {
            break;
        }
    }
    shared.core.borrow().worker.len()
}

/// Looks at what the scheduler gives this thread.
struct LoadMeter {
    looked_at: Instant,
    before: CoreTime,
}

impl LoadMeter {
    fn new() -> Self {
        Self { looked_at: Instant::now(), before: process::core_time() }
    }

    /// The load since the last look.
    fn load(&mut self) -> Load {
        let (at, now) = (Instant::now(), process::core_time());
        let elapsed_ns = (at - std::mem::replace(&mut self.looked_at, at)).as_nanos() as f64;
        let before = std::mem::replace(&mut self.before, now);
        let waited_ns = now.waited_ns.saturating_sub(before.waited_ns) as f64;
        let wanted_ns = waited_ns + now.ran_ns.saturating_sub(before.ran_ns) as f64;
        Load { wanted: wanted_ns / elapsed_ns.max(1.0), waited: waited_ns / wanted_ns.max(1.0) }
    }
}

/// Visits the connections that have something to be sent, in short slices between which input is read.
async fn flush(shared: Rc<Shared>) {
    loop {
        let pause_us = shared.core.borrow().worker.pause_us();
        if let Some(pause_us) = pause_us {
            tokio::select! {
                biased;
                () = shared.flush.notified() => {}
                () = tokio::time::sleep(Duration::from_micros(pause_us)) => {
                    shared.core.borrow_mut().finish_turn(&shared);
                }
            }
        } else {
            shared.flush.notified().await;
        }
        while shared.core.borrow_mut().visit(&shared) {
            tokio::task::yield_now().await;
        }
    }
}

impl Core {
    fn open(&mut self, shared: &Rc<Shared>, accepted: Accepted, endpoint: Endpoint) {
        let address = endpoint.address.clone();
        let stream = match Stream::register(accepted) {
            Ok(stream) => Rc::new(stream),
            Err(error) => {
                tracing::warn!(address, error = %error, "a connection can't be watched");
                self.count.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        };
        let conn = self.worker.open(endpoint, now());
        tracing::debug!(client = self.worker.client_id(conn), address, "connected");
        let gate = Rc::new(Notify::new());
        let reader =
            spawn_local(connection::read(Rc::clone(shared), conn, Rc::clone(&stream), Rc::clone(&gate))).abort_handle();
        let at = conn as usize;
        if self.connections.len() <= at {
            self.connections.resize_with(at + 1, || None);
        }
        self.connections[at] = Some(Connection { stream, reader, writer: None, gate });
        self.after_turn(shared);
    }

    /// Reads once from a socket that is ready and handles what came.
    pub(crate) fn read(&mut self, shared: &Rc<Shared>, conn: ConnId, stream: &Stream) -> Read {
        if !self.worker.may_read(conn) {
            return Read::Later;
        }
        match stream.try_read(&mut self.read_buffer) {
            Ok(0) => {
                self.close(shared, conn, CloseReason::ClientClosed);
                Read::Closed
            }
            Ok(count) => {
                self.handle_input(shared, conn, count);
                if count == self.read_buffer.len() { Read::More } else { Read::Later }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Read::Later,
            Err(error) => {
                tracing::debug!(client = self.worker.client_id(conn), error = %error, "reading failed");
                self.close(shared, conn, CloseReason::IoError);
                Read::Closed
            }
        }
    }

    /// Handles the first `count` bytes of the read buffer.
    fn handle_input(&mut self, shared: &Rc<Shared>, conn: ConnId, count: usize) {
        let now = now();
        self.worker.handle_input(conn, &self.read_buffer[..count], now);
        self.worker.finish_turn(now);
        // Replies go out before the fan-out.
        self.transmit(shared, conn);
        self.after_turn(shared);
    }

    fn close(&mut self, shared: &Rc<Shared>, conn: ConnId, reason: CloseReason) {
        self.worker.close(conn, reason);
        self.finish_turn(shared);
    }

    fn finish_turn(&mut self, shared: &Rc<Shared>) {
        self.worker.finish_turn(now());
        self.after_turn(shared);
    }

    /// Acts on what a turn has brought about.
    fn after_turn(&mut self, shared: &Rc<Shared>) {
        loop {
            if let Some(conn) = self.worker.poll_ready() {
                let now = now();
                self.worker.handle_input(conn, &[], now);
                self.worker.finish_turn(now);
                self.transmit(shared, conn);
                if let Some(Some(connection)) = self.connections.get(conn as usize) {
                    connection.gate.notify_one();
                }
            } else if let Some((conn, client, reason)) = self.worker.poll_closed() {
                self.drop_connection(conn, client, reason);
            } else {
                break;
            }
        }
        if self.worker.has_dirty() {
            shared.flush.notify_one();
        }
    }

    fn drop_connection(&mut self, conn: ConnId, client: u64, reason: CloseReason) {
        let Some(connection) = self.connections.get_mut(conn as usize).and_then(Option::take) else { return };
        connection.reader.abort();
        if let Some(writer) = connection.writer {
            writer.abort();
        }
        self.count.fetch_sub(1, Ordering::Relaxed);
        match reason {
            CloseReason::OutboxHardLimit | CloseReason::OutboxSoftLimit | CloseReason::QueryBufferLimit => {
                tracing::warn!(client, reason = reason.name(), "closed: over a limit");
            }
            CloseReason::CrossProtocol => {
                tracing::warn!(
                    client,
                    "closed: it sent an HTTP request, perhaps a page's attempt to reach this server"
                );
            }
            _ => tracing::debug!(client, reason = reason.name(), "closed"),
        }
    }

    /// Visits connections for a slice of time; true if some are left.
    fn visit(&mut self, shared: &Rc<Shared>) -> bool {
        let began = Instant::now();
        let slice = Duration::from_micros(self.worker.flush_slice_us());
        let mut visits = 0;
        while let Some(conn) = self.worker.next_dirty() {
            self.transmit(shared, conn);
            visits += 1;
            if visits % VISITS_PER_LOOK == 0 && began.elapsed() >= slice {
                break;
            }
        }
        self.finish_turn(shared);
        self.worker.has_dirty()
    }

    /// Sends what is queued for a connection, as far as its socket takes it.
    fn transmit(&mut self, shared: &Rc<Shared>, conn: ConnId) {
        let Some(Some(connection)) = self.connections.get_mut(conn as usize) else { return };
        let stream = &connection.stream;
        match self.worker.transmit(conn, |slices| stream.try_write(slices)) {
            Transmit::Blocked => {
                if connection.writer.as_ref().is_none_or(AbortHandle::is_finished) {
                    let writer = spawn_local(await_writable(Rc::clone(shared), conn, Rc::clone(stream)));
                    connection.writer = Some(writer.abort_handle());
                }
            }
            Transmit::Failed(error) => {
                tracing::debug!(conn, error = %error, "writing failed");
            }
            Transmit::Drained | Transmit::Pending => {}
        }
    }
}

/// Goes on sending to a blocked connection when its socket takes bytes again, until all is sent.
async fn await_writable(shared: Rc<Shared>, conn: ConnId, stream: Rc<Stream>) {
    loop {
        // An error shows in the write that follows.
        let _ = stream.writable().await;
        let mut core = shared.core.borrow_mut();
        core.worker.unblock(conn);
        let result = core.worker.transmit(conn, |slices| stream.try_write(slices));
        if !matches!(result, Transmit::Blocked) {
            if let Some(Some(connection)) = core.connections.get_mut(conn as usize) {
                connection.writer = None;
            }
            core.finish_turn(&shared);
            return;
        }
    }
}
