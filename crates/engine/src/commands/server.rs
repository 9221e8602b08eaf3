//! What the server says about itself: COMMAND, SLOWLOG, LATENCY, MEMORY, CLUSTER and the rest of the table.
//!
//! Source: the commands' Redis pages.

use std::sync::Arc;

use fanfare_keyspace::parse_integer;
use fanfare_wire::Request;

use super::info::{ClientTotals, human, log_bytes};
use crate::close::CloseReason;
use crate::command::{self, CommandId as Id, CommandSpec};
use crate::session::Session;
use crate::worker::Worker;

const SYNTAX_ERROR: &str = "ERR syntax error";

/// What SLOWLOG GET answers at most, unless it is told.
const SLOWLOG_ENTRIES_DEFAULT: usize = 10;

impl Worker {
    /// Everything that has no file of its own.
    pub(super) fn server_command(&mut self, session: &mut Session, spec: &'static CommandSpec, request: &Request<'_>) {
        match spec.id {
            Id::Command
            | Id::CommandCount
            | Id::CommandDocs
            | Id::CommandGetkeys
            | Id::CommandGetkeysandflags
            | Id::CommandInfo
            | Id::CommandList
            | Id::AclCat => self.introspect(session, spec.id, request),
            Id::AclHelp
            | Id::ClientHelp
            | Id::CommandHelp
            | Id::ConfigHelp
            | Id::FunctionHelp
            | Id::LatencyHelp
            | Id::MemoryHelp
            | Id::ModuleHelp
            | Id::ObjectHelp
            | Id::PubsubHelp
            | Id::SlowlogHelp
            | Id::XgroupHelp
            | Id::XinfoHelp => self.help(session, &request[0]),
            Id::FunctionFlush => self.flush_functions(session, request),
            Id::LatencyLatest | Id::LatencyHistory | Id::ModuleList => {
                self.reply(session).array(0);
            }
            Id::LatencyReset => {
                self.reply(session).integer(0);
            }
            Id::LatencyGraph => {
                let text = [b"ERR No samples available for event '", &request[2], b"'"].concat();
                self.reply(session).error_bytes(&text);
            }
            Id::LatencyHistogram => {
                self.reply(session).map(0);
            }
            Id::LatencyDoctor => self.latency_doctor(session),
            Id::MemoryDoctor => self.memory_doctor(session),
            Id::MemoryPurge => {
                self.reply(session).simple("OK");
            }
            Id::MemoryStats => self.memory_stats(session),
            Id::Role => {
                self.reply(session).array(3).bulk(b"master").integer(0).array(0);
            }
            Id::Shutdown => self.shutdown(session, request),
            Id::SlowlogGet => self.slowlog_get(session, request),
            Id::SlowlogLen => {
                let len = self.broker.slowlog.lock().entries.len();
                self.reply(session).integer(len as i64);
            }
            Id::SlowlogReset => {
                self.broker.slowlog.lock().entries.clear();
                self.reply(session).simple("OK");
            }
            Id::Bgrewriteaof => match self.broker.journal.get() {
                None => {
                    self.reply(session)
                        .error("ERR Keys are in memory only: there is nothing to rewrite without data-dir");
                }
                Some(journal) if journal.rewrite() => {
                    self.reply(session).simple("Background append only file rewriting started");
                }
                Some(_) => {
                    self.reply(session).error("ERR Background append only file rewriting already in progress");
                }
            },
            Id::Lastsave => {
                let started_s = self.broker.started_us / 1_000_000;
                let saved_s = self.broker.journal.get().map_or(started_s, |journal| journal.status().last_save_s);
                self.reply(session).integer(saved_s as i64);
            }
            Id::Time => {
                let unix_us = self.now.unix_us;
                let mut reply = self.reply(session);
                reply.array(2).bulk_display(unix_us / 1_000_000).bulk_display(unix_us % 1_000_000);
            }
            Id::Wait => self.wait_for_replicas(session, request),
            Id::Asking | Id::Readonly | Id::Readwrite => self.refuse_cluster(session),
            // Redis refuses CLUSTER HELP, too.
            _ if spec.full_name.starts_with("cluster|") => self.refuse_cluster(session),
            // A row of the table without an arm; the test of all rows finds it.
            _ => {
                self.reply(session).error(&format!("ERR command '{}' {WITHOUT_ARM}", spec.full_name));
            }
        }
    }

