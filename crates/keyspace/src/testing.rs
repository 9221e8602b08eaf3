//! Runs commands in tests and shows their replies as text.

use fanfare_wire::{Protocol, ReplyWriter, Request, RequestArgs};

use crate::{Call, EventClasses, Keyspace, Outcome};

/// A command as the table of commands names it.
pub(crate) type Command = fn(&mut Call<'_>) -> Outcome;

/// A keyspace of 16 databases with every event on, at 1,000,000 ms.
pub(crate) struct Bench {
    pub(crate) keyspace: Keyspace,
    pub(crate) db: u32,
    pub(crate) protocol: Protocol,
    pub(crate) in_transaction: bool,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let mut keyspace = Keyspace::new(16, 1);
        keyspace.set_now(1_000_000);
        keyspace.set_event_classes(EventClasses::parse("AKEmnoc").expect("known letters"));
        Self { keyspace, db: 0, protocol: Protocol::Resp2, in_transaction: false }
    }

    /// Runs a command; `words` are split at spaces, the first is its name. Returns the reply with `\r\n` as spaces, as
    /// in `*1 $1 a`.
    pub(crate) fn run(&mut self, command: Command, words: &str) -> String {
        self.run_words(command, &words.split(' ').collect::<Vec<_>>())
    }

    /// Runs a command with these words.
    pub(crate) fn run_words<W: AsRef<[u8]>>(&mut self, command: Command, words: &[W]) -> String {
        let args: RequestArgs = words.iter().collect();
        let mut out = Vec::new();
        let mut call = Call {
            keys: self.keyspace.keys(self.db),
            request: Request::new(&[], &args),
            reply: ReplyWriter::new(&mut out, self.protocol),
            in_transaction: self.in_transaction,
        };
        if let Err(error) = command(&mut call) {
            assert!(out.is_empty(), "a refused command replies nothing else");
            return format!("-{}", String::from_utf8_lossy(error.text()));
        }
        String::from_utf8_lossy(&out).trim_end().replace("\r\n", " ")
    }

    /// The events since the last call, as `set a`.
    pub(crate) fn events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.keyspace.poll_event())
            .map(|event| format!("{} {}", event.name, String::from_utf8_lossy(&event.key)))
            .collect()
    }
}
