//! The pages that are generated from the tables of settings and commands, so that they cannot drift from them.

use std::fs;

use anyhow::{Context, Result, ensure};
use fanfare_engine::{command, settings};

use crate::paths;

/// Path and text of each page.
fn pages() -> [(&'static str, String); 3] {
    [
        ("docs/commands.md", command::docs()),
        ("docs/fanfare.conf", settings::sample()),
        ("docs/settings.md", settings::docs()),
    ]
}

/// Writes the pages that are not up to date.
pub(crate) fn write() -> Result<()> {
    fs::create_dir_all(paths::root().join("docs"))?;
    for (path, text) in stale() {
        fs::write(paths::root().join(path), text).with_context(|| format!("writing {path}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// Fails if a page is not up to date.
pub(crate) fn check() -> Result<()> {
    let names: Vec<_> = stale().map(|(path, _)| path).collect();
    ensure!(names.is_empty(), "run `cargo xtask docs`, since these are not up to date: {}", names.join(", "));
    Ok(())
}

/// The pages whose file says something else, or is not there.
fn stale() -> impl Iterator<Item = (&'static str, String)> {
    pages()
        .into_iter()
        .filter(|(path, text)| fs::read(paths::root().join(path)).ok().as_deref() != Some(text.as_bytes()))
}
