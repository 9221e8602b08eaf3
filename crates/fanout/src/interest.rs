//! Which workers have subscribers of a channel, shared by all workers of the process.
//!
//! The table is split by the channel's hash into parts. A publish holds its part while it puts the message into the
//! mailboxes of the interested workers; that makes the order of a channel the same for all of them, and a
//! subscription change, made under the same lock, a cut in the mailbox: what lies before it was published before.
//!
//! Lock order: parts (ascending), patterns, mailbox.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use smallvec::SmallVec;

use crate::mailbox::{Mailbox, PayloadRef, SHARED_PAYLOAD_BYTES_MIN};
use crate::pattern_set::PatternSet;
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, HashSeed, Mutex, MutexGuard, Ordering, RwLock, fence, lock};

/// The most workers one process can have: a set of them is one `u64`.
pub const WORKERS_MAX: usize = 64;

/// Index of a worker, below [`WORKERS_MAX`].
pub type WorkerId = usize;

/// A worker's own number for a channel, shard channel or pattern that it has subscribers of.
pub type Slot = u32;

/// A channel's or pattern's name, shared by the table and all who subscribed to it.
pub type Name = Arc<[u8]>;

/// Parts of the table, for each worker. Models have few: each is a lock that a pattern change takes.
const PARTS_PER_WORKER: usize = if cfg!(loom) { 1 } else { 16 };

/// Bytes that a remembered channel may take, on average: publishers choose the names, subscribers how many patterns match.
const MATCH_BYTES: usize = 512;

/// The three kinds of subscription; each is a name space of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// SUBSCRIBE and PUBLISH.
    Channel,
    /// PSUBSCRIBE: matched against the channels of PUBLISH.
    Pattern,
    /// SSUBSCRIBE and SPUBLISH.
    Shard,
}

/// A set of workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerSet(u64);

impl WorkerSet {
    /// Adds `worker`.
    pub const fn insert(&mut self, worker: WorkerId) {
        self.0 |= 1 << worker;
    }

    /// Whether no worker is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The workers of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The workers in ascending order.
    pub fn iter(self) -> impl Iterator<Item = WorkerId> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let worker = rest.trailing_zeros();
            (rest != 0).then(|| {
                rest &= rest - 1;
                worker as WorkerId
            })
        })
    }
}

/// What a publish reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Deliveries, as PUBLISH replies: a client counts once per matching channel and pattern.
    pub receivers: u64,
    /// Workers that got the message into their mailbox.
    pub workers: WorkerSet,
    /// Those of them that sleep and have to be woken.
    pub wake: WorkerSet,
}

/// A subscription change as the worker's mailbox sees it.
pub(crate) struct Change {
    /// The worker's number for the name.
    pub(crate) slot: Slot,
    /// The change lies before the item with this sequence number.
    pub(crate) cut: u64,
    pub(crate) name: Name,
    /// The worker has no subscriber of the name left.
    pub(crate) last: bool,
}

#[derive(Clone, Copy)]
struct Local {
    worker: u32,
    slot: Slot,
    count: u32,
}

type Locals = SmallVec<[Local; 1]>;

struct Channel {
    kind: Kind,
    name: Name,
    total: u64,
    locals: Locals,
}

/// The patterns that match a channel, remembered until any pattern comes or goes.
struct Match {
    name: Box<[u8]>,
    generation: u64,
    total: u64,
    locals: Box<[(u32, Slot)]>,
}

#[derive(Default)]
struct Part {
    channels: HashTable<Channel>,
    matches: HashTable<Match>,
    /// Bytes of the names and results in `matches`.
    matches_bytes: usize,
}

impl Part {
    fn forget_matches(&mut self) {
        self.matches.clear();
        self.matches_bytes = 0;
    }
}

impl Match {
    const fn bytes(&self) -> usize {
        self.name.len() + size_of_val::<[(u32, Slot)]>(&self.locals)
    }
}

/// What the patterns' values are: where their subscribers sit.
struct Pattern {
    name: Name,
    total: u64,
    locals: Locals,
}

