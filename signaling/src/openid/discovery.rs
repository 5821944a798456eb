// SPDX-License-Identifier: MPL-2.0
//! What a provider says of itself (OpenID Connect Discovery 1.0), and of a person. Pure.

use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::backend::{SetupError, check_url};

/// Longest text of the provider's that goes into the log.
const MAX_SHOWN: usize = 120;

/// What is needed of a provider's description.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) authorization: Url,
    pub(super) token: Url,
    pub(super) keys: Url,
    pub(super) user_info: Option<Url>,
    pub(super) end_session: Option<Url>,
    /// What its ID tokens may be signed with.
    pub(super) algorithms: Vec<Algorithm>,
    /// Whether a client's secret goes into the body of a request, and not into its header.
    pub(super) takes_secret_in_body: bool,
    /// Whether its answers say from whom they are (RFC 9207).
    pub(super) says_iss: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
    end_session_endpoint: Option<Url>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Where an issuer describes itself.
pub(super) fn address(issuer: &str) -> Result<Url, SetupError> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let address = format!("{base}/.well-known/openid-configuration");
    address.parse().map_err(|_| SetupError::Issuer)
}

impl Provider {
    /// Reads the description of the provider that is called so.
    pub(super) fn read(text: &str, issuer: &str) -> Result<Self, String> {
        let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
        // Whoever describes itself as another one could have people's codes sent to it.
        if document.issuer != issuer {
            let other = printable(&document.issuer);
            return Err(format!(
                "it calls itself {other:?}: write issuer as it does"
            ));
        }
        let is_secure = issuer.starts_with("https:");
        let endpoints = [
            Some(&document.authorization_endpoint),
            Some(&document.token_endpoint),
            Some(&document.jwks_uri),
            document.userinfo_endpoint.as_ref(),
            document.end_session_endpoint.as_ref(),
        ];
        for endpoint in endpoints.into_iter().flatten() {
            let is_fit = match is_secure {
                true => endpoint.scheme() == "https",
                false => check_url(endpoint, "").is_ok(),
            };
            if !is_fit {
                return Err("one of its addresses is not https://".to_owned());
            }
        }
        let methods = document.code_challenge_methods_supported;
        if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err("it does not take PKCE with S256".to_owned());
        }
        let named = document.id_token_signing_alg_values_supported;
        let named = named.unwrap_or_else(|| vec!["RS256".to_owned()]);
        let algorithms: Vec<_> = named.iter().filter_map(|name| algorithm(name)).collect();
        if algorithms.is_empty() {
            return Err("it signs ID tokens with no algorithm that is taken here".to_owned());
        }
        let ways = document.token_endpoint_auth_methods_supported;
        let ways = ways.unwrap_or_else(|| vec!["client_secret_basic".to_owned()]);
        let takes = |way| ways.iter().any(|known| known == way);
        Ok(Self {
            authorization: document.authorization_endpoint,
            token: document.token_endpoint,
            keys: document.jwks_uri,
            user_info: document.userinfo_endpoint,
            end_session: document.end_session_endpoint,
            algorithms,
            takes_secret_in_body: !takes("client_secret_basic") && takes("client_secret_post"),
            says_iss: document.authorization_response_iss_parameter_supported,
        })
    }
}

/// A signature by a key that only the provider has. Anyone may fetch what its tokens are checked with, so that it is no
/// shared secret.
fn algorithm(name: &str) -> Option<Algorithm> {
    use Algorithm::{HS256, HS384, HS512};
    let name = match name {
        // Another name of the same (RFC 9864).
        "Ed25519" => "EdDSA",
        name => name,
    };
    let algorithm = name.parse().ok()?;
    (!matches!(algorithm, HS256 | HS384 | HS512)).then_some(algorithm)
}

/// Takes over these claims where they are not there.
pub(super) fn fill(payload: &mut Value, claims: &[&str], mut more: Map<String, Value>) {
    let owned: Vec<_> = claims.iter().map(|claim| (*claim).to_owned()).collect();
    let Some(payload) = payload.as_object_mut() else {
        return;
    };
    for claim in owned {
        if let Some(value) = more.remove(&claim) {
            payload.entry(claim).or_insert(value);
        }
    }
}

/// A text of someone else's, fit for a line of the log.
pub(super) fn printable(text: &str) -> String {
    let fit = |c: &char| !c.is_control();
    text.chars().filter(fit).take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://id.example/realms/home";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example/auth?policy=x",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://keys.example/jwks",
            "userinfo_endpoint": "https://id.example/me",
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "Ed25519", "ES512"],
        })
    }

    fn with(name: &str, value: Value) -> Result<Provider, String> {
        let mut document = document();
        document[name] = value;
        Provider::read(&document.to_string(), ISSUER)
    }

    #[test]
    fn a_description_is_read() {
        let provider = Provider::read(&document().to_string(), ISSUER).unwrap();
        assert_eq!(provider.algorithms, [Algorithm::RS256, Algorithm::EdDSA]);
        assert!(!provider.takes_secret_in_body && !provider.says_iss);
        let in_body = with(
            "token_endpoint_auth_methods_supported",
            json!(["client_secret_post"]),
        );
        assert!(in_body.unwrap().takes_secret_in_body);
        let both = json!(["client_secret_post", "client_secret_basic"]);
        assert!(
            !with("token_endpoint_auth_methods_supported", both)
                .unwrap()
                .takes_secret_in_body
        );
    }

    #[test]
    fn a_description_of_another_or_that_cannot_be_trusted_is_refused() {
        for (name, value) in [
            ("issuer", json!("https://evil.example")),
            ("issuer", json!("https://id.example/realms/home/")),
            ("token_endpoint", json!("http://id.example/token")),
            ("token_endpoint", json!("http://127.0.0.1/token")),
            ("userinfo_endpoint", json!("http://id.example/me")),
            ("end_session_endpoint", json!("javascript:alert(1)")),
            ("jwks_uri", json!("file:///etc/keys")),
            ("authorization_endpoint", json!("/auth")),
            ("code_challenge_methods_supported", json!(["plain"])),
            (
                "id_token_signing_alg_values_supported",
                json!(["none", "HS256"]),
            ),
            ("id_token_signing_alg_values_supported", json!([])),
        ] {
            assert!(with(name, value.clone()).is_err(), "{name} {value}");
        }
        for text in ["", "{}", "[]", "<html>"] {
            assert!(Provider::read(text, ISSUER).is_err(), "{text}");
        }
    }

    #[test]
    fn an_issuer_describes_itself_below_its_own_address() {
        let expected = "https://id.example/realms/home/.well-known/openid-configuration";
        assert_eq!(address(ISSUER).unwrap().as_str(), expected);
        let address = address("https://t.example/").unwrap();
        assert_eq!(
            address.as_str(),
            "https://t.example/.well-known/openid-configuration"
        );
    }

    #[test]
    fn more_is_only_what_was_asked_for_and_never_in_the_place_of_what_is_there() {
        let mut payload = json!({ "sub": "1", "exp": 5 });
        let Value::Object(more) =
            json!({ "sub": "2", "exp": 9, "groups": ["a"], "role": "administrator" })
        else {
            panic!("it is one");
        };
        fill(&mut payload, &["groups", "sub"], more);
        assert_eq!(payload, json!({ "sub": "1", "exp": 5, "groups": ["a"] }));
    }
}
