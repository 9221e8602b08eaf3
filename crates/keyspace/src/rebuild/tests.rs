//! Values made by commands, and made again from what is saved of them.

use std::fmt::Write as _;

use fanfare_wire::{Parsed, Request, RequestArgs, RequestLimits, RequestParser};
use proptest::prelude::*;

use super::*;
use crate::commands::{
    expire, generic, hash_fields, hashes, lists, restore, sets, sorted_set_operations, sorted_set_ranges, sorted_sets,
    stream_claims, stream_groups, stream_info, stream_reads, streams, strings,
};
use crate::keyspace::{EncodingLimits, Keyspace};
use crate::testing::{Bench, Command};

/// When the values are looked at.
const LATER_MS: u64 = 1_000_500;

pub(crate) type Words = Vec<Vec<u8>>;

/// The commands that change keys, and those that are saved.
pub(crate) fn command(words: &[impl AsRef<[u8]>]) -> Command {
    let name = words[0].as_ref();
    match str::from_utf8(name).unwrap() {
        "APPEND" => strings::append,
        "SET" => strings::set,
        "SETEX" => strings::setex,
        "PSETEX" => strings::psetex,
        "SETNX" => strings::setnx,
        "SETRANGE" => strings::setrange,
        "GETDEL" => strings::getdel,
        "GETEX" => strings::getex,
        "GETSET" => strings::getset,
        "INCR" => strings::incr,
        "DECRBY" => strings::decrby,
        "INCRBYFLOAT" => strings::incrbyfloat,
        "MSET" => strings::mset,
        "MSETNX" => strings::msetnx,
        "DEL" => generic::del,
        "RENAME" => generic::rename,
        "RENAMENX" => generic::renamenx,
        "COPY" => generic::copy,
        "MOVE" => generic::move_,
        "SWAPDB" => generic::swapdb,
        "FLUSHDB" => generic::flushdb,
        "FLUSHALL" => generic::flushall,
        "EXPIRE" => expire::expire,
        "PEXPIRE" => expire::pexpire,
        "EXPIREAT" => expire::expireat,
        "PEXPIREAT" => expire::pexpireat,
        "PERSIST" => expire::persist,
        "RPUSH" => lists::rpush,
        "LPUSH" => lists::lpush,
        "LPUSHX" => lists::lpushx,
        "RPUSHX" => lists::rpushx,
        "LPOP" => lists::lpop,
        "RPOP" => lists::rpop,
        "LINSERT" => lists::linsert,
        "LSET" => lists::lset,
        "LREM" => lists::lrem,
        "LTRIM" => lists::ltrim,
        "LMOVE" => lists::lmove,
        "RPOPLPUSH" => lists::rpoplpush,
        "LMPOP" => lists::lmpop,
        "SADD" => sets::sadd,
        "SREM" => sets::srem,
        "SPOP" => sets::spop,
        "SMOVE" => sets::smove,
        "SDIFFSTORE" => sets::sdiffstore,
        "SINTERSTORE" => sets::sinterstore,
        "SUNIONSTORE" => sets::sunionstore,
        "HSET" => hashes::hset,
        "HMSET" => hashes::hmset,
        "HSETNX" => hashes::hsetnx,
        "HDEL" => hashes::hdel,
        "HINCRBY" => hashes::hincrby,
        "HINCRBYFLOAT" => hashes::hincrbyfloat,
        "HEXPIRE" => hash_fields::hexpire,
        "HPEXPIRE" => hash_fields::hpexpire,
        "HEXPIREAT" => hash_fields::hexpireat,
        "HPEXPIREAT" => hash_fields::hpexpireat,
        "HPERSIST" => hash_fields::hpersist,
        "HGETDEL" => hash_fields::hgetdel,
        "HGETEX" => hash_fields::hgetex,
        "HSETEX" => hash_fields::hsetex,
        "ZADD" => sorted_sets::zadd,
        "ZINCRBY" => sorted_sets::zincrby,
        "ZREM" => sorted_sets::zrem,
        "ZPOPMIN" => sorted_sets::zpopmin,
        "ZPOPMAX" => sorted_sets::zpopmax,
        "ZMPOP" => sorted_sets::zmpop,
        "ZREMRANGEBYRANK" => sorted_set_ranges::zremrangebyrank,
        "ZREMRANGEBYSCORE" => sorted_set_ranges::zremrangebyscore,
        "ZREMRANGEBYLEX" => sorted_set_ranges::zremrangebylex,
        "ZRANGESTORE" => sorted_set_ranges::zrangestore,
        "ZDIFFSTORE" => sorted_set_operations::zdiffstore,
        "ZINTERSTORE" => sorted_set_operations::zinterstore,
        "ZUNIONSTORE" => sorted_set_operations::zunionstore,
        "XADD" => streams::xadd,
        "XDEL" => streams::xdel,
        "XTRIM" => streams::xtrim,
        "XSETID" => streams::xsetid,
        "XGROUP" => match words[1].as_ref() {
            b"CREATE" => stream_groups::xgroup_create,
            b"CREATECONSUMER" => stream_groups::xgroup_createconsumer,
            b"SETID" => stream_groups::xgroup_setid,
            b"DELCONSUMER" => stream_groups::xgroup_delconsumer,
            b"DESTROY" => stream_groups::xgroup_destroy,
            other => panic!("XGROUP {}", other.escape_ascii()),
        },
        "XREADGROUP" => stream_reads::xreadgroup,
        "XACK" => stream_groups::xack,
        "XCLAIM" => stream_claims::xclaim,
        "XAUTOCLAIM" => stream_claims::xautoclaim,
        restore::XCONSUMER => restore::xconsumer,
        restore::XPENDING => restore::xpending,
        other => panic!("{other}"),
    }
}

