//! A worker thread: one event loop, one engine, and the connections that live on it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fanfare_engine::{Broker, CloseReason, ConnId, Endpoint, FailedLogin, Worker};
use fanfare_fanout::Transmit;
use mio::event::Event;
use mio::{Events, Poll, Registry, Token, Waker};

use crate::connection::{Connection, Input};
use crate::process::{LoadMeter, now};
use crate::stream::{READ_BYTES, Stream, Taken};
use crate::tls::{Buffers, HANDSHAKE, Handshakes};

/// Events taken at once; what more there is comes with the next look.
const EVENTS_MAX: usize = 256;

/// Time is looked at after this many visits, since looking costs about as much as a tenth of one.
const VISITS_PER_LOOK: usize = 8;

/// How often time-dependent limits are checked.
const TICK: Duration = Duration::from_millis(100);

/// Dropped messages are logged once a second for each client, however many they are.
const TICKS_PER_REPORT: u64 = 10;

/// The event of a worker's waker; those of connections have their number, those of handshakes with [`HANDSHAKE`].
pub(crate) const WAKE: Token = Token(usize::MAX);

/// What the accepting side and the other workers know of a worker.
pub(crate) struct Handle {
    /// It takes what is here when it is woken.
    pub(crate) incoming: mpsc::Sender<(Stream, Endpoint)>,
    /// Connections assigned to it.
    pub(crate) connections: Arc<AtomicUsize>,
    pub(crate) thread: std::thread::JoinHandle<io::Result<usize>>,
}

/// Has a worker look at what has come for it.
pub(crate) fn wake(waker: &Waker) {
    if let Err(error) = waker.wake() {
        tracing::error!(error = %error, "a worker can't be woken");
    }
}

/// What a worker's thread starts with.
pub(crate) struct Setup {
    pub(crate) id: usize,
    pub(crate) broker: Arc<Broker>,
    /// It has a waker: of other workers that have put something into the mailbox, of the accepting side, and to stop.
    pub(crate) poll: Poll,
    pub(crate) incoming: mpsc::Receiver<(Stream, Endpoint)>,
    pub(crate) connections: Arc<AtomicUsize>,
    /// True when it is to end, though not everything is sent.
    pub(crate) stop: Arc<AtomicBool>,
}

/// Runs a worker until it is drained or told to stop; returns the connections that were cut off.
///
/// One turn reads once from each connection that has sent something, then goes on with handshakes and visits those to be
/// sent to for a slice of time each: neither a fast sender nor a long round of either delays anyone by more than that.
pub(crate) fn run(setup: Setup) -> io::Result<usize> {
    let Setup { id, broker, mut poll, incoming, connections, stop } = setup;
    let mut core = Core {
        worker: Worker::new(broker, id),
        read_buffer: vec![0; READ_BYTES].into(),
        tls_buffers: Buffers::default(),
        handshakes: Handshakes::default(),
        connections: Vec::new(),
        readable: VecDeque::new(),
        count: connections,
    };
    let mut ticker = Ticker { next: Instant::now(), ticks: 0, meter: LoadMeter::new() };
    let mut events = Events::with_capacity(EVENTS_MAX);
    while !core.worker.is_drained() && !stop.load(Ordering::Relaxed) {
        let wait = core.wait(ticker.next);
        match poll.poll(&mut events, Some(wait.unwrap_or_default())) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let mut is_woken = false;
        for event in &events {
            if event.token() == WAKE {
                is_woken = true;
            } else if event.token().0 & HANDSHAKE != 0 {
                core.handshakes.handle_event(event);
            } else {
                core.handle_event(event);
            }
        }
        if is_woken {
            while let Ok((stream, endpoint)) = incoming.try_recv() {
                core.take(poll.registry(), stream, endpoint);
            }
        }
        // A wait that ended by itself may be one that the engine asked for.
        if is_woken || (wait.is_some() && events.is_empty()) {
            core.finish_turn();
        }
        for _ in 0..core.readable.len() {
            if let Some(conn) = core.readable.pop_front() {
                core.read(conn);
            }
        }
        if core.handshakes.has_readable() {
            core.shake_hands(poll.registry());
        }
        ticker.tick(&mut core);
        if core.worker.has_dirty() {
            core.visit();
        }
    }
    Ok(core.worker.len())
}

