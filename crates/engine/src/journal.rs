//! Keys that survive a restart: what was recorded of them goes to a journal, and comes back from it.
//!
//! The journal itself is the outside's: it gets pieces of bytes that it does not look into, and hands them back at the
//! next start. It is told of a change while the keys are locked, so that its order is theirs, and never makes anyone
//! wait: neither publishing nor reading has anything to do with the disk.

use std::sync::atomic::Ordering;

use fanfare_keyspace::{Call, DB_RECORD, Keyspace, TIME_RECORD, commands::restore};
use fanfare_wire::{Parsed, Protocol, ReplyWriter, Request, RequestArgs, RequestLimits, RequestParser};
use parking_lot::MutexGuard;

use crate::broker::{Broker, Control, configure_keys};
use crate::command::resolve;
use crate::commands::keys::key_command;

/// Bytes of a piece of a save: as long as the keys are locked for it.
const SAVED_AT_ONCE_BYTES: usize = 32 << 10;

/// Bytes that wait for the disk before clients that write have to wait as well.
pub(crate) const WAITING_BYTES_MAX: usize = 64 << 20;

/// Where changes of keys go, so that they survive a restart.
pub trait Journal: Send + Sync {
    /// Takes an entry; returns its number, one more than that of the one before. Never waits.
    fn append(&self, entry: Vec<u8>) -> u64;
    /// Everything up to the entry of this number survives.
    fn synced(&self) -> u64;
    /// Bytes that were appended and are not written.
    fn waiting_bytes(&self) -> usize;
    /// Asks for a save of all keys, so that the entries before it can go; false if one is under way.
    fn rewrite(&self) -> bool;
    /// For INFO.
    fn status(&self) -> JournalStatus;
}

/// How a [`Journal`] is doing.
#[derive(Clone, Debug, Default)]
pub struct JournalStatus {
    /// Bytes of the last save.
    pub base_bytes: u64,
    /// Bytes of the entries behind it.
    pub log_bytes: u64,
    /// A save is under way.
    pub is_rewriting: bool,
    /// Whether the last save was completed.
    pub last_rewrite_ok: bool,
    /// Milliseconds that the last save took.
    pub last_rewrite_ms: Option<u64>,
    /// Unix time in seconds of the last save, or of the start.
    pub last_save_s: u64,
}

/// Executes again what a journal has: first the last save, then the entries behind it.
pub struct Restore<'a> {
    broker: &'a Broker,
    keyspace: MutexGuard<'a, Keyspace>,
    parser: RequestParser,
    args: RequestArgs,
    /// The beginning of a request whose end comes with the next piece.
    tail: Vec<u8>,
    db: u32,
    reply: Vec<u8>,
}

