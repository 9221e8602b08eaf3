//! Random requests of several connections: whatever they do, counts, replies and deliveries agree.

use std::sync::atomic::Ordering;

use fanfare_fanout::Kind;
use fanfare_wire::Value;
use proptest::prelude::*;

use super::{request, settings, values};
use crate::CloseReason;
use crate::harness::{Harness, Peer};

const CONNECTIONS: usize = 4;

/// Names of channels and patterns; some patterns match several channels.
const NAMES: [&str; 5] = ["a", "b", "ab", "", "a\r\n"];
const PATTERNS: [&str; 5] = ["*", "a*", "?", "[ab]", "a"];

#[derive(Clone, Debug)]
enum Step {
    /// A request of a connection; several of one connection may lie in its hand until they are sent.
    Request(usize, Vec<&'static str>),
    /// What the connection has said goes to its worker, in pieces of so many bytes.
    Send(usize, usize),
    /// One turn of a worker.
    Turn(usize),
    Block(usize),
    Unblock(usize),
    Advance(u64),
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

fn pattern() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&PATTERNS[..])
}

fn subscription(
    verb: &'static str,
    names: impl Strategy<Value = &'static str> + 'static,
) -> BoxedStrategy<Vec<&'static str>> {
    prop::collection::vec(names, 1..4).prop_map(move |names| [vec![verb], names].concat()).boxed()
}

fn publication() -> impl Strategy<Value = Vec<&'static str>> {
    let payload = prop::sample::select(&["", "x", "*3\r\n$7\r\nmessage\r\n", "a payload that is a little longer"][..]);
    let one = (prop::sample::select(&["PUBLISH", "SPUBLISH"][..]), name(), payload.clone());
    let many = prop::collection::vec((name(), payload), 1..4);
    prop_oneof![
        4 => one.prop_map(|(verb, channel, payload)| vec![verb, channel, payload]),
        1 => many.prop_map(|pairs| {
            let pairs: Vec<&str> = pairs.into_iter().flat_map(|(channel, payload)| [channel, payload]).collect();
            [vec!["MPUBLISH"], pairs].concat()
        }),
    ]
}

fn any_request() -> impl Strategy<Value = Vec<&'static str>> {
    let fixed: [&[&str]; 22] = [
        &["UNSUBSCRIBE"],
        &["PUNSUBSCRIBE"],
        &["SUNSUBSCRIBE"],
        &["PING"],
        &["PING", "hi"],
        &["ECHO", "hi"],
        &["MULTI"],
        &["EXEC"],
        &["DISCARD"],
        &["HELLO", "2"],
        &["HELLO", "3"],
        &["HELLO"],
        &["NONSENSE"],
        &["SUBSCRIBE"],
        &["PUBSUB", "CHANNELS"],
        &["PUBSUB", "NUMPAT"],
        &["PUBSUB", "NUMSUB", "a", "b"],
        &["PUBSUB", "SUBSCRIBERS", "a"],
        &["CLIENT", "LIST"],
        &["CLIENT", "INFO"],
        &["PUBLISH", "__fanfare__:x", "x"],
        &["RESET"],
    ];
    prop_oneof![
        4 => subscription("SUBSCRIBE", name()),
        3 => subscription("PSUBSCRIBE", pattern()),
        2 => subscription("SSUBSCRIBE", name()),
        2 => subscription("UNSUBSCRIBE", name()),
        2 => subscription("PUNSUBSCRIBE", pattern()),
        1 => subscription("SUNSUBSCRIBE", name()),
        8 => publication(),
        10 => prop::sample::select(fixed.map(<[&str]>::to_vec).to_vec()),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let peer = 0..CONNECTIONS;
    prop_oneof![
        8 => (peer.clone(), any_request()).prop_map(|(peer, request)| Step::Request(peer, request)),
        5 => (peer.clone(), prop_oneof![Just(usize::MAX), 1usize..20]).prop_map(|(peer, size)| Step::Send(peer, size)),
        2 => (0usize..2).prop_map(Step::Turn),
        1 => peer.clone().prop_map(Step::Block),
        1 => peer.prop_map(Step::Unblock),
        1 => (0u64..300).prop_map(Step::Advance),
    ]
}

