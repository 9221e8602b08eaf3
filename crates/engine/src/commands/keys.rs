//! Commands on keys, and the publishing of what they change. Source: Redis, "Keyspace notifications".

use std::sync::atomic::Ordering;

use fanfare_fanout::Kind;
use fanfare_keyspace::{Call, Event, EventClasses, Keyspace, Outcome, Room, commands};
use fanfare_wire::{ReplyWriter, Request};
use parking_lot::{ArcMutexGuard, RawMutex};

use crate::broker::EXPIRING_WORKER;
use crate::command::{CommandId as Id, CommandSpec, Flags};
use crate::journal::WAITING_BYTES_MAX;
use crate::session::{Session, Stall};
use crate::settings::AppendSync;
use crate::worker::{ConnId, Worker};

/// Keys that are removed in one turn at most, so that it delays nobody for long.
const EXPIRED_AT_ONCE_MAX: usize = 1_000;

/// Keys that make room for one request at most.
pub(super) const EVICTED_AT_ONCE_MAX: usize = 1_000;

/// What a command on keys does.
type KeyCommand = fn(&mut Call<'_>) -> Outcome;

/// The function of a command on keys, `None` for the other commands.
pub(crate) fn key_command(id: Id) -> Option<KeyCommand> {
    Some(match id {
        Id::Append => commands::strings::append,
        Id::Copy => commands::generic::copy,
        Id::Dbsize => commands::generic::dbsize,
        Id::Decr => commands::strings::decr,
        Id::Decrby => commands::strings::decrby,
        Id::Del => commands::generic::del,
        Id::Exists => commands::generic::exists,
        Id::Expire => commands::expire::expire,
        Id::Expireat => commands::expire::expireat,
        Id::Expiretime => commands::expire::expiretime,
        Id::Flushall => commands::generic::flushall,
        Id::Flushdb => commands::generic::flushdb,
        Id::Get => commands::strings::get,
        Id::Getdel => commands::strings::getdel,
        Id::Getex => commands::strings::getex,
        Id::Getrange => commands::strings::getrange,
        Id::Getset => commands::strings::getset,
        Id::Hdel => commands::hashes::hdel,
        Id::Hexists => commands::hashes::hexists,
        Id::Hexpire => commands::hash_fields::hexpire,
        Id::Hexpireat => commands::hash_fields::hexpireat,
        Id::Hexpiretime => commands::hash_fields::hexpiretime,
        Id::Hget => commands::hashes::hget,
        Id::Hgetall => commands::hashes::hgetall,
        Id::Hgetdel => commands::hash_fields::hgetdel,
        Id::Hgetex => commands::hash_fields::hgetex,
        Id::Hincrby => commands::hashes::hincrby,
        Id::Hincrbyfloat => commands::hashes::hincrbyfloat,
        Id::Hkeys => commands::hashes::hkeys,
        Id::Hlen => commands::hashes::hlen,
        Id::Hmget => commands::hashes::hmget,
        Id::Hmset => commands::hashes::hmset,
        Id::Hpersist => commands::hash_fields::hpersist,
        Id::Hpexpire => commands::hash_fields::hpexpire,
        Id::Hpexpireat => commands::hash_fields::hpexpireat,
        Id::Hpexpiretime => commands::hash_fields::hpexpiretime,
        Id::Hpttl => commands::hash_fields::hpttl,
        Id::Hrandfield => commands::hashes::hrandfield,
        Id::Hscan => commands::hashes::hscan,
        Id::Hset => commands::hashes::hset,
        Id::Hsetex => commands::hash_fields::hsetex,
        Id::Hsetnx => commands::hashes::hsetnx,
        Id::Hstrlen => commands::hashes::hstrlen,
        Id::Httl => commands::hash_fields::httl,
        Id::Hvals => commands::hashes::hvals,
        Id::Incr => commands::strings::incr,
        Id::Incrby => commands::strings::incrby,
        Id::Incrbyfloat => commands::strings::incrbyfloat,
        Id::Keys => commands::generic::keys,
        Id::Lindex => commands::lists::lindex,
        Id::Linsert => commands::lists::linsert,
        Id::Llen => commands::lists::llen,
        Id::Lmove => commands::lists::lmove,
        Id::Lmpop => commands::lists::lmpop,
        Id::Lpop => commands::lists::lpop,
        Id::Lpos => commands::lists::lpos,
        Id::Lpush => commands::lists::lpush,
        Id::Lpushx => commands::lists::lpushx,
        Id::Lrange => commands::lists::lrange,
        Id::Lrem => commands::lists::lrem,
        Id::Lset => commands::lists::lset,
        Id::Ltrim => commands::lists::ltrim,
        Id::Mget => commands::strings::mget,
        Id::Move => commands::generic::move_,
        Id::Mset => commands::strings::mset,
        Id::Msetnx => commands::strings::msetnx,
        Id::MemoryUsage => commands::memory::memory_usage,
        Id::ObjectEncoding => commands::generic::object_encoding,
        Id::ObjectFreq => commands::generic::object_freq,
        Id::ObjectIdletime => commands::generic::object_idletime,
        Id::ObjectRefcount => commands::generic::object_refcount,
        Id::Persist => commands::expire::persist,
        Id::Pexpire => commands::expire::pexpire,
        Id::Pexpireat => commands::expire::pexpireat,
        Id::Pexpiretime => commands::expire::pexpiretime,
        Id::Psetex => commands::strings::psetex,
        Id::Pttl => commands::expire::pttl,
        Id::Randomkey => commands::generic::randomkey,
        Id::Rename => commands::generic::rename,
        Id::Renamenx => commands::generic::renamenx,
        Id::Rpop => commands::lists::rpop,
        Id::Rpoplpush => commands::lists::rpoplpush,
        Id::Rpush => commands::lists::rpush,
        Id::Rpushx => commands::lists::rpushx,
        Id::Sadd => commands::sets::sadd,
        Id::Scan => commands::generic::scan,
        Id::Scard => commands::sets::scard,
        Id::Sdiff => commands::sets::sdiff,
        Id::Sdiffstore => commands::sets::sdiffstore,
        Id::Set => commands::strings::set,
        Id::Setex => commands::strings::setex,
        Id::Setnx => commands::strings::setnx,
        Id::Setrange => commands::strings::setrange,
        Id::Sinter => commands::sets::sinter,
        Id::Sintercard => commands::sets::sintercard,
        Id::Sinterstore => commands::sets::sinterstore,
        Id::Sismember => commands::sets::sismember,
        Id::Smembers => commands::sets::smembers,
        Id::Smismember => commands::sets::smismember,
        Id::Smove => commands::sets::smove,
        Id::Spop => commands::sets::spop,
        Id::Srandmember => commands::sets::srandmember,
        Id::Srem => commands::sets::srem,
        Id::Sscan => commands::sets::sscan,
        Id::Strlen => commands::strings::strlen,
        Id::Sunion => commands::sets::sunion,
        Id::Sunionstore => commands::sets::sunionstore,
        Id::Swapdb => commands::generic::swapdb,
        Id::Touch => commands::generic::touch,
        Id::Ttl => commands::expire::ttl,
        Id::Type => commands::generic::type_,
        Id::Unlink => commands::generic::del,
        Id::Xack => commands::stream_groups::xack,
        Id::Xadd => commands::streams::xadd,
        Id::Xautoclaim => commands::stream_claims::xautoclaim,
        Id::Xclaim => commands::stream_claims::xclaim,
        Id::Xdel => commands::streams::xdel,
        Id::XgroupCreate => commands::stream_groups::xgroup_create,
        Id::XgroupCreateconsumer => commands::stream_groups::xgroup_createconsumer,
        Id::XgroupDelconsumer => commands::stream_groups::xgroup_delconsumer,
        Id::XgroupDestroy => commands::stream_groups::xgroup_destroy,
        Id::XgroupSetid => commands::stream_groups::xgroup_setid,
        Id::XinfoConsumers => commands::stream_info::xinfo_consumers,
        Id::XinfoGroups => commands::stream_info::xinfo_groups,
        Id::XinfoStream => commands::stream_info::xinfo_stream,
        Id::Xlen => commands::streams::xlen,
        Id::Xpending => commands::stream_groups::xpending,
        Id::Xrange => commands::streams::xrange,
        Id::Xread => commands::stream_reads::xread,
        Id::Xreadgroup => commands::stream_reads::xreadgroup,
        Id::Xrevrange => commands::streams::xrevrange,
        Id::Xsetid => commands::streams::xsetid,
        Id::Xtrim => commands::streams::xtrim,
        Id::Zadd => commands::sorted_sets::zadd,
        Id::Zcard => commands::sorted_sets::zcard,
        Id::Zcount => commands::sorted_set_ranges::zcount,
        Id::Zdiff => commands::sorted_set_operations::zdiff,
        Id::Zdiffstore => commands::sorted_set_operations::zdiffstore,
        Id::Zincrby => commands::sorted_sets::zincrby,
        Id::Zinter => commands::sorted_set_operations::zinter,
        Id::Zintercard => commands::sorted_set_operations::zintercard,
        Id::Zinterstore => commands::sorted_set_operations::zinterstore,
        Id::Zlexcount => commands::sorted_set_ranges::zlexcount,
        Id::Zmpop => commands::sorted_sets::zmpop,
        Id::Zmscore => commands::sorted_sets::zmscore,
        Id::Zpopmax => commands::sorted_sets::zpopmax,
        Id::Zpopmin => commands::sorted_sets::zpopmin,
        Id::Zrandmember => commands::sorted_sets::zrandmember,
        Id::Zrange => commands::sorted_set_ranges::zrange,
        Id::Zrangebylex => commands::sorted_set_ranges::zrangebylex,
        Id::Zrangebyscore => commands::sorted_set_ranges::zrangebyscore,
        Id::Zrangestore => commands::sorted_set_ranges::zrangestore,
        Id::Zrank => commands::sorted_sets::zrank,
        Id::Zrem => commands::sorted_sets::zrem,
        Id::Zremrangebylex => commands::sorted_set_ranges::zremrangebylex,
        Id::Zremrangebyrank => commands::sorted_set_ranges::zremrangebyrank,
        Id::Zremrangebyscore => commands::sorted_set_ranges::zremrangebyscore,
        Id::Zrevrange => commands::sorted_set_ranges::zrevrange,
        Id::Zrevrangebylex => commands::sorted_set_ranges::zrevrangebylex,
        Id::Zrevrangebyscore => commands::sorted_set_ranges::zrevrangebyscore,
        Id::Zrevrank => commands::sorted_sets::zrevrank,
        Id::Zscan => commands::sorted_sets::zscan,
        Id::Zscore => commands::sorted_sets::zscore,
        Id::Zunion => commands::sorted_set_operations::zunion,
        Id::Zunionstore => commands::sorted_set_operations::zunionstore,
        _ => return None,
    })
}

impl Worker {
    /// Executes a command on keys and publishes what it changed, before anyone else sees the keys.
    pub(super) fn keys_command(
        &mut self,
        session: &mut Session,
        conn: ConnId,
        spec: &'static CommandSpec,
        command: KeyCommand,
        request: &Request<'_>,
    ) {
        let start = self.out.len();
        let mut keyspace = self.take_keyspace();
        let dirty = keyspace.stats().dirty;
        let mut call = Call {
            keys: keyspace.keys(session.db),
            request: *request,
            reply: ReplyWriter::new(&mut self.out, session.protocol),
            in_transaction: self.in_exec,
        };
        if let Err(error) = command(&mut call) {
            self.reply(session).error_bytes(error.text());
        } else if spec.flags.contains(Flags::WRITE) && keyspace.stats().dirty != dirty {
            keyspace.record(session.db, request);
        }
        if self.publish_events(&mut keyspace) {
            session.stall = Some(Stall::Window);
        }
        if keyspace.notes_changes() {
            self.remember_keys(session, spec, request);
        }
        self.give_keyspace_back(keyspace);
        if let Some(journal) = self.broker.journal.get()
            && spec.flags.contains(Flags::WRITE)
            && journal.waiting_bytes() > WAITING_BYTES_MAX
        {
            session.stall.get_or_insert(Stall::Disk);
        }
        self.after_publish(session, conn, start);
    }

    /// Lets `work` look at the keys or change how they are kept.
    pub(crate) fn with_keyspace<R>(&mut self, work: impl FnOnce(&mut Keyspace) -> R) -> R {
        let mut keyspace = self.take_keyspace();
        let result = work(&mut keyspace);
        self.publish_events(&mut keyspace);
        self.give_keyspace_back(keyspace);
        result
    }

    /// The keys, for this worker alone; EXEC has them already.
    fn take_keyspace(&mut self) -> ArcMutexGuard<RawMutex, Keyspace> {
        self.held_keyspace.take().unwrap_or_else(|| {
            let mut keyspace = self.broker.keyspace.lock_arc();
            keyspace.set_now(self.now.unix_us / 1000);
            keyspace
        })
    }

    fn give_keyspace_back(&mut self, mut keyspace: ArcMutexGuard<RawMutex, Keyspace>) {
        if self.in_exec {
            self.held_keyspace = Some(keyspace);
            return;
        }
        if let Some(journal) = self.broker.journal.get()
            && let Some(records) = keyspace.take_records()
        {
            let entry = journal.append(records);
            self.broker.last_entry.store(entry, Ordering::Relaxed);
            if self.settings.appendfsync == AppendSync::Always {
                self.awaited_entry = entry;
            }
        }
        if keyspace.notes_changes() {
            self.broadcast_changed();
        }
        let next_ms = keyspace.next_deadline_ms().unwrap_or(u64::MAX);
        let before_ms = self.broker.next_deadline_ms.swap(next_ms, Ordering::Relaxed);
        if next_ms < before_ms && self.id != EXPIRING_WORKER {
            (self.broker.wake)(EXPIRING_WORKER);
        }
    }

    /// Lets the keys go that EXEC has held.
    pub(crate) fn release_keyspace(&mut self) {
        self.in_exec = false;
        if let Some(keyspace) = self.held_keyspace.take() {
            self.give_keyspace_back(keyspace);
        }
    }

    /// Why a request that changes keys is refused while they can't be written to the disk.
    pub(crate) fn unwritable(&self, session: &Session, spec: &CommandSpec) -> Option<String> {
        if !self.broker.is_journal_failing.load(Ordering::Relaxed) {
            return None;
        }
        let queue =
            session.transaction.iter().filter(|_| spec.id == Id::Exec).flat_map(|transaction| &transaction.queue);
        let writes = queue.map(|(spec, _)| *spec).chain([spec]).any(|spec| spec.flags.contains(Flags::WRITE));
        let failure = self.broker.journal_failure.lock();
        let reason = failure.as_ref().filter(|_| writes)?;
        Some(format!("MISCONF Errors writing to the keys' file: {reason}. Keys can't be changed until that is mended."))
    }

    /// Makes room for what the request may add; why it is refused if there is none.
    pub(crate) fn out_of_memory(&mut self, session: &Session, spec: &CommandSpec) -> Option<String> {
        let is_exec = spec.id == Id::Exec;
        // Publishing never waits for keys.
        if self.settings.maxmemory == 0 || (spec.keys.is_empty() && !is_exec) {
            return None;
        }
        let adds = |spec: &CommandSpec| spec.flags.contains(Flags::DENYOOM);
        let queue = session.transaction.iter().filter(|_| is_exec).flat_map(|transaction| &transaction.queue);
        let may_add = adds(spec) || queue.map(|(spec, _)| spec).any(|spec| adds(spec));
        // Reading makes room as well, so that it alone brings the keys back under their limit.
        let room = self.make_room();
        (may_add && room == Room::None).then(|| "OOM command not allowed when used memory > 'maxmemory'.".to_owned())
    }

    /// Lets keys go that are too many, some of them at once.
    pub(crate) fn make_room(&mut self) -> Room {
        self.with_keyspace(|keyspace| keyspace.make_room(EVICTED_AT_ONCE_MAX))
    }

    /// Removes keys whose time has come, some of them if there are many.
    pub(crate) fn expire_keys(&mut self) {
        if self.key_deadline_us() == Some(0) {
            self.with_keyspace(|keyspace| keyspace.expire_due(EXPIRED_AT_ONCE_MAX));
        }
    }

    /// Microseconds until the next key's time has come, if this is the worker that removes it.
    pub(crate) fn key_deadline_us(&self) -> Option<u64> {
        let at_ms = self.broker.next_deadline_ms.load(Ordering::Relaxed);
        // A key lives to the end of the millisecond of its deadline.
        let at_us = at_ms.checked_add(1)?.saturating_mul(1000);
        (self.id == EXPIRING_WORKER).then(|| at_us.saturating_sub(self.now.unix_us))
    }

    /// `WATCH key [key ...]`.
    pub(super) fn watch(&mut self, session: &mut Session, request: &Request<'_>) {
        let db = session.db;
        let watching = session.watching.get_or_insert_default();
        self.with_keyspace(|keyspace| {
            for key in request.iter().skip(1) {
                if !watching.keys.iter().any(|(own_db, own)| *own_db == db && **own == *key) {
                    keyspace.watch(db, key, &watching.flag);
                    watching.keys.push((db, key.into()));
                }
            }
        });
    }

    /// Ends what WATCH began; true if a watched key has changed.
    pub(crate) fn unwatch(&mut self, session: &mut Session) -> bool {
        let Some(watching) = session.watching.take() else { return false };
        self.with_keyspace(|keyspace| {
            for (db, key) in &watching.keys {
                keyspace.look_at_watched(*db, key);
                keyspace.unwatch(*db, key, &watching.flag);
            }
        });
        watching.flag.is_raised()
    }

    /// Publishes what has happened to keys; true if publishers have to wait for a worker that got some of it.
    fn publish_events(&mut self, keyspace: &mut Keyspace) -> bool {
        let mut must_wait = false;
        if keyspace.notes_changes() {
            self.invalidate_changed(keyspace);
        }
        while let Some(event) = keyspace.poll_event() {
            for_each_message(&event, keyspace.event_classes(), |channel, payload| {
                let published = self.fanout.publish(Kind::Channel, channel, payload);
                must_wait |= self.broker.interest.must_wait(self.id, published.workers);
            });
        }
        must_wait
    }
}

/// The messages of an event: by key, then by event, then those that name fields.
fn for_each_message(event: &Event, classes: EventClasses, mut publish: impl FnMut(&[u8], &[u8])) {
    let Event { db, name, key, fields } = event;
    let channel = |kind: &str, rest: &[&[u8]]| {
        let mut channel = format!("__{kind}@{db}__:").into_bytes();
        rest.iter().for_each(|part| channel.extend_from_slice(part));
        channel
    };
    if classes.contains(EventClasses::KEYSPACE) {
        publish(&channel("keyspace", &[key]), name.as_bytes());
    }
    if classes.contains(EventClasses::KEYEVENT) {
        publish(&channel("keyevent", &[name.as_bytes()]), key);
    }
    if fields.is_empty() {
        return;
    }
    let listed = fields.iter().map(|field| [format!("{}:", field.len()).as_bytes(), field].concat());
    let listed = listed.collect::<Vec<_>>().join(&b',');
    if classes.contains(EventClasses::SUBKEYSPACE) {
        publish(&channel("subkeyspace", &[key]), &[name.as_bytes(), b"|", &listed].concat());
    }
    if classes.contains(EventClasses::SUBKEYEVENT) {
        let key_len = format!("{}:", key.len());
        publish(&channel("subkeyevent", &[name.as_bytes()]), &[key_len.as_bytes(), key, b"|", &listed].concat());
    }
    if classes.contains(EventClasses::SUBKEYSPACE_ITEM) {
        for field in fields {
            publish(&channel("subkeyspaceitem", &[key, b"\n", field]), name.as_bytes());
        }
    }
    if classes.contains(EventClasses::SUBKEYSPACE_EVENT) {
        publish(&channel("subkeyspaceevent", &[name.as_bytes(), b"|", key]), &listed);
    }
}
