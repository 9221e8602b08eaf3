//! List commands. Source: Redis command pages, group "list".

use std::ops::Range;

use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::event::EventClasses;
use crate::values::list::{End, List};

/// `LPUSH key element [element ...]`.
pub fn lpush(call: &mut Call<'_>) -> Outcome {
    push(call, End::Head, true)
}

/// `RPUSH key element [element ...]`.
pub fn rpush(call: &mut Call<'_>) -> Outcome {
    push(call, End::Tail, true)
}

/// `LPUSHX key element [element ...]`.
pub fn lpushx(call: &mut Call<'_>) -> Outcome {
    push(call, End::Head, false)
}

/// `RPUSHX key element [element ...]`.
pub fn rpushx(call: &mut Call<'_>) -> Outcome {
    push(call, End::Tail, false)
}

fn push(call: &mut Call<'_>, end: End, creates: bool) -> Outcome {
    let (key, elements, limits) = (call.word(1), call.words(2), call.keys.limits());
    if !creates && call.keys.write_as::<List>(key)?.is_none() {
        return call.count(0);
    }
    let list = call.keys.write_or_create::<List>(key)?;
    elements.for_each(|element| list.push(end, element, &limits));
    let len = list.len();
    call.keys.changed(EventClasses::LIST, push_event(end), key);
    call.count(len)
}

/// `LPOP key [count]`.
pub fn lpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Head)
}

/// `RPOP key [count]`.
pub fn rpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Tail)
}

fn pop(call: &mut Call<'_>, end: End) -> Outcome {
    let key = call.word(1);
    let count = match call.len() {
        2 => None,
        3 => Some(call.integer_from(2, 0, "ERR value is out of range, must be positive")?),
        _ => {
            let name = pop_event(end);
            return Err(CommandError::owned(format!("ERR wrong number of arguments for '{name}' command")));
        }
    };
    let Some(list) = call.keys.write_as::<List>(key)? else {
        match count {
            None => call.reply.null(),
            Some(_) => call.reply.null_array(),
        };
        return Ok(());
    };
    if let Some(count) = count {
        call.reply.array(count.min(list.len()));
    }
    pop_from(call, key, end, count.unwrap_or(1))
}

/// `LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]`.
pub fn lmpop(call: &mut Call<'_>) -> Outcome {
    let num_keys = call.integer_from(1, 1, "ERR numkeys should be greater than 0")?;
    let end_at = num_keys.saturating_add(2);
    let end = end(call, end_at)?;
    let mut count = None;
    let mut at = end_at + 1;
    while at < call.len() {
        if count.is_some() || !call.is_word(at, "COUNT") || at + 1 == call.len() {
            return Err(CommandError::SYNTAX);
        }
        count = Some(call.integer_from(at + 1, 1, "ERR count should be greater than 0")?);
        at += 2;
    }
    let count = count.unwrap_or(1);
    for key in call.words(2).take(num_keys) {
        if let Some(list) = call.keys.write_as::<List>(key)? {
            call.reply.array(2).bulk(key).array(count.min(list.len()));
            return pop_from(call, key, end, count);
        }
    }
    call.reply.null_array();
    Ok(())
}

/// Takes up to `count` elements from a list that exists, and writes them, one behind the other.
fn pop_from(call: &mut Call<'_>, key: &[u8], end: End, count: usize) -> Outcome {
    let limits = call.keys.limits();
    let Some(list) = call.keys.write_as::<List>(key)? else { return Ok(()) };
    if count == 0 {
        return Ok(());
    }
    for element in list.walk(end, count) {
        call.reply.bulk(element);
    }
    list.remove_end(end, count, &limits);
    call.keys.changed(EventClasses::LIST, pop_event(end), key);
    call.keys.remove_if_empty(key);
    Ok(())
}

/// `LLEN key`.
pub fn llen(call: &mut Call<'_>) -> Outcome {
    let len = call.keys.read_as::<List>(call.word(1))?.map_or(0, List::len);
    call.count(len)
}

/// `LINDEX key index`.
pub fn lindex(call: &mut Call<'_>) -> Outcome {
    let (key, index) = (call.word(1), call.integer(2));
    let Some(list) = call.keys.read_as::<List>(key)? else {
        call.reply.null();
        return Ok(());
    };
    match place(index?, list.len()).and_then(|index| list.get(index)) {
        Some(element) => call.reply.bulk(element),
        None => call.reply.null(),
    };
    Ok(())
}

