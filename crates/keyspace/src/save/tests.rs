//! Keys that come back from what was recorded of them, and from saves with what was recorded since.

use fanfare_wire::{Parsed, Request, RequestArgs, RequestLimits, RequestParser};
use proptest::prelude::*;

use crate::event::EventClasses;
use crate::eviction::{Eviction, EvictionPolicy};
use crate::keyspace::EncodingLimits;
use crate::rebuild::tests::{Words, command, describe, element};
use crate::record::{DB_RECORD, TIME_RECORD};
use crate::testing::Bench;

/// Databases that are used.
const DATABASES: u32 = 3;
/// When the keys are looked at: late, so that times that differ show in all that is idle.
const LATER_MS: u64 = 5_000_000;

/// Commands that change values; what begins with a colon stands for one of several words.
const OF_VALUES: &[&str] = &[
    "SET :string :value",
    "SET :string :value KEEPTTL",
    "SET :string :value PX :ms",
    "SET :string :value PXAT :at",
    "SET :string :value GET",
    "SETEX :string 1 :value",
    "PSETEX :string :ms :value",
    "SETNX :string :value",
    "SETRANGE :string :number :value",
    "APPEND :string :value",
    "GETDEL :string",
    "GETEX :string PX :ms",
    "GETEX :string PXAT :at",
    "GETEX :string PERSIST",
    "GETSET :string :value",
    "INCR :string",
    "DECRBY :string :number",
    "INCRBYFLOAT :string 0.1",
    "RPUSH :list :value :value",
    "LPUSH :list :value :value :value",
    "RPUSHX :list :value",
    "LPUSHX :list :value",
    "LPOP :list",
    "RPOP :list :number",
    "LINSERT :list BEFORE :value :value",
    "LSET :list :number :value",
    "LREM :list :number :value",
    "LTRIM :list :number -2",
    "LMOVE :list :list LEFT RIGHT",
    "RPOPLPUSH :list :list",
    "LMPOP 2 :list :list RIGHT COUNT 2",
    "SADD :set :value :value",
    "SADD :set :number :number :number",
    "SREM :set :value",
    "SPOP :set",
    "SPOP :set :number",
    "SMOVE :set :set :value",
    "SDIFFSTORE :set :set :set",
    "SINTERSTORE :set :set :set",
    "HSET :hash :value :value :value :value",
    "HSET :hash :value :number",
    "HMSET :hash :value :value",
    "HSETNX :hash :value :value",
    "HDEL :hash :value",
    "HINCRBY :hash :value :number",
    "HINCRBYFLOAT :hash :value 0.1",
    "HEXPIRE :hash :number FIELDS 1 :value",
    "HPEXPIRE :hash :ms FIELDS 2 :value :value",
    "HPEXPIRE :hash :ms LT FIELDS 1 :value",
    "HEXPIREAT :hash 1000 FIELDS 1 :value",
    "HPEXPIREAT :hash :at FIELDS 2 :value :value",
    "HPERSIST :hash FIELDS 1 :value",
    "HGETDEL :hash FIELDS 2 :value :value",
    "HGETEX :hash PX :ms FIELDS 2 :value :value",
    "HGETEX :hash PXAT :at FIELDS 1 :value",
    "HGETEX :hash PERSIST FIELDS 1 :value",
    "HSETEX :hash PX :ms FIELDS 1 :value :value",
    "HSETEX :hash FXX PXAT :at FIELDS 1 :value :value",
    "HSETEX :hash FNX KEEPTTL FIELDS 2 :value :value :value :value",
    "ZADD :zset :number :value :number :value",
    "ZADD :zset GT CH :number :value",
    "ZADD :zset INCR 0.1 :value",
    "ZINCRBY :zset :number :value",
    "ZREM :zset :value",
    "ZPOPMIN :zset",
    "ZPOPMAX :zset :number",
    "ZMPOP 2 :zset :zset MIN COUNT :number",
    "ZREMRANGEBYRANK :zset :number -3",
    "ZREMRANGEBYSCORE :zset :number 3",
    "ZREMRANGEBYLEX :zset [1 (5",
    "ZRANGESTORE :zset :zset 1 5 BYSCORE",
    "ZDIFFSTORE :zset 2 :zset :zset",
    "ZINTERSTORE :zset 2 :zset :set",
    "ZUNIONSTORE :zset 2 :zset :set WEIGHTS 2 1",
    "XADD :stream * :value :value",
    "XADD :stream * :value :value",
    "XADD :stream :at-* :value :value",
    "XADD :stream NOMKSTREAM MAXLEN :number * :value :value",
    "XADD :stream MAXLEN ~ :number * :value :value",
    "XADD :stream MINID ~ :id LIMIT 4 * :value :value",
    "XTRIM :stream MAXLEN ~ :number LIMIT :number",
    "XTRIM :stream MAXLEN ~ :number",
    "XTRIM :stream MINID :id",
    "XDEL :stream :id :id",
    "XSETID :stream :at-9",
    "XGROUP CREATE :stream :group 0 MKSTREAM",
    "XGROUP CREATE :stream :group $",
    "XGROUP CREATECONSUMER :stream :group :consumer",
    "XGROUP SETID :stream :group :id",
    "XGROUP DELCONSUMER :stream :group :consumer",
    "XREADGROUP GROUP :group :consumer COUNT 2 STREAMS :stream >",
    "XREADGROUP GROUP :group :consumer COUNT 3 STREAMS :stream >",
    "XREADGROUP GROUP :group :consumer COUNT 3 NOACK STREAMS :stream >",
    "XREADGROUP GROUP :group :consumer STREAMS :stream 0",
    "XREADGROUP GROUP :group :consumer COUNT 1 STREAMS :stream :stream > >",
    "XACK :stream :group :id :id",
    "XCLAIM :stream :group :consumer :number :id :id",
    "XCLAIM :stream :group :consumer 0 :id FORCE JUSTID",
    "XCLAIM :stream :group :consumer 0 :id IDLE :ms RETRYCOUNT 7",
    "XAUTOCLAIM :stream :group :consumer :number 0 COUNT 2",
    "XAUTOCLAIM :stream :group :consumer 0 :id JUSTID",
];

