// SPDX-License-Identifier: MPL-2.0
//! Many users, cameras and bookings at once, or none of them.

use std::collections::BTreeSet;

use porthole_protocol::random_secret;
use serde_json::json;

use super::bookings::{self, BookingFields};
use super::{Access, AccessError, By, cameras, users, validate};
use crate::lock::lock;
use crate::model::{AuditEntry, Camera, Role, User};
use crate::registry::SecretDigest;
use crate::store::{Batch, Changed, Item, StoreError};

/// Windows of time that are added at once: what recurs has up to 400 each, and nobody else changes anything meanwhile.
const MAX_ALL_WINDOWS: usize = 100_000;

/// What is to be added.
#[derive(Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) users: Vec<(String, Role)>,
    /// Ids and names.
    pub(crate) cameras: Vec<(Option<String>, String)>,
    pub(crate) bookings: Vec<BookingFields>,
}

/// What was added.
#[derive(Default)]
pub(crate) struct Added {
    /// Names, and the tokens of personal links.
    pub(crate) users: Vec<(String, String)>,
    /// Ids, and the secrets of keys.
    pub(crate) cameras: Vec<(String, String)>,
    /// Ids.
    pub(crate) bookings: Vec<String>,
}

/// Why nothing was added, and because of which.
pub(crate) struct Refused {
    pub(crate) row: Option<Item>,
    pub(crate) error: AccessError,
}

impl From<AccessError> for Refused {
    fn from(error: AccessError) -> Self {
        Self { row: None, error }
    }
}

type Result<T> = std::result::Result<T, Refused>;

fn at(row: Item) -> impl Fn(AccessError) -> Refused {
    move |error| Refused {
        row: Some(row),
        error,
    }
}

impl Access {
    /// Adds all of it, or nothing: if anything is refused, and if it is only tried.
    pub(crate) async fn import(&self, by: &By, wanted: Wanted, keep: bool) -> Result<Added> {
        let store = self.store()?;
        let _order = self.order().await?;
        let (mut batch, mut added) = (Batch::default(), Added::default());
        let mut audit = Vec::new();
        self.users_of(by, wanted.users, &mut batch, &mut added, &mut audit)?;
        self.cameras_of(by, wanted.cameras, &mut batch, &mut added, &mut audit)?;
        self.bookings_of(by, wanted.bookings, &mut batch, &mut audit)?;
        let done = store.import(&batch, keep, &audit).await;
        done.map_err(|(row, error)| {
            if matches!(error, StoreError::Database(_) | StoreError::Late) {
                self.note_all_unclear();
            }
            let error = match row {
                Item::User(_) => users::of_store(error),
                Item::Camera(_) => cameras::of_store(error),
                Item::Booking(_) => bookings::of_store(error),
            };
            at(row)(error)
        })?;
        if !keep {
            return Ok(Added::default());
        }
        for user in batch.users {
            self.follow(Changed::User(user.name)).await;
        }
        for camera in batch.cameras {
            self.follow(Changed::Camera(camera.id)).await;
        }
        for (booking, _) in batch.bookings {
            added.bookings.push(booking.id.clone());
            self.follow(Changed::Booking(booking.id)).await;
        }
        Ok(added)
    }

    fn users_of(
        &self,
        by: &By,
        wanted: Vec<(String, Role)>,
        batch: &mut Batch,
        added: &mut Added,
        audit: &mut Vec<AuditEntry>,
    ) -> Result<()> {
        let mut names = BTreeSet::new();
        for (n, (name, role)) in wanted.into_iter().enumerate() {
            let here = at(Item::User(n));
            validate::user_name(&name).map_err(&here)?;
            if lock(&self.registry).is_taken(&name) || !names.insert(name.clone()) {
                return Err(here(AccessError::Exists("a user of this name")));
            }
            let token = random_secret();
            audit.push(AuditEntry {
                user: Some(name.clone()),
                details: json!({ "role": role }),
                ..by.entry("user.added")
            });
            batch.users.push(User {
                name: name.clone(),
                role,
                password: None,
                token: Some(SecretDigest::of(&token)),
                created: by.at,
            });
            added.users.push((name, token));
        }
        Ok(())
    }

    fn cameras_of(
        &self,
        by: &By,
        wanted: Vec<(Option<String>, String)>,
        batch: &mut Batch,
        added: &mut Added,
        audit: &mut Vec<AuditEntry>,
    ) -> Result<()> {
        let mut ids = BTreeSet::new();
        for (n, (id, name)) in wanted.into_iter().enumerate() {
            let here = at(Item::Camera(n));
            validate::camera_name(&name).map_err(&here)?;
            let id = validate::camera_id(id, &name).map_err(&here)?;
            self.check_places(&id, n + 1).map_err(&here)?;
            if !ids.insert(id.clone()) {
                return Err(here(AccessError::Exists("a camera of this id")));
            }
            let secret = random_secret();
            let camera = Camera {
                id: id.clone(),
                name,
                secret: SecretDigest::of(&secret),
                created: by.at,
                last_seen: None,
            };
            audit.push(cameras::entry(by, "camera.added", &camera));
            batch.cameras.push(camera);
            added.cameras.push((id, secret));
        }
        Ok(())
    }

    fn bookings_of(
        &self,
        by: &By,
        wanted: Vec<BookingFields>,
        batch: &mut Batch,
        audit: &mut Vec<AuditEntry>,
    ) -> Result<()> {
        let users: BTreeSet<_> = batch.users.iter().map(|user| user.name.clone()).collect();
        let cameras: BTreeSet<_> = batch.cameras.iter().map(|c| c.id.clone()).collect();
        let mut all = 0;
        for (n, fields) in wanted.into_iter().enumerate() {
            let here = at(Item::Booking(n));
            let (booking, windows) = bookings::checked(by, fields).map_err(&here)?;
            all += windows.len();
            if all > MAX_ALL_WINDOWS {
                return Err(here(AccessError::BadValue(
                    "the bookings until here have more than 100,000 windows of time together: import them in parts",
                )));
            }
            let ledger = lock(&self.ledger);
            if !cameras.contains(&booking.camera) && !ledger.cameras.contains_key(&booking.camera) {
                return Err(here(AccessError::NoSuch("camera")));
            }
            if !users.contains(&booking.user) && ledger.user(&booking.user).is_none() {
                return Err(here(AccessError::NoSuch("user")));
            }
            drop(ledger);
            audit.push(bookings::entry(by, "booking.added", &booking));
            batch.bookings.push((booking, windows));
        }
        Ok(())
    }
}
