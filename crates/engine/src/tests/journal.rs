//! Keys that survive a restart: what is recorded of them, who waits for the disk, who does not, and what comes back.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{bulk, request, settings, values};
use crate::harness::{Harness, Peer};
use crate::journal::WAITING_BYTES_MAX;
use crate::{CloseReason, Journal, JournalStatus};

/// A journal whose disk does what the test says.
#[derive(Default)]
struct Disk {
    entries: Mutex<Vec<Vec<u8>>>,
    /// How many it was given, those that the test has taken included.
    appended: AtomicU64,
    synced: AtomicU64,
    waiting_bytes: AtomicUsize,
    is_rewriting: AtomicBool,
}

impl Journal for Arc<Disk> {
    fn append(&self, entry: Vec<u8>) -> u64 {
        self.entries.lock().unwrap().push(entry);
        self.appended.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn synced(&self) -> u64 {
        self.synced.load(Ordering::SeqCst)
    }

    fn waiting_bytes(&self) -> usize {
        self.waiting_bytes.load(Ordering::SeqCst)
    }

    fn rewrite(&self) -> bool {
        !self.is_rewriting.swap(true, Ordering::SeqCst)
    }

    fn status(&self) -> JournalStatus {
        JournalStatus { is_rewriting: self.is_rewriting.load(Ordering::SeqCst), ..JournalStatus::default() }
    }
}

/// Two workers whose keys go to a disk.
struct Scene {
    harness: Harness,
    disk: Arc<Disk>,
}

impl Scene {
    fn new(appendfsync: &str) -> Self {
        Self::with_settings(&[("appendfsync", appendfsync)])
    }

    fn with_settings(changes: &[(&str, &str)]) -> Self {
        let harness = Harness::with_settings(2, settings(changes));
        let disk = Arc::new(Disk::default());
        harness.broker.set_journal(Box::new(Arc::clone(&disk)));
        Self { harness, disk }
    }

    /// What comes back for this line at once.
    fn ask(&mut self, peer: &Peer, line: &str) -> String {
        self.harness.ask(peer, format!("{line}\r\n"))
    }

    fn heard(&mut self, peer: &Peer) -> String {
        String::from_utf8(self.harness.take(peer)).unwrap()
    }

    /// The disk has everything up to this entry.
    fn sync(&mut self, entry: u64) {
        self.disk.synced.store(entry, Ordering::SeqCst);
        self.harness.broker.journal_has_synced();
        self.harness.settle();
    }

    /// What the disk was given since the last call: the requests of each entry, as lines.
    fn entries(&self) -> Vec<Vec<String>> {
        self.disk.entries.lock().unwrap().drain(..).map(|entry| lines(&entry)).collect()
    }

