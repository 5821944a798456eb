// SPDX-License-Identifier: MPL-2.0
//! What is compared.

use crate::Failure;

pub(crate) const FORMATS: [&str; 4] = ["I420", "NV12", "YUY2", "BGRx"];
pub(crate) const SIZES: [(u32, u32); 3] = [(640, 480), (1280, 720), (1920, 1080)];

/// Chains of elements that do the same work on both sides, as far as the stock elements can do it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) ours: &'static [&'static str],
    pub(crate) stock: &'static [&'static str],
}

pub(crate) const CASES: [Case; 4] = [
    Case {
        name: "180",
        ours: &["portholeoverlay video-direction=180"],
        stock: &["videoflip video-direction=180"],
    },
    Case {
        name: "180 + clock + text",
        ours: &[
            "portholeoverlay video-direction=180 latency-clock=true text=\"%H:%M:%S front door\"",
        ],
        stock: &[
            "videoflip video-direction=180",
            "clockoverlay",
            "textoverlay text=\"front door\"",
        ],
    },
    Case {
        name: "90r",
        ours: &["portholeoverlay video-direction=90r"],
        stock: &["videoflip video-direction=90r"],
    },
    TEXT,
];

/// The stock clock can write the text as well, which is cheaper than a `textoverlay` after it.
pub(crate) const TEXT: Case = Case {
    name: "identity + text",
    ours: &["portholeoverlay text=\"%H:%M:%S front door\""],
    stock: &["clockoverlay time-format=\"%H:%M:%S front door\""],
};

/// The stock elements and where Debian has them.
const PACKAGES: [(&str, &str); 4] = [
    ("videoflip", "gstreamer1.0-plugins-good"),
    ("clockoverlay", "gstreamer1.0-x"),
    ("textoverlay", "gstreamer1.0-x"),
    ("fakesink", "libgstreamer1.0-0"),
];

/// Says which element is missing, if one is.
pub(crate) fn find_elements() -> Result<(), Failure> {
    for (element, package) in PACKAGES {
        if gst::ElementFactory::find(element).is_none() {
            return Err(format!(
                "the stock element {element} is missing: scripts/test installs it (Debian package {package})"
            )
            .into());
        }
    }
    Ok(())
}
