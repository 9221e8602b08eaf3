//! One worker's side of the fan-out: from its mailbox through the frame logs into the outboxes of its subscribers.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use fanfare_wire::{Dialect, Message, MessageKind};
use slab::Slab;

use crate::flush_queue::{FlushQueue, Load};
use crate::frame_log::{FrameLog, FrameRange};
use crate::interest::{Interest, Kind, Name, Published, Slot, WorkerId, WorkerSet};
use crate::mailbox::{Addressed, Inbox, Payload, Push};
use crate::outbox::{DialectId, Outbox, OutboxLimits, Overflow, Piece};
use crate::subscribers::{SubscriberId, Subscribers};

/// Dialects that one worker can serve.
pub const DIALECTS_MAX: usize = 4;

/// Slices handed to one vectored write.
const SLICES_MAX: usize = 64;

/// Bytes that one visit of a connection may send, so that one fast reader with a long queue delays nobody; a whole
/// publish window if that is more, or a healthy reader could fall behind for good.
const VISIT_BYTES_MAX: usize = 512 * 1024;

/// How many publish windows may be logged while one connection waits for its visit, whatever its own share of them.
const WINDOWS_LOGGED_MAX: u64 = 16;

/// When a connection with a longer queue than this goes, the logs may hold much that nobody refers to any more.
const LONG_QUEUE_BYTES: usize = 1024 * 1024;

/// Looking at all queues costs their length, so it waits this long after the last time.
const LOOK_MS_MIN: u64 = 5_000;

/// No node, in the lists of what was published since the last distribution.
const NONE: u32 = u32::MAX;

/// A channel, shard channel or pattern with subscribers on this worker.
struct Entry {
    kind: Kind,
    name: Name,
    subscribers: Subscribers,
    /// Subscribers by dialect: a message is encoded in those that have one.
    dialects: [u32; DIALECTS_MAX],
    /// What was published since the last distribution, by dialect: first and last node.
    pending: [(u32, u32); DIALECTS_MAX],
    active: bool,
}

/// A range of frames of one entry and dialect that is not distributed yet.
#[derive(Clone, Copy)]
struct Pending {
    range: FrameRange,
    next: u32,
}

/// What happened to a subscriber that its owner has to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its outbox is over a limit and its policy is to close it.
    Overflow(SubscriberId, Overflow),
    /// Messages were dropped from its outbox by its policy.
    Dropped {
        /// Whose.
        subscriber: SubscriberId,
        /// Messages.
        count: u64,
        /// Their bytes as frames.
        bytes: u64,
    },
}

/// How a visit of a connection ended.
#[derive(Debug)]
pub enum Transmit {
    /// Everything is sent.
    Drained,
    /// The socket takes more, but others are due first; the connection is queued again.
    Pending,
    /// The socket takes no more: call [`Fanout::unblock`] when it does.
    Blocked,
    /// The write failed; the connection is lost.
    Failed(io::Error),
}

/// What a subscription change returns.
#[derive(Clone, Debug)]
pub struct Subscribed {
    /// The name as all subscribers share it.
    pub name: Name,
    /// The worker's number for the name, for [`Fanout::set_dialect`].
    pub slot: Slot,
}

/// The fan-out of one worker.
///
/// Order of calls in a turn: handle input ([`Fanout::publish`], [`Fanout::subscribe`], [`Fanout::push_own`] ...), then
/// [`Fanout::poll_mailbox`], then visit the connections that [`Fanout::next_dirty`] names with [`Fanout::transmit`],
/// and act on what [`Fanout::poll_event`] and [`Fanout::poll_control`] return.
pub struct Fanout<C> {
    worker: WorkerId,
    interest: Arc<Interest<C>>,
    inbox: Inbox<C>,
    dialects: Vec<&'static dyn Dialect>,
    logs: Vec<FrameLog>,
    entries: Slab<Entry>,
    outboxes: Slab<Outbox>,
    /// Entries with pending ranges, in the order of their first.
    active: Vec<Slot>,
    pending: Vec<Pending>,
    unsorted: Vec<SubscriberId>,
    /// Room for what [`Outbox::sort_new`] sorts.
    sorting: Vec<FrameRange>,
    over: Vec<SubscriberId>,
    queue: FlushQueue,
    logged_bytes: u64,
    /// Connections that wait for a visit with more than a publish window of what came meanwhile.
    lagging: usize,
    events: VecDeque<Event>,
    controls: VecDeque<C>,
    wake: WorkerSet,
    spare: Vec<Vec<u8>>,
    deliveries: u64,
    /// A connection with a long queue has gone since the logs were last looked at as a whole.
    has_lost_long_queue: bool,
    looked_at_ms: u64,
}

