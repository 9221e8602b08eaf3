//! Why a connection ended: the log field, the counter, and later the metric label and WebSocket close code.

/// The reason of a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CloseReason {
    /// Its user is gone, or may no longer use what it is subscribed to.
    AccessRevoked,
    /// Logging in failed too often.
    AuthFailures,
    /// The peer closed its side.
    ClientClosed,
    /// `QUIT`.
    ClientQuit,
    /// The bytes were an HTTP request.
    CrossProtocol,
    /// No request for longer than `timeout`.
    IdleTimeout,
    /// Reading or writing failed.
    IoError,
    /// `CLIENT KILL`.
    Killed,
    /// Above the hard limit of `client-output-buffer-limit`.
    OutboxHardLimit,
    /// Above the soft limit of `client-output-buffer-limit` for too long.
    OutboxSoftLimit,
    /// The bytes were no request.
    ProtocolError,
    /// Above `client-query-buffer-limit`.
    QueryBufferLimit,
    /// The server stops.
    Shutdown,
    /// Not logged in within `unauthenticated-timeout`.
    UnauthenticatedTimeout,
}

impl CloseReason {
    /// All reasons, in the order of their names.
    pub const ALL: [Self; 14] = [
        Self::AccessRevoked,
        Self::AuthFailures,
        Self::ClientClosed,
        Self::ClientQuit,
        Self::CrossProtocol,
        Self::IdleTimeout,
        Self::IoError,
        Self::Killed,
        Self::OutboxHardLimit,
        Self::OutboxSoftLimit,
        Self::ProtocolError,
        Self::QueryBufferLimit,
        Self::Shutdown,
        Self::UnauthenticatedTimeout,
    ];

    /// The name used in logs and, behind `closed_`, in INFO.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessRevoked => "access_revoked",
            Self::AuthFailures => "auth_failures",
            Self::ClientClosed => "client_closed",
            Self::ClientQuit => "client_quit",
            Self::CrossProtocol => "cross_protocol",
            Self::IdleTimeout => "idle_timeout",
            Self::IoError => "io_error",
            Self::Killed => "killed",
            Self::OutboxHardLimit => "outbox_hard_limit",
            Self::OutboxSoftLimit => "outbox_soft_limit",
            Self::ProtocolError => "protocol_error",
            Self::QueryBufferLimit => "query_buffer_limit",
            Self::Shutdown => "shutdown",
            Self::UnauthenticatedTimeout => "unauthenticated_timeout",
        }
    }
}
