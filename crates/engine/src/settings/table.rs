//! The table: every setting once, with its name, kind, default and meaning.
//!
//! To add a setting, add one row. The field of [`Settings`], the command-line flag, the directive of the configuration
//! file, `CONFIG GET`/`SET`/`REWRITE` and the reference page all come from it.

use std::fmt;

use fanfare_keyspace::{EventClasses, EvictionPolicy};

use super::value::{
    AppendSync, Kind, LogLevel, OutputLimits, Password, PubsubDefault, Refusal, SlowSubscriberPolicy, TlsAuthClients,
    TlsAuthClientsUser, Value,
};

/// One row of the table.
#[derive(Debug)]
#[non_exhaustive]
pub struct Setting {
    /// Its name, Redis's where Redis has it.
    pub name: &'static str,
    /// The section of the reference page it belongs to.
    pub group: Group,
    /// What its value looks like.
    pub kind: Kind,
    /// The default, as one would write it.
    pub default: &'static str,
    /// Whether `CONFIG SET` may change it while the server runs.
    pub mutable: bool,
    /// What it does, in one sentence.
    pub doc: &'static str,
    pub(super) print: Print,
    pub(super) read: Read,
}

/// Prints the field of a row.
type Print = fn(&Settings, &Kind) -> Vec<u8>;

/// Reads the words of a value into the field of a row.
type Read = fn(&mut Settings, &Kind, &[&[u8]]) -> Result<(), Refusal>;

/// A section of the reference page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Group {
    /// Where the server listens.
    Network,
    /// Who may connect.
    Security,
    /// Encryption.
    Tls,
    /// What one client may use.
    Clients,
    /// How messages are delivered.
    Delivery,
    /// How keys are kept, and what is said about them.
    Keys,
    /// What is logged and recorded.
    Diagnostics,
    /// The process as a whole.
    Process,
}

impl Group {
    /// The heading of the section.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Network => "Network",
            Self::Security => "Security",
            Self::Tls => "TLS",
            Self::Clients => "Clients",
            Self::Delivery => "Delivery",
            Self::Keys => "Keys",
            Self::Diagnostics => "Diagnostics",
            Self::Process => "Process",
        }
    }

    pub(super) const ALL: [Self; 8] = [
        Self::Network,
        Self::Security,
        Self::Tls,
        Self::Clients,
        Self::Delivery,
        Self::Keys,
        Self::Diagnostics,
        Self::Process,
    ];
}

/// A `user` line of the config file: a name and its rules, one word each.
///
/// No setting of its own: `CONFIG` neither shows nor changes users, `ACL` does.
#[derive(Clone, PartialEq, Eq)]
pub struct UserLine {
    /// The user's name.
    pub name: Box<[u8]>,
    /// The rules in order.
    pub rules: Vec<Vec<u8>>,
}

impl fmt::Debug for UserLine {
    /// Without the rules, which may be passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserLine({}, {} rules)", self.name.escape_ascii(), self.rules.len())
    }
}

macro_rules! settings {
    ($($group:ident {$(
        $field:ident: $value:ty = $name:literal $kind:expr, $default:literal, $when:ident, $doc:literal;
    )*})*) => {
        /// The value of every setting.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Settings {$($(
            #[doc = $doc]
            pub $field: $value,
        )*)*
            /// The users that `user` lines of the config file define.
            pub users: Vec<UserLine>,
        }

        /// Every setting, grouped.
        pub static SETTINGS: &[Setting] = &[$($(
            Setting {
                name: $name,
                group: Group::$group,
                kind: $kind,
                default: $default,
                mutable: settings!(@ $when),
                doc: $doc,
                print: |settings, kind| settings.$field.print(kind),
                read: |settings, kind, words| settings.$field.read(kind, words),
            },
        )*)*];

        impl Default for Settings {
            fn default() -> Self {
                let mut settings = Self {$($($field: <$value>::default(),)*)* users: Vec::new()};
                for setting in SETTINGS {
                    let outcome = setting.set(&mut settings, setting.default.as_bytes());
                    debug_assert!(outcome.is_ok(), "default of {}: {outcome:?}", setting.name);
                }
                settings
            }
        }
    };
    (@ at_start) => { false };
    (@ any_time) => { true };
}

