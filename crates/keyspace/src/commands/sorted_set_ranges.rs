//! Sorted set commands on ranges, by rank, score or member. Source: Redis command pages, group "sorted-set".

use std::ops::{Bound, Range};

use super::sorted_sets::{removed_some, reply_members, store};
use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::number;
use crate::values::sorted_set::{Members, SortedSet};

/// What the two ends of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Rank,
    Score,
    Lex,
}

/// A range of a set's members, before the set is known.
#[derive(Clone, Copy, Debug)]
enum Span<'a> {
    /// From the first to the last index, negative ones from the end.
    Rank(i64, i64),
    Score(Bound<f64>, Bound<f64>),
    Lex(LexBound<'a>, LexBound<'a>),
}

/// An end of a range of members, which have one score.
#[derive(Clone, Copy, Debug)]
enum LexBound<'a> {
    /// In front of all members.
    Lowest,
    Included(&'a [u8]),
    Excluded(&'a [u8]),
    /// Behind all members.
    Highest,
}

impl<'a> Span<'a> {
    fn parse(unit: Unit, min: &'a [u8], max: &'a [u8]) -> Result<Self, CommandError> {
        Ok(match unit {
            Unit::Rank => Self::Rank(number::integer(min)?, number::integer(max)?),
            Unit::Score => Self::Score(score_bound(min)?, score_bound(max)?),
            Unit::Lex => Self::Lex(LexBound::parse(min)?, LexBound::parse(max)?),
        })
    }

    /// The ranks of a set's members that lie in it; those of indexes are counted from the end that comes first.
    fn ranks(self, set: &SortedSet) -> Range<usize> {
        let (start, end) = match self {
            Self::Rank(first, last) => return index_range(first, last, set.len()),
            Self::Score(min, max) => (
                set.partition_point(|score, _| match min {
                    Bound::Included(min) => score < min,
                    Bound::Excluded(min) => score <= min,
                    Bound::Unbounded => false,
                }),
                set.partition_point(|score, _| match max {
                    Bound::Included(max) => score <= max,
                    Bound::Excluded(max) => score < max,
                    Bound::Unbounded => true,
                }),
            ),
            Self::Lex(min, max) => (
                set.partition_point(|_, member| match min {
                    LexBound::Lowest => false,
                    LexBound::Included(min) => member < min,
                    LexBound::Excluded(min) => member <= min,
                    LexBound::Highest => true,
                }),
                set.partition_point(|_, member| match max {
                    LexBound::Lowest => false,
                    LexBound::Included(max) => member <= max,
                    LexBound::Excluded(max) => member < max,
                    LexBound::Highest => true,
                }),
            ),
        };
        start..end.max(start)
    }
}

/// The indexes from `first` to `last` of `len`; negative ones count from the end.
fn index_range(first: i64, last: i64, len: usize) -> Range<usize> {
    let resolve = |index: i64| if index < 0 { index.saturating_add(len as i64) } else { index };
    let start = usize::try_from(resolve(first)).unwrap_or(0).min(len);
    let end = usize::try_from(resolve(last).saturating_add(1)).unwrap_or(0).min(len);
    start..end.max(start)
}

/// Reads an end of a range of scores, as freely as C reads numbers: nothing is zero, and what is too large is infinite.
fn score_bound(word: &[u8]) -> Result<Bound<f64>, CommandError> {
    let (text, is_excluded) = word.strip_prefix(b"(").map_or((word, false), |text| (text, true));
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let score = match str::from_utf8(text) {
        Ok("") => Some(0.0),
        Ok(text) => text.trim_ascii_start().parse::<f64>().ok(),
        Err(_) => None,
    };
    let score = score.filter(|score| !score.is_nan()).ok_or(CommandError::new("ERR min or max is not a float"))?;
    Ok(if is_excluded { Bound::Excluded(score) } else { Bound::Included(score) })
}

impl<'a> LexBound<'a> {
    fn parse(word: &'a [u8]) -> Result<Self, CommandError> {
        Ok(match word {
            b"-" => Self::Lowest,
            b"+" => Self::Highest,
            [b'[', member @ ..] => Self::Included(member),
            [b'(', member @ ..] => Self::Excluded(member),
            _ => return Err(CommandError::new("ERR min or max not valid string range item")),
        })
    }
}

/// A range with what is wanted of it.
#[derive(Debug)]
struct Query<'a> {
    span: Span<'a>,
    is_reversed: bool,
    has_scores: bool,
    /// LIMIT: how many are left out, in front of how many that are wanted; negative for all.
    offset: i64,
    limit: i64,
}

