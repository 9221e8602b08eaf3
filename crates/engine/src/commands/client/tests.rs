use crate::CloseReason;
use crate::client::{Address, Endpoint};
use crate::harness::{Harness, Peer};

/// The text of a bulk string or a verbatim string.
fn text(reply: &str) -> &str {
    let (_, text) = reply.split_once("\r\n").expect("a header");
    let text = text.strip_suffix("\r\n").expect("an end");
    text.strip_prefix("txt:").unwrap_or(text)
}

/// The value of a field of the first line.
fn field(reply: &str, name: &str) -> String {
    let line = text(reply).lines().next().unwrap_or_default();
    let mut fields = line.split(' ').filter_map(|field| field.split_once('='));
    fields
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
        .unwrap_or_else(|| panic!("{name} in {line}"))
}

/// The ids of all lines.
fn ids(reply: &str) -> Vec<u64> {
    let id =
        |line: &str| line.split(' ').next().and_then(|field| field.strip_prefix("id=")).and_then(|id| id.parse().ok());
    text(reply).lines().filter_map(id).collect()
}

fn check(harness: &mut Harness, peer: &Peer, cases: &[(&str, &str)]) {
    for (request, reply) in cases {
        assert_eq!(harness.ask(peer, format!("{request}\r\n")), *reply, "{request}");
    }
}

#[test]
fn names_and_library() {
    let mut harness = Harness::new(1);
    let peer = harness.connect(0);
    check(
        &mut harness,
        &peer,
        &[
            ("CLIENT ID", ":1\r\n"),
            ("CLIENT GETNAME", "$-1\r\n"),
            ("CLIENT SETNAME ann", "+OK\r\n"),
            ("CLIENT GETNAME", "$3\r\nann\r\n"),
            ("CLIENT SETNAME \"a b\"", "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"),
            ("CLIENT GETNAME", "$3\r\nann\r\n"),
            ("CLIENT SETINFO lib-NAME fan", "+OK\r\n"),
            ("CLIENT SETINFO LIB-VER 1.2", "+OK\r\n"),
            (
                "CLIENT SETINFO LIB-VER \"1 2\"",
                "-ERR LIB-VER cannot contain spaces, newlines or special characters.\r\n",
            ),
            ("CLIENT SETINFO lib x", "-ERR Unrecognized option 'lib'\r\n"),
        ],
    );
    let info = harness.ask(&peer, "CLIENT INFO\r\n");
    assert_eq!(
        ["name", "lib-name", "lib-ver"].map(|name| field(&info, name)),
        ["ann", "fan", "1.2"].map(str::to_owned)
    );
    check(&mut harness, &peer, &[("CLIENT SETNAME \"\"", "+OK\r\n"), ("CLIENT GETNAME", "$-1\r\n")]);
}

#[test]
fn a_line_has_redis_fields_in_their_order() {
    let mut harness = Harness::new(1);
    let peer = harness.connect_from(
        0,
        Endpoint {
            address: Address::Unix("/run/f.sock".into()),
            local_address: Address::Unix("/run/f.sock".into()),
            fd: 9,
            certificate_user: None,
        },
    );
    harness.advance_ms(61_500);
    check(&mut harness, &peer, &[("CLIENT NO-EVICT on", "+OK\r\n"), ("CLIENT NO-TOUCH ON", "+OK\r\n")]);
    let info = harness.ask(&peer, "*2\r\n$6\r\nclient\r\n$4\r\nINFO\r\n");
    let line = text(&info).strip_suffix('\n').unwrap();
    let total = field(&info, "tot-mem");
    assert_eq!(
        line,
        format!(
            "id=1 addr=/run/f.sock:0 laddr=/run/f.sock:0 fd=9 name= age=61 idle=0 flags=UeT db=0 sub=0 psub=0 ssub=0 \
             multi=-1 qbuf=26 qbuf-free=0 argv-mem=10 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem={total} \
             events=r cmd=client|info user=default redir=-1 resp=2 lib-name= lib-ver="
        )
    );
    check(
        &mut harness,
        &peer,
        &[
            ("CLIENT NO-EVICT maybe", "-ERR syntax error\r\n"),
            ("CLIENT NO-EVICT off", "+OK\r\n"),
            ("CLIENT NO-TOUCH off", "+OK\r\n"),
        ],
    );
    let _ = harness.ask(&peer, "HELLO 3\r\n");
    let info = harness.ask(&peer, "CLIENT INFO\r\n");
    assert!(info.starts_with('=') && info.contains("\r\ntxt:id=1 "), "{info}");
    assert_eq!((field(&info, "flags").as_str(), field(&info, "resp").as_str()), ("U", "3"));
}

