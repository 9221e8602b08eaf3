//! INFO: one list of sections, each of which writes its own fields. Source: the command's Redis page.
//!
//! Fields of Redis that would always have to be made up are left out: readers of INFO expect that, since versions of
//! Redis differ in what they show.

use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use fanfare_fanout::Kind;
use fanfare_keyspace::KeyStats;
use fanfare_wire::Request;

use crate::acl::Reason;
use crate::broker::{Broker, REDIS_VERSION, VERSION};
use crate::close::CloseReason;
use crate::session::Session;
use crate::worker::Worker;

impl Worker {
    /// `INFO [section ...]`: lines of `name:value` under a heading for each section.
    pub(super) fn info_command(&mut self, session: &Session, request: &Request<'_>) {
        // What this worker has counted in this turn belongs to it.
        self.turn.flush(&self.broker.stats);
        let unix_us = self.now.unix_us;
        let moment = self.with_keyspace(|keyspace| Moment {
            unix_us,
            keys: keyspace.stats(),
            used_bytes: keyspace.used_bytes(),
            databases: (0..keyspace.databases() as u32).map(|db| keyspace.sizes(db)).collect(),
        });
        let mut text = String::new();
        for section in SECTIONS.iter().filter(|section| section.is_wanted(request)) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            // Writing to a string cannot fail.
            let _ = write!(text, "# {}\r\n", section.title);
            (section.write)(&self.broker, &moment, &mut Fields(&mut text));
        }
        self.reply(session).verbatim("txt", text.as_bytes());
    }
}

/// What the sections show of one moment.
struct Moment {
    unix_us: u64,
    keys: KeyStats,
    used_bytes: usize,
    /// Keys of each database, and how many of them have a deadline.
    databases: Vec<(usize, usize)>,
}

/// What all clients together hold, as of now.
#[derive(Debug, Default)]
pub(super) struct ClientTotals {
    pub(super) connected: usize,
    pub(super) subscribed: usize,
    pub(super) query_bytes: usize,
    pub(super) outbox_bytes: usize,
}

impl ClientTotals {
    pub(super) fn of(broker: &Broker) -> Self {
        let mut totals = Self::default();
        for client in broker.clients.snapshot() {
            totals.connected += 1;
            totals.subscribed += usize::from(client.subscription_count() > 0);
            totals.query_bytes += client.query_bytes.load(Ordering::Relaxed);
            totals.outbox_bytes += client.outbox_bytes.load(Ordering::Relaxed);
        }
        totals
    }
}

/// Bytes that the frame logs of all workers hold.
pub(super) fn log_bytes(broker: &Broker) -> usize {
    broker.log_bytes.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum()
}

/// A size for people, in Redis's notation.
pub(super) fn human(bytes: u64) -> String {
    let units = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.2}{}", units[unit])
}

struct Section {
    /// The heading; in any letter case also the name to ask for.
    title: &'static str,
    /// Whether it is shown when no section is asked for.
    is_default: bool,
    /// Writes the fields as of a Unix time in microseconds.
    write: fn(&Broker, &Moment, &mut Fields<'_>),
}

impl Section {
    fn is_wanted(&self, request: &Request<'_>) -> bool {
        let is_default = request.len() == 1 && self.is_default;
        is_default
            || request.iter().skip(1).any(|word| {
                word.eq_ignore_ascii_case(self.title.as_bytes())
                    || word.eq_ignore_ascii_case(b"all")
                    || word.eq_ignore_ascii_case(b"everything")
                    || (self.is_default && word.eq_ignore_ascii_case(b"default"))
            })
    }
}

/// Where a section writes its fields.
struct Fields<'a>(&'a mut String);

impl Fields<'_> {
    fn put(&mut self, name: impl Display, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    fn count(&mut self, name: &str, counter: &AtomicU64) {
        self.put(name, counter.load(Ordering::Relaxed));
    }

    fn size(&mut self, name: &str, bytes: u64) {
        self.put(name, bytes);
        self.put(format_args!("{name}_human"), human(bytes));
    }
}

