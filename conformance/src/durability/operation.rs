//! What a client writes: chosen by chance and sent as requests.
//!
//! Every operation has a number, larger than those before it, that goes into what it writes; so hardly any two states
//! of a client's keys are equal, and what survives tells how far the client got.

use super::state::Bytes;
use crate::frame::{Frame, command};
use crate::rng::Rng;

/// Nothing that gets this deadline expires while the test runs.
pub(super) const FAR_SECONDS: u64 = 86_400;
/// A stream keeps that many entries.
pub(super) const STREAM_MAX: usize = 200;

/// One write; MULTI to EXEC is one.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// Counts a client's operations.
    pub(super) number: u64,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Append,
    CopyList,
    Delete(&'static [&'static str]),
    ExpireFar,
    HashCount,
    HashDelete {
        field: usize,
    },
    HashSet {
        field: usize,
    },
    Increment,
    Persist,
    Pop,
    Push,
    /// The log is to be rewritten; changes nothing.
    Rewrite,
    Score {
        member: usize,
    },
    ScoreCount {
        member: usize,
    },
    Set {
        slot: usize,
        bytes: usize,
    },
    SetAdd,
    SetFar,
    SetPop,
    SetShort {
        slot: usize,
        ms: u64,
    },
    StreamAdd,
    /// Two keys that are always equal, and an element of the list, in one MULTI and EXEC.
    Transaction,
}

impl Kind {
    /// A kind by chance: mostly small changes, sometimes a large value, rarely the end of a whole key.
    pub(super) fn choose(rng: &mut Rng) -> Self {
        const DELETED: [&[&str]; 8] =
            [&["text"], &["list"], &["hash"], &["members"], &["scores"], &["stream"], &["left", "right"], &["far"]];
        if rng.one_in(300) {
            return Self::Delete(DELETED[rng.below(DELETED.len())]);
        }
        if rng.one_in(4000) {
            return Self::Rewrite;
        }
        let bytes_max = match rng.below(400) {
            0 => 200_000,
            1..=10 => 10_000,
            _ => 10,
        };
        match rng.below(24) {
            0..=3 => Self::Set { slot: rng.below(300), bytes: 1 + rng.below(bytes_max) },
            4 | 5 => Self::SetShort { slot: rng.below(30), ms: 1 + rng.below(3000) as u64 },
            6 => Self::Append,
            7 | 8 => Self::Increment,
            9 | 10 => Self::Push,
            11 => Self::Pop,
            12 => Self::HashSet { field: rng.below(200) },
            13 => Self::HashDelete { field: rng.below(200) },
            14 => Self::HashCount,
            15 => Self::Score { member: rng.below(200) },
            16 => Self::ScoreCount { member: rng.below(200) },
            17 => Self::StreamAdd,
            18 | 19 => Self::SetAdd,
            20 => Self::SetPop,
            21 => *rng.pick(&[Self::SetFar, Self::ExpireFar, Self::Persist]),
            22 => Self::CopyList,
            _ => Self::Transaction,
        }
    }
}

/// The key of a client for a purpose.
pub(super) fn key(client: usize, name: &str) -> Bytes {
    format!("c{client}:{name}").into_bytes()
}

/// The client that a key belongs to.
pub(super) fn client_of(key: &[u8]) -> Option<usize> {
    std::str::from_utf8(key).ok()?.strip_prefix('c')?.split_once(':')?.0.parse().ok()
}

impl Operation {
    /// The number as it is written.
    pub(super) fn text(&self) -> Bytes {
        self.number.to_string().into_bytes()
    }

    /// A value of `bytes` bytes that no other operation writes, unless it is too short for that.
    pub(super) fn value(&self, bytes: usize) -> Bytes {
        format!("{}-", self.number).into_bytes().into_iter().cycle().take(bytes).collect()
    }

