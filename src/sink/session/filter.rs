// SPDX-License-Identifier: MPL-2.0
//! The one element of ours in each stream of a session, between the encoded media and its payloader: it passes what the
//! session's permit allows. Not an element one can make by name.
//!
//! What goes wrong behind it stays there: webrtcsink would end the session from the thread that is still building it, and
//! lock itself (docs/upstream.md). A stream that cannot be sent is silent instead, and its viewer gives up.

use std::sync::OnceLock;

use gst::{glib, prelude::*, subclass::prelude::*};
use porthole_protocol::grant::Permission;

use crate::{signaller::session::Permit, sink::any_pads};

glib::wrapper! {
    pub(crate) struct Filter(ObjectSubclass<imp::Filter>) @extends gst::Element, gst::Object;
}

impl Filter {
    /// An element that passes media as long as `permit` holds `permission`.
    pub(crate) fn new(permit: Permit, permission: Permission) -> Self {
        let filter: Self = glib::Object::new();
        let _ = filter.imp().terms.set((permit, permission));
        filter
    }
}

mod imp {
    use std::sync::LazyLock;

    use super::*;

    pub(crate) struct Filter {
        pub(super) terms: OnceLock<(Permit, Permission)>,
        sink: gst::Pad,
        src: gst::Pad,
    }

    impl Filter {
        fn is_permitted(&self) -> bool {
            let terms = self.terms.get();
            terms.is_some_and(|(permit, permission)| permit.allows(*permission))
        }

        fn chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
            if !self.is_permitted() {
                return Ok(gst::FlowSuccess::Ok);
            }
            match self.src.push(buffer) {
                // What ends a stream in an orderly way is for those before us as well.
                Err(error @ (gst::FlowError::Flushing | gst::FlowError::Eos)) => Err(error),
                Err(error) => {
                    gst::debug!(gst::CAT_RUST, imp = self, "kept back: {error}");
                    Ok(gst::FlowSuccess::Ok)
                }
                Ok(success) => Ok(success),
            }
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Filter {
        const NAME: &'static str = "GstPortholeSessionFilter";
        type Type = super::Filter;
        type ParentType = gst::Element;

        fn with_class(_: &Self::Class) -> Self {
            let flags = gst::PadFlags::PROXY_CAPS | gst::PadFlags::PROXY_ALLOCATION;
            let sink = any_pads::sink()
                .chain_function(|_, parent, buffer| {
                    let filter = parent.and_then(|parent| parent.downcast_ref::<super::Filter>());
                    match filter {
                        Some(filter) => filter.imp().chain(buffer),
                        None => Err(gst::FlowError::Flushing),
                    }
                })
                .flags(flags)
                .build();
            Self {
                terms: OnceLock::new(),
                sink,
                src: any_pads::src().flags(flags).build(),
            }
        }
    }

    impl ObjectImpl for Filter {
        fn constructed(&self) {
            self.parent_constructed();
            any_pads::add(&*self.obj(), [&self.sink, &self.src]);
        }
    }

    impl GstObjectImpl for Filter {}

    impl ElementImpl for Filter {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                any_pads::metadata(
                    "Porthole session filter",
                    "Filter",
                    "Passes a session's media while it is permitted",
                )
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            any_pads::templates()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A filter between two pads; what comes through is answered with `answer`.
    fn push(
        permit: Permit,
        answer: Result<gst::FlowSuccess, gst::FlowError>,
    ) -> (bool, Result<gst::FlowSuccess, gst::FlowError>) {
        gst::init().unwrap();
        let filter = Filter::new(permit, Permission::View);
        let source = gst::Pad::builder(gst::PadDirection::Src)
            .name("out")
            .build();
        let came = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = came.clone();
        let sink = gst::Pad::builder(gst::PadDirection::Sink)
            .name("in")
            .chain_function(move |_, _, _| {
                seen.store(true, std::sync::atomic::Ordering::SeqCst);
                answer
            })
            .build();
        source.link(&filter.static_pad("sink").unwrap()).unwrap();
        filter.static_pad("src").unwrap().link(&sink).unwrap();
        sink.set_active(true).unwrap();
        filter.set_state(gst::State::Playing).unwrap();
        source.set_active(true).unwrap();
        let caps = gst::Caps::new_empty_simple("video/x-vp8");
        assert!(source.push_event(gst::event::StreamStart::new("s")));
        assert!(source.push_event(gst::event::Caps::new(&caps)));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(source.push_event(gst::event::Segment::new(&segment)));
        let result = source.push(gst::Buffer::with_size(1).unwrap());
        filter.set_state(gst::State::Null).unwrap();
        (came.load(std::sync::atomic::Ordering::SeqCst), result)
    }

    #[test]
    fn it_passes_what_is_permitted_and_nothing_else() {
        let ok = Ok(gst::FlowSuccess::Ok);
        assert_eq!(push(Permit::of(&[Permission::View]), ok), (true, ok));
        assert_eq!(push(Permit::of(&[Permission::Listen]), ok), (false, ok));
        assert_eq!(push(Permit::default(), ok), (false, ok));
    }

    #[test]
    fn what_goes_wrong_behind_it_stays_there() {
        use gst::FlowError as E;
        for error in [E::NotNegotiated, E::Error, E::NotLinked, E::NotSupported] {
            let (came, result) = push(Permit::of(&[Permission::View]), Err(error));
            assert_eq!((came, result), (true, Ok(gst::FlowSuccess::Ok)), "{error}");
        }
        for error in [E::Flushing, E::Eos] {
            assert_eq!(
                push(Permit::of(&[Permission::View]), Err(error)).1,
                Err(error)
            );
        }
    }
}
