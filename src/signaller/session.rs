// SPDX-License-Identifier: MPL-2.0
//! One viewer's look through this camera: who, on which terms, and what has been confirmed. Pure.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicU8,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::{Duration, Instant},
};

use porthole_protocol::{
    grant::{Grant, MAX_LEASE_SECONDS, Permission, user_and_called},
    limits::STATS_PERIOD,
    wire::{IceServer, ViewerStats},
};

use tokio::sync::Notify;

use super::untrusted::Check;
use crate::opening::DoorRight;

/// A viewer's statistics that come sooner than this after the last ones are not answered. Half of the time that they should
/// be apart, so that none is left out because it came a little early.
const SOONEST_ANSWER: Duration = Duration::from_secs(STATS_PERIOD.as_secs() / 2);

/// What the session's media may pass right now. The streaming threads ask it for every buffer, so it is one
/// atomic, and closing it waits for nobody.
#[derive(Clone, Default)]
pub(crate) struct Permit(Arc<Inner>);

#[derive(Default)]
struct Inner {
    bits: AtomicU8,
    /// Set before it is closed by an update.
    ending: OnceLock<Ending>,
    changed: Notify,
}

impl Permit {
    fn bit(permission: Permission) -> u8 {
        match permission {
            Permission::View => 1,
            Permission::Listen => 2,
            Permission::Talk => 4,
            Permission::Control => 8,
            Permission::Door => 32,
        }
    }

    /// Beside those: a booking gives the control.
    const BOOKED: u8 = 16;

    /// Whether a booking lets this viewer drive, who then goes before those who merely may.
    pub(crate) fn is_booked(&self) -> bool {
        self.0.bits.load(Relaxed) & Self::BOOKED != 0
    }

    pub(crate) fn allows(&self, permission: Permission) -> bool {
        self.0.bits.load(Relaxed) & Self::bit(permission) != 0
    }

    #[cfg(test)]
    pub(crate) fn of(permissions: &[Permission]) -> Self {
        let permit = Self::default();
        permit.set(permissions, false);
        permit
    }

    fn set(&self, permissions: &[Permission], booked: bool) {
        let bits = permissions.iter().fold(0, |all, p| all | Self::bit(*p));
        self.store(bits | if booked { Self::BOOKED } else { 0 });
    }

    /// From now on nothing passes.
    pub(crate) fn close(&self) {
        self.store(0);
    }

    fn end(&self, ending: Ending) {
        let _ = self.0.ending.set(ending);
        self.close();
    }

    fn store(&self, bits: u8) {
        self.0.bits.store(bits, SeqCst);
        self.0.changed.notify_one();
    }

    /// Waits for the next change, or for one that nobody has waited for yet. For one waiter.
    pub(crate) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Why an update closed it, if one did.
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.0.ending.get().copied()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({:#06b})", self.0.bits.load(Relaxed))
    }
}

/// Whether the server has said, on the present connection and with its signature, that the session may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Confirmed,
    /// `by` is set once the camera has registered again.
    Unconfirmed {
        by: Option<Instant>,
    },
    /// The operator's own, of which no server knows.
    Own,
}

/// In place of a lease where there is none: longer than a pipeline runs.
const NO_END: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// An admitted session. `M` is what the sink hangs on it.
#[derive(Debug)]
pub(crate) struct Session<M> {
    pub(crate) user: String,
    pub(crate) permissions: Vec<Permission>,
    /// While the permit has the permission.
    pub(crate) door: DoorRight,
    pub(crate) since: Instant,
    /// The end of the lease.
    pub(crate) until: Instant,
    pub(crate) permit: Permit,
    /// The STUN and TURN servers of this session alone.
    pub(crate) ice_servers: Vec<IceServer>,
    /// What its viewer may still send.
    pub(crate) check: Check,
    pub(crate) media: M,
    /// The last statistics of its viewer, which are as honest as that is.
    pub(crate) viewer_stats: Option<ViewerStats>,
    /// When statistics were last answered with our own.
    answered: Option<Instant>,
    /// The last grant taken, by which the server knows the session again.
    token: String,
    seq: u32,
    standing: Standing,
    /// The last sign of life of a server that had confirmed the session.
    alive: Instant,
    /// Media has flowed, so that it need no longer hurry.
    connected: bool,
}

/// The viewer may not even see any more: what an authentic update says when it ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Lease,
    NotPermitted,
}