/// In Redis's order, whatever the order of the request.
static SECTIONS: [Section; 13] = [
    Section { title: "Server", is_default: true, write: server },
    Section { title: "Clients", is_default: true, write: clients },
    Section { title: "Memory", is_default: true, write: memory },
    Section { title: "Persistence", is_default: true, write: persistence },
    Section { title: "Stats", is_default: true, write: stats },
    Section { title: "Replication", is_default: true, write: replication },
    Section { title: "CPU", is_default: true, write: cpu },
    Section { title: "Modules", is_default: true, write: nothing },
    Section { title: "Commandstats", is_default: false, write: nothing },
    Section { title: "Errorstats", is_default: true, write: nothing },
    Section { title: "Latencystats", is_default: false, write: nothing },
    Section { title: "Cluster", is_default: true, write: cluster },
    Section { title: "Keyspace", is_default: true, write: keyspace },
];

fn server(broker: &Broker, moment: &Moment, fields: &mut Fields<'_>) {
    let facts = &broker.facts;
    let unix_us = moment.unix_us;
    let uptime_s = unix_us.saturating_sub(broker.started_us) / 1_000_000;
    fields.put("redis_version", REDIS_VERSION);
    fields.put("server_name", "fanfare");
    fields.put("fanfare_version", VERSION);
    fields.put("redis_mode", "standalone");
    fields.put("os", &facts.os);
    fields.put("arch_bits", usize::BITS);
    fields.put("process_id", facts.process_id);
    fields.put("run_id", &facts.run_id);
    fields.put("tcp_port", facts.tcp_port);
    fields.put("server_time_usec", unix_us);
    fields.put("uptime_in_seconds", uptime_s);
    fields.put("uptime_in_days", uptime_s / 86_400);
    fields.put("executable", &facts.executable);
    fields.put("config_file", &facts.config_file);
    fields.put("workers", broker.interest.workers());
}

fn clients(broker: &Broker, _: &Moment, fields: &mut Fields<'_>) {
    let totals = ClientTotals::of(broker);
    fields.put("connected_clients", totals.connected);
    fields.put("cluster_connections", 0);
    fields.put("maxclients", broker.settings().maxclients);
    // No command waits for data.
    fields.put("blocked_clients", 0);
    fields.put("tracking_clients", broker.tracking.lock().counts().clients);
    fields.put("pubsub_clients", totals.subscribed);
}

fn memory(broker: &Broker, moment: &Moment, fields: &mut Fields<'_>) {
    // The allocator is not asked, so both figures of Redis are what the system says.
    let resident = (broker.resident_bytes)();
    let totals = ClientTotals::of(broker);
    fields.size("used_memory", resident);
    fields.size("used_memory_rss", resident);
    fields.put("used_memory_dataset", moment.used_bytes);
    let settings = broker.settings();
    fields.size("maxmemory", settings.maxmemory as u64);
    fields.put("maxmemory_policy", settings.maxmemory_policy.name());
    fields.put("log_bytes", log_bytes(broker));
    fields.put("outbox_bytes", totals.outbox_bytes);
    fields.put("query_bytes", totals.query_bytes);
}

fn persistence(broker: &Broker, _: &Moment, fields: &mut Fields<'_>) {
    // Nobody is served before the keys are there, and there is no file of another kind.
    for name in ["loading", "async_loading", "rdb_changes_since_last_save", "rdb_bgsave_in_progress"] {
        fields.put(name, 0);
    }
    let journal = broker.journal.get();
    fields.put("aof_enabled", u8::from(journal.is_some()));
    let status = journal.map(|journal| journal.status()).unwrap_or_default();
    fields.put("aof_rewrite_in_progress", u8::from(status.is_rewriting));
    fields.put("aof_rewrite_scheduled", 0);
    let Some(journal) = journal else { return };
    let state = |is_ok: bool| if is_ok { "ok" } else { "err" };
    fields.put("aof_last_rewrite_time_sec", status.last_rewrite_ms.map_or(-1, |ms| (ms / 1000) as i64));
    fields.put("aof_last_bgrewrite_status", state(status.last_rewrite_ok));
    fields.put("aof_last_write_status", state(!broker.is_journal_failing.load(Ordering::Relaxed)));
    fields.put("aof_current_size", status.base_bytes + status.log_bytes);
    fields.put("aof_base_size", status.base_bytes);
    fields.put("aof_buffer_length", journal.waiting_bytes());
}

