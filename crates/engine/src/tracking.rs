//! Client-side caching: which clients keep copies of which keys, and what they are told when those change. Source:
//! Redis, "Client-side caching in Redis".
//!
//! A key is remembered by its name alone, whatever its database, as in Redis.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fanfare_fanout::{Fanout, Push};
use fanfare_keyspace::Change;
use fanfare_wire::{Protocol, ReplyWriter};
use indexmap::IndexMap;

use crate::broker::Control;
use crate::client::{Client, Clients};

/// The channel on which a RESP2 client hears of changes.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Entries of the table that are looked at for trackers that have gone whenever one is added: more than one, so that
/// what they leave behind shrinks however fast others read.
const SWEPT_AT_ONCE: usize = 2;

/// Which keys a client hears of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Those it has read.
    #[default]
    Read,
    /// Those it has read right behind CLIENT CACHING YES.
    OptIn,
    /// Those it has read, but for what came right behind CLIENT CACHING NO.
    OptOut,
    /// Those with one of its prefixes.
    Broadcast,
}

/// A client that wants to hear of changes.
#[derive(Debug)]
pub(crate) struct Tracker {
    client: Arc<Client>,
    pub(crate) mode: Mode,
    /// Not of those it makes itself.
    pub(crate) no_loop: bool,
    /// The id of the client that is told instead, 0 for none.
    pub(crate) redirect: u64,
    /// That client was found to be gone.
    pub(crate) is_broken: bool,
    pub(crate) prefixes: BTreeSet<Box<[u8]>>,
}

/// Keys that have changed, with the client that did it last.
type Authors = BTreeMap<Box<[u8]>, Option<u64>>;

/// For INFO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrackingCounts {
    pub(crate) clients: usize,
    pub(crate) keys: usize,
    /// Pairs of key and client.
    pub(crate) items: usize,
    pub(crate) prefixes: usize,
}

/// All trackers, and the keys they have read.
#[derive(Debug, Default)]
pub(crate) struct Tracking {
    /// By a number that is in no use when a client begins, so that what it had read before is not taken for its own.
    trackers: BTreeMap<u32, Tracker>,
    last_number: u32,
    /// The numbers of those that have read a key, ascending; they may have gone since.
    keys: IndexMap<Box<[u8]>, Vec<u32>, foldhash::fast::RandomState>,
    items: usize,
    /// The place in `keys` that is looked at next.
    cursor: usize,
    /// The numbers of those that listen to a prefix.
    prefixes: BTreeMap<Box<[u8]>, BTreeSet<u32>>,
    /// By prefix, what has changed since those that listen to it were last told.
    changed: BTreeMap<Box<[u8]>, Authors>,
}

impl Tracking {
    /// Begins to track for a client, or changes how; prefixes come to those it has.
    pub(crate) fn enable(
        &mut self,
        client: &Arc<Client>,
        mode: Mode,
        no_loop: bool,
        redirect: u64,
        prefixes: &[&[u8]],
    ) {
        let mut number = client.tracking.load(Ordering::Relaxed);
        while number == 0 {
            self.last_number = self.last_number.wrapping_add(1);
            if !self.trackers.contains_key(&self.last_number) {
                number = self.last_number;
            }
        }
        client.tracking.store(number, Ordering::Relaxed);
        let before = self.trackers.remove(&number).map(|tracker| tracker.prefixes);
        let mut tracker = Tracker {
            client: Arc::clone(client),
            mode,
            no_loop,
            redirect,
            is_broken: false,
            prefixes: before.unwrap_or_default(),
        };
        if mode == Mode::Broadcast {
            let every: &[&[u8]] = &[b""];
            for prefix in if prefixes.is_empty() { every } else { prefixes } {
                self.prefixes.entry((*prefix).into()).or_default().insert(number);
                tracker.prefixes.insert((*prefix).into());
            }
        }
        self.trackers.insert(number, tracker);
    }

    /// Ends tracking for a client.
    pub(crate) fn disable(&mut self, client: &Client) {
        let number = client.tracking.swap(0, Ordering::Relaxed);
        let Some(tracker) = self.trackers.remove(&number) else { return };
        for prefix in &tracker.prefixes {
            if let Some(listeners) = self.prefixes.get_mut(prefix) {
                listeners.remove(&number);
                if listeners.is_empty() {
                    self.prefixes.remove(prefix);
                }
            }
        }
        if self.trackers.is_empty() {
            *self = Self::default();
        }
    }

