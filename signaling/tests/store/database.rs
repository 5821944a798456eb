// SPDX-License-Identifier: MPL-2.0
//! A database for one test, and short words for what is kept in it.

use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use jiff::Timestamp;
use porthole_protocol::grant::Permission;
use porthole_signaling::SecretDigest;
use porthole_signaling::model::{
    AuditEntry, Booking, Camera, Holder, Login, Role, Share, User, Window,
};
use porthole_signaling::store::{AuditFilter, Put, Result, Store, open};
use serde_json::json;

use crate::postgres::shared_database;

/// A new database, gone at the end of the test.
pub(crate) struct Database {
    pub(crate) place: String,
    store: Arc<dyn Store>,
    _folder: Option<Folder>,
}

/// A folder that only this test uses.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "store-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Relaxed)
        );
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Database {
    pub(crate) async fn sqlite() -> Self {
        let folder = Folder::new();
        let place = folder.file("porthole.db");
        Self {
            store: open(&place).await.unwrap(),
            place,
            _folder: Some(folder),
        }
    }

    pub(crate) async fn postgres() -> Self {
        let place = shared_database().await;
        Self {
            store: open(&place).await.unwrap(),
            place,
            _folder: None,
        }
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    pub(crate) async fn add_user(&self, name: &str, role: Role) {
        let entry = entry("user.added");
        self.put_user(&user(name, role), Put::New, &entry)
            .await
            .unwrap();
    }

    pub(crate) async fn add_camera(&self, id: &str) {
        let entry = entry("camera.added");
        self.put_camera(&camera(id), Put::New, &entry)
            .await
            .unwrap();
    }

    /// The camera "front", the administrator "root" and the viewer "anna".
    pub(crate) async fn furnished(self) -> Self {
        self.add_camera("front").await;
        self.add_user("root", Role::Administrator).await;
        self.add_user("anna", Role::Viewer).await;
        self
    }

    /// Adds a booking that does not recur.
    pub(crate) async fn book(&self, booking: &Booking) -> Result<()> {
        let entry = entry("booking.added");
        self.put_booking(booking, &[booking.window], Put::New, &entry)
            .await
    }

    /// What was done, the first first.
    pub(crate) async fn actions(&self) -> Vec<String> {
        let entries = self.audit(&AuditFilter::default()).await.unwrap();
        entries
            .into_iter()
            .rev()
            .map(|(_, entry)| entry.action)
            .collect()
    }
}

impl Deref for Database {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

/// So many minutes after the beginning of the tests' time.
pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 60 * minutes).unwrap()
}

pub(crate) fn window(minutes: Range<i64>) -> Window {
    Window {
        start: at(minutes.start),
        end: at(minutes.end),
    }
}

pub(crate) fn user(name: &str, role: Role) -> User {
    User {
        name: name.to_owned(),
        role,
        password: Some(format!("$argon2id$of-{name}")),
        token: Some(SecretDigest::of(name)),
        created: at(0),
    }
}

pub(crate) fn camera(id: &str) -> Camera {
    Camera {
        id: id.to_owned(),
        name: format!("The {id} camera"),
        secret: SecretDigest::of(id),
        created: at(0),
        last_seen: None,
    }
}

/// Anna's booking of the camera "front", to see and hear.
pub(crate) fn booking(id: &str, minutes: Range<i64>) -> Booking {
    Booking {
        id: id.to_owned(),
        camera: "front".to_owned(),
        user: "anna".to_owned(),
        window: window(minutes),
        perms: [Permission::View, Permission::Listen].into(),
        saving: true,
        recurrence: None,
        note: String::new(),
        own: false,
        created: at(0),
    }
}

pub(crate) fn with_control(booking: Booking) -> Booking {
    Booking {
        perms: [Permission::View, Permission::Control].into(),
        ..booking
    }
}

/// A link to the camera "front" that may be opened twice; its secret is its id.
pub(crate) fn share(id: &str, minutes: Range<i64>) -> Share {
    Share {
        id: id.to_owned(),
        camera: "front".to_owned(),
        secret: SecretDigest::of(id),
        window: window(minutes),
        perms: [Permission::View].into(),
        saving: true,
        max_uses: 2,
        uses: 0,
        note: "for the postman".to_owned(),
        created: at(0),
    }
}

pub(crate) fn login(cookie: &str, holder: Holder, until: i64) -> Login {
    Login {
        cookie: SecretDigest::of(cookie),
        holder,
        created: at(0),
        until: at(until),
    }
}

pub(crate) fn of_user(name: &str) -> Holder {
    Holder::User(name.to_owned())
}

pub(crate) fn of_share(id: &str) -> Holder {
    Holder::Share(id.to_owned())
}

pub(crate) fn entry(action: &str) -> AuditEntry {
    AuditEntry {
        at: at(0),
        actor: "root".to_owned(),
        action: action.to_owned(),
        camera: None,
        user: None,
        subject: None,
        details: json!({}),
    }
}
