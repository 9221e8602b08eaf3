//! Sorted set commands on members. Source: Redis command pages, group "sorted-set".

use std::ops::Range;

use fanfare_wire::{Protocol, ReplyWriter};

use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::event::EventClasses;
use crate::scan::{self, OwnOption, ScanOptions};
use crate::values::Typed;
use crate::values::sorted_set::SortedSet;

/// `ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]`.
pub fn zadd(call: &mut Call<'_>) -> Outcome {
    add(call, AddOptions::default())
}

/// `ZINCRBY key increment member`.
pub fn zincrby(call: &mut Call<'_>) -> Outcome {
    add(call, AddOptions { incr: true, ..AddOptions::default() })
}

/// The options of ZADD, by their keywords.
#[derive(Clone, Copy, Debug, Default)]
struct AddOptions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
    ch: bool,
    incr: bool,
}

impl AddOptions {
    /// Sets the option that a word names; false if it names none.
    fn read(&mut self, word: &[u8]) -> bool {
        let option = match word.to_ascii_lowercase().as_slice() {
            b"nx" => &mut self.nx,
            b"xx" => &mut self.xx,
            b"gt" => &mut self.gt,
            b"lt" => &mut self.lt,
            b"ch" => &mut self.ch,
            b"incr" => &mut self.incr,
            _ => return false,
        };
        *option = true;
        true
    }

    fn check(self, pairs: usize) -> Outcome {
        let problem = match self {
            Self { nx: true, xx: true, .. } => "ERR XX and NX options at the same time are not compatible",
            Self { gt: true, nx: true, .. } | Self { lt: true, nx: true, .. } | Self { gt: true, lt: true, .. } => {
                "ERR GT, LT, and/or NX options at the same time are not compatible"
            }
            Self { incr: true, .. } if pairs > 1 => "ERR INCR option supports a single increment-element pair",
            _ => return Ok(()),
        };
        Err(CommandError::new(problem))
    }

    /// The score of a member that has `before`, `None` if nothing is to be done.
    fn new_score(self, before: Option<f64>, score: f64) -> Result<Option<f64>, CommandError> {
        let Some(before) = before else { return Ok((!self.xx).then_some(score)) };
        if self.nx {
            return Ok(None);
        }
        let score = if self.incr { before + score } else { score };
        if score.is_nan() {
            return Err(CommandError::new("ERR resulting score is not a number (NaN)"));
        }
        Ok((!(self.gt && score <= before || self.lt && score >= before)).then_some(score))
    }
}

fn add(call: &mut Call<'_>, mut options: AddOptions) -> Outcome {
    let mut first = 2;
    while options.read(call.word(first)) {
        first += 1;
    }
    let words = call.len() - first;
    if words == 0 || !words.is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    options.check(words / 2)?;
    let scores = (first..call.len()).step_by(2).map(|at| call.float(at)).collect::<Result<Vec<_>, _>>()?;

    let key = call.word(1);
    let limits = call.keys.limits();
    let members = call.words(first).skip(1).step_by(2);
    let (mut added, mut updated, mut result) = (0, 0, None);
    // XX never makes a set, and without it the first member always gets into a new one.
    let set = match options.xx {
        true => call.keys.write_as::<SortedSet>(key)?,
        false => Some(call.keys.write_or_create(key)?),
    };
    if let Some(set) = set {
        for (member, score) in members.zip(scores) {
            let before = set.score(member);
            result = options.new_score(before, score)?;
            let Some(score) = result else { continue };
            set.set(member, score, &limits);
            match before {
                None => added += 1,
                Some(before) => updated += usize::from(before != score),
            }
        }
    }
    if added + updated > 0 {
        call.keys.changed(EventClasses::SORTED_SET, if options.incr { "zincr" } else { "zadd" }, key);
    }
    if !options.incr {
        return call.count(added + if options.ch { updated } else { 0 });
    }
    reply_score(&mut call.reply, result);
    Ok(())
}

/// `ZREM key member [member ...]`.
pub fn zrem(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    let members = call.words(2);
    let Some(set) = call.keys.write_as::<SortedSet>(key)? else { return call.count(0) };
    let removed = members.filter(|member| set.remove(member).is_some()).count();
    removed_some(call, key, removed, "zrem")
}

/// Ends a command that has removed members.
pub(super) fn removed_some(call: &mut Call<'_>, key: &[u8], removed: usize, event: &'static str) -> Outcome {
    if removed > 0 {
        call.keys.changed(EventClasses::SORTED_SET, event, key);
        call.keys.remove_if_empty(key);
    }
    call.count(removed)
}

