//! Requests of a save that no client can send: they make what no other command makes without taking note of the time.

use super::stream_groups::no_group;
use super::streams::entry_id;
use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::values::stream::{Group, Stream};

/// The name of [`xconsumer`].
pub const XCONSUMER: &str = "_XCONSUMER";
/// The name of [`xpending`].
pub const XPENDING: &str = "_XPENDING";

/// `_XCONSUMER key group consumer seen-unix-ms active-unix-ms`: a consumer; -1 for one that never got anything.
pub fn xconsumer(call: &mut Call<'_>) -> Outcome {
    let (consumer, seen_ms, active_ms) = (call.word(3), call.integer(4)?, call.integer(5)?);
    change_group(call, |group| {
        group.see_consumer(consumer, seen_ms.cast_unsigned());
        if let Ok(active_ms) = u64::try_from(active_ms) {
            group.mark_active(consumer, active_ms);
        }
        Ok(())
    })
}

/// `_XPENDING key group consumer id delivered-unix-ms deliveries`: an entry that a consumer has not acknowledged, whether
/// it is still in the stream or not.
pub fn xpending(call: &mut Call<'_>) -> Outcome {
    let (consumer, id) = (call.word(3), entry_id(call.word(4))?);
    let (delivered_ms, deliveries) = (call.integer(5)?.cast_unsigned(), call.integer(6)?.cast_unsigned());
    change_group(call, |group| {
        group.consumer(consumer).ok_or(CommandError::new("ERR no such consumer"))?;
        group.assign(id, consumer, delivered_ms, deliveries);
        Ok(())
    })
}

fn change_group(call: &mut Call<'_>, change: impl FnOnce(&mut Group) -> Outcome) -> Outcome {
    let (key, name) = (call.word(1), call.word(2));
    let stream = call.keys.write_as::<Box<Stream>>(key)?;
    let changed = stream.and_then(|stream| stream.change_group(name, |_, group| change(group)));
    changed.ok_or_else(|| no_group(key, name, ""))??;
    call.keys.account(key);
    call.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::stream_groups::xgroup_create;
    use crate::commands::stream_info::{xinfo_consumers, xinfo_stream};
    use crate::commands::streams::xadd;
    use crate::testing::{Bench, Command};

    #[test]
    fn a_consumer_has_the_times_and_entries_that_are_told() {
        let mut bench = Bench::new();
        bench.run(xgroup_create, "XGROUP CREATE s g 0 MKSTREAM");
        bench.events();
        let before = bench.keyspace.used_bytes();
        assert_eq!(bench.run(xconsumer, "_XCONSUMER s g a 999990 999980"), "+OK");
        assert_eq!(bench.run(xconsumer, "_XCONSUMER s g b 999970 -1"), "+OK");
        assert_eq!(bench.run(xpending, "_XPENDING s g a 1-1 999900 7"), "+OK");
        // So it is shown to clients, since one can count beyond 63 bits.
        assert_eq!(bench.run(xpending, "_XPENDING s g a 2-1 999900 -9223372036854775808"), "+OK");
        let a = "*8 $4 name $1 a $7 pending :2 $4 idle :10 $8 inactive :20";
        let b = "*8 $4 name $1 b $7 pending :0 $4 idle :30 $8 inactive :-1";
        assert_eq!(bench.run(xinfo_consumers, "XINFO CONSUMERS s g"), format!("*2 {a} {b}"));
        let full = bench.run(xinfo_stream, "XINFO STREAM s FULL");
        let pending = "*2 *4 $3 1-1 $1 a :999900 :7 *4 $3 2-1 $1 a :999900 :-9223372036854775808";
        assert!(full.contains(pending), "{full}");
        assert!(bench.keyspace.used_bytes() > before);
        assert_eq!(bench.events(), [""; 0]);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let mut bench = Bench::new();
        bench.run(xadd, "XADD s 1-1 a b");
        bench.run(xgroup_create, "XGROUP CREATE s g 0");
        for (command, words, error) in [
            (xconsumer as Command, "_XCONSUMER s x a 1 1", "NOGROUP No such key 's' or consumer group 'x'"),
            (xconsumer, "_XCONSUMER t g a 1 1", "NOGROUP No such key 't' or consumer group 'g'"),
            (xconsumer, "_XCONSUMER s g a 1", "ERR value is not an integer or out of range"),
            (xpending, "_XPENDING s g a 1-1 1 1", "ERR no such consumer"),
            (xpending, "_XPENDING s g a x 1 1", "ERR Invalid stream ID specified as stream command argument"),
        ] {
            assert_eq!(bench.run(command, words), format!("-{error}"), "{words}");
        }
    }
}