/// A worker as others see it.
struct Peer<C> {
    mailbox: Mailbox<C>,
    /// The worker's flusher is more than the window behind.
    behind: AtomicBool,
    /// Workers with publishers that wait until it has caught up.
    waiting: AtomicU64,
}

/// The table of interest and the mailboxes of all workers.
///
/// `C` is the control message that workers send each other beside publications.
///
/// ```
/// use fanfare_fanout::{Interest, InterestOptions, Kind};
/// let interest = Interest::<()>::new(InterestOptions { workers: 1, ..InterestOptions::default() });
/// assert_eq!(interest.publish(Kind::Channel, b"news", b"hi").receivers, 0);
/// ```
pub struct Interest<C> {
    parts: Box<[Mutex<Part>]>,
    hasher: HashSeed,
    patterns: RwLock<PatternSet<Pattern>>,
    /// Changes with every pattern subscription, while all parts are locked.
    generation: AtomicU64,
    pattern_count: AtomicUsize,
    channel_counts: [AtomicUsize; 2],
    matches_max_per_part: AtomicUsize,
    window_bytes: AtomicUsize,
    peers: Box<[Peer<C>]>,
}

/// How an [`Interest`] is set up.
#[derive(Clone, Copy, Debug)]
pub struct InterestOptions {
    /// Workers, 1 to [`WORKERS_MAX`].
    pub workers: usize,
    /// Channels whose matching patterns are remembered.
    pub pattern_cache_entries: usize,
    /// How far, in bytes, a worker may be behind before publishers wait for it.
    pub publish_window_bytes: usize,
}

impl Default for InterestOptions {
    fn default() -> Self {
        Self { workers: 1, pattern_cache_entries: 65_536, publish_window_bytes: 256 * 1024 }
    }
}

impl<C> Interest<C> {
    /// An empty table for `options.workers` workers.
    ///
    /// # Panics
    /// If there are no workers, or more than [`WORKERS_MAX`].
    pub fn new(options: InterestOptions) -> Self {
        let workers = options.workers;
        assert!((1..=WORKERS_MAX).contains(&workers), "1 to {WORKERS_MAX} workers, not {workers}");
        // Publishers of different channels should rarely meet in a part.
        let parts = if workers == 1 { 1 } else { (PARTS_PER_WORKER * workers).next_power_of_two() };
        Self {
            parts: (0..parts).map(|_| Mutex::new(Part::default())).collect(),
            hasher: HashSeed::default(),
            patterns: RwLock::new(PatternSet::new()),
            generation: AtomicU64::new(0),
            pattern_count: AtomicUsize::new(0),
            channel_counts: [AtomicUsize::new(0), AtomicUsize::new(0)],
            matches_max_per_part: AtomicUsize::new(options.pattern_cache_entries / parts),
            window_bytes: AtomicUsize::new(options.publish_window_bytes),
            peers: (0..workers)
                .map(|_| Peer { mailbox: Mailbox::new(), behind: AtomicBool::new(false), waiting: AtomicU64::new(0) })
                .collect(),
        }
    }

    /// The number of workers.
    pub fn workers(&self) -> usize {
        self.peers.len()
    }

    /// Publishes `payload` on a channel (or shard channel): puts it into the mailbox of each interested worker.
    ///
    /// The order of calls that end before others begin is the order in which all subscribers get the messages. The
    /// caller wakes the workers of [`Published::wake`].
    ///
    /// # Panics
    /// If `kind` is [`Kind::Pattern`]: nothing is published on a pattern.
    pub fn publish(&self, kind: Kind, channel: &[u8], payload: &[u8]) -> Published {
        assert_ne!(kind, Kind::Pattern, "messages are published on channels");
        let hash = self.hash(kind, channel);
        let mut locked = lock(self.part(hash));
        if kind == Kind::Channel && self.pattern_count.load(Ordering::Relaxed) != 0 {
            self.refresh_match(&mut locked, hash, channel);
        }
        let published = self.put(&locked, hash, kind, channel, payload);
        if locked.matches_bytes > MATCH_BYTES * self.matches_max_per_part.load(Ordering::Relaxed) {
            locked.forget_matches();
        }
        published
    }

