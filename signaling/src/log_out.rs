// SPDX-License-Identifier: MPL-2.0
//! A client of the hub, as its log-in ends.

use std::convert::Infallible;
use std::future::pending;

use tokio::time::sleep_until;

use crate::hub::{Event, HubHandle};
use crate::registry::LoginEnd;
use crate::room::ClientId;

/// Has a client end as its log-in does, if it came by one.
pub(crate) async fn follow_login(
    login: Option<LoginEnd>,
    hub: &HubHandle,
    client: ClientId,
) -> Infallible {
    let Some(mut login) = login else {
        return pending().await;
    };
    if over(&mut login).await {
        hub.send(Event::LoginOver(client)).await;
        // What runs goes on, unless the person logs out or may do no more.
        while login.changed().await.is_ok() {}
    }
    hub.send(Event::LoggedOut(client)).await;
    // The hub lets go of it.
    pending().await
}

/// Waits for the end of a log-in, which may be put off meanwhile. Whether it came by itself.
async fn over(login: &mut LoginEnd) -> bool {
    loop {
        let until = *login.borrow_and_update();
        tokio::select! {
            changed = login.changed() => if changed.is_err() { return false },
            () = sleep_until(until.into()) => return true,
        }
    }
}
