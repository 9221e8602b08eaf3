//! MULTI, EXEC, DISCARD. Source: Redis, "Transactions".

use std::sync::atomic::Ordering;

use crate::command::CommandId as Id;
use crate::session::{Session, Transaction};
use crate::worker::{ConnId, Worker};

impl Worker {
    pub(super) fn transaction_command(&mut self, session: &mut Session, conn: ConnId, id: Id) {
        match id {
            Id::Multi if session.transaction.is_some() => {
                self.reply(session).error("ERR MULTI calls can not be nested");
            }
            Id::Multi => {
                session.transaction = Some(Transaction::default());
                session.client.multi.store(0, Ordering::Relaxed);
                self.reply(session).simple("OK");
            }
            Id::Discard if session.transaction.is_some() => {
                session.discard_transaction();
                self.reply(session).simple("OK");
            }
            Id::Discard => {
                self.reply(session).error("ERR DISCARD without MULTI");
            }
            _ => match session.transaction.take() {
                None => {
                    self.reply(session).error("ERR EXEC without MULTI");
                }
                Some(transaction) if transaction.aborted => {
                    session.discard_transaction();
                    self.reply(session).error("EXECABORT Transaction discarded because of previous errors.");
                }
                Some(transaction) => {
                    self.exec(session, conn, transaction);
                    session.client.multi.store(-1, Ordering::Relaxed);
                    if session.client.subscription_count() > 0 {
                        self.catch_up(conn);
                    }
                }
            },
        }
    }
}
