//! Lists.

use super::super::{
    Argument as A, ArgumentKind as K, Categories as C, CommandId as Id, CommandSpec, Flags, Group, KeyFlags, KeySpec,
};

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec::new("lpush", Id::Lpush, -3, Group::List, "1.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::LIST)
        .summary("Add elements in front of a list")
        .complexity("O(N) with N the number of elements added")
        .keys(&[KeySpec::index(1, key_flags![RW, INSERT])])
        .arguments(&[A::key("key", 0), A::new("element", K::String).multiple()]),
    CommandSpec::new("rpush", Id::Rpush, -3, Group::List, "1.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::LIST)
        .summary("Add elements behind a list")
        .complexity("O(N) with N the number of elements added")
        .keys(&[KeySpec::index(1, key_flags![RW, INSERT])])
        .arguments(&[A::key("key", 0), A::new("element", K::String).multiple()]),
    CommandSpec::new("lpushx", Id::Lpushx, -3, Group::List, "2.2.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::LIST)
        .summary("Add elements in front of a list that exists")
        .complexity("O(N) with N the number of elements added")
        .keys(&[KeySpec::index(1, key_flags![RW, INSERT])])
        .arguments(&[A::key("key", 0), A::new("element", K::String).multiple()]),
    CommandSpec::new("rpushx", Id::Rpushx, -3, Group::List, "2.2.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::LIST)
        .summary("Add elements behind a list that exists")
        .complexity("O(N) with N the number of elements added")
        .keys(&[KeySpec::index(1, key_flags![RW, INSERT])])
        .arguments(&[A::key("key", 0), A::new("element", K::String).multiple()]),
    CommandSpec::new("lpop", Id::Lpop, -2, Group::List, "1.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::LIST)
        .summary("Take elements from the front of a list")
        .complexity("O(N) with N the number of elements returned")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, DELETE])])
        .arguments(&[A::key("key", 0), A::new("count", K::Integer).since("6.2.0").optional()]),
    CommandSpec::new("rpop", Id::Rpop, -2, Group::List, "1.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::LIST)
        .summary("Take elements from the back of a list")
        .complexity("O(N) with N the number of elements returned")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, DELETE])])
        .arguments(&[A::key("key", 0), A::new("count", K::Integer).since("6.2.0").optional()]),
    CommandSpec::new("lmpop", Id::Lmpop, -4, Group::List, "7.0.0")
        .flags(flags![WRITE])
        .categories(C::LIST)
        .summary("Take elements from the first of several lists that has any")
        .complexity("O(N+M) with N the number of keys and M the number of elements returned")
        .keys(&[KeySpec::counted(1, key_flags![RW, ACCESS, DELETE])])
        .arguments(&[
            A::new("numkeys", K::Integer),
            A::key("key", 0).multiple(),
            A::new("where", K::OneOf).parts(&[A::word("left", "LEFT"), A::word("right", "RIGHT")]),
            A::new("count", K::Integer).token("COUNT").optional(),
        ]),
    CommandSpec::new("llen", Id::Llen, 2, Group::List, "1.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::LIST)
        .summary("Tell the length of a list")
        .keys(&[KeySpec::index(1, key_flags![RO])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("lindex", Id::Lindex, 3, Group::List, "1.0.0")
        .flags(flags![READONLY])
        .categories(C::LIST)
        .summary("Read one element of a list")
        .complexity("O(N) with N the distance from the nearer end")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0), A::new("index", K::Integer)]),
    CommandSpec::new("lrange", Id::Lrange, 4, Group::List, "1.0.0")
        .flags(flags![READONLY])
        .categories(C::LIST)
        .summary("Read a range of a list")
        .complexity("O(S+N) with S the distance from the nearer end and N the number of elements returned")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0), A::new("start", K::Integer), A::new("stop", K::Integer)]),
    CommandSpec::new("lset", Id::Lset, 4, Group::List, "1.0.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::LIST)
        .summary("Replace one element of a list")
        .complexity("O(N) with N the distance from the nearer end")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[A::key("key", 0), A::new("index", K::Integer), A::new("element", K::String)]),
    CommandSpec::new("linsert", Id::Linsert, 5, Group::List, "2.2.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::LIST)
        .summary("Put an element before or behind another one")
        .complexity("O(N) with N the number of elements before the place")
        .keys(&[KeySpec::index(1, key_flags![RW, INSERT])])
        .arguments(&[
            A::key("key", 0),
            A::new("where", K::OneOf).parts(&[A::word("before", "BEFORE"), A::word("after", "AFTER")]),
            A::new("pivot", K::String),
            A::new("element", K::String),
        ]),
    CommandSpec::new("lrem", Id::Lrem, 4, Group::List, "1.0.0")
        .flags(flags![WRITE])
        .categories(C::LIST)
        .summary("Remove elements equal to a value")
        .complexity("O(N) with N the length of the list")
        .keys(&[KeySpec::index(1, key_flags![RW, DELETE])])
        .arguments(&[A::key("key", 0), A::new("count", K::Integer), A::new("element", K::String)]),
    CommandSpec::new("ltrim", Id::Ltrim, 4, Group::List, "1.0.0")
        .flags(flags![WRITE])
        .categories(C::LIST)
        .summary("Keep a range of a list and drop the rest")
        .complexity("O(N) with N the number of elements dropped")
        .keys(&[KeySpec::index(1, key_flags![RW, DELETE])])
        .arguments(&[A::key("key", 0), A::new("start", K::Integer), A::new("stop", K::Integer)]),
    CommandSpec::new("lpos", Id::Lpos, -3, Group::List, "6.0.6")
        .flags(flags![READONLY])
        .categories(C::LIST)
        .summary("Find where a value stands in a list")
        .complexity("O(N) with N the number of elements compared")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("element", K::String),
            A::new("rank", K::Integer).token("RANK").optional(),
            A::new("num-matches", K::Integer).token("COUNT").optional(),
            A::new("len", K::Integer).token("MAXLEN").optional(),
        ]),
    CommandSpec::new("lmove", Id::Lmove, 5, Group::List, "6.2.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::LIST)
        .summary("Take an element from one list and add it to another")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, DELETE]), KeySpec::index(2, key_flags![RW, INSERT])])
        .arguments(&[
            A::key("source", 0),
            A::key("destination", 1),
            A::new("wherefrom", K::OneOf).parts(&[A::word("left", "LEFT"), A::word("right", "RIGHT")]),
            A::new("whereto", K::OneOf).parts(&[A::word("left", "LEFT"), A::word("right", "RIGHT")]),
        ]),
    CommandSpec::new("rpoplpush", Id::Rpoplpush, 3, Group::List, "1.2.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::LIST)
        .summary("Take the last element of a list and put it in front of another")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, DELETE]), KeySpec::index(2, key_flags![RW, INSERT])])
        .deprecated("6.2.0", "`LMOVE` with `RIGHT LEFT`")
        .arguments(&[A::key("source", 0), A::key("destination", 1)]),
];
