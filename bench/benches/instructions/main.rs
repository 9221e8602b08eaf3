//! The hot path's steps, one per run, for `cargo xtask instructions` to count their instructions.
//!
//! Without arguments all of them run once, uncounted; `--list` names them with their number of operations, and a name
//! runs that one.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "the list is the output")]

mod cases;

use std::env;
use std::hint::black_box;
use std::process::ExitCode;

use cases::CASES;

/// One step, repeated so often that what surrounds it does not count.
struct Case {
    name: &'static str,
    operations: usize,
    /// Sets up what is not counted and calls [`counted`] for what is.
    run: fn(operations: usize),
}

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match wanted.first().map(String::as_str) {
        None => CASES.iter().for_each(|case| (case.run)(case.operations)),
        Some("--list") => CASES.iter().for_each(|case| println!("{} {}", case.name, case.operations)),
        Some(name) => {
            let Some(case) = CASES.iter().find(|case| case.name == name) else {
                println!("there is no case `{name}`");
                return ExitCode::FAILURE;
            };
            (case.run)(case.operations);
        }
    }
    ExitCode::SUCCESS
}

/// Runs what is counted: callgrind collects between entry and exit of the function of this name.
///
/// It is no generic function, so that there is one of it; and none that is inlined, so that there is any.
#[inline(never)]
fn counted(step: &mut dyn FnMut()) {
    step();
    // Keeps the call from becoming a jump, which would leave this function before the step.
    black_box(());
}
