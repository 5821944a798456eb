// SPDX-License-Identifier: MPL-2.0
//! The address of a camera in the network, as its maker writes it. Pure. What is shown of it has no password.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use url::Url;

/// Said of a text that is no address; nothing of the text, which may hold a password.
const FIX: &str = "an RTSP camera is written rtsp://USER@HOST:PORT/PATH (rtsps for TLS, rtspt for TCP alone, rtspu for UDP), with the \
                   password in the variable PORTHOLE_RTSP_PASSWORD, or as USER:PASSWORD with %40 for an @, %2F for a /, %3F for a ?, \
                   %23 for a # and %25 for a % in it";

/// What stands in the place of a password.
const HIDDEN: &str = "***";

/// How some cameras want the password, in the path or behind it.
const PASSWORD_WORDS: [&str; 4] = ["password=", "passwd=", "pass=", "pwd="];

/// Where such a word's value ends.
const VALUE_ENDS: [char; 5] = ['&', '?', '/', '#', ';'];

/// RFC 7826. GStreamer takes that of RTSP without TLS.
const TLS_PORT: u16 = 322;

/// How packets come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// In the connection, or beside it from a server that refuses that.
    Any,
    Tcp,
    Udp,
    /// In the connection, which is encrypted.
    Tls,
}

const SCHEMES: [(&str, Transport); 4] = [
    ("rtsp", Transport::Any),
    ("rtspt", Transport::Tcp),
    ("rtspu", Transport::Udp),
    ("rtsps", Transport::Tls),
];

/// Whether a text names such a camera, well or badly.
pub(super) fn is_meant(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        scheme.to_ascii_lowercase().starts_with("rtsp")
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// With the password left out.
    pub(super) name: String,
    pub(super) transport: Transport,
    /// Without user and password, in a scheme of GStreamer's.
    url: Url,
    /// As bytes, for not every camera has heard of UTF-8.
    user: Option<Vec<u8>>,
    password: Option<Vec<u8>>,
}

impl Address {
    /// Reads `rtsp://[user[:password]@]host[:port]/path`; a user without a password has that of `password_of`.
    pub(super) fn parse(
        text: &str,
        password_of: impl FnOnce() -> Option<String>,
    ) -> Result<Self, &'static str> {
        let given = Url::parse(text).map_err(|_| FIX)?;
        let transport = SCHEMES
            .iter()
            .find(|(scheme, _)| *scheme == given.scheme())
            .map(|(_, transport)| *transport)
            .ok_or(FIX)?;
        if given.host_str().is_none_or(str::is_empty) {
            return Err(FIX);
        }
        let (user, password) = credentials(&given, text, password_of);
        let mut url = given.clone();
        let is_plain = url.set_password(None).is_ok()
            && url.set_username("").is_ok()
            && url.set_scheme(match transport {
                Transport::Tls => "rtsps",
                _ => "rtsp",
            }) == Ok(());
        let mut bytes = user.iter().chain(&password).flatten();
        if !is_plain || bytes.any(|byte| *byte == 0) {
            return Err(FIX);
        }
        if transport == Transport::Tls && url.port().is_none() {
            url.set_port(Some(TLS_PORT)).map_err(|()| FIX)?;
        }
        Ok(Self {
            name: shown(given)?,
            transport,
            url,
            user,
            password,
        })
    }

    /// Whether there is a user whose password is not known.
    pub(super) fn lacks_password(&self) -> bool {
        self.user.is_some() && self.password.is_none()
    }

    /// For `rtspsrc`, with the user and the password, if need be this one: those that stand here it tries once, those in its
    /// properties eight times at each opening, and cameras lock the account after five.
    pub(super) fn location(&self, kept: Option<&[u8]>) -> String {
        let plain = self.url.as_str();
        let password = self.password.as_deref().or(kept);
        match (&self.user, password, plain.split_once("://")) {
            (Some(user), Some(password), Some((scheme, rest))) => {
                let escape = |text| percent_encode(text, NON_ALPHANUMERIC);
                format!("{scheme}://{}:{}@{rest}", escape(user), escape(password))
            }
            // One that wants a password is not asked without one.
            _ => plain.to_owned(),
        }
    }
}

