// SPDX-License-Identifier: MPL-2.0
//! Porthole's signaling server: says who may look through which camera, and introduces the two.
//!
//! [`Server::start`] takes a bound listener and runs everything behind it: the web page, a small
//! HTTP API and the WebSocket that cameras and viewers speak on. The binary of the same name reads a
//! configuration file and calls it; the GStreamer plugin calls it to run the server in its own process.
//!
//! - [`rights`] say who may do what at which camera, and when.
//! - [`room`] decides: a pure state machine, messages in and messages out.
//! - `hub` is the one task that owns the room; each client has a bounded `queue` there.
//! - `socket` is one client's WebSocket, `websocket` its frames, `log_out` ends a client as its log-in does; `http` and `page` are the rest of the router.
//! - `access` is the service of accounts, bookings, share links and log-ins; `api` offers it as REST.
//! - `store` is the database behind it, `model` what is kept there.
//! - [`notify`] tells people of calls by what they have: push, mail and others.
//! - `calls` has people told whom a doorbell rings, and keeps what became of it.
//! - `journal` writes down what happens in the room, `metrics` counts it, `sentences` says it in the log.
//! - `registry` knows the credentials (as digests), `auth` finds and checks the one in a request.
//! - [`store`] keeps what is told in [`model`], and [`recur`] says when a booking recurs.
//! - [`backend`] knows the people of an existing system, by its tokens or its word.
//! - `openid` logs people in with an identity provider.
//! - `adapters` lets clients of other systems onto the same hub; `upgrade` makes WebSockets of requests.
//! - `token` judges tokens that people choose.
//! - `server` is the handle to all of it, `accept` takes connections in, `tls` wraps them.
//! - `http_client` asks others.
//! - `hosts`, `proxy` and `places` decide which names are ours, whom a proxy asks for, and how many connections there may be.
//! - `embed` decides which pages of other sites may show our cameras, and what these may read.
//! - `whep` is for players that ask for a session by HTTP: a client of the hub beside `socket`.
//! - `turn` makes the credentials of each session's relays.
//! - `state`, `timings`, `lock` and `shutdown` are what several of these share.
//!
//! Imports run one way: `cli`, `server`, `http` and `accept`, `api`, `socket`, `access`, `hub`, `room`, `rights`; what is
//! shared stands below.
//!
//! No media passes through here, and nothing in this crate knows GStreamer.
#![forbid(unsafe_code)]

mod accept;
mod access;
#[cfg(feature = "adapters")]
mod adapters;
mod api;
mod asset;
mod auth;
pub mod backend;
#[cfg(test)]
#[path = "../build/bundle.rs"]
mod bundle;
mod calls;
#[cfg(feature = "cli")]
pub mod cli;
pub mod cluster;
mod control;
mod data_dir;
mod data_lock;
mod digest;
mod embed;
mod error;
mod failures;
mod files;
mod history;
mod hosts;
mod http;
mod http_client;
mod hub;
mod icalendar;
mod journal;
mod limit;
mod lock;
mod log_out;
mod machine;
mod metrics;
pub mod model;
#[cfg(test)]
#[path = "../build/modules.rs"]
mod modules;
mod network;
#[cfg(feature = "notify")]
pub mod notify;
mod one_camera;
mod openid;
mod page;
mod places;
mod private_file;
mod proxy;
mod qr;
mod queue;
pub mod recur;
mod registry;
mod requests;
pub mod rights;
pub mod room;
pub mod self_booking;
mod sentences;
mod server;
#[cfg(feature = "adapters")]
mod sfu;
mod shutdown;
mod socket;
mod state;
pub mod store;
#[cfg(test)]
#[path = "../build/strip.rs"]
mod strip;
mod timings;
mod tls;
mod token;
mod turn;
mod upgrade;
mod websocket;
mod whep;
pub mod whip_client;

pub use access::Data;
#[cfg(feature = "adapters")]
pub use adapters::{AdapterOptions, LabOffers, SocketIoOptions};
pub use calls::{CallProgress, RingNotice};
pub use data_dir::{DataDir, DataDirError, FIRST_ADMINISTRATOR, Opened, OwnSocket};
pub use data_lock::DataDirLock;
pub use openid::OpenidOptions;
pub use registry::{CameraEntry, SecretDigest, ViewerEntry};
pub use rights::Cameras;
pub use room::Counts;
pub use server::{
    DEFAULT_AUDIT_DAYS, DEFAULT_AUDIT_ROWS, DEFAULT_CALL_DAYS, DEFAULT_CALL_SNAPSHOTS, Server,
    ServerError, ServerOptions,
};
pub use timings::Timings;
pub use tls::TlsFiles;
pub use token::{
    MAX_PASSWORD_BYTES, MAX_TOKEN_CHARS, MIN_PASSWORD_CHARS, MIN_TOKEN_CHARS, WeakPassword,
    WeakToken, check_password, check_token, token_fragment,
};
pub use turn::{BadTurn, Turn};
pub use whep::WhepOptions;
