//! Locks and atomics, exchanged for loom's when its models run.

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard, RwLock,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
};

/// How names are hashed: with a random seed, since peers choose them.
#[cfg(not(loom))]
pub(crate) type HashSeed = foldhash::fast::RandomState;

/// In a model with a constant seed: each of its runs has to take the same locks.
#[cfg(loom)]
pub(crate) type HashSeed = foldhash::fast::FixedState;

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard, RwLock,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
};

/// Locks `mutex`. A panic of another holder is no reason to stop the broker: every critical section here leaves
/// its data consistent at each step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