fn credentials(
    url: &Url,
    text: &str,
    password_of: impl FnOnce() -> Option<String>,
) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let bytes = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let (user, password) = (url.username(), url.password());
    if user.is_empty() && password.is_none() {
        return (None, None);
    }
    let password = match password {
        Some(password) => Some(bytes(password)),
        // An empty one is a password as well, with which some cameras come.
        None if text.contains(&format!("//{user}:@")) => Some(Vec::new()),
        None => password_of().map(String::into_bytes),
    };
    (Some(bytes(user)), password)
}

/// An address as it may be shown.
fn shown(mut url: Url) -> Result<String, &'static str> {
    if url.password().is_some() {
        url.set_password(Some(HIDDEN)).map_err(|()| FIX)?;
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    let text = without_values(url.as_str());
    // A password with a / or a ? in it that was not written as %2F is taken for a port and a path.
    match text.rfind('@') {
        Some(at) if !has_user => Ok(without_middle(&text, at)),
        _ => Ok(text),
    }
}

fn without_values(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    let next = |from: usize| {
        let ends = PASSWORD_WORDS
            .iter()
            .filter_map(|word| lower[from..].find(word).map(|at| from + at + word.len()));
        ends.min()
    };
    while let Some(value) = next(from) {
        shown.push_str(&text[from..value]);
        shown.push_str(HIDDEN);
        from = text[value..]
            .find(VALUE_ENDS)
            .map_or(text.len(), |length| value + length);
    }
    shown.push_str(&text[from..]);
    shown
}