/// `ZCARD key`.
pub fn zcard(call: &mut Call<'_>) -> Outcome {
    let count = call.keys.read_as::<SortedSet>(call.word(1))?.map_or(0, SortedSet::len);
    call.count(count)
}

/// `ZSCORE key member`.
pub fn zscore(call: &mut Call<'_>) -> Outcome {
    let (key, member) = (call.word(1), call.word(2));
    let score = call.keys.read_as::<SortedSet>(key)?.and_then(|set| set.score(member));
    reply_score(&mut call.reply, score);
    Ok(())
}

/// `ZMSCORE key member [member ...]`.
pub fn zmscore(call: &mut Call<'_>) -> Outcome {
    let members = call.words(2);
    let set = call.keys.read_as::<SortedSet>(call.request.get(1).unwrap_or_default())?;
    call.reply.array(members.len());
    for member in members {
        reply_score(&mut call.reply, set.and_then(|set| set.score(member)));
    }
    Ok(())
}

fn reply_score(reply: &mut ReplyWriter<'_>, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    };
}

/// `ZRANK key member [WITHSCORE]`.
pub fn zrank(call: &mut Call<'_>) -> Outcome {
    rank(call, "zrank", |rank, _| rank)
}

/// `ZREVRANK key member [WITHSCORE]`.
pub fn zrevrank(call: &mut Call<'_>) -> Outcome {
    rank(call, "zrevrank", |rank, len| len - 1 - rank)
}

fn rank(call: &mut Call<'_>, command: &str, direct: impl Fn(usize, usize) -> usize) -> Outcome {
    let has_score = match call.len() {
        3 => false,
        4 if call.is_word(3, "WITHSCORE") => true,
        4 => return Err(CommandError::SYNTAX),
        _ => return Err(CommandError::owned(format!("ERR wrong number of arguments for '{command}' command"))),
    };
    let (key, member) = (call.word(1), call.word(2));
    let set = call.keys.read_as::<SortedSet>(key)?;
    let found = set.and_then(|set| set.rank(member).map(|(rank, score)| (direct(rank, set.len()), score)));
    match found {
        Some((rank, score)) if has_score => call.reply.array(2).integer(rank as i64).double(score),
        Some((rank, _)) => call.reply.integer(rank as i64),
        None if has_score => call.reply.null_array(),
        None => call.reply.null(),
    };
    Ok(())
}

/// Which end of a set is popped.
#[derive(Clone, Copy, Debug)]
enum End {
    Min,
    Max,
}

impl End {
    const fn event(self) -> &'static str {
        match self {
            Self::Min => "zpopmin",
            Self::Max => "zpopmax",
        }
    }

    /// The ranks of at most `count` members at this end.
    fn ranks(self, len: usize, count: usize) -> Range<usize> {
        match self {
            Self::Min => 0..count.min(len),
            Self::Max => len.saturating_sub(count)..len,
        }
    }
}

/// `ZPOPMIN key [count]`.
pub fn zpopmin(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Min)
}

/// `ZPOPMAX key [count]`.
pub fn zpopmax(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Max)
}

fn pop(call: &mut Call<'_>, end: End) -> Outcome {
    let count = match call.len() {
        2 => None,
        3 => Some(call.integer_from(2, 0, "ERR value is out of range, must be positive")?),
        _ => return Err(CommandError::SYNTAX),
    };
    let key = call.word(1);
    let len = call.keys.write_as::<SortedSet>(key)?.map_or(0, |set| set.len());
    let is_nested = count.is_some() && call.reply.protocol() == Protocol::Resp3;
    let ranks = end.ranks(len, count.unwrap_or(1));
    call.reply.array(if is_nested { ranks.len() } else { 2 * ranks.len() });
    pop_from(call, key, end, ranks, is_nested)
}

/// `ZMPOP numkeys key [key ...] MIN | MAX [COUNT count]`.
pub fn zmpop(call: &mut Call<'_>) -> Outcome {
    let keys = call.integer_from(1, 1, "ERR numkeys should be greater than 0")?;
    let behind_keys = keys.saturating_add(2);
    let end = match behind_keys {
        at if call.is_word(at, "MIN") => End::Min,
        at if call.is_word(at, "MAX") => End::Max,
        _ => return Err(CommandError::SYNTAX),
    };
    let count = match call.len() - behind_keys {
        1 => 1,
        3 if call.is_word(behind_keys + 1, "COUNT") => {
            call.integer_from(behind_keys + 2, 1, "ERR count should be greater than 0")?
        }
        more => {
            // Redis reads the count before it sees that something follows.
            if more > 3 && call.is_word(behind_keys + 1, "COUNT") {
                call.integer_from(behind_keys + 2, 1, "ERR count should be greater than 0")?;
            }
            return Err(CommandError::SYNTAX);
        }
    };
    for key in call.words(2).take(keys) {
        if let Some(set) = call.keys.write_as::<SortedSet>(key)? {
            let ranks = end.ranks(set.len(), count);
            call.reply.array(2).bulk(key).array(ranks.len());
            return pop_from(call, key, end, ranks, true);
        }
    }
    call.reply.null_array();
    Ok(())
}

