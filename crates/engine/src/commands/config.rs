//! CONFIG. Source: the subcommands' Redis pages.

use std::sync::Arc;

use fanfare_wire::Request;

use super::keys::EVICTED_AT_ONCE_MAX;
use crate::broker::configure_keys;
use crate::command::CommandId as Id;
use crate::session::Session;
use crate::settings::Settings;
use crate::stats::TurnStats;
use crate::worker::Worker;

impl Worker {
    pub(super) fn config_command(&mut self, session: &mut Session, id: Id, request: &Request<'_>) {
        match id {
            Id::ConfigGet => self.config_get(session, request),
            Id::ConfigSet => self.config_set(session, request),
            Id::ConfigResetstat => self.config_resetstat(session),
            _ => self.config_rewrite(session),
        }
    }

    /// `CONFIG GET pattern [pattern ...]`: a map of names and values, without what matches nothing.
    fn config_get(&mut self, session: &Session, request: &Request<'_>) {
        let patterns: Vec<&[u8]> = request.iter().skip(2).collect();
        // Not the worker's copy: another worker may have changed something in this turn.
        let settings = self.broker.settings();
        let found: Vec<_> = settings.matching_any(&patterns).collect();
        let mut reply = self.reply(session);
        reply.map(found.len());
        for (name, value) in &found {
            reply.bulk(name.as_bytes()).bulk(value);
        }
    }

    /// `CONFIG SET name value [name value ...]`: all of them or none.
    fn config_set(&mut self, session: &Session, request: &Request<'_>) {
        let words: Vec<&[u8]> = request.iter().skip(2).collect();
        let (pairs, rest) = words.as_chunks::<2>();
        if !rest.is_empty() {
            self.reply(session).error("ERR syntax error");
            return;
        }
        let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|[name, value]| (*name, *value)).collect();
        match self.broker.change_settings(&pairs) {
            Ok(()) => {
                // The next request may be in the same turn; what else depends on settings follows at its end.
                self.settings = self.broker.settings();
                if pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"requirepass")) {
                    self.broker.acl.set_default_password(self.settings.requirepass.as_bytes());
                }
                let settings = Arc::clone(&self.settings);
                self.with_keyspace(|keyspace| {
                    configure_keys(keyspace, &settings);
                    keyspace.make_room(EVICTED_AT_ONCE_MAX);
                });
                self.reply(session).simple("OK");
            }
            Err(text) => {
                self.reply(session).error(&text);
            }
        }
    }

    /// `CONFIG RESETSTAT`: the counters that INFO shows start at 0 again.
    fn config_resetstat(&mut self, session: &Session) {
        // What this worker has counted in this turn, too.
        self.turn = TurnStats::default();
        self.fanout.take_deliveries();
        self.broker.stats.reset();
        self.with_keyspace(fanfare_keyspace::Keyspace::reset_stats);
        self.reply(session).simple("OK");
    }

    /// `CONFIG REWRITE`: the settings in force go into the config file.
    fn config_rewrite(&mut self, session: &Session) {
        let broker = Arc::clone(&self.broker);
        if broker.facts.config_file.is_empty() {
            self.reply(session).error("ERR The server is running without a config file");
            return;
        }
        let mut settings = Settings::clone(&broker.settings());
        if settings.aclfile.is_empty() {
            settings.users = broker.acl.lines(settings.requirepass.as_bytes());
        }
        match (broker.rewrite)(&settings) {
            Ok(()) => {
                self.reply(session).simple("OK");
            }
            Err(reason) => {
                self.reply(session).error(&format!("ERR Rewriting config file: {reason}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use crate::harness::Harness;

    #[test]
    fn get_answers_what_any_pattern_matches_once() {
        let mut harness = Harness::new(1);
        let peer = harness.connect(0);
        assert_eq!(harness.ask(&peer, "CONFIG GET timeout TIMEO* nosuch\r\n"), "*2\r\n$7\r\ntimeout\r\n$1\r\n0\r\n");
        assert_eq!(harness.ask(&peer, "CONFIG GET nosuch\r\n"), "*0\r\n");
        harness.ask(&peer, "HELLO 3\r\n");
        assert_eq!(harness.ask(&peer, "CONFIG GET timeout\r\n"), "%1\r\n$7\r\ntimeout\r\n$1\r\n0\r\n");
    }

    #[test]
    fn set_changes_all_or_nothing_on_every_worker() {
        let mut harness = Harness::new(2);
        let here = harness.connect(0);
        let there = harness.connect(1);
        assert_eq!(harness.ask(&here, "CONFIG SET timeout 7 maxclients 5\r\n"), "+OK\r\n");
        assert_eq!(harness.applies.load(Ordering::SeqCst), 1);
        assert!(harness.workers.iter().all(|worker| worker.settings.timeout == 7));
        assert_eq!(harness.ask(&there, "CONFIG GET timeout\r\n"), "*2\r\n$7\r\ntimeout\r\n$1\r\n7\r\n");
        let refused = harness.ask(&here, "CONFIG SET timeout 8 maxclients x\r\n");
        assert!(
            refused.starts_with("-ERR CONFIG SET failed (possibly related to argument 'maxclients') - "),
            "{refused}"
        );
        assert_eq!(harness.broker.settings().timeout, 7);
        assert_eq!(harness.applies.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn set_refuses_a_name_without_a_value() {
        let mut harness = Harness::new(1);
        let peer = harness.connect(0);
        assert_eq!(harness.ask(&peer, "CONFIG SET timeout 1 maxclients\r\n"), "-ERR syntax error\r\n");
        assert_eq!(
            harness.ask(&peer, "CONFIG SET nosuch 1\r\n"),
            "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n"
        );
    }

    #[test]
    fn a_set_counts_for_the_next_request_of_the_same_turn() {
        let mut harness = Harness::new(1);
        let peer = harness.connect(0);
        let replies = harness.ask(&peer, "CONFIG SET slowlog-log-slower-than 0\r\nPING\r\nSLOWLOG LEN\r\n");
        assert_eq!(replies, "+OK\r\n+PONG\r\n:1\r\n");
    }

    #[test]
    fn resetstat_clears_what_this_turn_counted_too() {
        let mut harness = Harness::new(1);
        let peer = harness.connect(0);
        harness.ask(&peer, "SUBSCRIBE a\r\nRESET\r\nPUBLISH a x\r\n");
        assert_eq!(harness.ask(&peer, "PUBLISH a x\r\nCONFIG RESETSTAT\r\n"), ":0\r\n+OK\r\n");
        assert_eq!(harness.broker.stats().publishes.load(Ordering::Relaxed), 0);
        assert_eq!(harness.broker.stats().connections.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn rewrite_calls_the_outside() {
        let mut harness = Harness::new(1);
        let peer = harness.connect(0);
        assert_eq!(harness.ask(&peer, "CONFIG REWRITE\r\n"), "+OK\r\n");
        assert_eq!(harness.rewrites.load(Ordering::SeqCst), 1);
    }
}
