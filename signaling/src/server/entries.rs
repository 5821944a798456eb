// SPDX-License-Identifier: MPL-2.0
//! Cameras and viewers that whoever runs the server names: those of a configuration file, and of this process.

use std::sync::Arc;

use jiff::Timestamp;
use porthole_protocol::grant::MAX_LEASE_SECONDS;
use porthole_protocol::key::is_camera_id;
use porthole_protocol::random_secret;

use super::{Server, ServerError};
use crate::hub::Change;
use crate::lock::lock;
use crate::model::Role;
use crate::registry::{Account, CameraEntry, Origin, SecretDigest, ViewerEntry};
use crate::rights::{Rights, RightsId};

impl Server {
    /// Enrols a camera and returns its secret.
    pub fn add_camera(&self, id: &str, name: &str) -> Result<String, ServerError> {
        let secret = random_secret();
        let digest = SecretDigest::of(&secret);
        let entry = CameraEntry {
            id: id.to_owned(),
            name: name.to_owned(),
            secret: digest,
        };
        self.enrol_camera(entry)?;
        Ok(secret)
    }

    /// Enrols a camera of this process in the database, or gives the one that is there another secret, which is returned.
    pub async fn keep_camera(&self, id: &str, name: &str) -> Result<String, ServerError> {
        let kept = self
            .inner
            .access
            .keep_camera(id, name, Timestamp::now())
            .await;
        kept.map_err(|e| ServerError::Data(e.to_string()))
    }

    /// Lets in a camera that was enrolled before and has its secret.
    pub fn enrol_camera(&self, camera: CameraEntry) -> Result<(), ServerError> {
        if !is_camera_id(&camera.id) {
            return Err(ServerError::BadCameraId(camera.id));
        }
        let mut registry = lock(&self.inner.registry);
        if registry.camera(&camera.id).is_some() {
            return Err(ServerError::CameraExists(camera.id));
        }
        registry
            .check_places(1)
            .map_err(ServerError::TooManyCameras)?;
        // Sent under the lock, so that the hub hears of changes in the order they were made.
        self.tell(Change::CameraAdded {
            id: camera.id.clone(),
            name: camera.name.clone(),
        });
        registry.put_camera(camera, Origin::File);
        Ok(())
    }

    /// Changes an enrolled camera. One with another secret is cut off; a name is shown from the next time on that the
    /// camera tells about itself. One of the database is left as it is.
    pub fn update_camera(&self, camera: CameraEntry) -> Result<(), ServerError> {
        let mut registry = lock(&self.inner.registry);
        let known = registry.camera(&camera.id);
        if known.is_some_and(|known| known.origin == Origin::Store) {
            return Err(ServerError::CameraExists(camera.id));
        }
        if known.is_some_and(|known| known.entry.secret.matches(&camera.secret)) {
            self.tell(Change::CameraAdded {
                id: camera.id.clone(),
                name: camera.name.clone(),
            });
            registry.put_camera(camera, Origin::File);
            return Ok(());
        }
        drop(registry);
        self.remove_camera(&camera.id);
        self.enrol_camera(camera)
    }

    /// Takes a camera's enrolment back: its sessions end, its connection is dropped. One of the database stays.
    pub fn remove_camera(&self, id: &str) {
        let mut registry = lock(&self.inner.registry);
        let known = registry.camera(id);
        if known.is_some_and(|known| known.origin == Origin::File)
            && let Some(changed) = registry.remove_camera(id)
        {
            self.tell(Change::CameraRemoved { id: id.to_owned() });
            for rights in changed {
                self.tell(Change::ViewerSet { rights });
            }
        }
    }

    /// Lets a viewer in. One of the same name is replaced: its sessions end, its token is void.
    pub fn add_viewer(&self, viewer: ViewerEntry) {
        self.put_viewer(viewer, |_| false);
    }

    /// Changes what a viewer may do. With the same token as before, running sessions follow at once: they get
    /// other terms, or end if they are no longer permitted. With another token, or if there is no such viewer, this is
    /// [`Self::add_viewer`].
    pub fn update_viewer(&self, viewer: ViewerEntry) {
        let token = viewer.token;
        self.put_viewer(viewer, |old| old.token == Some(token));
    }

    /// Lets a viewer in, who goes on if it is the same as the one before.
    fn put_viewer(&self, mut viewer: ViewerEntry, is_same: impl Fn(&Account) -> bool) {
        viewer.lease = viewer.lease.min(MAX_LEASE_SECONDS);
        let (user, rights) = (viewer.user.clone(), Arc::<Rights>::from(viewer.rights()));
        let mut registry = lock(&self.inner.registry);
        match registry.account(&user) {
            Some(old) if old.origin == Origin::Store => {
                return tracing::error!(
                    user,
                    "this user is in the database already, and stays as it is there"
                );
            }
            Some(old) if !is_same(old) => {
                registry.remove_account(&user);
                let id = RightsId::account(&user);
                self.tell(Change::ViewerRemoved { id });
            }
            _ => (),
        }
        let visitors = registry.put_account(Account {
            rights: rights.clone(),
            role: Role::Viewer,
            token: Some(viewer.token),
            origin: Origin::File,
        });
        for id in visitors {
            self.tell(Change::ViewerRemoved { id });
        }
        self.tell(Change::ViewerSet { rights });
    }

    /// Takes a viewer's permission back: the sessions end, the token is void. One of the database stays.
    pub fn remove_viewer(&self, user: &str) {
        let mut registry = lock(&self.inner.registry);
        let known = registry.account(user);
        if known.is_some_and(|known| known.origin == Origin::File) && registry.remove_account(user)
        {
            let id = RightsId::account(user);
            self.tell(Change::ViewerRemoved { id });
        }
    }
}
