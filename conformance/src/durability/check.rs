//! Which of a client's writes have survived: those up to a point, and nothing else.

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, Instant};

use super::replay::Sent;
use super::state::{Bytes, Entry, Observed, State, Value};

/// The writes that have survived.
#[derive(Clone, Debug)]
pub(super) struct Survived {
    /// How many, from the first.
    pub(super) kept: usize,
    /// How many that were acknowledged have not.
    pub(super) lost: usize,
    /// How long before the crash the oldest of those was acknowledged.
    pub(super) loss: Duration,
}

/// What is there is not what any number of writes leads to.
#[derive(Debug)]
pub(super) struct Difference {
    client: usize,
    sent: usize,
    acknowledged: usize,
    /// The number of writes that leads closest to it.
    closest: usize,
    /// Some of the keys that differ then.
    keys: Vec<String>,
    differing: usize,
}

/// Finds out how many of the writes that were `sent` lead from `before` to what is `observed`.
///
/// # Errors
///
/// If none of them, or not the first of them up to any, do.
pub(super) fn survived(
    client: usize,
    before: &State,
    sent: &[Sent],
    observed: &Observed,
    crashed_at: Instant,
) -> Result<Survived, Difference> {
    let mut state = before.clone();
    let mut differing: HashSet<Bytes> = before
        .keys()
        .chain(observed.entries.keys())
        .filter(|&key| !observed.agrees(key, before.get(key)))
        .cloned()
        .collect();
    let (mut closest, mut fewest) = (0, differing.len());
    for (index, write) in sent.iter().enumerate() {
        write.apply(client, &mut state, observed);
        for key in write.operation.keys(client) {
            if observed.agrees(&key, state.get(&key)) {
                differing.remove(&key);
            } else {
                differing.insert(key);
            }
        }
        // Of several that fit, the last: writes between them that change nothing are not lost.
        if differing.len() <= fewest {
            (closest, fewest) = (index + 1, differing.len());
        }
    }
    let acknowledged = sent.iter().take_while(|write| write.answer.is_some()).count();
    if fewest > 0 {
        let keys = describe(client, before, &sent[..closest], observed);
        return Err(Difference { client, sent: sent.len(), acknowledged, closest, differing: fewest, keys });
    }
    let lost = acknowledged.saturating_sub(closest);
    let loss = sent[closest..acknowledged.max(closest)]
        .first()
        .and_then(|write| write.answer.as_ref())
        .map_or(Duration::ZERO, |answer| crashed_at.saturating_duration_since(answer.at));
    Ok(Survived { kept: closest, lost, loss })
}

fn describe(client: usize, before: &State, sent: &[Sent], observed: &Observed) -> Vec<String> {
    const SHOWN_MAX: usize = 5;
    let mut state = before.clone();
    for write in sent {
        write.apply(client, &mut state, observed);
    }
    let all: HashSet<&Bytes> = state.keys().chain(observed.entries.keys()).collect();
    let mut keys: Vec<&Bytes> = all.into_iter().filter(|key| !observed.agrees(key, state.get(*key))).collect();
    keys.sort();
    keys.truncate(SHOWN_MAX);
    keys.into_iter().map(|key| difference(key, state.get(key), observed)).collect()
}

/// What one key should hold and what it holds.
pub(super) fn difference(key: &[u8], should: Option<&Entry>, observed: &Observed) -> String {
    let should = should.map(|entry| (&entry.value, entry.deadline.map(|deadline| [deadline.from_ms, deadline.to_ms])));
    let is = observed.entries.get(key).map(|(value, expires_ms)| (value, expires_ms.map(|at_ms| [at_ms, at_ms])));
    let shown = |entry: Option<(&Value, Option<[u64; 2]>)>| match entry {
        None => "nothing".to_owned(),
        Some((value, None)) => value.to_string(),
        Some((value, Some([from_ms, to_ms]))) => format!("{value}, expires at {from_ms} to {to_ms}"),
    };
    format!("{}: {} instead of {} (read at {})", key.escape_ascii(), shown(is), shown(should), observed.began_ms)
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, sent, acknowledged, closest, keys, differing } = self;
        write!(
            out,
            "client {client} sent {sent} writes, {acknowledged} acknowledged; what is there is not what any number of \
             them leads to. Closest is {closest}, where {differing} keys differ:"
        )?;
        for key in keys {
            write!(out, "\n  {key}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The first and the last of `items`.
        fn ends(kind: &str, mut items: impl ExactSizeIterator<Item = Bytes> + DoubleEndedIterator) -> String {
            let count = items.len();
            let (first, last) = (items.next().unwrap_or_default(), items.next_back().unwrap_or_default());
            format!("{kind} of {count} [{} .. {}]", first.escape_ascii(), last.escape_ascii())
        }
        let pair = |(left, right): (&Bytes, &Bytes)| [left.as_slice(), b"=", right].concat();
        let text = match self {
            Self::Hash(fields) => ends("hash", fields.iter().map(pair)),
            Self::List(list) => ends("list", list.iter().cloned()),
            Self::Set(members) => ends("set", members.iter().cloned()),
            Self::SortedSet(scores) => ends("sorted set", scores.iter().map(pair)),
            Self::Stream(entries) => ends("stream", entries.iter().map(|(id, field)| pair((id, field)))),
            Self::String(bytes) if bytes.len() <= 60 => format!("\"{}\"", bytes.escape_ascii()),
            Self::String(bytes) => {
                let (front, back) = (&bytes[..20], &bytes[bytes.len() - 20..]);
                format!("\"{} .. {}\" of {} bytes", front.escape_ascii(), back.escape_ascii(), bytes.len())
            }
        };
        out.write_str(&text)
    }
}

#[cfg(test)]
mod tests;
