//! XGROUP, XACK and XPENDING. Source: Redis command pages, group "stream".

use super::streams::{entry_id, range_end, range_start};
use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::event::EventClasses;
use crate::values::stream::{Group, Stream, StreamId};

/// `XGROUP CREATE key group id | $ [MKSTREAM] [ENTRIESREAD entries-read]`.
pub fn xgroup_create(call: &mut Call<'_>) -> Outcome {
    let options = GroupOptions::parse(call, true)?;
    let (key, group) = (call.word(2), call.word(3));
    let end = call.keys.write_as::<Box<Stream>>(key)?.map(|stream| stream.log.last_id);
    if end.is_none() && !options.makes_stream {
        return Err(NO_STREAM);
    }
    if call.len() > 8 {
        return Err(subcommand_syntax(call));
    }
    let last_id = match call.word(4) {
        b"$" => end.unwrap_or(StreamId::MIN),
        word => entry_id(word)?,
    };
    if !call.keys.write_or_create::<Box<Stream>>(key)?.create_group(group, last_id, options.entries_read) {
        return Err(CommandError::new("BUSYGROUP Consumer Group name already exists"));
    }
    match end {
        Some(_) => call.keys.account(key),
        None => call.keys.touched(key),
    }
    call.keys.notify(EventClasses::STREAM, "xgroup-create", key);
    call.ok()
}

/// `XGROUP SETID key group id | $ [ENTRIESREAD entries-read]`.
pub fn xgroup_setid(call: &mut Call<'_>) -> Outcome {
    let options = GroupOptions::parse(call, false)?;
    let (key, name) = (call.word(2), call.word(3));
    let stream = stream_with_group(call, key, name)?;
    let end = stream.log.last_id;
    if !matches!(call.len(), 5 | 7) {
        return Err(subcommand_syntax(call));
    }
    let last_id = match call.word(4) {
        b"$" => end,
        b"-" => StreamId::MIN,
        b"+" => StreamId::MAX,
        word => entry_id(word)?,
    };
    stream_with_group(call, key, name)?.change_group(name, |_, group| {
        group.last_id = last_id;
        group.entries_read = options.entries_read;
    });
    call.keys.account(key);
    call.keys.notify(EventClasses::STREAM, "xgroup-setid", key);
    call.ok()
}

/// `XGROUP DESTROY key group`.
pub fn xgroup_destroy(call: &mut Call<'_>) -> Outcome {
    let key = call.word(2);
    let group = call.word(3);
    let is_destroyed = call.keys.write_as::<Box<Stream>>(key)?.ok_or(NO_STREAM)?.destroy_group(group);
    if is_destroyed {
        call.keys.account(key);
        call.keys.notify(EventClasses::STREAM, "xgroup-destroy", key);
    }
    call.count(usize::from(is_destroyed))
}

/// `XGROUP CREATECONSUMER key group consumer`.
pub fn xgroup_createconsumer(call: &mut Call<'_>) -> Outcome {
    let (key, name, consumer) = (call.word(2), call.word(3), call.word(4));
    let now_ms = call.keys.now_ms();
    let stream = stream_with_group(call, key, name)?;
    let is_new = stream.change_group(name, |_, group| group.create_consumer(consumer, now_ms)) == Some(true);
    if is_new {
        call.keys.account(key);
        call.keys.notify(EventClasses::STREAM, "xgroup-createconsumer", key);
    }
    call.count(usize::from(is_new))
}

/// `XGROUP DELCONSUMER key group consumer`.
pub fn xgroup_delconsumer(call: &mut Call<'_>) -> Outcome {
    let (key, name, consumer) = (call.word(2), call.word(3), call.word(4));
    let stream = stream_with_group(call, key, name)?;
    let pending = stream.change_group(name, |_, group| group.remove_consumer(consumer)).flatten();
    if pending.is_some() {
        call.keys.account(key);
        call.keys.notify(EventClasses::STREAM, "xgroup-delconsumer", key);
    }
    call.count(pending.unwrap_or(0))
}

/// `XACK key group id [id ...]`.
pub fn xack(call: &mut Call<'_>) -> Outcome {
    let (key, name) = (call.word(1), call.word(2));
    let words = call.words(3);
    let stream = call.keys.read_as::<Box<Stream>>(key)?;
    if stream.and_then(|stream| stream.group(name)).is_none() {
        return call.count(0);
    }
    let ids = words.map(entry_id).collect::<Result<Vec<_>, _>>()?;
    let stream = stream_with_group(call, key, name)?;
    let acknowledge = |group: &mut Group| ids.into_iter().filter(|id| group.forget(*id)).count();
    let count = stream.change_group(name, |_, group| acknowledge(group)).unwrap_or(0);
    if count > 0 {
        call.keys.account(key);
    }
    call.count(count)
}

