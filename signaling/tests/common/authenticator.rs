// SPDX-License-Identifier: MPL-2.0
//! A device that holds a passkey, and the browser around it (WebAuthn, Level 3, 6.1 and 5.8.1), of which each word can be
//! a lie. What a real browser makes of a real device's words is in tests/browser.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD as BASE64, Engine as _};
use serde_json::{Value, json};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const WITH_KEY: u8 = 0x40;

pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    pub(crate) id: Vec<u8>,
    /// Of the signatures it has made; it counts none while this is `None`.
    pub(crate) counter: Option<u32>,
    /// Whether it asks for a finger or a PIN.
    pub(crate) verifies: bool,
    /// The page on which it is asked.
    pub(crate) origin: String,
    /// For whom its browser says that it signs.
    pub(crate) host: String,
    /// What its browser says is done.
    pub(crate) kinds: (&'static str, &'static str),
}

impl Authenticator {
    /// On a page of this address.
    pub(crate) fn new(url: &str) -> Self {
        let mut id = vec![0; 32];
        aws_lc_rs::rand::fill(&mut id).unwrap();
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            id,
            counter: Some(0),
            verifies: true,
            origin: url.trim_end_matches('/').to_owned(),
            host: "localhost".to_owned(),
            kinds: ("webauthn.create", "webauthn.get"),
        }
    }

    /// Makes a key, and answers a challenge with it.
    pub(crate) fn create(&mut self, ceremony: &Value) -> Value {
        let options = &ceremony["options"]["publicKey"];
        let client = self.client(self.kinds.0, options);
        let data = self.data(WITH_KEY);
        // {"fmt": "none", "attStmt": {}, "authData": bytes}, in CBOR.
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(data);
        let response = json!({
            "clientDataJSON": BASE64.encode(client),
            "attestationObject": BASE64.encode(object),
        });
        self.answer(ceremony, &response)
    }

    /// Signs.
    pub(crate) fn get(&mut self, ceremony: &Value) -> Value {
        let options = &ceremony["options"]["publicKey"];
        let client = self.client(self.kinds.1, options);
        let data = self.data(0);
        let signed = [&data[..], digest(&SHA256, &client).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let response = json!({
            "clientDataJSON": BASE64.encode(client),
            "authenticatorData": BASE64.encode(data),
            "signature": BASE64.encode(signature),
            "userHandle": null,
        });
        self.answer(ceremony, &response)
    }

    fn answer(&self, ceremony: &Value, response: &Value) -> Value {
        let id = BASE64.encode(&self.id);
        let answer = json!({"id": id, "rawId": id, "type": "public-key", "response": response, "extensions": {}});
        json!({"challenge": ceremony["challenge"], "answer": answer})
    }

    fn client(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = &options["challenge"];
        let said = json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false});
        said.to_string().into_bytes()
    }

    fn data(&mut self, more: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, self.host.as_bytes()).as_ref().to_vec();
        let verified = if self.verifies { VERIFIED } else { 0 };
        data.push(PRESENT | verified | more);
        if let Some(counter) = &mut self.counter {
            *counter += 1;
        }
        data.extend(self.counter.unwrap_or_default().to_be_bytes());
        if more & WITH_KEY != 0 {
            data.extend([0; 16]);
            data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
            data.extend(&self.id);
            data.extend(self.public());
        }
        data
    }

    /// ES256 by COSE (RFC 9053, 7.1.1).
    fn public(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..]);
        [
            b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".as_slice(),
            x,
            b"\x22\x58\x20",
            y,
        ]
        .concat()
    }
}
