//! Keys of any type.

use super::super::{
    Argument as A, ArgumentKind as K, Categories as C, CommandId as Id, CommandSpec, Flags, Group, KeyFlags, KeySpec,
};

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec::new("wait", Id::Wait, 3, Group::Generic, "3.0.0")
        .flags(flags![NOSCRIPT])
        .categories(C::CONNECTION)
        .summary("Wait until replicas have confirmed earlier writes")
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .arguments(&[A::new("numreplicas", K::Integer), A::new("timeout", K::Integer)]),
    CommandSpec::new("del", Id::Del, -2, Group::Generic, "1.0.0")
        .flags(flags![WRITE])
        .categories(C::KEYSPACE)
        .summary("Remove keys with their values")
        .complexity("O(N) with N the number of keys and of the elements they hold")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::rest(1, 1, key_flags![RM, DELETE])])
        .arguments(&[A::key("key", 0).multiple()]),
    CommandSpec::new("unlink", Id::Unlink, -2, Group::Generic, "4.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::KEYSPACE)
        .summary("Remove keys and reclaim their memory later")
        .complexity("O(1) for each key; its memory is reclaimed in O(N) with N the number of elements")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::rest(1, 1, key_flags![RM, DELETE])])
        .arguments(&[A::key("key", 0).multiple()]),
    CommandSpec::new("exists", Id::Exists, -2, Group::Generic, "1.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::KEYSPACE)
        .summary("Count how many of the given keys are there")
        .complexity("O(N) with N the number of keys")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::rest(1, 1, key_flags![RO])])
        .arguments(&[A::key("key", 0).multiple()]),
    CommandSpec::new("type", Id::Type, 2, Group::Generic, "1.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::KEYSPACE)
        .summary("Tell which type of value a key holds")
        .keys(&[KeySpec::index(1, key_flags![RO])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("keys", Id::Keys, 2, Group::Generic, "1.0.0")
        .flags(flags![READONLY])
        .categories(C::KEYSPACE.union(C::DANGEROUS))
        .summary("List the keys that match a pattern")
        .complexity("O(N) with N the number of keys in the database")
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .arguments(&[A::new("pattern", K::Pattern)]),
    CommandSpec::new("scan", Id::Scan, -2, Group::Generic, "2.8.0")
        .flags(flags![READONLY])
        .categories(C::KEYSPACE)
        .summary("Walk over the keys of the database in steps")
        .complexity("O(1) for each call, O(N) for the whole walk with N the number of keys")
        .tips(&["nondeterministic_output", "request_policy:special"])
        .arguments(&[
            A::new("cursor", K::Integer),
            A::new("pattern", K::Pattern).token("MATCH").optional(),
            A::new("count", K::Integer).token("COUNT").optional(),
            A::new("type", K::String).token("TYPE").since("6.0.0").optional(),
        ]),
    CommandSpec::new("randomkey", Id::Randomkey, 1, Group::Generic, "1.0.0")
        .flags(flags![READONLY])
        .categories(C::KEYSPACE)
        .summary("Pick a key at random")
        .tips(&["request_policy:all_shards", "nondeterministic_output"]),
    CommandSpec::new("rename", Id::Rename, 3, Group::Generic, "1.0.0")
        .flags(flags![WRITE])
        .categories(C::KEYSPACE)
        .summary("Give a key another name, in place of whatever has that name")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, DELETE]), KeySpec::index(2, key_flags![OW, UPDATE])])
        .arguments(&[A::key("key", 0), A::key("newkey", 1)]),
    CommandSpec::new("renamenx", Id::Renamenx, 3, Group::Generic, "1.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::KEYSPACE)
        .summary("Give a key another name unless that name is taken")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, DELETE]), KeySpec::index(2, key_flags![OW, INSERT])])
        .arguments(&[A::key("key", 0), A::key("newkey", 1)]),
    CommandSpec::new("copy", Id::Copy, -3, Group::Generic, "6.2.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::KEYSPACE)
        .summary("Store the value of a key under another key as well")
        .complexity("O(N) with N the number of elements copied")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS]), KeySpec::index(2, key_flags![OW, UPDATE])])
        .arguments(&[
            A::key("source", 0),
            A::key("destination", 1),
            A::new("destination-db", K::Integer).token("DB").optional(),
            A::word("replace", "REPLACE").optional(),
        ]),
    CommandSpec::new("move", Id::Move, 3, Group::Generic, "1.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::KEYSPACE)
        .summary("Take a key to another database")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE])])
        .arguments(&[A::key("key", 0), A::new("db", K::Integer)]),
    CommandSpec::new("touch", Id::Touch, -2, Group::Generic, "3.2.1")
        .flags(flags![READONLY, FAST])
        .categories(C::KEYSPACE)
        .summary("Refresh the access time of keys and count them")
        .complexity("O(N) with N the number of keys")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::rest(1, 1, key_flags![RO])])
        .arguments(&[A::key("key", 0).multiple()]),
    CommandSpec::new("expire", Id::Expire, -3, Group::Generic, "1.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::KEYSPACE)
        .summary("Let a key expire after a number of seconds")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("seconds", K::Integer),
            A::new("condition", K::OneOf).since("7.0.0").optional().parts(&[
                A::word("nx", "NX"),
                A::word("xx", "XX"),
                A::word("gt", "GT"),
                A::word("lt", "LT"),
            ]),
        ]),
    CommandSpec::new("pexpire", Id::Pexpire, -3, Group::Generic, "2.6.0")
        .flags(flags![WRITE, FAST])
        .categories(C::KEYSPACE)
        .summary("Let a key expire after a number of milliseconds")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("milliseconds", K::Integer),
            A::new("condition", K::OneOf).since("7.0.0").optional().parts(&[
                A::word("nx", "NX"),
                A::word("xx", "XX"),
                A::word("gt", "GT"),
                A::word("lt", "LT"),
            ]),
        ]),
    CommandSpec::new("expireat", Id::Expireat, -3, Group::Generic, "1.2.0")
        .flags(flags![WRITE, FAST])
        .categories(C::KEYSPACE)
        .summary("Let a key expire at a point in time, in seconds")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("unix-time-seconds", K::UnixTime),
            A::new("condition", K::OneOf).since("7.0.0").optional().parts(&[
                A::word("nx", "NX"),
                A::word("xx", "XX"),
                A::word("gt", "GT"),
                A::word("lt", "LT"),
            ]),
        ]),
    CommandSpec::new("pexpireat", Id::Pexpireat, -3, Group::Generic, "2.6.0")
        .flags(flags![WRITE, FAST])
        .categories(C::KEYSPACE)
        .summary("Let a key expire at a point in time, in milliseconds")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("unix-time-milliseconds", K::UnixTime),
            A::new("condition", K::OneOf).since("7.0.0").optional().parts(&[
                A::word("nx", "NX"),
                A::word("xx", "XX"),
                A::word("gt", "GT"),
                A::word("lt", "LT"),
            ]),
        ]),
    CommandSpec::new("ttl", Id::Ttl, 2, Group::Generic, "1.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::KEYSPACE)
        .summary("Tell the seconds a key has left")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("pttl", Id::Pttl, 2, Group::Generic, "2.6.0")
        .flags(flags![READONLY, FAST])
        .categories(C::KEYSPACE)
        .summary("Tell the milliseconds a key has left")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("expiretime", Id::Expiretime, 2, Group::Generic, "7.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::KEYSPACE)
        .summary("Tell when a key expires, in seconds")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("pexpiretime", Id::Pexpiretime, 2, Group::Generic, "7.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::KEYSPACE)
        .summary("Tell when a key expires, in milliseconds")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("persist", Id::Persist, 2, Group::Generic, "2.2.0")
        .flags(flags![WRITE, FAST])
        .categories(C::KEYSPACE)
        .summary("Let a key stay until it is removed")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("object", Id::Object, -2, Group::Generic, "2.2.3")
        .summary("Look into how a value is stored")
        .complexity("Depends on subcommand.")
        .subcommands(OBJECT),
];

const OBJECT: &[CommandSpec] = &[
    CommandSpec::new("object|encoding", Id::ObjectEncoding, 3, Group::Generic, "2.2.3")
        .flags(flags![READONLY])
        .categories(C::KEYSPACE)
        .summary("Tell in what form a value is stored")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(2, key_flags![RO])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("object|freq", Id::ObjectFreq, 3, Group::Generic, "4.0.0")
        .flags(flags![READONLY])
        .categories(C::KEYSPACE)
        .summary("Tell how often a key is used, on a logarithmic scale")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(2, key_flags![RO])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("object|idletime", Id::ObjectIdletime, 3, Group::Generic, "2.2.3")
        .flags(flags![READONLY])
        .categories(C::KEYSPACE)
        .summary("Tell the seconds since a key was used")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(2, key_flags![RO])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("object|refcount", Id::ObjectRefcount, 3, Group::Generic, "2.2.3")
        .flags(flags![READONLY])
        .categories(C::KEYSPACE)
        .summary("Tell how many references a value has")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(2, key_flags![RO])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("object|help", Id::ObjectHelp, 2, Group::Generic, "6.2.0")
        .flags(flags![LOADING, STALE])
        .categories(C::KEYSPACE)
        .summary("Print this help"),
];
