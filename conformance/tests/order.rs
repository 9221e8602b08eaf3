//! Every delivery of a heavy load accounted for: once, in one order per channel, and as many as PUBLISH said.
//!
//! `FANFARE_DELIVERIES` sets the load; 2,000,000 unless set, a tenth of that in a debug build.

#![allow(clippy::print_stdout, reason = "what was run is part of the result")]

use std::collections::HashMap;
use std::env;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result, ensure};
use fanfare_conformance::connection::Connection;
use fanfare_conformance::frame::{Frame, command};
use fanfare_conformance::rng::Rng;
use fanfare_conformance::server::{Server, Target};

const PUBLISHERS: usize = 4;
const SUBSCRIBERS: usize = 200;
const CHANNELS: usize = 20;
const PIPELINE: usize = 32;
const PATTERNS: [&str; 3] = ["order.1?", "*.[0-4]", "order.*7"];

/// One delivery as a subscriber saw it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Delivery {
    /// `None` for a message of a channel subscription, else the index of the pattern.
    pattern: Option<u8>,
    channel: u8,
    publisher: u8,
    sequence: u32,
}

/// Messages in the order of their arrival: who published each, and its number there.
type Messages = Vec<(u8, u32)>;

#[test]
fn all_subscribers_see_each_message_once_and_in_one_order() {
    let otherwise = if cfg!(debug_assertions) { 200_000 } else { 2_000_000 };
    let deliveries_wanted = env::var("FANFARE_DELIVERIES").ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let target = Target::from_env().unwrap();
    let arguments: &[&str] = if target == Target::Fanfare { &["--workers", "4"] } else { &[] };
    let server = Server::start(&target, arguments).unwrap();
    let address = server.address();

    let mut subscribers = Vec::new();
    let mut subscriptions = 0;
    for index in 0..SUBSCRIBERS {
        let (connection, count) = subscribe(address, index).unwrap();
        subscriptions += count;
        let read = move || read_all(connection).with_context(|| format!("subscriber {index}"));
        subscribers.push(thread::Builder::new().stack_size(512 * 1024).spawn(read).unwrap());
    }

    let promised = AtomicU64::new(0);
    thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let promised = &promised;
            scope.spawn(move || publish(address, publisher, promised, deliveries_wanted).unwrap());
        }
    });
    // It begins after the replies to all others were seen, so it arrives after them.
    let mut last = Connection::open(address).unwrap();
    assert_eq!(last.call(&["PUBLISH", "end", ""]).unwrap().integer(), Some(SUBSCRIBERS as i64));

    let seen: Vec<Vec<Delivery>> =
        subscribers.into_iter().map(|subscriber| subscriber.join().unwrap().unwrap()).collect();
    let arrived: u64 = seen.iter().map(|deliveries| deliveries.len() as u64).sum();
    println!("{arrived} deliveries to {SUBSCRIBERS} subscribers with {subscriptions} subscriptions");
    assert_eq!(arrived, promised.load(Ordering::Relaxed), "PUBLISH's replies and the deliveries differ");
    check_orders(&seen);
}

/// Subscribes as number `index` does, and waits for the confirmations.
fn subscribe(address: SocketAddr, index: usize) -> Result<(Connection, usize)> {
    let mut rng = Rng::new(index as u64);
    let mut connection = Connection::open(address)?;
    if index.is_multiple_of(3) {
        connection.call(&["HELLO", "3"])?;
    }
    let first = rng.below(CHANNELS);
    // Steps of 3 and 20 channels: four different ones.
    let mut channels: Vec<String> = (0..4).map(|step| format!("order.{}", (first + step * 3) % CHANNELS)).collect();
    channels.push("end".to_owned());
    let mut requests = vec!["SUBSCRIBE".to_owned()];
    requests.extend(channels);
    let mut count = requests.len() - 1;
    connection.send(&command(&requests))?;
    if index.is_multiple_of(2) {
        let pattern = PATTERNS[index / 2 % PATTERNS.len()];
        connection.send(&command(&["PSUBSCRIBE", pattern]))?;
        count += 1;
    }
    for _ in 0..count {
        let confirmation = connection.frame()?;
        ensure!(confirmation.items().len() == 3, "{confirmation:?} is no confirmation");
    }
    Ok((connection, count))
}

