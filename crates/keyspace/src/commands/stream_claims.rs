//! XCLAIM and XAUTOCLAIM. Source: Redis command pages, group "stream".

use super::stream_groups::no_group;
use super::streams::{entry_id, range_start, write_entry};
use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::event::EventClasses;
use crate::number;
use crate::values::stream::{Group, Log, Stream, StreamId};

/// How many pending entries XAUTOCLAIM looks at for each one that it may claim.
const LOOKS_PER_CLAIM: usize = 10;

/// `XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-ms] [RETRYCOUNT count] [FORCE] [JUSTID]
/// [LASTID id]`.
pub fn xclaim(call: &mut Call<'_>) -> Outcome {
    let (key, name, consumer) = (call.word(1), call.word(2), call.word(3));
    check_group(call, key, name)?;
    let min_idle_ms = min_idle(call.word(4), "XCLAIM")?;
    let ids: Vec<_> = call.words(5).map_while(|word| entry_id(word).ok()).collect();
    let options = ClaimOptions::parse(call, 5 + ids.len())?;
    let now_ms = call.keys.now_ms();
    let delivered_ms = options.delivered_ms.filter(|ms| *ms <= now_ms).unwrap_or(now_ms);
    let claimed = claim(call, key, name, consumer, |log, group| {
        group.last_id = group.last_id.max(options.last_id);
        let mut claimed = Vec::new();
        for id in ids {
            if log.get(id).is_none() {
                group.forget(id);
                continue;
            }
            let deliveries = match group.pending(id) {
                Some(pending) if pending.idle_ms(now_ms) < min_idle_ms => continue,
                Some(pending) => pending.deliveries,
                None if options.is_forced => 1,
                None => continue,
            };
            let one_more = deliveries.wrapping_add(u64::from(!options.only_ids));
            group.assign(id, consumer, delivered_ms, options.deliveries.unwrap_or(one_more));
            claimed.push(id);
        }
        claimed
    })?;
    write_claimed(call, key, &claimed, options.only_ids)
}

