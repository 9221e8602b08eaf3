//! The command table: one row per command, in Redis's terms. Arity, flags, categories, positions and tips of Redis's
//! own commands are what `COMMAND INFO` of Redis 7.0 reports, for younger ones the first version that has them.

macro_rules! flags {
    ($($flag:ident),*) => { Flags::NONE$(.union(Flags::$flag))* };
}

macro_rules! key_flags {
    ($($flag:ident),*) => { KeyFlags::NONE$(.union(KeyFlags::$flag))* };
}

mod acl;
mod cluster;
mod connection;
mod generic;
mod hashes;
mod lists;
mod pubsub;
mod scripting;
mod server;
mod sets;
mod sorted_sets;
mod streams;
mod strings;
mod transactions;
mod unserved;

pub use unserved::UNSERVED;

use super::CommandSpec;

/// Every command, by group; subcommands hang on their container.
pub static COMMANDS: [CommandSpec; COUNT] = {
    let mut rows = [GROUPS[0][0]; COUNT];
    let (mut group, mut at) = (0, 0);
    while group < GROUPS.len() {
        let (_, rest) = rows.split_at_mut(at);
        let (place, _) = rest.split_at_mut(GROUPS[group].len());
        place.copy_from_slice(GROUPS[group]);
        at += GROUPS[group].len();
        group += 1;
    }
    rows
};

const COUNT: usize = {
    let (mut group, mut count) = (0, 0);
    while group < GROUPS.len() {
        count += GROUPS[group].len();
        group += 1;
    }
    count
};

const GROUPS: [&[CommandSpec]; 13] = [
    pubsub::ROWS,
    connection::ROWS,
    transactions::ROWS,
    generic::ROWS,
    strings::ROWS,
    lists::ROWS,
    sets::ROWS,
    hashes::ROWS,
    sorted_sets::ROWS,
    streams::ROWS,
    server::ROWS,
    cluster::ROWS,
    scripting::ROWS,
];
