// SPDX-License-Identifier: MPL-2.0
//! A camera with a gateway, viewers with data channels, and programs that are connected to it.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel},
    thread,
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCDataChannel, WebRTCDataChannelState};
use porthole_protocol::grant::Permission;
use serde_json::Value;
use tokio_tungstenite::tungstenite::{
    self, Message, WebSocket, client::IntoClientRequest as _, http::HeaderValue,
};

use super::{PATIENCE, Scene, server::FakeServer, step, talker::Exchange, viewer::Viewer};

/// How often a wait looks.
const LOOK: Duration = Duration::from_millis(5);
/// What fits into one message beside its header.
const PART: usize = 65_532;
/// A small picture that costs next to nothing.
pub const VIDEO: &str =
    "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1";

/// A camera with a gateway, its server and its viewers.
pub struct Robot {
    pub url: String,
    pub server: FakeServer,
    pub scene: Scene,
    pub nonce: String,
    pub exchange: Exchange,
}

impl Robot {
    /// With these properties of the sink.
    pub fn new(properties: &str) -> Self {
        Self::of(&format!("{VIDEO} ! portholesink name=sink {properties}"))
    }

    /// With the sink called `sink` in a description.
    pub fn of(description: &str) -> Self {
        let server = FakeServer::start();
        let mut scene = Scene::new(description);
        let sink = scene.element("sink");
        sink.set_property("camera-key", server.key().to_string());
        sink.set_property("gateway", "127.0.0.1:0");
        scene.set(gst::State::Playing);
        let url = scene.all_said("porthole/gateway")[0].get("url").unwrap();
        let connection = server.camera();
        let nonce = connection.nonce.clone();
        Self {
            url,
            server,
            scene,
            nonce,
            exchange: Exchange::new(connection),
        }
    }

    fn grant(&self, user: &str, (seq, lease): (u32, u32), perms: &[Permission]) -> String {
        let (name, perms) = (user.to_owned(), perms.to_vec());
        self.server.signed(&self.nonce, user, |grant| {
            (grant.sub, grant.perms) = (name, perms);
            (grant.seq, grant.lease) = (seq, lease);
        })
    }

    /// A viewer, whose session is called as the user is.
    #[track_caller]
    pub fn guest(&self, user: &str, perms: &[Permission]) -> Guest {
        Guest::join(&self.exchange, user, self.grant(user, (0, 600), perms))
    }

    /// A viewer who has booked all that it may.
    #[track_caller]
    pub fn booked_guest(&self, user: &str, perms: &[Permission]) -> Guest {
        let (name, perms) = (user.to_owned(), perms.to_vec());
        let grant = self.server.signed(&self.nonce, user, |grant| {
            grant.sub = name;
            (grant.booked, grant.perms) = (Some(perms.clone()), perms);
        });
        Guest::join(&self.exchange, user, grant)
    }

    /// Waits until the server has heard of so many drives, and of each as it is then: session, and why it ended.
    #[track_caller]
    pub fn drives(&self, count: usize) -> Vec<(String, Option<String>)> {
        step(format_args!("{count} drives at the server"));
        let start = Instant::now();
        let mut drives = Vec::new();
        while drives.len() < count {
            assert!(start.elapsed() < PATIENCE, "{drives:?}");
            let heard = self
                .exchange
                .call(|connection, _| std::mem::take(&mut connection.drives));
            drives.extend(heard.into_iter().map(|drive| {
                let reason = drive.end.map(|end| end.reason.to_string());
                (drive.session_id, reason)
            }));
        }
        drives
    }

    /// A viewer who may open the door because of a call.
    #[track_caller]
    pub fn guest_of_call(&self, user: &str, call: &str) -> Guest {
        let (name, call) = (user.to_owned(), call.to_owned());
        let grant = self.server.signed(&self.nonce, user, |grant| {
            grant.sub = name;
            grant.perms = vec![Permission::View, Permission::Door];
            grant.door_call = Some(call);
        });
        Guest::join(&self.exchange, user, grant)
    }

    /// Waits until the server has heard of so many who wanted the door open: session, and what came of it.
    #[track_caller]
    pub fn doors(&self, count: usize) -> Vec<(String, String)> {
        step(format_args!("{count} doors at the server"));
        let start = Instant::now();
        let mut doors = Vec::new();
        while doors.len() < count {
            assert!(start.elapsed() < PATIENCE, "{doors:?}");
            let heard = self
                .exchange
                .call(|connection, _| std::mem::take(&mut connection.doors));
            doors.extend(
                heard
                    .into_iter()
                    .map(|door| (door.session_id, door.result.to_string())),
            );
        }
        doors
    }

