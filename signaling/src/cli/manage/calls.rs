// SPDX-License-Identifier: MPL-2.0
//! `ring` and `calls`: to ring a camera's bell, and who did.

use clap::Args;
use serde_json::{Value, json};

use super::super::Failure;
use super::call::{encoded, query};
use super::{Call, Output, show::Column};

const CALLS: [Column; 9] = [
    ("rang", "rang"),
    ("camera", "camera"),
    ("how it ended", "reason"),
    ("answered by", "answeredBy"),
    ("seconds", "seconds"),
    ("door opened", "doorOpened"),
    ("rung", "recipients"),
    ("picture", "snapshot"),
    ("id", "id"),
];

const RUNG: [Column; 4] = [
    ("call", "id"),
    ("state", "state"),
    ("reason", "reason"),
    ("people rung", "ringing"),
];

#[derive(Debug, Args)]
pub(crate) struct RingArgs {
    /// The camera's id
    camera: String,
}

impl RingArgs {
    pub(crate) fn call(&self) -> Call {
        let camera = encoded(&self.camera);
        Call::post(format!("/api/cameras/{camera}/ring"), json!({}))
    }

    pub(crate) fn show(answer: &Value, output: Output) -> Result<(), Failure> {
        output.row(answer, &RUNG)
    }
}

#[derive(Debug, Args)]
pub(crate) struct CallsArgs {
    /// At this camera
    #[arg(long)]
    camera: Option<String>,
    /// So many calls at most, the latest first
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

impl CallsArgs {
    pub(crate) fn call(&self) -> Call {
        let path = query("/api/calls", &[("camera", &self.camera)]);
        Call::list(path, "before", usize::try_from(self.limit).ok())
    }

    pub(crate) fn show(answer: &Value, output: Output) -> Result<(), Failure> {
        output.rows(answer, &CALLS)
    }
}
