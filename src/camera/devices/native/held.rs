// SPDX-License-Identifier: MPL-2.0
//! A bin that leaves the closing of its source element to somebody else, who may keep it open.

use std::sync::Mutex;

use gst::{glib, prelude::*, subclass::prelude::*};

use crate::lock::lock;

/// Closes an element, or keeps it in READY.
pub(in crate::camera::devices) type Closer = Box<dyn FnOnce(gst::Element) + Send>;

/// A bin with this element, which is closed with it: by the closer where there is one.
pub(super) fn bin(element: &gst::Element, closer: Option<Closer>) -> gst::Bin {
    let Some(closer) = closer else {
        let bin = gst::Bin::new();
        // A bin that is new has no element of this name.
        let _ = bin.add(element);
        return bin;
    };
    let held: Held = glib::Object::new();
    let _ = held.add(element);
    *lock(&held.imp().source) = Some((element.clone(), closer));
    held.upcast()
}

/// Closes an element that is in such a bin, which may not have been opened.
pub(super) fn close(bin: &gst::Bin, element: &gst::Element) {
    let source = bin.downcast_ref::<Held>().map(|held| held.imp().take());
    match source.flatten() {
        Some((element, closer)) => closer(element),
        None => close_by(None, element.clone()),
    }
    let _ = bin.set_state(gst::State::Null);
}

pub(super) fn close_by(closer: Option<Closer>, element: gst::Element) {
    match closer {
        Some(closer) => closer(element),
        None => drop(element.set_state(gst::State::Null)),
    }
}

glib::wrapper! {
    struct Held(ObjectSubclass<HeldImp>) @extends gst::Bin, gst::Element, gst::Object, @implements gst::ChildProxy;
}

#[derive(Default)]
struct HeldImp {
    source: Mutex<Option<(gst::Element, Closer)>>,
}

impl HeldImp {
    /// The element, which is in the bin no more and keeps its state.
    fn take(&self) -> Option<(gst::Element, Closer)> {
        let source = lock(&self.source).take();
        if let Some((element, _)) = &source {
            let _ = self.obj().remove(element);
            element.set_locked_state(false);
        }
        source
    }
}

#[glib::object_subclass]
impl ObjectSubclass for HeldImp {
    const NAME: &'static str = "PortholeHeldBin";
    type Type = Held;
    type ParentType = gst::Bin;
}

impl ObjectImpl for HeldImp {}
impl GstObjectImpl for HeldImp {}
impl BinImpl for HeldImp {}

impl ElementImpl for HeldImp {
    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition != gst::StateChange::ReadyToNull {
            return self.parent_change_state(transition);
        }
        if let Some((element, _)) = &*lock(&self.source) {
            element.set_locked_state(true);
        }
        let success = self.parent_change_state(transition);
        if let Some((element, closer)) = self.take() {
            closer(element);
        }
        success
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn its_element_is_handed_to_who_closes_it_as_it_is() {
        gst::init().unwrap();
        let element = gst::ElementFactory::make("videotestsrc").build().unwrap();
        let (closer, closed) = mpsc::channel();
        let bin = bin(
            &element,
            Some(Box::new(move |element| closer.send(element).unwrap())),
        );
        for state in [gst::State::Ready, gst::State::Playing, gst::State::Null] {
            bin.set_state(state).unwrap();
        }
        let given = closed.try_recv().expect("it was not closed");
        assert_eq!(
            (&given, given.current_state()),
            (&element, gst::State::Ready)
        );
        assert!(element.parent().is_none() && !element.is_locked_state());
        element.set_state(gst::State::Null).unwrap();
    }

    #[test]
    fn one_that_nobody_asks_for_is_closed_with_it() {
        gst::init().unwrap();
        let element = gst::ElementFactory::make("videotestsrc").build().unwrap();
        let bin = bin(&element, None);
        bin.set_state(gst::State::Ready).unwrap();
        bin.set_state(gst::State::Null).unwrap();
        assert_eq!(element.current_state(), gst::State::Null);
    }
}
