use fanfare_wire::Protocol;

use super::*;
use crate::testing::{Bench, Command};
use crate::{EncodingLimits, EventClasses};

/// Runs commands one after the other, each with the reply and the events it has to have.
fn check(bench: &mut Bench, steps: &[(Command, &str, &str, &str)]) {
    for (command, words, reply, events) in steps {
        assert_eq!(bench.run(*command, words), *reply, "{words}");
        assert_eq!(bench.events().join(","), *events, "{words}");
    }
}

/// Each test runs on a small hash and on a table.
fn benches() -> [Bench; 2] {
    [128, 0].map(|hash_max_listpack_entries| {
        let mut bench = Bench::new();
        bench.keyspace.set_encoding_limits(EncodingLimits { hash_max_listpack_entries, ..EncodingLimits::default() });
        bench
    })
}

#[test]
fn fields_are_set_read_and_deleted() {
    for mut bench in benches() {
        check(
            &mut bench,
            &[
                (hset, "hset h a 1 b 2 a 3", ":2", "new h,hset h"),
                (hset, "hset h a 1 c", "-ERR wrong number of arguments for 'hset' command", ""),
                (hset, "hset h a 4 c 5", ":1", "hset h"),
                (hmset, "hmset h c 6", "+OK", "hset h"),
                (hsetnx, "hsetnx h c 7", ":0", ""),
                (hsetnx, "hsetnx h d dddd", ":1", "hset h"),
                (hsetnx, "hsetnx g d 1", ":1", "new g,hset g"),
                (hget, "hget h a", "$1 4", ""),
                (hget, "hget h x", "$-1", ""),
                (hget, "hget x x", "$-1", "keymiss x"),
                (hmget, "hmget h a x c", "*3 $1 4 $-1 $1 6", ""),
                (hmget, "hmget x a a", "*2 $-1 $-1", "keymiss x"),
                (hgetall, "hgetall h", "*8 $1 a $1 4 $1 b $1 2 $1 c $1 6 $1 d $4 dddd", ""),
                (hgetall, "hgetall x", "*0", "keymiss x"),
                (hkeys, "hkeys h", "*4 $1 a $1 b $1 c $1 d", ""),
                (hvals, "hvals h", "*4 $1 4 $1 2 $1 6 $4 dddd", ""),
                (hlen, "hlen h", ":4", ""),
                (hlen, "hlen x", ":0", "keymiss x"),
                (hexists, "hexists h a", ":1", ""),
                (hexists, "hexists h x", ":0", ""),
                (hstrlen, "hstrlen h d", ":4", ""),
                (hstrlen, "hstrlen h x", ":0", ""),
                (hdel, "hdel h x", ":0", ""),
                (hdel, "hdel x x", ":0", ""),
                (hdel, "hdel h a a x b", ":2", "hdel h"),
                (hdel, "hdel h c d", ":2", "hdel h,del h"),
                (hgetall, "hgetall h", "*0", "keymiss h"),
            ],
        );
    }
}

#[test]
fn numbers_in_fields_grow() {
    for mut bench in benches() {
        check(
            &mut bench,
            &[
                (hincrby, "hincrby h a 5", ":5", "new h,hincrby h"),
                (hincrby, "hincrby h a -7", ":-2", "hincrby h"),
                (hincrby, "hincrby h a x", "-ERR value is not an integer or out of range", ""),
                (hincrby, "hincrby h a -9223372036854775807", "-ERR increment or decrement would overflow", ""),
                (hincrbyfloat, "hincrbyfloat h a 2.5", "$3 0.5", "hincrbyfloat h"),
                (hincrby, "hincrby h a 1", "-ERR hash value is not an integer", ""),
                (hincrbyfloat, "hincrbyfloat h a inf", "-ERR value is NaN or Infinity", ""),
                (hincrbyfloat, "hincrbyfloat h a nan", "-ERR value is not a valid float", ""),
                (hincrbyfloat, "hincrbyfloat g b 1e2", "$3 100", "new g,hincrbyfloat g"),
                (hset, "hset g b x", ":0", "hset g"),
                (hincrbyfloat, "hincrbyfloat g b 1", "-ERR hash value is not a float", ""),
            ],
        );
    }
}

