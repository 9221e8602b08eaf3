//! What other workers (and a worker itself) hand to a worker: publications and control messages, in one order.

use std::ops::Range;
use std::sync::Arc;

use crate::interest::Slot;
use crate::outbox::{DialectId, Gauge};
use crate::subscribers::SubscriberId;
use crate::sync::{AtomicUsize, Mutex, Ordering, lock};

/// From this size on a payload is shared by reference instead of being copied into each worker's batch and log.
pub(crate) const SHARED_PAYLOAD_BYTES_MIN: usize = 32 * 1024;

/// A batch whose buffers have grown beyond this gives them back, so that one burst does not pin memory for good.
const BATCH_BYTES_KEPT: usize = 1 << 20;

/// The payload of a publication, as a publisher hands it over.
#[derive(Clone, Copy)]
pub(crate) enum PayloadRef<'a> {
    Copied(&'a [u8]),
    Shared(&'a Arc<[u8]>),
}

/// The payload of a publication, as it lies in a batch.
#[derive(Debug)]
pub(crate) enum Payload {
    Copied(Range<usize>),
    Shared(Arc<[u8]>),
}

/// What one connection is told outside of its subscriptions, as one dialect has it.
#[derive(Debug)]
pub struct Push {
    /// The dialect.
    pub dialect: DialectId,
    /// Only a connection that has subscriptions understands it.
    pub only_subscribed: bool,
    /// The encoded message.
    pub frame: Vec<u8>,
}

/// What one connection is told, in several dialects.
#[derive(Debug)]
pub(crate) struct Addressed {
    pub(crate) to: SubscriberId,
    /// The connection's gauge: says whether it is still the one that was meant, since numbers are reused.
    pub(crate) gauge: Gauge,
    pub(crate) pushes: Arc<[Push]>,
}

#[derive(Debug)]
pub(crate) enum Item<C> {
    Publication { slots: Range<usize>, channel: Range<usize>, payload: Payload },
    Push(Addressed),
    Control(C),
}

/// Items with the bytes they refer to; two of them swap between a mailbox and its worker, so that steady traffic
/// allocates nothing.
#[derive(Debug)]
pub(crate) struct Batch<C> {
    pub(crate) items: Vec<Item<C>>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) bytes: Vec<u8>,
}

impl<C> Batch<C> {
    pub(crate) const fn new() -> Self {
        Self { items: Vec::new(), slots: Vec::new(), bytes: Vec::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.slots.clear();
        self.bytes.clear();
        if self.bytes.capacity() > BATCH_BYTES_KEPT {
            *self = Self::new();
        }
    }
}

struct State<C> {
    batch: Batch<C>,
    /// Items ever put; the sequence number of the next one.
    tail: u64,
    /// The worker has been told, or is about to look by itself.
    notified: bool,
}

/// The queue in front of one worker.
///
/// Lock order: an interest part, then the patterns, then a mailbox. A mailbox is locked for a copy, never across I/O.
pub(crate) struct Mailbox<C> {
    state: Mutex<State<C>>,
    backlog_bytes: AtomicUsize,
}

impl<C> Mailbox<C> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State { batch: Batch::new(), tail: 0, notified: false }),
            backlog_bytes: AtomicUsize::new(0),
        }
    }

    /// Puts a publication for the subscribers of `slots`; true when the worker has to be woken.
    pub(crate) fn put_publication(
        &self,
        slots: impl Iterator<Item = Slot>,
        channel: &[u8],
        payload: PayloadRef<'_>,
    ) -> bool {
        let mut state = lock(&self.state);
        let State { batch, tail, notified } = &mut *state;
        let first_slot = batch.slots.len();
        batch.slots.extend(slots);
        let at = batch.bytes.len();
        batch.bytes.extend_from_slice(channel);
        let channel = at..batch.bytes.len();
        let (payload, payload_bytes) = match payload {
            PayloadRef::Copied(bytes) => {
                batch.bytes.extend_from_slice(bytes);
                (Payload::Copied(channel.end..batch.bytes.len()), bytes.len())
            }
            PayloadRef::Shared(shared) => (Payload::Shared(Arc::clone(shared)), shared.len()),
        };
        let weight = channel.len() + payload_bytes;
        batch.items.push(Item::Publication { slots: first_slot..batch.slots.len(), channel, payload });
        *tail += 1;
        self.backlog_bytes.fetch_add(weight, Ordering::Relaxed);
        !std::mem::replace(notified, true)
    }

    /// Puts a control message; true when the worker has to be woken.
    pub(crate) fn put_control(&self, control: C) -> bool {
        self.put(Item::Control(control))
    }

    /// Puts a push for one connection; true when the worker has to be woken.
    pub(crate) fn put_push(&self, addressed: Addressed) -> bool {
        self.put(Item::Push(addressed))
    }

    fn put(&self, item: Item<C>) -> bool {
        let mut state = lock(&self.state);
        state.batch.items.push(item);
        state.tail += 1;
        !std::mem::replace(&mut state.notified, true)
    }

    /// The sequence number that the next item will get: everything put so far lies before it.
    pub(crate) fn tail(&self) -> u64 {
        lock(&self.state).tail
    }

    /// Bytes put and not yet taken.
    pub(crate) fn backlog_bytes(&self) -> usize {
        self.backlog_bytes.load(Ordering::Relaxed)
    }

    /// Exchanges the waiting items for the (cleared) `batch`; the next put wakes the worker again.
    fn take(&self, batch: &mut Batch<C>) {
        let mut state = lock(&self.state);
        std::mem::swap(&mut state.batch, batch);
        state.notified = false;
        self.backlog_bytes.store(0, Ordering::Relaxed);
    }
}

