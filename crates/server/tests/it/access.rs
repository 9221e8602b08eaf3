//! Who may do what: passwords, the limits before one is given, the number of clients.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use fanfare_wire::Value;

use crate::support::{Client, PATIENCE, TestServer, connect, eventually};

const PASSWORD: (&str, &str) = ("requirepass", "open sesame");

#[test]
fn a_password_is_asked_for() {
    let server = TestServer::start(&[PASSWORD]);
    let mut client = server.client();
    for request in [&["PING"][..], &["PUBLISH", "c", "1"], &["SUBSCRIBE", "c"], &["CLIENT", "ID"]] {
        assert_eq!(client.text(request), "NOAUTH Authentication required.");
    }
    let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
    assert_eq!(client.text(&["AUTH", "open"]), wrong);
    assert_eq!(client.text(&["AUTH", "somebody", "open sesame"]), wrong);
    assert_eq!(client.text(&["PING"]), "NOAUTH Authentication required.");
    assert_eq!(client.text(&["AUTH", "open sesame"]), "OK");
    assert_eq!(client.text(&["PING"]), "PONG");
    assert_eq!(server.client().text(&["AUTH", "default", "open sesame"]), "OK");
}

#[test]
fn hello_authenticates() {
    let server = TestServer::start(&[PASSWORD]);
    let mut client = server.client();
    assert!(client.text(&["HELLO", "3"]).starts_with("NOAUTH HELLO must be called"));
    assert!(client.text(&["HELLO", "3", "AUTH", "default", "no"]).starts_with("WRONGPASS"));
    // A refused HELLO leaves the protocol as it was.
    assert_eq!(client.text(&["PING"]), "NOAUTH Authentication required.");
    let hello = client.call(&["HELLO", "3", "AUTH", "default", "open sesame", "SETNAME", "me"]);
    assert!(matches!(hello, Value::Map(_)), "{hello:?}");
    assert_eq!(client.text(&["CLIENT", "GETNAME"]), "me");
}

#[test]
fn who_has_not_authenticated_may_send_little() {
    let server = TestServer::start(&[PASSWORD]);
    for (bytes, error) in [
        (&b"*11\r\n"[..], "ERR Protocol error: unauthenticated multibulk length"),
        (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "ERR Protocol error: unauthenticated bulk length"),
    ] {
        let mut client = server.client();
        client.send_raw(bytes).unwrap();
        assert_eq!(client.receive(), Value::Error(error.into()));
        client.expect_close();
    }
    let mut client = server.client();
    assert_eq!(client.text(&["AUTH", "open sesame"]), "OK");
    assert_eq!(client.text(&["ECHO", &"x".repeat(20_000)]).len(), 20_000);
}

#[test]
fn a_password_set_while_running_binds_new_clients_only() {
    let server = TestServer::start(&[("workers", "4")]);
    let (mut admin, mut early) = (server.client(), server.client());
    assert_eq!(early.text(&["PING"]), "PONG");
    assert_eq!(admin.text(&["CONFIG", "SET", "requirepass", "secret"]), "OK");
    // As in Redis: who is in stays in.
    assert_eq!(early.text(&["PING"]), "PONG");
    eventually("new clients are asked", || server.client().text(&["PING"]) == "NOAUTH Authentication required.");
    assert_eq!(admin.text(&["CONFIG", "SET", "requirepass", ""]), "OK");
    eventually("nobody is asked any more", || server.client().text(&["PING"]) == "PONG");
}

#[test]
fn the_number_of_clients_is_limited() {
    let server = TestServer::start(&[("maxclients", "5"), ("workers", "2")]);
    let mut clients: Vec<Client> = (0..5).map(|_| server.client()).collect();
    for client in &mut clients {
        assert_eq!(client.text(&["PING"]), "PONG");
    }
    for _ in 0..3 {
        let mut refused = server.client();
        assert_eq!(refused.receive(), Value::Error(b"ERR max number of clients reached".to_vec()));
        refused.expect_close();
    }
    assert_eq!(clients[0].info("rejected_connections"), "3");
    assert_eq!(clients[0].info("connected_clients"), "5");
    clients.pop();
    eventually("a place gets free", || {
        let mut client = server.client();
        // A refused client may find its connection gone already when it writes.
        let _ = client.send_raw(b"PING\r\n");
        matches!(client.try_receive(), Ok(Some(Value::Simple(text))) if text == b"PONG")
    });
    assert_eq!(clients[0].text(&["CONFIG", "SET", "maxclients", "50"]), "OK");
    let mut more: Vec<Client> = (0..20).map(|_| server.client()).collect();
    for client in &mut more {
        assert_eq!(client.text(&["PING"]), "PONG");
    }
}