impl<M: Default> Session<M> {
    pub(super) fn new(
        grant: &Grant,
        token: &str,
        ice_servers: Vec<IceServer>,
        now: Instant,
    ) -> Self {
        let mut session = Self::begun(&grant.sub, ice_servers, now);
        session.apply(grant, token, now);
        session
    }

    /// What the operator asked for by a property: picture and sound, until the camera stops.
    pub(super) fn own(user: &str, now: Instant) -> Self {
        let mut session = Self::begun(user, Vec::new(), now);
        session.permissions = vec![Permission::View, Permission::Listen];
        session.permit.set(&session.permissions, false);
        session.until = now + NO_END;
        session.standing = Standing::Own;
        session
    }

    fn begun(user: &str, ice_servers: Vec<IceServer>, now: Instant) -> Self {
        Self {
            user: user.to_owned(),
            permissions: Vec::new(),
            door: DoorRight::No,
            since: now,
            until: now,
            permit: Permit::default(),
            ice_servers,
            check: Check::new(),
            media: M::default(),
            viewer_stats: None,
            answered: None,
            token: String::new(),
            seq: 0,
            standing: Standing::Confirmed,
            alive: now,
            connected: false,
        }
    }
}

impl<M> Session<M> {
    /// Takes over the terms of an authentic grant, at once. `Some` if they end the session.
    pub(super) fn apply(&mut self, grant: &Grant, token: &str, now: Instant) -> Option<Ending> {
        token.clone_into(&mut self.token);
        // A guest may be called otherwise now, and is the same guest.
        if user_and_called(&grant.sub).0 == user_and_called(&self.user).0 {
            self.user.clone_from(&grant.sub);
        }
        self.seq = grant.seq;
        self.until = now + Duration::from_secs(grant.lease.min(MAX_LEASE_SECONDS).into());
        self.permissions.clone_from(&grant.perms);
        self.door = DoorRight::of(grant);
        self.standing = Standing::Confirmed;
        self.alive = now;
        let ending = if grant.lease == 0 {
            Some(Ending::Lease)
        } else if !grant.perms.contains(&Permission::View) {
            Some(Ending::NotPermitted)
        } else {
            None
        };
        match ending {
            Some(ending) => self.permit.end(ending),
            None => {
                let booked = grant.is_booked(Permission::Control);
                self.permit.set(&self.permissions, booked);
            }
        }
        ending
    }

    /// Whether a grant with this number is newer than what the session has.
    pub(super) fn is_newer(&self, seq: u32) -> bool {
        seq > self.seq
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Takes in the viewer's statistics, and says whether to answer them.
    pub(super) fn hear_stats(&mut self, stats: ViewerStats, now: Instant) -> bool {
        self.viewer_stats = Some(stats);
        let due = self.answered.map(|last| last + SOONEST_ANSWER);
        let is_due = due.is_none_or(|due| due <= now);
        if is_due {
            self.answered = Some(now);
        }
        is_due
    }

    pub(super) fn connected(&mut self) {
        self.connected = true;
    }

    /// Whether media has flowed.
    pub(super) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Whether it is the operator's own.
    pub(crate) fn is_own(&self) -> bool {
        self.standing == Standing::Own
    }

    /// The connection on which it was confirmed is no more.
    pub(super) fn offline(&mut self) {
        if !self.is_own() {
            self.standing = Standing::Unconfirmed { by: None };
        }
    }

    /// The camera has registered again: the server has until `by` to confirm.
    pub(super) fn registered(&mut self, by: Instant) {
        if !self.is_own() {
            self.standing = Standing::Unconfirmed { by: Some(by) };
        }
    }

    /// The server is there. Counts only for what it has confirmed: a welcome is not signed.
    pub(super) fn alive(&mut self, now: Instant) {
        if self.standing == Standing::Confirmed {
            self.alive = now;
        }
    }

    /// The three ends that come by themselves: of the lease, of the time to be confirmed or to be without a server, and
    /// of the time to connect.
    pub(super) fn deadlines(&self, orphan: Duration, setup: Duration) -> [Option<Instant>; 4] {
        let connect = (!self.connected).then(|| self.since + setup);
        let confirm = match self.standing {
            Standing::Unconfirmed { by } => by,
            Standing::Confirmed => None,
            Standing::Own => return [None, None, None, connect],
        };
        [
            Some(self.until),
            confirm,
            Some(self.alive + orphan),
            connect,
        ]
    }
}
