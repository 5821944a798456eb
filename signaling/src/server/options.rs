// SPDX-License-Identifier: MPL-2.0
//! What a server is started with, and why it was not.

use std::io;
use std::net::SocketAddr;

use ipnet::IpNet;
use porthole_protocol::grant::GrantSigner;
use porthole_protocol::wire::IceServer;
use tokio::sync::mpsc;
use url::Url;

use crate::access::Data;
#[cfg(feature = "adapters")]
use crate::adapters::AdapterOptions;
use crate::backend::Backend;
use crate::calls::RingNotice;
#[cfg(feature = "cluster")]
use crate::cluster::Cluster;
#[cfg(feature = "notify")]
use crate::notify::NotifyOptions;
use crate::openid::OpenidOptions;
use crate::registry::{CameraEntry, ViewerEntry};
use crate::room::{Doorbells, MAX_CAMERAS, MAX_VIEWERS};
use crate::timings::Timings;
use crate::tls::TlsFiles;
use crate::turn::Turn;
use crate::whep::WhepOptions;

/// Days for which the audit log is kept where nothing else is said: long enough to look into a complaint.
pub const DEFAULT_AUDIT_DAYS: u16 = 90;

/// Entries of the audit log that are kept where nothing else is said: a busy year of a fleet, some 200 MB.
pub const DEFAULT_AUDIT_ROWS: u64 = 1_000_000;

/// Days for which calls of doorbells and their pictures are kept where nothing else is said: after a holiday one can look back,
/// and strangers' faces are not kept for good.
pub const DEFAULT_CALL_DAYS: u16 = 30;

/// Pictures of calls that are kept where nothing else is said: 100 MB at most.
pub const DEFAULT_CALL_SNAPSHOTS: u64 = 1000;

/// What a server is started with.
#[derive(Debug)]
pub struct ServerOptions {
    /// Lets anyone who can reach the server see and hear all cameras.
    pub open_access: bool,
    /// STUN and TURN servers, told to both ends of every session.
    pub ice_servers: Vec<IceServer>,
    /// A TURN server besides, for which each session gets credentials of its own.
    pub turn: Option<Turn>,
    /// Where the server is reached from outside: http or https, host and port. Pages from there are its own.
    pub url: Option<Url>,
    /// Where the listener is reached, for links and keys made at this machine, if its own address does not say that.
    pub reached_at: Option<SocketAddr>,
    /// Further host names it answers to, as `NAME` or `NAME:PORT`. Without any of these it answers to addresses,
    /// `localhost` and this machine's own name alone.
    pub allowed_hosts: Vec<String>,
    /// Origins (`https://www.example.org`) whose pages may show cameras: by `<porthole-camera>`, or this server's page in a frame.
    pub embed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Cameras that can be enrolled.
    pub max_cameras: usize,
    /// Viewers that can be connected at a time.
    pub max_viewers: usize,
    /// Connections at a time. `None`: a quarter of the process's file descriptors, at most 4584.
    pub max_connections: Option<usize>,
    /// Signs the grants.
    pub signer: GrantSigner,
    /// Certificate, for HTTPS. Without it the server speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Who may watch from the first connection on. A viewer that came back before its name was known would be told
    /// that it is not permitted.
    pub viewers: Vec<ViewerEntry>,
    /// The cameras that are enrolled from the first connection on.
    pub cameras: Vec<CameraEntry>,
    /// Accounts, bookings and share links; without it there are none.
    pub data: Option<Data>,
    /// An existing backend that knows people who are not known here.
    pub backend: Option<Backend>,
    /// An identity provider with which people log in to the page. It needs `url`.
    pub openid: Option<OpenidOptions>,
    /// Asks administrators with an account for a second factor. It needs [`Data::load_sealed`].
    pub second_factor: bool,
    /// Days for which entries of the audit log and bookings that are over are kept.
    pub audit_days: u16,
    /// Entries of the audit log that are kept: beyond these, the oldest go.
    pub audit_rows: u64,
    /// Whom doorbells ring, and when not. Without a rule, everybody who may look, listen and talk.
    pub doorbells: Doorbells,
    /// Those who tell people that it rings. A notice that finds no room here is lost: nobody waits for who takes them out.
    pub ring_notices: Option<mpsc::Sender<RingNotice>>,
    /// How people are told of calls besides.
    #[cfg(feature = "notify")]
    pub notify: NotifyOptions,
    /// Days for which calls and their pictures are kept.
    pub call_days: u16,
    /// Pictures of calls that are kept: beyond these, the oldest go.
    pub call_snapshots: u64,
    /// This server's place among several that are one. It needs `data` in PostgreSQL, which all of them share.
    #[cfg(feature = "cluster")]
    pub cluster: Option<Cluster>,
    /// Lets players ask for a session by HTTP (WHEP).
    pub whep: Option<WhepOptions>,
    /// Deadlines. The defaults are right outside tests.
    pub timings: Timings,
    /// Which clients of other systems are let in.
    #[cfg(feature = "adapters")]
    pub adapters: AdapterOptions,
}

impl ServerOptions {
    /// Plain HTTP, no guests, no ICE servers.
    pub fn new(signer: GrantSigner) -> Self {
        let timings = Timings::default();
        Self {
            open_access: false,
            ice_servers: Vec::new(),
            turn: None,
            url: None,
            reached_at: None,
            allowed_hosts: Vec::new(),
            embed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            max_cameras: MAX_CAMERAS,
            max_viewers: MAX_VIEWERS,
            max_connections: None,
            signer,
            tls: None,
            viewers: Vec::new(),
            cameras: Vec::new(),
            data: None,
            backend: None,
            openid: None,
            second_factor: false,
            audit_days: DEFAULT_AUDIT_DAYS,
            audit_rows: DEFAULT_AUDIT_ROWS,
            doorbells: Doorbells::default(),
            ring_notices: None,
            #[cfg(feature = "notify")]
            notify: NotifyOptions::default(),
            call_days: DEFAULT_CALL_DAYS,
            call_snapshots: DEFAULT_CALL_SNAPSHOTS,
            #[cfg(feature = "cluster")]
            cluster: None,
            whep: None,
            timings,
            #[cfg(feature = "adapters")]
            adapters: AdapterOptions::default(),
        }
    }
}

/// Why the server did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The listener cannot be used.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// The certificate or its key is missing or broken, and why.
    #[error("{0}")]
    Tls(String),
    /// `url` or `allowed_hosts` cannot be used, and why.
    #[error("{0}")]
    Hosts(String),
    /// An origin cannot be used, and why.
    #[error("[embed] origins: {0}")]
    Embed(String),
    /// A notifier cannot be used, and why.
    #[error("[[notify]] {0}")]
    Notify(String),
    /// The identity provider cannot be used, and why.
    #[error("[auth.openid]: {0}")]
    Openid(String),
    /// The database and the configuration do not go together, and why.
    #[error("{0}")]
    Data(String),
    /// Another key that signs grants, which cameras could not follow to.
    #[error(
        "this key that signs grants does not follow from the present one, so that no camera would take it"
    )]
    ForeignKey,
    /// There is a camera of this id already.
    #[error("there is a camera with the id \"{0}\" already: choose another id")]
    CameraExists(String),
    /// It cannot name a camera.
    #[error("\"{0}\" cannot be a camera's id: use 1 to 64 of a-z, 0-9 and -")]
    BadCameraId(String),
    /// There is no place for more cameras.
    #[error("there are {0} cameras already, which is as many as this server takes")]
    TooManyCameras(usize),
}
