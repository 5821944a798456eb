// SPDX-License-Identifier: MPL-2.0
//! A camera that Video4Linux drives, as nearly all with a USB plug.

use std::{
    fmt::{self, Debug},
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use gst::{glib, prelude::*};
use gst_video::{VideoOrientationMethod, prelude::*};
use linuxvideo::controls::{Cid, ControlDesc, ControlFlags, CtrlType};

use super::{controls, native};
use crate::{
    camera::{
        device::{Control, Handles},
        problem::{Problem, Reason},
    },
    lock::lock,
};

/// Controls that are listed, more than any camera has.
const MAX_CONTROLS: usize = 256;
/// Choices that are listed of one control, more than any has.
const MAX_CHOICES: usize = 64;
/// The control with the lowest number.
const FIRST: &str = "brightness";
/// Where udev names cameras by what they are, and by where they are plugged in.
const STABLE: [&str; 2] = ["/dev/v4l/by-id", "/dev/v4l/by-path"];

#[derive(Debug)]
pub(super) struct V4l2(pub(super) PathBuf);

impl native::Kind for V4l2 {
    fn element(&self) -> Result<gst::Element, Problem> {
        let made =
            gst::ElementFactory::make("v4l2src").property("device", self.0.display().to_string());
        made.build().map_err(|_| missing_plugin())
    }

    /// Its pool copies when few are left.
    fn awaits_buffers(&self) -> bool {
        false
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.0)
    }

    fn handles(&self, element: &gst::Element) -> Box<dyn Handles> {
        match linuxvideo::Device::open(&self.0) {
            Ok(device) => Box::new(Controls {
                first: first_control(element),
                device: Mutex::new(device),
                before: Mutex::default(),
            }),
            Err(_) => Box::new(()),
        }
    }
}

fn missing_plugin() -> Problem {
    let text = "v4l2src is missing: install the package gstreamer1.0-plugins-good";
    Problem::new(Reason::Failed, text)
}

/// The name of a device that stays the same when it is plugged in again, if udev gave it one.
pub(super) fn stable(path: &Path) -> PathBuf {
    let stable = STABLE
        .iter()
        .find_map(|folder| named_in(Path::new(folder), path));
    stable.unwrap_or_else(|| path.to_owned())
}

fn named_in(folder: &Path, path: &Path) -> Option<PathBuf> {
    let path = fs::canonicalize(path).ok()?;
    let entries = fs::read_dir(folder).ok()?;
    let links = entries.filter_map(|entry| Some(entry.ok()?.path()));
    links
        .filter(|link| fs::canonicalize(link).is_ok_and(|to| to == path))
        .min()
}

/// The device opened once more: a driver lets several set its controls while one takes pictures.
/// Locks: `before` is held while `device` is taken.
struct Controls {
    /// That with the lowest number of all, which the list begins behind.
    first: Option<Setting>,
    device: Mutex<linuxvideo::Device>,
    /// How it was turned before it was turned here: it keeps what is set when it is closed.
    before: Mutex<Option<[(Cid, i32); 2]>>,
}

impl Drop for Controls {
    fn drop(&mut self) {
        let before = lock(&self.before).take();
        for (control, value) in before.into_iter().flatten() {
            let _ = lock(&self.device).write_control_raw(control, value);
        }
    }
}

impl Debug for Controls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Controls")
    }
}

/// A control that can be set.
#[derive(Clone, Debug)]
struct Setting {
    id: Cid,
    /// As v4l2-ctl spells it.
    name: String,
    least: i32,
    most: i32,
    /// What each of its values means, where it is a choice.
    menu: Vec<(u32, String)>,
}

impl Setting {
    fn range(&self) -> String {
        if self.menu.is_empty() {
            return format!("{} to {}", self.least, self.most);
        }
        let choices = self.menu.iter();
        let choices: Vec<String> = choices
            .map(|(value, name)| format!("{value}: {name}"))
            .collect();
        choices.join("; ")
    }
}

/// Brightness, which linuxvideo leaves out of its list (docs/upstream.md), as the source element tells it.
fn first_control(element: &gst::Element) -> Option<Setting> {
    let balance = element.dynamic_cast_ref::<gst_video::ColorBalance>()?;
    let channels = balance.list_channels();
    let channel = channels
        .iter()
        .find(|channel| controls::spelled(&channel.label()) == FIRST)?;
    Some(Setting {
        id: Cid::BRIGHTNESS,
        name: FIRST.into(),
        least: channel.min_value(),
        most: channel.max_value(),
        menu: Vec::new(),
    })
}

fn list(first: Option<&Setting>, device: &linuxvideo::Device) -> Vec<Setting> {
    let settable = |control: &ControlDesc| {
        let numeric = [
            CtrlType::INTEGER,
            CtrlType::BOOLEAN,
            CtrlType::MENU,
            CtrlType::INTEGER_MENU,
            CtrlType::BUTTON,
        ];
        numeric.contains(&control.control_type())
            && !control.flags().contains(ControlFlags::READ_ONLY)
    };
    let controls = device.controls().map_while(Result::ok);
    let controls = controls.take(MAX_CONTROLS).filter(settable);
    let controls = controls.map(|control| Setting {
        id: control.id(),
        name: controls::spelled(control.name()),
        least: control.minimum(),
        most: control.maximum(),
        menu: menu(device, &control),
    });
    let is_first = |control: &Setting| first.is_some_and(|first| first.id == control.id);
    let others = controls.filter(|control| !is_first(control));
    first.cloned().into_iter().chain(others).collect()
}

