//! Under which bytes a pattern is filed, and under which a channel is looked up.

use std::hash::BuildHasher;

use fanfare_wire::Literals;
use foldhash::fast::RandomState;
use hashbrown::HashSet;

/// Bytes that a channel must contain, and where.
///
/// The top byte is the [`kind`](Self::kind), the rest the bytes themselves, or a hash where they do not fit. Two keys of
/// one kind may thus collide, which only brings more candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u64);

/// No literal: checked for every channel.
const ANY: usize = 0;
/// The whole channel.
const EXACT: usize = 1;
/// The first bytes; plus the index in [`END_LENGTHS`].
const PREFIX: usize = 2;
/// The last bytes; plus the index in [`END_LENGTHS`].
const SUFFIX: usize = PREFIX + END_LENGTHS.len();
/// Bytes anywhere; plus the index in [`GRAM_LENGTHS`].
const GRAM: usize = SUFFIX + END_LENGTHS.len();
const KINDS: usize = GRAM + GRAM_LENGTHS.len();

/// Lengths that prefixes and suffixes are cut to: close enough to lose little, few enough to look all up.
const END_LENGTHS: [usize; 12] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
/// How telling a prefix or suffix of each length is: a key with weight `n` counts as if it had `2^n` times its patterns.
const END_WEIGHTS: [u32; END_LENGTHS.len()] = [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Lengths of the pieces taken from anywhere in a literal. Three bytes are too few where patterns differ only in a long
/// number: the same digits recur in too many of them.
const GRAM_LENGTHS: [usize; 5] = [1, 2, 3, 4, 5];
/// Like [`END_WEIGHTS`]; higher, since a channel has many pieces, but one end.
const GRAM_WEIGHTS: [u32; GRAM_LENGTHS.len()] = [4, 3, 2, 1, 0];

/// At most so many places of a pattern are tried for a gram, to bound the cost of an insertion.
const GRAMS_TRIED_MAX: usize = 256;

/// What still fits behind the kind.
const DATA_BITS: u32 = 56;

impl Key {
    fn new(kind: usize, bytes: &[u8], hasher: &RandomState) -> Self {
        let data = if bytes.len() * 8 <= DATA_BITS as usize {
            pack(bytes)
        } else {
            hasher.hash_one(bytes) >> (64 - DATA_BITS)
        };
        Self::from_data(kind, data)
    }

    fn from_data(kind: usize, data: u64) -> Self {
        Self(((kind as u64) << DATA_BITS) | data)
    }

    fn kind(self) -> usize {
        (self.0 >> DATA_BITS) as usize
    }
}

fn pack(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |packed, &byte| (packed << 8) | u64::from(byte))
}

/// How many patterns are filed under each kind of key.
#[derive(Debug)]
pub(super) struct KeyKinds([u32; KINDS]);

impl KeyKinds {
    pub(super) fn add(&mut self, key: Key) {
        self.0[key.kind()] += 1;
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.0[key.kind()] -= 1;
    }

    fn used(&self, kind: usize) -> bool {
        self.0[kind] > 0
    }
}

impl Default for KeyKinds {
    fn default() -> Self {
        Self([0; KINDS])
    }
}

/// The best key for a pattern with these `literals`, where `len` tells how many patterns a key already has.
pub(super) fn choose(literals: &Literals, hasher: &RandomState, len: impl Fn(Key) -> u32) -> Key {
    if let Some(exact) = literals.exact() {
        return Key::new(EXACT, exact, hasher);
    }
    let mut best = (u64::MAX, Key::from_data(ANY, 0));
    // The first of equals wins, so the most telling kinds come first.
    let mut consider = |key: Key, weight: u32| {
        let cost = (u64::from(len(key)) + 1) << weight;
        if cost < best.0 {
            best = (cost, key);
        }
    };
    for (index, &length) in END_LENGTHS.iter().enumerate().rev() {
        let weight = END_WEIGHTS[index];
        if let Some(prefix) = literals.prefix().get(..length) {
            consider(Key::new(PREFIX + index, prefix, hasher), weight);
        }
        if let Some(suffix) = last(literals.suffix(), length) {
            consider(Key::new(SUFFIX + index, suffix, hasher), weight);
        }
    }
    for (index, &length) in GRAM_LENGTHS.iter().enumerate().rev() {
        let grams = literals.runs().flat_map(|run| run.windows(length));
        for gram in grams.take(GRAMS_TRIED_MAX) {
            consider(Key::new(GRAM + index, gram, hasher), GRAM_WEIGHTS[index]);
        }
    }
    best.1
}

/// Calls `f` with each key of a kind in use that `channel` contains; with a gram as often as it occurs.
pub(super) fn for_each_key(channel: &[u8], kinds: &KeyKinds, hasher: &RandomState, mut f: impl FnMut(Key)) {
    if kinds.used(ANY) {
        f(Key::from_data(ANY, 0));
    }
    if kinds.used(EXACT) {
        f(Key::new(EXACT, channel, hasher));
    }
    for (index, &length) in END_LENGTHS.iter().enumerate() {
        if channel.len() < length {
            break;
        }
        if kinds.used(PREFIX + index) {
            f(Key::new(PREFIX + index, &channel[..length], hasher));
        }
        if kinds.used(SUFFIX + index) {
            f(Key::new(SUFFIX + index, &channel[channel.len() - length..], hasher));
        }
    }
    for (index, &length) in GRAM_LENGTHS.iter().enumerate() {
        if channel.len() < length || !kinds.used(GRAM + index) {
            continue;
        }
        let (start, rest) = channel.split_at(length - 1);
        let mut gram = pack(start);
        for &byte in rest {
            gram = ((gram << 8) | u64::from(byte)) & ((1 << (8 * length)) - 1);
            f(Key::from_data(GRAM + index, gram));
        }
    }
}

fn last(bytes: &[u8], length: usize) -> Option<&[u8]> {
    bytes.get(bytes.len().checked_sub(length)?..)
}

/// The buckets a channel has led to so far, since the same gram may occur in it twice.
pub(super) struct Visited<'a> {
    /// Enough for most channels without an allocation.
    first: [u32; 32],
    len: usize,
    rest: Option<HashSet<u32, RandomState>>,
    hasher: &'a RandomState,
}

impl<'a> Visited<'a> {
    pub(super) fn new(hasher: &'a RandomState) -> Self {
        Self { first: [0; 32], len: 0, rest: None, hasher }
    }

    /// Whether this is the first visit of the bucket with this first pattern.
    pub(super) fn insert(&mut self, head: u32) -> bool {
        if self.first[..self.len].contains(&head) {
            return false;
        }
        if let Some(place) = self.first.get_mut(self.len) {
            *place = head;
            self.len += 1;
            return true;
        }
        self.rest.get_or_insert_with(|| HashSet::with_hasher(self.hasher.clone())).insert(head)
    }
}
