//! The `fanfare` program: `serve` (also what it does without a command) and `check`.
#![forbid(unsafe_code)]

mod check;
mod options;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    let matches = options::command().get_matches();
    let result = match matches.subcommand() {
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
#[expect(clippy::print_stderr, reason = "this is the program's voice")]
pub(crate) fn complain(line: &str) {
    eprintln!("{line}");
}

/// Writes a line to standard output.
#[expect(clippy::print_stdout, reason = "this is the program's voice")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