/// The worker's state.
struct Core {
    worker: Worker,
    read_buffer: Box<[u8]>,
    tls_buffers: Buffers,
    handshakes: Handshakes,
    connections: Vec<Option<Connection>>,
    /// Connections whose input is [`Input::Queued`]; one that has gone, or came in its place, may be among them.
    readable: VecDeque<ConnId>,
    count: Arc<AtomicUsize>,
}

impl Core {
    /// How long to wait for events, `None` while there is work left.
    fn wait(&self, tick: Instant) -> Option<Duration> {
        if !self.readable.is_empty() || self.worker.has_dirty() || self.handshakes.has_readable() {
            return None;
        }
        let until_tick = tick.saturating_duration_since(Instant::now());
        Some(self.worker.timeout_us().map_or(until_tick, |us| until_tick.min(Duration::from_micros(us))))
    }

    /// Takes a new connection in; one with TLS becomes the engine's once its handshake is over.
    fn take(&mut self, registry: &Registry, stream: Stream, endpoint: Endpoint) {
        match stream {
            Stream::Tls(stream) => {
                if let Err(error) = self.handshakes.begin(registry, stream, endpoint) {
                    tracing::warn!(error = %error, "a connection can't be watched");
                    self.count.fetch_sub(1, Ordering::Relaxed);
                }
            }
            stream => self.open(registry, stream, endpoint),
        }
    }

    /// Goes on with handshakes for a slice of time: each step may cost as much as a hundred small requests.
    fn shake_hands(&mut self, registry: &Registry) {
        let began = Instant::now();
        let slice = Duration::from_micros(self.worker.flush_slice_us());
        while self.handshakes.has_readable() {
            match self.handshakes.step(&mut self.tls_buffers) {
                None => {}
                Some(Ok((stream, endpoint))) => self.open(registry, Stream::Tls(stream), endpoint),
                Some(Err(error)) => {
                    tracing::debug!(error = %error, "a TLS handshake failed");
                    self.count.fetch_sub(1, Ordering::Relaxed);
                }
            }
            if began.elapsed() >= slice {
                break;
            }
        }
    }

    fn open(&mut self, registry: &Registry, mut stream: Stream, endpoint: Endpoint) {
        let address = endpoint.address.clone();
        let conn = self.worker.open(endpoint, now());
        let client = self.worker.client_id(conn);
        if let Err(error) = stream.register(registry, Token(conn as usize)) {
            tracing::warn!(client, error = %error, "a connection can't be watched");
            self.worker.close(conn, CloseReason::IoError);
        }
        tracing::debug!(client, %address, "connected");
        let at = conn as usize;
        if self.connections.len() <= at {
            self.connections.resize_with(at + 1, || None);
        }
        let mut connection = Connection::new(stream);
        if let Stream::Tls(_) = connection.stream {
            // Its first request may have come with the end of the handshake.
            connection.input = Input::Queued;
            self.readable.push_back(conn);
        }
        self.connections[at] = Some(connection);
        self.after_turn();
    }

    /// Takes note that a connection's socket has input, and goes on sending if it was blocked.
    ///
    /// A failure or the peer's end shows in the read or write that follows.
    fn handle_event(&mut self, event: &Event) {
        let conn = event.token().0 as ConnId;
        let Some(Some(connection)) = self.connections.get_mut(conn as usize) else { return };
        let is_lost = event.is_error();
        connection.is_ended |= is_lost || event.is_read_closed();
        if (connection.is_ended || event.is_readable()) && connection.input == Input::Awaited {
            connection.input = Input::Queued;
            self.readable.push_back(conn);
        }
        let is_writable = is_lost || event.is_writable() || event.is_write_closed();
        if is_writable && connection.stream.is_flushed() && std::mem::take(&mut connection.is_blocked) {
            self.worker.unblock(conn);
            self.transmit(conn);
            self.finish_turn();
        }
    }

