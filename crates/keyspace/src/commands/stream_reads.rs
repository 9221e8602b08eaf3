//! XREAD and XREADGROUP. Source: Redis command pages, group "stream".

use fanfare_wire::{Protocol, ReplyWriter};

use super::stream_groups::no_group;
use super::streams::{entry_id, write_entries, write_entry};
use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::event::EventClasses;
use crate::values::stream::{Group, Log, Stream, StreamId};

/// `XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]`.
pub fn xread(call: &mut Call<'_>) -> Outcome {
    let options = ReadOptions::parse(call, false)?;
    let mut after = Vec::with_capacity(options.streams);
    for index in 0..options.streams {
        let (key, word) = (call.word(options.key(index)), call.word(options.id(index)));
        let stream = call.keys.read_as::<Box<Stream>>(key)?;
        after.push(match word {
            b"$" => stream.map_or(StreamId::MIN, |stream| stream.log.last_id),
            b">" => {
                return Err(CommandError::new(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> \
                     option.",
                ));
            }
            word => entry_id(word)?,
        });
    }
    let mut served = Vec::new();
    for (index, after) in after.into_iter().enumerate() {
        // Looked up once more, as in Redis: it shows in the counts of hits and misses and in their events.
        let stream = call.keys.read_as::<Box<Stream>>(call.word(options.key(index)))?;
        let newer = after.next().zip(stream).and_then(|(from, stream)| stream.log.range(from, StreamId::MAX).next());
        served.extend(newer.map(|entry| (index, entry.id)));
    }
    if served.is_empty() {
        return nothing_to_read(call, &options);
    }
    write_header(&mut call.reply, served.len());
    for (index, from) in served {
        let key = call.word(options.key(index));
        write_key(&mut call.reply, key);
        if let Some(stream) = call.keys.write_as::<Box<Stream>>(key)? {
            write_entries(&mut call.reply, stream.log.range(from, StreamId::MAX).take(options.count));
        }
    }
    Ok(())
}

/// `XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]`.
pub fn xreadgroup(call: &mut Call<'_>) -> Outcome {
    let options = ReadOptions::parse(call, true)?;
    let (group, consumer) = (call.word(options.group), call.word(options.group + 1));
    let mut after = Vec::with_capacity(options.streams);
    for index in 0..options.streams {
        let (key, word) = (call.word(options.key(index)), call.word(options.id(index)));
        let stream = call.keys.read_as::<Box<Stream>>(key)?;
        if stream.and_then(|stream| stream.group(group)).is_none() {
            return Err(no_group(key, group, " in XREADGROUP with GROUP option"));
        }
        after.push(match word {
            b"$" => {
                return Err(CommandError::new(
                    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
                     consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just \
                     return an empty result set.",
                ));
            }
            b">" => StreamId::MAX,
            word => entry_id(word)?,
        });
    }
    let now_ms = call.keys.now_ms();
    let mut served = Vec::new();
    for (index, after) in after.into_iter().enumerate() {
        let key = call.word(options.key(index));
        call.keys.read(key);
        let Some(stream) = call.keys.write_as::<Box<Stream>>(key)? else { continue };
        let given = stream.change_group(group, |log, group| {
            let is_new = group.see_consumer(consumer, now_ms);
            (is_new, give(log, group, consumer, after, &options, now_ms))
        });
        let Some((is_new, given)) = given else { continue };
        if is_new {
            call.keys.notify(EventClasses::STREAM, "xgroup-createconsumer", key);
        }
        if is_new || given.is_some() {
            call.keys.account(key);
        }
        served.extend(given.map(|given| (index, given)));
    }
    if served.is_empty() {
        return nothing_to_read(call, &options);
    }
    write_header(&mut call.reply, served.len());
    for (index, given) in served {
        let key = call.word(options.key(index));
        write_key(&mut call.reply, key);
        let Some(stream) = call.keys.write_as::<Box<Stream>>(key)? else { continue };
        call.reply.array(given.len());
        for id in given {
            match stream.log.get(id) {
                Some(entry) => write_entry(&mut call.reply, &entry),
                // It is still pending but was deleted: that much can be told.
                None => _ = call.reply.array(2).bulk_display(id).null_array(),
            }
        }
    }
    Ok(())
}