impl<C> Fanout<C> {
    /// The fan-out of `worker`, for subscribers of the given dialects; a [`DialectId`] is an index into them.
    ///
    /// # Panics
    /// If there are more than [`DIALECTS_MAX`] dialects.
    pub fn new(interest: Arc<Interest<C>>, worker: WorkerId, dialects: &[&'static dyn Dialect]) -> Self {
        assert!(dialects.len() <= DIALECTS_MAX, "at most {DIALECTS_MAX} dialects");
        Self {
            worker,
            interest,
            inbox: Inbox::new(),
            dialects: dialects.to_vec(),
            logs: dialects.iter().map(|dialect| FrameLog::new(*dialect)).collect(),
            entries: Slab::new(),
            outboxes: Slab::new(),
            active: Vec::new(),
            pending: Vec::new(),
            unsorted: Vec::new(),
            sorting: Vec::new(),
            over: Vec::new(),
            queue: FlushQueue::new(),
            logged_bytes: 0,
            lagging: 0,
            events: VecDeque::new(),
            controls: VecDeque::new(),
            wake: WorkerSet::default(),
            spare: Vec::new(),
            deliveries: 0,
            has_lost_long_queue: false,
            looked_at_ms: 0,
        }
    }

    /// The table of interest that all workers share.
    pub const fn interest(&self) -> &Arc<Interest<C>> {
        &self.interest
    }

    /// Adds a connection; `gauge` shows others how many bytes are queued for it.
    pub fn add(&mut self, dialect: DialectId, gauge: Arc<AtomicUsize>) -> SubscriberId {
        self.outboxes.insert(Outbox::new(dialect, gauge)) as SubscriberId
    }

    /// Removes a connection that has no subscription any more, with everything queued for it.
    ///
    /// # Panics
    /// If `id` is none of ours, or still has a subscription.
    pub fn remove(&mut self, id: SubscriberId) {
        let mut outbox = self.outboxes.remove(id as usize);
        assert_eq!(outbox.subscriptions, 0, "unsubscribed before it is removed");
        self.has_lost_long_queue |= outbox.bytes > LONG_QUEUE_BYTES;
        self.lagging -= usize::from(outbox.lagging);
        outbox.clear(&mut self.logs, &mut self.spare);
    }

    /// Publishes; what this worker's own subscribers get is encoded in the next [`Fanout::poll_mailbox`].
    pub fn publish(&mut self, kind: Kind, channel: &[u8], payload: &[u8]) -> Published {
        let mut published = self.interest.publish(kind, channel, payload);
        self.wake = self.wake.union(published.wake);
        published.wake = WorkerSet::default();
        published
    }

    /// Tells a connection of a worker something outside of its subscriptions: it comes behind everything that was
    /// published before, and before everything that is published afterwards. `gauge` is the one of [`Fanout::add`].
    pub fn push(&mut self, worker: WorkerId, to: SubscriberId, gauge: &Arc<AtomicUsize>, pushes: &Arc<[Push]>) {
        let addressed = Addressed { to, gauge: Arc::clone(gauge), pushes: Arc::clone(pushes) };
        if self.interest.mailbox(worker).put_push(addressed) {
            self.wake.insert(worker);
        }
    }

    /// Subscribes `id` to a name that it is not subscribed to yet.
    ///
    /// It gets exactly the messages published from now on, and counts from now on.
    ///
    /// # Panics
    /// If `id` is none of ours.
    pub fn subscribe(&mut self, id: SubscriberId, kind: Kind, name: &[u8]) -> Subscribed {
        let fresh = self.entries.vacant_key() as Slot;
        let change = self.interest.subscribe(self.worker, kind, name, fresh);
        self.drain_until(change.cut);
        self.distribute();
        if change.slot == fresh {
            self.entries.insert(Entry {
                kind,
                name: Arc::clone(&change.name),
                subscribers: Subscribers::default(),
                dialects: [0; DIALECTS_MAX],
                pending: [(NONE, NONE); DIALECTS_MAX],
                active: false,
            });
        }
        let entry = &mut self.entries[change.slot as usize];
        let outbox = &mut self.outboxes[id as usize];
        entry.subscribers.insert(id);
        entry.dialects[outbox.dialect] += 1;
        outbox.subscriptions += 1;
        Subscribed { name: change.name, slot: change.slot }
    }

    /// Ends a subscription; what was published while it counted is in the outbox when this returns.
    ///
    /// # Panics
    /// If `id` is none of ours, or is not subscribed to the name.
    pub fn unsubscribe(&mut self, id: SubscriberId, kind: Kind, name: &[u8]) {
        let change = self.interest.unsubscribe(self.worker, kind, name).expect("the name is subscribed on this worker");
        self.drain_until(change.cut);
        self.distribute();
        let entry = &mut self.entries[change.slot as usize];
        let outbox = &mut self.outboxes[id as usize];
        assert!(entry.subscribers.remove(id), "the connection is subscribed to the name");
        entry.dialects[outbox.dialect] -= 1;
        outbox.subscriptions -= 1;
        if change.last {
            debug_assert!(entry.subscribers.is_empty());
            self.entries.remove(change.slot as usize);
        }
    }

    /// Changes how `id` gets its messages from now on; `slots` are those of all its subscriptions.
    pub fn set_dialect(&mut self, id: SubscriberId, dialect: DialectId, slots: impl Iterator<Item = Slot>) {
        self.distribute();
        let before = std::mem::replace(&mut self.outboxes[id as usize].dialect, dialect);
        for slot in slots {
            let entry = &mut self.entries[slot as usize];
            entry.dialects[before] -= 1;
            entry.dialects[dialect] += 1;
        }
    }

    /// Sets the limits of a connection's outbox.
    pub fn set_limits(&mut self, id: SubscriberId, limits: OutboxLimits) {
        self.outboxes[id as usize].set_limits(limits);
    }

    /// Says whether `id` is subscribed to [`crate::LAG_CHANNEL`].
    pub fn set_wants_notice(&mut self, id: SubscriberId, wants: bool) {
        self.outboxes[id as usize].wants_notice = wants;
    }

    /// Appends a connection's own bytes, behind all that was queued for it before.
    pub fn push_own(&mut self, id: SubscriberId, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let outbox = &mut self.outboxes[id as usize];
        outbox.push_own(bytes, &mut self.spare);
        self.queue.push(outbox, id, self.logged_bytes);
        if outbox.bytes > outbox.watch_bytes {
            self.enforce(id);
        }
    }

    /// Reserves a place behind all that is queued for `id`, to be filled by [`Fanout::fill_own`]; what is queued
    /// meanwhile comes after it.
    pub fn reserve_own(&mut self, id: SubscriberId) {
        self.outboxes[id as usize].pieces.push_back(Piece::Own(Vec::new()));
    }

    /// Puts `bytes` into the place that was reserved.
    pub fn fill_own(&mut self, id: SubscriberId, bytes: &[u8]) {
        let outbox = &mut self.outboxes[id as usize];
        outbox.fill_own(bytes);
        self.queue.push(outbox, id, self.logged_bytes);
        if outbox.bytes > outbox.watch_bytes {
            self.enforce(id);
        }
    }

    /// Takes everything that was put into the mailbox up to now and distributes it.
    pub fn poll_mailbox(&mut self, now_us: u64) {
        self.queue.now_us = now_us;
        let tail = self.interest.mailbox(self.worker).tail();
        self.drain_until(tail);
        // The last fetch may have brought what was put since; nobody tells us of it again.
        self.drain_until(self.inbox.fetched());
        self.distribute();
    }

    /// The workers to wake, since publishes of this one left something for them.
    pub fn poll_wake(&mut self) -> WorkerSet {
        std::mem::take(&mut self.wake)
    }

    /// The next thing that happened to a subscriber.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next control message from another worker (or this one).
    pub fn poll_control(&mut self) -> Option<C> {
        self.controls.pop_front()
    }

    /// The connection to visit next.
    pub fn next_dirty(&mut self) -> Option<SubscriberId> {
        while let Some(id) = self.queue.pop() {
            // One that has gone, or came in its place, may still be queued.
            let Some(outbox) = self.outboxes.get_mut(id as usize) else { continue };
            self.lagging -= usize::from(std::mem::take(&mut outbox.lagging));
            if std::mem::take(&mut outbox.dirty) && !outbox.blocked && outbox.bytes > 0 {
                self.queue.note_visit(outbox);
                return Some(id);
            }
        }
        None
    }

    /// Sets how long those just visited may have to wait for more to come (microseconds, 0 for never), and the load of
    /// the worker's thread lately: with little to do, or a core of its own, nobody waits.
    pub const fn set_pace(&mut self, pause_max_us: u64, load: Load) {
        self.queue.set_pace(pause_max_us, load);
    }

    /// Microseconds after which to look for dirty connections again, though nothing may have happened.
    pub fn pause_us(&self) -> Option<u64> {
        self.queue.pause_us()
    }

    /// Whether any connection is to be visited now.
    pub fn has_dirty(&self) -> bool {
        self.queue.has_due()
    }

    /// Sends what is queued for `id` through `write`, a vectored write that does not wait.
    pub fn transmit(
        &mut self,
        id: SubscriberId,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Transmit {
        let Some(outbox) = self.outboxes.get_mut(id as usize) else { return Transmit::Drained };
        if outbox.blocked {
            // What its socket may take by now waits for `unblock`, which tells first what was dropped meanwhile.
            return Transmit::Blocked;
        }
        // The limit may be passed before the first visit as well.
        outbox.tell_dropped(self.dialects[outbox.dialect], &mut self.logs);
        let mut left = VISIT_BYTES_MAX.max(self.interest.window_bytes());
        let result = loop {
            if outbox.bytes == 0 {
                break Transmit::Drained;
            }
            if left == 0 {
                self.queue.push(outbox, id, self.logged_bytes);
                break Transmit::Pending;
            }
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let mut count = 0;
            let total = outbox.slices(&self.logs, SLICES_MAX, |slice| {
                slices[count] = IoSlice::new(slice);
                count += 1;
            });
            match write(&slices[..count]) {
                Ok(sent) => {
                    outbox.consume(sent, &mut self.logs, &mut self.spare);
                    left = left.saturating_sub(sent);
                    if sent < total {
                        outbox.blocked = true;
                        break Transmit::Blocked;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    outbox.blocked = true;
                    break Transmit::Blocked;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Transmit::Failed(error),
            }
        };
        if outbox.blocked {
            outbox.publish_gauge();
        }
        result
    }

    /// The socket of a blocked connection takes bytes again.
    pub fn unblock(&mut self, id: SubscriberId) {
        let Some(outbox) = self.outboxes.get_mut(id as usize) else { return };
        let (count, bytes) = outbox.unblock(self.dialects[outbox.dialect], &mut self.logs);
        if count > 0 {
            self.events.push_back(Event::Dropped { subscriber: id, count, bytes });
        }
        self.queue.push(outbox, id, self.logged_bytes);
    }

    /// Whether the visits lag further behind than publishers may run ahead: a connection that waits for one has got
    /// more than a window meanwhile, or all together have got many.
    ///
    /// The window is a connection's own, since visits that wait longer are what merges messages of many channels.
    pub fn is_behind(&self) -> bool {
        self.lagging > 0 || self.logged_since_queued() > WINDOWS_LOGGED_MAX * self.interest.window_bytes() as u64
    }

    /// What has been logged while the connection that has waited longest did.
    fn logged_since_queued(&self) -> u64 {
        self.queue.oldest().map_or(0, |since| self.logged_bytes - since)
    }

    /// Looks at the limits that depend on time, and gives memory back; call some times a second.
    pub fn handle_timeout(&mut self, now_us: u64) {
        self.queue.now_us = now_us;
        let now_ms = now_us / 1000;
        let mut over = std::mem::take(&mut self.over);
        for (id, outbox) in &mut self.outboxes {
            outbox.give_back();
            if outbox.bytes > outbox.watch_bytes {
                over.push(id as SubscriberId);
            }
        }
        for id in over.drain(..) {
            self.enforce(id);
        }
        self.over = over;
        self.sweep();
        // A log that does not grow is not looked at by itself.
        if self.has_lost_long_queue && now_ms.saturating_sub(self.looked_at_ms) >= LOOK_MS_MIN {
            self.has_lost_long_queue = false;
            self.looked_at_ms = now_ms;
            for (dialect, log) in self.logs.iter_mut().enumerate() {
                if log.has_outgrown_slack() {
                    log.compact(live(&self.outboxes, dialect, 0), 0);
                }
            }
        }
    }

    /// Bytes queued for `id`.
    pub fn outbox_bytes(&self, id: SubscriberId) -> usize {
        self.outboxes.get(id as usize).map_or(0, |outbox| outbox.bytes)
    }

    /// Pieces queued for `id`.
    pub fn outbox_pieces(&self, id: SubscriberId) -> usize {
        self.outboxes.get(id as usize).map_or(0, |outbox| outbox.pieces.len())
    }

    /// Bytes of memory in this worker's frame logs.
    pub fn log_bytes(&self) -> usize {
        self.logs.iter().map(FrameLog::resident_bytes).sum()
    }

    /// Messages put into outboxes since the last call.
    pub fn take_deliveries(&mut self) -> u64 {
        self.queue.note_deliveries(self.deliveries);
        std::mem::take(&mut self.deliveries)
    }

    /// Encodes what lies in the mailbox before `cut`.
    fn drain_until(&mut self, cut: u64) {
        while let Some(addressed) = self.drain_to_push(cut) {
            // What was published before it comes before it.
            self.distribute();
            self.deliver(&addressed);
        }
    }

    fn deliver(&mut self, Addressed { to, gauge, pushes }: &Addressed) {
        let Some(outbox) = self.outboxes.get(*to as usize).filter(|outbox| outbox.is_shown_by(gauge)) else { return };
        let (dialect, is_subscribed) = (outbox.dialect, outbox.subscriptions > 0);
        for push in pushes.iter().filter(|push| push.dialect == dialect) {
            if is_subscribed || !push.only_subscribed {
                self.push_own(*to, &push.frame);
            }
        }
    }

    fn drain_to_push(&mut self, cut: u64) -> Option<Addressed> {
        let Self {
            inbox, interest, worker, entries, logs, active, pending, logged_bytes, controls, deliveries, ..
        } = self;
        inbox.drain_until(
            interest.mailbox(*worker),
            cut,
            |slots, channel, payload, batch| {
                for slot in slots {
                    let bytes = payload.bytes(batch);
                    append(&mut entries[*slot as usize], channel, payload, bytes, logs, pending, |len, count| {
                        *logged_bytes += len;
                        *deliveries += count;
                    });
                    let entry = &mut entries[*slot as usize];
                    if !std::mem::replace(&mut entry.active, true) {
                        active.push(*slot);
                    }
                }
            },
            |control| controls.push_back(control),
        )
    }

    /// Hands what was encoded since the last time to the subscribers.
    fn distribute(&mut self) {
        if self.active.is_empty() {
            return;
        }
        let window_bytes = self.interest.window_bytes();
        let mut crowded = false;
        for slot in &self.active {
            let entry = &mut self.entries[*slot as usize];
            entry.active = false;
            for id in entry.subscribers.iter() {
                let outbox = &mut self.outboxes[id as usize];
                let mut node = entry.pending[outbox.dialect].0;
                if node == NONE {
                    continue;
                }
                if outbox.subscriptions > 1 && outbox.unsorted_from.is_none() {
                    outbox.unsorted_from = Some(outbox.pieces.len() as u32);
                    self.unsorted.push(id);
                }
                while node != NONE {
                    let Pending { range, next } = self.pending[node as usize];
                    outbox.push_frames(range, &mut self.logs[outbox.dialect]);
                    node = next;
                }
                self.queue.push(outbox, id, self.logged_bytes);
                let lag = outbox.bytes.saturating_sub(outbox.bytes_before);
                if lag > window_bytes / 2 && outbox.dirty && !outbox.blocked {
                    crowded = true;
                    if lag > window_bytes {
                        self.lagging += usize::from(!std::mem::replace(&mut outbox.lagging, true));
                    }
                }
                if outbox.bytes > outbox.watch_bytes {
                    self.over.push(id);
                }
            }
            entry.pending = [(NONE, NONE); DIALECTS_MAX];
        }
        self.active.clear();
        self.pending.clear();
        for id in self.unsorted.drain(..) {
            let outbox = &mut self.outboxes[id as usize];
            outbox.sort_new(&mut self.logs[outbox.dialect], &mut self.sorting);
        }
        let over = std::mem::take(&mut self.over);
        for id in &over {
            self.enforce(*id);
        }
        self.over = over;
        self.over.clear();
        if crowded || self.logged_since_queued() > WINDOWS_LOGGED_MAX / 2 * window_bytes as u64 {
            // Publishers must not have to wait for a pause.
            self.queue.end_pause();
        }
        self.sweep();
    }

    fn enforce(&mut self, id: SubscriberId) {
        let Some(outbox) = self.outboxes.get_mut(id as usize) else { return };
        match outbox.enforce(self.queue.now_us / 1000, &mut self.logs) {
            Ok((0, _)) => {}
            Ok((count, bytes)) => self.events.push_back(Event::Dropped { subscriber: id, count, bytes }),
            Err(overflow) => {
                // Said once: until the owner closes the connection it must not be looked at again.
                outbox.watch_bytes = usize::MAX;
                self.events.push_back(Event::Overflow(id, overflow));
            }
        }
    }

    fn sweep(&mut self) {
        for (dialect, log) in self.logs.iter_mut().enumerate() {
            log.sweep();
            if log.wants_compaction() {
                let from = log.compacted_to();
                if !log.compact(live(&self.outboxes, dialect, from), from) {
                    log.compact(live(&self.outboxes, dialect, 0), 0);
                }
            }
        }
    }
}

/// The ranges of `dialect` in all outboxes that begin at `from` or later.
fn live(outboxes: &Slab<Outbox>, dialect: DialectId, from: u64) -> Vec<FrameRange> {
    outboxes.iter().flat_map(|(_, outbox)| outbox.frames_from(dialect, from)).collect()
}

/// Encodes one message for the subscribers of `entry`, once for each dialect in use.
fn append(
    entry: &mut Entry,
    channel: &[u8],
    payload: &Payload,
    bytes: &[u8],
    logs: &mut [FrameLog],
    pending: &mut Vec<Pending>,
    mut account: impl FnMut(u64, u64),
) {
    let kind = match entry.kind {
        Kind::Channel => MessageKind::Channel,
        Kind::Shard => MessageKind::Shard,
        Kind::Pattern => MessageKind::Pattern(&entry.name),
    };
    let message = Message { kind, channel, payload: bytes };
    for (dialect, log) in logs.iter_mut().enumerate() {
        let count = entry.dialects[dialect];
        if count == 0 {
            continue;
        }
        let range = log.append(&message, payload);
        account(u64::from(range.len), u64::from(count));
        let (first, last) = &mut entry.pending[dialect];
        if *last != NONE {
            let before = &mut pending[*last as usize].range;
            if log.touches(*before, range) {
                before.len += range.len;
                continue;
            }
        }
        let node = pending.len() as u32;
        pending.push(Pending { range, next: NONE });
        if *last == NONE {
            *first = node;
        } else {
            pending[*last as usize].next = node;
        }
        *last = node;
    }
}
