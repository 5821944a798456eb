// SPDX-License-Identifier: MPL-2.0
//! Where pictures and frames go: the sources of rungs, and the viewers of a rung.
//!
//! Locks: `ScaledOutputs` and `FanOut`, each held to copy or replace a pointer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use super::{outlet::Outlet, types::Frame};
use crate::lock::lock;

/// The sources of rungs.
#[derive(Clone, Default)]
pub(crate) struct ScaledOutputs(Arc<Mutex<Arc<[gst_app::AppSrc]>>>);

impl ScaledOutputs {
    pub(crate) fn set(&self, outputs: impl IntoIterator<Item = gst_app::AppSrc>) {
        let outputs = outputs.into_iter().collect();
        *lock(&self.0) = outputs;
    }

    /// Hands a picture on. Neither copies nor waits.
    pub(crate) fn push(&self, caps: &gst::Caps, buffer: &gst::BufferRef) {
        let outputs = lock(&self.0).clone();
        for output in outputs.iter() {
            if output.caps().as_ref() != Some(caps) {
                output.set_caps(Some(caps));
            }
            // One that is being stopped takes none.
            let _ = output.push_buffer(buffer.copy());
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

    /// From now on nobody gets any more.
    pub(crate) fn clear(&self) {
        *lock(&self.0) = Arc::default();
    }

    pub(crate) fn offer(&self, frame: &Frame, now: Instant) {
        let all = lock(&self.0).clone();
        for outlet in all.values() {
            outlet.offer(frame, now);
        }
    }
}