    /// Reads once from a connection's socket and handles what came.
    fn read(&mut self, conn: ConnId) {
        let Some(Some(connection)) = self.connections.get_mut(conn as usize) else { return };
        if connection.input != Input::Queued {
            return;
        }
        if !self.worker.may_read(conn) {
            connection.input = Input::Held;
            return;
        }
        connection.input = Input::Awaited;
        match connection.stream.read(&mut self.read_buffer, &mut self.tls_buffers) {
            Ok(Taken::End) => self.close(conn, CloseReason::ClientClosed),
            Ok(Taken::Bytes { count, has_more }) => {
                if has_more || connection.is_ended {
                    connection.input = Input::Queued;
                    self.readable.push_back(conn);
                }
                self.handle_input(conn, count);
                self.after_turn();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                tracing::debug!(client = self.worker.client_id(conn), error = %error, "reading failed");
                self.close(conn, CloseReason::IoError);
            }
        }
    }

    /// Handles the first `count` bytes of the read buffer.
    fn handle_input(&mut self, conn: ConnId, count: usize) {
        let now = now();
        self.worker.handle_input(conn, &self.read_buffer[..count], now);
        self.worker.finish_turn(now);
        // Replies go out before the fan-out.
        self.transmit(conn);
    }

    fn close(&mut self, conn: ConnId, reason: CloseReason) {
        self.worker.close(conn, reason);
        self.finish_turn();
    }

    fn finish_turn(&mut self) {
        self.worker.finish_turn(now());
        self.after_turn();
    }

    /// Acts on what a turn has brought about.
    fn after_turn(&mut self) {
        loop {
            if let Some(conn) = self.worker.poll_ready() {
                self.handle_input(conn, 0);
                if let Some(Some(connection)) = self.connections.get_mut(conn as usize)
                    && connection.input == Input::Held
                {
                    connection.input = Input::Queued;
                    self.readable.push_back(conn);
                }
            } else if let Some((conn, client, reason)) = self.worker.poll_closed() {
                self.drop_connection(conn, client, reason);
            } else {
                break;
            }
        }
    }

    fn drop_connection(&mut self, conn: ConnId, client: u64, reason: CloseReason) {
        // Its end closes the socket, of which no event comes any more.
        let Some(connection) = self.connections.get_mut(conn as usize).and_then(Option::take) else { return };
        connection.stream.close();
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
            CloseReason::UnauthenticatedTimeout => {
                tracing::info!(client, reason = reason.name(), "closed: it has not logged in in time");
            }
            _ => tracing::debug!(client, reason = reason.name(), "closed"),
        }
    }

    /// Visits connections that have something to be sent, for a slice of time.
    fn visit(&mut self) {
        let began = Instant::now();
        let slice = Duration::from_micros(self.worker.flush_slice_us());
        let mut visits = 0;
        while let Some(conn) = self.worker.next_dirty() {
            self.transmit(conn);
            visits += 1;
            if visits % VISITS_PER_LOOK == 0 && began.elapsed() >= slice {
                break;
            }
        }
        self.finish_turn();
    }

    /// Sends what is queued for a connection, as far as its socket takes it.
    fn transmit(&mut self, conn: ConnId) {
        let Some(Some(connection)) = self.connections.get_mut(conn as usize) else { return };
        let (stream, buffers) = (&mut connection.stream, &mut self.tls_buffers);
        match self.worker.transmit(conn, |slices| stream.write(slices, buffers)) {
            Transmit::Blocked => connection.is_blocked = true,
            Transmit::Failed(error) => tracing::debug!(conn, error = %error, "writing failed"),
            Transmit::Drained | Transmit::Pending => {}
        }
    }
}

/// Looks some times a second at what depends on time.
struct Ticker {
    next: Instant,
    ticks: u64,
    meter: LoadMeter,
}

impl Ticker {
    fn tick(&mut self, core: &mut Core) {
        let at = Instant::now();
        if at < self.next {
            return;
        }
        self.next = at + TICK;
        core.worker.handle_timeout(now(), self.meter.load());
        let expired = core.handshakes.expire(at);
        if expired > 0 {
            tracing::debug!(expired, "TLS handshakes took too long");
            core.count.fetch_sub(expired, Ordering::Relaxed);
        }
        self.ticks += 1;
        if self.ticks.is_multiple_of(TICKS_PER_REPORT) {
            while let Some((client, messages, bytes)) = core.worker.poll_dropped() {
                tracing::warn!(client, messages, bytes, "dropped: the subscriber is too slow");
            }
            while let Some(FailedLogin { client, address, user, count }) = core.worker.poll_failed_login() {
                tracing::warn!(client, %address, user, count, "a login failed");
            }
        }
        core.after_turn();
    }
}