/// Writes the members of some ranks and takes them out.
fn pop_from(call: &mut Call<'_>, key: &[u8], end: End, ranks: Range<usize>, is_nested: bool) -> Outcome {
    if ranks.is_empty() {
        return Ok(());
    }
    let Some(set) = call.keys.write_as::<SortedSet>(key)? else { return Ok(()) };
    let members = match end {
        End::Min => set.range(ranks.clone()),
        End::Max => Box::new(set.range(ranks.clone()).rev()),
    };
    for (member, score) in members {
        if is_nested {
            call.reply.array(2);
        }
        call.reply.bulk(member).double(score);
    }
    set.remove_range(ranks);
    call.keys.changed(EventClasses::SORTED_SET, end.event(), key);
    call.keys.remove_if_empty(key);
    Ok(())
}

/// `ZRANDMEMBER key [count [WITHSCORES]]`.
pub fn zrandmember(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    if call.len() == 2 {
        let len = call.keys.read_as::<SortedSet>(key)?.map_or(0, SortedSet::len);
        let place = if len > 0 { call.keys.random().usize(..len) } else { 0 };
        match call.keys.again::<SortedSet>(key).and_then(|set| set.at(place)) {
            Some((member, _)) => call.reply.bulk(member),
            None => call.reply.null(),
        };
        return Ok(());
    }
    let count = call.integer(2)?;
    if count == i64::MIN {
        let (min, max) = (-i64::MAX, i64::MAX);
        return Err(CommandError::owned(format!("ERR value is out of range, value must between {min} and {max}")));
    }
    let has_scores = call.is_word(3, "WITHSCORES");
    if call.len() > 4 || call.len() == 4 && !has_scores {
        return Err(CommandError::SYNTAX);
    }
    if has_scores && count.unsigned_abs() > (i64::MAX / 2) as u64 {
        return Err(CommandError::new("ERR value is out of range"));
    }
    let len = call.keys.read_as::<SortedSet>(key)?.map_or(0, SortedSet::len);
    let drawn = if len > 0 { call.keys.draw(len, count)? } else { Vec::new() };
    let Some(set) = call.keys.again::<SortedSet>(key) else {
        call.reply.array(0);
        return Ok(());
    };
    // A packed set is walked to each place, so it is walked but once.
    let packed = if set.is_packed() { set.iter().collect() } else { Vec::new() };
    let members = drawn.iter().filter_map(|place| packed.get(*place).copied().or_else(|| set.at(*place)));
    reply_members(&mut call.reply, drawn.len(), has_scores, members);
    Ok(())
}

