//! The entries of a stream, in order.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::id::StreamId;
use crate::keyspace::EncodingLimits;
use crate::values::packed;

/// From how many bytes on a node takes no more entries. Source: Redis's default of `stream-node-max-bytes`.
const NODE_BYTES_MAX: usize = 4096;

/// Memory of a node beside that of its entries, about.
const NODE_BYTES: usize = 128;

/// Entries in the order of their identifiers, and what has ever happened to them.
///
/// They lie in nodes as in Redis, some tens to a node: this is what approximate trimming is defined by, and a small
/// entry costs little memory beside its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// Never an empty one; by the identifier of the first entry that was put in, which may be gone.
    nodes: BTreeMap<StreamId, Node>,
    len: usize,
    /// Bytes of the entries' fields and values.
    bytes: usize,
    /// The greatest identifier there was, or what XSETID said.
    pub(crate) last_id: StreamId,
    /// The greatest identifier that XDEL took out, `0-0` if it never did.
    pub(crate) max_deleted_id: StreamId,
    /// How many entries there have ever been.
    pub(crate) entries_added: u64,
}

/// Neighbouring entries.
#[derive(Clone, Debug, Default)]
struct Node {
    slots: Vec<Slot>,
    /// The fields and values of all, as [`packed`] keeps strings.
    bytes: Vec<u8>,
    /// How many were put in, and the last of them, those included that are gone: Redis keeps their places as well.
    appended: usize,
    last_id: StreamId,
}

/// Where an entry of a node lies: from the end of the one before.
#[derive(Clone, Copy, Debug)]
struct Slot {
    id: StreamId,
    end: u32,
    strings: u32,
}

/// An entry.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) id: StreamId,
    strings: u32,
    bytes: &'a [u8],
}

/// What trimming leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keep {
    /// So many of the last entries.
    Last(usize),
    /// The entries from this one on.
    From(StreamId),
}

/// How to trim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trim {
    pub(crate) keep: Keep,
    /// Take out whole nodes only, which is fast but may leave more.
    pub(crate) whole_nodes: bool,
    /// Take out no more entries than this.
    pub(crate) removed_max: usize,
}

