// SPDX-License-Identifier: MPL-2.0
//! Who may do what, and how that changes: accounts, bookings, share links and log-ins.
//!
//! A change is checked and written to the store; then what has changed is read again and taken over by memory, registry and
//! hub (see [`follow`]), in this order and one change at a time, so that all hear of changes in the order in which they were
//! written. Nobody who asks waits for the store: what counts now or later is in the [`Ledger`].
//!
//! The `async` methods must run to their end once begun, whatever becomes of whoever asked: see `api::settled`.

mod apply;
mod asked;
mod audit;
mod bookings;
mod call_links;
mod cameras;
mod data;
mod device;
mod error;
mod factors;
mod follow;
mod import;
mod ledger;
mod logins;
mod passkeys;
mod password;
mod push;
mod relying_party;
mod removed;
mod repeat;
mod seal;
mod second_factor;
mod self_booking;
mod shares;
mod throttle;
mod totp;
mod users;
mod validate;
mod visit;
mod visitors;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedSender;

pub(crate) use asked::{Ceremony, PasskeyAnswer, Shown};
pub(crate) use bookings::{BookingChange, BookingFields, CalendarRange};
pub(crate) use call_links::CallLink;
use call_links::CallLinks;
pub(crate) use cameras::NewKey;
pub use data::Data;
pub(crate) use device::{Devices, first_device_secret};
pub(crate) use error::AccessError;
pub(crate) use factors::SecondFactors;
use follow::Unclear;
pub(crate) use import::{Refused, Wanted};
use ledger::Ledger;
pub(crate) use logins::{Known, NewLogin};
pub(crate) use passkeys::AddedPasskey;
use password::Passwords;
use removed::Removed;
pub(crate) use repeat::Repeats;
pub(crate) use self_booking::{OwnFields, RuleFields};
pub(crate) use shares::{ShareFields, Told};
use throttle::Throttle;
pub(crate) use users::{NewPassword, UserChange};

use crate::hub::Change;
use crate::lock::lock;
use crate::model::AuditEntry;
use crate::registry::Registry;
use crate::rights::RightsId;
use crate::store::Store;

/// How long a share link that is over is told from one that never was.
const LINK_MEMORY: SignedDuration = SignedDuration::from_hours(30 * 24);

type Result<T> = std::result::Result<T, AccessError>;

/// Who wants a change, and when.
#[derive(Clone)]
pub(crate) struct By {
    /// As in [`AuditEntry::actor`].
    pub(crate) actor: String,
    pub(crate) at: Timestamp,
}

impl By {
    /// `actor`, now: in whole milliseconds, as the database keeps it.
    pub(crate) fn now(actor: &str) -> Self {
        Self {
            actor: actor.to_owned(),
            at: as_kept(Timestamp::now()),
        }
    }

    fn entry(&self, action: &str) -> AuditEntry {
        AuditEntry {
            at: self.at,
            actor: self.actor.clone(),
            action: action.to_owned(),
            camera: None,
            user: None,
            subject: None,
            details: serde_json::json!({}),
        }
    }
}

/// In whole milliseconds, as the database keeps it.
fn as_kept(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

pub(crate) struct Access {
    store: Option<Arc<dyn Store>>,
    /// Lock order: `order`, then one of the others at a time; those are never held across an await.
    order: tokio::sync::Mutex<()>,
    ledger: Mutex<Ledger>,
    unclear: Mutex<Unclear>,
    registry: Arc<Mutex<Registry>>,
    changes: UnboundedSender<Change>,
    passwords: Passwords,
    throttle: Mutex<Throttle>,
    call_links: Mutex<CallLinks>,
    removed: Mutex<Removed>,
    devices: Devices,
    repeats: Repeats,
    /// From a log-in to its end.
    login: Duration,
    /// Where they can be checked.
    second_factors: Option<SecondFactors>,
}

impl Access {
    pub(crate) fn new(
        store: Option<Arc<dyn Store>>,
        registry: Arc<Mutex<Registry>>,
        changes: UnboundedSender<Change>,
        (devices, repeats): (Devices, Repeats),
        login: Duration,
    ) -> Self {
        Self {
            store,
            order: tokio::sync::Mutex::default(),
            ledger: Mutex::default(),
            unclear: Mutex::default(),
            registry,
            changes,
            passwords: Passwords::new(),
            throttle: Mutex::default(),
            call_links: Mutex::default(),
            removed: Mutex::default(),
            devices,
            repeats,
            login,
            second_factors: None,
        }
    }

    /// One that checks second factors.
    pub(crate) fn asking(mut self, second_factors: Option<SecondFactors>) -> Self {
        self.second_factors = second_factors;
        self
    }

    /// Whether there is an account of this name here.
    pub(crate) fn has_user(&self, name: &str) -> bool {
        lock(&self.registry).account(name).is_some()
    }

    /// Whether there are accounts at all.
    pub(crate) fn has_accounts(&self) -> bool {
        self.store.is_some()
    }

    pub(crate) fn store(&self) -> Result<&Arc<dyn Store>> {
        self.store.as_ref().ok_or(AccessError::NoDatabase)
    }

    /// Ends what runs by rights that are there no more.
    fn tell_removed(&self, ids: impl IntoIterator<Item = RightsId>) {
        for id in ids {
            self.tell(Change::ViewerRemoved { id });
        }
    }

    fn tell(&self, change: Change) {
        // It fails only after a shutdown, when there is nobody left to be told.
        let _ = self.changes.send(change);
    }
}
