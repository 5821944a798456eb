// SPDX-License-Identifier: MPL-2.0
//! `booking`: who may look through which camera, when.

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{Failure, remark};
use super::call::{encoded, query};
use super::times::{Time, Zone, time, zone};
use super::{Call, Output, PERMS, show::Column};

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
        /// When it begins, e.g. 2026-12-01T10:00 (in --zone, else in this machine's time zone) or 2026-12-01T10:00+01:00
        #[arg(long, value_parser = time, value_name = "TIME")]
        from: Time,
        /// When it is over: the first moment at which nobody may look any more
        #[arg(long, value_parser = time, value_name = "TIME")]
        to: Time,
        /// Out of view, listen, talk, control
        #[arg(
            long,
            value_delimiter = ',',
            default_value = "view,listen",
            value_parser = PERMS,
            value_name = "PERM,PERM"
        )]
        perm: Vec<String>,
        /// The page does not offer to save pictures and clips: a courtesy, since a screen can be filmed
        #[arg(long)]
        no_saving: bool,
        /// Recurs by this rule (RFC 5545), e.g. FREQ=WEEKLY;COUNT=10
        #[arg(long, value_name = "RRULE", requires = "zone")]
        repeat: Option<String>,
        /// The time zone of --from and --to, in which it recurs at the same time of day, e.g. Europe/Berlin
        #[arg(long, value_parser = zone)]
        zone: Option<Zone>,
        /// What people want to remember of it
        #[arg(long, default_value = "")]
        note: String,
        /// A UUID that you have made: say it again, and nothing is booked twice
        #[arg(long, value_name = "UUID")]
        id: Option<String>,
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
        from: Option<Time>,
        /// That begin before this time
        #[arg(long, value_parser = time, value_name = "TIME")]
        to: Option<Time>,
        /// The time zone of --from and --to [default: this machine's]
        #[arg(long, value_parser = zone)]
        zone: Option<Zone>,
        /// Those in whose note, user or camera this is
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
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
        from: Option<Time>,
        /// When it is over
        #[arg(long, value_parser = time, value_name = "TIME")]
        to: Option<Time>,
        /// The time zone of --from and --to [default: this machine's]
        #[arg(long, value_parser = zone)]
        zone: Option<Zone>,
        /// Out of view, listen, talk, control
        #[arg(long, value_delimiter = ',', value_parser = PERMS, value_name = "PERM,PERM")]
        perm: Option<Vec<String>>,
        /// Whether the page offers to save pictures and clips: a courtesy, since a screen can be filmed
        #[arg(long, value_name = "BOOL")]
        saving: Option<bool>,
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
    pub(crate) fn call(&self) -> Result<Call, Failure> {
        let one = |id: &str| format!("/api/bookings/{}", encoded(id));
        Ok(match self {
            Self::Add {
                camera,
                user,
                from,
                to,
                perm,
                no_saving,
                repeat,
                zone,
                note,
                id,
            } => {
                let (start, end) = (from.at(zone.as_ref())?, to.at(zone.as_ref())?);
                let mut body = json!({ "camera": camera, "user": user, "start": start, "end": end, "perms": perm,
                    "saving": !no_saving, "note": note });
                if let (Some(rule), Some(zone)) = (repeat, zone) {
                    body["recurrence"] = json!({ "rule": rule, "zone": zone.name });
                }
                if let Some(id) = id {
                    body["id"] = json!(id);
                }
                Call::post("/api/bookings", body)
            }
            Self::List {
                camera,
                user,
                from,
                to,
                zone,
                search,
            } => {
                let text = |time: &Option<Time>| -> Result<Option<String>, Failure> {
                    let at = time.map(|time| time.at(zone.as_ref())).transpose()?;
                    Ok(at.map(|at| at.to_string()))
                };
                let (from, to) = (text(from)?, text(to)?);
                let fields = [
                    ("camera", camera),
                    ("user", user),
                    ("from", &from),
                    ("to", &to),
                    ("search", search),
                ];
                Call::list(query("/api/bookings", &fields), "after", None)
            }
            Self::Show { id } => Call::get(one(id)),
            Self::Change {
                id,
                from,
                to,
                zone,
                perm,
                saving,
                note,
            } => {
                let at = |time: &Option<Time>| time.map(|time| time.at(zone.as_ref())).transpose();
                let mut body = json!({});
                let fields = [
                    ("start", json!(at(from)?)),
                    ("end", json!(at(to)?)),
                    ("perms", json!(perm)),
                    ("saving", json!(saving)),
                    ("note", json!(note)),
                ];
                for (key, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
                    body[key] = value;
                }
                Call::patch(one(id), body)
            }
            Self::Revoke { id } => Call::delete(one(id)),
        })
    }

    pub(crate) fn show(&self, answer: &Value, output: Output) -> Result<(), Failure> {
        match self {
            Self::Add { .. } => {
                let end = answer["end"].as_str().and_then(|end| end.parse().ok());
                let is_over = end.is_some_and(|end: Timestamp| end <= Timestamp::now());
                if is_over && answer["recurrence"].is_null() {
                    remark("this booking is over already: nobody looks by it");
                }
                output.once(answer, "id")
            }
            Self::List { .. } => output.rows(answer, &COLUMNS),
            Self::Show { .. } | Self::Change { .. } => output.row(answer, &COLUMNS),
            Self::Revoke { .. } => output.done("the booking is taken back"),
        }
    }
}
