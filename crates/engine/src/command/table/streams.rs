//! Streams and their consumer groups.

use super::super::{
    Argument as A, ArgumentKind as K, Categories as C, CommandId as Id, CommandSpec, Flags, Group, KeyFlags, KeySpec,
};

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec::new("xadd", Id::Xadd, -5, Group::Stream, "5.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::STREAM)
        .summary("Add an entry to a stream")
        .complexity("O(1), or O(N) when trimming with N the number of entries dropped")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE]).notes("May drop other entries when trimming")])
        .arguments(&[
            A::key("key", 0),
            A::word("nomkstream", "NOMKSTREAM").since("6.2.0").optional(),
            A::new("trim", K::Block).optional().parts(&[
                A::new("strategy", K::OneOf)
                    .parts(&[A::word("maxlen", "MAXLEN"), A::word("minid", "MINID").since("6.2.0")]),
                A::new("operator", K::OneOf).optional().parts(&[A::word("equal", "="), A::word("approximately", "~")]),
                A::new("threshold", K::String),
                A::new("count", K::Integer).token("LIMIT").since("6.2.0").optional(),
            ]),
            A::new("id_or_auto", K::OneOf).parts(&[A::word("auto_id", "*"), A::new("id", K::String)]),
            A::new("field_value", K::Block).multiple().parts(&[A::new("field", K::String), A::new("value", K::String)]),
        ]),
    CommandSpec::new("xlen", Id::Xlen, 2, Group::Stream, "5.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::STREAM)
        .summary("Tell how many entries a stream has")
        .keys(&[KeySpec::index(1, key_flags![RO])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("xrange", Id::Xrange, -4, Group::Stream, "5.0.0")
        .flags(flags![READONLY])
        .categories(C::STREAM)
        .summary("List the entries between two ids")
        .complexity("O(N) with N the number of entries returned")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("start", K::String),
            A::new("end", K::String),
            A::new("count", K::Integer).token("COUNT").optional(),
        ]),
    CommandSpec::new("xrevrange", Id::Xrevrange, -4, Group::Stream, "5.0.0")
        .flags(flags![READONLY])
        .categories(C::STREAM)
        .summary("List the entries between two ids, the newest first")
        .complexity("O(N) with N the number of entries returned")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("end", K::String),
            A::new("start", K::String),
            A::new("count", K::Integer).token("COUNT").optional(),
        ]),
    CommandSpec::new("xread", Id::Xread, -4, Group::Stream, "5.0.0")
        .flags(flags![READONLY, BLOCKING])
        .categories(C::STREAM)
        .summary("Read what came after the given ids, from several streams")
        .complexity("O(N) for each stream with N the number of entries returned")
        .keys(&[KeySpec::half_behind("STREAMS", 1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::new("count", K::Integer).token("COUNT").optional(),
            A::new("milliseconds", K::Integer).token("BLOCK").optional(),
            A::new("streams", K::Block)
                .token("STREAMS")
                .parts(&[A::key("key", 0).multiple(), A::new("id", K::String).multiple()]),
        ]),
    CommandSpec::new("xdel", Id::Xdel, -3, Group::Stream, "5.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::STREAM)
        .summary("Remove entries from a stream")
        .complexity("O(1) for each id")
        .keys(&[KeySpec::index(1, key_flags![RW, DELETE])])
        .arguments(&[A::key("key", 0), A::new("id", K::String).multiple()]),
    CommandSpec::new("xtrim", Id::Xtrim, -4, Group::Stream, "5.0.0")
        .flags(flags![WRITE])
        .categories(C::STREAM)
        .summary("Drop the oldest entries of a stream")
        .complexity("O(N) with N the number of entries dropped")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RW, DELETE])])
        .arguments(&[
            A::key("key", 0),
            A::new("trim", K::Block).parts(&[
                A::new("strategy", K::OneOf)
                    .parts(&[A::word("maxlen", "MAXLEN"), A::word("minid", "MINID").since("6.2.0")]),
                A::new("operator", K::OneOf).optional().parts(&[A::word("equal", "="), A::word("approximately", "~")]),
                A::new("threshold", K::String),
                A::new("count", K::Integer).token("LIMIT").since("6.2.0").optional(),
            ]),
        ]),
    CommandSpec::new("xsetid", Id::Xsetid, -3, Group::Stream, "5.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::STREAM)
        .summary("Set the last id of a stream")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("last-id", K::String),
            A::new("entries_added", K::Integer).token("ENTRIESADDED").since("7.0.0").optional(),
            A::new("max_deleted_entry_id", K::String).token("MAXDELETEDID").since("7.0.0").optional(),
        ]),
    CommandSpec::new("xgroup", Id::Xgroup, -2, Group::Stream, "5.0.0")
        .summary("Look after the consumer groups of streams")
        .complexity("Depends on subcommand.")
        .subcommands(XGROUP),
    CommandSpec::new("xreadgroup", Id::Xreadgroup, -7, Group::Stream, "5.0.0")
        .flags(flags![WRITE, BLOCKING])
        .categories(C::STREAM)
        .summary("Read as a consumer of a group: what is new, or what is pending")
        .complexity("O(N) for each stream with N the number of entries returned")
        .keys(&[KeySpec::half_behind("STREAMS", 4, key_flags![RO, ACCESS])])
        .arguments(&[
            A::new("group_consumer", K::Block)
                .token("GROUP")
                .parts(&[A::new("group", K::String), A::new("consumer", K::String)]),
            A::new("count", K::Integer).token("COUNT").optional(),
            A::new("milliseconds", K::Integer).token("BLOCK").optional(),
            A::word("noack", "NOACK").optional(),
            A::new("streams", K::Block)
                .token("STREAMS")
                .parts(&[A::key("key", 0).multiple(), A::new("id", K::String).multiple()]),
        ]),
    CommandSpec::new("xack", Id::Xack, -4, Group::Stream, "5.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::STREAM)
        .summary("Confirm that entries are processed")
        .complexity("O(1) for each id")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[A::key("key", 0), A::new("group", K::String), A::new("id", K::String).multiple()]),
    CommandSpec::new("xpending", Id::Xpending, -3, Group::Stream, "5.0.0")
        .flags(flags![READONLY])
        .categories(C::STREAM)
        .summary("List what a group has read and not confirmed")
        .complexity("O(N) with N the number of entries looked at")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("group", K::String),
            A::new("filters", K::Block).optional().parts(&[
                A::new("min-idle-time", K::Integer).token("IDLE").since("6.2.0").optional(),
                A::new("start", K::String),
                A::new("end", K::String),
                A::new("count", K::Integer),
                A::new("consumer", K::String).optional(),
            ]),
        ]),
    CommandSpec::new("xclaim", Id::Xclaim, -6, Group::Stream, "5.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::STREAM)
        .summary("Take over pending entries of other consumers")
        .complexity("O(log(N)) for each id with N the number of pending entries of the group")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("group", K::String),
            A::new("consumer", K::String),
            A::new("min-idle-time", K::String),
            A::new("id", K::String).multiple(),
            A::new("ms", K::Integer).token("IDLE").optional(),
            A::new("unix-time-milliseconds", K::UnixTime).token("TIME").optional(),
            A::new("count", K::Integer).token("RETRYCOUNT").optional(),
            A::word("force", "FORCE").optional(),
            A::word("justid", "JUSTID").optional(),
            A::new("id", K::String).token("LASTID").optional(),
        ]),
    CommandSpec::new("xautoclaim", Id::Xautoclaim, -6, Group::Stream, "6.2.0")
        .flags(flags![WRITE, FAST])
        .categories(C::STREAM)
        .summary("Take over pending entries that were idle for long")
        .complexity("O(N) with N the number of entries looked at")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RW, DELETE])])
        .arguments(&[
            A::key("key", 0),
            A::new("group", K::String),
            A::new("consumer", K::String),
            A::new("min-idle-time", K::String),
            A::new("start", K::String),
            A::new("count", K::Integer).token("COUNT").optional(),
            A::word("justid", "JUSTID").optional(),
        ]),
    CommandSpec::new("xinfo", Id::Xinfo, -2, Group::Stream, "5.0.0")
        .summary("Look into streams and their groups")
        .complexity("Depends on subcommand.")
        .subcommands(XINFO),
];