/// Gives a consumer its pending entries behind `after` once more, or new ones if that is the greatest identifier;
/// `None` if there are no new ones.
fn give(
    log: &Log,
    group: &mut Group,
    consumer: &[u8],
    after: StreamId,
    options: &ReadOptions,
    now_ms: u64,
) -> Option<Vec<StreamId>> {
    if let Some(from) = after.next() {
        let history = group.consumer(consumer).into_iter().flat_map(|consumer| consumer.pending_from(from));
        let ids: Vec<_> = history.take(options.count).collect();
        for &id in ids.iter().filter(|id| log.get(**id).is_some()) {
            let deliveries = group.pending(id).map_or(0, |pending| pending.deliveries);
            group.assign(id, consumer, now_ms, deliveries.wrapping_add(1));
        }
        return Some(ids);
    }
    let new = log.range(group.last_id.next()?, StreamId::MAX).take(options.count);
    let ids: Vec<_> = new.map(|entry| entry.id).collect();
    for &id in &ids {
        group.advance(id, log);
        if options.needs_ack {
            group.assign(id, consumer, now_ms, 1);
            group.mark_active(consumer, now_ms);
        }
    }
    (!ids.is_empty()).then_some(ids)
}

/// What to read: positions of words, and how.
struct ReadOptions {
    /// The word with the group's name, the consumer's is behind it; 0 in XREAD.
    group: usize,
    count: usize,
    /// BLOCK was given.
    blocks: bool,
    /// Not NOACK.
    needs_ack: bool,
    first_key: usize,
    streams: usize,
}