/// `LRANGE key start stop`.
pub fn lrange(call: &mut Call<'_>) -> Outcome {
    let (key, start, stop) = (call.word(1), call.integer(2)?, call.integer(3)?);
    let Some(list) = call.keys.read_as::<List>(key)? else {
        call.reply.array(0);
        return Ok(());
    };
    let elements = list.range(places(start, stop, list.len()));
    call.reply.array(elements.len());
    for element in elements {
        call.reply.bulk(element);
    }
    Ok(())
}

/// `LSET key index element`.
pub fn lset(call: &mut Call<'_>) -> Outcome {
    let (key, index, element, limits) = (call.word(1), call.integer(2), call.word(3), call.keys.limits());
    let list = call.keys.write_as::<List>(key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let index = place(index?, list.len()).ok_or(CommandError::INDEX_RANGE)?;
    list.replace(index, element, &limits);
    call.keys.changed(EventClasses::LIST, "lset", key);
    call.ok()
}

/// `LINSERT key BEFORE|AFTER pivot element`.
pub fn linsert(call: &mut Call<'_>) -> Outcome {
    let behind = match () {
        () if call.is_word(2, "BEFORE") => 0,
        () if call.is_word(2, "AFTER") => 1,
        () => return Err(CommandError::SYNTAX),
    };
    let (key, pivot, element, limits) = (call.word(1), call.word(3), call.word(4), call.keys.limits());
    let Some(list) = call.keys.write_as::<List>(key)? else { return call.count(0) };
    let Some(index) = list.iter().position(|own| own == pivot) else {
        call.reply.integer(-1);
        return Ok(());
    };
    list.insert(index + behind, element, &limits);
    let len = list.len();
    call.keys.changed(EventClasses::LIST, "linsert", key);
    call.count(len)
}

/// `LREM key count element`.
pub fn lrem(call: &mut Call<'_>) -> Outcome {
    let (key, count, element, limits) = (call.word(1), call.integer(2)?, call.word(3), call.keys.limits());
    let Some(list) = call.keys.write_as::<List>(key)? else { return call.count(0) };
    let end = if count < 0 { End::Tail } else { End::Head };
    let max = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let removed = list.remove_equal(element, end, max, &limits);
    if removed > 0 {
        call.keys.changed(EventClasses::LIST, "lrem", key);
        call.keys.remove_if_empty(key);
    }
    call.count(removed)
}

/// `LTRIM key start stop`.
pub fn ltrim(call: &mut Call<'_>) -> Outcome {
    let (key, start, stop, limits) = (call.word(1), call.integer(2)?, call.integer(3)?, call.keys.limits());
    if let Some(list) = call.keys.write_as::<List>(key)? {
        list.keep(places(start, stop, list.len()), &limits);
        call.keys.changed(EventClasses::LIST, "ltrim", key);
        call.keys.remove_if_empty(key);
    }
    call.ok()
}

/// `LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]`.
pub fn lpos(call: &mut Call<'_>) -> Outcome {
    let (element, mut rank, mut count, mut max_len) = (call.word(2), 1, None, 0);
    let mut at = 3;
    while at < call.len() {
        if at + 1 == call.len() {
            return Err(CommandError::SYNTAX);
        }
        if call.is_word(at, "RANK") {
            rank = lpos_rank(call, at + 1)?;
        } else if call.is_word(at, "COUNT") {
            count = Some(call.integer_from(at + 1, 0, "ERR COUNT can't be negative")?);
        } else if call.is_word(at, "MAXLEN") {
            max_len = call.integer_from(at + 1, 0, "ERR MAXLEN can't be negative")?;
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 2;
    }
    let or_all = |number| if number == 0 { usize::MAX } else { number };
    let mut found = Vec::new();
    if let Some(list) = call.keys.read_as::<List>(call.word(1))? {
        let end = if rank < 0 { End::Tail } else { End::Head };
        let equal = list.walk(end, or_all(max_len)).enumerate().filter(|(_, own)| *own == element);
        let wanted = equal.skip(rank.unsigned_abs() as usize - 1).take(count.map_or(1, or_all));
        found.extend(wanted.map(|(walked, _)| if end == End::Head { walked } else { list.len() - 1 - walked }));
    }
    match (count, found.first()) {
        (None, Some(index)) => call.reply.integer(*index as i64),
        (None, None) => call.reply.null(),
        (Some(_), _) => {
            call.reply.array(found.len());
            found.iter().for_each(|index| {
                call.reply.integer(*index as i64);
            });
            return Ok(());
        }
    };
    Ok(())
}

/// Which of the equal elements is the first that LPOS wants, seen from the tail if it is negative.
fn lpos_rank(call: &Call<'_>, at: usize) -> Result<i64, CommandError> {
    match call.integer(at)? {
        0 => Err(CommandError::new(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
             or use negative to start from the end of the list",
        )),
        i64::MIN => Err(CommandError::new(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        )),
        rank => Ok(rank),
    }
}

/// `LMOVE source destination LEFT|RIGHT LEFT|RIGHT`.
pub fn lmove(call: &mut Call<'_>) -> Outcome {
    let (from, to) = (end(call, 3)?, end(call, 4)?);
    move_between(call, from, to)
}

/// `RPOPLPUSH source destination`.
pub fn rpoplpush(call: &mut Call<'_>) -> Outcome {
    move_between(call, End::Tail, End::Head)
}

fn move_between(call: &mut Call<'_>, from: End, to: End) -> Outcome {
    let (source, destination, limits) = (call.word(1), call.word(2), call.keys.limits());
    if call.keys.write_as::<List>(source)?.is_none() {
        call.reply.null();
        return Ok(());
    }
    // Its type is checked before anything is taken from the source.
    call.keys.write_as::<List>(destination)?;
    let Some(list) = call.keys.write_as::<List>(source)? else { return Ok(()) };
    let element: Box<[u8]> = list.walk(from, 1).next().unwrap_or_default().into();
    list.remove_end(from, 1, &limits);
    // It may be the same list, which may have become empty meanwhile.
    call.keys.write_or_create::<List>(destination)?.push(to, &element, &limits);
    call.keys.changed(EventClasses::LIST, push_event(to), destination);
    call.keys.changed(EventClasses::LIST, pop_event(from), source);
    call.keys.remove_if_empty(source);
    call.reply.bulk(&element);
    Ok(())
}

const fn push_event(end: End) -> &'static str {
    match end {
        End::Head => "lpush",
        End::Tail => "rpush",
    }
}

const fn pop_event(end: End) -> &'static str {
    match end {
        End::Head => "lpop",
        End::Tail => "rpop",
    }
}

