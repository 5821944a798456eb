// SPDX-License-Identifier: MPL-2.0
//! One picture as viewers see it, as a JPEG that fits into a message.
//!
//! - [`fit`]: how large and how good it may be. Pure.
//! - [`shutter`]: takes a picture on its way to the encoders, without copying it or holding it up.
//! - `develop`: makes the JPEG, on the thread of whoever asked.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

mod develop;
pub(crate) mod fit;
pub(crate) mod shutter;

pub(crate) use develop::Film;
use shutter::Shutter;

use crate::lock::lock;

/// Why there is no picture. The text is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPicture {
    #[error("the camera gave no picture within {0:?}")]
    TooLate(Duration),
    #[error(
        "{0} cannot be made; install the package that has it (gstreamer1.0-plugins-good has jpegenc)"
    )]
    Missing(String),
    #[error("what comes in cannot be made a JPEG: {0}")]
    Unfit(String),
    #[error("it does not fit into {} bytes, however small", fit::MAX_BYTES)]
    TooLarge,
}

/// Takes pictures of one video pad, one at a time.
#[derive(Default)]
pub(crate) struct Photographer(Mutex<()>);

impl Photographer {
    /// Waits at most `wait` for a picture, and makes a JPEG of it that is at most `max_width` wide. `download` is the element that
    /// brings pictures down from a device's memory; `want_key` asks for a key unit where they come encoded.
    pub(crate) fn take(
        &self,
        shutter: &Arc<Shutter>,
        (max_width, wait): (u32, Duration),
        download: impl Fn(&gst::CapsRef) -> Option<&'static str>,
        want_key: impl Fn(),
    ) -> Result<Vec<u8>, NoPicture> {
        let _one = lock(&self.0);
        let until = Instant::now() + wait;
        let mut exposure = shutter.open();
        let first = exposure.next(until).ok_or(NoPicture::TooLate(wait))?;
        let film = match first.is_raw() {
            true => first,
            false => {
                want_key();
                develop::decode(first, &mut exposure, until, wait)?
            }
        };
        drop(exposure);
        let by = download(&film.caps);
        develop::jpeg(&film, max_width, by)
    }
}
