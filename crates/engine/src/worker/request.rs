//! From the bytes of a connection to executed requests: parsing, checks, MULTI's queue, EXEC, and the replies.

use std::sync::atomic::Ordering;

use fanfare_wire::{Parsed, ReplyWriter, Request, RequestArgs, RequestLimits};

use super::{ConnId, Worker};
use crate::broker::PauseMode;
use crate::close::CloseReason;
use crate::command::{CommandId, CommandSpec, Flags, resolve};
use crate::session::{ReplyMode, Session, Stall, Transaction};

/// Memory of a request queued by MULTI beside its arguments' bytes: short ones cost more than they say.
const QUEUED_BYTES: usize = size_of::<(&CommandSpec, RequestArgs)>() + 32;

/// Memory of one of its arguments beside its bytes.
const ARG_BYTES: usize = size_of::<std::ops::Range<usize>>();

/// From this threshold on only commands that are not flagged `fast` are timed for the slow log.
const SLOWLOG_FAST_US_MAX: i64 = 1_000;

/// Bytes of a buffer of replies that are kept for the next turn.
const OUT_BYTES_KEPT: usize = 256 * 1024;
/// Whether a request was executed or has to come again.
#[derive(PartialEq, Eq)]
enum Flow {
    Done,
    Later,
}

impl Worker {
    pub(super) fn process(&mut self, session: &mut Session, conn: ConnId, bytes: &[u8]) {
        let mut args = std::mem::take(&mut self.args);
        let mut buffer = std::mem::take(&mut session.tail);
        let input: &[u8] = if buffer.is_empty() {
            bytes
        } else {
            buffer.extend_from_slice(bytes);
            &buffer
        };
        let mut at = 0;
        while at < input.len() && session.stall.is_none() && session.closing.is_none() {
            let limits = RequestLimits {
                bulk_bytes_max: self.settings.proto_max_bulk_len,
                authenticated: session.authenticated || self.broker.acl.is_open(),
                ..RequestLimits::DEFAULT
            };
            match session.parser.parse(&input[at..], &limits, &mut args) {
                Ok(Parsed::Complete { consumed }) => {
                    let request = Request::new(&input[at..], &args);
                    if request.is_empty() {
                        // As in Redis an empty line, too, uses up the skipping of one reply.
                        session.reply_mode = session.reply_mode.after_request();
                    } else if self.execute(session, conn, &request) == Flow::Later {
                        break;
                    }
                    if session.caching && session.transaction.is_none() {
                        // It ends with the first request behind it that is not about the client itself.
                        session.caching = request.name().eq_ignore_ascii_case(b"client");
                    }
                    at += consumed;
                    if self.out.len() > OUT_BYTES_KEPT {
                        // Short requests can have long replies: the limit has to hold within one read too.
                        self.flush_out(conn);
                        if self.is_over_hard_limit(session, self.fanout.outbox_bytes(conn)) {
                            break;
                        }
                    }
                }
                Ok(Parsed::Incomplete { .. }) => break,
                Err(error) => {
                    self.reply(session).protocol_error(error);
                    self.turn.error_replies += 1;
                    self.begin_close(session, CloseReason::ProtocolError);
                }
            }
        }
        let left = input.len() - at;
        if left > 0 && session.closing.is_none() {
            if buffer.is_empty() {
                session.tail.extend_from_slice(&bytes[at..]);
            } else {
                buffer.drain(..at);
                session.tail = buffer;
            }
            if left > self.settings.client_query_buffer_limit {
                self.begin_close(session, CloseReason::QueryBufferLimit);
            }
        }
        session.client.query_bytes.store(left, Ordering::Relaxed);
        session.client.active_us.store(self.now.unix_us, Ordering::Relaxed);
        self.flush_out(conn);
        if session.stall.is_some() && !std::mem::replace(&mut session.is_listed, true) {
            self.stalled.push(conn);
        }
        self.args = args;
    }

    /// Whether so many queued bytes are more than the session may have; it gets closed when the turn ends.
    fn is_over_hard_limit(&self, session: &Session, queued_bytes: usize) -> bool {
        let hard_bytes = self.limits(session.client.subscription_count() > 0).hard_bytes;
        hard_bytes > 0 && queued_bytes > hard_bytes
    }

