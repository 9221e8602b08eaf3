//! Sets.

use super::super::{
    Argument as A, ArgumentKind as K, Categories as C, CommandId as Id, CommandSpec, Flags, Group, KeyFlags, KeySpec,
};

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec::new("sadd", Id::Sadd, -3, Group::Set, "1.0.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::SET)
        .summary("Add members to a set")
        .complexity("O(N) with N the number of members added")
        .keys(&[KeySpec::index(1, key_flags![RW, INSERT])])
        .arguments(&[A::key("key", 0), A::new("member", K::String).multiple()]),
    CommandSpec::new("srem", Id::Srem, -3, Group::Set, "1.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::SET)
        .summary("Remove members from a set")
        .complexity("O(N) with N the number of members to remove")
        .keys(&[KeySpec::index(1, key_flags![RW, DELETE])])
        .arguments(&[A::key("key", 0), A::new("member", K::String).multiple()]),
    CommandSpec::new("spop", Id::Spop, -2, Group::Set, "1.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::SET)
        .summary("Take random members out of a set")
        .complexity("O(N) with N the number of members taken")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, DELETE])])
        .arguments(&[A::key("key", 0), A::new("count", K::Integer).since("3.2.0").optional()]),
    CommandSpec::new("srandmember", Id::Srandmember, -2, Group::Set, "1.0.0")
        .flags(flags![READONLY])
        .categories(C::SET)
        .summary("Pick random members of a set")
        .complexity("O(N) with N the number of members picked")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0), A::new("count", K::Integer).since("2.6.0").optional()]),
    CommandSpec::new("smembers", Id::Smembers, 2, Group::Set, "1.0.0")
        .flags(flags![READONLY])
        .categories(C::SET)
        .summary("List the members of a set")
        .complexity("O(N) with N the size of the set")
        .tips(&["nondeterministic_output_order"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("sismember", Id::Sismember, 3, Group::Set, "1.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::SET)
        .summary("Tell whether a set has a member")
        .keys(&[KeySpec::index(1, key_flags![RO])])
        .arguments(&[A::key("key", 0), A::new("member", K::String)]),
    CommandSpec::new("smismember", Id::Smismember, -3, Group::Set, "6.2.0")
        .flags(flags![READONLY, FAST])
        .categories(C::SET)
        .summary("Tell which of several members a set has")
        .complexity("O(N) with N the number of members asked for")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0), A::new("member", K::String).multiple()]),
    CommandSpec::new("scard", Id::Scard, 2, Group::Set, "1.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::SET)
        .summary("Tell the size of a set")
        .keys(&[KeySpec::index(1, key_flags![RO])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("smove", Id::Smove, 4, Group::Set, "1.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::SET)
        .summary("Take a member from one set to another")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, DELETE]), KeySpec::index(2, key_flags![RW, INSERT])])
        .arguments(&[A::key("source", 0), A::key("destination", 1), A::new("member", K::String)]),
    CommandSpec::new("sscan", Id::Sscan, -3, Group::Set, "2.8.0")
        .flags(flags![READONLY])
        .categories(C::SET)
        .summary("Walk over the members of a set in steps")
        .complexity("O(1) for each call, O(N) for the whole walk with N the size of the set")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("cursor", K::Integer),
            A::new("pattern", K::Pattern).token("MATCH").optional(),
            A::new("count", K::Integer).token("COUNT").optional(),
        ]),
    CommandSpec::new("sinter", Id::Sinter, -2, Group::Set, "1.0.0")
        .flags(flags![READONLY])
        .categories(C::SET)
        .summary("List the members that all sets have")
        .complexity("O(N*M) with N the size of the smallest set and M the number of sets")
        .tips(&["nondeterministic_output_order"])
        .keys(&[KeySpec::rest(1, 1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0).multiple()]),
    CommandSpec::new("sunion", Id::Sunion, -2, Group::Set, "1.0.0")
        .flags(flags![READONLY])
        .categories(C::SET)
        .summary("List the members that any of the sets has")
        .complexity("O(N) with N the sizes of all sets together")
        .tips(&["nondeterministic_output_order"])
        .keys(&[KeySpec::rest(1, 1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0).multiple()]),
    CommandSpec::new("sdiff", Id::Sdiff, -2, Group::Set, "1.0.0")
        .flags(flags![READONLY])
        .categories(C::SET)
        .summary("List the members of the first set that no other has")
        .complexity("O(N) with N the sizes of all sets together")
        .tips(&["nondeterministic_output_order"])
        .keys(&[KeySpec::rest(1, 1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0).multiple()]),
    CommandSpec::new("sinterstore", Id::Sinterstore, -3, Group::Set, "1.0.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::SET)
        .summary("Store the members that all sets have")
        .complexity("O(N*M) with N the size of the smallest set and M the number of sets")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE]), KeySpec::rest(2, 1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("destination", 0), A::key("key", 1).multiple()]),
    CommandSpec::new("sunionstore", Id::Sunionstore, -3, Group::Set, "1.0.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::SET)
        .summary("Store the members that any of the sets has")
        .complexity("O(N) with N the sizes of all sets together")
        .keys(&[KeySpec::index(1, key_flags![OW, UPDATE]), KeySpec::rest(2, 1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("destination", 0), A::key("key", 1).multiple()]),
    CommandSpec::new("sdiffstore", Id::Sdiffstore, -3, Group::Set, "1.0.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::SET)
        .summary("Store the members of the first set that no other has")
        .complexity("O(N) with N the sizes of all sets together")
        .keys(&[KeySpec::index(1, key_flags![OW, UPDATE]), KeySpec::rest(2, 1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("destination", 0), A::key("key", 1).multiple()]),
    CommandSpec::new("sintercard", Id::Sintercard, -3, Group::Set, "7.0.0")
        .flags(flags![READONLY])
        .categories(C::SET)
        .summary("Count the members that all sets have")
        .complexity("O(N*M) with N the size of the smallest set and M the number of sets")
        .keys(&[KeySpec::counted(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::new("numkeys", K::Integer),
            A::key("key", 0).multiple(),
            A::new("limit", K::Integer).token("LIMIT").optional(),
        ]),
];
