//! `fanfare bench` against the built server, and against servers that do wrong.
#![forbid(unsafe_code)]

mod misbehaving;
mod nats;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

use misbehaving::{Mischief, serve_badly};

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
fn patterns_that_match_get_every_message_too() {
    let server = Server::start();
    for shapes in ["plain", "mixed"] {
        let args =
            ["fanout", "--json", "--publishers", "2", "--subscribers", "3", "--channels", "2", "--matching", "4"];
        let more = ["--patterns", "1300", "--pattern-shapes", shapes, "--seconds", "0.2", "--warmup", "0.1"];
        let fanout = result(server.port, &[&args[..], &more].concat());
        let publishes = fanout["publishes"].as_u64().expect("a number");
        assert_eq!(fanout["pattern_deliveries"], 4 * publishes, "{fanout}");
        // Of three subscribers one channel has two, so that all of them together get less than the patterns.
        assert!(publishes > 0 && fanout["deliveries"].as_u64() <= Some(2 * publishes), "{fanout}");
    }
    let output = bench(server.port, &["fanout", "--patterns", "3", "--matching", "4"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--matching is a part of --patterns"), "{output:?}");
}

#[test]
fn a_latency_says_what_the_load_was_late_by() {
    let server = Server::start();
    let args = ["latency", "--json", "--rate", "500", "--patterns", "2", "--matching", "2", "--seconds", "0.2"];
    let latency = result(server.port, &[&args[..], &["--warmup", "0.1", "--subscribers", "2"]].concat());
    assert_eq!((&latency["publishes"], &latency["pattern_deliveries"]), (&100.into(), &200.into()), "{latency}");
    let number = |field: &str| latency[field].as_f64().unwrap_or_else(|| panic!("{field} in {latency}"));
    assert!(number("late") <= 100.0 && number("late_p99_us") <= number("late_max_us"), "{latency}");
    assert!(number("late_max_us") <= number("max_us"), "a delivery comes after its publish: {latency}");
}

#[test]
fn churn_has_an_audience_that_stays() {
    let server = Server::start();
    let args = ["churn", "--json", "--connections", "3", "--channels", "2", "--audience", "200"];
    let churn = result(server.port, &[&args[..], &["--seconds", "0.2", "--warmup", "0"]].concat());
    assert_eq!(churn["audience"], 200, "{churn}");
    assert!(churn["pairs"].as_u64() > Some(0), "{churn}");
}

#[test]
fn connections_have_no_name_or_many() {
    let server = Server::start();
    let args = ["connections", "--json", "--count", "30", "--hold", "0.1"];
    let idle = result(server.port, &[&args[..], &["--names", "0"]].concat());
    assert_eq!((&idle["names"], &idle["checks"], &idle["verified"]), (&0.into(), &0.into(), &0.into()), "{idle}");

    let many = result(server.port, &[&args[..], &["--names", "700"]].concat());
    assert_eq!((&many["names"], &many["channels"]), (&700.into(), &30.into()), "{many}");
    assert_eq!(many["verified"].as_u64(), many["checks"].as_u64().map(|checks| 30 * checks), "{many}");
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
