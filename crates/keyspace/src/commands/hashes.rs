//! Hash commands. Source: Redis command pages, group "hash".

use fanfare_wire::Protocol;

use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::long_double::LongDouble;
use crate::number::parse_integer;
use crate::scan::{self, OwnOption, ScanOptions};
use crate::values::hash::Hash;

/// `HSET key field value [field value ...]`.
pub fn hset(call: &mut Call<'_>) -> Outcome {
    let added = set_pairs(call, "hset")?;
    call.count(added)
}

/// `HMSET key field value [field value ...]`.
pub fn hmset(call: &mut Call<'_>) -> Outcome {
    set_pairs(call, "hmset")?;
    call.ok()
}

/// Sets all fields of a request; returns how many of them are new.
fn set_pairs(call: &mut Call<'_>, command: &str) -> Result<usize, CommandError> {
    if call.len() % 2 == 1 {
        return Err(CommandError::wrong_arity(command));
    }
    let (key, limits) = (call.word(1), call.keys.limits());
    let (fields, values) = (call.words(2).step_by(2), call.words(3).step_by(2));
    let hash = call.keys.write_or_create::<Hash>(key)?;
    let mut added = 0;
    for (field, value) in fields.zip(values) {
        added += usize::from(hash.set(field, value, &limits));
        hash.lift_deadline(field);
    }
    call.keys.touched(key);
    call.keys.notify_fields("hset", key, call.words(2).step_by(2));
    Ok(added)
}

/// `HSETNX key field value`.
pub fn hsetnx(call: &mut Call<'_>) -> Outcome {
    let (key, field) = (call.word(1), call.word(2));
    let exists = call.keys.write_as::<Hash>(key)?.is_some_and(|hash| hash.contains(field));
    if !exists {
        store(call, "hset", call.word(3))?;
    }
    call.count(usize::from(!exists))
}

/// Sets the one field of a request and says so; a deadline stays.
fn store(call: &mut Call<'_>, event: &'static str, value: &[u8]) -> Outcome {
    let (key, field, limits) = (call.word(1), call.word(2), call.keys.limits());
    call.keys.write_or_create::<Hash>(key)?.set(field, value, &limits);
    call.keys.touched(key);
    call.keys.notify_fields(event, key, [field]);
    Ok(())
}

/// `HINCRBY key field increment`.
pub fn hincrby(call: &mut Call<'_>) -> Outcome {
    let (key, field) = (call.word(1), call.word(2));
    let by = call.integer(3)?;
    let number = match call.keys.write_as::<Hash>(key)?.and_then(|hash| hash.get(field)) {
        Some(text) => parse_integer(text).ok_or(CommandError::new("ERR hash value is not an integer"))?,
        None => 0,
    };
    let number = number.checked_add(by).ok_or(CommandError::new("ERR increment or decrement would overflow"))?;
    store(call, "hincrby", itoa::Buffer::new().format(number).as_bytes())?;
    call.reply.integer(number);
    Ok(())
}

/// `HINCRBYFLOAT key field increment`.
pub fn hincrbyfloat(call: &mut Call<'_>) -> Outcome {
    let (key, field) = (call.word(1), call.word(2));
    let by = LongDouble::parse(call.word(3)).ok_or(CommandError::NOT_FLOAT)?;
    if !by.is_finite() {
        return Err(CommandError::new("ERR value is NaN or Infinity"));
    }
    let number = match call.keys.write_as::<Hash>(key)?.and_then(|hash| hash.get(field)) {
        Some(text) => LongDouble::parse(text).ok_or(CommandError::new("ERR hash value is not a float"))?,
        None => LongDouble::default(),
    };
    let number = number + by;
    if !number.is_finite() {
        return Err(CommandError::new("ERR increment would produce NaN or Infinity"));
    }
    let text = number.to_string();
    store(call, "hincrbyfloat", text.as_bytes())?;
    call.reply.bulk(text.as_bytes());
    Ok(())
}

/// `HDEL key field [field ...]`.
pub fn hdel(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    let fields = call.words(2);
    let Some(hash) = call.keys.write_as::<Hash>(key)? else { return call.count(0) };
    let gone: Vec<&[u8]> = fields.filter(|field| hash.remove(field)).collect();
    if !gone.is_empty() {
        call.keys.touched(key);
        call.keys.notify_fields("hdel", key, gone.iter().copied());
        call.keys.remove_if_empty(key);
    }
    call.count(gone.len())
}

/// `HGET key field`.
pub fn hget(call: &mut Call<'_>) -> Outcome {
    let (key, field) = (call.word(1), call.word(2));
    match call.keys.read_as::<Hash>(key)?.and_then(|hash| hash.get(field)) {
        Some(value) => call.reply.bulk(value),
        None => call.reply.null(),
    };
    Ok(())
}

/// `HMGET key field [field ...]`.
pub fn hmget(call: &mut Call<'_>) -> Outcome {
    let (key, fields) = (call.word(1), call.words(2));
    let hash = call.keys.read_as::<Hash>(key)?;
    call.reply.array(fields.len());
    for field in fields {
        match hash.and_then(|hash| hash.get(field)) {
            Some(value) => call.reply.bulk(value),
            None => call.reply.null(),
        };
    }
    Ok(())
}

