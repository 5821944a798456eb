// SPDX-License-Identifier: MPL-2.0
//! A signaling server that says what the test wants it to, with a key that really signs grants.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use porthole_protocol::{
    grant::{Grant, GrantSigner, Permission},
    key::CameraKey,
    wire::{
        CallEnd, CallState, CameraCall, ClientExtension, ClientMessage, Code, DoorRequest, Drive,
        EndSessionMessage, Extension, IncomingMessage, OutgoingMessage, PeerMessage,
        PeerMessageInner, RunningSession, SdpMessage, SessionStats, ToPeer, ToPeerExtra, ToServer,
        ViewerStats,
    },
};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::{PATIENCE, step};

/// Id under which the camera is enrolled.
pub const CAMERA: &str = "front";

pub struct FakeServer {
    pub signer: GrantSigner,
    address: SocketAddr,
    streams: Receiver<TcpStream>,
}

impl FakeServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, streams) = channel();
        // Ends with the first connection after the test, which `drop` makes.
        thread::spawn(move || {
            listener
                .incoming()
                .flatten()
                .try_for_each(|stream| sender.send(stream))
        });
        Self {
            signer: GrantSigner::generate().unwrap(),
            address,
            streams,
        }
    }

    /// What a camera is enrolled with here.
    pub fn key(&self) -> CameraKey {
        CameraKey {
            url: format!("http://{}/", self.address).parse().unwrap(),
            id: CAMERA.into(),
            secret: "secret".into(),
            grant_key: self.signer.public_key(),
            ca: Vec::new(),
        }
    }

    /// Waits for a TCP connection.
    pub fn stream(&self) -> TcpStream {
        self.streams.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits for a camera, welcomes it and hears it announce itself.
    #[track_caller]
    pub fn camera(&self) -> Connection {
        step("the camera to connect");
        let stream = self.stream();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut connection = Connection {
            socket: tungstenite::accept(stream).unwrap(),
            nonce: String::new(),
            reported: Vec::new(),
            drives: Vec::new(),
            doors: Vec::new(),
            rings: Vec::new(),
        };
        let welcome = OutgoingMessage::Welcome {
            peer_id: "camera".into(),
        };
        connection.send(&welcome.into());
        let announced = connection.receive();
        assert!(
            matches!(&announced.message, IncomingMessage::SetPeerStatus(status) if status.producing()),
            "{announced:?}"
        );
        let porthole = announced.extra.porthole.unwrap();
        connection.nonce = porthole.nonce.unwrap();
        connection.reported = porthole.sessions;
        connection
    }

    /// Waits for a request of plain HTTP, answers it with `status`, and gives its head and its body.
    #[track_caller]
    pub fn request(&self, status: u16) -> (String, Vec<u8>) {
        step("a request");
        let mut stream = self.stream();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        stream.read_exact(&mut body).unwrap();
        let answer =
            format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
        (head, body)
    }

    /// A grant that lets `session` in on `connection`, but for what `change` does to it.
    pub fn grant(
        &self,
        connection: &Connection,
        session: &str,
        change: impl FnOnce(&mut Grant),
    ) -> String {
        self.signed(&connection.nonce, session, change)
    }

    /// The same, for the connection with this nonce.
    pub fn signed(&self, nonce: &str, session: &str, change: impl FnOnce(&mut Grant)) -> String {
        let mut grant = Grant {
            aud: CAMERA.into(),
            sub: "alice".into(),
            sid: session.into(),
            nonce: nonce.to_owned(),
            seq: 0,
            lease: 600,
            perms: vec![Permission::View],
            booked: None,
            door_call: None,
        };
        change(&mut grant);
        self.signer.sign(&grant).unwrap()
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        // The receiver goes first, so that this connection finds nobody and ends the thread.
        self.streams = channel().1;
        let _ = TcpStream::connect(self.address);
    }
}

/// The server's news that a viewer left.
pub fn viewer_left(session: &str) -> ToPeer {
    ToPeer {
        message: OutgoingMessage::EndSession(EndSessionMessage {
            session_id: session.into(),
        }),
        extra: ToPeerExtra::default(),
    }
}

/// A camera's connection. Dropping it breaks it off without a goodbye.
pub struct Connection {
    socket: WebSocket<TcpStream>,
    pub nonce: String,
    /// The sessions that the camera said were running.
    pub reported: Vec<RunningSession>,
    /// What it has said of who drives, since somebody looked.
    pub drives: Vec<Drive>,
    /// What it has said of who wanted the door open, since somebody looked.
    pub doors: Vec<DoorRequest>,
    /// Presses that came while something else was waited for.
    rings: Vec<String>,
}

impl Connection {
    pub fn send(&mut self, message: &ToPeer) {
        self.send_text(serde_json::to_string(message).unwrap());
    }

