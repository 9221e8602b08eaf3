//! What was sent, done once more to the keys as they should be.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::operation::{FAR_SECONDS, Kind, Operation, STREAM_MAX, key};
use super::state::{Bytes, Deadline, Entry, Observed, State, Value};

/// A server may take its time of day once for many requests, a little before they arrived.
const CLOCK_AGE_MAX_MS: u64 = 250;

/// An operation and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) operation: Operation,
    pub(super) at_ms: u64,
    /// `None` as long as it was not acknowledged.
    pub(super) answer: Option<Answer>,
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) at: Instant,
    pub(super) at_ms: u64,
    /// What SPOP took.
    pub(super) popped: Option<Bytes>,
}

impl Sent {
    /// Does it to the keys as they should be.
    ///
    /// A member that SPOP took without anyone being told is one of those that `observed` does not have.
    pub(super) fn apply(&self, client: usize, state: &mut State, observed: &Observed) {
        let Self { operation, .. } = self;
        let keys = operation.keys(client);
        let Some(first) = keys.first() else { return };
        let (number, text) = (operation.number, operation.text());
        match operation.kind {
            Kind::Append => {
                let Value::String(bytes) = held(state, first, || Value::String(Vec::new())) else { unreachable!() };
                bytes.extend(text);
                bytes.push(b',');
            }
            Kind::CopyList => {
                if let Some(list) = state.get(&key(client, "list")).cloned() {
                    state.insert(first.clone(), list);
                }
            }
            Kind::Delete(_) => state.retain(|key, _| !keys.contains(key)),
            Kind::ExpireFar => {
                if let Some(entry) = state.get_mut(first) {
                    entry.deadline = Some(self.deadline(FAR_SECONDS * 1000, observed));
                }
            }
            Kind::HashCount => add(fields(state, first), "total", number),
            Kind::HashDelete { field } => {
                fields(state, first).remove(format!("f{field}").as_bytes());
            }
            Kind::HashSet { field } => {
                fields(state, first).insert(format!("f{field}").into_bytes(), text);
            }
            Kind::Increment => {
                let Value::String(bytes) = held(state, first, || Value::String(b"0".to_vec())) else { unreachable!() };
                *bytes = (integer(bytes) + 1).to_string().into_bytes();
            }
            Kind::Persist => {
                if let Some(entry) = state.get_mut(first) {
                    entry.deadline = None;
                }
            }
            Kind::Pop => {
                list(state, first).pop_front();
            }
            Kind::Push => list(state, first).push_back(text),
            Kind::Rewrite => {}
            Kind::Score { member } => {
                scores(state, first).insert(format!("m{member}").into_bytes(), text);
            }
            Kind::ScoreCount { member } => add(scores(state, first), &format!("m{member}"), 1),
            Kind::Set { bytes, .. } => set(state, first, operation.value(bytes), None),
            Kind::SetAdd => {
                let Value::Set(members) = held(state, first, || Value::Set(Default::default())) else { unreachable!() };
                members.insert(text);
            }
            Kind::SetFar => set(state, first, text, None),
            Kind::SetPop => self.pop_member(first, state, observed),
            Kind::SetShort { ms, .. } => set(state, first, text, Some(self.deadline(ms, observed))),
            Kind::StreamAdd => {
                let Value::Stream(entries) = held(state, first, || Value::Stream(VecDeque::new())) else {
                    unreachable!()
                };
                entries.push_back((format!("{number}-1").into_bytes(), text));
                entries.drain(..entries.len().saturating_sub(STREAM_MAX));
            }
            Kind::Transaction => {
                set(state, &keys[0], text.clone(), None);
                set(state, &keys[1], text.clone(), None);
                list(state, &keys[2]).push_back(text);
            }
        }
        // A collection without anything in it is no key.
        for key in keys {
            if state.get(&key).is_some_and(|entry| entry.value.is_empty()) {
                state.remove(&key);
            }
        }
    }

    fn pop_member(&self, key: &[u8], state: &mut State, observed: &Observed) {
        let Some(Entry { value: Value::Set(members), .. }) = state.get_mut(key) else { return };
        let taken = match &self.answer {
            Some(answer) => answer.popped.clone(),
            None => members.iter().find(|member| !observed.has_member(key, member)).or(members.first()).cloned(),
        };
        if let Some(member) = taken {
            members.remove(&member);
        }
    }

    /// The deadline that it set, `after_ms` from when it ran.
    fn deadline(&self, after_ms: u64, observed: &Observed) -> Deadline {
        let done_ms = self.answer.as_ref().map_or(observed.began_ms, |answer| answer.at_ms);
        Deadline {
            from_ms: self.at_ms.saturating_sub(CLOCK_AGE_MAX_MS) + after_ms,
            // Times are cut to milliseconds.
            to_ms: done_ms + after_ms + 1,
        }
    }
}

/// What a key holds; each key has one type for ever, so whoever asks knows which.
fn held<'a>(state: &'a mut State, key: &[u8], empty: impl FnOnce() -> Value) -> &'a mut Value {
    &mut state.entry(key.to_vec()).or_insert_with(|| Entry { value: empty(), deadline: None }).value
}

fn set(state: &mut State, key: &[u8], value: Bytes, deadline: Option<Deadline>) {
    state.insert(key.to_vec(), Entry { value: Value::String(value), deadline });
}

fn list<'a>(state: &'a mut State, key: &[u8]) -> &'a mut VecDeque<Bytes> {
    let Value::List(list) = held(state, key, || Value::List(VecDeque::new())) else { unreachable!() };
    list
}

fn fields<'a>(state: &'a mut State, key: &[u8]) -> &'a mut BTreeMap<Bytes, Bytes> {
    let Value::Hash(fields) = held(state, key, || Value::Hash(BTreeMap::new())) else { unreachable!() };
    fields
}

fn scores<'a>(state: &'a mut State, key: &[u8]) -> &'a mut BTreeMap<Bytes, Bytes> {
    let Value::SortedSet(scores) = held(state, key, || Value::SortedSet(BTreeMap::new())) else { unreachable!() };
    scores
}

fn add(numbers: &mut BTreeMap<Bytes, Bytes>, name: &str, more: u64) {
    let number = numbers.entry(name.as_bytes().to_vec()).or_insert_with(|| b"0".to_vec());
    *number = (integer(number) + more).to_string().into_bytes();
}

fn integer(text: &[u8]) -> u64 {
    // Written by this module only.
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}
