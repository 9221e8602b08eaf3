//! `fanfare serve`: the server until a signal ends it.

use anyhow::Context;
use clap::ArgMatches;
use fanfare_server::{Server, ServerOptions, log};
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use crate::{options, say};

pub(crate) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let (settings, config_file, warnings) = options::settings(matches)?;
    let control = log::init(&settings).context("the log can't be opened")?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime can't be started")?;
    runtime.block_on(async {
        // Set up before anyone is told that the server is there: a signal from then on ends it in order.
        let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be handled")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT can't be handled")?;
        let mut hangup = signal(SignalKind::hangup()).context("SIGHUP can't be handled")?;
        let unixsocket = settings.unixsocket.clone();
        let server = Server::bind(ServerOptions { settings, config_file, log: Some(control) })?;
        banner(&server, &unixsocket);
        tell_service_manager(NotifyState::Ready);
        let reload = server.certificate_reload();
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                reload();
            }
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            };
            next().await;
            let _ = stop.send(());
            // Whoever signals again does not want to wait for the drain.
            next().await;
            tracing::warn!("stopped by a second signal: what was queued is lost");
            std::process::exit(1);
        });
        let notice = StoppingNotice;
        let stopped = async move {
            // The server drops this when it begins to drain, be it for a signal or for SHUTDOWN.
            let _notice = notice;
            let _ = stopped.await;
        };
        let cut_off = server.run(stopped).await.context("a worker failed")?;
        if cut_off > 0 {
            tracing::warn!(cut_off, "clients were cut off with messages queued: shutdown-timeout was over");
        }
        Ok(())
    })
}

/// Tells the service manager when it is dropped that the server is about to stop.
struct StoppingNotice;

impl Drop for StoppingNotice {
    fn drop(&mut self) {
        tell_service_manager(NotifyState::Stopping);
    }
}

/// Tells the service manager that started this process, if one did and wants to know.
fn tell_service_manager(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(error = %error, "the service manager can't be told");
    }
}

/// Where it listens, and two lines to try.
fn banner(server: &Server, unixsocket: &str) {
    let addresses = server.addresses();
    let mut places: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let tls_addresses = server.tls_addresses();
    places.extend(tls_addresses.iter().map(|address| format!("{address} (TLS)")));
    if !unixsocket.is_empty() {
        places.push(unixsocket.to_owned());
    }
    let workers = server.workers();
    say(&format!(
        "Fanfare {} listens on {} ({workers} worker{})",
        fanfare_engine::VERSION,
        places.join(" and "),
        if workers == 1 { "" } else { "s" }
    ));
    let target = match (addresses.first(), tls_addresses.first()) {
        (Some(address), _) => format!("-p {}", address.port()),
        (None, Some(address)) => format!("--tls -p {}", address.port()),
        (None, None) => format!("-s {unixsocket}"),
    };
    say(&format!("Try:  redis-cli {target} subscribe news"));
    say(&format!("      redis-cli {target} publish news hi"));
}
