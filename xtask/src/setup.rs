//! What a clean machine lacks: programs that Debian has as packages, and components of the Rust toolchain.

use anyhow::{Result, ensure};

use crate::paths;
use crate::process::{cargo, command, output, run, succeeds};

/// A program and the Debian package it comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

/// The real Redis that answers are compared with.
pub(crate) const REDIS: &[Tool] =
    &[Tool { program: "redis-server", package: "redis-server" }, Tool { program: "redis-cli", package: "redis-tools" }];

/// What runs Redis's own tests.
pub(crate) const TCL: &[Tool] = &[Tool { program: "tclsh", package: "tcl" }];

/// What clients in Python need.
pub(crate) const PYTHON: &[Tool] = &[Tool { program: "python3", package: "python3" }];

/// What clients in JavaScript need.
pub(crate) const NODE: &[Tool] =
    &[Tool { program: "node", package: "nodejs" }, Tool { program: "npm", package: "npm" }];

/// What counts instructions.
pub(crate) const VALGRIND: &[Tool] = &[Tool { program: "valgrind", package: "valgrind" }];

/// What links a fuzz target.
pub(crate) const COMPILER: &[Tool] = &[Tool { program: "c++", package: "g++" }];

/// Makes sure that the compiler's companions are there.
pub(crate) fn toolchain() -> Result<()> {
    println!("{}", output(command("rustc").arg("--version"))?.trim_end());
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !succeeds(&mut cargo(&[subcommand, "--version"])) {
            run(command("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}

/// Installs those of `tools` that are absent.
///
/// # Errors
/// If one can't be installed; the message names the packages.
pub(crate) fn need(tools: &[Tool]) -> Result<()> {
    let absent = |tools: &[Tool]| -> Vec<&'static str> {
        tools.iter().filter(|tool| paths::on_search_path(tool.program).is_none()).map(|tool| tool.package).collect()
    };
    let packages = absent(tools);
    if packages.is_empty() {
        return Ok(());
    }
    install(&packages)?;
    let still = absent(tools);
    ensure!(still.is_empty(), "{} was installed, but its program is not on the search path", still.join(", "));
    Ok(())
}

/// Makes sure that Python can make environments: Debian keeps that apart from the interpreter.
pub(crate) fn python_environments() -> Result<()> {
    if succeeds(command("python3").args(["-c", "import ensurepip, venv"])) {
        return Ok(());
    }
    install(&["python3-venv"])
}

fn install(packages: &[&str]) -> Result<()> {
    let named = packages.join(", ");
    ensure!(
        paths::on_search_path("apt-get").is_some(),
        "not installed: {named} (these are Debian's names; install them with this system's package manager)"
    );
    let is_root = output(command("id").arg("-u"))?.trim() == "0";
    ensure!(
        is_root || paths::on_search_path("sudo").is_some(),
        "not installed: {named}; run `apt-get install {}` as root",
        packages.join(" ")
    );
    let apt_get = |arguments: &[&str]| {
        let mut apt_get = if is_root { command("env") } else { command("sudo") };
        apt_get.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments);
        apt_get
    };
    run(&mut apt_get(&["update", "--quiet"]))?;
    run(apt_get(&["install", "--quiet", "--yes", "--no-install-recommends"]).args(packages))
}
