// SPDX-License-Identifier: MPL-2.0
//! Cameras are enrolled, renamed, given another key and removed.

use jiff::Timestamp;
use porthole_protocol::random_secret;
use serde_json::json;

use super::{Access, AccessError, By, Result, validate};
use crate::lock::lock;
use crate::model::Camera;
use crate::registry::SecretDigest;
use crate::store::{Changed, Put, StoreError};

/// A camera and the secret that goes into its key.
pub(crate) struct NewKey {
    pub(crate) camera: Camera,
    pub(crate) secret: String,
}

pub(super) fn of_store(error: StoreError) -> AccessError {
    AccessError::of_store(error, "a camera of this id", "no camera of this id")
}

impl Access {
    /// When a camera of the database was enrolled, and when it was last connected.
    pub(crate) fn camera_times(&self, id: &str) -> Option<(Timestamp, Option<Timestamp>)> {
        let ledger = lock(&self.ledger);
        let camera = ledger.cameras.get(id)?;
        Some((camera.created, camera.last_seen))
    }

    /// How many bookings and share links of a camera are not over.
    pub(crate) fn at_camera(&self, id: &str, now: Timestamp) -> (usize, usize) {
        lock(&self.ledger).at_camera(id, now)
    }

    fn stored_camera(&self, id: &str) -> Result<Camera> {
        self.store()?;
        let camera = lock(&self.ledger).cameras.get(id).cloned();
        camera.ok_or_else(|| match lock(&self.registry).camera(id) {
            Some(_) => AccessError::InTheFile,
            None => AccessError::NotFound("no camera of this id"),
        })
    }

    /// Enrols a camera. One that is there by the same request, and is the same, is what was asked for.
    pub(crate) async fn add_camera(
        &self,
        by: &By,
        id: Option<String>,
        name: String,
        request: Option<String>,
    ) -> Result<NewKey> {
        let store = self.store()?;
        validate::camera_name(&name)?;
        let id = validate::camera_id(id, &name)?;
        let request = validate::request(request)?;
        let secret = match &request {
            Some(request) => self.repeats.secret(&id, request),
            None => random_secret(),
        };
        let _order = self.order().await?;
        if request.is_some() {
            // The answer may have been lost, and with it what memory was to hear.
            self.refresh(Changed::Camera(id.clone())).await?;
            if let Ok(camera) = self.stored_camera(&id) {
                let is_same = camera.name == name && camera.secret == SecretDigest::of(&secret);
                return match is_same {
                    true => Ok(NewKey { camera, secret }),
                    false => Err(AccessError::IdTaken("a camera of this id")),
                };
            }
        }
        self.check_place(&id)?;
        let camera = Camera {
            id,
            name,
            secret: SecretDigest::of(&secret),
            created: by.at,
            last_seen: None,
        };
        let audit = entry(by, "camera.added", &camera);
        let put = store.put_camera(&camera, Put::New, &audit);
        let put = self.change(Changed::Camera(camera.id.clone()), put);
        put.await.map_err(of_store)?;
        Ok(NewKey { camera, secret })
    }

    pub(crate) async fn rename_camera(&self, by: &By, id: &str, name: String) -> Result<()> {
        let store = self.store()?;
        validate::camera_name(&name)?;
        let _order = self.order().await?;
        self.refresh(Changed::Camera(id.to_owned())).await?;
        let mut camera = self.stored_camera(id)?;
        camera.name = name;
        let audit = entry(by, "camera.changed", &camera);
        let put = store.put_camera(&camera, Put::Existing, &audit);
        let put = self.change(Changed::Camera(id.to_owned()), put);
        put.await.map_err(of_store)
    }

    /// Gives a camera another key. Whoever is connected with the old one is cut off.
    pub(crate) async fn rotate_camera(&self, by: &By, id: &str) -> Result<NewKey> {
        let store = self.store()?;
        let _order = self.order().await?;
        self.refresh(Changed::Camera(id.to_owned())).await?;
        let mut camera = self.stored_camera(id)?;
        let secret = random_secret();
        camera.secret = SecretDigest::of(&secret);
        let audit = entry(by, "camera.rotated", &camera);
        let put = store.put_camera(&camera, Put::Existing, &audit);
        let put = self.change(Changed::Camera(id.to_owned()), put);
        put.await.map_err(of_store)?;
        Ok(NewKey { camera, secret })
    }

    /// A camera of the server's own process: enrolled if there is none of this id, or with another secret. Returns the
    /// secret.
    pub(crate) async fn keep_camera(&self, id: &str, name: &str, at: Timestamp) -> Result<String> {
        let by = By {
            actor: "server".to_owned(),
            at,
        };
        let rotated = self.rotate_camera(&by, id).await;
        let key = match rotated {
            Err(AccessError::NotFound(_)) => {
                let id = Some(id.to_owned());
                self.add_camera(&by, id, name.to_owned(), None).await?
            }
            rotated => rotated?,
        };
        Ok(key.secret)
    }

    /// Removes a camera with its bookings and share links.
    pub(crate) async fn remove_camera(&self, by: &By, id: &str) -> Result<()> {
        let store = self.store()?;
        let _order = self.order().await?;
        let camera = self.stored_camera(id)?;
        let mut audit = entry(by, "camera.removed", &camera);
        let (bookings, links) = lock(&self.ledger).at_camera(id, by.at);
        audit.details["bookings"] = json!(bookings);
        audit.details["links"] = json!(links);
        let removed = store.remove_camera(id, &audit);
        let removed = self.change(Changed::Camera(id.to_owned()), removed);
        removed.await.map_err(of_store)
    }

    /// Notes when cameras were last connected, by id.
    pub(crate) async fn cameras_seen(&self, seen: &[(String, Timestamp)]) -> Result<()> {
        let stored: Vec<_> = {
            let mut ledger = lock(&self.ledger);
            let mut note = |(id, at): &&(String, Timestamp)| match ledger.cameras.get_mut(id) {
                Some(camera) => {
                    camera.last_seen = Some(*at);
                    true
                }
                None => false,
            };
            let stored = seen.iter().filter(|seen| note(seen));
            stored.cloned().collect()
        };
        match (&self.store, stored.is_empty()) {
            (Some(store), false) => {
                let noted = store.cameras_seen(&stored).await;
                noted.map_err(of_store)
            }
            _ => Ok(()),
        }
    }

    fn check_place(&self, id: &str) -> Result<()> {
        self.check_places(id, 1)
    }

    /// The same for one of so many more.
    pub(super) fn check_places(&self, id: &str, more: usize) -> Result<()> {
        let registry = lock(&self.registry);
        if registry.camera(id).is_some() {
            return Err(AccessError::Exists("a camera of this id"));
        }
        registry
            .check_places(more)
            .map_err(AccessError::TooManyCameras)
    }
}

pub(super) fn entry(by: &By, action: &str, camera: &Camera) -> crate::model::AuditEntry {
    crate::model::AuditEntry {
        camera: Some(camera.id.clone()),
        details: json!({ "name": camera.name }),
        ..by.entry(action)
    }
}
