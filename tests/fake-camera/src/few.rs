// SPDX-License-Identifier: MPL-2.0
//! Four buffers, as a camera of libcamera's has: each is used again when all of its memory is back, whatever holds it.

use std::sync::{Arc, Mutex, PoisonError};

const BUFFERS: usize = 4;

/// Those that are not away.
#[derive(Debug)]
pub(crate) struct Home(Mutex<Vec<Vec<u8>>>);

impl Home {
    pub(crate) fn new(size: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(vec![vec![0; size]; BUFFERS])))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.blocks().is_empty()
    }

    fn blocks(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer with memory of one of them.
    pub(crate) fn buffer(self: &Arc<Self>) -> Option<gst::Buffer> {
        // The one that is back for the longest time.
        let mut blocks = self.blocks();
        let bytes = (!blocks.is_empty()).then(|| blocks.remove(0))?;
        drop(blocks);
        let home = self.clone();
        Some(gst::Buffer::from_mut_slice(Block { bytes, home }))
    }
}

/// One that is away.
struct Block {
    bytes: Vec<u8>,
    home: Arc<Home>,
}

impl AsMut<[u8]> for Block {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.home.blocks().push(bytes);
    }
}
