// SPDX-License-Identifier: MPL-2.0
//! Which certificate of a camera is trusted. Nearly all have one that they signed themselves: what is known of it, its
//! fingerprint or the authority that signed it, is named outside the address, for several cameras at once.

use std::{fmt, path::PathBuf, str::FromStr};

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use gio::prelude::*;
use gst::glib;

use crate::camera::{
    devices::errors::UNTRUSTED,
    problem::{Problem, Reason},
};

/// The variables.
const CA: &str = "PORTHOLE_RTSP_CA";
const FINGERPRINT: &str = "PORTHOLE_RTSP_FINGERPRINT";

/// The SHA-256 of a certificate, written as openssl does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint([u8; SHA256_OUTPUT_LEN]);

impl Fingerprint {
    fn of(certificate: &[u8]) -> Self {
        let mut bytes = [0; SHA256_OUTPUT_LEN];
        bytes.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let colon = if place == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = ();

    /// Colons may be left out.
    fn from_str(text: &str) -> Result<Self, ()> {
        let digits: Vec<u8> = text
            .chars()
            .filter(|character| *character != ':')
            .map(|digit| {
                digit
                    .to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
            })
            .collect::<Option<_>>()
            .ok_or(())?;
        let (pairs, rest) = digits.as_chunks::<2>();
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        match (bytes.try_into(), rest) {
            (Ok(bytes), []) => Ok(Self(bytes)),
            _ => Err(()),
        }
    }
}

/// Which certificates are trusted beside those of the machine's authorities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trust {
    ca: Option<PathBuf>,
    fingerprints: Vec<Fingerprint>,
}

impl Trust {
    /// Reads the variables that `value_of` knows. The error names the one that is wrong.
    pub(super) fn read(value_of: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let fingerprints = value_of(FINGERPRINT).unwrap_or_default();
        let words = fingerprints
            .split([',', ' ', '\n'])
            .filter(|word| !word.is_empty());
        let fingerprints = words.map(Fingerprint::from_str).collect::<Result<_, ()>>();
        Ok(Self {
            ca: value_of(CA).filter(|path| !path.is_empty()).map(PathBuf::from),
            fingerprints: fingerprints.map_err(|()| {
                format!(
                    "{FINGERPRINT} is no SHA-256 of a certificate: 64 digits such as 0A:1B:..., several with commas between them"
                )
            })?,
        })
    }

    /// Has a source ask here; what is refused is said on the bus by `bin`.
    pub(super) fn ask_for(&self, source: &gst::Element, bin: &gst::Bin) -> Result<(), Problem> {
        if !gio::TlsBackend::default().supports_tls() {
            let text = "an rtsps camera needs the package glib-networking: install it";
            return Err(Problem::new(Reason::Failed, text));
        }
        if let Some(ca) = &self.ca {
            let authorities = gio::TlsFileDatabase::new(ca).map_err(|error| {
                let text = format!(
                    "{CA}={}: {error}: name a file with the authority's certificate in PEM",
                    ca.display()
                );
                Problem::new(Reason::Failed, text)
            })?;
            source.set_property("tls-database", authorities);
        }
        let (trust, weak) = (self.clone(), bin.downgrade());
        // Asked only of those that no authority vouches for.
        source.connect("accept-certificate", false, move |values| {
            let certificate = values.get(2)?.get::<gio::TlsCertificate>().ok();
            let flaws = values.get(3)?.get::<gio::TlsCertificateFlags>();
            let bytes: Option<glib::ByteArray> = certificate.and_then(|one| one.certificate());
            let judged = trust.judge(
                bytes.as_deref().unwrap_or_default(),
                flaws.unwrap_or(gio::TlsCertificateFlags::GENERIC_ERROR),
            );
            if let (Err(text), Some(bin)) = (&judged, weak.upgrade()) {
                gst::element_error!(
                    bin,
                    gst::ResourceError::OpenRead,
                    ("{text}"),
                    ["{UNTRUSTED}"]
                );
            }
            Some(judged.is_ok().to_value())
        });
        Ok(())
    }

    /// Whether a certificate that no authority vouches for is one that is known.
    fn judge(&self, certificate: &[u8], flaws: gio::TlsCertificateFlags) -> Result<(), String> {
        let own = Fingerprint::of(certificate);
        if self.fingerprints.contains(&own) {
            return Ok(());
        }
        let why = match self.fingerprints.is_empty() {
            true => words(flaws),
            false => "it is another one than PORTHOLE_RTSP_FINGERPRINT names",
        };
        Err(format!(
            "its certificate is not trusted ({why}): if this is its own, set {FINGERPRINT}={own}; or have {CA} name the file of the \
             authority that signed it"
        ))
    }
}

/// What is wrong with a certificate: the worst of it.
fn words(flaws: gio::TlsCertificateFlags) -> &'static str {
    use gio::TlsCertificateFlags as Flaws;

    let words = [
        (Flaws::REVOKED, "it has been revoked"),
        (
            Flaws::UNKNOWN_CA,
            "no authority that is known has signed it",
        ),
        (Flaws::BAD_IDENTITY, "it is for another host"),
        (Flaws::EXPIRED, "it has expired"),
        (
            Flaws::NOT_ACTIVATED,
            "it is not valid yet; is the clock right?",
        ),
        (Flaws::INSECURE, "it is signed in a way that is broken"),
    ];
    let word = words.iter().find(|(flaw, _)| flaws.contains(*flaw));
    word.map_or("it cannot be read", |(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &[u8] = b"a certificate";

    fn trusting(fingerprints: &str) -> Result<Trust, String> {
        Trust::read(|name| (name == FINGERPRINT).then(|| fingerprints.to_owned()))
    }

    #[test]
    fn a_fingerprint_is_read_as_openssl_writes_it_and_as_plain_digits() {
        let own = Fingerprint::of(CERTIFICATE).to_string();
        assert_eq!(own.len(), 32 * 3 - 1);
        let plain = own.replace(':', "").to_lowercase();
        for text in [
            own.clone(),
            plain.clone(),
            format!("{}, {own}", "0".repeat(64)),
        ] {
            let trust = trusting(&text).unwrap();
            let judged = trust.judge(CERTIFICATE, gio::TlsCertificateFlags::UNKNOWN_CA);
            assert_eq!(judged, Ok(()), "{text}");
        }
        for text in ["0A:1B", &plain[1..], &format!("{plain}0"), "no", "sha1"] {
            let error = trusting(text).unwrap_err();
            assert!(error.contains("PORTHOLE_RTSP_FINGERPRINT"), "{error}");
        }
        assert_eq!(trusting(""), Ok(Trust::default()));
    }

    #[test]
    fn what_is_refused_names_its_fingerprint_and_why() {
        let own = Fingerprint::of(CERTIFICATE).to_string();
        let flaws = gio::TlsCertificateFlags::UNKNOWN_CA | gio::TlsCertificateFlags::BAD_IDENTITY;
        let error = Trust::default().judge(CERTIFICATE, flaws).unwrap_err();
        assert!(
            error.contains(&format!("{FINGERPRINT}={own}")) && error.contains("no authority"),
            "{error}"
        );
        let other = trusting(&"0".repeat(64)).unwrap();
        let error = other.judge(CERTIFICATE, flaws).unwrap_err();
        assert!(
            error.contains(&own) && error.contains("another one"),
            "{error}"
        );
    }
}
