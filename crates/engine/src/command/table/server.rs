//! The server.

use super::super::{
    Argument as A, ArgumentKind as K, Categories as C, CommandId as Id, CommandSpec, Flags, Group, KeyFlags, KeySpec,
};
use super::acl::ACL;

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec::new("acl", Id::Acl, -2, Group::Server, "6.0.0")
        .summary("Look into access rules and change them")
        .complexity("Depends on subcommand.")
        .subcommands(ACL),
    CommandSpec::new("bgrewriteaof", Id::Bgrewriteaof, 1, Group::Server, "1.0.0")
        .flags(flags![ADMIN, NOSCRIPT, NO_ASYNC_LOADING])
        .categories(C::DANGEROUS)
        .summary("Save all keys anew, so that the log of their changes starts again")
        .complexity("O(N) where N is the number of keys; clients go on meanwhile"),
    CommandSpec::new("command", Id::Command, -1, Group::Server, "2.8.13")
        .flags(flags![LOADING, STALE])
        .categories(C::CONNECTION)
        .summary("Describe every command")
        .complexity("O(N) where N is the total number of Redis commands")
        .tips(&["nondeterministic_output_order"])
        .subcommands(COMMAND),
    CommandSpec::new("config", Id::Config, -2, Group::Server, "2.0.0")
        .summary("Read and change settings")
        .complexity("Depends on subcommand.")
        .subcommands(CONFIG),
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
    CommandSpec::new("lastsave", Id::Lastsave, 1, Group::Server, "1.0.0")
        .flags(flags![LOADING, STALE, FAST])
        .categories(C::DANGEROUS)
        .summary("Say when all keys were saved last")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("latency", Id::Latency, -2, Group::Server, "2.8.13")
        .summary("Look into latency spikes")
        .complexity("Depends on subcommand.")
        .subcommands(LATENCY),
    CommandSpec::new("memory", Id::Memory, -2, Group::Server, "4.0.0")
        .summary("Look into the use of memory")
        .complexity("Depends on subcommand.")
        .subcommands(MEMORY),
    CommandSpec::new("module", Id::Module, -2, Group::Server, "4.0.0")
        .summary("Look into loaded modules")
        .complexity("Depends on subcommand.")
        .subcommands(MODULE),
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
        .subcommands(SLOWLOG),
    CommandSpec::new("time", Id::Time, 1, Group::Server, "2.6.0")
        .flags(flags![LOADING, STALE, FAST])
        .summary("Tell the time of the server")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("swapdb", Id::Swapdb, 3, Group::Server, "4.0.0")
        .flags(flags![WRITE, FAST])
        .categories(C::KEYSPACE.union(C::DANGEROUS))
        .summary("Exchange the contents of two databases")
        .complexity("O(N) with N the number of clients that watch keys of either database")
        .arguments(&[A::new("index1", K::Integer), A::new("index2", K::Integer)]),
];

const COMMAND: &[CommandSpec] = &[
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

const CONFIG: &[CommandSpec] = &[
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

const LATENCY: &[CommandSpec] = &[
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

const MEMORY: &[CommandSpec] = &[
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
        .keys(&[KeySpec::index(2, key_flags![RO])])
        .arguments(&[A::key("key", 0), A::new("count", K::Integer).token("SAMPLES").optional()]),
    CommandSpec::new("memory|help", Id::MemoryHelp, 2, Group::Server, "4.0.0")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];

const MODULE: &[CommandSpec] = &[
    CommandSpec::new("module|list", Id::ModuleList, 2, Group::Server, "4.0.0")
        .flags(flags![ADMIN, NOSCRIPT])
        .summary("List the loaded modules")
        .complexity("O(N) where N is the number of loaded modules.")
        .tips(&["nondeterministic_output_order"]),
    CommandSpec::new("module|help", Id::ModuleHelp, 2, Group::Server, "5.0.0")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];

const SLOWLOG: &[CommandSpec] = &[
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