    /// Puts a message into the mailboxes of the workers that `part`, which is locked, names.
    fn put(&self, part: &Part, hash: u64, kind: Kind, channel: &[u8], payload: &[u8]) -> Published {
        let entry = part.channels.find(hash, |entry| entry.kind == kind && *entry.name == *channel);
        let matched = (kind == Kind::Channel && self.pattern_count.load(Ordering::Relaxed) != 0)
            .then(|| part.matches.find(hash, |found| *found.name == *channel))
            .flatten();
        let locals: &[Local] = entry.map_or(&[], |entry| &entry.locals);
        let patterns: &[(u32, Slot)] = matched.map_or(&[], |found| &found.locals);
        let mut published = Published {
            receivers: entry.map_or(0, |entry| entry.total) + matched.map_or(0, |found| found.total),
            ..Published::default()
        };
        if published.receivers == 0 {
            return published;
        }
        for local in locals {
            published.workers.insert(local.worker as WorkerId);
        }
        for (worker, _) in patterns {
            published.workers.insert(*worker as WorkerId);
        }
        let shared: Option<Arc<[u8]>> = (payload.len() >= SHARED_PAYLOAD_BYTES_MIN).then(|| payload.into());
        let payload = shared.as_ref().map_or(PayloadRef::Copied(payload), PayloadRef::Shared);
        for worker in published.workers.iter() {
            let exact = locals.iter().filter(|local| local.worker as WorkerId == worker).map(|local| local.slot);
            let matching = patterns.iter().filter(|(at, _)| *at as WorkerId == worker).map(|(_, slot)| *slot);
            if self.peers[worker].mailbox.put_publication(exact.chain(matching), channel, payload) {
                published.wake.insert(worker);
            }
        }
        published
    }

    /// Registers one more subscriber of `name` on `worker`; `fresh` is the slot to use if it is the worker's first.
    pub(crate) fn subscribe(&self, worker: WorkerId, kind: Kind, name: &[u8], fresh: Slot) -> Change {
        if kind == Kind::Pattern {
            return self.change_patterns(worker, |patterns| {
                let id = patterns.get_or_insert_with(name, || Pattern {
                    name: name.into(),
                    total: 0,
                    locals: Locals::new(),
                });
                let pattern = patterns.value_mut(id);
                pattern.total += 1;
                (Arc::clone(&pattern.name), add_local(&mut pattern.locals, worker, fresh), false)
            });
        }
        let hash = self.hash(kind, name);
        let mut part = lock(self.part(hash));
        let entry = part.channels.entry(
            hash,
            |entry| entry.kind == kind && *entry.name == *name,
            |entry| self.hash(entry.kind, &entry.name),
        );
        let entry = match entry {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(vacant) => {
                self.channel_counts[(kind == Kind::Shard) as usize].fetch_add(1, Ordering::Relaxed);
                let channel = Channel { kind, name: name.into(), total: 0, locals: Locals::new() };
                vacant.insert(channel).into_mut()
            }
        };
        entry.total += 1;
        let slot = add_local(&mut entry.locals, worker, fresh);
        Change { slot, cut: self.peers[worker].mailbox.tail(), name: Arc::clone(&entry.name), last: false }
    }

    /// Takes one subscriber of `name` on `worker` out of the counts; `None` when the worker has none.
    pub(crate) fn unsubscribe(&self, worker: WorkerId, kind: Kind, name: &[u8]) -> Option<Change> {
        if kind == Kind::Pattern {
            // Only this worker changes its own counts, so the answer to "is it there" holds until the change.
            let known = {
                let patterns = read(&self.patterns);
                let known = patterns.get(name)?;
                patterns.value(known).locals.iter().find(|local| local.worker as WorkerId == worker)?;
                known
            };
            return Some(self.change_patterns(worker, |patterns| {
                let pattern = patterns.value_mut(known);
                let name = Arc::clone(&pattern.name);
                pattern.total -= 1;
                let (slot, last) = remove_local(&mut pattern.locals, worker);
                if pattern.total == 0 {
                    patterns.remove(known);
                }
                (name, slot, last)
            }));
        }
        let hash = self.hash(kind, name);
        let mut part = lock(self.part(hash));
        let Ok(mut found) = part.channels.find_entry(hash, |entry| entry.kind == kind && *entry.name == *name) else {
            return None;
        };
        let entry = found.get_mut();
        entry.locals.iter().find(|local| local.worker as WorkerId == worker)?;
        entry.total -= 1;
        let (slot, last) = remove_local(&mut entry.locals, worker);
        let name = Arc::clone(&entry.name);
        if entry.total == 0 {
            found.remove();
            self.channel_counts[(kind == Kind::Shard) as usize].fetch_sub(1, Ordering::Relaxed);
        }
        Some(Change { slot, cut: self.peers[worker].mailbox.tail(), name, last })
    }

