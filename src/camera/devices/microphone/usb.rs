// SPDX-License-Identifier: MPL-2.0
//! The sound card in a USB camera, as the kernel tells it: a camera and its microphone are interfaces of one USB device. Looks at files
//! below a folder alone, which is `/sys`.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What every USB device has, and no interface of one.
const USB_DEVICE: &str = "idVendor";
/// Folders from a card up to its USB device; in fact there are three.
const MAX_DEPTH: usize = 8;

/// What can be captured from at a sound card of ALSA's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pcm {
    pub(super) card: u32,
    pub(super) device: u32,
}

impl Pcm {
    /// As ALSA names it.
    pub(super) fn name(self) -> String {
        format!("hw:{},{}", self.card, self.device)
    }
}

/// The microphone in the USB device of the camera with this number, as in `/dev/video2`.
pub(super) fn of_camera(sys: &Path, video: &str) -> Option<Pcm> {
    let camera = usb_device(&sys.join("class/video4linux").join(video))?;
    find(sys, |device| device == camera)
}

/// The microphone in the one USB device that has these ids; none where there are two of a kind, of which one cannot be told.
pub(super) fn of_product(sys: &Path, vendor: &str, product: &str) -> Option<Pcm> {
    let is = |device: &Path, file: &str, wanted: &str| {
        fs::read_to_string(device.join(file)).is_ok_and(|id| id.trim().eq_ignore_ascii_case(wanted))
    };
    let fits = |device: &Path| is(device, "idVendor", vendor) && is(device, "idProduct", product);
    let all = cards(sys).filter(|card| usb_device(card).is_some_and(|device| fits(&device)));
    let all: Vec<PathBuf> = all.collect();
    match all.as_slice() {
        [card] => pcm(card),
        _ => None,
    }
}

fn find(sys: &Path, fits: impl Fn(&Path) -> bool) -> Option<Pcm> {
    let cards = cards(sys).filter(|card| usb_device(card).is_some_and(|device| fits(&device)));
    cards.filter_map(|card| pcm(&card)).min()
}

