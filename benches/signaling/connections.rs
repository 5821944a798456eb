// SPDX-License-Identifier: MPL-2.0
//! Many connections to a signaling server, ours or the stock one: how quickly they are registered, what each takes, and how
//! long a message takes from a viewer to its camera and back while they stand.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _, stream};
use jiff::Timestamp;
use porthole_signaling::model::{AuditEntry, Camera, Role, User};
use porthole_signaling::store::{Put, Store, open};
use porthole_signaling::{DataDir, SecretDigest};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{interval_at, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, http::HeaderValue};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::Failure;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connections that are being made at a time.
pub(crate) const AT_ONCE: usize = 32;
/// Connections of one user: fewer than the server allows.
pub(crate) const PER_USER: usize = 50;
/// Cameras that answer, and viewers of each that ask.
const CAMERAS: usize = 10;
const VIEWERS: usize = 10;
/// Messages a second, of all viewers together.
pub(crate) const MESSAGES: u32 = 1000;
/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server as a process of its own.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    path: &'static str,
    /// Tokens of the users, in turn; none for a server without accounts.
    tokens: Vec<String>,
    cameras: Vec<String>,
    _folder: Option<Folder>,
}

pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let name = format!("porthole-bench-{}", porthole_protocol::random_secret());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `kind` is `ours` or `stock`, `program` its binary.
pub(crate) async fn measure(
    kind: &str,
    program: &str,
    count: usize,
    time: Duration,
) -> Result<Value, Failure> {
    raise_limit()?;
    let mut server = match kind {
        "ours" => ours(program, count).await?,
        "stock" => stock(program).await?,
        _ => return Err("the servers are ours and stock".into()),
    };
    let before = server.resident()?;
    let begun = Instant::now();
    let mut sockets = Vec::with_capacity(count);
    let mut times = Vec::with_capacity(count);
    let connections = (0..count).map(|n| server.viewer(n));
    let mut connections = stream::iter(connections).buffer_unordered(AT_ONCE);
    while let Some(socket) = connections.next().await {
        sockets.push(socket?);
        times.push(begun.elapsed());
    }
    drop(connections);
    let idle = server.resident()?.saturating_sub(before);
    let rate = |from: usize, to: usize| {
        let took = times[to - 1]
            - if from == 0 {
                Duration::ZERO
            } else {
                times[from - 1]
            };
        (to - from) as f64 / took.as_secs_f64()
    };
    let tenth = (count / 10).max(1);
    let (first, last) = (rate(0, tenth), rate(count - tenth, count));
    let trips = round_trips(&server, time).await?;
    server.child.kill().await?;
    Ok(json!({
        "idleBefore": before,
        "perConnection": idle as f64 / count as f64,
        "perSecond": rate(0, count),
        "firstPerSecond": first,
        "lastPerSecond": last,
        "ms": trips,
    }))
}

/// This process holds one end of each connection, and so does the server, which inherits the limit.
pub(crate) fn raise_limit() -> Result<(), Failure> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, all)?)
}

async fn ours(program: &str, count: usize) -> Result<Server, Failure> {
    let folder = Folder::new();
    let dir = DataDir::at(&folder.0);
    drop(dir.open_or_make().await?);
    let store = open(&dir.database().to_string_lossy()).await?;
    let tokens = people(&*store, count.div_ceil(PER_USER) + VIEWERS).await?;
    let cameras = cameras(&*store, CAMERAS).await?;
    drop(store);
    let server = serve(program, folder, None, count + 1000, CAMERAS).await?;
    Ok(Server {
        tokens,
        cameras,
        ..server
    })
}

