// SPDX-License-Identifier: MPL-2.0
//! Lists the cameras that are there; scripts/cameras builds and runs it. With --json as one array, for programs.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::ExitCode,
};

use gstporthole::{Control, Found, Mode, cameras};
use serde_json::json;

/// Sizes shown of one format; --json has them all.
const MAX_SIZES: usize = 6;
/// The elements that open cameras, and where they come from.
const SOURCES: [(&str, &str, &str); 3] = [
    ("v4l2src", "gstreamer1.0-plugins-good", "USB cameras"),
    (
        "libcamerasrc",
        "gstreamer1.0-libcamera",
        "the cameras of a Raspberry Pi",
    ),
    (
        "pipewiresrc",
        "gstreamer1.0-pipewire",
        "cameras that a desktop hands out",
    ),
];

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let json = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--json") => true,
        Some(other) => return Err(format!("{other}: there is only --json").into()),
    };
    let found = cameras()?;
    if json {
        println!(
            "{:#}",
            found.iter().map(object).collect::<serde_json::Value>()
        );
        return Ok(ExitCode::SUCCESS);
    }
    for camera in &found {
        print(camera);
    }
    if found.is_empty() {
        say_what_to_check();
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn line(camera: &Found) -> String {
    format!(
        "gst-launch-1.0 portholesrc {} ! portholeoverlay ! portholesink",
        camera.setting()
    )
}

fn object(camera: &Found) -> serde_json::Value {
    let mode = |mode: &Mode| json!({ "format": mode.format, "size": mode.size, "framerate": mode.framerate });
    let control = |control: &Control| json!({ "name": control.name, "range": control.range, "value": control.value, "also": control.also });
    json!({
        "camera": camera.camera,
        "name": camera.name,
        "modes": camera.modes.iter().map(mode).collect::<Vec<_>>(),
        "controls": camera.controls.iter().map(control).collect::<Vec<_>>(),
        "line": line(camera),
    })
}

fn print(camera: &Found) {
    println!("{}", camera.name);
    let mut formats: Vec<&str> = Vec::new();
    for mode in &camera.modes {
        if !formats.contains(&mode.format.as_str()) {
            formats.push(&mode.format);
        }
    }
    for format in formats {
        println!("  {format:<10} {}", sizes(camera, format));
    }
    for control in &camera.controls {
        let line = format!(
            "  {:<32} {:<24} {:<8} {}",
            control.name, control.range, control.value, control.also
        );
        println!("{}", line.trim_end());
    }
    println!("  {}\n", line(camera));
}

/// The sizes of one format; a range says more than the sizes in it.
fn sizes(camera: &Found, format: &str) -> String {
    let all: Vec<&Mode> = camera
        .modes
        .iter()
        .filter(|mode| mode.format == format)
        .collect();
    let ranges: Vec<&Mode> = all
        .iter()
        .copied()
        .filter(|mode| mode.size.contains('-'))
        .collect();
    let shown = if ranges.is_empty() { all } else { ranges };
    let words = |mode: &&Mode| match mode.framerate.as_str() {
        "" => mode.size.clone(),
        rate => format!("{} at {rate}", mode.size),
    };
    let mut sizes: Vec<String> = shown.iter().take(MAX_SIZES).map(words).collect();
    if shown.len() > MAX_SIZES {
        sizes.push(format!("{} more", shown.len() - MAX_SIZES));
    }
    sizes.join(", ")
}

fn say_what_to_check() {
    println!("There is no camera. What to check:");
    for (element, package, cameras) in SOURCES {
        if gst::ElementFactory::find(element).is_none() {
            println!("  {cameras}: {element} is missing; sudo apt install {package}");
        }
    }
    let devices = fs::read_dir("/dev").into_iter().flatten().flatten();
    let paths = devices.map(|entry| entry.path());
    let cameras: Vec<PathBuf> = paths
        .filter(|path| path.to_string_lossy().starts_with("/dev/video"))
        .collect();
    match cameras.first() {
        None => println!(
            "  USB: the plug; `lsusb` lists what is plugged in, and each camera has a /dev/video*"
        ),
        Some(_) if cameras.iter().all(|path| File::open(path).is_err()) => {
            println!(
                "  this user may not open /dev/video*: sudo usermod -aG video $USER, then log in again"
            );
        }
        Some(_) => println!(
            "  USB: `v4l2-ctl --list-devices` (package v4l-utils) says what each /dev/video* is"
        ),
    }
    println!(
        "  Raspberry Pi: the flat cable; `rpicam-hello --list-cameras` or `cam -l` lists what libcamera sees"
    );
    println!("  a program that knows no libcamera can open such a camera under `libcamerify`");
    println!(
        "Without a camera: gst-launch-1.0 portholesrc camera=test ! portholeoverlay ! portholesink"
    );
}
