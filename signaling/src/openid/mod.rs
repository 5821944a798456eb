// SPDX-License-Identifier: MPL-2.0
//! Logging in to the page with an identity provider: OpenID Connect, by an authorization code with PKCE.
//!
//! - `discovery` reads what the provider says of itself: pure.
//! - `transaction` is a log-in under way, between leaving for the provider and coming back: pure.
//! - `exchange` asks the provider for the tokens of a code.
//!
//! What someone is and may is said by the claims, as in a token of a backend. Nothing of the provider's is kept but until
//! when its ID token is good: no access token, no refresh token.

mod discovery;
mod exchange;
mod transaction;

use std::fmt;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Duration, timeout};
use url::Url;

use crate::backend::{
    AskedBy, BackendError, Expected, Fetch, Fetched, Identity, Issuer, Keys, Mapping, SetupError,
    TIMEOUT, TokenError, check_url, key_set,
};
use crate::lock::lock;
use discovery::Provider;
use exchange::Client;
pub(crate) use transaction::TRANSACTION_AGE;
use transaction::{Spent, Transaction, Transactions};

/// Where the provider sends people back to, below the server's own address.
pub(crate) const CALLBACK: &str = "api/openid/callback";
/// Where a log-in begins.
pub(crate) const LOGIN: &str = "api/openid/login";
/// For a log-in to be brought to its end. Each question has a time of its own; this is for all of them.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);
/// Log-ins that are brought to their end at a time, each with some questions to the provider. Further ones wait.
const MAX_AT_A_TIME: usize = 16;
/// Longest code that is passed on. Those of Entra ID have some 1,500 characters.
const MAX_CODE_BYTES: usize = 4096;

/// A provider with which people log in to the page.
#[derive(Clone)]
pub struct OpenidOptions {
    /// What it calls itself: `iss` in its tokens, and where it is asked for the rest.
    pub issuer: String,
    /// What it calls this server.
    pub client_id: String,
    /// By which it knows this server. Without one this is a public client, which PKCE alone protects.
    pub client_secret: Option<String>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// What the button calls it.
    pub name: String,
    /// Whether who logs out here is sent to log out there.
    pub log_out: bool,
    /// Which claims say who someone is and what it may.
    pub mapping: Mapping,
}

impl fmt::Debug for OpenidOptions {
    /// There may be a secret in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("OpenidOptions");
        shown.field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Why nobody was logged in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenidError {
    /// It was begun in another browser, too long ago, or is through already.
    #[error("no such log-in was begun in this browser")]
    State,
    /// Where it is to end is no place of this server.
    #[error("the address to go back to is not one of this server")]
    Return,
    /// Whoever logged in said no, or the provider did.
    #[error("the provider let nobody in: {0}")]
    Denied(String),
    /// The answer is from another provider.
    #[error("the answer is from another provider")]
    MixedUp,
    /// The code is not one of the provider's, or was used.
    #[error("the provider does not take the code")]
    Code,
    /// The provider does not know this server.
    #[error("the provider does not take client-id or client-secret-file: {0}")]
    Client(String),
    /// The ID token is not what it should be.
    #[error("the ID token is not taken: {0}")]
    Token(TokenError),
    /// Who it is may not do anything here.
    #[error("{0}")]
    NotPermitted(&'static str),
    /// The provider cannot be had, or says what cannot be understood. The text is for the log.
    #[error("the provider does not answer as it should: {0}")]
    Unavailable(String),
}

impl From<BackendError> for OpenidError {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Unavailable(error) => Self::Unavailable(error),
            BackendError::Token(error) => Self::Token(error),
            BackendError::Refused => Self::Code,
        }
    }
}

/// What the provider sent someone back with.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) code: Option<String>,
    pub(crate) state: Option<String>,
    /// Who says so (RFC 9207).
    pub(crate) iss: Option<String>,
    pub(crate) error: Option<String>,
}

/// A log-in that has begun.
pub(crate) struct Begun {
    /// Where to send the browser.
    pub(crate) location: Url,
    /// What it has to bring back.
    pub(crate) cookie: String,
}

/// The provider, and the log-ins under way.
pub(crate) struct Openid {
    options: OpenidOptions,
    /// Where the server is reached from outside.
    url: Url,
    callback: Url,
    issuer: Issuer,
    client: Client,
    provider: Fetched<Provider>,
    /// Of the address where they stand.
    keys: Mutex<Option<Arc<Fetched<Keys>>>>,
    transactions: Transactions,
    spent: Mutex<Spent>,
    places: Semaphore,
}

