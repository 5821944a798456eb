// SPDX-License-Identifier: MPL-2.0
//! `share`: links that let whoever has them look through one camera for a while.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::super::Failure;
use super::call::{encoded, query};
use super::times::{Time, Zone, time, zone};
use super::{Call, Output, PERMS, show::Column};

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
    from: Option<Time>,
    /// The time zone of --from, e.g. Europe/Berlin [default: this machine's]
    #[arg(long, value_parser = zone)]
    zone: Option<Zone>,
    /// How many browsers may open it
    #[arg(long, default_value_t = 1)]
    uses: u32,
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
    /// What people want to remember of it
    #[arg(long, default_value = "")]
    note: String,
    /// A UUID that you have made: say it again, and no second link is made
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Existing {
    /// List the links that are not over
    List {
        /// Those in whose camera or note this is
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
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
    pub(crate) fn call(&self) -> Result<Call, Failure> {
        let one = |id: &str| format!("/api/shares/{}", encoded(id));
        Ok(match &self.existing {
            None => {
                let New {
                    camera,
                    length,
                    from,
                    zone,
                    uses,
                    perm,
                    no_saving,
                    note,
                    id,
                } = &self.new;
                let mut body = json!({ "camera": camera, "for": length, "uses": uses, "perms": perm,
                    "saving": !no_saving, "note": note });
                if let Some(from) = from {
                    body["start"] = json!(from.at(zone.as_ref())?);
                }
                if let Some(id) = id {
                    body["id"] = json!(id);
                }
                Call::post("/api/shares", body)
            }
            Some(Existing::List { search }) => {
                Call::list(query("/api/shares", &[("search", search)]), "after", None)
            }
            Some(Existing::Show { id }) => Call::get(one(id)),
            Some(Existing::Rotate { id }) => Call::post(format!("{}/rotate", one(id)), json!({})),
            Some(Existing::Revoke { id }) => Call::delete(one(id)),
        })
    }

    pub(crate) fn show(&self, answer: &Value, output: Output) -> Result<(), Failure> {
        match &self.existing {
            None | Some(Existing::Rotate { .. }) => output.once(answer, "link"),
            Some(Existing::List { .. }) => output.rows(answer, &COLUMNS),
            Some(Existing::Show { .. }) => output.row(answer, &COLUMNS),
            Some(Existing::Revoke { .. }) => output.done("the link is taken back"),
        }
    }
}
