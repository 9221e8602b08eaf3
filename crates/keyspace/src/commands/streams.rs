//! Stream commands that work on entries. Source: Redis command pages, group "stream".

use fanfare_wire::ReplyWriter;

use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::event::EventClasses;
use crate::keys::Keys;
use crate::number;
use crate::values::stream::{Entry, Keep, NewId, Stream, StreamId, Trim};

/// A word is no identifier of an entry.
const INVALID_ID: CommandError = CommandError::new("ERR Invalid stream ID specified as stream command argument");

/// The bytes of fields and values that an entry may have. Source: Redis, the size of a node.
const ENTRY_BYTES_MAX: usize = 1 << 30;

/// `XADD key [NOMKSTREAM] [MAXLEN | MINID [= | ~] threshold [LIMIT count]] * | id field value [field value ...]`.
pub fn xadd(call: &mut Call<'_>) -> Outcome {
    let options = TrimOptions::parse(call, true)?;
    let first_field = options.end + 1;
    if call.len() < first_field + 2 || !(call.len() - first_field).is_multiple_of(2) {
        return Err(CommandError::new("ERR wrong number of arguments for 'xadd' command"));
    }
    let new_id = NewId::parse(call.word(options.end)).ok_or(INVALID_ID)?;
    if new_id == NewId::Given(StreamId::MIN) {
        return Err(CommandError::new("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let (key, fields) = (call.word(1), call.words(first_field));
    let size = call.words(first_field).map(<[u8]>::len).sum();
    let (now_ms, limits) = (call.keys.now_ms(), call.keys.limits());

    let last_id = match call.keys.write_as::<Box<Stream>>(key)? {
        None if options.needs_stream => {
            call.reply.null();
            return Ok(());
        }
        Some(stream) => stream.log.last_id,
        None => StreamId::MIN,
    };
    if last_id == StreamId::MAX {
        let text = "ERR The stream has exhausted the last possible ID, unable to add more items";
        return Err(CommandError::new(text));
    }
    let Some(id) = new_id.resolve(last_id, now_ms) else {
        let text = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
        return Err(CommandError::new(text));
    };
    if size > ENTRY_BYTES_MAX {
        return Err(CommandError::new("ERR Elements are too large to be stored"));
    }
    let stream = call.keys.write_or_create::<Box<Stream>>(key)?;
    stream.log.append(id, fields, size, &limits);
    let trimmed = options.trim.map_or(0, |trim| stream.log.trim(&trim));
    if let Some(len) = left_by_nodes(options.trim, stream) {
        let id = id.to_string();
        call.keys.record_effect(
            &[&b"XADD"[..], key, id.as_bytes()].into_iter().chain(call.words(first_field)).collect::<Vec<_>>(),
        );
        record_trim(&mut call.keys, key, len);
    }
    call.keys.changed(EventClasses::STREAM, "xadd", key);
    if trimmed > 0 {
        call.keys.notify(EventClasses::STREAM, "xtrim", key);
    }
    call.reply.bulk_display(id);
    Ok(())
}

/// `XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT count]`.
pub fn xtrim(call: &mut Call<'_>) -> Outcome {
    let options = TrimOptions::parse(call, false)?;
    let key = call.word(1);
    let (mut trimmed, mut left) = (0, None);
    if let (Some(stream), Some(trim)) = (call.keys.write_as::<Box<Stream>>(key)?, options.trim) {
        trimmed = stream.log.trim(&trim);
        left = left_by_nodes(options.trim, stream).filter(|_| trimmed > 0);
    }
    if let Some(len) = left {
        record_trim(&mut call.keys, key, len);
    }
    if trimmed > 0 {
        call.keys.changed(EventClasses::STREAM, "xtrim", key);
    }
    call.count(trimmed)
}

/// `XLEN key`.
pub fn xlen(call: &mut Call<'_>) -> Outcome {
    let len = call.keys.read_as::<Box<Stream>>(call.word(1))?.map_or(0, |stream| stream.log.len());
    call.count(len)
}

/// `XRANGE key start end [COUNT count]`.
pub fn xrange(call: &mut Call<'_>) -> Outcome {
    let (from, to) = (range_start(call.word(2))?, range_end(call.word(3))?);
    range(call, from, to, false)
}

/// `XREVRANGE key end start [COUNT count]`.
pub fn xrevrange(call: &mut Call<'_>) -> Outcome {
    let (from, to) = (range_start(call.word(3))?, range_end(call.word(2))?);
    range(call, from, to, true)
}

fn range(call: &mut Call<'_>, from: StreamId, to: StreamId, is_reverse: bool) -> Outcome {
    let mut count = usize::MAX;
    for at in (4..call.len()).step_by(2) {
        if !call.is_word(at, "COUNT") || at + 1 == call.len() {
            return Err(CommandError::SYNTAX);
        }
        count = usize::try_from(call.integer(at + 1)?).unwrap_or(0);
    }
    let Some(stream) = call.keys.read_as::<Box<Stream>>(call.word(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    let entries = stream.log.range(from, to);
    match (count, is_reverse) {
        (0, _) => _ = call.reply.null_array(),
        (_, false) => write_entries(&mut call.reply, entries.take(count)),
        (_, true) => write_entries(&mut call.reply, entries.rev().take(count)),
    }
    Ok(())
}

/// `XDEL key id [id ...]`.
pub fn xdel(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    let words = call.words(2);
    let Some(stream) = call.keys.write_as::<Box<Stream>>(key)? else { return call.count(0) };
    let ids = words.map(entry_id).collect::<Result<Vec<_>, _>>()?;
    let removed = ids.into_iter().filter(|id| stream.log.remove(*id)).count();
    if removed > 0 {
        call.keys.changed(EventClasses::STREAM, "xdel", key);
    }
    call.count(removed)
}

/// `XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]`.
pub fn xsetid(call: &mut Call<'_>) -> Outcome {
    let id = entry_id(call.word(2))?;
    let (mut entries_added, mut max_deleted_id) = (None, StreamId::MIN);
    for at in (3..call.len()).step_by(2) {
        if at + 1 < call.len() && call.is_word(at, "ENTRIESADDED") {
            let Ok(count) = u64::try_from(call.integer(at + 1)?) else {
                return Err(CommandError::new("ERR entries_added must be positive"));
            };
            entries_added = Some(count);
        } else if at + 1 < call.len() && call.is_word(at, "MAXDELETEDID") {
            max_deleted_id = entry_id(call.word(at + 1))?;
            if id < max_deleted_id {
                let text = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id";
                return Err(CommandError::new(text));
            }
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    let key = call.word(1);
    let log = &mut call.keys.write_as::<Box<Stream>>(key)?.ok_or(CommandError::NO_SUCH_KEY)?.log;
    if id < log.max_deleted_id {
        let text = "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
        return Err(CommandError::new(text));
    }
    if let Some(top) = log.range(StreamId::MIN, StreamId::MAX).next_back() {
        if id < top.id {
            let text = "ERR The ID specified in XSETID is smaller than the target stream top item";
            return Err(CommandError::new(text));
        }
        if entries_added.is_some_and(|count| count < log.len() as u64) {
            let text = "ERR The entries_added specified in XSETID is smaller than the target stream length";
            return Err(CommandError::new(text));
        }
    }
    log.last_id = id;
    log.entries_added = entries_added.unwrap_or(log.entries_added);
    if max_deleted_id != StreamId::MIN {
        log.max_deleted_id = max_deleted_id;
    }
    call.keys.account(key);
    call.keys.notify(EventClasses::STREAM, "xsetid", key);
    call.ok()
}

/// How many entries trimming has left, if that depends on the nodes: those of a stream that came back are others.
fn left_by_nodes(trim: Option<Trim>, stream: &Stream) -> Option<usize> {
    trim.filter(|trim| trim.whole_nodes).map(|_| stream.log.len())
}

/// Records what trimming has left instead of what it was told.
fn record_trim(keys: &mut Keys<'_>, key: &[u8], len: usize) {
    keys.record_effect(&[&b"XTRIM"[..], key, b"MAXLEN", itoa::Buffer::new().format(len).as_bytes()]);
    keys.tells_effects();
}

/// The options in front of XADD's identifier, or all of XTRIM's.
struct TrimOptions {
    trim: Option<Trim>,
    /// NOMKSTREAM: add to a stream that exists only.
    needs_stream: bool,
    /// The first word behind the options.
    end: usize,
}

impl TrimOptions {
    fn parse(call: &Call<'_>, is_xadd: bool) -> Result<Self, CommandError> {
        let (mut keep, mut whole_nodes, mut limit, mut needs_stream) = (None, false, None, false);
        let mut at = 2;
        while at < call.len() {
            let has_more = at + 1 < call.len();
            let is_maxlen = call.is_word(at, "MAXLEN");
            if has_more && (is_maxlen || call.is_word(at, "MINID")) {
                if keep.is_some() {
                    let text = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
                    return Err(CommandError::new(text));
                }
                let has_sign = at + 2 < call.len() && matches!(call.word(at + 1), b"~" | b"=");
                whole_nodes = has_sign && call.word(at + 1) == b"~";
                at += 1 + usize::from(has_sign);
                keep = Some(if is_maxlen { keep_last(call.word(at))? } else { Keep::From(entry_id(call.word(at))?) });
            } else if has_more && call.is_word(at, "LIMIT") {
                at += 1;
                let Ok(count) = usize::try_from(call.integer(at)?) else {
                    return Err(CommandError::new("ERR The LIMIT argument must be >= 0."));
                };
                limit = Some(count);
            } else if is_xadd && call.is_word(at, "NOMKSTREAM") {
                needs_stream = true;
            } else if is_xadd {
                NewId::parse(call.word(at)).ok_or(INVALID_ID)?;
                break;
            } else {
                return Err(CommandError::SYNTAX);
            }
            at += 1;
        }
        match keep {
            None if limit.is_some_and(|limit| limit > 0) => {
                Err(CommandError::new("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"))
            }
            None if !is_xadd => {
                Err(CommandError::new("ERR syntax error, XTRIM must be called with a trimming strategy"))
            }
            _ if limit.is_some() && !whole_nodes => {
                Err(CommandError::new("ERR syntax error, LIMIT cannot be used without the special ~ option"))
            }
            _ => {
                let removed_max = match limit {
                    Some(0) => usize::MAX,
                    Some(limit) => limit,
                    None if whole_nodes => removed_max_by_default(call.keys.limits().stream_node_max_entries),
                    None => usize::MAX,
                };
                let trim = keep.map(|keep| Trim { keep, whole_nodes, removed_max });
                Ok(Self { trim, needs_stream, end: at })
            }
        }
    }
}

fn keep_last(word: &[u8]) -> Result<Keep, CommandError> {
    match usize::try_from(number::integer(word)?) {
        Ok(count) => Ok(Keep::Last(count)),
        Err(_) => Err(CommandError::new("ERR The MAXLEN argument must be >= 0.")),
    }
}

/// How many entries approximate trimming takes out without LIMIT, so that it does not take long: those of 100 nodes.
fn removed_max_by_default(node_max_entries: usize) -> usize {
    match node_max_entries.saturating_mul(100) {
        0 => 10_000,
        count => count.min(1_000_000),
    }
}

/// The identifier of an entry; the number behind the dash may be missing.
pub(super) fn entry_id(word: &[u8]) -> Result<StreamId, CommandError> {
    StreamId::parse(word, 0).ok_or(INVALID_ID)
}

/// Where a range begins: `-`, an identifier, or `(` and one that is not part of it.
pub(super) fn range_start(word: &[u8]) -> Result<StreamId, CommandError> {
    let (id, is_exclusive) = bound(word, 0)?;
    let start = if is_exclusive { id.next() } else { Some(id) };
    start.ok_or(CommandError::new("ERR invalid start ID for the interval"))
}

/// Where a range ends, as [`range_start`].
pub(super) fn range_end(word: &[u8]) -> Result<StreamId, CommandError> {
    let (id, is_exclusive) = bound(word, u64::MAX)?;
    let end = if is_exclusive { id.previous() } else { Some(id) };
    end.ok_or(CommandError::new("ERR invalid end ID for the interval"))
}

fn bound(word: &[u8], missing_seq: u64) -> Result<(StreamId, bool), CommandError> {
    let (id, is_exclusive) = match word {
        b"-" => (Some(StreamId::MIN), false),
        b"+" => (Some(StreamId::MAX), false),
        [b'(', rest @ ..] => (StreamId::parse(rest, missing_seq), true),
        _ => (StreamId::parse(word, missing_seq), false),
    };
    Ok((id.ok_or(INVALID_ID)?, is_exclusive))
}

/// Writes entries, each as its identifier and an array of its fields and values.
pub(super) fn write_entries<'a>(reply: &mut ReplyWriter<'_>, entries: impl Iterator<Item = Entry<'a>>) {
    let entries: Vec<_> = entries.collect();
    reply.array(entries.len());
    for entry in &entries {
        write_entry(reply, entry);
    }
}

/// Writes an entry, as [`write_entries`] does.
pub(super) fn write_entry(reply: &mut ReplyWriter<'_>, entry: &Entry<'_>) {
    let strings = entry.strings();
    reply.array(2).bulk_display(entry.id).array(strings.len());
    for string in strings {
        reply.bulk(string);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, Command};

    #[test]
    fn entries_come_in_order_and_are_listed() {
        let mut bench = Bench::new();
        assert_eq!(bench.run(xadd, "XADD s NOMKSTREAM 1-1 a b"), "$-1");
        assert_eq!(bench.run(xadd, "XADD s 0-* a b"), "$3 0-1");
        assert_eq!(bench.events(), ["new s", "xadd s"]);
        assert_eq!(bench.run(xadd, "XADD s * c d"), "$9 1000000-0");
        assert_eq!(bench.run(xadd, "XADD s * e f"), "$9 1000000-1");
        assert_eq!(bench.run(xlen, "XLEN s"), ":3");
        assert_eq!(bench.run(xrange, "XRANGE s (0-1 + COUNT 1"), "*1 *2 $9 1000000-0 *2 $1 c $1 d");
        assert_eq!(bench.run(xrevrange, "XREVRANGE s 0-1 -"), "*1 *2 $3 0-1 *2 $1 a $1 b");
        assert_eq!(bench.run(xrange, "XRANGE s - + COUNT 0"), "*-1");
        assert_eq!(bench.run(xrange, "XRANGE s 5 4"), "*0");
    }

    #[test]
    fn changes_are_reported_once() {
        let mut bench = Bench::new();
        for ms in 1..=5 {
            bench.run(xadd, &format!("XADD s {ms}-0 a b"));
        }
        bench.events();
        for (command, words, reply, events) in [
            (xdel as Command, "XDEL s 2-0 2-0 9-0", ":1", &["xdel s"][..]),
            (xdel, "XDEL s 2-0", ":0", &[]),
            (xtrim, "XTRIM s MAXLEN 3", ":1", &["xtrim s"]),
            (xtrim, "XTRIM s MINID 3", ":0", &[]),
            (xtrim, "XTRIM none MAXLEN 3", ":0", &[]),
            (xadd, "XADD s MAXLEN 1 6-0 a b", "$3 6-0", &["xadd s", "xtrim s"]),
            (xsetid, "XSETID s 9-0 ENTRIESADDED 20 MAXDELETEDID 5-0", "+OK", &["xsetid s"]),
            (xdel, "XDEL s 6-0", ":1", &["xdel s"]),
            (xlen, "XLEN s", ":0", &[]),
            (
                xadd,
                "XADD s 9-0 a b",
                "-ERR The ID specified in XADD is equal or smaller than the target stream top item",
                &[],
            ),
        ] {
            assert_eq!(bench.run(command, words), reply, "{words}");
            assert_eq!(bench.events(), events, "{words}");
        }
    }

    #[test]
    fn refusals_say_why_and_change_nothing() {
        let mut bench = Bench::new();
        bench.run(xadd, "XADD s 5-5 a b");
        bench.events();
        for (command, words, error) in [
            (xadd as Command, "XADD s 0-0 a b", "The ID specified in XADD must be greater than 0-0"),
            (xadd, "XADD n 0 a b", "The ID specified in XADD must be greater than 0-0"),
            (xadd, "XADD n x a b", "Invalid stream ID specified as stream command argument"),
            (xadd, "XADD n * a b c", "wrong number of arguments for 'xadd' command"),
            (xadd, "XADD n MAXLEN -1 * a b", "The MAXLEN argument must be >= 0."),
            (xadd, "XADD n MAXLEN 1 LIMIT 5 * a b", "syntax error, LIMIT cannot be used without the special ~ option"),
            (
                xtrim,
                "XTRIM s MAXLEN 1 MINID 1",
                "syntax error, MAXLEN and MINID options at the same time are not compatible",
            ),
            (xtrim, "XTRIM s LIMIT 1", "syntax error, LIMIT cannot be used without specifying a trimming strategy"),
            (xrange, "XRANGE s (18446744073709551615-18446744073709551615 +", "invalid start ID for the interval"),
            (xrange, "XRANGE s - (0-0", "invalid end ID for the interval"),
            (xsetid, "XSETID s 5-4", "The ID specified in XSETID is smaller than the target stream top item"),
            (xsetid, "XSETID none 5-4", "no such key"),
        ] {
            assert_eq!(bench.run(command, words), format!("-ERR {error}"), "{words}");
            assert_eq!(bench.events(), [""; 0], "{words}");
        }
        assert_eq!(bench.run(xsetid, "XSETID s 18446744073709551615-18446744073709551615"), "+OK");
        let exhausted = "-ERR The stream has exhausted the last possible ID, unable to add more items";
        assert_eq!(bench.run(xadd, "XADD s * a b"), exhausted);
    }
}