/// `XPENDING key group [[IDLE min-idle-time] start end count [consumer]]`.
pub fn xpending(call: &mut Call<'_>) -> Outcome {
    let query = match call.len() {
        3 => None,
        6..=9 => Some(PendingQuery::parse(call)?),
        _ => return Err(CommandError::SYNTAX),
    };
    let (key, name) = (call.word(1), call.word(2));
    let now_ms = call.keys.now_ms();
    let group = call.keys.read_as::<Box<Stream>>(key)?.and_then(|stream| stream.group(name));
    let group = group.ok_or_else(|| no_group(key, name, ""))?;
    let reply = &mut call.reply;
    let Some(query) = query else {
        reply.array(4).integer(group.pending_len() as i64);
        let Some((first, last)) = group.pending_bounds() else {
            reply.null().null().null_array();
            return Ok(());
        };
        reply.bulk_display(first).bulk_display(last);
        let busy = group.consumers().map(|(name, consumer)| (name, consumer.pending_len()));
        let busy: Vec<_> = busy.filter(|(_, pending)| *pending > 0).collect();
        reply.array(busy.len());
        for (name, pending) in busy {
            reply.array(2).bulk(name).bulk_display(pending);
        }
        return Ok(());
    };
    let found = query.find(group, now_ms);
    reply.array(found.len());
    for id in found {
        let Some(pending) = group.pending(id) else { continue };
        reply.array(4).bulk_display(id).bulk(&pending.consumer);
        reply.integer(pending.idle_ms(now_ms) as i64).integer(pending.deliveries as i64);
    }
    Ok(())
}

/// Which pending entries XPENDING is to list.
struct PendingQuery<'a> {
    min_idle_ms: i64,
    from: StreamId,
    to: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> PendingQuery<'a> {
    fn parse(call: &Call<'a>) -> Result<Self, CommandError> {
        let (mut min_idle_ms, mut at) = (0, 3);
        if call.is_word(3, "IDLE") {
            min_idle_ms = call.integer(4)?;
            if call.len() < 8 {
                return Err(CommandError::SYNTAX);
            }
            at = 5;
        }
        let count = usize::try_from(call.integer(at + 2)?).unwrap_or(0);
        let (from, to) = (range_start(call.word(at))?, range_end(call.word(at + 1))?);
        Ok(Self { min_idle_ms, from, to, count, consumer: call.request.get(at + 3) })
    }

    fn find(&self, group: &Group, now_ms: u64) -> Vec<StreamId> {
        let matches = |id: &StreamId| {
            let idle_ms = group.pending(*id).map_or(0, |pending| pending.idle_ms(now_ms));
            i64::try_from(idle_ms).is_ok_and(|idle_ms| idle_ms >= self.min_idle_ms)
        };
        let in_range = |id: &StreamId| *id <= self.to;
        match self.consumer.map(|name| group.consumer(name)) {
            None => {
                let ids = group.pending_from(self.from).map(|(id, _)| id);
                ids.take_while(in_range).filter(matches).take(self.count).collect()
            }
            Some(consumer) => {
                let ids = consumer.into_iter().flat_map(|consumer| consumer.pending_from(self.from));
                ids.take_while(in_range).filter(matches).take(self.count).collect()
            }
        }
    }
}

/// The options of XGROUP CREATE and SETID.
struct GroupOptions {
    makes_stream: bool,
    entries_read: Option<i64>,
}

impl GroupOptions {
    fn parse(call: &Call<'_>, is_create: bool) -> Result<Self, CommandError> {
        let mut options = Self { makes_stream: false, entries_read: None };
        let mut at = 5;
        while at < call.len() {
            if is_create && call.is_word(at, "MKSTREAM") {
                options.makes_stream = true;
                at += 1;
            } else if at + 1 < call.len() && call.is_word(at, "ENTRIESREAD") {
                options.entries_read = match call.integer(at + 1)? {
                    -1 => None,
                    count if count >= 0 => Some(count),
                    _ => return Err(CommandError::new("ERR value for ENTRIESREAD must be positive or -1")),
                };
                at += 2;
            } else {
                return Err(subcommand_syntax(call));
            }
        }
        Ok(options)
    }
}

const NO_STREAM: CommandError = CommandError::new(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option \
     to create an empty stream automatically.",
);

/// A stream to be changed, which has to be there and have the group.
fn stream_with_group<'c>(call: &'c mut Call<'_>, key: &[u8], group: &[u8]) -> Result<&'c mut Stream, CommandError> {
    let stream = call.keys.write_as::<Box<Stream>>(key)?.ok_or(NO_STREAM)?;
    if stream.group(group).is_none() {
        return Err(no_group_of(key, group));
    }
    Ok(stream)
}