fn run(bench: &mut Bench, words: &[impl AsRef<[u8]>]) -> String {
    bench.run_words(command(words), words)
}

/// What is saved of the keys that are `wanted`.
fn save(keyspace: &Keyspace, wanted: impl Fn(&Value) -> bool) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, entry) in keyspace.databases[0].entries.iter().filter(|(_, entry)| wanted(&entry.value)) {
        append_key(&mut out, key, &entry.value, entry.deadline_ms);
    }
    out
}

fn requests(saved: &[u8]) -> Vec<Words> {
    let (mut parser, mut args, mut rest) = (RequestParser::new(), RequestArgs::new(), saved);
    let mut requests = Vec::new();
    while !rest.is_empty() {
        let parsed = parser.parse(rest, &RequestLimits::DEFAULT, &mut args);
        let Ok(Parsed::Complete { consumed }) = parsed else { panic!("{parsed:?}") };
        requests.push(Request::new(rest, &args).iter().map(<[u8]>::to_vec).collect());
        rest = &rest[consumed..];
    }
    requests
}

/// Another keyspace with the same keys, at the same time.
fn rebuild(bench: &Bench) -> Bench {
    let mut again = Bench::new();
    again.keyspace.set_encoding_limits(bench.keyspace.limits);
    again.keyspace.set_now(0);
    for words in requests(&save(&bench.keyspace, |_| true)) {
        let reply = run(&mut again, &words);
        assert!(!reply.starts_with('-'), "{reply}: {}", words.concat().escape_ascii());
    }
    again.keyspace.set_now(bench.keyspace.now_ms);
    again
}

/// All that clients can see of the keys of the bench's database, whose order is no part of that.
pub(crate) fn describe(bench: &mut Bench) -> String {
    let mut text = String::new();
    let entries = &bench.keyspace.databases[bench.db as usize].entries;
    let mut keys: Vec<Box<[u8]>> = entries.keys().map(|key| (**key).into()).collect();
    keys.sort_unstable();
    for key in keys {
        let mut show = |command: Command, before: &[&[u8]], behind: &[&[u8]]| {
            let reply = bench.run_words(command, &[before, &[&key], behind].concat());
            writeln!(text, "{reply}").unwrap();
            reply
        };
        show(expire::pexpiretime, &[b""], &[]);
        match &*show(generic::type_, &[b""], &[]) {
            "+string" => _ = show(strings::get, &[b""], &[]),
            "+list" => _ = show(lists::lrange, &[b""], &[b"0", b"-1"]),
            "+set" => describe_set(bench, &key, &mut text),
            "+hash" => describe_hash(bench, &key, &mut text),
            "+zset" => describe_sorted_set(bench, &key, &mut text),
            "+stream" => describe_stream(bench, &key, &mut text),
            // Its time had come.
            "+none" => {}
            other => panic!("{other}"),
        }
    }
    text
}

fn value<'b>(bench: &'b Bench, key: &[u8]) -> &'b Value {
    &bench.keyspace.databases[bench.db as usize].entries[key].value
}