/// `HGETALL key`.
pub fn hgetall(call: &mut Call<'_>) -> Outcome {
    let hash = call.keys.read_as::<Hash>(call.request.get(1).unwrap_or_default())?;
    call.reply.map(hash.map_or(0, Hash::len));
    for (field, value) in hash.into_iter().flat_map(Hash::iter) {
        call.reply.bulk(field).bulk(value);
    }
    Ok(())
}

/// `HKEYS key`.
pub fn hkeys(call: &mut Call<'_>) -> Outcome {
    one_of_each(call, |field, _| field)
}

/// `HVALS key`.
pub fn hvals(call: &mut Call<'_>) -> Outcome {
    one_of_each(call, |_, value| value)
}

fn one_of_each(call: &mut Call<'_>, part: for<'h> fn(&'h [u8], &'h [u8]) -> &'h [u8]) -> Outcome {
    let hash = call.keys.read_as::<Hash>(call.request.get(1).unwrap_or_default())?;
    call.reply.array(hash.map_or(0, Hash::len));
    for (field, value) in hash.into_iter().flat_map(Hash::iter) {
        call.reply.bulk(part(field, value));
    }
    Ok(())
}

/// `HLEN key`.
pub fn hlen(call: &mut Call<'_>) -> Outcome {
    let len = call.keys.read_as::<Hash>(call.word(1))?.map_or(0, Hash::len);
    call.count(len)
}

/// `HEXISTS key field`.
pub fn hexists(call: &mut Call<'_>) -> Outcome {
    let (key, field) = (call.word(1), call.word(2));
    let exists = call.keys.read_as::<Hash>(key)?.is_some_and(|hash| hash.contains(field));
    call.count(usize::from(exists))
}

/// `HSTRLEN key field`.
pub fn hstrlen(call: &mut Call<'_>) -> Outcome {
    let (key, field) = (call.word(1), call.word(2));
    let len = call.keys.read_as::<Hash>(key)?.and_then(|hash| hash.get(field)).map_or(0, <[u8]>::len);
    call.count(len)
}

/// `HRANDFIELD key [count [WITHVALUES]]`.
pub fn hrandfield(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    if call.len() == 2 {
        let len = call.keys.read_as::<Hash>(key)?.map_or(0, Hash::len);
        let place = if len > 0 { call.keys.random().usize(..len) } else { 0 };
        match call.keys.again::<Hash>(key).and_then(|hash| hash.entry(place)) {
            Some((field, _)) => call.reply.bulk(field),
            None => call.reply.null(),
        };
        return Ok(());
    }
    let count = call.integer(2)?;
    if count == i64::MIN {
        return Err(CommandError::new(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    let with_values = call.is_word(3, "WITHVALUES");
    if call.len() > 4 || call.len() == 4 && !with_values {
        return Err(CommandError::SYNTAX);
    }
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(CommandError::new("ERR value is out of range"));
    }
    let len = call.keys.read_as::<Hash>(key)?.map_or(0, Hash::len);
    let places = if len > 0 { call.keys.draw(len, count)? } else { Vec::new() };
    let hash = call.keys.again::<Hash>(key);
    // A packed hash is walked to each place, so it is walked but once.
    let packed: Vec<_> = hash.filter(|hash| hash.is_packed()).into_iter().flat_map(Hash::iter).collect();
    let entries = places.iter().filter_map(|place| packed.get(*place).copied().or_else(|| hash?.entry(*place)));
    let is_flat = call.reply.protocol() == Protocol::Resp2;
    call.reply.array(if with_values && is_flat { 2 * places.len() } else { places.len() });
    for (field, value) in entries {
        if with_values && !is_flat {
            call.reply.array(2);
        }
        call.reply.bulk(field);
        if with_values {
            call.reply.bulk(value);
        }
    }
    Ok(())
}

/// `HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]`.
pub fn hscan(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    let cursor = scan::cursor(call.word(2))?;
    // What is wrong with the options shows only if there is something to scan.
    let options = ScanOptions::parse(call, 3, OwnOption::NoValues);
    let Some(hash) = call.keys.read_as::<Hash>(key)? else {
        scan::reply_page::<&[u8]>(&mut call.reply, 0, &[]);
        return Ok(());
    };
    let options = options?;
    let mut found = Vec::new();
    let mut visit = |(field, value)| {
        if options.wants(field) {
            found.push(field);
            found.extend((!options.no_values).then_some(value));
        }
    };
    let rest = if hash.is_packed() {
        // A small one is told at once: its entries have no places that stay.
        hash.iter().for_each(visit);
        0
    } else {
        options.walk(cursor, hash.len(), |index| hash.entry(index).into_iter().for_each(&mut visit))
    };
    scan::reply_page(&mut call.reply, rest, &found);
    Ok(())
}

#[cfg(test)]
mod tests;
