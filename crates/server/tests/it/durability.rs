//! Keys in `data-dir`: what comes back after a restart, and what keeps a server from starting.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use fanfare_wire::Value;

use crate::support::{Client, TestServer, eventually, request};

with_workers!(a_rewrite_under_load_loses_nothing, keys_of_every_type_come_back, replies_wait_for_the_disk);

/// Unix time until which the keys of a test live that have one.
const FAR_S: &str = "33000000000";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of UTF-8")
}

/// Stops the server, and starts one that has its keys.
fn restart(server: TestServer, settings: &[(&str, &str)]) -> TestServer {
    drop(server);
    TestServer::start(settings)
}

/// The server is through with its rewrite.
fn await_rewrite(client: &mut Client) {
    eventually("the rewrite ends", || client.info("aof_rewrite_in_progress") == "0");
    assert_eq!(client.info("aof_last_bgrewrite_status"), "ok");
}

/// What tells whether all keys are as they were.
fn look(client: &mut Client) -> Vec<Value> {
    let lines = [
        "SELECT 0",
        "GET text",
        "PEXPIRETIME text",
        "LRANGE list 0 -1",
        "HGET hash a",
        "HGET hash b",
        "HLEN hash",
        "HEXPIRETIME hash FIELDS 2 a b",
        "SCARD set",
        "SMISMEMBER set 1 2 x",
        "ZRANGE scores 0 -1 WITHSCORES",
        "XRANGE stream - +",
        "XPENDING stream readers",
        "XINFO GROUPS stream",
        "DBSIZE",
        "SELECT 9",
        "GET other",
        "DBSIZE",
    ];
    lines.iter().map(|line| client.call(&line.split(' ').collect::<Vec<_>>())).collect()
}

fn keys_of_every_type_come_back(workers: &str) {
    let folder = folder();
    for appendfsync in ["always", "everysec", "no"] {
        let dir = folder.path().join(appendfsync);
        let settings = [("workers", workers), ("data-dir", text(&dir)), ("appendfsync", appendfsync)];
        let server = TestServer::start(&settings);
        let mut client = server.client();
        for line in [
            &format!("SET text x EXAT {FAR_S}"),
            "RPUSH list a b c",
            "HSET hash a 1 b 2",
            &format!("HEXPIREAT hash {FAR_S} FIELDS 1 a"),
            "SADD set 1 2 3 x",
            "SPOP set",
            "ZADD scores 1.5 a inf b",
            "XADD stream 1-1 f v",
            "XADD stream 1-2 f w",
            "XGROUP CREATE stream readers 0",
            "XREADGROUP GROUP readers me COUNT 1 STREAMS stream >",
            "SET gone x PX 1",
            "SELECT 9",
            "SET other 9",
        ] {
            let reply = client.call(&line.split(' ').collect::<Vec<_>>());
            assert!(!matches!(reply, Value::Error(_)), "{line}: {reply:?}");
        }
        eventually("it expires", || {
            client.call(&["SELECT", "0"]);
            client.number(&["EXISTS", "gone"]) == 0
        });
        let before = look(&mut client);
        let server = restart(server, &settings);
        let mut client = server.client();
        assert_eq!(look(&mut client), before, "{appendfsync}: from the log");
        client.call(&["BGREWRITEAOF"]);
        await_rewrite(&mut client);
        let server = restart(server, &settings);
        assert_eq!(look(&mut server.client()), before, "{appendfsync}: from the save");
    }
}

