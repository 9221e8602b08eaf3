//! Publishing and subscribing across workers and protocols.

use fanfare_wire::Value;

use crate::support::{Client, TestServer, eventually};

with_workers!(
    a_message_reaches_every_kind_of_subscriber,
    a_publisher_that_subscribes_gets_reply_then_message,
    a_subscriber_that_closes_no_longer_counts,
    all_subscribers_see_one_order,
    mpublish_counts_each_channel,
    names_and_payloads_are_bytes,
    pubsub_subscribers_shows_who_listens,
    the_servers_channels_are_refused,
    unsubscribing_is_a_cut,
);

fn a_message_reaches_every_kind_of_subscriber(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let mut clients: Vec<Client> = (0..4).map(|_| server.client()).chain((0..4).map(|_| server.client3())).collect();
    for client in &mut clients {
        client.subscribe("SUBSCRIBE", &["news"]);
        client.subscribe("PSUBSCRIBE", &["n?ws", "other*"]);
        client.subscribe("SSUBSCRIBE", &["news"]);
    }
    let mut publisher = server.client();
    assert_eq!(publisher.number(&["PUBLISH", "news", "hi"]), 16);
    assert_eq!(publisher.number(&["SPUBLISH", "news", "shard"]), 8);
    assert_eq!(publisher.number(&["PUBLISH", "nobody", "hi"]), 0);
    for (at, client) in clients.iter_mut().enumerate() {
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let message = client.receive();
            assert_eq!(matches!(message, Value::Push(_)), at >= 4, "{message:?}");
            let parts = message.as_elements().unwrap();
            assert_eq!(parts.last().and_then(Value::as_bytes), Some(&b"hi"[..]));
            kinds.push(parts[0].as_bytes().unwrap().to_vec());
        }
        assert_eq!(kinds, [&b"message"[..], b"pmessage"]);
        client.expect_message(&["smessage", "news", "shard"]);
        client.expect_nothing();
    }
}

fn a_publisher_that_subscribes_gets_reply_then_message(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let mut client = server.client3();
    client.subscribe("SUBSCRIBE", &["own"]);
    client.send_raw(b"PUBLISH own 1\r\nPING\r\n").unwrap();
    assert_eq!(client.receive(), Value::Integer(1));
    client.expect_message(&["message", "own", "1"]);
    assert_eq!(client.receive(), Value::Simple(b"PONG".to_vec()));
}

fn a_subscriber_that_closes_no_longer_counts(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let mut subscribers: Vec<Client> = (0..5).map(|_| server.client()).collect();
    for subscriber in &mut subscribers {
        subscriber.subscribe("SUBSCRIBE", &["c"]);
    }
    let mut publisher = server.client();
    assert_eq!(publisher.number(&["PUBLISH", "c", "all"]), 5);
    for left in (0..5).rev() {
        subscribers.pop();
        eventually("the closed one no longer counts", || publisher.number(&["PUBLISH", "c", "some"]) == left);
    }
    eventually("closed clients are gone", || publisher.info("connected_clients") == "1");
    assert_eq!(publisher.number(&["PUBSUB", "NUMPAT"]), 0);
    assert_eq!(publisher.call(&["PUBSUB", "CHANNELS"]), Value::Array(vec![]));
}

fn all_subscribers_see_one_order(workers: &str) {
    const EACH: usize = 200;
    let server = TestServer::start(&[("workers", workers)]);
    let mut subscribers: Vec<Client> = (0..4).map(|_| server.client()).collect();
    for subscriber in &mut subscribers {
        subscriber.subscribe("SUBSCRIBE", &["c"]);
    }
    std::thread::scope(|scope| {
        for publisher in 0..4 {
            let mut client = server.client();
            scope.spawn(move || {
                for number in 0..EACH {
                    let payload = format!("{publisher} {number}");
                    assert_eq!(client.number(&["PUBLISH", "c", &payload]), 4);
                }
            });
        }
    });
    let mut seen: Vec<Vec<String>> = Vec::new();
    for subscriber in &mut subscribers {
        let mut payloads = Vec::new();
        let mut next = [0; 4];
        for _ in 0..4 * EACH {
            let message = subscriber.receive();
            let payload = String::from_utf8(message.as_elements().unwrap()[2].as_bytes().unwrap().to_vec()).unwrap();
            let (publisher, number) = payload.split_once(' ').unwrap();
            let publisher: usize = publisher.parse().unwrap();
            assert_eq!(number.parse(), Ok(next[publisher]), "of publisher {publisher}");
            next[publisher] += 1;
            payloads.push(payload);
        }
        subscriber.expect_nothing();
        seen.push(payloads);
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "subscribers saw different orders");
}

fn mpublish_counts_each_channel(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let (mut first, mut second) = (server.client(), server.client3());
    first.subscribe("SUBSCRIBE", &["a", "b"]);
    second.subscribe("SUBSCRIBE", &["b"]);
    let mut publisher = server.client();
    let counts = publisher.call(&["MPUBLISH", "a", "1", "b", "2", "c", "3", "a", "4"]);
    assert_eq!(counts, Value::Array([1, 2, 0, 1].map(Value::Integer).into()));
    first.expect_message(&["message", "a", "1"]);
    first.expect_message(&["message", "b", "2"]);
    first.expect_message(&["message", "a", "4"]);
    second.expect_message(&["message", "b", "2"]);
    second.expect_nothing();
    let odd = publisher.text(&["MPUBLISH", "a", "1", "b"]);
    assert_eq!(odd, "ERR wrong number of arguments for 'mpublish' command");
    first.expect_nothing();
}

