//! The command line, made from the settings table: each setting is an option of `serve`.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Arg, ArgMatches, Command};
use fanfare_engine::settings::{SETTINGS, Settings, parse_file};

/// The whole command line.
pub(crate) fn command() -> Command {
    let styles = Styles::styled()
        .header(AnsiColor::Green.on_default().bold())
        .usage(AnsiColor::Green.on_default().bold())
        .literal(AnsiColor::Cyan.on_default().bold())
        .placeholder(AnsiColor::Cyan.on_default());
    Command::new("fanfare")
        .version(fanfare_engine::VERSION)
        .about("Broadcasts real-time events to any number of consumers; speaks Redis pub/sub.")
        .styles(styles)
        .args_conflicts_with_subcommands(true)
        .args(setting_options())
        .subcommand(
            Command::new("serve").about("Runs the server; what `fanfare` alone does as well").args(setting_options()),
        )
        .subcommand(
            Command::new("check")
                .about("Reads a config file and says what is wrong with it, without starting anything")
                .arg(
                    Arg::new("FILE").required(true).value_parser(clap::value_parser!(PathBuf)).help("The config file"),
                ),
        )
        .subcommand(crate::bench::command())
}

/// `--config` and one option for each setting.
fn setting_options() -> Vec<Arg> {
    let config = Arg::new("config")
        .long("config")
        .short('c')
        .value_name("file")
        .value_parser(clap::value_parser!(PathBuf))
        .help("A config file in the syntax of redis.conf; options given here count more than its lines");
    let settings = SETTINGS.iter().map(|setting| {
        Arg::new(setting.name)
            .long(setting.name)
            .value_name(setting.kind.placeholder())
            .allow_hyphen_values(true)
            .help_heading(setting.group.title())
            .help(format!("{} [default: {}]", setting.doc, shown(setting.default)))
    });
    std::iter::once(config).chain(settings).collect()
}

fn shown(default: &str) -> &str {
    if default.is_empty() { "none" } else { default }
}

/// The settings that the config file and the options make, and the file.
pub(crate) fn settings(matches: &ArgMatches) -> anyhow::Result<(Settings, Option<PathBuf>, Vec<String>)> {
    let file = matches.get_one::<PathBuf>("config").cloned();
    let (mut settings, warnings) = match &file {
        Some(file) => read_file(file)?,
        None => (Settings::default(), Vec::new()),
    };
    for setting in SETTINGS {
        if let Some(value) = matches.get_one::<String>(setting.name) {
            let name = setting.name;
            setting.set(&mut settings, value.as_bytes()).map_err(|reason| {
                anyhow!("--{name}: {}; expected: {}", reason.trim_end_matches('.'), setting.kind.values())
            })?;
        }
    }
    settings.validate().map_err(|reason| anyhow!(reason))?;
    Ok((settings, file, warnings))
}

/// Reads a config file, with what is worth a warning.
pub(crate) fn read_file(file: &Path) -> anyhow::Result<(Settings, Vec<String>)> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("the config file {} can't be read", file.display()))?;
    // An included file is looked for beside the one that includes it.
    let folder = file.parent().map(Path::to_owned).unwrap_or_default();
    let mut read = |path: &str| -> io::Result<String> { std::fs::read_to_string(folder.join(path)) };
    let (settings, warnings) = parse_file(&text, &file.display().to_string(), Settings::default(), &mut read)
        .map_err(|error| anyhow!("{error}"))?;
    Ok((settings, warnings.iter().map(ToString::to_string).collect()))
}
