// SPDX-License-Identifier: MPL-2.0
//! How answers are printed: tables for people, JSON for scripts.

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde_json::Value;

use super::super::{Failure, print};
use super::times::here;

/// How answers are printed.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Output {
    /// Print the server's answer as JSON, for scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// A column: what stands over it, and the field of each row.
pub(super) type Column = (&'static str, &'static str);

impl Output {
    /// A list of rows.
    pub(super) fn rows(self, answer: &Value, columns: &[Column]) -> Result<(), Failure> {
        if self.json {
            return print(&answer["items"]);
        }
        let rows = answer["items"].as_array().map(Vec::as_slice);
        table(rows.unwrap_or_default(), columns)
    }

    /// One row.
    pub(super) fn row(self, answer: &Value, columns: &[Column]) -> Result<(), Failure> {
        if self.json {
            return print(answer);
        }
        let mut table = new_table();
        for (head, field) in columns {
            table.add_row([format!("{head}:"), text(&answer[*field], field)]);
        }
        print(table.trim_fmt())
    }

    /// Something that is shown this once, such as a link: alone on stdout, so that a script can take it.
    pub(super) fn once(self, answer: &Value, field: &str) -> Result<(), Failure> {
        match answer[field].as_str() {
            Some(text) if !self.json => print(text),
            _ => print(answer),
        }
    }

    /// That it was done.
    pub(super) fn done(self, words: &str) -> Result<(), Failure> {
        if !self.json {
            super::super::remark(words);
        }
        Ok(())
    }
}

fn table(rows: &[Value], columns: &[Column]) -> Result<(), Failure> {
    let mut table = new_table();
    table.set_header(columns.iter().map(|(head, _)| head.to_uppercase()));
    for row in rows {
        table.add_row(columns.iter().map(|(_, field)| text(&row[*field], field)));
    }
    print(table.trim_fmt())
}

fn new_table() -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// A field as people read it. Nobody's name can move the cursor or colour the terminal.
fn text(value: &Value, field: &str) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if is_time(field) => here(text),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items = items.iter().map(text_of);
            items.collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    };
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn is_time(field: &str) -> bool {
    matches!(
        field,
        "start" | "end" | "created" | "lastSeen" | "started" | "until" | "at" | "rang"
    )
}
