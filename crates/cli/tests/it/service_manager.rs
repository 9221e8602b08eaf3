//! What a service manager is told over the socket that it names in the environment.

use std::os::unix::net::UnixDatagram;

use crate::program::{PATIENCE, Running, path_text};

/// The next thing that it is told.
fn told(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 64];
    let length = socket.recv(&mut buffer).expect("it is told something");
    String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned()
}

#[test]
fn it_is_told_of_readiness_and_of_the_end() {
    for by_command in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let export = format!("export NOTIFY_SOCKET={}", path_text(&path));
        let server = Running::start_behind(&export, &["--bind", "127.0.0.1", "--port", "0"]);
        assert_eq!(told(&socket), "READY=1");
        let mut connection = server.connect();
        assert_eq!(connection.ask("PING"), "+PONG");
        // Nothing more until the end.
        socket.set_nonblocking(true).unwrap();
        assert!(socket.recv(&mut [0; 64]).is_err());
        socket.set_nonblocking(false).unwrap();
        if by_command {
            assert_eq!(connection.ask("SHUTDOWN"), "");
        } else {
            server.signal("TERM");
        }
        assert_eq!(told(&socket), "STOPPING=1", "by_command: {by_command}");
        assert_eq!(server.wait().code, Some(0));
    }
}
