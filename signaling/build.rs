// SPDX-License-Identifier: MPL-2.0
//! Lists the files of the pages, compressed, for `page` and `api::doc` to embed: half a megabyte less in each program that serves them.

use std::{
    env, error, fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

/// Folders of files that are served, each with the name of its list and where its files are found.
const FOLDERS: [(&str, &str, &str); 2] =
    [("PAGES", "web", ""), ("DOCS", "src/api/docs", "/api/docs")];
/// What a path on the server leaves out of a file's name.
const HTML: &str = ".html";
/// The file that stands for its folder.
const INDEX: &str = "/index";
/// Beside what is served stand its tests, which are modules by their name.
const KINDS: [(&str, &str); 6] = [
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("webmanifest", "application/manifest+json"),
];
/// Shorter texts would not fit into fewer packets.
const MIN_COMPRESSED: usize = 1024;

fn main() -> Result<(), Box<dyn error::Error>> {
    let (root, out) = (env::var("CARGO_MANIFEST_DIR")?, env::var("OUT_DIR")?);
    let mut text = String::new();
    let mut number = 0;
    for (list, folder, prefix) in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        let folder = Path::new(&root).join(folder);
        text += &format!("pub(crate) const {list}: &[File] = &[\n");
        for file in files(&folder)? {
            let name = file
                .strip_prefix(&folder)?
                .to_str()
                .ok_or("a file's name is not UTF-8")?;
            let Some(kind) = kind(name) else {
                continue;
            };
            let content = fs::read(&file)?;
            let compressed = compressed(&content)?;
            let at = Path::new(&out).join(format!("file-{number}"));
            fs::write(&at, compressed.as_ref().unwrap_or(&content))?;
            text += &format!(
                "    File {{ path: {:?}, kind: {kind:?}, is_compressed: {}, content: include_bytes!({at:?}) }},\n",
                path(prefix, name),
                compressed.is_some(),
            );
            number += 1;
        }
        text += "];\n";
    }
    fs::write(Path::new(&out).join("files.rs"), text)?;
    Ok(())
}

/// All in a folder and those in it, in the order of their names.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        match entry.file_type()?.is_dir() {
            true => found.extend(files(&entry.path())?),
            false => found.push(entry.path()),
        }
    }
    Ok(found)
}

fn kind(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    let found = KINDS.iter().find(|(known, _)| *known == extension);
    found.map(|(_, kind)| *kind)
}

/// Where a file is found: pages by their name alone.
fn path(prefix: &str, name: &str) -> String {
    let path = format!("{prefix}/{name}");
    let path = path.strip_suffix(HTML).unwrap_or(&path);
    match path.strip_suffix(INDEX) {
        Some("") => "/".into(),
        Some(folder) => folder.into(),
        None => path.into(),
    }
}

/// Nothing where it would not get smaller, as pictures do not.
fn compressed(content: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
    if content.len() < MIN_COMPRESSED {
        return Ok(None);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    let bytes = encoder.finish()?;
    Ok((bytes.len() < content.len()).then_some(bytes))
}
