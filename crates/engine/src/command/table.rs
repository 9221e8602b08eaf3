//! The command table: one row per command, in Redis's terms. Arity, flags, categories, positions and tips of Redis's own
//! commands are what `COMMAND INFO` of Redis 7.0 reports (7.2 for the younger ones).

use self::CommandId as Id;
use super::{Argument as A, ArgumentKind as K, Categories as C, Flags};
use super::{ChannelAccess, CommandSpec, Group, Reason, Unserved};

macro_rules! flags {
    ($($flag:ident),*) => { Flags::NONE$(.union(Flags::$flag))* };
}

/// The name of a row: one variant per command and per subcommand.
#[expect(missing_docs, reason = "each variant is the name of its row, which documents it")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandId {
    Acl,
    AclCat,
    AclHelp,
    AclWhoami,
    Asking,
    Auth,
    Client,
    ClientGetname,
    ClientHelp,
    ClientId,
    ClientInfo,
    ClientKill,
    ClientList,
    ClientNoEvict,
    ClientNoTouch,
    ClientPause,
    ClientReply,
    ClientSetinfo,
    ClientSetname,
    ClientUnblock,
    ClientUnpause,
    Cluster,
    ClusterAddslots,
    ClusterAddslotsrange,
    ClusterBumpepoch,
    ClusterCountFailureReports,
    ClusterCountkeysinslot,
    ClusterDelslots,
    ClusterDelslotsrange,
    ClusterFailover,
    ClusterFlushslots,
    ClusterForget,
    ClusterGetkeysinslot,
    ClusterHelp,
    ClusterInfo,
    ClusterKeyslot,
    ClusterLinks,
    ClusterMeet,
    ClusterMyid,
    ClusterNodes,
    ClusterReplicas,
    ClusterReplicate,
    ClusterReset,
    ClusterSaveconfig,
    ClusterSetConfigEpoch,
    ClusterSetslot,
    ClusterShards,
    ClusterSlaves,
    ClusterSlots,
    Command,
    CommandCount,
    CommandDocs,
    CommandGetkeys,
    CommandGetkeysandflags,
    CommandHelp,
    CommandInfo,
    CommandList,
    Config,
    ConfigGet,
    ConfigHelp,
    ConfigResetstat,
    ConfigRewrite,
    ConfigSet,
    Dbsize,
    Discard,
    Echo,
    Exec,
    Flushall,
    Flushdb,
    Function,
    FunctionFlush,
    FunctionHelp,
    Hello,
    Info,
    Latency,
    LatencyDoctor,
    LatencyGraph,
    LatencyHelp,
    LatencyHistogram,
    LatencyHistory,
    LatencyLatest,
    LatencyReset,
    Memory,
    MemoryDoctor,
    MemoryHelp,
    MemoryPurge,
    MemoryStats,
    MemoryUsage,
    Module,
    ModuleHelp,
    ModuleList,
    Mpublish,
    Multi,
    Ping,
    Psubscribe,
    Publish,
    Pubsub,
    PubsubChannels,
    PubsubHelp,
    PubsubNumpat,
    PubsubNumsub,
    PubsubShardchannels,
    PubsubShardnumsub,
    PubsubSubscribers,
    Punsubscribe,
    Quit,
    Readonly,
    Readwrite,
    Reset,
    Role,
    Select,
    Shutdown,
    Slowlog,
    SlowlogGet,
    SlowlogHelp,
    SlowlogLen,
    SlowlogReset,
    Spublish,
    Ssubscribe,
    Subscribe,
    Sunsubscribe,
    Time,
    Unsubscribe,
    Wait,
}