/// Those that concern keys of any type, so that values do not last if they are frequent.
const OF_KEYS: &[&str] = &[
    "SET :any :value",
    "MSET :string :value :any :value",
    "MSETNX :string :value :any :value",
    "DEL :any :any",
    "RENAME :any :any",
    "RENAMENX :any :any",
    "COPY :any :any REPLACE",
    "COPY :any :any DB :db",
    "COPY :any :any DB :db REPLACE",
    "MOVE :any :db",
    "MOVE :any :db",
    "SWAPDB :db :db",
    "FLUSHDB",
    "FLUSHALL",
    "EXPIRE :any :number",
    "EXPIRE :any -1",
    "EXPIREAT :any 1000",
    "PEXPIRE :any :ms",
    "PEXPIRE :any :ms NX",
    "PEXPIREAT :any :at",
    "PEXPIREAT :any :at GT",
    "PERSIST :any",
    "SUNIONSTORE :any :set :set",
    "ZRANGESTORE :any :zset :number -1",
    "XGROUP DESTROY :stream :group",
];

const POLICIES: &[EvictionPolicy] =
    &[EvictionPolicy::AllkeysRandom, EvictionPolicy::AllkeysLru, EvictionPolicy::VolatileTtl];

/// What happens to the keys.
#[derive(Clone, Debug)]
enum Step {
    /// A command in a database, with what chooses its words.
    Command {
        db: u32,
        template: &'static str,
        choices: [u8; 7],
    },
    /// Those after it share a transaction until the clock moves.
    BeginTransaction,
    Clock {
        moved_ms: i64,
    },
    ExpireDue {
        max: usize,
    },
    MakeRoom {
        policy: usize,
        max: usize,
    },
    BeginSave,
    SaveSome {
        bytes: usize,
    },
    AbandonSave,
}