fn stats(broker: &Broker, moment: &Moment, fields: &mut Fields<'_>) {
    let stats = &broker.stats;
    fields.count("total_connections_received", &stats.connections);
    fields.count("total_commands_processed", &stats.commands);
    fields.count("total_net_input_bytes", &stats.input_bytes);
    fields.count("total_net_output_bytes", &stats.output_bytes);
    fields.count("rejected_connections", &stats.rejected_connections);
    fields.put("expired_keys", moment.keys.expired_keys);
    fields.put("expired_subkeys", moment.keys.expired_subkeys);
    fields.put("evicted_keys", moment.keys.evicted_keys);
    fields.put("keyspace_hits", moment.keys.keyspace_hits);
    fields.put("keyspace_misses", moment.keys.keyspace_misses);
    fields.put("pubsub_channels", broker.interest.names(Kind::Channel));
    fields.put("pubsub_patterns", broker.interest.names(Kind::Pattern));
    fields.put("pubsubshard_channels", broker.interest.names(Kind::Shard));
    let tracking = broker.tracking.lock().counts();
    fields.put("tracking_total_keys", tracking.keys);
    fields.put("tracking_total_items", tracking.items);
    fields.put("tracking_total_prefixes", tracking.prefixes);
    fields.count("total_error_replies", &stats.error_replies);
    fields.put(
        "client_output_buffer_limit_disconnections",
        stats.closes(CloseReason::OutboxHardLimit) + stats.closes(CloseReason::OutboxSoftLimit),
    );
    fields.put("client_query_buffer_limit_disconnections", stats.closes(CloseReason::QueryBufferLimit));
    fields.count("messages_published", &stats.publishes);
    fields.count("messages_delivered", &stats.deliveries);
    fields.count("messages_dropped", &stats.dropped_messages);
    fields.count("bytes_dropped", &stats.dropped_bytes);
    fields.count("publisher_waits", &stats.publisher_waits);
    for reason in Reason::ALL {
        fields.put(reason.counter(), stats.refusals(reason));
    }
    fields.count("acl_logins_limited", &stats.limited_logins);
    for reason in CloseReason::ALL {
        fields.put(format_args!("closed_{}", reason.name()), stats.closes(reason));
    }
}

fn keyspace(_: &Broker, moment: &Moment, fields: &mut Fields<'_>) {
    for (db, (keys, expires)) in moment.databases.iter().enumerate().filter(|(_, (keys, _))| *keys > 0) {
        fields.put(format_args!("db{db}"), format_args!("keys={keys},expires={expires},avg_ttl=0"));
    }
}

fn replication(broker: &Broker, _: &Moment, fields: &mut Fields<'_>) {
    fields.put("role", "master");
    fields.put("connected_slaves", 0);
    fields.put("master_failover_state", "no-failover");
    fields.put("master_replid", &broker.facts.run_id);
    fields.put("master_replid2", format_args!("{:040}", 0));
    fields.put("master_repl_offset", 0);
    fields.put("second_repl_offset", -1);
    fields.put("repl_backlog_active", 0);
}

fn cpu(broker: &Broker, _: &Moment, fields: &mut Fields<'_>) {
    let (user_s, system_s) = (broker.cpu_seconds)();
    fields.put("used_cpu_sys", format_args!("{system_s:.6}"));
    fields.put("used_cpu_user", format_args!("{user_s:.6}"));
}

fn cluster(_: &Broker, _: &Moment, fields: &mut Fields<'_>) {
    fields.put("cluster_enabled", 0);
}