/// `XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]`.
pub fn xautoclaim(call: &mut Call<'_>) -> Outcome {
    let (key, name, consumer) = (call.word(1), call.word(2), call.word(3));
    // The look-up counts even if the words turn out to be wrong; what it finds does not matter until then.
    let group_is_there = check_group(call, key, name);
    let min_idle_ms = min_idle(call.word(4), "XAUTOCLAIM")?;
    let start = range_start(call.word(5))?;
    let (mut count, mut only_ids) = (100, false);
    let mut at = 6;
    while at < call.len() {
        if at + 1 < call.len() && call.is_word(at, "COUNT") {
            at += 1;
            // Redis's greatest count: this many identifiers take all memory that can be addressed.
            count = match number::parse_integer(call.word(at)) {
                Some(count @ 1..=0x07ff_ffff_ffff_ffff) => count as usize,
                _ => return Err(CommandError::new("ERR COUNT must be > 0")),
            };
        } else if call.is_word(at, "JUSTID") {
            only_ids = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 1;
    }
    group_is_there?;
    let now_ms = call.keys.now_ms();
    let mut deleted = Vec::new();
    let mut next = Some(start);
    let claimed = claim(call, key, name, consumer, |log, group| {
        let mut claimed = Vec::new();
        for _ in 0..count.saturating_mul(LOOKS_PER_CLAIM) {
            if claimed.len() + deleted.len() == count {
                break;
            }
            let Some((id, pending)) = next.and_then(|from| group.pending_from(from).next()) else { break };
            next = id.next();
            if log.get(id).is_none() {
                group.forget(id);
                deleted.push(id);
            } else if pending.idle_ms(now_ms) >= min_idle_ms {
                let deliveries = pending.deliveries.wrapping_add(u64::from(!only_ids));
                group.assign(id, consumer, now_ms, deliveries);
                claimed.push(id);
            }
        }
        next = next.and_then(|from| group.pending_from(from).next()).map(|(id, _)| id);
        claimed
    })?;
    call.reply.array(3).bulk_display(next.unwrap_or(StreamId::MIN));
    write_claimed(call, key, &claimed, only_ids)?;
    call.reply.array(deleted.len());
    for id in deleted {
        call.reply.bulk_display(id);
    }
    Ok(())
}

/// Lets `choose` give entries to a consumer, which is made if it is new.
fn claim(
    call: &mut Call<'_>,
    key: &[u8],
    name: &[u8],
    consumer: &[u8],
    choose: impl FnOnce(&Log, &mut Group) -> Vec<StreamId>,
) -> Result<Vec<StreamId>, CommandError> {
    let now_ms = call.keys.now_ms();
    let stream = call.keys.write_as::<Box<Stream>>(key)?.ok_or_else(|| no_group(key, name, ""))?;
    let chosen = stream.change_group(name, |log, group| {
        let is_new = group.see_consumer(consumer, now_ms);
        let claimed = choose(log, group);
        if !claimed.is_empty() {
            group.mark_active(consumer, now_ms);
        }
        (is_new, claimed)
    });
    let (is_new, claimed) = chosen.ok_or_else(|| no_group(key, name, ""))?;
    call.keys.account(key);
    if is_new {
        call.keys.notify(EventClasses::STREAM, "xgroup-createconsumer", key);
    }
    Ok(claimed)
}

fn write_claimed(call: &mut Call<'_>, key: &[u8], claimed: &[StreamId], only_ids: bool) -> Outcome {
    call.reply.array(claimed.len());
    let Some(stream) = call.keys.write_as::<Box<Stream>>(key)? else { return Ok(()) };
    for id in claimed {
        match stream.log.get(*id) {
            Some(entry) if !only_ids => write_entry(&mut call.reply, &entry),
            _ => _ = call.reply.bulk_display(id),
        }
    }
    Ok(())
}

fn check_group(call: &mut Call<'_>, key: &[u8], name: &[u8]) -> Result<(), CommandError> {
    let stream = call.keys.read_as::<Box<Stream>>(key)?;
    let group = stream.and_then(|stream| stream.group(name));
    group.map(|_| ()).ok_or_else(|| no_group(key, name, ""))
}

/// The time for which an entry has to have been idle to be claimed.
fn min_idle(word: &[u8], command: &str) -> Result<u64, CommandError> {
    let ms = number::parse_integer(word);
    let ms = ms.ok_or_else(|| CommandError::owned(format!("ERR Invalid min-idle-time argument for {command}")))?;
    Ok(u64::try_from(ms).unwrap_or(0))
}

/// What stands behind the identifiers of XCLAIM.
struct ClaimOptions {
    /// When the entries are to count as delivered; `None` for now.
    delivered_ms: Option<u64>,
    deliveries: Option<u64>,
    last_id: StreamId,
    is_forced: bool,
    only_ids: bool,
}

impl ClaimOptions {
    fn parse(call: &Call<'_>, first: usize) -> Result<Self, CommandError> {
        let mut options =
            Self { delivered_ms: None, deliveries: None, last_id: StreamId::MIN, is_forced: false, only_ids: false };
        let mut at = first;
        while at < call.len() {
            let has_more = at + 1 < call.len();
            let value = |option: &str| {
                let text = || CommandError::owned(format!("ERR Invalid {option} option argument for XCLAIM"));
                number::parse_integer(call.word(at + 1)).ok_or_else(text)
            };
            if call.is_word(at, "FORCE") {
                options.is_forced = true;
            } else if call.is_word(at, "JUSTID") {
                options.only_ids = true;
            } else if has_more && call.is_word(at, "IDLE") {
                let before = (call.keys.now_ms() as i64).checked_sub(value("IDLE")?);
                options.delivered_ms = before.and_then(|ms| u64::try_from(ms).ok());
                at += 1;
            } else if has_more && call.is_word(at, "TIME") {
                options.delivered_ms = u64::try_from(value("TIME")?).ok();
                at += 1;
            } else if has_more && call.is_word(at, "RETRYCOUNT") {
                options.deliveries = u64::try_from(value("RETRYCOUNT")?).ok();
                at += 1;
            } else if has_more && call.is_word(at, "LASTID") {
                options.last_id = entry_id(call.word(at + 1))?;
                at += 1;
            } else {
                let text = [b"ERR Unrecognized XCLAIM option '", call.word(at), b"'"].concat();
                return Err(CommandError::owned(text));
            }
            at += 1;
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::stream_groups::{xgroup_create, xpending};
    use crate::commands::stream_reads::xreadgroup;
    use crate::commands::streams::{xadd, xdel};
    use crate::testing::{Bench, Command};

    /// Three entries, all pending at `c` for 100 ms; the second is deleted.
    fn bench() -> Bench {
        let mut bench = Bench::new();
        for ms in 1..=3 {
            bench.run(xadd, &format!("XADD s {ms}-0 a b"));
        }
        bench.run(xgroup_create, "XGROUP CREATE s g 0");
        bench.run(xreadgroup, "XREADGROUP GROUP g c STREAMS s >");
        bench.run(xdel, "XDEL s 2-0");
        bench.keyspace.set_now(1_000_100);
        bench.events();
        bench
    }

    #[test]
    fn what_lay_idle_is_claimed_and_what_is_gone_is_forgotten() {
        for (command, words, reply, pending) in [
            (
                xclaim as Command,
                "XCLAIM s g d 101 1-0 3-0",
                "*0",
                "*3 *4 $3 1-0 $1 c :100 :1 *4 $3 2-0 $1 c :100 :1 *4 $3 3-0 $1 c :100 :1",
            ),
            (
                xclaim,
                "XCLAIM s g d 100 1-0 2-0",
                "*1 *2 $3 1-0 *2 $1 a $1 b",
                "*2 *4 $3 1-0 $1 d :0 :2 *4 $3 3-0 $1 c :100 :1",
            ),
            (
                xclaim,
                "XCLAIM s g d 0 3-0 2-0 JUSTID IDLE 40",
                "*1 $3 3-0",
                "*2 *4 $3 1-0 $1 c :100 :1 *4 $3 3-0 $1 d :40 :1",
            ),
            (
                xclaim,
                "XCLAIM s g d 0 2-0 3-0 RETRYCOUNT 7 TIME 1000001",
                "*1 *2 $3 3-0 *2 $1 a $1 b",
                "*2 *4 $3 1-0 $1 c :100 :1 *4 $3 3-0 $1 d :99 :7",
            ),
            (
                xautoclaim,
                "XAUTOCLAIM s g d 0 - JUSTID",
                "*3 $3 0-0 *2 $3 1-0 $3 3-0 *1 $3 2-0",
                "*2 *4 $3 1-0 $1 d :0 :1 *4 $3 3-0 $1 d :0 :1",
            ),
            (
                xautoclaim,
                "XAUTOCLAIM s g d 0 (1-0 COUNT 1",
                "*3 $3 3-0 *0 *1 $3 2-0",
                "*2 *4 $3 1-0 $1 c :100 :1 *4 $3 3-0 $1 c :100 :1",
            ),
        ] {
            let mut bench = bench();
            assert_eq!(bench.run(command, words), reply, "{words}");
            assert_eq!(bench.events(), ["xgroup-createconsumer s"], "{words}");
            assert_eq!(bench.run(xpending, "XPENDING s g - + 9"), pending, "{words}");
        }
    }

    #[test]
    fn force_claims_what_was_not_pending() {
        let mut bench = bench();
        bench.run(xadd, "XADD s 4-0 a b");
        assert_eq!(bench.run(xclaim, "XCLAIM s g d 0 4-0"), "*0");
        assert_eq!(bench.run(xclaim, "XCLAIM s g d 0 4-0 9-0 FORCE JUSTID"), "*1 $3 4-0");
        assert_eq!(bench.run(xpending, "XPENDING s g 4 + 9"), "*1 *4 $3 4-0 $1 d :0 :1");
    }

    #[test]
    fn refusals() {
        let mut bench = bench();
        for (command, words, error) in [
            (xclaim as Command, "XCLAIM s x d 0 1-0", "NOGROUP No such key 's' or consumer group 'x'"),
            (xclaim, "XCLAIM s g d x 1-0", "ERR Invalid min-idle-time argument for XCLAIM"),
            (xclaim, "XCLAIM s g d 0 1-0 FOO", "ERR Unrecognized XCLAIM option 'FOO'"),
            (xclaim, "XCLAIM s g d 0 1-0 IDLE x", "ERR Invalid IDLE option argument for XCLAIM"),
            (xautoclaim, "XAUTOCLAIM s g d 0 - COUNT 0", "ERR COUNT must be > 0"),
            (
                xautoclaim,
                "XAUTOCLAIM s g d 0 (18446744073709551615-18446744073709551615",
                "ERR invalid start ID for the interval",
            ),
        ] {
            assert_eq!(bench.run(command, words), format!("-{error}"), "{words}");
        }
    }
}
