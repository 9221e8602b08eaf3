//! The requests that make a key again: a save of all keys is a list of them.
//!
//! Executed at the time 0 on an empty database they make all that a client can see of a key, but for when and how often
//! it was used. What the commands choose by the size of a value they choose anew, so one that was larger before may come
//! back in the encoding of small ones: OBJECT ENCODING says so then, a set may list integers in another order, and a
//! sorted set has but one zero. Likewise the entries of a stream share the nodes anew.

mod stream;
#[cfg(test)]
pub(crate) mod tests;

use fanfare_wire::{Protocol, ReplyWriter};

use crate::database::NO_DEADLINE;
use crate::values::Value;
use crate::values::hash::Hash;
use crate::values::set::Member;
use crate::values::sorted_set::SortedSet;
use crate::values::string::Str;

/// How many elements a request has at most.
const ELEMENTS_MAX: usize = 512;
/// How many bytes its elements have, unless it is one that is larger.
const ELEMENTS_BYTES_MAX: usize = 64 << 10;

/// Appends the requests that make `key` again; its deadline is [`NO_DEADLINE`] if it has none.
pub(crate) fn append_key(out: &mut Vec<u8>, key: &[u8], value: &Value, deadline_ms: u64) {
    match value {
        Value::String(string) => return append_string(out, key, string, deadline_ms),
        Value::List(list) => {
            append_elements(out, list.iter(), |to, count| _ = to.array(2 + count).bulk(b"RPUSH").bulk(key));
        }
        Value::Set(set) => {
            append_elements(out, set.iter(), |to, count| _ = to.array(2 + count).bulk(b"SADD").bulk(key));
        }
        Value::Hash(hash) => append_hash(out, key, hash),
        Value::SortedSet(set) => append_sorted_set(out, key, set),
        Value::Stream(stream) => stream::append_stream(out, key, stream),
    }
    if deadline_ms != NO_DEADLINE {
        request(out, 3).bulk(b"PEXPIREAT").bulk(key).bulk_display(deadline_ms);
    }
}

fn append_string(out: &mut Vec<u8>, key: &[u8], string: &Str, deadline_ms: u64) {
    let has_deadline = deadline_ms != NO_DEADLINE;
    let mut set = request(out, if has_deadline { 5 } else { 3 });
    set.bulk(b"SET").bulk(key);
    string.with_bytes(|bytes| _ = set.bulk(bytes));
    if has_deadline {
        set.bulk(b"PXAT").bulk_display(deadline_ms);
    }
}

fn append_hash(out: &mut Vec<u8>, key: &[u8], hash: &Hash) {
    append_elements(out, hash.iter(), |to, count| _ = to.array(2 + 2 * count).bulk(b"HSET").bulk(key));
    let mut deadlines = hash.deadlines().peekable();
    while let Some(&(deadline_ms, _)) = deadlines.peek() {
        let same = std::iter::from_fn(|| deadlines.next_if(|(own, _)| *own == deadline_ms));
        append_elements(out, same.map(|(_, field)| field), |to, count| {
            to.array(5 + count).bulk(b"HPEXPIREAT").bulk(key).bulk_display(deadline_ms);
            to.bulk(b"FIELDS").bulk_display(count);
        });
    }
}

fn append_sorted_set(out: &mut Vec<u8>, key: &[u8], set: &SortedSet) {
    append_elements(out, set.iter(), |to, count| _ = to.array(2 + 2 * count).bulk(b"ZADD").bulk(key));
    if set.is_packed() {
        return;
    }
    // A large set knows -0, but it is small until its members have come. Once it is large, only a new member can have
    // that score, as it is no change of 0; each goes by itself, so that the set does not become empty and small again.
    let zeros = set.partition_point(|score, _| score < 0.0)..set.partition_point(|score, _| score <= 0.0);
    for (member, zero) in set.range(zeros).filter(|(_, zero)| zero.is_sign_negative()) {
        request(out, 3).bulk(b"ZREM").bulk(key).bulk(member);
        request(out, 4).bulk(b"ZADD").bulk(key).bulk_double(zero).bulk(member);
    }
}

/// Begins a request of so many words, which looks as a reply does that is an array of strings.
fn request(out: &mut Vec<u8>, words: usize) -> ReplyWriter<'_> {
    let mut request = ReplyWriter::new(out, Protocol::Resp2);
    request.array(words);
    request
}

/// Appends requests for all elements, some for each; `begin` writes the words in front of so many of them.
fn append_elements<E: Element>(
    out: &mut Vec<u8>,
    elements: impl Iterator<Item = E>,
    begin: impl Fn(&mut ReplyWriter<'_>, usize),
) {
    let mut request = ReplyWriter::new(out, Protocol::Resp2);
    // The number of words comes first, and how many fit is known behind them only.
    let (mut batch, mut bytes) = (Vec::new(), 0);
    let mut write = |batch: &mut Vec<E>| {
        begin(&mut request, batch.len());
        batch.drain(..).for_each(|element| element.write(&mut request));
    };
    for element in elements {
        let is_full = batch.len() == ELEMENTS_MAX || bytes + element.byte_len() > ELEMENTS_BYTES_MAX;
        if is_full && !batch.is_empty() {
            write(&mut batch);
            bytes = 0;
        }
        bytes += element.byte_len();
        batch.push(element);
    }
    if !batch.is_empty() {
        write(&mut batch);
    }
}

/// A part of a value, one or two words of a request.
trait Element {
    /// Its bytes, about.
    fn byte_len(&self) -> usize;
    fn write(&self, request: &mut ReplyWriter<'_>);
}

/// An element of a list, a field of a hash.
impl Element for &[u8] {
    fn byte_len(&self) -> usize {
        self.len()
    }

    fn write(&self, request: &mut ReplyWriter<'_>) {
        request.bulk(self);
    }
}

/// A member of a set.
impl Element for Member<'_> {
    fn byte_len(&self) -> usize {
        match self {
            Self::Integer(_) => size_of::<i64>(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    fn write(&self, request: &mut ReplyWriter<'_>) {
        self.with_bytes(|bytes| _ = request.bulk(bytes));
    }
}

/// A field of a hash with its value.
impl Element for (&[u8], &[u8]) {
    fn byte_len(&self) -> usize {
        self.0.len() + self.1.len()
    }

    fn write(&self, request: &mut ReplyWriter<'_>) {
        request.bulk(self.0).bulk(self.1);
    }
}

/// A member of a sorted set with its score, which is the first of the two words.
impl Element for (&[u8], f64) {
    fn byte_len(&self) -> usize {
        self.0.len() + size_of::<f64>()
    }

    fn write(&self, request: &mut ReplyWriter<'_>) {
        request.bulk_double(self.1).bulk(self.0);
    }
}
