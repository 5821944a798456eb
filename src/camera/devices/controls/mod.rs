// SPDX-License-Identifier: MPL-2.0
//! What of a camera can be set: names, and what is said of a wrong one.

mod common;

pub(super) use common::also;

use gst::{glib, prelude::*};
use gst_video::VideoOrientationMethod;

use crate::camera::device::{Control, Handles};

/// How alike a name must be to be offered as what was meant, from 0 to 1.
const ALIKE: f64 = 0.7;
/// The properties by which elements turn the picture.
const TURNS: [&str; 2] = ["video-direction", "orientation"];
/// The classes whose properties say how an element runs, which is ours to decide.
const OURS: [&str; 5] = [
    "GstBaseSrc",
    "GstPushSrc",
    "GstElement",
    "GstBin",
    "GstObject",
];
/// Characters of a value that is shown: matrices and lists of windows are longer.
const MAX_WORDS: usize = 40;
/// Properties that choose the camera.
const CHOICES: [&str; 8] = [
    "device",
    "device-name",
    "device-fd",
    "camera-name",
    "target-object",
    "path",
    "fd",
    "io-mode",
];

/// Sets each control by `set`; all the right ones even if another is wrong.
pub(super) fn set_each(
    controls: &gst::StructureRef,
    known: &[Control],
    mut set: impl FnMut(&str, &glib::SendValue) -> Result<(), String>,
) -> Result<(), String> {
    let mut wrong = Vec::new();
    for (given, value) in controls.iter() {
        let own = || known.iter().find(|known| is_same(&known.name, given));
        let result = match (common::own(given, value, known), own()) {
            (Some((name, value)), _) => set(name, &value),
            (None, Some(known)) => set(&known.name, value),
            (None, None) => {
                wrong.push(unknown(given, known));
                continue;
            }
        };
        let result = result.map_err(|error| format!("{given}: {error}"));
        wrong.extend(result.err());
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("; ")),
    }
}

/// As v4l2-ctl spells names: in lower case, and whatever is no letter or digit an underscore.
pub(super) fn spelled(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            spelled.push(character.to_ascii_lowercase());
        } else if !spelled.is_empty() && !spelled.ends_with('_') {
            spelled.push('_');
        }
    }
    spelled.trim_end_matches('_').to_owned()
}

fn is_same(name: &str, given: &str) -> bool {
    spelled(name) == spelled(given)
}

fn unknown(given: &str, known: &[Control]) -> String {
    if known.is_empty() {
        return format!("this camera has no control {given}, nor any other");
    }
    let likeness = |name: &&str| strsim::jaro_winkler(name, &spelled(given));
    let names = known.iter().map(|known| known.name.as_str());
    let closest = names.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let closest = closest.filter(|name| likeness(name) >= ALIKE);
    let meant = closest.map(|name| format!(", did you mean {name}?"));
    let meant = meant.unwrap_or_default();
    let known: Vec<String> = known.iter().map(Control::to_string).collect();
    format!(
        "this camera has no control {given}{meant} It has {}",
        known.join(", ")
    )
    .replace(&format!("{given} It"), &format!("{given}. It"))
}

/// The controls of an element that has them as properties.
#[derive(Debug)]
pub(super) struct Properties {
    element: gst::Element,
    /// Whether they may be read at any time: libcamerasrc writes them meanwhile, without a lock (docs/upstream.md).
    is_safe: bool,
}

impl Properties {
    pub(super) fn new(element: gst::Element) -> Self {
        Self {
            element,
            is_safe: true,
        }
    }

    /// Of an element that is to be asked only while it stands still.
    pub(super) fn of_one_that_writes(element: gst::Element) -> Self {
        Self {
            element,
            is_safe: false,
        }
    }

    fn settable(&self) -> Vec<glib::ParamSpec> {
        let own = |property: &glib::ParamSpec| {
            let name = property.name();
            let owner = property.owner_type().name();
            property.flags().contains(glib::ParamFlags::WRITABLE)
                && !property.flags().contains(glib::ParamFlags::CONSTRUCT_ONLY)
                && !property.flags().contains(glib::ParamFlags::DEPRECATED)
                && !OURS.contains(&owner)
                && !CHOICES.contains(&name)
                && !TURNS.contains(&name)
        };
        let properties = self.element.list_properties();
        properties
            .iter()
            .filter(|property| own(property))
            .cloned()
            .collect()
    }

    fn turn_property(&self) -> Option<glib::ParamSpec> {
        let mut turns = TURNS
            .iter()
            .filter_map(|name| self.element.find_property(name));
        turns.find(|property| property.flags().contains(glib::ParamFlags::READWRITE))
    }
}

