//! One worker: its sessions, the execution of their requests, and its end of the fan-out.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fanfare_fanout::{Event, Fanout, Kind, Load, OutboxLimits, Overflow, SlowPolicy, SubscriberId, Transmit, WorkerId};
use fanfare_keyspace::Keyspace;
use fanfare_wire::{Dialect, Protocol, RequestArgs};
use parking_lot::{ArcMutexGuard, RawMutex};

use crate::acl::{FailedLogin, FailedLogins};
use crate::broker::{Barrier, Broker, Control, EXPIRING_WORKER};
use crate::client::{Client, Endpoint};
use crate::close::CloseReason;
use crate::session::{Session, Stall};
use crate::settings::{OutputLimit, Settings, SlowSubscriberPolicy};
use crate::stats::TurnStats;

mod access;
mod request;

/// A connection's number on its worker; reused after it has closed.
pub type ConnId = SubscriberId;

/// A connection that is to close once its replies are out gets this long to take them.
const CLOSING_US_MAX: u64 = 5_000_000;

/// The time, as the outside reads it once a turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Microseconds of a clock that never goes back.
    pub monotonic_us: u64,
    /// Unix time in microseconds.
    pub unix_us: u64,
}

/// The engine of one worker thread.
///
/// Order of calls: [`Worker::handle_input`] for each connection that sent something, then [`Worker::finish_turn`];
/// then [`Worker::transmit`] for the connections that [`Worker::next_dirty`] names; whenever they have something,
/// [`Worker::poll_closed`] (drop that connection) and [`Worker::poll_ready`] (call `handle_input` with nothing new).
/// [`Worker::handle_timeout`] ten times a second.
pub struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) broker: Arc<Broker>,
    pub(crate) fanout: Fanout<Control>,
    sessions: Vec<Option<Box<Session>>>,
    session_count: usize,
    pub(crate) settings: Arc<Settings>,
    settings_version: u64,
    /// Replies of the connection in work, not yet in its outbox.
    pub(crate) out: Vec<u8>,
    /// How often `out` was moved to an outbox.
    flushes: u64,
    args: RequestArgs,
    pub(crate) now: Now,
    pub(crate) turn: TurnStats,
    /// EXEC is running: pushes have to wait for its reply.
    pub(crate) in_exec: bool,
    /// EXEC holds the keys from its first command on them to its end, so that nobody sees half of a transaction.
    pub(crate) held_keyspace: Option<ArcMutexGuard<RawMutex, Keyspace>>,
    /// The id of the client whose requests are in work.
    pub(crate) requester: Option<u64>,
    /// It was told of changed keys by what it did: that comes right behind the reply.
    pub(crate) told_requester: bool,
    /// The entry that the requests in work have to see on the disk before they are answered; 0 for none.
    pub(crate) awaited_entry: u64,
    /// Connections whose replies are held until then.
    awaiting: Vec<ConnId>,
    stalled: Vec<ConnId>,
    /// Connections that are to close once their replies are out.
    closing: Vec<ConnId>,
    ready: VecDeque<ConnId>,
    closed: VecDeque<(ConnId, u64, CloseReason)>,
    /// Messages and bytes dropped since they were last reported, by client.
    dropped: BTreeMap<u64, (u64, u64)>,
    /// Logins that failed since they were last reported.
    pub(crate) failed_logins: FailedLogins,
    is_draining: bool,
}

