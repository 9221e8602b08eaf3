//! Unions, intersections and differences of sorted sets. Source: Redis command pages, group "sorted-set".

use std::borrow::Cow;

use indexmap::IndexMap;

use super::sorted_sets::{reply_members, store};
use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::keys::Keys;
use crate::number;
use crate::values::Value;
use crate::values::ranked::compare;
use crate::values::set::{Member, Set};
use crate::values::sorted_set::SortedSet;

/// `ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]`.
pub fn zunion(call: &mut Call<'_>) -> Outcome {
    reply(call, Operation::Union, "zunion")
}

/// `ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]`.
pub fn zinter(call: &mut Call<'_>) -> Outcome {
    reply(call, Operation::Intersection, "zinter")
}

/// `ZDIFF numkeys key [key ...] [WITHSCORES]`.
pub fn zdiff(call: &mut Call<'_>) -> Outcome {
    reply(call, Operation::Difference, "zdiff")
}

/// `ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]`.
pub fn zunionstore(call: &mut Call<'_>) -> Outcome {
    store_result(call, Operation::Union, "zunionstore")
}

/// `ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]`.
pub fn zinterstore(call: &mut Call<'_>) -> Outcome {
    store_result(call, Operation::Intersection, "zinterstore")
}

/// `ZDIFFSTORE destination numkeys key [key ...]`.
pub fn zdiffstore(call: &mut Call<'_>) -> Outcome {
    store_result(call, Operation::Difference, "zdiffstore")
}

/// `ZINTERCARD numkeys key [key ...] [LIMIT limit]`.
pub fn zintercard(call: &mut Call<'_>) -> Outcome {
    let plan = Plan::parse(call, 1, Operation::Intersection, Form::Count, "zintercard")?;
    let limit = if plan.limit == 0 { usize::MAX } else { plan.limit };
    let count = plan.intersection(&call.keys).take(limit).count();
    call.count(count)
}

fn reply(call: &mut Call<'_>, operation: Operation, command: &str) -> Outcome {
    let plan = Plan::parse(call, 1, operation, Form::Reply, command)?;
    let mut found = plan.members(operation, &call.keys);
    found.sort_unstable_by(|(member, score), (other, other_score)| compare(*score, member, *other_score, other));
    let members = found.iter().map(|(member, score)| (&**member, *score));
    reply_members(&mut call.reply, found.len(), plan.has_scores, members);
    Ok(())
}

/// The event has the command's name.
fn store_result(call: &mut Call<'_>, operation: Operation, command: &'static str) -> Outcome {
    let plan = Plan::parse(call, 2, operation, Form::Store, command)?;
    let limits = call.keys.limits();
    let mut result = SortedSet::default();
    for (member, score) in plan.members(operation, &call.keys) {
        result.set(&member, score, &limits);
    }
    store(call, call.word(1), result, command)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// What becomes of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Reply,
    Store,
    Count,
}

/// How the scores become one that a member has in several sets.
#[derive(Clone, Copy, Debug)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(word: &[u8]) -> Result<Self, CommandError> {
        match word.to_ascii_lowercase().as_slice() {
            b"sum" => Ok(Self::Sum),
            b"min" => Ok(Self::Min),
            b"max" => Ok(Self::Max),
            _ => Err(CommandError::SYNTAX),
        }
    }

    fn apply(self, score: f64, other: f64) -> f64 {
        match self {
            // Of infinities with different signs.
            Self::Sum if (score + other).is_nan() => 0.0,
            Self::Sum => score + other,
            // Either leaves the score as it is if the other is not a number.
            Self::Min => score.min(other),
            Self::Max => score.max(other),
        }
    }
}

/// A member of the result with its score.
type Found<'k> = (Cow<'k, [u8]>, f64);

/// What is to be made from which keys.
#[derive(Debug)]
struct Plan<'a> {
    keys: Vec<(&'a [u8], f64)>,
    aggregate: Aggregate,
    has_scores: bool,
    limit: usize,
}