#[test]
fn list_selects() {
    let mut harness = Harness::new(2);
    let peer = harness.connect(0);
    let other = harness.connect(1);
    let subscriber = harness.connect(1);
    let _ = harness.ask(&other, "MULTI\r\nPING\r\n");
    let _ = harness.ask(&subscriber, "SUBSCRIBE a b\r\nPSUBSCRIBE c\r\nSSUBSCRIBE d\r\n");
    harness.advance_ms(3_000);

    for (request, expected) in [
        ("CLIENT LIST", &[1, 2, 3][..]),
        ("CLIENT LIST TYPE normal", &[1, 2]),
        ("CLIENT LIST TYPE PUBSUB", &[3]),
        ("CLIENT LIST TYPE master", &[]),
        ("CLIENT LIST type replica", &[]),
        ("CLIENT LIST TYPE slave", &[]),
        ("CLIENT LIST ID 3 9 1 3 0 -1", &[3, 1, 3]),
    ] {
        assert_eq!(ids(&harness.ask(&peer, format!("{request}\r\n"))), expected, "{request}");
    }
    check(
        &mut harness,
        &peer,
        &[
            ("CLIENT LIST TYPE master", "$0\r\n\r\n"),
            ("CLIENT LIST TYPE x", "-ERR Unknown client type 'x'\r\n"),
            ("CLIENT LIST TYPE", "-ERR syntax error\r\n"),
            ("CLIENT LIST TYPE normal 1", "-ERR syntax error\r\n"),
            ("CLIENT LIST ID", "-ERR syntax error\r\n"),
            ("CLIENT LIST ID 1 +1", "-ERR Invalid client ID\r\n"),
            ("CLIENT LIST x", "-ERR syntax error\r\n"),
        ],
    );
    let list = harness.ask(&peer, "CLIENT LIST ID 2\r\n");
    let fields = ["flags", "multi", "cmd", "idle"].map(|name| field(&list, name));
    assert_eq!(fields, ["x", "1", "ping", "3"].map(str::to_owned));
    let list = harness.ask(&peer, "CLIENT LIST ID 3\r\n");
    let fields = ["flags", "sub", "psub", "ssub", "cmd"].map(|name| field(&list, name));
    assert_eq!(fields, ["P", "2", "1", "1", "ssubscribe"].map(str::to_owned));
    let _ = harness.ask(&other, "DISCARD\r\nFOO\r\n");
    assert_eq!(field(&harness.ask(&peer, "CLIENT LIST ID 2\r\n"), "cmd"), "NULL");
}

#[test]
fn list_shows_what_a_slow_client_has_queued() {
    for worker in [0, 1] {
        let mut harness = Harness::new(2);
        let peer = harness.connect(0);
        let slow = harness.connect(worker);
        let _ = harness.ask(&slow, "SUBSCRIBE a\r\n");
        harness.block(&slow);
        let message = "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n";
        let _ = harness.ask(&peer, "PUBLISH a hello\r\n");
        let list = harness.ask(&peer, "CLIENT LIST TYPE pubsub\r\n");
        let fields = ["omem", "oll", "events"].map(|name| field(&list, name));
        assert_eq!(fields, [message.len().to_string(), "1".to_owned(), "rw".to_owned()]);
        harness.unblock(&slow);
        harness.settle();
        assert_eq!(harness.take(&slow), message.as_bytes());
    }
}

#[test]
fn kill_refuses_what_it_does_not_understand() {
    let mut harness = Harness::new(1);
    let peer = harness.connect(0);
    check(
        &mut harness,
        &peer,
        &[
            ("CLIENT KILL 1.2.3.4:5", "-ERR No such client\r\n"),
            ("CLIENT KILL ID", "-ERR No such client\r\n"),
            ("CLIENT KILL ID x", "-ERR client-id should be greater than 0\r\n"),
            ("CLIENT KILL ID 0", "-ERR client-id should be greater than 0\r\n"),
            ("CLIENT KILL ID 99", ":0\r\n"),
            ("CLIENT KILL ID 1", ":0\r\n"),
            ("CLIENT KILL ID 1 ADDR", "-ERR syntax error\r\n"),
            ("CLIENT KILL x y", "-ERR syntax error\r\n"),
            ("CLIENT KILL TYPE x", "-ERR Unknown client type 'x'\r\n"),
            ("CLIENT KILL TYPE replica", ":0\r\n"),
            ("CLIENT KILL USER ann", "-ERR No such user 'ann'\r\n"),
            ("CLIENT KILL USER default", ":0\r\n"),
            ("CLIENT KILL SKIPME maybe", "-ERR syntax error\r\n"),
            ("CLIENT KILL MAXAGE x", "-ERR maxage is not an integer or out of range\r\n"),
            ("CLIENT KILL MAXAGE 0", "-ERR maxage should be greater than 0\r\n"),
            ("CLIENT KILL MAXAGE -1", "-ERR maxage should be greater than 0\r\n"),
            ("CLIENT KILL MAXAGE 1 SKIPME no", ":0\r\n"),
            ("PING", "+PONG\r\n"),
        ],
    );
}