fn names_and_payloads_are_bytes(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let name: &[u8] = b"\xff\0\r\n$1 ";
    let payload: Vec<u8> = (0..=255).collect();
    let mut subscriber = server.client();
    subscriber.call(&[b"SUBSCRIBE", name]);
    let mut publisher = server.client();
    assert_eq!(publisher.call(&[b"PUBLISH", name, &payload]), Value::Integer(1));
    assert_eq!(publisher.call(&[b"PUBLISH", name, b""]), Value::Integer(1));
    let message = |payload: &[u8]| {
        Value::Array([b"message", name, payload].iter().map(|part| Value::Bulk(part.to_vec())).collect())
    };
    assert_eq!(subscriber.receive(), message(&payload));
    assert_eq!(subscriber.receive(), message(b""));
}

fn pubsub_subscribers_shows_who_listens(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let (mut first, mut second, mut other) = (server.client(), server.client(), server.client());
    assert_eq!(first.text(&["CLIENT", "SETNAME", "alpha"]), "OK");
    let id = first.number(&["CLIENT", "ID"]);
    first.subscribe("SUBSCRIBE", &["c"]);
    second.subscribe("SUBSCRIBE", &["c", "d"]);
    other.subscribe("PSUBSCRIBE", &["c*"]);
    let mut admin = server.client3();
    let reply = admin.call(&["PUBSUB", "SUBSCRIBERS", "c"]);
    let Value::Array(subscribers) = reply else { panic!("{reply:?}") };
    assert_eq!(subscribers.len(), 2);
    let field = |subscriber: &Value, name: &str| {
        let Value::Map(fields) = subscriber else { panic!("{subscriber:?}") };
        fields.iter().find(|(key, _)| key.as_bytes() == Some(name.as_bytes())).map(|(_, value)| value.clone())
    };
    let found =
        subscribers.iter().find(|one| field(one, "id") == Some(Value::Integer(id))).expect("the first is there");
    assert_eq!(field(found, "name"), Some(Value::Bulk(b"alpha".to_vec())));
    assert_eq!(field(found, "queued-bytes"), Some(Value::Integer(0)));
    assert!(field(found, "addr").unwrap().as_bytes().unwrap().starts_with(b"127.0.0.1:"));
    assert_eq!(admin.call(&["PUBSUB", "SUBSCRIBERS", "nobody"]), Value::Array(vec![]));
    let counts = admin.call(&["PUBSUB", "NUMSUB", "c", "d", "e"]);
    let expected: Vec<Value> = [("c", 2), ("d", 1), ("e", 0)]
        .into_iter()
        .flat_map(|(name, count)| [Value::Bulk(name.into()), Value::Integer(count)])
        .collect();
    assert_eq!(counts, Value::Array(expected));
}

fn the_servers_channels_are_refused(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let mut subscriber = server.client();
    subscriber.subscribe("SUBSCRIBE", &["__fanfare__:x", "a"]);
    let mut publisher = server.client();
    for request in [
        &["PUBLISH", "__fanfare__:x", "1"][..],
        &["PUBLISH", "__fanfare__:drain", "1"],
        &["SPUBLISH", "__fanfare__:x", "1"],
        &["MPUBLISH", "a", "1", "__fanfare__:x", "2"],
    ] {
        assert!(publisher.text(request).starts_with("ERR channels that start with '__fanfare__:'"), "{request:?}");
    }
    // Of an MPUBLISH all or nothing is published.
    subscriber.expect_nothing();
    assert_eq!(publisher.number(&["PUBLISH", "__fanfare_", "1"]), 0);
}

fn unsubscribing_is_a_cut(workers: &str) {
    let server = TestServer::start(&[("workers", workers)]);
    let (mut publisher, mut subscriber) = (server.client(), server.client());
    for round in 0..50 {
        subscriber.subscribe("SUBSCRIBE", &["c"]);
        let payload = round.to_string();
        assert_eq!(publisher.number(&["PUBLISH", "c", &payload]), 1);
        subscriber.send(&["UNSUBSCRIBE", "c"]);
        // What counted it comes before the confirmation.
        subscriber.expect_message(&["message", "c", &payload]);
        assert_eq!(subscriber.receive().as_elements().unwrap()[0].as_bytes(), Some(&b"unsubscribe"[..]));
        assert_eq!(publisher.number(&["PUBLISH", "c", "missed"]), 0);
    }
    subscriber.expect_nothing();
}

/// A client of another maker.
#[test]
fn the_redis_crate_works_unchanged() {
    let server = TestServer::start(&[("workers", "2")]);
    for protocol in ["resp2", "resp3"] {
        let client = redis::Client::open(format!("redis://{}/?protocol={protocol}", server.addresses[0])).unwrap();
        let mut connection = client.get_connection().unwrap();
        let mut subscription = connection.as_pubsub();
        subscription.subscribe("news").unwrap();
        subscription.psubscribe("n*").unwrap();
        let mut publisher = client.get_connection().unwrap();
        let receivers: i64 = redis::cmd("PUBLISH").arg("news").arg("hi").query(&mut publisher).unwrap();
        assert_eq!(receivers, 2);
        let messages = [subscription.get_message().unwrap(), subscription.get_message().unwrap()];
        assert_eq!(messages[0].get_payload::<String>().unwrap(), "hi");
        assert_eq!(messages[1].get_pattern::<String>().unwrap(), "n*");
    }
}
