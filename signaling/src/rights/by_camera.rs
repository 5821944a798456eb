// SPDX-License-Identifier: MPL-2.0
//! Whose rights are about which camera, so that one that comes, goes or is removed is told to those alone.

use std::collections::{BTreeSet, HashMap};

use super::{Rights, RightsId};

/// An index of rights by the cameras that they name.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ByCamera {
    named: HashMap<Box<str>, BTreeSet<RightsId>>,
    all: BTreeSet<RightsId>,
}

impl ByCamera {
    pub(crate) fn add(&mut self, rights: &Rights) {
        let id = rights.id();
        match rights.cameras() {
            None => {
                self.all.insert(id);
            }
            Some(cameras) => {
                for camera in cameras {
                    match self.named.get_mut(camera) {
                        Some(own) => own.insert(id.clone()),
                        None => {
                            let own = self.named.entry(camera.into()).or_default();
                            own.insert(id.clone())
                        }
                    };
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, rights: &Rights) {
        let id = rights.id();
        match rights.cameras() {
            None => {
                self.all.remove(&id);
            }
            Some(cameras) => {
                for camera in cameras {
                    if let Some(own) = self.named.get_mut(camera) {
                        own.remove(&id);
                        if own.is_empty() {
                            self.named.remove(camera);
                        }
                    }
                }
            }
        }
    }

    /// The rights of someone are other ones.
    pub(crate) fn replace(&mut self, old: &Rights, new: &Rights) {
        // Mostly it is only the time that is another.
        if old.cameras() != new.cameras() || old.id() != new.id() {
            self.remove(old);
        }
        self.add(new);
    }

    /// Whose rights name this camera, or all.
    pub(crate) fn of(&self, camera: &str) -> impl Iterator<Item = &RightsId> {
        let named = self.named.get(camera).into_iter().flatten();
        named.chain(&self.all)
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.all.is_empty()
    }
}