    /// COMMAND and its subcommands, and ACL CAT: replies made of the table.
    fn introspect(&mut self, session: &Session, id: Id, request: &Request<'_>) {
        let args: Vec<&[u8]> = request.iter().collect();
        let mut reply = self.reply(session);
        match id {
            Id::AclCat => command::acl_cat(&args, &mut reply),
            Id::CommandCount => command::command_count(&mut reply),
            Id::CommandDocs => command::command_docs(&args, &mut reply),
            Id::CommandGetkeys => command::command_get_keys(&args, &mut reply),
            Id::CommandGetkeysandflags => command::command_get_keys_and_flags(&args, &mut reply),
            Id::CommandList => command::command_list(&args, &mut reply),
            _ => command::command_info(&args, &mut reply),
        }
    }

    /// `HELP` of a container: an array of lines.
    fn help(&mut self, session: &Session, container: &[u8]) {
        match command::lookup(container) {
            Some(container) => command::help(container, &mut self.reply(session)),
            None => {
                self.reply(session).error(SYNTAX_ERROR);
            }
        }
    }

    fn refuse_cluster(&mut self, session: &Session) {
        self.reply(session).error("ERR This instance has cluster support disabled");
    }

    /// `FUNCTION FLUSH [ASYNC|SYNC]`: there are no functions.
    fn flush_functions(&mut self, session: &Session, request: &Request<'_>) {
        let mut reply = self.reply(session);
        match (request.len(), request.get(2)) {
            (2, _) => reply.simple("OK"),
            (3, Some(mode)) if is_flush_mode(mode) => reply.simple("OK"),
            (3, _) => reply.error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"),
            _ => reply.error("ERR unknown subcommand or wrong number of arguments for 'FLUSH'. Try FUNCTION HELP."),
        };
    }

    /// `LATENCY DOCTOR`: a text.
    fn latency_doctor(&mut self, session: &Session) {
        let text = "This server records no latency events, so there is nothing to diagnose. SLOWLOG GET lists the \
                    requests that took longest to execute, CLIENT LIST shows in omem who does not read fast enough.\n";
        self.reply(session).verbatim("txt", text.as_bytes());
    }

    /// `MEMORY DOCTOR`: a text.
    fn memory_doctor(&mut self, session: &Session) {
        let resident = human((self.broker.resident_bytes)());
        let dataset = human(self.with_keyspace(|keyspace| keyspace.used_bytes()) as u64);
        let logs = human(log_bytes(&self.broker) as u64);
        let queued = human(ClientTotals::of(&self.broker).outbox_bytes as u64);
        let text = format!(
            "The process has {resident} of memory. Keys and their values take {dataset} of it: maxmemory bounds them. \
             Messages on their way to subscribers take {logs}; counted for each client that has yet to receive them \
             they are {queued}: client-output-buffer-limit and slow-subscriber-policy bound what slow subscribers \
             hold.\n"
        );
        self.reply(session).verbatim("txt", text.as_bytes());
    }

    /// `MEMORY STATS`: a map of names and sizes.
    fn memory_stats(&mut self, session: &Session) {
        let resident = (self.broker.resident_bytes)();
        let totals = ClientTotals::of(&self.broker);
        let (keys, dataset) = self.with_keyspace(|keyspace| {
            let keys = (0..keyspace.databases() as u32).map(|db| keyspace.sizes(db).0).sum::<usize>();
            (keys, keyspace.used_bytes())
        });
        let sizes = [
            ("total.allocated", resident),
            ("clients.normal", (totals.query_bytes + totals.outbox_bytes) as u64),
            ("frame.logs", log_bytes(&self.broker) as u64),
            ("dataset.bytes", dataset as u64),
            ("keys.count", keys as u64),
        ];
        let mut reply = self.reply(session);
        reply.map(sizes.len());
        for (name, bytes) in sizes {
            reply.bulk(name.as_bytes()).integer(bytes as i64);
        }
    }

    /// `SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]`: no reply, the connection ends with the server.
    fn shutdown(&mut self, session: &mut Session, request: &Request<'_>) {
        let has = |option: &str| request.iter().skip(1).any(|word| word.eq_ignore_ascii_case(option.as_bytes()));
        let is_known = |word: &[u8]| {
            ["nosave", "save", "now", "force", "abort"]
                .iter()
                .any(|option| word.eq_ignore_ascii_case(option.as_bytes()))
        };
        let is_lone_abort = request.iter().skip(1).all(|word| word.eq_ignore_ascii_case(b"abort"));
        if !request.iter().skip(1).all(is_known) || (has("save") && has("nosave")) || (has("abort") && !is_lone_abort) {
            self.reply(session).error(SYNTAX_ERROR);
        } else if has("abort") {
            // Once the server stops, nobody's requests are read any more.
            self.reply(session).error("ERR No shutdown in progress.");
        } else {
            (self.broker.shutdown)();
            self.begin_close(session, CloseReason::Shutdown);
        }
    }

