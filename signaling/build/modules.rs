// SPDX-License-Identifier: MPL-2.0
//! Modules as the pages have them, taken apart: what they import, what they export, and the rest. Pure.
//!
//! It knows the forms of `import` and `export` that the pages have, each at the beginning of a line, and refuses others.

/// What a module is called by default in its own words.
const DEFAULT: &str = "$default";

/// How statements begin that name another module.
const STATEMENTS: [&str; 3] = ["import ", "export {", "export *"];

/// `name` is what the other module calls it, `local` what this one does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) local: String,
}

#[derive(Debug, Default)]
pub(crate) struct Module {
    /// What it imports, in its order: from where, and what.
    pub(crate) imports: Vec<(String, Vec<Named>)>,
    /// What it exports, of its own or of others.
    pub(crate) exports: Vec<Named>,
    /// `export *`: from where.
    pub(crate) stars: Vec<String>,
    /// The rest.
    pub(crate) code: String,
}

/// Takes a module apart.
pub(crate) fn read(path: &str, text: &str) -> Result<Module, String> {
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
