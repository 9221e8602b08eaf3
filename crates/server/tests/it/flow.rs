//! How bytes flow: input in odd pieces, much of it, and publishers that are faster than delivery.

use std::io::{Read, Write};

use fanfare_wire::Value;

use crate::support::{Client, TestServer, connect, eventually, request};

with_workers!(
    a_fast_publisher_waits_and_nothing_is_lost,
    a_huge_message_arrives_whole,
    a_stalled_subscriber_slows_nobody,
    many_requests_in_one_write,
    requests_split_at_every_byte,
);

fn requests_split_at_every_byte(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let (mut subscriber, mut publisher) = (server.client(), server.client());
    for byte in request(&["SUBSCRIBE", "c", "d"]) {
        subscriber.send_raw(&[byte]).unwrap();
    }
    subscriber.expect_confirmation("SUBSCRIBE", "c");
    subscriber.expect_confirmation("SUBSCRIBE", "d");
    let requests =
        [request(&["PUBLISH", "c", "a\r\nb"]), b"PING \"in line\"\r\n".to_vec(), request(&["ECHO", ""])].concat();
    for byte in requests {
        publisher.send_raw(&[byte]).unwrap();
    }
    assert_eq!(publisher.receive(), Value::Integer(1));
    assert_eq!(publisher.receive(), Value::Bulk(b"in line".to_vec()));
    assert_eq!(publisher.receive(), Value::Bulk(Vec::new()));
    subscriber.expect_message(&["message", "c", "a\r\nb"]);
}

fn many_requests_in_one_write(workers: &str) {
    const COUNT: usize = 10_000;
    let server = TestServer::start(&[("workers", workers)]);
    let mut client = server.client();
    client.send_raw(&request(&["PING"]).repeat(COUNT)).unwrap();
    for _ in 0..COUNT {
        assert_eq!(client.receive(), Value::Simple(b"PONG".to_vec()));
    }
    client.expect_nothing();
}

fn a_huge_message_arrives_whole(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let mut subscribers = [server.client(), server.client3(), server.client()];
    for subscriber in &mut subscribers {
        subscriber.subscribe("SUBSCRIBE", &["c"]);
    }
    let payload: Vec<u8> = (0..20 << 20).map(|at: u32| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect();
    let mut publisher = server.client();
    assert_eq!(publisher.call(&[&b"PUBLISH"[..], b"c", &payload]), Value::Integer(3));
    assert_eq!(publisher.number(&["PUBLISH", "c", "small"]), 3);
    for subscriber in &mut subscribers {
        let message = subscriber.receive();
        let got = message.as_elements().unwrap()[2].as_bytes().unwrap();
        assert!(got == payload, "{} bytes came, not the ones sent", got.len());
        subscriber.expect_message(&["message", "c", "small"]);
    }
    eventually("its memory is given back", || publisher.info("log_bytes").parse::<usize>().unwrap() < 4 << 20);
}

/// What a subscriber of `c` is sent for message `number`.
fn frame(number: usize, payload: &mut [u8]) -> Vec<u8> {
    payload[..8].copy_from_slice(&(number as u64).to_be_bytes());
    request(&[&b"message"[..], b"c", payload])
}

/// Invariant: the server's own lag slows publishers instead of pushing healthy subscribers over their limits.
fn a_fast_publisher_waits_and_nothing_is_lost(workers: &str) {
    const BYTES: usize = 50_000_000;
    const PAYLOAD_BYTES: usize = 4_000;
    const COUNT: usize = BYTES / PAYLOAD_BYTES;
    let server = TestServer::start(&[
        ("workers", workers),
        ("publish-window-bytes", "4kb"),
        ("client-output-buffer-limit", "pubsub 1mb 0 0"),
    ]);
    let mut admin = server.client();
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let mut socket = connect(server.addresses[0]);
            let confirmation = b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
            socket.write_all(&request(&["SUBSCRIBE", "c"])).unwrap();
            let mut got = [0; 31];
            socket.read_exact(&mut got[..confirmation.len()]).unwrap();
            assert_eq!(&got[..confirmation.len()], confirmation);
            std::thread::spawn(move || {
                let mut payload = vec![b'x'; PAYLOAD_BYTES];
                let mut got = vec![0; frame(0, &mut payload).len()];
                for number in 0..COUNT {
                    socket.read_exact(&mut got).unwrap_or_else(|error| panic!("message {number}: {error}"));
                    assert!(got == frame(number, &mut payload), "message {number} is another one");
                }
            })
        })
        .collect();
    let mut writer = connect(server.addresses[0]);
    let mut replies = Client::over(writer.try_clone().unwrap());
    let publisher = std::thread::spawn(move || {
        let mut payload = vec![b'x'; PAYLOAD_BYTES];
        for number in 0..COUNT {
            payload[..8].copy_from_slice(&(number as u64).to_be_bytes());
            writer.write_all(&request(&[&b"PUBLISH"[..], b"c", &payload])).unwrap();
        }
    });
    for number in 0..COUNT {
        assert_eq!(replies.receive(), Value::Integer(3), "for message {number}");
    }
    publisher.join().unwrap();
    for reader in readers {
        reader.join().unwrap();
    }
    assert_eq!(admin.info("closed_outbox_hard_limit"), "0");
    assert_eq!(admin.info("messages_dropped"), "0");
    assert_ne!(admin.info("publisher_waits"), "0", "the window was never full");
}

fn a_stalled_subscriber_slows_nobody(workers: &str) {
    let server = TestServer::start(&[
        ("workers", workers),
        ("publish-window-bytes", "4kb"),
        ("client-output-buffer-limit", "pubsub 0 0 0"),
    ]);
    // Four of them: one on every worker.
    let mut stalled: Vec<Client> = (0..4).map(|_| server.client()).collect();
    for client in &mut stalled {
        client.subscribe("SUBSCRIBE", &["c"]);
    }
    let (mut healthy, mut publisher) = (server.client(), server.client());
    healthy.subscribe("SUBSCRIBE", &["c"]);
    let padding = "x".repeat(1 << 20);
    for number in 0..30 {
        let payload = format!("{number} {padding}");
        assert_eq!(publisher.number(&["PUBLISH", "c", &payload]), 5);
        healthy.expect_message(&["message", "c", &payload]);
    }
    // What they have not taken waits for them, whole.
    for client in &mut stalled {
        for number in 0..30 {
            client.expect_message(&["message", "c", &format!("{number} {padding}")]);
        }
        client.expect_nothing();
    }
}