impl Log {
    /// Appends an entry, whose identifier lies behind that of all others, with `size` bytes of fields and values.
    pub(crate) fn append<'w>(
        &mut self,
        id: StreamId,
        strings: impl Iterator<Item = &'w [u8]>,
        size: usize,
        limits: &EncodingLimits,
    ) {
        let entries_max = limits.stream_node_max_entries;
        let takes_more =
            |node: &Node| node.bytes.len() + size < NODE_BYTES_MAX && (entries_max == 0 || node.appended < entries_max);
        let key = match self.nodes.last_entry() {
            Some(node) if takes_more(node.get()) => *node.key(),
            Some(mut full) => {
                full.get_mut().slots.shrink_to_fit();
                full.get_mut().bytes.shrink_to_fit();
                id
            }
            None => id,
        };
        let node = self.nodes.entry(key).or_default();
        let before = node.bytes.len();
        let mut count = 0;
        for string in strings {
            packed::append(&mut node.bytes, string);
            count += 1;
        }
        node.slots.push(Slot { id, end: node.bytes.len() as u32, strings: count });
        node.appended += 1;
        node.last_id = id;
        self.bytes += node.bytes.len() - before;
        self.len += 1;
        self.last_id = id;
        self.entries_added = self.entries_added.saturating_add(1);
    }

    /// Takes an entry out; false if there is none.
    pub(crate) fn remove(&mut self, id: StreamId) -> bool {
        let Some((&key, node)) = self.nodes.range_mut(..=id).next_back() else { return false };
        let Ok(at) = node.slots.binary_search_by_key(&id, |slot| slot.id) else { return false };
        self.bytes -= node.remove(at, at + 1);
        self.len -= 1;
        if node.slots.is_empty() {
            self.nodes.remove(&key);
        }
        self.max_deleted_id = self.max_deleted_id.max(id);
        true
    }

    /// Takes out the oldest entries; returns how many.
    pub(crate) fn trim(&mut self, trim: &Trim) -> usize {
        let mut removed = 0;
        while let Some(mut first) = self.nodes.first_entry() {
            let node = first.get_mut();
            let in_node = node.slots.len();
            let (surplus, has_passed) = match trim.keep {
                Keep::Last(count) => (self.len.saturating_sub(count).min(in_node), true),
                Keep::From(id) => (node.slots.partition_point(|slot| slot.id < id), node.last_id < id),
            };
            let is_whole = surplus == in_node;
            let may_go = !trim.whole_nodes || (is_whole && has_passed);
            if surplus == 0 || removed + in_node > trim.removed_max || !may_go {
                break;
            }
            self.bytes -= node.remove(0, surplus);
            self.len -= surplus;
            removed += surplus;
            if !is_whole {
                break;
            }
            first.remove();
        }
        removed
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The number of nodes.
    pub(crate) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The entry with this identifier.
    pub(crate) fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// The identifier of the oldest entry, `0-0` if there is none.
    pub(crate) fn first_id(&self) -> StreamId {
        self.nodes.first_key_value().map_or(StreamId::MIN, |(_, node)| node.slots[0].id)
    }

    /// The entries with an identifier between these two, which are part of the range.
    pub(crate) fn range(&self, from: StreamId, to: StreamId) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        let first = self.nodes.range(..=from).next_back().map_or(from, |(key, _)| *key);
        self.nodes.range(first..=to.max(first)).flat_map(move |(_, node)| node.range(from, to))
    }

    /// How many entries had been added when the one with this identifier was the last; `None` if that is not known.
    pub(crate) fn added_up_to(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 || id == self.last_id || (self.len == 0 && id < self.last_id) {
            return Some(self.entries_added);
        }
        if id > self.last_id || self.has_gaps() {
            return None;
        }
        let before = self.entries_added.wrapping_sub(self.len as u64);
        match id.cmp(&self.first_id()) {
            Ordering::Less => Some(before),
            Ordering::Equal => Some(before.wrapping_add(1)),
            Ordering::Greater => None,
        }
    }

    /// Whether XDEL may have taken out entries from this one on.
    pub(crate) fn has_gaps_from(&self, id: StreamId) -> bool {
        id <= self.max_deleted_id && self.has_gaps()
    }

    /// Whether XDEL may have taken out entries between those that are left, and not just in front of them.
    fn has_gaps(&self) -> bool {
        self.max_deleted_id != StreamId::MIN && self.len > 0 && self.first_id() <= self.max_deleted_id
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes + self.len * size_of::<Slot>() + self.nodes.len() * NODE_BYTES
    }
}

impl Node {
    /// Takes out the entries in these places; returns how many bytes they had.
    fn remove(&mut self, from: usize, to: usize) -> usize {
        let (start, end) = (self.start(from), self.start(to));
        self.bytes.drain(start..end);
        self.slots.drain(from..to);
        for slot in &mut self.slots[from..] {
            slot.end -= (end - start) as u32;
        }
        end - start
    }

    /// Where the bytes of the entry at `index` begin.
    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.slots[before].end as usize)
    }

    fn range(&self, from: StreamId, to: StreamId) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        let first = self.slots.partition_point(|slot| slot.id < from);
        let end = self.slots.partition_point(|slot| slot.id <= to);
        (first..end).map(|at| {
            let slot = self.slots[at];
            let bytes = &self.bytes[self.start(at)..slot.end as usize];
            Entry { id: slot.id, strings: slot.strings, bytes }
        })
    }
}

