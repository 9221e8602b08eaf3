//! XINFO. Source: Redis command pages, group "stream".

use fanfare_wire::ReplyWriter;

use super::stream_groups::{no_group_of, subcommand_syntax};
use super::streams::{write_entries, write_entry};
use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::values::stream::{Consumer, Group, Log, Stream, StreamId};

/// `XINFO STREAM key [FULL [COUNT count]]`.
pub fn xinfo_stream(call: &mut Call<'_>) -> Outcome {
    let key = call.word(2);
    let full = FullOptions::parse(call);
    let stream = call.keys.read_as::<Box<Stream>>(key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let full = full?;
    let (log, reply) = (&stream.log, &mut call.reply);
    reply.map(if full.is_some() { 9 } else { 10 });
    reply.bulk(b"length").integer(log.len() as i64);
    // A node of the log is what Redis keeps in a key of its radix tree; how those share their nodes it alone knows.
    reply.bulk(b"radix-tree-keys").integer(log.nodes() as i64);
    reply.bulk(b"radix-tree-nodes").integer(log.nodes() as i64 + 1);
    reply.bulk(b"last-generated-id").bulk_display(log.last_id);
    reply.bulk(b"max-deleted-entry-id").bulk_display(log.max_deleted_id);
    reply.bulk(b"entries-added").integer(log.entries_added as i64);
    reply.bulk(b"recorded-first-entry-id").bulk_display(log.first_id());
    let Some(FullOptions { count }) = full else {
        reply.bulk(b"groups").integer(stream.groups().len() as i64);
        let mut all = log.range(StreamId::MIN, StreamId::MAX);
        let mut last = log.range(StreamId::MIN, StreamId::MAX).rev();
        for (name, entry) in [("first-entry", all.next()), ("last-entry", last.next())] {
            reply.bulk(name.as_bytes());
            match entry {
                Some(entry) => write_entry(reply, &entry),
                None => _ = reply.null(),
            }
        }
        return Ok(());
    };
    reply.bulk(b"entries");
    write_entries(reply, log.range(StreamId::MIN, StreamId::MAX).take(count));
    reply.bulk(b"groups").array(stream.groups().len());
    for (name, group) in stream.groups() {
        write_group_in_full(reply, name, group, log, count);
    }
    Ok(())
}

/// `XINFO GROUPS key`.
pub fn xinfo_groups(call: &mut Call<'_>) -> Outcome {
    let stream = call.keys.read_as::<Box<Stream>>(call.word(2))?.ok_or(CommandError::NO_SUCH_KEY)?;
    let reply = &mut call.reply;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6).bulk(b"name").bulk(name);
        reply.bulk(b"consumers").integer(group.consumers().len() as i64);
        reply.bulk(b"pending").integer(group.pending_len() as i64);
        write_progress(reply, group, &stream.log);
    }
    Ok(())
}

