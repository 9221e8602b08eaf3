//! The protocol state of one connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fanfare_keyspace::WatchFlag;
use fanfare_wire::{Protocol, RequestArgs, RequestParser};

use crate::acl::{DEFAULT_USER, Identity};
use crate::client::Client;
use crate::close::CloseReason;
use crate::command::CommandSpec;

/// Why a session takes no requests for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stall {
    /// CLIENT PAUSE.
    Paused,
    /// Other workers have to do something first; its reply is held.
    Waiting,
    /// The fan-out is further behind than the publish window.
    Window,
    /// Too much that was written waits for the disk.
    Disk,
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    #[default]
    On,
    Off,
    /// The reply of the next request is skipped.
    SkipNext,
    /// The reply of this request is skipped.
    Skip,
}

impl ReplyMode {
    /// The mode of the next request.
    pub(crate) const fn after_request(self) -> Self {
        match self {
            Self::SkipNext => Self::Skip,
            Self::Skip => Self::On,
            mode => mode,
        }
    }
}

/// Requests queued by MULTI.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub(crate) queue: Vec<(&'static CommandSpec, RequestArgs)>,
    pub(crate) queued_bytes: usize,
    /// A request was refused, so EXEC will be too.
    pub(crate) aborted: bool,
}

/// Keys whose change makes the next EXEC fail.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    pub(crate) flag: WatchFlag,
    pub(crate) keys: Vec<(u32, Box<[u8]>)>,
}

/// One connection: what it is allowed, what it has said, and what of its input is left.
pub struct Session {
    pub(crate) client: Arc<Client>,
    pub(crate) parser: RequestParser,
    /// The beginning of a request whose end has not come, or requests that have to wait.
    pub(crate) tail: Vec<u8>,
    pub(crate) protocol: Protocol,
    /// Whose rights it has once it is authenticated.
    pub(crate) user: Arc<Identity>,
    pub(crate) authenticated: bool,
    /// When it last began to be nobody.
    pub(crate) anonymous_since_us: u64,
    /// Logins that failed since one did not.
    pub(crate) failed_logins: u8,
    pub(crate) db: u32,
    /// Boxed, as most connections never have one.
    pub(crate) transaction: Option<Box<Transaction>>,
    pub(crate) watching: Option<Box<Watching>>,
    pub(crate) reply_mode: ReplyMode,
    /// CLIENT CACHING came right before.
    pub(crate) caching: bool,
    pub(crate) stall: Option<Stall>,
    /// Its replies are held until the journal has this entry on the disk; 0 for none.
    pub(crate) awaited_entry: u64,
    /// It is in its worker's list of stalled sessions.
    pub(crate) is_listed: bool,
    /// The reply that waits with the session.
    pub(crate) held_reply: Box<[u8]>,
    /// It ends for this reason once everything queued is sent.
    pub(crate) closing: Option<CloseReason>,
    /// When it began to close.
    pub(crate) closing_since_us: u64,
}

impl Session {
    /// A new connection: it has to authenticate if the default user, `user`, does not take anyone.
    pub(crate) fn new(client: Arc<Client>, user: Arc<Identity>, now_us: u64) -> Self {
        Self {
            client,
            parser: RequestParser::new(),
            tail: Vec::new(),
            protocol: Protocol::Resp2,
            authenticated: user.is_open(),
            anonymous_since_us: now_us,
            failed_logins: 0,
            user,
            db: 0,
            transaction: None,
            watching: None,
            reply_mode: ReplyMode::On,
            caching: false,
            stall: None,
            awaited_entry: 0,
            is_listed: false,
            held_reply: Box::default(),
            closing: None,
            closing_since_us: 0,
        }
    }

    /// Gives it the rights of that user, and lets others see whose it has.
    pub(crate) fn log_in(&mut self, user: Arc<Identity>) {
        let name = (&*user.name != DEFAULT_USER).then(|| user.name.clone());
        // Most connections have no labels, and need none to be the default user.
        if name.is_some() || self.client.labels().user.is_some() {
            self.client.labels().user = name;
        }
        self.user = user;
        self.authenticated = true;
    }

    /// Makes it the default user, as a new connection is.
    pub(crate) fn log_out(&mut self, user: Arc<Identity>, now_us: u64) {
        let is_open = user.is_open();
        if self.authenticated {
            // Otherwise it could go on being nobody by saying RESET.
            self.anonymous_since_us = now_us;
        }
        self.log_in(user);
        self.authenticated = is_open;
    }

    /// In RESP2 a client with a subscription may only change its subscriptions.
    pub(crate) fn is_in_subscribe_mode(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.client.subscription_count() > 0
    }

    /// Leaves the transaction, if there is one.
    pub(crate) fn discard_transaction(&mut self) {
        self.transaction = None;
        self.client.multi.store(-1, Ordering::Relaxed);
    }
}
