//! Scripts and functions.

use super::super::{Argument as A, ArgumentKind as K, Categories as C, CommandId as Id, CommandSpec, Flags, Group};

pub(super) const ROWS: &[CommandSpec] = &[CommandSpec::new("function", Id::Function, -2, Group::Scripting, "7.0.0")
    .summary("Look after function libraries")
    .complexity("Depends on subcommand.")
    .subcommands(FUNCTION)];

const FUNCTION: &[CommandSpec] = &[
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