    /// Checks one request and executes, queues or refuses it.
    fn execute(&mut self, session: &mut Session, conn: ConnId, request: &Request<'_>) -> Flow {
        let spec = match resolve(request) {
            Ok(spec) => {
                session.client.command.store(spec.id as u16, Ordering::Relaxed);
                spec
            }
            Err(error) => {
                session.client.command.store(u16::MAX, Ordering::Relaxed);
                let text = error.message(request);
                if is_from_a_browser(request.name()) {
                    self.begin_close(session, CloseReason::CrossProtocol);
                    return Flow::Done;
                }
                let is_exec = request.name().eq_ignore_ascii_case(b"exec");
                self.refuse(session, is_exec, &text);
                return Flow::Done;
            }
        };
        let refusal = self
            .refusal(session, conn, spec, request)
            .or_else(|| self.unwritable(session, spec))
            .or_else(|| self.out_of_memory(session, spec));
        if let Some(text) = refusal {
            self.refuse(session, spec.id == CommandId::Exec, text.as_bytes());
            return Flow::Done;
        }
        if self.is_held_back(session, spec) {
            session.stall = Some(Stall::Paused);
            return Flow::Later;
        }
        let queues = !matches!(
            spec.id,
            CommandId::Exec
                | CommandId::Discard
                | CommandId::Multi
                | CommandId::Watch
                | CommandId::Quit
                | CommandId::Reset
        );
        if let (Some(transaction), true) = (&mut session.transaction, queues) {
            transaction.queued_bytes += QUEUED_BYTES + request.iter().map(|arg| arg.len() + ARG_BYTES).sum::<usize>();
            let too_many = transaction.queued_bytes > self.settings.client_query_buffer_limit;
            transaction.queue.push((spec, request.iter().collect()));
            session.client.multi.store(transaction.queue.len() as i64, Ordering::Relaxed);
            let start = self.out.len();
            self.reply(session).simple("QUEUED");
            self.silence(session, start);
            if too_many {
                self.begin_close(session, CloseReason::QueryBufferLimit);
            }
            self.end_request(session);
            return Flow::Done;
        }
        self.call(session, conn, spec, request);
        self.end_request(session);
        Flow::Done
    }

