//! `fanfare bench --protocol nats` against as much of a NATS server as it needs.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::{bench, result};

/// The subscribers of each subject, with the number that each gave to its subscription.
type Subjects = Arc<Mutex<HashMap<String, Vec<(TcpStream, String)>>>>;

/// A server that lives as long as the test's process; it delivers one message less for every `loses`.
fn serve(loses: Option<u64>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let subjects = Subjects::default();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, subjects) = (stream.expect("a connection"), Arc::clone(&subjects));
            // The end of the load generator is the end of the connection, by whichever error.
            thread::spawn(move || serve_connection(stream, &subjects, loses));
        }
    });
    port
}

fn serve_connection(mut stream: TcpStream, subjects: &Subjects, loses: Option<u64>) -> std::io::Result<()> {
    stream.write_all(b"INFO {\"server_id\":\"test\",\"max_payload\":1048576}\r\n")?;
    let (mut input, mut line) = (BufReader::new(stream.try_clone()?), String::new());
    let (mut verbose, mut published, mut asked, mut answered) = (false, 0u64, 0, 0);
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["CONNECT", options, ..] => {
                verbose = options.contains("\"verbose\":true");
                if verbose {
                    stream.write_all(b"+OK\r\n")?;
                }
            }
            ["PING"] => stream.write_all(b"PONG\r\n")?,
            ["PONG"] => answered += 1,
            ["SUB", subject, number] => {
                let mut subjects = subjects.lock().expect("no thread panics");
                let entry = subjects.entry(subject.to_owned()).or_default();
                entry.push((stream.try_clone()?, number.to_owned()));
            }
            ["PUB", subject, len] => {
                let len: usize = len.parse().expect("a length");
                let mut payload = vec![0; len + 2];
                input.read_exact(&mut payload)?;
                published += 1;
                // A connection that does not answer is cut off, as by a real server.
                assert!(asked - answered < 100, "nobody answers");
                let ping = published.is_multiple_of(5);
                if !loses.is_some_and(|loses| published.is_multiple_of(loses)) {
                    deliver(subjects, subject, &payload, ping)?;
                }
                assert!(verbose, "a publisher wants answers");
                stream.write_all(if ping { b"PING\r\n+OK\r\n" } else { b"+OK\r\n" })?;
                asked += u64::from(ping);
            }
            _ => stream.write_all(b"-ERR 'Unknown Protocol Operation'\r\n")?,
        }
    }
}

fn deliver(subjects: &Subjects, subject: &str, payload: &[u8], ping: bool) -> std::io::Result<()> {
    let subjects = subjects.lock().expect("no thread panics");
    for (mut stream, number) in subjects.get(subject).into_iter().flatten().map(|(stream, number)| (stream, number)) {
        let mut frame = format!("MSG {subject} {number} {}\r\n", payload.len() - 2).into_bytes();
        frame.extend_from_slice(payload);
        frame.extend_from_slice(if ping { b"PING\r\n" } else { b"" });
        stream.write_all(&frame)?;
    }
    Ok(())
}

#[test]
fn every_load_that_nats_has_is_verified() {
    let port = serve(None);
    let short = ["--json", "--protocol", "nats", "--seconds", "0.2", "--warmup", "0.1"];
    let args = ["--publishers", "2", "--subscribers", "4", "--channels", "2"];
    let fanout = result(port, &[&["fanout"], &args[..], &short].concat());
    assert_eq!((&fanout["protocol"], &fanout["faults"]["lost"]), (&"nats".into(), &0.into()), "{fanout}");
    assert!(fanout["publishes"].as_u64() > Some(0), "{fanout}");
    assert_eq!(fanout["deliveries"].as_u64(), fanout["publishes"].as_u64().map(|publishes| 2 * publishes), "{fanout}");

    let latency = result(port, &[&["latency", "--rate", "500"], &args[..], &short].concat());
    assert_eq!((&latency["publishes"], &latency["deliveries"]), (&100.into(), &200.into()), "{latency}");

    for kind in [["--names", "0"], ["--channels", "3"], ["--names", "7"]] {
        let args = ["connections", "--json", "--protocol", "nats", "--count", "20", "--hold", "0.1"];
        let connections = result(port, &[&args[..], &kind].concat());
        let verified = connections["checks"].as_u64().map(|checks| 20 * checks);
        assert_eq!(connections["verified"].as_u64(), verified, "{connections}");
    }
}

#[test]
fn a_loss_is_seen_without_a_count_of_receivers() {
    let args = ["latency", "--protocol", "nats", "--rate", "100", "--subscribers", "1", "--timeout", "0.5"];
    let output = bench(serve(Some(10)), &[&args[..], &["--seconds", "0.1", "--warmup", "0"]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr.contains("not a result") && stderr.contains("1 lost"), "{stderr}");
}

#[test]
fn patterns_are_refused() {
    let output = bench(serve(None), &["fanout", "--protocol", "nats", "--patterns", "1"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--patterns needs --protocol resp"), "{output:?}");
}