/// Publishes in bursts until enough deliveries are promised by the replies of all publishers.
fn publish(address: SocketAddr, publisher: usize, promised: &AtomicU64, wanted: u64) -> Result<()> {
    let mut rng = Rng::new(1000 + publisher as u64);
    let mut connection = Connection::open(address)?;
    let mut sequence = 0_u32;
    while promised.load(Ordering::Relaxed) < wanted {
        let mut burst = Vec::new();
        for _ in 0..PIPELINE {
            let channel = rng.below(CHANNELS);
            let payload = format!("{publisher} {sequence} {channel}");
            burst.extend(command(&["PUBLISH", &format!("order.{channel}"), &payload]));
            sequence += 1;
        }
        connection.send(&burst)?;
        for _ in 0..PIPELINE {
            let reply = connection.frame()?;
            let count = reply.integer().with_context(|| format!("{reply:?} in answer to PUBLISH"))?;
            promised.fetch_add(u64::try_from(count)?, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// Reads up to the message of channel `end`.
fn read_all(mut connection: Connection) -> Result<Vec<Delivery>> {
    let mut deliveries = Vec::new();
    loop {
        let frame = connection.frame()?;
        let (pattern, rest) = match frame.items() {
            [kind, rest @ ..] if kind.bytes() == b"message" => (None, rest),
            [kind, pattern, rest @ ..] if kind.bytes() == b"pmessage" => {
                let index = PATTERNS.iter().position(|known| known.as_bytes() == pattern.bytes());
                (Some(index.context("a pattern nobody subscribed to")? as u8), rest)
            }
            _ => anyhow::bail!("{frame:?} is no message"),
        };
        let [channel, payload] = rest else { anyhow::bail!("{frame:?} is no message") };
        if channel.bytes() == b"end" {
            ensure!(connection.pending().is_empty(), "something came after the last message");
            return Ok(deliveries);
        }
        deliveries.push(delivery(pattern, channel, payload)?);
    }
}

fn delivery(pattern: Option<u8>, channel: &Frame, payload: &Frame) -> Result<Delivery> {
    let text = std::str::from_utf8(payload.bytes())?;
    let mut numbers = text.split(' ').map(str::parse::<u32>);
    let mut number = || numbers.next().context("too few numbers")?.context("not a number");
    let (publisher, sequence, channel_number) = (number()?, number()?, number()?);
    ensure!(channel.bytes() == format!("order.{channel_number}").as_bytes(), "{text:?} came on another channel");
    Ok(Delivery { pattern, channel: u8::try_from(channel_number)?, publisher: u8::try_from(publisher)?, sequence })
}

fn check_orders(seen: &[Vec<Delivery>]) {
    // The order of each channel, as the first subscription that saw it had it.
    let mut order: HashMap<u8, Messages> = HashMap::new();
    for (subscriber, deliveries) in seen.iter().enumerate() {
        let mut last: HashMap<(Option<u8>, u8), u32> = HashMap::new();
        let mut by_subscription: HashMap<(Option<u8>, u8), Messages> = HashMap::new();
        for &Delivery { pattern, channel, publisher, sequence } in deliveries {
            // One subscription or pattern shows each of a publisher's messages once, across all channels in its order.
            if let Some(before) = last.insert((pattern, publisher), sequence) {
                assert!(before < sequence, "subscriber {subscriber}: {sequence} after {before} of {publisher}");
            }
            by_subscription.entry((pattern, channel)).or_default().push((publisher, sequence));
        }
        let mut last_of_publisher = [0_u32; PUBLISHERS];
        for delivery in deliveries {
            // Copies by channel and by pattern stand together: none comes after a later message of that publisher.
            let before = &mut last_of_publisher[usize::from(delivery.publisher)];
            assert!(*before <= delivery.sequence, "subscriber {subscriber}: a late copy {delivery:?}");
            *before = delivery.sequence;
        }
        for ((_, channel), messages) in by_subscription {
            let common = order.entry(channel).or_insert_with(|| messages.clone());
            assert!(
                *common == messages,
                "subscriber {subscriber} saw channel {channel} otherwise: {} messages instead of {}, first difference at {:?}",
                messages.len(),
                common.len(),
                common.iter().zip(&messages).position(|(left, right)| left != right),
            );
        }
    }
    assert_eq!(order.len(), CHANNELS, "a channel without a subscriber");
}
