//! Commands on sorted sets.

use super::Group;
use crate::differential::reply::Reply;

pub(super) const GROUP: Group = Group {
    fill: &["!ZADD <key> (<score> <member>)+", "!ZADD <key> 1 a 2 b 3 c", "!ZADD <key> 0 a 0 b 0 c 0 d"],
    forms: &[
        (Reply::Doubles, "ZADD <key> [NX|XX] [GT|LT] [CH] [INCR] <score> <member>"),
        (Reply::Doubles, "ZADD <key> [NX|XX] [GT|LT] [CH] (<score> <member>)+"),
        (Reply::Doubles, "ZADD <key> [NX|XX|GT] [INCR|LT|NX] (<score> <member>)+"),
        (Reply::Exact, "ZREM <key> <member>+"),
        (Reply::Doubles, "ZSCORE <key> <member>"),
        (Reply::Doubles, "ZMSCORE <key> <member>+"),
        (Reply::Doubles, "ZINCRBY <key> <score> <member>"),
        (Reply::Exact, "ZCARD <key>"),
        (Reply::Exact, "ZCOUNT <key> <score-bound> <score-bound>"),
        (Reply::Exact, "ZLEXCOUNT <key> (a|x) <lex-bound>"),
        (Reply::Exact, "!(ZRANK|ZREVRANK) <key> <member>"),
        (Reply::Doubles, "(ZRANGE|ZREVRANGE) <key> <index> <index> [WITHSCORES]"),
        (Reply::Doubles, "ZRANGE <key> 0 -1 WITHSCORES"),
        (Reply::Doubles, "ZRANGE <key> <index> <index> [REV] [WITHSCORES|<word>]"),
        (Reply::Doubles, "ZRANGE <key> <score-bound> <score-bound> BYSCORE [REV] [LIMIT <index> <index>] [WITHSCORES]"),
        (Reply::Doubles, "ZRANGE <key> (a|x) <lex-bound> BYLEX [REV] [LIMIT <index> <index>] [WITHSCORES]"),
        (Reply::Doubles, "ZRANGE <key> <index> <index> LIMIT 0 1"),
        (
            Reply::Doubles,
            "(ZRANGEBYSCORE|ZREVRANGEBYSCORE) <key> <score-bound> <score-bound> [WITHSCORES] [LIMIT <index> <index>]",
        ),
        (Reply::Exact, "(ZRANGEBYLEX|ZREVRANGEBYLEX) <key> (a|x) <lex-bound> [LIMIT <index> <index>]"),
        (Reply::Exact, "ZRANGESTORE <key> <key> <index> <index> [REV]"),
        (Reply::Exact, "ZRANGESTORE <key> <key> <score-bound> <score-bound> BYSCORE [REV] [LIMIT <index> <index>]"),
        // By lexical order there is one among members of one score only.
        (
            Reply::Exact,
            "!DEL <key> ; ZADD <key=> 0 <member> 0 <member> 0 <member> 0 <member> ; \
             (ZLEXCOUNT|ZREMRANGEBYLEX|ZRANGEBYLEX|ZREVRANGEBYLEX) <key=> <lex-bound> <lex-bound>",
        ),
        (
            Reply::Exact,
            "!DEL <key> ; ZADD <key=> 0 <member> 0 <member> 0 <member> 0 <member> ; \
             (ZRANGE|ZRANGESTORE <source>) <key=> <lex-bound> <lex-bound> BYLEX [REV] [LIMIT <index> <index>|WITHSCORES]",
        ),
        (
            Reply::Exact,
            "!DEL <key> ; ZADD <key=> 0 <member> 0 <member> 0 <member> 0 <member> ; \
             (ZRANGEBYLEX|ZREVRANGEBYLEX) <key=> <lex-bound> <lex-bound> LIMIT <index> <index>",
        ),
        (Reply::Exact, "ZREMRANGEBYRANK <key> <index> <index>"),
        (Reply::Exact, "ZREMRANGEBYSCORE <key> <score-bound> <score-bound>"),
        (Reply::Exact, "ZREMRANGEBYLEX <key> (a|x) <lex-bound>"),
        (Reply::Doubles, "(ZPOPMIN|ZPOPMAX) <key> [<count>]"),
        (Reply::Doubles, "ZMPOP 1 <key> (MIN|MAX|<word>) [COUNT <count>]"),
        (Reply::Doubles, "ZMPOP 2 <key> <key> (MIN|MAX) [COUNT <count>]"),
        (Reply::Doubles, "ZMPOP <count> <key> MIN <word>"),
        (Reply::Unordered, "!ZRANDMEMBER <key> <all>"),
        (Reply::UnorderedScores, "!ZRANDMEMBER <key> <all> WITHSCORES"),
        (Reply::Shape, "!ZRANDMEMBER <key> [1|2|0|-3|-9]"),
        (Reply::Shape, "!ZRANDMEMBER <key> (1|0|-4) WITHSCORES"),
        (Reply::Exact, "!ZRANDMEMBER <key> (abc|1 x|-9223372036854775808|-9223372036854775807 WITHSCORES)"),
        (Reply::ScanScores, "!ZSCAN <key> 0 [MATCH <pattern>] COUNT <all>"),
        (Reply::ScanScores, "!ZSCAN <key> (0 COUNT 0|0 WHAT|abc|0 COUNT 100 MATCH)"),
        (Reply::Doubles, "(ZUNION|ZINTER) 1 <key> [WEIGHTS <float>] [WITHSCORES]"),
        (
            Reply::Doubles,
            "(ZUNION|ZINTER) 2 <key> <key> [WEIGHTS <float> <float>] [AGGREGATE (SUM|MIN|MAX|<word>)] [WITHSCORES]",
        ),
        (Reply::Doubles, "ZDIFF 2 <key> <key> [WITHSCORES|WEIGHTS 1 2]"),
        (Reply::Doubles, "(ZUNION|ZINTER|ZDIFF) <count> <key> <word>"),
        (
            Reply::Exact,
            "(ZUNIONSTORE|ZINTERSTORE) <key> 2 <key> <key> [WEIGHTS <float> <float>] [AGGREGATE (SUM|MIN|MAX)] [<word>]",
        ),
        (Reply::Exact, "ZDIFFSTORE <key> (1 <key>|2 <key> <key>) [<word>]"),
        (Reply::Exact, "(ZUNIONSTORE|ZINTERSTORE) <key> <count> <key>"),
        (Reply::Exact, "ZINTERCARD (1 <key>|2 <key> <key>) [LIMIT <count>]"),
    ],
};
