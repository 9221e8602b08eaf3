use super::*;
use crate::commands::hashes::{hdel, hget, hgetall, hincrby, hlen, hset};
use crate::testing::{Bench, Command};
use crate::{Change, EncodingLimits};

/// The time at which a bench begins, in seconds.
const NOW_S: u64 = 1_000;

/// Runs commands one after the other, each with the reply and the events it has to have.
fn check(bench: &mut Bench, steps: &[(Command, &str, &str, &str)]) {
    for (command, words, reply, events) in steps {
        assert_eq!(bench.run(*command, words), *reply, "{words}");
        assert_eq!(bench.events().join(","), *events, "{words}");
    }
}

/// Each test runs on a small hash and on a table: `h` with fields a, b, c.
fn benches() -> [Bench; 2] {
    [128, 0].map(|hash_max_listpack_entries| {
        let mut bench = Bench::new();
        bench.keyspace.set_encoding_limits(EncodingLimits { hash_max_listpack_entries, ..EncodingLimits::default() });
        bench.run(hset, "hset h a 1 b 2 c 3");
        bench.events();
        bench
    })
}

#[test]
fn deadlines_are_set_under_conditions_told_and_lifted() {
    for mut bench in benches() {
        check(
            &mut bench,
            &[
                (hexpire, "hexpire h 10 FIELDS 2 a x", "*2 :1 :-2", "hexpire h"),
                (httl, "httl h FIELDS 3 a b x", "*3 :10 :-1 :-2", ""),
                (hpttl, "hpttl h FIELDS 1 a", "*1 :10000", ""),
                (hexpiretime, "hexpiretime h FIELDS 1 a", "*1 :1010", ""),
                (hpexpiretime, "hpexpiretime h FIELDS 1 a", "*1 :1010000", ""),
                (hexpire, "hexpire h 20 NX FIELDS 2 a b", "*2 :0 :1", "hexpire h"),
                (hpexpire, "hpexpire h 15001 XX FIELDS 2 a c", "*2 :1 :0", "hexpire h"),
                (httl, "httl h FIELDS 1 a", "*1 :16", ""),
                (hexpireat, "hexpireat h 1018 gt FIELDS 3 a b c", "*3 :1 :0 :0", "hexpire h"),
                (hpexpireat, "hpexpireat h 1018001 LT FIELDS 3 a b c", "*3 :0 :1 :1", "hexpire h"),
                (hpexpireat, "hpexpireat h 1018001 LT FIELDS 1 c", "*1 :0", ""),
                (hpersist, "hpersist h FIELDS 3 a a x", "*3 :1 :-1 :-2", "hpersist h"),
                (hpersist, "hpersist h FIELDS 1 a", "*1 :-1", ""),
                (hpersist, "hpersist x FIELDS 1 a", "*1 :-2", ""),
                (httl, "httl x FIELDS 2 a b", "*2 :-2 :-2", "keymiss x"),
                (hset, "hset h b 9", ":0", "hset h"),
                (hincrby, "hincrby h c 1", ":4", "hincrby h"),
                (httl, "httl h FIELDS 3 a b c", "*3 :-1 :-1 :19", ""),
                (hexpire, "hexpire x 10 FIELDS 1 a", "*1 :-2", ""),
            ],
        );
    }
}

#[test]
fn a_time_that_has_passed_deletes() {
    for mut bench in benches() {
        check(
            &mut bench,
            &[
                (hexpire, "hexpire h 0 FIELDS 3 a a x", "*3 :2 :-2 :-2", "hdel h"),
                (hexpireat, "hexpireat h 1000 XX FIELDS 1 b", "*1 :0", ""),
                (hpexpireat, "hpexpireat h 1000000 FIELDS 2 b c", "*2 :2 :2", "hdel h,del h"),
                (hgetall, "hgetall h", "*0", "keymiss h"),
                (hsetex, "hsetex h PXAT 7 FIELDS 1 a 1", ":1", "new h,hset h,hdel h,del h"),
                (hset, "hset h a 1 b 2", ":2", "new h,hset h"),
                (hgetex, "hgetex h PX 0 FIELDS 3 a x a", "*3 $1 1 $-1 $-1", "hdel h"),
                (hgetex, "hgetex h EXAT 1 FIELDS 1 b", "*1 $1 2", "hdel h,del h"),
            ],
        );
        assert_eq!(bench.keyspace.next_deadline_ms(), None);
    }
}

