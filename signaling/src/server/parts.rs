// SPDX-License-Identifier: MPL-2.0
//! A server put together, before it listens.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::GrantSigner;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use url::Url;

#[cfg(feature = "adapters")]
use super::OtherListener;
use super::supervise::Lost;
use super::{Inner, Server, ServerError, ServerOptions, Stop};
use crate::access::{Access, Data, Devices, Repeats, SecondFactors, first_device_secret};
#[cfg(feature = "adapters")]
use crate::adapters::Adapters;
#[cfg(feature = "notify")]
use crate::calls::RingNotice;
use crate::calls::{Calls, Keep};
#[cfg(feature = "cluster")]
use crate::cluster::Nats;
use crate::embed::Embed;
use crate::failures::Failures;
use crate::hosts::Hosts;
#[cfg(feature = "adapters")]
use crate::http::three_service as three_service_app;
use crate::http::{app, metrics as metrics_app};
use crate::hub::Hub;
use crate::journal::Journal;
use crate::lock::lock;
use crate::machine::machine_name;
use crate::metrics::Metrics;
#[cfg(feature = "notify")]
use crate::notify::{MAX_NOTICES, Notifiers};
use crate::openid::{Openid, OpenidOptions};
use crate::page;
use crate::places::{self, Addresses};
use crate::registry::Registry;
use crate::room::{Happening, Now, Room};
use crate::state::Shared;
use crate::store::Heard;
use crate::tls::CurrentTls;
use crate::turn::{CurrentTurn, IceServers};
use crate::whep::Whep;

pub(super) struct Parts {
    pub(super) server: Server,
    pub(super) router: Router,
    pub(super) hub: Hub,
    /// The way to the other servers.
    #[cfg(feature = "cluster")]
    nats: Option<Nats>,
    pub(super) journal: Journal,
    calls: Arc<Calls>,
    #[cfg(feature = "notify")]
    notifiers: Arc<Notifiers>,
    #[cfg(feature = "notify")]
    on_notice: mpsc::Receiver<RingNotice>,
    call_events: mpsc::Receiver<Happening>,
    /// What others on the same database change.
    heard: Option<mpsc::Receiver<Heard>>,
    pub(super) on_stop: watch::Receiver<()>,
    pub(super) on_idle: watch::Receiver<()>,
    pub(super) busy: watch::Sender<()>,
    pub(super) open: watch::Sender<()>,
    pub(super) max_connections: usize,
    pub(super) per_address: usize,
}

