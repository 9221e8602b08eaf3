//! All that a server holds, read back and compared key by key.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

use super::reply::Reply;
use crate::connection::Connection;
use crate::frame::Frame;

/// As many as both servers have.
const DATABASES: usize = 16;

/// Fields of XINFO STREAM that a restart may change: how a stream lies in memory; and when a consumer was seen, which no
/// log has if it got nothing then.
const PASSING_FIELDS: [&[u8]; 3] = [b"radix-tree-keys", b"radix-tree-nodes", b"seen-time"];

/// Whose contents are compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Between {
    /// The reference and the server under test, which got the same commands a moment apart.
    Servers,
    /// The server under test before and after a restart, to which nothing was sent: times are equal too.
    Restart,
}

/// Where two servers, or two states of one, differ, and how both show it.
pub(super) type Difference = (String, [Vec<u8>; 2]);

/// A key's database and name.
type Name = (usize, Vec<u8>);

/// The keys of all databases.
#[derive(Debug)]
pub(super) struct Contents(BTreeMap<Name, Key>);

/// What a client can see of a key.
#[derive(Debug)]
struct Key {
    /// The answer of TYPE.
    kind: Vec<u8>,
    /// The answer of PEXPIRETIME.
    deadline: Frame,
    /// All elements; of a stream also its groups, their consumers and what is pending.
    value: Frame,
}

impl Contents {
    /// Reads everything. Sequences make keys that expire long ago or long from now, so none is gone meanwhile.
    pub(super) fn read(address: SocketAddr) -> Result<Self> {
        let mut connection = Connection::open(address)?;
        let mut all = BTreeMap::new();
        for database in 0..DATABASES {
            connection.call(&["SELECT", &database.to_string()])?;
            let names = connection.call(&["KEYS", "*"])?;
            let names: Vec<&[u8]> = names.items().iter().map(Frame::bytes).collect();
            for (name, key) in names.iter().zip(read(&mut connection, &names)?) {
                all.insert((database, name.to_vec()), key);
            }
        }
        Ok(Self(all))
    }

    /// The first key that differs, as it is here and there.
    pub(super) fn difference(&self, other: &Self, between: Between) -> Option<Difference> {
        let names = self.0.keys().chain(other.0.keys());
        names.map(|name| (name, [self.0.get(name), other.0.get(name)])).find_map(|((database, name), keys)| {
            let same = matches!(keys, [Some(left), Some(right)] if left.is_like(right, between));
            let place = || format!("key \"{}\" of database {database}", name.escape_ascii());
            (!same).then(|| (place(), keys.map(|key| key.map_or(b"<no key>".to_vec(), Key::shown))))
        })
    }
}

impl Key {
    fn is_like(&self, other: &Self, between: Between) -> bool {
        let deadline = if between == Between::Servers { Reply::About } else { Reply::Exact };
        let value = match self.kind.as_slice() {
            b"set" => Reply::Unordered,
            b"hash" => Reply::UnorderedPairs,
            b"zset" => Reply::Doubles,
            b"stream" if between == Between::Servers => Reply::StreamInfo,
            _ => Reply::Exact,
        };
        self.kind == other.kind
            && deadline.allows(&self.deadline, &other.deadline, false)
            && value.allows(&self.value, &other.value, false)
    }

    fn shown(&self) -> Vec<u8> {
        let mut out = [b"TYPE ", self.kind.as_slice(), b" PEXPIRETIME "].concat();
        self.deadline.encode(&mut out);
        self.value.encode(&mut out);
        out
    }
}

fn read(connection: &mut Connection, names: &[&[u8]]) -> Result<Vec<Key>> {
    let kinds = connection.call_all(names.iter().map(|name| vec![b"TYPE", *name]))?;
    let values = connection.call_all(names.iter().zip(&kinds).map(|(name, kind)| match kind.bytes() {
        b"list" => vec![b"LRANGE".as_slice(), name, b"0", b"-1"],
        b"set" => vec![b"SMEMBERS".as_slice(), name],
        b"hash" => vec![b"HGETALL".as_slice(), name],
        b"zset" => vec![b"ZRANGE".as_slice(), name, b"0", b"-1", b"WITHSCORES"],
        b"stream" => vec![b"XINFO".as_slice(), b"STREAM", name, b"FULL", b"COUNT", b"0"],
        _ => vec![b"GET".as_slice(), name],
    }))?;
    let deadlines = connection.call_all(names.iter().map(|name| vec![b"PEXPIRETIME".as_slice(), *name]))?;
    let mut keys = Vec::new();
    for (((name, kind), mut value), deadline) in names.iter().zip(kinds).zip(values).zip(deadlines) {
        let has_value = matches!(value, Frame::Aggregate(..) | Frame::Bulk(..));
        ensure!(has_value, "reading {}, a {kind:?}: {value:?}", name.escape_ascii());
        deadline.integer().with_context(|| format!("{deadline:?} in answer to PEXPIRETIME"))?;
        if kind.bytes() == b"stream" {
            value.remove_fields(&PASSING_FIELDS);
        }
        keys.push(Key { kind: kind.bytes().to_vec(), deadline, value });
    }
    Ok(keys)
}
