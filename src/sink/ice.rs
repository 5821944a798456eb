// SPDX-License-Identifier: MPL-2.0
//! The STUN and TURN servers that came with a session, given to its webrtcbin alone.
//!
//! TURN credentials are for new allocations; coturn lets one that stands be refreshed after they have ended. A webrtcbin
//! of GStreamer 1.22 takes its servers when it makes its stream and gathers candidates once, with no restart of ICE, so
//! that it has no use for renewed ones: they wait in the session for a webrtcbin that is yet to be made.

use std::sync::Mutex;

use gst::prelude::*;
use porthole_protocol::wire::IceServer;
use url::{Url, form_urlencoded::byte_serialize};

use crate::lock::lock;

/// Servers of one session that are used; more only make the gathering of candidates slow.
const MAX_SERVERS: usize = 8;

/// Properties of libnice's agent.
const UPNP: &str = "upnp";
const KEEPALIVE_CHECK: &str = "keepalive-conncheck";
const PACING: &str = "stun-pacing-timer";
/// The least that RFC 8445 (14.2) allows.
const PACING_MS: u32 = 5;

/// A server in the form webrtcbin wants it, which holds the password: not to be logged.
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
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
                if !quietly(|| webrtcbin.emit_by_name::<bool>("add-turn-server", &[&url])) {
                    // The URL holds the password.
                    gst::warning!(gst::CAT_RUST, obj = webrtcbin, "a TURN server was refused");
                }
            }
        }
    }
}

/// Lets the connectivity checks follow each other as closely as ICE allows: libnice waits 20 ms between two, and the pair that
/// works is seldom the first, so that half of the time to a first picture went by here (docs/latency.md).
pub(crate) fn hasten(webrtcbin: &gst::Element) {
    set(webrtcbin, PACING, PACING_MS);
}

/// Says whether the agent may ask routers for ports by UPnP, as libnice does unless it is told not to. Where it does, it waits
/// 200 ms for their answer before it says that it has all of its candidates.
pub(crate) fn use_upnp(webrtcbin: &gst::Element, is_wanted: bool) {
    set(webrtcbin, UPNP, is_wanted);
}

/// Has the agent ask whether the viewer is still there. A page is missed by the server when its connection breaks; of a player that
/// asked by HTTP nobody else would hear.
pub(crate) fn miss(webrtcbin: &gst::Element) {
    set(webrtcbin, KEEPALIVE_CHECK, true);
}

/// Sets a property of libnice's agent, where there is one of this kind.
fn set<T: Into<gst::glib::Value> + StaticType>(webrtcbin: &gst::Element, name: &str, value: T) {
    let object = |of: &gst::glib::Object, name: &str| {
        of.find_property(name)
            .filter(|spec| spec.value_type().is_a(gst::glib::Object::static_type()))
            .and_then(|_| of.property::<Option<gst::glib::Object>>(name))
    };
    let ice = object(webrtcbin.upcast_ref(), "ice-agent");
    let Some(agent) = ice.and_then(|ice| object(&ice, "agent")) else {
        return;
    };
    let known = agent.find_property(name);
    if known.is_some_and(|spec| spec.value_type() == T::static_type()) {
        agent.set_property(name, value);
    }
}

/// Calls while what GStreamer logs of a TURN server's URL, password included, is kept out of the debug log.
fn quietly<T>(call: impl FnOnce() -> T) -> T {
    // Two at a time would each put back what the other one had set.
    static ONE: Mutex<()> = Mutex::new(());
    let _alone = lock(&ONE);
    let categories = ["webrtcbin", "webrtcnice"].map(|name| {
        let category = gst::DebugCategory::get(name)?;
        let threshold = category.threshold();
        category.set_threshold(threshold.min(gst::DebugLevel::Info));
        Some((category, threshold))
    });
    let result = call();
    for (category, threshold) in categories.into_iter().flatten() {
        category.set_threshold(threshold);
    }
    result
}