    /// `SLOWLOG GET [count]`: an array of the newest entries, each an array of six; -1 for all.
    fn slowlog_get(&mut self, session: &Session, request: &Request<'_>) {
        if request.len() > 3 {
            self.reply(session)
                .error("ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.");
            return;
        }
        let max = match request.get(2).map(parse_integer) {
            None => SLOWLOG_ENTRIES_DEFAULT,
            Some(Some(-1)) => usize::MAX,
            Some(Some(count @ 0..)) => usize::try_from(count).unwrap_or(usize::MAX),
            Some(_) => {
                self.reply(session).error("ERR count should be greater than or equal to -1");
                return;
            }
        };
        let broker = Arc::clone(&self.broker);
        let state = broker.slowlog.lock();
        let mut reply = self.reply(session);
        reply.array(state.entries.len().min(max));
        for entry in state.entries.iter().take(max) {
            reply.array(6);
            reply.integer(entry.id as i64).integer(entry.unix_s as i64).integer(entry.duration_us as i64);
            reply.array(entry.args.len());
            for arg in &entry.args {
                reply.bulk(arg);
            }
            reply.bulk(entry.address.as_bytes()).bulk(&entry.name);
        }
    }

    /// `WAIT numreplicas timeout`: 0 at once, since there are no replicas to wait for.
    fn wait_for_replicas(&mut self, session: &Session, request: &Request<'_>) {
        let mut reply = self.reply(session);
        match (parse_integer(&request[1]), parse_integer(&request[2])) {
            (None, _) => reply.error("ERR value is not an integer or out of range"),
            (_, None) => reply.error("ERR timeout is not an integer or out of range"),
            (_, Some(..0)) => reply.error("ERR timeout is negative"),
            _ => reply.integer(0),
        };
    }
}

const WITHOUT_ARM: &str = "is in the table but does nothing";

