// SPDX-License-Identifier: MPL-2.0
//! `camera`, of those in the data directory.

use serde_json::{Value, json};

use super::super::{Failure, remark};
use super::call::{encoded, query};
use super::confirm::confirm;
use super::users::{bookings_of, counted};
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
    Add {
        id: String,
        name: String,
        request: Option<String>,
    },
    List {
        search: Option<String>,
    },
    Show(String),
    Rename(String, String),
    Rotate(String),
    Revoke(String),
}

impl CameraData {
    pub(crate) fn call(&self) -> Call {
        let one = |id: &str| format!("/api/cameras/{}", encoded(id));
        match self {
            Self::Add { id, name, request } => {
                let mut body = json!({ "id": id, "name": name });
                if let Some(request) = request {
                    body["request"] = json!(request);
                }
                Call::post("/api/cameras", body)
            }
            Self::List { search } => {
                Call::list(query("/api/cameras", &[("search", search)]), "after", None)
            }
            Self::Show(id) => Call::get(one(id)),
            Self::Rename(id, name) => Call::patch(one(id), json!({ "name": name })),
            Self::Rotate(id) => Call::post(format!("{}/rotate", one(id)), json!({})),
            Self::Revoke(id) => Call::delete(one(id)),
        }
    }

    /// What to look up before it is removed, since that cannot be undone: its bookings and its links.
    pub(crate) fn before(id: &str) -> [Call; 2] {
        let links = query("/api/shares", &[("search", &Some(id.to_owned()))]);
        [bookings_of("camera", id), Call::list(links, "after", None)]
    }

    /// Asks whether that is meant, with what was looked up.
    pub(crate) fn confirm(id: &str, [bookings, links]: [Value; 2]) -> Result<(), Failure> {
        let all = links["items"].as_array().into_iter().flatten();
        let own: Vec<_> = all.filter(|link| link["camera"] == id).collect();
        let (bookings, links) = (
            counted(&bookings, "booking"),
            counted(&json!({ "items": own }), "link"),
        );
        let what = format!(
            "this removes the camera {id} with {bookings} and {links}; its key is void and what is watched ends"
        );
        confirm(&what, false)
    }

    /// All but keys, which the caller may have to put into a file.
    pub(crate) fn show(&self, answer: &Value, output: Output) -> Result<(), Failure> {
        match self {
            Self::List { .. } => output.rows(answer, &COLUMNS),
            Self::Show(_) | Self::Rename(..) => output.row(answer, &COLUMNS),
            Self::Add { .. } | Self::Rotate(_) => {
                same_name(answer);
                output.once(answer, "key")
            }
            Self::Revoke(_) => output.done("the camera is removed: its key is void"),
        }
    }
}

/// Says that viewers cannot tell cameras apart.
pub(crate) fn same_name(answer: &Value) {
    let others = answer["sameName"].as_array().into_iter().flatten();
    let others: Vec<_> = others.filter_map(Value::as_str).collect();
    if !others.is_empty() {
        let name = answer["camera"]["name"].as_str().unwrap_or_default();
        remark(format_args!(
            "there is another camera called \"{name}\" ({}): viewers cannot tell them apart; `camera rename` helps",
            others.join(", ")
        ));
    }
}