/// `XINFO CONSUMERS key group`.
pub fn xinfo_consumers(call: &mut Call<'_>) -> Outcome {
    let (key, name) = (call.word(2), call.word(3));
    let now_ms = call.keys.now_ms();
    let stream = call.keys.read_as::<Box<Stream>>(key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let group = stream.group(name).ok_or_else(|| no_group_of(key, name))?;
    let reply = &mut call.reply;
    reply.array(group.consumers().len());
    for (name, consumer) in group.consumers() {
        reply.map(4).bulk(b"name").bulk(name);
        reply.bulk(b"pending").integer(consumer.pending_len() as i64);
        reply.bulk(b"idle").integer(now_ms.saturating_sub(consumer.seen_ms) as i64);
        let inactive_ms = consumer.active_ms.map_or(-1, |active_ms| now_ms.saturating_sub(active_ms) as i64);
        reply.bulk(b"inactive").integer(inactive_ms);
    }
    Ok(())
}

/// `FULL [COUNT count]`: how many entries to show of the stream and of what is pending.
struct FullOptions {
    count: usize,
}

impl FullOptions {
    fn parse(call: &Call<'_>) -> Result<Option<Self>, CommandError> {
        let count = match call.len() {
            3 => return Ok(None),
            4 if call.is_word(3, "FULL") => 10,
            6 if call.is_word(3, "FULL") && call.is_word(4, "COUNT") => match call.integer(5)? {
                0 => usize::MAX,
                count => usize::try_from(count).unwrap_or(10),
            },
            _ => return Err(subcommand_syntax(call)),
        };
        Ok(Some(Self { count }))
    }
}

/// How far a group has come, the part that both forms of XINFO show of it.
fn write_progress(reply: &mut ReplyWriter<'_>, group: &Group, log: &Log) {
    reply.bulk(b"last-delivered-id").bulk_display(group.last_id);
    for (name, count) in [("entries-read", group.entries_read), ("lag", group.lag(log))] {
        reply.bulk(name.as_bytes());
        match count {
            Some(count) => reply.integer(count),
            None => reply.null(),
        };
    }
}

fn write_group_in_full(reply: &mut ReplyWriter<'_>, name: &[u8], group: &Group, log: &Log, count: usize) {
    reply.map(7).bulk(b"name").bulk(name);
    write_progress(reply, group, log);
    reply.bulk(b"pel-count").integer(group.pending_len() as i64);
    reply.bulk(b"pending").array(group.pending_len().min(count));
    for (id, pending) in group.pending_from(StreamId::MIN).take(count) {
        reply.array(4).bulk_display(id).bulk(&pending.consumer);
        reply.integer(pending.delivered_ms as i64).integer(pending.deliveries as i64);
    }
    reply.bulk(b"consumers").array(group.consumers().len());
    for (name, consumer) in group.consumers() {
        write_consumer_in_full(reply, name, consumer, group, count);
    }
}

fn write_consumer_in_full(reply: &mut ReplyWriter<'_>, name: &[u8], consumer: &Consumer, group: &Group, count: usize) {
    reply.map(5).bulk(b"name").bulk(name);
    reply.bulk(b"seen-time").integer(consumer.seen_ms as i64);
    reply.bulk(b"active-time").integer(consumer.active_ms.map_or(-1, |ms| ms as i64));
    reply.bulk(b"pel-count").integer(consumer.pending_len() as i64);
    reply.bulk(b"pending").array(consumer.pending_len().min(count));
    for id in consumer.pending_from(StreamId::MIN).take(count) {
        let (delivered_ms, deliveries) =
            group.pending(id).map_or((0, 0), |pending| (pending.delivered_ms, pending.deliveries));
        reply.array(3).bulk_display(id).integer(delivered_ms as i64).integer(deliveries as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::stream_groups::{xgroup_create, xgroup_createconsumer};
    use crate::commands::stream_reads::xreadgroup;
    use crate::commands::streams::{xadd, xdel};
    use crate::testing::Bench;

    /// `name value` of a reply whose strings are `$len text`.
    fn field(reply: &str, name: &str) -> String {
        let (_, rest) = reply.split_once(&format!(" {name} ")).unwrap_or_else(|| panic!("{name} in {reply}"));
        let mut words = rest.split(' ');
        let first = words.next().unwrap();
        if first.starts_with('$') && first != "$-1" { words.next().unwrap().into() } else { first.into() }
    }

    #[test]
    fn lag_is_known_until_entries_are_deleted_ahead() {
        let mut bench = Bench::new();
        for ms in 1..=5 {
            bench.run(xadd, &format!("XADD s {ms}-0 a b"));
        }
        bench.run(xgroup_create, "XGROUP CREATE s g 0");
        let progress = |bench: &mut Bench| {
            let reply = bench.run(xinfo_groups, "XINFO GROUPS s");
            (field(&reply, "entries-read"), field(&reply, "lag"))
        };
        assert_eq!(progress(&mut bench), ("$-1".into(), ":5".into()));
        bench.run(xreadgroup, "XREADGROUP GROUP g c COUNT 2 STREAMS s >");
        assert_eq!(progress(&mut bench), (":2".into(), ":3".into()));
        bench.run(xdel, "XDEL s 4-0");
        assert_eq!(progress(&mut bench), (":2".into(), "$-1".into()));
        bench.run(xreadgroup, "XREADGROUP GROUP g c STREAMS s >");
        assert_eq!(progress(&mut bench), (":5".into(), ":0".into()));
    }

    #[test]
    fn what_is_kept_is_shown() {
        let mut bench = Bench::new();
        for ms in 1..=12 {
            bench.run(xadd, &format!("XADD s {ms}-0 a b"));
        }
        bench.run(xdel, "XDEL s 1-0");
        bench.run(xgroup_create, "XGROUP CREATE s g 0");
        bench.run(xgroup_createconsumer, "XGROUP CREATECONSUMER s g quiet");
        bench.run(xreadgroup, "XREADGROUP GROUP g c STREAMS s >");
        bench.keyspace.set_now(1_000_100);
        let reply = bench.run(xinfo_stream, "XINFO STREAM s");
        for (name, value) in [
            ("length", ":11"),
            ("last-generated-id", "12-0"),
            ("max-deleted-entry-id", "1-0"),
            ("entries-added", ":12"),
            ("recorded-first-entry-id", "2-0"),
            ("groups", ":1"),
        ] {
            assert_eq!(field(&reply, name), value, "{name}");
        }
        let reply = bench.run(xinfo_stream, "XINFO STREAM s FULL");
        assert_eq!((field(&reply, "entries"), field(&reply, "pel-count")), ("*10".into(), ":11".into()));
        let reply = bench.run(xinfo_stream, "XINFO STREAM s FULL COUNT 0");
        assert_eq!((field(&reply, "entries"), field(&reply, "pending")), ("*11".into(), "*11".into()));
        let consumer = "*8 $4 name $1 c $7 pending :11 $4 idle :100 $8 inactive :100";
        let quiet = "*8 $4 name $5 quiet $7 pending :0 $4 idle :100 $8 inactive :-1";
        assert_eq!(bench.run(xinfo_consumers, "XINFO CONSUMERS s g"), format!("*2 {consumer} {quiet}"));
        assert_eq!(bench.run(xinfo_stream, "XINFO STREAM none"), "-ERR no such key");
    }
}
