// SPDX-License-Identifier: MPL-2.0
//! Users and passwords: the right ones, and how often a wrong one is tried.

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use super::*;

/// How a server asks for them: as they are, and as a digest.
const WAYS: [&[&str]; 2] = [&[], &["--digest"]];

#[test]
fn a_password_of_any_characters_opens_and_is_said_nowhere() {
    let password = "secret :@/?#[]%&=+;,$!'()*{}|^`<>\\~ äßЖ";
    let written = percent_encode(password.as_bytes(), NON_ALPHANUMERIC);
    for way in WAYS {
        let options = [&["--user", "mé", "--password", password], way].concat();
        let server = Server::new(&options);
        let camera = camera(&server, &format!("m%C3%A9:{written}@"), "camera?a=1&b=%26");
        assert!(!camera.name().contains("secret"));
        let size = size(&Scene::new(&camera, &request(RAW)).sample("video"));
        assert_eq!(size, (320, 240), "{way:?}");
    }
}

#[test]
fn a_wrong_password_is_tried_once_at_an_opening() {
    for way in WAYS {
        let options = [&["--user", "me", "--password", "right"], way].concat();
        let mut server = Server::new(&options);
        let camera = camera(&server, "me:secret@", "camera");
        for _ in 0..2 {
            let problem = Scene::new(&camera, &request(RAW)).problem();
            assert_eq!(problem.reason, Reason::Refused, "{problem}");
            assert!(
                problem.text.contains("rtsp://USER:PASSWORD@HOST"),
                "{problem}"
            );
            assert_eq!(server.tries(), ["DESCRIBE"], "{way:?}");
        }
        assert_eq!(
            camera.look(&request(RAW)).unwrap_err().reason,
            Reason::Refused
        );
        assert_eq!(server.tries(), ["DESCRIBE"], "{way:?}");
    }
}

#[test]
fn without_a_password_none_is_tried() {
    let mut server = Server::new(&["--user", "me", "--password", "right"]);
    for user in ["", "me@"] {
        let problem = Scene::new(&camera(&server, user, "camera"), &request(RAW)).problem();
        assert_eq!(problem.reason, Reason::Refused, "{problem}");
        assert_eq!(server.tries(), [""; 0], "{user}");
    }
}
