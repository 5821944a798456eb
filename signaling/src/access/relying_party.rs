// SPDX-License-Identifier: MPL-2.0
//! This server as devices know it that hold passkeys (WebAuthn's relying party): by its name and its address, to which a
//! browser binds each signature. All checks of what devices say are the crate's; here is what it is asked.

#![cfg_attr(
    not(feature = "passkeys"),
    allow(dead_code, reason = "without the crate nothing of it is made")
)]

use url::Url;
use uuid::Uuid;
#[cfg(feature = "passkeys")]
pub(super) use with::RelyingParty;
#[cfg(not(feature = "passkeys"))]
pub(super) use without::RelyingParty;

/// What goes to the browser, and what is needed to judge its answer.
pub(super) struct Begun {
    pub(super) options: serde_json::Value,
    pub(super) state: String,
}

/// What a device that was just added is known by.
pub(super) struct Registered {
    pub(super) credential_id: String,
    pub(super) credential: String,
    pub(super) counter: u32,
}

/// Which of the passkeys signed, and what it has become.
pub(super) struct Asserted {
    pub(super) index: usize,
    pub(super) credential: String,
    pub(super) counter: u32,
}

/// Why a signature does not count.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Wrong,
    /// Its device has counted no further: it may be a copy.
    CounterBack,
}

/// Where there is a name that browsers take: no address, and by HTTPS or on this machine.
fn origin_of(url: &Url) -> Result<(String, Url), &'static str> {
    let Some(host) = url.domain() else {
        return Err("passkeys are for a host name, and url in the configuration has an address");
    };
    let is_here = host == "localhost" || host.ends_with(".localhost");
    if url.scheme() != "https" && !is_here {
        return Err("passkeys work by HTTPS, and url in the configuration begins with http:");
    }
    let origin = url.origin().ascii_serialization();
    let origin = Url::parse(&origin).map_err(|_| "url in the configuration is no web address")?;
    Ok((host.to_owned(), origin))
}

#[cfg(feature = "passkeys")]
mod with {
    use serde_json::{Value, from_str, from_value, to_string, to_value};
    use webauthn_rs::prelude::{
        AuthenticationResult, CredentialID, Passkey, PasskeyAuthentication, PasskeyRegistration,
        WebauthnError,
    };
    use webauthn_rs::{Webauthn, WebauthnBuilder};

    use super::{Asserted, Begun, Refused, Registered, Url, Uuid, origin_of};

    /// Longest public key that is kept, with what else is said of a device: RSA's of 4,096 bits fits.
    const MAX_CREDENTIAL_BYTES: usize = 8 * 1024;

    /// Longest name that a device gives itself, in base64: challenges name all of a user's, and fit into a request.
    const MAX_ID_CHARS: usize = 512;

    pub(in crate::access) struct RelyingParty(Webauthn);

    impl RelyingParty {
        /// `url` is where the server is reached from outside. `Err` says what is wrong with it.
        pub(in crate::access) fn new(url: &Url) -> Result<Self, &'static str> {
            let (host, origin) = origin_of(url)?;
            let built = WebauthnBuilder::new(&host, &origin)
                .and_then(|builder| builder.rp_name("Porthole").build());
            let built = built.map_err(|_| "url in the configuration is no address for passkeys")?;
            Ok(Self(built))
        }