settings! {
    Network {
        bind: Vec<String> = "bind" Kind::Addresses, "127.0.0.1 -::1", at_start,
            "The addresses to listen on for TCP; one with a leading `-` is skipped if this machine lacks it, \
             and an empty value means no TCP at all.";
        port: u16 = "port" Kind::Integer { min: 0, max: 65535 }, "6379", at_start,
            "The TCP port; 0 picks a free one, which is printed at the start, or means none if `tls-port` is set.";
        tls_port: u16 = "tls-port" Kind::Integer { min: 0, max: 65535 }, "0", at_start,
            "The TCP port for TLS, beside `port` or with `port 0` instead of it; 0 means no TLS.";
        unixsocket: String = "unixsocket" Kind::Text, "", at_start,
            "The path of a Unix socket to listen on as well; empty means none.";
        unixsocketperm: u32 = "unixsocketperm" Kind::Octal { max: 0o777 }, "0", at_start,
            "The file mode of the Unix socket; 0 leaves it to the umask.";
        tcp_backlog: u32 = "tcp-backlog" Kind::Integer { min: 0, max: INT_MAX }, "511", at_start,
            "How many connections the kernel holds ready before they are accepted.";
        tcp_keepalive: u32 = "tcp-keepalive" Kind::Integer { min: 0, max: INT_MAX }, "300", any_time,
            "Seconds of silence after which the kernel probes whether a peer still exists; 0 means never.";
    }
    Security {
        protected_mode: bool = "protected-mode" Kind::YesNo, "yes", any_time,
            "Whether only clients of this machine may connect as long as no password is set; an address of `bind` that \
             others can reach then stops the start.";
        requirepass: Password = "requirepass" Kind::Secret, "", any_time,
            "The password that clients must give with `AUTH` or `HELLO`; empty means none.";
        unauthenticated_timeout: u32 = "unauthenticated-timeout" Kind::Integer { min: 0, max: INT_MAX }, "60", any_time,
            "Seconds after which a connection that has to log in and has not is closed; 0 means never, as in Redis.";
        auth_failures_per_minute: u32 = "auth-failures-per-minute" Kind::Integer { min: 0, max: INT_MAX }, "5", any_time,
            "How many logins of one address may fail in a minute; its further ones fail without a look at the password \
             until the minute is over, and 0 means no limit, as in Redis.";
        aclfile: String = "aclfile" Kind::Text, "", at_start,
            "The file that users are read from at the start and by `ACL LOAD`, and written to by `ACL SAVE`; empty means \
             none.";
        acl_pubsub_default: PubsubDefault = "acl-pubsub-default" Kind::Choice(PubsubDefault::WORDS), "resetchannels",
            any_time,
            "Whether a new user may use all channels, or none until rules name some.";
        acl_pattern_subset: bool = "acl-pattern-subset" Kind::YesNo, "no", any_time,
            "Whether `PSUBSCRIBE` may also take a pattern that is narrower than one of the user's, such as `a:b:*` under \
             `a:*`; Redis takes only equal ones.";
        acllog_max_len: usize = "acllog-max-len" Kind::Integer { min: 0, max: i64::MAX }, "128", any_time,
            "How many entries the log of refusals (`ACL LOG`) keeps.";
    }
    Tls {
        tls_cert_file: String = "tls-cert-file" Kind::Text, "", any_time,
            "The PEM file of the server's certificate, followed by those that sign it; read again whenever a setting of \
             this section is set, and on SIGHUP.";
        tls_key_file: String = "tls-key-file" Kind::Text, "", any_time,
            "The PEM file of the certificate's private key, without a passphrase.";
        tls_ca_cert_file: String = "tls-ca-cert-file" Kind::Text, "", any_time,
            "The PEM file of the certificates that sign those of clients.";
        tls_auth_clients: TlsAuthClients = "tls-auth-clients" Kind::Choice(TlsAuthClients::WORDS), "yes", any_time,
            "Whether clients must show a certificate, or may (`optional`).";
        tls_auth_clients_user: TlsAuthClientsUser = "tls-auth-clients-user" Kind::Choice(TlsAuthClientsUser::WORDS),
            "off", any_time,
            "With `CN` a client is the user that the common name of its certificate names.";
        tls_protocols: String = "tls-protocols" Kind::Text, "", any_time,
            "The versions of TLS, among `TLSv1.2` and `TLSv1.3`; empty means both.";
        tls_handshake_timeout_ms: u32 = "tls-handshake-timeout-ms" Kind::Integer { min: 1, max: INT_MAX }, "10000",
            any_time,
            "Milliseconds that a client may take for its handshake.";
        max_tls_handshakes: usize = "max-tls-handshakes" Kind::Integer { min: 1, max: INT_MAX }, "1000", any_time,
            "How many handshakes may be under way at once; connections beyond them are closed.";
    }
    Clients {
        maxclients: u32 = "maxclients" Kind::Integer { min: 1, max: 4_294_967_295 }, "10000", any_time,
            "How many clients may be connected at once; more are told so and closed.";
        timeout: u32 = "timeout" Kind::Integer { min: 0, max: INT_MAX }, "0", any_time,
            "Seconds after which an idle client without subscriptions is closed; 0 means never.";
        databases: u32 = "databases" Kind::Integer { min: 1, max: INT_MAX }, "16", at_start,
            "How many database numbers `SELECT` accepts.";
        max_subscriptions_per_client: usize = "max-subscriptions-per-client" Kind::Integer { min: 1, max: INT_MAX },
            "1000000", any_time,
            "How many channels and patterns together one client may be subscribed to.";
        client_query_buffer_limit: usize = "client-query-buffer-limit" Kind::Memory { min: MIB, max: LONG_MAX },
            "1gb", any_time,
            "How many bytes of requests not yet complete a client may make the server hold; more closes it.";
        proto_max_bulk_len: usize = "proto-max-bulk-len" Kind::Memory { min: MIB, max: BULK_MAX },
            "512mb", any_time,
            "The longest single argument of a request, such as a message.";
    }
    Delivery {
        client_output_buffer_limit: OutputLimits = "client-output-buffer-limit" Kind::OutputLimits,
            "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60", any_time,
            "Per class of client, how many unsent bytes are too many at once (hard) or for some seconds (soft); \
             0 means no limit.";
        slow_subscriber_policy: SlowSubscriberPolicy = "slow-subscriber-policy"
            Kind::Choice(SlowSubscriberPolicy::WORDS), "disconnect", any_time,
            "What happens to a subscriber over its output limit: close it, drop its oldest messages, or keep \
             the latest per channel.";
        publish_window_bytes: usize = "publish-window-bytes" Kind::Memory { min: 4 << 10, max: 1 << 30 },
            "256kb", any_time,
            "How far delivery to a subscriber that does accept data may lag before publishers have to wait.";
        flush_slice_us: u32 = "flush-slice-us" Kind::Integer { min: 10, max: 100_000 }, "50", any_time,
            "Microseconds a worker spends on writing to subscribers before it reads new requests.";
        write_coalesce_max_ms: u32 = "write-coalesce-max-ms" Kind::Integer { min: 0, max: 1000 }, "10", any_time,
            "How many milliseconds a busy worker may pause between two writes to one subscriber, so that more messages \
             go with each; with little to do it never does, and 0 means never.";
        pattern_cache_entries: usize = "pattern-cache-entries" Kind::Integer { min: 0, max: 16_777_216 },
            "65536", any_time,
            "For how many recently published channels the matching patterns are remembered.";
    }
    Keys {
        data_dir: String = "data-dir" Kind::Text, "", at_start,
            "The folder in which keys survive a restart; empty means that they are in memory only.";
        appendfsync: AppendSync = "appendfsync" Kind::Choice(AppendSync::WORDS), "everysec", any_time,
            "When changes of keys are on the disk of `data-dir`: before the client is answered, within a second, or written              within a second and synced when the system sees fit, after whose failure the file may be damaged.";
        auto_aof_rewrite_percentage: u32 = "auto-aof-rewrite-percentage" Kind::Integer { min: 0, max: INT_MAX }, "100",
            any_time,
            "How large the log of changes in `data-dir` may become beside the last save of all keys, in percent of it,              before they are saved anew; 0 means never by itself.";
        auto_aof_rewrite_min_size: usize = "auto-aof-rewrite-min-size" Kind::Memory { min: 0, max: LONG_MAX }, "64mb",
            any_time,
            "Up to which size the log of changes stays as it is, whatever that percentage says.";
        notify_keyspace_events: EventClasses = "notify-keyspace-events" Kind::EventClasses, "", any_time,
            "Which events of keys are published, and whether by key (`K`) or by event (`E`); empty means none.";
        maxmemory: usize = "maxmemory" Kind::Memory { min: 0, max: LONG_MAX }, "0", any_time,
            "How many bytes keys and their values may take; 0 means no limit.";
        maxmemory_policy: EvictionPolicy = "maxmemory-policy" Kind::Choice(EvictionPolicy::WORDS), "noeviction", any_time,
            "Which keys go when they take more: with `noeviction` none, and writes are refused.";
        maxmemory_samples: usize = "maxmemory-samples" Kind::Integer { min: 1, max: 64 }, "5", any_time,
            "How many keys are looked at to choose one that goes.";
        tracking_table_max_keys: usize = "tracking-table-max-keys" Kind::Integer { min: 0, max: i64::MAX }, "1000000",
            any_time,
            "How many keys are remembered for the clients that have read them and want to hear of changes; clients are \
             told of those that have to be forgotten, and 0 means no limit.";
        hash_max_listpack_entries: usize = "hash-max-listpack-entries" Kind::Integer { min: 0, max: INT_MAX }, "128",
            any_time,
            "Up to how many fields a hash is kept in one piece of memory.";
        hash_max_listpack_value: usize = "hash-max-listpack-value" Kind::Integer { min: 0, max: INT_MAX }, "64",
            any_time,
            "The longest field or value of a hash in one piece.";
        list_max_listpack_size: i64 = "list-max-listpack-size" Kind::Integer { min: -5, max: INT_MAX }, "-2", any_time,
            "Up to how many elements a list is kept in one piece of memory; -1 to -5 mean 4, 8, 16, 32 and 64 KiB.";
        set_max_intset_entries: usize = "set-max-intset-entries" Kind::Integer { min: 0, max: INT_MAX }, "512", any_time,
            "Up to how many members a set of integers is kept as a sorted array.";
        set_max_listpack_entries: usize = "set-max-listpack-entries" Kind::Integer { min: 0, max: INT_MAX }, "128",
            any_time,
            "Up to how many members a set is kept in one piece of memory.";
        set_max_listpack_value: usize = "set-max-listpack-value" Kind::Integer { min: 0, max: INT_MAX }, "64", any_time,
            "The longest member of a set in one piece.";
        zset_max_listpack_entries: usize = "zset-max-listpack-entries" Kind::Integer { min: 0, max: INT_MAX }, "128",
            any_time,
            "Up to how many members a sorted set is kept in one piece of memory.";
        zset_max_listpack_value: usize = "zset-max-listpack-value" Kind::Integer { min: 0, max: INT_MAX }, "64", any_time,
            "The longest member of a sorted set in one piece.";
        stream_node_max_entries: usize = "stream-node-max-entries" Kind::Integer { min: 0, max: INT_MAX }, "100", any_time,
            "By how many entries at once an approximate trim shortens a stream.";
    }
    Diagnostics {
        loglevel: LogLevel = "loglevel" Kind::Choice(LogLevel::WORDS), "notice", any_time,
            "How much is logged.";
        logfile: String = "logfile" Kind::Text, "", at_start,
            "The file to log to; empty means standard output.";
        slowlog_log_slower_than: i64 = "slowlog-log-slower-than" Kind::Integer { min: -1, max: i64::MAX },
            "10000", any_time,
            "Microseconds a command must take to enter the slow log; 0 takes every command, -1 none.";
        slowlog_max_len: usize = "slowlog-max-len" Kind::Integer { min: 0, max: i64::MAX }, "128", any_time,
            "How many entries the slow log keeps.";
    }
    Process {
        workers: u32 = "workers" Kind::Integer { min: 0, max: 64 }, "0", at_start,
            "How many threads serve clients; 0 means one per core.";
        shutdown_timeout: u32 = "shutdown-timeout" Kind::Integer { min: 0, max: INT_MAX }, "10", any_time,
            "Seconds a shutdown waits for clients to receive what is queued for them.";
    }
}

/// Redis keeps these in a C `int`, and says so in its refusals.
const INT_MAX: i64 = i32::MAX as i64;

/// Redis keeps these in a C `long`, and says so in its refusals.
const LONG_MAX: u64 = i64::MAX as u64;

const MIB: u64 = 1 << 20;

/// A frame has at most three arguments of a request, and its length must fit 32 bits; Redis sets no bound here.
const BULK_MAX: u64 = 1 << 30;
