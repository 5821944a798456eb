// SPDX-License-Identifier: MPL-2.0
//! The STUN and TURN servers that came with a session, given to its webrtcbin alone.

use gst::prelude::*;
use porthole_protocol::wire::IceServer;
use url::form_urlencoded::byte_serialize;

/// Servers of one session that are used; more only make the gathering of candidates slow.
const MAX_SERVERS: usize = 8;

/// A server in the form webrtcbin wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Server {
    Stun(String),
    Turn(String),
}

/// Adds them before webrtcbin gathers candidates. One that webrtcbin does not understand is left out with a warning.
pub(crate) fn add(webrtcbin: &gst::Element, servers: &[IceServer]) {
    let all = servers.iter().flat_map(|server| {
        let of = |url: &String| translate(url, server);
        server.urls.iter().filter_map(of)
    });
    for server in all.take(MAX_SERVERS) {
        match server {
            Server::Stun(url) => {
                // What the user set on the element comes first.
                if webrtcbin
                    .property::<Option<String>>("stun-server")
                    .is_none()
                {
                    webrtcbin.set_property("stun-server", url);
                }
            }
            Server::Turn(url) => {
                if !webrtcbin.emit_by_name::<bool>("add-turn-server", &[&url]) {
                    // The URL holds the password.
                    gst::warning!(gst::CAT_RUST, obj = webrtcbin, "a TURN server was refused");
                }
            }
        }
    }
}

/// `turn:host:port?transport=udp` (RFC 7065) with its credential becomes `turn://user:password@host:port?transport=udp`.
fn translate(url: &str, server: &IceServer) -> Option<Server> {
    let (scheme, rest) = url.split_once(':')?;
    let rest = rest.trim_start_matches("//");
    match scheme {
        "stun" => Some(Server::Stun(format!("stun://{rest}"))),
        "turn" | "turns" => {
            let escape = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let user = escape(server.username.as_deref()?);
            let password = escape(server.credential.as_deref()?);
            Some(Server::Turn(format!("{scheme}://{user}:{password}@{rest}")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_urls_become_webrtcbins_with_the_credential_inside() {
        let server = IceServer {
            urls: Vec::new(),
            username: Some("1700000000:session".into()),
            credential: Some("a/b+c=".into()),
        };
        let turn = |url: &str| Some(Server::Turn(url.into()));
        assert_eq!(
            translate("turn:turn.example.org:3478?transport=udp", &server),
            turn("turn://1700000000%3Asession:a%2Fb%2Bc%3D@turn.example.org:3478?transport=udp")
        );
        assert_eq!(
            translate("stun:stun.example.org:3478", &server),
            Some(Server::Stun("stun://stun.example.org:3478".into()))
        );
        assert_eq!(translate("http://example.org", &server), None);
        assert_eq!(translate("turn:x", &IceServer::default()), None);
    }
}