impl Worker {
    /// Worker number `id` of `broker`, without connections.
    pub fn new(broker: Arc<Broker>, id: WorkerId) -> Self {
        let dialects: [&'static dyn Dialect; 2] = [Protocol::Resp2.dialect(), Protocol::Resp3.dialect()];
        Self {
            id,
            fanout: Fanout::new(Arc::clone(&broker.interest), id, &dialects),
            sessions: Vec::new(),
            session_count: 0,
            settings: broker.settings(),
            settings_version: broker.settings_version(),
            broker,
            out: Vec::new(),
            flushes: 0,
            args: RequestArgs::new(),
            now: Now::default(),
            turn: TurnStats::default(),
            in_exec: false,
            held_keyspace: None,
            requester: None,
            told_requester: false,
            awaited_entry: 0,
            awaiting: Vec::new(),
            stalled: Vec::new(),
            closing: Vec::new(),
            ready: VecDeque::new(),
            closed: VecDeque::new(),
            dropped: BTreeMap::new(),
            failed_logins: FailedLogins::default(),
            is_draining: false,
        }
    }

    /// Takes a new connection.
    pub fn open(&mut self, endpoint: Endpoint, now: Now) -> ConnId {
        self.now = now;
        let gauge = Arc::new(AtomicUsize::new(0));
        let conn = self.fanout.add(Protocol::Resp2 as usize, Arc::clone(&gauge));
        let client = self.broker.clients.add(self.id, conn, endpoint, gauge, now.unix_us);
        let mut session = Session::new(client, self.broker.acl.default_user(), now.monotonic_us);
        // Who has proved its name by a certificate needs no password.
        let certificate_user = session.client.endpoint.certificate_user.as_ref();
        if let Some(user) =
            certificate_user.and_then(|name| self.broker.acl.get(name.as_bytes())).filter(|user| user.is_on())
        {
            session.log_in(user);
        }
        if self.sessions.len() <= conn as usize {
            self.sessions.resize_with(conn as usize + 1, || None);
        }
        self.sessions[conn as usize] = Some(Box::new(session));
        self.session_count += 1;
        self.fanout.set_limits(conn, self.limits(false));
        if self.is_draining {
            self.begin_close_conn(conn, CloseReason::Shutdown);
        }
        self.broker.stats.connections.fetch_add(1, Ordering::Relaxed);
        conn
    }

    /// The connections it has.
    pub const fn len(&self) -> usize {
        self.session_count
    }

    /// Whether it has no connection.
    pub const fn is_empty(&self) -> bool {
        self.session_count == 0
    }

    /// Whether it was told to drain and nothing is left to send.
    pub const fn is_drained(&self) -> bool {
        self.is_draining && self.session_count == 0
    }

    /// Microseconds that visits may take before input is read again.
    pub fn flush_slice_us(&self) -> u64 {
        u64::from(self.settings.flush_slice_us)
    }

    /// The client's id, `None` if the connection has closed.
    pub fn client_id(&self, conn: ConnId) -> Option<u64> {
        Some(self.sessions.get(conn as usize)?.as_ref()?.client.id)
    }

    /// Whether the connection's socket should be read: not while it waits, and not when it is to close.
    ///
    /// In a pause it is read, though nothing is executed, so that a peer that has gone is noticed.
    pub fn may_read(&self, conn: ConnId) -> bool {
        matches!(self.sessions.get(conn as usize), Some(Some(session)) if matches!(session.stall, None | Some(Stall::Paused)) && session.closing.is_none())
    }

    /// Executes the requests that `bytes`, behind what had come before, complete.
    ///
    /// With nothing in `bytes` it goes on with requests that had to wait.
    pub fn handle_input(&mut self, conn: ConnId, bytes: &[u8], now: Now) {
        self.now = now;
        // What was published before these requests came must lie before their replies, also if another worker did it.
        self.fanout.poll_mailbox(now.monotonic_us);
        let Some(mut session) = self.sessions.get_mut(conn as usize).and_then(Option::take) else { return };
        self.turn.input_bytes += bytes.len() as u64;
        self.requester = Some(session.client.id);
        self.awaited_entry = 0;
        self.process(&mut session, conn, bytes);
        self.requester = None;
        if self.awaited_entry > 0 {
            session.awaited_entry = self.awaited_entry;
            self.awaiting.push(conn);
        }
        let closing = session.closing.is_some();
        self.sessions[conn as usize] = Some(session);
        if closing {
            // Nobody waits for its messages any more.
            self.unsubscribe_all(conn);
            if self.fanout.outbox_bytes(conn) == 0 {
                self.close_now(conn);
            } else {
                self.closing.push(conn);
            }
        }
    }

    /// Takes what was published to this worker up to now, so that it lies between this reply and the next.
    pub(crate) fn catch_up(&mut self, conn: ConnId) {
        self.flush_out(conn);
        self.fanout.poll_mailbox(self.now.monotonic_us);
    }

    /// Ends the session once everything queued for it is sent.
    pub(crate) fn begin_close(&self, session: &mut Session, reason: CloseReason) {
        session.closing.get_or_insert(reason);
        session.closing_since_us = self.now.monotonic_us;
        session.client.closing.store(true, Ordering::Relaxed);
        session.tail = Vec::new();
    }

    /// Lets the session wait until `left` clients that were told to close are gone; its reply waits with it.
    pub(crate) fn wait_for(&mut self, session: &mut Session, conn: ConnId, start: usize) -> Barrier {
        session.stall = Some(Stall::Waiting);
        self.silence(session, start);
        session.held_reply = self.out.split_off(start).into();
        Barrier { left: Arc::new(AtomicUsize::new(0)), worker: self.id, conn, id: session.client.id }
    }

    /// The limits of a connection's outbox, by whether it has subscriptions.
    pub(crate) fn limits(&self, is_subscriber: bool) -> OutboxLimits {
        let limits = &self.settings.client_output_buffer_limit;
        let OutputLimit { hard_bytes, soft_bytes, soft_seconds } =
            if is_subscriber { limits.pubsub } else { limits.normal };
        let policy = match self.settings.slow_subscriber_policy {
            _ if !is_subscriber => SlowPolicy::Disconnect,
            SlowSubscriberPolicy::Disconnect => SlowPolicy::Disconnect,
            SlowSubscriberPolicy::DropOldest => SlowPolicy::DropOldest,
            SlowSubscriberPolicy::Latest => SlowPolicy::Latest,
        };
        OutboxLimits { hard_bytes, soft_bytes, soft_ms: u64::from(soft_seconds) * 1000, policy }
    }

    /// Ends a turn: takes what was published, acts on what happened, wakes the other workers.
    pub fn finish_turn(&mut self, now: Now) {
        self.now = now;
        self.expire_keys();
        self.fanout.poll_mailbox(now.monotonic_us);
        loop {
            if let Some(control) = self.fanout.poll_control() {
                self.handle_control(control);
            } else if let Some(event) = self.fanout.poll_event() {
                self.handle_event(event);
            } else {
                break;
            }
        }
        self.update_behind();
        let deliveries = self.fanout.take_deliveries();
        crate::stats::add(&self.broker.stats.deliveries, deliveries);
        self.turn.flush(&self.broker.stats);
        for worker in self.fanout.poll_wake().iter().filter(|worker| *worker != self.id) {
            (self.broker.wake)(worker);
        }
    }

    /// Says how far the visits have got, and lets publishers go on that waited for them.
    pub fn update_behind(&mut self) {
        let resume = self.broker.interest.set_behind(self.id, self.fanout.is_behind());
        for worker in resume.iter() {
            if worker == self.id {
                self.resume(Stall::Window);
            } else {
                self.broker.tell(worker, Control::Resume);
            }
        }
    }

    fn handle_control(&mut self, control: Control) {
        match control {
            Control::Close { conn, id, reason, done } => {
                if self.client_id(conn) == Some(id) {
                    self.close(conn, reason);
                }
                if let Some(barrier) = done
                    && barrier.left.fetch_sub(1, Ordering::AcqRel) == 1
                {
                    self.broker.tell(barrier.worker, Control::Continue { conn: barrier.conn, id: barrier.id });
                }
            }
            Control::Continue { conn, id } => {
                if self.client_id(conn) == Some(id)
                    && let Some(Some(session)) = self.sessions.get_mut(conn as usize)
                {
                    let held = std::mem::take(&mut session.held_reply);
                    session.stall = None;
                    self.fanout.push_own(conn, &held);
                    self.ready.push_back(conn);
                }
            }
            Control::Resume => self.resume(Stall::Window),
            Control::Synced => {
                self.answer_synced();
                self.resume(Stall::Disk);
            }
            Control::Refresh => {
                self.refresh_settings();
                self.resume(Stall::Paused);
            }
            Control::Drain => {
                self.is_draining = true;
                for conn in 0..self.sessions.len() as ConnId {
                    self.begin_close_conn(conn, CloseReason::Shutdown);
                }
            }
        }
    }

    /// Ends a connection once everything queued for it is sent, which may be now.
    fn begin_close_conn(&mut self, conn: ConnId, reason: CloseReason) {
        let Some(Some(session)) = self.sessions.get_mut(conn as usize) else { return };
        session.closing.get_or_insert(reason);
        let holds_reply = session.stall == Some(Stall::Waiting);
        self.unsubscribe_all(conn);
        if self.fanout.outbox_bytes(conn) == 0 && !holds_reply {
            self.close_now(conn);
        }
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Overflow(conn, overflow) => {
                let reason = match overflow {
                    Overflow::Hard => CloseReason::OutboxHardLimit,
                    Overflow::Soft => CloseReason::OutboxSoftLimit,
                };
                self.close(conn, reason);
            }
            Event::Dropped { subscriber, count, bytes } => {
                if let Some(client) = self.client_id(subscriber) {
                    let sum = self.dropped.entry(client).or_default();
                    sum.0 += count;
                    sum.1 += bytes;
                }
                crate::stats::add(&self.broker.stats.dropped_messages, count);
                crate::stats::add(&self.broker.stats.dropped_bytes, bytes);
            }
        }
    }

