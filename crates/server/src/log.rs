//! Where log lines go and which of them.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::sync::Mutex;

use fanfare_engine::settings::{LogLevel, Settings};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Registry, reload};

/// Changes the level of a running log.
#[derive(Clone)]
pub struct LogControl(reload::Handle<LevelFilter, Registry>);

impl LogControl {
    /// Applies `loglevel`.
    pub fn apply(&self, settings: &Settings) {
        // Fails only when the log is gone, and then there is nothing to change.
        let _ = self.0.reload(level(settings.loglevel));
    }
}

/// Starts the process's log: to `logfile`, or to standard output if that is empty.
///
/// # Errors
/// If the file can't be opened, or the process has a log already.
pub fn init(settings: &Settings) -> io::Result<LogControl> {
    let (filter, handle) = reload::Layer::new(level(settings.loglevel));
    // Colours are for people: none in a pipe or file, nor where NO_COLOR asks for none.
    let wants_colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let layer = tracing_subscriber::fmt::layer().with_target(false).with_ansi(wants_colour);
    let registry = tracing_subscriber::registry().with(filter);
    let result = if settings.logfile.is_empty() {
        tracing::subscriber::set_global_default(registry.with(layer))
    } else {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&settings.logfile)
            .map_err(|error| io::Error::new(error.kind(), format!("logfile {}: {error}", settings.logfile)))?;
        tracing::subscriber::set_global_default(registry.with(layer.with_ansi(false).with_writer(Mutex::new(file))))
    };
    result.map_err(io::Error::other)?;
    Ok(LogControl(handle))
}

const fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Nothing => LevelFilter::OFF,
    }
}
