// SPDX-License-Identifier: MPL-2.0
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