impl Openid {
    /// `url` is where the server is reached from outside, `secret` what it makes its own secrets from.
    pub(crate) fn new(options: OpenidOptions, url: &Url, secret: &str) -> Result<Self, SetupError> {
        check_url(url, "url")?;
        let issuer: Url = options.issuer.parse().map_err(|_| SetupError::Issuer)?;
        check_url(&issuer, "issuer")?;
        if issuer.query().is_some() || issuer.fragment().is_some() {
            return Err(SetupError::Issuer);
        }
        if options.client_id.is_empty() {
            return Err(SetupError::Unnamed);
        }
        let fetch = Fetch::new()?;
        let (own, address) = (options.issuer.clone(), discovery::address(&options.issuer)?);
        let provider = Fetched::new((address, "discovery"), AskedBy::Provider, fetch.clone(), {
            move |text| Provider::read(text, &own)
        });
        let mut tokens = Issuer::new(&options.issuer, &options.client_id);
        tokens.mapping = options.mapping.clone();
        let callback = url.join(CALLBACK).map_err(|_| SetupError::Issuer)?;
        let client = Client {
            id: options.client_id.clone(),
            secret: options.client_secret.clone(),
            redirect: callback.to_string(),
            fetch,
        };
        Ok(Self {
            url: url.clone(),
            callback,
            issuer: tokens,
            client,
            provider,
            keys: Mutex::default(),
            transactions: Transactions::new(secret),
            spent: Mutex::default(),
            places: Semaphore::new(MAX_AT_A_TIME),
            options,
        })
    }

    /// What the button calls it.
    pub(crate) fn name(&self) -> &str {
        &self.options.name
    }

    /// Where a log-in begins: at the address where it ends, so that its cookie is there, too.
    pub(crate) fn login(&self) -> Url {
        self.url.join(LOGIN).unwrap_or_else(|_| self.url.clone())
    }