/// Requests of one connection and what came back for them.
#[derive(Default)]
struct Account {
    requests: Vec<Vec<&'static str>>,
    unsent: String,
    received: Vec<u8>,
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    messages: u64,
    /// The sum of what its own publishes returned.
    published: u64,
}

fn is_message(value: &Value) -> bool {
    let kind = value.as_elements().and_then(<[_]>::first);
    matches!(kind, Some(Value::Bulk(kind)) if [&b"message"[..], b"pmessage", b"smessage"].contains(&&kind[..]))
}

/// Finds the reply of each request, and that there are no others.
fn account_for(account: &Account) -> Seen {
    let mut seen = Seen::default();
    let (messages, replies): (Vec<Value>, Vec<Value>) = values(&account.received).into_iter().partition(is_message);
    seen.messages = messages.len() as u64;
    let mut queued: Vec<&[&str]> = Vec::new();
    let mut at = 0;
    for request in &account.requests {
        let Some(reply) = replies.get(at) else { panic!("no reply to {request:?}, in {replies:?}") };
        match (request[0], reply) {
            (_, Value::Simple(text)) if text == b"QUEUED" => {
                queued.push(request);
                at += 1;
            }
            ("EXEC", Value::Array(elements)) => {
                assert_eq!(elements.len(), queued.len());
                // The frame of each name is one of the values that the array announces, so others come behind it.
                let stream: Vec<Value> = elements.iter().chain(&replies[at + 1..]).cloned().collect();
                let mut end = 0;
                for request in queued.drain(..) {
                    end += take_answers(request, &stream[end..], &mut seen);
                }
                at += 1 + end - elements.len();
            }
            (verb, _) => {
                if ["EXEC", "DISCARD", "RESET"].contains(&verb) {
                    queued.clear();
                }
                at += take_answers(request, &replies[at..], &mut seen);
            }
        }
    }
    assert_eq!(at, replies.len(), "as many replies as requests: {:?} {replies:?}", account.requests);
    seen
}

/// How many of `replies` answer the request; counts what it published.
fn take_answers(request: &[&str], replies: &[Value], seen: &mut Seen) -> usize {
    seen.published += match (request[0], &replies[0]) {
        ("PUBLISH" | "SPUBLISH", Value::Integer(count)) => *count as u64,
        ("MPUBLISH", Value::Array(counts)) => counts.iter().filter_map(Value::as_integer).sum::<i64>() as u64,
        _ => 0,
    };
    let is_confirmed = request[0].ends_with("SUBSCRIBE") && !matches!(replies[0], Value::Error(_));
    if is_confirmed { request.len() - 1 } else { 1 }
}

/// Requests whose number of answers depends on what was subscribed, so they are left out where it has to be known.
fn is_countable(request: &[&str]) -> bool {
    !(request[0].ends_with("UNSUBSCRIBE") && request.len() == 1)
}

fn run(steps: &[Step], worker_of: [usize; CONNECTIONS], only_countable: bool) -> (Harness, Vec<Peer>, Vec<Account>) {
    let mut harness = Harness::with_settings(2, settings(&[("publish-window-bytes", "4096")]));
    let peers = worker_of.map(|worker| harness.connect(worker));
    let mut accounts: Vec<Account> = peers.iter().map(|_| Account::default()).collect();
    for step in steps {
        match step {
            Step::Request(at, args) => {
                if !only_countable || is_countable(args) {
                    accounts[*at].unsent += &request(args);
                    accounts[*at].requests.push(args.clone());
                }
            }
            Step::Send(at, size) => {
                let bytes = std::mem::take(&mut accounts[*at].unsent);
                for piece in bytes.as_bytes().chunks(*size) {
                    harness.send(&peers[*at], piece);
                }
            }
            Step::Turn(worker) => {
                harness.turn(*worker);
            }
            Step::Block(at) => harness.block(&peers[*at]),
            Step::Unblock(at) => harness.unblock(&peers[*at]),
            Step::Advance(ms) => harness.advance_ms(*ms),
        }
    }
    for (peer, account) in peers.iter().zip(&mut accounts) {
        let bytes = std::mem::take(&mut account.unsent);
        harness.send(peer, bytes);
        harness.unblock(peer);
    }
    harness.settle();
    for (peer, account) in peers.iter().zip(&mut accounts) {
        account.received = harness.take(peer);
    }
    (harness, peers.to_vec(), accounts)
}

