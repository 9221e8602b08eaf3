//! `fanfare check FILE`: what is wrong with a config file.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::ArgMatches;

use crate::{complain, options, say};

pub(crate) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let file = matches.get_one::<PathBuf>("FILE").context("FILE is required")?;
    let (settings, warnings) = options::read_file(file)?;
    settings.validate().map_err(|reason| anyhow!("{}: {reason}", file.display()))?;
    for warning in &warnings {
        complain(&format!("warning: {warning}"));
    }
    say(&format!("{}: fine", file.display()));
    Ok(())
}
