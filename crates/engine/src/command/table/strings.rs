//! Strings.

use super::super::{
    Argument as A, ArgumentKind as K, Categories as C, CommandId as Id, CommandSpec, Flags, Group, KeyFlags, KeySpec,
};

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec::new("set", Id::Set, -3, Group::String, "1.0.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::STRING)
        .summary("Store a string under a key, whatever it held before")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE])
            .without("GET", key_flags![OW, UPDATE])
            .notes("Reads the value only where `GET` asks for it")])
        .arguments(&[
            A::key("key", 0),
            A::new("value", K::String),
            A::new("condition", K::OneOf).since("2.6.12").optional().parts(&[A::word("nx", "NX"), A::word("xx", "XX")]),
            A::word("get", "GET").since("6.2.0").optional(),
            A::new("expiration", K::OneOf).optional().parts(&[
                A::new("seconds", K::Integer).token("EX").since("2.6.12"),
                A::new("milliseconds", K::Integer).token("PX").since("2.6.12"),
                A::new("unix-time-seconds", K::UnixTime).token("EXAT").since("6.2.0"),
                A::new("unix-time-milliseconds", K::UnixTime).token("PXAT").since("6.2.0"),
                A::word("keepttl", "KEEPTTL").since("6.0.0"),
            ]),
        ]),
    CommandSpec::new("setnx", Id::Setnx, 3, Group::String, "1.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::STRING)
        .summary("Store a string under a key that is not there yet")
        .keys(&[KeySpec::index(1, key_flags![OW, INSERT])])
        .arguments(&[A::key("key", 0), A::new("value", K::String)]),
    CommandSpec::new("setex", Id::Setex, 4, Group::String, "2.0.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::STRING)
        .summary("Store a string that expires after a number of seconds")
        .keys(&[KeySpec::index(1, key_flags![OW, UPDATE])])
        .arguments(&[A::key("key", 0), A::new("seconds", K::Integer), A::new("value", K::String)]),
    CommandSpec::new("psetex", Id::Psetex, 4, Group::String, "2.6.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::STRING)
        .summary("Store a string that expires after a number of milliseconds")
        .keys(&[KeySpec::index(1, key_flags![OW, UPDATE])])
        .arguments(&[A::key("key", 0), A::new("milliseconds", K::Integer), A::new("value", K::String)]),
    CommandSpec::new("get", Id::Get, 2, Group::String, "1.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::STRING)
        .summary("Read a string")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("getex", Id::Getex, -2, Group::String, "6.2.0")
        .flags(flags![WRITE, FAST])
        .categories(C::STRING)
        .summary("Read a string and change when it expires")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE]).notes("Changes when the key expires")])
        .arguments(&[
            A::key("key", 0),
            A::new("expiration", K::OneOf).optional().parts(&[
                A::new("seconds", K::Integer).token("EX"),
                A::new("milliseconds", K::Integer).token("PX"),
                A::new("unix-time-seconds", K::UnixTime).token("EXAT"),
                A::new("unix-time-milliseconds", K::UnixTime).token("PXAT"),
                A::word("persist", "PERSIST"),
            ]),
        ]),
    CommandSpec::new("getdel", Id::Getdel, 2, Group::String, "6.2.0")
        .flags(flags![WRITE, FAST])
        .categories(C::STRING)
        .summary("Read a string and remove its key")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, DELETE])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("getset", Id::Getset, 3, Group::String, "1.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::STRING)
        .summary("Replace a string and read what it was")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE])])
        .deprecated("6.2.0", "`SET` with `GET`")
        .arguments(&[A::key("key", 0), A::new("value", K::String)]),
    CommandSpec::new("mget", Id::Mget, -2, Group::String, "1.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::STRING)
        .summary("Read several strings at once")
        .complexity("O(N) with N the number of keys")
        .tips(&["request_policy:multi_shard"])
        .keys(&[KeySpec::rest(1, 1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0).multiple()]),
    CommandSpec::new("mset", Id::Mset, -3, Group::String, "1.0.1")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::STRING)
        .summary("Store several strings at once")
        .complexity("O(N) with N the number of keys")
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
        .keys(&[KeySpec::rest(1, 2, key_flags![OW, UPDATE])])
        .arguments(&[A::new("key_value", K::Block).multiple().parts(&[A::key("key", 0), A::new("value", K::String)])]),
    CommandSpec::new("msetnx", Id::Msetnx, -3, Group::String, "1.0.1")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::STRING)
        .summary("Store several strings unless one of the keys is there already")
        .complexity("O(N) with N the number of keys")
        .tips(&["request_policy:multi_shard", "response_policy:agg_min"])
        .keys(&[KeySpec::rest(1, 2, key_flags![OW, INSERT])])
        .arguments(&[A::new("key_value", K::Block).multiple().parts(&[A::key("key", 0), A::new("value", K::String)])]),
    CommandSpec::new("append", Id::Append, 3, Group::String, "2.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::STRING)
        .summary("Add bytes to the end of a string")
        .complexity("O(1) amortized for each byte")
        .keys(&[KeySpec::index(1, key_flags![RW, INSERT])])
        .arguments(&[A::key("key", 0), A::new("value", K::String)]),
    CommandSpec::new("strlen", Id::Strlen, 2, Group::String, "2.2.0")
        .flags(flags![READONLY, FAST])
        .categories(C::STRING)
        .summary("Tell the length of a string")
        .keys(&[KeySpec::index(1, key_flags![RO])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("getrange", Id::Getrange, 4, Group::String, "2.4.0")
        .flags(flags![READONLY])
        .categories(C::STRING)
        .summary("Read part of a string")
        .complexity("O(N) with N the number of bytes returned")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0), A::new("start", K::Integer), A::new("end", K::Integer)]),
    CommandSpec::new("setrange", Id::Setrange, 4, Group::String, "2.2.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::STRING)
        .summary("Overwrite part of a string from an offset on")
        .complexity("O(N) with N the number of bytes written")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[A::key("key", 0), A::new("offset", K::Integer), A::new("value", K::String)]),
    CommandSpec::new("incr", Id::Incr, 2, Group::String, "1.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::STRING)
        .summary("Add one to a number")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("decr", Id::Decr, 2, Group::String, "1.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::STRING)
        .summary("Subtract one from a number")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("incrby", Id::Incrby, 3, Group::String, "1.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::STRING)
        .summary("Add an integer to a number")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE])])
        .arguments(&[A::key("key", 0), A::new("increment", K::Integer)]),
    CommandSpec::new("decrby", Id::Decrby, 3, Group::String, "1.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::STRING)
        .summary("Subtract an integer from a number")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE])])
        .arguments(&[A::key("key", 0), A::new("decrement", K::Integer)]),
    CommandSpec::new("incrbyfloat", Id::Incrbyfloat, 3, Group::String, "2.6.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::STRING)
        .summary("Add a floating-point number to a number")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE])])
        .arguments(&[A::key("key", 0), A::new("increment", K::Double)]),
];
