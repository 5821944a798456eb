// SPDX-License-Identifier: MPL-2.0
//! `camera`, of those in the data directory.

use serde_json::{Value, json};

use super::super::Failure;
use super::{Call, Output, show::Column};

const COLUMNS: [Column; 6] = [
    ("id", "id"),
    ("name", "name"),
    ("online", "online"),
    ("watching", "viewers"),
    ("last seen", "lastSeen"),
    ("added", "created"),
];

/// What is asked of a camera in the data directory.
pub(crate) enum CameraData {
    Add { id: String, name: String },
    List,
    Show(String),
    Rename(String, String),
    Rotate(String),
    Revoke(String),
}

impl CameraData {
    pub(crate) fn call(&self) -> Call {
        let one = |id: &str| format!("/api/cameras/{id}");
        match self {
            Self::Add { id, name } => Call::post("/api/cameras", json!({ "id": id, "name": name })),
            Self::List => Call::get("/api/cameras?limit=500"),
            Self::Show(id) => Call::get(one(id)),
            Self::Rename(id, name) => Call::patch(one(id), json!({ "name": name })),
            Self::Rotate(id) => Call::post(format!("{}/rotate", one(id)), json!({})),
            Self::Revoke(id) => Call::delete(one(id)),
        }
    }

    /// All but keys, which the caller may have to put into a file.
    pub(crate) fn show(&self, answer: &Value, output: Output) -> Result<(), Failure> {
        match self {
            Self::List => output.rows(answer, &COLUMNS),
            Self::Show(_) | Self::Rename(..) => output.row(answer, &COLUMNS),
            Self::Add { .. } | Self::Rotate(_) => output.once(answer, "key"),
            Self::Revoke(_) => output.done("the camera is removed: its key is void"),
        }
    }
}
