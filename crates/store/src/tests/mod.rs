//! What the tests share: a disk that can fail and be cut off, and a source whose every state is known.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::backend::Medium;
use crate::{Opened, Options, Source, Store, StoreError, SyncPolicy};

use disk::Disk;

mod crash;
mod damage;
mod disk;
mod failure;
mod running;

const WAIT_MAX: Duration = Duration::from_secs(60);
const PIECE_BYTES: usize = 16 << 10;

/// A chain of everything that was appended: two that agree at some number agree on all before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    count: u64,
    chain: u64,
}

impl State {
    fn apply(&mut self, entry: &[u8]) {
        for byte in entry {
            self.chain = (self.chain ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3).rotate_left(7);
        }
        self.chain = self.chain.wrapping_add(entry.len() as u64);
        self.count += 1;
    }
}

/// Owner of the chain, and the source of its store.
#[derive(Debug, Default)]
struct Model {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    /// The states from the beginning.
    history: Vec<u64>,
    synced: u64,
    saves_begun: u64,
    saves_abandoned: u64,
    failures: Vec<Option<String>>,
    /// How many pieces a save has.
    pieces: u64,
}

impl Model {
    /// Goes on from what a store has.
    fn read(opened: &Opened, history: Vec<u64>, pieces: u64) -> Arc<Self> {
        let state = replay(opened).unwrap();
        let mut history = if history.is_empty() { vec![0] } else { history };
        history.truncate(state.count as usize + 1);
        assert_eq!(history.get(state.count as usize), Some(&state.chain), "not what was appended");
        let inner = Inner { state, history, pieces, synced: state.count, ..Inner::default() };
        Arc::new(Self { inner: Mutex::new(inner), changed: Condvar::new() })
    }

    fn append(&self, store: &Store, text: &str) -> u64 {
        let mut inner = self.inner.lock();
        inner.state.apply(text.as_bytes());
        let chain = inner.state.chain;
        inner.history.push(chain);
        let number = store.append([b"e", text.as_bytes()].concat());
        assert_eq!(number, inner.state.count);
        number
    }

    fn wait_for(&self, what: impl Fn(&Inner) -> bool) {
        let until = Instant::now() + WAIT_MAX;
        let mut inner = self.inner.lock();
        while !what(&inner) {
            assert!(!self.changed.wait_until(&mut inner, until).timed_out(), "it never came: {inner:?}");
        }
    }

    fn source(self: &Arc<Self>) -> Box<dyn Source> {
        Box::new(ModelSource { model: Arc::clone(self), save: None })
    }

    fn state(&self) -> State {
        self.inner.lock().state
    }

    fn history(&self) -> Vec<u64> {
        self.inner.lock().history.clone()
    }

    fn change(&self, with: impl FnOnce(&mut Inner)) {
        with(&mut self.inner.lock());
        self.changed.notify_all();
    }
}

struct ModelSource {
    model: Arc<Model>,
    /// The state that is saved, and the next piece of it.
    save: Option<(State, u64)>,
}

impl Source for ModelSource {
    fn begin_save(&mut self) -> u64 {
        let mut state = State::default();
        self.model.change(|inner| {
            inner.saves_begun += 1;
            state = inner.state;
        });
        assert!(self.save.replace((state, 0)).is_none(), "two saves at once");
        state.count
    }

    fn save_some(&mut self, out: &mut Vec<u8>) -> bool {
        let Some((state, next)) = &mut self.save else { panic!("no save was begun") };
        out.push(b'b');
        out.extend(state.count.to_le_bytes());
        out.extend(state.chain.to_le_bytes());
        out.resize(PIECE_BYTES, *next as u8);
        *next += 1;
        let has_more = *next < self.model.inner.lock().pieces;
        if !has_more {
            self.save = None;
        }
        has_more
    }

    fn abandon_save(&mut self) {
        self.save = None;
        self.model.change(|inner| inner.saves_abandoned += 1);
    }

    fn synced(&mut self, number: u64) {
        self.model.change(|inner| {
            assert!(number >= inner.synced, "what was synced can't be lost");
            inner.synced = number;
        });
    }

    fn failed(&mut self, reason: Option<&str>) {
        self.model.change(|inner| inner.failures.push(reason.map(str::to_owned)));
    }
}

/// The state that a store's entries lead to.
fn replay(opened: &Opened) -> Result<State, StoreError> {
    let mut state = State::default();
    opened.read(&mut |entry| {
        match entry.split_first() {
            Some((b'e', text)) => state.apply(text),
            Some((b'b', piece)) => {
                let number = |at: usize| u64::from_le_bytes(piece[at..at + 8].try_into().unwrap());
                state = State { count: number(0), chain: number(8) };
            }
            _ => return Err("no such kind".to_owned()),
        }
        Ok(())
    })?;
    Ok(state)
}

/// Never rewrites by itself.
fn options(policy: SyncPolicy) -> Options {
    Options { policy, rewrite_percentage: 0, ..Options::default() }
}

/// Opens a store on a disk, with a model that agrees with it.
fn start(dir: &Path, disk: &Disk, history: Vec<u64>, options: Options) -> (Arc<Model>, Store) {
    let opened = Opened::open_with(dir, disk.medium()).unwrap();
    let model = Model::read(&opened, history, 40);
    let store = opened.start(options, model.source()).unwrap();
    (model, store)
}