impl<'a> Plan<'a> {
    /// Reads the number of keys at `at`, looks the keys up, and reads the options behind them.
    fn parse(
        call: &mut Call<'a>,
        at: usize,
        operation: Operation,
        form: Form,
        command: &str,
    ) -> Result<Self, CommandError> {
        let Ok(count @ 1..) = usize::try_from(call.integer(at)?) else {
            return Err(CommandError::owned(format!("ERR at least 1 input key is needed for '{command}' command")));
        };
        if count > call.len() - (at + 1) {
            return Err(CommandError::SYNTAX);
        }
        let keys = call.words(at + 1).take(count).map(|key| (key, 1.0)).collect();
        let mut plan = Self { keys, aggregate: Aggregate::Sum, has_scores: false, limit: 0 };
        for (key, _) in &plan.keys {
            if !matches!(call.keys.read(key), None | Some(Value::SortedSet(_) | Value::Set(_))) {
                return Err(CommandError::WRONG_TYPE);
            }
        }
        let aggregates = operation != Operation::Difference && form != Form::Count;
        let mut option = at + 1 + count;
        while option < call.len() {
            let arguments = call.len() - option - 1;
            if aggregates && arguments >= count && call.is_word(option, "WEIGHTS") {
                for (place, (_, weight)) in plan.keys.iter_mut().enumerate() {
                    let number = number::parse_float(call.word(option + 1 + place));
                    *weight = number.ok_or(CommandError::new("ERR weight value is not a float"))?;
                }
                option += count;
            } else if aggregates && arguments >= 1 && call.is_word(option, "AGGREGATE") {
                plan.aggregate = Aggregate::parse(call.word(option + 1))?;
                option += 1;
            } else if form == Form::Reply && call.is_word(option, "WITHSCORES") {
                plan.has_scores = true;
            } else if form == Form::Count && arguments >= 1 && call.is_word(option, "LIMIT") {
                plan.limit = call.integer_from(option + 1, 0, "ERR LIMIT can't be negative")?;
                option += 1;
            } else {
                return Err(CommandError::SYNTAX);
            }
            option += 1;
        }
        Ok(plan)
    }

    /// The members of the result, in no order.
    fn members<'k>(&self, operation: Operation, keys: &'k Keys<'_>) -> Vec<Found<'k>> {
        match operation {
            Operation::Union => self.union(keys),
            Operation::Intersection => self.intersection(keys).collect(),
            Operation::Difference => self.difference(keys),
        }
    }

    fn union<'k>(&self, keys: &'k Keys<'_>) -> Vec<Found<'k>> {
        let mut found: IndexMap<Cow<'k, [u8]>, f64, foldhash::fast::RandomState> = IndexMap::default();
        for (source, weight) in self.sources_by_len(keys) {
            for (member, score) in source.iter() {
                let score = weighted(score, weight);
                found.entry(member).and_modify(|own| *own = self.aggregate.apply(*own, score)).or_insert(score);
            }
        }
        found.into_iter().collect()
    }

    fn intersection<'k>(&self, keys: &'k Keys<'_>) -> impl Iterator<Item = Found<'k>> {
        let aggregate = self.aggregate;
        let sources = self.sources_by_len(keys);
        let (smallest, weight) = sources[0];
        smallest.iter().filter_map(move |(member, score)| {
            let score = sources[1..].iter().try_fold(weighted(score, weight), |score, (source, weight)| {
                Some(aggregate.apply(score, source.score(&member)? * weight))
            })?;
            Some((member, score))
        })
    }

    fn difference<'k>(&self, keys: &'k Keys<'_>) -> Vec<Found<'k>> {
        let first = Source::of(keys, self.keys[0].0);
        let others: Vec<_> = self.keys[1..].iter().map(|(key, _)| Source::of(keys, key)).collect();
        // Either each member is looked for in the others, or theirs are taken away: what is fewer look-ups.
        if first.len().saturating_mul(others.len()) <= others.iter().map(|other| other.len()).sum() {
            let is_left = |(member, _): &Found<'k>| others.iter().all(|other| other.score(member).is_none());
            return first.iter().filter(is_left).collect();
        }
        let mut left: IndexMap<_, _, foldhash::fast::RandomState> = first.iter().collect();
        for (member, _) in others.iter().flat_map(|other| other.iter()) {
            left.swap_remove(&*member);
        }
        left.into_iter().collect()
    }

