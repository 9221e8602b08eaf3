//! CLIENT TRACKING, CACHING, TRACKINGINFO and GETREDIR. Source: Redis, the subcommands' pages and the answers of a
//! running server.

use std::sync::Arc;

use fanfare_keyspace::{Keyspace, parse_integer};
use fanfare_wire::Request;

use super::client::{SYNTAX_ERROR, quoting};
use crate::client::Client;
use crate::command::{CommandId as Id, CommandSpec, Flags};
use crate::session::Session;
use crate::tracking::{Delivery, Mode, Tracker, Tracking};
use crate::worker::Worker;

/// Keys that leave a table which has become too large, in one go.
const FORGOTTEN_AT_ONCE_MAX: usize = 1_000;

impl Worker {
    pub(super) fn tracking_command(&mut self, session: &mut Session, id: Id, request: &Request<'_>) {
        let outcome = match id {
            Id::ClientTracking => self.set_tracking(session, request),
            Id::ClientCaching => self.set_caching(session, &request[2]),
            Id::ClientGetredir => {
                let redirect = self.broker.tracking.lock().tracker(&session.client).map(|tracker| tracker.redirect);
                self.reply(session).integer(redirect.map_or(-1, |id| id as i64));
                return;
            }
            _ => return self.tracking_info(session),
        };
        match outcome {
            Ok(()) => self.reply(session).simple("OK"),
            Err(text) => self.reply(session).error_bytes(&text),
        };
    }

    /// `CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]`.
    fn set_tracking(&mut self, session: &mut Session, request: &Request<'_>) -> Result<(), Vec<u8>> {
        let options = Options::parse(request, |id| self.broker.clients.get(id).is_some())?;
        let client = &session.client;
        if request[2].eq_ignore_ascii_case(b"off") {
            self.stop_tracking(client);
            session.caching = false;
            return Ok(());
        }
        if !request[2].eq_ignore_ascii_case(b"on") {
            return Err(SYNTAX_ERROR.to_vec());
        }
        let broker = Arc::clone(&self.broker);
        self.with_keyspace(|keyspace| {
            let mut tracking = broker.tracking.lock();
            let mode = options.mode_beside(tracking.tracker(client))?;
            tracking.enable(client, mode, options.no_loop, options.redirect.unwrap_or(0), &options.prefixes);
            if !keyspace.notes_changes() {
                keyspace.set_notes_changes(true);
            }
            Ok(())
        })
    }

    /// Ends tracking for a client of this worker, if it tracks.
    pub(crate) fn stop_tracking(&mut self, client: &Client) {
        if !client.is_tracking() {
            return;
        }
        let broker = Arc::clone(&self.broker);
        self.with_keyspace(|keyspace| {
            let mut tracking = broker.tracking.lock();
            tracking.disable(client);
            if tracking.is_idle() {
                keyspace.set_notes_changes(false);
            }
        });
    }

