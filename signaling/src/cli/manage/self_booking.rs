// SPDX-License-Identifier: MPL-2.0
//! `self-booking`: what viewers may book themselves.

use clap::Subcommand;
use jiff::{Span, SpanRelativeTo};
use serde_json::{Value, json};

use super::super::Failure;
use super::call::encoded;
use super::times::{Zone, zone};
use super::{Call, Output, PERMS, show::Column};

const COLUMNS: [Column; 8] = [
    ("id", "id"),
    ("users", "users"),
    ("cameras", "cameras"),
    ("permissions", "perms"),
    ("seconds ahead", "ahead"),
    ("a week", "week"),
    ("at a time", "longest"),
    ("zone", "zone"),
];

#[derive(Debug, Subcommand)]
pub(crate) enum SelfBookingCommand {
    /// Let viewers book themselves, and print the rule's id; what they have booked counts together
    Add {
        /// For these users [default: everyone who has an account]
        #[arg(long = "user", value_name = "NAME")]
        users: Vec<String>,
        /// These cameras [default: all]
        #[arg(long = "camera", value_name = "ID")]
        cameras: Vec<String>,
        /// The most that a booking permits, out of view, listen, talk, control, door
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
        /// How far ahead a booking may end, e.g. 14d
        #[arg(long, value_parser = seconds, value_name = "TIME")]
        ahead: i64,
        /// How much one may book in a week, e.g. 5h
        #[arg(long, value_parser = seconds, value_name = "TIME")]
        week: i64,
        /// How long one booking may be, e.g. 2h
        #[arg(long, value_parser = seconds, value_name = "TIME")]
        longest: i64,
        /// The time zone in which weeks begin on Monday, e.g. Europe/Berlin
        #[arg(long, value_parser = zone, default_value = "UTC")]
        zone: Zone,
    },
    /// List what viewers may book themselves
    List,
    /// Let viewers book no more by a rule; what is booked stays
    #[command(visible_alias = "revoke")]
    Remove {
        /// Its id
        id: String,
    },
}

/// A day has 24 hours here: nobody knows whose days they are.
fn seconds(text: &str) -> Result<i64, String> {
    let words = "write it as 2h, 90m or 14d";
    let span: Span = text.parse().map_err(|_| words)?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours());
    Ok(length.map_err(|_| words)?.as_secs())
}

impl SelfBookingCommand {
    pub(crate) fn call(&self) -> Call {
        match self {
            Self::Add {
                users,
                cameras,
                perm,
                no_saving,
                ahead,
                week,
                longest,
                zone,
            } => {
                let mut body = json!({ "perms": perm, "saving": !no_saving, "ahead": ahead, "week": week,
                    "longest": longest, "zone": zone.name });
                for (key, names) in [("users", users), ("cameras", cameras)] {
                    if !names.is_empty() {
                        body[key] = json!(names);
                    }
                }
                Call::post("/api/self-booking", body)
            }
            Self::List => Call::get("/api/self-booking"),
            Self::Remove { id } => Call::delete(format!("/api/self-booking/{}", encoded(id))),
        }
    }

    pub(crate) fn show(&self, answer: &Value, output: Output) -> Result<(), Failure> {
        match self {
            Self::Add { .. } => output.once(answer, "id"),
            Self::List => output.rows(answer, &COLUMNS),
            Self::Remove { .. } => output.done("viewers book no more by this rule"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        assert_eq!(seconds("14d"), Ok(14 * 24 * 3600));
        assert_eq!(seconds("1h 30m"), Ok(5400));
        for other in ["", "soon", "2 months", "7200"] {
            assert!(seconds(other).is_err(), "{other}");
        }
    }
}
