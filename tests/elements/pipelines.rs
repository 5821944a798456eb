// SPDX-License-Identifier: MPL-2.0
//! Every pipeline in `pipelines/` runs. In place of hardware that is not here, the tests have [`Doubles`].

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    common::{fake::FakeCameras, launch},
    rtsp_server::Server,
};

/// What the tests have in place of a camera, a microphone or a loudspeaker. The cameras are devices that are found, opened and
/// may fail, and one in the network.
struct Doubles {
    _cameras: FakeCameras,
    network: Server,
}

impl Doubles {
    fn new() -> Self {
        let cameras = FakeCameras::with("usb", "modes=usb");
        for name in ["module", "front", "garden"] {
            cameras.plug(name);
        }
        Self {
            _cameras: cameras,
            network: Server::new(&["--sound", "pcmu"]),
        }
    }

    /// For the value `name` of a file, if that is hardware.
    fn of(&self, file: &str, name: &str) -> Option<String> {
        let double = match (name, file) {
            ("URL", _) => return Some(self.network.address("", "camera")),
            ("CAMERA", "20-usb-camera.launch") => "usb",
            // No USB camera of the tests makes H.264. This one does, and fails as a camera can.
            ("CAMERA", "23-usb-h264.launch") => return Some(self.network.address("", "camera")),
            ("CAMERA", _) => "module",
            ("FRONT", _) => "front",
            ("GARDEN", _) => "garden",
            ("MICROPHONE", _) => "audiotestsrc is-live=true",
            ("SPEAKER", _) => "fakesink sync=true",
            // A port that nobody else has.
            ("GATEWAY", _) => "127.0.0.1:0",
            _ => return None,
        };
        Some(double.to_owned())
    }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// The pipeline of a `.launch` file, with a double or the file's own example for each value.
fn pipeline(path: &Path, doubles: &Doubles) -> String {
    let file = path.file_name().unwrap().to_str().unwrap();
    let text = fs::read_to_string(path).unwrap();
    let (comments, lines): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with('#'));
    assert!(comments.len() >= 2, "{file}: says too little of itself");
    let values = comments
        .iter()
        .filter_map(|line| line.strip_prefix("# ")?.split_once('='))
        .filter(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
    let mut pipeline = lines.join(" ");
    for (name, rest) in values {
        let example = rest.split(' ').next().unwrap().to_owned();
        let value = doubles.of(file, name).unwrap_or(example);
        let parts: Vec<&str> = pipeline.split(&format!("${name}")).collect();
        assert!(parts.len() > 1, "{file}: {name} is declared and not used");
        pipeline = parts.join(&value);
    }
    assert!(!pipeline.contains('$'), "{file}: an undeclared value");
    pipeline
}

#[test]
fn every_pipeline_runs_and_its_camera_is_seen_and_heard() {
    let (files, doubles) = (files(), Doubles::new());
    assert!(files.len() >= 9, "{files:?}");
    for path in files {
        let pipeline = pipeline(&path, &doubles);
        launch::run(&pipeline);
        launch::watch(&pipeline);
    }
}
