//! Consumer groups: who has been given what and has not yet acknowledged it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::id::StreamId;
use super::log::Log;

/// Memory of a pending entry, in the maps of its group and of its consumer, about.
const PENDING_BYTES: usize = 96;

/// Memory of a group or a consumer beside its name and what is pending, about.
const RECORD_BYTES: usize = 128;

/// A consumer group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The last entry that was given to anyone.
    pub(crate) last_id: StreamId,
    /// How many entries had been added up to that one, if it is known; what XGROUP is told need not be true.
    pub(crate) entries_read: Option<i64>,
    pending: BTreeMap<StreamId, Pending>,
    consumers: BTreeMap<Arc<[u8]>, Consumer>,
    names_bytes: usize,
}

/// An entry that was given to a consumer and not acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) consumer: Arc<[u8]>,
    /// Unix time in milliseconds.
    pub(crate) delivered_ms: u64,
    pub(crate) deliveries: u64,
}

/// One of a group's consumers.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    /// When it last asked, Unix time in milliseconds.
    pub(crate) seen_ms: u64,
    /// When it last got something.
    pub(crate) active_ms: Option<u64>,
    pending: BTreeSet<StreamId>,
}

impl Pending {
    pub(crate) const fn idle_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.delivered_ms)
    }
}

impl Consumer {
    /// The number of its pending entries.
    pub(crate) fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// Its pending entries from one on, in order.
    pub(crate) fn pending_from(&self, from: StreamId) -> impl Iterator<Item = StreamId> {
        self.pending.range(from..).copied()
    }
}

impl Group {
    pub(crate) const fn new(last_id: StreamId, entries_read: Option<i64>) -> Self {
        Self { last_id, entries_read, pending: BTreeMap::new(), consumers: BTreeMap::new(), names_bytes: 0 }
    }

    /// All consumers in the order of their names.
    pub(crate) fn consumers(&self) -> impl ExactSizeIterator<Item = (&[u8], &Consumer)> {
        self.consumers.iter().map(|(name, consumer)| (&**name, consumer))
    }

    pub(crate) fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers.get(name)
    }

    /// Makes a consumer; false if there is one of that name.
    pub(crate) fn create_consumer(&mut self, name: &[u8], now_ms: u64) -> bool {
        if self.consumers.contains_key(name) {
            return false;
        }
        let consumer = Consumer { seen_ms: now_ms, active_ms: None, pending: BTreeSet::new() };
        self.consumers.insert(name.into(), consumer);
        self.names_bytes += name.len();
        true
    }

    /// Takes note that a consumer asks for something, and makes it if it is new; true if so.
    pub(crate) fn see_consumer(&mut self, name: &[u8], now_ms: u64) -> bool {
        if let Some(consumer) = self.consumers.get_mut(name) {
            consumer.seen_ms = now_ms;
            return false;
        }
        self.create_consumer(name, now_ms)
    }

    /// Removes a consumer and forgets what it has pending; returns how many entries that was.
    pub(crate) fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        self.names_bytes -= name.len();
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    pub(crate) fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The first and the last pending entry.
    pub(crate) fn pending_bounds(&self) -> Option<(StreamId, StreamId)> {
        Some((*self.pending.first_key_value()?.0, *self.pending.last_key_value()?.0))
    }

    pub(crate) fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// Pending entries from one on, in order.
    pub(crate) fn pending_from(&self, from: StreamId) -> impl Iterator<Item = (StreamId, &Pending)> {
        self.pending.range(from..).map(|(id, pending)| (*id, pending))
    }

    /// Takes note that an entry was delivered once more, to a consumer that exists, whoever had it before.
    pub(crate) fn assign(&mut self, id: StreamId, consumer: &[u8], delivered_ms: u64, deliveries: u64) {
        let Some((name, own)) = self.consumers.get_key_value(consumer) else { return };
        if !own.pending.contains(&id) {
            let name = Arc::clone(name);
            self.forget(id);
            if let Some(own) = self.consumers.get_mut(consumer) {
                own.pending.insert(id);
            }
            self.pending.insert(id, Pending { consumer: name, delivered_ms, deliveries });
        } else if let Some(pending) = self.pending.get_mut(&id) {
            pending.delivered_ms = delivered_ms;
            pending.deliveries = deliveries;
        }
    }

    /// Takes note that a consumer got something.
    pub(crate) fn mark_active(&mut self, consumer: &[u8], now_ms: u64) {
        if let Some(consumer) = self.consumers.get_mut(consumer) {
            consumer.active_ms = Some(now_ms);
        }
    }

    /// Takes a pending entry out, since it was acknowledged or is gone; false if it is not pending.
    pub(crate) fn forget(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        if let Some(consumer) = self.consumers.get_mut(&pending.consumer) {
            consumer.pending.remove(&id);
        }
        true
    }

    /// Takes note that the group was given an entry, if that is a new one to it.
    pub(crate) fn advance(&mut self, id: StreamId, log: &Log) {
        if id <= self.last_id {
            return;
        }
        match self.entries_read {
            Some(read) if !log.has_gaps_from(id) => self.entries_read = Some(read.wrapping_add(1)),
            _ if log.entries_added > 0 => self.entries_read = log.added_up_to(id).map(|count| count as i64),
            _ => {}
        }
        self.last_id = id;
    }

    /// How many entries the group has yet to be given; `None` if that is not known.
    pub(crate) fn lag(&self, log: &Log) -> Option<i64> {
        let read = match self.entries_read {
            _ if log.entries_added == 0 => return Some(0),
            Some(read) if !log.has_gaps_from(self.last_id) => read,
            _ => log.added_up_to(self.last_id)? as i64,
        };
        Some((log.entries_added as i64).wrapping_sub(read))
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let records = 1 + self.consumers.len();
        records * RECORD_BYTES + self.names_bytes + self.pending.len() * PENDING_BYTES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_group_and_its_consumers_agree_on_what_is_pending(
            ops in prop::collection::vec((0..8_u8, 0..10_u64, 0..4_u8), 0..100),
        ) {
            let mut group = Group::new(StreamId::MIN, None);
            let empty_bytes = group.heap_bytes();
            let (mut model, mut names) = (BTreeMap::<StreamId, u8>::new(), BTreeSet::<u8>::new());
            for (op, ms, consumer) in ops {
                let (id, name) = (StreamId { ms, seq: 0 }, [consumer]);
                match op {
                    0..4 => {
                        prop_assert_eq!(group.see_consumer(&name, ms), names.insert(consumer));
                        group.assign(id, &name, ms, 1);
                        model.insert(id, consumer);
                    }
                    4..7 => prop_assert_eq!(group.forget(id), model.remove(&id).is_some()),
                    _ => {
                        let own = model.values().filter(|own| **own == consumer).count();
                        prop_assert_eq!(group.remove_consumer(&name), names.remove(&consumer).then_some(own));
                        model.retain(|_, own| *own != consumer);
                    }
                }
                let pending = group.pending_from(StreamId::MIN).map(|(id, pending)| (id, pending.consumer[0]));
                prop_assert!(pending.eq(model.iter().map(|(id, own)| (*id, *own))));
                prop_assert_eq!(group.consumers().len(), names.len());
                for (name, consumer) in group.consumers() {
                    let own = model.iter().filter(|(_, own)| **own == name[0]).map(|(id, _)| *id);
                    prop_assert!(consumer.pending_from(StreamId::MIN).eq(own));
                }
            }
            for consumer in names {
                group.remove_consumer(&[consumer]);
            }
            prop_assert_eq!((group.pending_len(), group.heap_bytes()), (0, empty_bytes));
        }
    }
}
