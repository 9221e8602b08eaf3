//! Members in the order of their scores, each to be found by its rank: the order of a large sorted set.
//!
//! The order is cut into sorted chunks. A member's place is found by two binary searches, and the entries in front of a
//! chunk are counted by a Fenwick tree over the chunks' lengths, so both take logarithmic time; what moves in memory is
//! at most a chunk.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

/// Entries of a chunk at most; a power of two, so that a growing `Vec` ends there.
const CHUNK_ENTRIES_MAX: usize = 256;

/// Two neighbouring chunks with no more entries than this become one.
const MERGED_ENTRIES_MAX: usize = CHUNK_ENTRIES_MAX / 2;

/// A member as the order and the scores of a sorted set share it.
pub(crate) type Member = Arc<[u8]>;

/// Compares entries: by score, members of equal score as bytes. No score is NaN, and the two zeros are equal.
pub(crate) fn compare(score: f64, member: &[u8], to_score: f64, to_member: &[u8]) -> Ordering {
    score.partial_cmp(&to_score).unwrap_or(Ordering::Equal).then_with(|| member.cmp(to_member))
}

/// Members with their scores, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranked {
    /// None of them is empty.
    chunks: Vec<Vec<(f64, Member)>>,
    /// The Fenwick tree: how many entries are in the chunks that a node stands for.
    sums: Vec<usize>,
}

impl Ranked {
    /// Puts in a member that is not in it.
    pub(crate) fn insert(&mut self, score: f64, member: Member) {
        let (mut chunk, mut at) = self.place(score, &member);
        if chunk == self.chunks.len()
            && let Some(last) = self.chunks.last()
            && last.len() < CHUNK_ENTRIES_MAX
        {
            (chunk, at) = (chunk - 1, last.len());
        }
        let Some(own) = self.chunks.get_mut(chunk) else {
            // A full last chunk stays full when entries come in ascending order.
            self.chunks.push(vec![(score, member)]);
            return self.recount();
        };
        if own.len() < CHUNK_ENTRIES_MAX {
            own.insert(at, (score, member));
            return self.count(chunk, 1);
        }
        let mut upper = own.split_off(CHUNK_ENTRIES_MAX / 2);
        match at.checked_sub(own.len()) {
            Some(at) if at > 0 => upper.insert(at, (score, member)),
            _ => own.insert(at, (score, member)),
        }
        self.chunks.insert(chunk + 1, upper);
        self.recount();
    }

    /// Takes out a member with its score.
    pub(crate) fn remove(&mut self, score: f64, member: &[u8]) {
        let (chunk, at) = self.place(score, member);
        self.chunks[chunk].remove(at);
        self.shrunk(chunk, 1);
    }

    /// Takes out the members of these ranks.
    pub(crate) fn remove_range(&mut self, ranks: Range<usize>) -> Vec<(f64, Member)> {
        let mut removed = Vec::with_capacity(ranks.len());
        let (first, mut at) = self.find(ranks.start);
        let mut chunk = first;
        while removed.len() < ranks.len() {
            let own = &mut self.chunks[chunk];
            let end = own.len().min(at + ranks.len() - removed.len());
            removed.extend(own.drain(at..end));
            (chunk, at) = (chunk + 1, 0);
        }
        if chunk <= first + 1 {
            // At most one chunk had any of them.
            if !removed.is_empty() {
                self.shrunk(first, removed.len());
            }
            return removed;
        }
        let keeps = |chunk: usize| usize::from(!self.chunks[chunk].is_empty());
        let emptied = first + keeps(first)..chunk - keeps(chunk - 1);
        let before = emptied.start.saturating_sub(1);
        self.chunks.drain(emptied);
        self.merge(before);
        self.recount();
        removed
    }

    /// The rank of a member with its score.
    pub(crate) fn rank(&self, score: f64, member: &[u8]) -> usize {
        let (chunk, at) = self.place(score, member);
        self.entries_before(chunk) + at
    }

    /// How many entries there are from the first on for which `is_before` is true.
    pub(crate) fn partition_point(&self, is_before: impl Fn(f64, &[u8]) -> bool) -> usize {
        let (chunk, at) = self.partition_place(is_before);
        self.entries_before(chunk) + at
    }

    /// The members of these ranks, which exist.
    pub(crate) fn range(&self, ranks: Range<usize>) -> impl DoubleEndedIterator<Item = (&[u8], f64)> {
        let (first, from) = self.find(ranks.start);
        let (last, to) = self.find(ranks.end);
        (first..=last).flat_map(move |chunk| {
            let entries = self.chunks.get(chunk).map(Vec::as_slice).unwrap_or_default();
            let end = if chunk == last { to } else { entries.len() };
            let start = if chunk == first { from } else { 0 };
            entries[start..end].iter().map(|(score, member)| (&**member, *score))
        })
    }

    /// The chunk and the index in it where an entry is or belongs.
    fn place(&self, score: f64, member: &[u8]) -> (usize, usize) {
        self.partition_place(|own_score, own| compare(own_score, own, score, member).is_lt())
    }

