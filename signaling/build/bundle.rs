// SPDX-License-Identifier: MPL-2.0
//! Puts what a page begins with into one script for each folder: a browser asks for ten files and not for seventy, which is most of what
//! it waits for. Each module stays where it was for whoever imports it later, and is there once: its file hands on what the bundle has.
//! Pure; tests/browser/shell.test.mjs compares what both export, and runs the modules' own tests on what is served.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::modules::{Module, Named, read};

/// Scripts by their paths, seen from the folder of the pages.
pub(crate) type Scripts = BTreeMap<String, String>;

/// Where a module is bundled, and its number in the names of all.
struct Place {
    bundle: String,
    number: usize,
}

/// The scripts as they are served. `pages` are the names of the pages and the modules that each begins with, the most important first.
pub(crate) fn bundled(
    sources: &Scripts,
    pages: &[(String, Vec<String>)],
) -> Result<Scripts, String> {
    let mut modules = BTreeMap::new();
    for (path, text) in sources {
        modules.insert(path.as_str(), read(path, text)?);
    }
    let mut places = BTreeMap::<&str, Place>::new();
    let mut order = Vec::new();
    let entries: BTreeSet<&str> = pages
        .iter()
        .flat_map(|(_, own)| own)
        .map(String::as_str)
        .collect();
    for (page, own) in pages {
        for entry in own {
            for path in closure(&modules, entry)? {
                if entries.contains(path) || places.contains_key(path) {
                    continue;
                }
                let bundle = format!("{}{page}.bundle.js", folder(path));
                let number = order.len();
                places.insert(path, Place { bundle, number });
                order.push(path);
            }
        }
    }
    let mut served = Scripts::new();
    for (path, module) in &modules {
        let text = match places.get(path) {
            Some(place) => stub(path, module, place)?,
            None => alone(path, module, &places),
        };
        served.insert((*path).to_owned(), text);
    }
    let bundles: BTreeSet<&str> = places.values().map(|place| place.bundle.as_str()).collect();
    for bundle in &bundles {
        let own = order.iter().filter(|path| places[*path].bundle == **bundle);
        let own: Vec<&str> = own.copied().collect();
        served.insert(
            (*bundle).to_owned(),
            together(bundle, &own, &modules, &places)?,
        );
    }
    let mut needs = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (path, place) in &places {
        let others = modules[path].imports.iter();
        let others = others.filter_map(|(from, _)| places.get(from.as_str()));
        let others = others.map(|other| other.bundle.as_str());
        let own = needs.entry(&place.bundle).or_default();
        own.extend(others.filter(|other| *other != place.bundle));
    }
    for bundle in bundles {
        no_circle(bundle, bundle, &needs, &mut BTreeSet::new())?;
    }
    Ok(served)
}

/// A module and all that it imports, each after what it imports itself.
fn closure<'a>(modules: &BTreeMap<&'a str, Module>, entry: &str) -> Result<Vec<&'a str>, String> {
    fn visit<'a>(
        modules: &BTreeMap<&'a str, Module>,
        path: &str,
        above: &mut Vec<String>,
        found: &mut Vec<&'a str>,
    ) -> Result<(), String> {
        let (known, module) = modules
            .get_key_value(path)
            .ok_or_else(|| format!("{path} is no module of the pages"))?;
        if found.contains(known) {
            return Ok(());
        }
        if above.iter().any(|other| other == path) {
            return Err(format!("{path} imports itself, by {}", above.join(", ")));
        }
        above.push(path.to_owned());
        for from in module
            .imports
            .iter()
            .map(|(from, _)| from)
            .chain(&module.stars)
        {
            visit(modules, from, above, found)?;
        }
        above.pop();
        found.push(known);
        Ok(())
    }
    let mut found = Vec::new();
    visit(modules, entry, &mut Vec::new(), &mut found)?;
    Ok(found)
}