#[test]
fn another_type_is_refused_after_the_arguments() {
    let mut bench = Bench::new();
    bench.keyspace.keys(0).replace(b"s", crate::values::Value::String(crate::values::string::Str::new(b"1")));
    bench.events();
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    for (command, words) in [
        (hset as Command, "hset s a 1"),
        (hsetnx, "hsetnx s a 1"),
        (hincrby, "hincrby s a 1"),
        (hincrbyfloat, "hincrbyfloat s a 1"),
        (hdel, "hdel s a"),
        (hget, "hget s a"),
        (hmget, "hmget s a"),
        (hgetall, "hgetall s"),
        (hlen, "hlen s"),
        (hrandfield, "hrandfield s"),
        (hrandfield, "hrandfield s 0"),
        (hscan, "hscan s 0 foo"),
    ] {
        check(&mut bench, &[(command, words, wrong_type, "")]);
    }
    check(
        &mut bench,
        &[
            (hscan, "hscan s x", "-ERR invalid cursor", ""),
            (hrandfield, "hrandfield s x", "-ERR value is not an integer or out of range", ""),
            (hincrby, "hincrby s a x", "-ERR value is not an integer or out of range", ""),
        ],
    );
}

#[test]
fn random_fields() {
    for mut bench in benches() {
        bench.run(hset, "hset h a 1 b 2");
        bench.events();
        check(
            &mut bench,
            &[
                (hrandfield, "hrandfield x", "$-1", "keymiss x"),
                (hrandfield, "hrandfield x 3", "*0", "keymiss x"),
                (hrandfield, "hrandfield h 0", "*0", ""),
                (hrandfield, "hrandfield h 5", "*2 $1 a $1 b", ""),
                (hrandfield, "hrandfield h 5 WITHVALUES", "*4 $1 a $1 1 $1 b $1 2", ""),
                (hrandfield, "hrandfield h 5 VALUES", "-ERR syntax error", ""),
                (hrandfield, "hrandfield h 5 WITHVALUES x", "-ERR syntax error", ""),
                (hrandfield, "hrandfield h 4611686018427387904 withvalues", "-ERR value is out of range", ""),
                (hrandfield, "hrandfield h -9223372036854775807", "-ERR value is out of range", ""),
            ],
        );
        let one = bench.run(hrandfield, "hrandfield h");
        assert!(["$1 a", "$1 b"].contains(&&*one), "{one}");
        assert!(["*1 $1 a", "*1 $1 b"].contains(&&*bench.run(hrandfield, "hrandfield h 1")));
        assert!(bench.run(hrandfield, "hrandfield h -50 withvalues").starts_with("*100 "));
        bench.protocol = Protocol::Resp3;
        assert_eq!(bench.run(hrandfield, "hrandfield h 2 withvalues"), "*2 *2 $1 a $1 1 *2 $1 b $1 2");
        assert_eq!(bench.run(hgetall, "hgetall h"), "%2 $1 a $1 1 $1 b $1 2");
    }
}

#[test]
fn a_scan_tells_a_small_hash_at_once_and_pages_a_table() {
    for mut bench in benches() {
        bench.run(hset, "hset h a 1 b 2 ab 3");
        bench.events();
        let is_packed = bench.keyspace.limits.hash_max_listpack_entries > 0;
        let (page, filtered) = if is_packed {
            ("*2 $1 0 *6 $1 a $1 1 $1 b $1 2 $2 ab $1 3", "*2 $1 0 *4 $1 a $1 1 $2 ab $1 3")
        } else {
            ("*2 $1 2 *2 $2 ab $1 3", "*2 $1 0 *4 $2 ab $1 3 $1 a $1 1")
        };
        check(
            &mut bench,
            &[
                (hscan, "hscan h 0 COUNT 1", page, ""),
                (hscan, "hscan h 0 match a*", filtered, ""),
                (hscan, "hscan h 0 match b novalues", "*2 $1 0 *1 $1 b", ""),
                (hscan, "hscan h 0 count 0", "-ERR syntax error", ""),
                (hscan, "hscan x 0 count 0", "*2 $1 0 *0", "keymiss x"),
            ],
        );
        let next = if is_packed { "*2 $1 0 *6 $1 a" } else { "*2 $1 1 *2 $1 b $1 2" };
        assert!(bench.run(hscan, "hscan h 2 COUNT 1").starts_with(next));
    }
}

#[test]
fn events_say_which_fields_only_if_that_is_wanted() {
    let mut bench = Bench::new();
    let fields = |bench: &mut Bench, letters: &str, words: &str| {
        bench.keyspace.set_event_classes(EventClasses::parse(letters).unwrap());
        bench.run(if words.starts_with("hset") { hset } else { hdel }, words);
        let event = bench.keyspace.poll_event()?;
        Some(String::from_utf8(event.fields.join(&b' ')).unwrap())
    };
    assert_eq!(fields(&mut bench, "Kh", "hset h a 1 b 2").as_deref(), Some(""));
    for letter in ["S", "T", "I", "V"] {
        assert_eq!(fields(&mut bench, &format!("h{letter}"), "hset h a 1 b 2").as_deref(), Some("a b"));
    }
    assert_eq!(fields(&mut bench, "hS", "hdel h x b").as_deref(), Some("b"));
    assert_eq!(fields(&mut bench, "$S", "hset h b 1"), None);
}