    /// `CLIENT CACHING YES|NO`: counts for the next request, or for the transaction that begins with it.
    fn set_caching(&self, session: &mut Session, word: &[u8]) -> Result<(), Vec<u8>> {
        let mode = self.broker.tracking.lock().tracker(&session.client).map(|tracker| tracker.mode);
        let refusal = match mode {
            None => {
                "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
            }
            Some(mode) if word.eq_ignore_ascii_case(b"yes") => match mode {
                Mode::OptIn => "",
                _ => "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            },
            Some(mode) if word.eq_ignore_ascii_case(b"no") => match mode {
                Mode::OptOut => "",
                _ => "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            },
            Some(_) => return Err(SYNTAX_ERROR.to_vec()),
        };
        if refusal.is_empty() {
            session.caching = true;
            Ok(())
        } else {
            Err(refusal.into())
        }
    }

    /// `CLIENT TRACKINGINFO`: a map of flags, the client redirected to, and prefixes.
    fn tracking_info(&mut self, session: &Session) {
        let broker = Arc::clone(&self.broker);
        let tracking = broker.tracking.lock();
        let tracker = tracking.tracker(&session.client);
        let mode = tracker.map(|tracker| tracker.mode);
        let flags = [
            (if tracker.is_some() { "on" } else { "off" }, true),
            ("bcast", mode == Some(Mode::Broadcast)),
            ("optin", mode == Some(Mode::OptIn)),
            ("caching-yes", mode == Some(Mode::OptIn) && session.caching),
            ("optout", mode == Some(Mode::OptOut)),
            ("caching-no", mode == Some(Mode::OptOut) && session.caching),
            ("noloop", tracker.is_some_and(|tracker| tracker.no_loop)),
            ("broken_redirect", tracker.is_some_and(|tracker| tracker.is_broken)),
        ];
        let mut reply = self.reply(session);
        reply.map(3);
        reply.bulk(b"flags").set(flags.iter().filter(|(_, is_set)| *is_set).count());
        for (name, _) in flags.iter().filter(|(_, is_set)| *is_set) {
            reply.bulk(name.as_bytes());
        }
        reply.bulk(b"redirect").integer(tracker.map_or(-1, |tracker| tracker.redirect as i64));
        reply.bulk(b"prefixes").array(tracker.map_or(0, |tracker| tracker.prefixes.len()));
        for prefix in tracker.iter().flat_map(|tracker| &tracker.prefixes) {
            reply.bulk(prefix);
        }
    }

    /// Takes note of the keys that a request has read, before anyone can change them.
    pub(super) fn remember_keys(&mut self, session: &Session, spec: &CommandSpec, request: &Request<'_>) {
        if !session.client.is_tracking() || !spec.flags.contains(Flags::READONLY) {
            return;
        }
        let places = spec.keys.iter().filter(|keys| !keys.is_not_key()).filter_map(|keys| keys.positions(request));
        let keys = places.flatten().map(|at| &request[at]);
        self.broker.tracking.lock().remember(&session.client, session.caching, keys);
        self.deliver_invalidations(|_, _| {});
    }

    /// Tells those that have read the keys which have changed.
    pub(super) fn invalidate_changed(&mut self, keyspace: &mut Keyspace) {
        let changes = keyspace.take_changes();
        if changes.is_empty() {
            return;
        }
        self.deliver_invalidations(|tracking, delivery| {
            changes.iter().for_each(|change| tracking.handle_change(change, delivery));
        });
    }

    /// Tells those that listen to prefixes what a request or transaction has changed.
    pub(super) fn broadcast_changed(&mut self) {
        self.deliver_invalidations(|tracking, delivery| tracking.broadcast(delivery));
    }

    /// Lets `work` tell clients of changes; keys beyond what the table may hold leave it.
    fn deliver_invalidations(&mut self, work: impl FnOnce(&mut Tracking, &mut Delivery<'_>)) {
        let mut tracking = self.broker.tracking.lock();
        let mut delivery = Delivery {
            clients: &self.broker.clients,
            fanout: &mut self.fanout,
            requester: self.requester,
            told_requester: false,
        };
        work(&mut tracking, &mut delivery);
        tracking.make_room(self.settings.tracking_table_max_keys, FORGOTTEN_AT_ONCE_MAX, &mut delivery);
        self.told_requester |= delivery.told_requester;
    }

    /// Goes on with a table that has become too large for one go.
    pub(crate) fn shrink_tracking_table(&mut self) {
        if self.broker.tracking.lock().is_over(self.settings.tracking_table_max_keys) {
            self.with_keyspace(|_| ());
        }
    }
}

/// The options of CLIENT TRACKING.
#[derive(Default)]
struct Options<'a> {
    redirect: Option<u64>,
    prefixes: Vec<&'a [u8]>,
    broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    no_loop: bool,
}

impl<'a> Options<'a> {
    fn parse(request: &Request<'a>, exists: impl Fn(u64) -> bool) -> Result<Self, Vec<u8>> {
        let mut options = Self::default();
        let mut words = request.iter().skip(3).peekable();
        while let Some(word) = words.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let value = words.peek().copied();
            match value {
                Some(value) if is("redirect") => {
                    if options.redirect.is_some() {
                        return Err(b"ERR A client can only redirect to a single other client".to_vec());
                    }
                    let id = parse_integer(value).ok_or(b"ERR value is not an integer or out of range")?;
                    let id = u64::try_from(id).ok().filter(|id| exists(*id));
                    options.redirect = Some(id.ok_or(b"ERR The client ID you want redirect to does not exist")?);
                    words.next();
                }
                Some(value) if is("prefix") => {
                    options.prefixes.push(value);
                    words.next();
                }
                _ if is("bcast") => options.broadcast = true,
                _ if is("optin") => options.opt_in = true,
                _ if is("optout") => options.opt_out = true,
                _ if is("noloop") => options.no_loop = true,
                _ => return Err(SYNTAX_ERROR.to_vec()),
            }
        }
        Ok(options)
    }

    /// The mode they ask for, if they fit each other and how the client tracks already.
    fn mode_beside(&self, before: Option<&Tracker>) -> Result<Mode, Vec<u8>> {
        let refusal = |text: &str| Err(text.into());
        if !self.broadcast && !self.prefixes.is_empty() {
            return refusal("ERR PREFIX option requires BCAST mode to be enabled");
        }
        let mode_before = before.map(|tracker| tracker.mode);
        if mode_before.is_some_and(|mode| (mode == Mode::Broadcast) != self.broadcast) {
            return refusal(
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            );
        }
        let mode = match (self.broadcast, self.opt_in, self.opt_out) {
            (true, false, false) => Mode::Broadcast,
            (true, ..) => return refusal("ERR OPTIN and OPTOUT are not compatible with BCAST"),
            (_, true, true) => return refusal("ERR You can't specify both OPTIN mode and OPTOUT mode"),
            (_, true, _) => Mode::OptIn,
            (_, _, true) => Mode::OptOut,
            _ => Mode::Read,
        };
        if matches!((mode_before, mode), (Some(Mode::OptIn), Mode::OptOut) | (Some(Mode::OptOut), Mode::OptIn)) {
            return refusal(
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            );
        }
        self.check_prefixes(before)?;
        Ok(mode)
    }

    /// Two prefixes of one client must not both begin a key.
    fn check_prefixes(&self, before: Option<&Tracker>) -> Result<(), Vec<u8>> {
        let overlap = |one: &[u8], other: &[u8]| one.starts_with(other) || other.starts_with(one);
        let refusal = |prefix: &[u8], which: &str, other: &[u8]| {
            let start = quoting("ERR Prefix '", prefix, &format!("' overlaps with {which} prefix '"));
            Err([start, quoting("", other, "'. Prefixes for a single client must not overlap.")].concat())
        };
        for (at, prefix) in self.prefixes.iter().enumerate() {
            let mut existing = before.iter().flat_map(|tracker| &tracker.prefixes);
            if let Some(other) = existing.find(|other| overlap(prefix, other)) {
                return refusal(prefix, "an existing", other);
            }
            if let Some(other) = self.prefixes[at + 1..].iter().find(|other| overlap(prefix, other)) {
                return refusal(prefix, "another provided", other);
            }
        }
        Ok(())
    }
}