/// A module that is no part of a bundle, with what it imports from there.
fn alone(path: &str, module: &Module, places: &BTreeMap<&str, Place>) -> String {
    let mut text = String::new();
    let mut known = BTreeSet::new();
    for (from, names) in &module.imports {
        match places.get(from.as_str()) {
            Some(place) => {
                let bundle = relative(path, &place.bundle);
                let number = place.number;
                if known.insert(number) {
                    let _ = writeln!(text, "import {{ ${number} }} from \"{bundle}\";");
                }
                let _ = writeln!(text, "{}", unpacked(number, names));
            }
            None if names.is_empty() => {
                let _ = writeln!(text, "import \"{}\";", relative(path, from));
            }
            None => {
                let names = names
                    .iter()
                    .map(|Named { name, local }| format!("{name} as {local}"));
                let names = names.collect::<Vec<_>>().join(", ");
                let _ = writeln!(
                    text,
                    "import {{ {names} }} from \"{}\";",
                    relative(path, from)
                );
            }
        }
    }
    for from in &module.stars {
        let _ = writeln!(text, "export * from \"{}\";", relative(path, from));
    }
    text.push_str(&module.code);
    text + &exported(&module.exports)
}

/// In the place of a module that is part of a bundle.
fn stub(path: &str, module: &Module, Place { bundle, number }: &Place) -> Result<String, String> {
    if !module.stars.is_empty() {
        return Err(format!(
            "{path}: export * cannot be bundled: name what is exported"
        ));
    }
    let bundle = relative(path, bundle);
    let names = module.exports.iter().enumerate();
    let names = names.map(|(n, Named { name, .. })| Named {
        name: name.clone(),
        local: format!("$_{n}"),
    });
    let names: Vec<_> = names.collect();
    Ok(format!(
        "import {{ ${number} }} from \"{bundle}\";\n{}\n{}",
        unpacked(*number, &names),
        exported(&names)
    ))
}

/// Several modules of one folder, each in a function of its own.
fn together(
    bundle: &str,
    own: &[&str],
    modules: &BTreeMap<&str, Module>,
    places: &BTreeMap<&str, Place>,
) -> Result<String, String> {
    let mut others = BTreeMap::<&str, BTreeSet<usize>>::new();
    let mut text = String::new();
    for path in own {
        let (module, number) = (&modules[path], places[path].number);
        let _ = writeln!(text, "export const ${number} = (() => {{");
        for (from, names) in &module.imports {
            let place = places
                .get(from.as_str())
                .ok_or_else(|| format!("{path} imports {from}, which a page begins with itself"))?;
            if place.bundle != bundle {
                others
                    .entry(&place.bundle)
                    .or_default()
                    .insert(place.number);
            }
            let _ = writeln!(text, "{}", unpacked(place.number, names));
        }
        text.push_str(&module.code);
        let _ = writeln!(text, "return {{ {} }};\n}})();", fields(&module.exports));
    }
    let mut head = String::new();
    for (other, numbers) in others {
        let numbers: Vec<_> = numbers.iter().map(|n| format!("${n}")).collect();
        let _ = writeln!(
            head,
            "import {{ {} }} from \"{}\";",
            numbers.join(", "),
            relative(bundle, other)
        );
    }
    Ok(head + &text)
}

/// Two bundles that import each other would find nothing in each other.
fn no_circle<'a>(
    start: &str,
    bundle: &str,
    needs: &BTreeMap<&str, BTreeSet<&'a str>>,
    seen: &mut BTreeSet<&'a str>,
) -> Result<(), String> {
    for next in needs.get(bundle).into_iter().flatten() {
        if *next == start {
            return Err(format!(
                "the folders of {start} and {bundle} import each other"
            ));
        }
        if seen.insert(next) {
            no_circle(start, next, needs, seen)?;
        }
    }
    Ok(())
}

fn unpacked(number: usize, names: &[Named]) -> String {
    if names.is_empty() {
        return String::new();
    }
    format!("const {{ {} }} = ${number};", fields(names))
}

/// As in an object, or where one is taken apart.
fn fields(names: &[Named]) -> String {
    let names = names
        .iter()
        .map(|Named { name, local }| match name == local {
            true => name.clone(),
            false => format!("{name}: {local}"),
        });
    names.collect::<Vec<_>>().join(", ")
}

fn exported(names: &[Named]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names = names
        .iter()
        .map(|Named { name, local }| match name == local {
            true => name.clone(),
            false => format!("{local} as {name}"),
        });
    let names: Vec<_> = names.collect();
    format!("export {{ {} }};\n", names.join(", "))
}

/// With the slash at its end; empty for that of the pages.
fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |end| &path[..=end])
}

/// How a script names another one.
fn relative(from: &str, to: &str) -> String {
    let depth = folder(from).matches('/').count();
    match to.strip_prefix(folder(from)) {
        Some(name) if !name.contains('/') => format!("./{name}"),
        _ if depth == 0 => format!("./{to}"),
        _ => "../".repeat(depth) + to,
    }
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
