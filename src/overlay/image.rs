// SPDX-License-Identifier: MPL-2.0
//! The image that is laid over the picture.

use std::sync::{Arc, Mutex};

use crate::lock::lock;
use porthole_painter::Bitmap;

/// An image as it was read, and as large as it was wanted last.
#[derive(Debug)]
pub(crate) struct Image {
    original: Bitmap,
    scaled: Mutex<Option<Arc<Bitmap>>>,
}

impl Image {
    pub(crate) fn new(original: Bitmap) -> Self {
        Self {
            original,
            scaled: Mutex::default(),
        }
    }

    /// The image at a height in pixels, and as wide as it must be. It is scaled when it is asked for in a size for the first
    /// time; whoever changes the size asks for it, so that the streaming thread finds it done.
    pub(crate) fn at_height(&self, height: usize) -> Arc<Bitmap> {
        let slot = || lock(&self.scaled);
        let height = height.max(1);
        let ready = slot().clone().filter(|scaled| scaled.height == height);
        ready.unwrap_or_else(|| {
            let width = (self.original.width * height).div_ceil(self.original.height.max(1));
            let scaled = Arc::new(self.original.scaled(width.max(1), height));
            *slot() = Some(scaled.clone());
            scaled
        })
    }
}
