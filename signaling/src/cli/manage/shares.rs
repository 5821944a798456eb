// SPDX-License-Identifier: MPL-2.0
//! `share`: links that let whoever has them look through one camera for a while.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Failure;
use super::times::time;
use super::{Call, Output, show::Column};

const COLUMNS: [Column; 7] = [
    ("id", "id"),
    ("camera", "camera"),
    ("from", "start"),
    ("to", "end"),
    ("used", "uses"),
    ("of", "maxUses"),
    ("note", "note"),
];

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ShareCommand {
    #[command(subcommand)]
    existing: Option<Existing>,
    #[command(flatten)]
    new: New,
}

#[derive(Debug, Args)]
struct New {
    /// The camera's id
    #[arg(required = true)]
    camera: Option<String>,
    /// How long the link is open, from now or from --from on, e.g. 2h, 45m, 3d
    #[arg(long = "for", value_name = "TIME", default_value = "2h")]
    length: String,
    /// When it opens [default: now]
    #[arg(long, value_parser = time, value_name = "TIME")]
    from: Option<Timestamp>,
    /// How many browsers may open it
    #[arg(long, default_value_t = 1)]
    uses: u32,
    /// Out of view, listen, talk, control
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "view,listen",
        value_name = "PERM,PERM"
    )]
    perm: Vec<String>,
    /// What people want to remember of it
    #[arg(long, default_value = "")]
    note: String,
}

#[derive(Debug, Subcommand)]
enum Existing {
    /// List the links that are not over
    List,
    /// Show a link, without its secret
    Show {
        /// Its id
        id: String,
    },
    /// Print a new link in the place of an old one, which is void
    Rotate {
        /// Its id
        id: String,
    },
    /// Take a link back: sessions by it end at once
    #[command(visible_alias = "remove")]
    Revoke {
        /// Its id
        id: String,
    },
}

impl ShareCommand {
    pub(crate) fn call(&self) -> Call {
        let one = |id: &str| format!("/api/shares/{id}");
        match &self.existing {
            None => {
                let New {
                    camera,
                    length,
                    from,
                    uses,
                    perm,
                    note,
                } = &self.new;
                let mut body = json!({ "camera": camera, "for": length, "uses": uses, "perms": perm, "note": note });
                if let Some(from) = from {
                    body["start"] = json!(from);
                }
                Call::post("/api/shares", body)
            }
            Some(Existing::List) => Call::get("/api/shares?limit=500"),
            Some(Existing::Show { id }) => Call::get(one(id)),
            Some(Existing::Rotate { id }) => Call::post(format!("{}/rotate", one(id)), json!({})),
            Some(Existing::Revoke { id }) => Call::delete(one(id)),
        }
    }

    pub(crate) fn show(&self, answer: &Value, output: Output) -> Result<(), Failure> {
        match &self.existing {
            None | Some(Existing::Rotate { .. }) => output.once(answer, "link"),
            Some(Existing::List) => output.rows(answer, &COLUMNS),
            Some(Existing::Show { .. }) => output.row(answer, &COLUMNS),
            Some(Existing::Revoke { .. }) => output.done("the link is taken back"),
        }
    }
}
