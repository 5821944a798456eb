// SPDX-License-Identifier: MPL-2.0
use super::*;

/// As people have it.
pub(super) const DUAL: &str = r#"
[server]
web-port = 8080
bind-ip = "0.0.0.0"

[camera1]
device = "/dev/video0"
width = 1280
height = 720
fps = 30
webrtc-port = 8557
flip-method = "vertical-flip"

[camera2]
device = 2
width = 640
height = 480
fps = 15
webrtc-port = 8558
flip-method = 0

[video]
codec = "H264"
bitrate = 2000
keyframe-interval = 60

[webrtc]
stun-server = "stun://stun.l.google.com:19302"
max-clients = 10
"#;

fn parse(text: &str) -> Result<File, String> {
    File::parse(text, Path::new("config.toml")).map_err(|failure| match failure {
        Failure::Input(message) | Failure::System(message) => message,
    })
}

#[test]
fn the_file_is_read_as_it_is() {
    let file = parse(DUAL).unwrap();
    let [one, two] = ["camera1", "camera2"].map(|name| &file.cameras[name]);
    assert_eq!(
        (one.device.as_str(), two.device.as_str()),
        ("/dev/video0", "/dev/video2")
    );
    let turns = [one, two].map(|camera| camera.flip_method.direction());
    assert_eq!(turns, [Some("vert"), None]);
    assert_eq!((one.webrtc_port, two.webrtc_port), (Some(8557), Some(8558)));
    assert_eq!(file.video.codec.as_deref(), Some("h264"));
    let stun = file.webrtc.stun_server.as_deref();
    assert_eq!(stun, Some("stun:stun.l.google.com:19302"));
    // The same with the other kind of dash, and least of all.
    let same = parse(&DUAL.replace("-port", "_port").replace("bind-ip", "bind_ip")).unwrap();
    assert_eq!(same.cameras["camera1"].webrtc_port, Some(8557));
    let least = parse("[camera1]").unwrap();
    assert_eq!(least.cameras["camera1"].device, "/dev/video0");
}

#[test]
fn a_mistake_names_its_line_and_what_was_meant() {
    let cases = [
        ("", "config.toml: there is no camera"),
        (
            "[camera1]\nwidht = 3",
            "config.toml:2: widht: unknown key `widht`: did you mean `width`?",
        ),
        (
            "[camera1]\n[vidoe]",
            "unknown table [vidoe]: did you mean [video]?",
        ),
        ("[camera1]\n[audio9]\n", "unknown table [audio9]"),
        (
            "[camera1]\nflip-method = \"sideways\"",
            "use one of none, clockwise",
        ),
        ("[camera1]\nflip-method = 9", "use one of none, clockwise"),
        (
            "[camera1]\nwidth = 0",
            "config.toml:2: width: use 1 to 16384 pixels",
        ),
        (
            "[camera1]\n[video]\ncodec = \"h246\"",
            "did you mean \"h264\"?",
        ),
        (
            "[camera1]\n[webrtc]\nmax-clients = 65",
            "use 1 to 64 viewers",
        ),
        (
            "[camera1]\n[webrtc]\nstun-server = \"http://x y\"",
            "use stun://HOST:PORT",
        ),
        (
            "[camera1]\nwebrtc-port = 8080",
            "config.toml: [camera1] webrtc-port is that of [server] web-port: 8080",
        ),
        (
            "[server]\nbind-ip = \"localhost\"\n[camera1]",
            "config.toml:2: bind-ip: ",
        ),
    ];
    for (text, expected) in cases {
        let error = parse(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}
