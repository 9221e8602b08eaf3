//! Directives of Redis and Valkey that Fanfare has no setting for: which it may skip, and which it must refuse.

/// Directives that are skipped with a warning, after the reason why they mean nothing here.
pub(super) static NO_EFFECT: &[(&str, &str)] = &[
    (
        "keys are written to `data-dir`, in one file that needs no tuning",
        "always-show-logo aof-disable-auto-gc aof-load-truncated \
         aof-rewrite-incremental-fsync aof-timestamp-enabled aof-use-rdb-preamble \
         aof_rewrite_cpulist appenddirname appendfilename appendonly \
         bgsave_cpulist dbfilename dir \
         lazyfree-lazy-user-flush no-appendfsync-on-rewrite rdb-del-sync-files \
         rdb-save-incremental-fsync rdb-version-check rdbchecksum rdbcompression \
         sanitize-dump-payload save stop-writes-on-bgsave-error",
    ),
    (
        "there are no replicas: every subscriber of a channel is served by this server",
        "masterauth masteruser min-replicas-max-lag min-replicas-to-write min-slaves-max-lag \
         min-slaves-to-write primaryauth primaryuser propagation-error-behavior \
         repl-backlog-size repl-backlog-ttl repl-disable-tcp-nodelay repl-diskless-load \
         repl-diskless-sync repl-diskless-sync-delay repl-diskless-sync-max-replicas \
         repl-ping-replica-period repl-ping-slave-period repl-timeout replica-announce-ip \
         replica-announce-port replica-announced replica-full-sync-buffer-limit \
         replica-ignore-disk-write-errors replica-ignore-maxmemory replica-lazy-flush \
         replica-priority replica-read-only replica-serve-stale-data replicaof \
         slave-announce-ip slave-announce-port slave-ignore-maxmemory slave-lazy-flush \
         slave-priority slave-read-only slave-serve-stale-data slaveof",
    ),
    (
        "this server is not a node of a cluster",
        "cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down \
         cluster-allow-replica-migration cluster-announce-bus-port cluster-announce-hostname \
         cluster-announce-human-nodename cluster-announce-ip cluster-announce-port \
         cluster-announce-tls-port cluster-config-file cluster-enabled \
         cluster-link-sendbuf-limit cluster-migration-barrier cluster-node-timeout \
         cluster-port cluster-preferred-endpoint-type cluster-replica-no-failover \
         cluster-replica-validity-factor cluster-require-full-coverage \
         cluster-slave-no-failover cluster-slave-validity-factor",
    ),
    (
        "it tunes a data set in ways that do not exist here",
        "active-defrag-cycle-max active-defrag-cycle-min active-defrag-ignore-bytes \
         active-defrag-max-scan-fields active-defrag-threshold-lower \
         active-defrag-threshold-upper active-expire-effort activedefrag activerehashing \
         hll-sparse-max-bytes lazyfree-lazy-eviction \
         lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del lfu-decay-time \
         lfu-log-factor list-compress-depth list-max-ziplist-entries \
         list-max-ziplist-value maxmemory-eviction-tenacity \
         stream-node-max-bytes",
    ),
    ("there are no scripts and modules", "busy-reply-threshold enable-module-command loadmodule lua-time-limit"),
    ("use `workers`", "io-threads io-threads-do-reads server-cpulist server_cpulist"),
    ("the server stays in the foreground, for a service manager to run", "daemonize pidfile supervised"),
    ("use `logfile`, or let the service manager take standard output", "syslog-enabled syslog-facility syslog-ident"),
    (
        "TLS takes strong ciphers only, one file of certificate authorities, and keys without a passphrase",
        "tls-ca-cert-dir tls-ciphers tls-ciphersuites tls-client-cert-file tls-client-key-file \
         tls-client-key-file-pass tls-cluster tls-dh-params-file tls-key-file-pass \
         tls-prefer-server-ciphers tls-replication tls-session-cache-size \
         tls-session-cache-timeout tls-session-caching",
    ),
    (
        "it tunes internals of Redis that do not exist here",
        "bind-source-addr bio_cpulist crash-log-enabled crash-memcheck-enabled disable-thp \
         dynamic-hz enable-debug-command enable-protected-configs hz ignore-warnings \
         jemalloc-bg-thread latency-monitor-threshold latency-tracking latency-tracking-info-percentiles locale-collate \
         max-new-connections-per-cycle max-new-tls-connections-per-cycle maxmemory-clients \
         oom-score-adj oom-score-adj-values proc-title-template set-proc-title \
         shutdown-on-sigint shutdown-on-sigterm socket-mark-id",
    ),
];

/// Directives that protect something: skipping one would leave open what the operator believes to be closed.
pub(super) static REFUSED: &[Refused] =
    &[Refused { name: "rename-command", reason: "commands cannot be renamed or disabled" }];

/// A directive that is an error.
pub(super) struct Refused {
    pub(super) name: &'static str,
    pub(super) reason: &'static str,
}

/// Why this directive means nothing here; `None` if neither Redis nor Valkey has it.
pub(super) fn no_effect(name: &str) -> Option<&'static str> {
    let (reason, _) = NO_EFFECT.iter().find(|(_, names)| names.split(' ').any(|known| known == name))?;
    Some(reason)
}
