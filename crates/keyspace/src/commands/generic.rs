//! Commands on keys of any type. Source: Redis command pages, group "generic".

use crate::access;
use crate::access::AccessTracking;
use crate::call::{Call, Outcome};
use crate::database::{Entry, Key, NO_DEADLINE};
use crate::error::CommandError;
use crate::event::EventClasses;
use crate::keys::Keys;
use crate::number;
use crate::scan::{self, OwnOption, ScanOptions};
use crate::values::Value;
use crate::values::string::Str;

/// There is no database with that number.
const DB_RANGE: CommandError = CommandError::new("ERR DB index is out of range");
/// A command that moves a key was given one place twice.
const SAME_PLACE: CommandError = CommandError::new("ERR source and destination objects are the same");
/// Small integers, which Redis makes once for all keys and says to be referred to so often.
const SHARED_INTEGERS: std::ops::Range<i64> = 0..10_000;

/// `DEL key [key ...], and UNLINK`.
pub fn del(call: &mut Call<'_>) -> Outcome {
    let count = call.words(1).filter(|key| call.keys.delete(key)).count();
    call.count(count)
}

/// `EXISTS key [key ...]`.
pub fn exists(call: &mut Call<'_>) -> Outcome {
    let count = call.words(1).filter(|key| call.keys.inspect(key).is_some()).count();
    call.count(count)
}

/// `TOUCH key [key ...]`.
pub fn touch(call: &mut Call<'_>) -> Outcome {
    let count = call.words(1).filter(|key| call.keys.read(key).is_some()).count();
    call.count(count)
}

/// `TYPE key`.
pub fn type_(call: &mut Call<'_>) -> Outcome {
    let name = call.keys.inspect(call.word(1)).map_or("none", |entry| entry.value.type_name());
    call.reply.simple(name);
    Ok(())
}