fn command_of(templates: &'static [&str]) -> impl Strategy<Value = Step> {
    (prop_oneof![4 => Just(0), 2 => 1..DATABASES], prop::sample::select(templates), any::<[u8; 7]>())
        .prop_map(|(db, template, choices)| Step::Command { db, template, choices })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        60 => command_of(OF_VALUES),
        12 => command_of(OF_KEYS),
        2 => Just(Step::BeginTransaction),
        10 => (-2..5_i64).prop_map(|ticks| Step::Clock { moved_ms: 10 * ticks }),
        3 => (1..4_usize).prop_map(|max| Step::ExpireDue { max }),
        1 => (0..POLICIES.len(), 1..4_usize).prop_map(|(policy, max)| Step::MakeRoom { policy, max }),
        1 => Just(Step::BeginSave),
        10 => (1..60_usize).prop_map(|bytes| Step::SaveSome { bytes }),
        1 => prop::bool::weighted(0.2).prop_map(|gives_up| match gives_up {
            true => Step::AbandonSave,
            false => Step::BeginSave,
        }),
    ]
}

/// The words of a command.
fn words(template: &str, choices: [u8; 7], now_ms: u64) -> Words {
    let mut choices = choices.into_iter().map(usize::from).cycle();
    let word = |word: &str| {
        let Some(kind) = word.strip_prefix(':') else { return word.as_bytes().to_vec() };
        let choice = choices.next().unwrap_or(0);
        let at = now_ms - 30 + 10 * (choice as u64 % 10);
        match kind {
            "value" => element(choice % 6),
            "number" => (choice % 5).to_string().into_bytes(),
            "ms" => (1 + choice % 90).to_string().into_bytes(),
            "at" => at.to_string().into_bytes(),
            "at-*" => format!("{at}-*").into_bytes(),
            "at-9" => format!("{at}-9").into_bytes(),
            "id" => format!("{}-{}", now_ms + 10 - 10 * (choice as u64 / 2 % 4), choice % 2).into_bytes(),
            "db" => (choice % DATABASES as usize).to_string().into_bytes(),
            "group" => [b"g", b"h"][choice % 2].to_vec(),
            "consumer" => [b"a", b"b"][choice % 2].to_vec(),
            "any" => ["string", "list", "set", "hash", "zset", "stream"][choice / 2 % 6].to_owned().into_bytes(),
            _ if choice.is_multiple_of(5) => format!("other-{kind}").into_bytes(),
            _ => kind.as_bytes().to_vec(),
        }
    };
    template.split(' ').map(word).collect()
}

/// A save with what was recorded before it began.
struct Saved {
    pieces: Vec<Vec<u8>>,
    from: usize,
}

/// Keys that change, and what is kept of them.
struct Live {
    bench: Bench,
    log: Vec<Vec<u8>>,
    is_transaction: bool,
    saving: Option<Saved>,
    saved: Vec<Saved>,
}

impl Live {
    fn new(limits: EncodingLimits) -> Self {
        let mut bench = Bench::new();
        bench.keyspace.set_event_classes(EventClasses::NONE);
        bench.keyspace.set_encoding_limits(limits);
        bench.keyspace.set_records(true);
        Self { bench, log: Vec::new(), is_transaction: false, saving: None, saved: Vec::new() }
    }

    /// Runs a command in a database and records it if it has changed something.
    fn run(&mut self, db: u32, words: &[impl AsRef<[u8]>]) {
        self.bench.db = db;
        let dirty = self.bench.keyspace.stats().dirty;
        let reply = self.bench.run_words(command(words), words);
        if !reply.starts_with('-') && self.bench.keyspace.stats().dirty != dirty {
            let args: RequestArgs = words.iter().collect();
            self.bench.keyspace.record(db, &Request::new(&[], &args));
        }
        if !self.is_transaction {
            self.take_records();
        }
    }

    fn run_line(&mut self, db: u32, line: &str) {
        self.run(db, &line.split(' ').collect::<Vec<_>>());
    }

    fn take_records(&mut self) {
        self.is_transaction = false;
        self.log.extend(self.bench.keyspace.take_records());
    }

    fn begin_save(&mut self) {
        self.take_records();
        self.bench.keyspace.begin_save();
        self.saving = Some(Saved { pieces: Vec::new(), from: self.log.len() });
    }

