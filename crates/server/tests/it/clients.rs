//! What one client does to others, on whichever workers they are.

use std::io::{Read, Write};
use std::net::Shutdown;

use fanfare_wire::Value;

use crate::support::{Client, TestServer, connect, eventually};

with_workers!(
    a_killed_subscriber_no_longer_counts,
    a_pause_ends_by_itself,
    a_pause_of_writes_holds_publishers_back,
    a_subscriber_over_the_limit_is_closed,
    dropped_messages_are_told,
    limits_reach_connected_clients,
    requests_right_before_the_end_are_answered_and_the_end_is_seen,
    who_kills_itself_gets_the_answer,
);

fn a_killed_subscriber_no_longer_counts(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let (mut admin, mut publisher) = (server.client(), server.client());
    for _ in 0..20 {
        let mut subscribers: Vec<Client> = (0..4).map(|_| server.client()).collect();
        let mut ids = Vec::new();
        for subscriber in &mut subscribers {
            ids.push(subscriber.number(&["CLIENT", "ID"]));
            subscriber.subscribe("SUBSCRIBE", &["c"]);
            subscriber.subscribe("PSUBSCRIBE", &["c*"]);
        }
        assert_eq!(admin.number(&["CLIENT", "KILL", "ID", &ids[1].to_string()]), 1);
        assert_eq!(publisher.number(&["PUBLISH", "c", "1"]), 6);
        subscribers[1].expect_close();
        assert_eq!(admin.number(&["CLIENT", "KILL", "TYPE", "pubsub"]), 3);
        assert_eq!(publisher.number(&["PUBLISH", "c", "2"]), 0);
        assert_eq!(admin.number(&["CLIENT", "KILL", "ID", &ids[1].to_string()]), 0);
    }
    assert_eq!(admin.info("closed_killed"), "80");
}

/// Both may come with one event, of which the end is not told again.
fn requests_right_before_the_end_are_answered_and_the_end_is_seen(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    for _ in 0..300 {
        let mut socket = connect(server.addresses[0]);
        socket.write_all(b"PING\r\n").unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).expect("the server closes as well");
        assert_eq!(answer, b"+PONG\r\n");
    }
}

fn who_kills_itself_gets_the_answer(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let (mut client, mut other) = (server.client(), server.client());
    other.subscribe("SUBSCRIBE", &["c"]);
    client.send_raw(b"CLIENT KILL TYPE normal SKIPME no\r\nPING\r\n").unwrap();
    assert_eq!(client.receive(), Value::Integer(1));
    client.expect_close();
    other.expect_nothing();
}

fn a_pause_of_writes_holds_publishers_back(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let (mut admin, mut subscriber) = (server.client(), server.client());
    let mut publishers: Vec<Client> = (0..4).map(|_| server.client()).collect();
    subscriber.subscribe("SUBSCRIBE", &["c"]);
    assert_eq!(admin.text(&["CLIENT", "PAUSE", "600000", "WRITE"]), "OK");
    for publisher in &mut publishers {
        // What is no write is answered; it also shows that the pause has reached everyone.
        publisher.send_raw(b"PING\r\nPUBLISH c 1\r\nPING again\r\n").unwrap();
        assert_eq!(publisher.receive(), Value::Simple(b"PONG".to_vec()));
    }
    subscriber.expect_nothing();
    assert_eq!(admin.text(&["CLIENT", "UNPAUSE"]), "OK");
    for publisher in &mut publishers {
        assert_eq!(publisher.receive(), Value::Integer(1));
        assert_eq!(publisher.receive(), Value::Bulk(b"again".to_vec()));
        subscriber.expect_message(&["message", "c", "1"]);
    }
}

fn a_pause_ends_by_itself(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let (mut admin, mut other) = (server.client(), server.client());
    assert_eq!(admin.text(&["CLIENT", "PAUSE", "300"]), "OK");
    let began = std::time::Instant::now();
    assert_eq!(other.text(&["PING"]), "PONG");
    // The pause began a round trip before the clock here did.
    assert!(began.elapsed().as_millis() >= 200, "answered after {:?}", began.elapsed());
    assert_eq!(admin.text(&["PING"]), "PONG");
}

/// Publishes large messages until nobody is subscribed any more.
fn publish_until_alone(publisher: &mut Client) {
    let payload = "x".repeat(1 << 20);
    let mut published = 0;
    eventually("the limit applies", || {
        published += 1;
        assert!(published < 500, "half a gigabyte is queued and no limit applied");
        publisher.number(&["PUBLISH", "c", &payload]) == 0
    });
}

fn a_subscriber_over_the_limit_is_closed(workers: &str) {
    let server = TestServer::start(&[("workers", workers), ("client-output-buffer-limit", "pubsub 2mb 0 0")]);
    let (mut stalled, mut publisher) = (server.client(), server.client());
    stalled.subscribe("SUBSCRIBE", &["c"]);
    publish_until_alone(&mut publisher);
    assert_eq!(publisher.info("closed_outbox_hard_limit"), "1");
    assert_eq!(publisher.info("connected_clients"), "1");
}

fn limits_reach_connected_clients(workers: &str) {
    let server = TestServer::start(&[("workers", workers), ("client-output-buffer-limit", "pubsub 0 0 0")]);
    let (mut first, mut second) = (server.client(), server.client());
    let (mut admin, mut publisher) = (server.client(), server.client());
    first.subscribe("SUBSCRIBE", &["c"]);
    second.subscribe("SUBSCRIBE", &["d"]);
    assert_eq!(admin.text(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0"]), "OK");
    publish_until_alone(&mut publisher);
    assert_eq!(admin.info("closed_outbox_hard_limit"), "1");
    second.expect_nothing();
}

fn dropped_messages_are_told(workers: &str) {
    let server = TestServer::start(&[
        ("workers", workers),
        ("slow-subscriber-policy", "drop-oldest"),
        ("client-output-buffer-limit", "pubsub 2mb 0 0"),
    ]);
    let (mut slow, mut publisher) = (server.client(), server.client());
    slow.subscribe("SUBSCRIBE", &["c", "__fanfare__:lag"]);
    let padding = "x".repeat(1 << 20);
    const COUNT: usize = 40;
    for number in 0..COUNT {
        assert_eq!(publisher.number(&["PUBLISH", "c", &format!("{number} {padding}")]), 1);
    }
    // All that is not told to be missing comes, in order, the newest at the end.
    let (mut next, mut dropped) = (0, 0);
    while next < COUNT {
        let message = slow.receive();
        let parts = message.as_elements().unwrap();
        let payload = String::from_utf8(parts[2].as_bytes().unwrap().to_vec()).unwrap();
        if parts[1].as_bytes() == Some(b"__fanfare__:lag") {
            let count = payload.strip_prefix(r#"{"count":"#).and_then(|rest| rest.split(',').next()).unwrap();
            let count: usize = count.parse().unwrap();
            dropped += count;
            next += count;
        } else {
            assert_eq!(payload.split(' ').next(), Some(&*next.to_string()));
            next += 1;
        }
    }
    slow.expect_nothing();
    assert!(dropped > 0, "the kernel took it all");
    assert_eq!(publisher.info("messages_dropped"), dropped.to_string());
}