impl ReadOptions {
    fn parse(call: &Call<'_>, is_group: bool) -> Result<Self, CommandError> {
        let mut options =
            Self { group: 0, count: usize::MAX, blocks: false, needs_ack: true, first_key: 0, streams: 0 };
        let group_only = |option: &str| {
            let text = format!("ERR The {option} option is only supported by XREADGROUP. You called XREAD instead.");
            if is_group { Ok(()) } else { Err(CommandError::owned(text)) }
        };
        let mut at = 1;
        while at < call.len() {
            let more = call.len() - at - 1;
            if more > 0 && call.is_word(at, "BLOCK") {
                at += 1;
                timeout(call.word(at), call.keys.now_ms())?;
                options.blocks = true;
            } else if more > 0 && call.is_word(at, "COUNT") {
                at += 1;
                options.count = match usize::try_from(call.integer(at)?) {
                    Ok(count) if count > 0 => count,
                    _ => usize::MAX,
                };
            } else if more > 0 && call.is_word(at, "STREAMS") {
                if !more.is_multiple_of(2) {
                    let (command, sign) = if is_group { ("xreadgroup", '>') } else { ("xread", '$') };
                    return Err(CommandError::owned(format!(
                        "ERR Unbalanced '{command}' list of streams: for each stream key an ID or '{sign}' must be \
                         specified."
                    )));
                }
                options.first_key = at + 1;
                options.streams = more / 2;
                break;
            } else if more >= 2 && call.is_word(at, "GROUP") {
                group_only("GROUP")?;
                options.group = at + 1;
                at += 2;
            } else if call.is_word(at, "NOACK") {
                group_only("NOACK")?;
                options.needs_ack = false;
            } else {
                return Err(CommandError::SYNTAX);
            }
            at += 1;
        }
        if options.streams == 0 {
            return Err(CommandError::SYNTAX);
        }
        if is_group && options.group == 0 {
            return Err(CommandError::new("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(options)
    }

    const fn key(&self, index: usize) -> usize {
        self.first_key + index
    }

    const fn id(&self, index: usize) -> usize {
        self.first_key + self.streams + index
    }
}

/// Checks a time to wait, in milliseconds.
fn timeout(word: &[u8], now_ms: u64) -> Result<(), CommandError> {
    let Some(ms) = crate::number::parse_integer(word) else {
        return Err(CommandError::new("ERR timeout is not an integer or out of range"));
    };
    match u64::try_from(ms) {
        Err(_) => Err(CommandError::new("ERR timeout is negative")),
        Ok(ms) if ms > i64::MAX as u64 - now_ms.min(i64::MAX as u64) => {
            Err(CommandError::new("ERR timeout is out of range"))
        }
        Ok(_) => Ok(()),
    }
}

/// Ends a command that has nothing to give, at once: as if the time to wait was over.
fn nothing_to_read(call: &mut Call<'_>, options: &ReadOptions) -> Outcome {
    if options.blocks && !call.in_transaction {
        return Err(CommandError::new("ERR BLOCK is not served: this release does not wait for entries"));
    }
    call.reply.null_array();
    Ok(())
}

/// Begins a reply of several streams.
fn write_header(reply: &mut ReplyWriter<'_>, streams: usize) {
    match reply.protocol() {
        Protocol::Resp2 => reply.array(streams),
        Protocol::Resp3 => reply.map(streams),
    };
}

/// Begins the part of one stream.
fn write_key(reply: &mut ReplyWriter<'_>, key: &[u8]) {
    if reply.protocol() == Protocol::Resp2 {
        reply.array(2);
    }
    reply.bulk(key);
}

#[cfg(test)]
mod tests {
    use fanfare_wire::Protocol;

    use super::*;
    use crate::commands::stream_groups::{xack, xgroup_create};
    use crate::commands::streams::{xadd, xdel};
    use crate::testing::Bench;

    fn bench() -> Bench {
        let mut bench = Bench::new();
        bench.run(xadd, "XADD s 1-0 a b");
        bench.run(xadd, "XADD s 2-0 c d");
        bench.run(xgroup_create, "XGROUP CREATE s g 0");
        bench.events();
        bench
    }

    #[test]
    fn what_is_newer_is_read() {
        let mut bench = bench();
        let second = "*1 *2 $3 2-0 *2 $1 c $1 d";
        assert_eq!(bench.run(xread, "XREAD STREAMS s 1-0"), format!("*1 *2 $1 s {second}"));
        assert_eq!(bench.run(xread, "XREAD STREAMS s $"), "*-1");
        assert_eq!(bench.run(xread, "XREAD COUNT 1 STREAMS none s 0 1"), format!("*1 *2 $1 s {second}"));
        bench.protocol = Protocol::Resp3;
        assert_eq!(bench.run(xread, "XREAD STREAMS s 1-0"), format!("%1 $1 s {second}"));
    }

    #[test]
    fn blocking_is_refused_unless_a_transaction_would_not_wait_anyway() {
        let mut bench = bench();
        let read = "XREAD BLOCK 0 STREAMS s $";
        assert_eq!(bench.run(xread, read), "-ERR BLOCK is not served: this release does not wait for entries");
        assert!(bench.run(xread, "XREAD BLOCK 0 STREAMS s 0").starts_with("*1"));
        assert_eq!(bench.run(xread, "XREAD BLOCK -1 STREAMS s 0"), "-ERR timeout is negative");
        bench.in_transaction = true;
        assert_eq!(bench.run(xread, read), "*-1");
    }

    #[test]
    fn a_group_shares_out_and_remembers_until_acknowledged() {
        let mut bench = bench();
        let (first, second) = ("*2 $3 1-0 *2 $1 a $1 b", "*2 $3 2-0 *2 $1 c $1 d");
        let read = |bench: &mut Bench, rest: &str| bench.run(xreadgroup, &format!("XREADGROUP GROUP g {rest}"));
        assert_eq!(read(&mut bench, "c COUNT 1 STREAMS s >"), format!("*1 *2 $1 s *1 {first}"));
        assert_eq!(bench.events(), ["xgroup-createconsumer s"]);
        assert_eq!(read(&mut bench, "d STREAMS s s > >"), format!("*1 *2 $1 s *1 {second}"));
        assert_eq!(read(&mut bench, "d STREAMS s >"), "*-1");
        assert_eq!(read(&mut bench, "c STREAMS s 0"), format!("*1 *2 $1 s *1 {first}"));
        bench.run(xdel, "XDEL s 1-0");
        assert_eq!(read(&mut bench, "c STREAMS s 0"), "*1 *2 $1 s *1 *2 $3 1-0 *-1");
        assert_eq!(bench.run(xack, "XACK s g 1-0 1-0 9-9"), ":1");
        assert_eq!(read(&mut bench, "c STREAMS s 0"), "*1 *2 $1 s *0");
        let missing = "-NOGROUP No such key 't' or consumer group 'g' in XREADGROUP with GROUP option";
        assert_eq!(read(&mut bench, "c STREAMS t >"), missing);
    }
}
