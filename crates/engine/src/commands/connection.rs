//! HELLO, AUTH, PING, ECHO, QUIT, RESET, SELECT. Source: the commands' Redis pages.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fanfare_fanout::Slot;
use fanfare_keyspace::parse_integer;
use fanfare_wire::{Protocol, Request};

use crate::acl::{self, DEFAULT_USER, Reason};
use crate::broker::REDIS_VERSION;
use crate::close::CloseReason;
use crate::command::CommandId as Id;
use crate::session::{ReplyMode, Session};
use crate::worker::{ConnId, Worker};

const WRONG_PASSWORD: &str = "WRONGPASS invalid username-password pair or user is disabled.";

/// With one more failed login in a row the connection is closed.
const FAILED_LOGINS_MAX: u8 = 3;

pub(super) const BAD_NAME: &str = "ERR Client names cannot contain spaces, newlines or special characters.";

/// Whether CLIENT LIST can show the name in its line: printable characters without spaces.
pub(super) fn is_valid_label(name: &[u8]) -> bool {
    name.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

impl Worker {
    pub(super) fn connection_command(&mut self, session: &mut Session, conn: ConnId, id: Id, request: &Request<'_>) {
        match id {
            Id::Hello => self.hello(session, conn, request),
            Id::Auth => self.auth(session, conn, request),
            Id::Ping => self.ping(session, request),
            Id::Echo => {
                self.reply(session).bulk(&request[1]);
            }
            Id::Quit => {
                self.reply(session).simple("OK");
                self.begin_close(session, CloseReason::ClientQuit);
            }
            Id::Reset => self.reset(session, conn),
            _ => self.select(session, &request[1]),
        }
    }

    /// `PING [message]`; in RESP2 subscribe mode the answer is an array, so that it can't be taken for a message.
    fn ping(&mut self, session: &Session, request: &Request<'_>) {
        if request.len() > 2 {
            self.reply(session).error("ERR wrong number of arguments for 'ping' command");
            return;
        }
        let message = request.get(1);
        let in_subscribe_mode = session.is_in_subscribe_mode();
        let mut reply = self.reply(session);
        if in_subscribe_mode {
            reply.array(2).bulk(b"pong").bulk(message.unwrap_or_default());
        } else if let Some(message) = message {
            reply.bulk(message);
        } else {
            reply.simple("PONG");
        }
    }

    /// `AUTH [username] password`.
    fn auth(&mut self, session: &mut Session, conn: ConnId, request: &Request<'_>) {
        if request.len() > 3 {
            self.reply(session).error("ERR syntax error");
            return;
        }
        if request.len() == 2 && self.broker.acl.default_user().takes_any_password() {
            self.reply(session).error(
                "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
                 configuration is correct?",
            );
            return;
        }
        let user = if request.len() == 3 { &request[1] } else { DEFAULT_USER };
        if self.authenticate(session, conn, request, user, &request[request.len() - 1]) {
            self.reply(session).simple("OK");
        } else {
            self.reply(session).error(WRONG_PASSWORD);
        }
    }

    /// Makes the session that user's, if the password is right and its address has not failed too often.
    fn authenticate(
        &mut self,
        session: &mut Session,
        conn: ConnId,
        request: &Request<'_>,
        name: &[u8],
        password: &[u8],
    ) -> bool {
        let (limit, now_us) = (self.settings.auth_failures_per_minute, self.now.monotonic_us);
        let source = acl::source(&session.client.endpoint.address).filter(|_| limit > 0);
        let is_limited = source.is_some_and(|source| self.broker.acl.failures.lock().count(source, now_us) >= limit);
        if !is_limited && let Some(user) = self.broker.acl.log_in(name, password) {
            session.log_in(user);
            session.failed_logins = 0;
            return true;
        }
        self.log_refusal(session, conn, request, Reason::Auth, request.name(), name);
        self.failed_logins.push(&session.client, name);
        if is_limited {
            self.broker.stats.limited_logins.fetch_add(1, Ordering::Relaxed);
        } else if let Some(source) = source {
            self.broker.acl.failures.lock().push(source, now_us);
        }
        session.failed_logins = session.failed_logins.saturating_add(1);
        if source.is_some() && session.failed_logins > FAILED_LOGINS_MAX {
            self.begin_close(session, CloseReason::AuthFailures);
        }
        false
    }

    /// `HELLO [protover [AUTH username password] [SETNAME clientname]]`: a map of what the server is.
    fn hello(&mut self, session: &mut Session, conn: ConnId, request: &Request<'_>) {
        let mut protocol = session.protocol;
        if let Some(version) = request.get(1) {
            protocol = match str::from_utf8(version).ok().and_then(|text| text.parse::<i64>().ok()) {
                Some(2) => Protocol::Resp2,
                Some(3) => Protocol::Resp3,
                Some(_) => {
                    self.reply(session).error("NOPROTO unsupported protocol version");
                    return;
                }
                None => {
                    self.reply(session).error("ERR Protocol version is not an integer or out of range");
                    return;
                }
            };
        }
        let mut credentials = None;
        let mut name = None;
        let mut at = 2;
        while let Some(option) = request.get(at) {
            let left = request.len() - at - 1;
            if option.eq_ignore_ascii_case(b"auth") && left >= 2 {
                credentials = Some((&request[at + 1], &request[at + 2]));
                at += 3;
            } else if option.eq_ignore_ascii_case(b"setname") && left >= 1 {
                name = Some(&request[at + 1]);
                at += 2;
            } else {
                let option = String::from_utf8_lossy(option);
                self.reply(session).error(&format!("ERR Syntax error in HELLO option '{option}'"));
                return;
            }
        }
        if let Some((user, password)) = credentials
            && !self.authenticate(session, conn, request, user, password)
        {
            self.reply(session).error(WRONG_PASSWORD);
            return;
        }
        if !session.authenticated && !self.broker.acl.is_open() {
            self.reply(session).error(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
                 <user> <pass> option can be used to authenticate the client and select the RESP protocol version at \
                 the same time",
            );
            return;
        }
        if let Some(name) = name {
            if !is_valid_label(name) {
                self.reply(session).error(BAD_NAME);
                return;
            }
            session.client.labels().name = name.to_vec();
        }
        self.set_protocol(session, conn, protocol);
        let id = session.client.id;
        let mut reply = self.reply(session);
        reply.map(7);
        reply.bulk(b"server").bulk(b"redis");
        reply.bulk(b"version").bulk(REDIS_VERSION.as_bytes());
        reply.bulk(b"proto").integer(if protocol == Protocol::Resp3 { 3 } else { 2 });
        reply.bulk(b"id").integer(id as i64);
        reply.bulk(b"mode").bulk(b"standalone");
        reply.bulk(b"role").bulk(b"master");
        reply.bulk(b"modules").array(0);
    }

    fn set_protocol(&mut self, session: &mut Session, conn: ConnId, protocol: Protocol) {
        if session.protocol == protocol {
            return;
        }
        // What was published before still comes in the old protocol.
        if self.in_exec {
            self.fanout.poll_mailbox(self.now.monotonic_us);
        } else {
            self.catch_up(conn);
        }
        session.protocol = protocol;
        session.client.resp.store(if protocol == Protocol::Resp3 { 3 } else { 2 }, Ordering::Relaxed);
        let slots: Vec<Slot> = {
            let subscriptions = session.client.subscriptions();
            [&subscriptions.channels, &subscriptions.patterns, &subscriptions.shard_channels]
                .into_iter()
                .flat_map(|names| names.values().copied())
                .collect()
        };
        self.fanout.set_dialect(conn, protocol as usize, slots.into_iter());
    }

    /// `RESET`: the connection is as if it had just been made, but for what it said of its library.
    fn reset(&mut self, session: &mut Session, conn: ConnId) {
        session.discard_transaction();
        self.unwatch(session);
        // Confirmations of earlier requests come before messages that leaving the channels may still bring.
        self.flush_out(conn);
        let client = Arc::clone(&session.client);
        self.leave_all(conn, &client);
        self.fanout.set_wants_notice(conn, false);
        self.fanout.set_limits(conn, self.limits(false));
        self.set_protocol(session, conn, Protocol::Resp2);
        self.stop_tracking(&client);
        session.caching = false;
        session.db = 0;
        client.db.store(0, Ordering::Relaxed);
        client.labels().name.clear();
        client.no_evict.store(false, Ordering::Relaxed);
        client.no_touch.store(false, Ordering::Relaxed);
        if session.reply_mode != ReplyMode::Skip {
            session.reply_mode = ReplyMode::On;
        }
        session.log_out(self.broker.acl.default_user(), self.now.monotonic_us);
        self.reply(session).simple("RESET");
    }

    /// `SELECT index`: channels have no database, but clients choose one.
    fn select(&mut self, session: &mut Session, index: &[u8]) {
        let parsed = parse_integer(index).map(i32::try_from);
        match parsed {
            None => {
                self.reply(session).error("ERR value is not an integer or out of range");
            }
            Some(Err(_)) => {
                let text = format!("ERR value is out of range, value must between {} and {}", i32::MIN, i32::MAX);
                self.reply(session).error(&text);
            }
            Some(Ok(index)) if index < 0 || i64::from(index) >= i64::from(self.settings.databases) => {
                self.reply(session).error("ERR DB index is out of range");
            }
            Some(Ok(index)) => {
                session.db = index as u32;
                session.client.db.store(session.db, Ordering::Relaxed);
                self.reply(session).simple("OK");
            }
        }
    }
}
