// SPDX-License-Identifier: MPL-2.0
//! What is asked of someone besides a password, and what is shown.

use std::fmt;

use serde_json::Value;

/// What someone shows besides a password.
#[derive(Clone, Default)]
pub(crate) struct Shown {
    pub(crate) code: Option<String>,
    /// Of a second factor that is to be had from now on, as it was given out.
    pub(crate) enrolment: Option<String>,
    /// In the place of both.
    pub(crate) passkey: Option<PasskeyAnswer>,
}

/// A second factor that one is to have.
pub(crate) struct Enrolment {
    /// For who cannot read the QR code.
    pub(crate) secret: String,
    pub(crate) link: String,
    /// A picture, as the address of an image.
    pub(crate) qr: String,
    /// To be sent back with a code.
    pub(crate) sealed: String,
    /// A passkey may be had in its place.
    pub(crate) passkey: Option<Ceremony>,
}

/// What a browser is to have a device do (WebAuthn calls it a ceremony).
pub(crate) struct Ceremony {
    /// For the browser.
    pub(crate) options: Value,
    /// To be sent back with the answer.
    pub(crate) challenge: String,
}

/// What a browser says a device has done.
#[derive(Clone)]
pub(crate) struct PasskeyAnswer {
    /// As it was given out.
    pub(crate) challenge: String,
    pub(crate) answer: Value,
    /// What a new one is to be called.
    pub(crate) name: Option<String>,
}

/// What counts as one.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Codes of an app: otherwise only recovery codes do.
    pub(crate) app: bool,
    pub(crate) passkey: Option<Ceremony>,
}

impl Asked {
    /// What to do, for a person.
    pub(super) fn words(&self) -> &'static str {
        match (self.app, self.passkey.is_some()) {
            (true, true) => {
                "use your passkey, or type the code that your app shows now or a recovery code"
            }
            (false, true) => "use your passkey, or type one of your recovery codes",
            (true, false) => "type the code that your app shows now, or one of your recovery codes",
            (false, false) => {
                "passkeys do not work at this server now: type one of your recovery codes"
            }
        }
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(..)")
    }
}

impl fmt::Debug for Ceremony {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ceremony(..)")
    }
}
