//! Commands on sets. What is taken at random is taken whole, or the servers would go apart.

use super::Group;
use crate::differential::reply::Reply;

pub(super) const GROUP: Group = Group {
    fill: &["!SADD <key> <member>+", "!SADD <key> 1 2 3", "!SADD <key> a b c"],
    forms: &[
        (Reply::Exact, "SADD <key> <member>+"),
        (Reply::Exact, "SADD <key> <int>+"),
        (Reply::Exact, "SREM <key> <member>+"),
        (Reply::Unordered, "!SPOP <key> <all>"),
        (Reply::Exact, "!SPOP <key> (0|-1|abc|1 2)"),
        (Reply::Exact, "!DEL <key> ; SADD <key=> <member> ; SPOP <key=>"),
        (Reply::Unordered, "!SRANDMEMBER <key> <all>"),
        (Reply::Shape, "!SRANDMEMBER <key> [1|2|0|-3|-9]"),
        (Reply::Exact, "!SRANDMEMBER <key> (abc|-9223372036854775808|1 2)"),
        (Reply::Unordered, "SMEMBERS <key>"),
        (Reply::Unordered, "SMEMBERS <key>"),
        (Reply::Exact, "SISMEMBER <key> <member>"),
        (Reply::Exact, "SMISMEMBER <key> <member>+"),
        (Reply::Exact, "SCARD <key>"),
        (Reply::Exact, "SMOVE <key> <key> <member>"),
        (Reply::Exact, "SMOVE <key> <key=> <member>"),
        (Reply::Scan, "!SSCAN <key> 0 [MATCH <pattern>] COUNT <all>"),
        (Reply::Scan, "!SSCAN <key> (0 COUNT 0|0 WHAT|abc|0 COUNT 100 MATCH)"),
        (Reply::Unordered, "(SINTER|SUNION|SDIFF) <key>+"),
        (Reply::Exact, "(SINTERSTORE|SUNIONSTORE|SDIFFSTORE) <key> <key>+"),
        (Reply::Exact, "SINTERCARD 1 <key> [LIMIT <count>]"),
        (Reply::Exact, "SINTERCARD 2 <key> <key> [LIMIT <count>]"),
        (Reply::Exact, "SINTERCARD <count> <key> <word>"),
    ],
};
