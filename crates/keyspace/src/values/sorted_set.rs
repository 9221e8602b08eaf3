//! Sorted sets: members with scores, in the order of these.
//!
//! A range of any kind, by rank, score or member, is a range of ranks here.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use super::packed::Packed;
use super::ranked::{Member, Ranked, compare};
use crate::keyspace::EncodingLimits;

/// The members of some ranks with their scores.
pub(crate) type Members<'a> = Box<dyn DoubleEndedIterator<Item = (&'a [u8], f64)> + 'a>;

/// A sorted set value.
#[derive(Clone, Debug)]
pub(crate) enum SortedSet {
    /// Member, score, member, score, in order.
    Packed(Packed),
    Large(Box<Large>),
}

/// Many or long members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Large {
    scores: IndexMap<Member, f64, foldhash::fast::RandomState>,
    ranked: Ranked,
    /// The lengths of all members.
    member_bytes: usize,
}

impl SortedSet {
    /// Gives a member a score, whether it is in the set or not; returns the one it had.
    pub(crate) fn set(&mut self, member: &[u8], score: f64, limits: &EncodingLimits) -> Option<f64> {
        let packed = match self {
            Self::Packed(packed) => packed,
            Self::Large(large) => return large.set(member, score),
        };
        let before = find(packed, member);
        match before {
            Some((_, own)) if own == score => return Some(own),
            Some((rank, _)) => packed.remove(2 * rank, 2),
            None if packed.len() / 2 < limits.zset_max_listpack_entries
                && member.len() <= limits.zset_max_listpack_value => {}
            None => {
                self.make_large().set(member, score);
                return None;
            }
        }
        let rank =
            entries(packed).take_while(|(own, own_score)| compare(*own_score, own, score, member).is_lt()).count();
        packed.insert(2 * rank, member);
        packed.insert(2 * rank + 1, PackedScore::new(score).as_bytes());
        before.map(|(_, own)| own)
    }

    /// Takes out a member; returns its score.
    pub(crate) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Packed(packed) => {
                let (rank, score) = find(packed, member)?;
                packed.remove(2 * rank, 2);
                Some(score)
            }
            Self::Large(large) => {
                let score = large.scores.swap_remove(member)?;
                large.member_bytes -= member.len();
                large.ranked.remove(score, member);
                Some(score)
            }
        }
    }

    /// Takes out the members of these ranks, which exist.
    pub(crate) fn remove_range(&mut self, ranks: Range<usize>) {
        match self {
            Self::Packed(packed) => packed.remove(2 * ranks.start, 2 * ranks.len()),
            Self::Large(large) => {
                for (_, member) in large.ranked.remove_range(ranks) {
                    large.scores.swap_remove(&member);
                    large.member_bytes -= member.len();
                }
            }
        }
    }

    /// A member's score.
    pub(crate) fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Packed(packed) => find(packed, member).map(|(_, score)| score),
            Self::Large(large) => large.scores.get(member).copied(),
        }
    }

    /// A member's rank, 0 for the lowest, and its score.
    pub(crate) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match self {
            Self::Packed(packed) => find(packed, member),
            Self::Large(large) => {
                let score = *large.scores.get(member)?;
                Some((large.ranked.rank(score, member), score))
            }
        }
    }

    /// How many members there are from the lowest on for which `is_before` is true.
    pub(crate) fn partition_point(&self, is_before: impl Fn(f64, &[u8]) -> bool) -> usize {
        match self {
            Self::Packed(packed) => entries(packed).take_while(|(member, score)| is_before(*score, member)).count(),
            Self::Large(large) => large.ranked.partition_point(is_before),
        }
    }

    /// The members of these ranks, which exist, in order.
    pub(crate) fn range(&self, ranks: Range<usize>) -> Members<'_> {
        match self {
            Self::Packed(packed) => {
                // It can only be walked forwards.
                let members = entries(packed).skip(ranks.start).take(ranks.len()).collect::<Vec<_>>();
                Box::new(members.into_iter())
            }
            Self::Large(large) => Box::new(large.ranked.range(ranks)),
        }
    }

    /// All members in order.
    pub(crate) fn iter(&self) -> Members<'_> {
        self.range(0..self.len())
    }

    /// The member at a place between 0 and the number of members; the places have no order, but keep while nothing
    /// changes, and a removal puts the last into the place that became free.
    pub(crate) fn at(&self, place: usize) -> Option<(&[u8], f64)> {
        match self {
            Self::Packed(packed) => entries(packed).nth(place),
            Self::Large(large) => large.scores.get_index(place).map(|(member, score)| (&**member, *score)),
        }
    }

    /// The number of members.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.len() / 2,
            Self::Large(large) => large.scores.len(),
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is kept in one piece of memory.
    pub(crate) const fn is_packed(&self) -> bool {
        matches!(self, Self::Packed(_))
    }

    pub(crate) fn encoding(&self, _: &EncodingLimits) -> &'static str {
        if self.is_packed() { "listpack" } else { "skiplist" }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.heap_bytes(),
            Self::Large(large) => size_of::<Large>() + large.member_bytes + large.scores.len() * LARGE_ENTRY_BYTES,
        }
    }

    fn make_large(&mut self) -> &mut Large {
        if let Self::Packed(packed) = self {
            let mut large = Box::<Large>::default();
            for (member, score) in entries(packed) {
                large.set(member, score);
            }
            *self = Self::Large(large);
        }
        let Self::Large(large) = self else { unreachable!("it was just made one") };
        large
    }
}