fn replies_wait_for_the_disk(workers: &str) {
    let folder = folder();
    let settings = [("workers", workers), ("data-dir", text(folder.path())), ("appendfsync", "always")];
    let server = TestServer::start(&settings);
    let mut clients = [(); 8].map(|()| server.client());
    // Each has many requests on the way, and all replies come, in order.
    for round in 0..10 {
        for client in &mut clients {
            let requests = [request(&["INCR", "n"]), request(&["PING"]), request(&["APPEND", "log", "x"])];
            client.send_raw(&requests.concat()).expect("it can be sent");
        }
        for client in &mut clients {
            assert!(client.receive().as_integer().is_some());
            assert_eq!(client.receive().as_bytes(), Some(&b"PONG"[..]));
            assert!(client.receive().as_integer().is_some_and(|len| len > round));
        }
    }
    // What all ask for at once is answered to each, and is there after a restart.
    for client in &mut clients {
        client.send(&["INCR", "n"]);
    }
    let answered = clients.iter_mut().map(|client| client.receive().as_integer()).max();
    assert_eq!(answered, Some(Some(88)));
    let server = restart(server, &settings);
    let mut client = server.client();
    assert_eq!(client.text(&["GET", "n"]), "88");
    assert_eq!(client.number(&["STRLEN", "log"]), 80);
}

fn a_rewrite_under_load_loses_nothing(workers: &str) {
    const KEYS: usize = 500;
    let folder = folder();
    let settings = [("workers", workers), ("data-dir", text(folder.path()))];
    let server = TestServer::start(&settings);
    let (mut writer, mut admin) = (server.client(), server.client());
    let fill = (0..KEYS).flat_map(|key| request(&["SET", &format!("key:{key}"), &"x".repeat(5_000)]));
    writer.send_raw(&fill.collect::<Vec<_>>()).expect("it can be sent");
    (0..KEYS).for_each(|_| assert_eq!(writer.receive().as_bytes(), Some(&b"OK"[..])));
    let mut rounds = 0;
    for _ in 0..2 {
        assert_eq!(admin.text(&["BGREWRITEAOF"]), "Background append only file rewriting started");
        let mut is_under_way = true;
        while is_under_way {
            is_under_way = admin.info("aof_rewrite_in_progress") == "1";
            rounds += 1;
            let [grown, removed] = [rounds * 7 % KEYS, rounds * 11 % KEYS].map(|key| format!("key:{key}"));
            let requests =
                [request(&["APPEND", &grown, "y"]), request(&["DEL", &removed]), request(&["INCR", "rounds"])];
            writer.send_raw(&requests.concat()).expect("it can be sent");
            assert!(writer.receive().as_integer().is_some() && writer.receive().as_integer().is_some());
            assert_eq!(writer.receive().as_integer(), Some(rounds as i64));
        }
    }
    let lengths = |client: &mut Client| -> Vec<i64> {
        let lengths = (0..KEYS).flat_map(|key| request(&["STRLEN", &format!("key:{key}")])).collect::<Vec<_>>();
        client.send_raw(&lengths).expect("it can be sent");
        (0..KEYS).map(|_| client.receive().as_integer().expect("a length")).collect()
    };
    let before = lengths(&mut admin);
    let server = restart(server, &settings);
    let mut client = server.client();
    assert_eq!(client.text(&["GET", "rounds"]), rounds.to_string());
    assert_eq!(lengths(&mut client), before);
}

#[test]
fn a_folder_has_one_server() {
    let folder = folder();
    let settings = [("data-dir", text(folder.path()))];
    let server = TestServer::start(&settings);
    let file = folder.path().join("keys.redb");
    let error = TestServer::try_start(&settings).err().expect("it is in use");
    let expected = format!(
        "{} is open already, by another process or another store: stop that one, or use another directory",
        file.display()
    );
    assert_eq!(error, expected);
    server.client().call(&["SET", "k", "v"]);
    let server = restart(server, &settings);
    assert_eq!(server.client().text(&["GET", "k"]), "v", "the first one has lost nothing by it");
}