    /// Takes a piece of the save; false if nothing is left.
    fn save_some(&mut self, bytes: usize) -> bool {
        let Some(saving) = &mut self.saving else { return false };
        let mut piece = Vec::new();
        let has_more = self.bench.keyspace.save_some(bytes, &mut piece);
        assert!(piece.len() <= bytes);
        saving.pieces.push(piece);
        if !has_more {
            self.saved.extend(self.saving.take());
        }
        has_more
    }

    fn step(&mut self, step: &Step) {
        let Self { bench: Bench { keyspace, .. }, .. } = self;
        match *step {
            Step::Command { db, template, choices } => {
                let words = words(template, choices, keyspace.now_ms);
                self.run(db, &words);
                return;
            }
            Step::BeginTransaction => {
                self.is_transaction = true;
                return;
            }
            // None of these comes between the commands of a transaction.
            _ => self.take_records(),
        }
        let Self { bench: Bench { keyspace, .. }, .. } = self;
        match *step {
            Step::Clock { moved_ms } => keyspace.set_now(keyspace.now_ms.saturating_add_signed(moved_ms)),
            Step::ExpireDue { max } => _ = keyspace.expire_due(max),
            Step::MakeRoom { policy, max } => {
                let max_bytes = keyspace.used_bytes() * 3 / 4;
                keyspace.set_eviction(Eviction { max_bytes, policy: POLICIES[policy], samples: 2 });
                keyspace.make_room(max);
            }
            Step::BeginSave => self.begin_save(),
            Step::SaveSome { bytes } => _ = self.save_some(bytes),
            Step::AbandonSave => {
                keyspace.abandon_save();
                self.saving = None;
            }
            Step::Command { .. } | Step::BeginTransaction => {}
        }
        self.take_records();
    }

    /// What was recorded brings the same keys back, and so does each save with what was recorded since it began.
    fn check(mut self) -> Result<(), TestCaseError> {
        self.take_records();
        while self.save_some(64) {}
        let limits = self.bench.keyspace.limits;
        self.bench.keyspace.set_now(LATER_MS);
        let expected = describe_all(&mut self.bench);
        prop_assert_eq!(replay(limits, self.log.iter()), &*expected);
        for Saved { pieces, from } in &self.saved {
            prop_assert_eq!(replay(limits, pieces.iter().chain(&self.log[*from..])), &*expected);
        }
        Ok(())
    }
}

/// All keys as they are kept, whether or not their time has come, but for when consumers were seen.
fn describe_all(bench: &mut Bench) -> String {
    bench.keyspace.is_replay = true;
    let mut text = String::new();
    for db in 0..DATABASES {
        bench.db = db;
        text += &format!("{db}: {:?}\n{}", bench.keyspace.sizes(db), describe(bench));
    }
    without_number(&without_number(&text, "$9 seen-time :"), "$4 idle :")
}

/// Takes out the number behind each such label.
fn without_number(text: &str, label: &str) -> String {
    let mut parts = text.split(label);
    let first = parts.next().unwrap_or_default();
    parts
        .fold(first.to_owned(), |text, part| text + label + part.trim_start_matches(|char: char| char.is_ascii_digit()))
}

/// Executes pieces in a new keyspace as a start does, and describes what comes of them.
fn replay<'p>(limits: EncodingLimits, pieces: impl Iterator<Item = &'p Vec<u8>>) -> String {
    let mut bench = Bench::new();
    bench.keyspace.set_now(0);
    bench.keyspace.set_encoding_limits(limits);
    bench.keyspace.begin_replay();
    bench.in_transaction = true;
    let (mut parser, mut args, mut input) = (RequestParser::new(), RequestArgs::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        let mut at = 0;
        while at < input.len() {
            match parser.parse(&input[at..], &RequestLimits::DEFAULT, &mut args).expect("it has requests") {
                Parsed::Complete { consumed } => {
                    execute(&mut bench, &Request::new(&input[at..], &args));
                    at += consumed;
                }
                Parsed::Incomplete { .. } => break,
            }
        }
        input.drain(..at);
    }
    assert!(input.is_empty(), "the last request has an end");
    bench.keyspace.end_replay(LATER_MS);
    describe_all(&mut bench)
}

