// SPDX-License-Identifier: MPL-2.0
//! A bin that reads what its elements say before the pipeline does, since what ends one of them need not end the camera.

use std::sync::OnceLock;

use gst::{glib, subclass::prelude::*};

/// What is said in the place of a message; `None` for nothing.
type Filter = Box<dyn Fn(&FilterBin, gst::Message) -> Option<gst::Message> + Send + Sync>;

#[derive(Default)]
pub struct FilterBinImp(OnceLock<Filter>);

#[glib::object_subclass]
impl ObjectSubclass for FilterBinImp {
    const NAME: &'static str = "GstPortholeFilterBin";
    type Type = FilterBin;
    type ParentType = gst::Bin;
}

impl ObjectImpl for FilterBinImp {}
impl GstObjectImpl for FilterBinImp {}
impl ElementImpl for FilterBinImp {}

impl BinImpl for FilterBinImp {
    fn handle_message(&self, message: gst::Message) {
        let message = match self.0.get() {
            Some(filter) => filter(&self.obj(), message),
            None => Some(message),
        };
        if let Some(message) = message {
            self.parent_handle_message(message);
        }
    }
}

glib::wrapper! {
    pub struct FilterBin(ObjectSubclass<FilterBinImp>) @extends gst::Bin, gst::Element, gst::Object;
}

impl FilterBin {
    pub(super) fn new(
        filter: impl Fn(&Self, gst::Message) -> Option<gst::Message> + Send + Sync + 'static,
    ) -> Self {
        let bin: Self = glib::Object::new();
        let _ = bin.imp().0.set(Box::new(filter));
        bin
    }
}