#[test]
fn kill_closes_before_it_answers() {
    for filter in ["ID 2", "ADDR 127.0.0.1:50001", "TYPE pubsub", "USER default SKIPME yes", "LADDR 127.0.0.1:6379"] {
        for worker in [0, 1] {
            let mut harness = Harness::new(2);
            let peer = harness.connect(0);
            let target = harness.connect(worker);
            let _ = harness.ask(&target, "SUBSCRIBE a\r\n");
            // Earlier replies come out first, later requests wait.
            harness.send(&peer, format!("PING\r\nCLIENT KILL {filter}\r\nPUBLISH a x\r\nCLIENT LIST\r\n"));
            harness.turn(0);
            let early = harness.take(&peer);
            assert_eq!(early, b"+PONG\r\n", "{filter}");
            harness.settle();
            let late = String::from_utf8(harness.take(&peer)).unwrap();
            assert!(late.starts_with(":1\r\n:0\r\n$"), "{filter}: {late}");
            assert_eq!(ids(late.strip_prefix(":1\r\n:0\r\n").unwrap()), [1]);
            assert_eq!(harness.closed(&target), Some(CloseReason::Killed));
        }
    }
}

#[test]
fn kill_by_address_answers_ok() {
    let mut harness = Harness::new(2);
    let peer = harness.connect(0);
    let target = harness.connect(1);
    check(&mut harness, &peer, &[("CLIENT KILL 127.0.0.1:50001", "+OK\r\n")]);
    assert_eq!(harness.closed(&target), Some(CloseReason::Killed));
    // The old form does not spare the caller.
    check(&mut harness, &peer, &[("CLIENT KILL 127.0.0.1:50000", "+OK\r\n")]);
    assert_eq!(harness.closed(&peer), Some(CloseReason::Killed));
}

#[test]
fn kill_by_age() {
    let mut harness = Harness::new(2);
    let peer = harness.connect(0);
    let old = harness.connect(1);
    harness.advance_ms(10_000);
    let young = harness.connect(1);
    check(&mut harness, &peer, &[("CLIENT KILL MAXAGE 11", ":0\r\n"), ("CLIENT KILL MAXAGE 10", ":1\r\n")]);
    assert_eq!(harness.closed(&old), Some(CloseReason::Killed));
    assert_eq!(harness.closed(&young), None);
}

#[test]
fn kill_of_everyone_answers_and_goes() {
    let mut harness = Harness::new(2);
    let peer = harness.connect(0);
    let others = [harness.connect(0), harness.connect(1), harness.connect(1)];
    check(&mut harness, &peer, &[("CLIENT KILL TYPE normal SKIPME no", ":4\r\n")]);
    for peer in others.iter().chain([&peer]) {
        assert_eq!(harness.closed(peer), Some(CloseReason::Killed));
    }
    assert!(harness.broker.clients().is_empty());
}

#[test]
fn kill_each_other() {
    let mut harness = Harness::new(2);
    let first = harness.connect(0);
    let second = harness.connect(1);
    harness.send(&first, "CLIENT KILL ID 2\r\n");
    harness.send(&second, "CLIENT KILL ID 1\r\n");
    harness.settle();
    assert_eq!(harness.closed(&first), Some(CloseReason::Killed));
    assert_eq!(harness.closed(&second), Some(CloseReason::Killed));
}

