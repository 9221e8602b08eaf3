//! String commands. Source: Redis command pages, group "string".

use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::event::EventClasses;
use crate::long_double::LongDouble;
use crate::number;
use crate::values::string::Str;
use crate::values::{Typed as _, Value};

/// A change would take an integer out of its 64 bits.
const OVERFLOW: CommandError = CommandError::new("ERR increment or decrement would overflow");

/// How a deadline is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeForm {
    /// EX.
    Seconds,
    /// PX.
    Milliseconds,
    /// EXAT.
    UnixSeconds,
    /// PXAT.
    UnixMilliseconds,
}

impl TimeForm {
    const fn is_unix(self) -> bool {
        matches!(self, Self::UnixSeconds | Self::UnixMilliseconds)
    }

    /// Reads a time, which has to be positive, as Unix milliseconds; `command` in lower case.
    fn deadline_ms(self, word: &[u8], now_ms: u64, command: &str) -> Result<u64, CommandError> {
        let time = Some(number::integer(word)?).filter(|time| *time > 0);
        let factor = if matches!(self, Self::Seconds | Self::UnixSeconds) { 1000 } else { 1 };
        let start = if self.is_unix() { 0 } else { now_ms.cast_signed() };
        let deadline_ms = time.and_then(|time| time.checked_mul(factor)?.checked_add(start));
        deadline_ms.map(i64::cast_unsigned).ok_or_else(|| CommandError::invalid_expire(command))
    }
}

/// The options of SET and GETEX.
#[derive(Clone, Copy, Debug, Default)]
struct Options<'a> {
    /// XX: only a key that exists; NX: only one that does not.
    exists: Option<bool>,
    replies_old: bool,
    keeps_deadline: bool,
    persists: bool,
    time: Option<(TimeForm, &'a [u8])>,
}

impl<'a> Options<'a> {
    /// Reads the words from `first` on.
    fn parse(call: &Call<'a>, first: usize, is_set: bool) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut at = first;
        while at < call.len() {
            let form = options.time.map(|(form, _)| form);
            // The same form may come again, the last one counts; what contradicts an earlier option is refused.
            if is_set && call.is_word(at, "NX") && options.exists != Some(true) {
                options.exists = Some(false);
            } else if is_set && call.is_word(at, "XX") && options.exists != Some(false) {
                options.exists = Some(true);
            } else if is_set && call.is_word(at, "GET") {
                options.replies_old = true;
            } else if is_set && call.is_word(at, "KEEPTTL") && form.is_none() {
                options.keeps_deadline = true;
            } else if !is_set && call.is_word(at, "PERSIST") && form.is_none() {
                options.persists = true;
            } else {
                let given = match call.word(at).to_ascii_uppercase().as_slice() {
                    b"EX" => TimeForm::Seconds,
                    b"PX" => TimeForm::Milliseconds,
                    b"EXAT" => TimeForm::UnixSeconds,
                    b"PXAT" => TimeForm::UnixMilliseconds,
                    _ => return Err(CommandError::SYNTAX),
                };
                let contradicts = options.keeps_deadline || options.persists || form.is_some_and(|form| form != given);
                if contradicts || at + 1 == call.len() {
                    return Err(CommandError::SYNTAX);
                }
                options.time = Some((given, call.word(at + 1)));
                at += 1;
            }
            at += 1;
        }
        Ok(options)
    }

    fn deadline_ms(&self, call: &Call<'_>, command: &str) -> Result<Option<u64>, CommandError> {
        self.time.map(|(form, word)| form.deadline_ms(word, call.keys.now_ms(), command)).transpose()
    }
}

/// `SET key value [NX|XX] [GET] [EX seconds|PX milliseconds|EXAT unix-seconds|PXAT unix-milliseconds|KEEPTTL]`.
pub fn set(call: &mut Call<'_>) -> Outcome {
    let options = Options::parse(call, 3, true)?;
    let deadline_ms = options.deadline_ms(call, "set")?;
    let (key, value) = (call.word(1), call.word(2));
    if options.replies_old {
        reply_value(call, key)?;
    }
    let is_stored = options.exists.is_none_or(|wanted| wanted == call.keys.peek(key).is_some());
    if is_stored {
        if options.keeps_deadline {
            call.keys.replace_keeping_deadline(key, Str::new(value).into_value());
            call.keys.changed(EventClasses::STRING, "set", key);
        } else {
            store(call, key, value);
        }
        set_deadline(call, key, deadline_ms);
    }
    match (options.replies_old, is_stored) {
        (true, _) => {}
        (false, true) => return call.ok(),
        (false, false) => {
            call.reply.null();
        }
    }
    Ok(())
}

/// `SETNX key value`.
pub fn setnx(call: &mut Call<'_>) -> Outcome {
    let (key, value) = (call.word(1), call.word(2));
    let is_stored = call.keys.peek(key).is_none();
    if is_stored {
        store(call, key, value);
    }
    call.count(usize::from(is_stored))
}