/// Leaves out what stands between the end of the host and an @ behind it.
fn without_middle(text: &str, at: usize) -> String {
    let host = text.find("://").map_or(0, |scheme| scheme + "://".len());
    let bracket = text[host..at].find(']').map_or(host, |end| host + end);
    match text[bracket..at].find(':') {
        Some(colon) => format!("{}:{HIDDEN}{}", &text[..bracket + colon], &text[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text, || None).unwrap()
    }

    /// What GStreamer makes of it: user and password, as bytes.
    fn read(location: &str) -> (String, String) {
        let (user, password) = location
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('@'))
            .and_then(|(user, _)| user.split_once(':'))
            .unwrap();
        let plain = |text: &str| gst::glib::uri_unescape_string(text, None::<&str>).unwrap();
        (plain(user).into(), plain(password).into())
    }

    #[test]
    fn a_password_is_in_no_name_and_in_the_location_alone() {
        let address = address("rtsp://me:sec%40ret@door.local:8554/live?channel=1");
        assert_eq!(address.name, "rtsp://me:***@door.local:8554/live?channel=1");
        assert_eq!(
            address.location(None),
            "rtsp://me:sec%40ret@door.local:8554/live?channel=1"
        );
    }

    #[test]
    fn every_character_can_be_in_a_user_a_password_and_a_path() {
        let ascii = (' '..='~').filter(|c| *c != '"');
        for character in ascii.chain("äßЖ📷".chars()) {
            let text = format!("a{character}b");
            let written = percent_encode(text.as_bytes(), NON_ALPHANUMERIC);
            let address = address(&format!(
                "rtsp://{written}:{written}@door/{written}?a={written}&b=1"
            ));
            assert_eq!(
                read(&address.location(None)),
                (text.clone(), text.clone()),
                "{character}"
            );
            let path = format!("@door/{written}?a={written}&b=1");
            assert!(address.location(None).ends_with(&path), "{character}");
        }
    }

    #[test]
    fn what_need_not_be_written_otherwise_may_stand_as_it_is() {
        for (text, password) in [
            ("rtsp://me:100%@door/x", "100%"),
            ("rtsp://me:50%%40@door/x", "50%@"),
            ("rtsp://me:a@b@door/x", "a@b"),
            (
                "rtsp://me:a&b=c;d!e$f'(g)*+,h@door/x",
                "a&b=c;d!e$f'(g)*+,h",
            ),
            ("rtsp://me:größer@door/x", "größer"),
            ("rtsp://me:@door/x", ""),
        ] {
            assert_eq!(read(&address(text).location(None)).1, password, "{text}");
        }
        let dahua = "rtsp://192.0.2.1:554/cam/realmonitor?channel=1&subtype=0";
        assert_eq!(address(dahua).location(None), dahua);
        assert_eq!(
            address("rtsp://door/Straße 1").location(None),
            "rtsp://door/Stra%C3%9Fe%201"
        );
    }

    #[test]
    fn bytes_that_are_no_utf8_stay_as_they_are() {
        let location = address("rtsp://me:gr%FC%DFe@door/x").location(None);
        assert_eq!(location, "rtsp://me:gr%FC%DFe@door/x");
    }

    #[test]
    fn a_user_without_a_password_has_the_one_that_is_kept_and_nobody_else_has() {
        let location = |text: &str| {
            let address = Address::parse(text, || Some("k/pt".into())).unwrap();
            assert!(!address.name.contains("k/pt"));
            address.location(None)
        };
        assert_eq!(location("rtsp://me@door/x"), "rtsp://me:k%2Fpt@door/x");
        assert_eq!(location("rtsp://me:own@door/x"), "rtsp://me:own@door/x");
        assert_eq!(location("rtsp://me:@door/x"), "rtsp://me:@door/x");
        assert_eq!(location("rtsp://door/x"), "rtsp://door/x");
        let lacking = address("rtsp://me@door/x");
        assert!(lacking.lacks_password() && !address("rtsp://me:@door/x").lacks_password());
        assert_eq!(lacking.location(None), "rtsp://door/x");
        assert_eq!(lacking.location(Some(b"a b")), "rtsp://me:a%20b@door/x");
    }

    #[test]
    fn a_password_in_the_path_is_shown_neither() {
        for (text, name) in [
            (
                "rtsp://door/user=me&password=secret&channel=1",
                "rtsp://door/user=me&password=***&channel=1",
            ),
            (
                "rtsp://door/live?USER=me&PWD=secret",
                "rtsp://door/live?USER=me&PWD=***",
            ),
            // Not written as it should be.
            ("rtsp://me:1/secret@door/x", "rtsp://me:***@door/x"),
            ("rtsp://me:1?secret@door/x", "rtsp://me:***@door/x"),
            ("rtsp://me:1#secret@door/x", "rtsp://me:***@door/x"),
            ("rtsp://[::1]:1/secret@door/x", "rtsp://[::1]:***@door/x"),
            ("rtsp://door/a@b", "rtsp://door/a@b"),
        ] {
            let address = address(text);
            assert_eq!(address.name, name);
            assert!(text.ends_with("a@b") || address.location(None).contains("secret"));
        }
    }

    #[test]
    fn the_scheme_says_how_packets_come() {
        for (text, transport, location) in [
            ("rtsp://door", Transport::Any, "rtsp://door"),
            ("rtspt://door/x", Transport::Tcp, "rtsp://door/x"),
            ("RTSPU://door/x", Transport::Udp, "rtsp://door/x"),
            ("rtsps://door/x", Transport::Tls, "rtsps://door:322/x"),
            (
                "rtsps://[::1]:8554/x",
                Transport::Tls,
                "rtsps://[::1]:8554/x",
            ),
        ] {
            let address = address(text);
            assert_eq!(address.transport, transport, "{text}");
            assert_eq!(address.location(None), location);
        }
    }

    #[test]
    fn a_text_that_is_no_address_says_how_one_is_written_and_nothing_of_the_text() {
        for text in [
            "rtsp:",
            "rtsp://",
            "rtsps://:secret@",
            "rtsp:door",
            "rtsp://me:secret?x@door/x",
            "rtsp://me:secret#x@door/x",
            "rtsp://me:sec%00ret@door/x",
            "rtsph://me:secret@door/x",
        ] {
            assert!(is_meant(text), "{text}");
            let Err(error) = Address::parse(text, || None) else {
                panic!("{text} is understood");
            };
            assert!(
                error.contains("rtsp://USER@HOST") && !error.contains("secret"),
                "{error}"
            );
        }
        for text in ["test", "/dev/video0", "file:///rtsp:", "my rtsp: camera"] {
            assert!(!is_meant(text), "{text}");
        }
    }
}
