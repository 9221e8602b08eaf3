//! Hashes, and fields that expire.

use super::super::{
    Argument as A, ArgumentKind as K, Categories as C, CommandId as Id, CommandSpec, Flags, Group, KeyFlags, KeySpec,
};

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec::new("hset", Id::Hset, -4, Group::Hash, "2.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::HASH)
        .summary("Set fields of a hash")
        .complexity("O(N) with N the number of fields set")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("field_value", K::Block).multiple().parts(&[A::new("field", K::String), A::new("value", K::String)]),
        ]),
    CommandSpec::new("hmset", Id::Hmset, -4, Group::Hash, "2.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::HASH)
        .summary("Set fields of a hash and answer OK")
        .complexity("O(N) with N the number of fields set")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .deprecated("4.0.0", "`HSET`")
        .arguments(&[
            A::key("key", 0),
            A::new("field_value", K::Block).multiple().parts(&[A::new("field", K::String), A::new("value", K::String)]),
        ]),
    CommandSpec::new("hsetnx", Id::Hsetnx, 4, Group::Hash, "2.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::HASH)
        .summary("Set a field of a hash that is not there yet")
        .keys(&[KeySpec::index(1, key_flags![RW, INSERT])])
        .arguments(&[A::key("key", 0), A::new("field", K::String), A::new("value", K::String)]),
    CommandSpec::new("hget", Id::Hget, 3, Group::Hash, "2.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::HASH)
        .summary("Read a field of a hash")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0), A::new("field", K::String)]),
    CommandSpec::new("hmget", Id::Hmget, -3, Group::Hash, "2.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::HASH)
        .summary("Read several fields of a hash")
        .complexity("O(N) with N the number of fields asked for")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0), A::new("field", K::String).multiple()]),
    CommandSpec::new("hgetall", Id::Hgetall, 2, Group::Hash, "2.0.0")
        .flags(flags![READONLY])
        .categories(C::HASH)
        .summary("Read all fields of a hash with their values")
        .complexity("O(N) with N the size of the hash")
        .tips(&["nondeterministic_output_order"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("hdel", Id::Hdel, -3, Group::Hash, "2.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::HASH)
        .summary("Remove fields from a hash")
        .complexity("O(N) with N the number of fields to remove")
        .keys(&[KeySpec::index(1, key_flags![RW, DELETE])])
        .arguments(&[A::key("key", 0), A::new("field", K::String).multiple()]),
    CommandSpec::new("hlen", Id::Hlen, 2, Group::Hash, "2.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::HASH)
        .summary("Tell how many fields a hash has")
        .keys(&[KeySpec::index(1, key_flags![RO])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("hexists", Id::Hexists, 3, Group::Hash, "2.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::HASH)
        .summary("Tell whether a hash has a field")
        .keys(&[KeySpec::index(1, key_flags![RO])])
        .arguments(&[A::key("key", 0), A::new("field", K::String)]),
    CommandSpec::new("hkeys", Id::Hkeys, 2, Group::Hash, "2.0.0")
        .flags(flags![READONLY])
        .categories(C::HASH)
        .summary("List the fields of a hash")
        .complexity("O(N) with N the size of the hash")
        .tips(&["nondeterministic_output_order"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("hvals", Id::Hvals, 2, Group::Hash, "2.0.0")
        .flags(flags![READONLY])
        .categories(C::HASH)
        .summary("List the values of a hash")
        .complexity("O(N) with N the size of the hash")
        .tips(&["nondeterministic_output_order"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("hstrlen", Id::Hstrlen, 3, Group::Hash, "3.2.0")
        .flags(flags![READONLY, FAST])
        .categories(C::HASH)
        .summary("Tell the length of the value of a field")
        .keys(&[KeySpec::index(1, key_flags![RO])])
        .arguments(&[A::key("key", 0), A::new("field", K::String)]),
    CommandSpec::new("hincrby", Id::Hincrby, 4, Group::Hash, "2.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::HASH)
        .summary("Add an integer to the number in a field")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE])])
        .arguments(&[A::key("key", 0), A::new("field", K::String), A::new("increment", K::Integer)]),
    CommandSpec::new("hincrbyfloat", Id::Hincrbyfloat, 4, Group::Hash, "2.6.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::HASH)
        .summary("Add a floating-point number to the number in a field")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE])])
        .arguments(&[A::key("key", 0), A::new("field", K::String), A::new("increment", K::Double)]),
    CommandSpec::new("hrandfield", Id::Hrandfield, -2, Group::Hash, "6.2.0")
        .flags(flags![READONLY])
        .categories(C::HASH)
        .summary("Pick random fields of a hash")
        .complexity("O(N) with N the number of fields picked")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("options", K::Block)
                .optional()
                .parts(&[A::new("count", K::Integer), A::word("withvalues", "WITHVALUES").optional()]),
        ]),
    CommandSpec::new("hscan", Id::Hscan, -3, Group::Hash, "2.8.0")
        .flags(flags![READONLY])
        .categories(C::HASH)
        .summary("Walk over the fields of a hash in steps")
        .complexity("O(1) for each call, O(N) for the whole walk with N the size of the hash")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("cursor", K::Integer),
            A::new("pattern", K::Pattern).token("MATCH").optional(),
            A::new("count", K::Integer).token("COUNT").optional(),
        ]),
    CommandSpec::new("hexpire", Id::Hexpire, -6, Group::Hash, "7.4.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::HASH)
        .summary("Let fields expire after a number of seconds")
        .complexity("O(N) with N the number of fields given")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("seconds", K::Integer),
            A::new("condition", K::OneOf).optional().parts(&[
                A::word("nx", "NX"),
                A::word("xx", "XX"),
                A::word("gt", "GT"),
                A::word("lt", "LT"),
            ]),
            A::new("fields", K::Block)
                .token("FIELDS")
                .parts(&[A::new("numfields", K::Integer), A::new("field", K::String).multiple()]),
        ]),
    CommandSpec::new("hpexpire", Id::Hpexpire, -6, Group::Hash, "7.4.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::HASH)
        .summary("Let fields expire after a number of milliseconds")
        .complexity("O(N) with N the number of fields given")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("milliseconds", K::Integer),
            A::new("condition", K::OneOf).optional().parts(&[
                A::word("nx", "NX"),
                A::word("xx", "XX"),
                A::word("gt", "GT"),
                A::word("lt", "LT"),
            ]),
            A::new("fields", K::Block)
                .token("FIELDS")
                .parts(&[A::new("numfields", K::Integer), A::new("field", K::String).multiple()]),
        ]),
    CommandSpec::new("hexpireat", Id::Hexpireat, -6, Group::Hash, "7.4.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::HASH)
        .summary("Let fields expire at a point in time, in seconds")
        .complexity("O(N) with N the number of fields given")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("unix-time-seconds", K::UnixTime),
            A::new("condition", K::OneOf).optional().parts(&[
                A::word("nx", "NX"),
                A::word("xx", "XX"),
                A::word("gt", "GT"),
                A::word("lt", "LT"),
            ]),
            A::new("fields", K::Block)
                .token("FIELDS")
                .parts(&[A::new("numfields", K::Integer), A::new("field", K::String).multiple()]),
        ]),
    CommandSpec::new("hpexpireat", Id::Hpexpireat, -6, Group::Hash, "7.4.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::HASH)
        .summary("Let fields expire at a point in time, in milliseconds")
        .complexity("O(N) with N the number of fields given")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("unix-time-milliseconds", K::UnixTime),
            A::new("condition", K::OneOf).optional().parts(&[
                A::word("nx", "NX"),
                A::word("xx", "XX"),
                A::word("gt", "GT"),
                A::word("lt", "LT"),
            ]),
            A::new("fields", K::Block)
                .token("FIELDS")
                .parts(&[A::new("numfields", K::Integer), A::new("field", K::String).multiple()]),
        ]),
    CommandSpec::new("httl", Id::Httl, -5, Group::Hash, "7.4.0")
        .flags(flags![READONLY, FAST])
        .categories(C::HASH)
        .summary("Tell the seconds that fields have left")
        .complexity("O(N) with N the number of fields given")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("fields", K::Block)
                .token("FIELDS")
                .parts(&[A::new("numfields", K::Integer), A::new("field", K::String).multiple()]),
        ]),
    CommandSpec::new("hpttl", Id::Hpttl, -5, Group::Hash, "7.4.0")
        .flags(flags![READONLY, FAST])
        .categories(C::HASH)
        .summary("Tell the milliseconds that fields have left")
        .complexity("O(N) with N the number of fields given")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("fields", K::Block)
                .token("FIELDS")
                .parts(&[A::new("numfields", K::Integer), A::new("field", K::String).multiple()]),
        ]),
    CommandSpec::new("hexpiretime", Id::Hexpiretime, -5, Group::Hash, "7.4.0")
        .flags(flags![READONLY, FAST])
        .categories(C::HASH)
        .summary("Tell when fields expire, in seconds")
        .complexity("O(N) with N the number of fields given")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("fields", K::Block)
                .token("FIELDS")
                .parts(&[A::new("numfields", K::Integer), A::new("field", K::String).multiple()]),
        ]),
    CommandSpec::new("hpexpiretime", Id::Hpexpiretime, -5, Group::Hash, "7.4.0")
        .flags(flags![READONLY, FAST])
        .categories(C::HASH)
        .summary("Tell when fields expire, in milliseconds")
        .complexity("O(N) with N the number of fields given")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("fields", K::Block)
                .token("FIELDS")
                .parts(&[A::new("numfields", K::Integer), A::new("field", K::String).multiple()]),
        ]),
    CommandSpec::new("hpersist", Id::Hpersist, -5, Group::Hash, "7.4.0")
        .flags(flags![WRITE, FAST])
        .categories(C::HASH)
        .summary("Let fields stay until they are removed")
        .complexity("O(N) with N the number of fields given")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("fields", K::Block)
                .token("FIELDS")
                .parts(&[A::new("numfields", K::Integer), A::new("field", K::String).multiple()]),
        ]),
    CommandSpec::new("hgetdel", Id::Hgetdel, -5, Group::Hash, "8.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::HASH)
        .summary("Read fields and remove them")
        .complexity("O(N) with N the number of fields given")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, DELETE])])
        .arguments(&[
            A::key("key", 0),
            A::new("fields", K::Block)
                .token("FIELDS")
                .parts(&[A::new("numfields", K::Integer), A::new("field", K::String).multiple()]),
        ]),
    CommandSpec::new("hgetex", Id::Hgetex, -5, Group::Hash, "8.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::HASH)
        .summary("Read fields and change when they expire")
        .complexity("O(N) with N the number of fields given")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE]).notes("Changes when the fields expire")])
        .arguments(&[
            A::key("key", 0),
            A::new("expiration", K::OneOf).optional().parts(&[
                A::new("seconds", K::Integer).token("EX"),
                A::new("milliseconds", K::Integer).token("PX"),
                A::new("unix-time-seconds", K::UnixTime).token("EXAT"),
                A::new("unix-time-milliseconds", K::UnixTime).token("PXAT"),
                A::word("persist", "PERSIST"),
            ]),
            A::new("fields", K::Block)
                .token("FIELDS")
                .parts(&[A::new("numfields", K::Integer), A::new("field", K::String).multiple()]),
        ]),
    CommandSpec::new("hsetex", Id::Hsetex, -6, Group::Hash, "8.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::HASH)
        .summary("Set fields and when they expire")
        .complexity("O(N) with N the number of fields set")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("condition", K::OneOf).optional().parts(&[A::word("fnx", "FNX"), A::word("fxx", "FXX")]),
            A::new("expiration", K::OneOf).optional().parts(&[
                A::new("seconds", K::Integer).token("EX"),
                A::new("milliseconds", K::Integer).token("PX"),
                A::new("unix-time-seconds", K::UnixTime).token("EXAT"),
                A::new("unix-time-milliseconds", K::UnixTime).token("PXAT"),
                A::word("keepttl", "KEEPTTL"),
            ]),
            A::new("fields", K::Block).token("FIELDS").parts(&[
                A::new("numfields", K::Integer),
                A::new("data", K::Block).multiple().parts(&[A::new("field", K::String), A::new("value", K::String)]),
            ]),
        ]),
];