impl Parts {
    pub(super) fn new(
        options: ServerOptions,
        address: SocketAddr,
        tls: Option<CurrentTls>,
        runtime: &Handle,
    ) -> Result<Self, ServerError> {
        let hosts = Hosts::new(
            options.url.as_ref(),
            &options.allowed_hosts,
            &machine_name(),
        );
        let hosts = hosts.map_err(ServerError::Hosts)?;
        let embed = Embed::new(&options.embed_origins, page::POLICY).map_err(ServerError::Embed)?;
        let grant_key = Arc::new(Mutex::new(options.signer.public_key()));
        let kept = options.data.as_ref();
        let kept = kept.and_then(|data| data.device_secret.clone());
        let devices = kept.unwrap_or_else(|| first_device_secret(&options.signer));
        let devices = Devices::new(&devices);
        // No session has this id, so that this is nobody's secret.
        let repeats = Repeats::new(&options.signer.session_secret("repeats"));
        let second_factors = second_factors(&options)?;
        let openid = openid(options.openid, options.url.as_ref(), &options.signer)?;
        let turn = CurrentTurn::new(options.turn);
        let ice = IceServers::new(options.ice_servers, turn.clone());
        let ids = Box::new(|| uuid::Uuid::new_v4().to_string());
        let registry = Arc::new(Mutex::new(Registry::new(options.max_cameras)));
        let known = registry.clone();
        let room = Room::new(
            options.signer,
            ice.clone().source(),
            Box::new(move |user| lock(&known).rights_of(user)),
            options.open_access,
            ids,
            Now::read(),
        )
        .with_max_viewers(options.max_viewers);
        let known = registry.clone();
        let candidates = Box::new(move |camera: &str| lock(&known).rights_at(camera));
        let mut room = room.with_doorbells(options.doorbells, candidates);
        let mut data = options.data;
        let of_before = data.as_mut().map(Data::take_calls).unwrap_or_default();
        let now = Now::read();
        let (go_on, over): (Vec<_>, Vec<_>) = of_before
            .into_iter()
            .partition(|call| room.restore_call(call, now));
        let (changes, on_change) = mpsc::unbounded_channel();
        let metrics = Arc::<Metrics>::default();
        let (hub, handle, happenings) =
            Hub::new(room, registry.clone(), on_change, metrics.clone());
        let handle = handle.for_cameras(options.max_cameras);
        #[cfg(feature = "cluster")]
        let (hub, handle, nats) = match options.cluster {
            Some(cluster) => {
                let store = data.as_ref().map(|data| data.store.clone());
                let store = store.filter(|store| store.is_shared());
                let store = store.ok_or_else(|| ServerError::Data(NO_CLUSTER.to_owned()))?;
                let handle = handle.among_others(store, cluster.reached);
                (hub.among_others(cluster.member), handle, Some(cluster.nats))
            }
            None => (hub, handle, None),
        };
        let handle = Arc::new(handle);
        let (failures, stats) = (Arc::<Mutex<Failures>>::default(), handle.stats.clone());
        let max_connections = options
            .max_connections
            .unwrap_or_else(places::embedded)
            .max(1);
        let per_address = places::per_address(max_connections);
        let store = data.as_ref().map(|data| data.store.clone());
        let login = options.timings.login;
        let secrets = (devices, repeats);
        let access = Access::new(store, registry.clone(), changes.clone(), secrets, login);
        let access = access.asking(second_factors);
        let access = Arc::new(access);
        let keep = Keep {
            days: options.call_days,
            snapshots: options.call_snapshots,
        };
        let push = Arc::default();
        #[cfg_attr(
            not(feature = "notify"),
            expect(unused_mut, reason = "there are no others")
        )]
        let mut notices: Vec<_> = options.ring_notices.into_iter().collect();
        #[cfg(feature = "notify")]
        let (notifiers, on_notice) = {
            let (sender, on_notice) = mpsc::channel(MAX_NOTICES);
            notices.push(sender);
            let key = data.as_mut().and_then(|data| data.push_key.take());
            let own = (options.url.clone(), key);
            let push = Arc::clone(&push);
            let made = Notifiers::new(&options.notify, access.clone(), metrics.clone(), own, push);
            (Arc::new(made.map_err(ServerError::Notify)?), on_notice)
        };
        let calls = Calls::new(
            access.clone(),
            handle.clone(),
            metrics.clone(),
            notices,
            options.url.clone(),
            keep,
        );
        let calls = Arc::new(calls);
        for call in go_on {
            calls.restore(call);
        }
        let outside_port = options.url.as_ref().and_then(Url::port_or_known_default);
        let backend = options.backend.map(Arc::new);
        let (stop, on_stop) = watch::channel(());
        let shared = Shared {
            registry: registry.clone(),
            access: access.clone(),
            backend: backend.clone(),
            openid,
            metrics: metrics.clone(),
            history: Arc::default(),
            failures: failures.clone(),
            hub: handle.clone(),
            calls: calls.clone(),
            push,
            #[cfg(feature = "notify")]
            notifiers: notifiers.clone(),
            open_access: options.open_access,
            ice,
            tls: tls.is_some(),
            hosts,
            embed,
            address: options.reached_at.unwrap_or(address),
            url: options.url,
            grant_key: grant_key.clone(),
            trusted_proxies: options.trusted_proxies,
            cookie_name: format!("porthole-{}", outside_port.unwrap_or(address.port())),
            requests: Mutex::default(),
            sockets: Addresses::new(places::sockets_per_address(per_address)),
            timings: options.timings,
            #[cfg(feature = "adapters")]
            adapters: Adapters::new(options.adapters, max_connections, on_stop.clone()),
            whep: options.whep.map(Whep::new).map(Arc::new),
        };
        let (busy, on_idle) = watch::channel(());
        let shared = Arc::new(shared);
        let metrics_router = metrics_app(shared.clone());
        #[cfg(feature = "adapters")]
        let three_service = OtherListener {
            router: three_service_app(shared.clone()),
            max_connections,
            addresses: Addresses::new(per_address),
            trusted_proxies: shared.trusted_proxies.clone(),
        };
        let router = app(shared.clone());
        let (open, closed) = watch::channel(());
        let stop = Stop {
            _stop: stop,
            busy: busy.clone(),
            open: open.clone(),
        };
        let journal = Journal {
            happenings: happenings.all,
            access: access.clone(),
            metrics,
            keep: SignedDuration::from_hours(24 * i64::from(options.audit_days)),
            keep_rows: options.audit_rows,
            finish: options.timings.finish,
            _open: open.clone(),
        };
        let lock = data.as_mut().and_then(Data::take_lock);
        let heard = data.as_mut().and_then(Data::take_heard);
        let inner = Inner {
            _lock: lock,
            lost: Lost::default(),
            address,
            grant_key,
            turn,
            backend,
            registry,
            access,
            changes,
            failures,
            stats,
            hub: handle,
            tls,
            router: router.clone(),
            metrics_router,
            #[cfg(feature = "adapters")]
            three_service,
            shared,
            timings: options.timings,
            runtime: runtime.clone(),
            on_stop: on_stop.clone(),
            stop: Mutex::new(Some(stop)),
            closed,
        };
        let server = Server {
            inner: Arc::new(inner),
        };
        // Before anyone can connect.
        for viewer in options.viewers {
            server.add_viewer(viewer);
        }
        for camera in options.cameras {
            server.enrol_camera(camera)?;
        }
        if let Some(data) = data {
            let taken = server.inner.access.take_over(data, Timestamp::now());
            taken.map_err(ServerError::Data)?;
        }
        {
            let _inside = runtime.enter();
            for call in over {
                calls.close(call);
            }
        }
        Ok(Self {
            server,
            router,
            hub,
            #[cfg(feature = "cluster")]
            nats,
            journal,
            calls,
            #[cfg(feature = "notify")]
            notifiers,
            #[cfg(feature = "notify")]
            on_notice,
            call_events: happenings.of_calls,
            heard,
            on_stop,
            on_idle,
            busy,
            open,
            max_connections,
            per_address,
        })
    }

    /// Sets it going.
    pub(super) fn run(self) -> Server {
        let Inner {
            runtime,
            lost,
            access,
            timings,
            ..
        } = &*self.server.inner;
        let (calls, events) = (self.calls.clone(), self.call_events);
        let following = calls.follow(events, timings.finish, self.open.clone());
        lost.supervise(runtime, "teller of calls", following);
        #[cfg(feature = "notify")]
        {
            let telling = self.notifiers.run(self.on_notice, self.on_stop.clone());
            lost.supervise(runtime, "notifiers", telling);
        }
        let draining = self.server.inner.hub.clone();
        let draining = draining.drain_when_asked(self.on_stop.clone());
        lost.supervise(runtime, "drainer", draining);
        let keeping = self.calls.keep_all(self.on_idle.clone());
        lost.supervise(runtime, "keeper of calls", keeping);
        let shared = &self.server.inner.shared;
        let (hub, metrics) = (shared.hub.clone(), shared.metrics.clone());
        let history = shared.history.clone();
        let looking = history.keep(hub, metrics, self.on_stop.clone());
        lost.supervise(runtime, "history", looking);
        let following = access.clone().follow_all(self.heard, self.on_idle.clone());
        lost.supervise(runtime, "follower of the database", following);
        #[cfg(feature = "cluster")]
        if let Some(nats) = self.nats {
            lost.supervise(
                runtime,
                "way to other servers",
                nats.run(self.on_idle.clone()),
            );
        }
        let journal = self.journal.run(self.on_idle.clone());
        lost.supervise(runtime, "journal", journal);
        lost.supervise(runtime, "hub", self.hub.run(self.on_idle));
        self.server
    }
}

