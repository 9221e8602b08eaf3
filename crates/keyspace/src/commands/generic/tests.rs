use super::*;
use crate::commands::expire::{expireat, pexpire, pexpireat, pttl, ttl};
use crate::commands::hashes::hset;
use crate::commands::strings::{append, get, set, setrange};
use crate::testing::Bench;

/// A bench with strings under these keys, and no events.
fn with_keys(keys: &str) -> Bench {
    let mut bench = Bench::new();
    for key in keys.split(' ') {
        bench.run(set, &format!("SET {key} {key}"));
    }
    bench.events();
    bench
}

#[test]
fn a_renamed_key_keeps_its_deadline_and_replaces_the_other() {
    let mut bench = with_keys("a b");
    bench.run(pexpire, "PEXPIRE a 10");
    bench.events();
    assert_eq!(bench.run(renamenx, "RENAMENX a b"), ":0");
    assert_eq!(bench.run(rename, "RENAME a a"), "+OK");
    assert_eq!(bench.run(rename, "RENAME x a"), "-ERR no such key");
    assert_eq!(bench.run(rename, "RENAME a b"), "+OK");
    assert_eq!(bench.events(), ["new b", "rename_from a", "rename_to b", "overwritten b"]);
    assert_eq!(bench.run(pttl, "PTTL b"), ":10");
    bench.keyspace.set_now(1_000_011);
    assert_eq!(bench.run(renamenx, "RENAMENX b a"), "-ERR no such key");
    assert_eq!(bench.events(), ["expired b"]);
    assert_eq!(bench.keyspace.used_bytes(), 0);
}

#[test]
fn copies_and_moves_go_to_other_databases() {
    let mut bench = with_keys("a b");
    bench.run(pexpire, "PEXPIRE a 10");
    bench.events();
    for (words, reply) in [
        ("COPY a a", "-ERR source and destination objects are the same"),
        ("COPY a a DB 16", "-ERR DB index is out of range"),
        ("COPY a a DB -1", "-ERR DB index is out of range"),
        ("COPY a a DB x", "-ERR value is not an integer or out of range"),
        ("COPY a a DB", "-ERR syntax error"),
        ("COPY a b", ":0"),
        ("COPY a b REPLACE", ":1"),
        ("COPY a a db 1", ":1"),
    ] {
        assert_eq!(bench.run(copy, words), reply, "{words}");
    }
    assert_eq!(bench.events(), ["new b", "copy_to b", "overwritten b", "new a", "copy_to a"]);
    assert_eq!(bench.run(move_, "MOVE a 1"), ":0");
    assert_eq!(bench.run(move_, "MOVE b 1"), ":1");
    assert_eq!(bench.events(), ["new b", "move_from b", "move_to b"]);
    assert_eq!((bench.keyspace.sizes(0), bench.keyspace.sizes(1)), ((1, 1), (2, 2)));
    assert_eq!(bench.run(swapdb, "SWAPDB 1 0"), "+OK");
    assert_eq!(bench.run(dbsize, "DBSIZE"), ":2");
    assert_eq!(bench.run(flushall, "FLUSHALL now"), "-ERR syntax error");
    assert_eq!(bench.run(flushall, "FLUSHALL async"), "+OK");
    assert_eq!((bench.keyspace.sizes(0), bench.keyspace.used_bytes()), ((0, 0), 0));
    assert_eq!(bench.keyspace.next_deadline_ms(), None);
    assert!(bench.events().is_empty());
}

#[test]
fn an_overwriting_rename_names_a_new_type_last() {
    let mut bench = with_keys("a");
    bench.run(hset, "HSET h f v");
    bench.events();
    bench.run(rename, "RENAME h a");
    assert_eq!(bench.events(), ["new a", "rename_from h", "rename_to a", "overwritten a", "type_changed a"]);
    assert_eq!(bench.run(type_, "TYPE a"), "+hash");
}