        /// Asks for a new device, and for none of those that are `known`.
        pub(in crate::access) fn begin_registration<'a>(
            &self,
            handle: Uuid,
            user: &str,
            known: impl Iterator<Item = &'a str>,
        ) -> Option<Begun> {
            let known: Option<Vec<CredentialID>> = known
                .map(|credential| Some(passkey(credential)?.cred_id().clone()))
                .collect();
            let begun = self
                .0
                .start_passkey_registration(handle, user, user, Some(known?));
            let (options, state) = begun.ok()?;
            Some(Begun {
                options: to_value(options).ok()?,
                state: to_string(&state).ok()?,
            })
        }

        pub(in crate::access) fn finish_registration(
            &self,
            answer: &Value,
            state: &str,
        ) -> Option<Registered> {
            let answer = from_value(answer.clone()).ok()?;
            let state: PasskeyRegistration = from_str(state).ok()?;
            let registered = self.0.finish_passkey_registration(&answer, &state);
            registered_as(&registered.map_err(|error| log(&error)).ok()?)
        }

        /// Asks for a signature by one of these.
        pub(in crate::access) fn begin_authentication<'a>(
            &self,
            credentials: impl Iterator<Item = &'a str>,
        ) -> Option<Begun> {
            let passkeys: Vec<_> = credentials.map(passkey).collect::<Option<_>>()?;
            let (options, state) = self.0.start_passkey_authentication(&passkeys).ok()?;
            let mut state = to_value(state).ok()?;
            // They are put back as they are then: one that is gone by then signs nothing.
            credentials_in(&mut state)?.clear();
            Some(Begun {
                options: to_value(options).ok()?,
                state: state.to_string(),
            })
        }

        pub(in crate::access) fn finish_authentication(
            &self,
            answer: &Value,
            state: &str,
            credentials: &[&str],
        ) -> Result<Asserted, Refused> {
            let state = filled(state, credentials).ok_or(Refused::Wrong)?;
            let answer = from_value(answer.clone()).map_err(|_| Refused::Wrong)?;
            match self.0.finish_passkey_authentication(&answer, &state) {
                Ok(result) => asserted(&result, credentials).ok_or(Refused::Wrong),
                Err(WebauthnError::CredentialPossibleCompromise) => Err(Refused::CounterBack),
                Err(error) => {
                    log(&error);
                    Err(Refused::Wrong)
                }
            }
        }
    }

    fn log(error: &WebauthnError) {
        tracing::debug!(%error, "a passkey is not taken");
    }

    fn passkey(credential: &str) -> Option<Passkey> {
        from_str(credential).ok()
    }

    /// Where the crate keeps the devices of a challenge.
    fn credentials_in(state: &mut Value) -> Option<&mut Vec<Value>> {
        state.get_mut("ast")?.get_mut("credentials")?.as_array_mut()
    }

    fn filled(state: &str, credentials: &[&str]) -> Option<PasskeyAuthentication> {
        let mut state: Value = from_str(state).ok()?;
        let known = credentials_in(&mut state)?;
        for credential in credentials {
            let mut passkey: Value = from_str(credential).ok()?;
            known.push(passkey.get_mut("cred")?.take());
        }
        from_value(state).ok()
    }

    fn registered_as(passkey: &Passkey) -> Option<Registered> {
        let value = to_value(passkey).ok()?;
        let credential = value.to_string();
        let kept = value.get("cred")?;
        let counter = kept.get("counter")?.as_u64()?;
        let credential_id = kept.get("cred_id")?.as_str()?.to_owned();
        let fits = credential_id.len() <= MAX_ID_CHARS && credential.len() <= MAX_CREDENTIAL_BYTES;
        fits.then_some(())?;
        Some(Registered {
            credential_id,
            counter: counter.try_into().ok()?,
            credential,
        })
    }

    fn asserted(result: &AuthenticationResult, credentials: &[&str]) -> Option<Asserted> {
        let is_it = |passkey: &Passkey| passkey.cred_id() == result.cred_id();
        let mut known = credentials.iter().enumerate();
        let (index, mut passkey) = known.find_map(|(index, credential)| {
            let passkey = passkey(credential).filter(is_it)?;
            Some((index, passkey))
        })?;
        // The crate asks for it, and here it is what the second factor is worth.
        result.user_verified().then_some(())?;
        passkey.update_credential(result)?;
        Some(Asserted {
            index,
            credential: to_string(&passkey).ok()?,
            counter: result.counter(),
        })
    }
}

#[cfg(not(feature = "passkeys"))]
mod without {
    use serde_json::Value;

    use super::{Asserted, Begun, Refused, Registered, Url, Uuid, origin_of};

    /// There is none.
    pub(in crate::access) enum RelyingParty {}

    impl RelyingParty {
        pub(in crate::access) fn new(url: &Url) -> Result<Self, &'static str> {
            origin_of(url)?;
            Err("this program was built without passkeys")
        }

        pub(in crate::access) fn begin_registration<'a>(
            &self,
            _: Uuid,
            _: &str,
            _: impl Iterator<Item = &'a str>,
        ) -> Option<Begun> {
            match *self {}
        }

        pub(in crate::access) fn finish_registration(
            &self,
            _: &Value,
            _: &str,
        ) -> Option<Registered> {
            match *self {}
        }

        pub(in crate::access) fn begin_authentication<'a>(
            &self,
            _: impl Iterator<Item = &'a str>,
        ) -> Option<Begun> {
            match *self {}
        }

        pub(in crate::access) fn finish_authentication(
            &self,
            _: &Value,
            _: &str,
            _: &[&str],
        ) -> Result<Asserted, Refused> {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_for_a_name_that_is_reached_by_https() {
        for (url, is_good) in [
            ("https://cams.example.org", true),
            ("https://cams.example.org:8443/porthole/", true),
            ("http://localhost:8080", true),
            ("http://front.localhost:8080", true),
            ("http://cams.example.org", false),
            ("https://192.0.2.7", false),
            ("http://127.0.0.1:8080", false),
            ("https://[::1]/", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(origin_of(&url).is_ok(), is_good, "{url}");
        }
        let url = Url::parse("https://cams.example.org:8443/porthole/").unwrap();
        let (host, origin) = origin_of(&url).unwrap();
        assert_eq!(host, "cams.example.org");
        assert_eq!(origin.as_str(), "https://cams.example.org:8443/");
    }
}
