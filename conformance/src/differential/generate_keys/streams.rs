//! Commands on streams. IDs are given: those made from the clock differ. Consumers are made before they read or claim: Redis
//! 7.0 makes them only if there is something to read or claim, later versions always.

use super::Group;
use crate::differential::reply::Reply;

pub(super) const GROUP: Group = Group {
    fill: &[
        "!XADD <key> <id> (<field> <value>)+",
        "!XADD <key> 1-1 f v ; XADD <key=> 1-2 f w ; XADD <key=> 3-1 f x g y",
        "!XGROUP CREATE <key> <group> (0|$|1-1) [MKSTREAM]",
        "!XGROUP CREATECONSUMER <key> <group> <consumer> ; \
         XREADGROUP GROUP <group=> <consumer=> [COUNT <positive>] STREAMS <key=> >",
    ],
    forms: &[
        (
            Reply::Exact,
            "XADD <key> [NOMKSTREAM] [MAXLEN [=|~] <count>|MINID [=|~] <id>|MAXLEN ~ <count> LIMIT <count>] <id> (<field> <value>)+",
        ),
        (Reply::Shape, "!XADD <key> * <field> <value> ; DEL <key=>"),
        (Reply::Exact, "XADD <key> <id> (<field>|<field> <value> <field>)"),
        (Reply::Exact, "XLEN <key>"),
        (Reply::Exact, "(XRANGE|XREVRANGE) <key> <range-id> <range-id> [COUNT <count>]"),
        (Reply::Exact, "XRANGE <key> - +"),
        (Reply::Exact, "XREVRANGE <key> + - [COUNT <positive>]"),
        (Reply::Exact, "!XREAD [COUNT <count>] STREAMS <key> (0|<entry>|$|abc|>)"),
        (Reply::Exact, "!XREAD [COUNT <count>] STREAMS <key> <key> (0|<entry>) (0|$)"),
        (Reply::Exact, "!XREAD (STREAMS|STREAMS <key>|COUNT 1|STREAMS <key> <key> 0|<word> STREAMS <key> 0)"),
        (Reply::Exact, "XDEL <key> <entry>+"),
        (Reply::Exact, "XTRIM <key> (MAXLEN|MINID) [=|~] <count>"),
        (Reply::Exact, "XTRIM <key> (MAXLEN|MINID) [=|~] <id> [LIMIT <count>]"),
        // Of a stream of which nothing was deleted: 7.2 looks at what was, 7.0 does not.
        (
            Reply::Exact,
            "!DEL <key> ; XADD <key=> 1-1 f v ; XADD <key=> 2-1 f v ; \
             XSETID <key=> <id> [ENTRIESADDED <count>] [MAXDELETEDID <entry>|<word>]",
        ),
        (Reply::Exact, "XGROUP CREATE <key> <group> (0|$|<entry>|abc) [MKSTREAM] [ENTRIESREAD <count>]"),
        (Reply::Exact, "XGROUP SETID <key> <group> (0|$|<entry>) [ENTRIESREAD <count>]"),
        (Reply::Exact, "XGROUP DESTROY <key> <group>"),
        (Reply::Exact, "XGROUP (CREATECONSUMER|DELCONSUMER) <key> <group> <consumer>"),
        (Reply::Exact, "XGROUP [NOSUCH|CREATE] [<key>] [<group>]"),
        (
            Reply::Exact,
            "!XGROUP CREATECONSUMER <key> <group> <consumer> ; \
             XREADGROUP GROUP <group=> <consumer=> [COUNT <count>] [NOACK] STREAMS <key=> (>|>|0|<entry>|$|abc)",
        ),
        (
            Reply::Exact,
            "!XGROUP CREATECONSUMER <source> <group> <consumer> ; XGROUP CREATECONSUMER <key> <group=> <consumer=> ; \
             XREADGROUP GROUP <group=> <consumer=> STREAMS <source=> <key=> > (>|0)",
        ),
        (
            Reply::Exact,
            "!DEL <key> ; XADD <key=> 1-1 <field> <value> ; XGROUP CREATE <key=> g 0 ; \
             XREADGROUP GROUP g carol [NOACK] STREAMS <key=> >",
        ),
        (Reply::Exact, "!XREADGROUP (GROUP <group>|<word> <group> <consumer> STREAMS <key> >|STREAMS <key> >)"),
        (Reply::Exact, "XACK <key> <group> <entry>+"),
        (Reply::Exact, "XPENDING <key> <group>"),
        (Reply::Pending, "XPENDING <key> <group> [IDLE (0|100000)] <range-id> <range-id> <count> [<consumer>]"),
        (Reply::Pending, "XPENDING <key> <group> - + 10"),
        (
            Reply::Exact,
            "!XGROUP CREATECONSUMER <key> <group> <consumer> ; \
             XCLAIM <key=> <group=> <consumer=> (0|100000|abc) <entry>+ [IDLE (0|500000)|TIME 1000] [RETRYCOUNT <count>] \
             [FORCE] [JUSTID] [LASTID <entry>]",
        ),
        (
            Reply::Exact,
            "!XGROUP CREATECONSUMER <key> <group> <consumer> ; \
             XAUTOCLAIM <key=> <group=> <consumer=> (0|100000|abc) (0|<entry>|-) [COUNT <count>] [JUSTID]",
        ),
        (Reply::StreamInfo, "XINFO STREAM <key> [FULL [COUNT <count>]]"),
        (Reply::StreamInfo, "XINFO GROUPS <key>"),
        (Reply::StreamInfo, "XINFO CONSUMERS <key> <group>"),
        (Reply::Exact, "XINFO [NOSUCH|STREAM]"),
    ],
};
