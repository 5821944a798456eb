// SPDX-License-Identifier: MPL-2.0
//! What is going on, and what was over the last day, for administrators.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Admin;
use crate::history::{self, EVERY};
use crate::lock::lock;
use crate::metrics::Sample;
use crate::state::Shared;

/// What is going on, and what was.
#[derive(Serialize, ToSchema)]
pub(super) struct Overview {
    /// Cameras that are enrolled.
    enrolled: usize,
    /// How matters stand now.
    now: SampleView,
    /// How they stood over the last 24 hours, since this server began, the latest last. With several servers on one database, at
    /// this one.
    samples: Vec<SampleView>,
    /// Seconds from one to the next.
    every: u64,
}

/// How matters stood at some moment.
#[derive(Serialize, ToSchema)]
#[schema(as = Sample)]
struct SampleView {
    at: Timestamp,
    /// Cameras that can be watched.
    cameras: usize,
    /// Sessions that run.
    sessions: usize,
    /// What cameras send to viewers by their own word, in bit/s.
    sent: u64,
    /// Sessions that were started since the server began.
    started: u64,
    /// Since then: sessions refused or broken off by something, and wrong credentials.
    failed: u64,
}

impl From<Sample> for SampleView {
    fn from(sample: Sample) -> Self {
        Self {
            at: sample.at,
            cameras: sample.cameras,
            sessions: sample.sessions,
            sent: sample.sent,
            started: sample.started,
            failed: sample.failed,
        }
    }
}

/// Show the overview
///
/// Of the same counters as `/metrics`.
#[utoipa::path(
    get, path = "/api/overview", operation_id = "getOverview", tag = "administrator",
    responses((status = 200, body = Overview))
)]
pub(super) async fn show(State(shared): State<Arc<Shared>>, _: Admin) -> Json<Overview> {
    let now = history::now(&shared.hub, &shared.metrics).await;
    let samples = shared.history.samples(now.at).into_iter();
    let enrolled = lock(&shared.registry).cameras_after(None).count();
    Json(Overview {
        enrolled,
        now: now.into(),
        samples: samples.map(SampleView::from).collect(),
        every: EVERY.as_secs(),
    })
}