/// `SETEX key seconds value`.
pub fn setex(call: &mut Call<'_>) -> Outcome {
    store_with_deadline(call, TimeForm::Seconds, "setex")
}

/// `PSETEX key milliseconds value`.
pub fn psetex(call: &mut Call<'_>) -> Outcome {
    store_with_deadline(call, TimeForm::Milliseconds, "psetex")
}

fn store_with_deadline(call: &mut Call<'_>, form: TimeForm, command: &str) -> Outcome {
    let deadline_ms = form.deadline_ms(call.word(2), call.keys.now_ms(), command)?;
    let (key, value) = (call.word(1), call.word(3));
    store(call, key, value);
    set_deadline(call, key, Some(deadline_ms));
    call.ok()
}

/// Sets a key to a string without a deadline, and says so.
fn store(call: &mut Call<'_>, key: &[u8], value: &[u8]) {
    call.keys.replace(key, Str::new(value).into_value());
    call.keys.changed(EventClasses::STRING, "set", key);
}

fn set_deadline(call: &mut Call<'_>, key: &[u8], deadline_ms: Option<u64>) {
    if deadline_ms.is_some() {
        call.keys.set_deadline(key, deadline_ms);
        call.keys.notify(EventClasses::GENERIC, "expire", key);
    }
}

/// Replies with a string, or that there is none; true if there is one.
fn reply_value(call: &mut Call<'_>, key: &[u8]) -> Result<bool, CommandError> {
    let value = call.keys.read_as::<Str>(key)?;
    match value {
        Some(value) => value.with_bytes(|bytes| {
            call.reply.bulk(bytes);
        }),
        None => {
            call.reply.null();
        }
    }
    Ok(value.is_some())
}

/// `GET key`.
pub fn get(call: &mut Call<'_>) -> Outcome {
    reply_value(call, call.word(1)).map(|_| ())
}

/// `GETEX key [EX seconds|PX milliseconds|EXAT unix-seconds|PXAT unix-milliseconds|PERSIST]`.
pub fn getex(call: &mut Call<'_>) -> Outcome {
    let options = Options::parse(call, 2, false)?;
    let key = call.word(1);
    if call.keys.read_as::<Str>(key)?.is_none() {
        call.reply.null();
        return Ok(());
    }
    let deadline_ms = options.deadline_ms(call, "getex")?;
    if let Some(Value::String(value)) = call.keys.peek(key).map(|entry| &entry.value) {
        value.with_bytes(|bytes| {
            call.reply.bulk(bytes);
        });
    }
    if let Some((form, _)) = options.time {
        if form.is_unix() && deadline_ms.is_some_and(|at| at <= call.keys.now_ms()) {
            call.keys.delete(key);
        } else {
            call.keys.touched(key);
            set_deadline(call, key, deadline_ms);
        }
    } else if options.persists && call.keys.deadline(key).is_some() {
        call.keys.set_deadline(key, None);
        call.keys.changed(EventClasses::GENERIC, "persist", key);
    }
    Ok(())
}

/// `GETDEL key`.
pub fn getdel(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    if reply_value(call, key)? {
        call.keys.delete(key);
    }
    Ok(())
}

/// `GETSET key value`.
pub fn getset(call: &mut Call<'_>) -> Outcome {
    let (key, value) = (call.word(1), call.word(2));
    reply_value(call, key)?;
    store(call, key, value);
    Ok(())
}

/// `MGET key [key ...]`.
pub fn mget(call: &mut Call<'_>) -> Outcome {
    call.reply.array(call.request.len() - 1);
    for key in call.words(1) {
        match call.keys.read(key).and_then(Str::of) {
            Some(value) => value.with_bytes(|bytes| {
                call.reply.bulk(bytes);
            }),
            None => {
                call.reply.null();
            }
        }
    }
    Ok(())
}

/// `MSET key value [key value ...]`.
pub fn mset(call: &mut Call<'_>) -> Outcome {
    check_pairs(call, "ERR wrong number of arguments for 'mset' command")?;
    store_pairs(call);
    call.ok()
}

/// `MSETNX key value [key value ...]`.
pub fn msetnx(call: &mut Call<'_>) -> Outcome {
    check_pairs(call, "ERR wrong number of arguments for 'msetnx' command")?;
    let is_stored = call.words(1).step_by(2).all(|key| call.keys.peek(key).is_none());
    if is_stored {
        store_pairs(call);
    }
    call.count(usize::from(is_stored))
}

fn check_pairs(call: &Call<'_>, text: &'static str) -> Outcome {
    if call.len().is_multiple_of(2) { Err(CommandError::new(text)) } else { Ok(()) }
}

fn store_pairs(call: &mut Call<'_>) {
    for at in (1..call.len()).step_by(2) {
        store(call, call.word(at), call.word(at + 1));
    }
}

