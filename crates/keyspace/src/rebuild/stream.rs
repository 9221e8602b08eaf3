//! The requests that make a stream again.

use super::request;
use crate::commands::restore::{XCONSUMER, XPENDING};
use crate::values::stream::{Group, Log, Stream, StreamId};

/// Appends the requests that make a stream again, its groups and all that these remember.
pub(super) fn append_stream(out: &mut Vec<u8>, key: &[u8], stream: &Stream) {
    append_log(out, key, &stream.log);
    for (name, group) in stream.groups() {
        append_group(out, key, name, group);
    }
}

fn append_log(out: &mut Vec<u8>, key: &[u8], log: &Log) {
    for entry in log.range(StreamId::MIN, StreamId::MAX) {
        let strings = entry.strings();
        let mut xadd = request(out, 3 + strings.len());
        xadd.bulk(b"XADD").bulk(key).bulk_display(entry.id);
        strings.for_each(|string| _ = xadd.bulk(string));
    }
    if log.len() == 0 {
        // No command makes just an empty stream; this entry is trimmed at once.
        request(out, 7).bulk(b"XADD").bulk(key).bulk(b"MAXLEN").bulk(b"0").bulk(b"0-1").bulk(b"").bulk(b"");
    }
    // A client can tell XSETID so large a number that it does not take what it has become since.
    let entries_added = log.entries_added.min(i64::MAX as u64);
    let mut xsetid = request(out, 7);
    xsetid.bulk(b"XSETID").bulk(key).bulk_display(log.last_id);
    xsetid.bulk(b"ENTRIESADDED").bulk_display(entries_added).bulk(b"MAXDELETEDID").bulk_display(log.max_deleted_id);
}

fn append_group(out: &mut Vec<u8>, key: &[u8], name: &[u8], group: &Group) {
    // Negative is what has become too large, as with ENTRIESADDED.
    let entries_read = group.entries_read.filter(|count| *count >= 0);
    let mut create = request(out, if entries_read.is_some() { 7 } else { 5 });
    create.bulk(b"XGROUP").bulk(b"CREATE").bulk(key).bulk(name).bulk_display(group.last_id);
    if let Some(count) = entries_read {
        create.bulk(b"ENTRIESREAD").bulk_display(count);
    }
    for (consumer, of_consumer) in group.consumers() {
        let active_ms = of_consumer.active_ms.map_or(-1, u64::cast_signed);
        let mut restore = request(out, 6);
        restore.bulk(XCONSUMER.as_bytes()).bulk(key).bulk(name).bulk(consumer);
        restore.bulk_display(of_consumer.seen_ms.cast_signed()).bulk_display(active_ms);
    }
    for (id, pending) in group.pending_from(StreamId::MIN) {
        let mut restore = request(out, 7);
        restore.bulk(XPENDING.as_bytes()).bulk(key).bulk(name).bulk(&pending.consumer).bulk_display(id);
        restore.bulk_display(pending.delivered_ms.cast_signed()).bulk_display(pending.deliveries.cast_signed());
    }
}