/// Its members have no order.
fn describe_set(bench: &mut Bench, key: &[u8], text: &mut String) {
    let Value::Set(set) = value(bench, key) else { panic!("it is a set") };
    let mut members: Vec<_> = set.iter().map(|member| member.with_bytes(<[u8]>::to_vec)).collect();
    members.sort_unstable();
    writeln!(text, "{members:?}").unwrap();
}

/// What takes the place of a field that expires depends on the encoding, so they are shown in an order of their own.
fn describe_hash(bench: &mut Bench, key: &[u8], text: &mut String) {
    let Value::Hash(hash) = value(bench, key) else { panic!("it is a hash") };
    let mut fields: Vec<Vec<u8>> = hash.iter().map(|(field, _)| field.to_vec()).collect();
    fields.sort_unstable();
    for field in fields {
        writeln!(text, "{}", bench.run_words(hashes::hget, &[b"", key, &field])).unwrap();
        let words: [&[u8]; 5] = [b"", key, b"FIELDS", b"1", &field];
        writeln!(text, "{field:?} {}", bench.run_words(hash_fields::hpexpiretime, &words)).unwrap();
    }
}

fn describe_sorted_set(bench: &mut Bench, key: &[u8], text: &mut String) {
    let range: [&[u8]; 5] = [b"", key, b"0", b"-1", b"WITHSCORES"];
    writeln!(text, "{}", bench.run_words(sorted_set_ranges::zrange, &range)).unwrap();
    let Value::SortedSet(set) = value(bench, key) else { panic!("it is a sorted set") };
    // Each member is found under its name as well.
    let bits = set.iter().map(|(member, score)| (score.to_bits(), set.score(member).map(f64::to_bits)));
    writeln!(text, "{:?}", bits.collect::<Vec<_>>()).unwrap();
}

fn describe_stream(bench: &mut Bench, key: &[u8], text: &mut String) {
    let Value::Stream(stream) = value(bench, key) else { panic!("it is a stream") };
    let groups: Vec<Vec<u8>> = stream.groups().map(|(name, _)| name.to_vec()).collect();
    let mut show = |command: Command, words: &[&[u8]]| {
        let reply = bench.run_words(command, words);
        // The nodes may differ: what comes behind them is compared.
        writeln!(text, "{}", reply.split("last-generated-id").last().unwrap()).unwrap();
    };
    show(streams::xlen, &[b"", key]);
    show(stream_info::xinfo_stream, &[b"", b"", key]);
    show(stream_info::xinfo_stream, &[b"", b"", key, b"FULL", b"COUNT", b"0"]);
    show(stream_info::xinfo_groups, &[b"", b"", key]);
    for group in &groups {
        show(stream_info::xinfo_consumers, &[b"", b"", key, group]);
        show(stream_groups::xpending, &[b"", key, group]);
        show(stream_groups::xpending, &[b"", key, group, b"-", b"+", b"100000"]);
    }
}

/// The keys of `bench` come back, and are saved again as they were. Returns those that came back.
fn check(bench: &mut Bench) -> Result<Bench, TestCaseError> {
    bench.keyspace.set_now(LATER_MS);
    let mut again = rebuild(bench);
    // The order of a set depends on how it came to be.
    let has_order = |value: &Value| !matches!(value, Value::Set(_));
    let saved = |bench: &Bench| save(&bench.keyspace, has_order).escape_ascii().to_string();
    prop_assert_eq!(saved(&again), saved(bench));
    prop_assert_eq!(describe(&mut again), describe(bench));
    Ok(again)
}

/// One of some words, with integers, floats, what breaks lines and is no text, nothing, and more than is packed.
pub(crate) fn element(number: usize) -> Vec<u8> {
    match number {
        0 => Vec::new(),
        1 => b"\r\n\0\xff $-1".to_vec(),
        2 => vec![b'v'; 70],
        3 => b"-0".to_vec(),
        number if number.is_multiple_of(2) => number.to_string().into_bytes(),
        number => format!("element-{number}").into_bytes(),
    }
}

const SCORES: &[&str] =
    &["0", "-0", "1", "-1.5", "inf", "-inf", "5e-324", "-2.2250738585072014e-308", "0.1", "1e300", "9007199254740993"];

fn words(head: &str, tail: impl IntoIterator<Item = Vec<u8>>) -> Words {
    head.split(' ').map(|word| word.as_bytes().to_vec()).chain(tail).collect()
}