/// `turn:host:port?transport=udp` (RFC 7065) with its credential becomes `turn://user:password@host:port?transport=udp`.
fn translate(url: &str, server: &IceServer) -> Option<Server> {
    let (scheme, rest) = url.split_once(':')?;
    let rest = rest.trim_start_matches("//");
    match scheme {
        "stun" => Some(Server::Stun(format!("stun://{rest}"))),
        "turn" | "turns" if is_understood(rest) => {
            let escape = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let user = escape(server.username.as_deref()?);
            let password = escape(server.credential.as_deref()?);
            Some(Server::Turn(format!("{scheme}://{user}:{password}@{rest}")))
        }
        _ => None,
    }
}

/// Whether webrtcbin can read `host[:port][?transport=udp|tcp]`. Of what it cannot, it would log an error with the password.
fn is_understood(rest: &str) -> bool {
    let Ok(url) = Url::parse(&format!("turn://{rest}")) else {
        return false;
    };
    let transport = matches!(url.query(), None | Some("transport=udp" | "transport=tcp"));
    let only_host = url.username().is_empty() && url.path().is_empty() && url.fragment().is_none();
    url.host_str().is_some_and(|host| !host.is_empty()) && only_host && transport
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectivity_checks_are_hastened_where_the_agent_is_libnices() {
        gst::init().unwrap();
        let webrtcbin = gst::ElementFactory::make("webrtcbin").build().unwrap();
        hasten(&webrtcbin);
        let ice = webrtcbin.property::<gst::glib::Object>("ice-agent");
        let agent = ice.property::<gst::glib::Object>("agent");
        assert_eq!(agent.property::<u32>(PACING), PACING_MS);
    }

    #[test]
    fn an_agent_asks_routers_by_upnp_only_when_it_is_told_to() {
        gst::init().unwrap();
        let webrtcbin = gst::ElementFactory::make("webrtcbin").build().unwrap();
        let ice = webrtcbin.property::<gst::glib::Object>("ice-agent");
        let agent = ice.property::<gst::glib::Object>("agent");
        for is_wanted in [false, true] {
            use_upnp(&webrtcbin, is_wanted);
            assert_eq!(agent.property::<bool>(UPNP), is_wanted);
        }
    }

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
    fn no_log_shows_a_password() {
        gst::init().unwrap();
        let webrtcbin = gst::ElementFactory::make("webrtcbin").build().unwrap();
        let (line, lines) = std::sync::mpsc::channel();
        let log = gst::log::add_log_function(move |_, _, _, _, _, object, message| {
            let text = format!("{object:?} {:?}", message.get());
            let _ = line.send(text);
        });
        gst::log::set_threshold_for_name("webrtc*", gst::DebugLevel::Memdump);
        let broken = [
            "turn:",
            "turn:[",
            "turn:host?transport=sctp",
            "turn:host?x=y",
            "turn:h h",
        ];
        let mut all = servers();
        all[1].urls.extend(broken.map(str::to_owned));
        add(&webrtcbin, &all);
        let category = gst::DebugCategory::get("webrtcbin").unwrap();
        assert_eq!(category.threshold(), gst::DebugLevel::Memdump);
        gst::log::set_threshold_for_name("webrtc*", gst::DebugLevel::None);
        gst::log::remove_log_function(log);
        drop(webrtcbin);
        let lines: Vec<_> = lines.iter().collect();
        assert!(!lines.is_empty());
        let shown: Vec<_> = lines
            .iter()
            .filter(|line| line.contains("s3cret"))
            .collect();
        assert!(shown.is_empty(), "{shown:?}");
        assert!(!format!("{all:?}").contains("s3cret"));
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
        assert_eq!(
            translate("turns:[2001:db8::1]", &server),
            turn("turns://1700000000%3Asession:a%2Fb%2Bc%3D@[2001:db8::1]")
        );
        assert_eq!(translate("http://example.org", &server), None);
        assert_eq!(translate("turn:x", &IceServer::default()), None);
        for unreadable in [
            "turn:",
            "turn:[",
            "turn:h h",
            "turn:a@b",
            "turn:x/y",
            "turn:x?transport=sctp",
        ] {
            assert_eq!(translate(unreadable, &server), None, "{unreadable}");
        }
    }
}
