// SPDX-License-Identifier: MPL-2.0
//! Clients of other systems beside our own: what each connection takes, and how long a message takes from a viewer to its robot.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _, stream};
use porthole_signaling::DataDir;
use porthole_signaling::store::open;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{interval_at, timeout};
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::Failure;
use super::connections::{
    AT_ONCE, Folder, MESSAGES, PATIENCE, PER_USER, Server, Socket, cameras, people, raise_limit,
    serve,
};

/// As long as a browser's description.
const DESCRIPTION: usize = 8 * 1024;

/// How a client speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    SocketIo,
    ThreeService,
}

impl Kind {
    fn of(name: &str) -> Result<Self, Failure> {
        match name {
            "plain" => Ok(Self::Plain),
            "socketio" => Ok(Self::SocketIo),
            "three-service" => Ok(Self::ThreeService),
            _ => Err("the kinds are plain, socketio and three-service".into()),
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Plain => "/ws",
            Self::SocketIo => "/socket.io/?EIO=4&transport=websocket",
            Self::ThreeService => "/",
        }
    }

    /// An event as it goes over the wire. Our own clients' have a type.
    fn text(self, event: &str, mut data: Value) -> String {
        match self {
            Self::SocketIo => format!("42{}", json!([event, data])),
            Self::Plain | Self::ThreeService => {
                data["type"] = event.into();
                data.to_string()
            }
        }
    }

    /// What an event is called that came, and what it says.
    fn event(self, text: &str) -> Option<(String, Value)> {
        match self {
            Self::SocketIo => serde_json::from_str(text.strip_prefix("42")?).ok(),
            Self::Plain | Self::ThreeService => {
                let data: Value = serde_json::from_str(text).ok()?;
                Some((data["type"].as_str()?.to_owned(), data))
            }
        }
    }
}

struct Client {
    kind: Kind,
    socket: Socket,
}

impl Client {
    async fn connect(server: &Server, kind: Kind, token: &str) -> Result<Self, Failure> {
        let url = format!("ws://{}{}", server.address, kind.path());
        let mut request = url.into_client_request()?;
        let bearer = HeaderValue::try_from(format!("Bearer {token}"))?;
        request.headers_mut().insert("authorization", bearer);
        let config = WebSocketConfig::default().read_buffer_size(4096);
        let connected = connect_async_with_config(request, Some(config), true);
        let (socket, _) = timeout(PATIENCE, connected).await??;
        let mut client = Self { kind, socket };
        if kind == Kind::SocketIo {
            client.socket.send(Message::text("40")).await?;
        }
        Ok(client)
    }

    /// A viewer that is known to the room.
    async fn viewer(server: &Server, kind: Kind, token: &str) -> Result<Self, Failure> {
        let mut client = Self::connect(server, kind, token).await?;
        match kind {
            Kind::Plain => {
                let status =
                    json!({"roles": ["listener"], "meta": null, "porthole": {"version": 1}});
                client.say("setPeerStatus", status).await?;
                client.hear("peerStatusChanged").await?;
            }
            _ => {
                client.say("register", json!({"userId": "viewer"})).await?;
                client.hear("registered").await?;
            }
        }
        Ok(client)
    }

    async fn robot(server: &Server, kind: Kind, secret: &str) -> Result<Self, Failure> {
        let mut client = Self::connect(server, kind, secret).await?;
        match kind {
            Kind::Plain => {
                let status = json!({"roles": ["producer"], "meta": null});
                client.say("setPeerStatus", status).await?;
                client.say("list", json!({})).await?;
                client.hear("list").await?;
            }
            _ => {
                client.say("register", json!({})).await?;
                client.hear("registered").await?;
            }
        }
        Ok(client)
    }

    async fn say(&mut self, event: &str, data: Value) -> Result<(), Failure> {
        let text = self.kind.text(event, data);
        Ok(self.socket.send(Message::text(text)).await?)
    }

    async fn hear(&mut self, event: &str) -> Result<Value, Failure> {
        loop {
            let (name, data) = self.next().await?;
            if name == event {
                return Ok(data);
            }
            if name == "error" {
                return Err(format!("the server says {data}").into());
            }
        }
    }

    async fn next(&mut self) -> Result<(String, Value), Failure> {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await?;
            let Message::Text(text) = message.ok_or("the server hung up")?? else {
                continue;
            };
            if text.as_str() == "2" {
                self.socket.send(Message::text("3")).await?;
            } else if let Some(event) = self.kind.event(&text) {
                return Ok(event);
            }
        }
    }
}

/// What is there: a server with so many cameras, and tokens for so many viewers.
struct House {
    server: Server,
    tokens: Vec<String>,
    secrets: Vec<String>,
}

async fn house(program: &str, viewers: usize, robots: usize) -> Result<House, Failure> {
    raise_limit()?;
    let folder = Folder::new();
    let dir = DataDir::at(&folder.0);
    drop(dir.open_or_make().await?);
    let store = open(&dir.database().to_string_lossy()).await?;
    let tokens = people(&*store, viewers.div_ceil(PER_USER)).await?;
    let secrets = cameras(&*store, robots).await?;
    drop(store);
    let server = serve(program, folder, None, viewers + 100, robots.max(1)).await?;
    Ok(House {
        server,
        tokens,
        secrets,
    })
}

