// SPDX-License-Identifier: MPL-2.0
//! Where pictures go, and where frames: to rungs, and to viewers. Each lock is held to copy or replace a pointer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::outlet::Outlet;
use crate::lock::lock;

/// Where pictures go: the sources of rungs.
#[derive(Clone, Default)]
pub(crate) struct Taps(Arc<Mutex<Arc<[gst_app::AppSrc]>>>);

impl Taps {
    pub(crate) fn set(&self, taps: impl IntoIterator<Item = gst_app::AppSrc>) {
        let taps = taps.into_iter().collect();
        *lock(&self.0) = taps;
    }

    /// Hands a picture on. Neither copies nor waits.
    pub(crate) fn push(&self, caps: &gst::Caps, buffer: &gst::BufferRef) {
        let taps = lock(&self.0).clone();
        for tap in taps.iter() {
            if tap.caps().as_ref() != Some(caps) {
                tap.set_caps(Some(caps));
            }
            // One that is being stopped takes none.
            let _ = tap.push_buffer(buffer.copy());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }
}

/// The viewers that get a rung's frames.
#[derive(Default)]
pub(crate) struct FanOut(Mutex<Arc<BTreeMap<u64, Arc<Outlet>>>>);

impl FanOut {
    /// Whether it is new there.
    pub(crate) fn add(&self, id: u64, outlet: &Arc<Outlet>) -> bool {
        let mut all = lock(&self.0);
        let is_new = !all.contains_key(&id);
        if is_new {
            Arc::make_mut(&mut all).insert(id, outlet.clone());
        }
        is_new
    }

    pub(crate) fn remove(&self, id: u64) {
        let mut all = lock(&self.0);
        if all.contains_key(&id) {
            Arc::make_mut(&mut all).remove(&id);
        }
    }

    /// All viewers of another.
    pub(crate) fn take_over(&self, other: &Self) {
        for (id, outlet) in other.all().iter() {
            outlet.skip();
            self.add(*id, outlet);
        }
    }

    pub(crate) fn all(&self) -> Arc<BTreeMap<u64, Arc<Outlet>>> {
        lock(&self.0).clone()
    }
}
