//! Client-side caching: who hears of which change, in which form, and behind which reply.

use std::collections::BTreeMap;
use std::slice::from_ref;

use fanfare_wire::Value;

use super::{settings, values};
use crate::CloseReason;
use crate::harness::{Harness, Peer};

/// Four connections `a` to `d` with the ids 1 to 4; `a` and `c` share a worker.
struct Cast {
    harness: Harness,
    peers: BTreeMap<char, Peer>,
}

impl Cast {
    fn new(is_split: bool, changes: &[(&str, &str)]) -> Self {
        let mut harness = Harness::with_settings(2, settings(changes));
        let worker = |name| if matches!(name, 'b' | 'd') { usize::from(is_split) } else { 0 };
        let peers = ['a', 'b', 'c', 'd'].map(|name| (name, harness.connect(worker(name)))).into();
        Self { harness, peers }
    }

    /// Plays a script line by line: `who: request; request => who hears | who hears`, where everything that anyone
    /// hears has to be named, unless there is no arrow. `+` and a number lets milliseconds pass, `who: (gone)` closes.
    fn play(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (action, expected) = line.split_once("=>").map_or((line, None), |(action, rest)| (action, Some(rest)));
            let heard = self.hear(action);
            if let Some(expected) = expected {
                assert_eq!(heard, expected.trim(), "{line}");
            }
        }
    }

    /// Does what the left side of a line says; who heard what.
    fn hear(&mut self, action: &str) -> String {
        if let Some(ms) = action.trim().strip_prefix('+') {
            self.harness.advance_ms(ms.parse().unwrap());
        } else {
            let (who, requests) = action.split_once(':').unwrap();
            let peer = self.peers[&who.parse().unwrap()];
            if requests.trim() == "(gone)" {
                self.harness.workers[peer.worker].close(peer.conn, CloseReason::ClientClosed);
            } else {
                let lines = requests.split(';').map(|request| format!("{}\r\n", request.trim()));
                self.harness.send(&peer, lines.collect::<String>());
            }
            self.harness.settle();
        }
        let mut heard = Vec::new();
        for (name, peer) in &self.peers {
            let bytes = self.harness.take(peer);
            if !bytes.is_empty() {
                heard.push(format!("{name} {}", shown(&values(&bytes))));
            }
        }
        heard.join(" | ")
    }

    fn tracked_keys(&self) -> usize {
        self.harness.broker.tracking.lock().counts().keys
    }

    fn info(&mut self, field: &str) -> usize {
        let text = self.harness.ask(&self.peers[&'d'].clone(), "INFO\r\n");
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap().parse().unwrap()
    }

    fn is_noting(&self) -> bool {
        self.harness.broker.keyspace.lock().notes_changes()
    }
}

/// Plays a script with all connections on one worker, and on two.
fn play(script: &str) {
    for is_split in [false, true] {
        Cast::new(is_split, &[]).play(script);
    }
}

/// Values as text: `[..]` for what is in order, `>[..]` for pushes, `-` for no value.
fn shown(values: &[Value]) -> String {
    let one = |value: &Value| match value {
        Value::Array(inner) | Value::Set(inner) => format!("[{}]", shown(inner)),
        Value::Push(inner) => format!(">[{}]", shown(inner)),
        Value::Map(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| format!("{}={}", shown(from_ref(key)), shown(from_ref(value))));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(" "))
        }
        Value::Integer(number) => number.to_string(),
        Value::Null => "-".to_owned(),
        other => String::from_utf8_lossy(other.as_bytes().unwrap()).into_owned(),
    };
    values.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_key_that_was_read_is_invalidated_once_and_behind_the_writers_own_reply() {
    play(
        "a: HELLO 3
         a: CLIENT TRACKING ON => a OK
         a: GET k => a -
         b: SET k 1; SET k 2 => a >[invalidate [k]] | b OK OK
         a: MGET k q r => a [2 - -]
         b: MSET k 1 other 2 r 3 => a >[invalidate [k]] >[invalidate [r]] | b OK
         a: GET k; SET k 3; PING => a 1 OK >[invalidate [k]] PONG
         a: EXISTS k; LPUSH l x; LLEN l; TTL l => a 1 1 1 -1
         b: LPUSH l y; DEL k => a >[invalidate [l]] >[invalidate [k]] | b 2 1
         a: LLEN k; GET l => a 0 WRONGTYPE Operation against a key holding the wrong kind of value
         b: DEL l => a >[invalidate [l]] | b 1",
    );
}

