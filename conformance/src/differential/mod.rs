//! The same commands to two servers, and every answer compared byte by byte.
//!
//! A [`Sequence`] has three to five connections, of which one at a time sends a burst. After each burst every
//! connection is read up to a fence, so that the answers of both servers can be compared step by step without waiting
//! for time to pass. [`Runner::run`] runs one sequence; [`Failure`] names the seed and the step, and carries the
//! shortest sequence that still fails.

mod canonical;
mod contents;
mod generate;
mod generate_keys;
mod model;
mod reply;
mod restart;
mod runner;
mod shrink;

pub use canonical::equal;
pub use generate::{Item, Sequence, SequenceKind, Step, sequence};
pub use model::{Effects, Kind, Op, ReplyMode, Session};
pub use reply::Reply;
pub use restart::Restarts;
pub use runner::{Failure, Mismatch, Runner};

use std::num::NonZeroU64;

use anyhow::Result;

use crate::server::{Server, Target};

/// Runs `count` sequences of one kind from `first_seed` on against both targets.
///
/// `progress` is called after each with its number. The arguments are passed to the second target's command line when
/// it is started here.
///
/// # Errors
///
/// A [`Failure`] at the first difference; another error if a server cannot be started or goes away.
pub fn run(
    kind: SequenceKind,
    reference: &Target,
    subject: &Target,
    subject_arguments: &[&str],
    first_seed: u64,
    count: u64,
    mut progress: impl FnMut(u64),
) -> Result<()> {
    let reference = Server::start(reference, &[])?;
    let subject = Server::start(subject, subject_arguments)?;
    let mut runner = Runner::new(kind, reference.address(), subject.address())?;
    for number in 0..count {
        runner.run(first_seed.wrapping_add(number), None)?;
        progress(number + 1);
    }
    Ok(())
}

/// As [`run`] for sequences on keys, but the second target keeps them: behind every so many sequences it is ended, with
/// SIGKILL or SIGTERM, and started again, and must hold what it held, which must be what the reference holds.
///
/// # Errors
///
/// As [`run`].
pub fn run_restarting(
    reference: &Target,
    subject: &Target,
    subject_arguments: &[&str],
    every: NonZeroU64,
    first_seed: u64,
    count: u64,
    mut progress: impl FnMut(u64),
) -> Result<()> {
    let reference = Server::start(reference, &[])?;
    let mut restarts = Restarts::start(subject, subject_arguments)?;
    let mut runner = Runner::new(SequenceKind::Keys, reference.address(), restarts.address())?;
    for number in 1..=count {
        let seed = first_seed.wrapping_add(number - 1);
        restarts.plan(seed, number.is_multiple_of(every.get()));
        runner.run(seed, Some(&mut restarts))?;
        progress(number);
    }
    Ok(())
}