    pub fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).unwrap();
    }

    pub fn receive(&mut self) -> ToServer {
        self.try_receive().unwrap()
    }

    /// The next message, or `None` where the connection has ended.
    pub fn try_receive(&mut self) -> Option<ToServer> {
        loop {
            if let Message::Text(text) = self.socket.read().ok()? {
                return Some(serde_json::from_str(text.as_str()).unwrap());
            }
        }
    }

    /// What comes within `wait`, if anything does.
    pub fn receive_within(&mut self, wait: Duration) -> Option<ToServer> {
        self.socket.get_ref().set_read_timeout(Some(wait)).unwrap();
        let read = loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => match serde_json::from_str(text.as_str()).unwrap() {
                    ClientMessage::Peer(message) => break Some(*message),
                    ClientMessage::Extension(ClientExtension::Drive(drive)) => {
                        self.drives.push(drive);
                    }
                    ClientMessage::Extension(ClientExtension::Door(request)) => {
                        self.doors.push(request);
                    }
                    ClientMessage::Extension(ClientExtension::Ring(ring)) => {
                        self.rings.push(ring.ring_id);
                    }
                    ClientMessage::Extension(ClientExtension::EndCall(_)) => (),
                    ClientMessage::Extension(other) => panic!("{other:?}"),
                },
                Ok(_) => (),
                Err(tungstenite::Error::Io(error))
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) =>
                {
                    break None;
                }
                Err(error) => panic!("{error}"),
            }
        };
        let patience = Some(PATIENCE);
        self.socket.get_ref().set_read_timeout(patience).unwrap();
        read
    }

    /// Says something to the camera in the name of the session's viewer.
    pub fn say(&mut self, session: &str, message: PeerMessageInner) {
        let message = PeerMessage {
            session_id: session.into(),
            peer_message: message,
        };
        self.send(&OutgoingMessage::Peer(message).into());
    }

    /// Sends a running session's new grant.
    pub fn update(&mut self, session: &str, grant: String) {
        let update = Extension::GrantUpdate {
            session_id: session.into(),
            grant: Some(grant),
            terms: None,
            ice_servers: Vec::new(),
        };
        self.send_text(serde_json::to_string(&update).unwrap());
    }

    /// Sends what the session's viewer says it has seen.
    pub fn viewer_stats(&mut self, session: &str, frames: u32) {
        let stats = Extension::ViewerStats(ViewerStats {
            session_id: session.into(),
            frames,
            freezes: 2,
            freeze_seconds: 0.5,
            width: None,
            height: None,
        });
        self.send_text(serde_json::to_string(&stats).unwrap());
    }

    /// Waits for the camera's statistics of `session`.
    pub fn session_stats(&mut self, session: &str) -> SessionStats {
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else {
                continue;
            };
            if let Ok(ClientExtension::SessionStats(stats)) = serde_json::from_str(text.as_str()) {
                assert_eq!(stats.session_id, session);
                return stats;
            }
        }
    }

    /// Waits for a press, and gives its id.
    #[track_caller]
    pub fn ring(&mut self) -> String {
        step("a ring");
        if !self.rings.is_empty() {
            return self.rings.remove(0);
        }
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else {
                continue;
            };
            if let Ok(ClientExtension::Ring(ring)) = serde_json::from_str(text.as_str()) {
                return ring.ring_id;
            }
        }
    }

    /// Waits until somebody at the door hangs up.
    #[track_caller]
    pub fn hang_up(&mut self) {
        step("the door to hang up");
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else {
                continue;
            };
            if let Ok(ClientExtension::EndCall(_)) = serde_json::from_str(text.as_str()) {
                return;
            }
        }
    }

    /// Says how the call of a press is, which is called as the press.
    pub fn call(&mut self, ring: &str, state: CallState, reason: Option<CallEnd>) {
        let call = CameraCall {
            id: format!("{}-0", &ring[..30]),
            ring_id: ring.into(),
            state,
            by: (state != CallState::Ringing).then(|| "alice".into()),
            reason,
        };
        let call = Extension::CameraCall { call };
        self.send_text(serde_json::to_string(&call).unwrap());
    }

    pub fn start_session(&mut self, session: &str, grant: Option<String>) {
        self.start_session_with(session, grant, None);
    }

    /// The same for a viewer that makes the offer, if it makes one.
    pub fn start_session_with(
        &mut self,
        session: &str,
        grant: Option<String>,
        offer: Option<String>,
    ) {
        self.send(&ToPeer {
            message: OutgoingMessage::StartSession {
                peer_id: "viewer".into(),
                session_id: session.into(),
                offer,
            },
            extra: ToPeerExtra {
                grant,
                ..ToPeerExtra::default()
            },
        });
    }

    /// Waits for the end of `session`, and says why it ended. Nothing of it may come before.
    pub fn refusal_of(&mut self, session: &str) -> Option<Code> {
        let ToServer { message, extra } = self.receive_of(session);
        assert!(
            matches!(message, IncomingMessage::EndSession(_)),
            "{message:?}"
        );
        extra.reason
    }

    /// Waits for the end of `session`, and says why it ended.
    #[track_caller]
    pub fn end_of(&mut self, session: &str) -> Option<Code> {
        step(format_args!("the end of {session}"));
        loop {
            let ToServer { message, extra } = self.receive_of(session);
            if matches!(message, IncomingMessage::EndSession(_)) {
                return extra.reason;
            }
        }
    }

    /// Waits for the camera's SDP offer in `session`, the first thing that may come of it.
    #[track_caller]
    pub fn offer_of(&mut self, session: &str) -> String {
        step(format_args!("an offer in {session}"));
        match self.receive_of(session).message {
            IncomingMessage::Peer(peer) => match peer.peer_message {
                PeerMessageInner::Sdp(SdpMessage::Offer { sdp }) => sdp,
                other => panic!("{other:?} in place of an offer"),
            },
            other => panic!("{other:?} in place of an offer"),
        }
    }

    /// Waits for a message of `session`; what comes of another session meanwhile is an error unless it
    /// is a candidate, which may still be on its way.
    fn receive_of(&mut self, session: &str) -> ToServer {
        loop {
            let received = self.receive();
            match &received.message {
                IncomingMessage::EndSession(end) if end.session_id == session => return received,
                IncomingMessage::Peer(peer) if peer.session_id == session => return received,
                IncomingMessage::Peer(peer)
                    if matches!(peer.peer_message, PeerMessageInner::Ice { .. }) => {}
                _ => panic!("{received:?} while waiting for {session}"),
            }
        }
    }
}