#[cfg(feature = "cluster")]
const NO_CLUSTER: &str =
    "several servers share a PostgreSQL database: set [database] url, or leave [cluster] out";

/// Second factors, where there is what they are kept with.
fn second_factors(options: &ServerOptions) -> Result<Option<SecondFactors>, ServerError> {
    let no_data = "second-factor is for people with an account: start with a data directory";
    let key = options.data.as_ref().and_then(Data::key);
    let Some(key) = key else {
        return match options.second_factor {
            true => Err(ServerError::Data(no_data.to_owned())),
            false => Ok(None),
        };
    };
    let url = options.url.as_ref();
    let host = url.and_then(Url::host_str);
    let issuer = host.map_or_else(
        || "Porthole".to_owned(),
        |host| format!("Porthole ({host})"),
    );
    let unusable = || ServerError::Data("the key of second factors cannot be used".to_owned());
    SecondFactors::new(key, issuer, options.second_factor, url)
        .map(Some)
        .ok_or_else(unusable)
}

/// The log-in with an identity provider, which ends at the server's own address and at no other.
fn openid(
    options: Option<OpenidOptions>,
    url: Option<&Url>,
    signer: &GrantSigner,
) -> Result<Option<Openid>, ServerError> {
    let Some(options) = options else {
        return Ok(None);
    };
    let failed = |error: String| ServerError::Openid(error);
    let no_url =
        "set url to where the server is reached from outside: the provider sends people back there";
    let url = url.ok_or_else(|| failed(no_url.to_owned()))?;
    // No session has this id, so that this is nobody's secret.
    let secret = signer.session_secret("openid");
    let openid = Openid::new(options, url, &secret);
    openid.map(Some).map_err(|error| failed(error.to_string()))
}