#[test]
fn keys_are_known_by_name_in_whichever_database() {
    play(
        "a: HELLO 3
         a: CLIENT TRACKING ON; GET k => a OK -
         b: SELECT 1; SET k 1 => a >[invalidate [k]] | b OK OK",
    );
}

#[test]
fn a_transaction_sends_what_concerns_its_client_behind_its_reply() {
    play(
        "a: HELLO 3
         a: CLIENT TRACKING ON; GET k => a OK -
         b: GET k; CLIENT TRACKING ON REDIRECT 3; GET k; MULTI; SET k 1; SET q 1; GET q; EXEC
         c: PING
         a: GET k; MULTI; SET k 2; GET k; SET k 3; EXEC; PING => a 1 OK QUEUED QUEUED QUEUED [OK 2 OK] >[invalidate [k]] >[invalidate [k]] PONG
         a: GET k; MULTI; FLUSHALL; PING; EXEC => a 3 OK QUEUED QUEUED [OK PONG] >[invalidate -]",
    );
}

#[test]
fn messages_and_invalidations_keep_their_order() {
    play(
        "a: HELLO 3
         a: SUBSCRIBE ch
         a: CLIENT TRACKING ON; GET k => a OK -
         b: PUBLISH ch 1; SET k v; PUBLISH ch 2 => a >[message ch 1] >[invalidate [k]] >[message ch 2] | b 1 OK 1
         a: GET k => a v
         b: MULTI; PUBLISH ch 1; SET k v; PUBLISH ch 2; EXEC => a >[message ch 1] >[invalidate [k]] >[message ch 2] | b OK QUEUED QUEUED QUEUED [1 OK 1]
         a: GET k; PUBLISH ch 1; SET k w; PUBLISH ch 2 => a v 1 >[message ch 1] OK >[invalidate [k]] 1 >[message ch 2]",
    );
    let mut cast = Cast::new(true, &[("notify-keyspace-events", "KEA")]);
    cast.play(
        "a: HELLO 3
         a: SUBSCRIBE __keyspace@0__:k
         a: CLIENT TRACKING ON; GET k => a OK -
         b: SET k v => a >[invalidate [k]] >[message __keyspace@0__:k set] | b OK",
    );
}

#[test]
fn a_subscription_in_the_middle_keeps_the_order_too() {
    let mut cast = Cast::new(true, &[]);
    cast.play(
        "a: HELLO 3
         a: SUBSCRIBE ch
         a: CLIENT TRACKING ON; GET k",
    );
    // What lies in the mailbox of `a` is taken by a request of another connection of its worker.
    cast.harness.send(&cast.peers[&'b'], "PUBLISH ch 1\r\nSET k v\r\nPUBLISH ch 2\r\n");
    cast.play("c: SUBSCRIBE x => a >[message ch 1] >[invalidate [k]] >[message ch 2] | b 1 OK 1 | c [subscribe x 1]");
}

#[test]
fn with_noloop_a_client_does_not_hear_of_its_own_changes() {
    play(
        "a: HELLO 3
         a: CLIENT TRACKING ON NOLOOP; MGET k q => a OK [- -]
         a: SET k 1 => a OK
         b: SET q 1 => a >[invalidate [q]] | b OK
         a: GET q; MULTI; SET q 2; EXEC => a 1 OK QUEUED [OK]
         a: CLIENT TRACKING OFF; CLIENT TRACKING ON BCAST NOLOOP => a OK OK
         a: MSET k 1 q 2 => a OK
         b: MSET k 1 q 2 => a >[invalidate [k q]] | b OK
         a: PEXPIRE k 100 => a 1
         +300 => a >[invalidate [k]]",
    );
}

