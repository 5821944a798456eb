// SPDX-License-Identifier: MPL-2.0
//! `booking`: who may look through which camera, when.

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Failure;
use super::times::time;
use super::{Call, Output, call::query, show::Column};

const COLUMNS: [Column; 7] = [
    ("id", "id"),
    ("camera", "camera"),
    ("user", "user"),
    ("from", "start"),
    ("to", "end"),
    ("permissions", "perms"),
    ("note", "note"),
];

#[derive(Debug, Subcommand)]
pub(crate) enum BookingCommand {
    /// Let a user look through a camera for some time, and print the booking's id
    Add {
        /// The camera's id
        #[arg(long)]
        camera: String,
        /// The user's name
        #[arg(long)]
        user: String,
        /// When it begins, e.g. 2026-12-01T10:00 (this machine's time zone) or 2026-12-01T10:00+01:00
        #[arg(long, value_parser = time, value_name = "TIME")]
        from: Timestamp,
        /// When it is over: the first moment at which nobody may look any more
        #[arg(long, value_parser = time, value_name = "TIME")]
        to: Timestamp,
        /// Out of view, listen, talk, control
        #[arg(
            long,
            value_delimiter = ',',
            default_value = "view,listen",
            value_name = "PERM,PERM"
        )]
        perm: Vec<String>,
        /// Recurs by this rule (RFC 5545), e.g. FREQ=WEEKLY;COUNT=10
        #[arg(long, value_name = "RRULE", requires = "zone")]
        repeat: Option<String>,
        /// The time zone in which it recurs at the same time of day, e.g. Europe/Berlin
        #[arg(long)]
        zone: Option<String>,
        /// What people want to remember of it
        #[arg(long, default_value = "")]
        note: String,
    },
    /// List bookings
    List {
        /// Of this camera
        #[arg(long)]
        camera: Option<String>,
        /// Of this user
        #[arg(long)]
        user: Option<String>,
        /// That end after this time
        #[arg(long, value_parser = time, value_name = "TIME")]
        from: Option<Timestamp>,
        /// That begin before this time
        #[arg(long, value_parser = time, value_name = "TIME")]
        to: Option<Timestamp>,
    },
    /// Show a booking
    Show {
        /// Its id
        id: String,
    },
    /// Move, extend, shorten or otherwise change a booking; running sessions follow at once
    Change {
        /// Its id
        id: String,
        /// When it begins
        #[arg(long, value_parser = time, value_name = "TIME")]
        from: Option<Timestamp>,
        /// When it is over
        #[arg(long, value_parser = time, value_name = "TIME")]
        to: Option<Timestamp>,
        /// Out of view, listen, talk, control
        #[arg(long, value_delimiter = ',', value_name = "PERM,PERM")]
        perm: Option<Vec<String>>,
        /// What people want to remember of it
        #[arg(long)]
        note: Option<String>,
    },
    /// Take a booking back: sessions by it end at once
    #[command(visible_alias = "remove")]
    Revoke {
        /// Its id
        id: String,
    },
}

impl BookingCommand {
    pub(crate) fn call(&self) -> Call {
        match self {
            Self::Add {
                camera,
                user,
                from,
                to,
                perm,
                repeat,
                zone,
                note,
            } => {
                let mut body = json!({ "camera": camera, "user": user, "start": from, "end": to, "perms": perm,
                    "note": note });
                if let (Some(rule), Some(zone)) = (repeat, zone) {
                    body["recurrence"] = json!({ "rule": rule, "zone": zone });
                }
                Call::post("/api/bookings", body)
            }
            Self::List {
                camera,
                user,
                from,
                to,
            } => {
                let from = from.map(|at| at.to_string());
                let to = to.map(|at| at.to_string());
                let fields = [
                    ("camera", camera),
                    ("user", user),
                    ("from", &from),
                    ("to", &to),
                ];
                Call::get(query("/api/bookings", &fields))
            }
            Self::Show { id } => Call::get(format!("/api/bookings/{id}")),
            Self::Change {
                id,
                from,
                to,
                perm,
                note,
            } => {
                let mut body = json!({});
                let fields = [
                    ("start", json!(from)),
                    ("end", json!(to)),
                    ("perms", json!(perm)),
                    ("note", json!(note)),
                ];
                for (key, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
                    body[key] = value;
                }
                Call::patch(format!("/api/bookings/{id}"), body)
            }
            Self::Revoke { id } => Call::delete(format!("/api/bookings/{id}")),
        }
    }

    pub(crate) fn show(&self, answer: &Value, output: Output) -> Result<(), Failure> {
        match self {
            Self::Add { .. } => output.once(answer, "id"),
            Self::List { .. } => output.rows(answer, &COLUMNS),
            Self::Show { .. } | Self::Change { .. } => output.row(answer, &COLUMNS),
            Self::Revoke { .. } => output.done("the booking is taken back"),
        }
    }
}