    /// New terms for a viewer.
    pub fn update(&self, user: &str, lease: u32, perms: &[Permission]) {
        let (session, grant) = (user.to_owned(), self.grant(user, (1, lease), perms));
        self.exchange
            .call(move |connection, _| connection.update(&session, grant));
    }

    /// A program that has heard who looks.
    pub fn program(&self, service: &str) -> Program {
        let mut program = Program::connect(&self.url, service);
        program.event("viewers");
        program
    }
}

/// A message from the camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub kind: u8,
    pub service: u8,
    pub number: u16,
    pub payload: Vec<u8>,
}

impl Word {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap()
    }
}

/// One viewer with data channels.
pub struct Guest {
    reliable: WebRTCDataChannel,
    now: WebRTCDataChannel,
    messages: Receiver<Vec<u8>>,
    unread: Vec<Word>,
    pub viewer: Viewer,
}

impl Guest {
    /// Takes part in `session`, until its channels are open.
    #[track_caller]
    fn join(exchange: &Exchange, session: &str, grant: String) -> Self {
        step(format_args!("the channels of {session}"));
        let viewer = Viewer::new();
        let (opened, channels) = channel();
        let (sender, messages) = channel();
        viewer
            .webrtcbin
            .connect("on-data-channel", false, move |args| {
                let channel = args[1].get::<WebRTCDataChannel>().unwrap();
                let now = channel.label().as_deref() == Some("porthole-now");
                let sender = sender.clone();
                channel.connect_on_message_data(move |_, data| {
                    let _ = sender.send(data.map(|d| d.to_vec()).unwrap_or_default());
                });
                let _ = opened.send((now, channel));
                None
            });
        let (webrtcbin, session) = (viewer.webrtcbin.clone(), session.to_owned());
        exchange.call(move |connection, parties| {
            parties.insert(session.clone(), (webrtcbin, None));
            connection.start_session(&session, Some(grant));
        });
        let both = [(); 2].map(|()| channels.recv_timeout(PATIENCE).unwrap());
        let of = |wanted: bool| {
            let (_, channel) = both.iter().find(|(now, _)| *now == wanted).unwrap();
            channel.clone()
        };
        let guest = Self {
            reliable: of(false),
            now: of(true),
            messages,
            unread: Vec::new(),
            viewer,
        };
        for channel in [&guest.reliable, &guest.now] {
            let start = Instant::now();
            while channel.ready_state() != WebRTCDataChannelState::Open {
                assert!(start.elapsed() < PATIENCE, "the channel does not open");
                thread::park_timeout(LOOK);
            }
        }
        guest
    }

    /// Sends raw bytes, as they are.
    #[track_caller]
    pub fn send_bytes(&self, bytes: &[u8]) {
        assert!(self.try_send_bytes(bytes), "the channel is closed");
    }

    /// Whether the channel still took them.
    pub fn try_send_bytes(&self, bytes: &[u8]) -> bool {
        let bytes = glib::Bytes::from(bytes);
        self.reliable.send_data_full(Some(&bytes)).is_ok()
    }

    /// Sends a message, in parts if it is too long for one.
    pub fn send(&self, kind: u8, (service, number): (u8, u16), payload: &[u8]) {
        let [high, low] = number.to_be_bytes();
        let mut rest = payload;
        loop {
            let (part, left) = rest.split_at(rest.len().min(PART));
            let more = if left.is_empty() { 0 } else { 128 };
            let header = [kind | more, service, high, low];
            self.send_bytes(&[&header, part].concat());
            rest = left;
            if rest.is_empty() {
                return;
            }
        }
    }

    /// Sends a message on the channel that repeats nothing.
    pub fn send_now(&self, kind: u8, (service, number): (u8, u16), payload: &[u8]) {
        let [high, low] = number.to_be_bytes();
        let message = [&[kind, service, high, low], payload].concat();
        let bytes = glib::Bytes::from_owned(message);
        self.now.send_data_full(Some(&bytes)).unwrap();
    }

    /// The sign of life, on the channel that repeats nothing.
    pub fn alive(&self) {
        let alive = glib::Bytes::from_static(&[19, 0, 0, 0]);
        self.now.send_data_full(Some(&alive)).unwrap();
    }