impl<'a> Entry<'a> {
    /// Fields and values by turns.
    pub(crate) const fn strings(&self) -> packed::Iter<'a> {
        packed::Iter::new(self.bytes, self.strings)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(log: &Log, from: u64, to: u64) -> Vec<u64> {
        log.range(StreamId { ms: from, seq: 0 }, StreamId { ms: to, seq: 0 }).map(|entry| entry.id.ms).collect()
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_sorted_vector(
            ops in prop::collection::vec((0..8_u8, 0..60_u64, 0..60_u64, 0..3000_usize), 0..120),
            node_max in 0..5_usize,
        ) {
            let limits = EncodingLimits { stream_node_max_entries: node_max, ..EncodingLimits::default() };
            let (mut log, mut model) = (Log::default(), Vec::<(u64, Vec<Vec<u8>>)>::new());
            for (op, a, b, len) in ops {
                match op {
                    0..4 => {
                        let id = StreamId { ms: log.last_id.ms + 1, seq: 0 };
                        let strings = vec![b"field".to_vec(), vec![a as u8; len]];
                        log.append(id, strings.iter().map(Vec::as_slice), 5 + len, &limits);
                        model.push((id.ms, strings));
                    }
                    4 => {
                        let is_there = model.iter().any(|(id, _)| *id == a);
                        prop_assert_eq!(log.remove(StreamId { ms: a, seq: 0 }), is_there);
                        model.retain(|(id, _)| *id != a);
                    }
                    _ => {
                        let keep = match op {
                            5 => Keep::Last(b as usize),
                            _ => Keep::From(StreamId { ms: a, seq: 0 }),
                        };
                        let whole_nodes = op == 7;
                        let removed_max = if whole_nodes { b as usize } else { usize::MAX };
                        let surplus = match keep {
                            Keep::Last(count) => model.len().saturating_sub(count),
                            Keep::From(id) => model.iter().filter(|(own, _)| *own < id.ms).count(),
                        };
                        let removed = log.trim(&Trim { keep, whole_nodes, removed_max });
                        match whole_nodes {
                            true => prop_assert!(removed <= surplus.min(removed_max)),
                            false => prop_assert_eq!(removed, surplus),
                        }
                        model.drain(..removed);
                    }
                }
                prop_assert_eq!(log.len(), model.len());
                prop_assert_eq!(log.first_id().ms, model.first().map_or(0, |(id, _)| *id));
                let expected: Vec<u64> = model.iter().map(|(id, _)| *id).filter(|id| (a..=b).contains(id)).collect();
                prop_assert_eq!(ids(&log, a, b), expected);
                let all = log.range(StreamId::MIN, StreamId::MAX);
                prop_assert!(all.map(|entry| entry.strings().map(<[u8]>::to_vec).collect::<Vec<_>>())
                    .eq(model.iter().map(|(_, strings)| strings.clone())));
                let reverse = log.range(StreamId::MIN, StreamId::MAX).rev().map(|entry| entry.id.ms);
                prop_assert!(reverse.eq(model.iter().rev().map(|(id, _)| *id)));
                let bytes: usize = log.nodes.values().map(|node| node.bytes.len()).sum();
                prop_assert_eq!(log.bytes, bytes);
            }
        }
    }

    #[test]
    fn approximate_trimming_takes_whole_nodes() {
        let limits = EncodingLimits { stream_node_max_entries: 10, ..EncodingLimits::default() };
        let mut log = Log::default();
        for ms in 1..=100 {
            log.append(StreamId { ms, seq: 0 }, [].into_iter(), 0, &limits);
        }
        let whole = |keep, removed_max| Trim { keep, whole_nodes: true, removed_max };
        assert_eq!(log.trim(&whole(Keep::Last(85), usize::MAX)), 10);
        assert_eq!(log.trim(&whole(Keep::Last(0), 29)), 20);
        assert_eq!(log.trim(&whole(Keep::From(StreamId { ms: 45, seq: 0 }), usize::MAX)), 10);
        assert_eq!((log.len(), log.nodes(), log.first_id().ms), (60, 6, 41));
        // A deleted entry still has its place, up to which the node reaches.
        assert!(log.remove(StreamId { ms: 50, seq: 0 }));
        assert_eq!(log.trim(&whole(Keep::From(StreamId { ms: 50, seq: 0 }), usize::MAX)), 0);
        assert_eq!(log.trim(&whole(Keep::From(StreamId { ms: 51, seq: 0 }), usize::MAX)), 9);
    }
}
