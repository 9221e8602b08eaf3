//! One connection's reading: bytes from the socket to the engine, while the engine wants them.

use std::rc::Rc;

use fanfare_engine::{CloseReason, ConnId};
use tokio::sync::Notify;

use crate::stream::Stream;
use crate::worker::Shared;

/// Reads until the connection closes; whoever closes it aborts this task.
pub(crate) async fn read(shared: Rc<Shared>, conn: ConnId, stream: Rc<Stream>, gate: Rc<Notify>) {
    loop {
        if !shared.core.borrow().worker.may_read(conn) {
            gate.notified().await;
            continue;
        }
        let ready = stream.readable().await;
        let mut core = shared.core.borrow_mut();
        if !core.worker.may_read(conn) {
            continue;
        }
        let read = ready.and_then(|()| {
            let buffer = &mut core.read_buffer;
            stream.try_read(buffer)
        });
        match read {
            Ok(0) => {
                core.close(&shared, conn, CloseReason::ClientClosed);
                return;
            }
            Ok(count) => {
                let is_full = count == core.read_buffer.len();
                core.handle_input(&shared, conn, count);
                drop(core);
                if is_full {
                    // There is more; others and the flusher get their turn first.
                    tokio::task::yield_now().await;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => {
                tracing::debug!(client = core.worker.client_id(conn), error = %error, "reading failed");
                core.close(&shared, conn, CloseReason::IoError);
                return;
            }
        }
    }
}
