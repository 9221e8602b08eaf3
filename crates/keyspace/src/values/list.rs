//! Lists: one piece of memory while small, a ring of strings beyond.

use std::collections::VecDeque;
use std::ops::Range;

use super::packed::{self, Packed};
use crate::keyspace::EncodingLimits;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// LEFT, index 0.
    Head,
    /// RIGHT, index -1.
    Tail,
}

/// A list value.
#[derive(Clone, Debug)]
pub(crate) enum List {
    Packed(Packed),
    /// Boxed, so that a key whose list is small, as most are, has no room for this.
    Ring(Box<Ring>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Ring {
    elements: VecDeque<Box<[u8]>>,
    /// The lengths of all elements together.
    bytes: usize,
}

impl List {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.len(),
            Self::Ring(ring) => ring.elements.len(),
        }
    }

    /// The element at `index`.
    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        match self {
            Self::Packed(packed) => packed.get(index),
            Self::Ring(ring) => ring.elements.get(index).map(AsRef::as_ref),
        }
    }

    /// All elements from head to tail.
    pub(crate) fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    /// The elements at these indexes, all of which exist.
    pub(crate) fn range(&self, range: Range<usize>) -> Iter<'_> {
        match self {
            Self::Packed(packed) => {
                let mut iter = packed.iter();
                if range.start > 0 {
                    iter.nth(range.start - 1);
                }
                Iter::Packed(iter.take(range.len()))
            }
            Self::Ring(ring) => Iter::Ring(ring.elements.range(range)),
        }
    }

    /// The first `count` elements seen from `end`, the one at the end first; fewer if there are fewer.
    pub(crate) fn walk(&self, end: End, count: usize) -> Box<dyn ExactSizeIterator<Item = &[u8]> + '_> {
        let count = count.min(self.len());
        match (end, self) {
            (End::Head, _) => Box::new(self.range(0..count)),
            (End::Tail, Self::Ring(ring)) => Box::new(ring.elements.iter().rev().take(count).map(AsRef::as_ref)),
            // It can be walked in one direction only.
            (End::Tail, Self::Packed(_)) => {
                Box::new(self.range(self.len() - count..self.len()).collect::<Vec<_>>().into_iter().rev())
            }
        }
    }

    /// Puts an element at one end.
    pub(crate) fn push(&mut self, end: End, element: &[u8], limits: &EncodingLimits) {
        match end {
            End::Head => self.insert(0, element, limits),
            End::Tail => self.insert(self.len(), element, limits),
        }
    }

    /// Puts an element in front of the one at `index`, behind all at the index that is their number.
    pub(crate) fn insert(&mut self, index: usize, element: &[u8], limits: &EncodingLimits) {
        self.unpack_for(element, 1, limits);
        match self {
            // Behind all is where it begins to look, if it is told to push.
            Self::Packed(packed) if index == packed.len() => packed.push(element),
            Self::Packed(packed) => packed.insert(index, element),
            Self::Ring(ring) => {
                ring.bytes += element.len();
                ring.elements.insert(index, element.into());
            }
        }
    }

    /// Puts an element in the place of the one at `index`, which exists.
    pub(crate) fn replace(&mut self, index: usize, element: &[u8], limits: &EncodingLimits) {
        self.unpack_for(element, 0, limits);
        match self {
            Self::Packed(packed) => packed.replace(index, element),
            Self::Ring(ring) => {
                let before = std::mem::replace(&mut ring.elements[index], element.into());
                ring.bytes = ring.bytes - before.len() + element.len();
                self.shrink(limits);
            }
        }
    }

    /// Keeps the elements at these indexes, all of which exist, and removes the others.
    pub(crate) fn keep(&mut self, range: Range<usize>, limits: &EncodingLimits) {
        match self {
            Self::Packed(packed) => {
                // To look for a place is to walk there.
                if range.end < packed.len() {
                    packed.remove(range.end, packed.len());
                }
                packed.remove(0, range.start);
            }
            Self::Ring(ring) => {
                let behind: usize = ring.elements.range(range.end..).map(|element| element.len()).sum();
                ring.elements.truncate(range.end);
                let in_front: usize = ring.elements.drain(..range.start).map(|element| element.len()).sum();
                ring.bytes -= in_front + behind;
                self.shrink(limits);
            }
        }
    }

    /// Removes the first `count` elements seen from `end`.
    pub(crate) fn remove_end(&mut self, end: End, count: usize, limits: &EncodingLimits) {
        let left = self.len() - count.min(self.len());
        self.keep(if end == End::Head { self.len() - left..self.len() } else { 0..left }, limits);
    }

    /// Removes the first `max` elements seen from `end` that are equal to this one; returns how many there were.
    pub(crate) fn remove_equal(&mut self, element: &[u8], end: End, max: usize, limits: &EncodingLimits) -> usize {
        let equal = self.iter().filter(|own| *own == element).count();
        let count = equal.min(max);
        if count == 0 {
            return 0;
        }
        // Which of the equal ones go, counted from the head.
        let doomed = if end == End::Head { 0..count } else { equal - count..equal };
        let mut seen = 0;
        let mut stays = |own: &[u8]| {
            let is_equal = own == element;
            seen += usize::from(is_equal);
            !(is_equal && doomed.contains(&(seen - 1)))
        };
        match self {
            Self::Packed(packed) => *packed = packed.iter().filter(|own| stays(own)).collect(),
            Self::Ring(ring) => {
                ring.elements.retain(|own| stays(own));
                ring.bytes -= count * element.len();
                self.shrink(limits);
            }
        }
        count
    }

    /// Turns it into a ring if it would be too large with `more` elements, one of which is this.
    fn unpack_for(&mut self, element: &[u8], more: usize, limits: &EncodingLimits) {
        let Self::Packed(packed) = self else { return };
        let (entries_max, bytes_max) = packed_max(limits);
        if packed.len() + more > entries_max || packed.byte_len() + element.len() > bytes_max {
            let elements = packed.iter().map(Into::into).collect();
            let bytes = packed.iter().map(<[u8]>::len).sum();
            *self = Self::Ring(Box::new(Ring { elements, bytes }));
        }
    }

    /// Gives back memory after elements have gone. Only at half of the limit does a ring become small again, so that a
    /// list whose size goes up and down at the limit is not moved back and forth.
    fn shrink(&mut self, limits: &EncodingLimits) {
        let Self::Ring(ring) = self else { return };
        let (entries_max, bytes_max) = packed_max(limits);
        let len = ring.elements.len();
        // One byte more for each length, as a packed one has it.
        if len <= entries_max / 2 && ring.bytes + len <= bytes_max / 2 {
            *self = Self::Packed(ring.elements.iter().collect());
        } else if len < ring.elements.capacity() / 4 {
            ring.elements.shrink_to(len * 2);
        }
    }

    pub(crate) const fn encoding(&self, _: &EncodingLimits) -> &'static str {
        match self {
            Self::Packed(_) => "listpack",
            Self::Ring(_) => "quicklist",
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.heap_bytes(),
            Self::Ring(ring) => size_of::<Ring>() + ring.elements.capacity() * size_of::<Box<[u8]>>() + ring.bytes,
        }
    }
}