fn cards(sys: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(sys.join("class/sound"));
    let entries = entries.into_iter().flatten().flatten();
    let is_card = |name: &str| {
        let number = name.strip_prefix("card");
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    entries
        .filter(move |entry| is_card(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
}

/// The USB device that what stands here is a part of.
fn usb_device(class: &Path) -> Option<PathBuf> {
    let own = fs::canonicalize(class.join("device")).ok()?;
    let folders = own.ancestors().take(MAX_DEPTH);
    let mut devices = folders.filter(|folder| folder.join(USB_DEVICE).is_file());
    devices.next().map(Path::to_owned)
}

/// The first of a card that captures: a headset's loudspeaker is none.
fn pcm(card: &Path) -> Option<Pcm> {
    let entries = fs::read_dir(card).ok()?.flatten();
    let pcms = entries.filter_map(|entry| parse(&entry.file_name().to_string_lossy()));
    pcms.min()
}

/// Reads the kernel's `pcmC1D0c`, whose last letter is that of capture.
fn parse(name: &str) -> Option<Pcm> {
    let name = name.strip_prefix("pcmC")?.strip_suffix('c')?;
    let (card, device) = name.split_once('D')?;
    Some(Pcm {
        card: card.parse().ok()?,
        device: device.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::fs::symlink, process};

    /// Two cameras of a kind and a headset, as the kernel shows them: folders, and files with what they hold. The interfaces 0 and 1 of
    /// a Logitech C920 are uvcvideo's, 2 and 3 are snd-usb-audio's.
    const TREE: &[(&str, &str)] = &[
        ("pci0000:00/0000:00:1f.3/sound/card0/pcmC0D0c/dev", "116:2"),
        ("pci0000:00/0000:00:14.0/usb1/idVendor", "1d6b"),
        ("pci0000:00/0000:00:14.0/usb1/1-4/idVendor", "046d"),
        ("pci0000:00/0000:00:14.0/usb1/1-4/idProduct", "082d"),
        (
            "pci0000:00/0000:00:14.0/usb1/1-4/product",
            "HD Pro Webcam C920",
        ),
        (
            "pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.0/bInterfaceClass",
            "0e",
        ),
        (
            "pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.0/video4linux/video0/dev",
            "81:0",
        ),
        (
            "pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.0/video4linux/video1/dev",
            "81:1",
        ),
        (
            "pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.2/bInterfaceClass",
            "01",
        ),
        (
            "pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.2/sound/card2/id",
            "C920",
        ),
        (
            "pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.2/sound/card2/pcmC2D0c/dev",
            "116:9",
        ),
        ("pci0000:00/0000:00:14.0/usb1/1-5/1-5.2/idVendor", "046d"),
        ("pci0000:00/0000:00:14.0/usb1/1-5/1-5.2/idProduct", "082d"),
        ("pci0000:00/0000:00:14.0/usb1/1-5/idVendor", "0bda"),
        (
            "pci0000:00/0000:00:14.0/usb1/1-5/1-5.2/1-5.2:1.0/video4linux/video2/dev",
            "81:2",
        ),
        (
            "pci0000:00/0000:00:14.0/usb1/1-5/1-5.2/1-5.2:1.2/sound/card1/pcmC1D1c/dev",
            "116:5",
        ),
        (
            "pci0000:00/0000:00:14.0/usb1/1-5/1-5.2/1-5.2:1.2/sound/card1/pcmC1D0c/dev",
            "116:4",
        ),
        ("pci0000:00/0000:00:14.0/usb1/1-5/1-5.3/idVendor", "0d8c"),
        ("pci0000:00/0000:00:14.0/usb1/1-5/1-5.3/idProduct", "0014"),
        (
            "pci0000:00/0000:00:14.0/usb1/1-5/1-5.3/1-5.3:1.0/sound/card3/pcmC3D0p/dev",
            "116:7",
        ),
        ("pci0000:00/0000:00:14.0/usb1/1-5/1-5.4/idVendor", "0c45"),
        ("pci0000:00/0000:00:14.0/usb1/1-5/1-5.4/idProduct", "6366"),
        (
            "pci0000:00/0000:00:14.0/usb1/1-5/1-5.4/1-5.4:1.0/video4linux/video3/dev",
            "81:3",
        ),
        (
            "platform/axi/1000120000.pcie/1f00110000.csi/video4linux/video4/dev",
            "81:4",
        ),
    ];

    struct Sys(PathBuf);

    impl Sys {
        fn recorded() -> Self {
            use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let number = COUNT.fetch_add(1, Relaxed);
            let sys = std::env::temp_dir().join(format!("porthole-sys-{}-{number}", process::id()));
            for (file, text) in TREE {
                let file = sys.join("devices").join(file);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, format!("{text}\n")).unwrap();
            }
            for (file, _) in TREE {
                let file = sys.join("devices").join(file);
                for class in ["video4linux", "sound"] {
                    let mut folders = file.ancestors();
                    let own = folders.find(|f| f.parent().is_some_and(|p| p.ends_with(class)));
                    let Some(own) = own else { continue };
                    let classes = sys.join("class").join(class);
                    fs::create_dir_all(&classes).unwrap();
                    // Each may be there twice.
                    let _ = symlink(own, classes.join(own.file_name().unwrap()));
                    let _ = symlink("../..", own.join("device"));
                }
            }
            Self(sys)
        }
    }

    impl Drop for Sys {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn pcm(card: u32, device: u32) -> Option<Pcm> {
        Some(Pcm { card, device })
    }

    #[test]
    fn a_camera_has_the_microphone_of_its_own_usb_device() {
        let sys = Sys::recorded();
        assert_eq!(of_camera(&sys.0, "video0"), pcm(2, 0));
        assert_eq!(of_camera(&sys.0, "video1"), pcm(2, 0));
        assert_eq!(of_camera(&sys.0, "video2"), pcm(1, 0));
    }

    #[test]
    fn a_camera_without_a_microphone_has_none_of_a_neighbour_or_of_the_hub() {
        let sys = Sys::recorded();
        for video in ["video3", "video4", "video9"] {
            assert_eq!(of_camera(&sys.0, video), None, "{video}");
        }
    }

    #[test]
    fn a_product_is_found_where_there_is_one_of_a_kind() {
        let sys = Sys::recorded();
        assert_eq!(of_product(&sys.0, "046D", "082d"), None);
        fs::remove_file(sys.0.join("class/sound/card1")).unwrap();
        assert_eq!(of_product(&sys.0, "046D", "082d"), pcm(2, 0));
        assert_eq!(of_product(&sys.0, "0d8c", "0014"), None, "a loudspeaker");
    }

    #[test]
    fn the_kernel_names_what_captures() {
        assert_eq!(parse("pcmC1D0c"), pcm(1, 0));
        for other in ["pcmC1D0p", "controlC1", "pcmC1c", "pcmCxD0c"] {
            assert_eq!(parse(other), None, "{other}");
        }
        assert_eq!(pcm(1, 0).unwrap().name(), "hw:1,0");
    }
}
