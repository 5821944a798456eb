// SPDX-License-Identifier: MPL-2.0
//! What the file means: a gst-launch line for each camera, and a script of one's own. Pure.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::file::{CameraTable, File, VideoTable, WebrtcTable};

/// From here on a bitrate is in bit/s: nobody's camera sends 100 Mbit/s.
const BITS: u32 = 100_000;
/// Seconds between key frames that `portholesink` takes.
const MAX_KEYFRAME_SECONDS: u32 = 60;
/// Pictures a second where nothing is said, as `portholesrc` has it.
const DEFAULT_FPS: u32 = 30;

/// The words after `gst-launch-1.0`.
pub(super) fn words(file: &File, camera: &CameraTable, is_test: bool) -> Vec<String> {
    let device = if is_test { "test" } else { &camera.device };
    let mut words = vec!["portholesrc".to_owned(), format!("camera={device}")];
    let mut add = |name: &str, value: Option<u32>| {
        words.extend(value.map(|value| format!("{name}={value}")));
    };
    add("width", camera.width);
    add("height", camera.height);
    words.extend(camera.fps.map(|fps| format!("framerate={fps}/1")));
    if let Some(direction) = camera.flip_method.direction() {
        let turn = format!("video-direction={direction}");
        words.extend(["!".to_owned(), "portholeoverlay".to_owned(), turn]);
    }
    words.extend(["!".to_owned(), "portholesink".to_owned()]);
    words.extend(sink(
        &file.video,
        &file.webrtc,
        camera.fps.unwrap_or(DEFAULT_FPS),
    ));
    words
}

fn sink(video: &VideoTable, webrtc: &WebrtcTable, fps: u32) -> Vec<String> {
    let bits = video.bitrate.map(|rate| match rate {
        0..BITS => rate.saturating_mul(1000),
        _ => rate,
    });
    // Pictures here, whole seconds there.
    let seconds = video.keyframe_interval.filter(|pictures| *pictures > 0);
    let seconds = seconds.map(|pictures| pictures.div_ceil(fps).min(MAX_KEYFRAME_SECONDS));
    let codec = video.codec.as_deref().filter(|codec| *codec != "auto");
    let all = [
        ("codec", codec.map(str::to_owned)),
        ("bitrate", bits.map(|bits| bits.to_string())),
        (
            "keyframe-interval",
            seconds.map(|seconds| seconds.to_string()),
        ),
        ("max-viewers", webrtc.max_clients.map(|max| max.to_string())),
    ];
    let all = all.into_iter();
    all.filter_map(|(name, value)| Some(format!("{name}={}", value?)))
        .collect()
}

/// A command as a shell reads it.
pub(super) fn shell<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = words.into_iter().map(|word| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
        match !word.is_empty() && word.chars().all(plain) {
            true => word.to_owned(),
            false => format!("'{}'", word.replace('\'', "'\\''")),
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// The script that does the same, one line for each thing.
pub(super) fn script(
    file: &File,
    name: &str,
    url: &str,
    listen: SocketAddr,
    is_test: bool,
) -> String {
    let mut script = format!(
        "#!/bin/sh\n\
         # What {} means, made by porthole-signaling run --print-only. It is yours: change what you like.\n\
         set -eu\n\
         export PORTHOLE_DATA_DIR=\"${{PORTHOLE_DATA_DIR:-$HOME/.local/share/porthole}}\"\n",
        name.replace(char::is_control, " ")
    );
    if let Some(stun) = &file.webrtc.stun_server {
        let _ = writeln!(
            script,
            "# {stun}: put [[ice-server]] urls = [\"{stun}\"] into $PORTHOLE_DATA_DIR/config.toml"
        );
    }
    let init = shell(["porthole-signaling", "init", "--url", url]);
    let _ = writeln!(script, "[ -d \"$PORTHOLE_DATA_DIR\" ] || {init}");
    for name in file.cameras.keys() {
        let key = format!("{name}.key");
        let add = shell([
            "porthole-signaling",
            "camera",
            "add",
            name,
            "--output",
            &key,
        ]);
        let _ = writeln!(script, "[ -e {key} ] || {add}");
    }
    script.push_str("trap 'trap - INT TERM EXIT; kill 0' INT TERM EXIT\n");
    let listen = listen.to_string();
    let serve = shell(["porthole-signaling", "serve", "--listen", &listen]);
    let _ = writeln!(script, "{serve} &");
    for (name, camera) in &file.cameras {
        let words = words(file, camera, is_test);
        let launch = ["gst-launch-1.0".to_owned()].into_iter().chain(words);
        let launch: Vec<String> = launch
            .chain([format!("camera-key-file={name}.key")])
            .collect();
        let launch = shell(launch.iter().map(String::as_str));
        let _ = writeln!(script, "{launch} &");
    }
    script.push_str("wait\n");
    script
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn lines(text: &str, is_test: bool) -> Vec<String> {
        let Ok(file) = File::parse(text, Path::new("config.toml")) else {
            panic!("{text}");
        };
        let cameras = file.cameras.values();
        let words = cameras.map(|camera| words(&file, camera, is_test));
        words
            .map(|words| shell(words.iter().map(String::as_str)))
            .collect()
    }

    #[test]
    fn each_key_means_something() {
        let text = "[camera1]\nwidth = 1280\nheight = 720\nfps = 30\nflip-method = \"rotate-180\"\n[camera2]\n\
                    [video]\ncodec = \"h264\"\nbitrate = 2000\nkeyframe-interval = 60\n[webrtc]\nmax-clients = 4";
        let sink = "codec=h264 bitrate=2000000 keyframe-interval=2 max-viewers=4";
        let one = "portholesrc camera=/dev/video0 width=1280 height=720 framerate=30/1 '!' portholeoverlay \
                   video-direction=180 '!' portholesink";
        let two = "portholesrc camera=/dev/video0 '!' portholesink";
        assert_eq!(
            lines(text, false),
            [format!("{one} {sink}"), format!("{two} {sink}")]
        );
        let test = lines("[camera1]\n[video]\nbitrate = 1500000", true);
        assert_eq!(
            test,
            ["portholesrc camera=test '!' portholesink bitrate=1500000"]
        );
    }

    #[test]
    fn what_a_file_says_is_no_command_of_the_shell() {
        let evil = "[camera1]\ndevice = \"/dev/video0; touch '/tmp/x' $(y)\"";
        let line = &lines(evil, false)[0];
        assert!(
            line.contains("'camera=/dev/video0; touch '\\''/tmp/x'\\'' $(y)'"),
            "{line}"
        );
    }

    #[test]
    fn the_script_has_a_line_for_the_server_and_for_each_camera() {
        let Ok(file) = File::parse("[camera1]\n[camera2]", Path::new("config.toml")) else {
            panic!();
        };
        let listen = "0.0.0.0:8080".parse().unwrap();
        let script = script(&file, "config.toml", "http://pi:8080/", listen, true);
        for line in [
            "[ -e camera2.key ] || porthole-signaling camera add camera2 --output camera2.key",
            "porthole-signaling serve --listen 0.0.0.0:8080 &",
            "gst-launch-1.0 portholesrc camera=test '!' portholesink camera-key-file=camera1.key &",
        ] {
            assert!(script.lines().any(|found| found == line), "{script}");
        }
        assert!(script.starts_with("#!/bin/sh\n") && script.ends_with("wait\n"));
    }
}