#[test]
fn hgetdel_hgetex_and_hsetex() {
    for mut bench in benches() {
        check(
            &mut bench,
            &[
                (hgetdel, "hgetdel h FIELDS 3 a x a", "*3 $1 1 $-1 $-1", "hdel h"),
                (hgetdel, "hgetdel h FIELDS 2 b c", "*2 $1 2 $1 3", "hdel h,del h"),
                (hgetdel, "hgetdel h FIELDS 2 b c", "*2 $-1 $-1", ""),
                (hsetex, "hsetex h FXX FIELDS 1 a 1", ":0", ""),
                (hsetex, "hsetex h FNX EX 10 FIELDS 2 a 1 b 2", ":1", "new h,hset h,hexpire h"),
                (hsetex, "hsetex h FNX FIELDS 2 c 1 b 2", ":0", ""),
                (hsetex, "hsetex h FXX FIELDS 2 c 1 b 2", ":0", ""),
                (hsetex, "hsetex h KEEPTTL fxx FIELDS 1 a 5", ":1", "hset h"),
                (hsetex, "hsetex h FIELDS 1 b 6", ":1", "hset h"),
                (httl, "httl h FIELDS 2 a b", "*2 :10 :-1", ""),
                (hgetex, "hgetex h FIELDS 2 a x", "*2 $1 5 $-1", ""),
                (hgetex, "hgetex h PERSIST FIELDS 2 a b", "*2 $1 5 $1 6", "hpersist h"),
                (hgetex, "hgetex h PERSIST FIELDS 2 a b", "*2 $1 5 $1 6", ""),
                (hgetex, "hgetex h PXAT 1001001 FIELDS 1 b", "*1 $1 6", "hexpire h"),
                (hgetex, "hgetex x EX 5 FIELDS 2 a b", "*2 $-1 $-1", ""),
                (hpexpiretime, "hpexpiretime h FIELDS 2 a b", "*2 :-1 :1001001", ""),
            ],
        );
    }
}

#[test]
fn arguments_are_checked() {
    let [mut bench, _] = benches();
    let missing = "-ERR Mandatory argument FIELDS is missing or not at the right position";
    let differs = "-ERR The `numfields` parameter must match the number of arguments";
    let not_positive = "-ERR Number of fields must be a positive integer";
    let not_integer = "-ERR value is not an integer or out of range";
    let arity = "-ERR wrong number of arguments for 'hsetex' command";
    let two_lifetimes = "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
    for (command, words, error) in [
        (hexpire as Command, "hexpire h x FIELDS 1 a", not_integer),
        (hexpire, "hexpire h -1 FIELDS 1 a", "-ERR invalid expire time, must be >= 0"),
        (hexpire, "hexpire h 70368744178 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command"),
        (hpexpire, "hpexpire h 9223372036854775807 FIELDS 1 a", "-ERR invalid expire time in 'hpexpire' command"),
        (hexpireat, "hexpireat h 9223372036854775807 FIELDS 1 a", "-ERR invalid expire time in 'hexpireat' command"),
        (hexpire, "hexpire h 1 FIELD 1 a", missing),
        (hexpire, "hexpire h 1 NX XX FIELDS 1 a", missing),
        (hexpire, "hexpire h 1 FIELDS 0 a", "-ERR Parameter `numFields` should be greater than 0"),
        (hexpire, "hexpire h 1 NX FIELDS 1", differs),
        (hexpire, "hexpire h 1 FIELDS 2 a", differs),
        (httl, "httl h 1 a b", missing),
        (httl, "httl h FIELDS x a", not_positive),
        (hpersist, "hpersist h FIELDS 1 a b", differs),
        (hgetdel, "hgetdel h FIELDS 0 a", not_positive),
        (hgetdel, "hgetdel h FIELDS 9223372036854775807 a", differs),
        (hgetex, "hgetex h EX x FIELDS 1 a", not_integer),
        (hgetex, "hgetex h EX 1 FIELDS", not_positive),
        (hgetex, "hgetex h PERSIST EX 1 FIELDS 1 a", missing),
        (hsetex, "hsetex h FNX FXX FIELDS 1 a 1", "-ERR Only one of FXX or FNX arguments can be specified"),
        (hsetex, "hsetex h EX 1 KEEPTTL FIELDS 1 a 1", two_lifetimes),
        (hsetex, "hsetex h KEEPTTL PX 1 FIELDS 1 a 1", two_lifetimes),
        (hsetex, "hsetex h FNX a b c EX", "-ERR unknown argument: a"),
        (hsetex, "hsetex h FNX KEEPTTL", arity),
        (hsetex, "hsetex h FXX EX", "-ERR missing expire time"),
        (hsetex, "hsetex h FIELDS x a 1", "-ERR invalid number of fields"),
        (hsetex, "hsetex h FIELDS 1 a", arity),
        (hsetex, "hsetex h FIELDS 2 a 1", arity),
        (hsetex, "hsetex h FIELDS 1 a 1 b", arity),
    ] {
        check(&mut bench, &[(command, words, error, "")]);
    }
}