/// A server on this data directory, or on a database elsewhere with its keys there, for so many viewers and cameras.
pub(crate) async fn serve(
    program: &str,
    folder: Folder,
    database: Option<&str>,
    viewers: usize,
    cameras: usize,
) -> Result<Server, Failure> {
    let mut command = Command::new(program);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&folder.0)
        .env("PORTHOLE_MAX_VIEWERS", viewers.to_string())
        .env("PORTHOLE_MAX_CAMERAS", cameras.to_string())
        .env("LOG_LEVEL", "warn")
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(url) = database {
        command.env("PORTHOLE_DATABASE_URL", url);
    }
    let mut child = command.spawn()?;
    let stderr = child.stderr.take().ok_or("no stderr")?;
    let mut lines = BufReader::new(stderr).lines();
    let address = loop {
        let line = timeout(PATIENCE, lines.next_line()).await??;
        let line = line.ok_or("the server ended")?;
        if let Some((_, address)) = line.split_once("listening on http://") {
            break address.parse()?;
        }
    };
    // Nobody waits for what it says.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(Server {
        child,
        address,
        path: "/ws",
        tokens: Vec::new(),
        cameras: Vec::new(),
        _folder: Some(folder),
    })
}

pub(crate) fn audit(now: Timestamp) -> AuditEntry {
    AuditEntry {
        at: now,
        actor: "bench".to_owned(),
        action: "bench".to_owned(),
        camera: None,
        user: None,
        subject: None,
        details: json!({}),
    }
}

/// An administrator and its token.
pub(crate) fn administrator() -> (User, String) {
    let token = porthole_protocol::random_secret();
    let user = User {
        name: "root".to_owned(),
        role: Role::Administrator,
        password: None,
        token: Some(SecretDigest::of(&token)),
        created: Timestamp::now(),
    };
    (user, token)
}

/// Administrators, each with a token, since those may watch without a booking.
pub(crate) async fn people(store: &dyn Store, count: usize) -> Result<Vec<String>, Failure> {
    let now = Timestamp::now();
    let mut tokens = Vec::new();
    for n in 0..count {
        let token = porthole_protocol::random_secret();
        let user = User {
            name: format!("user{n}"),
            role: Role::Administrator,
            password: None,
            token: Some(SecretDigest::of(&token)),
            created: now,
        };
        store.put_user(&user, Put::New, &audit(now)).await?;
        tokens.push(token);
    }
    Ok(tokens)
}

pub(crate) async fn cameras(store: &dyn Store, count: usize) -> Result<Vec<String>, Failure> {
    let now = Timestamp::now();
    let mut secrets = Vec::new();
    for n in 0..count {
        let secret = porthole_protocol::random_secret();
        let camera = Camera {
            id: format!("camera{n}"),
            name: String::from("camera"),
            secret: SecretDigest::of(&secret),
            created: now,
            last_seen: None,
        };
        store.put_camera(&camera, Put::New, &audit(now)).await?;
        secrets.push(secret);
    }
    Ok(secrets)
}

async fn stock(program: &str) -> Result<Server, Failure> {
    // It cannot say which port it took, so it is given one that was free a moment ago.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut command = Command::new(program);
    command
        .args(["--host", "127.0.0.1", "--port", &port.to_string()])
        .env("WEBRTCSINK_SIGNALLING_SERVER_LOG", "error")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let begun = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        if child.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
            return Err("the stock server does not listen".into());
        }
        tokio::task::yield_now().await;
    }
    Ok(Server {
        child,
        address,
        path: "/",
        tokens: Vec::new(),
        cameras: Vec::new(),
        _folder: None,
    })
}