#[test]
fn kill_in_a_transaction_does_not_wait() {
    let mut harness = Harness::new(2);
    let peer = harness.connect(0);
    let target = harness.connect(1);
    let reply = harness.ask(&peer, "MULTI\r\nCLIENT KILL ID 2\r\nPING\r\nEXEC\r\nPING\r\n");
    assert_eq!(reply, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n+PONG\r\n+PONG\r\n");
    assert_eq!(harness.closed(&target), Some(CloseReason::Killed));
}

#[test]
fn kill_without_reply_goes_on() {
    let mut harness = Harness::new(2);
    let peer = harness.connect(0);
    let target = harness.connect(1);
    let reply = harness.ask(&peer, "PING\r\nCLIENT REPLY SKIP\r\nCLIENT KILL ID 2\r\nECHO a\r\n");
    assert_eq!(reply, "+PONG\r\n$1\r\na\r\n");
    assert_eq!(harness.closed(&target), Some(CloseReason::Killed));
}

#[test]
fn pause_holds_back_and_ends() {
    let mut harness = Harness::new(2);
    let peer = harness.connect(0);
    let other = harness.connect(1);
    check(
        &mut harness,
        &peer,
        &[
            ("CLIENT PAUSE x", "-ERR timeout is not an integer or out of range\r\n"),
            ("CLIENT PAUSE 05", "-ERR timeout is not an integer or out of range\r\n"),
            ("CLIENT PAUSE -1", "-ERR timeout is negative\r\n"),
            ("CLIENT PAUSE 9223372036854775807", "-ERR timeout is out of range\r\n"),
            ("CLIENT PAUSE x foo", "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n"),
            (
                "CLIENT PaUSE 1 all x",
                "-ERR unknown subcommand or wrong number of arguments for 'PaUSE'. Try CLIENT HELP.\r\n",
            ),
            ("CLIENT PAUSE 0", "+OK\r\n"),
            ("PING", "+PONG\r\n"),
            ("CLIENT PAUSE 100", "+OK\r\n"),
            ("PING", ""),
        ],
    );
    assert_eq!(harness.ask(&other, "PUBLISH a b\r\nPING\r\n"), "");
    harness.advance_ms(99);
    assert_eq!(harness.take(&other), b"");
    harness.advance_ms(1);
    assert_eq!(harness.take(&other), b":0\r\n+PONG\r\n");
    assert_eq!(harness.take(&peer), b"+PONG\r\n");

    for request in ["PUBLISH a b", "SPUBLISH a b"] {
        check(&mut harness, &peer, &[("CLIENT PAUSE 100000 WRITE", "+OK\r\n"), ("PING", "+PONG\r\n")]);
        assert_eq!(harness.ask(&other, format!("PING\r\n{request}\r\n")), "+PONG\r\n");
        check(&mut harness, &peer, &[("CLIENT UNPAUSE", "+OK\r\n")]);
        assert_eq!(harness.take(&other), b":0\r\n");
    }
}

#[test]
fn reply_modes() {
    let mut harness = Harness::new(1);
    let peer = harness.connect(0);
    for (requests, replies) in [
        ("CLIENT REPLY ON\r\n", "+OK\r\n"),
        ("CLIENT REPLY x\r\n", "-ERR syntax error\r\n"),
        ("CLIENT REPLY SKIP\r\nECHO 1\r\nECHO 2\r\n", "$1\r\n2\r\n"),
        ("ECHO 0\r\nCLIENT REPLY SKIP\r\nECHO 1\r\nECHO 2\r\n", "$1\r\n0\r\n$1\r\n2\r\n"),
        ("CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nECHO 1\r\nECHO 2\r\n", "$1\r\n2\r\n"),
        ("CLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nECHO 1\r\n", "+OK\r\n$1\r\n1\r\n"),
        ("CLIENT REPLY SKIP\r\nCLIENT REPLY x\r\nECHO 1\r\n", "$1\r\n1\r\n"),
        ("CLIENT REPLY SKIP\r\nFOO\r\nECHO 1\r\n", "$1\r\n1\r\n"),
        ("CLIENT REPLY OFF\r\nECHO 1\r\nCLIENT REPLY SKIP\r\nFOO\r\nECHO 2\r\nCLIENT REPLY ON\r\n", "+OK\r\n"),
        ("CLIENT REPLY SKIP\r\nMULTI\r\nECHO 1\r\nEXEC\r\n", "+QUEUED\r\n*1\r\n$1\r\n1\r\n"),
        (
            "MULTI\r\nCLIENT REPLY SKIP\r\nECHO 1\r\nEXEC\r\nECHO 2\r\n",
            "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$1\r\n1\r\n",
        ),
        ("ECHO 0\r\nCLIENT REPLY SKIP\r\nHELLO 3\r\nECHO 1\r\n", "$1\r\n0\r\n$1\r\n1\r\n"),
        (
            "ECHO 0\r\nCLIENT REPLY SKIP\r\nSUBSCRIBE a\r\nECHO 1\r\n",
            "$1\r\n0\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n$1\r\n1\r\n",
        ),
    ] {
        assert_eq!(harness.ask(&peer, requests), replies, "{requests}");
    }
}

#[test]
fn nobody_is_blocked() {
    let mut harness = Harness::new(1);
    let peer = harness.connect(0);
    check(
        &mut harness,
        &peer,
        &[
            ("CLIENT UNBLOCK 1", ":0\r\n"),
            ("CLIENT UNBLOCK -1 error", ":0\r\n"),
            ("CLIENT UNBLOCK 1 TIMEOUT", ":0\r\n"),
            ("CLIENT UNBLOCK x", "-ERR value is not an integer or out of range\r\n"),
            ("CLIENT UNBLOCK x y", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n"),
            (
                "CLIENT UNBLOCK 1 timeout x",
                "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.\r\n",
            ),
        ],
    );
}