#[test]
fn unfinished_requests_are_limited() {
    let server = TestServer::start(&[("client-query-buffer-limit", "1mb")]);
    let mut admin = server.client();
    let mut socket = connect(server.addresses[0]);
    socket.write_all(b"*2\r\n$4\r\nECHO\r\n$3000000\r\n").unwrap();
    // The server may close while this is under way.
    let _ = socket.write_all(&vec![b'x'; 2_900_000]);
    Client::over(socket).expect_close();
    assert_eq!(admin.info("closed_query_buffer_limit"), "1");
    // Many whole requests are no such thing.
    let mut client = server.client();
    let pings = b"PING\r\n".repeat(400_000);
    let mut writer = connect(server.addresses[0]);
    let mut reader = Client::over(writer.try_clone().unwrap());
    let sender = std::thread::spawn(move || writer.write_all(&pings));
    for _ in 0..400_000 {
        assert_eq!(reader.receive(), Value::Simple(b"PONG".to_vec()));
    }
    sender.join().unwrap().unwrap();
    assert_eq!(client.text(&["PING"]), "PONG");
}

#[test]
fn the_idle_are_closed_and_subscribers_are_not() {
    let server = TestServer::start(&[("workers", "2")]);
    let (mut idle, mut subscriber, mut admin) = (server.client(), server.client(), server.client());
    assert_eq!(idle.text(&["PING"]), "PONG");
    subscriber.subscribe("SUBSCRIBE", &["c"]);
    assert_eq!(admin.text(&["CONFIG", "SET", "timeout", "1"]), "OK");
    let began = std::time::Instant::now();
    idle.expect_close();
    assert!(began.elapsed() < PATIENCE);
    // The one that asks is not idle; if this took long it was closed as well, rightly.
    let mut admin = server.client();
    assert_eq!(admin.number(&["PUBLISH", "c", "still there"]), 1);
    subscriber.expect_message(&["message", "c", "still there"]);
    assert_ne!(admin.info("closed_idle_timeout"), "0");
}

#[test]
fn users_are_read_from_their_file_and_written_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.acl");
    let settings = [("aclfile", path.to_str().unwrap()), ("workers", "2")];
    std::fs::write(&path, "user default off\nuser alice on >wonder allcommands ~*\n").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let server = TestServer::start(&settings);
    let mut alice = server.client();
    assert_eq!(alice.text(&["PING"]), "NOAUTH Authentication required.");
    assert_eq!(alice.text(&["AUTH", "alice", "wonder"]), "OK");
    assert_eq!(alice.text(&["ACL", "SETUSER", "bob", "on", "nopass", "+ping"]), "OK");
    assert_eq!(alice.text(&["ACL", "SAVE"]), "OK");
    drop(server);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let server = TestServer::start(&settings);
    let (mut alice, mut bob) = (server.client(), server.client());
    assert_eq!(bob.text(&["AUTH", "bob", "any"]), "OK");
    assert_eq!(bob.text(&["PING"]), "PONG");
    assert_eq!(bob.text(&["ECHO", "x"]), "NOPERM this user has no permissions to run the 'echo' command");
    std::fs::write(&path, "user alice on >wonder allcommands ~*\nuser bob on +nosuch\n").unwrap();
    assert_eq!(alice.text(&["AUTH", "alice", "wonder"]), "OK");
    let refused = alice.text(&["ACL", "LOAD"]);
    assert!(refused.contains(":2: Error in applying operation '+nosuch'"), "{refused}");
    assert_eq!(bob.text(&["PING"]), "PONG");
    drop(server);
    let refused = TestServer::try_start(&settings).err().expect("the file is wrong");
    assert!(refused.starts_with("the users can't be made: ") && refused.contains("+nosuch"), "{refused}");
}

#[test]
fn an_address_that_others_reach_needs_a_password() {
    let refused = TestServer::try_start(&[("bind", "0.0.0.0")]).err().expect("nobody would be asked");
    assert!(refused.starts_with("0.0.0.0:") && refused.contains("set requirepass or users"), "{refused}");
}

#[test]
fn who_does_not_log_in_is_closed() {
    let server = TestServer::start(&[PASSWORD, ("unauthenticated-timeout", "1")]);
    let (mut silent, mut admin) = (server.client(), server.client());
    assert_eq!(admin.text(&["AUTH", "wrong"]), "WRONGPASS invalid username-password pair or user is disabled.");
    assert_eq!(admin.text(&["AUTH", "open sesame"]), "OK");
    silent.expect_close();
    assert_eq!(admin.info("closed_unauthenticated_timeout"), "1");
    assert_eq!(admin.info("acl_access_denied_auth"), "1");
}