    /// Lets the sessions that wait for `stall` to end go on.
    fn resume(&mut self, stall: Stall) {
        let sessions = &mut self.sessions;
        let ready = &mut self.ready;
        self.stalled.retain(|conn| {
            let Some(Some(session)) = sessions.get_mut(*conn as usize) else { return false };
            if session.stall == Some(stall) {
                session.stall = None;
                ready.push_back(*conn);
            }
            // A number may have passed to another session, which is then listed once more.
            session.is_listed = session.stall.is_some();
            session.is_listed
        });
    }

    fn refresh_settings(&mut self) {
        let version = self.broker.settings_version();
        if version == self.settings_version {
            return;
        }
        self.settings_version = version;
        self.settings = self.broker.settings();
        for conn in 0..self.sessions.len() {
            if let Some(session) = &self.sessions[conn] {
                let is_subscriber = session.client.subscription_count() > 0;
                self.fanout.set_limits(conn as ConnId, self.limits(is_subscriber));
            }
        }
    }

    /// A connection that may go on with requests that had to wait: call [`Worker::handle_input`] with no bytes.
    pub fn poll_ready(&mut self) -> Option<ConnId> {
        self.ready.pop_front()
    }

    /// A connection that has closed, with its client's id and the reason: its socket is to be dropped.
    pub fn poll_closed(&mut self) -> Option<(ConnId, u64, CloseReason)> {
        self.closed.pop_front()
    }