impl Restore<'_> {
    /// Takes the next piece.
    ///
    /// # Errors
    /// What it has that can't be executed: it is damaged, of another version, or the settings are too narrow.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), String> {
        let mut input = std::mem::take(&mut self.tail);
        input.extend_from_slice(piece);
        let mut args = std::mem::take(&mut self.args);
        let limits = RequestLimits { args_max: usize::MAX, bulk_bytes_max: usize::MAX, ..RequestLimits::DEFAULT };
        let mut at = 0;
        let outcome = loop {
            if at == input.len() {
                break Ok(());
            }
            match self.parser.parse(&input[at..], &limits, &mut args) {
                Ok(Parsed::Complete { consumed }) => {
                    if let Err(reason) = self.execute(&Request::new(&input[at..], &args)) {
                        break Err(reason);
                    }
                    at += consumed;
                }
                Ok(Parsed::Incomplete { .. }) => break Ok(()),
                Err(error) => break Err(format!("it has no requests: {error}")),
            }
        };
        self.args = args;
        // What is left stays where it is as long as its request has no end: one may be of very many pieces.
        input.drain(..at);
        self.tail = input;
        outcome
    }

    fn execute(&mut self, request: &Request<'_>) -> Result<(), String> {
        let name = String::from_utf8_lossy(request.name()).into_owned();
        let number = || str::from_utf8(&request[1]).ok().and_then(|word| word.parse::<u64>().ok());
        if name == TIME_RECORD && request.len() == 2 {
            let unix_ms = number().ok_or("it has a time that is none")?;
            self.keyspace.set_now(unix_ms);
            return Ok(());
        }
        if name == DB_RECORD && request.len() == 2 {
            let db = number().ok_or("it has a database that is none")?;
            if db >= self.keyspace.databases() as u64 {
                return Err(format!("it has keys in database {db}: `databases` has to be above {db}"));
            }
            self.db = db as u32;
            return Ok(());
        }
        let command = match name.as_str() {
            restore::XCONSUMER => restore::xconsumer,
            restore::XPENDING => restore::xpending,
            _ => {
                let spec = resolve(request).ok().and_then(|spec| key_command(spec.id));
                spec.ok_or_else(|| format!("it has the command {name:?}, which this version does not know"))?
            }
        };
        self.reply.clear();
        let mut call = Call {
            keys: self.keyspace.keys(self.db),
            request: *request,
            reply: ReplyWriter::new(&mut self.reply, Protocol::Resp2),
            in_transaction: true,
        };
        command(&mut call).map_err(|error| {
            format!(
                "{name} {} fails: {}",
                request.get(1).unwrap_or_default().escape_ascii(),
                error.text().escape_ascii()
            )
        })
    }

    /// Ends at `unix_ms`; returns how many keys there are.
    ///
    /// # Errors
    /// If the last piece ends within a request.
    pub fn finish(mut self, unix_ms: u64) -> Result<usize, String> {
        if !self.tail.is_empty() {
            return Err("its last request has no end".to_owned());
        }
        self.keyspace.end_replay(unix_ms);
        configure_keys(&mut self.keyspace, &self.broker.settings());
        let next_ms = self.keyspace.next_deadline_ms().unwrap_or(u64::MAX);
        self.broker.next_deadline_ms.store(next_ms, Ordering::Relaxed);
        Ok((0..self.keyspace.databases() as u32).map(|db| self.keyspace.sizes(db).0).sum())
    }
}

impl Broker {
    /// Begins to bring back keys, before any worker runs.
    pub fn restore(&self) -> Restore<'_> {
        let mut keyspace = self.keyspace.lock();
        keyspace.set_event_classes(fanfare_keyspace::EventClasses::NONE);
        keyspace.begin_replay();
        Restore {
            broker: self,
            keyspace,
            parser: RequestParser::new(),
            args: RequestArgs::new(),
            tail: Vec::new(),
            db: 0,
            reply: Vec::new(),
        }
    }

    /// Lets changes of keys go to `journal` from now on; later calls change nothing.
    pub fn set_journal(&self, journal: Box<dyn Journal>) {
        let mut keyspace = self.keyspace.lock();
        if self.journal.set(journal).is_ok() {
            keyspace.set_records(true);
        }
    }

    /// Begins a save of all keys; returns the number of the last entry that is part of it, 0 if none was appended yet.
    pub fn begin_save(&self) -> u64 {
        let mut keyspace = self.keyspace.lock();
        keyspace.begin_save();
        self.last_entry.load(Ordering::Relaxed)
    }

    /// Appends the next piece of the save to `out`; false if nothing is left behind it.
    pub fn save_some(&self, out: &mut Vec<u8>) -> bool {
        self.keyspace.lock().save_some(SAVED_AT_ONCE_BYTES, out)
    }

    /// Gives up the save under way.
    pub fn abandon_save(&self) {
        self.keyspace.lock().abandon_save();
    }

    /// The journal has written entries: clients may go on that wait for them.
    pub fn journal_has_synced(&self) {
        self.tell_all(|| Control::Synced);
    }

    /// The journal can't write, and why, or it can again: until then commands that change keys are refused.
    pub fn set_journal_failure(&self, reason: Option<&str>) {
        *self.journal_failure.lock() = reason.map(Into::into);
        self.is_journal_failing.store(reason.is_some(), Ordering::Relaxed);
    }
}