/// Every command, by group; subcommands hang on their container.
pub static COMMANDS: [CommandSpec; 41] = [
    CommandSpec::new("publish", Id::Publish, 3, Group::Pubsub, "2.0.0")
        .flags(flags![PUBSUB, LOADING, STALE, FAST])
        .summary("Send a message to the subscribers of a channel")
        .complexity(
            "O(N+M) where N is the number of clients subscribed to the receiving \
                 channel and M is the total number of subscribed patterns (by any client).",
        )
        .channels(ChannelAccess::Publish, 1, 1, 1)
        .arguments(&[A::new("channel", K::String), A::new("message", K::String)]),
    CommandSpec::new("mpublish", Id::Mpublish, -3, Group::Pubsub, "0.1.0")
        .flags(flags![PUBSUB, LOADING, STALE, OWN])
        .summary("Send several messages in one request and count the receivers of each")
        .complexity(
            "O(K*(N+M)) where K is the number of messages, N the subscribers of a \
                 channel and M the patterns.",
        )
        .channels(ChannelAccess::Publish, 1, -1, 2)
        .arguments(&[A::new("channel_payload", K::Block)
            .multiple()
            .parts(&[A::new("channel", K::String), A::new("payload", K::String)])]),
    CommandSpec::new("spublish", Id::Spublish, 3, Group::Pubsub, "7.0.0")
        .flags(flags![PUBSUB, LOADING, STALE, FAST])
        .summary("Send a message to the subscribers of a shard channel")
        .complexity(
            "O(N) where N is the number of clients subscribed to the receiving shard \
                 channel.",
        )
        .keys(&["not_key"], 1, 0, 1)
        .channels(ChannelAccess::Publish, 1, 1, 1)
        .arguments(&[A::new("shardchannel", K::String), A::new("message", K::String)]),
    CommandSpec::new("subscribe", Id::Subscribe, -2, Group::Pubsub, "2.0.0")
        .flags(flags![PUBSUB, NOSCRIPT, LOADING, STALE, ALLOWED_IN_SUBSCRIBE_MODE])
        .summary("Receive what is published to the given channels")
        .complexity("O(N) where N is the number of channels to subscribe to.")
        .channels(ChannelAccess::Subscribe, 1, -1, 1)
        .arguments(&[A::new("channel", K::String).multiple()]),
    CommandSpec::new("unsubscribe", Id::Unsubscribe, -1, Group::Pubsub, "2.0.0")
        .flags(flags![PUBSUB, NOSCRIPT, LOADING, STALE, ALLOWED_IN_SUBSCRIBE_MODE])
        .summary("Stop receiving from the given channels, or from all")
        .complexity("O(N) where N is the number of clients already subscribed to a channel.")
        .channels(ChannelAccess::Unsubscribe, 1, -1, 1)
        .arguments(&[A::new("channel", K::String).optional().multiple()]),
    CommandSpec::new("psubscribe", Id::Psubscribe, -2, Group::Pubsub, "2.0.0")
        .flags(flags![PUBSUB, NOSCRIPT, LOADING, STALE, ALLOWED_IN_SUBSCRIBE_MODE])
        .summary("Receive what is published to channels that match the given patterns")
        .complexity(
            "O(N) where N is the number of patterns the client is already subscribed \
                 to.",
        )
        .channels(ChannelAccess::PatternSubscribe, 1, -1, 1)
        .arguments(&[A::new("pattern", K::Block).multiple().parts(&[A::new("pattern", K::Pattern)])]),
    CommandSpec::new("punsubscribe", Id::Punsubscribe, -1, Group::Pubsub, "2.0.0")
        .flags(flags![PUBSUB, NOSCRIPT, LOADING, STALE, ALLOWED_IN_SUBSCRIBE_MODE])
        .summary("Stop receiving through the given patterns, or through all")
        .complexity(
            "O(N+M) where N is the number of patterns the client is already subscribed \
                 and M is the number of total patterns subscribed in the system (by any \
                 client).",
        )
        .channels(ChannelAccess::Unsubscribe, 1, -1, 1)
        .arguments(&[A::new("pattern", K::Pattern).optional().multiple()]),
    CommandSpec::new("ssubscribe", Id::Ssubscribe, -2, Group::Pubsub, "7.0.0")
        .flags(flags![PUBSUB, NOSCRIPT, LOADING, STALE, ALLOWED_IN_SUBSCRIBE_MODE])
        .summary("Receive what is published to the given shard channels")
        .complexity("O(N) where N is the number of shard channels to subscribe to.")
        .keys(&["not_key"], 1, -1, 1)
        .channels(ChannelAccess::Subscribe, 1, -1, 1)
        .arguments(&[A::new("shardchannel", K::String).multiple()]),
    CommandSpec::new("sunsubscribe", Id::Sunsubscribe, -1, Group::Pubsub, "7.0.0")
        .flags(flags![PUBSUB, NOSCRIPT, LOADING, STALE, ALLOWED_IN_SUBSCRIBE_MODE])
        .summary("Stop receiving from the given shard channels, or from all")
        .complexity(
            "O(N) where N is the number of clients already subscribed to a shard \
                 channel.",
        )
        .keys(&["not_key"], 1, -1, 1)
        .channels(ChannelAccess::Unsubscribe, 1, -1, 1)
        .arguments(&[A::new("shardchannel", K::String).optional().multiple()]),
    CommandSpec::new("pubsub", Id::Pubsub, -2, Group::Pubsub, "2.8.0")
        .summary("Look into the state of channels and patterns")
        .complexity("Depends on subcommand.")
        .subcommands(&PUBSUB),
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
        .subcommands(&CLIENT),
    CommandSpec::new("multi", Id::Multi, 1, Group::Transactions, "1.2.0")
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY])
        .categories(C::TRANSACTION)
        .summary("Start queueing requests"),
    CommandSpec::new("exec", Id::Exec, 1, Group::Transactions, "1.2.0")
        .flags(flags![NOSCRIPT, LOADING, STALE, SKIP_SLOWLOG])
        .categories(C::TRANSACTION)
        .summary("Run the queued requests")
        .complexity("Depends on commands in the transaction"),
    CommandSpec::new("discard", Id::Discard, 1, Group::Transactions, "2.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY])
        .categories(C::TRANSACTION)
        .summary("Drop the queued requests")
        .complexity("O(N), when N is the number of queued commands"),
    CommandSpec::new("acl", Id::Acl, -2, Group::Server, "6.0.0")
        .summary("Look into access rules")
        .complexity("Depends on subcommand.")
        .subcommands(&ACL),
    CommandSpec::new("command", Id::Command, -1, Group::Server, "2.8.13")
        .flags(flags![LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Describe every command")
        .complexity("O(N) where N is the total number of Redis commands")
        .tips(&["nondeterministic_output_order"])
        .subcommands(&COMMAND),
    CommandSpec::new("config", Id::Config, -2, Group::Server, "2.0.0")
        .summary("Read and change settings")
        .complexity("Depends on subcommand.")
        .subcommands(&CONFIG),
    CommandSpec::new("dbsize", Id::Dbsize, 1, Group::Server, "1.0.0")
        .flags(flags![READONLY, FAST])
        .categories(C::KEYSPACE)
        .summary("Count the keys of the database")
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
    CommandSpec::new("flushall", Id::Flushall, -1, Group::Server, "1.0.0")
        .flags(flags![WRITE])
        .categories(C::KEYSPACE.union(C::DANGEROUS))
        .summary("Remove all keys of all databases")
        .complexity("O(N) where N is the total number of keys in all databases")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .arguments(&[A::new("async", K::OneOf)
            .optional()
            .parts(&[A::word("async", "ASYNC").since("4.0.0"), A::word("sync", "SYNC").since("6.2.0")])]),
    CommandSpec::new("flushdb", Id::Flushdb, -1, Group::Server, "1.0.0")
        .flags(flags![WRITE])
        .categories(C::KEYSPACE.union(C::DANGEROUS))
        .summary("Remove all keys of the database")
        .complexity("O(N) where N is the number of keys in the selected database")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .arguments(&[A::new("async", K::OneOf)
            .optional()
            .parts(&[A::word("async", "ASYNC").since("4.0.0"), A::word("sync", "SYNC").since("6.2.0")])]),
    CommandSpec::new("info", Id::Info, -1, Group::Server, "1.0.0")
        .flags(flags![LOADING, STALE])
        .categories(C::DANGEROUS)
        .summary("Report on the server in sections")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .arguments(&[A::new("section", K::String).optional().multiple()]),
    CommandSpec::new("latency", Id::Latency, -2, Group::Server, "2.8.13")
        .summary("Look into latency spikes")
        .complexity("Depends on subcommand.")
        .subcommands(&LATENCY),
    CommandSpec::new("memory", Id::Memory, -2, Group::Server, "4.0.0")
        .summary("Look into the use of memory")
        .complexity("Depends on subcommand.")
        .subcommands(&MEMORY),
    CommandSpec::new("module", Id::Module, -2, Group::Server, "4.0.0")
        .summary("Look into loaded modules")
        .complexity("Depends on subcommand.")
        .subcommands(&MODULE),
    CommandSpec::new("role", Id::Role, 1, Group::Server, "2.8.12")
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST])
        .categories(C::ADMIN.union(C::DANGEROUS))
        .summary("Tell the role of this server in replication"),
    CommandSpec::new("shutdown", Id::Shutdown, -1, Group::Server, "1.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE, NO_MULTI, ALLOW_BUSY])
        .summary("Stop the server")
        .complexity(
            "O(N) when saving, where N is the total number of keys in all databases \
                 when saving data, otherwise O(1)",
        )
        .arguments(&[
            A::new("nosave_save", K::OneOf).optional().parts(&[A::word("nosave", "NOSAVE"), A::word("save", "SAVE")]),
            A::word("now", "NOW").since("7.0.0").optional(),
            A::word("force", "FORCE").since("7.0.0").optional(),
            A::word("abort", "ABORT").since("7.0.0").optional(),
        ]),
    CommandSpec::new("slowlog", Id::Slowlog, -2, Group::Server, "2.2.12")
        .summary("Look into slow requests")
        .complexity("Depends on subcommand.")
        .subcommands(&SLOWLOG),
    CommandSpec::new("time", Id::Time, 1, Group::Server, "2.6.0")
        .flags(flags![LOADING, STALE, FAST])
        .summary("Tell the time of the server")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("asking", Id::Asking, 1, Group::Cluster, "3.0.0")
        .flags(flags![FAST])
        .categories(C::CONNECTION)
        .summary("Announce a request for a slot that is being imported"),
    CommandSpec::new("cluster", Id::Cluster, -2, Group::Cluster, "3.0.0")
        .summary("Look into the cluster")
        .complexity("Depends on subcommand.")
        .subcommands(&CLUSTER),
    CommandSpec::new("readonly", Id::Readonly, 1, Group::Cluster, "3.0.0")
        .flags(flags![LOADING, STALE, FAST])
        .categories(C::CONNECTION)
        .summary("Allow reads from a replica on this connection"),
    CommandSpec::new("readwrite", Id::Readwrite, 1, Group::Cluster, "3.0.0")
        .flags(flags![LOADING, STALE, FAST])
        .categories(C::CONNECTION)
        .summary("Send reads to the master again"),
    CommandSpec::new("wait", Id::Wait, 3, Group::Generic, "3.0.0")
        .flags(flags![NOSCRIPT])
        .categories(C::CONNECTION)
        .summary("Wait until replicas have confirmed earlier writes")
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .arguments(&[A::new("numreplicas", K::Integer), A::new("timeout", K::Integer)]),
    CommandSpec::new("function", Id::Function, -2, Group::Scripting, "7.0.0")
        .summary("Look after function libraries")
        .complexity("Depends on subcommand.")
        .subcommands(&FUNCTION),
];

static PUBSUB: [CommandSpec; 7] = [
    CommandSpec::new("pubsub|channels", Id::PubsubChannels, -2, Group::Pubsub, "2.8.0")
        .flags(flags![PUBSUB, LOADING, STALE])
        .summary("List the channels that have subscribers")
        .complexity(
            "O(N) where N is the number of active channels, and assuming constant time \
                 pattern matching (relatively short channels and patterns)",
        )
        .arguments(&[A::new("pattern", K::Pattern).optional()]),
    CommandSpec::new("pubsub|numpat", Id::PubsubNumpat, 2, Group::Pubsub, "2.8.0")
        .flags(flags![PUBSUB, LOADING, STALE])
        .summary("Count the distinct patterns that have subscribers"),
    CommandSpec::new("pubsub|numsub", Id::PubsubNumsub, -2, Group::Pubsub, "2.8.0")
        .flags(flags![PUBSUB, LOADING, STALE])
        .summary("Count the subscribers of each given channel, patterns left aside")
        .complexity(
            "O(N) for the NUMSUB subcommand, where N is the number of requested \
                 channels",
        )
        .arguments(&[A::new("channel", K::String).optional().multiple()]),
    CommandSpec::new("pubsub|shardchannels", Id::PubsubShardchannels, -2, Group::Pubsub, "7.0.0")
        .flags(flags![PUBSUB, LOADING, STALE])
        .summary("List the shard channels that have subscribers")
        .complexity(
            "O(N) where N is the number of active shard channels, and assuming constant \
                 time pattern matching (relatively short shard channels).",
        )
        .arguments(&[A::new("pattern", K::Pattern).optional()]),
    CommandSpec::new("pubsub|shardnumsub", Id::PubsubShardnumsub, -2, Group::Pubsub, "7.0.0")
        .flags(flags![PUBSUB, LOADING, STALE])
        .summary("Count the subscribers of each given shard channel")
        .complexity(
            "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested \
                 shard channels",
        )
        .arguments(&[A::new("shardchannel", K::String).optional().multiple()]),
    CommandSpec::new("pubsub|subscribers", Id::PubsubSubscribers, 3, Group::Pubsub, "0.1.0")
        .flags(flags![PUBSUB, LOADING, STALE, OWN])
        .summary("List the connections subscribed to a channel")
        .complexity("O(N) where N is the number of subscribers of the channel.")
        .arguments(&[A::new("channel", K::String)]),
    CommandSpec::new("pubsub|help", Id::PubsubHelp, 2, Group::Pubsub, "6.2.0")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];

static CLIENT: [CommandSpec; 14] = [
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
    CommandSpec::new("client|help", Id::ClientHelp, 2, Group::Connection, "5.0.0")
        .flags(flags![LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Print this help"),
];

static ACL: [CommandSpec; 3] = [
    CommandSpec::new("acl|cat", Id::AclCat, -2, Group::Server, "6.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .summary("List the command categories, or the commands of one")
        .complexity("O(1) since the categories and commands are a fixed set.")
        .arguments(&[A::new("categoryname", K::String).optional()]),
    CommandSpec::new("acl|whoami", Id::AclWhoami, 2, Group::Server, "6.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .summary("Tell the user of this connection"),
    CommandSpec::new("acl|help", Id::AclHelp, 2, Group::Server, "6.0.0")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];

static COMMAND: [CommandSpec; 7] = [
    CommandSpec::new("command|count", Id::CommandCount, 2, Group::Server, "2.8.13")
        .flags(flags![LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Count the commands"),
    CommandSpec::new("command|docs", Id::CommandDocs, -2, Group::Server, "7.0.0")
        .flags(flags![LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Describe commands for people")
        .complexity("O(N) where N is the number of commands to look up")
        .tips(&["nondeterministic_output_order"])
        .arguments(&[A::new("command-name", K::String).optional().multiple()]),
    CommandSpec::new("command|getkeys", Id::CommandGetkeys, -4, Group::Server, "2.8.13")
        .flags(flags![LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Pick the key names out of a request")
        .complexity("O(N) where N is the number of arguments to the command")
        .arguments(&[A::new("command", K::String), A::new("arg", K::String).optional().multiple()]),
    CommandSpec::new("command|getkeysandflags", Id::CommandGetkeysandflags, -4, Group::Server, "7.0.0")
        .flags(flags![LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Pick the key names out of a request and tell how they are used")
        .complexity("O(N) where N is the number of arguments to the command")
        .arguments(&[A::new("command", K::String), A::new("arg", K::String).optional().multiple()]),
    CommandSpec::new("command|info", Id::CommandInfo, -2, Group::Server, "2.8.13")
        .flags(flags![LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Describe commands for programs")
        .complexity("O(N) where N is the number of commands to look up")
        .tips(&["nondeterministic_output_order"])
        .arguments(&[A::new("command-name", K::String).optional().multiple()]),
    CommandSpec::new("command|list", Id::CommandList, -2, Group::Server, "7.0.0")
        .flags(flags![LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("List the names of the commands")
        .complexity("O(N) where N is the total number of Redis commands")
        .tips(&["nondeterministic_output_order"])
        .arguments(&[A::new("filterby", K::OneOf).token("FILTERBY").optional().parts(&[
            A::new("module-name", K::String).token("MODULE"),
            A::new("category", K::String).token("ACLCAT"),
            A::new("pattern", K::Pattern).token("PATTERN"),
        ])]),
    CommandSpec::new("command|help", Id::CommandHelp, 2, Group::Server, "5.0.0")
        .flags(flags![LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Print this help"),
];

static CONFIG: [CommandSpec; 5] = [
    CommandSpec::new("config|get", Id::ConfigGet, -3, Group::Server, "2.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Read the settings that match the given patterns")
        .complexity("O(N) when N is the number of configuration parameters provided")
        .arguments(&[A::new("parameter", K::Block).multiple().parts(&[A::new("parameter", K::String)])]),
    CommandSpec::new("config|set", Id::ConfigSet, -4, Group::Server, "2.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Change settings while the server runs")
        .complexity("O(N) when N is the number of configuration parameters provided")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .arguments(&[A::new("parameter_value", K::Block)
            .multiple()
            .parts(&[A::new("parameter", K::String), A::new("value", K::String)])]),
    CommandSpec::new("config|resetstat", Id::ConfigResetstat, 2, Group::Server, "2.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Set the counters of INFO back to zero"),
    CommandSpec::new("config|rewrite", Id::ConfigRewrite, 2, Group::Server, "2.8.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Write the settings in force to the configuration file"),
    CommandSpec::new("config|help", Id::ConfigHelp, 2, Group::Server, "5.0.0")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];

static LATENCY: [CommandSpec; 7] = [
    CommandSpec::new("latency|doctor", Id::LatencyDoctor, 2, Group::Server, "2.8.13")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Explain the recorded latency spikes")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    CommandSpec::new("latency|graph", Id::LatencyGraph, 3, Group::Server, "2.8.13")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Draw the latency of an event")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .arguments(&[A::new("event", K::String)]),
    CommandSpec::new("latency|histogram", Id::LatencyHistogram, -2, Group::Server, "7.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Report how long commands take, as a distribution")
        .complexity(
            "O(N) where N is the number of commands with latency information being \
                 retrieved.",
        )
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .arguments(&[A::new("command", K::String).optional().multiple()]),
    CommandSpec::new("latency|history", Id::LatencyHistory, 3, Group::Server, "2.8.13")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("List the latency samples of an event")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .arguments(&[A::new("event", K::String)]),
    CommandSpec::new("latency|latest", Id::LatencyLatest, 2, Group::Server, "2.8.13")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("List the most recent latency sample of each event")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    CommandSpec::new("latency|reset", Id::LatencyReset, -2, Group::Server, "2.8.13")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Forget the latency samples of the given events, or of all")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .arguments(&[A::new("event", K::String).optional().multiple()]),
    CommandSpec::new("latency|help", Id::LatencyHelp, 2, Group::Server, "2.8.13")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];

static MEMORY: [CommandSpec; 5] = [
    CommandSpec::new("memory|doctor", Id::MemoryDoctor, 2, Group::Server, "4.0.0")
        .summary("Explain the use of memory")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    CommandSpec::new("memory|purge", Id::MemoryPurge, 2, Group::Server, "4.0.0")
        .summary("Return unused memory to the system")
        .complexity("Depends on how much memory is allocated, could be slow")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    CommandSpec::new("memory|stats", Id::MemoryStats, 2, Group::Server, "4.0.0")
        .summary("Report on the use of memory")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    CommandSpec::new("memory|usage", Id::MemoryUsage, -3, Group::Server, "4.0.0")
        .flags(flags![READONLY])
        .summary("Estimate the memory that a key takes")
        .complexity("O(N) where N is the number of samples.")
        .keys(&["RO"], 2, 0, 1)
        .arguments(&[A::new("key", K::Key), A::new("count", K::Integer).token("SAMPLES").optional()]),
    CommandSpec::new("memory|help", Id::MemoryHelp, 2, Group::Server, "4.0.0")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];

static MODULE: [CommandSpec; 2] = [
    CommandSpec::new("module|list", Id::ModuleList, 2, Group::Server, "4.0.0")
        .flags(flags![ADMIN, NOSCRIPT])
        .summary("List the loaded modules")
        .complexity("O(N) where N is the number of loaded modules.")
        .tips(&["nondeterministic_output_order"]),
    CommandSpec::new("module|help", Id::ModuleHelp, 2, Group::Server, "5.0.0")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];

static SLOWLOG: [CommandSpec; 4] = [
    CommandSpec::new("slowlog|get", Id::SlowlogGet, -2, Group::Server, "2.2.12")
        .flags(flags![ADMIN, LOADING, STALE])
        .summary("List the latest slow requests")
        .complexity("O(N) where N is the number of entries returned")
        .tips(&["request_policy:all_nodes", "nondeterministic_output"])
        .arguments(&[A::new("count", K::Integer).optional()]),
    CommandSpec::new("slowlog|len", Id::SlowlogLen, 2, Group::Server, "2.2.12")
        .flags(flags![ADMIN, LOADING, STALE])
        .summary("Count the recorded slow requests")
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"]),
    CommandSpec::new("slowlog|reset", Id::SlowlogReset, 2, Group::Server, "2.2.12")
        .flags(flags![ADMIN, LOADING, STALE])
        .summary("Forget the recorded slow requests")
        .complexity("O(N) where N is the number of entries in the slowlog")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    CommandSpec::new("slowlog|help", Id::SlowlogHelp, 2, Group::Server, "6.2.0")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];

static CLUSTER: [CommandSpec; 27] = [
    CommandSpec::new("cluster|addslots", Id::ClusterAddslots, -3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Take on hash slots")
        .complexity("O(N) where N is the total number of hash slot arguments")
        .arguments(&[A::new("slot", K::Integer).multiple()]),
    CommandSpec::new("cluster|addslotsrange", Id::ClusterAddslotsrange, -4, Group::Cluster, "7.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Take on ranges of hash slots")
        .complexity(
            "O(N) where N is the total number of the slots between the start slot and \
                 end slot arguments.",
        )
        .arguments(&[A::new("start-slot_end-slot", K::Block)
            .multiple()
            .parts(&[A::new("start-slot", K::Integer), A::new("end-slot", K::Integer)])]),
    CommandSpec::new("cluster|bumpepoch", Id::ClusterBumpepoch, 2, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Move to the next configuration epoch")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("cluster|count-failure-reports", Id::ClusterCountFailureReports, 3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE])
        .summary("Count the failure reports about a node")
        .complexity("O(N) where N is the number of failure reports")
        .tips(&["nondeterministic_output"])
        .arguments(&[A::new("node-id", K::String)]),
    CommandSpec::new("cluster|countkeysinslot", Id::ClusterCountkeysinslot, 3, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("Count the keys of a hash slot")
        .arguments(&[A::new("slot", K::Integer)]),
    CommandSpec::new("cluster|delslots", Id::ClusterDelslots, -3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Give up hash slots")
        .complexity("O(N) where N is the total number of hash slot arguments")
        .arguments(&[A::new("slot", K::Integer).multiple()]),
    CommandSpec::new("cluster|delslotsrange", Id::ClusterDelslotsrange, -4, Group::Cluster, "7.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Give up ranges of hash slots")
        .complexity(
            "O(N) where N is the total number of the slots between the start slot and \
                 end slot arguments.",
        )
        .arguments(&[A::new("start-slot_end-slot", K::Block)
            .multiple()
            .parts(&[A::new("start-slot", K::Integer), A::new("end-slot", K::Integer)])]),
    CommandSpec::new("cluster|failover", Id::ClusterFailover, -2, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Let a replica take over from its master")
        .arguments(&[A::new("options", K::OneOf)
            .optional()
            .parts(&[A::word("force", "FORCE"), A::word("takeover", "TAKEOVER")])]),
    CommandSpec::new("cluster|flushslots", Id::ClusterFlushslots, 2, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Give up every hash slot"),
    CommandSpec::new("cluster|forget", Id::ClusterForget, 3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Remove a node from the list of known nodes")
        .arguments(&[A::new("node-id", K::String)]),
    CommandSpec::new("cluster|getkeysinslot", Id::ClusterGetkeysinslot, 4, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("List keys of a hash slot")
        .complexity("O(log(N)) where N is the number of requested keys")
        .tips(&["nondeterministic_output"])
        .arguments(&[A::new("slot", K::Integer), A::new("count", K::Integer)]),
    CommandSpec::new("cluster|info", Id::ClusterInfo, 2, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("Report on the state of the cluster")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("cluster|keyslot", Id::ClusterKeyslot, 3, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("Compute the hash slot of a key")
        .complexity("O(N) where N is the number of bytes in the key")
        .arguments(&[A::new("key", K::String)]),
    CommandSpec::new("cluster|links", Id::ClusterLinks, 2, Group::Cluster, "7.0.0")
        .flags(flags![STALE])
        .summary("List the connections between nodes")
        .complexity("O(N) where N is the total number of Cluster nodes")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("cluster|meet", Id::ClusterMeet, -4, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Join another node")
        .arguments(&[
            A::new("ip", K::String),
            A::new("port", K::Integer),
            A::new("cluster_bus_port", K::Integer).since("4.0.0").optional(),
        ]),
    CommandSpec::new("cluster|myid", Id::ClusterMyid, 2, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("Tell the id of this node"),
    CommandSpec::new("cluster|nodes", Id::ClusterNodes, 2, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("List the nodes in the format of their configuration file")
        .complexity("O(N) where N is the total number of Cluster nodes")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("cluster|replicas", Id::ClusterReplicas, 3, Group::Cluster, "5.0.0")
        .flags(flags![ADMIN, STALE])
        .summary("List the replicas of a master")
        .tips(&["nondeterministic_output"])
        .arguments(&[A::new("node-id", K::String)]),
    CommandSpec::new("cluster|replicate", Id::ClusterReplicate, 3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Become a replica of a master")
        .arguments(&[A::new("node-id", K::String)]),
    CommandSpec::new("cluster|reset", Id::ClusterReset, -2, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, NOSCRIPT, STALE])
        .summary("Leave the cluster and forget it")
        .complexity(
            "O(N) where N is the number of known nodes. The command may execute a \
                 FLUSHALL as a side effect.",
        )
        .arguments(&[A::new("hard_soft", K::OneOf)
            .optional()
            .parts(&[A::word("hard", "HARD"), A::word("soft", "SOFT")])]),
    CommandSpec::new("cluster|saveconfig", Id::ClusterSaveconfig, 2, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Write the state of the cluster to disk"),
    CommandSpec::new("cluster|set-config-epoch", Id::ClusterSetConfigEpoch, 3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Set the configuration epoch of a fresh node")
        .arguments(&[A::new("config-epoch", K::Integer)]),
    CommandSpec::new("cluster|setslot", Id::ClusterSetslot, -4, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Assign a hash slot to a node, or mark it as moving")
        .arguments(&[
            A::new("slot", K::Integer),
            A::new("subcommand", K::OneOf).parts(&[
                A::new("node-id", K::String).token("IMPORTING"),
                A::new("node-id", K::String).token("MIGRATING"),
                A::new("node-id", K::String).token("NODE"),
                A::word("stable", "STABLE"),
            ]),
        ]),
    CommandSpec::new("cluster|shards", Id::ClusterShards, 2, Group::Cluster, "7.0.0")
        .flags(flags![STALE])
        .summary("List the shards with their slots and nodes")
        .complexity("O(N) where N is the total number of cluster nodes")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("cluster|slaves", Id::ClusterSlaves, 3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE])
        .summary("List the replicas of a master")
        .tips(&["nondeterministic_output"])
        .deprecated("5.0.0", "CLUSTER REPLICAS")
        .arguments(&[A::new("node-id", K::String)]),
    CommandSpec::new("cluster|slots", Id::ClusterSlots, 2, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("List the ranges of hash slots with their nodes")
        .complexity("O(N) where N is the total number of Cluster nodes")
        .tips(&["nondeterministic_output"])
        .deprecated("7.0.0", "CLUSTER SHARDS"),
    CommandSpec::new("cluster|help", Id::ClusterHelp, 2, Group::Cluster, "5.0.0")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];

static FUNCTION: [CommandSpec; 2] = [
    CommandSpec::new("function|flush", Id::FunctionFlush, -2, Group::Scripting, "7.0.0")
        .flags(flags![WRITE, NOSCRIPT])
        .categories(C::SCRIPTING)
        .summary("Remove all function libraries")
        .complexity("O(N) where N is the number of functions deleted")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .arguments(&[A::new("async", K::OneOf)
            .optional()
            .parts(&[A::word("async", "ASYNC"), A::word("sync", "SYNC")])]),
    CommandSpec::new("function|help", Id::FunctionHelp, 2, Group::Scripting, "7.0.0")
        .flags(flags![LOADING, STALE])
        .categories(C::SCRIPTING)
        .summary("Print this help"),
];

/// The commands of Redis 7.2 that this release does not serve, by name within each reason.
pub static UNSERVED: &[Unserved] = &[
    unserved("append", Reason::Keys),
    unserved("bitcount", Reason::Keys),
    unserved("bitfield", Reason::Keys),
    unserved("bitfield_ro", Reason::Keys),
    unserved("bitop", Reason::Keys),
    unserved("bitpos", Reason::Keys),
    unserved("copy", Reason::Keys),
    unserved("decr", Reason::Keys),
    unserved("decrby", Reason::Keys),
    unserved("del", Reason::Keys),
    unserved("dump", Reason::Keys),
    unserved("exists", Reason::Keys),
    unserved("expire", Reason::Keys),
    unserved("expireat", Reason::Keys),
    unserved("expiretime", Reason::Keys),
    unserved("geoadd", Reason::Keys),
    unserved("geodist", Reason::Keys),
    unserved("geohash", Reason::Keys),
    unserved("geopos", Reason::Keys),
    unserved("georadius", Reason::Keys),
    unserved("georadius_ro", Reason::Keys),
    unserved("georadiusbymember", Reason::Keys),
    unserved("georadiusbymember_ro", Reason::Keys),
    unserved("geosearch", Reason::Keys),
    unserved("geosearchstore", Reason::Keys),
    unserved("get", Reason::Keys),
    unserved("getbit", Reason::Keys),
    unserved("getdel", Reason::Keys),
    unserved("getex", Reason::Keys),
    unserved("getrange", Reason::Keys),
    unserved("getset", Reason::Keys),
    unserved("hdel", Reason::Keys),
    unserved("hexists", Reason::Keys),
    unserved("hget", Reason::Keys),
    unserved("hgetall", Reason::Keys),
    unserved("hincrby", Reason::Keys),
    unserved("hincrbyfloat", Reason::Keys),
    unserved("hkeys", Reason::Keys),
    unserved("hlen", Reason::Keys),
    unserved("hmget", Reason::Keys),
    unserved("hmset", Reason::Keys),
    unserved("hrandfield", Reason::Keys),
    unserved("hscan", Reason::Keys),
    unserved("hset", Reason::Keys),
    unserved("hsetnx", Reason::Keys),
    unserved("hstrlen", Reason::Keys),
    unserved("hvals", Reason::Keys),
    unserved("incr", Reason::Keys),
    unserved("incrby", Reason::Keys),
    unserved("incrbyfloat", Reason::Keys),
    unserved("keys", Reason::Keys),
    unserved("lcs", Reason::Keys),
    unserved("lindex", Reason::Keys),
    unserved("linsert", Reason::Keys),
    unserved("llen", Reason::Keys),
    unserved("lmove", Reason::Keys),
    unserved("lmpop", Reason::Keys),
    unserved("lpop", Reason::Keys),
    unserved("lpos", Reason::Keys),
    unserved("lpush", Reason::Keys),
    unserved("lpushx", Reason::Keys),
    unserved("lrange", Reason::Keys),
    unserved("lrem", Reason::Keys),
    unserved("lset", Reason::Keys),
    unserved("ltrim", Reason::Keys),
    unserved("mget", Reason::Keys),
    unserved("migrate", Reason::Keys),
    unserved("move", Reason::Keys),
    unserved("mset", Reason::Keys),
    unserved("msetnx", Reason::Keys),
    unserved("object", Reason::Keys),
    unserved("persist", Reason::Keys),
    unserved("pexpire", Reason::Keys),
    unserved("pexpireat", Reason::Keys),
    unserved("pexpiretime", Reason::Keys),
    unserved("pfadd", Reason::Keys),
    unserved("pfcount", Reason::Keys),
    unserved("pfdebug", Reason::Keys),
    unserved("pfmerge", Reason::Keys),
    unserved("pfselftest", Reason::Keys),
    unserved("psetex", Reason::Keys),
    unserved("pttl", Reason::Keys),
    unserved("randomkey", Reason::Keys),
    unserved("rename", Reason::Keys),
    unserved("renamenx", Reason::Keys),
    unserved("restore", Reason::Keys),
    unserved("restore-asking", Reason::Keys),
    unserved("rpop", Reason::Keys),
    unserved("rpoplpush", Reason::Keys),
    unserved("rpush", Reason::Keys),
    unserved("rpushx", Reason::Keys),
    unserved("sadd", Reason::Keys),
    unserved("scan", Reason::Keys),
    unserved("scard", Reason::Keys),
    unserved("sdiff", Reason::Keys),
    unserved("sdiffstore", Reason::Keys),
    unserved("set", Reason::Keys),
    unserved("setbit", Reason::Keys),
    unserved("setex", Reason::Keys),
    unserved("setnx", Reason::Keys),
    unserved("setrange", Reason::Keys),
    unserved("sinter", Reason::Keys),
    unserved("sintercard", Reason::Keys),
    unserved("sinterstore", Reason::Keys),
    unserved("sismember", Reason::Keys),
    unserved("smembers", Reason::Keys),
    unserved("smismember", Reason::Keys),
    unserved("smove", Reason::Keys),
    unserved("sort", Reason::Keys),
    unserved("sort_ro", Reason::Keys),
    unserved("spop", Reason::Keys),
    unserved("srandmember", Reason::Keys),
    unserved("srem", Reason::Keys),
    unserved("sscan", Reason::Keys),
    unserved("strlen", Reason::Keys),
    unserved("substr", Reason::Keys),
    unserved("sunion", Reason::Keys),
    unserved("sunionstore", Reason::Keys),
    unserved("swapdb", Reason::Keys),
    unserved("touch", Reason::Keys),
    unserved("ttl", Reason::Keys),
    unserved("type", Reason::Keys),
    unserved("unlink", Reason::Keys),
    unserved("unwatch", Reason::Keys),
    unserved("watch", Reason::Keys),
    unserved("xack", Reason::Keys),
    unserved("xadd", Reason::Keys),
    unserved("xautoclaim", Reason::Keys),
    unserved("xclaim", Reason::Keys),
    unserved("xdel", Reason::Keys),
    unserved("xgroup", Reason::Keys),
    unserved("xinfo", Reason::Keys),
    unserved("xlen", Reason::Keys),
    unserved("xpending", Reason::Keys),
    unserved("xrange", Reason::Keys),
    unserved("xrevrange", Reason::Keys),
    unserved("xsetid", Reason::Keys),
    unserved("xtrim", Reason::Keys),
    unserved("zadd", Reason::Keys),
    unserved("zcard", Reason::Keys),
    unserved("zcount", Reason::Keys),
    unserved("zdiff", Reason::Keys),
    unserved("zdiffstore", Reason::Keys),
    unserved("zincrby", Reason::Keys),
    unserved("zinter", Reason::Keys),
    unserved("zintercard", Reason::Keys),
    unserved("zinterstore", Reason::Keys),
    unserved("zlexcount", Reason::Keys),
    unserved("zmpop", Reason::Keys),
    unserved("zmscore", Reason::Keys),
    unserved("zpopmax", Reason::Keys),
    unserved("zpopmin", Reason::Keys),
    unserved("zrandmember", Reason::Keys),
    unserved("zrange", Reason::Keys),
    unserved("zrangebylex", Reason::Keys),
    unserved("zrangebyscore", Reason::Keys),
    unserved("zrangestore", Reason::Keys),
    unserved("zrank", Reason::Keys),
    unserved("zrem", Reason::Keys),
    unserved("zremrangebylex", Reason::Keys),
    unserved("zremrangebyrank", Reason::Keys),
    unserved("zremrangebyscore", Reason::Keys),
    unserved("zrevrange", Reason::Keys),
    unserved("zrevrangebylex", Reason::Keys),
    unserved("zrevrangebyscore", Reason::Keys),
    unserved("zrevrank", Reason::Keys),
    unserved("zscan", Reason::Keys),
    unserved("zscore", Reason::Keys),
    unserved("zunion", Reason::Keys),
    unserved("zunionstore", Reason::Keys),
    unserved("blmove", Reason::Blocking),
    unserved("blmpop", Reason::Blocking),
    unserved("blpop", Reason::Blocking),
    unserved("brpop", Reason::Blocking),
    unserved("brpoplpush", Reason::Blocking),
    unserved("bzmpop", Reason::Blocking),
    unserved("bzpopmax", Reason::Blocking),
    unserved("bzpopmin", Reason::Blocking),
    unserved("xread", Reason::Blocking),
    unserved("xreadgroup", Reason::Blocking),
    unserved("eval", Reason::Scripting),
    unserved("eval_ro", Reason::Scripting),
    unserved("evalsha", Reason::Scripting),
    unserved("evalsha_ro", Reason::Scripting),
    unserved("fcall", Reason::Scripting),
    unserved("fcall_ro", Reason::Scripting),
    unserved("script", Reason::Scripting),
    unserved("failover", Reason::Replication),
    unserved("psync", Reason::Replication),
    unserved("replconf", Reason::Replication),
    unserved("replicaof", Reason::Replication),
    unserved("slaveof", Reason::Replication),
    unserved("sync", Reason::Replication),
    unserved("waitaof", Reason::Replication),
    unserved("bgrewriteaof", Reason::Other),
    unserved("bgsave", Reason::Other),
    unserved("debug", Reason::Other),
    unserved("lastsave", Reason::Other),
    unserved("lolwut", Reason::Other),
    unserved("monitor", Reason::Other),
    unserved("save", Reason::Other),
];

const fn unserved(name: &'static str, reason: Reason) -> Unserved {
    Unserved { name, reason }
}