impl Handles for Properties {
    fn controls(&self) -> Vec<Control> {
        let may_read = self.is_safe || self.element.current_state() <= gst::State::Ready;
        let control = |property: &glib::ParamSpec| {
            let is_readable = may_read && property.flags().contains(glib::ParamFlags::READABLE);
            let value = is_readable.then(|| self.element.property_value(property.name()));
            Control {
                name: property.name().to_owned(),
                range: range(property),
                value: value.as_ref().map(words).unwrap_or_default(),
                also: also(property.name()),
            }
        };
        self.settable().iter().map(control).collect()
    }

    fn set_controls(&self, controls: &gst::Structure) -> Result<(), String> {
        set_each(controls, &self.controls(), |name, value| {
            let property = self.element.find_property(name).ok_or("it has gone")?;
            let value = fitting(value, &property)?;
            self.element.set_property_from_value(name, &value);
            Ok(())
        })
    }

    fn turn(&self, wanted: VideoOrientationMethod) -> VideoOrientationMethod {
        const NONE: VideoOrientationMethod = VideoOrientationMethod::Identity;
        let Some(property) = self.turn_property() else {
            return NONE;
        };
        // Elements of other libraries have enumerations of their own, whose nicknames are the same.
        let nick =
            glib::EnumValue::from_value(&wanted.to_value()).map(|(_, v)| v.nick().to_owned());
        let class = glib::EnumClass::with_type(property.value_type());
        let value = class
            .zip(nick)
            .and_then(|(class, nick)| class.to_value_by_nick(&nick));
        if let Some(value) = value {
            self.element
                .set_property_from_value(property.name(), &value);
        }
        self.turned(&property).unwrap_or(NONE)
    }
}

impl Properties {
    /// How the element says that it turns.
    fn turned(&self, property: &glib::ParamSpec) -> Option<VideoOrientationMethod> {
        let value = self.element.property_value(property.name());
        let (_, value) = glib::EnumValue::from_value(&value)?;
        let class = glib::EnumClass::new::<VideoOrientationMethod>();
        class.to_value_by_nick(value.nick())?.get().ok()
    }
}

/// The value in the property's type, or why it does not fit.
fn fitting(value: &glib::SendValue, property: &glib::ParamSpec) -> Result<glib::Value, String> {
    let wanted = property.value_type();
    let misfit = || format!("{} is no {}", shown(value), wanted.name());
    let fitted = match value.get::<String>() {
        Ok(text) => glib::Value::deserialize(&text, wanted).map_err(|_| misfit())?,
        Err(_) => value.transform_with_type(wanted).map_err(|_| misfit())?,
    };
    if !is_valid(&fitted, property) {
        return Err(format!("{} is out of range", shown(value)));
    }
    Ok(fitted)
}

/// A value as it may be written, if it is short.
fn words(value: &glib::Value) -> String {
    if let Some((_, value)) = glib::EnumValue::from_value(value) {
        return value.nick().to_owned();
    }
    let text = value.serialize().map(String::from).unwrap_or_default();
    match text.len() <= MAX_WORDS {
        true => text,
        false => String::new(),
    }
}

/// What a property takes, in words.
fn range(property: &glib::ParamSpec) -> String {
    macro_rules! range {
        ($($kind:ident),*) => {
            $(if let Some(range) = property.downcast_ref::<glib::$kind>() {
                return format!("{} to {}", range.minimum(), range.maximum());
            })*
        };
    }
    range!(
        ParamSpecInt,
        ParamSpecUInt,
        ParamSpecInt64,
        ParamSpecUInt64,
        ParamSpecFloat,
        ParamSpecDouble
    );
    if property.is::<glib::ParamSpecBoolean>() {
        return "true or false".into();
    }
    let class = glib::EnumClass::with_type(property.value_type());
    let nicks = class.map(|class| {
        let values = class.values().iter();
        values
            .map(|value| value.nick().to_owned())
            .collect::<Vec<_>>()
    });
    nicks.map(|nicks| nicks.join(" ")).unwrap_or_default()
}

/// Whether a value of the property's type is one that the property takes: the library would put another in its place.
fn is_valid(value: &glib::Value, property: &glib::ParamSpec) -> bool {
    macro_rules! is_within {
        ($($kind:ident $number:ty),*) => {
            $(if let Some(range) = property.downcast_ref::<glib::$kind>() {
                let range = range.minimum()..=range.maximum();
                return value.get::<$number>().is_ok_and(|value| range.contains(&value));
            })*
        };
    }
    is_within!(
        ParamSpecInt i32,
        ParamSpecUInt u32,
        ParamSpecInt64 i64,
        ParamSpecUInt64 u64,
        ParamSpecFloat f32,
        ParamSpecDouble f64
    );
    let is_enum = property.value_type().is_a(glib::Type::ENUM);
    !is_enum || glib::EnumValue::from_value(value).is_some()
}

fn shown(value: &glib::SendValue) -> String {
    value
        .serialize()
        .map_or_else(|_| format!("{value:?}"), |text| text.to_string())
}

