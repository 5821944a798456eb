// SPDX-License-Identifier: MPL-2.0
//! A session's data channels: asked for with its webrtcbin, held to its terms.

use porthole_protocol::grant::Permission;

use super::Sessions;
use crate::{
    clock::Stopwatch,
    gateway::{
        channel::Channels,
        handle::Handle,
        hub::{Input, Rights, TalkState},
        wheel::Reason,
    },
    lock::lock,
    opening::DoorRight,
    runtime,
    signaller::session::{Ending, Permit},
    sink::CAT,
    talk::Talk,
};

/// Where sessions' channels lead.
pub(crate) struct Data {
    pub(crate) hub: Handle,
    /// By which leases are counted.
    pub(crate) clock: Stopwatch,
}

fn rights(permit: &Permit, door: DoorRight) -> Rights {
    Rights {
        view: permit.allows(Permission::View),
        talk: permit.allows(Permission::Talk),
        control: permit.allows(Permission::Control),
        booked: permit.is_booked(),
        door: match permit.allows(Permission::Door) {
            true => door,
            false => DoorRight::No,
        },
    }
}

/// Lets viewers see who is heard at the robot, as long as there is a hub.
pub(in crate::sink) fn show_talk(
    talk: &Talk,
    hub: Handle,
    runtime: &tokio::runtime::Handle,
) -> Task {
    let mut reports = talk.subscribe();
    Task(runtime.spawn(async move {
        while !hub.is_over() {
            let report = reports.borrow_and_update().clone();
            hub.notify(Input::Talk(TalkState {
                speakers: report.speakers,
                waiting: report.waiting,
                level: report.level,
            }));
            if reports.changed().await.is_err() {
                return;
            }
        }
    }))
}

/// Ends what it stands for when it is dropped, though nothing ever comes for that to do.
pub(in crate::sink) struct Task(tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Data {
    /// Before the session's offer is made.
    pub(super) fn open(&self, webrtcbin: &gst::Element, sessions: &Sessions, id: &str) {
        let terms = {
            let mut gate = lock(sessions);
            let session = gate.session(id);
            session.map(|s| (s.user.clone(), s.permit.clone(), s.until))
        };
        let (Some((mut user, permit, mut until)), Ok(runtime)) = (terms, runtime::handle()) else {
            return;
        };
        let at_open = (permit.clone(), sessions.clone(), id.to_owned());
        let first = user.clone();
        let channels = Channels::ask(webrtcbin, &self.hub, id, move || {
            let (permit, sessions, id) = &at_open;
            let said = lock(sessions).session(id).map(|s| (s.user.clone(), s.door));
            let (user, door) = said.unwrap_or_else(|| (first.clone(), DoorRight::No));
            (user, rights(permit, door))
        });
        let Some(channels) = channels else {
            gst::warning!(CAT, obj = webrtcbin, "{id}: no data channels");
            return;
        };
        let (hub, clock) = (self.hub.clone(), self.clock);
        let (sessions, id) = (sessions.clone(), id.to_owned());
        runtime.spawn(async move {
            let viewer = channels.viewer();
            loop {
                permit.changed().await;
                let mut door = DoorRight::No;
                let mut named = None;
                if let Some(session) = lock(&sessions).session(&id) {
                    (until, door) = (session.until, session.door);
                    named = (session.user != user).then(|| session.user.clone());
                }
                let rights = rights(&permit, door);
                if !rights.view {
                    break;
                }
                if let Some(named) = named {
                    user.clone_from(&named);
                    hub.notify(Input::Named(viewer, named));
                }
                hub.notify(Input::Rights(viewer, rights));
            }
            let reason = match permit.ending() {
                Some(Ending::NotPermitted) => Reason::NotPermitted,
                Some(Ending::Lease) => Reason::LeaseEnded,
                None if until <= clock.now() => Reason::LeaseEnded,
                None => Reason::Left,
            };
            hub.notify(Input::Left(viewer, reason));
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    #[test]
    fn a_task_that_waits_for_what_never_comes_ends_with_whoever_has_it() {
        let runtime = runtime::handle().expect("threads start");
        let (alive, ended) = mpsc::channel::<()>();
        let task = Task(runtime.spawn(async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        }));
        drop(task);
        let outcome = ended.recv_timeout(Duration::from_secs(60));
        assert_eq!(outcome, Err(mpsc::RecvTimeoutError::Disconnected));
    }
}
