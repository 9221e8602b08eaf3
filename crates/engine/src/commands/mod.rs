//! What each command does. One file for each group of commands; the table says which command is which.

mod acl;
mod client;
mod config;
mod connection;
mod info;
pub(crate) mod keys;
mod pubsub;
mod server;
mod tracking;
mod transaction;

use fanfare_wire::Request;

use crate::command::{CommandId as Id, CommandSpec};
use crate::session::Session;
use crate::worker::{ConnId, Worker};

impl Worker {
    /// Executes a request whose name, number of arguments and permission have been checked.
    pub(crate) fn dispatch(
        &mut self,
        session: &mut Session,
        conn: ConnId,
        spec: &'static CommandSpec,
        request: &Request<'_>,
    ) {
        match spec.id {
            Id::Publish
            | Id::Spublish
            | Id::Mpublish
            | Id::Subscribe
            | Id::Unsubscribe
            | Id::Psubscribe
            | Id::Punsubscribe
            | Id::Ssubscribe
            | Id::Sunsubscribe
            | Id::PubsubChannels
            | Id::PubsubNumsub
            | Id::PubsubNumpat
            | Id::PubsubShardchannels
            | Id::PubsubShardnumsub
            | Id::PubsubSubscribers => self.pubsub_command(session, conn, spec.id, request),
            Id::Hello | Id::Auth | Id::Ping | Id::Echo | Id::Quit | Id::Reset | Id::Select => {
                self.connection_command(session, conn, spec.id, request);
            }
            Id::Multi | Id::Exec | Id::Discard | Id::Watch | Id::Unwatch => {
                self.transaction_command(session, conn, spec.id, request);
            }
            Id::ClientGetname
            | Id::ClientId
            | Id::ClientInfo
            | Id::ClientKill
            | Id::ClientList
            | Id::ClientNoEvict
            | Id::ClientNoTouch
            | Id::ClientPause
            | Id::ClientReply
            | Id::ClientSetinfo
            | Id::ClientSetname
            | Id::ClientUnblock
            | Id::ClientUnpause => self.client_command(session, conn, spec.id, request),
            Id::ClientCaching | Id::ClientGetredir | Id::ClientTracking | Id::ClientTrackinginfo => {
                self.tracking_command(session, spec.id, request);
            }
            Id::AclDeluser
            | Id::AclDryrun
            | Id::AclExplain
            | Id::AclGenpass
            | Id::AclGetuser
            | Id::AclList
            | Id::AclLoad
            | Id::AclLog
            | Id::AclSave
            | Id::AclSetuser
            | Id::AclUsers
            | Id::AclWhoami => self.acl_command(session, conn, spec.id, request),
            Id::ConfigGet | Id::ConfigSet | Id::ConfigResetstat | Id::ConfigRewrite => {
                self.config_command(session, spec.id, request);
            }
            Id::Info => self.info_command(session, request),
            _ => match keys::key_command(spec.id) {
                Some(command) => self.keys_command(session, conn, spec, command, request),
                None => self.server_command(session, spec, request),
            },
        }
    }
}