#[test]
fn deadlines_are_taken_under_their_conditions() {
    let mut bench = with_keys("a");
    for (words, reply) in [
        ("PEXPIRE x 10", ":0"),
        ("PEXPIRE a 10 XX", ":0"),
        ("PEXPIRE a 10 GT", ":0"),
        ("PEXPIRE a 10 LT", ":1"),
        ("PEXPIRE a 20 NX", ":0"),
        ("PEXPIRE a 10 GT", ":0"),
        ("PEXPIRE a 20 gt xx", ":1"),
        ("PEXPIRE a 20 LT", ":0"),
        ("PEXPIRE a 9 NX LT", "-ERR NX and XX, GT or LT options at the same time are not compatible"),
        ("PEXPIRE a x GT LT", "-ERR GT and LT options at the same time are not compatible"),
        ("PEXPIRE a x GT y", "-ERR Unsupported option y"),
        ("PEXPIRE a x", "-ERR value is not an integer or out of range"),
        ("PEXPIRE x 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"),
        ("PEXPIRE a -9223372036854775808 GT", ":0"),
    ] {
        assert_eq!(bench.run(pexpire, words), reply, "{words}");
    }
    assert_eq!(bench.run(ttl, "TTL a"), ":0");
    assert_eq!(bench.run(expireat, "EXPIREAT a 9223372036854775"), ":1");
    assert_eq!(bench.run(pexpireat, "PEXPIREAT a -9223372036854775808"), ":1");
    assert_eq!(bench.run(ttl, "TTL a"), ":-2");
    assert_eq!(bench.events(), ["expire a", "expire a", "expire a", "del a", "keymiss a"]);
}

#[test]
fn a_key_whose_time_has_come_is_gone_for_every_command() {
    for command in [get as crate::testing::Command, exists, type_, ttl, touch, del, keys, randomkey] {
        let mut bench = with_keys("a");
        bench.run(pexpire, "PEXPIRE a 10");
        bench.events();
        bench.keyspace.set_now(1_000_010);
        assert_ne!(bench.run(exists, "EXISTS a"), ":0", "it lives to the end of that millisecond");
        bench.keyspace.set_now(1_000_011);
        let reply = bench.run(command, "COMMAND a");
        assert!(["$-1", ":0", ":-2", "+none", "*0"].contains(&reply.as_str()), "{reply}");
        bench.keyspace.expire_due(1);
        assert_eq!(bench.events().iter().filter(|event| *event == "expired a").count(), 1);
        assert_eq!(bench.keyspace.used_bytes(), 0);
    }
}

#[test]
fn ten_thousand_deadlines_in_all_databases_come_in_order() {
    let mut bench = Bench::new();
    let mut random = fastrand::Rng::with_seed(2);
    let mut deadlines: Vec<u64> = (0..10_000).map(|_| 1_000_001 + random.u64(..5_000)).collect();
    for (number, deadline_ms) in deadlines.iter().enumerate() {
        bench.db = random.u32(..16);
        bench.run(set, &format!("SET {number} x PXAT {deadline_ms}"));
    }
    let of = deadlines.clone();
    deadlines.sort_unstable();
    bench.events();
    assert_eq!(bench.keyspace.expire_due(100), 0);
    let mut expired = Vec::new();
    while let Some(next_ms) = bench.keyspace.next_deadline_ms() {
        assert_eq!(next_ms, deadlines[expired.len()]);
        bench.keyspace.set_now(next_ms + random.u64(1..50));
        let now_ms = bench.keyspace.now_ms;
        loop {
            let count = bench.keyspace.expire_due(7);
            assert!(count <= 7);
            expired.extend(bench.events().iter().map(|event| of[event["expired ".len()..].parse::<usize>().unwrap()]));
            if count < 7 {
                break;
            }
        }
        assert!(bench.keyspace.next_deadline_ms().is_none_or(|next_ms| next_ms >= now_ms));
    }
    assert_eq!(expired, deadlines, "the oldest first, whatever their databases");
    assert_eq!((bench.keyspace.stats().expired_keys, bench.keyspace.used_bytes()), (10_000, 0));
}

