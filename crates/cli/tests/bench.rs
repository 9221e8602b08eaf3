//! `fanfare bench` against the built server, and against servers that do wrong.
#![forbid(unsafe_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use fanfare_wire::{Parsed, Protocol, ReplyWriter, Request, RequestArgs, RequestLimits, RequestParser};
use serde_json::Value;

fn bench(port: u16, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    command.arg("bench").args(args).args(["--port", &port.to_string()]);
    command.stdin(Stdio::null()).output().expect("the program runs")
}

/// The result of a run that must succeed.
fn result(port: u16, args: &[&str]) -> Value {
    let output = bench(port, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the result is JSON")
}

struct Server {
    child: Child,
    port: u16,
    /// Kept open for what else the server says.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
            .args(["serve", "--bind", "127.0.0.1", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("the output is piped"));
        let mut banner = String::new();
        stdout.read_line(&mut banner).expect("the server says where it listens");
        let port = banner
            .split_once("127.0.0.1:")
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .and_then(|port| port.parse().ok())
            .unwrap_or_else(|| panic!("no port in {banner:?}"));
        Self { child, port, _stdout: stdout }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has seen then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_kind_of_load_has_a_verified_result() {
    let server = Server::start();
    let short = ["--json", "--seconds", "0.2", "--warmup", "0.1"];
    let run = |kind: &str, args: &[&str]| result(server.port, &[&[kind][..], args, &short].concat());
    let number = |value: &Value, field: &str| value[field].as_f64().unwrap_or_else(|| panic!("{field} in {value}"));

    let shape =
        ["--publishers", "3", "--subscribers", "7", "--channels", "2", "--patterns", "1200", "--payload", "100"];
    let fanout = run("fanout", &shape);
    assert_eq!(fanout["bench"], "fanout");
    assert!(number(&fanout, "deliveries") > number(&fanout, "publishes"), "{fanout}");
    assert!(number(&fanout, "verified") >= number(&fanout, "deliveries"), "{fanout}");
    assert_eq!((&fanout["faults"]["lost"], &fanout["faults"]["out_of_order"]), (&0.into(), &0.into()));

    let latency = run("latency", &["--rate", "2000", "--publishers", "2", "--subscribers", "6", "--channels", "3"]);
    assert_eq!((&latency["publishes"], &latency["deliveries"]), (&400.into(), &800.into()), "{latency}");
    let percentiles = ["p50_us", "p99_us", "p999_us", "max_us"].map(|field| number(&latency, field));
    assert!(percentiles[0] > 0.0 && percentiles.is_sorted(), "{latency}");

    let churn = run("churn", &["--connections", "5", "--channels", "13"]);
    assert!(number(&churn, "pairs_per_s") > 0.0 && number(&churn, "verified") >= number(&churn, "pairs"), "{churn}");

    let args = ["connections", "--json", "--count", "40", "--channels", "3", "--hold", "0.1"];
    let connections = result(server.port, &args);
    assert_eq!(number(&connections, "verified"), 40.0 * number(&connections, "checks"), "{connections}");
}

#[test]
fn a_table_is_what_people_get() {
    let server = Server::start();
    let output = bench(server.port, &["fanout", "--subscribers", "2", "--seconds", "0.1", "--warmup", "0"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(text.contains("deliveries/s") && text.contains(" 0 lost, 0 out of order"), "{text}");
}

#[test]
fn a_large_payload_is_verified() {
    let server = Server::start();
    let args = ["fanout", "--json", "--subscribers", "2", "--payload", "700000", "--pipeline", "2"];
    let fanout = result(server.port, &[&args[..], &["--seconds", "0.1", "--warmup", "0"]].concat());
    assert_eq!(fanout["faults"]["wrong_content"], 0, "{fanout}");
}

#[test]
fn a_run_with_faults_is_no_result() {
    let cases = [
        (Mischief::Drop, "1 lost"),
        (Mischief::Repeat, "1 repeated"),
        (Mischief::Spoil, "1 with wrong content"),
        (Mischief::Swap, "0 lost, 1 out of order"),
        (Mischief::Miscount, "sum up to"),
        (Mischief::CloseSubscriber, "the server closed the connection"),
    ];
    for (mischief, complaint) in cases {
        let port = serve_badly(mischief);
        let args = ["latency", "--json", "--rate", "500", "--subscribers", "1", "--timeout", "0.5"];
        let output = bench(port, &[&args[..], &["--seconds", "0.2", "--warmup", "0"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{mischief:?}: {output:?}");
        assert!(stderr.contains("not a result") && stderr.contains(complaint), "{mischief:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{mischief:?}: {output:?}");
    }
}

#[test]
fn a_server_that_loses_one_under_full_load_is_found_out() {
    let port = serve_badly(Mischief::Drop);
    let args = ["fanout", "--subscribers", "1", "--timeout", "0.5", "--seconds", "0.2", "--warmup", "0"];
    let output = bench(port, &args);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains(" 1 lost"), "{output:?}");
}

#[test]
fn nobody_there_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    for kind in ["fanout", "latency", "churn", "connections"] {
        let output = bench(port, &[kind]);
        assert_eq!(output.status.code(), Some(1), "{kind}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("refused"), "{kind}: {output:?}");
    }
}

/// What the server of a test does wrong, once, with its tenth message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mischief {
    CloseSubscriber,
    Drop,
    Miscount,
    Repeat,
    Spoil,
    Swap,
}

#[derive(Default)]
struct Channel {
    published: u64,
    subscriber: Option<TcpStream>,
    /// The message that changes places with the next one.
    held: Vec<u8>,
}

/// A server for one subscriber that lives as long as the test's process.
fn serve_badly(mischief: Mischief) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let channel = Arc::new(Mutex::new(Channel::default()));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, channel) = (stream.expect("a connection"), Arc::clone(&channel));
            // The end of the load generator is the end of the connection, by whichever error.
            thread::spawn(move || serve_connection(stream, &channel, mischief));
        }
    });
    port
}

fn serve_connection(mut stream: TcpStream, channel: &Mutex<Channel>, mischief: Mischief) -> std::io::Result<()> {
    let (mut parser, mut args, mut input) = (RequestParser::new(), RequestArgs::new(), Vec::new());
    let mut chunk = [0; 4096];
    loop {
        let len = stream.read(&mut chunk)?;
        if len == 0 {
            return Ok(());
        }
        input.extend_from_slice(&chunk[..len]);
        while let Ok(Parsed::Complete { consumed }) = parser.parse(&input, &RequestLimits::DEFAULT, &mut args) {
            let request = Request::new(&input, &args);
            let mut reply = Vec::new();
            let mut writer = ReplyWriter::new(&mut reply, Protocol::Resp2);
            let mut channel = channel.lock().expect("no thread panics");
            match request.name() {
                b"SUBSCRIBE" => {
                    writer.array(3).bulk(b"subscribe").bulk(&request[1]).integer(1);
                    channel.subscriber = Some(stream.try_clone()?);
                }
                b"PUBLISH" => {
                    let receivers = channel.publish(&request[1], &request[2], mischief)?;
                    writer.integer(receivers);
                }
                _ => {
                    writer.error("ERR unknown command");
                }
            }
            stream.write_all(&reply)?;
            drop(channel);
            input.drain(..consumed);
        }
    }
}

impl Channel {
    fn publish(&mut self, name: &[u8], payload: &[u8], mischief: Mischief) -> std::io::Result<i64> {
        let Some(mut subscriber) = self.subscriber.as_ref() else { return Ok(0) };
        self.published += 1;
        let mut frame = Vec::new();
        ReplyWriter::new(&mut frame, Protocol::Resp2).array(3).bulk(b"message").bulk(name).bulk(payload);
        let now = self.published == 10;
        match mischief {
            Mischief::CloseSubscriber if now => subscriber.shutdown(std::net::Shutdown::Both)?,
            Mischief::Drop if now => frame.clear(),
            Mischief::Miscount if now => {
                subscriber.write_all(&frame)?;
                return Ok(2);
            }
            Mischief::Repeat if now => frame.extend_from_within(..),
            Mischief::Spoil if now => {
                let last = frame.len() - 3;
                frame[last] ^= 1;
            }
            Mischief::Swap if now => self.held = std::mem::take(&mut frame),
            _ => {}
        }
        if !now {
            frame.append(&mut self.held);
        }
        subscriber.write_all(&frame)?;
        Ok(1)
    }
}
