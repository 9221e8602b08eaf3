//! The connection itself.

use super::super::{Argument as A, ArgumentKind as K, Categories as C, CommandId as Id, CommandSpec, Flags, Group};

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec::new("hello", Id::Hello, -1, Group::Connection, "6.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY])
        .categories(C::CONNECTION)
        .summary("Choose the protocol version, log in and name the connection in one step")
        .arguments(&[A::new("arguments", K::Block).optional().parts(&[
            A::new("protover", K::Integer),
            A::new("username_password", K::Block)
                .token("AUTH")
                .optional()
                .parts(&[A::new("username", K::String), A::new("password", K::String)]),
            A::new("clientname", K::String).token("SETNAME").optional(),
        ])]),
    CommandSpec::new("auth", Id::Auth, -2, Group::Connection, "1.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY])
        .categories(C::CONNECTION)
        .summary("Log in")
        .complexity("O(N) where N is the number of passwords defined for the user")
        .arguments(&[A::new("username", K::String).since("6.0.0").optional(), A::new("password", K::String)]),
    CommandSpec::new("ping", Id::Ping, -1, Group::Connection, "1.0.0")
        .flags(flags![FAST, ALLOWED_IN_SUBSCRIBE_MODE])
        .categories(C::CONNECTION)
        .summary("Check that the server answers")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .arguments(&[A::new("message", K::String).optional()]),
    CommandSpec::new("echo", Id::Echo, 2, Group::Connection, "1.0.0")
        .flags(flags![LOADING, STALE, FAST])
        .categories(C::CONNECTION)
        .summary("Send the given bytes back")
        .arguments(&[A::new("message", K::String)]),
    CommandSpec::new("quit", Id::Quit, -1, Group::Connection, "1.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY, ALLOWED_IN_SUBSCRIBE_MODE])
        .categories(C::CONNECTION)
        .summary("Close the connection"),
    CommandSpec::new("reset", Id::Reset, 1, Group::Connection, "6.2.0")
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY, ALLOWED_IN_SUBSCRIBE_MODE])
        .categories(C::CONNECTION)
        .summary("Bring the connection back to its state after connecting"),
    CommandSpec::new("select", Id::Select, 2, Group::Connection, "1.0.0")
        .flags(flags![LOADING, STALE, FAST])
        .categories(C::CONNECTION)
        .summary("Choose a database")
        .arguments(&[A::new("index", K::Integer)]),
    CommandSpec::new("client", Id::Client, -2, Group::Connection, "2.4.0")
        .summary("Inspect and steer connections")
        .complexity("Depends on subcommand.")
        .subcommands(CLIENT),
];

