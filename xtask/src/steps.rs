//! Named steps with their times, and what is said about them at the end.

use std::time::{Duration, Instant};

use anyhow::Result;

/// A step failed; why stands in the summary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed;

struct Done {
    name: String,
    took: Duration,
    /// Why it failed.
    failure: Option<String>,
}

/// The steps of a task, run one after the other.
pub(crate) struct Steps {
    done: Vec<Done>,
}

impl Steps {
    pub(crate) const fn new() -> Self {
        Self { done: Vec::new() }
    }

    /// Runs one step under a heading.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> Result<(), Failed> {
        println!("\n=== {name}");
        let start = Instant::now();
        let result = step();
        let took = start.elapsed();
        let outcome = if result.is_ok() { "passed" } else { "FAILED" };
        println!("=== {name}: {outcome} after {}", seconds(took));
        let failure = result.err().map(|error| format!("{error:#}"));
        let result = if failure.is_some() { Err(Failed) } else { Ok(()) };
        self.done.push(Done { name: name.to_owned(), took, failure });
        result
    }

    /// Prints what ran, and why it stopped if it failed; the last line counts.
    pub(crate) fn summarise(&self) {
        println!("\n=== summary");
        for Done { name, took, failure } in &self.done {
            println!("{} {:>9}  {name}", if failure.is_none() { "passed" } else { "FAILED" }, seconds(*took));
        }
        for failure in self.done.iter().filter_map(|done| done.failure.as_ref()) {
            println!("\n{failure}\n");
        }
        let failed = self.done.iter().filter(|done| done.failure.is_some()).count();
        println!("{} passed, {failed} failed", self.done.len() - failed);
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