/// For what this server does not have, or does not count.
const fn nothing(_: &Broker, _: &Moment, _: &mut Fields<'_>) {}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::harness::Harness;

    /// The fields of a reply, and a check that no name comes twice.
    fn fields(reply: &str) -> HashMap<&str, &str> {
        let mut found = HashMap::new();
        for (name, value) in reply.lines().filter_map(|line| line.split_once(':')) {
            assert_eq!(found.insert(name, value), None, "{name} is said twice");
        }
        found
    }

    #[test]
    fn sections_come_in_their_order_and_in_any_case() {
        let mut harness = Harness::new(1);
        let peer = harness.connect(0);
        for (request, reply) in [
            ("INFO cluster\r\n", "$30\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n"),
            (
                "INFO KEYSPACE nosuch Cluster cluster\r\n",
                "$44\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n\r\n",
            ),
            ("INFO nosuch\r\n", "$0\r\n\r\n"),
        ] {
            assert_eq!(harness.ask(&peer, request), reply);
        }
        harness.ask(&peer, "HELLO 3\r\n");
        assert_eq!(harness.ask(&peer, "INFO cluster\r\n"), "=34\r\ntxt:# Cluster\r\ncluster_enabled:0\r\n\r\n");
    }

    #[test]
    fn default_leaves_out_what_redis_leaves_out() {
        let mut harness = Harness::new(1);
        let peer = harness.connect(0);
        let titles = |reply: &str| -> Vec<String> {
            reply.lines().filter_map(|line| line.strip_prefix("# ")).map(str::to_owned).collect()
        };
        let default = titles(&harness.ask(&peer, "INFO\r\n"));
        assert_eq!(default, titles(&harness.ask(&peer, "INFO default\r\n")));
        let all = titles(&harness.ask(&peer, "INFO all\r\n"));
        assert_eq!(all, titles(&harness.ask(&peer, "INFO EVERYTHING default server\r\n")));
        let left_out: Vec<&String> = all.iter().filter(|title| !default.contains(title)).collect();
        assert_eq!(left_out, ["Commandstats", "Latencystats"]);
    }

    #[test]
    fn fields_that_clients_read_are_there() {
        let mut harness = Harness::new(1);
        let peer = harness.connect(0);
        harness.advance_ms(90_000_000);
        let reply = harness.ask(&peer, "INFO all\r\n");
        let fields = fields(&reply);
        for (name, value) in [
            ("redis_version", REDIS_VERSION),
            ("server_name", "fanfare"),
            ("fanfare_version", VERSION),
            ("redis_mode", "standalone"),
            ("uptime_in_seconds", "90000"),
            ("uptime_in_days", "1"),
            ("tcp_port", "6379"),
            ("run_id", fields["master_replid"]),
            ("loading", "0"),
            ("role", "master"),
            ("master_repl_offset", "0"),
            ("connected_clients", "1"),
            ("used_memory", "8388608"),
            ("used_memory_human", "8.00M"),
            ("maxmemory_human", "0B"),
            ("maxmemory_policy", "noeviction"),
            ("used_cpu_user", "1.500000"),
            ("used_cpu_sys", "0.250000"),
        ] {
            assert_eq!(fields.get(name), Some(&value), "{name}");
        }
        assert_eq!(fields["run_id"].len(), 40);
        assert_eq!(fields["master_replid2"], "0".repeat(40));
        for reason in CloseReason::ALL {
            assert!(fields.contains_key(format!("closed_{}", reason.name()).as_str()));
        }
    }

    #[test]
    fn counters_hold_what_happened_in_this_very_turn() {
        let mut harness = Harness::new(2);
        let subscriber = harness.connect(1);
        harness.ask(&subscriber, "SUBSCRIBE a b\r\nPSUBSCRIBE a*\r\nSSUBSCRIBE s\r\n");
        let peer = harness.connect(0);
        harness.ask(&peer, "PUBLISH a x\r\n");
        let gone = harness.connect(0);
        harness.ask(&gone, "QUIT\r\n");
        let reply = harness.ask(&peer, "NOSUCH\r\nPUBLISH c x\r\nINFO stats clients\r\n");
        let fields = fields(&reply[reply.find("# Clients").unwrap()..]);
        for (name, value) in [
            ("connected_clients", "2"),
            ("pubsub_clients", "1"),
            ("total_connections_received", "3"),
            ("total_commands_processed", "8"),
            ("total_error_replies", "1"),
            ("pubsub_channels", "2"),
            ("pubsub_patterns", "1"),
            ("pubsubshard_channels", "1"),
            ("messages_published", "2"),
            ("messages_delivered", "2"),
            ("closed_client_quit", "1"),
            ("client_output_buffer_limit_disconnections", "0"),
        ] {
            assert_eq!(fields.get(name), Some(&value), "{name}");
        }
    }

    #[test]
    fn sizes_for_people_are_as_in_redis() {
        for (bytes, text) in
            [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (916_248, "894.77K"), (25_276_502_016, "23.54G")]
        {
            assert_eq!(human(bytes), text);
        }
    }
}