#[test]
fn broadcasts_go_by_prefix_once_for_a_request_or_transaction() {
    play(
        "a: HELLO 3
         a: CLIENT TRACKING ON BCAST => a OK
         c: HELLO 3
         c: CLIENT TRACKING ON BCAST PREFIX user: PREFIX a PREFIX b => c OK
         b: MSET user:2 x user:1 x u x => a >[invalidate [u user:1 user:2]] | b OK | c >[invalidate [user:1 user:2]]
         b: MULTI; SET b2 1; SET a1 1; SET b1 1; SET a1 2; DEL a1; EXEC
         b: MULTI; SET b2 1; SET a1 1; SET b1 1; EXEC => a >[invalidate [a1 b1 b2]] | b OK QUEUED QUEUED QUEUED [OK OK OK] | c >[invalidate [a1]] >[invalidate [b1 b2]]
         c: CLIENT TRACKING ON BCAST PREFIX z => c OK
         b: SET zzz 1 => a >[invalidate [zzz]] | b OK | c >[invalidate [zzz]]
         c: SET zzz 1 => a >[invalidate [zzz]] | c OK >[invalidate [zzz]]
         c: CLIENT TRACKINGINFO => c {flags=[on bcast] redirect=0 prefixes=[a b user: z]}
         b: FLUSHDB => a >[invalidate -] | b OK | c >[invalidate -]",
    );
}

#[test]
fn prefixes_within_each_other_are_all_found() {
    let mut cast = Cast::new(false, &[]);
    for (name, prefixes) in [('a', "aa PREFIX b"), ('b', "a PREFIX ba"), ('c', "aab PREFIX c PREFIX bb"), ('d', "ab")] {
        cast.play(&format!("{name}: HELLO 3\n{name}: CLIENT TRACKING ON BCAST NOLOOP PREFIX {prefixes}"));
    }
    cast.play(
        "d: SET aabc 1 => a >[invalidate [aabc]] | b >[invalidate [aabc]] | c >[invalidate [aabc]] | d OK
         d: SET aaa 1 => a >[invalidate [aaa]] | b >[invalidate [aaa]] | d OK
         d: SET aa 1 => a >[invalidate [aa]] | b >[invalidate [aa]] | d OK
         d: SET a 1 => b >[invalidate [a]] | d OK
         d: SET bab 1 => a >[invalidate [bab]] | b >[invalidate [bab]] | d OK
         d: SET d 1 => d OK
         a: SET abc 1 => a OK | b >[invalidate [abc]] | d >[invalidate [abc]]",
    );
}

#[test]
fn caching_counts_for_the_next_request_or_transaction() {
    play(
        "a: HELLO 3
         a: CLIENT TRACKING ON OPTIN; GET k => a OK -
         b: SET k 1 => b OK
         a: CLIENT CACHING YES; GET k; GET q => a OK 1 -
         b: MSET k 1 q 1 => a >[invalidate [k]] | b OK
         a: CLIENT CACHING YES; MULTI; GET k; GET q; EXEC; GET r => a OK OK QUEUED QUEUED [1 1] -
         b: MSET k 1 q 1 r 1 => a >[invalidate [k]] >[invalidate [q]] | b OK
         a: MULTI; GET k; CLIENT CACHING YES; GET q; EXEC => a OK QUEUED QUEUED QUEUED [1 OK 1]
         b: MSET k 1 q 1 => a >[invalidate [q]] | b OK
         a: CLIENT CACHING YES; CLIENT ID; CLIENT TRACKINGINFO => a OK 1 {flags=[on optin caching-yes] redirect=0 prefixes=[]}
         a: NOSUCHCOMMAND
         a: GET k; CLIENT TRACKINGINFO => a 1 {flags=[on optin] redirect=0 prefixes=[]}
         b: SET k 1 => b OK
         a: CLIENT TRACKING OFF; CLIENT TRACKING ON OPTOUT; CLIENT CACHING NO; GET k; GET q => a OK OK OK 1 1
         b: MSET k 1 q 1 => a >[invalidate [q]] | b OK",
    );
}

#[test]
fn a_resp2_client_hears_through_another_one_that_is_subscribed() {
    play(
        "a: CLIENT TRACKING ON; GET k => a OK -
         b: SET k 1 => b OK
         c: SUBSCRIBE __redis__:invalidate
         a: CLIENT TRACKING ON REDIRECT 3; CLIENT GETREDIR; MGET k q => a OK 3 [1 -]
         b: MSET k 1 q 1 => b OK | c [message __redis__:invalidate [k]] [message __redis__:invalidate [q]]
         a: GET k; SET k 2 => a 1 OK | c [message __redis__:invalidate [k]]
         b: FLUSHALL => b OK | c [message __redis__:invalidate -]
         c: UNSUBSCRIBE
         a: GET k => a -
         b: SET k 1 => b OK
         d: HELLO 3
         a: CLIENT TRACKING ON REDIRECT 4; GET k => a OK 1
         d: SET k 2; PING => d OK >[invalidate [k]] PONG
         a: GET k => a 2
         d: MULTI; SET k 3; EXEC; PING => d OK QUEUED [OK] >[invalidate [k]] PONG
         d: CLIENT REPLY OFF; PING
         a: GET k => a 3
         b: SET k 4 => b OK | d >[invalidate [k]]",
    );
}

