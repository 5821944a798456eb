// SPDX-License-Identifier: MPL-2.0
//! Lists the files of the pages, compressed, for `page` and `api::doc` to embed: half a megabyte less in each program that serves them.
//! A page names all modules that it begins with, so that a browser asks for them at once and not for one after the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, error, fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

#[path = "build/bundle.rs"]
mod bundle;
#[path = "build/modules.rs"]
mod modules;
#[path = "build/strip.rs"]
mod strip;

use bundle::Scripts;

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
        for (name, content) in served(&folder)? {
            let Some(kind) = kind(&name) else {
                continue;
            };
            let compressed = compressed(&content)?;
            let at = Path::new(&out).join(format!("file-{number}"));
            fs::write(&at, compressed.as_ref().unwrap_or(&content))?;
            text += &format!(
                "    File {{ path: {:?}, kind: {kind:?}, is_compressed: {}, content: include_bytes!({at:?}) }},\n",
                path(prefix, &name),
                compressed.is_some(),
            );
            number += 1;
        }
        text += "];\n";
    }
    fs::write(Path::new(&out).join("files.rs"), text)?;
    Ok(())
}

/// The files of a folder by their names, as browsers get them.
fn served(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Box<dyn error::Error>> {
    let mut all = BTreeMap::new();
    let (mut scripts, mut pages) = (Scripts::new(), Vec::new());
    for file in files(folder)? {
        let name = file.strip_prefix(folder)?.to_str();
        let name = name.ok_or("a file's name is not UTF-8")?.to_owned();
        let content = fs::read(&file)?;
        match name.rsplit_once('.') {
            Some((_, "js")) => drop(scripts.insert(name, String::from_utf8(content)?)),
            Some((_, "css")) => {
                let text = strip::style(&String::from_utf8(content)?);
                all.insert(name, text.into_bytes());
            }
            Some((_, "html")) => pages.push((name, String::from_utf8(content)?)),
            _ => drop(all.insert(name, content)),
        }
    }
    // The viewer's page is the first of all.
    pages.sort_by_key(|(name, _)| (name != "index.html", name.clone()));
    let begun: Vec<_> = pages
        .iter()
        .filter(|(_, page)| page.contains(MODULES))
        .map(|(name, page)| (name.trim_end_matches(HTML).to_owned(), entries(page)))
        .collect();
    let scripts = match begun.is_empty() {
        true => scripts,
        false => bundle::bundled(&scripts, &begun)?,
    };
    for (name, page) in pages {
        let page = match page.contains(MODULES) {
            true => with_modules(&scripts, &page)?,
            false => page,
        };
        all.insert(name, page.into_bytes());
    }
    let stripped = scripts
        .into_iter()
        .map(|(name, text)| (name, strip::script(&text).into_bytes()));
    all.extend(stripped);
    Ok(all)
}

/// The modules that a page begins with.
fn entries(page: &str) -> Vec<String> {
    let rests = page.split(ENTRY).skip(1);
    rests
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

/// A page with the addresses of all modules that those it begins with import, and not of these themselves: they stand in it.
fn with_modules(scripts: &Scripts, page: &str) -> Result<String, Box<dyn error::Error>> {
    let mut found = entries(page);
    let own = found.len();
    let mut seen: BTreeSet<String> = found.iter().cloned().collect();
    let mut next = 0;
    // Those that many others wait for come first, as the browser would have found them.
    while let Some(module) = found.get(next).cloned() {
        next += 1;
        let text = scripts.get(&module);
        let text = text.ok_or_else(|| format!("there is no {module}, which a page begins with"))?;
        for (import, _) in modules::read(&module, text)?.imports {
            if seen.insert(import.clone()) {
                found.push(import);
            }
        }
    }
    let links = found[own..].iter();
    let links = links.map(|module| format!("<link rel=\"modulepreload\" href=\"{module}\">"));
    Ok(page.replace(MODULES, &links.collect::<Vec<_>>().join("\n  ")))
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
