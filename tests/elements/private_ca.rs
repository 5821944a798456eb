// SPDX-License-Identifier: MPL-2.0
//! A server with a certificate of its own making: the camera key says whom to trust.

use std::{fs, net::TcpListener};

use crate::common::{Folder, Scene};
use gst::prelude::*;
use porthole_protocol::{
    grant::GrantSigner,
    key::{CameraKey, Certificate},
};
use porthole_signaling::{Server, ServerOptions, TlsFiles};

/// A server on localhost with a fresh certificate, and the key of the camera that is enrolled there.
fn server(folder: &Folder, runtime: &tokio::runtime::Runtime) -> (Server, CameraKey) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles {
        cert: folder.path("cert.pem"),
        key: folder.path("key.pem"),
    };
    fs::write(&files.cert, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let mut options = ServerOptions::new(GrantSigner::generate().unwrap());
    options.tls = Some(files);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::start(options, listener, runtime.handle()).unwrap();
    let key = CameraKey {
        // Which may be ::1 as well, where nobody listens.
        url: format!("https://localhost:{}/", server.local_addr().port())
            .parse()
            .unwrap(),
        id: "front".into(),
        secret: server.add_camera("front", "Front").unwrap(),
        grant_key: server.grant_key(),
        ca: vec![Certificate(made.cert.der().to_vec())],
    };
    (server, key)
}

fn camera(key: &CameraKey) -> Scene {
    let scene = Scene::new(
        "videotestsrc is-live=true ! video/x-raw,width=160,height=120 ! portholesink name=sink",
    );
    let sink = scene.element("sink");
    sink.set_property("camera-key", key.to_string());
    scene.set(gst::State::Playing);
    scene
}

#[test]
fn the_certificate_in_the_key_is_trusted_and_no_other() {
    crate::common::init();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (here, there) = (Folder::new(), Folder::new());
    let (_server, key) = server(&here, &runtime);
    camera(&key).hear("porthole/server", "state", "online");
    let (_other, other) = server(&there, &runtime);
    for ca in [Vec::new(), other.ca] {
        let wrong = CameraKey { ca, ..key.clone() };
        let offline = camera(&wrong).hear("porthole/server", "state", "offline");
        let detail = offline.get::<String>("detail").unwrap();
        assert!(detail.contains("certificate"), "{detail}");
    }
}
