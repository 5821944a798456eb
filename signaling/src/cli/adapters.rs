// SPDX-License-Identifier: MPL-2.0
//! The tables `[socketio]` and `[three-service]` of the configuration file.

use std::net::SocketAddr;

use serde::de::{Deserialize, Deserializer, Error as _};
use url::Url;

use super::values::listen;
use crate::adapters::{LabOffers, SocketIoOptions};

/// Clients that speak Socket.IO.
#[derive(Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SocketIoTable {
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    lab_offers: Offers,
    #[serde(default, deserialize_with = "origins")]
    origins: Vec<String>,
}

/// Who offers in a lab's room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Offers {
    #[default]
    Viewer,
    Camera,
}

impl SocketIoTable {
    pub(super) fn options(&self) -> Option<SocketIoOptions> {
        self.enabled.then(|| SocketIoOptions {
            lab_offers: match self.lab_offers {
                Offers::Viewer => LabOffers::Viewer,
                Offers::Camera => LabOffers::Camera,
            },
            origins: self.origins.clone(),
        })
    }
}

/// Clients that speak the JSON of a three-service system.
#[derive(Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ThreeServiceTable {
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    /// Where they connect, beside the root of the server's own address.
    #[serde(default, deserialize_with = "other_listen")]
    pub(super) listen: Option<SocketAddr>,
}

fn yes() -> bool {
    true
}

fn other_listen<'de, D: Deserializer<'de>>(d: D) -> Result<Option<SocketAddr>, D::Error> {
    listen(d).map(Some)
}

/// As browsers write them: scheme, host and port.
fn origins<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(d)?;
    let is_origin = |text: &String| {
        let origin = text.parse::<Url>().ok().map(|url| url.origin());
        origin.is_some_and(|origin| origin.is_tuple() && origin.ascii_serialization() == *text)
    };
    match texts.iter().find(|text| !is_origin(text)) {
        None => Ok(texts),
        Some(text) => Err(D::Error::custom(format!(
            "\"{text}\" is no origin: write it as https://robots.example.org, without a / at the end"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<SocketIoTable, String> {
        toml_edit::de::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_table_without_a_word_in_it_turns_socket_io_on_and_one_may_turn_it_off() {
        let options = table("").unwrap().options().unwrap();
        assert_eq!(
            (options.lab_offers, options.origins.len()),
            (LabOffers::Viewer, 0)
        );
        assert!(table("enabled = false").unwrap().options().is_none());
        let camera = table("lab-offers = \"camera\"").unwrap().options().unwrap();
        assert_eq!(camera.lab_offers, LabOffers::Camera);
        assert!(SocketIoTable::default().options().is_none());
        let three: ThreeServiceTable = toml_edit::de::from_str("").unwrap();
        assert!(three.enabled && three.listen.is_none());
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        let fine = table("origins = [\"https://a.example\", \"http://127.0.0.1:3000\"]");
        assert_eq!(fine.unwrap().origins.len(), 2);
        for text in [
            "https://a.example/",
            "a.example",
            "*",
            "https://a.example:443",
            "null",
        ] {
            let error = table(&format!("origins = [\"{text}\"]")).unwrap_err();
            assert!(error.contains("is no origin"), "{error}");
        }
    }
}