/// `KEYS pattern`.
pub fn keys(call: &mut Call<'_>) -> Outcome {
    let (pattern, now_ms) = (call.word(1), call.keys.now_ms());
    let alive = call.keys.database().entries.iter().filter(|(_, entry)| entry.deadline_ms >= now_ms);
    // As in Redis `*` is every key, also the empty one, which it does not match as a glob.
    let is_wanted = |key: &&Key| pattern == b"*" || fanfare_wire::glob_match(pattern, key);
    let found: Vec<_> = alive.map(|(key, _)| key).filter(is_wanted).collect();
    call.reply.array(found.len());
    for key in found {
        call.reply.bulk(key);
    }
    Ok(())
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`.
pub fn scan(call: &mut Call<'_>) -> Outcome {
    let cursor = scan::cursor(call.word(1))?;
    let options = ScanOptions::parse(call, 2, OwnOption::Type)?;
    let now_ms = call.keys.now_ms();
    let entries = &call.keys.database().entries;
    let has_type = |entry: &Entry| {
        options.type_name.is_none_or(|name| name.eq_ignore_ascii_case(entry.value.type_name().as_bytes()))
    };
    let mut found = Vec::new();
    let cursor = options.walk(cursor, entries.len(), |at| {
        let Some((key, entry)) = entries.get_index(at) else { return };
        if entry.deadline_ms >= now_ms && has_type(entry) && options.wants(key) {
            found.push(key);
        }
    });
    scan::reply_page(&mut call.reply, cursor, &found);
    Ok(())
}

/// RANDOMKEY.
pub fn randomkey(call: &mut Call<'_>) -> Outcome {
    while let len @ 1.. = call.keys.database().entries.len() {
        let at = call.keys.random().usize(..len);
        let Some((key, _)) = call.keys.database().entries.get_index(at) else { break };
        let key = key.clone();
        if call.keys.peek(&key).is_some() {
            call.reply.bulk(&key);
            return Ok(());
        }
    }
    call.reply.null();
    Ok(())
}

/// DBSIZE.
pub fn dbsize(call: &mut Call<'_>) -> Outcome {
    let len = call.keys.database().entries.len();
    call.count(len)
}

/// `RENAME key newkey`.
pub fn rename(call: &mut Call<'_>) -> Outcome {
    rename_if(call, true)?;
    call.ok()
}

/// `RENAMENX key newkey`.
pub fn renamenx(call: &mut Call<'_>) -> Outcome {
    let is_renamed = rename_if(call, false)?;
    call.count(usize::from(is_renamed))
}

/// Renames a key, unless that would replace another and may not; true if it did.
fn rename_if(call: &mut Call<'_>, may_replace: bool) -> Result<bool, CommandError> {
    let (key, new_key) = (call.word(1), call.word(2));
    if call.keys.peek(key).is_none() {
        return Err(CommandError::NO_SUCH_KEY);
    }
    if key == new_key || (!may_replace && call.keys.peek(new_key).is_some()) {
        return Ok(false);
    }
    let Some(entry) = call.keys.remove(key) else { return Err(CommandError::NO_SUCH_KEY) };
    let types = put(&mut call.keys, new_key, entry);
    call.keys.notify(EventClasses::GENERIC, "rename_from", key);
    call.keys.notify(EventClasses::GENERIC, "rename_to", new_key);
    notify_replaced(&mut call.keys, new_key, types);
    Ok(true)
}

/// `COPY source destination [DB destination-db] [REPLACE]`.
pub fn copy(call: &mut Call<'_>) -> Outcome {
    let (mut db, mut may_replace) = (call.keys.db, false);
    let mut at = 3;
    while at < call.len() {
        if call.is_word(at, "REPLACE") {
            may_replace = true;
        } else if call.is_word(at, "DB") && at + 1 < call.len() {
            at += 1;
            db = database(call, at)?;
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 1;
    }
    let (key, new_key) = (call.word(1), call.word(2));
    if db == call.keys.db && key == new_key {
        return Err(SAME_PLACE);
    }
    if call.keys.read(key).is_none() || (call.keys.of(db).peek(new_key).is_some() && !may_replace) {
        return call.count(0);
    }
    let Some(entry) = call.keys.peek(key).map(|entry| Entry { value: entry.value.duplicate(), ..*entry }) else {
        return call.count(0);
    };
    let mut keys = call.keys.of(db);
    let types = put(&mut keys, new_key, entry);
    keys.notify(EventClasses::GENERIC, "copy_to", new_key);
    notify_replaced(&mut keys, new_key, types);
    call.count(1)
}

/// `MOVE key db`.
pub fn move_(call: &mut Call<'_>) -> Outcome {
    let (key, db) = (call.word(1), database(call, 2)?);
    if db == call.keys.db {
        return Err(SAME_PLACE);
    }
    if call.keys.peek(key).is_none() || call.keys.of(db).peek(key).is_some() {
        return call.count(0);
    }
    let Some(entry) = call.keys.remove(key) else { return call.count(0) };
    put(&mut call.keys.of(db), key, entry);
    call.keys.notify(EventClasses::GENERIC, "move_from", key);
    call.keys.of(db).notify(EventClasses::GENERIC, "move_to", key);
    call.count(1)
}

/// The type that was replaced, if one was, and the new one.
type Types = (Option<&'static str>, &'static str);

/// Puts an entry under a key, in the place of what is there.
fn put(keys: &mut Keys<'_>, key: &[u8], entry: Entry) -> Types {
    let before = keys.remove(key).map(|entry| entry.value.type_name());
    let types = (before, entry.value.type_name());
    keys.insert(key, entry.value);
    keys.set_deadline(key, Some(entry.deadline_ms).filter(|at| *at != NO_DEADLINE));
    if let Some(own) = keys.peek(key) {
        own.access = entry.access;
    }
    keys.touched(key);
    types
}

/// Says that a key has replaced another, which these commands do last.
fn notify_replaced(keys: &mut Keys<'_>, key: &[u8], (before, after): Types) {
    let Some(before) = before else { return };
    keys.notify(EventClasses::OVERWRITTEN, "overwritten", key);
    if before != after {
        keys.notify(EventClasses::TYPE_CHANGED, "type_changed", key);
    }
}

/// The word at `index` as the number of a database.
fn database(call: &Call<'_>, index: usize) -> Result<u32, CommandError> {
    let number = call.integer(index)?;
    if i32::try_from(number).is_err() {
        let text = "ERR value is out of range, value must between -2147483648 and 2147483647";
        return Err(CommandError::new(text));
    }
    database_of(call, number)
}

fn database_of(call: &Call<'_>, number: i64) -> Result<u32, CommandError> {
    let databases = call.keys.keyspace.databases();
    u32::try_from(number).ok().filter(|db| (*db as usize) < databases).ok_or(DB_RANGE)
}

/// `SWAPDB index1 index2`.
pub fn swapdb(call: &mut Call<'_>) -> Outcome {
    let number = |index, text| {
        number::parse_integer(call.word(index))
            .filter(|number| i32::try_from(*number).is_ok())
            .ok_or(CommandError::new(text))
    };
    let first = number(1, "ERR invalid first DB index")?;
    let second = number(2, "ERR invalid second DB index")?;
    let (first, second) = (database_of(call, first)?, database_of(call, second)?);
    if first != second {
        call.keys.keyspace.swap(first, second);
    }
    call.ok()
}

/// `FLUSHDB [ASYNC|SYNC]`.
pub fn flushdb(call: &mut Call<'_>) -> Outcome {
    check_flush_mode(call)?;
    let db = call.keys.db;
    call.keys.keyspace.flush(db);
    call.ok()
}

/// `FLUSHALL [ASYNC|SYNC]`.
pub fn flushall(call: &mut Call<'_>) -> Outcome {
    check_flush_mode(call)?;
    for db in 0..call.keys.keyspace.databases() {
        call.keys.keyspace.flush(db as u32);
    }
    call.ok()
}

fn check_flush_mode(call: &Call<'_>) -> Outcome {
    match call.len() {
        1 => Ok(()),
        2 if call.is_word(1, "ASYNC") || call.is_word(1, "SYNC") => Ok(()),
        _ => Err(CommandError::SYNTAX),
    }
}

/// `OBJECT ENCODING key`.
pub fn object_encoding(call: &mut Call<'_>) -> Outcome {
    let limits = call.keys.limits();
    match object(call).map(|entry| entry.value.encoding(&limits)) {
        Some(name) => call.reply.bulk(name.as_bytes()),
        None => call.reply.null(),
    };
    Ok(())
}

/// `OBJECT REFCOUNT key`.
pub fn object_refcount(call: &mut Call<'_>) -> Outcome {
    reply_of_object(call, Ok(()), |entry, _| match entry.value {
        Value::String(Str::Integer(integer)) if SHARED_INTEGERS.contains(&integer) => i32::MAX.into(),
        _ => 1,
    })
}

/// `OBJECT IDLETIME key`.
pub fn object_idletime(call: &mut Call<'_>) -> Outcome {
    let text = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
                policies at runtime LRU and LFU data will take some time to adjust.";
    let is_kept = check_tracking(call, AccessTracking::Time, text);
    reply_of_object(call, is_kept, |entry, now_ms| access::idle_seconds(entry.access, now_ms).into())
}

/// `OBJECT FREQ key`.
pub fn object_freq(call: &mut Call<'_>) -> Outcome {
    let text = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
                switching between policies at runtime LRU and LFU data will take some time to adjust.";
    let is_kept = check_tracking(call, AccessTracking::Frequency, text);
    reply_of_object(call, is_kept, |entry, now_ms| access::frequency(entry.access, now_ms).into())
}

/// Refuses a question for what is not kept; a missing key is no such question.
fn check_tracking(call: &Call<'_>, wanted: AccessTracking, text: &'static str) -> Outcome {
    if call.keys.keyspace.access == wanted { Ok(()) } else { Err(CommandError::new(text)) }
}

/// The entry that OBJECT asks about: counted, but a missing one is not reported.
fn object<'k>(call: &'k mut Call<'_>) -> Option<&'k mut Entry> {
    let is_there = call.keys.peek(call.word(2)).is_some();
    let stats = &mut call.keys.keyspace.stats;
    *(if is_there { &mut stats.keyspace_hits } else { &mut stats.keyspace_misses }) += 1;
    call.keys.peek(call.word(2))
}

/// Replies with an integer of an entry, if `is_kept` lets it.
fn reply_of_object(call: &mut Call<'_>, is_kept: Outcome, integer: impl FnOnce(&Entry, u64) -> i64) -> Outcome {
    let now_ms = call.keys.now_ms();
    match object(call) {
        Some(entry) => {
            is_kept?;
            let integer = integer(entry, now_ms);
            call.reply.integer(integer);
        }
        None => {
            call.reply.null();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