    /// Whether there are no trackers.
    pub(crate) fn is_idle(&self) -> bool {
        self.trackers.is_empty()
    }

    /// How a client tracks, `None` if it does not.
    pub(crate) fn tracker(&self, client: &Client) -> Option<&Tracker> {
        self.trackers.get(&client.tracking.load(Ordering::Relaxed))
    }

    /// Takes note that a client has read keys; `caching` if CLIENT CACHING came right before.
    pub(crate) fn remember<'k>(&mut self, client: &Client, caching: bool, keys: impl Iterator<Item = &'k [u8]>) {
        let number = client.tracking.load(Ordering::Relaxed);
        let wants = match self.trackers.get(&number).map(|tracker| tracker.mode) {
            Some(Mode::Read) => true,
            Some(Mode::OptIn) => caching,
            Some(Mode::OptOut) => !caching,
            Some(Mode::Broadcast) | None => false,
        };
        for key in keys.take_while(|_| wants) {
            if let Some(readers) = self.keys.get_mut(key) {
                if let Err(at) = readers.binary_search(&number) {
                    readers.insert(at, number);
                    self.items += 1;
                }
            } else {
                self.sweep();
                self.keys.insert(key.into(), vec![number]);
                self.items += 1;
            }
        }
    }

    /// Forgets trackers that have gone, in some entries of the table.
    fn sweep(&mut self) {
        for _ in 0..SWEPT_AT_ONCE {
            let at = self.next_place();
            let Some((_, readers)) = self.keys.get_index_mut(at) else { return };
            let before = readers.len();
            readers.retain(|number| self.trackers.contains_key(number));
            self.items -= before - readers.len();
            if readers.is_empty() {
                self.keys.swap_remove_index(at);
            } else {
                self.cursor += 1;
            }
        }
    }

    fn next_place(&mut self) -> usize {
        if self.cursor >= self.keys.len() {
            self.cursor = 0;
        }
        self.cursor
    }

    /// Tells those that have read a changed key; those that listen to prefixes hear of it with the next
    /// [`Tracking::broadcast`].
    pub(crate) fn handle_change(&mut self, change: &Change, delivery: &mut Delivery<'_>) {
        let Change::Key { key, by_command } = change else {
            let message = Message::flush();
            self.trackers.values_mut().for_each(|tracker| delivery.tell(tracker, &message));
            self.keys.clear();
            self.items = 0;
            return;
        };
        self.note_for_prefixes(key, delivery.requester.filter(|_| *by_command));
        if let Some(readers) = self.keys.swap_remove(key) {
            self.invalidate(key, &readers, delivery.requester, delivery);
        }
    }

    /// Tells `readers` of a key that has left the table, except for `author` if it does not want to hear of its own.
    fn invalidate(&mut self, key: &[u8], readers: &[u32], author: Option<u64>, delivery: &mut Delivery<'_>) {
        self.items -= readers.len();
        let message = Message::keys([key]);
        for number in readers {
            if let Some(tracker) = self.trackers.get_mut(number)
                && !(tracker.no_loop && author == Some(tracker.client.id))
            {
                delivery.tell(tracker, &message);
            }
        }
    }

    fn note_for_prefixes(&mut self, key: &[u8], author: Option<u64>) {
        // Of the prefixes up to some point in their order the last one either begins the key, or shows how much of it
        // one that does can have at most.
        let mut up_to = key;
        while let Some((prefix, _)) =
            self.prefixes.range::<[u8], _>((Bound::Unbounded, Bound::Included(up_to))).next_back()
        {
            let common = prefix.iter().zip(key).take_while(|(one, other)| one == other).count();
            up_to = &key[..common];
            if common == prefix.len() {
                self.changed.entry(prefix.clone()).or_default().insert(key.into(), author);
                let Some(shorter) = common.checked_sub(1) else { return };
                up_to = &key[..shorter];
            }
        }
    }

    /// Tells those that listen to prefixes what has changed since the last time, in one message for each prefix.
    pub(crate) fn broadcast(&mut self, delivery: &mut Delivery<'_>) {
        for (prefix, changed) in std::mem::take(&mut self.changed) {
            let everything = Message::keys(changed.keys().map(|key| &**key));
            for number in self.prefixes.get(&prefix).into_iter().flatten() {
                let Some(tracker) = self.trackers.get_mut(number) else { continue };
                if !tracker.no_loop {
                    delivery.tell(tracker, &everything);
                    continue;
                }
                let own = Some(tracker.client.id);
                let message =
                    Message::keys(changed.iter().filter(|(_, author)| **author != own).map(|(key, _)| &**key));
                if !message.is_empty() {
                    delivery.tell(tracker, &message);
                }
            }
        }
    }

    /// Whether there are more keys than `keys_max`, 0 for no limit.
    pub(crate) fn is_over(&self, keys_max: usize) -> bool {
        keys_max > 0 && self.keys.len() > keys_max
    }

    /// Forgets keys beyond `keys_max`, at most `count` of them; those that have read one are told as if it had changed.
    pub(crate) fn make_room(&mut self, keys_max: usize, count: usize, delivery: &mut Delivery<'_>) {
        for _ in 0..count {
            if !self.is_over(keys_max) {
                return;
            }
            let at = self.next_place();
            let Some((key, readers)) = self.keys.swap_remove_index(at) else { return };
            self.cursor += 1;
            self.invalidate(&key, &readers, None, delivery);
        }
    }

    pub(crate) fn counts(&self) -> TrackingCounts {
        TrackingCounts {
            clients: self.trackers.len(),
            keys: self.keys.len(),
            items: self.items,
            prefixes: self.prefixes.len(),
        }
    }
}

