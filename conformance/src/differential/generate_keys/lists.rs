//! Commands on lists.

use super::Group;
use crate::differential::reply::Reply;

pub(super) const GROUP: Group = Group {
    fill: &["!(LPUSH|RPUSH) <key> <member>+", "!RPUSH <key> a b a c a", "!RPUSH <key> <value>+"],
    forms: &[
        (Reply::Exact, "(LPUSH|RPUSH) <key> <member>+"),
        (Reply::Exact, "(LPUSHX|RPUSHX) <key> <member>+"),
        (Reply::Exact, "(LPOP|RPOP) <key> [<count>]"),
        (Reply::Exact, "LMPOP 1 <key> (LEFT|RIGHT|<word>) [COUNT <count>]"),
        (Reply::Exact, "LMPOP 2 <key> <key> (LEFT|RIGHT) [COUNT <count>]"),
        (Reply::Exact, "LMPOP <count> <key> LEFT [<word>]"),
        (Reply::Exact, "LLEN <key>"),
        (Reply::Exact, "LINDEX <key> <index>"),
        (Reply::Exact, "LINDEX <key> <int>"),
        (Reply::Exact, "LRANGE <key> <index> <index>"),
        (Reply::Exact, "LRANGE <key> 0 -1"),
        (Reply::Exact, "LRANGE <key> <int> <int>"),
        (Reply::Exact, "LSET <key> <index> <member>"),
        (Reply::Exact, "LINSERT <key> (BEFORE|AFTER|BEFORE|AFTER|<word>) <member> <value>"),
        (Reply::Exact, "LREM <key> <index> <member>"),
        (Reply::Exact, "LTRIM <key> <index> <index>"),
        // Not the least rank: it finds nothing in 7.0, and is refused by 7.2.
        (Reply::Exact, "!LPOS <key> <member> [RANK <index>] [COUNT <count>] [MAXLEN <count>]"),
        (
            Reply::Exact,
            "!LPOS <key> a [RANK (9223372036854775807|-9223372036854775807|-1|0|abc)] [COUNT 0|COUNT|<word> 1]",
        ),
        (Reply::Exact, "LMOVE <key> <key> (LEFT|RIGHT) (LEFT|RIGHT|<word>)"),
        (Reply::Exact, "LMOVE <key> <key=> (LEFT|RIGHT) (LEFT|RIGHT)"),
        (Reply::Exact, "RPOPLPUSH <key> <key>"),
    ],
};