/// A worker's end of its mailbox: the batch in work and how far it has got.
pub(crate) struct Inbox<C> {
    batch: Batch<C>,
    next: usize,
    /// Sequence number of the item at `next`.
    position: u64,
}

impl<C> Inbox<C> {
    pub(crate) const fn new() -> Self {
        Self { batch: Batch::new(), next: 0, position: 0 }
    }

    /// The sequence number behind the last item fetched. What lies before it is no longer in the mailbox, so nobody
    /// wakes the worker for it: it drains up to here before it sleeps.
    pub(crate) fn fetched(&self) -> u64 {
        self.position + (self.batch.items.len() - self.next) as u64
    }

    /// Hands each item before sequence number `cut` to `handle` and `control`, in order.
    ///
    /// Returns early at a push: the messages before it have to be distributed before the rest is drained.
    pub(crate) fn drain_until(
        &mut self,
        mailbox: &Mailbox<C>,
        cut: u64,
        mut handle: impl FnMut(&[Slot], &[u8], &Payload, &[u8]),
        mut control: impl FnMut(C),
    ) -> Option<Addressed> {
        while self.position < cut {
            if self.next == self.batch.items.len() {
                self.batch.clear();
                self.next = 0;
                mailbox.take(&mut self.batch);
            }
            // The items before the cut were put before it was taken, so each pass finds at least one.
            let until = (cut - self.position).min((self.batch.items.len() - self.next) as u64) as usize;
            let Batch { items, slots, bytes } = &mut self.batch;
            for (at, item) in items[self.next..self.next + until].iter_mut().enumerate() {
                if let Item::Publication { slots: at, channel, payload } = item {
                    handle(&slots[at.clone()], &bytes[channel.clone()], payload, bytes);
                    continue;
                }
                // The others are taken out by value; an empty publication stays in their place.
                let empty = Item::Publication { slots: 0..0, channel: 0..0, payload: Payload::Copied(0..0) };
                match std::mem::replace(item, empty) {
                    Item::Control(message) => control(message),
                    Item::Push(push) => {
                        self.next += at + 1;
                        self.position += at as u64 + 1;
                        return Some(push);
                    }
                    Item::Publication { .. } => {}
                }
            }
            self.next += until;
            self.position += until as u64;
        }
        if self.next > 0 && self.next == self.batch.items.len() {
            // At once, not with the next fetch, which may be long in coming: large payloads are held by reference.
            self.batch.clear();
            self.next = 0;
        }
        None
    }
}

impl Payload {
    /// The bytes, given the buffer of the batch the payload came with.
    pub(crate) fn bytes<'a>(&'a self, batch: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Copied(range) => &batch[range.clone()],
            Self::Shared(shared) => shared,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_given_up_when_it_is_handled_not_when_the_next_one_comes() {
        let (mailbox, mut inbox) = (Mailbox::<()>::new(), Inbox::new());
        let payload: Arc<[u8]> = vec![0; SHARED_PAYLOAD_BYTES_MIN].into();
        mailbox.put_publication([0].into_iter(), b"a", PayloadRef::Shared(&payload));
        assert_eq!(Arc::strong_count(&payload), 2);
        inbox.drain_until(&mailbox, mailbox.tail(), |_, _, _, _| {}, |()| {});
        assert_eq!(Arc::strong_count(&payload), 1);
        assert_eq!(inbox.fetched(), 1);
    }
}
