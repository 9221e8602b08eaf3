//! Keys on the disk when the process is killed, and when the disk takes no more.

use std::path::Path;

use crate::program::{Running, path_text};

/// So long that some fill what a file may have, and short enough for a request in one line.
const VALUE_BYTES: usize = 50_000;

fn args(dir: &Path) -> Vec<&str> {
    let listen = ["--bind", "127.0.0.1", "--port", "0", "--workers", "2"];
    [&listen[..], &["--data-dir", path_text(dir), "--appendfsync", "always"]].concat()
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let server = Running::start(&args(folder.path()));
        if round > 1 {
            assert!(server.printed.contains("did not close the file of keys"), "{}", server.printed);
        }
        let mut connection = server.connect();
        for count in (round - 1) * 20 + 1..=round * 20 {
            assert_eq!(connection.ask("INCR n"), format!(":{count}"));
        }
        // Dropped it is killed.
    }
}

#[test]
fn while_the_disk_is_full_messages_go_on_and_nothing_acknowledged_is_lost() {
    const KEYS: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let args = args(folder.path());
    // As on a full disk, writing fails beyond the limit; the signal that comes with it must not end the process.
    let mut server = Running::start_behind("trap '' XFSZ; ulimit -S -f 8192", &args);
    let (mut writer, mut other) = (server.connect(), server.connect());
    let value = "x".repeat(VALUE_BYTES);
    for key in 0..KEYS {
        writer.send(&format!("SET key:{key} {value}"));
    }
    server.await_line("the store can't be written");
    let line = server.printed.lines().last().unwrap_or_default().to_owned();
    assert!(line.contains(path_text(&folder.path().join("keys.redb"))) && line.contains("File too large"), "{line}");
    let refusal = "-MISCONF Errors writing to the keys' file: ";
    let refused = other.ask("SET other x");
    assert!(refused.starts_with(refusal) && refused.contains("File too large"), "{refused}");
    assert_eq!(other.ask("PUBLISH news 1"), ":0");
    assert_eq!(other.ask("STRLEN key:0"), format!(":{VALUE_BYTES}"));

    server.lift_file_limit();
    let replies: Vec<String> = (0..KEYS).map(|_| writer.line()).collect();
    let is_kept = |reply: &String| match reply.as_str() {
        "+OK" => true,
        reply => {
            assert!(reply.starts_with(refusal), "{reply}");
            false
        }
    };
    let kept: Vec<bool> = replies.iter().map(is_kept).collect();
    assert!(kept[0]);
    server.await_line("the store can be written again");
    assert_eq!(writer.ask("SET other x"), "+OK");
    assert_eq!(other.ask("STRLEN other"), ":1");
    // Dropped it is killed.
    drop(server);

    let server = Running::start(&args);
    let mut connection = server.connect();
    assert_eq!(connection.ask("STRLEN other"), ":1");
    for (key, is_kept) in kept.into_iter().enumerate() {
        let length = if is_kept { VALUE_BYTES } else { 0 };
        assert_eq!(connection.ask(&format!("STRLEN key:{key}")), format!(":{length}"), "key:{key}");
    }
}