impl Default for SortedSet {
    fn default() -> Self {
        Self::Packed(Packed::default())
    }
}

impl Large {
    fn set(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let Some((_, own, own_score)) = self.scores.get_full_mut(member) else {
            let member = Member::from(member);
            self.member_bytes += member.len();
            self.scores.insert(Arc::clone(&member), score);
            self.ranked.insert(score, member);
            return None;
        };
        let before = *own_score;
        if before != score {
            *own_score = score;
            self.ranked.remove(before, member);
            self.ranked.insert(score, Arc::clone(own));
        }
        Some(before)
    }
}

/// What a large set has for a member beside its bytes, about: the two counters before them, and entries in the map, in
/// its table and in the order, each of which has a third of room to grow.
const LARGE_ENTRY_BYTES: usize = 16 + (size_of::<(u64, Member, f64)>() + 9 + size_of::<(f64, Member)>()) * 4 / 3;

/// A score in as few bytes as hold it: of the eight, the most significant first, those behind the last that is not zero
/// are left out. Integers have two or three.
struct PackedScore {
    bytes: [u8; 8],
    len: usize,
}

impl PackedScore {
    fn new(score: f64) -> Self {
        // Adding a zero makes one of the two zeros; Redis, too, has only one here.
        let bytes = (score + 0.0).to_be_bytes();
        Self { bytes, len: 8 - bytes.iter().rev().take_while(|byte| **byte == 0).count() }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

fn unpack_score(bytes: &[u8]) -> f64 {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    f64::from_be_bytes(all)
}

/// The members of a packed set with their scores.
fn entries(packed: &Packed) -> impl Iterator<Item = (&[u8], f64)> {
    let mut strings = packed.iter();
    std::iter::from_fn(move || Some((strings.next()?, unpack_score(strings.next()?))))
}

/// The rank and score of a member of a packed set.
fn find(packed: &Packed, member: &[u8]) -> Option<(usize, f64)> {
    entries(packed).enumerate().find(|(_, (own, _))| *own == member).map(|(rank, (_, score))| (rank, score))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packed_score_is_short_and_exact() {
        for (score, len) in
            [(0.0, 0), (-0.0, 0), (1.0, 2), (-3.0, 2), (1000.0, 3), (0.1, 8), (f64::INFINITY, 2), (5e-324, 8)]
        {
            let packed = PackedScore::new(score);
            assert_eq!((packed.as_bytes().len(), unpack_score(packed.as_bytes())), (len, score));
        }
    }

    proptest! {
        #[test]
        fn packed_and_large_sets_are_one_type(
            ops in prop::collection::vec((0..4_u8, 0..30_u8, -3..3_i8), 0..120),
        ) {
            let limits = EncodingLimits { zset_max_listpack_entries: 12, ..EncodingLimits::default() };
            let large = EncodingLimits { zset_max_listpack_entries: 0, ..limits };
            let (mut one, mut other) = (SortedSet::default(), SortedSet::default());
            for (op, member, score) in ops {
                let name = [member; 1];
                match op {
                    0 | 1 => {
                        let score = f64::from(score) / 2.0;
                        prop_assert_eq!(one.set(&name, score, &limits), other.set(&name, score, &large));
                    }
                    2 => prop_assert_eq!(one.remove(&name), other.remove(&name)),
                    _ => {
                        let from = usize::from(member).min(one.len());
                        let to = (from + score.unsigned_abs() as usize).min(one.len());
                        one.remove_range(from..to);
                        other.remove_range(from..to);
                    }
                }
                prop_assert_eq!(one.rank(&name), other.rank(&name));
                prop_assert!(one.iter().eq(other.iter()));
                prop_assert!(one.iter().rev().eq(other.iter().rev()));
                let mut places: Vec<_> = (0..other.len()).map(|place| other.at(place).unwrap().0).collect();
                places.sort_unstable_by_key(|member| other.rank(member).map(|(rank, _)| rank));
                prop_assert!(places.into_iter().eq(one.iter().map(|(member, _)| member)));
                prop_assert_eq!(one.partition_point(|own, _| own < 0.5), other.partition_point(|own, _| own < 0.5));
            }
        }
    }
}
