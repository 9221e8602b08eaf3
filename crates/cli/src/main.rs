//! The `fanfare` program: `serve` (also what it does without a command), `check` and `bench`.
#![forbid(unsafe_code)]

mod bench;
mod check;
mod options;
mod serve;

use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let matches = options::command().get_matches();
    let result = match matches.subcommand() {
        Some(("bench", matches)) => bench::run(matches),
        Some(("check", matches)) => check::run(matches),
        Some(("serve", matches)) => serve::run(matches),
        _ => serve::run(&matches),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("fanfare: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to standard error.
pub(crate) fn complain(line: &str) {
    // Nobody may be there to read it, and nobody is left to tell that to.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Writes a line to standard output.
pub(crate) fn say(line: &str) {
    // A reader that has gone is no reason to stop.
    let _ = writeln!(io::stdout(), "{line}");
}