    fn partition_place(&self, is_before: impl Fn(f64, &[u8]) -> bool) -> (usize, usize) {
        let is_before = |(score, member): &(f64, Member)| is_before(*score, member);
        let chunk = self.chunks.partition_point(|chunk| chunk.last().is_some_and(is_before));
        (chunk, self.chunks.get(chunk).map_or(0, |chunk| chunk.partition_point(is_before)))
    }

    /// The chunk of a rank and its index there; behind the last chunk for a rank behind all.
    fn find(&self, rank: usize) -> (usize, usize) {
        let (mut chunk, mut rest) = (0, rank);
        let mut step = self.sums.len().checked_ilog2().map_or(0, |log| 1 << log);
        while step > 0 {
            if let Some(&sum) = self.sums.get(chunk + step - 1)
                && sum <= rest
            {
                chunk += step;
                rest -= sum;
            }
            step /= 2;
        }
        (chunk, rest)
    }

    fn entries_before(&self, chunk: usize) -> usize {
        let (mut node, mut total) = (chunk, 0);
        while node > 0 {
            total += self.sums[node - 1];
            node &= node - 1;
        }
        total
    }

    /// Takes note of entries that came to a chunk, or, as a negative number, that have left it.
    fn count(&mut self, chunk: usize, change: isize) {
        let mut node = chunk;
        while let Some(sum) = self.sums.get_mut(node) {
            *sum = sum.wrapping_add_signed(change);
            node |= node + 1;
        }
    }

    /// Takes note of entries that have left a chunk, which may be too small now.
    fn shrunk(&mut self, chunk: usize, entries: usize) {
        if self.chunks[chunk].is_empty() {
            self.chunks.remove(chunk);
        } else if !(self.merge(chunk) || chunk > 0 && self.merge(chunk - 1)) {
            return self.count(chunk, -(entries as isize));
        }
        self.recount();
    }

    /// Makes a chunk and the next one, if there is one, into one if they are small; the caller counts anew then.
    fn merge(&mut self, chunk: usize) -> bool {
        let is_small = match self.chunks.get(chunk..chunk + 2) {
            Some([own, next]) => own.len() + next.len() <= MERGED_ENTRIES_MAX,
            _ => false,
        };
        if is_small {
            let next = self.chunks.remove(chunk + 1);
            self.chunks[chunk].extend(next);
        }
        is_small
    }

    /// Builds the tree anew, when chunks have come or gone.
    fn recount(&mut self) {
        self.sums.clear();
        self.sums.extend(self.chunks.iter().map(Vec::len));
        for node in 0..self.sums.len() {
            let sum = self.sums[node];
            if let Some(parent) = self.sums.get_mut(node | (node + 1)) {
                *parent += sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A member per number; those of one hundred share a score.
    fn entry(number: usize) -> (f64, Member) {
        ((number / 100) as f64, format!("{number:05}").as_bytes().into())
    }

    fn assert_same(ranked: &Ranked, model: &[(f64, Member)]) {
        assert!(ranked.range(0..model.len()).eq(model.iter().map(|(score, member)| (&**member, *score))));
        assert!(ranked.chunks.iter().all(|chunk| (1..=CHUNK_ENTRIES_MAX).contains(&chunk.len())));
        for (rank, (score, member)) in model.iter().enumerate().step_by(37) {
            assert_eq!(ranked.rank(*score, member), rank);
            assert_eq!(ranked.partition_point(|own, _| own < *score), model.partition_point(|(own, _)| own < score));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn it_behaves_as_a_sorted_vector(
            ops in prop::collection::vec((0..5_u8, 0..20_000_usize, 1..900_usize), 1..24),
        ) {
            let (mut ranked, mut model) = (Ranked::default(), Vec::<(f64, Member)>::new());
            for (op, start, count) in ops {
                if op < 3 {
                    // Ascending, descending, and scattered.
                    for step in 0..count {
                        let number = [start + step, start + count - step, (start + step * 7919) % 20_000][op as usize];
                        let (score, member) = entry(number);
                        let at = model.partition_point(|own| compare(own.0, &own.1, score, &member).is_lt());
                        if model.get(at).is_some_and(|(_, own)| *own == member) {
                            ranked.remove(score, &member);
                            model.remove(at);
                        } else {
                            ranked.insert(score, Arc::clone(&member));
                            model.insert(at, (score, member));
                        }
                    }
                } else {
                    let from = start % (model.len() + 1);
                    let to = (from + count * usize::from(op - 2)).min(model.len());
                    let backwards: Vec<_> = ranked.range(from..to).rev().map(|(member, _)| Member::from(member)).collect();
                    let removed = ranked.remove_range(from..to);
                    prop_assert!(backwards.iter().eq(removed.iter().rev().map(|(_, member)| member)));
                    prop_assert!(removed.into_iter().eq(model.drain(from..to)));
                }
                assert_same(&ranked, &model);
            }
        }
    }
}
