//! Sorted sets.

use super::super::{
    Argument as A, ArgumentKind as K, Categories as C, CommandId as Id, CommandSpec, Flags, Group, KeyFlags, KeySpec,
};

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec::new("zadd", Id::Zadd, -4, Group::SortedSet, "1.2.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::SORTED_SET)
        .summary("Add members to a sorted set, or change their scores")
        .complexity("O(log(N)) for each member with N the size of the sorted set")
        .keys(&[KeySpec::index(1, key_flags![RW, UPDATE])])
        .arguments(&[
            A::key("key", 0),
            A::new("condition", K::OneOf).since("3.0.2").optional().parts(&[A::word("nx", "NX"), A::word("xx", "XX")]),
            A::new("comparison", K::OneOf).since("6.2.0").optional().parts(&[A::word("gt", "GT"), A::word("lt", "LT")]),
            A::word("change", "CH").since("3.0.2").optional(),
            A::word("increment", "INCR").since("3.0.2").optional(),
            A::new("score_member", K::Block)
                .multiple()
                .parts(&[A::new("score", K::Double), A::new("member", K::String)]),
        ]),
    CommandSpec::new("zrem", Id::Zrem, -3, Group::SortedSet, "1.2.0")
        .flags(flags![WRITE, FAST])
        .categories(C::SORTED_SET)
        .summary("Remove members from a sorted set")
        .complexity("O(M*log(N)) with M the number of members to remove and N the size of the sorted set")
        .keys(&[KeySpec::index(1, key_flags![RW, DELETE])])
        .arguments(&[A::key("key", 0), A::new("member", K::String).multiple()]),
    CommandSpec::new("zscore", Id::Zscore, 3, Group::SortedSet, "1.2.0")
        .flags(flags![READONLY, FAST])
        .categories(C::SORTED_SET)
        .summary("Tell the score of a member")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0), A::new("member", K::String)]),
    CommandSpec::new("zmscore", Id::Zmscore, -3, Group::SortedSet, "6.2.0")
        .flags(flags![READONLY, FAST])
        .categories(C::SORTED_SET)
        .summary("Tell the scores of several members")
        .complexity("O(N) with N the number of members asked for")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0), A::new("member", K::String).multiple()]),
    CommandSpec::new("zincrby", Id::Zincrby, 4, Group::SortedSet, "1.2.0")
        .flags(flags![WRITE, DENYOOM, FAST])
        .categories(C::SORTED_SET)
        .summary("Add to the score of a member")
        .complexity("O(log(N)) with N the size of the sorted set")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, UPDATE])])
        .arguments(&[A::key("key", 0), A::new("increment", K::Integer), A::new("member", K::String)]),
    CommandSpec::new("zcard", Id::Zcard, 2, Group::SortedSet, "1.2.0")
        .flags(flags![READONLY, FAST])
        .categories(C::SORTED_SET)
        .summary("Tell the size of a sorted set")
        .keys(&[KeySpec::index(1, key_flags![RO])])
        .arguments(&[A::key("key", 0)]),
    CommandSpec::new("zcount", Id::Zcount, 4, Group::SortedSet, "2.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::SORTED_SET)
        .summary("Count the members in a range of scores")
        .complexity("O(log(N)) with N the size of the sorted set")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0), A::new("min", K::Double), A::new("max", K::Double)]),
    CommandSpec::new("zlexcount", Id::Zlexcount, 4, Group::SortedSet, "2.8.9")
        .flags(flags![READONLY, FAST])
        .categories(C::SORTED_SET)
        .summary("Count the members in a range of names, where all scores are equal")
        .complexity("O(log(N)) with N the size of the sorted set")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[A::key("key", 0), A::new("min", K::String), A::new("max", K::String)]),
    CommandSpec::new("zrank", Id::Zrank, -3, Group::SortedSet, "2.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::SORTED_SET)
        .summary("Tell the position of a member, from the lowest score on")
        .complexity("O(log(N)) with N the size of the sorted set")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("member", K::String),
            A::word("withscore", "WITHSCORE").since("7.2.0").optional(),
        ]),
    CommandSpec::new("zrevrank", Id::Zrevrank, -3, Group::SortedSet, "2.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::SORTED_SET)
        .summary("Tell the position of a member, from the highest score on")
        .complexity("O(log(N)) with N the size of the sorted set")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("member", K::String),
            A::word("withscore", "WITHSCORE").since("7.2.0").optional(),
        ]),
    CommandSpec::new("zrange", Id::Zrange, -4, Group::SortedSet, "1.2.0")
        .flags(flags![READONLY])
        .categories(C::SORTED_SET)
        .summary("List a range of members by position, score or name")
        .complexity("O(log(N)+M) with N the size of the sorted set and M the number of members returned")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("start", K::String),
            A::new("stop", K::String),
            A::new("sortby", K::OneOf)
                .since("6.2.0")
                .optional()
                .parts(&[A::word("byscore", "BYSCORE"), A::word("bylex", "BYLEX")]),
            A::word("rev", "REV").since("6.2.0").optional(),
            A::new("offset_count", K::Block)
                .token("LIMIT")
                .since("6.2.0")
                .optional()
                .parts(&[A::new("offset", K::Integer), A::new("count", K::Integer)]),
            A::word("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::new("zrangebyscore", Id::Zrangebyscore, -4, Group::SortedSet, "1.0.5")
        .flags(flags![READONLY])
        .categories(C::SORTED_SET)
        .summary("List the members in a range of scores")
        .complexity("O(log(N)+M) with N the size of the sorted set and M the number of members returned")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .deprecated("6.2.0", "`ZRANGE` with `BYSCORE`")
        .arguments(&[
            A::key("key", 0),
            A::new("min", K::Double),
            A::new("max", K::Double),
            A::word("withscores", "WITHSCORES").since("2.0.0").optional(),
            A::new("offset_count", K::Block)
                .token("LIMIT")
                .optional()
                .parts(&[A::new("offset", K::Integer), A::new("count", K::Integer)]),
        ]),
    CommandSpec::new("zrevrangebyscore", Id::Zrevrangebyscore, -4, Group::SortedSet, "2.2.0")
        .flags(flags![READONLY])
        .categories(C::SORTED_SET)
        .summary("List the members in a range of scores, the highest first")
        .complexity("O(log(N)+M) with N the size of the sorted set and M the number of members returned")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .deprecated("6.2.0", "`ZRANGE` with `REV` and `BYSCORE`")
        .arguments(&[
            A::key("key", 0),
            A::new("max", K::Double),
            A::new("min", K::Double),
            A::word("withscores", "WITHSCORES").optional(),
            A::new("offset_count", K::Block)
                .token("LIMIT")
                .optional()
                .parts(&[A::new("offset", K::Integer), A::new("count", K::Integer)]),
        ]),
    CommandSpec::new("zrangebylex", Id::Zrangebylex, -4, Group::SortedSet, "2.8.9")
        .flags(flags![READONLY])
        .categories(C::SORTED_SET)
        .summary("List the members in a range of names, where all scores are equal")
        .complexity("O(log(N)+M) with N the size of the sorted set and M the number of members returned")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .deprecated("6.2.0", "`ZRANGE` with `BYLEX`")
        .arguments(&[
            A::key("key", 0),
            A::new("min", K::String),
            A::new("max", K::String),
            A::new("offset_count", K::Block)
                .token("LIMIT")
                .optional()
                .parts(&[A::new("offset", K::Integer), A::new("count", K::Integer)]),
        ]),
    CommandSpec::new("zrevrangebylex", Id::Zrevrangebylex, -4, Group::SortedSet, "2.8.9")
        .flags(flags![READONLY])
        .categories(C::SORTED_SET)
        .summary("List the members in a range of names, the last first")
        .complexity("O(log(N)+M) with N the size of the sorted set and M the number of members returned")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .deprecated("6.2.0", "`ZRANGE` with `REV` and `BYLEX`")
        .arguments(&[
            A::key("key", 0),
            A::new("max", K::String),
            A::new("min", K::String),
            A::new("offset_count", K::Block)
                .token("LIMIT")
                .optional()
                .parts(&[A::new("offset", K::Integer), A::new("count", K::Integer)]),
        ]),
    CommandSpec::new("zrevrange", Id::Zrevrange, -4, Group::SortedSet, "1.2.0")
        .flags(flags![READONLY])
        .categories(C::SORTED_SET)
        .summary("List the members in a range of positions, the highest score first")
        .complexity("O(log(N)+M) with N the size of the sorted set and M the number of members returned")
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .deprecated("6.2.0", "`ZRANGE` with `REV`")
        .arguments(&[
            A::key("key", 0),
            A::new("start", K::Integer),
            A::new("stop", K::Integer),
            A::word("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::new("zrangestore", Id::Zrangestore, -5, Group::SortedSet, "6.2.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::SORTED_SET)
        .summary("Store a range of members under another key")
        .complexity("O(log(N)+M) with N the size of the sorted set and M the number of members stored")
        .keys(&[KeySpec::index(1, key_flags![OW, UPDATE]), KeySpec::index(2, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("dst", 0),
            A::key("src", 1),
            A::new("min", K::String),
            A::new("max", K::String),
            A::new("sortby", K::OneOf).optional().parts(&[A::word("byscore", "BYSCORE"), A::word("bylex", "BYLEX")]),
            A::word("rev", "REV").optional(),
            A::new("offset_count", K::Block)
                .token("LIMIT")
                .optional()
                .parts(&[A::new("offset", K::Integer), A::new("count", K::Integer)]),
        ]),
    CommandSpec::new("zremrangebyrank", Id::Zremrangebyrank, 4, Group::SortedSet, "2.0.0")
        .flags(flags![WRITE])
        .categories(C::SORTED_SET)
        .summary("Remove the members in a range of positions")
        .complexity("O(log(N)+M) with N the size of the sorted set and M the number of members removed")
        .keys(&[KeySpec::index(1, key_flags![RW, DELETE])])
        .arguments(&[A::key("key", 0), A::new("start", K::Integer), A::new("stop", K::Integer)]),
    CommandSpec::new("zremrangebyscore", Id::Zremrangebyscore, 4, Group::SortedSet, "1.2.0")
        .flags(flags![WRITE])
        .categories(C::SORTED_SET)
        .summary("Remove the members in a range of scores")
        .complexity("O(log(N)+M) with N the size of the sorted set and M the number of members removed")
        .keys(&[KeySpec::index(1, key_flags![RW, DELETE])])
        .arguments(&[A::key("key", 0), A::new("min", K::Double), A::new("max", K::Double)]),
    CommandSpec::new("zremrangebylex", Id::Zremrangebylex, 4, Group::SortedSet, "2.8.9")
        .flags(flags![WRITE])
        .categories(C::SORTED_SET)
        .summary("Remove the members in a range of names, where all scores are equal")
        .complexity("O(log(N)+M) with N the size of the sorted set and M the number of members removed")
        .keys(&[KeySpec::index(1, key_flags![RW, DELETE])])
        .arguments(&[A::key("key", 0), A::new("min", K::String), A::new("max", K::String)]),
    CommandSpec::new("zpopmin", Id::Zpopmin, -2, Group::SortedSet, "5.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::SORTED_SET)
        .summary("Take the members with the lowest scores")
        .complexity("O(M*log(N)) with M the number of members taken and N the size of the sorted set")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, DELETE])])
        .arguments(&[A::key("key", 0), A::new("count", K::Integer).optional()]),
    CommandSpec::new("zpopmax", Id::Zpopmax, -2, Group::SortedSet, "5.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::SORTED_SET)
        .summary("Take the members with the highest scores")
        .complexity("O(M*log(N)) with M the number of members taken and N the size of the sorted set")
        .keys(&[KeySpec::index(1, key_flags![RW, ACCESS, DELETE])])
        .arguments(&[A::key("key", 0), A::new("count", K::Integer).optional()]),
    CommandSpec::new("zmpop", Id::Zmpop, -4, Group::SortedSet, "7.0.0")
        .flags(flags![WRITE])
        .categories(C::SORTED_SET)
        .summary("Take members from the first of several sorted sets that has any")
        .complexity(
            "O(K+M*log(N)) with K the number of keys, M the number of members taken and N \
                 the size of the sorted set",
        )
        .keys(&[KeySpec::counted(1, key_flags![RW, ACCESS, DELETE])])
        .arguments(&[
            A::new("numkeys", K::Integer),
            A::key("key", 0).multiple(),
            A::new("where", K::OneOf).parts(&[A::word("min", "MIN"), A::word("max", "MAX")]),
            A::new("count", K::Integer).token("COUNT").optional(),
        ]),
    CommandSpec::new("zrandmember", Id::Zrandmember, -2, Group::SortedSet, "6.2.0")
        .flags(flags![READONLY])
        .categories(C::SORTED_SET)
        .summary("Pick random members of a sorted set")
        .complexity("O(N) with N the number of members picked")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("options", K::Block)
                .optional()
                .parts(&[A::new("count", K::Integer), A::word("withscores", "WITHSCORES").optional()]),
        ]),
    CommandSpec::new("zscan", Id::Zscan, -3, Group::SortedSet, "2.8.0")
        .flags(flags![READONLY])
        .categories(C::SORTED_SET)
        .summary("Walk over the members of a sorted set in steps")
        .complexity("O(1) for each call, O(N) for the whole walk with N the size of the sorted set")
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::index(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("key", 0),
            A::new("cursor", K::Integer),
            A::new("pattern", K::Pattern).token("MATCH").optional(),
            A::new("count", K::Integer).token("COUNT").optional(),
        ]),
    CommandSpec::new("zunion", Id::Zunion, -3, Group::SortedSet, "6.2.0")
        .flags(flags![READONLY])
        .categories(C::SORTED_SET)
        .summary("List the members that any of the sorted sets has")
        .complexity("O(N+M*log(M)) with N the sizes of all sorted sets together and M the size of the result")
        .keys(&[KeySpec::counted(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::new("numkeys", K::Integer),
            A::key("key", 0).multiple(),
            A::new("weight", K::Integer).token("WEIGHTS").optional().multiple(),
            A::new("aggregate", K::OneOf).token("AGGREGATE").optional().parts(&[
                A::word("sum", "SUM"),
                A::word("min", "MIN"),
                A::word("max", "MAX"),
            ]),
            A::word("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::new("zinter", Id::Zinter, -3, Group::SortedSet, "6.2.0")
        .flags(flags![READONLY])
        .categories(C::SORTED_SET)
        .summary("List the members that all sorted sets have")
        .complexity(
            "O(N*K+M*log(M)) with N the size of the smallest sorted set, K the number of \
                 sorted sets and M the size of the result",
        )
        .keys(&[KeySpec::counted(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::new("numkeys", K::Integer),
            A::key("key", 0).multiple(),
            A::new("weight", K::Integer).token("WEIGHTS").optional().multiple(),
            A::new("aggregate", K::OneOf).token("AGGREGATE").optional().parts(&[
                A::word("sum", "SUM"),
                A::word("min", "MIN"),
                A::word("max", "MAX"),
            ]),
            A::word("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::new("zdiff", Id::Zdiff, -3, Group::SortedSet, "6.2.0")
        .flags(flags![READONLY])
        .categories(C::SORTED_SET)
        .summary("List the members of the first sorted set that no other has")
        .complexity(
            "O(L+(N-M)*log(N)) with L the sizes of all sorted sets together, N the size of \
                 the first and M the size of the result",
        )
        .keys(&[KeySpec::counted(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::new("numkeys", K::Integer),
            A::key("key", 0).multiple(),
            A::word("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::new("zunionstore", Id::Zunionstore, -4, Group::SortedSet, "2.0.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::SORTED_SET)
        .summary("Store the members that any of the sorted sets has")
        .complexity("O(N+M*log(M)) with N the sizes of all sorted sets together and M the size of the result")
        .keys(&[KeySpec::index(1, key_flags![OW, UPDATE]), KeySpec::counted(2, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("destination", 0),
            A::new("numkeys", K::Integer),
            A::key("key", 1).multiple(),
            A::new("weight", K::Integer).token("WEIGHTS").optional().multiple(),
            A::new("aggregate", K::OneOf).token("AGGREGATE").optional().parts(&[
                A::word("sum", "SUM"),
                A::word("min", "MIN"),
                A::word("max", "MAX"),
            ]),
        ]),
    CommandSpec::new("zinterstore", Id::Zinterstore, -4, Group::SortedSet, "2.0.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::SORTED_SET)
        .summary("Store the members that all sorted sets have")
        .complexity(
            "O(N*K+M*log(M)) with N the size of the smallest sorted set, K the number of \
                 sorted sets and M the size of the result",
        )
        .keys(&[KeySpec::index(1, key_flags![OW, UPDATE]), KeySpec::counted(2, key_flags![RO, ACCESS])])
        .arguments(&[
            A::key("destination", 0),
            A::new("numkeys", K::Integer),
            A::key("key", 1).multiple(),
            A::new("weight", K::Integer).token("WEIGHTS").optional().multiple(),
            A::new("aggregate", K::OneOf).token("AGGREGATE").optional().parts(&[
                A::word("sum", "SUM"),
                A::word("min", "MIN"),
                A::word("max", "MAX"),
            ]),
        ]),
    CommandSpec::new("zdiffstore", Id::Zdiffstore, -4, Group::SortedSet, "6.2.0")
        .flags(flags![WRITE, DENYOOM])
        .categories(C::SORTED_SET)
        .summary("Store the members of the first sorted set that no other has")
        .complexity(
            "O(L+(N-M)*log(N)) with L the sizes of all sorted sets together, N the size of \
                 the first and M the size of the result",
        )
        .keys(&[KeySpec::index(1, key_flags![OW, UPDATE]), KeySpec::counted(2, key_flags![RO, ACCESS])])
        .arguments(&[A::key("destination", 0), A::new("numkeys", K::Integer), A::key("key", 1).multiple()]),
    CommandSpec::new("zintercard", Id::Zintercard, -3, Group::SortedSet, "7.0.0")
        .flags(flags![READONLY])
        .categories(C::SORTED_SET)
        .summary("Count the members that all sorted sets have")
        .complexity("O(N*K) with N the size of the smallest sorted set and K the number of sorted sets")
        .keys(&[KeySpec::counted(1, key_flags![RO, ACCESS])])
        .arguments(&[
            A::new("numkeys", K::Integer),
            A::key("key", 0).multiple(),
            A::new("limit", K::Integer).token("LIMIT").optional(),
        ]),
];