fn menu(device: &linuxvideo::Device, control: &ControlDesc) -> Vec<(u32, String)> {
    if control.control_type() != CtrlType::MENU {
        return Vec::new();
    }
    let items = device.enumerate_menu(control).map_while(Result::ok);
    let items = items.map(|item| (item.index(), item.name().to_owned()));
    items.take(MAX_CHOICES).collect()
}

impl Handles for Controls {
    fn controls(&self) -> Vec<Control> {
        let device = lock(&self.device);
        let settings = list(self.first.as_ref(), &device);
        let control = |setting: &Setting| Control {
            name: setting.name.clone(),
            range: setting.range(),
            value: device
                .read_control_raw(setting.id)
                .map(|value| value.to_string())
                .unwrap_or_default(),
            also: controls::also(&setting.name),
        };
        settings.iter().map(control).collect()
    }

    fn set_controls(&self, controls: &gst::Structure) -> Result<(), String> {
        let known = self.controls();
        let mut device = lock(&self.device);
        let settings = list(self.first.as_ref(), &device);
        controls::set_each(controls, &known, |name, value| {
            let control = settings.iter().find(|setting| setting.name == name);
            let control = control.ok_or("it has gone")?;
            let value = within(value, control.least, control.most)?;
            let write = device.write_control_raw(control.id, value);
            write.map_err(|error| format!("its driver refuses {value}: {error}; an automatic control may have to be switched off first"))
        })
    }

    fn turn(&self, wanted: VideoOrientationMethod) -> VideoOrientationMethod {
        let mut before = lock(&self.before);
        let mut device = lock(&self.device);
        let value = |control| device.read_control_raw(control).unwrap_or_default();
        before.get_or_insert_with(|| {
            [Cid::HFLIP, Cid::VFLIP].map(|control| (control, value(control)))
        });
        let (mirrored, flipped) = flips(wanted);
        for (control, on) in [(Cid::HFLIP, mirrored), (Cid::VFLIP, flipped)] {
            // One that it has not got is left to the overlay.
            let _ = device.write_control_raw(control, on.into());
        }
        let is_on = |control| {
            device
                .read_control_raw(control)
                .is_ok_and(|value| value != 0)
        };
        turned(is_on(Cid::HFLIP), is_on(Cid::VFLIP))
    }
}

fn within(value: &glib::SendValue, min: i32, max: i32) -> Result<i32, String> {
    let number =
        controls::number(value).ok_or_else(|| format!("it takes a number from {min} to {max}"))?;
    let number = i32::try_from(number)
        .ok()
        .filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("it goes from {min} to {max}"))
}

/// Whether the sensor has to mirror, and to flip. Quarter turns are nothing a sensor does.
fn flips(wanted: VideoOrientationMethod) -> (bool, bool) {
    match wanted {
        VideoOrientationMethod::_180 => (true, true),
        VideoOrientationMethod::Horiz => (true, false),
        VideoOrientationMethod::Vert => (false, true),
        _ => (false, false),
    }
}

fn turned(mirrored: bool, flipped: bool) -> VideoOrientationMethod {
    match (mirrored, flipped) {
        (true, true) => VideoOrientationMethod::_180,
        (true, false) => VideoOrientationMethod::Horiz,
        (false, true) => VideoOrientationMethod::Vert,
        (false, false) => VideoOrientationMethod::Identity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_turn_that_a_sensor_can_do_is_the_one_it_says() {
        use VideoOrientationMethod as Method;
        for wanted in [Method::Identity, Method::_180, Method::Horiz, Method::Vert] {
            let (mirrored, flipped) = flips(wanted);
            assert_eq!(turned(mirrored, flipped), wanted);
        }
        assert_eq!(flips(Method::_90r), (false, false));
    }

    #[test]
    fn a_value_out_of_range_says_the_range() {
        gst::init().unwrap();
        let controls: gst::Structure = "controls,a=300,b=255,c=sunny".parse().unwrap();
        let value = |name| controls.value(name).unwrap();
        assert_eq!(within(value("b"), 0, 255), Ok(255));
        assert_eq!(
            within(value("a"), 0, 255),
            Err("it goes from 0 to 255".into())
        );
        assert!(within(value("c"), 0, 255).unwrap_err().contains("a number"));
    }

    #[test]
    fn a_device_is_found_by_the_name_that_stays() {
        let folder = std::env::temp_dir().join(format!("porthole-by-id-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (device, link) = (folder.join("video7"), folder.join("usb-046d_C505e-index0"));
        fs::write(&device, "").unwrap();
        symlink(&device, &link).unwrap();
        let by_id = folder.join("by-id");
        fs::create_dir_all(&by_id).unwrap();
        symlink(&device, by_id.join("usb-camera")).unwrap();
        let found = named_in(&by_id, &device);
        let missing = named_in(&by_id, Path::new("/dev/null"));
        let wanted = by_id.join("usb-camera");
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((found, missing), (Some(wanted), None));
    }
}