    /// The smallest first, as Redis adds their scores up.
    fn sources_by_len<'k>(&self, keys: &'k Keys<'_>) -> Vec<(Source<'k>, f64)> {
        let mut sources: Vec<_> = self.keys.iter().map(|(key, weight)| (Source::of(keys, key), *weight)).collect();
        sources.sort_by_key(|(source, _)| source.len());
        sources
    }
}

/// A score in the set that a member is found in first; what is not a number counts as zero.
fn weighted(score: f64, weight: f64) -> f64 {
    let score = score * weight;
    if score.is_nan() { 0.0 } else { score }
}

/// The value of a key that was looked up. The members of a plain set have the score 1.
#[derive(Clone, Copy, Debug)]
enum Source<'k> {
    Missing,
    Sorted(&'k SortedSet),
    Plain(&'k Set),
}

impl<'k> Source<'k> {
    fn of(keys: &'k Keys<'_>, key: &[u8]) -> Self {
        match keys.again(key) {
            Some(set) => Self::Sorted(set),
            None => keys.again(key).map_or(Self::Missing, Self::Plain),
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Missing => 0,
            Self::Sorted(set) => set.len(),
            Self::Plain(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Missing => None,
            Self::Sorted(set) => set.score(member),
            Self::Plain(set) => set.contains(member).then_some(1.0),
        }
    }

    fn iter(self) -> Box<dyn Iterator<Item = Found<'k>> + 'k> {
        match self {
            Self::Missing => Box::new(std::iter::empty()),
            Self::Sorted(set) => Box::new(set.iter().map(|(member, score)| (Cow::Borrowed(member), score))),
            Self::Plain(set) => Box::new(set.iter().map(|member| {
                let bytes = match member {
                    Member::Bytes(bytes) => Cow::Borrowed(bytes),
                    integer @ Member::Integer(_) => Cow::Owned(integer.with_bytes(<[u8]>::to_vec)),
                };
                (bytes, 1.0)
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sets::sadd;
    use crate::commands::sorted_sets::zadd;
    use crate::testing::{Bench, Command};

    #[test]
    fn sets_of_both_types_are_combined() {
        let mut bench = Bench::new();
        bench.run(zadd, "zadd x 1 a 2 b -inf i");
        bench.run(zadd, "zadd y 10 b 20 c inf i");
        bench.run(sadd, "sadd s b 7");
        for (command, words, reply) in [
            (zunion as Command, "zunion 2 x y withscores", "*8 $1 i $1 0 $1 a $1 1 $1 b $2 12 $1 c $2 20"),
            (zunion, "zunion 2 x s weights 2 3 aggregate max", "*4 $1 i $1 a $1 7 $1 b"),
            (zinter, "zinter 3 s y x withscores", "*2 $1 b $2 13"),
            (zinter, "zinter 2 x none", "*0"),
            (zinter, "zinter 2 x y weights 0 0 withscores aggregate min", "*4 $1 b $1 0 $1 i $1 0"),
            (zdiff, "zdiff 2 x s withscores", "*4 $1 i $4 -inf $1 a $1 1"),
            (zdiff, "zdiff 1 x weights 1", "-ERR syntax error"),
            (zintercard, "zintercard 2 x y", ":2"),
            (zintercard, "zintercard 2 x y limit 1", ":1"),
            (zintercard, "zintercard 2 x y limit -1", "-ERR LIMIT can't be negative"),
            (zunion, "zunion 0 x", "-ERR at least 1 input key is needed for 'zunion' command"),
            (zunion, "zunion 3 x y", "-ERR syntax error"),
            (zunion, "zunion 1 x weights a", "-ERR weight value is not a float"),
        ] {
            assert_eq!(bench.run(command, words), reply, "{words}");
        }
        bench.events();
        assert_eq!(bench.run(zunionstore, "zunionstore x 2 x s"), ":4");
        assert_eq!(bench.run(zdiffstore, "zdiffstore x 2 x x"), ":0");
        assert_eq!(bench.run(zinterstore, "zinterstore x 1 none"), ":0");
        assert_eq!(bench.events(), ["overwritten x", "zunionstore x", "del x", "keymiss none"]);
    }
}
