//! CLIENT. Source: Redis, the subcommands' pages and the answers of a running server.

mod line;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fanfare_keyspace::parse_integer;
use fanfare_wire::Request;

use self::line::{Kind, Own, write_line};
use super::connection::{BAD_NAME, is_valid_label};
use crate::broker::{Control, PauseMode};
use crate::client::Client;
use crate::close::CloseReason;
use crate::command::CommandId as Id;
use crate::session::{ReplyMode, Session};
use crate::worker::{ConnId, Now, Worker};

pub(super) const SYNTAX_ERROR: &[u8] = b"ERR syntax error";

impl Worker {
    pub(super) fn client_command(&mut self, session: &mut Session, conn: ConnId, id: Id, request: &Request<'_>) {
        match id {
            Id::ClientGetname => {
                let name = session.client.labels().name.clone();
                let mut reply = self.reply(session);
                if name.is_empty() {
                    reply.null()
                } else {
                    reply.bulk(&name)
                };
            }
            Id::ClientId => {
                let id = session.client.id;
                self.reply(session).integer(id as i64);
            }
            Id::ClientInfo => {
                let mut text = Vec::new();
                write_line(&mut text, &session.client, self, Some(&Own::new(self, conn, request)));
                self.reply(session).verbatim("txt", &text);
            }
            Id::ClientKill => self.kill(session, conn, request),
            Id::ClientList => self.list(session, conn, request),
            Id::ClientNoEvict | Id::ClientNoTouch => self.set_flag(session, id, &request[2]),
            Id::ClientPause => self.pause(session, request),
            Id::ClientReply => self.set_reply_mode(session, &request[2]),
            Id::ClientSetinfo => self.set_info(session, &request[2], &request[3]),
            Id::ClientSetname => {
                if is_valid_label(&request[2]) {
                    session.client.labels().name = request[2].to_vec();
                    self.reply(session).simple("OK");
                } else {
                    self.reply(session).error(BAD_NAME);
                }
            }
            Id::ClientUnblock => self.unblock_client(session, request),
            _ => {
                self.broker.unpause();
                self.reply(session).simple("OK");
            }
        }
    }

    /// The line of the client in work, without its line end.
    pub(crate) fn client_line(&self, session: &Session, conn: ConnId, request: &Request<'_>) -> Vec<u8> {
        let mut text = Vec::new();
        write_line(&mut text, &session.client, self, Some(&Own::new(self, conn, request)));
        text.pop();
        text
    }

    /// `CLIENT LIST [TYPE type | ID id [id ...]]`: one line for each client.
    fn list(&mut self, session: &Session, conn: ConnId, request: &Request<'_>) {
        let clients = match selected(request) {
            Ok(Selected::All) => self.broker.clients.snapshot(),
            Ok(Selected::Kind(kind)) => {
                let mut clients = self.broker.clients.snapshot();
                clients.retain(|client| Kind::of(client) == kind);
                clients
            }
            // As often as they are named.
            Ok(Selected::Ids(ids)) => ids.into_iter().filter_map(|id| self.broker.clients.get(id)).collect(),
            Err(text) => {
                self.reply(session).error_bytes(&text);
                return;
            }
        };
        let own = Own::new(self, conn, request);
        let mut text = Vec::new();
        for client in &clients {
            let own = (client.id == session.client.id).then_some(&own);
            write_line(&mut text, client, self, own);
        }
        self.reply(session).verbatim("txt", &text);
    }

    /// `CLIENT KILL address` answers OK or an error, `CLIENT KILL filter value ...` the number of clients.
    ///
    /// The answer waits until their connections are closed and their subscriptions have ended.
    fn kill(&mut self, session: &mut Session, conn: ConnId, request: &Request<'_>) {
        let start = self.out.len();
        let filter = match KillFilter::parse(request) {
            Ok(filter) => filter,
            Err(text) => {
                self.reply(session).error_bytes(&text);
                return;
            }
        };
        if let Some(user) = filter.user
            && self.broker.acl.get(user).is_none()
        {
            self.reply(session).error_bytes(&quoting("ERR No such user '", user, "'"));
            return;
        }
        let me = session.client.id;
        let mut targets = match filter.id {
            Some(id) => self.broker.clients.get(id).into_iter().collect(),
            None => self.broker.clients.snapshot(),
        };
        targets.retain(|client| filter.matches(client, me, self.now));
        let mut reply = self.reply(session);
        if request.len() > 3 {
            reply.integer(targets.len() as i64);
        } else if targets.is_empty() {
            reply.error("ERR No such client");
        } else {
            reply.simple("OK");
        }
        self.close_clients(session, conn, start, &targets, CloseReason::Killed);
    }