/// `APPEND key value`.
pub fn append(call: &mut Call<'_>) -> Outcome {
    let (key, tail) = (call.word(1), call.word(2));
    let bytes_max = call.keys.keyspace.string_bytes_max;
    let len = match call.keys.write_as::<Str>(key)? {
        Some(value) => {
            check_len(value.len().checked_add(tail.len()), bytes_max)?;
            let bytes = value.bytes_mut();
            bytes.extend_from_slice(tail);
            bytes.len()
        }
        None => {
            call.keys.insert(key, Str::new(tail).into_value());
            tail.len()
        }
    };
    call.keys.changed(EventClasses::STRING, "append", key);
    call.count(len)
}

/// `STRLEN key`.
pub fn strlen(call: &mut Call<'_>) -> Outcome {
    let len = call.keys.read_as::<Str>(call.word(1))?.map_or(0, Str::len);
    call.count(len)
}

/// `GETRANGE key start end`.
pub fn getrange(call: &mut Call<'_>) -> Outcome {
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    match call.keys.read_as::<Str>(call.word(1))? {
        Some(value) => value.with_bytes(|bytes| {
            call.reply.bulk(part(bytes, start, end));
        }),
        None => {
            call.reply.bulk(b"");
        }
    }
    Ok(())
}

/// The bytes from `start` to `end`, both included; negative ones count from the end.
fn part(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return &[];
    }
    let len = bytes.len() as i64;
    let index = |at: i64| (if at < 0 { at.saturating_add(len) } else { at }).max(0);
    let (start, end) = (index(start), index(end).min(len - 1));
    if start > end { &[] } else { &bytes[start as usize..=end as usize] }
}

/// `SETRANGE key offset value`.
pub fn setrange(call: &mut Call<'_>) -> Outcome {
    let offset = call.integer(2)?;
    let offset = usize::try_from(offset).map_err(|_| CommandError::new("ERR offset is out of range"))?;
    let (key, part) = (call.word(1), call.word(3));
    let bytes_max = call.keys.keyspace.string_bytes_max;
    let before = call.keys.write_as::<Str>(key)?.map(|value| value.len());
    if part.is_empty() {
        return call.count(before.unwrap_or(0));
    }
    let end = check_len(offset.checked_add(part.len()), bytes_max)?;
    if before.is_none() {
        call.keys.insert(key, Str::Grown(Vec::new()).into_value());
    }
    let Some(value) = call.keys.write_as::<Str>(key)? else { unreachable!("the key was just seen or made") };
    let bytes = value.bytes_mut();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(part);
    let len = bytes.len();
    call.keys.changed(EventClasses::STRING, "setrange", key);
    call.count(len)
}

/// Refuses a length that no string may have.
fn check_len(len: Option<usize>, bytes_max: usize) -> Result<usize, CommandError> {
    len.filter(|len| *len <= bytes_max)
        .ok_or(CommandError::new("ERR string exceeds maximum allowed size (proto-max-bulk-len)"))
}

/// `INCR key`.
pub fn incr(call: &mut Call<'_>) -> Outcome {
    increment(call, 1)
}

/// `DECR key`.
pub fn decr(call: &mut Call<'_>) -> Outcome {
    increment(call, -1)
}

/// `INCRBY key increment`.
pub fn incrby(call: &mut Call<'_>) -> Outcome {
    let by = call.integer(2)?;
    increment(call, by)
}

/// `DECRBY key decrement`.
pub fn decrby(call: &mut Call<'_>) -> Outcome {
    let by = call.integer(2)?.checked_neg().ok_or(CommandError::new("ERR decrement would overflow"))?;
    increment(call, by)
}

fn increment(call: &mut Call<'_>, by: i64) -> Outcome {
    let key = call.word(1);
    let after = match call.keys.write_as::<Str>(key)? {
        Some(value) => {
            let before = value.integer().ok_or(CommandError::NOT_INTEGER)?;
            let after = before.checked_add(by).ok_or(OVERFLOW)?;
            *value = Str::Integer(after);
            after
        }
        None => {
            call.keys.insert(key, Str::Integer(by).into_value());
            by
        }
    };
    call.keys.changed(EventClasses::STRING, "incrby", key);
    call.reply.integer(after);
    Ok(())
}

/// `INCRBYFLOAT key increment`.
pub fn incrbyfloat(call: &mut Call<'_>) -> Outcome {
    let (key, by) = (call.word(1), call.word(2));
    let number = |text: &[u8]| LongDouble::parse(text).ok_or(CommandError::NOT_FLOAT);
    let value = call.keys.write_as::<Str>(key)?;
    let before = value.as_ref().map_or(Ok(LongDouble::default()), |value| value.with_bytes(number))?;
    let sum = before + number(by)?;
    if !sum.is_finite() {
        return Err(CommandError::new("ERR increment would produce NaN or Infinity"));
    }
    let text = sum.to_string();
    let after = Str::Bytes(text.as_bytes().into());
    match value {
        Some(value) => *value = after,
        None => call.keys.insert(key, after.into_value()),
    }
    call.keys.changed(EventClasses::STRING, "incrbyfloat", key);
    call.reply.bulk(text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests;