    /// Changes the pattern set while no publish is under way, so that the change is one cut for every channel.
    fn change_patterns(
        &self,
        worker: WorkerId,
        change: impl FnOnce(&mut PatternSet<Pattern>) -> (Name, Slot, bool),
    ) -> Change {
        let parts: Vec<MutexGuard<'_, Part>> = self.parts.iter().map(lock).collect();
        let mut patterns = self.patterns.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (name, slot, last) = change(&mut patterns);
        self.pattern_count.store(patterns.len(), Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Relaxed);
        let cut = self.peers[worker].mailbox.tail();
        drop(patterns);
        drop(parts);
        Change { slot, cut, name, last }
    }

    /// Makes sure that `part` knows the patterns matching `channel` as of now.
    fn refresh_match(&self, part: &mut Part, hash: u64, channel: &[u8]) {
        let generation = self.generation.load(Ordering::Relaxed);
        if part.matches.find(hash, |found| *found.name == *channel).is_some_and(|m| m.generation == generation) {
            return;
        }
        let mut total = 0;
        let mut locals = Vec::new();
        read(&self.patterns).for_each_match(channel, |_, pattern| {
            total += pattern.total;
            locals.extend(pattern.locals.iter().map(|local| (local.worker, local.slot)));
        });
        let fresh = Match { name: channel.into(), generation, total, locals: locals.into() };
        if let Some(found) = part.matches.find_mut(hash, |found| *found.name == *channel) {
            part.matches_bytes = part.matches_bytes - found.bytes() + fresh.bytes();
            *found = fresh;
            return;
        }
        // Starting over is rare and cheap next to keeping an order of use on the publish path.
        if part.matches.len() >= self.matches_max_per_part.load(Ordering::Relaxed) {
            part.forget_matches();
        }
        part.matches_bytes += fresh.bytes();
        part.matches.insert_unique(hash, fresh, |found| self.hash(Kind::Channel, &found.name));
    }

    /// The exact number of subscribers of a channel or shard channel, patterns not counted: PUBSUB NUMSUB.
    pub fn subscribers(&self, kind: Kind, name: &[u8]) -> u64 {
        if kind == Kind::Pattern {
            let patterns = read(&self.patterns);
            return patterns.get(name).map_or(0, |id| patterns.value(id).total);
        }
        let hash = self.hash(kind, name);
        let part = lock(self.part(hash));
        part.channels.find(hash, |entry| entry.kind == kind && *entry.name == *name).map_or(0, |entry| entry.total)
    }

    /// The number of distinct names of `kind` that have a subscriber.
    pub fn names(&self, kind: Kind) -> usize {
        match kind {
            Kind::Channel => self.channel_counts[0].load(Ordering::Relaxed),
            Kind::Shard => self.channel_counts[1].load(Ordering::Relaxed),
            Kind::Pattern => self.pattern_count.load(Ordering::Relaxed),
        }
    }

    /// Hands each name of `kind` with its number of subscribers to `each`, in no order.
    pub fn for_each_name(&self, kind: Kind, mut each: impl FnMut(&Name, u64)) {
        if kind == Kind::Pattern {
            for (_, _, pattern) in read(&self.patterns).iter() {
                each(&pattern.name, pattern.total);
            }
            return;
        }
        for part in &self.parts {
            for entry in lock(part).channels.iter().filter(|entry| entry.kind == kind) {
                each(&entry.name, entry.total);
            }
        }
    }