/// A change of one of the keys; `number` and `other` choose what there is to choose.
fn change(op: usize, number: usize, other: usize) -> Words {
    let own = || [element(number)];
    let group = ["g", "other"][other % 2];
    let consumer = ["a", "b", "c"][number % 3];
    match op {
        0 => words("SET string", [element(number)]),
        1 => words("APPEND string", [element(number)]),
        2 => words("RPUSH list", [element(number), element(other)]),
        3 => words("LPUSH list", own()),
        4 => words("LPOP list", []),
        5 => words("SADD set", [element(number), element(other)]),
        6 => words("SREM set", own()),
        7 | 8 => words("HSET hash", [element(number), element(other), element(other), element(number)]),
        9 => words("HDEL hash", own()),
        10 | 11 => words(&format!("HPEXPIREAT hash {} FIELDS 1", 1_000_400 + 100 * (other % 4)), own()),
        12 => words("HPERSIST hash FIELDS 1", own()),
        13..=15 => words(&format!("ZADD zset {}", SCORES[other % SCORES.len()]), own()),
        16 => words("ZREM zset", own()),
        17..=19 => words("XADD stream *", [element(number), element(other)]),
        20 => words(&format!("XDEL stream 1000000-{}", number % 8), []),
        21 => words(&format!("XTRIM stream MAXLEN {}", number % 8), []),
        22 => words(&format!("XSETID stream 1000{number:03}-5 ENTRIESADDED 5{other} MAXDELETEDID 1000000-3"), []),
        23 => words(&format!("XGROUP CREATE stream {group} 0 MKSTREAM"), []),
        24 => words(&format!("XGROUP CREATECONSUMER stream {group} {consumer}"), []),
        25 => {
            words(&format!("XGROUP SETID stream {group} 1000000-{} ENTRIESREAD {}", number % 8, other as i64 - 1), [])
        }
        26 => words(&format!("XGROUP DELCONSUMER stream {group} {consumer}"), []),
        27..=29 => words(&format!("XREADGROUP GROUP {group} {consumer} COUNT 2 STREAMS stream >"), []),
        30 => words(&format!("XREADGROUP GROUP {group} {consumer} COUNT 2 STREAMS stream 0"), []),
        31 => words(&format!("XACK stream {group} 1000000-{}", number % 8), []),
        32 => words(
            &format!("XCLAIM stream {group} {consumer} 0 1000000-{} FORCE RETRYCOUNT {other} IDLE {number}", other % 8),
            [],
        ),
        _ => {
            let key = ["string", "list", "set", "hash", "zset", "stream"][number % 6];
            words(&format!("PEXPIREAT {key} {}", 1_000_450 + 100 * (other % 3)), [])
        }
    }
}

proptest! {
    #[test]
    fn all_that_clients_see_comes_back(
        changes in prop::collection::vec((0..34_usize, 0..24_usize, 0..24_usize, 0..3_u64), 1..150),
        later in prop::collection::vec((0..34_usize, 0..24_usize, 0..24_usize), 0..30),
        max in prop::sample::select(&[0_usize, 3, 128][..]),
    ) {
        let mut bench = Bench::new();
        bench.keyspace.set_encoding_limits(EncodingLimits {
            hash_max_listpack_entries: max,
            list_max_listpack_size: max as i64,
            set_max_intset_entries: max,
            set_max_listpack_entries: max,
            zset_max_listpack_entries: max,
            stream_node_max_entries: max,
            ..EncodingLimits::default()
        });
        let mut now_ms = 1_000_000;
        for (op, number, other, passed_ms) in changes {
            now_ms += passed_ms / 2;
            bench.keyspace.set_now(now_ms);
            // Many are refused, as there is no such entry or group, or no later one.
            run(&mut bench, &change(op, number, other));
        }
        // A small set has but one zero, and a large one that has become small again comes back as one.
        let is_exact = match bench.keyspace.databases[0].entries.get(&b"zset"[..]).map(|entry| &entry.value) {
            Some(Value::SortedSet(set)) => set.is_packed() || set.len() > max || set.score(&element(2)).is_some(),
            _ => true,
        };
        if !is_exact {
            run(&mut bench, &words("ZADD zset 7", [element(2)]));
        }
        let mut again = check(&mut bench)?;
        // What is logged behind the save has to do the same to both.
        for (op, number, other) in later {
            let words = change(op, number, other);
            prop_assert_eq!(run(&mut again, &words), run(&mut bench, &words));
        }
        prop_assert_eq!(describe(&mut again), describe(&mut bench));
    }
}

/// A command with so many times what `each` makes.
fn many(head: &str, count: usize, each: impl Fn(usize) -> Words) -> Words {
    words(head, (0..count).flat_map(each))
}