    /// Whether the server is reached by HTTPS.
    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Begins a log-in that ends at this place of the server, seen from its own address.
    pub(crate) async fn begin(
        &self,
        place: Option<&str>,
        now: Timestamp,
    ) -> Result<Begun, OpenidError> {
        let place = place.unwrap_or_default();
        self.resolve(place)?;
        let provider = self.provider.get(false).await?;
        let transaction = self.transactions.begin(place, now);
        let mut location = provider.authorization.clone();
        let scopes =
            std::iter::once("openid").chain(self.options.scopes.iter().map(String::as_str));
        let scopes: Vec<_> = scopes.collect();
        location
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client.id)
            .append_pair("redirect_uri", self.callback.as_str())
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", &transaction.state)
            .append_pair("nonce", &transaction.nonce)
            .append_pair("code_challenge", &transaction.challenge())
            .append_pair("code_challenge_method", "S256");
        let cookie = transaction.cookie;
        Ok(Begun { location, cookie })
    }

    /// Brings a log-in to its end: who it is, and where it wanted to go.
    pub(crate) async fn finish(
        &self,
        cookie: Option<&str>,
        answer: Answer,
        now: Timestamp,
    ) -> Result<(Identity, Url), OpenidError> {
        let state = answer.state.as_deref().unwrap_or_default();
        let transaction = self.transactions.of(cookie.unwrap_or_default(), state, now);
        let transaction = transaction.ok_or(OpenidError::State)?;
        if !lock(&self.spent).take(&transaction, now) {
            return Err(OpenidError::State);
        }
        let place = self.resolve(&transaction.place)?;
        let finished = timeout(FINISH_TIMEOUT, self.identity(&transaction, answer));
        let late = |_| OpenidError::Unavailable(format!("no answer within {FINISH_TIMEOUT:?}"));
        Ok((finished.await.map_err(late)??, place))
    }

    async fn identity(
        &self,
        transaction: &Transaction,
        answer: Answer,
    ) -> Result<Identity, OpenidError> {
        let waited = timeout(TIMEOUT, self.places.acquire()).await;
        let Ok(Ok(_place)) = waited else {
            return Err(OpenidError::Unavailable("too many are waiting".to_owned()));
        };
        let provider = self.provider.get(false).await?;
        match &answer.iss {
            Some(iss) if *iss != self.options.issuer => return Err(OpenidError::MixedUp),
            None if provider.says_iss => return Err(OpenidError::MixedUp),
            _ => (),
        }
        if let Some(error) = &answer.error {
            return Err(OpenidError::Denied(discovery::printable(error)));
        }
        let code = answer.code.filter(|code| code.len() <= MAX_CODE_BYTES);
        let code = code.ok_or(OpenidError::Code)?;
        let tokens = self.client.tokens(&provider, &code, &transaction.verifier);
        let tokens = tokens.await?;
        // The provider may have taken its time.
        let now = Timestamp::now();
        let token = &tokens.id_token;
        let checked = match self
            .check(token, transaction, (&provider, false), now)
            .await?
        {
            // By now it may have another key, perhaps by the name of the one before, or one of another kind.
            Err(TokenError::UnknownKey | TokenError::Algorithm | TokenError::Signature) => {
                let provider = self.provider.get(true).await?;
                self.check(token, transaction, (&provider, true), now)
                    .await?
            }
            checked => checked,
        };
        let mut payload = checked.map_err(OpenidError::Token)?;
        let missing = self.issuer.mapping.missing(&payload);
        if let (false, Some(token)) = (missing.is_empty(), &tokens.access_token) {
            let more = self.client.more(&provider, token, &payload).await?;
            discovery::fill(&mut payload, &missing, more);
        }
        self.issuer
            .read(&payload, Timestamp::now())
            .map_err(|error| match error {
                TokenError::Claims(why) => OpenidError::NotPermitted(why),
                error => OpenidError::Token(error),
            })
    }

    /// The claims of an ID token; `missing` if its key is none of those that are known.
    async fn check(
        &self,
        token: &str,
        transaction: &Transaction,
        (provider, missing): (&Provider, bool),
        now: Timestamp,
    ) -> Result<Result<Value, TokenError>, OpenidError> {
        let keys = self.keys(provider).get(missing).await?;
        let expected = Expected {
            nonce: &transaction.nonce,
            algorithms: &provider.algorithms,
        };
        Ok(self.issuer.check_id(token, &keys, now, &expected))
    }

    fn keys(&self, provider: &Provider) -> Arc<Fetched<Keys>> {
        let mut keys = lock(&self.keys);
        match &*keys {
            Some(keys) if *keys.url() == provider.keys => keys.clone(),
            _ => {
                let place = (provider.keys.clone(), "jwks_uri");
                let fetched = key_set(place, AskedBy::Provider, self.client.fetch.clone());
                keys.insert(Arc::new(fetched)).clone()
            }
        }
    }

    /// Where someone goes to log out at the provider as well, if that is wanted, and it has such a place.
    pub(crate) fn log_out(&self) -> Option<Url> {
        let provider = self.provider.known().filter(|_| self.options.log_out)?;
        let mut location = provider.end_session.clone()?;
        location
            .query_pairs_mut()
            .append_pair("client_id", &self.client.id)
            .append_pair("post_logout_redirect_uri", self.url.as_str());
        Some(location)
    }

    /// A place of this server, seen from its own address. What a browser would take for another site's is none, whatever
    /// it looks like: the address is read as browsers read it, and goes to them as it was read.
    fn resolve(&self, place: &str) -> Result<Url, OpenidError> {
        let resolved = self.url.join(place).map_err(|_| OpenidError::Return)?;
        let is_ours = place.len() <= transaction::MAX_PLACE_BYTES
            && resolved.origin() == self.url.origin()
            && resolved.scheme() == self.url.scheme()
            && resolved.username().is_empty()
            && resolved.password().is_none();
        is_ours.then_some(resolved).ok_or(OpenidError::Return)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn openid(url: &str) -> Openid {
        let options = OpenidOptions {
            issuer: "https://id.example".to_owned(),
            client_id: "porthole".to_owned(),
            client_secret: None,
            scopes: Vec::new(),
            name: "Example".to_owned(),
            log_out: false,
            mapping: Mapping::default(),
        };
        Openid::new(options, &url.parse().unwrap(), "secret").unwrap()
    }

    #[test]
    fn one_comes_back_to_a_place_of_this_server_and_to_no_other() {
        let openid = openid("https://cams.example/look/");
        for (place, expected) in [
            ("", "https://cams.example/look/"),
            ("#camera=front", "https://cams.example/look/#camera=front"),
            ("admin#users", "https://cams.example/look/admin#users"),
            ("../other", "https://cams.example/other"),
            ("/other", "https://cams.example/other"),
            // A browser takes it for a path, and so does this.
            ("https:x", "https://cams.example/look/x"),
        ] {
            assert_eq!(openid.resolve(place).unwrap().as_str(), expected, "{place}");
        }
        let long = "x".repeat(600);
        for place in [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            " //evil.example",
            "https://evil.example/",
            "HTTPS:\\\\evil.example",
            "http://cams.example/",
            "https://cams.example:444/",
            "https://cams.example@evil.example/",
            "https://evil@cams.example/",
            "https://:x@cams.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "blob:https://cams.example/x",
            "https:///evil.example",
            &long,
        ] {
            assert_eq!(
                openid.resolve(place).err(),
                Some(OpenidError::Return),
                "{place}"
            );
        }
    }

    #[test]
    fn a_server_that_strangers_could_listen_to_takes_no_log_ins() {
        let fails = |issuer: &str, url: &str| {
            let options = OpenidOptions {
                issuer: issuer.to_owned(),
                ..openid("https://cams.example/").options
            };
            Openid::new(options, &url.parse().unwrap(), "secret").err()
        };
        let insecure = |key| Some(SetupError::Insecure(key));
        assert_eq!(
            fails("https://id.example", "http://cams.example/"),
            insecure("url")
        );
        assert_eq!(
            fails("http://id.example", "https://cams.example/"),
            insecure("issuer")
        );
        assert_eq!(
            fails("id.example", "https://cams.example/"),
            Some(SetupError::Issuer)
        );
        assert_eq!(
            fails("https://id.example?x=1", "https://cams.example/"),
            Some(SetupError::Issuer)
        );
        assert_eq!(
            fails("http://127.0.0.1:1/realm", "http://localhost:8080/"),
            None
        );
    }
}
