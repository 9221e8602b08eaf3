//! Publishing, subscribing and looking at both. Source: Redis, "Pub/Sub" and the commands' pages.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use fanfare_fanout::{Kind, LAG_CHANNEL, Name};
use fanfare_wire::{Request, glob_match};

use crate::broker::RESERVED_PREFIX;
use crate::command::CommandId as Id;
use crate::session::{Session, Stall};
use crate::worker::{ConnId, Worker};

/// The names of the three kinds of confirmation.
const fn confirmation(kind: Kind, subscribes: bool) -> &'static [u8] {
    match (kind, subscribes) {
        (Kind::Channel, true) => b"subscribe",
        (Kind::Channel, false) => b"unsubscribe",
        (Kind::Pattern, true) => b"psubscribe",
        (Kind::Pattern, false) => b"punsubscribe",
        (Kind::Shard, true) => b"ssubscribe",
        (Kind::Shard, false) => b"sunsubscribe",
    }
}

impl Worker {
    pub(super) fn pubsub_command(&mut self, session: &mut Session, conn: ConnId, id: Id, request: &Request<'_>) {
        match id {
            Id::PubsubChannels | Id::PubsubShardchannels if request.len() > 3 => {
                let typed = String::from_utf8_lossy(&request[1]).into_owned();
                self.reply(session).error(&format!(
                    "ERR unknown subcommand or wrong number of arguments for '{typed}'. Try PUBSUB HELP."
                ));
            }
            Id::Publish => self.publish(session, conn, Kind::Channel, request),
            Id::Spublish => self.publish(session, conn, Kind::Shard, request),
            Id::Mpublish => self.publish_many(session, conn, request),
            Id::Subscribe => self.subscribe(session, conn, Kind::Channel, request),
            Id::Psubscribe => self.subscribe(session, conn, Kind::Pattern, request),
            Id::Ssubscribe => self.subscribe(session, conn, Kind::Shard, request),
            Id::Unsubscribe => self.unsubscribe(session, conn, Kind::Channel, request),
            Id::Punsubscribe => self.unsubscribe(session, conn, Kind::Pattern, request),
            Id::Sunsubscribe => self.unsubscribe(session, conn, Kind::Shard, request),
            Id::PubsubChannels => self.names(session, Kind::Channel, request.get(2)),
            Id::PubsubShardchannels => self.names(session, Kind::Shard, request.get(2)),
            Id::PubsubNumsub => self.counts(session, Kind::Channel, request),
            Id::PubsubShardnumsub => self.counts(session, Kind::Shard, request),
            Id::PubsubNumpat => {
                let patterns = self.broker.interest.names(Kind::Pattern);
                self.reply(session).integer(patterns as i64);
            }
            _ => self.subscribers(session, &request[2]),
        }
    }

    /// `PUBLISH channel payload`: an integer, how many deliveries it makes.
    fn publish(&mut self, session: &mut Session, conn: ConnId, kind: Kind, request: &Request<'_>) {
        if self.refuses_reserved(session, &request[1]) {
            return;
        }
        let start = self.out.len();
        let receivers = self.publish_one(session, kind, &request[1], &request[2]);
        self.reply(session).integer(receivers);
        self.after_publish(session, conn, start);
    }

    /// `MPUBLISH channel payload [channel payload ...]`: an array with one integer for each pair.
    fn publish_many(&mut self, session: &mut Session, conn: ConnId, request: &Request<'_>) {
        if request.len().is_multiple_of(2) {
            self.reply(session).error("ERR wrong number of arguments for 'mpublish' command");
            return;
        }
        let pairs = (1..request.len()).step_by(2);
        for at in pairs.clone() {
            if self.refuses_reserved(session, &request[at]) {
                return;
            }
        }
        let start = self.out.len();
        self.reply(session).array(request.len() / 2);
        for at in pairs {
            let receivers = self.publish_one(session, Kind::Channel, &request[at], &request[at + 1]);
            self.reply(session).integer(receivers);
        }
        self.after_publish(session, conn, start);
    }

    fn refuses_reserved(&mut self, session: &Session, channel: &[u8]) -> bool {
        let reserved = channel.starts_with(RESERVED_PREFIX);
        if reserved {
            self.reply(session)
                .error("ERR channels that start with '__fanfare__:' are the server's own: publish on another one");
        }
        reserved
    }

    fn publish_one(&mut self, session: &mut Session, kind: Kind, channel: &[u8], payload: &[u8]) -> i64 {
        let published = self.fanout.publish(kind, channel, payload);
        self.turn.publishes += 1;
        if self.broker.interest.must_wait(self.id, published.workers) {
            self.turn.publisher_waits += 1;
            session.stall = Some(Stall::Window);
        }
        published.receivers as i64
    }

    /// A client that publishes to itself gets the reply, then the push, then the reply of its next request.
    pub(super) fn after_publish(&mut self, session: &Session, conn: ConnId, start: usize) {
        if !self.in_exec && self.may_have_told(session) {
            self.silence(session, start);
            self.catch_up(conn);
        }
    }

    /// Whether the mailbox may have something for the client whose request is in work.
    pub(super) fn may_have_told(&mut self, session: &Session) -> bool {
        std::mem::take(&mut self.told_requester) || session.client.subscription_count() > 0
    }

