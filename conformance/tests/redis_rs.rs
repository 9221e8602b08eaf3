//! The `redis` crate with its default settings, and its connection manager, which reconnects by itself.

use std::time::Duration;

use fanfare_conformance::server::{Server, Target};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, Commands, PushInfo, PushKind, Value, cmd};
use tokio::sync::mpsc;

const WAIT_MAX: Duration = Duration::from_secs(20);

fn start() -> (Server, Client) {
    let server = Server::start(&Target::from_env().unwrap(), &[]).unwrap();
    let client = Client::open(format!("redis://{}", server.address())).unwrap();
    (server, client)
}

#[test]
fn messages_arrive_by_channel_and_by_pattern() {
    let (_server, client) = start();
    let mut publisher = client.get_connection().unwrap();
    let mut connection = client.get_connection().unwrap();
    let mut pubsub = connection.as_pubsub();
    pubsub.set_read_timeout(Some(WAIT_MAX)).unwrap();
    // One at a time: the client takes the first confirmation for the whole.
    pubsub.subscribe("news").unwrap();
    pubsub.subscribe("other").unwrap();
    pubsub.psubscribe("n*s").unwrap();

    assert_eq!(publisher.publish::<_, _, i64>("nobody", "x").unwrap(), 0);
    assert_eq!(publisher.publish::<_, _, i64>("news", b"\x00\r\n\xff").unwrap(), 2);
    let message = pubsub.get_message().unwrap();
    assert_eq!(message.get_payload_bytes(), b"\x00\r\n\xff");
    assert!(!message.from_pattern());
    let message = pubsub.get_message().unwrap();
    assert_eq!(message.get_pattern::<String>().unwrap(), "n*s");
    assert_eq!(message.get_channel_name(), "news");

    let sent: (i64, i64) =
        redis::pipe().atomic().publish("other", "one").publish("nobody", "two").query(&mut publisher).unwrap();
    assert_eq!(sent, (1, 0));
    assert_eq!(pubsub.get_message().unwrap().get_payload::<String>().unwrap(), "one");

    let mut ask = |command: &mut Cmd| command.query::<Value>(&mut publisher).unwrap();
    let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
    assert_eq!(
        ask(cmd("PUBSUB").arg("NUMSUB").arg(&["news", "nobody"])),
        Value::Array(vec![bulk("news"), Value::Int(1), bulk("nobody"), Value::Int(0)])
    );
    assert_eq!(ask(cmd("PUBSUB").arg("NUMPAT")), Value::Int(1));
    assert_eq!(ask(cmd("PUBSUB").arg("CHANNELS").arg("n*")), Value::Array(vec![bulk("news")]));

    pubsub.punsubscribe("n*s").unwrap();
    pubsub.unsubscribe("other").unwrap();
    assert_eq!(publisher.publish::<_, _, i64>("news", "still").unwrap(), 1);
    assert_eq!(pubsub.get_message().unwrap().get_payload::<String>().unwrap(), "still");
    drop(pubsub);
    // What dropping a subscription leaves must be an ordinary connection.
    assert_eq!(cmd("PING").query::<String>(&mut connection).unwrap(), "PONG");
}

#[test]
fn a_new_connection_after_a_restart_subscribes_again() {
    let (mut server, client) = start();
    let mut connection = client.get_connection().unwrap();
    let mut pubsub = connection.as_pubsub();
    pubsub.set_read_timeout(Some(WAIT_MAX)).unwrap();
    pubsub.subscribe("news").unwrap();
    server.kill().unwrap();
    assert!(pubsub.get_message().unwrap_err().is_connection_dropped());
    server.start_again().unwrap();
    drop(pubsub);

    let mut connection = client.get_connection().unwrap();
    let mut pubsub = connection.as_pubsub();
    pubsub.set_read_timeout(Some(WAIT_MAX)).unwrap();
    pubsub.subscribe("news").unwrap();
    assert_eq!(client.get_connection().unwrap().publish::<_, _, i64>("news", "again").unwrap(), 1);
    assert_eq!(pubsub.get_message().unwrap().get_payload::<String>().unwrap(), "again");
}

#[test]
fn the_connection_manager_carries_on_after_a_restart() {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let (mut server, plain) = start();
        let client = Client::open(format!("redis://{}/?protocol=resp3", server.address())).unwrap();
        let (pushes_tx, mut pushes) = mpsc::unbounded_channel();
        let config = ConnectionManagerConfig::new().set_push_sender(pushes_tx).set_automatic_resubscription();
        let mut manager = ConnectionManager::new_with_config(client, config).await.unwrap();
        manager.subscribe("news").await.unwrap();
        expect(&mut pushes, PushKind::Subscribe, b"news").await;
        manager.psubscribe("n*").await.unwrap();
        expect(&mut pushes, PushKind::PSubscribe, b"n*").await;
        cmd("SSUBSCRIBE").arg("shard").exec_async(&mut manager).await.unwrap();
        expect(&mut pushes, PushKind::SSubscribe, b"shard").await;

        assert_eq!(cmd("SPUBLISH").arg("shard").arg("s").query_async::<i64>(&mut manager).await.unwrap(), 1);
        expect(&mut pushes, PushKind::SMessage, b"shard").await;
        assert_eq!(cmd("PUBLISH").arg("news").arg("m").query_async::<i64>(&mut manager).await.unwrap(), 2);
        expect(&mut pushes, PushKind::Message, b"news").await;
        expect(&mut pushes, PushKind::PMessage, b"n*").await;
        manager.punsubscribe("n*").await.unwrap();
        expect(&mut pushes, PushKind::PUnsubscribe, b"n*").await;

        server.kill().unwrap();
        expect(&mut pushes, PushKind::Disconnection, b"").await;
        server.start_again().unwrap();
        expect(&mut pushes, PushKind::Subscribe, b"news").await;
        let mut publisher = plain.get_connection().unwrap();
        assert_eq!(publisher.publish::<_, _, i64>("news", "again").unwrap(), 1);
        expect(&mut pushes, PushKind::Message, b"news").await;
    });
}

/// Takes pushes until one of `kind` comes, whose first field must be `name`.
///
/// What a reconnecting client reports between is its own affair.
async fn expect(pushes: &mut mpsc::UnboundedReceiver<PushInfo>, kind: PushKind, name: &[u8]) {
    loop {
        let push = tokio::time::timeout(WAIT_MAX, pushes.recv())
            .await
            .unwrap_or_else(|_| panic!("no {kind} of {}", name.escape_ascii()))
            .expect("the manager holds the sender");
        if push.kind == kind {
            match push.data.first() {
                Some(Value::BulkString(found)) => assert_eq!(found, name),
                other => assert!(name.is_empty(), "{other:?} instead of {}", name.escape_ascii()),
            }
            return;
        }
    }
}
