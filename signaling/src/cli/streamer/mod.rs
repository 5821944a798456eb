// SPDX-License-Identifier: MPL-2.0
//! `run`: the configuration file of the dual-camera streamer, as it is: a server, its cameras, and the ports that it names.
//!
//! Pure: `file` (what it says), `lines` (what that means). Around them: `children` (the cameras' programs).

mod children;
mod file;
mod lines;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::{env, fs};

use clap::Args;
use porthole_protocol::grant::GrantSigner;
use porthole_protocol::key::CameraKey;
use porthole_protocol::random_secret;
use porthole_protocol::wire::IceServer;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use super::{Failure, print, remark, serve};
use crate::places;
use crate::registry::ViewerEntry;
use crate::server::{Server, ServerOptions};
use crate::token::{check_token, token_fragment};
use children::Program;
use file::File;

/// A token to keep, in the place of a new one at each start; as at `portholesink`.
const TOKEN_VARIABLE: &str = "PORTHOLE_VIEWER_TOKEN";

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Where viewers reach this machine, a name or an address, for the link that is printed
    #[arg(long, value_name = "HOST")]
    pi_ip: Option<String>,
    /// Show a test picture in the place of each camera
    #[arg(long)]
    test_mode: bool,
    /// Say more: LOG_LEVEL=debug, and GST_DEBUG for the cameras
    #[arg(long)]
    debug: bool,
    /// Print a script that does the same, for you to change, and end
    #[arg(long)]
    print_only: bool,
}

pub(super) fn run(args: &RunArgs, path: &Path) -> Result<(), Failure> {
    let text = fs::read_to_string(path)
        .map_err(|e| Failure::Input(format!("cannot read {}: {e}", path.display())))?;
    let file = File::parse(&text, path)?;
    let listen = SocketAddr::new(file.server.bind_ip, file.server.web_port);
    if args.print_only {
        let url = url(args, listen)?;
        let name = path.display().to_string();
        let script = lines::script(&file, &name, url.as_str(), listen, args.test_mode);
        return super::print_bytes(script.as_bytes());
    }
    serve::log_to_stderr(if args.debug { "debug" } else { "info" })?;
    let runtime = Runtime::new().map_err(Failure::system)?;
    let bound = bind("[server] web-port", listen)?;
    let listen = bound.local_addr().map_err(Failure::system)?;
    let token = token()?;
    let url = url(args, listen)?;
    let options = options(args, &file, &url, &token)?;
    let server = Server::start(options, bound, runtime.handle()).map_err(Failure::system)?;
    let mut programs = Vec::new();
    for (name, camera) in &file.cameras {
        if let Some(port) = camera.webrtc_port {
            let address = SocketAddr::new(file.server.bind_ip, port);
            let listener = bind(&format!("[{name}] webrtc-port"), address)?;
            let address = listener.local_addr().map_err(Failure::system)?;
            server
                .serve_camera(listener, name)
                .map_err(Failure::system)?;
            remark(format_args!("{name}: ws://{address}/"));
        }
        let words = lines::words(&file, camera, args.test_mode);
        let line = ["gst-launch-1.0"]
            .into_iter()
            .chain(words.iter().map(String::as_str));
        print(format_args!("{name}: {}", lines::shell(line)))?;
        programs.push(Program {
            name: name.clone(),
            key: enrol(&server, name, listen)?,
            words,
            is_debug: args.debug,
        });
    }
    print(format_args!("watch at {url}#{}", token_fragment(&token)))?;
    remark(format_args!("listening on http://{listen}"));
    // The cameras' programs are begun on this thread, with which they end whatever becomes of it.
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::system)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::system)?;
        let told = async {
            tokio::select! {
                _ = interrupt.recv() => Ok(()),
                _ = terminate.recv() => Ok(()),
                name = server.lost() => Err(Failure::system(format!("the {name} is lost"))),
            }
        };
        let ended = children::run(&programs, told).await;
        tracing::info!("shutting down");
        server.shutdown();
        server.closed().await;
        ended
    })
}

fn bind(what: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .map_err(|e| Failure::system(format!("{what}: cannot listen on {address}: {e}")))
}

fn token() -> Result<String, Failure> {
    let Ok(token) = env::var(TOKEN_VARIABLE) else {
        return Ok(random_secret());
    };
    check_token(&token).map_err(|e| Failure::Input(format!("{TOKEN_VARIABLE}: {e}")))?;
    Ok(token)
}

fn options(args: &RunArgs, file: &File, url: &Url, token: &str) -> Result<ServerOptions, Failure> {
    let mut options = ServerOptions::new(GrantSigner::generate().map_err(Failure::system)?);
    options.url = args.pi_ip.is_some().then(|| url.clone());
    let stun = file.webrtc.stun_server.iter().cloned();
    options.ice_servers = stun
        .map(|stun| IceServer {
            urls: vec![stun],
            ..IceServer::default()
        })
        .collect();
    options.max_connections = Some(places::standalone(
        options.max_cameras + options.max_viewers,
    ));
    // Whoever has the link; several people may.
    options.viewers = vec![ViewerEntry::new("viewer", token).shared(true)];
    Ok(options)
}

fn enrol(server: &Server, name: &str, listen: SocketAddr) -> Result<CameraKey, Failure> {
    let secret = server.add_camera(name, name).map_err(Failure::system)?;
    Ok(CameraKey {
        url: at(&reached(listen).to_string(), listen.port())?,
        id: name.to_owned(),
        secret,
        grant_key: server.grant_key(),
        ca: Vec::new(),
    })
}

/// Where a program on this machine finds what listens there.
fn reached(listen: SocketAddr) -> IpAddr {
    match listen.ip() {
        ip if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// Where viewers find it.
fn url(args: &RunArgs, listen: SocketAddr) -> Result<Url, Failure> {
    let host = match &args.pi_ip {
        Some(host) => host.clone(),
        None if listen.ip().is_unspecified() => {
            let name = rustix::system::uname();
            name.nodename().to_string_lossy().into_owned()
        }
        None => listen.ip().to_string(),
    };
    at(&host, listen.port())
}

fn at(host: &str, port: u16) -> Result<Url, Failure> {
    let host = match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) => format!("[{v6}]"),
        _ => host.to_owned(),
    };
    let url = format!("http://{host}:{port}/").parse::<Url>().ok();
    let url =
        url.filter(|url| url.path() == "/" && url.username().is_empty() && url.query().is_none());
    url.ok_or_else(|| {
        Failure::input(format!(
            "--pi-ip: \"{host}\" is neither an address nor a name"
        ))
    })
}
