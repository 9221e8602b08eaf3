//! Whole sessions against the broker: what a client of Redis pub/sub relies on, in both protocols and whether or not
//! subscriber and publisher share a worker.

mod acl;
mod journal;
mod limits;
mod properties;
mod pubsub;
mod sessions;
mod tracking;

use fanfare_wire::{DecodeLimits, Decoder, Protocol, Value};

use crate::harness::{Harness, Peer};
use crate::settings::Settings;

/// One element of an expected frame.
pub(super) enum Part<'a> {
    Text(&'a str),
    Count(i64),
    Null,
}

impl<'a> From<&'a str> for Part<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Part<'_> {
    fn from(count: i64) -> Self {
        Self::Count(count)
    }
}

/// A subscriber and a publisher in one of the variants that every rule has to hold in.
pub(super) struct Scene {
    pub(super) harness: Harness,
    pub(super) protocol: Protocol,
    /// Speaks the variant's protocol.
    pub(super) subscriber: Peer,
    /// Speaks RESP2 always.
    pub(super) publisher: Peer,
}

impl Scene {
    pub(super) fn new(protocol: Protocol, is_split: bool, settings: Settings) -> Self {
        let mut harness = Harness::with_settings(2, settings);
        let subscriber = harness.connect(0);
        let publisher = harness.connect(usize::from(is_split));
        let mut scene = Self { harness, protocol, subscriber, publisher };
        scene.speak(&subscriber);
        scene
    }

    /// One more connection that speaks the variant's protocol, on the worker of `like`.
    pub(super) fn connect(&mut self, like: &Peer) -> Peer {
        let peer = self.harness.connect(like.worker);
        self.speak(&peer);
        peer
    }

    fn speak(&mut self, peer: &Peer) {
        if self.protocol == Protocol::Resp3 {
            assert!(self.harness.ask(peer, "HELLO 3\r\n").starts_with("%7\r\n"));
        }
    }

    /// What the subscriber gets for this request.
    pub(super) fn sub(&mut self, line: &str) -> String {
        self.harness.ask(&self.subscriber.clone(), format!("{line}\r\n"))
    }

    /// What the publisher gets for this request.
    pub(super) fn publish(&mut self, line: &str) -> String {
        self.harness.ask(&self.publisher.clone(), format!("{line}\r\n"))
    }

    /// What the subscriber was sent since it was last looked at.
    pub(super) fn heard(&mut self) -> String {
        String::from_utf8(self.harness.take(&self.subscriber.clone())).unwrap()
    }

    /// A push frame as the variant's protocol has it.
    pub(super) fn push(&self, parts: &[Part<'_>]) -> String {
        frame(self.protocol, parts)
    }

    /// `message` on `channel`.
    pub(super) fn message(&self, channel: &str, payload: &str) -> String {
        self.push(&["message".into(), channel.into(), payload.into()])
    }

    /// `pmessage` of `pattern` on `channel`.
    pub(super) fn pmessage(&self, pattern: &str, channel: &str, payload: &str) -> String {
        self.push(&["pmessage".into(), pattern.into(), channel.into(), payload.into()])
    }

    /// A confirmation of a subscription change.
    pub(super) fn confirmed(&self, kind: &str, name: &str, count: i64) -> String {
        self.push(&[kind.into(), name.into(), count.into()])
    }

    /// The confirmation of a change of nothing.
    pub(super) fn confirmed_nothing(&self, kind: &str, count: i64) -> String {
        self.push(&[kind.into(), Part::Null, count.into()])
    }

    pub(super) const fn is_resp3(&self) -> bool {
        matches!(self.protocol, Protocol::Resp3)
    }
}

/// A push frame of `protocol`.
pub(super) fn frame(protocol: Protocol, parts: &[Part<'_>]) -> String {
    let is_resp3 = protocol == Protocol::Resp3;
    let mut text = format!("{}{}\r\n", if is_resp3 { '>' } else { '*' }, parts.len());
    for part in parts {
        text += &match part {
            Part::Text(part) => bulk(part),
            Part::Count(count) => format!(":{count}\r\n"),
            Part::Null => if is_resp3 { "_\r\n" } else { "$-1\r\n" }.to_owned(),
        };
    }
    text
}

pub(super) fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// A request of several arguments, whatever they contain.
pub(super) fn request(args: &[&str]) -> String {
    let args_text: String = args.iter().map(|arg| bulk(arg)).collect();
    format!("*{}\r\n{args_text}", args.len())
}

/// Everything in `bytes`, which must end where a value does.
pub(super) fn values(bytes: &[u8]) -> Vec<Value> {
    let mut decoder = Decoder::new(DecodeLimits::DEFAULT);
    let (mut at, mut values) = (0, Vec::new());
    while at < bytes.len() {
        let decoded = decoder.decode(&bytes[at..]).unwrap();
        let (value, length) = decoded.unwrap_or_else(|| panic!("unfinished: {}", bytes[at..].escape_ascii()));
        values.push(value);
        at += length;
    }
    values
}

/// Runs `check` in both protocols, with subscriber and publisher on one worker and on two.
pub(super) fn in_every_variant(check: impl FnMut(&mut Scene)) {
    in_every_variant_of(&Settings::default(), check);
}

/// As [`in_every_variant`], with other settings.
pub(super) fn in_every_variant_of(settings: &Settings, mut check: impl FnMut(&mut Scene)) {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        for is_split in [false, true] {
            check(&mut Scene::new(protocol, is_split, settings.clone()));
        }
    }
}

/// Default settings but for these.
pub(super) fn settings(changes: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in changes {
        settings.set(name, value).unwrap();
    }
    settings
}
