// SPDX-License-Identifier: MPL-2.0
//! Puts what a page begins with into one script for each folder: a browser asks for ten files and not for seventy, which is most of what
//! it waits for. Each module stays where it was for whoever imports it later, and is there once: its file hands on what the bundle has.
//! Pure; tests/browser/shell.test.mjs compares what both export, and runs the modules' own tests on what is served.
//!
//! It knows the forms of `import` and `export` that the pages have, each at the beginning of a line, and refuses others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What a module is called by default in its own words.
const DEFAULT: &str = "$default";

/// How statements begin that name another module.
const STATEMENTS: [&str; 3] = ["import ", "export {", "export *"];

/// Scripts by their paths, seen from the folder of the pages.
pub(crate) type Scripts = BTreeMap<String, String>;

/// `name` is what the other module calls it, `local` what this one does.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    name: String,
    local: String,
}

#[derive(Debug, Default)]
struct Module {
    /// What it imports, in its order: from where, and what.
    imports: Vec<(String, Vec<Named>)>,
    /// What it exports, of its own or of others.
    exports: Vec<Named>,
    /// `export *`: from where.
    stars: Vec<String>,
    /// The rest.
    code: String,
}

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
    for bundle in bundles {
        no_circle(bundle, bundle, &served, &mut BTreeSet::new())?;
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
    served: &'a Scripts,
    seen: &mut BTreeSet<&'a str>,
) -> Result<(), String> {
    let text = served.get_key_value(bundle);
    let (bundle, text) = text.ok_or_else(|| format!("there is no {bundle}"))?;
    for import in imports(text) {
        let next = resolved(bundle, import).unwrap_or_default();
        if next == start {
            return Err(format!(
                "the folders of {start} and {bundle} import each other"
            ));
        }
        if let Some((next, _)) = served.get_key_value(&next)
            && seen.insert(next)
        {
            no_circle(start, next, served, seen)?;
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

/// Takes a module apart.
fn read(path: &str, text: &str) -> Result<Module, String> {
    let mut module = Module::default();
    let (mut rest, mut is_comment) = (text, false);
    while !rest.is_empty() {
        let line = rest.split_inclusive('\n').next().unwrap_or(rest);
        is_comment |= line.starts_with("/*");
        if is_comment || !is_whole(line) {
            match line.strip_prefix("export ").filter(|_| !is_comment) {
                Some(declared) => {
                    let code = declaration(path, declared, &mut module)?;
                    module.code.push_str(&code);
                }
                None => module.code.push_str(line),
            }
            is_comment &= !line.contains("*/");
            rest = &rest[line.len()..];
            continue;
        }
        let end = rest.find(';').map_or(rest.len(), |end| end + 1);
        let statement = &rest[..end];
        if line.starts_with("import ") {
            let (names, from) = imported(path, statement)?;
            module.imports.push((from, names));
        } else if line.starts_with("export *") {
            module.stars.push(imported(path, statement)?.1);
        } else {
            export_list(path, statement, &mut module)?;
        }
        let after = rest[end..].trim_start_matches(' ');
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    Ok(module)
}

/// Whether it begins a statement that ends with its first semicolon.
fn is_whole(line: &str) -> bool {
    STATEMENTS.iter().any(|begin| line.starts_with(begin))
}

/// `import { a, b as c } from "./x.js";` and the like: what, and from where.
fn imported(path: &str, statement: &str) -> Result<(Vec<Named>, String), String> {
    let from = statement.rsplit('"').nth(1).unwrap_or_default();
    let from = resolved(path, from)
        .ok_or_else(|| format!("{path} imports \"{from}\", which is no module of the pages"))?;
    let mut names = Vec::new();
    let clause = statement["import ".len()..]
        .split(" from \"")
        .next()
        .unwrap_or_default();
    if !statement.contains(" from \"") || statement.starts_with("export") {
        return Ok((names, from));
    }
    let (default, list) = match clause.split_once('{') {
        Some((default, list)) => (default, list.trim_end().trim_end_matches('}')),
        None => (clause, ""),
    };
    let default = default.trim().trim_end_matches(',').trim();
    if default.contains('*') {
        return Err(format!(
            "{path}: import * cannot be bundled: name what is imported"
        ));
    }
    if !default.is_empty() {
        names.push(Named {
            name: "default".to_owned(),
            local: default.to_owned(),
        });
    }
    names.extend(pairs(list).map(|(name, local)| Named { name, local }));
    Ok((names, from))
}

/// `export { a, b as c };`, also of another module's.
fn export_list(path: &str, statement: &str, module: &mut Module) -> Result<(), String> {
    let list = statement.split(['{', '}']).nth(1).unwrap_or_default();
    let names: Vec<_> = pairs(list).collect();
    if !statement.contains(" from \"") {
        let own = names.into_iter().map(|(local, name)| Named { name, local });
        module.exports.extend(own);
        return Ok(());
    }
    let (_, from) = imported(path, statement)?;
    let count = module.exports.len();
    let mut taken = Vec::new();
    for (n, (theirs, ours)) in names.into_iter().enumerate() {
        let local = format!("$of_{}", count + n);
        taken.push(Named {
            name: theirs,
            local: local.clone(),
        });
        module.exports.push(Named { name: ours, local });
    }
    module.imports.push((from, taken));
    Ok(())
}

/// `a, b as c`: before and after the `as`.
fn pairs(list: &str) -> impl Iterator<Item = (String, String)> {
    let words = list
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty());
    words.map(|word| {
        let (before, after) = word.split_once(" as ").unwrap_or((word, word));
        (before.trim().to_owned(), after.trim().to_owned())
    })
}

/// What is exported where it is declared, without the `export`.
fn declaration(path: &str, declared: &str, module: &mut Module) -> Result<String, String> {
    if let Some(value) = declared.strip_prefix("default ") {
        module.exports.push(Named {
            name: "default".to_owned(),
            local: DEFAULT.to_owned(),
        });
        return Ok(format!("const {DEFAULT} = {value}"));
    }
    let words = ["async ", "function ", "class ", "const "];
    let mut rest = declared;
    while let Some(next) = words.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = next;
    }
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
    let name = &rest[..end.unwrap_or(rest.len())];
    if name.is_empty() || rest.len() == declared.len() {
        return Err(format!(
            "{path}: \"export {}\" cannot be bundled",
            declared.trim_end()
        ));
    }
    module.exports.push(Named {
        name: name.to_owned(),
        local: name.to_owned(),
    });
    Ok(declared.to_owned())
}

/// What a module's own statements import. Those of a comment are examples, and `import()` is for later.
pub(crate) fn imports(text: &str) -> Vec<&str> {
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
pub(crate) fn resolved(module: &str, import: &str) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts(all: &[(&str, &str)]) -> Scripts {
        let all = all.iter();
        all.map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect()
    }

    fn page(name: &str, entry: &str) -> (String, Vec<String>) {
        (name.to_owned(), vec![entry.to_owned()])
    }

    const ROOM: [(&str, &str); 5] = [
        (
            "watch/main.js",
            "import { A } from \"./a.js\";\nimport { b as c } from \"../parts/b.js\";\nA(c);\nimport(\"./late.js\");\n",
        ),
        (
            "watch/a.js",
            "import { b } from \"../parts/b.js\";\n/**\n * import { x } from \"./nowhere.js\";\n */\nexport class A { b = b; }\n",
        ),
        (
            "parts/b.js",
            "export const b = 1;\nexport default {\n  b,\n};\n",
        ),
        (
            "watch/late.js",
            "import b, { b as own } from \"../parts/b.js\";\nimport { A } from \"./a.js\";\nexport { A };\nexport const late = [b, own];\n",
        ),
        ("parts/plain.js", "(() => { window.a = 1; })();\n"),
    ];

    #[test]
    fn what_a_page_begins_with_is_one_script_a_folder_and_each_module_is_where_it_was() {
        let served = bundled(&scripts(&ROOM), &[page("index", "watch/main.js")]).unwrap();
        let text = |path: &str| served[path].as_str();
        assert_eq!(
            text("parts/index.bundle.js"),
            "export const $0 = (() => {\nconst b = 1;\nconst $default = {\n  b,\n};\nreturn { b, default: $default };\n})();\n"
        );
        assert_eq!(
            text("watch/index.bundle.js"),
            "import { $0 } from \"../parts/index.bundle.js\";\nexport const $1 = (() => {\nconst { b } = $0;\n/**\n * import { x } from \"./nowhere.js\";\n */\n\
             class A { b = b; }\nreturn { A };\n})();\n"
        );
        assert_eq!(
            text("parts/b.js"),
            "import { $0 } from \"./index.bundle.js\";\nconst { b: $_0, default: $_1 } = $0;\nexport { $_0 as b, $_1 as default };\n"
        );
        assert_eq!(
            text("watch/main.js"),
            "import { $1 } from \"./index.bundle.js\";\nconst { A } = $1;\nimport { $0 } from \"../parts/index.bundle.js\";\nconst { b: c } = $0;\n\
             A(c);\nimport(\"./late.js\");\n"
        );
        assert_eq!(
            text("watch/late.js"),
            "import { $0 } from \"../parts/index.bundle.js\";\nconst { default: b, b: own } = $0;\nimport { $1 } from \"./index.bundle.js\";\n\
             const { A } = $1;\nconst late = [b, own];\nexport { A, late };\n"
        );
        assert_eq!(text("parts/plain.js"), ROOM[4].1);
    }

    #[test]
    fn a_second_page_bundles_what_the_first_has_not() {
        let mut room = ROOM.to_vec();
        room.push((
            "admin/main.js",
            "import { late } from \"../watch/late.js\";\nlate;\n",
        ));
        let pages = [
            page("index", "watch/main.js"),
            page("admin", "admin/main.js"),
        ];
        let served = bundled(&scripts(&room), &pages).unwrap();
        let late = &served["watch/admin.bundle.js"];
        assert!(late.starts_with(
            "import { $0 } from \"../parts/index.bundle.js\";\nimport { $1 } from \"./index.bundle.js\";\nexport const $2 = "
        ), "{late}");
        assert!(served["watch/late.js"].contains("./admin.bundle.js"));
    }

    #[test]
    fn what_cannot_be_bundled_is_said() {
        for (text, words) in [
            ("export let a = 1;", "export let a"),
            ("export const { a } = b;", "export const { a }"),
            ("import * as a from \"./b.js\";", "import *"),
            ("export * from \"./b.js\";", "export *"),
            ("import { a } from \"elsewhere\";", "\"elsewhere\""),
            ("import { a } from \"./missing.js\";", "a/missing.js"),
            (
                "import { main } from \"./main.js\";",
                "a/main.js imports itself",
            ),
        ] {
            let all = scripts(&[
                ("a/main.js", "import { a } from \"./a.js\";\n"),
                ("a/a.js", text),
                ("a/b.js", "export const a = 1;\n"),
            ]);
            let problem = bundled(&all, &[page("index", "a/main.js")]).unwrap_err();
            assert!(problem.contains(words), "{text}: {problem}");
        }
        // Neither module imports itself, but the folders do each other.
        let all = scripts(&[
            ("a/main.js", "import { a } from \"./a.js\";\n"),
            (
                "a/a.js",
                "import { b } from \"../b/b.js\";\nexport const a = b;\n",
            ),
            ("a/c.js", "export const c = 1;\n"),
            (
                "b/b.js",
                "import { c } from \"../a/c.js\";\nexport const b = c;\n",
            ),
        ]);
        let problem = bundled(&all, &[page("index", "a/main.js")]).unwrap_err();
        assert!(problem.contains("import each other"), "{problem}");
    }
}