    /// Closes clients; the reply, which is there from `start` on, waits until their connections are closed and their
    /// subscriptions have ended.
    pub(super) fn close_clients(
        &mut self,
        session: &mut Session,
        conn: ConnId,
        start: usize,
        targets: &[Arc<Client>],
        reason: CloseReason,
    ) {
        let me = session.client.id;
        let others = targets.iter().filter(|client| client.id != me).count();
        let kills_itself = others < targets.len();
        // A transaction can't stop half way, and who ends itself does not wait for others to end.
        let barrier = (others > 0 && !kills_itself && !self.in_exec).then(|| {
            let barrier = self.wait_for(session, conn, start);
            barrier.left.store(others, Ordering::Release);
            barrier
        });
        for client in targets.iter().filter(|client| client.id != me) {
            client.closing.store(true, Ordering::Relaxed);
            let close = Control::Close { conn: client.conn, id: client.id, reason, done: barrier.clone() };
            self.broker.tell(client.worker, close);
        }
        if kills_itself {
            self.begin_close(session, reason);
        }
    }

    /// `CLIENT NO-EVICT ON|OFF` and `CLIENT NO-TOUCH ON|OFF`: kept and shown; without keys there is nothing to touch.
    fn set_flag(&mut self, session: &Session, id: Id, value: &[u8]) {
        let is_on = value.eq_ignore_ascii_case(b"on");
        if !is_on && !value.eq_ignore_ascii_case(b"off") {
            self.reply(session).error_bytes(SYNTAX_ERROR);
            return;
        }
        let client = &session.client;
        let flag = if id == Id::ClientNoEvict { &client.no_evict } else { &client.no_touch };
        flag.store(is_on, Ordering::Relaxed);
        self.reply(session).simple("OK");
    }

    /// `CLIENT PAUSE milliseconds [WRITE|ALL]`.
    fn pause(&mut self, session: &Session, request: &Request<'_>) {
        let outcome = match request.get(3) {
            _ if request.len() > 4 => Err(wrong_words(request)),
            Some(mode) if mode.eq_ignore_ascii_case(b"write") => Ok(PauseMode::Write),
            Some(mode) if !mode.eq_ignore_ascii_case(b"all") => {
                Err(b"ERR CLIENT PAUSE mode must be WRITE or ALL".to_vec())
            }
            _ => Ok(PauseMode::All),
        };
        let outcome = outcome.and_then(|mode| Ok((mode, deadline_us(&request[2], self.now)?)));
        match outcome {
            Ok((mode, until_us)) => {
                self.broker.pause(mode, until_us);
                self.reply(session).simple("OK");
            }
            Err(text) => {
                self.reply(session).error_bytes(&text);
            }
        }
    }

    /// `CLIENT REPLY ON|OFF|SKIP`: only ON has a reply.
    fn set_reply_mode(&mut self, session: &mut Session, mode: &[u8]) {
        if mode.eq_ignore_ascii_case(b"on") {
            session.reply_mode = ReplyMode::On;
            self.reply(session).simple("OK");
        } else if mode.eq_ignore_ascii_case(b"off") {
            session.reply_mode = ReplyMode::Off;
        } else if mode.eq_ignore_ascii_case(b"skip") {
            if session.reply_mode != ReplyMode::Off {
                session.reply_mode = ReplyMode::SkipNext;
            }
        } else {
            self.reply(session).error_bytes(SYNTAX_ERROR);
        }
    }

    /// `CLIENT SETINFO LIB-NAME|LIB-VER value`.
    fn set_info(&mut self, session: &Session, attribute: &[u8], value: &[u8]) {
        let is_name = attribute.eq_ignore_ascii_case(b"lib-name");
        if !is_name && !attribute.eq_ignore_ascii_case(b"lib-ver") {
            self.reply(session).error_bytes(&quoting("ERR Unrecognized option '", attribute, "'"));
            return;
        }
        if !is_valid_label(value) {
            let text = quoting("ERR ", attribute, " cannot contain spaces, newlines or special characters.");
            self.reply(session).error_bytes(&text);
            return;
        }
        let mut labels = session.client.labels();
        let label = if is_name { &mut labels.lib_name } else { &mut labels.lib_ver };
        *label = value.to_vec();
        drop(labels);
        self.reply(session).simple("OK");
    }

    /// `CLIENT UNBLOCK id [TIMEOUT|ERROR]`: no request blocks here, so there is nobody to unblock.
    fn unblock_client(&mut self, session: &Session, request: &Request<'_>) {
        let is_known = |reason: &[u8]| reason.eq_ignore_ascii_case(b"timeout") || reason.eq_ignore_ascii_case(b"error");
        let reason = request.get(3);
        let mut reply = self.reply(session);
        if request.len() > 4 {
            reply.error_bytes(&wrong_words(request));
        } else if reason.is_some_and(|reason| !is_known(reason)) {
            reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        } else if parse_integer(&request[2]).is_none() {
            reply.error("ERR value is not an integer or out of range");
        } else {
            reply.integer(0);
        }
    }
}

