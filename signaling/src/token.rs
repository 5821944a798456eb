// SPDX-License-Identifier: MPL-2.0
//! Tokens and passwords that people choose: whether one is too easy to guess, and how a token goes into a link.

/// Fewer characters are too few, whatever they are.
pub const MIN_TOKEN_CHARS: usize = 16;
/// More could not be sent: a request's credential is read up to 512 bytes, its scheme included.
pub const MAX_TOKEN_CHARS: usize = 256;
/// Guesses, as a power of ten, that a token must withstand. A right guess is never turned away, so a guesser is held
/// up by the network alone: at 10,000 a second this takes 300 years.
const MIN_GUESSES_LOG10: f64 = 14.0;

/// Why a token must not be used. None of these shows any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakToken {
    /// It is too short.
    #[error("it has fewer than {MIN_TOKEN_CHARS} characters and could be guessed: make it longer")]
    Short,
    /// It does not fit into a request.
    #[error("it has more than {MAX_TOKEN_CHARS} characters: make it shorter")]
    Long,
    /// It would not arrive as it was sent.
    #[error(
        "it has a space or a character beyond ASCII, which would not arrive as it is: leave them out"
    )]
    Characters,
    /// It is of a kind that is tried early, and which.
    #[error("it could be guessed: {0} Take a random one, e.g. of `openssl rand -hex 16`")]
    Guessable(String),
}

/// Says why `token` would be a bad credential: too easy to guess, or impossible to send. Tokens made by
/// `porthole_protocol::random_secret` need no check.
pub fn check_token(token: &str) -> Result<(), WeakToken> {
    let chars = token.chars().count();
    if chars < MIN_TOKEN_CHARS {
        return Err(WeakToken::Short);
    }
    if chars > MAX_TOKEN_CHARS {
        return Err(WeakToken::Long);
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(WeakToken::Characters);
    }
    let estimate = zxcvbn::zxcvbn(token, &["porthole", "viewer", "token", "camera"]);
    if estimate.guesses_log10() >= MIN_GUESSES_LOG10 {
        return Ok(());
    }
    Err(WeakToken::Guessable(reason(&estimate)))
}

/// Fewer characters of a password are too few, whatever they are.
pub const MIN_PASSWORD_CHARS: usize = 10;
/// Longest password: a long sentence. More would cost the time of whoever checks it.
pub const MAX_PASSWORD_BYTES: usize = 256;
/// Guesses, as a power of ten, that a password must withstand. Attempts are counted, so a token's
/// [`MIN_GUESSES_LOG10`] is not needed; see `access::throttle`.
const MIN_PASSWORD_GUESSES_LOG10: f64 = 8.0;
/// So many characters of a password are judged: judging takes long for long ones.
const JUDGED_CHARS: usize = 64;

/// Why a password must not be used. None of these shows any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// It is too short.
    #[error("the password has fewer than {MIN_PASSWORD_CHARS} characters: make it longer")]
    Short,
    /// It is too long.
    #[error("the password has more than {MAX_PASSWORD_BYTES} bytes: make it shorter")]
    Long,
    /// It is of a kind that is tried early, and which.
    #[error(
        "the password could be guessed: {0} Use some words that have nothing to do with each other"
    )]
    Guessable(String),
}

/// Says why `password` would be a bad one for `user`.
pub fn check_password(password: &str, user: &str) -> Result<(), WeakPassword> {
    if password.chars().count() < MIN_PASSWORD_CHARS {
        return Err(WeakPassword::Short);
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(WeakPassword::Long);
    }
    let judged: String = password.chars().take(JUDGED_CHARS).collect();
    // What whoever guesses knows of the user already is no part of the secret, however often it is there.
    let judged = judged.replace(user, "");
    let estimate = zxcvbn::zxcvbn(&judged, &[user, "porthole", "camera", "password"]);
    match estimate.guesses_log10() >= MIN_PASSWORD_GUESSES_LOG10 {
        true => Ok(()),
        false => Err(WeakPassword::Guessable(reason(&estimate))),
    }
}

fn reason(estimate: &zxcvbn::Entropy) -> String {
    let warning = estimate.feedback().and_then(|feedback| feedback.warning());
    let why = warning.map(|warning| warning.to_string());
    why.unwrap_or_else(|| "it is made of common words or patterns.".to_owned())
}

/// The fragment of a link that holds `token`, as the page reads it (`URLSearchParams`): every character survives.
pub fn token_fragment(token: &str) -> String {
    fragment("token", token)
}

/// The fragment of a link that holds a share link's secret.
pub(crate) fn share_fragment(secret: &str) -> String {
    fragment("share", secret)
}

fn fragment(name: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair(name, value)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_early_is_refused_with_the_reason() {
        let cases = [
            "aaaaaaaaaaaaaaaa",
            "passwordpassword",
            "1234567890123456",
            "qwertyuiopasdfgh",
            "frontdoorcamera1",
            "porthole-viewer-token",
            "abcabcabcabcabcabc",
            "2026-11-21-2026-11-21",
        ];
        for token in cases {
            match check_token(token) {
                Err(WeakToken::Guessable(why)) => assert!(why.ends_with('.'), "{token}: {why}"),
                other => panic!("{token}: {other:?}"),
            }
        }
    }

    #[test]
    fn random_tokens_and_long_phrases_are_fine() {
        for token in [
            "4kZQ9xvT_w2bLr8s",
            "9f86d081884c7d659a2feaa0c55ad015",
            "plum/Tractor+57%glacier&hymn",
        ] {
            assert_eq!(check_token(token), Ok(()), "{token}");
        }
        assert_eq!(check_token(&porthole_protocol::random_secret()), Ok(()));
    }

    #[test]
    fn what_could_not_be_sent_is_refused() {
        assert_eq!(check_token("4kZQ9xvT"), Err(WeakToken::Short));
        assert_eq!(check_token(&"4kZQ9xvT".repeat(40)), Err(WeakToken::Long));
        for token in [
            "4kZQ9xvT w2bLr8s4",
            "4kZQ9xvTäw2bLr8s4",
            "4kZQ9xvT\nw2bLr8s4",
        ] {
            assert_eq!(check_token(token), Err(WeakToken::Characters));
        }
    }

    #[test]
    fn a_password_has_to_be_long_and_not_obvious() {
        for password in [
            "password12",
            "alice-alice",
            "qwertyuiop",
            "aaaaaaaaaaaa",
            "2026-11-21",
        ] {
            let weak = check_password(password, "alice");
            assert!(
                matches!(weak, Err(WeakPassword::Guessable(_))),
                "{password}"
            );
        }
        assert_eq!(check_password("k9#xQ", "alice"), Err(WeakPassword::Short));
        let long = "k9#xQ plum".repeat(30);
        assert_eq!(check_password(&long, "alice"), Err(WeakPassword::Long));
        assert_eq!(check_password("plum tractor glacier", "alice"), Ok(()));
    }

    #[test]
    fn every_character_of_a_token_survives_the_link() {
        let token: String = (0x21..0x7f).map(char::from).collect();
        let fragment = token_fragment(&token);
        let read: Vec<_> = form_urlencoded::parse(fragment.as_bytes()).collect();
        assert_eq!(read, [("token".into(), token.as_str().into())]);
        assert!(!fragment.contains(['#', '/', ' ', '"']), "{fragment}");
    }
}