#[test]
fn large_values_take_several_requests_of_bounded_size() {
    let mut bench = Bench::new();
    let name = |number: usize| format!("member-{number}").into_bytes();
    let long = |number: usize| vec![b'a' + (number % 26) as u8; if number == 30 { 100_000 } else { 3000 }];
    for words in [
        many("RPUSH list", 1500, |number| vec![name(number)]),
        many("RPUSH long-list", 60, |number| vec![long(number)]),
        many("SADD integers", 1500, |number| vec![number.to_string().into_bytes()]),
        many("SADD set", 1500, |number| vec![name(number)]),
        many("HSET hash", 1500, |number| vec![name(number), element(number)]),
        many("HSET long-hash", 60, |number| vec![name(number), long(number)]),
        many("HPEXPIREAT hash 2000000 FIELDS 700", 700, |number| vec![name(number)]),
        many("HPEXPIREAT hash 2000001 FIELDS 10", 10, |number| vec![name(900 + number)]),
        many("ZADD zset", 1500, |number| vec![SCORES[number % SCORES.len()].as_bytes().to_vec(), name(number)]),
        many("ZADD zeros", 200, |number| vec![b"-0".to_vec(), name(number)]),
        many("XADD stream 1-1", 3000, |number| vec![name(number)]),
        words("XADD stream 2-1", [vec![b'f'; 100_000], Vec::new()]),
        words("XGROUP CREATE stream g 0", []),
        words("PEXPIREAT list 5000000", []),
    ] {
        let reply = run(&mut bench, &words);
        assert!(!reply.starts_with('-'), "{reply}");
    }
    for seq in 0..1500 {
        run(&mut bench, &words(&format!("XADD stream 3-{seq}"), [name(seq), name(seq)]));
    }
    run(&mut bench, &words("XREADGROUP GROUP g consumer STREAMS stream >", []));
    run(&mut bench, &words("XTRIM stream MAXLEN 1000", []));
    let saved = requests(&save(&bench.keyspace, |_| true));
    for words in saved.iter().filter(|words| words[0] != b"XADD") {
        let elements = words.len() / if matches!(&*words[0], b"HSET" | b"ZADD") { 2 } else { 1 };
        assert!(elements <= ELEMENTS_MAX + 5, "{elements}");
        let bytes: usize = words.iter().map(Vec::len).sum();
        assert!(bytes < ELEMENTS_BYTES_MAX + 100 || words.len() <= 4, "{bytes}");
    }
    let of_long_list = saved.iter().filter(|words| words[1] == b"long-list").count();
    assert_eq!(of_long_list, 60_usize.div_ceil(ELEMENTS_BYTES_MAX / 3000) + 2, "one is too large to go with others");
    let zeros = &bench.keyspace.databases[0].entries[&b"zeros"[..]].value;
    let Value::SortedSet(zeros) = zeros else { panic!("it is a sorted set") };
    assert_eq!(zeros.iter().filter(|(_, score)| score.is_sign_negative()).count(), 200 - 128);
    check(&mut bench).unwrap();
}

#[test]
fn a_lone_member_keeps_its_negative_zero() {
    let mut bench = Bench::new();
    run(&mut bench, &words("ZADD zset -0", [element(2)]));
    assert!(describe(&mut bench).contains("$2 -0"));
    check(&mut bench).unwrap();
}

#[test]
fn counts_beyond_what_the_commands_take_do_not_keep_a_stream_from_coming_back() {
    let mut bench = Bench::new();
    for line in [
        "XADD s 1-1 a b",
        "XSETID s 1-1 ENTRIESADDED 9223372036854775807",
        "XGROUP CREATE s g 0 ENTRIESREAD 9223372036854775807",
        "XADD s 2-1 a b",
        "XREADGROUP GROUP g c STREAMS s >",
        "XCLAIM s g c 0 1-1 RETRYCOUNT 9223372036854775807",
        "XCLAIM s g c 0 1-1",
    ] {
        let reply = run(&mut bench, &words(line, []));
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
    let mut again = rebuild(&bench);
    for (command, line) in [
        (streams::xrange as Command, "XRANGE s - +"),
        (stream_groups::xpending, "XPENDING s g - + 9"),
        (stream_info::xinfo_consumers, "XINFO CONSUMERS s g"),
    ] {
        assert_eq!(again.run(command, line), bench.run(command, line), "{line}");
    }
}
