// SPDX-License-Identifier: MPL-2.0
//! `import` and `export`: users, cameras and bookings by the file, as tables (CSV) or as JSON.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::super::{Failure, print_bytes, remark};
use super::call::{Places, query};
use super::times::{time, zone};
use super::{Call, Output, PERMS};

/// Largest file: more would not be taken at once.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// What there are many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// name, role
    Users,
    /// id, name
    Cameras,
    /// camera, user, start, end, perms, rule, zone, note, saving
    Bookings,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// What
    #[arg(value_enum)]
    what: Kind,
    /// As a table, which `import` reads again; else as JSON, which it reads as well
    #[arg(long)]
    csv: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A file with users: name, role
    #[arg(long, value_name = "FILE", required_unless_present_any = ["cameras", "bookings"])]
    users: Option<PathBuf>,
    /// A file with cameras: id, name
    #[arg(long, value_name = "FILE")]
    cameras: Option<PathBuf>,
    /// A file with bookings: camera, user, start, end, perms, rule, zone, note, saving
    #[arg(long, value_name = "FILE")]
    bookings: Option<PathBuf>,
    /// Only say what would be refused
    #[arg(long)]
    dry_run: bool,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Cameras => "cameras",
            Self::Bookings => "bookings",
        }
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Users => &["name", "role"],
            Self::Cameras => &["id", "name"],
            Self::Bookings => &[
                "camera", "user", "start", "end", "perms", "rule", "zone", "note", "saving",
            ],
        }
    }
}

impl ExportArgs {
    pub(crate) fn call(&self) -> Call {
        Call::list(
            query(&format!("/api/{}", self.what.name()), &[]),
            "after",
            None,
        )
    }

    pub(crate) fn show(&self, answer: &Value) -> Result<(), Failure> {
        let rows = answer["items"].as_array().map(Vec::as_slice);
        let rows = rows.unwrap_or_default().iter();
        let rows: Vec<_> = rows.map(|row| plain(self.what, row)).collect();
        if !self.csv {
            let text = serde_json::to_string_pretty(&rows).map_err(Failure::system)?;
            return print_bytes(format!("{text}\n").as_bytes());
        }
        let mut table = csv::Writer::from_writer(Vec::new());
        let columns = self.what.columns();
        let written = table.write_record(columns);
        written.map_err(Failure::system)?;
        for row in rows {
            let cells = columns.iter().map(|column| cell(&row, column));
            table.write_record(cells).map_err(Failure::system)?;
        }
        let bytes = table.into_inner();
        print_bytes(&bytes.map_err(|e| Failure::system(e.error()))?)
    }
}

/// A row of the API as it is imported again.
fn plain(kind: Kind, row: &Value) -> Value {
    let mut plain = Map::new();
    for column in kind
        .columns()
        .iter()
        .filter(|c| !matches!(**c, "rule" | "zone"))
    {
        plain.insert((*column).to_owned(), row[*column].clone());
    }
    if kind == Kind::Bookings && row["recurrence"].is_object() {
        plain.insert("recurrence".to_owned(), row["recurrence"].clone());
    }
    Value::Object(plain)
}

fn cell(row: &Value, column: &str) -> String {
    let value = match column {
        "rule" | "zone" => &row["recurrence"][column],
        _ => &row[column],
    };
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Array(perms) => {
            let perms: Vec<_> = perms.iter().filter_map(Value::as_str).collect();
            perms.join(" ")
        }
        _ => String::new(),
    }
}

impl ImportArgs {
    fn files(&self) -> impl Iterator<Item = (Kind, &Path)> {
        let files = [
            (Kind::Users, &self.users),
            (Kind::Cameras, &self.cameras),
            (Kind::Bookings, &self.bookings),
        ];
        files
            .into_iter()
            .filter_map(|(kind, file)| Some((kind, file.as_deref()?)))
    }

    pub(crate) fn call(&self) -> Result<Call, Failure> {
        let (mut body, mut places) = (json!({}), Places::new());
        for (kind, file) in self.files() {
            let rows = read(kind, file)?;
            let own = rows.iter().map(|row| row.place.clone());
            places.insert(kind.name().to_owned(), own.collect());
            let rows: Vec<_> = rows.into_iter().map(|row| row.fields).collect();
            body[kind.name()] = json!(rows);
        }
        let path = format!("/api/import?dryRun={}", self.dry_run);
        Ok(Call::post(path, body).of_places(places))
    }