    /// The keys it may change.
    pub(super) fn keys(&self, client: usize) -> Vec<Bytes> {
        let names: &[&str] = match self.kind {
            Kind::Append => &["text"],
            Kind::CopyList => &["copy"],
            Kind::Delete(names) => names,
            Kind::ExpireFar | Kind::Persist | Kind::SetFar => &["far"],
            Kind::HashCount | Kind::HashDelete { .. } | Kind::HashSet { .. } => &["hash"],
            Kind::Increment => &["counter"],
            Kind::Pop | Kind::Push => &["list"],
            Kind::Rewrite => &[],
            Kind::Score { .. } | Kind::ScoreCount { .. } => &["scores"],
            Kind::Set { slot, .. } => return vec![key(client, &format!("string:{slot}"))],
            Kind::SetAdd | Kind::SetPop => &["members"],
            Kind::SetShort { slot, .. } => return vec![key(client, &format!("short:{slot}"))],
            Kind::StreamAdd => &["stream"],
            Kind::Transaction => &["left", "right", "list"],
        };
        names.iter().map(|name| key(client, name)).collect()
    }

    /// Appends the bytes of its requests; returns how many replies they get.
    pub(super) fn encode(&self, client: usize, out: &mut Vec<u8>) -> usize {
        let (c, n) = (format!("c{client}"), self.number);
        let lines = match self.kind {
            Kind::Append => format!("APPEND {c}:text {n},"),
            Kind::CopyList => format!("COPY {c}:list {c}:copy REPLACE"),
            Kind::Delete(names) => names.iter().fold("DEL".to_owned(), |line, name| format!("{line} {c}:{name}")),
            Kind::ExpireFar => format!("EXPIRE {c}:far {FAR_SECONDS}"),
            Kind::HashCount => format!("HINCRBY {c}:hash total {n}"),
            Kind::HashDelete { field } => format!("HDEL {c}:hash f{field}"),
            Kind::HashSet { field } => format!("HSET {c}:hash f{field} {n}"),
            Kind::Increment => format!("INCR {c}:counter"),
            Kind::Persist => format!("PERSIST {c}:far"),
            Kind::Pop => format!("LPOP {c}:list"),
            Kind::Push => format!("RPUSH {c}:list {n}"),
            Kind::Rewrite => "BGREWRITEAOF".to_owned(),
            Kind::Score { member } => format!("ZADD {c}:scores {n} m{member}"),
            Kind::ScoreCount { member } => format!("ZINCRBY {c}:scores 1 m{member}"),
            Kind::Set { slot, bytes } => {
                out.extend(command(&[b"SET", key(client, &format!("string:{slot}")).as_slice(), &self.value(bytes)]));
                return 1;
            }
            Kind::SetAdd => format!("SADD {c}:members {n}"),
            Kind::SetFar => format!("SET {c}:far {n}"),
            Kind::SetPop => format!("SPOP {c}:members"),
            Kind::SetShort { slot, ms } => format!("SET {c}:short:{slot} {n} PX {ms}"),
            Kind::StreamAdd => format!("XADD {c}:stream MAXLEN {STREAM_MAX} {n}-1 n {n}"),
            Kind::Transaction => format!("MULTI\nSET {c}:left {n}\nSET {c}:right {n}\nRPUSH {c}:list {n}\nEXEC"),
        };
        for line in lines.lines() {
            out.extend(command(&line.split(' ').collect::<Vec<_>>()));
        }
        lines.lines().count()
    }

    /// What is wrong with the replies to it.
    pub(super) fn complaint(&self, replies: &[Frame]) -> Option<String> {
        let is_error = |reply: &&Frame| matches!(reply, Frame::Line(b'-', _));
        let error = replies.iter().flat_map(|reply| std::iter::once(reply).chain(reply.items())).find(is_error)?;
        // A rewriting that is under way already is as good.
        (self.kind != Kind::Rewrite).then(|| format!("{:?} got {}", self.kind, error.bytes().escape_ascii()))
    }
}
