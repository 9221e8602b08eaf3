use super::*;
use crate::testing::Bench;

#[test]
fn set_says_what_it_did_and_when_the_key_goes() {
    let mut bench = Bench::new();
    for (words, reply, events) in [
        ("SET a 1", "+OK", &["new a", "set a"][..]),
        ("SET a 2 nx", "$-1", &[]),
        ("SET b 2 xx", "$-1", &[]),
        ("SET a 2 XX GET", "$1 1", &["overwritten a", "set a"]),
        ("SET b 2 NX GET EX 10", "$-1", &["keymiss b", "new b", "set b", "expire b"]),
        ("SET b 3 KEEPTTL KEEPTTL", "+OK", &["overwritten b", "set b"]),
        ("SET b 3 NX XX", "-ERR syntax error", &[]),
        ("SET b 3 EX 1 PX 1", "-ERR syntax error", &[]),
        ("SET b 3 EX", "-ERR syntax error", &[]),
        ("SET b 3 KEEPTTL EX 1", "-ERR syntax error", &[]),
        ("SET b 3 PERSIST", "-ERR syntax error", &[]),
        ("SET b 3 EX 0", "-ERR invalid expire time in 'set' command", &[]),
        ("SET b 3 EX 9223372036854775807", "-ERR invalid expire time in 'set' command", &[]),
        ("SET b 3 PX 9223372036854775807", "-ERR invalid expire time in 'set' command", &[]),
        ("SET b 3 PX x", "-ERR value is not an integer or out of range", &[]),
    ] {
        assert_eq!(bench.run(set, words), reply, "{words}");
        assert_eq!(bench.events(), events, "{words}");
    }
    assert_eq!(bench.keyspace.keys(0).deadline(b"b"), Some(1_010_000), "KEEPTTL");
    bench.run(set, "SET b 3 PXAT 7 PXAT 2000000");
    assert_eq!(bench.keyspace.keys(0).deadline(b"b"), Some(2_000_000), "the last one counts");
    bench.run(set, "SET b 3");
    assert_eq!(bench.keyspace.keys(0).deadline(b"b"), None);
    assert_eq!(bench.run(psetex, "PSETEX b 5 x"), "+OK");
    assert_eq!(bench.keyspace.keys(0).deadline(b"b"), Some(1_000_005));
    assert_eq!(bench.run(setex, "SETEX b -1 x"), "-ERR invalid expire time in 'setex' command");
}

#[test]
fn getex_checks_its_time_after_the_key_and_deletes_what_is_past() {
    let mut bench = Bench::new();
    bench.run(set, "SET a 1");
    bench.events();
    for (words, reply, events) in [
        ("GETEX b EX 0", "$-1", &["keymiss b"][..]),
        ("GETEX a EX 0", "-ERR invalid expire time in 'getex' command", &[]),
        ("GETEX a KEEPTTL", "-ERR syntax error", &[]),
        ("GETEX a PERSIST", "$1 1", &[]),
        ("GETEX a PX 10", "$1 1", &["expire a"]),
        ("GETEX a PERSIST", "$1 1", &["persist a"]),
        ("GETEX a PXAT 1000000", "$1 1", &["del a"]),
    ] {
        assert_eq!(bench.run(getex, words), reply, "{words}");
        assert_eq!(bench.events(), events, "{words}");
    }
}

#[test]
fn parts_of_a_string_are_cut_as_redis_cuts_them() {
    for (start, end, cut) in [
        (0, -1, "abc"),
        (-2, -1, "bc"),
        (-1, -2, ""),
        (1, 0, ""),
        (0, -100, "a"),
        (-100, 1, "ab"),
        (5, 9, ""),
        (i64::MIN, i64::MAX, "abc"),
        (i64::MAX, i64::MIN, ""),
    ] {
        assert_eq!(part(b"abc", start, end), cut.as_bytes(), "{start} {end}");
        assert_eq!(part(b"", start, end), b"", "{start} {end}");
    }
}

#[test]
fn a_string_is_changed_in_place_within_its_limit() {
    let mut bench = Bench::new();
    assert_eq!(bench.run(append, "APPEND a 12"), ":2");
    assert_eq!(bench.run(incrby, "INCRBY a 9223372036854775807"), "-ERR increment or decrement would overflow");
    assert_eq!(bench.run(decr, "DECR a"), ":11");
    assert_eq!(bench.run(append, "APPEND a 0"), ":3");
    assert_eq!(bench.run(incr, "INCR a"), ":111");
    assert_eq!(bench.run(setrange, "SETRANGE a 5 xy"), ":7");
    assert_eq!(bench.run_words(get, &["GET", "a"]), "$7 111\0\0xy");
    assert_eq!(bench.run(incr, "INCR a"), "-ERR value is not an integer or out of range");
    assert_eq!(bench.run_words(setrange, &["SETRANGE", "b", "9", ""]), ":0");
    bench.keyspace.set_string_bytes_max(9);
    let refused = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    assert_eq!(bench.run(append, "APPEND a 123"), refused);
    for offset in ["8", "9223372036854775807"] {
        assert_eq!(bench.run(setrange, &format!("SETRANGE a {offset} xy")), refused);
    }
    assert_eq!(bench.run(decrby, "DECRBY n -9223372036854775808"), "-ERR decrement would overflow");
    assert_eq!(bench.run(incrbyfloat, "INCRBYFLOAT n 0.1"), "$3 0.1");
    assert_eq!(bench.run(incrbyfloat, "INCRBYFLOAT n inf"), "-ERR increment would produce NaN or Infinity");
    let events = "new a,append a,incrby a,append a,incrby a,setrange a,new n,incrbyfloat n";
    assert_eq!(bench.events().join(","), events);
}

#[test]
fn msetnx_sets_all_or_none() {
    let mut bench = Bench::new();
    assert_eq!(bench.run(msetnx, "MSETNX a 1 b 2 a 3"), ":1");
    assert_eq!(bench.run(msetnx, "MSETNX c 1 b 2"), ":0");
    assert_eq!(bench.run(mget, "MGET a b c"), "*3 $1 3 $1 2 $-1");
    assert_eq!(bench.run(mset, "MSET a 1 b"), "-ERR wrong number of arguments for 'mset' command");
}