fn is_flush_mode(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"async") || word.eq_ignore_ascii_case(b"sync")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::command::COMMANDS;
    use crate::harness::Harness;

    /// Requests and their replies, or the beginnings of the replies where `...` follows.
    fn check(cases: &[(&str, &str)]) {
        let mut harness = Harness::new(1);
        for (request, expected) in cases {
            let peer = harness.connect(0);
            let reply = harness.ask(&peer, format!("{request}\r\n"));
            match expected.strip_suffix("...") {
                Some(beginning) => assert!(reply.starts_with(beginning), "{request}: {reply}"),
                None => assert_eq!(reply, *expected, "{request}"),
            }
        }
    }

    #[test]
    fn every_row_of_the_table_is_answered() {
        let rows = COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands));
        for spec in rows {
            if spec.is_container() && !spec.accepts_word_count(1) {
                continue;
            }
            let mut request = spec.full_name.replace('|', " ");
            for _ in request.split(' ').count()..spec.arity.unsigned_abs() as usize {
                request.push_str(" 1");
            }
            let mut harness = Harness::new(1);
            let peer = harness.connect(0);
            let reply = harness.ask(&peer, format!("{request}\r\n"));
            assert!(!reply.contains(WITHOUT_ARM), "{request}: {reply}");
            assert_eq!(reply.is_empty(), spec.id == Id::Shutdown, "{request}: {reply}");
        }
    }

    #[test]
    fn a_server_without_keys_answers_as_redis_does() {
        check(&[
            ("DBSIZE", ":0\r\n"),
            ("FLUSHALL", "+OK\r\n"),
            ("FLUSHALL async", "+OK\r\n"),
            ("FLUSHDB SYNC", "+OK\r\n"),
            ("FLUSHDB x", "-ERR syntax error\r\n"),
            ("FLUSHALL ASYNC SYNC", "-ERR syntax error\r\n"),
            ("FUNCTION FLUSH", "+OK\r\n"),
            ("FUNCTION FLUSH sync", "+OK\r\n"),
            ("FUNCTION FLUSH x", "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option\r\n"),
            (
                "FUNCTION FLUSH ASYNC SYNC",
                "-ERR unknown subcommand or wrong number of arguments for 'FLUSH'. Try FUNCTION HELP.\r\n",
            ),
            ("MEMORY USAGE a", "$-1\r\n"),
            ("MEMORY USAGE a SAMPLES 0", "$-1\r\n"),
            ("MEMORY USAGE a b", "-ERR syntax error\r\n"),
            ("MEMORY USAGE a SAMPLES", "-ERR syntax error\r\n"),
            ("MEMORY USAGE a SAMPLES -1", "-ERR syntax error\r\n"),
            ("MEMORY USAGE a SAMPLES x", "-ERR value is not an integer or out of range\r\n"),
            ("WAIT 0 0", ":0\r\n"),
            ("WAIT -1 5", ":0\r\n"),
            ("WAIT x -1", "-ERR value is not an integer or out of range\r\n"),
            ("WAIT 0 x", "-ERR timeout is not an integer or out of range\r\n"),
            ("WAIT 0 99999999999999999999", "-ERR timeout is not an integer or out of range\r\n"),
            ("WAIT 0 -1", "-ERR timeout is negative\r\n"),
        ]);
    }

    #[test]
    fn questions_about_the_server_get_true_answers() {
        check(&[
            ("ROLE", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"),
            ("TIME", "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"),
            ("ACL WHOAMI", "$7\r\ndefault\r\n"),
            ("ACL CAT", "*21\r\n$8\r\nkeyspace\r\n..."),
            ("MODULE LIST", "*0\r\n"),
            ("LATENCY LATEST", "*0\r\n"),
            ("LATENCY HISTORY command", "*0\r\n"),
            ("LATENCY RESET a b", ":0\r\n"),
            ("LATENCY HISTOGRAM get", "*0\r\n"),
            ("LATENCY GRAPH command", "-ERR No samples available for event 'command'\r\n"),
            ("LATENCY DOCTOR", "$..."),
            ("MEMORY DOCTOR", "$..."),
            ("MEMORY STATS", "*10\r\n$15\r\ntotal.allocated\r\n:8388608\r\n..."),
            ("MEMORY PURGE", "+OK\r\n"),
            ("COMMAND DOCS nosuch", "*0\r\n"),
            ("COMMAND GETKEYS PING", "-ERR ..."),
            ("CLIENT HELP", "*..."),
            ("slowlog help", "*..."),
            ("PUBSUB HELP", "*..."),
        ]);
        let count = COMMANDS.len();
        check(&[("COMMAND COUNT", &format!(":{count}\r\n")), ("COMMAND", &format!("*{count}\r\n*10\r\n$..."))]);
    }

    #[test]
    fn cluster_support_is_disabled() {
        for request in ["CLUSTER INFO", "CLUSTER SLOTS", "CLUSTER HELP", "CLUSTER KEYSLOT a", "READONLY", "ASKING"] {
            check(&[(request, "-ERR This instance has cluster support disabled\r\n")]);
        }
    }

    #[test]
    fn slowlog_shows_the_newest_entries_first() {
        let mut harness = Harness::new(1);
        let peer = harness.connect(0);
        harness.ask(&peer, "CLIENT SETNAME me\r\nCONFIG SET slowlog-log-slower-than 0\r\nPING\r\nECHO hi\r\n");
        assert_eq!(harness.ask(&peer, "SLOWLOG LEN\r\n"), ":2\r\n");
        let newest = harness.ask(&peer, "SLOWLOG GET 2\r\n");
        let expected =
            "*2\r\n*6\r\n:2\r\n:1700000000\r\n:0\r\n*2\r\n$7\r\nSLOWLOG\r\n$3\r\nLEN\r\n$15\r\n127.0.0.1:50000\r\n";
        assert!(newest.starts_with(expected), "{newest}");
        assert!(harness.ask(&peer, "SLOWLOG GET -1\r\n").starts_with("*4\r\n"));
        assert_eq!(harness.ask(&peer, "SLOWLOG RESET\r\n"), "+OK\r\n");
        assert_eq!(harness.ask(&peer, "SLOWLOG GET 0\r\n"), "*0\r\n");
        for count in ["x", "-2", "+1"] {
            let refused = harness.ask(&peer, format!("SLOWLOG GET {count}\r\n"));
            assert_eq!(refused, "-ERR count should be greater than or equal to -1\r\n");
        }
        assert_eq!(
            harness.ask(&peer, "SLOWLOG GET 1 2\r\n"),
            "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.\r\n"
        );
    }

    #[test]
    fn shutdown_stops_the_process_without_a_reply() {
        let mut harness = Harness::new(1);
        let peer = harness.connect(0);
        assert_eq!(harness.ask(&peer, "SHUTDOWN nosave NOW\r\nPING\r\n"), "");
        assert_eq!(harness.shutdowns.load(Ordering::SeqCst), 1);
        assert_eq!(harness.closed(&peer), Some(CloseReason::Shutdown));
    }

    #[test]
    fn shutdown_refuses_what_redis_refuses() {
        check(&[
            ("SHUTDOWN x", "-ERR syntax error\r\n"),
            ("SHUTDOWN SAVE NOSAVE", "-ERR syntax error\r\n"),
            ("SHUTDOWN NOW ABORT", "-ERR syntax error\r\n"),
            ("SHUTDOWN abort", "-ERR No shutdown in progress.\r\n"),
        ]);
    }
}
