// SPDX-License-Identifier: MPL-2.0
//! A camera that Video4Linux drives, as nearly all with a USB plug.

use std::{
    fmt::{self, Debug},
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use gst::glib;
use gst_video::VideoOrientationMethod;
use linuxvideo::controls::{Cid, ControlDesc, ControlFlags, CtrlType};

use super::{controls, native};
use crate::{
    camera::{
        device::Handles,
        problem::{Problem, Reason},
    },
    lock::lock,
};

/// Controls that are listed, more than any camera has.
const MAX_CONTROLS: usize = 256;
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

    fn path(&self) -> Option<&Path> {
        Some(&self.0)
    }

    fn handles(&self, _element: &gst::Element) -> Box<dyn Handles> {
        match linuxvideo::Device::open(&self.0) {
            Ok(device) => Box::new(Controls {
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

fn list(device: &linuxvideo::Device) -> Vec<ControlDesc> {
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
    controls.take(MAX_CONTROLS).filter(settable).collect()
}

impl Handles for Controls {
    fn set_controls(&self, controls: &gst::Structure) -> Result<(), String> {
        let mut device = lock(&self.device);
        let known = list(&device);
        let names: Vec<String> = known.iter().map(|c| controls::spelled(c.name())).collect();
        controls::set_each(controls, &names, |name, value| {
            let place = names.iter().position(|other| other == name);
            let control = place
                .and_then(|place| known.get(place))
                .ok_or("it has gone")?;
            let value = within(value, control.minimum(), control.maximum())?;
            let write = device.write_control_raw(control.id(), value);
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