/// Writes `count` members, with their scores if asked for: in RESP3 in pairs.
pub(super) fn reply_members<'a>(
    reply: &mut ReplyWriter<'_>,
    count: usize,
    has_scores: bool,
    members: impl Iterator<Item = (&'a [u8], f64)>,
) {
    let has_pairs = has_scores && reply.protocol() == Protocol::Resp3;
    reply.array(if has_scores && !has_pairs { 2 * count } else { count });
    for (member, score) in members {
        if has_pairs {
            reply.array(2);
        }
        reply.bulk(member);
        if has_scores {
            reply.double(score);
        }
    }
}

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`.
pub fn zscan(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    let cursor = scan::cursor(call.word(2))?;
    if call.keys.read_as::<SortedSet>(key)?.is_none() {
        call.reply.array(2).bulk(b"0").array(0);
        return Ok(());
    }
    let options = ScanOptions::parse(call, 3, OwnOption::None)?;
    let Some(set) = call.keys.again::<SortedSet>(key) else { unreachable!("it was just read") };
    let mut found = Vec::new();
    let next = if set.is_packed() {
        found.extend(set.iter());
        0
    } else {
        options.walk(cursor, set.len(), |place| found.extend(set.at(place)))
    };
    found.retain(|(member, _)| options.wants(member));
    call.reply.array(2).bulk_display(next).array(2 * found.len());
    for (member, score) in found {
        call.reply.bulk(member).bulk_double(score);
    }
    Ok(())
}

/// Ends a command that puts its result into a key; an empty one removes the key.
pub(super) fn store(call: &mut Call<'_>, key: &[u8], set: SortedSet, event: &'static str) -> Outcome {
    let count = set.len();
    if count > 0 {
        call.keys.replace(key, set.into_value());
        call.keys.changed(EventClasses::SORTED_SET, event, key);
    } else if call.keys.remove(key).is_some() {
        call.keys.notify(EventClasses::GENERIC, "del", key);
    }
    call.count(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    #[test]
    fn zadd_obeys_its_options() {
        let mut bench = Bench::new();
        for (words, reply) in [
            ("zadd z 1 a 2 b 3 c", ":3"),
            ("zadd z nx 9 a 4 d", ":1"),
            ("zadd z xx ch 5 a 5 e", ":1"),
            ("zadd z GT ch 4 a 6 b", ":1"),
            ("zadd z lt ch 9 a 1 b", ":1"),
            ("zadd z ch 1 b 2 b 2 b", ":1"),
            ("zadd z incr 1.5 b", "$3 3.5"),
            ("zadd z nx incr 1.5 b", "$-1"),
            ("zadd z gt incr -1 b", "$-1"),
            ("zadd none xx incr 1 b", "$-1"),
            ("zadd none xx 1 b", ":0"),
            ("zadd z -inf i", ":1"),
            ("zadd z incr +inf i", "-ERR resulting score is not a number (NaN)"),
            ("zadd z nx xx 1 a", "-ERR XX and NX options at the same time are not compatible"),
            ("zadd z gt lt 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible"),
            ("zadd z incr 1 a 2 b", "-ERR INCR option supports a single increment-element pair"),
            ("zadd z ch 1", "-ERR syntax error"),
            ("zadd z nan a", "-ERR value is not a valid float"),
            ("zadd z 1 x 1e400 y", "-ERR value is not a valid float"),
        ] {
            assert_eq!(bench.run(zadd, words), reply, "{words}");
        }
        assert_eq!(bench.run(zincrby, "zincrby z 0.5 c"), "$3 3.5");
        assert_eq!(bench.run(zmscore, "zmscore z a b c d e"), "*5 $1 5 $3 3.5 $3 3.5 $1 4 $-1");
        let events = bench.events();
        assert_eq!(events[..3], ["new z", "zadd z", "zadd z"]);
        assert_eq!(events.iter().filter(|event| *event == "zincr z").count(), 2);
        assert_eq!(events.iter().filter(|event| *event == "zadd z").count(), 7, "{events:?}");
    }

    #[test]
    fn a_set_that_runs_empty_goes_after_its_own_event() {
        let mut bench = Bench::new();
        bench.run(zadd, "zadd z 1 a 2 b 3 c 4 d");
        bench.events();
        assert_eq!(bench.run(zpopmin, "zpopmin z"), "*2 $1 a $1 1");
        assert_eq!(bench.run(zpopmax, "zpopmax z 0"), "*0");
        assert_eq!(bench.run(zmpop, "zmpop 2 none z max count 2"), "*2 $1 z *2 *2 $1 d $1 4 *2 $1 c $1 3");
        assert_eq!(bench.run(zrem, "zrem z b b x"), ":1");
        assert_eq!(bench.run(zrem, "zrem z b"), ":0");
        assert_eq!(bench.run(zmpop, "zmpop 1 z min"), "*-1");
        assert_eq!(bench.events(), ["zpopmin z", "zpopmax z", "zrem z", "del z"]);
    }

    #[test]
    fn resp3_has_doubles_and_pairs() {
        let mut bench = Bench::new();
        bench.protocol = Protocol::Resp3;
        bench.run(zadd, "zadd z 1 a 2.5 b");
        assert_eq!(bench.run(zscore, "zscore z b"), ",2.5");
        assert_eq!(bench.run(zscore, "zscore z x"), "_");
        assert_eq!(bench.run(zrank, "zrank z b withscore"), "*2 :1 ,2.5");
        assert_eq!(bench.run(zrevrank, "zrevrank z b"), ":0");
        assert_eq!(bench.run(zrank, "zrank z x withscore"), "_");
        assert_eq!(bench.run(zscan, "zscan z 0 match b"), "*2 $1 0 *2 $1 b $3 2.5");
        assert_eq!(bench.run(zrandmember, "zrandmember z -1 x"), "-ERR syntax error");
        assert_eq!(bench.run(zpopmin, "zpopmin z"), "*2 $1 a ,1");
        assert_eq!(bench.run(zrandmember, "zrandmember z -2 withscores"), "*2 *2 $1 b ,2.5 *2 $1 b ,2.5");
        assert_eq!(bench.run(zpopmax, "zpopmax z 5"), "*1 *2 $1 b ,2.5");
    }
}
