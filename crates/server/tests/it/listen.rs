//! Where the server listens, and what it says when it can't.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::support::{Client, TestServer};

/// A server with a Unix socket and without TCP.
fn start_unix(path: &Path, mode: &str) -> Result<TestServer, String> {
    let path = path.to_str().expect("a path of ASCII");
    TestServer::try_start(&[("bind", ""), ("unixsocket", path), ("unixsocketperm", mode)])
}

#[test]
fn a_unix_socket_serves_and_goes_with_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    for mode in ["700", "770", "666"] {
        let server = start_unix(&path, mode).unwrap();
        assert_eq!(server.addresses, []);
        let permissions = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(permissions, u32::from_str_radix(mode, 8).unwrap());
        let (mut subscriber, mut publisher) = (Client::unix(&path), Client::unix(&path));
        subscriber.subscribe("SUBSCRIBE", &["c"]);
        assert_eq!(publisher.number(&["PUBLISH", "c", "hi"]), 1);
        subscriber.expect_message(&["message", "c", "hi"]);
        assert!(publisher.text(&["CLIENT", "INFO"]).contains(&format!(" addr={}:0 ", path.display())));
        drop(server);
        subscriber.expect_close();
        assert!(!path.exists(), "the socket's file is left behind");
    }
}

#[test]
fn unix_socket_and_tcp_share_their_channels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let server = TestServer::start(&[("unixsocket", path.to_str().unwrap()), ("workers", "2")]);
    let (mut subscriber, mut publisher) = (Client::unix(&path), server.client());
    subscriber.subscribe("SUBSCRIBE", &["c"]);
    assert_eq!(publisher.number(&["PUBLISH", "c", "hi"]), 1);
    subscriber.expect_message(&["message", "c", "hi"]);
}

#[test]
fn a_stale_unix_socket_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    // The listener goes, its file stays: as after a kill.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let server = start_unix(&path, "700").unwrap();
    assert_eq!(Client::unix(&path).text(&["PING"]), "PONG");
    drop(server);
}

#[test]
fn a_live_unix_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let first = start_unix(&path, "700").unwrap();
    let error = start_unix(&path, "700").err().expect("the second can't have it");
    assert!(error.contains("another program listens on it"), "{error}");
    assert!(error.contains(path.to_str().unwrap()), "{error}");
    assert_eq!(Client::unix(&path).text(&["PING"]), "PONG");
    drop(first);
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "precious").unwrap();
    let error = start_unix(&path, "700").err().expect("it is in the way");
    assert!(error.contains("check --unixsocket"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_port_in_use_is_refused_with_advice() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let error = TestServer::try_start(&[("port", &port)]).err().expect("the port is taken");
    assert!(error.starts_with(&format!("127.0.0.1:{port} is in use by another program")), "{error}");
    assert!(error.contains("--port"), "{error}");
}

#[test]
fn what_is_no_address_is_refused() {
    let error = TestServer::try_start(&[("bind", "nonsense")]).err().expect("that is no address");
    assert_eq!(error, "bind: 'nonsense' is no IP address; give one such as 127.0.0.1 or ::1");
}

#[test]
fn an_optional_address_may_be_missing_and_another_may_not() {
    // Reserved for documentation (RFC 5737): no machine has it.
    let server = TestServer::start(&[("bind", "127.0.0.1 -192.0.2.1")]);
    assert_eq!(server.addresses.len(), 1);
    assert_eq!(server.client().text(&["PING"]), "PONG");
    let error = TestServer::try_start(&[("bind", "127.0.0.1 192.0.2.1")]).err().expect("the address is missing");
    assert!(error.contains("192.0.2.1") && error.contains("--bind"), "{error}");
}

#[test]
fn the_picked_port_is_shown_everywhere() {
    let server = TestServer::start(&[]);
    let port = server.addresses[0].port().to_string();
    let mut client = server.client();
    assert_eq!(client.info("tcp_port"), port);
    let reply = client.call(&["CONFIG", "GET", "port"]);
    assert_eq!(reply.as_elements().unwrap()[1].as_bytes(), Some(port.as_bytes()));
}
