// SPDX-License-Identifier: MPL-2.0
//! The certificate that sessions show in their DTLS handshakes.
//!
//! GStreamer makes one with an RSA key of 2048 bits when the first session comes, which takes a Pi a good part of a second, and
//! with which clients that know ECDSA alone find no cipher in common (aiortc; docs/upstream.md). This one is as browsers have
//! theirs (RFC 8827, 6.5): ECDSA on P-256, made anew for each process and kept nowhere.

use std::{
    borrow::Cow,
    fmt::Write as _,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
};

use aws_lc_rs::digest;
use gst::prelude::*;

const FINGERPRINT: &str = "a=fingerprint:";

struct Certificate {
    /// With its key.
    pem: String,
    /// As a description has it: the hash's name, and the hash of the certificate.
    fingerprint: String,
}

/// `None` if there could be none made: GStreamer's own does as well, for most.
static CERTIFICATE: LazyLock<Option<Certificate>> = LazyLock::new(|| {
    make()
        .inspect_err(|error| {
            gst::warning!(
                gst::CAT_DEFAULT,
                "GStreamer's certificate is shown, since there is none of our own: {error}"
            )
        })
        .ok()
});

fn make() -> Result<Certificate, rcgen::Error> {
    // As browsers do: a name says nothing here, where the description's fingerprint is what counts.
    let made = rcgen::generate_simple_self_signed(["WebRTC".to_owned()])?;
    let digest = digest::digest(&digest::SHA256, made.cert.der());
    let mut fingerprint = "sha-256 ".to_owned();
    for (index, byte) in digest.as_ref().iter().enumerate() {
        let colon = if index == 0 { "" } else { ":" };
        let _ = write!(fingerprint, "{colon}{byte:02X}");
    }
    Ok(Certificate {
        pem: made.cert.pem() + &made.signing_key.serialize_pem(),
        fingerprint,
    })
}

/// DTLS is made ready, once in a process, while nobody waits for it: GStreamer makes its own key with the first `dtlsdec`, whichever is
/// shown then, and the first viewer would wait for that (0.1 to 0.6 s on a PC).
#[derive(Debug)]
pub(crate) struct Preparation(Option<JoinHandle<()>>);

pub(crate) fn prepare() -> Preparation {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    let prepare = || {
        LazyLock::force(&CERTIFICATE);
        // One that is not there is missed when somebody looks.
        drop(gst::ElementFactory::make("dtlsdec").build());
    };
    let thread = thread::Builder::new().name("porthole:dtls".into());
    let is_first = !BEGUN.swap(true, Relaxed);
    Preparation(is_first.then(|| thread.spawn(prepare).ok()).flatten())
}

impl Drop for Preparation {
    /// GStreamer may be gone afterwards.
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

/// Has all DTLS of a webrtcbin show it, and says so. To be called before its first description is made.
pub(crate) fn show(webrtcbin: &gst::Element, shown: impl Fn() + Send + Sync + 'static) {
    let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() else {
        return;
    };
    bin.connect_deep_element_added(move |_, _, element| {
        let factory = element.factory();
        if factory.is_some_and(|factory| factory.name() == "dtlsdec")
            && let Some(certificate) = &*CERTIFICATE
            && give(element, certificate)
        {
            shown();
        }
    });
}

/// Whether it could be given: to a `dtlsdec` that is on its way to READY, or beyond, never. It would begin a connection anew on
/// which nobody accepts the other side's certificate (docs/upstream.md). webrtcbin may be changing its state on another thread.
fn give(dtlsdec: &gst::Element, certificate: &Certificate) -> bool {
    dtlsdec.set_locked_state(true);
    let (_, current, pending) = dtlsdec.state(gst::ClockTime::ZERO);
    let rests = current == gst::State::Null && pending == gst::State::VoidPending;
    if rests {
        dtlsdec.set_property("pem", &certificate.pem);
    }
    dtlsdec.set_locked_state(false);
    // For a change that passed it by meanwhile.
    let _ = dtlsdec.sync_state_with_parent();
    rests
}

/// A description of a session that shows it, with its fingerprint: webrtcbin takes that of the certificate and its key together
/// (docs/upstream.md).
pub(crate) fn announced(description: &str) -> Cow<'_, str> {
    match &*CERTIFICATE {
        Some(certificate) if description.contains(FINGERPRINT) => {
            let announced = format!("{FINGERPRINT}{}\r\n", certificate.fingerprint);
            let line = |line| match str::starts_with(line, FINGERPRINT) {
                true => announced.as_str(),
                false => line,
            };
            description.split_inclusive('\n').map(line).collect()
        }
        _ => description.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_of_the_kind_that_browsers_have_and_the_same_for_all_sessions() {
        let text =
            "v=0\r\na=fingerprint:sha-256 AB\r\nm=video\r\na=fingerprint:sha-256 CD\r\na=mid:0\r\n";
        let shown = announced(text).into_owned();
        let lines: Vec<&str> = shown.split("\r\n").collect();
        assert_eq!(
            (lines[0], lines[2], lines[4], lines.len()),
            ("v=0", "m=video", "a=mid:0", 6)
        );
        assert_eq!(lines[1], lines[3]);
        let digest = lines[1].strip_prefix("a=fingerprint:sha-256 ").unwrap();
        assert_eq!(digest.split(':').filter(|byte| byte.len() == 2).count(), 32);
        assert_eq!(announced(&shown), shown);
        assert_eq!(announced("v=0\r\n"), "v=0\r\n");
        let pem = &CERTIFICATE.as_ref().unwrap().pem;
        assert!(
            pem.contains("BEGIN PRIVATE KEY"),
            "not of RSA's or another's own form"
        );
    }
}