impl Server {
    /// Bytes of its memory that are resident.
    pub(crate) fn resident(&self) -> Result<u64, Failure> {
        let id = self.child.id().ok_or("the server ended")?;
        let status = fs::read_to_string(Path::new("/proc").join(id.to_string()).join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: u64 = line
            .ok_or("no VmRSS")?
            .trim()
            .trim_end_matches(" kB")
            .trim()
            .parse()?;
        Ok(kib * 1024)
    }

    async fn viewer(&self, n: usize) -> Result<Socket, Failure> {
        let token = self.tokens.get(n / PER_USER);
        let (mut socket, _) = self.connect(token.map(String::as_str)).await?;
        let status = json!({"type":"setPeerStatus","roles":["listener"],"meta":null});
        say(&mut socket, &status).await?;
        hear(&mut socket, "peerStatusChanged").await?;
        Ok(socket)
    }

    /// Connects and is welcomed by this id.
    pub(crate) async fn connect(&self, token: Option<&str>) -> Result<(Socket, String), Failure> {
        let mut request = format!("ws://{}{}", self.address, self.path).into_client_request()?;
        if let Some(token) = token {
            let bearer = HeaderValue::try_from(format!("Bearer {token}"))?;
            request.headers_mut().insert("authorization", bearer);
        }
        let config = WebSocketConfig::default().read_buffer_size(4096);
        let connected = connect_async_with_config(request, Some(config), true);
        let (mut socket, _) = timeout(PATIENCE, connected).await??;
        let welcome = hear(&mut socket, "welcome").await?;
        Ok((socket, text(&welcome, "peerId")))
    }
}

pub(crate) fn text(message: &Value, field: &str) -> String {
    message[field].as_str().unwrap_or_default().to_owned()
}

pub(crate) async fn say(socket: &mut Socket, message: &Value) -> Result<(), Failure> {
    Ok(socket.send(Message::text(message.to_string())).await?)
}

/// The next message of this type.
pub(crate) async fn hear(socket: &mut Socket, kind: &str) -> Result<Value, Failure> {
    loop {
        let message = timeout(PATIENCE, socket.next()).await?;
        let message = message.ok_or("the server hung up")??;
        if let Message::Text(text) = message {
            let value: Value = serde_json::from_str(&text)?;
            if value["type"] == kind {
                return Ok(value);
            }
            if value["type"] == "error" {
                return Err(format!("the server says {value}").into());
            }
        }
    }
}

/// Milliseconds of each trip from a viewer to its camera and back, in order.
async fn round_trips(server: &Server, time: Duration) -> Result<Vec<f64>, Failure> {
    let mut ids = Vec::new();
    for n in 0..CAMERAS {
        let secret = server.cameras.get(n).map(String::as_str);
        let (mut camera, id) = server.connect(secret).await?;
        let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":null});
        say(&mut camera, &status).await?;
        // What is asked next is answered after the status was taken, of which every listener is told.
        say(&mut camera, &json!({"type":"list"})).await?;
        hear(&mut camera, "list").await?;
        tokio::spawn(echo(camera));
        ids.push(id);
    }
    let mut viewers = Vec::new();
    for id in &ids {
        for viewer in 0..VIEWERS {
            let last = server.tokens.len().saturating_sub(VIEWERS);
            let token = server.tokens.get(last + viewer).map(String::as_str);
            let (mut socket, _) = server.connect(token).await?;
            say(&mut socket, &json!({"type":"startSession","peerId":id})).await?;
            let started = hear(&mut socket, "sessionStarted").await?;
            viewers.push((socket, text(&started, "sessionId")));
        }
    }
    // One after the other, as people do who know nothing of each other.
    let first = tokio::time::Instant::now();
    let begin = |(n, (socket, session))| {
        let first = first + Duration::from_secs(1) * n / MESSAGES;
        tokio::spawn(ask(socket, session, first, time))
    };
    let tasks: Vec<_> = (0..).zip(viewers).map(begin).collect();
    let mut trips = Vec::new();
    for task in tasks {
        trips.extend(task.await??);
    }
    trips.sort_by(f64::total_cmp);
    Ok(trips)
}

/// A camera that sends back what it gets.
async fn echo(mut camera: Socket) -> Result<(), Failure> {
    loop {
        let message = hear(&mut camera, "peer").await?;
        say(&mut camera, &message).await?;
    }
}

async fn ask(
    mut socket: Socket,
    session: String,
    first: tokio::time::Instant,
    time: Duration,
) -> Result<Vec<f64>, Failure> {
    let each = Duration::from_secs(1) * (CAMERAS * VIEWERS) as u32 / MESSAGES;
    let (mut ticks, begun) = (interval_at(first, each), Instant::now());
    let mut trips = Vec::new();
    let candidate = "candidate:1 1 UDP 2122252543 192.0.2.1 50000 typ host";
    let message =
        json!({"type":"peer","sessionId":session,"ice":{"candidate":candidate,"sdpMLineIndex":0}});
    while begun.elapsed() < time {
        ticks.tick().await;
        let sent = Instant::now();
        say(&mut socket, &message).await?;
        hear(&mut socket, "peer").await?;
        trips.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(trips)
}
