//! Commands on hashes, as far as Redis 7.0 has them.

use super::Group;
use crate::differential::reply::Reply;

pub(super) const GROUP: Group = Group {
    fill: &["!HSET <key> (<field> <value>)+", "!HSET <key> (<field> <int>)+", "!HSET <key> a 1 b 2"],
    forms: &[
        (Reply::Exact, "(HSET|HMSET) <key> (<field> <value>)+"),
        (Reply::Exact, "HSETNX <key> <field> <value>"),
        (Reply::Exact, "HGET <key> <field>"),
        (Reply::Exact, "HMGET <key> <field>+"),
        (Reply::UnorderedPairs, "HGETALL <key>"),
        (Reply::UnorderedPairs, "HGETALL <key>"),
        (Reply::Unordered, "(HKEYS|HVALS) <key>"),
        (Reply::Exact, "HDEL <key> <field>+"),
        (Reply::Exact, "HLEN <key>"),
        (Reply::Exact, "HEXISTS <key> <field>"),
        (Reply::Exact, "HSTRLEN <key> <field>"),
        (Reply::Exact, "HINCRBY <key> <field> <int>"),
        (Reply::Exact, "HINCRBYFLOAT <key> <field> <float>"),
        (Reply::Unordered, "!HRANDFIELD <key> <all>"),
        (Reply::UnorderedPairs, "!HRANDFIELD <key> <all> WITHVALUES"),
        (Reply::Shape, "!HRANDFIELD <key> [1|2|0|-3|-9]"),
        (Reply::Shape, "!HRANDFIELD <key> (1|0|-4) WITHVALUES"),
        (
            Reply::Exact,
            "!HRANDFIELD <key> (abc|1 x|-9223372036854775808|-9223372036854775807 WITHVALUES|1 WITHVALUES x)",
        ),
        (Reply::ScanPairs, "!HSCAN <key> 0 [MATCH <pattern>] COUNT <all>"),
        (Reply::ScanPairs, "!HSCAN <key> (0 COUNT 0|0 WHAT|abc|0 COUNT 100 MATCH)"),
    ],
};
