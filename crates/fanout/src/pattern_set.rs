//! The distinct patterns of all subscribers, and which of them match a channel.
//!
//! Each pattern is filed under one [`Key`]: bytes that every channel it matches must contain, chosen when it is
//! inserted so that few other patterns share them. A channel is looked up under each key it contains, and what is
//! found there is checked with `glob_match`. So the cost grows with the patterns that resemble the channel, and only
//! patterns without a single literal byte are checked for every channel.

mod key;
#[cfg(test)]
mod tests;

use std::hash::BuildHasher;

use fanfare_wire::{Literals, glob_match};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use slab::Slab;

use self::key::{Key, KeyKinds, Visited};

/// A pattern's number in a [`PatternSet`]; free for another pattern once this one is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatternId(u32);

impl PatternId {
    /// The number itself, small enough to index an array.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of distinct patterns, each with a value of its owner.
#[derive(Debug)]
pub struct PatternSet<T> {
    patterns: Slab<Pattern<T>>,
    /// Finds a pattern by its own bytes; holds indexes of `patterns`.
    by_bytes: HashTable<u32>,
    /// Every pattern is in the bucket of its key, and in no other; no bucket is empty.
    buckets: HashTable<Bucket>,
    /// How many patterns are filed under each kind of key: kinds not in use are not looked up.
    kinds: KeyKinds,
    /// Seeded at random, since subscribers choose the patterns.
    hasher: RandomState,
}

#[derive(Debug)]
struct Pattern<T> {
    bytes: Box<[u8]>,
    key: Key,
    /// Neighbours in the list of the bucket; [`NONE`] at its ends.
    previous: u32,
    next: u32,
    value: T,
}

#[derive(Debug)]
struct Bucket {
    key: Key,
    /// The first of the bucket's patterns, which are a list so that a bucket of one needs no allocation.
    head: u32,
    len: u32,
}

const NONE: u32 = u32::MAX;

impl<T> PatternSet<T> {
    /// An empty set.
    pub fn new() -> Self {
        Self {
            patterns: Slab::new(),
            by_bytes: HashTable::new(),
            buckets: HashTable::new(),
            kinds: KeyKinds::default(),
            hasher: RandomState::default(),
        }
    }

    /// The number of distinct patterns.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Finds `pattern` itself (not what matches it).
    pub fn get(&self, pattern: &[u8]) -> Option<PatternId> {
        let found = self.by_bytes.find(self.hasher.hash_one(pattern), |&index| self.at(index).bytes[..] == *pattern);
        found.map(|&index| PatternId(index))
    }

    /// Finds `pattern`, or inserts it with the value that `f` makes.
    ///
    /// # Panics
    ///
    /// When there are more than `u32::MAX - 1` patterns, which no memory limit lets happen.
    pub fn get_or_insert_with(&mut self, pattern: &[u8], f: impl FnOnce() -> T) -> PatternId {
        if let Some(id) = self.get(pattern) {
            return id;
        }
        let value = f();
        let key = key::choose(&Literals::of(pattern), &self.hasher, |key| self.bucket(key).map_or(0, |b| b.len));
        let index = u32::try_from(self.patterns.vacant_key()).ok().filter(|&index| index != NONE);
        let index = index.expect("fewer patterns than u32::MAX");

        let (hasher, patterns) = (&self.hasher, &self.patterns);
        let rehash = |&index: &u32| hasher.hash_one(&patterns[index as usize].bytes[..]);
        self.by_bytes.insert_unique(hasher.hash_one(pattern), index, rehash);
        let next = match self.buckets.entry(hasher.hash_one(key), |b| b.key == key, |b| hasher.hash_one(b.key)) {
            Entry::Occupied(mut bucket) => {
                let bucket = bucket.get_mut();
                bucket.len += 1;
                std::mem::replace(&mut bucket.head, index)
            }
            Entry::Vacant(place) => {
                place.insert(Bucket { key, head: index, len: 1 });
                NONE
            }
        };
        if next != NONE {
            self.patterns[next as usize].previous = index;
        }
        self.kinds.add(key);
        self.patterns.insert(Pattern { bytes: pattern.into(), key, previous: NONE, next, value });
        PatternId(index)
    }

    /// Removes a pattern; its id may be given to another one afterwards. `None` if there is no such pattern.
    pub fn remove(&mut self, id: PatternId) -> Option<T> {
        let removed = self.patterns.try_remove(id.index())?;
        self.kinds.remove(removed.key);
        if let Ok(entry) = self.by_bytes.find_entry(self.hasher.hash_one(&removed.bytes[..]), |&index| index == id.0) {
            entry.remove();
        }
        if removed.next != NONE {
            self.patterns[removed.next as usize].previous = removed.previous;
        }
        if removed.previous != NONE {
            self.patterns[removed.previous as usize].next = removed.next;
        }
        if let Ok(mut bucket) = self.buckets.find_entry(self.hasher.hash_one(removed.key), |b| b.key == removed.key) {
            if bucket.get().len == 1 {
                bucket.remove();
            } else {
                bucket.get_mut().len -= 1;
                if removed.previous == NONE {
                    bucket.get_mut().head = removed.next;
                }
            }
        }
        if self.is_empty() {
            // Nothing refers to the old places any more: give the memory of a past peak back.
            *self = Self::new();
        }
        Some(removed.value)
    }

    /// The value of a pattern, to change it.
    ///
    /// # Panics
    ///
    /// When the pattern was removed.
    pub fn value_mut(&mut self, id: PatternId) -> &mut T {
        &mut self.patterns[id.index()].value
    }

    /// The value of a pattern.
    ///
    /// # Panics
    ///
    /// When the pattern was removed.
    pub fn value(&self, id: PatternId) -> &T {
        &self.at(id.0).value
    }

    /// The bytes of a pattern.
    ///
    /// # Panics
    ///
    /// When the pattern was removed.
    pub fn pattern(&self, id: PatternId) -> &[u8] {
        &self.at(id.0).bytes
    }

    /// Calls `f` once with each pattern that matches `channel`.
    ///
    /// The order is arbitrary, but the same for every call between two changes of the set.
    pub fn for_each_match(&self, channel: &[u8], mut f: impl FnMut(PatternId, &T)) {
        self.for_each_candidate(channel, |id, pattern| {
            if glob_match(&pattern.bytes, channel) {
                f(id, &pattern.value);
            }
        });
    }

    /// All patterns, in order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (PatternId, &[u8], &T)> {
        // An index is below `u32::MAX`, as `get_or_insert_with` asserts.
        self.patterns.iter().map(|(index, pattern)| (PatternId(index as u32), &pattern.bytes[..], &pattern.value))
    }

    /// Calls `f` once with each pattern filed under a key that `channel` contains.
    fn for_each_candidate(&self, channel: &[u8], mut f: impl FnMut(PatternId, &Pattern<T>)) {
        let mut visited = Visited::new(&self.hasher);
        key::for_each_key(channel, &self.kinds, &self.hasher, |key| {
            let Some(bucket) = self.bucket(key).filter(|bucket| visited.insert(bucket.head)) else {
                return;
            };
            let mut index = bucket.head;
            while index != NONE {
                let pattern = self.at(index);
                f(PatternId(index), pattern);
                index = pattern.next;
            }
        });
    }

    fn bucket(&self, key: Key) -> Option<&Bucket> {
        self.buckets.find(self.hasher.hash_one(key), |bucket| bucket.key == key)
    }

    fn at(&self, index: u32) -> &Pattern<T> {
        &self.patterns[index as usize]
    }
}

impl<T> Default for PatternSet<T> {
    fn default() -> Self {
        Self::new()
    }
}