    pub(crate) fn show(&self, answer: &Value, output: Output) -> Result<(), Failure> {
        if output.json {
            return print_bytes(format!("{answer}\n").as_bytes());
        }
        if self.dry_run {
            remark("all of it would be added; nothing was");
            return Ok(());
        }
        let rows = |of: &str| answer[of].as_array().cloned().unwrap_or_default();
        let mut text = String::new();
        for (of, name, secret) in [("users", "name", "link"), ("cameras", "id", "key")] {
            for row in rows(of) {
                let field = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
                text += &format!("{}\t{}\n", field(name), field(secret));
            }
        }
        let counts = ["users", "cameras", "bookings"].map(|of| format!("{} {of}", rows(of).len()));
        remark(format_args!(
            "added {}; links and keys, shown this once:",
            counts.join(", ")
        ));
        print_bytes(text.as_bytes())
    }
}

/// One of the things in a file, and where it stands.
struct Row {
    fields: Value,
    place: String,
}

fn read(kind: Kind, file: &Path) -> Result<Vec<Row>, Failure> {
    let shown = file.display();
    let failed = |e: &dyn std::fmt::Display| Failure::input(format!("{shown}: {e}"));
    let bytes = fs::metadata(file).map_err(|e| failed(&e))?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(failed(&"larger than 8 MiB: import it in parts"));
    }
    let text = fs::read_to_string(file).map_err(|e| failed(&e))?;
    match text.trim_start().starts_with('[') {
        true => from_json(&text, file),
        false => from_csv(kind, &text, file),
    }
}

fn from_json(text: &str, file: &Path) -> Result<Vec<Row>, Failure> {
    let rows: Vec<Value> = serde_json::from_str(text).map_err(|e| {
        let (line, column) = (e.line(), e.column());
        Failure::input(format!("{}:{line}:{column}: {e}", file.display()))
    })?;
    let row = |(n, fields)| Row {
        fields,
        place: format!("{}: item {}", file.display(), n + 1),
    };
    Ok(rows.into_iter().enumerate().map(row).collect())
}

fn from_csv(kind: Kind, text: &str, file: &Path) -> Result<Vec<Row>, Failure> {
    let shown = file.display();
    let columns = kind.columns();
    // A table program may say first in what way it writes.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut table = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let broken = |e: csv::Error| {
        let line = e.position().map_or(1, csv::Position::line);
        Failure::input(format!("{shown}:{line}: {e}"))
    };
    let heads = table.headers().map_err(broken)?.clone();
    if let Some(other) = heads.iter().find(|head| !columns.contains(head)) {
        let columns = columns.join(", ");
        return Err(Failure::input(format!(
            "{shown}:1: there is no column \"{other}\": use {columns}"
        )));
    }
    let (mut rows, mut lines) = (
        Vec::new(),
        Lines {
            text,
            at: 0,
            line: 1,
        },
    );
    for record in table.records() {
        let record = record.map_err(broken)?;
        let line = lines.of(record.position().map_or(0, csv::Position::byte));
        let cells: Vec<_> = heads.iter().zip(record.iter()).collect();
        let fields = fields(&cells);
        let fields = fields.map_err(|(column, what)| {
            Failure::input(format!("{shown}:{line}: {column}: {what}"))
        })?;
        let place = format!("{shown}:{line}");
        rows.push(Row { fields, place });
    }
    Ok(rows)
}

/// Counts lines as far as was read.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of what begins at this byte, behind lines that are empty.
    fn of(&mut self, byte: u64) -> usize {
        let bytes = self.text.as_bytes();
        let begins = usize::try_from(byte).unwrap_or(usize::MAX).min(bytes.len());
        let rest = bytes.get(begins..).unwrap_or_default();
        let empty = rest
            .iter()
            .take_while(|b| matches!(b, b'\n' | b'\r'))
            .count();
        let passed = bytes.get(self.at..begins + empty).unwrap_or_default();
        self.line += passed.iter().filter(|b| **b == b'\n').count();
        self.at = begins + empty;
        self.line
    }
}