#[test]
fn fields_go_when_their_hash_is_looked_at() {
    for mut bench in benches() {
        bench.run(hexpire, "hexpire h 10 FIELDS 2 a b");
        bench.run(hexpire, "hexpire h 20 FIELDS 1 c");
        bench.events();
        bench.keyspace.set_now((NOW_S + 10) * 1000);
        check(&mut bench, &[(hlen, "hlen h", ":3", "")]);
        bench.keyspace.set_now((NOW_S + 10) * 1000 + 1);
        check(&mut bench, &[(hget, "hget h a", "$-1", "hexpired h"), (hgetall, "hgetall h", "*2 $1 c $1 3", "")]);
        assert_eq!(bench.keyspace.next_deadline_ms(), Some((NOW_S + 20) * 1000));
        bench.keyspace.set_now((NOW_S + 21) * 1000);
        check(&mut bench, &[(hset, "hset h d 1", ":1", "hexpired h,del h,new h,hset h")]);
        assert_eq!(bench.keyspace.next_deadline_ms(), None);
        assert_eq!(bench.keyspace.stats().expired_subkeys, 3);
    }
}

#[test]
fn the_timer_takes_fields_in_small_steps_and_forgets_hashes_that_went() {
    for mut bench in benches() {
        for (key, at) in [("g", 1002), ("f", 1001), ("e", 1003), ("d", 1003)] {
            bench.run(hset, &format!("hset {key} a 1 b 2 c 3"));
            bench.run(hexpireat, &format!("hexpireat {key} {at} FIELDS 3 a b c"));
        }
        // Gone, replaced, or without a deadline again: the timer must not come to these.
        bench.run(hdel, "hdel e a b c");
        let string = crate::values::Value::String(crate::values::string::Str::new(b"1"));
        bench.keyspace.keys(0).replace(b"d", string);
        bench.run(hexpire, "hexpire h 1 FIELDS 1 a");
        bench.run(hpersist, "hpersist h FIELDS 1 a");
        assert_eq!(bench.keyspace.next_deadline_ms(), Some(1_001_000));
        bench.keyspace.set_now(2_000_000);
        bench.events();
        for (expired, events) in
            [(2, "hexpired f"), (2, "hexpired f,del f,hexpired g"), (2, "hexpired g,del g"), (0, "")]
        {
            assert_eq!(bench.keyspace.expire_due(2), expired);
            assert_eq!(bench.events().join(","), events);
        }
        assert_eq!(bench.keyspace.next_deadline_ms(), None);
        assert_eq!(bench.keyspace.sizes(0).0, 2);
    }
}

#[test]
fn a_hash_takes_its_deadlines_to_another_key() {
    for mut bench in benches() {
        bench.run(hexpire, "hexpire h 10 FIELDS 1 a");
        let copy = bench.keyspace.keys(0).peek(b"h").unwrap().value.clone();
        for (db, key) in [(0, b"copy"), (1, b"move")] {
            bench.keyspace.keys(db).insert(key, copy.clone());
            bench.keyspace.keys(db).touched(key);
        }
        bench.keyspace.keys(0).remove(b"h");
        bench.events();
        bench.keyspace.set_now(1_010_001);
        assert_eq!(bench.keyspace.expire_due(10), 2);
        assert_eq!(bench.events(), ["hexpired copy", "hexpired move"]);
        check(&mut bench, &[(hlen, "hlen copy", ":2", "")]);
    }
}

#[test]
fn what_expires_is_no_change_of_the_command_that_looked() {
    for mut bench in benches() {
        bench.run(hexpire, "hexpire h 1 FIELDS 3 a b c");
        bench.keyspace.set_notes_changes(true);
        bench.keyspace.set_now(2_000_000);
        bench.run(hget, "hget h a");
        let changes = bench.keyspace.take_changes();
        assert!(!changes.is_empty());
        for change in changes {
            assert_eq!(change, Change::Key { key: b"h".as_slice().into(), by_command: false });
        }
    }
}
