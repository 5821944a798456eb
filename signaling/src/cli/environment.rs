// SPDX-License-Identifier: MPL-2.0
//! The configuration as variables of the environment, for containers and services: `PORTHOLE_` and the key in capitals,
//! with `_` for `-` and for the dot after a table's name. `PORT` is the port of `listen`, as many platforms have it.

use std::net::SocketAddr;

use toml_edit::{Array, DocumentMut, Item, Value, value};

use super::Failure;
use super::nearest::nearest;

#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// Items with commas between them.
    List,
    Bool,
    Number,
}

/// The keys that have a variable: all but the tables that stand several times.
const KEYS: [(&str, Kind); 51] = [
    ("listen", Kind::Text),
    ("metrics-listen", Kind::Text),
    ("url", Kind::Text),
    ("allowed-hosts", Kind::List),
    ("trusted-proxies", Kind::List),
    ("open-access", Kind::Bool),
    ("data-dir", Kind::Text),
    ("database.url", Kind::Text),
    ("audit-days", Kind::Number),
    ("second-factor", Kind::Text),
    ("audit-rows", Kind::Number),
    ("call-days", Kind::Number),
    ("call-snapshots", Kind::Number),
    ("max-cameras", Kind::Number),
    ("max-viewers", Kind::Number),
    ("tls-cert", Kind::Text),
    ("tls-key", Kind::Text),
    ("auth.jwks-url", Kind::Text),
    ("auth.jwks-file", Kind::Text),
    ("auth.hs256-secret", Kind::Text),
    ("auth.hs256-secret-file", Kind::Text),
    ("auth.webhook", Kind::Text),
    ("auth.webhook-secret-file", Kind::Text),
    ("auth.issuer", Kind::Text),
    ("auth.audience", Kind::Text),
    ("auth.openid.issuer", Kind::Text),
    ("auth.openid.client-id", Kind::Text),
    ("auth.openid.client-secret-file", Kind::Text),
    ("auth.openid.scopes", Kind::List),
    ("auth.openid.name", Kind::Text),
    ("auth.openid.log-out", Kind::Bool),
    ("turn.urls", Kind::List),
    ("turn.secret", Kind::Text),
    ("turn.secret-file", Kind::Text),
    ("socketio.enabled", Kind::Bool),
    ("socketio.lab-offers", Kind::Text),
    ("socketio.origins", Kind::List),
    ("three-service.enabled", Kind::Bool),
    ("three-service.listen", Kind::Text),
    ("cluster.nats", Kind::Text),
    ("cluster.credentials-file", Kind::Text),
    ("cluster.ca-file", Kind::Text),
    ("cluster.cert-file", Kind::Text),
    ("cluster.key-file", Kind::Text),
    ("cluster.name", Kind::Text),
    ("sfu.whep", Kind::Text),
    ("sfu.token-file", Kind::Text),
    ("sfu.from-viewers", Kind::Number),
    ("whep.enabled", Kind::Bool),
    ("whep.allow-origins", Kind::List),
    ("embed.origins", Kind::List),
];
/// Variables of ours that are no keys.
const OTHERS: [&str; 3] = ["PORTHOLE_CONFIG", "PORTHOLE_DATA_DIR", "PORTHOLE_LOG"];
const PREFIX: &str = "PORTHOLE_";

/// Puts what the variables say over what is in the document. Returns the names of those that say something.
pub(super) fn overlay(
    document: &mut DocumentMut,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<String>, Failure> {
    let mut used = Vec::new();
    for (name, text) in variables {
        if name == "PORT" {
            set_port(document, &text)?;
        } else if let Some((key, kind)) = KEYS.iter().find(|(key, _)| variable(key) == name) {
            let value = parsed(*kind, &text);
            let value = value.map_err(|what| Failure::Input(format!("{name}: {what}")))?;
            set(document, key, value);
        } else {
            continue;
        }
        used.push(name);
    }
    Ok(used)
}

/// What to say of a variable that looks like one of ours and is none.
pub(super) fn remark_on(name: &str) -> Option<String> {
    let known = KEYS.map(|(key, _)| variable(key));
    let is_ours = |known: &String| known == name;
    if !name.starts_with(PREFIX) || known.iter().any(is_ours) || OTHERS.contains(&name) {
        return None;
    }
    let nearest = nearest(name, known.iter().map(String::as_str))?;
    Some(format!(
        "{name} means nothing here: did you mean {nearest}?"
    ))
}

fn variable(key: &str) -> String {
    let name = key.to_uppercase().replace(['-', '.'], "_");
    format!("{PREFIX}{name}")
}

fn parsed(kind: Kind, text: &str) -> Result<Item, &'static str> {
    Ok(match kind {
        Kind::Text => value(text),
        Kind::List => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            value(Array::from_iter(items))
        }
        Kind::Bool => value(text.parse::<bool>().map_err(|_| "use true or false")?),
        Kind::Number => value(text.parse::<i64>().map_err(|_| "use a whole number")?),
    })
}

