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

    /// An element with what `add` uses of webrtcbin. (libnice asks no TURN server on loopback, so that a real one hears
    /// nothing there.)
    mod recorder {
        use std::sync::{LazyLock, Mutex};

        use gst::{glib, prelude::*, subclass::prelude::*};

        #[derive(Default, glib::Properties)]
        #[properties(wrapper_type = super::Recorder)]
        pub struct Recorder {
            #[property(name = "stun-server", get, set, nullable)]
            stun: Mutex<Option<String>>,
            pub(super) turn: Mutex<Vec<String>>,
        }

        #[glib::object_subclass]
        impl ObjectSubclass for Recorder {
            const NAME: &'static str = "PortholeTestRecorder";
            type Type = super::Recorder;
            type ParentType = gst::Element;
        }

        #[glib::derived_properties]
        impl ObjectImpl for Recorder {
            fn signals() -> &'static [glib::subclass::Signal] {
                static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(|| {
                    vec![
                        glib::subclass::Signal::builder("add-turn-server")
                            .param_types([String::static_type()])
                            .return_type::<bool>()
                            .action()
                            .class_handler(|args| {
                                let recorder = args[0].get::<super::Recorder>().unwrap();
                                let url = args[1].get::<String>().unwrap();
                                recorder.imp().turn.lock().unwrap().push(url);
                                Some(true.to_value())
                            })
                            .build(),
                    ]
                });
                &SIGNALS
            }
        }

        impl GstObjectImpl for Recorder {}
        impl ElementImpl for Recorder {}
    }

    gst::glib::wrapper! {
        pub struct Recorder(ObjectSubclass<recorder::Recorder>) @extends gst::Element, gst::Object;
    }

    fn servers() -> Vec<IceServer> {
        let stun = IceServer {
            urls: vec!["stun:stun.example.org:3478".into()],
            ..IceServer::default()
        };
        let turn = IceServer {
            urls: vec!["turn:turn.example.org:3478?transport=udp".into()],
            username: Some("1700000000:session".into()),
            credential: Some("s3cret".into()),
        };
        vec![stun, turn]
    }

    #[test]
    fn a_webrtcbin_gets_its_sessions_servers_and_keeps_the_users_stun_server() {
        use gst::subclass::prelude::ObjectSubclassIsExt as _;
        gst::init().unwrap();
        for (users, expected) in [
            (None, "stun://stun.example.org:3478"),
            (Some("stun://own:1"), "stun://own:1"),
        ] {
            let recorder: Recorder = gst::glib::Object::new();
            recorder.set_property("stun-server", users);
            add(recorder.upcast_ref(), &servers());
            assert_eq!(recorder.property::<String>("stun-server"), expected);
            assert_eq!(
                *recorder.imp().turn.lock().unwrap(),
                ["turn://1700000000%3Asession:s3cret@turn.example.org:3478?transport=udp"]
            );
        }
    }

    #[test]
    fn the_list_of_servers_is_bounded() {
        use gst::subclass::prelude::ObjectSubclassIsExt as _;
        gst::init().unwrap();
        let recorder: Recorder = gst::glib::Object::new();
        let many: Vec<_> = (0..50).flat_map(|_| servers()).collect();
        add(recorder.upcast_ref(), &many);
        assert!(recorder.imp().turn.lock().unwrap().len() <= MAX_SERVERS);
    }

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
