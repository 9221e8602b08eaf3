//! Commands on strings.

use super::Group;
use crate::differential::reply::Reply;

pub(super) const GROUP: Group = Group {
    fill: &["!SET <key> <value>", "!SET <key> <int>", "!SET <key> <float>", "!MSET (<key> <value>)+"],
    forms: &[
        (Reply::Exact, "!SET <key> <value> [NX|XX] [GET] [EX <seconds>|PX <ms>|EXAT <at>|PXAT <at-ms>|KEEPTTL|<word>]"),
        (Reply::Exact, "!SET <key> <value> [GET] [EX <seconds>|KEEPTTL] [XX] [KEEPTTL|PX <ms>|NX]"),
        (Reply::Exact, "!SET <key> <value> (EXAT|PXAT) <past> ; GET <key=>"),
        (Reply::Exact, "SETNX <key> <value>"),
        (Reply::Exact, "!SETEX <key> <seconds> <value>"),
        (Reply::Exact, "!PSETEX <key> <ms> <value>"),
        (Reply::Exact, "GET <key>"),
        (Reply::Exact, "GET <key>"),
        (Reply::Exact, "GETDEL <key>"),
        (Reply::Exact, "GETSET <key> <value>"),
        (Reply::Exact, "!GETEX <key> [EX <seconds>|PX <ms>|EXAT <at>|PXAT <at-ms>|PERSIST|EXAT <past>|<word>]"),
        (Reply::Exact, "MGET <key>+"),
        (Reply::Exact, "MSET (<key> <value>)+"),
        (Reply::Exact, "MSETNX (<key> <value>)+"),
        (Reply::Exact, "APPEND <key> <value>"),
        (Reply::Exact, "STRLEN <key>"),
        (Reply::Exact, "GETRANGE <key> <index> <index>"),
        (Reply::Exact, "GETRANGE <key> <int> <int>"),
        (Reply::Exact, "!SETRANGE <key> <offset> <value>"),
        (Reply::Exact, "(INCR|DECR) <key>"),
        (Reply::Exact, "(INCRBY|DECRBY) <key> <int>"),
        (Reply::Exact, "INCRBYFLOAT <key> <float>"),
    ],
};
