// SPDX-License-Identifier: MPL-2.0
//! TLS with a camera's own certificate, with one that an authority signed, and with others.

use std::{fs, path::PathBuf, process};

use rcgen::{CertificateParams, IsCa, Issuer, KeyPair};

use super::*;

/// A folder for what a server reads, gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("porthole-rtsp-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A certificate for this host that is its own authority, and a file of it with its key.
fn own(folder: &Folder, host: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    let pem = made.cert.pem();
    let both = made.signing_key.serialize_pem() + &pem;
    (
        folder.write("own.pem", &pem),
        folder.write("key.pem", &both),
    )
}

/// A camera whose owner has set this variable.
fn with(server: &Server, variable: &str, value: &str) -> RtspCamera {
    let address = server.address_in("rtsps", "", "camera");
    let value_of = |name: &str| (name == variable).then(|| value.to_owned());
    RtspCamera::parse_with(&address, value_of).unwrap()
}

fn refused(camera: &RtspCamera) -> String {
    let problem = Scene::new(camera, &request(RAW)).problem();
    assert_eq!(problem.reason, Reason::Denied, "{problem}");
    problem.text
}

const CA: &str = "PORTHOLE_RTSP_CA";
const FINGERPRINT: &str = "PORTHOLE_RTSP_FINGERPRINT";

#[test]
fn a_camera_with_a_certificate_of_its_own_is_shown_with_the_fingerprint_that_the_error_names() {
    let folder = Folder::new();
    let server = Server::new(&["--tls", &own(&folder, "camera").1]);
    let said = refused(&with(&server, "", ""));
    let (_, named) = said.split_once(&format!("{FINGERPRINT}=")).unwrap();
    let fingerprint = named.split(';').next().unwrap();
    is_shown(&with(&server, FINGERPRINT, fingerprint));
    let other = refused(&with(&server, FINGERPRINT, &"0".repeat(64)));
    assert!(
        other.contains(fingerprint) && other.contains("another one"),
        "{other}"
    );
}

#[test]
fn a_camera_is_shown_whose_certificate_is_named_as_an_authority() {
    let folder = Folder::new();
    let (certificate, key) = own(&folder, "127.0.0.1");
    let server = Server::new(&["--tls", &key]);
    is_shown(&with(&server, CA, &certificate));
}

#[test]
fn a_camera_is_shown_whose_certificate_an_authority_signed_for_its_host_alone() {
    let folder = Folder::new();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = folder.write("ca.pem", &params.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(params, key);
    let signed = |host: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        folder.write("signed.pem", &(key.serialize_pem() + &certificate.pem()))
    };
    let server = Server::new(&["--tls", &signed("127.0.0.1")]);
    is_shown(&with(&server, CA, &ca));
    let server = Server::new(&["--tls", &signed("camera.example")]);
    let said = refused(&with(&server, CA, &ca));
    assert!(said.contains("it is for another host"), "{said}");
}

#[test]
fn a_file_of_authorities_that_is_none_says_so() {
    let folder = Folder::new();
    let (_, key) = own(&folder, "127.0.0.1");
    let server = Server::new(&["--tls", &key]);
    let empty = folder.write("empty.pem", "");
    for path in [&empty, "/no/such.pem"] {
        let built = with(&server, CA, path).build(&request(RAW));
        let Err(problem) = built else {
            panic!("{path} is taken");
        };
        assert!(problem.text.contains(&format!("{CA}={path}")), "{problem}");
    }
}

#[test]
fn a_fingerprint_that_is_none_is_an_error_at_the_start() {
    let value_of = |name: &str| (name == FINGERPRINT).then(|| "0A:1B".to_owned());
    let error = RtspCamera::parse_with("rtsps://door/x", value_of).unwrap_err();
    assert!(error.contains(FINGERPRINT), "{error}");
}
