// SPDX-License-Identifier: MPL-2.0
//! The elements as an application meets them. One program, so that the plugin is linked once; each test runs in a process of its own
//! (`cargo nextest run`), since GStreamer's registry, the environment and the clock are a process's.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/rtsp.rs"]
mod rtsp_server;

mod camera;
mod coexistence;
mod cycles;
mod data_dir;
mod doorbell;
mod echo;
mod files;
mod gate;
mod gateway;
mod inputs;
mod layouts;
mod live_input;
mod offers;
mod overlay;
mod overlay_pictures;
mod pipelines;
mod private_ca;
mod profiles;
mod readme;
mod rtsp;
mod sink;
mod talk;
mod terms;
mod unplugged;
mod upnp;
