// SPDX-License-Identifier: MPL-2.0
//! The one element of ours in each stream of a session, between the encoded media and its payloader: it passes what the
//! session's permit allows. Not an element one can make by name.

use std::sync::OnceLock;

use gst::{glib, subclass::prelude::*};
use gst_base::subclass::prelude::*;
use porthole_protocol::grant::Permission;

use crate::signaller::session::Permit;

glib::wrapper! {
    pub(crate) struct Filter(ObjectSubclass<imp::Filter>) @extends gst_base::BaseTransform, gst::Element, gst::Object;
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

    #[derive(Default)]
    pub(crate) struct Filter {
        pub(super) terms: OnceLock<(Permit, Permission)>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Filter {
        const NAME: &'static str = "GstPortholeSessionFilter";
        type Type = super::Filter;
        type ParentType = gst_base::BaseTransform;
    }

    impl ObjectImpl for Filter {}
    impl GstObjectImpl for Filter {}

    impl ElementImpl for Filter {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new(
                    "Porthole session filter",
                    "Filter",
                    "Passes a session's media while it is permitted",
                    "The Porthole developers",
                )
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                let any = gst::Caps::new_any();
                [
                    ("sink", gst::PadDirection::Sink),
                    ("src", gst::PadDirection::Src),
                ]
                .into_iter()
                .filter_map(|(name, direction)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &any).ok()
                })
                .collect()
            });
            &TEMPLATES
        }
    }

    impl BaseTransformImpl for Filter {
        const MODE: gst_base::subclass::BaseTransformMode =
            gst_base::subclass::BaseTransformMode::AlwaysInPlace;
        const PASSTHROUGH_ON_SAME_CAPS: bool = true;
        const TRANSFORM_IP_ON_PASSTHROUGH: bool = true;

        fn transform_ip_passthrough(
            &self,
            _buffer: &gst::Buffer,
        ) -> Result<gst::FlowSuccess, gst::FlowError> {
            let terms = self.terms.get();
            if terms.is_some_and(|(permit, permission)| permit.allows(*permission)) {
                Ok(gst::FlowSuccess::Ok)
            } else {
                Ok(gst_base::BASE_TRANSFORM_FLOW_DROPPED)
            }
        }
    }
}