const XGROUP: &[CommandSpec] = &[
    CommandSpec::new("xgroup|create", Id::XgroupCreate, -5, Group::Stream, "5.0.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::STREAM)
        .summary("Start a consumer group")
        .keys(&[KeySpec::index(2, key_flags![RW, INSERT])])
        .arguments(&[
            A::key("key", 0),
            A::new("groupname", K::String),
            A::new("id", K::OneOf).parts(&[A::new("id", K::String), A::word("new_id", "$")]),
            A::word("mkstream", "MKSTREAM").optional(),
            A::new("entries_read", K::Integer).token("ENTRIESREAD").optional(),
        ]),
    CommandSpec::new("xgroup|createconsumer", Id::XgroupCreateconsumer, 5, Group::Stream, "6.2.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::STREAM)
        .summary("Add a consumer to a group")
        .keys(&[KeySpec::index(2, key_flags![RW, INSERT])])
        .arguments(&[A::key("key", 0), A::new("groupname", K::String), A::new("consumername", K::String)]),
    CommandSpec::new("xgroup|delconsumer", Id::XgroupDelconsumer, 5, Group::Stream, "5.0.0")
        .flags(flags![WRITE])
        .categories(C::STREAM)
        .summary("Remove a consumer from a group")
        .keys(&[KeySpec::index(2, key_flags![RW, DELETE])])
        .arguments(&[A::key("key", 0), A::new("groupname", K::String), A::new("consumername", K::String)]),
    CommandSpec::new("xgroup|destroy", Id::XgroupDestroy, 4, Group::Stream, "5.0.0")
        .flags(flags![WRITE])
        .categories(C::STREAM)
        .summary("Remove a consumer group")
        .complexity("O(N) with N the number of pending entries of the group")
        .keys(&[KeySpec::index(2, key_flags![RW, DELETE])])
        .arguments(&[A::key("key", 0), A::new("groupname", K::String)]),
    CommandSpec::new("xgroup|setid", Id::XgroupSetid, -5, Group::Stream, "5.0.0")
        .flags(flags![WRITE])
        .categories(C::STREAM)
        .summary("Set the id after which a group goes on reading")
        .keys(&[KeySpec::index(2, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("groupname", K::String),
            A::new("id", K::OneOf).parts(&[A::new("id", K::String), A::word("new_id", "$")]),
            A::new("entries_read", K::Integer).token("ENTRIESREAD").optional(),
        ]),
    CommandSpec::new("xgroup|help", Id::XgroupHelp, 2, Group::Stream, "5.0.0")
        .flags(flags![LOADING, STALE])
        .categories(C::STREAM)
        .summary("Print this help"),
];

const XINFO: &[CommandSpec] = &[
    CommandSpec::new("xinfo|consumers", Id::XinfoConsumers, 4, Group::Stream, "5.0.0")
        .flags(flags![READONLY])
        .categories(C::STREAM)
        .summary("List the consumers of a group")
        .complexity("O(N) with N the number of consumers")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(2, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0), A::new("groupname", K::String)]),
    CommandSpec::new("xinfo|groups", Id::XinfoGroups, 3, Group::Stream, "5.0.0")
        .flags(flags![READONLY])
        .categories(C::STREAM)
        .summary("List the groups of a stream")
        .complexity("O(N) with N the number of groups")
        .keys(&[KeySpec::index(2, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("xinfo|stream", Id::XinfoStream, -3, Group::Stream, "5.0.0")
        .flags(flags![READONLY])
        .categories(C::STREAM)
        .summary("Describe a stream")
        .complexity("O(1), or O(N) with FULL and N the number of entries and groups returned")
        .keys(&[KeySpec::index(2, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("full", K::Block)
                .token("FULL")
                .optional()
                .parts(&[A::new("count", K::Integer).token("COUNT").optional()]),
        ]),
    CommandSpec::new("xinfo|help", Id::XinfoHelp, 2, Group::Stream, "5.0.0")
        .flags(flags![LOADING, STALE])
        .categories(C::STREAM)
        .summary("Print this help"),
];