/// The clients that CLIENT LIST is asked for.
enum Selected {
    All,
    Kind(Kind),
    Ids(Vec<u64>),
}

fn selected(request: &Request<'_>) -> Result<Selected, Vec<u8>> {
    match request.get(2) {
        None => Ok(Selected::All),
        Some(word) if request.len() == 4 && word.eq_ignore_ascii_case(b"type") => {
            kind_named(&request[3]).map(Selected::Kind)
        }
        Some(word) if request.len() > 3 && word.eq_ignore_ascii_case(b"id") => request
            .iter()
            .skip(3)
            // A negative one is an id that nobody has.
            .map(|id| {
                parse_integer(id).map(|id| u64::try_from(id).unwrap_or(0)).ok_or(b"ERR Invalid client ID".to_vec())
            })
            .collect::<Result<_, _>>()
            .map(Selected::Ids),
        Some(_) => Err(SYNTAX_ERROR.to_vec()),
    }
}

/// Whom CLIENT KILL is meant for: the clients that everything given fits.
#[derive(Default)]
struct KillFilter<'a> {
    id: Option<u64>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    kind: Option<Kind>,
    user: Option<&'a [u8]>,
    age_s_min: u64,
    skips_caller: bool,
}

impl<'a> KillFilter<'a> {
    fn parse(request: &Request<'a>) -> Result<Self, Vec<u8>> {
        if request.len() == 3 {
            return Ok(Self { address: request.get(2), ..Self::default() });
        }
        let mut filter = Self { skips_caller: true, ..Self::default() };
        let mut at = 2;
        while let Some(word) = request.get(at) {
            let value = request.get(at + 1).ok_or(SYNTAX_ERROR)?;
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if is("id") {
                let id = parse_integer(value).filter(|id| *id > 0).ok_or(b"ERR client-id should be greater than 0")?;
                filter.id = Some(id as u64);
            } else if is("maxage") {
                let age = parse_integer(value).ok_or(b"ERR maxage is not an integer or out of range")?;
                filter.age_s_min = u64::try_from(age).map_err(|_| b"ERR maxage should be greater than 0")?;
                if age == 0 {
                    return Err(b"ERR maxage should be greater than 0".to_vec());
                }
            } else if is("type") {
                filter.kind = Some(kind_named(value)?);
            } else if is("addr") {
                filter.address = Some(value);
            } else if is("laddr") {
                filter.local_address = Some(value);
            } else if is("user") {
                filter.user = Some(value);
            } else if is("skipme") && value.eq_ignore_ascii_case(b"yes") {
                filter.skips_caller = true;
            } else if is("skipme") && value.eq_ignore_ascii_case(b"no") {
                filter.skips_caller = false;
            } else {
                return Err(SYNTAX_ERROR.to_vec());
            }
            at += 2;
        }
        Ok(filter)
    }

    fn matches(&self, client: &Client, caller: u64, now: Now) -> bool {
        let age_s = now.unix_us.saturating_sub(client.created_us) / 1_000_000;
        self.id.is_none_or(|id| id == client.id)
            && self.address.is_none_or(|address| address == client.endpoint.address.to_string().as_bytes())
            && self.local_address.is_none_or(|address| address == client.endpoint.local_address.to_string().as_bytes())
            && self.user.is_none_or(|user| user == &*client.user_name())
            && self.kind.is_none_or(|kind| kind == Kind::of(client))
            && age_s >= self.age_s_min
            && !(self.skips_caller && client.id == caller)
    }
}

fn kind_named(name: &[u8]) -> Result<Kind, Vec<u8>> {
    Kind::named(name).ok_or_else(|| quoting("ERR Unknown client type '", name, "'"))
}

/// When a pause of so many milliseconds ends.
fn deadline_us(milliseconds: &[u8], now: Now) -> Result<u64, Vec<u8>> {
    let ms = parse_integer(milliseconds).ok_or(b"ERR timeout is not an integer or out of range")?;
    let ms = u64::try_from(ms).map_err(|_| b"ERR timeout is negative")?;
    if ms > i64::MAX as u64 - now.unix_us / 1000 {
        return Err(b"ERR timeout is out of range".to_vec());
    }
    Ok(now.unix_us.saturating_add(ms.saturating_mul(1000)))
}

/// The refusal of words that follow a subcommand and mean nothing there.
fn wrong_words(request: &Request<'_>) -> Vec<u8> {
    let word = &request[1];
    let word = &word[..word.len().min(128)];
    quoting("ERR unknown subcommand or wrong number of arguments for '", word, "'. Try CLIENT HELP.")
}

/// An error that quotes the client's bytes, up to a NUL byte as Redis does.
pub(super) fn quoting(before: &str, bytes: &[u8], after: &str) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    [before.as_bytes(), &bytes[..end], after.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
