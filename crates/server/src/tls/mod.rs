//! TLS by rustls: the certificates, the handshakes under way, and the encrypted sockets.

mod certificate;
mod handshakes;
mod stream;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use fanfare_engine::settings::{SettingError, Settings, TlsAuthClientsUser};
use rustls::ServerConfig;

pub(crate) use handshakes::{HANDSHAKE, Handshakes};
pub(crate) use stream::{Buffers, TlsStream};

/// What all TLS connections of a server share.
pub(crate) struct Tls {
    /// That of new connections; those that are there keep theirs.
    config: RwLock<Arc<ServerConfig>>,
    handshakes: AtomicUsize,
}

impl Tls {
    /// Reads the files that the settings name.
    pub(crate) fn load(settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self { config: RwLock::new(certificate::load(settings)?), handshakes: AtomicUsize::new(0) })
    }

    /// Reads the files again; with an error everything stays as it was.
    pub(crate) fn reload(&self, settings: &Settings) -> Result<(), SettingError> {
        let config = certificate::load(settings)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// A handshake that begins now, `None` if too many are under way.
    pub(crate) fn begin_handshake(self: &Arc<Self>, settings: &Settings) -> Option<Handshake> {
        let handshake = Handshake {
            deadline: Instant::now() + Duration::from_millis(u64::from(settings.tls_handshake_timeout_ms)),
            names_user: settings.tls_auth_clients_user == TlsAuthClientsUser::CommonName,
            tls: Arc::clone(self),
        };
        // Counted before it is compared, so that its end, which is also a refusal's, always takes it back.
        let before = self.handshakes.fetch_add(1, Ordering::Relaxed);
        (before < settings.max_tls_handshakes).then_some(handshake)
    }

    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A handshake under way, by the settings of its beginning; counted until it is dropped.
pub(crate) struct Handshake {
    deadline: Instant,
    /// The client's certificate says who it is.
    names_user: bool,
    tls: Arc<Tls>,
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.tls.handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}