    /// Sends `control` to a worker; true when that worker has to be woken.
    pub fn send(&self, worker: WorkerId, control: C) -> bool {
        self.peers[worker].mailbox.put_control(control)
    }

    pub(crate) fn mailbox(&self, worker: WorkerId) -> &Mailbox<C> {
        &self.peers[worker].mailbox
    }

    /// Changes how far a worker may be behind before publishers wait.
    pub fn set_publish_window_bytes(&self, bytes: usize) {
        self.window_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Changes for how many channels the matching patterns are remembered; each part has its share.
    pub fn set_pattern_cache_entries(&self, entries: usize) {
        self.matches_max_per_part.store(entries / self.parts.len(), Ordering::Relaxed);
        for part in &self.parts {
            lock(part).forget_matches();
        }
    }

    /// Whether one of `workers` is further behind than the publish window.
    ///
    /// When one is, `waiter` is noted there and gets told (see [`Interest::set_behind`]) when it has caught up.
    pub fn must_wait(&self, waiter: WorkerId, workers: WorkerSet) -> bool {
        let mut wait = false;
        for worker in workers.iter() {
            if !self.is_behind(worker) {
                continue;
            }
            // Noted before the second look: either this look sees that the worker caught up, or its own look at
            // the waiting set, which comes after it has caught up, sees the note. The fences, here and there, say
            // that one of them does.
            self.peers[worker].waiting.fetch_or(1 << waiter, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            wait |= self.is_behind(worker);
        }
        wait
    }

    /// Says whether the flusher of `worker` is behind; returns the workers to tell that it has caught up.
    ///
    /// Its own worker calls it after each drain of its mailbox and after its flushes, before it sleeps, also when
    /// `behind` was false and still is: publishers wait for a long mailbox too, and only this call tells them that
    /// it has been drained. One that is told asks [`Interest::must_wait`] again, since others may be behind.
    pub fn set_behind(&self, worker: WorkerId, behind: bool) -> WorkerSet {
        let peer = &self.peers[worker];
        peer.behind.store(behind, Ordering::Relaxed);
        // Between this, or an earlier drain, and the look for waiters: see `must_wait`.
        fence(Ordering::SeqCst);
        // Behind by its mailbox alone: something was put since the drain, so the worker is told and calls again.
        if self.is_behind(worker) || peer.waiting.load(Ordering::Relaxed) == 0 {
            return WorkerSet::default();
        }
        WorkerSet(peer.waiting.swap(0, Ordering::Relaxed))
    }

    pub(crate) fn window_bytes(&self) -> usize {
        self.window_bytes.load(Ordering::Relaxed)
    }

    fn is_behind(&self, worker: WorkerId) -> bool {
        let peer = &self.peers[worker];
        peer.behind.load(Ordering::Relaxed) || peer.mailbox.backlog_bytes() > self.window_bytes()
    }

    fn hash(&self, kind: Kind, name: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name);
        hasher.write_u8(kind as u8);
        hasher.finish()
    }

    fn part(&self, hash: u64) -> &Mutex<Part> {
        // The table inside a part uses the low bits and the topmost seven.
        &self.parts[(hash >> 32) as usize & (self.parts.len() - 1)]
    }
}

fn read<T>(shared: &RwLock<T>) -> impl std::ops::Deref<Target = T> + '_ {
    shared.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Counts one more subscriber on `worker`; returns the worker's slot.
fn add_local(locals: &mut Locals, worker: WorkerId, fresh: Slot) -> Slot {
    if let Some(local) = locals.iter_mut().find(|local| local.worker as WorkerId == worker) {
        local.count += 1;
        return local.slot;
    }
    locals.push(Local { worker: worker as u32, slot: fresh, count: 1 });
    fresh
}

/// Counts one subscriber less on `worker`; returns its slot and whether that was its last.
///
/// # Panics
/// If the worker has none: a worker only takes out what it put in.
fn remove_local(locals: &mut Locals, worker: WorkerId) -> (Slot, bool) {
    let at = locals
        .iter()
        .position(|local| local.worker as WorkerId == worker)
        .expect("a worker takes out only subscribers that it registered");
    locals[at].count -= 1;
    let Local { slot, count, .. } = locals[at];
    if count == 0 {
        locals.remove(at);
    }
    (slot, count == 0)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn interest(workers: usize) -> Interest<()> {
        Interest::new(InterestOptions { workers, ..InterestOptions::default() })
    }

    #[test]
    fn counts_are_those_of_redis() {
        let interest = interest(3);
        interest.subscribe(0, Kind::Channel, b"a", 0);
        interest.subscribe(1, Kind::Channel, b"a", 0);
        interest.subscribe(1, Kind::Channel, b"a", 9);
        interest.subscribe(2, Kind::Pattern, b"a*", 0);
        interest.subscribe(2, Kind::Pattern, b"*", 1);
        interest.subscribe(2, Kind::Shard, b"a", 2);
        assert_eq!(interest.publish(Kind::Channel, b"a", b"x").receivers, 5);
        assert_eq!(interest.publish(Kind::Channel, b"b", b"x").receivers, 1);
        assert_eq!(interest.publish(Kind::Shard, b"a", b"x").receivers, 1);
        assert_eq!(interest.subscribers(Kind::Channel, b"a"), 3);
        assert_eq!(interest.names(Kind::Pattern), 2);
        assert!(interest.unsubscribe(1, Kind::Channel, b"a").is_some_and(|change| !change.last && change.slot == 0));
        assert!(interest.unsubscribe(1, Kind::Channel, b"a").is_some_and(|change| change.last));
        assert!(interest.unsubscribe(1, Kind::Channel, b"a").is_none());
        interest.unsubscribe(2, Kind::Pattern, b"*");
        assert_eq!(interest.publish(Kind::Channel, b"a", b"x").receivers, 2);
        assert_eq!(interest.publish(Kind::Channel, b"b", b"x").receivers, 0);
    }

    #[test]
    fn only_the_first_item_of_a_sleeping_worker_wakes_it() {
        let interest = interest(2);
        interest.subscribe(1, Kind::Channel, b"a", 0);
        assert_eq!(interest.publish(Kind::Channel, b"a", b"x").wake.iter().collect::<Vec<_>>(), [1]);
        assert!(interest.publish(Kind::Channel, b"a", b"x").wake.is_empty());
    }

    #[test]
    fn the_match_cache_is_bounded() {
        let interest = Interest::<()>::new(InterestOptions { pattern_cache_entries: 8, ..InterestOptions::default() });
        interest.subscribe(0, Kind::Pattern, b"c*", 0);
        for i in 0..1_000 {
            assert_eq!(interest.publish(Kind::Channel, format!("c{i}").as_bytes(), b"").receivers, 1);
        }
        assert!(lock(&interest.parts[0]).matches.len() <= 8);
    }

    #[test]
    fn the_match_cache_is_bounded_in_bytes_too() {
        let interest = Interest::<()>::new(InterestOptions { pattern_cache_entries: 64, ..InterestOptions::default() });
        interest.subscribe(0, Kind::Pattern, b"c*", 0);
        for i in 0..50 {
            let channel = format!("c{i}{}", "-".repeat(10_000));
            assert_eq!(interest.publish(Kind::Channel, channel.as_bytes(), b"").receivers, 1);
            let part = lock(&interest.parts[0]);
            let names: usize = part.matches.iter().map(Match::bytes).sum();
            assert_eq!(part.matches_bytes, names);
            assert!(names <= 64 * MATCH_BYTES);
        }
    }

    #[test]
    fn a_publisher_waits_for_a_worker_that_is_behind_and_is_told() {
        let interest = interest(2);
        interest.subscribe(1, Kind::Channel, b"a", 0);
        let workers = interest.publish(Kind::Channel, b"a", b"x").workers;
        assert!(!interest.must_wait(0, workers));
        assert!(interest.set_behind(1, true).is_empty());
        assert!(interest.must_wait(0, workers));
        assert_eq!(interest.set_behind(1, false).iter().collect::<Vec<_>>(), [0]);
        assert!(interest.set_behind(1, false).is_empty());
    }
}
