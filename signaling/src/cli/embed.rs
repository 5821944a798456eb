// SPDX-License-Identifier: MPL-2.0
//! The table `[embed]` of the configuration file.

use serde::de::{Deserialize, Deserializer, Error as _};

use crate::embed::check_origin;

/// Whose pages may show our cameras.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct EmbedTable {
    #[serde(default, deserialize_with = "origins")]
    pub(super) origins: Vec<String>,
}

fn origins<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(d)?;
    for text in &texts {
        check_origin(text).map_err(D::Error::custom)?;
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<EmbedTable, String> {
        toml_edit::de::from_str(text).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn each_site_is_named_and_all_of_them_are_not() {
        assert_eq!(parse("").unwrap(), EmbedTable::default());
        let two = parse("origins = [\"https://a.example\", \"http://192.168.1.9:8080\"]");
        assert_eq!(two.unwrap().origins.len(), 2);
        let any = parse("origins = [\"*\"]").unwrap_err();
        assert!(any.contains("any site"), "{any}");
        let folder = parse("origins = [\"https://a.example/\"]").unwrap_err();
        assert!(folder.contains("is no origin"), "{folder}");
        assert!(parse("allow-origins = []").is_err());
    }
}
