// SPDX-License-Identifier: MPL-2.0
//! The interface `GstVideoDirection`, by which applications find elements that can turn a picture. The bindings do not cover it
//! yet; it has one property and no function.

#![allow(
    unsafe_code,
    reason = "an interface can be declared in no other way; one line that vouches for a struct without functions"
)]

use gst::glib;
use gst::glib::subclass::prelude::*;
use gst_video::ffi;

glib::wrapper! {
    /// `GstVideoDirection`, see gst-plugins-base, gst-libs/gst/video/videodirection.h.
    pub struct VideoDirection(Interface<ffi::GstVideoDirection, ffi::GstVideoDirectionInterface>);

    match fn {
        type_ => || ffi::gst_video_direction_get_type(),
    }
}

// Safety: the interface has no functions that would have to be set.
unsafe impl<T: ObjectSubclass> IsImplementable<T> for VideoDirection {}
