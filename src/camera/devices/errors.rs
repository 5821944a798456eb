// SPDX-License-Identifier: MPL-2.0
//! What an element's error means.

use std::path::Path;

use gst::glib;

use crate::camera::problem::{Problem, Reason};

/// Placed here until the kinds of device tell more.
pub(crate) fn problem(error: &glib::Error, _debug: Option<&str>, _path: Option<&Path>) -> Problem {
    Problem::new(Reason::Failed, error.to_string())
}