/// The cells of a line as the API takes them. `Err` names the column.
fn fields(cells: &[(&str, &str)]) -> Result<Value, (String, String)> {
    let in_zone = cells
        .iter()
        .find(|(head, text)| *head == "zone" && !text.is_empty());
    let of_zone = in_zone.map(|(_, name)| zone(name)).transpose();
    let of_zone = of_zone.map_err(|e| ("zone".to_owned(), e))?;
    let mut fields = json!({});
    for (head, text) in cells.iter().filter(|(_, text)| !text.is_empty()) {
        let wrong = |what: String| ((*head).to_owned(), what);
        match *head {
            "start" | "end" => {
                let at = time(text).map_err(wrong)?.at(of_zone.as_ref());
                let at = at.map_err(|(Failure::Input(e) | Failure::System(e))| wrong(e))?;
                fields[*head] = json!(at);
            }
            "perms" => {
                let perms: Vec<_> = text.split([' ', ',']).filter(|p| !p.is_empty()).collect();
                if let Some(other) = perms.iter().find(|perm| !PERMS.contains(perm)) {
                    let all = PERMS.join(", ");
                    return Err(wrong(format!("\"{other}\" is none of {all}")));
                }
                fields["perms"] = json!(perms);
            }
            "saving" => {
                let saving = text.parse::<bool>();
                let saving = saving.map_err(|_| wrong("say true or false".to_owned()))?;
                fields["saving"] = json!(saving);
            }
            "rule" => fields["recurrence"]["rule"] = json!(text),
            // Alone it is where the times are.
            "zone"
                if cells
                    .iter()
                    .any(|(head, text)| *head == "rule" && !text.is_empty()) =>
            {
                fields["recurrence"]["zone"] = json!(text);
            }
            "zone" => (),
            _ => fields[*head] = json!(text),
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(kind: Kind, text: &str) -> Result<Vec<Value>, String> {
        let read = from_csv(kind, text, Path::new("t.csv"));
        let read = read.map_err(|(Failure::Input(e) | Failure::System(e))| e)?;
        Ok(read.into_iter().map(|row| row.fields).collect())
    }

    #[test]
    fn a_table_is_read_with_the_times_of_its_zone() {
        let text = "\u{feff}camera,user,start,end,perms,saving,rule,zone,note\n\
                    front, alice ,2031-12-01 10:00,2031-12-01T11:00Z,view control,false,,Europe/Berlin,\"a, b\"\n\
                    front,bob,2031-12-01T10:00Z,2031-12-01T11:00Z,,,FREQ=DAILY;COUNT=2,UTC,\n";
        let read = rows(Kind::Bookings, text).unwrap();
        let first = json!({"camera": "front", "user": "alice", "start": "2031-12-01T09:00:00Z",
            "end": "2031-12-01T11:00:00Z", "perms": ["view", "control"], "saving": false, "note": "a, b"});
        assert_eq!(read[0], first);
        assert_eq!(
            read[1]["recurrence"],
            json!({"rule": "FREQ=DAILY;COUNT=2", "zone": "UTC"})
        );
        assert_eq!(cell(&plain(Kind::Bookings, &read[0]), "saving"), "false");
        // What is exported is what was imported.
        let shown = plain(Kind::Bookings, &read[1]);
        assert_eq!(
            (cell(&shown, "rule"), cell(&shown, "perms")),
            ("FREQ=DAILY;COUNT=2".into(), String::new())
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_column() {
        for (kind, text, expected) in [
            (
                Kind::Users,
                "name,rolle\n",
                "t.csv:1: there is no column \"rolle\": use name, role",
            ),
            (Kind::Users, "name,role\na,viewer\nb\n", "t.csv:3: "),
            (
                Kind::Bookings,
                "camera,start\nfront,soon\n",
                "t.csv:2: start: write it as 2026",
            ),
            (
                Kind::Bookings,
                "camera,perms\n\nfront,view drive\n",
                "t.csv:3: perms: \"drive\" is none of",
            ),
            (
                Kind::Bookings,
                "camera,saving\nfront,perhaps\n",
                "t.csv:2: saving: say true or false",
            ),
            (
                Kind::Bookings,
                "camera,zone\nfront,Middle/Earth\n",
                "t.csv:2: zone: there is no such",
            ),
        ] {
            let error = rows(kind, text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        let broken = from_json("[{}, {]", Path::new("t.json")).err();
        assert!(matches!(broken, Some(Failure::Input(e)) if e.starts_with("t.json:1:")));
    }
}