    /// A client that messages were dropped of since it was last asked for, with their number and bytes: for the log,
    /// some times a second at most.
    pub fn poll_dropped(&mut self) -> Option<(u64, u64, u64)> {
        let (client, (count, bytes)) = self.dropped.pop_first()?;
        Some((client, count, bytes))
    }

    /// Logins that failed at one address since they were last asked for: for the log, some times a second at most.
    pub fn poll_failed_login(&mut self) -> Option<FailedLogin> {
        self.failed_logins.pop()
    }

    /// The connection to visit next.
    pub fn next_dirty(&mut self) -> Option<ConnId> {
        self.fanout.next_dirty()
    }

    /// Microseconds after which to call [`Worker::finish_turn`] though nothing may have happened: a pause is over, or a
    /// key's time has come.
    pub fn timeout_us(&self) -> Option<u64> {
        self.fanout.pause_us().into_iter().chain(self.key_deadline_us()).min()
    }

    /// Whether connections are to be visited now.
    pub fn has_dirty(&self) -> bool {
        self.fanout.has_dirty()
    }

    /// Sends what is queued for a connection through `write`, a vectored write that does not wait.
    ///
    /// After [`Transmit::Blocked`] call [`Worker::unblock`] when the socket takes bytes again.
    pub fn transmit(&mut self, conn: ConnId, mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> Transmit {
        let is_held = self.is_held(conn);
        let turn = &mut self.turn;
        let result = self.fanout.transmit(conn, |slices| {
            if is_held {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let sent = write(slices)?;
            turn.output_bytes += sent as u64;
            Ok(sent)
        });
        match &result {
            Transmit::Failed(_) => self.close(conn, CloseReason::IoError),
            Transmit::Drained => {
                if matches!(self.sessions.get(conn as usize), Some(Some(session)) if session.closing.is_some()) {
                    self.close_now(conn);
                }
            }
            Transmit::Pending | Transmit::Blocked => {}
        }
        result
    }

    /// Whether nothing is sent to a connection, as what it was told would not survive yet.
    fn is_held(&self, conn: ConnId) -> bool {
        // Without `appendfsync always` a visit does not even look at the session.
        !self.awaiting.is_empty() && self.awaits_sync(conn)
    }

    fn awaits_sync(&self, conn: ConnId) -> bool {
        let Some(Some(session)) = self.sessions.get(conn as usize) else { return false };
        session.awaited_entry > 0
            && self.broker.journal.get().is_some_and(|journal| journal.synced() < session.awaited_entry)
    }

    /// Lets the replies go whose entries are on the disk.
    fn answer_synced(&mut self) {
        let mut awaiting = std::mem::take(&mut self.awaiting);
        awaiting.retain(|conn| {
            let is_held = self.awaits_sync(*conn);
            if !is_held && let Some(Some(session)) = self.sessions.get_mut(*conn as usize) {
                session.awaited_entry = 0;
                self.fanout.unblock(*conn);
            }
            is_held
        });
        self.awaiting = awaiting;
    }

    /// The socket of a blocked connection takes bytes again.
    pub fn unblock(&mut self, conn: ConnId) {
        self.fanout.unblock(conn);
    }

    /// Closes a connection whose session has its reason.
    fn close_now(&mut self, conn: ConnId) {
        if let Some(Some(session)) = self.sessions.get(conn as usize) {
            let reason = session.closing.unwrap_or(CloseReason::ClientClosed);
            self.close(conn, reason);
        }
    }

    /// Closes a connection: its subscriptions no longer count when this returns.
    pub fn close(&mut self, conn: ConnId, reason: CloseReason) {
        self.unsubscribe_all(conn);
        let Some(mut session) = self.sessions.get_mut(conn as usize).and_then(Option::take) else { return };
        self.unwatch(&mut session);
        self.stop_tracking(&session.client);
        self.session_count -= 1;
        self.fanout.remove(conn);
        self.broker.clients.remove(session.client.id);
        self.broker.stats.count_close(reason);
        self.closed.push_back((conn, session.client.id, reason));
    }

    fn unsubscribe_all(&mut self, conn: ConnId) {
        if let Some(Some(session)) = self.sessions.get(conn as usize) {
            let client = Arc::clone(&session.client);
            self.leave_all(conn, &client);
        }
    }

    /// Ends all subscriptions of a client of this worker, without confirmations.
    pub(crate) fn leave_all(&mut self, conn: ConnId, client: &Client) {
        if client.subscription_count() == 0 {
            return;
        }
        for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
            let names = std::mem::take(client.subscriptions().of_mut(kind));
            for name in names.keys() {
                self.fanout.unsubscribe(conn, kind, name);
            }
        }
        client.channels.store(0, Ordering::Relaxed);
        client.patterns.store(0, Ordering::Relaxed);
        client.shard_channels.store(0, Ordering::Relaxed);
    }

    /// Looks at everything that depends on time.
    ///
    /// `load` is that of its thread since the last call.
    pub fn handle_timeout(&mut self, now: Now, load: Load) {
        self.now = now;
        self.refresh_settings();
        self.fanout.set_pace(u64::from(self.settings.write_coalesce_max_ms) * 1000, load);
        self.fanout.handle_timeout(now.monotonic_us);
        // Who has been held back is looked at again when what it said has been executed.
        self.close_idle();
        self.close_unauthenticated();
        if self.broker.paused(now.unix_us).is_none() {
            self.resume(Stall::Paused);
        }
        self.close_overdue();
        if self.id == EXPIRING_WORKER {
            self.shrink_tracking_table();
            if self.settings.maxmemory > 0 {
                self.make_room();
            }
        }
        self.broker.log_bytes[self.id].store(self.fanout.log_bytes(), Ordering::Relaxed);
        self.finish_turn(now);
    }

    /// Closes the connections without subscriptions that have said nothing for `timeout`.
    fn close_idle(&mut self) {
        let timeout_us = u64::from(self.settings.timeout) * 1_000_000;
        if timeout_us == 0 {
            return;
        }
        for conn in 0..self.sessions.len() {
            let Some(session) = &self.sessions[conn] else { continue };
            let silent_us = self.now.unix_us.saturating_sub(session.client.active_us.load(Ordering::Relaxed));
            if silent_us > timeout_us && session.stall.is_none() && session.client.subscription_count() == 0 {
                self.close(conn as ConnId, CloseReason::IdleTimeout);
            }
        }
    }

    /// Closes the connections that may do nothing but log in, and have not for `unauthenticated-timeout`.
    fn close_unauthenticated(&mut self) {
        let timeout_us = u64::from(self.settings.unauthenticated_timeout) * 1_000_000;
        if timeout_us == 0 || self.broker.acl.is_open() {
            return;
        }
        for conn in 0..self.sessions.len() {
            let Some(session) = &self.sessions[conn] else { continue };
            let anonymous_us = self.now.monotonic_us.saturating_sub(session.anonymous_since_us);
            // In a pause it can't log in.
            if !session.authenticated
                && anonymous_us > timeout_us
                && session.stall.is_none()
                && session.closing.is_none()
            {
                self.close(conn as ConnId, CloseReason::UnauthenticatedTimeout);
            }
        }
    }

    /// Closes the connections that were to close once their replies are out, and have not taken them.
    fn close_overdue(&mut self) {
        // While draining the process's own timeout counts.
        if self.is_draining {
            return;
        }
        let closing = std::mem::take(&mut self.closing);
        for conn in closing {
            let Some(Some(session)) = self.sessions.get(conn as usize) else { continue };
            if session.closing.is_none() {
                continue;
            }
            if self.now.monotonic_us.saturating_sub(session.closing_since_us) > CLOSING_US_MAX {
                self.close_now(conn);
            } else {
                self.closing.push(conn);
            }
        }
    }
}
