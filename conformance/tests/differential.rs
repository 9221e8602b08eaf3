//! Fanfare against a real Redis, byte by byte. `FANFARE_SEQUENCES` and `FANFARE_SEED` set how much and from where.

use std::env;

use fanfare_conformance::differential::{SequenceKind, run};
use fanfare_conformance::server::Target;

use SequenceKind::{Channels, Keys};

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[track_caller]
fn check(kind: SequenceKind, subject: &Target, arguments: &[&str], sequences: u64) {
    if let Err(error) = run(kind, &Target::Redis, subject, arguments, number("FANFARE_SEED", 1), sequences, |_| {}) {
        panic!("{error:#}");
    }
}

#[test]
fn redis_answers_as_redis() {
    check(Channels, &Target::Redis, &[], number("FANFARE_SEQUENCES", 300).min(300));
}

#[test]
fn fanfare_with_one_worker_answers_as_redis() {
    check(Channels, &Target::Fanfare, &["--workers", "1"], number("FANFARE_SEQUENCES", 300));
}

#[test]
fn fanfare_with_three_workers_answers_as_redis() {
    check(Channels, &Target::Fanfare, &["--workers", "3"], number("FANFARE_SEQUENCES", 300));
}

#[test]
fn redis_changes_keys_as_redis() {
    check(Keys, &Target::Redis, &[], number("FANFARE_SEQUENCES", 300).min(300));
}

#[test]
fn fanfare_with_one_worker_changes_keys_as_redis() {
    check(Keys, &Target::Fanfare, &["--workers", "1"], number("FANFARE_SEQUENCES", 300));
}

#[test]
fn fanfare_with_three_workers_changes_keys_as_redis() {
    check(Keys, &Target::Fanfare, &["--workers", "3"], number("FANFARE_SEQUENCES", 300));
}
