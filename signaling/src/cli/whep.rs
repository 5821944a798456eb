// SPDX-License-Identifier: MPL-2.0
//! The table `[whep]` of the configuration file.

use serde::de::{Deserialize, Deserializer, Error as _};
use url::{Origin, Url};

use crate::whep::WhepOptions;

/// Whether players may ask by HTTP, and from which pages.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WhepTable {
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default, deserialize_with = "origins")]
    allow_origins: Vec<String>,
}

impl WhepTable {
    /// What is offered, if anything is.
    pub(super) fn options(&self) -> Option<WhepOptions> {
        let allow_origins = self.allow_origins.iter().cloned().collect();
        self.enabled.then_some(WhepOptions { allow_origins })
    }
}

fn yes() -> bool {
    true
}

fn origins<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(d)?;
    for text in &texts {
        if text != "*" && !is_origin(text) {
            return Err(D::Error::custom(format!(
                "\"{text}\" is no origin: write it as https://player.example.org or http://192.168.1.9:8080, or \"*\" for all"
            )));
        }
    }
    Ok(texts)
}

/// Whether it is written as browsers write it.
fn is_origin(text: &str) -> bool {
    let origin = text.parse::<Url>().map(|url| url.origin());
    origin.is_ok_and(|origin| match origin {
        Origin::Tuple(..) => origin.ascii_serialization() == text,
        Origin::Opaque(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<WhepTable, String> {
        toml_edit::de::from_str(text).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn the_table_turns_it_on_and_origins_are_written_as_browsers_write_them() {
        let origins = |text: &str| {
            let options = parse(text).map(|table| table.options().unwrap_or_default());
            options.map(|options| options.allow_origins.len())
        };
        assert_eq!(parse("").unwrap().options(), Some(WhepOptions::default()));
        assert_eq!(parse("enabled = false").unwrap().options(), None);
        assert_eq!(origins("allow-origins = [\"*\"]"), Ok(1));
        let two = "allow-origins = [\"https://a.example\", \"http://192.168.1.9:8080\"]";
        assert_eq!(origins(two), Ok(2));
        for bad in [
            "https://a.example/",
            "https://a.example:443",
            "a.example",
            "null",
            "file:///x",
        ] {
            let error = origins(&format!("allow-origins = [\"{bad}\"]")).unwrap_err();
            assert!(error.contains("is no origin"), "{error}");
        }
    }
}
