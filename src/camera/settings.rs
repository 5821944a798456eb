// SPDX-License-Identifier: MPL-2.0
//! What the user asked of `portholesrc`.

pub(crate) const CAMERA: &str = "test";
/// Seconds. A viewer who reloads the page is back within this.
pub(crate) const IDLE_TIMEOUT: u32 = 5;
/// Seconds in a day: more is always on, which is another sink's way.
pub(crate) const MAX_IDLE_TIMEOUT: u32 = 24 * 60 * 60;

/// The values of the properties.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) camera: String,
    /// Seconds.
    pub(crate) idle_timeout: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            camera: CAMERA.into(),
            idle_timeout: IDLE_TIMEOUT,
        }
    }
}