#[test]
fn a_redirection_to_nobody_is_told_and_shown() {
    play(
        "a: CLIENT TRACKING ON REDIRECT 3; GET k => a OK -
         c: (gone) =>
         b: SET k 1 => b OK
         a: CLIENT TRACKINGINFO => a [flags [on broken_redirect] redirect 3 prefixes []]
         a: HELLO 3
         a: GET k; SET k 2; PING => a 1 OK >[tracking-redir-broken 3] PONG
         a: GET k => a 2
         b: SET k 1 => a >[tracking-redir-broken 3] | b OK
         a: CLIENT TRACKING ON; CLIENT TRACKINGINFO; GET k => a OK {flags=[on] redirect=0 prefixes=[]} 1
         b: SET k 1 => a >[invalidate [k]] | b OK",
    );
}

#[test]
fn keys_that_expire_are_invalidated_by_the_timer_and_on_access() {
    play(
        "a: HELLO 3
         a: CLIENT TRACKING ON; SET k v PX 100; GET k => a OK OK v
         +200 => a >[invalidate [k]]",
    );
    let mut cast = Cast::new(false, &[]);
    cast.play("a: HELLO 3\na: CLIENT TRACKING ON; SET k v PX 100; GET k => a OK OK v");
    // No worker ends a turn in between.
    cast.harness.now.unix_us += 200_000;
    cast.play("a: GET k; PING => a - >[invalidate [k]] PONG");
}

#[test]
fn refusals() {
    let cases = [
        ("TRACKING MAYBE", "ERR syntax error"),
        ("TRACKING ON REDIRECT", "ERR syntax error"),
        ("TRACKING ON BCAST PREFIX", "ERR syntax error"),
        ("TRACKING ON REDIRECT x", "ERR value is not an integer or out of range"),
        ("TRACKING ON REDIRECT 0", "ERR The client ID you want redirect to does not exist"),
        ("TRACKING ON REDIRECT 99", "ERR The client ID you want redirect to does not exist"),
        ("TRACKING ON REDIRECT 2 REDIRECT 2", "ERR A client can only redirect to a single other client"),
        ("TRACKING ON PREFIX x", "ERR PREFIX option requires BCAST mode to be enabled"),
        ("TRACKING ON OPTIN BCAST", "ERR OPTIN and OPTOUT are not compatible with BCAST"),
        ("TRACKING ON OPTIN OPTOUT", "ERR You can't specify both OPTIN mode and OPTOUT mode"),
        (
            "TRACKING ON BCAST PREFIX foo PREFIX fo",
            "ERR Prefix 'foo' overlaps with another provided prefix 'fo'. Prefixes for a single client must not overlap.",
        ),
        (
            "CACHING YES",
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ),
    ];
    let mut cast = Cast::new(false, &[]);
    for (request, expected) in cases {
        cast.play(&format!("a: CLIENT {request} => a {expected}"));
    }
    assert!(!cast.is_noting(), "nothing of it was done");
    cast.play(
        "a: CLIENT TRACKINGINFO; CLIENT GETREDIR => a [flags [off] redirect -1 prefixes []] -1
         a: CLIENT TRACKING ON OPTIN => a OK
         a: CLIENT CACHING NO => a ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.
         a: CLIENT CACHING MAYBE => a ERR syntax error
         a: CLIENT TRACKING ON OPTOUT => a ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.
         a: CLIENT TRACKING ON BCAST => a ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.
         a: CLIENT TRACKING OFF; CLIENT TRACKING ON BCAST PREFIX foo => a OK OK
         a: CLIENT TRACKING ON BCAST PREFIX f => a ERR Prefix 'f' overlaps with an existing prefix 'foo'. Prefixes for a single client must not overlap.",
    );
}