/// The word at `index` as an end of a list.
fn end(call: &Call<'_>, index: usize) -> Result<End, CommandError> {
    match () {
        () if call.is_word(index, "LEFT") => Ok(End::Head),
        () if call.is_word(index, "RIGHT") => Ok(End::Tail),
        () => Err(CommandError::SYNTAX),
    }
}

/// The place that an index means, which counts from the tail if it is negative.
fn place(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.saturating_add(len as i64) } else { index };
    usize::try_from(index).ok().filter(|index| *index < len)
}

/// The places from one index to another, both included, as far as there are any.
fn places(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_head = |index: i64| if index < 0 { index.saturating_add(len as i64) } else { index };
    let start = usize::try_from(from_head(start)).unwrap_or(0).min(len);
    let end = usize::try_from(from_head(stop).saturating_add(1)).unwrap_or(0).min(len);
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, Command};

    #[test]
    fn commands_reply_and_report_as_redis_does() {
        let steps: &[(Command, &str, &str, &[&str])] = &[
            (lpushx, "lpushx a 1", ":0", &[]),
            (rpush, "rpush a 1 2 3", ":3", &["new a", "rpush a"]),
            (lpush, "lpush a 0", ":4", &["lpush a"]),
            (rpushx, "rpushx a 4", ":5", &["rpush a"]),
            (lrange, "lrange a -100 100", "*5 $1 0 $1 1 $1 2 $1 3 $1 4", &[]),
            (lrange, "lrange a 3 -3", "*0", &[]),
            (lrange, "lrange none 0 0", "*0", &["keymiss none"]),
            (lindex, "lindex a -1", "$1 4", &[]),
            (lindex, "lindex a 5", "$-1", &[]),
            (lindex, "lindex a x", "-ERR value is not an integer or out of range", &[]),
            (lset, "lset a -2 z", "+OK", &["lset a"]),
            (lset, "lset a 5 z", "-ERR index out of range", &[]),
            (lset, "lset none x z", "-ERR no such key", &[]),
            (linsert, "linsert a before z y", ":6", &["linsert a"]),
            (linsert, "linsert a AFTER none y", ":-1", &[]),
            (linsert, "linsert a at z y", "-ERR syntax error", &[]),
            (lpos, "lpos a z", ":4", &[]),
            (lpop, "lpop a 2", "*2 $1 0 $1 1", &["lpop a"]),
            (rpop, "rpop a 2", "*2 $1 4 $1 z", &["rpop a"]),
            (rpop, "rpop a 0", "*0", &[]),
            (lpop, "lpop a -1", "-ERR value is out of range, must be positive", &[]),
            (lpop, "lpop a 1 1", "-ERR wrong number of arguments for 'lpop' command", &[]),
            (lpop, "lpop none", "$-1", &[]),
            (lpop, "lpop none 0", "*-1", &[]),
            (lmove, "lmove a b RIGHT LEFT", "$1 y", &["new b", "lpush b", "rpop a"]),
            (rpoplpush, "rpoplpush a a", "$1 2", &["lpush a", "rpop a"]),
            (rpoplpush, "rpoplpush a b", "$1 2", &["lpush b", "rpop a", "del a"]),
            (rpoplpush, "rpoplpush a b", "$-1", &[]),
            (lmove, "lmove a b up LEFT", "-ERR syntax error", &[]),
            (lrem, "lrem b 0 none", ":0", &[]),
            (ltrim, "ltrim b 0 -1", "+OK", &["ltrim b"]),
            (lmpop, "lmpop 2 a b LEFT COUNT 9", "*2 $1 b *2 $1 2 $1 y", &["lpop b", "del b"]),
            (lmpop, "lmpop 2 a b LEFT", "*-1", &[]),
            (lmpop, "lmpop 2 a LEFT", "-ERR syntax error", &[]),
            (lmpop, "lmpop 9223372036854775807 a LEFT", "-ERR syntax error", &[]),
            (rpush, "rpush a x", ":1", &["new a", "rpush a"]),
            (ltrim, "ltrim a 1 0", "+OK", &["ltrim a", "del a"]),
            (llen, "llen a", ":0", &["keymiss a"]),
        ];
        let mut bench = Bench::new();
        for (command, words, reply, events) in steps {
            assert_eq!(bench.run(*command, words), *reply, "{words}");
            assert_eq!(bench.events(), *events, "{words}");
        }
    }

    #[test]
    fn matches_are_found_and_removed_from_either_end() {
        let mut bench = Bench::new();
        // Small, and with an element that makes a ring of it.
        for last in ["9", &"9".repeat(9000)] {
            bench.run(rpush, &format!("rpush a 0 x 2 x x 5 x {last}"));
            for (options, reply) in [
                ("", ":1"),
                (" RANK 2", ":3"),
                (" RANK -1", ":6"),
                (" RANK 9", "$-1"),
                (" COUNT 0", "*4 :1 :3 :4 :6"),
                (" COUNT 2 RANK -2", "*2 :4 :3"),
                (" MAXLEN 1", "$-1"),
                (" MAXLEN 4 COUNT 0", "*2 :1 :3"),
                (" MAXLEN 4 COUNT 0 RANK -1", "*2 :6 :4"),
                (" COUNT 1 RANK -9223372036854775807", "*0"),
            ] {
                assert_eq!(bench.run(lpos, &format!("lpos a x{options}")), reply, "{options}");
            }
            assert_eq!(bench.run(lrem, "lrem a -1 x"), ":1");
            assert_eq!(bench.run(lrem, "lrem a 2 x"), ":2");
            assert_eq!(bench.run(lpos, "lpos a x COUNT 0"), "*1 :2");
            assert_eq!(bench.run(lrem, "lrem a -9223372036854775808 x"), ":1");
            assert_eq!(bench.run(lrange, "lrange a 0 2"), "*3 $1 0 $1 2 $1 5");
            bench.run(ltrim, "ltrim a 1 0");
        }
    }

    #[test]
    fn a_key_of_another_type_is_left_alone() {
        let mut bench = Bench::new();
        bench.run(crate::commands::sets::sadd, "sadd s 1");
        bench.run(rpush, "rpush a 1");
        bench.events();
        let wrong = format!("-{}", CommandError::WRONG_TYPE.text().escape_ascii());
        for (command, words) in [
            (rpush as Command, "rpush s 1"),
            (lpushx, "lpushx s 1"),
            (lpop, "lpop s 1"),
            (lmpop, "lmpop 2 none s LEFT"),
            (lindex, "lindex s x"),
            (lset, "lset s x 1"),
            (lpos, "lpos s 1"),
            (lmove, "lmove a s LEFT LEFT"),
            (lmove, "lmove s a LEFT LEFT"),
        ] {
            assert_eq!(bench.run(command, words), wrong, "{words}");
        }
        assert_eq!(bench.run(lrange, "lrange a 0 -1"), "*1 $1 1");
        assert_eq!(bench.events(), [""; 0]);
    }
}