fn set(document: &mut DocumentMut, key: &str, item: Item) {
    let mut place = document.as_item_mut();
    for part in key.split('.') {
        place = &mut place[part];
    }
    *place = item;
}

/// The address stays what it is.
fn set_port(document: &mut DocumentMut, text: &str) -> Result<(), Failure> {
    let bad = || Failure::input("PORT: use a number from 0 to 65535");
    let port: u16 = text.parse().map_err(|_| bad())?;
    let listen = document.get("listen").and_then(Item::as_str);
    let mut address = match listen.map(str::parse::<SocketAddr>) {
        None => super::values::DEFAULT_LISTEN,
        Some(Ok(address)) => address,
        // The file is wrong, and its own error says so.
        Some(Err(_)) => return Ok(()),
    };
    address.set_port(port);
    document["listen"] = Item::Value(Value::from(address.to_string()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let mut document = text.parse::<DocumentMut>().unwrap();
        let variables = variables
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        match overlay(&mut document, variables) {
            Ok(_) => Ok(document.to_string()),
            Err(Failure::Input(message) | Failure::System(message)) => Err(message),
        }
    }

    #[test]
    fn a_variable_goes_over_the_file() {
        let text = "url = \"http://a\"\n";
        assert_eq!(
            with(text, &[("PORTHOLE_URL", "http://b")]).unwrap(),
            "url = \"http://b\"\n"
        );
        let lists = with("", &[("PORTHOLE_ALLOWED_HOSTS", "a, b")]).unwrap();
        assert_eq!(lists, "allowed-hosts = [\"a\", \"b\"]\n");
        let table = with("", &[("PORTHOLE_TURN_SECRET", "s")]).unwrap();
        assert!(table.contains("secret = \"s\""), "{table}");
        let inner = with(
            "[auth]\ngroups-claim = \"groups\"\n",
            &[("PORTHOLE_AUTH_OPENID_CLIENT_ID", "c")],
        );
        let inner = inner.unwrap();
        let read: toml_edit::DocumentMut = inner.parse().unwrap();
        assert_eq!(
            read["auth"]["openid"]["client-id"].as_str(),
            Some("c"),
            "{inner}"
        );
        assert_eq!(read["auth"]["groups-claim"].as_str(), Some("groups"));
        assert_eq!(
            with(text, &[("HOME", "x"), ("PORTHOLE_X", "y")]).unwrap(),
            text
        );
    }

    #[test]
    fn port_changes_the_port_alone() {
        let port = [("PORT", "9000")];
        assert_eq!(with("", &port).unwrap(), "listen = \"127.0.0.1:9000\"\n");
        let everywhere = with("listen = \"0.0.0.0:80\"\n", &port).unwrap();
        assert_eq!(everywhere, "listen = \"0.0.0.0:9000\"\n");
        assert!(
            with("", &[("PORT", "http")])
                .unwrap_err()
                .starts_with("PORT: ")
        );
    }

    #[test]
    fn what_is_no_value_is_said_with_the_variables_name() {
        let error = with("", &[("PORTHOLE_OPEN_ACCESS", "yes")]).unwrap_err();
        assert_eq!(error, "PORTHOLE_OPEN_ACCESS: use true or false");
    }

    #[test]
    fn a_mistyped_variable_is_told_the_nearest_and_a_strange_one_nothing() {
        let remark = remark_on("PORTHOLE_LISTN").unwrap();
        assert!(
            remark.ends_with("did you mean PORTHOLE_LISTEN?"),
            "{remark}"
        );
        for quiet in [
            "PORTHOLE_LISTEN",
            "PORTHOLE_LOG",
            "PATH",
            "PORTHOLE_DATA_DIR",
        ] {
            assert_eq!(remark_on(quiet), None, "{quiet}");
        }
    }

    #[test]
    fn every_key_that_stands_once_in_the_example_has_a_variable() {
        let example = include_str!("../../config.example.toml");
        let mut table = String::new();
        for line in example
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        {
            if let Some(name) = line.strip_prefix('[') {
                table = name.trim_end_matches(']').to_owned() + ".";
            } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#'))
            {
                let key = format!("{table}{key}");
                let once = !table.starts_with('[');
                assert!(
                    !once || KEYS.iter().any(|(known, _)| *known == key),
                    "{key}"
                );
            }
        }
    }
}