/// After everyone has left nothing of them is left.
fn everything_ends(harness: &mut Harness, peers: &[Peer]) {
    for peer in peers {
        harness.workers[peer.worker].close(peer.conn, CloseReason::ClientClosed);
    }
    harness.settle();
    for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
        assert_eq!(harness.broker.interest.names(kind), 0, "{kind:?} left");
        harness.broker.interest.for_each_name(kind, |name, _| panic!("{} left", name.escape_ascii()));
    }
    harness.advance_ms(1000);
    for worker in &mut harness.workers {
        assert!(worker.is_empty() && !worker.has_dirty() && worker.poll_ready().is_none());
        assert!(worker.fanout.log_bytes() <= 1 << 20, "{} bytes of logs", worker.fanout.log_bytes());
    }
    assert!(harness.broker.clients().is_empty());
}

proptest! {
    #[test]
    fn replies_and_deliveries_add_up(
        steps in prop::collection::vec(step(), 1..80),
        worker_of in prop::array::uniform4(0usize..2),
    ) {
        let (mut harness, peers, accounts) = run(&steps, worker_of, true);
        let seen: Vec<Seen> = accounts.iter().map(account_for).collect();
        let published: u64 = seen.iter().map(|seen| seen.published).sum();
        let messages: u64 = seen.iter().map(|seen| seen.messages).sum();
        prop_assert_eq!(published, messages);
        harness.settle();
        let deliveries = harness.broker.stats().deliveries.load(Ordering::Relaxed);
        prop_assert_eq!(deliveries, messages);
        everything_ends(&mut harness, &peers);
    }

    #[test]
    fn nothing_is_left_of_clients_that_leave_at_any_time(
        steps in prop::collection::vec(step(), 1..80),
        worker_of in prop::array::uniform4(0usize..2),
        extra in prop::collection::vec((0..CONNECTIONS, 0..6usize), 0..12),
    ) {
        let (mut harness, peers, _) = run(&steps, worker_of, false);
        for (at, what) in extra {
            let peer = peers[at];
            if harness.closed(&peer).is_some() {
                continue;
            }
            let victim = peers[(at + what) % CONNECTIONS].id;
            let line = match what {
                0 => "QUIT\r\n".to_owned(),
                1 => format!("RESET\r\nCLIENT KILL ID {victim} SKIPME no\r\nPUBLISH a x\r\n"),
                2 => format!("RESET\r\nMULTI\r\nSUBSCRIBE a\r\nCLIENT KILL ID {victim} SKIPME no\r\nPUBLISH a x\r\nEXEC\r\n"),
                3 => "RESET\r\nCLIENT REPLY OFF\r\nPSUBSCRIBE *\r\n".to_owned(),
                4 => "*1\r\n!\r\n".to_owned(),
                _ => "HELLO 3\r\nSUBSCRIBE a a\r\nCLIENT REPLY SKIP\r\nPUBLISH a x\r\n".to_owned(),
            };
            harness.send(&peer, line);
            if what % 2 == 0 {
                harness.turn(peer.worker);
            }
        }
        harness.settle();
        let open: Vec<Peer> = peers.iter().filter(|peer| harness.closed(peer).is_none()).copied().collect();
        everything_ends(&mut harness, &open);
    }
}