#[test]
fn nothing_is_left_of_clients_that_stop() {
    for end in ["CLIENT TRACKING OFF", "RESET", "(gone)"] {
        let mut cast = Cast::new(true, &[]);
        cast.play(
            "a: CLIENT TRACKING ON; MGET k q
             b: CLIENT TRACKING ON BCAST PREFIX x PREFIX y",
        );
        let fields = ["tracking_clients", "tracking_total_keys", "tracking_total_items", "tracking_total_prefixes"];
        assert_eq!(fields.map(|field| cast.info(field)), [2, 2, 2, 2]);
        cast.play(&format!("b: {end}"));
        assert_eq!(fields.map(|field| cast.info(field)), [1, 2, 2, 0]);
        assert!(cast.is_noting());
        cast.play(&format!("a: {end}"));
        assert_eq!(fields.map(|field| cast.info(field)), [0; 4]);
        assert!(!cast.is_noting());
    }
}

#[test]
fn what_gone_clients_have_read_leaves_the_table_as_others_read() {
    let mut cast = Cast::new(false, &[]);
    cast.play("a: CLIENT TRACKING ON\nb: CLIENT TRACKING ON");
    for number in 0..100 {
        cast.play(&format!("a: GET old:{number}"));
    }
    cast.play("a: (gone)");
    assert_eq!(cast.info("tracking_total_items"), 100);
    for number in 0..100 {
        cast.play(&format!("b: GET new:{number}"));
    }
    assert_eq!(["tracking_total_keys", "tracking_total_items"].map(|field| cast.info(field)), [100, 100]);
}

#[test]
fn what_was_read_before_tracking_ended_is_not_told_afterwards() {
    play(
        "a: HELLO 3
         b: CLIENT TRACKING ON
         a: CLIENT TRACKING ON; GET k; CLIENT TRACKING OFF; CLIENT TRACKING ON => a OK - OK OK
         b: SET k 1 => b OK
         a: GET k; CLIENT TRACKING OFF; CLIENT TRACKING ON BCAST => a 1 OK OK
         b: SET k 1 => a >[invalidate [k]] | b OK",
    );
}

#[test]
fn a_full_table_forgets_keys_and_says_so() {
    let mut cast = Cast::new(true, &[("tracking-table-max-keys", "2")]);
    cast.play("a: HELLO 3\na: CLIENT TRACKING ON NOLOOP; MGET k1 k2 => a OK [- -]");
    // Which key it is is not promised.
    let told = cast.hear("a: GET k3; PING");
    let forgotten =
        ["k1", "k2", "k3"].into_iter().find(|key| told == format!("a - >[invalidate [{key}]] PONG")).expect(&told);
    assert_eq!(cast.tracked_keys(), 2);
    let told = cast.hear("b: MSET k1 1 k2 1 k3 1");
    for key in ["k1", "k2", "k3"] {
        assert_eq!(told.contains(&format!("invalidate [{key}]")), key != forgotten, "{told}");
    }
    cast.play("a: CONFIG SET tracking-table-max-keys 0; MGET k1 k2 k3 k4 => a OK [1 1 1 -]");
    assert_eq!(cast.tracked_keys(), 4);
    assert_eq!(cast.hear("b: CONFIG SET tracking-table-max-keys 3").matches("invalidate").count(), 1);
    assert_eq!(cast.tracked_keys(), 3);
}

#[test]
fn a_table_that_is_far_too_large_shrinks_bit_by_bit() {
    let mut cast = Cast::new(true, &[]);
    cast.play("a: CLIENT TRACKING ON");
    for number in 0..2_500 {
        cast.harness.send(&cast.peers[&'a'], format!("GET k{number}\r\n"));
    }
    cast.play("b: CONFIG SET tracking-table-max-keys 1");
    let mut sizes = vec![cast.tracked_keys()];
    for _ in 0..2 {
        cast.play("+100");
        sizes.push(cast.tracked_keys());
    }
    assert_eq!(sizes, [1_500, 500, 1]);
}

#[test]
fn client_list_shows_who_tracks() {
    let cases = [
        ("TRACKING ON", "flags=t", "redir=0"),
        ("TRACKING ON BCAST REDIRECT 2", "flags=tB", "redir=2"),
        ("TRACKING OFF", "flags=N", "redir=-1"),
        ("TRACKING ON REDIRECT 3; GET k", "flags=tR", "redir=3"),
    ];
    for (requests, flags, redirect) in cases {
        let mut cast = Cast::new(true, &[]);
        cast.play(&format!("a: CLIENT {requests}\nc: (gone)\nb: SET k 1"));
        let line = cast.hear("b: CLIENT LIST ID 1");
        assert!(line.contains(&format!(" {flags} ")) && line.contains(&format!(" {redirect} ")), "{line}");
    }
}