    /// The commands that were recorded since the last call.
    fn recorded(&self) -> Vec<String> {
        let is_command = |line: &String| !line.starts_with("TIME ") && !line.starts_with("SELECT ");
        self.entries().into_iter().flatten().filter(is_command).collect()
    }
}

fn lines(entry: &[u8]) -> Vec<String> {
    let line = |words: &fanfare_wire::Value| {
        let words = words.as_elements().unwrap().iter();
        words.map(|word| String::from_utf8_lossy(word.as_bytes().unwrap())).collect::<Vec<_>>().join(" ")
    };
    values(entry).iter().map(line).collect()
}

#[test]
fn with_always_a_reply_waits_for_the_disk_and_nobody_else_does() {
    for other in [0, 1] {
        let mut scene = Scene::with_settings(&[("appendfsync", "always"), ("notify-keyspace-events", "KEA")]);
        let writer = scene.harness.connect(0);
        let [reader, subscriber] = [(); 2].map(|()| scene.harness.connect(other));
        scene.ask(&subscriber, "SUBSCRIBE __keyspace@0__:k news");
        assert_eq!(scene.ask(&writer, "PING\r\nSET k v"), "", "also what comes before it waits");
        let event = "*3\r\n$7\r\nmessage\r\n$16\r\n__keyspace@0__:k\r\n$3\r\nset\r\n";
        assert_eq!(scene.heard(&subscriber), event);
        assert_eq!(scene.ask(&reader, "GET k"), bulk("v"));
        assert_eq!(scene.ask(&reader, "PUBLISH news 1"), ":1\r\n");
        assert_eq!(scene.heard(&subscriber), "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\n1\r\n");
        assert_eq!(scene.ask(&writer, "PUBLISH news 2\r\nGET k"), "", "what comes behind it waits as well");
        assert_eq!(scene.heard(&subscriber), "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\n2\r\n");
        scene.sync(1);
        assert_eq!(scene.heard(&writer), format!("+PONG\r\n+OK\r\n:1\r\n{}", bulk("v")));
        assert_eq!(scene.ask(&writer, "GET k"), bulk("v"), "nothing is left to wait for");
    }
}

#[test]
fn each_connection_waits_for_its_own_entry() {
    for other in [0, 1] {
        let mut scene = Scene::new("always");
        let (first, second) = (scene.harness.connect(0), scene.harness.connect(other));
        assert_eq!(scene.ask(&first, "SET a 1"), "");
        assert_eq!(scene.ask(&second, "SET b 1"), "");
        assert_eq!(scene.ask(&first, "SET c 1"), "");
        scene.sync(1);
        assert_eq!(scene.heard(&first), "", "its last entry is not there yet");
        scene.sync(2);
        assert_eq!((scene.heard(&first), scene.heard(&second)), (String::new(), "+OK\r\n".to_owned()));
        scene.sync(3);
        assert_eq!(scene.heard(&first), "+OK\r\n+OK\r\n");
    }
}

#[test]
fn messages_of_a_connection_that_waits_come_behind_its_reply() {
    let mut scene = Scene::new("always");
    let (writer, publisher) = (scene.harness.connect(0), scene.harness.connect(1));
    scene.ask(&writer, "HELLO 3\r\nSUBSCRIBE news");
    assert_eq!(scene.ask(&writer, "SET k v"), "");
    assert_eq!(scene.ask(&publisher, "PUBLISH news 1"), ":1\r\n");
    scene.sync(1);
    assert_eq!(scene.heard(&writer), "+OK\r\n>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\n1\r\n");
}

#[test]
fn without_always_nobody_waits() {
    for policy in ["everysec", "no"] {
        let mut scene = Scene::new(policy);
        let writer = scene.harness.connect(1);
        assert_eq!(scene.ask(&writer, "SET k v"), "+OK\r\n");
        assert_eq!(scene.ask(&writer, "MULTI\r\nINCR n\r\nEXEC"), "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
        assert_eq!(scene.recorded(), ["SET k v", "INCR n"]);
    }
}

#[test]
fn who_waits_when_always_ends_still_gets_the_reply_and_nobody_waits_any_more() {
    let mut scene = Scene::new("always");
    let (writer, admin) = (scene.harness.connect(0), scene.harness.connect(1));
    assert_eq!(scene.ask(&writer, "SET a 1"), "");
    assert_eq!(scene.ask(&admin, "CONFIG SET appendfsync everysec"), "+OK\r\n");
    assert_eq!(scene.ask(&admin, "SET b 1"), "+OK\r\n");
    assert_eq!(scene.heard(&writer), "", "it was promised the disk");
    scene.sync(1);
    assert_eq!(scene.heard(&writer), "+OK\r\n");
    assert_eq!(scene.ask(&writer, "SET a 2"), "+OK\r\n");
    assert_eq!(scene.ask(&admin, "CONFIG SET appendfsync always"), "+OK\r\n");
    assert_eq!(scene.ask(&writer, "SET a 3"), "");
}

#[test]
fn what_waits_is_still_sent_when_its_connection_ends() {
    let mut scene = Scene::new("always");
    let (leaver, drained) = (scene.harness.connect(0), scene.harness.connect(1));
    assert_eq!(scene.ask(&leaver, "SET a 1\r\nQUIT"), "");
    assert_eq!(scene.ask(&drained, "SET b 1"), "");
    scene.harness.broker.drain();
    scene.harness.settle();
    assert_eq!((scene.harness.closed(&leaver), scene.harness.closed(&drained)), (None, None));
    scene.sync(1);
    assert_eq!((scene.heard(&leaver), scene.heard(&drained)), ("+OK\r\n+OK\r\n".to_owned(), String::new()));
    assert_eq!(scene.harness.closed(&leaver), Some(CloseReason::ClientQuit));
    scene.sync(2);
    assert_eq!(scene.heard(&drained), "+OK\r\n");
    assert_eq!(scene.harness.closed(&drained), Some(CloseReason::Shutdown));
}

#[test]
fn a_new_connection_does_not_wait_for_what_its_predecessor_wrote() {
    let mut scene = Scene::new("always");
    let (gone, killer) = (scene.harness.connect(0), scene.harness.connect(1));
    assert_eq!(scene.ask(&gone, "SET a 1"), "");
    assert_eq!(scene.ask(&killer, &format!("CLIENT KILL ID {}", gone.id)), ":1\r\n");
    assert_eq!(scene.harness.closed(&gone), Some(CloseReason::Killed));
    let next = scene.harness.connect(0);
    assert_eq!(next.conn, gone.conn, "the number passes on");
    assert_eq!(scene.ask(&next, "PING"), "+PONG\r\n");
    assert_eq!(scene.ask(&next, "SET b 1"), "");
    scene.sync(1);
    assert_eq!(scene.heard(&next), "");
    scene.sync(2);
    assert_eq!(scene.heard(&next), "+OK\r\n");
}

#[test]
fn a_transaction_is_one_entry() {
    let mut scene = Scene::new("always");
    let writer = scene.harness.connect(0);
    let at_ms = scene.harness.now.unix_us / 1000;
    scene.ask(&writer, "SELECT 3");
    assert_eq!(scene.ask(&writer, "MULTI\r\nSET a 1\r\nGET a\r\nSELECT 5\r\nINCR b\r\nEXEC"), "");
    let time = format!("TIME {at_ms}");
    assert_eq!(scene.entries(), [[&time, "SELECT 3", "SET a 1", "SELECT 5", "INCR b"]]);
    scene.sync(1);
    let replies = "*4\r\n+OK\r\n$1\r\n1\r\n+OK\r\n:1\r\n";
    assert_eq!(scene.heard(&writer), format!("+OK\r\n{}{replies}", "+QUEUED\r\n".repeat(4)));
    let lonely = "MULTI\r\nGET a\r\nEXEC";
    assert!(scene.ask(&writer, lonely).ends_with("*1\r\n$-1\r\n"), "a transaction that only reads does not wait");
    assert!(scene.entries().is_empty());
}

#[test]
fn what_changes_nothing_is_not_recorded_and_does_not_wait() {
    let mut scene = Scene::new("always");
    let client = scene.harness.connect(0);
    scene.ask(&client, "SET text x\r\nRPUSH list a b");
    scene.sync(2);
    scene.heard(&client);
    scene.entries();
    for (line, reply) in [
        ("GET text", "$1\r\nx\r\n"),
        ("LRANGE list 0 0", "*1\r\n$1\r\na\r\n"),
        ("DEL missing", ":0\r\n"),
        ("SET text y NX", "$-1\r\n"),
        ("INCR text", "-ERR value is not an integer or out of range\r\n"),
        ("LPUSH text x", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
        ("SREM missing a", ":0\r\n"),
        ("SPOP missing", "$-1\r\n"),
        ("PUBLISH news 1", ":0\r\n"),
        ("MULTI\r\nDEL missing\r\nDISCARD", "+OK\r\n+QUEUED\r\n+OK\r\n"),
    ] {
        assert_eq!(scene.ask(&client, line), reply, "{line}");
        assert!(scene.entries().is_empty(), "{line}");
    }
}

#[test]
fn a_random_choice_is_recorded_as_what_it_chose() {
    let mut scene = Scene::new("everysec");
    let client = scene.harness.connect(0);
    scene.ask(&client, "SADD set a b c");
    let reply = scene.ask(&client, "SPOP set");
    let popped = reply.lines().nth(1).unwrap().to_owned();
    assert_eq!(scene.recorded(), ["SADD set a b c".to_owned(), format!("SREM set {popped}")]);
}

#[test]
fn keys_that_expire_or_make_room_are_recorded_as_removed() {
    let mut scene = Scene::new("everysec");
    let client = scene.harness.connect(1);
    scene.ask(&client, "SET short x PX 50\r\nSET long x");
    assert_eq!(scene.recorded().len(), 2);
    scene.harness.advance_ms(60);
    assert_eq!(scene.recorded(), ["DEL short"]);
    scene.ask(&client, "CONFIG SET maxmemory 1 maxmemory-policy allkeys-lru");
    scene.harness.advance_ms(100);
    assert_eq!(scene.recorded(), ["DEL long"]);
}

#[test]
fn while_writing_fails_keys_can_be_read_and_not_changed() {
    let mut scene = Scene::new("everysec");
    let client = scene.harness.connect(0);
    assert_eq!(scene.ask(&client, "SET k v"), "+OK\r\n");
    assert_eq!(scene.ask(&client, "MULTI\r\nSET k w\r\nPUBLISH news 1"), "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    scene.harness.broker.set_journal_failure(Some("No space left on device"));
    let misconf = "MISCONF Errors writing to the keys' file: No space left on device. Keys can't be changed until that is \
                   mended.\r\n";
    let abort = format!("-EXECABORT Transaction discarded because of: {misconf}");
    assert_eq!(scene.ask(&client, "EXEC"), abort);
    for line in ["SET k w", "DEL k", "DEL missing", "EXPIRE k 10"] {
        assert_eq!(scene.ask(&client, line), format!("-{misconf}"), "{line}");
    }
    assert_eq!(scene.ask(&client, "GET k"), bulk("v"));
    assert_eq!(scene.ask(&client, "PUBLISH news 1"), ":0\r\n");
    assert_eq!(scene.ask(&client, "MULTI\r\nGET k\r\nEXEC"), format!("+OK\r\n+QUEUED\r\n*1\r\n{}", bulk("v")));
    assert_eq!(scene.ask(&client, "MULTI\r\nSET k w"), format!("+OK\r\n-{misconf}"), "queued it would be lost");
    let spoiled = "-EXECABORT Transaction discarded because of previous errors.\r\n";
    assert_eq!(scene.ask(&client, "EXEC"), spoiled);
    assert!(scene.ask(&client, "INFO persistence").contains("aof_last_write_status:err\r\n"));

    scene.harness.broker.set_journal_failure(None);
    assert_eq!(scene.ask(&client, "SET k w"), "+OK\r\n");
    assert_eq!(scene.recorded(), ["SET k v", "SET k w"], "nothing of what was refused");
    assert!(scene.ask(&client, "INFO persistence").contains("aof_last_write_status:ok\r\n"));
}

#[test]
fn who_writes_more_than_the_disk_takes_has_to_wait() {
    for policy in ["everysec", "always"] {
        let mut scene = Scene::new(policy);
        let (writer, reader) = (scene.harness.connect(0), scene.harness.connect(0));
        scene.disk.waiting_bytes.store(WAITING_BYTES_MAX + 1, Ordering::SeqCst);
        let at_once = scene.ask(&writer, "SET k 1\r\nSET k 2");
        assert_eq!(scene.recorded(), ["SET k 1"]);
        assert!(!scene.harness.workers[0].may_read(writer.conn));
        assert_eq!(scene.ask(&reader, "GET k"), bulk("1"));
        assert_eq!(scene.ask(&reader, "PUBLISH news 1\r\nGET k"), format!(":0\r\n{}", bulk("1")), "no reader waits");
        scene.disk.waiting_bytes.store(WAITING_BYTES_MAX, Ordering::SeqCst);
        scene.sync(2);
        let replies = at_once + &scene.ask(&writer, "GET k");
        assert_eq!(replies, format!("+OK\r\n+OK\r\n{}", bulk("2")), "{policy}");
        assert_eq!(scene.recorded(), ["SET k 2"]);
    }
}

#[test]
fn a_rewrite_is_asked_for_once() {
    let mut scene = Scene::new("everysec");
    let client = scene.harness.connect(0);
    assert_eq!(scene.ask(&client, "BGREWRITEAOF"), "+Background append only file rewriting started\r\n");
    let again = "-ERR Background append only file rewriting already in progress\r\n";
    assert_eq!(scene.ask(&client, "BGREWRITEAOF"), again);
    assert!(scene.ask(&client, "INFO persistence").contains("aof_rewrite_in_progress:1\r\n"));
}

/// What these pieces bring back, or why not.
fn restore<'a>(harness: &Harness, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<usize, String> {
    let mut restore = harness.broker.restore();
    for piece in pieces {
        restore.feed(piece)?;
    }
    restore.finish(harness.now.unix_us / 1000)
}

#[test]
fn entries_bring_the_keys_back_however_they_are_cut() {
    let mut scene = Scene::new("everysec");
    let client = scene.harness.connect(0);
    let changes =
        "SET k v PX 5000\r\nRPUSH list a b\r\nSELECT 7\r\nMULTI\r\nHSET hash f 1\r\nSADD set x y\r\nEXEC\r\nSPOP set";
    scene.ask(&client, changes);
    let look = "SELECT 0\r\nPTTL k\r\nGET k\r\nLRANGE list 0 -1\r\nSELECT 7\r\nHGETALL hash\r\nSMEMBERS set";
    let before = scene.ask(&client, look);
    let log = scene.disk.entries.lock().unwrap().concat();
    for piece_len in [1, 2, 7, 64, log.len()] {
        let mut harness = Harness::new(1);
        assert_eq!(restore(&harness, log.chunks(piece_len)), Ok(4), "pieces of {piece_len}");
        let peer = harness.connect(0);
        assert_eq!(harness.ask(&peer, format!("{look}\r\n")), before, "pieces of {piece_len}");
    }
}

#[test]
fn a_save_and_the_entries_behind_it_bring_the_keys_back() {
    let mut scene = Scene::new("everysec");
    let client = scene.harness.connect(0);
    scene.ask(&client, "RPUSH list a\r\nSET n 1");
    assert_eq!(scene.harness.broker.begin_save(), 2);
    scene.ask(&client, "RPUSH list b\r\nINCR n\r\nSET new x");
    let mut base = Vec::new();
    while scene.harness.broker.save_some(&mut base) {}
    let mut pieces = vec![base];
    pieces.extend(scene.disk.entries.lock().unwrap().drain(2..));
    let mut harness = Harness::new(1);
    assert_eq!(restore(&harness, pieces.iter().map(Vec::as_slice)), Ok(3));
    let peer = harness.connect(0);
    let expected = "*2\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\nx\r\n";
    assert_eq!(harness.ask(&peer, "LRANGE list 0 -1\r\nGET n\r\nGET new\r\n"), expected);
}

#[test]
fn keys_whose_time_came_while_nothing_ran_are_gone() {
    let mut harness = Harness::new(1);
    let before_ms = harness.now.unix_us / 1000 - 10_000;
    let entry = [
        request(&["TIME", &before_ms.to_string()]),
        request(&["SELECT", "0"]),
        request(&["SET", "short", "x", "PX", "5000"]),
        request(&["SET", "long", "x", "PX", "15000"]),
    ];
    restore(&harness, [entry.concat().as_bytes()]).unwrap();
    let peer = harness.connect(0);
    assert_eq!(harness.ask(&peer, "EXISTS short long\r\nPTTL long\r\n"), ":1\r\n:5000\r\n");
}

#[test]
fn what_cannot_be_executed_is_named() {
    let narrow = settings(&[("databases", "4")]);
    let entry = |words: &[&str]| request(words).into_bytes();
    let cases: [(Vec<u8>, &str); 9] = [
        (entry(&["FROBNICATE", "x"]), r#"it has the command "FROBNICATE", which this version does not know"#),
        (entry(&["PUBLISH", "c", "x"]), r#"it has the command "PUBLISH", which this version does not know"#),
        (entry(&["SET", "k"]), r#"it has the command "SET", which this version does not know"#),
        (b"*0\r\n".to_vec(), r#"it has the command "", which this version does not know"#),
        (entry(&["SELECT", "4"]), "it has keys in database 4: `databases` has to be above 4"),
        (entry(&["SELECT", "x"]), "it has a database that is none"),
        (entry(&["TIME", "-1"]), "it has a time that is none"),
        (entry(&["SET", "k\n", "v", "NONSENSE"]), r"SET k\n fails: ERR syntax error"),
        (b"*x\r\n".to_vec(), "it has no requests: "),
    ];
    for (piece, reason) in cases {
        let harness = Harness::with_settings(1, narrow.clone());
        let said = restore(&harness, [&*piece]).unwrap_err();
        assert!(said.starts_with(reason), "{said} instead of {reason}");
    }
    let whole = entry(&["SET", "k", "v"]);
    for end in 1..whole.len() {
        let harness = Harness::new(1);
        assert_eq!(restore(&harness, [&whole[..end]]).unwrap_err(), "its last request has no end", "{end} bytes");
    }
}