#[test]
fn a_file_that_is_no_store_is_named_and_stays() {
    let folder = folder();
    let file = folder.path().join("keys.redb");
    for nonsense in [Vec::new(), b"nonsense\n".to_vec(), b"nonsense\n".repeat(100_000)] {
        std::fs::write(&file, &nonsense).expect("it can be written");
        let error = TestServer::try_start(&[("data-dir", text(folder.path()))]).err().expect("it is no store");
        assert!(error.starts_with(&format!("{} is damaged: ", file.display())), "{error}");
        assert_eq!(std::fs::read(&file).expect("it is there"), nonsense, "it was changed");
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = folder();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").expect("it can be written");
    // Nobody may make folders in /proc, whoever runs the test.
    for dir in [file.clone(), file.join("below"), Path::new("/proc/fanfare").to_owned()] {
        let error = TestServer::try_start(&[("data-dir", text(&dir))]).err().expect("it can't be used");
        assert!(error.starts_with(&format!("the directory {} can't be used: ", dir.display())), "{error}");
    }
}

#[test]
fn keys_in_databases_that_are_no_more_are_not_dropped() {
    let folder = folder();
    let dir = ("data-dir", text(folder.path()));
    let server = TestServer::start(&[dir]);
    let mut client = server.client();
    client.call(&["SELECT", "12"]);
    client.call(&["SET", "k", "v"]);
    drop(server);
    let error = TestServer::try_start(&[dir, ("databases", "4")]).err().expect("the keys have no place");
    let expected = "can't be executed: it has keys in database 12: `databases` has to be above 12";
    assert!(error.contains(expected) && error.contains(text(folder.path())), "{error}");
    let server = TestServer::start(&[dir]);
    let mut client = server.client();
    client.call(&["SELECT", "12"]);
    assert_eq!(client.text(&["GET", "k"]), "v");
}

#[test]
fn without_a_folder_keys_are_in_memory_only() {
    let server = TestServer::start(&[]);
    let mut client = server.client();
    let refusal = "ERR Keys are in memory only: there is nothing to rewrite without data-dir";
    assert_eq!(client.text(&["BGREWRITEAOF"]), refusal);
    assert_eq!(client.info("aof_enabled"), "0");
    assert_eq!(client.info("aof_rewrite_in_progress"), "0");
    assert!(client.number(&["LASTSAVE"]) <= unix_s(), "the time of the start");
}

#[test]
fn info_and_lastsave_tell_of_the_file() {
    let folder = folder();
    let started_s = unix_s();
    let server = TestServer::start(&[("data-dir", text(folder.path())), ("appendfsync", "always")]);
    let mut client = server.client();
    assert!((started_s..=unix_s()).contains(&client.number(&["LASTSAVE"])));
    for (field, value) in [
        ("aof_enabled", "1"),
        ("aof_base_size", "0"),
        ("aof_current_size", "0"),
        ("aof_last_rewrite_time_sec", "-1"),
        ("aof_last_bgrewrite_status", "ok"),
        ("aof_last_write_status", "ok"),
    ] {
        assert_eq!(client.info(field), value, "{field}");
    }
    client.call(&["SET", "k", &"x".repeat(10_000)]);
    let number = |client: &mut Client, field: &str| client.info(field).parse::<u64>().expect("a number");
    // The answer came when the disk had the entry.
    assert_eq!(client.info("aof_buffer_length"), "0");
    assert!(number(&mut client, "aof_current_size") > 10_000);
    let saving_s = unix_s();
    assert_eq!(client.text(&["BGREWRITEAOF"]), "Background append only file rewriting started");
    await_rewrite(&mut client);
    assert!(client.number(&["LASTSAVE"]) >= saving_s);
    assert_eq!(client.info("aof_last_rewrite_time_sec"), "0");
    let base = number(&mut client, "aof_base_size");
    assert!(base > 10_000);
    assert_eq!(number(&mut client, "aof_current_size"), base, "the log is empty again");
}

#[test]
fn the_log_is_rewritten_when_it_has_grown() {
    let folder = folder();
    let settings = [("data-dir", text(folder.path())), ("auto-aof-rewrite-min-size", "100kb")];
    let server = TestServer::start(&settings);
    let mut client = server.client();
    let value = "x".repeat(10_000);
    (0..30).for_each(|_| assert_eq!(client.text(&["SET", "k", &value]), "OK"));
    eventually("a rewrite by itself", || client.info("aof_last_rewrite_time_sec") != "-1");
    assert!(client.info("aof_base_size").parse::<u64>().expect("a number") < 20_000, "one key is left");
    let server = restart(server, &settings);
    assert_eq!(server.client().text(&["GET", "k"]), value);
}

fn unix_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("later than 1970").as_secs() as i64
}
