// SPDX-License-Identifier: MPL-2.0
//! Names that mean the same with every kind of camera, beside those that its driver has. Pure.

use gst::glib::{self, prelude::*};

use super::{is_same, number};
use crate::camera::device::Control;

/// A control by one name, whoever drives the camera.
struct Common {
    name: &'static str,
    /// What it takes; empty where that is the driver's.
    takes: &'static str,
    /// As drivers call it, newer names first.
    own: &'static [(&'static str, Own)],
}

/// What a driver takes for it.
#[derive(Clone, Copy)]
enum Own {
    Same,
    /// So many of it are one of the driver's.
    Units(i64),
    /// For true and false; whatever else is given is the driver's own.
    Numbers(i32, i32),
    Words(&'static str, &'static str),
}

const SWITCH: &str = "true or false";
const COMMON: [Common; 8] = [
    Common {
        name: "exposure-time",
        takes: "microseconds",
        own: &[
            // V4L2 counts in 100 microseconds.
            ("exposure_time_absolute", Own::Units(100)),
            ("exposure_absolute", Own::Units(100)),
            ("exposure-time", Own::Same),
        ],
    },
    Common {
        name: "auto-exposure",
        takes: SWITCH,
        own: &[
            // V4L2's aperture priority, which is what USB cameras have, and manual.
            ("auto_exposure", Own::Numbers(3, 1)),
            ("exposure_auto", Own::Numbers(3, 1)),
            ("ae-enable", Own::Same),
        ],
    },
    Common {
        name: "gain",
        takes: "",
        own: &[("gain", Own::Same), ("analogue_gain", Own::Same)],
    },
    Common {
        name: "autofocus",
        takes: SWITCH,
        own: &[
            ("focus_automatic_continuous", Own::Numbers(1, 0)),
            ("focus_auto", Own::Numbers(1, 0)),
            ("af-mode", Own::Words("continuous", "manual")),
        ],
    },
    Common {
        name: "focus",
        takes: "",
        own: &[("focus_absolute", Own::Same), ("lens-position", Own::Same)],
    },
    Common {
        name: "auto-white-balance",
        takes: SWITCH,
        own: &[
            ("white_balance_automatic", Own::Numbers(1, 0)),
            ("white_balance_temperature_auto", Own::Numbers(1, 0)),
            ("awb-enable", Own::Same),
        ],
    },
    Common {
        name: "white-balance",
        takes: "kelvin",
        own: &[
            ("white_balance_temperature", Own::Same),
            ("colour-temperature", Own::Same),
        ],
    },
    Common {
        name: "zoom",
        takes: "",
        own: &[("zoom_absolute", Own::Same)],
    },
];

/// The device's own name and value for a common name, if it has one of what that means.
pub(super) fn own<'a>(
    given: &str,
    value: &glib::SendValue,
    known: &'a [Control],
) -> Option<(&'a str, glib::SendValue)> {
    let common = COMMON.iter().find(|common| is_same(common.name, given))?;
    common.own.iter().find_map(|(name, own)| {
        let control = known.iter().find(|known| is_same(&known.name, name))?;
        Some((control.name.as_str(), own.value(value)))
    })
}

/// The common name of a device's control and what it takes; empty where it is the same.
pub(in crate::camera::devices) fn also(own: &str) -> String {
    let is_it = |common: &&Common| common.own.iter().any(|(name, _)| is_same(name, own));
    match COMMON.iter().find(is_it) {
        Some(common)
            if common.name == own || is_same(common.name, own) && common.takes != SWITCH =>
        {
            String::new()
        }
        Some(Common {
            name, takes: "", ..
        }) => (*name).to_owned(),
        Some(Common { name, takes, .. }) => format!("{name} ({takes})"),
        None => String::new(),
    }
}

impl Own {
    fn value(self, value: &glib::SendValue) -> glib::SendValue {
        let converted = match self {
            Self::Same => None,
            Self::Units(many) => {
                number(value).map(|number| ((number + many / 2) / many).to_send_value())
            }
            Self::Numbers(on, off) => {
                switch(value).map(|is_on| if is_on { on } else { off }.to_send_value())
            }
            Self::Words(on, off) => {
                switch(value).map(|is_on| if is_on { on } else { off }.to_send_value())
            }
        };
        converted.unwrap_or_else(|| value.clone())
    }
}

fn switch(value: &glib::SendValue) -> Option<bool> {
    let text = || value.get::<String>().ok()?.parse().ok();
    value.get::<bool>().ok().or_else(text)
}

#[cfg(test)]
mod tests {
    use gst::prelude::*;

    use super::*;

    fn known(names: &[&str]) -> Vec<Control> {
        let known = |name: &&str| Control {
            name: (*name).into(),
            ..Control::default()
        };
        names.iter().map(known).collect()
    }

    /// What is set of a camera with these controls.
    fn set(controls: &[&str], text: &str) -> Option<String> {
        gst::init().unwrap();
        let structure: gst::Structure = format!("controls,{text}").parse().unwrap();
        let (name, value) = structure.iter().next().unwrap();
        let known = known(controls);
        let (name, value) = own(name, value, &known)?;
        Some(format!("{name}={}", value.serialize().unwrap()))
    }

    const USB: [&str; 5] = [
        "auto_exposure",
        "exposure_time_absolute",
        "focus_absolute",
        "focus_automatic_continuous",
        "white_balance_automatic",
    ];
    const LIBCAMERA: [&str; 6] = [
        "ae-enable",
        "exposure-time",
        "af-mode",
        "lens-position",
        "analogue-gain",
        "awb-enable",
    ];

    #[test]
    fn a_common_name_sets_what_each_kind_of_camera_has_for_it() {
        for (text, usb, libcamera) in [
            (
                "exposure-time=10000",
                Some("exposure_time_absolute=100"),
                Some("exposure-time=10000"),
            ),
            (
                "auto-exposure=false",
                Some("auto_exposure=1"),
                Some("ae-enable=false"),
            ),
            (
                "auto-exposure=true",
                Some("auto_exposure=3"),
                Some("ae-enable=true"),
            ),
            (
                "autofocus=true",
                Some("focus_automatic_continuous=1"),
                Some("af-mode=continuous"),
            ),
            (
                "autofocus=false",
                Some("focus_automatic_continuous=0"),
                Some("af-mode=manual"),
            ),
            (
                "focus=2.5",
                Some("focus_absolute=2.5"),
                Some("lens-position=2.5"),
            ),
            ("gain=4", None, Some("analogue-gain=4")),
            (
                "auto-white-balance=true",
                Some("white_balance_automatic=1"),
                Some("awb-enable=true"),
            ),
            ("zoom=1", None, None),
            ("hue=1", None, None),
        ] {
            assert_eq!(set(&USB, text).as_deref(), usb, "{text}");
            assert_eq!(set(&LIBCAMERA, text).as_deref(), libcamera, "{text}");
        }
    }

    #[test]
    fn a_drivers_own_value_stays_as_it_is() {
        assert_eq!(
            set(&USB, "auto_exposure=0").as_deref(),
            Some("auto_exposure=0")
        );
    }

    #[test]
    fn a_control_says_by_which_common_name_it_goes() {
        for (own, text) in [
            ("exposure_time_absolute", "exposure-time (microseconds)"),
            ("exposure-time", ""),
            ("auto_exposure", "auto-exposure (true or false)"),
            ("af-mode", "autofocus (true or false)"),
            ("focus_absolute", "focus"),
            ("gain", ""),
            ("brightness", ""),
        ] {
            assert_eq!(also(own), text, "{own}");
        }
    }
}
