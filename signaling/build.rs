// SPDX-License-Identifier: MPL-2.0
//! Lists the files of the pages, compressed, for `page` and `api::doc` to embed: half a megabyte less in each program that serves them.
//! A page names all modules that it begins with, so that a browser asks for them at once and not for one after the other.

use std::{
    collections::BTreeSet,
    env, error, fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

#[path = "build/strip.rs"]
mod strip;

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
/// Where a page names its modules.
const MODULES: &str = "<!-- modules -->";
/// What stands before the address of a module that a page begins with.
const ENTRY: &str = "<script type=\"module\" src=\"";
/// How statements begin that name another module.
const STATEMENTS: [&str; 3] = ["import ", "export {", "export *"];
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
            let mut content = fs::read(&file)?;
            if let Some((_, "js" | "css" | "html")) = name.rsplit_once('.') {
                let text = String::from_utf8(content)?;
                let text = match name.rsplit_once('.') {
                    Some((_, "js")) => strip::script(&text),
                    Some((_, "css")) => strip::style(&text),
                    _ if text.contains(MODULES) => with_modules(&folder, &text)?,
                    _ => text,
                };
                content = text.into_bytes();
            }
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

/// A page with the addresses of all modules that those it begins with import, and not of these themselves: they stand in it.
fn with_modules(folder: &Path, page: &str) -> Result<String, Box<dyn error::Error>> {
    let entries: Vec<_> = page.split(ENTRY).skip(1).collect();
    let entries = entries.iter().filter_map(|rest| rest.split('"').next());
    let mut found: Vec<String> = entries.map(str::to_owned).collect();
    let own = found.len();
    let mut seen: BTreeSet<String> = found.iter().cloned().collect();
    let mut next = 0;
    // Those that many others wait for come first, as the browser would have found them.
    while let Some(module) = found.get(next).cloned() {
        next += 1;
        let text = fs::read_to_string(folder.join(&module));
        let text = text.map_err(|e| format!("{module}, which a page begins with: {e}"))?;
        for import in imports(&text) {
            let import = resolved(&module, import).ok_or_else(|| {
                format!("{module} imports \"{import}\", which is no module of the pages")
            })?;
            if seen.insert(import.clone()) {
                found.push(import);
            }
        }
    }
    let links = found[own..].iter();
    let links = links.map(|module| format!("<link rel=\"modulepreload\" href=\"{module}\">"));
    Ok(page.replace(MODULES, &links.collect::<Vec<_>>().join("\n  ")))
}

/// What a module's own statements import. Those of a comment are examples, and `import()` is for later.
fn imports(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut rest, mut is_comment) = (text, false);
    while !rest.is_empty() {
        let line = rest.split_inclusive('\n').next().unwrap_or(rest);
        let trimmed = line.trim();
        is_comment |= trimmed.starts_with("/*");
        let ends = is_comment && trimmed.contains("*/");
        if !is_comment && STATEMENTS.iter().any(|begin| line.starts_with(begin)) {
            let statement = rest.split(';').next().unwrap_or(line);
            // The names of what is exported here name no module.
            let is_from = statement.contains("from \"") || line.starts_with("import \"");
            found.extend(statement.rsplit('"').nth(1).filter(|_| is_from));
            rest = &rest[statement.len().max(line.len())..];
        } else {
            rest = &rest[line.len()..];
        }
        is_comment &= !ends;
    }
    found
}

/// Where an import leads, seen from the folder of the pages.
fn resolved(module: &str, import: &str) -> Option<String> {
    let mut parts: Vec<&str> = module.split('/').collect();
    parts.pop();
    if !import.starts_with("./") && !import.starts_with("../") {
        return None;
    }
    for part in import.split('/') {
        match part {
            "." => (),
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
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