impl<'a> Query<'a> {
    /// Reads the two ends, the first at `at`, and the options behind them.
    ///
    /// A unit and a direction that the command's name does not say are options; scores are one if the result is not
    /// stored.
    fn parse(
        call: &Call<'a>,
        at: usize,
        own_unit: Option<Unit>,
        own_reversed: Option<bool>,
        is_stored: bool,
    ) -> Result<Self, CommandError> {
        let (mut unit, mut is_reversed, mut has_scores) = (own_unit, own_reversed, false);
        let (mut offset, mut limit) = (0, -1);
        let mut option = at + 2;
        while option < call.len() {
            if !is_stored && call.is_word(option, "WITHSCORES") {
                has_scores = true;
            } else if call.is_word(option, "LIMIT") && option + 2 < call.len() {
                (offset, limit) = (call.integer(option + 1)?, call.integer(option + 2)?);
                option += 2;
            } else if is_reversed.is_none() && call.is_word(option, "REV") {
                is_reversed = Some(true);
            } else if unit.is_none() && call.is_word(option, "BYLEX") {
                unit = Some(Unit::Lex);
            } else if unit.is_none() && call.is_word(option, "BYSCORE") {
                unit = Some(Unit::Score);
            } else {
                return Err(CommandError::SYNTAX);
            }
            option += 1;
        }
        let (unit, is_reversed) = (unit.unwrap_or(Unit::Rank), is_reversed.unwrap_or(false));
        if unit == Unit::Rank && limit != -1 {
            return Err(CommandError::new(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if unit == Unit::Lex && has_scores {
            return Err(CommandError::new("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        let (mut min, mut max) = (call.word(at), call.word(at + 1));
        if is_reversed && unit != Unit::Rank {
            std::mem::swap(&mut min, &mut max);
        }
        Ok(Self { span: Span::parse(unit, min, max)?, is_reversed, has_scores, offset, limit })
    }

    /// The ranks of what it finds in a set.
    fn ranks(&self, set: &SortedSet) -> Range<usize> {
        let Range { start, end } = self.span.ranks(set);
        if let Span::Rank(..) = self.span {
            return if self.is_reversed { set.len() - end..set.len() - start } else { start..end };
        }
        // An offset or a limit that does not fit is larger than any set; a negative offset leaves all out.
        let left_out = usize::try_from(self.offset).unwrap_or(usize::MAX).min(end - start);
        let wanted = usize::try_from(self.limit).unwrap_or(usize::MAX).min(end - start - left_out);
        if self.is_reversed {
            end - left_out - wanted..end - left_out
        } else {
            start + left_out..start + left_out + wanted
        }
    }

    /// What it finds at some ranks, in its direction.
    fn members<'s>(&self, set: &'s SortedSet, ranks: Range<usize>) -> Members<'s> {
        let members = set.range(ranks);
        if self.is_reversed { Box::new(members.rev()) } else { members }
    }
}

/// `ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`.
pub fn zrange(call: &mut Call<'_>) -> Outcome {
    range(call, None, None)
}

/// `ZREVRANGE key start stop [WITHSCORES]`.
pub fn zrevrange(call: &mut Call<'_>) -> Outcome {
    range(call, Some(Unit::Rank), Some(true))
}

/// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]`.
pub fn zrangebyscore(call: &mut Call<'_>) -> Outcome {
    range(call, Some(Unit::Score), Some(false))
}

/// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]`.
pub fn zrevrangebyscore(call: &mut Call<'_>) -> Outcome {
    range(call, Some(Unit::Score), Some(true))
}

/// `ZRANGEBYLEX key min max [LIMIT offset count]`.
pub fn zrangebylex(call: &mut Call<'_>) -> Outcome {
    range(call, Some(Unit::Lex), Some(false))
}

/// `ZREVRANGEBYLEX key max min [LIMIT offset count]`.
pub fn zrevrangebylex(call: &mut Call<'_>) -> Outcome {
    range(call, Some(Unit::Lex), Some(true))
}

fn range(call: &mut Call<'_>, unit: Option<Unit>, is_reversed: Option<bool>) -> Outcome {
    let query = Query::parse(call, 2, unit, is_reversed, false)?;
    let key = call.word(1);
    match call.keys.read_as::<SortedSet>(key)? {
        Some(set) => {
            let ranks = query.ranks(set);
            reply_members(&mut call.reply, ranks.len(), query.has_scores, query.members(set, ranks));
        }
        None => {
            call.reply.array(0);
        }
    }
    Ok(())
}

/// `ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]`.
pub fn zrangestore(call: &mut Call<'_>) -> Outcome {
    let query = Query::parse(call, 3, None, None, true)?;
    let (target, source) = (call.word(1), call.word(2));
    let limits = call.keys.limits();
    let mut result = SortedSet::default();
    if let Some(set) = call.keys.read_as::<SortedSet>(source)? {
        for (member, score) in set.range(query.ranks(set)) {
            result.set(member, score, &limits);
        }
    }
    store(call, target, result, "zrangestore")
}

/// `ZCOUNT key min max`.
pub fn zcount(call: &mut Call<'_>) -> Outcome {
    count(call, Unit::Score)
}

/// `ZLEXCOUNT key min max`.
pub fn zlexcount(call: &mut Call<'_>) -> Outcome {
    count(call, Unit::Lex)
}

fn count(call: &mut Call<'_>, unit: Unit) -> Outcome {
    let span = Span::parse(unit, call.word(2), call.word(3))?;
    let count = call.keys.read_as::<SortedSet>(call.word(1))?.map_or(0, |set| span.ranks(set).len());
    call.count(count)
}

/// `ZREMRANGEBYRANK key start stop`.
pub fn zremrangebyrank(call: &mut Call<'_>) -> Outcome {
    remove_range(call, Unit::Rank, "zremrangebyrank")
}

/// `ZREMRANGEBYSCORE key min max`.
pub fn zremrangebyscore(call: &mut Call<'_>) -> Outcome {
    remove_range(call, Unit::Score, "zremrangebyscore")
}

/// `ZREMRANGEBYLEX key min max`.
pub fn zremrangebylex(call: &mut Call<'_>) -> Outcome {
    remove_range(call, Unit::Lex, "zremrangebylex")
}

fn remove_range(call: &mut Call<'_>, unit: Unit, event: &'static str) -> Outcome {
    let span = Span::parse(unit, call.word(2), call.word(3))?;
    let key = call.word(1);
    let Some(set) = call.keys.write_as::<SortedSet>(key)? else { return call.count(0) };
    let ranks = span.ranks(set);
    let removed = ranks.len();
    set.remove_range(ranks);
    removed_some(call, key, removed, event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sorted_sets::zadd;
    use crate::testing::Bench;

    #[test]
    fn ranges_of_every_unit_and_direction() {
        let mut bench = Bench::new();
        bench.run(zadd, "zadd z 1 a 2 b 2 c 3 d inf e");
        bench.run(zadd, "zadd l 0 a 0 b 0 c 0 d");
        for (words, reply) in [
            ("zrange z 1 -2", "*3 $1 b $1 c $1 d"),
            ("zrange z -9223372036854775808 9223372036854775807 rev", "*5 $1 e $1 d $1 c $1 b $1 a"),
            ("zrange z 3 1", "*0"),
            ("zrange z 0 0 rev withscores", "*2 $1 e $3 inf"),
            ("zrange z (1 2 byscore", "*2 $1 b $1 c"),
            ("zrange z +inf (2 byscore rev", "*2 $1 e $1 d"),
            ("zrange z -inf inf byscore limit 1 2", "*2 $1 b $1 c"),
            ("zrange z inf -inf byscore rev limit 1 2", "*2 $1 d $1 c"),
            ("zrange z -inf inf byscore limit -1 2", "*0"),
            ("zrange z -inf inf byscore limit 3 -5", "*2 $1 d $1 e"),
            ("zrange l (a [c bylex", "*2 $1 b $1 c"),
            ("zrange l + (b bylex rev", "*2 $1 d $1 c"),
            ("zrange l + - bylex", "*0"),
            ("zrange z 1 x byscore", "-ERR min or max is not a float"),
            ("zrange l a b bylex", "-ERR min or max not valid string range item"),
            ("zrange none 0 -1", "*0"),
        ] {
            assert_eq!(bench.run(zrange, words), reply, "{words}");
        }
        assert_eq!(bench.run(zcount, "zcount z 2 (3"), ":2");
        assert_eq!(bench.run(zlexcount, "zlexcount l - (c"), ":2");
    }

    #[test]
    fn a_stored_range_replaces_and_an_empty_one_removes() {
        let mut bench = Bench::new();
        bench.run(zadd, "zadd z 1 a 2 b 3 c");
        bench.events();
        assert_eq!(bench.run(zrangestore, "zrangestore t z 0 1"), ":2");
        assert_eq!(bench.run(zrangestore, "zrangestore t z 0 0 rev"), ":1");
        assert_eq!(bench.run(zrange, "zrange t 0 -1 withscores"), "*2 $1 c $1 3");
        assert_eq!(bench.run(zrangestore, "zrangestore t z 7 8"), ":0");
        assert_eq!(bench.run(zremrangebyscore, "zremrangebyscore z -inf (2"), ":1");
        assert_eq!(bench.run(zremrangebyrank, "zremrangebyrank z 5 9"), ":0");
        assert_eq!(bench.run(zremrangebyrank, "zremrangebyrank z 0 -1"), ":2");
        let expected = ["new t", "zrangestore t", "overwritten t", "zrangestore t", "del t"];
        let events = bench.events();
        assert_eq!(events[..5], expected);
        assert_eq!(events[5..], ["zremrangebyscore z", "zremrangebyrank z", "del z"]);
    }
}