#[test]
fn scan_finds_every_key_of_a_type() {
    let mut bench = with_keys("a1 a2 a3 b1");
    bench.run(hset, "HSET a4 f v");
    assert_eq!(bench.run(scan, "SCAN 0 COUNT 100 MATCH a* TYPE STRING"), "*2 $1 0 *3 $2 a3 $2 a2 $2 a1");
    assert_eq!(bench.run(scan, "SCAN 0 COUNT 4 TYPE hash"), "*2 $1 1 *1 $2 a4");
    assert_eq!(bench.run(scan, "SCAN 1 COUNT 4"), "*2 $1 0 *1 $2 a1");
    for (words, reply) in [
        ("SCAN x COUNT 0", "-ERR invalid cursor"),
        ("SCAN 0 COUNT 0", "-ERR syntax error"),
        ("SCAN 0 COUNT x", "-ERR value is not an integer or out of range"),
        ("SCAN 0 MATCH", "-ERR syntax error"),
        ("SCAN 0 NOVALUES", "-ERR syntax error"),
    ] {
        assert_eq!(bench.run(scan, words), reply, "{words}");
    }
}

#[test]
fn object_tells_how_a_string_is_kept_and_used() {
    let mut bench = Bench::new();
    bench.run(set, "SET i 9999");
    bench.run_words(set, &["SET", "s", &"x".repeat(44)]);
    bench.run_words(set, &["SET", "l", &"x".repeat(45)]);
    bench.run(append, "APPEND a 5");
    bench.run(setrange, "SETRANGE r 0 5");
    for (key, encoding) in [("i", "int"), ("s", "embstr"), ("l", "raw"), ("a", "int"), ("r", "raw")] {
        let reply = bench.run(object_encoding, &format!("OBJECT ENCODING {key}"));
        assert!(reply.ends_with(encoding), "{key}: {reply}");
    }
    assert_eq!(bench.run(object_refcount, "OBJECT REFCOUNT i"), ":2147483647");
    assert_eq!(bench.run(object_refcount, "OBJECT REFCOUNT s"), ":1");
    bench.keyspace.set_now(1_009_999);
    bench.run(exists, "EXISTS i");
    bench.run(touch, "TOUCH s");
    bench.keyspace.set_now(1_012_000);
    assert_eq!(bench.run(object_idletime, "OBJECT IDLETIME i"), ":12");
    assert_eq!(bench.run(object_idletime, "OBJECT IDLETIME s"), ":3");
    assert!(bench.run(object_freq, "OBJECT FREQ s").starts_with("-ERR An LFU maxmemory policy is not selected"));
    assert_eq!(bench.run(object_freq, "OBJECT FREQ x"), "$-1");
    bench.keyspace.set_access_tracking(AccessTracking::Frequency);
    bench.run(set, "SET f x");
    bench.run(get, "GET f");
    assert_eq!(bench.run(object_freq, "OBJECT FREQ f"), ":6");
    assert!(bench.run(object_idletime, "OBJECT IDLETIME s").starts_with("-ERR An LFU maxmemory policy is selected"));
}

#[test]
fn the_memory_of_many_flushed_keys_is_given_back_bit_by_bit() {
    let mut bench = Bench::new();
    for number in 0..5_000 {
        bench.run(set, &format!("SET {number} x PX 1000"));
    }
    bench.run(flushall, "FLUSHALL");
    assert_eq!((bench.keyspace.sizes(0), bench.keyspace.used_bytes()), ((0, 0), 0));
    bench.run(set, "SET 1 y");
    let mut turns = 0;
    while bench.keyspace.next_deadline_ms() == Some(0) {
        assert_eq!(bench.keyspace.expire_due(1_000), 0);
        turns += 1;
    }
    assert_eq!(turns, 4);
    assert_eq!((bench.keyspace.next_deadline_ms(), bench.keyspace.sizes(0)), (None, (1, 0)));
}