const CLIENT: &[CommandSpec] = &[
    CommandSpec::new("client|id", Id::ClientId, 2, Group::Connection, "5.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Tell the number of this connection"),
    CommandSpec::new("client|getname", Id::ClientGetname, 2, Group::Connection, "2.6.9")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Tell the name of this connection"),
    CommandSpec::new("client|setname", Id::ClientSetname, 3, Group::Connection, "2.6.9")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Name this connection")
        .arguments(&[A::new("connection-name", K::String)]),
    CommandSpec::new("client|setinfo", Id::ClientSetinfo, 4, Group::Connection, "7.2.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Record the client library behind this connection")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .arguments(&[A::new("attr", K::OneOf)
            .parts(&[A::new("libname", K::String).token("LIB-NAME"), A::new("libver", K::String).token("LIB-VER")])]),
    CommandSpec::new("client|list", Id::ClientList, -2, Group::Connection, "2.4.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("List the connections")
        .complexity("O(N) where N is the number of client connections")
        .tips(&["nondeterministic_output"])
        .arguments(&[
            A::new("normal_master_replica_pubsub", K::OneOf).token("TYPE").since("5.0.0").optional().parts(&[
                A::word("normal", "NORMAL"),
                A::word("master", "MASTER"),
                A::word("replica", "REPLICA"),
                A::word("pubsub", "PUBSUB"),
            ]),
            A::new("id", K::Block)
                .token("ID")
                .since("6.2.0")
                .optional()
                .parts(&[A::new("client-id", K::Integer).multiple()]),
        ]),
    CommandSpec::new("client|info", Id::ClientInfo, 2, Group::Connection, "6.2.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Describe this connection")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("client|kill", Id::ClientKill, -3, Group::Connection, "2.4.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Close the connections that match a filter")
        .complexity("O(N) where N is the number of client connections")
        .arguments(&[A::new("filter", K::OneOf).parts(&[
            A::new("ip:port", K::String).deprecated("2.8.12"),
            A::new("new-format", K::OneOf).multiple().parts(&[
                A::new("client-id", K::Integer).token("ID").since("2.8.12").optional(),
                A::new("normal_master_slave_pubsub", K::OneOf).token("TYPE").since("2.8.12").optional().parts(&[
                    A::word("normal", "NORMAL"),
                    A::word("master", "MASTER").since("3.2.0"),
                    A::word("slave", "SLAVE"),
                    A::word("replica", "REPLICA").since("5.0.0"),
                    A::word("pubsub", "PUBSUB"),
                ]),
                A::new("username", K::String).token("USER").optional(),
                A::new("ip:port", K::String).token("ADDR").optional(),
                A::new("ip:port", K::String).token("LADDR").since("6.2.0").optional(),
                A::new("yes/no", K::String).token("SKIPME").optional(),
            ]),
        ])]),
    CommandSpec::new("client|reply", Id::ClientReply, 3, Group::Connection, "3.2.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Switch replies to this connection on or off")
        .arguments(&[A::new("on_off_skip", K::OneOf).parts(&[
            A::word("on", "ON"),
            A::word("off", "OFF"),
            A::word("skip", "SKIP"),
        ])]),
    CommandSpec::new("client|no-evict", Id::ClientNoEvict, 3, Group::Connection, "7.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Spare this connection when client memory is reclaimed")
        .arguments(&[A::new("enabled", K::OneOf).parts(&[A::word("on", "ON"), A::word("off", "OFF")])]),
    CommandSpec::new("client|no-touch", Id::ClientNoTouch, 3, Group::Connection, "7.2.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Keep the requests of this connection from refreshing key access times")
        .arguments(&[A::new("enabled", K::OneOf).parts(&[A::word("on", "ON"), A::word("off", "OFF")])]),
    CommandSpec::new("client|pause", Id::ClientPause, -3, Group::Connection, "2.9.50")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Hold back requests for a number of milliseconds")
        .arguments(&[
            A::new("timeout", K::Integer),
            A::new("mode", K::OneOf)
                .since("6.2.0")
                .optional()
                .parts(&[A::word("write", "WRITE"), A::word("all", "ALL")]),
        ]),
    CommandSpec::new("client|unpause", Id::ClientUnpause, 2, Group::Connection, "6.2.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("End a pause early")
        .complexity("O(N) Where N is the number of paused clients"),
    CommandSpec::new("client|unblock", Id::ClientUnblock, -3, Group::Connection, "5.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Wake a connection that waits in a blocking command")
        .complexity("O(log N) where N is the number of client connections")
        .arguments(&[
            A::new("client-id", K::Integer),
            A::new("timeout_error", K::OneOf)
                .optional()
                .parts(&[A::word("timeout", "TIMEOUT"), A::word("error", "ERROR")]),
        ]),
    CommandSpec::new("client|tracking", Id::ClientTracking, -3, Group::Connection, "6.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Switch messages on or off that tell which keys seen here have changed")
        .complexity("O(1), or O(N) with N the number of prefixes given")
        .arguments(&[
            A::new("status", K::OneOf).parts(&[A::word("on", "ON"), A::word("off", "OFF")]),
            A::new("client-id", K::Integer).token("REDIRECT").optional(),
            A::new("prefix", K::String).token("PREFIX").optional().multiple_token(),
            A::word("bcast", "BCAST").optional(),
            A::word("optin", "OPTIN").optional(),
            A::word("optout", "OPTOUT").optional(),
            A::word("noloop", "NOLOOP").optional(),
        ]),
    CommandSpec::new("client|caching", Id::ClientCaching, 3, Group::Connection, "6.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Let the keys of the next request be tracked, or not")
        .arguments(&[A::new("mode", K::OneOf).parts(&[A::word("yes", "YES"), A::word("no", "NO")])]),
    CommandSpec::new("client|trackinginfo", Id::ClientTrackinginfo, 2, Group::Connection, "6.2.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Tell how keys are tracked for this connection"),
    CommandSpec::new("client|getredir", Id::ClientGetredir, 2, Group::Connection, "6.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Tell which connection gets the messages about changed keys"),
    CommandSpec::new("client|help", Id::ClientHelp, 2, Group::Connection, "5.0.0")
        .flags(flags![LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Print this help"),
];