fn execute(bench: &mut Bench, request: &Request<'_>) {
    let words: Vec<&[u8]> = request.iter().collect();
    let number = || str::from_utf8(words[1]).unwrap().parse::<u64>().unwrap();
    match str::from_utf8(words[0]).unwrap() {
        TIME_RECORD => bench.keyspace.set_now(number()),
        DB_RECORD => bench.db = u32::try_from(number()).unwrap(),
        _ => {
            let reply = bench.run_words(command(&words), &words);
            assert!(!reply.starts_with('-'), "{reply}: {}", words.join(&b' ').escape_ascii());
        }
    }
}

proptest! {
    #[test]
    fn records_and_saves_bring_the_same_keys_back(
        steps in prop::collection::vec(step(), 1..400),
        max in prop::sample::select(&[1_usize, 3, 128][..]),
    ) {
        let mut live = Live::new(EncodingLimits {
            hash_max_listpack_entries: max,
            list_max_listpack_size: max as i64,
            set_max_intset_entries: max,
            set_max_listpack_entries: max,
            zset_max_listpack_entries: max,
            stream_node_max_entries: max,
            ..EncodingLimits::default()
        });
        steps.iter().for_each(|step| live.step(step));
        live.check()?;
    }
}

/// Keys of two databases, some with a deadline.
fn filled() -> Live {
    let mut live = Live::new(EncodingLimits::default());
    for number in 0..40 {
        live.run_line(number % 2, &format!("SET key:{number} {number}"));
        live.run_line(number % 2, &format!("RPUSH list:{number} a b"));
        if number % 3 == 0 {
            live.run_line(number % 2, &format!("PEXPIRE list:{number} {}", 1 + number));
        }
    }
    live
}

#[test]
fn databases_that_are_emptied_or_swapped_are_saved_as_they_were() {
    for lines in [
        &["FLUSHDB"][..],
        &["FLUSHALL"],
        &["SWAPDB 0 1"],
        &["SWAPDB 0 2", "FLUSHDB", "SET key:0 new"],
        &["FLUSHDB", "SWAPDB 0 1", "FLUSHDB", "SWAPDB 1 2"],
        &["SWAPDB 0 1", "MOVE key:1 2", "RENAME key:3 key:5", "APPEND key:7 x", "SWAPDB 0 1", "FLUSHDB"],
    ] {
        // The walk is at its beginning, within the first database, and within the second.
        for walked in [0, 10, 60] {
            let mut live = filled();
            live.begin_save();
            for _ in 0..walked {
                assert!(live.save_some(40));
            }
            for line in lines {
                live.run_line(0, line);
                assert!(live.save_some(40), "{line}");
            }
            live.check().unwrap();
        }
    }
}

#[test]
fn a_save_that_is_given_up_leaves_nothing_to_the_next_one() {
    for abandons in [false, true] {
        let mut live = filled();
        live.begin_save();
        for _ in 0..10 {
            live.save_some(40);
        }
        live.run_line(0, "FLUSHDB");
        live.run_line(1, "APPEND key:39 x");
        if abandons {
            live.bench.keyspace.abandon_save();
            assert!(!live.bench.keyspace.save_some(40, &mut Vec::new()), "there is no save");
            live.run_line(1, "APPEND key:37 x");
        }
        live.begin_save();
        live.run_line(1, "APPEND key:35 x");
        live.check().unwrap();
    }
}

#[test]
fn a_walk_over_what_is_saved_already_takes_short_steps() {
    let mut live = Live::new(EncodingLimits::default());
    for number in 0..3 * super::WALKED_MAX {
        live.run_line(0, &format!("SET key:{number} {number}"));
    }
    live.begin_save();
    for number in 0..3 * super::WALKED_MAX {
        live.run_line(0, &format!("INCR key:{number}"));
    }
    // All of it waits already, and then there is nothing but entries to be passed.
    assert!(live.save_some(usize::MAX - 1));
    assert!(live.save_some(usize::MAX - 1));
    let saving = live.saving.as_ref().unwrap();
    assert_eq!(saving.pieces.iter().map(Vec::is_empty).collect::<Vec<_>>(), [false, true]);
    live.check().unwrap();
}