    /// The next message, if one comes in time.
    pub fn next_within(&mut self, wait: Duration) -> Option<Word> {
        let mut parts = Vec::new();
        loop {
            let part = match self.messages.recv_timeout(wait) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            };
            let is_last = part[0] < 128;
            parts.extend_from_slice(if parts.is_empty() { &part } else { &part[4..] });
            if is_last {
                break;
            }
        }
        let bytes = parts;
        Some(Word {
            kind: bytes[0] & 127,
            service: bytes[1],
            number: u16::from_be_bytes([bytes[2], bytes[3]]),
            payload: bytes[4..].to_vec(),
        })
    }

    /// Waits for a message that `fits`; others are kept.
    #[track_caller]
    pub fn hear(&mut self, fits: impl Fn(&Word) -> bool) -> Word {
        step("a message of the camera");
        if let Some(place) = self.unread.iter().position(&fits) {
            return self.unread.remove(place);
        }
        let start = Instant::now();
        while let Some(word) = self.next_within(PATIENCE.saturating_sub(start.elapsed())) {
            if fits(&word) {
                return word;
            }
            self.unread.push(word);
        }
        panic!("it did not come; there was {:?}", self.unread);
    }

    /// Waits until `kind` says `value` under `field`.
    #[track_caller]
    pub fn hear_json(&mut self, kind: u8, field: &str, value: &str) -> Value {
        self.hear(|word| word.kind == kind && word.json()[field] == value)
            .json()
    }
}

/// A program at the gateway. It reads on a thread of its own, as a program has to, whatever the test does.
pub struct Program {
    to: Sender<Message>,
    from: Receiver<Message>,
}

/// A WebSocket of a program.
pub type Socket = WebSocket<TcpStream>;

impl Program {
    /// Connects to `url`, which ends with a slash, as `service`.
    pub fn connect(url: &str, service: &str) -> Self {
        Self::try_connect(url, service, &[]).unwrap()
    }

    /// Connects, or returns the status and the body of the refusal.
    pub fn try_connect(
        url: &str,
        service: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, (u16, String)> {
        let mut socket = Self::socket(url, service, headers)?;
        let (to, orders) = channel::<Message>();
        let (sender, from) = channel();
        thread::spawn(move || {
            socket.get_ref().set_read_timeout(Some(LOOK)).unwrap();
            loop {
                match socket.read() {
                    Ok(Message::Ping(_) | Message::Pong(_)) => (),
                    Ok(message) => {
                        let _ = sender.send(message);
                    }
                    Err(tungstenite::Error::Io(error))
                        if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
                    }
                    Err(_) => return,
                }
                loop {
                    match orders.try_recv() {
                        Ok(message) => {
                            if socket.send(message).is_err() {
                                return;
                            }
                        }
                        Err(TryRecvError::Empty) => break,
                        // The program ended.
                        Err(TryRecvError::Disconnected) => return,
                    }
                }
            }
        });
        Ok(Self { to, from })
    }

    /// The connection alone: nothing reads from it, nor answers pings.
    pub fn socket(
        url: &str,
        service: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, (u16, String)> {
        let address = url
            .strip_prefix("ws://")
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut request = format!("{url}{service}").into_client_request().unwrap();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(*name, value);
        }
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub fn send(&mut self, message: Message) {
        self.to.send(message).unwrap();
    }

    pub fn say(&mut self, text: &str) {
        self.send(Message::text(text));
    }

    /// The next text or bytes, or how the connection ended.
    #[track_caller]
    pub fn next(&mut self) -> Message {
        self.from.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits for the event `name`, whatever comes before, and returns what it says.
    #[track_caller]
    pub fn event(&mut self, name: &str) -> Value {
        step(format_args!("the event {name}"));
        let prefix = format!("porthole {name} ");
        loop {
            if let Message::Text(text) = self.next()
                && let Some(details) = text.as_str().strip_prefix(&prefix)
            {
                return serde_json::from_str(details).unwrap();
            }
        }
    }

    /// Waits for something that is no event.
    #[track_caller]
    pub fn command(&mut self) -> Message {
        step("a command");
        loop {
            match self.next() {
                Message::Text(text) if text.as_str().starts_with("porthole ") => (),
                message => return message,
            }
        }
    }
}

/// Sends a request of one's own making to the gateway, and returns what comes back.
pub fn raw_request(url: &str, request: &str) -> String {
    let address = url
        .strip_prefix("ws://")
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}
