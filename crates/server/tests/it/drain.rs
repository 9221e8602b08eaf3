//! The orderly end.

use std::net::TcpStream;

use fanfare_wire::Value;

use crate::support::{TestServer, eventually};

with_workers!(
    a_stalled_client_is_cut_off,
    shutdown_stops_the_server,
    subscribers_hear_of_it,
    what_is_queued_is_delivered_first,
);

fn subscribers_hear_of_it(workers: &str) {
    let mut server = TestServer::start(&[("workers", workers), ("shutdown-timeout", "17")]);
    let mut listeners = [server.client(), server.client3(), server.client(), server.client()];
    for client in &mut listeners {
        client.subscribe("SUBSCRIBE", &["__fanfare__:drain"]);
    }
    let (mut other, mut pattern) = (server.client(), server.client());
    other.subscribe("SUBSCRIBE", &["c"]);
    pattern.subscribe("PSUBSCRIBE", &["*drain"]);
    let notice = r#"{"event":"drain","timeout_s":17}"#;
    server.begin_stop();
    for client in &mut listeners {
        client.expect_message(&["message", "__fanfare__:drain", notice]);
        client.expect_close();
    }
    pattern.expect_message(&["pmessage", "*drain", "__fanfare__:drain", notice]);
    pattern.expect_close();
    other.expect_close();
    assert_eq!(server.join(), 0);
    assert!(TcpStream::connect(server.addresses[0]).is_err(), "it still listens");
}

/// Publishes so much that the kernel can't hold it.
fn queue_much(server: &TestServer, count: usize) {
    let payload = "x".repeat(1 << 20);
    let mut publisher = server.client();
    for _ in 0..count {
        assert_eq!(publisher.number(&["PUBLISH", "c", &payload]), 1);
    }
}

fn what_is_queued_is_delivered_first(workers: &str) {
    let mut server = TestServer::start(&[("workers", workers), ("client-output-buffer-limit", "pubsub 0 0 0")]);
    let mut subscriber = server.client();
    subscriber.subscribe("SUBSCRIBE", &["c"]);
    queue_much(&server, 40);
    // Seen from the outside the drain has begun when nobody can connect any more.
    let address = server.addresses[0];
    server.begin_stop();
    eventually("it no longer listens", || TcpStream::connect(address).is_err());
    for _ in 0..40 {
        let message = subscriber.receive();
        assert_eq!(message.as_elements().unwrap()[2].as_bytes().unwrap().len(), 1 << 20);
    }
    subscriber.expect_close();
    assert_eq!(server.join(), 0);
}

fn a_stalled_client_is_cut_off(workers: &str) {
    let mut server = TestServer::start(&[
        ("workers", workers),
        ("client-output-buffer-limit", "pubsub 0 0 0"),
        ("shutdown-timeout", "1"),
    ]);
    let (mut stalled, mut idle) = (server.client(), server.client());
    stalled.subscribe("SUBSCRIBE", &["c"]);
    queue_much(&server, 40);
    server.begin_stop();
    idle.expect_close();
    assert_eq!(server.join(), 1);
}

fn shutdown_stops_the_server(workers: &str) {
    let mut server = TestServer::start(&[("workers", workers)]);
    let (mut subscriber, mut admin) = (server.client(), server.client());
    subscriber.subscribe("SUBSCRIBE", &["__fanfare__:drain"]);
    admin.send(&["SHUTDOWN"]);
    // As from Redis there is no reply.
    admin.expect_close();
    assert!(matches!(subscriber.receive(), Value::Array(_)));
    subscriber.expect_close();
    assert_eq!(server.join(), 0);
}