/// A whole number out of what a user may write for one: a number of any width, true or false.
pub(super) fn number(value: &glib::SendValue) -> Option<i64> {
    if let Ok(switch) = value.get::<bool>() {
        return Some(switch.into());
    }
    if let Ok(text) = value.get::<String>() {
        return text.parse().ok();
    }
    if let Ok(float) = value.get::<f64>() {
        // Only whole ones: 0.5 is no setting of a control that counts.
        return (float.fract() == 0.0).then(|| value.transform::<i64>().ok()?.get().ok())?;
    }
    value.transform::<i64>().ok()?.get().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<Control> {
        let names = [
            "brightness",
            "exposure_time_absolute",
            "white_balance_automatic",
        ];
        let known = |name: &str| Control {
            name: name.into(),
            ..Control::default()
        };
        let mut known = names.map(known).to_vec();
        known[0].range = "0 to 255".into();
        known[0].value = "128".into();
        known
    }

    fn controls(text: &str) -> gst::Structure {
        gst::init().unwrap();
        format!("controls,{text}").parse().unwrap()
    }

    #[test]
    fn a_wrong_name_lists_the_right_ones_and_the_closest_and_the_others_are_set() {
        let mut set = Vec::new();
        let result = set_each(
            &controls("brigthness=1,exposure-time-absolute=2"),
            &known(),
            |name, _| {
                set.push(name.to_owned());
                Ok(())
            },
        );
        assert_eq!(set, ["exposure_time_absolute"]);
        assert_eq!(
            result.unwrap_err(),
            "this camera has no control brigthness, did you mean brightness? It has brightness (0 to 255, now 128), exposure_time_absolute, white_balance_automatic"
        );
    }

    #[test]
    fn a_name_like_no_other_offers_none() {
        let result = set_each(&controls("zzz=1"), &known(), |_, _| Ok(()));
        let error = result.unwrap_err();
        assert!(
            error.starts_with("this camera has no control zzz. It has brightness"),
            "{error}"
        );
    }

    #[test]
    fn names_are_spelled_as_v4l2_ctl_spells_them() {
        assert_eq!(
            spelled("White Balance, Automatic"),
            "white_balance_automatic"
        );
        assert_eq!(spelled("Exposure Time, Absolute"), "exposure_time_absolute");
        assert_eq!(spelled("af-mode"), "af_mode");
    }

    #[test]
    fn numbers_may_be_written_in_any_way_that_is_whole() {
        for (text, found) in [
            ("1", Some(1)),
            ("(uint)7", Some(7)),
            ("(gint64)-5", Some(-5)),
            ("true", Some(1)),
            ("(string)12", Some(12)),
            ("3.0", Some(3)),
            ("3.5", None),
            ("sunny", None),
        ] {
            let structure = controls(&format!("value={text}"));
            assert_eq!(number(structure.value("value").unwrap()), found, "{text}");
        }
    }

    fn pattern() -> Properties {
        gst::init().unwrap();
        Properties::new(gst::ElementFactory::make("videotestsrc").build().unwrap())
    }

    #[test]
    fn an_elements_own_properties_are_its_controls() {
        let properties = pattern();
        properties
            .set_controls(&controls("k0=5,pattern=ball"))
            .unwrap();
        assert_eq!(properties.element.property::<i32>("k0"), 5);
        let error = properties
            .set_controls(&controls("num-buffers=1"))
            .unwrap_err();
        assert!(
            error.contains("no control num-buffers") && error.contains("pattern"),
            "{error}"
        );
        assert!(!error.contains("blocksize"), "{error}");
    }

    #[test]
    fn an_elements_controls_are_named_with_their_range_and_what_they_are_set_to() {
        let controls = pattern().controls();
        let shown = |name: &str| {
            let control = controls.iter().find(|control| control.name == name);
            control.map(Control::to_string).unwrap_or_default()
        };
        let widest = format!("k0 ({} to {}, now 0)", i32::MIN, i32::MAX);
        assert_eq!(shown("k0"), widest);
        assert_eq!(shown("is-live"), "is-live (true or false, now false)");
        assert!(shown("pattern").starts_with("pattern (smpte snow "));
        assert!(shown("pattern").ends_with(", now smpte)"));
    }

    #[test]
    fn a_value_that_does_not_fit_is_said_and_not_set() {
        let properties = pattern();
        let error = properties.set_controls(&controls("k0=bright")).unwrap_err();
        assert_eq!(error, "k0: bright is no gint");
        let error = properties.set_controls(&controls("motion=99")).unwrap_err();
        assert!(error.starts_with("motion: 99 is"), "{error}");
    }

    #[test]
    fn an_element_with_a_video_direction_turns() {
        gst::init().unwrap();
        let flip = gst::ElementFactory::make("videoflip").build().unwrap();
        let turned = Properties::new(flip).turn(VideoOrientationMethod::_180);
        assert_eq!(turned, VideoOrientationMethod::_180);
        let turned = pattern().turn(VideoOrientationMethod::_180);
        assert_eq!(turned, VideoOrientationMethod::Identity);
    }
}
