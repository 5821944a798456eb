// SPDX-License-Identifier: MPL-2.0
//! What is asked of the provider itself: the tokens of a code (RFC 6749, 4.1.3), and more claims of a person.

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::OpenidError;
use super::discovery::{Provider, printable};
use crate::backend::Fetch;

/// This server, as the provider knows it.
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: Option<String>,
    pub(super) redirect: String,
    pub(super) fetch: Fetch,
}

#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) id_token: String,
    pub(super) access_token: Option<String>,
}

impl Client {
    /// The tokens of a code.
    pub(super) async fn tokens(
        &self,
        provider: &Provider,
        code: &str,
        verifier: &str,
    ) -> Result<Tokens, OpenidError> {
        let request = self.token_request(provider, code, verifier)?;
        let (status, text) = self.fetch.answer(request).await?;
        match status {
            StatusCode::OK => serde_json::from_slice(&text)
                .map_err(|_| unavailable("token_endpoint: its answer has no id_token")),
            status => Err(refusal(status, &text)),
        }
    }

    fn token_request(
        &self,
        provider: &Provider,
        code: &str,
        verifier: &str,
    ) -> Result<Request<Body>, OpenidError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("code_verifier", verifier);
        let mut request = Request::post(provider.token.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        match &self.secret {
            Some(secret) if !provider.takes_secret_in_body => {
                let basic = format!("{}:{}", encoded(&self.id), encoded(secret));
                let basic = BASE64_STANDARD.encode(basic);
                request = request.header(header::AUTHORIZATION, format!("Basic {basic}"));
            }
            secret => {
                form.append_pair("client_id", &self.id);
                if let Some(secret) = secret {
                    form.append_pair("client_secret", secret);
                }
            }
        }
        finished(request, form.finish())
    }

    /// What the provider says of the person besides, who must be the same.
    pub(super) async fn more(
        &self,
        provider: &Provider,
        token: &str,
        payload: &Value,
    ) -> Result<Map<String, Value>, OpenidError> {
        let Some(address) = &provider.user_info else {
            return Ok(Map::new());
        };
        let request = Request::get(address.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        let (status, text) = self.fetch.answer(finished(request, String::new())?).await?;
        if status != StatusCode::OK {
            return Err(unavailable(&format!("userinfo_endpoint: {status}")));
        }
        let more: Map<String, Value> = serde_json::from_slice(&text)
            .map_err(|_| unavailable("userinfo_endpoint: its answer is no JSON"))?;
        match more
            .get("sub")
            .is_some_and(|sub| Some(sub) == payload.get("sub"))
        {
            true => Ok(more),
            false => Err(unavailable("userinfo_endpoint: it speaks of someone else")),
        }
    }
}

fn finished(
    request: axum::http::request::Builder,
    body: String,
) -> Result<Request<Body>, OpenidError> {
    let request = request.body(Body::from(body));
    request.map_err(|error| unavailable(&error.to_string()))
}

fn unavailable(error: &str) -> OpenidError {
    OpenidError::Unavailable(error.to_owned())
}

/// As RFC 6749, 2.3.1, has names and secrets before they are put together.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Why there are no tokens (RFC 6749, 5.2).
fn refusal(status: StatusCode, text: &Bytes) -> OpenidError {
    #[derive(Default, Deserialize)]
    struct Refusal {
        error: String,
    }
    let Refusal { error } = serde_json::from_slice(text).unwrap_or_default();
    use StatusCode as S;
    match (status, error.as_str()) {
        // Auth0 says it with 403.
        (S::BAD_REQUEST | S::FORBIDDEN, "invalid_grant") => OpenidError::Code,
        (S::BAD_REQUEST | S::UNAUTHORIZED, error) => OpenidError::Client(printable(error)),
        (status, _) => unavailable(&format!("token_endpoint: {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_whose_fault_it_is() {
        let of = |status: u16, text: &'static str| {
            refusal(
                StatusCode::from_u16(status).unwrap(),
                &Bytes::from_static(text.as_bytes()),
            )
        };
        assert_eq!(of(400, r#"{"error":"invalid_grant"}"#), OpenidError::Code);
        assert_eq!(of(403, r#"{"error":"invalid_grant"}"#), OpenidError::Code);
        let client = OpenidError::Client("invalid_client".to_owned());
        assert_eq!(of(401, r#"{"error":"invalid_client"}"#), client);
        assert_eq!(of(400, r#"{"error":"invalid_client"}"#), client);
        assert_eq!(of(400, "<html>"), OpenidError::Client(String::new()));
        for status in [302, 404, 429, 500, 503] {
            assert!(matches!(
                of(status, r#"{"error":"invalid_grant"}"#),
                OpenidError::Unavailable(_)
            ));
        }
    }

    #[test]
    fn a_secret_with_signs_in_it_is_encoded_before_it_is_put_together() {
        assert_eq!(encoded("a:b c+%"), "a%3Ab+c%2B%25");
    }
}