    /// Why `spec` may not be executed in the session's state.
    fn refusal(
        &mut self,
        session: &mut Session,
        conn: ConnId,
        spec: &CommandSpec,
        request: &Request<'_>,
    ) -> Option<String> {
        let is_open = session.authenticated || self.broker.acl.is_open();
        if !is_open && !spec.flags.contains(Flags::NO_AUTH) {
            return Some("NOAUTH Authentication required.".to_owned());
        }
        if session.transaction.is_some() && spec.flags.contains(Flags::NO_MULTI) {
            return Some("ERR Command not allowed inside a transaction".to_owned());
        }
        if let Some(text) = self.no_permission(session, conn, spec, request) {
            return Some(text);
        }
        if session.is_in_subscribe_mode() && !spec.flags.contains(Flags::ALLOWED_IN_SUBSCRIBE_MODE) {
            return Some(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
                 this context",
                spec.full_name
            ));
        }
        None
    }

    /// Whether CLIENT PAUSE holds the request back.
    fn is_held_back(&self, session: &Session, spec: &CommandSpec) -> bool {
        // Redis counts publishing as a write, since it reaches replicas, and does not show it among the flags.
        let writes = |spec: &CommandSpec| {
            spec.flags.contains(Flags::WRITE) || spec.flags.contains(Flags::MAY_REPLICATE) || publishes(spec)
        };
        match self.broker.paused(self.now.unix_us) {
            None => false,
            Some(PauseMode::All) => true,
            Some(PauseMode::Write) => {
                writes(spec)
                    || (spec.id == CommandId::Exec
                        && session.transaction.as_ref().is_some_and(|t| t.queue.iter().any(|(spec, _)| writes(spec))))
            }
        }
    }

    /// Answers a request that was not executed; a transaction under way is spoiled by it.
    fn refuse(&mut self, session: &mut Session, is_exec: bool, text: &[u8]) {
        self.turn.commands += 1;
        self.turn.error_replies += 1;
        let start = self.out.len();
        if is_exec {
            let reason = text.strip_prefix(b"ERR ").unwrap_or(text);
            let mut abort = b"EXECABORT Transaction discarded because of: ".to_vec();
            abort.extend_from_slice(reason);
            session.discard_transaction();
            self.unwatch(session);
            self.reply(session).error_bytes(&abort);
        } else {
            if let Some(transaction) = &mut session.transaction {
                transaction.aborted = true;
            }
            self.reply(session).error_bytes(text);
        }
        self.silence(session, start);
        self.end_request(session);
    }

    /// Executes a request that has passed all checks.
    pub(crate) fn call(
        &mut self,
        session: &mut Session,
        conn: ConnId,
        spec: &'static CommandSpec,
        request: &Request<'_>,
    ) {
        let threshold = self.settings.slowlog_log_slower_than;
        let is_timed = threshold >= 0 && (threshold < SLOWLOG_FAST_US_MAX || !spec.flags.contains(Flags::FAST));
        let began = is_timed.then(|| (self.broker.clock_us)());
        self.turn.commands += 1;
        let mut start = self.out.len();
        let flushes = self.flushes;
        self.dispatch(session, conn, spec, request);
        if self.flushes != flushes {
            // Earlier replies have moved to the outbox: what is here is of this request.
            start = 0;
        }
        if self.out.get(start) == Some(&b'-') {
            self.turn.error_replies += 1;
        }
        // The frames of subscription changes are pushes: CLIENT REPLY silences only their refusals.
        let is_push = spec.channels.is_some() && !publishes(spec);
        if !is_push || self.out.get(start) == Some(&b'-') {
            self.silence(session, start);
        }
        if let Some(began) = began {
            let took = (self.broker.clock_us)().saturating_sub(began);
            if took >= threshold as u64 && !spec.flags.contains(Flags::SKIP_SLOWLOG) {
                let name = session.client.labels().name.clone();
                let address = session.client.endpoint.address.to_string();
                let unix_s = self.now.unix_us / 1_000_000;
                let words = request.iter().enumerate();
                let words = words.map(|(at, word)| if is_secret(spec, request, at) { b"(redacted)" } else { word });
                self.broker.slowlog.push(words, took, unix_s, &address, &name, self.settings.slowlog_max_len);
            }
        }
    }

    /// Takes back what was replied from `start` on, if the client wants no replies.
    pub(crate) fn silence(&mut self, session: &Session, start: usize) {
        if matches!(session.reply_mode, ReplyMode::Off | ReplyMode::Skip) {
            self.out.truncate(start);
        }
    }

    fn end_request(&self, session: &mut Session) {
        session.client.commands.fetch_add(1, Ordering::Relaxed);
        session.reply_mode = session.reply_mode.after_request();
    }

    /// A writer of the reply to the request in work.
    pub(crate) fn reply(&mut self, session: &Session) -> ReplyWriter<'_> {
        ReplyWriter::new(&mut self.out, session.protocol)
    }

    /// Moves the replies so far into the connection's outbox, behind what is there.
    pub(crate) fn flush_out(&mut self, conn: ConnId) {
        self.flushes = self.flushes.wrapping_add(1);
        self.fanout.push_own(conn, &self.out);
        self.out.clear();
        if self.out.capacity() > OUT_BYTES_KEPT {
            self.out = Vec::new();
        }
    }

    /// Executes what MULTI has queued.
    pub(crate) fn exec(&mut self, session: &mut Session, conn: ConnId, transaction: Transaction) {
        // Pushes that come in meanwhile queue up behind the place reserved for the reply.
        self.flush_out(conn);
        self.fanout.reserve_own(conn);
        let start = self.out.len();
        self.reply(session).array(transaction.queue.len());
        self.silence(session, start);
        let mut is_over_limit = false;
        for (spec, args) in &transaction.queue {
            let request = Request::new(&[], args);
            if let Some(text) = self.no_longer_permitted(session, conn, spec, &request) {
                self.reply(session).error(&text);
            } else {
                self.call(session, conn, spec, &request);
            }
            if is_over_limit || self.is_over_hard_limit(session, self.out.len()) {
                // All of it is still executed, but nobody gets the replies.
                is_over_limit = true;
                self.out.clear();
            }
        }
        if is_over_limit {
            self.begin_close(session, CloseReason::OutboxHardLimit);
        }
        self.release_keyspace();
        self.fanout.fill_own(conn, &self.out);
        self.out.clear();
    }
}

/// The lines of an HTTP request that a page on another site can make a browser send here; as Redis does, the connection
/// ends before the commands in its body are reached.
fn is_from_a_browser(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// Whether that word of a request may be a password, which nobody shall read in the slow log.
fn is_secret(spec: &CommandSpec, request: &Request<'_>, at: usize) -> bool {
    let follows = |name: &str, distance: usize| {
        at.checked_sub(distance)
            .and_then(|at| request.get(at))
            .is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    match spec.id {
        CommandId::AclSetuser => at >= 2,
        CommandId::ConfigSet => follows("requirepass", 1),
        CommandId::Hello => follows("auth", 1) || follows("auth", 2),
        _ => false,
    }
}

fn publishes(spec: &CommandSpec) -> bool {
    matches!(spec.id, CommandId::Publish | CommandId::Spublish | CommandId::Mpublish)
}