/// There is no such stream or no such group; `context` ends the sentence.
pub(super) fn no_group(key: &[u8], group: &[u8], context: &str) -> CommandError {
    let parts = [b"NOGROUP No such key '", key, b"' or consumer group '", group, b"'", context.as_bytes()];
    CommandError::owned(parts.concat())
}

/// The stream is there but has no such group.
pub(super) fn no_group_of(key: &[u8], group: &[u8]) -> CommandError {
    let parts = [b"NOGROUP No such consumer group '", group, b"' for key name '", key, b"'"];
    CommandError::owned(parts.concat())
}

/// The subcommand, which is the second word, does not take these words.
pub(super) fn subcommand_syntax(call: &Call<'_>) -> CommandError {
    let command = call.word(0).to_ascii_uppercase();
    let before: &[u8] = b"ERR unknown subcommand or wrong number of arguments for '";
    CommandError::owned([before, call.word(1), b"'. Try ", &command, b" HELP."].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::stream_reads::xreadgroup;
    use crate::commands::streams::xadd;
    use crate::testing::{Bench, Command};

    #[test]
    fn groups_and_consumers_come_and_go() {
        let mut bench = Bench::new();
        let no_group = "-NOGROUP No such consumer group 'x' for key name 's'";
        let no_stream = format!("-{}", NO_STREAM.text().escape_ascii());
        for (command, words, reply, events) in [
            (xgroup_create as Command, "XGROUP CREATE s g $", &*no_stream, &[][..]),
            (
                xgroup_create,
                "XGROUP CREATE s g bad MKSTREAM",
                "-ERR Invalid stream ID specified as stream command argument",
                &[],
            ),
            (xgroup_create, "XGROUP CREATE s g $ MKSTREAM", "+OK", &["new s", "xgroup-create s"]),
            (xgroup_create, "XGROUP CREATE s g $", "-BUSYGROUP Consumer Group name already exists", &[]),
            (xgroup_setid, "XGROUP SETID s g 0 ENTRIESREAD 3", "+OK", &["xgroup-setid s"]),
            (xgroup_setid, "XGROUP SETID s x 0", no_group, &[]),
            (xgroup_createconsumer, "XGROUP CREATECONSUMER s g c", ":1", &["xgroup-createconsumer s"]),
            (xgroup_createconsumer, "XGROUP CREATECONSUMER s g c", ":0", &[]),
            (xgroup_delconsumer, "XGROUP DELCONSUMER s g c", ":0", &["xgroup-delconsumer s"]),
            (xgroup_delconsumer, "XGROUP DELCONSUMER s g c", ":0", &[]),
            (xgroup_destroy, "XGROUP DESTROY s x", ":0", &[]),
            (xgroup_destroy, "XGROUP DESTROY s g", ":1", &["xgroup-destroy s"]),
            (
                xgroup_create,
                "xgroup Create s g 0 FOO",
                "-ERR unknown subcommand or wrong number of arguments for 'Create'. Try XGROUP HELP.",
                &[],
            ),
        ] {
            assert_eq!(bench.run(command, words), reply, "{words}");
            assert_eq!(bench.events(), events, "{words}");
        }
    }

    #[test]
    fn pending_entries_are_counted_and_listed() {
        let mut bench = Bench::new();
        for ms in 1..=3 {
            bench.run(xadd, &format!("XADD s {ms}-0 a b"));
        }
        bench.run(xgroup_create, "XGROUP CREATE s g 0");
        assert_eq!(bench.run(xpending, "XPENDING s g"), "*4 :0 $-1 $-1 *-1");
        bench.run(xreadgroup, "XREADGROUP GROUP g c COUNT 2 STREAMS s >");
        bench.keyspace.set_now(1_000_050);
        bench.run(xreadgroup, "XREADGROUP GROUP g d STREAMS s >");
        assert_eq!(bench.run(xpending, "XPENDING s g"), "*4 :3 $3 1-0 $3 3-0 *2 *2 $1 c $1 2 *2 $1 d $1 1");
        assert_eq!(bench.run(xpending, "XPENDING s g (1 + 9 c"), "*1 *4 $3 2-0 $1 c :50 :1");
        assert_eq!(bench.run(xpending, "XPENDING s g IDLE 1 - + 1"), "*1 *4 $3 1-0 $1 c :50 :1");
        assert_eq!(bench.run(xpending, "XPENDING s g IDLE 1 - + 9 d"), "*0");
        assert_eq!(bench.run(xpending, "XPENDING s g - +"), "-ERR syntax error");
        assert_eq!(bench.run(xgroup_delconsumer, "XGROUP DELCONSUMER s g c"), ":2");
        assert_eq!(bench.run(xpending, "XPENDING s g"), "*4 :1 $3 3-0 $3 3-0 *1 *2 $1 d $1 1");
    }
}
