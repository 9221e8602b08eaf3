//! Reading back everything that a server holds.

use std::collections::VecDeque;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

use super::operation::client_of;
use super::state::{Bytes, Observed, Value, now_ms};
use super::{DATABASES, database_of};
use crate::connection::Connection;
use crate::frame::Frame;

/// Reads everything back, by client.
///
/// # Errors
///
/// If there is a key that no client writes, or the server does not answer as it should.
pub(super) fn observe(address: SocketAddr, clients: usize) -> Result<Vec<Observed>> {
    let mut connection = Connection::open(address)?;
    let mut all = vec![Observed { began_ms: now_ms(), ..Observed::default() }; clients];
    for database in 0..DATABASES {
        connection.call(&["SELECT", &database.to_string()])?;
        let keys: Vec<Bytes> =
            connection.call(&["KEYS", "*"])?.items().iter().map(|key| key.bytes().to_vec()).collect();
        for keys in keys.chunks(100) {
            for (key, (value, expires_ms)) in keys.iter().zip(read(&mut connection, keys)?) {
                let client = client_of(key).filter(|&client| client < clients && database_of(client) == database);
                let client =
                    client.with_context(|| format!("nobody writes {} in db {database}", key.escape_ascii()))?;
                if let Some(value) = value {
                    all[client].entries.insert(key.clone(), (value, expires_ms));
                }
            }
        }
    }
    let ended_ms = now_ms();
    for observed in &mut all {
        observed.ended_ms = ended_ms;
    }
    Ok(all)
}

/// The values of some keys, `None` if one has expired meanwhile, and when they expire.
fn read(connection: &mut Connection, keys: &[Bytes]) -> Result<Vec<(Option<Value>, Option<u64>)>> {
    let types = connection.call_all(keys.iter().map(|key| vec![b"TYPE".as_slice(), key]))?;
    let reads = keys.iter().zip(&types).map(|(key, kind)| match kind.bytes() {
        b"hash" => vec![b"HGETALL".as_slice(), key.as_slice()],
        b"list" => vec![b"LRANGE".as_slice(), key, b"0", b"-1"],
        b"set" => vec![b"SMEMBERS".as_slice(), key],
        b"stream" => vec![b"XRANGE".as_slice(), key, b"-", b"+"],
        b"zset" => vec![b"ZRANGE".as_slice(), key, b"0", b"-1", b"WITHSCORES"],
        _ => vec![b"GET".as_slice(), key],
    });
    let values = connection.call_all(reads)?;
    // After the values: a key that is still there was there then.
    let times = connection.call_all(keys.iter().map(|key| vec![b"PEXPIRETIME".as_slice(), key]))?;
    let mut read = Vec::new();
    for (((key, kind), value), time) in keys.iter().zip(&types).zip(values).zip(times) {
        let time = time.integer().with_context(|| format!("{time:?} in answer to PEXPIRETIME"))?;
        let value = match time {
            -2 => None,
            _ => Some(value_of(kind.bytes(), &value).with_context(|| format!("reading {}", key.escape_ascii()))?),
        };
        read.push((value, u64::try_from(time).ok()));
    }
    Ok(read)
}

fn value_of(kind: &[u8], reply: &Frame) -> Result<Value> {
    let items = || reply.items().iter().map(|item| item.bytes().to_vec());
    let pairs = || reply.items().chunks_exact(2).map(|pair| (pair[0].bytes().to_vec(), pair[1].bytes().to_vec()));
    let value = match kind {
        b"hash" => Value::Hash(pairs().collect()),
        b"list" => Value::List(items().collect()),
        b"set" => Value::Set(items().collect()),
        b"zset" => Value::SortedSet(pairs().collect()),
        b"stream" => {
            let mut entries = VecDeque::new();
            for entry in reply.items() {
                let [id, fields] = entry.items() else { anyhow::bail!("{entry:?} is no entry of a stream") };
                let [_, field] = fields.items() else { anyhow::bail!("{fields:?} is not one field") };
                entries.push_back((id.bytes().to_vec(), field.bytes().to_vec()));
            }
            Value::Stream(entries)
        }
        _ => {
            ensure!(matches!(reply, Frame::Bulk(b'$', _)), "{reply:?} is no string");
            Value::String(reply.bytes().to_vec())
        }
    };
    Ok(value)
}
