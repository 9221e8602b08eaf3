//! The running program: where it says it listens, its log, its end, and CONFIG REWRITE.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::program::{File, Running, path_text};

/// A server on a port that the kernel picks.
fn start(args: &[&str]) -> Running {
    Running::start(&[&["--bind", "127.0.0.1", "--port", "0"], args].concat())
}

#[test]
fn it_says_where_it_listens() {
    for (workers, shown) in [("1", "(1 worker)"), ("3", "(3 workers)")] {
        let server = start(&["--workers", workers]);
        let mut connection = server.connect();
        assert_eq!(connection.ask("PING"), "+PONG");
        let first = server.printed.lines().last().unwrap_or_default().to_owned();
        assert!(first.starts_with("Fanfare ") && first.ends_with(shown), "{first}");
        let port = server.port;
        server.signal("TERM");
        let ended = server.wait();
        assert!(ended.stdout.contains(&format!("redis-cli -p {port} subscribe news")), "{ended:?}");
    }
}

#[test]
fn signals_end_it_in_order() {
    for signal in ["TERM", "INT"] {
        let server = start(&["--workers", "2", "--shutdown-timeout", "25"]);
        let mut subscriber = server.connect();
        assert_eq!(subscriber.ask("SUBSCRIBE __fanfare__:drain"), "*3");
        for _ in 0..5 {
            subscriber.line();
        }
        server.signal(signal);
        let rest = subscriber.rest();
        assert!(rest.ends_with("{\"event\":\"drain\",\"timeout_s\":25}\r\n"), "{signal}: {rest:?}");
        let ended = server.wait();
        assert_eq!(ended.code, Some(0), "{signal}: {ended:?}");
        assert_eq!(ended.stderr, "");
        assert!(ended.stdout.contains("stopped"), "{signal}: {ended:?}");
    }
}

#[test]
fn shutdown_ends_it_in_order() {
    let server = start(&[]);
    let mut connection = server.connect();
    assert_eq!(connection.ask("SHUTDOWN"), "");
    assert_eq!(server.wait().code, Some(0));
}

#[test]
fn a_hangup_reads_the_certificates_again() {
    let folder = tempfile::tempdir().unwrap();
    let [cert, key] = ["cert", "key"].map(|name| folder.path().join(name));
    let renew = || {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    };
    renew();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let files = ["--tls-cert-file", path_text(&cert), "--tls-key-file", path_text(&key), "--tls-auth-clients", "no"];
    let mut server = start(&[&["--tls-port", port.as_str()], &files[..]].concat());
    assert!(server.printed.contains(&format!(" listens on 127.0.0.1:{port} (TLS) (")), "{}", server.printed);
    renew();
    server.signal("HUP");
    server.await_line("TLS certificates read");
    std::fs::write(&cert, "nonsense").unwrap();
    server.signal("HUP");
    server.await_line("TLS certificates stay as they were");
    server.signal("TERM");
    let ended = server.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains(&format!("redis-cli --tls -p {port} subscribe news")), "{ended:?}");
}

#[test]
fn without_tls_a_hangup_changes_nothing() {
    let server = start(&[]);
    server.signal("HUP");
    assert_eq!(server.connect().ask("PING"), "+PONG");
    server.signal("TERM");
    assert_eq!(server.wait().code, Some(0));
}

#[test]
fn colours_are_off_in_a_pipe() {
    let server = start(&["--loglevel", "debug"]);
    assert_eq!(server.connect().ask("PING"), "+PONG");
    server.signal("TERM");
    let ended = server.wait();
    assert!(ended.stdout.contains("connected"), "no log: {ended:?}");
    assert!(!ended.stdout.contains('\x1b'), "{ended:?}");
}

#[test]
fn the_log_goes_to_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, "of an earlier run\n").unwrap();
    let server = start(&["--logfile", path_text(&path)]);
    server.signal("TERM");
    let ended = server.wait();
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.starts_with("of an earlier run\n") && log.contains("draining") && log.contains("stopped"), "{log}");
    assert!(!log.contains('\x1b'), "{log}");
    assert!(!ended.stdout.contains("draining"), "{ended:?}");
}

#[test]
fn the_level_of_the_log_follows_config_set() {
    let server = start(&["--loglevel", "nothing"]);
    let mut connection = server.connect();
    assert_eq!(connection.ask("CONFIG SET loglevel notice"), "+OK");
    server.signal("TERM");
    assert!(server.wait().stdout.contains("draining"));
}

#[test]
fn warnings_of_the_file_are_logged() {
    let file = File::new("save 900 1\n");
    let server = start(&["--config", file.name()]);
    let warning = format!("{}:1: 'save' has no effect", file.name());
    assert!(server.printed.contains(&warning), "{}", server.printed);
}

#[test]
fn options_count_more_than_the_file() {
    let file = File::new("bind 127.0.0.1\nport 0\nmaxclients 50\ntimeout 7\n");
    let server = Running::start(&["serve", "--config", file.name(), "--maxclients", "60"]);
    let mut connection = server.connect();
    assert_eq!(config(&mut connection, "maxclients"), "60");
    assert_eq!(config(&mut connection, "timeout"), "7");
}

/// The value of a setting.
fn config(connection: &mut crate::program::Connection, name: &str) -> String {
    assert_eq!(connection.ask(&format!("CONFIG GET {name}")), "*2");
    (0..4).map(|_| connection.line()).last().unwrap_or_default()
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("the file is there").permissions().mode() & 0o777
}

#[test]
fn config_rewrite_outlives_a_restart() {
    let file = File::new("# mine\nbind 127.0.0.1\nport 0\n\n# patience\ntimeout 7\n");
    std::fs::set_permissions(&file.path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let server = Running::start(&["--config", file.name()]);
    let mut connection = server.connect();
    assert_eq!(
        connection.ask("CONFIG SET timeout 0 requirepass \"a b\" client-output-buffer-limit \"pubsub 1mb 0 0\""),
        "+OK"
    );
    assert_eq!(connection.ask("CONFIG REWRITE"), "+OK");
    server.signal("TERM");
    assert_eq!(server.wait().code, Some(0));

    let text = std::fs::read_to_string(&file.path).unwrap();
    assert!(text.starts_with("# mine\nbind 127.0.0.1\n") && text.contains("# patience\ntimeout 0\n"), "{text}");
    assert_eq!(mode(&file.path), 0o600, "it has the password: only its owner may read it");
    let names = std::fs::read_dir(file.path.parent().unwrap()).unwrap().count();
    assert_eq!(names, 1, "something is left beside the file");

    let server = Running::start(&["--config", file.name()]);
    let mut connection = server.connect();
    assert!(connection.ask("PING").starts_with("-NOAUTH"));
    assert_eq!(connection.ask("AUTH \"a b\""), "+OK");
    assert_eq!(config(&mut connection, "timeout"), "0");
    let limits = config(&mut connection, "client-output-buffer-limit");
    assert!(limits.ends_with("pubsub 1048576 0 0"), "{limits}");
}

#[test]
fn config_rewrite_needs_a_file() {
    let server = start(&[]);
    assert_eq!(server.connect().ask("CONFIG REWRITE"), "-ERR The server is running without a config file");
}