/// Brings messages to clients.
pub(crate) struct Delivery<'a> {
    pub(crate) clients: &'a Clients,
    pub(crate) fanout: &'a mut Fanout<Control>,
    /// The client whose request is in work.
    pub(crate) requester: Option<u64>,
    /// Whether it was told something.
    pub(crate) told_requester: bool,
}

impl Delivery<'_> {
    fn tell(&mut self, tracker: &mut Tracker, message: &Message<'_>) {
        if tracker.redirect == 0 {
            self.send(&tracker.client, message.pushes(false));
        } else if let Some(target) = self.clients.get(tracker.redirect) {
            self.send(&target, message.pushes(true));
        } else {
            tracker.is_broken = true;
            let write = |reply: &mut ReplyWriter<'_>| {
                reply.push(2).bulk(b"tracking-redir-broken").integer(tracker.redirect as i64);
            };
            self.send(&tracker.client, &[push(Protocol::Resp3, write)].into());
        }
    }

    fn send(&mut self, client: &Client, pushes: &Arc<[Push]>) {
        self.told_requester |= self.requester == Some(client.id);
        self.fanout.push(client.worker, client.conn, &client.outbox_bytes, pushes);
    }
}

/// What has changed, encoded when it is first needed.
struct Message<'a> {
    /// `None` for all keys there are.
    keys: Option<Vec<&'a [u8]>>,
    own: OnceCell<Arc<[Push]>>,
    redirected: OnceCell<Arc<[Push]>>,
}

impl<'a> Message<'a> {
    fn keys(keys: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self { keys: Some(keys.into_iter().collect()), own: OnceCell::new(), redirected: OnceCell::new() }
    }

    const fn flush() -> Self {
        Self { keys: None, own: OnceCell::new(), redirected: OnceCell::new() }
    }

    fn is_empty(&self) -> bool {
        self.keys.as_ref().is_some_and(Vec::is_empty)
    }

    /// For the client that tracks, or the one it redirects to: only that one can hear of it in RESP2, as in a message
    /// of a channel.
    fn pushes(&self, is_redirected: bool) -> &Arc<[Push]> {
        let invalidate = || {
            push(Protocol::Resp3, |reply| {
                reply.push(2).bulk(b"invalidate");
                self.write_keys(reply);
            })
        };
        if !is_redirected {
            return self.own.get_or_init(|| [invalidate()].into());
        }
        self.redirected.get_or_init(|| {
            let message = push(Protocol::Resp2, |reply| {
                reply.push(3).bulk(b"message").bulk(CHANNEL);
                self.write_keys(reply);
            });
            [message, invalidate()].into()
        })
    }

    fn write_keys(&self, reply: &mut ReplyWriter<'_>) {
        match &self.keys {
            None => {
                reply.null();
            }
            Some(keys) => {
                reply.array(keys.len());
                keys.iter().for_each(|key| _ = reply.bulk(key));
            }
        }
    }
}

fn push(protocol: Protocol, write: impl FnOnce(&mut ReplyWriter<'_>)) -> Push {
    let mut frame = Vec::new();
    write(&mut ReplyWriter::new(&mut frame, protocol));
    // In RESP2 a push looks like a reply: only a client that expects messages can tell.
    Push { dialect: protocol as usize, only_subscribed: protocol == Protocol::Resp2, frame }
}