/// Bytes of memory of each of so many connections, idle, and after a description has come on each.
pub(crate) async fn memory(program: &str, kind: &str, count: usize) -> Result<Value, Failure> {
    let kind = Kind::of(kind)?;
    let mut house = house(program, count, 1).await?;
    let server = &house.server;
    let before = server.resident()?;
    let connecting = (0..count).map(|n| Client::viewer(server, kind, &house.tokens[n / PER_USER]));
    let connecting = stream::iter(connecting).buffer_unordered(AT_ONCE);
    let clients: Vec<_> = connecting.collect().await;
    let mut clients: Vec<_> = clients.into_iter().collect::<Result<_, _>>()?;
    let idle = server.resident()?.saturating_sub(before);
    let sdp = "v".repeat(DESCRIPTION);
    for client in &mut clients {
        // To a camera that is not there, so that nothing stays of it but what the connection keeps.
        let (event, data) = match kind {
            Kind::Plain => ("startSession", json!({"peerId": "nowhere", "offer": sdp})),
            _ => ("offer", json!({"to": "nowhere", "sdp": sdp})),
        };
        client.say(event, data).await?;
        while client.next().await?.0 != "error" {}
    }
    let used = server.resident()?.saturating_sub(before);
    house.server.child.kill().await?;
    Ok(json!({
        "idle": idle as f64 / count as f64,
        "used": used as f64 / count as f64,
    }))
}

/// Milliseconds that each message takes from a viewer to its robot, so many of each, in order.
pub(crate) async fn relay(
    program: &str,
    kind: &str,
    count: usize,
    time: Duration,
) -> Result<Value, Failure> {
    let kind = Kind::of(kind)?;
    let mut house = house(program, count, count).await?;
    let server = &house.server;
    let begun = Instant::now();
    let (taken, mut on_taken) = mpsc::unbounded_channel();
    for secret in &house.secrets {
        let robot = Client::robot(server, kind, secret).await?;
        tokio::spawn(take(robot, begun, taken.clone()));
    }
    drop(taken);
    let mut viewers = Vec::with_capacity(count);
    for n in 0..count {
        let mut viewer = Client::viewer(server, kind, &house.tokens[n / PER_USER]).await?;
        let camera = format!("camera{n}");
        let session = match kind {
            Kind::Plain => {
                viewer
                    .say("startSession", json!({"peerId": camera}))
                    .await?;
                viewer.hear("sessionStarted").await?["sessionId"].clone()
            }
            _ => {
                viewer
                    .say("offer", json!({"to": camera, "sdp": "v=0"}))
                    .await?;
                viewer.hear("session-started").await?["from"].clone()
            }
        };
        viewers.push((viewer, session));
    }
    // One after the other, as people do who know nothing of each other.
    let first = tokio::time::Instant::now();
    let count = u32::try_from(count)?;
    let tasks = (0..).zip(viewers).map(|(n, (viewer, session))| {
        let first = first + Duration::from_secs(1) * n / MESSAGES;
        tokio::spawn(tell(viewer, session, (first, begun), count, time))
    });
    let tasks: Vec<_> = tasks.collect();
    let mut sent = 0;
    for task in tasks {
        sent += task.await??;
    }
    let mut trips = Vec::with_capacity(sent);
    while trips.len() < sent {
        let trip = timeout(PATIENCE, on_taken.recv()).await?;
        trips.push(trip.ok_or("a robot is gone")?);
    }
    trips.sort_by(f64::total_cmp);
    house.server.child.kill().await?;
    Ok(json!({ "ms": trips }))
}

/// A robot that looks when what it hears was said.
async fn take(mut robot: Client, begun: Instant, taken: mpsc::UnboundedSender<f64>) {
    while let Ok((_, data)) = robot.next().await {
        let now = begun.elapsed().as_secs_f64();
        let candidate = [&data["candidate"]["candidate"], &data["ice"]["candidate"]];
        let said = candidate.into_iter().find_map(Value::as_str);
        let said = said.and_then(|line| line.strip_prefix("candidate:")?.parse::<f64>().ok());
        if let Some(said) = said
            && taken.send((now - said) * 1000.0).is_err()
        {
            return;
        }
    }
}

/// How many were sent.
async fn tell(
    mut viewer: Client,
    session: Value,
    (first, begun): (tokio::time::Instant, Instant),
    viewers: u32,
    time: Duration,
) -> Result<usize, Failure> {
    let mut ticks = interval_at(first, Duration::from_secs(1) * viewers / MESSAGES);
    let started = Instant::now();
    let mut sent = 0;
    while started.elapsed() < time {
        ticks.tick().await;
        let line = format!("candidate:{}", begun.elapsed().as_secs_f64());
        let ice = json!({"candidate": line, "sdpMLineIndex": 0});
        match viewer.kind {
            Kind::Plain => {
                viewer
                    .say("peer", json!({"sessionId": session, "ice": ice}))
                    .await?
            }
            _ => {
                viewer
                    .say("ice-candidate", json!({"to": session, "candidate": ice}))
                    .await?
            }
        }
        sent += 1;
    }
    Ok(sent)
}