    /// `SUBSCRIBE channel [channel ...]` and its kin: one confirmation for each name.
    fn subscribe(&mut self, session: &mut Session, conn: ConnId, kind: Kind, request: &Request<'_>) {
        if self.in_exec && kind == Kind::Shard {
            self.reply(session).error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
            return;
        }
        for name in request.iter().skip(1) {
            if !self.in_exec {
                self.flush_out(conn);
            }
            let client = &session.client;
            let is_new = !client.subscriptions().of(kind).contains_key(name);
            if is_new && client.subscription_count() as usize >= self.settings.max_subscriptions_per_client {
                let max = self.settings.max_subscriptions_per_client;
                self.reply(session).error(&format!(
                    "ERR this client already has {max} subscriptions, as many as max-subscriptions-per-client allows"
                ));
                continue;
            }
            if is_new {
                let subscribed = self.fanout.subscribe(conn, kind, name);
                client.subscriptions().of_mut(kind).insert(subscribed.name, subscribed.slot);
                self.note_change(session, conn, kind, name, true);
            }
            self.confirm(session, kind, true, Some(name));
        }
        self.recheck_subscriptions(session);
    }

    /// `UNSUBSCRIBE [channel ...]` and its kin: one confirmation for each name, of all if none is given.
    fn unsubscribe(&mut self, session: &mut Session, conn: ConnId, kind: Kind, request: &Request<'_>) {
        if request.len() > 1 {
            for name in request.iter().skip(1) {
                self.unsubscribe_one(session, conn, kind, name);
            }
            return;
        }
        let names: Vec<Name> = session.client.subscriptions().of(kind).keys().cloned().collect();
        for name in &names {
            self.unsubscribe_one(session, conn, kind, name);
        }
        if names.is_empty() {
            self.confirm(session, kind, false, None);
        }
    }

    fn unsubscribe_one(&mut self, session: &Session, conn: ConnId, kind: Kind, name: &[u8]) {
        if !self.in_exec {
            self.flush_out(conn);
        }
        let was_there = session.client.subscriptions().of_mut(kind).remove(name).is_some();
        if was_there {
            self.fanout.unsubscribe(conn, kind, name);
            self.note_change(session, conn, kind, name, false);
        }
        self.confirm(session, kind, false, Some(name));
    }

    /// Keeps the counts that others see, the limits and the wish for notices up to date.
    fn note_change(&mut self, session: &Session, conn: ConnId, kind: Kind, name: &[u8], subscribed: bool) {
        let client = &session.client;
        let count = client.subscriptions().of(kind).len() as u32;
        let shown = match kind {
            Kind::Channel => &client.channels,
            Kind::Pattern => &client.patterns,
            Kind::Shard => &client.shard_channels,
        };
        shown.store(count, Ordering::Relaxed);
        if kind == Kind::Channel && name == LAG_CHANNEL {
            self.fanout.set_wants_notice(conn, subscribed);
        }
        let total = client.subscription_count();
        if total == subscribed as u32 {
            self.fanout.set_limits(conn, self.limits(total > 0));
        }
    }

    fn confirm(&mut self, session: &Session, kind: Kind, subscribes: bool, name: Option<&[u8]>) {
        let client = &session.client;
        let count = match kind {
            Kind::Channel | Kind::Pattern => {
                client.channels.load(Ordering::Relaxed) + client.patterns.load(Ordering::Relaxed)
            }
            Kind::Shard => client.shard_channels.load(Ordering::Relaxed),
        };
        let mut reply = self.reply(session);
        reply.push(3).bulk(confirmation(kind, subscribes));
        match name {
            Some(name) => reply.bulk(name),
            None => reply.null(),
        };
        reply.integer(i64::from(count));
    }

    /// `PUBSUB CHANNELS [pattern]`: an array of names.
    fn names(&mut self, session: &Session, kind: Kind, pattern: Option<&[u8]>) {
        let mut names: Vec<Name> = Vec::new();
        self.broker.interest.for_each_name(kind, |name, _| names.push(Name::clone(name)));
        // Afterwards, since publishers wait while the names are gone through, and matching may take long.
        if let Some(pattern) = pattern {
            names.retain(|name| glob_match(pattern, name));
        }
        let mut reply = self.reply(session);
        reply.array(names.len());
        for name in &names {
            reply.bulk(name);
        }
    }

    /// `PUBSUB NUMSUB [channel ...]`: an array of names and counts by turns.
    fn counts(&mut self, session: &Session, kind: Kind, request: &Request<'_>) {
        let counts: HashMap<&[u8], u64> =
            request.iter().skip(2).map(|name| (name, self.broker.interest.subscribers(kind, name))).collect();
        let mut reply = self.reply(session);
        reply.array(2 * (request.len() - 2));
        for name in request.iter().skip(2) {
            reply.bulk(name).integer(counts[name] as i64);
        }
    }

    /// `PUBSUB SUBSCRIBERS channel`: an array with a map of id, name, address and queued bytes for each subscriber.
    fn subscribers(&mut self, session: &Session, channel: &[u8]) {
        let found: Vec<_> = self
            .broker
            .clients
            .snapshot()
            .into_iter()
            .filter(|client| client.channels.load(Ordering::Relaxed) > 0)
            .filter(|client| client.subscriptions().channels.contains_key(channel))
            .collect();
        let mut reply = self.reply(session);
        reply.array(found.len());
        for client in found {
            reply.map(4);
            reply.bulk(b"id").integer(client.id as i64);
            reply.bulk(b"name").bulk(&client.labels().name);
            reply.bulk(b"addr").bulk(client.endpoint.address.to_string().as_bytes());
            reply.bulk(b"queued-bytes").integer(client.outbox_bytes.load(Ordering::Relaxed) as i64);
        }
    }
}
