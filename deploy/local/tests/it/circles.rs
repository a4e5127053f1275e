//! No circle among the files of the API and of the consumer: a reader who starts from the ground
//! meets nothing that leads back. In the API there is no circle among the folders either.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Modules by their path (`http::guard`), each with the modules that it names.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_circle_of_files_or_folders_in_the_api() {
    let files = graph(&sources("api"));
    assert_eq!(circles(&files), Vec::<String>::new());
    assert_eq!(circles(&folders(&files)), Vec::<String>::new());
}

#[test]
fn no_circle_of_files_in_the_consumer() {
    assert_eq!(circles(&graph(&sources("consumer"))), Vec::<String>::new());
}

#[test]
fn a_circle_is_found_with_what_ties_it() {
    let sources = [
        ("", "pub mod a;"),
        (
            "a",
            "//! See [`b::x`](crate::b::x).\nuse crate::{b::{self, X}, c};\n#[cfg(test)]\nmod tests { use crate::d; }",
        ),
        ("b", "fn f() { crate::c::deep::g() }"),
        ("c", "pub mod deep;"),
        ("c::deep", "use super::super::a::A;"),
        ("d", "use crate::a;"),
    ];
    let sources = sources.map(|(module, text)| (module.to_owned(), text.to_owned()));
    let files = graph(&sources.into_iter().collect());
    assert_eq!(circles(&files), ["a -> b", "b -> c::deep", "c::deep -> a"]);
    assert_eq!(circles(&folders(&files)), ["a -> b", "a -> c", "b -> c", "c -> a"]);
}

/// The text of each module of a package.
fn sources(package: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(package).join("src");
    let mut found = BTreeMap::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("the folder was found") {
            let path = entry.expect("a folder can be read").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = module(path.strip_prefix(&root).expect("it lies under the root"));
                found.insert(name, fs::read_to_string(&path).expect("sources are UTF-8"));
            }
        }
    }
    assert!(found.len() > 20, "{package} has few files: {found:?}");
    found
}

/// `http/auth/mod.rs` is `http::auth`; the root of the package has no name.
fn module(path: &Path) -> String {
    let mut names: Vec<_> =
        path.with_extension("").iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if matches!(names.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        names.pop();
    }
    names.join("::")
}

fn graph(sources: &BTreeMap<String, String>) -> Graph {
    let names = |module: &String, text: &String| {
        let paths = paths(text).into_iter().filter_map(|path| resolve(sources, module, &path));
        paths.filter(|named| named != module && !named.is_empty()).collect()
    };
    // Nothing names the root, which only lists the modules.
    let modules = sources.iter().filter(|(module, _)| !module.is_empty());
    modules.map(|(module, text)| (module.clone(), names(module, text))).collect()
}

/// The paths that a file names, its comments and unit tests apart.
fn paths(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for statement in code.split(';') {
        match statement.rsplit_once("use ").filter(|(before, _)| is_blank(before)) {
            Some((_, tree)) => expand("", tree, &mut found),
            None => found.extend(inline(statement)),
        }
    }
    found
}

/// Whether a `use` begins its statement: it follows a visibility, an attribute, the end of a block
/// or nothing.
fn is_blank(before: &str) -> bool {
    let before = before.trim_end().trim_end_matches("pub").trim_end();
    before.is_empty() || before.ends_with(['{', '}', ']', ')'])
}

/// The paths of a tree of `use`: `a::{b, c::D}` names `a::b` and `a::c::D`.
fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, branches)) = tree.strip_suffix('}').and_then(|tree| tree.split_once('{')) else {
        let name = tree.split(" as ").next().unwrap_or_default().trim();
        found.push(format!("{prefix}{name}"));
        return;
    };
    let prefix = format!("{prefix}{}", head.trim());
    let (mut depth, mut start) = (0, 0);
    for (at, symbol) in branches.char_indices() {
        match symbol {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, &branches[start..at], found);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !branches[start..].trim().is_empty() {
        expand(&prefix, &branches[start..], found);
    }
}

/// The paths in the middle of code.
fn inline(code: &str) -> impl Iterator<Item = String> {
    let words = code.split(|symbol: char| !(symbol.is_alphanumeric() || matches!(symbol, '_' | ':')));
    words.filter(|word| word.contains("::")).map(str::to_owned)
}

/// The module in which what a path names is, if it is in this package.
fn resolve(sources: &BTreeMap<String, String>, module: &str, path: &str) -> Option<String> {
    let mut base: Vec<&str> = module.split("::").filter(|name| !name.is_empty()).collect();
    let mut names: Vec<&str> = path.split("::").collect();
    match names.first().copied()? {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            while names.first() == Some(&"super") {
                base.pop();
                names.remove(0);
            }
            names.insert(0, "");
        }
        // A child of this module, or another package.
        child if sources.contains_key(&[module, child].join("::")) => names.insert(0, ""),
        _ => return None,
    }
    base.extend(&names[1..]);
    while !base.is_empty() && !sources.contains_key(&base.join("::")) {
        base.pop();
    }
    Some(base.join("::"))
}

/// The same graph, each module for the folder or file at the root in which it is.
fn folders(files: &Graph) -> Graph {
    let folder = |module: &String| module.split("::").next().unwrap_or_default().to_owned();
    let mut found = Graph::new();
    for (module, named) in files {
        let from = folder(module);
        let named = named.iter().map(folder).filter(|to| *to != from).collect::<Vec<_>>();
        found.entry(from).or_default().extend(named);
    }
    found
}

/// Returns the edges on a circle or between two circles, as `from -> to`.
fn circles(graph: &Graph) -> Vec<String> {
    let mut left = graph.clone();
    loop {
        let named: BTreeSet<String> = left.values().flatten().cloned().collect();
        let before = left.len();
        // Neither what names nothing nor what nobody names is on a circle.
        left.retain(|module, names| !names.is_empty() && named.contains(module));
        let known: BTreeSet<String> = left.keys().cloned().collect();
        left.values_mut().for_each(|names| names.retain(|name| known.contains(name)));
        if left.len() == before {
            break;
        }
    }
    left.iter().flat_map(|(from, names)| names.iter().map(move |to| format!("{from} -> {to}"))).collect()
}
