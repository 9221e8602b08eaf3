//! The line that CLIENT LIST and CLIENT INFO show of a client. Source: Redis, "CLIENT LIST".

use std::io::Write as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use fanfare_wire::Request;

use crate::acl::DEFAULT_USER;
use crate::client::{Address, Client};
use crate::command::{COMMANDS, CommandSpec};
use crate::session::Session;
use crate::tracking::{Mode, Tracker};
use crate::worker::{ConnId, Worker};

/// What a connection takes without anything queued.
const CLIENT_BYTES: usize = size_of::<Session>() + size_of::<Client>();

/// About what a subscription takes beside its name.
const SUBSCRIPTION_BYTES: usize = 96;

/// Names of commands by their number.
static COMMAND_NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut names = Vec::new();
    let mut note = |spec: &'static CommandSpec| {
        let at = spec.id as usize;
        if names.len() <= at {
            names.resize(at + 1, "NULL");
        }
        names[at] = spec.full_name;
    };
    for spec in COMMANDS.iter() {
        note(spec);
        spec.subcommands.iter().for_each(&mut note);
    }
    names
});

/// What sort of client it is, for TYPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Master,
    Normal,
    Pubsub,
    Replica,
}

impl Kind {
    pub(super) const fn named(name: &[u8]) -> Option<Self> {
        if name.eq_ignore_ascii_case(b"normal") {
            Some(Self::Normal)
        } else if name.eq_ignore_ascii_case(b"pubsub") {
            Some(Self::Pubsub)
        } else if name.eq_ignore_ascii_case(b"replica") || name.eq_ignore_ascii_case(b"slave") {
            Some(Self::Replica)
        } else if name.eq_ignore_ascii_case(b"master") {
            Some(Self::Master)
        } else {
            None
        }
    }

    /// There are no masters and replicas among the clients.
    pub(super) fn of(client: &Client) -> Self {
        if client.subscription_count() > 0 { Self::Pubsub } else { Self::Normal }
    }
}

/// What only the connection that asks can know of itself.
pub(super) struct Own {
    /// Bytes of the request in work, as it would be sent.
    query_bytes: usize,
    argument_bytes: usize,
    /// Bytes of replies that are not in the outbox yet.
    reply_bytes: usize,
    outbox_bytes: usize,
    outbox_pieces: usize,
}

impl Own {
    pub(super) fn new(worker: &Worker, conn: ConnId, request: &Request<'_>) -> Self {
        let frame = |len: usize| itoa::Buffer::new().format(len).len() + 3;
        let query_bytes = request.iter().map(|word| frame(word.len()) + word.len() + 2).sum::<usize>();
        Self {
            query_bytes: frame(request.len()) + query_bytes,
            argument_bytes: request.iter().map(<[u8]>::len).sum(),
            reply_bytes: worker.out.len(),
            outbox_bytes: worker.fanout.outbox_bytes(conn),
            outbox_pieces: worker.fanout.outbox_pieces(conn),
        }
    }
}

/// Appends the line of a client, its line end included; `own` if it is the one that asks.
pub(super) fn write_line(text: &mut Vec<u8>, client: &Client, worker: &Worker, own: Option<&Own>) {
    let now_us = worker.now.unix_us;
    let endpoint = &client.endpoint;
    let age_s = now_us.saturating_sub(client.created_us) / 1_000_000;
    let idle_s = match own {
        Some(_) => 0,
        None => now_us.saturating_sub(client.active_us.load(Ordering::Relaxed)) / 1_000_000,
    };
    let query_bytes = own.map_or_else(|| client.query_bytes.load(Ordering::Relaxed), |own| own.query_bytes);
    let argument_bytes = own.map_or(0, |own| own.argument_bytes);
    let reply_bytes = own.map_or(0, |own| own.reply_bytes);
    let (outbox_bytes, outbox_pieces) = match own {
        Some(own) => (own.outbox_bytes, own.outbox_pieces),
        None if client.worker == worker.id => {
            (worker.fanout.outbox_bytes(client.conn), worker.fanout.outbox_pieces(client.conn))
        }
        // How many pieces they are only its own worker can count.
        None => {
            let bytes = client.outbox_bytes.load(Ordering::Relaxed);
            (bytes, usize::from(bytes > 0))
        }
    };
    let total_bytes = CLIENT_BYTES
        + query_bytes
        + argument_bytes
        + reply_bytes
        + outbox_bytes
        + client.subscription_count() as usize * SUBSCRIPTION_BYTES;
    let command = usize::from(client.command.load(Ordering::Relaxed));
    let labels = client.labels();

    // Writing into a `Vec` does not fail.
    let _ = write!(
        text,
        "id={} addr={} laddr={} fd={} name=",
        client.id, endpoint.address, endpoint.local_address, endpoint.fd
    );
    text.extend_from_slice(&labels.name);
    let _ = write!(text, " age={age_s} idle={idle_s} flags=");
    let tracking = worker.broker.tracking.lock();
    let tracker = tracking.tracker(client);
    write_flags(text, client, tracker);
    let _ = write!(
        text,
        " db={} sub={} psub={} ssub={} multi={}",
        client.db.load(Ordering::Relaxed),
        client.channels.load(Ordering::Relaxed),
        client.patterns.load(Ordering::Relaxed),
        client.shard_channels.load(Ordering::Relaxed),
        client.multi.load(Ordering::Relaxed),
    );
    // There is no spare room kept in buffers, and no buffer of fixed size for replies.
    let _ = write!(
        text,
        " qbuf={query_bytes} qbuf-free=0 argv-mem={argument_bytes} multi-mem=0 rbs=0 rbp=0 obl={reply_bytes} \
         oll={outbox_pieces} omem={outbox_bytes} tot-mem={total_bytes} events={}{} cmd={} user=",
        if client.closing.load(Ordering::Relaxed) { "" } else { "r" },
        if outbox_bytes > 0 { "w" } else { "" },
        COMMAND_NAMES.get(command).unwrap_or(&"NULL"),
    );
    text.extend_from_slice(labels.user.as_deref().unwrap_or(DEFAULT_USER));
    let _ = write!(
        text,
        " redir={} resp={} lib-name=",
        tracker.map_or(-1, |tracker| tracker.redirect as i64),
        client.resp.load(Ordering::Relaxed),
    );
    text.extend_from_slice(&labels.lib_name);
    text.extend_from_slice(b" lib-ver=");
    text.extend_from_slice(&labels.lib_ver);
    text.push(b'\n');
}

/// The letters of what it is, `N` if there is nothing to say.
fn write_flags(text: &mut Vec<u8>, client: &Client, tracker: Option<&Tracker>) {
    let start = text.len();
    let is_set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
    let flags = [
        (b'P', client.subscription_count() > 0),
        (b'x', client.multi.load(Ordering::Relaxed) >= 0),
        (b't', tracker.is_some()),
        (b'R', tracker.is_some_and(|tracker| tracker.is_broken)),
        (b'B', tracker.is_some_and(|tracker| tracker.mode == Mode::Broadcast)),
        (b'c', is_set(&client.closing)),
        (b'U', matches!(client.endpoint.address, Address::Unix(_))),
        (b'e', is_set(&client.no_evict)),
        (b'T', is_set(&client.no_touch)),
    ];
    text.extend(flags.into_iter().filter(|(_, is_set)| *is_set).map(|(letter, _)| letter));
    if text.len() == start {
        text.push(b'N');
    }
}