impl Default for List {
    fn default() -> Self {
        Self::Packed(Packed::default())
    }
}

/// Elements of a [`List`].
#[derive(Clone)]
pub(crate) enum Iter<'a> {
    Packed(std::iter::Take<packed::Iter<'a>>),
    Ring(std::collections::vec_deque::Iter<'a, Box<[u8]>>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        match self {
            Self::Packed(iter) => iter.next(),
            Self::Ring(iter) => iter.next().map(AsRef::as_ref),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Packed(iter) => iter.size_hint(),
            Self::Ring(iter) => iter.size_hint(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// How many entries and bytes a list may have in one piece of memory.
const fn packed_max(limits: &EncodingLimits) -> (usize, usize) {
    /// What a number of entries is bounded by as well, however many they may be.
    const BYTES_MAX: usize = 8 << 10;
    match limits.list_max_listpack_size {
        0 => (1, BYTES_MAX),
        entries @ 1.. => (entries as usize, BYTES_MAX),
        -1 => (usize::MAX, 4 << 10),
        -2 => (usize::MAX, 8 << 10),
        -3 => (usize::MAX, 16 << 10),
        -4 => (usize::MAX, 32 << 10),
        _ => (usize::MAX, 64 << 10),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end(odd: usize) -> End {
        if odd.is_multiple_of(2) { End::Tail } else { End::Head }
    }

    proptest! {
        /// Few entries at once, so that each list goes from one form to the other and back.
        #[test]
        fn it_behaves_as_a_vector_in_both_forms(
            size in prop::sample::select(&[4_i64, 0, -1][..]),
            ops in prop::collection::vec((0..6_u8, 0..12_usize, 0..4_usize), 0..80),
        ) {
            let limits = EncodingLimits { list_max_listpack_size: size, ..EncodingLimits::default() };
            let (mut list, mut model) = (List::default(), Vec::<Vec<u8>>::new());
            for (op, index, letter) in ops {
                // One of the elements is large, for the limit in bytes.
                let element = vec![b'a' + letter as u8; if letter == 3 { 1500 } else { letter }];
                let at = index.min(model.len());
                match op {
                    0 => {
                        list.push(end(index), &element, &limits);
                        model.insert(if end(index) == End::Head { 0 } else { model.len() }, element);
                    }
                    1 => {
                        list.insert(at, &element, &limits);
                        model.insert(at, element);
                    }
                    2 if index < model.len() => {
                        list.replace(index, &element, &limits);
                        model[index] = element;
                    }
                    3 => {
                        list.remove_end(end(index), letter, &limits);
                        let gone = letter.min(model.len());
                        if end(index) == End::Head { model.drain(..gone); } else { model.truncate(model.len() - gone); }
                    }
                    4 => {
                        let end = (at + 8).min(model.len());
                        list.keep(at..end, &limits);
                        model = model[at..end].to_vec();
                    }
                    _ => {
                        let removed = list.remove_equal(&element, end(index), index / 4 + 1, &limits);
                        let mut equal: Vec<usize> = (0..model.len()).filter(|at| model[*at] == element).collect();
                        if end(index) == End::Tail { equal.reverse(); }
                        equal.truncate(index / 4 + 1);
                        prop_assert_eq!(removed, equal.len());
                        let mut at = 0..;
                        model.retain(|_| !equal.contains(&at.next().unwrap()));
                    }
                }
                prop_assert_eq!(list.len(), model.len());
                prop_assert!(list.iter().eq(model.iter().map(Vec::as_slice)));
                prop_assert!(list.walk(End::Tail, 5).eq(model.iter().rev().take(5).map(Vec::as_slice)));
                prop_assert_eq!(list.get(index), model.get(index).map(Vec::as_slice));
                if let List::Ring(ring) = &list {
                    prop_assert_eq!(ring.bytes, model.iter().map(Vec::len).sum::<usize>());
                }
            }
        }
    }

    #[test]
    fn a_list_becomes_a_ring_at_the_limit_and_packed_again_at_half_of_it() {
        for (size, entries) in [(10, 10), (-2, 4096), (-1, 2048), (i64::MIN, 32768), (i64::MAX, 4096)] {
            let limits = EncodingLimits { list_max_listpack_size: size, ..EncodingLimits::default() };
            let mut list = List::default();
            for _ in 0..entries {
                assert_eq!(list.encoding(&limits), "listpack", "{size} {}", list.len());
                list.push(End::Tail, b"a", &limits);
            }
            list.push(End::Head, b"a", &limits);
            assert_eq!(list.encoding(&limits), "quicklist", "{size}");
            while list.len() > entries / 2 {
                assert_eq!(list.encoding(&limits), "quicklist", "{size} {}", list.len());
                list.remove_end(End::Head, 1, &limits);
            }
            assert_eq!(list.encoding(&limits), "listpack", "{size}");
            assert!(list.heap_bytes() < 2 * entries, "{size}");
        }
    }

    #[test]
    fn a_ring_gives_its_memory_back() {
        let limits = EncodingLimits::default();
        let mut list = List::default();
        for _ in 0..10_000 {
            list.push(End::Tail, &[0; 1000], &limits);
        }
        assert!(list.heap_bytes() > 10_000_000);
        list.keep(0..100, &limits);
        assert!(list.heap_bytes() < 110_000);
    }
}
