//! The floor plan: which room may name which, and which outside crate may be named where. It fails when a wall is broken.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each room, in the order data flows, and the rooms it may name. All of them stand above it.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("turns", &[]),
    ("tape", &["model", "turns"]),
    ("proxy", &["model", "tape"]),
    ("dialect", &["model"]),
    ("trace", &["model"]),
    // Of the dialects it knows the framings alone.
    ("redact", &["model", "dialect"]),
    ("tokens", &["model"]),
    ("price", &["model"]),
    ("store", &["model", "turns", "trace"]),
    ("recorder", &["model", "turns", "tape", "dialect", "trace", "redact", "tokens", "price", "store"]),
    ("html", &["model"]),
    ("export", &["model", "dialect", "trace", "redact", "store", "html"]),
    // Of the proxy it knows the way out that calls take.
    ("push", &["model", "turns", "proxy", "trace", "store", "export"]),
    // Of the tape and of the way out it knows the counts it shows.
    ("web", &["model", "tape", "trace", "redact", "html", "store", "recorder", "export", "push"]),
    (
        "config",
        &[
            "model", "tape", "proxy", "dialect", "trace", "redact", "price", "store", "recorder", "push",
            "web",
        ],
    ),
    (
        "app",
        &[
            "model", "tape", "proxy", "trace", "redact", "store", "recorder", "web", "config", "export",
            "push",
        ],
    ),
    // It calls as anyone would.
    ("demo", &[]),
    // Of the proxy it knows the upstreams' names.
    (
        "cli",
        &["model", "trace", "price", "store", "recorder", "export", "config", "app", "demo", "proxy", "push"],
    ),
];

/// Outside crates and the rooms that may name them. One that is not here may be named nowhere.
const CRATES: &[(&str, &[&str])] = &[
    ("axum", &["web"]),
    ("base64", &["proxy", "dialect", "redact", "html", "export", "web", "demo", "push"]),
    ("blake3", &["tape", "trace", "store", "recorder", "export", "web"]),
    ("brotli_decompressor", &["dialect"]),
    ("bytes", &["model", "tape", "proxy", "store", "recorder", "demo", "push"]),
    ("clap", &["cli"]),
    ("crc32fast", &["tape", "dialect", "redact", "demo"]),
    ("flate2", &["dialect", "export"]),
    ("foldhash", &["store"]),
    ("http", &["tape", "proxy"]),
    ("http_body", &["proxy", "web"]),
    ("http_body_util", &["proxy", "demo"]),
    ("hyper", &["proxy", "demo"]),
    ("hyper_util", &["proxy", "demo"]),
    ("libc", &["turns"]),
    ("maud", &["html", "export", "web"]),
    ("memchr", &["dialect", "redact", "store"]),
    ("parquet", &["export"]),
    ("prost", &["export", "push"]),
    ("rustix", &["turns", "cli"]),
    ("rustls", &["proxy"]),
    ("rustls_native_certs", &["proxy"]),
    (
        "serde_json",
        &[
            "model", "proxy", "dialect", "trace", "tokens", "store", "recorder", "html", "export", "push",
            "web", "config", "demo", "cli",
        ],
    ),
    ("regex", &["redact"]),
    ("socket2", &["proxy"]),
    ("subtle", &["proxy", "web"]),
    ("tiktoken_rs", &["tokens"]),
    ("tokio", &["proxy", "recorder", "web", "app", "demo", "cli", "push"]),
    ("tokio_rusqlite", &["store"]),
    ("tokio_rustls", &["proxy"]),
    ("tokio_util", &["proxy", "push", "web", "app", "cli"]),
    ("tikv_jemallocator", &["main"]),
    ("toml", &["config"]),
    ("tower", &["proxy", "web"]),
    ("tracing", &["turns", "tape", "proxy", "recorder", "web", "app", "demo", "cli", "push"]),
    ("tracing_subscriber", &["config", "cli"]),
    ("webpki_roots", &["proxy"]),
    ("zstd", &["dialect", "store"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file with the room it stands in, and its code: comments, texts and tests left out.
fn sources() -> Vec<(String, PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((room_of(&path), path.clone(), code(&std::fs::read_to_string(&path).unwrap())));
            }
        }
    }
    assert!(found.len() > 20, "the walls are looked for in the wrong place");
    found
}

fn room_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap();
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    // Of a text in quotes only the quotes stay, so that no word in it is taken for a path.
    let mut kept = String::new();
    for line in lines {
        kept.extend(line.split('"').step_by(2));
        kept.push('\n');
    }
    kept
}

/// The names that stand before `::` and are not part of a longer path, and those named by `use` alone.
fn named(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (at, _) in code.match_indices("::") {
        let before = &code[..at];
        let start = before.rfind(|c| !is_name(c)).map_or(0, |at| at + 1);
        if !before[..start].ends_with("::") && start < at {
            found.insert(before[start..].to_owned());
        }
    }
    found
}

/// The rooms that `crate::…` leads to, also in `use crate::{a, b}`.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, begun) in code.match_indices("crate::") {
        let rest = &code[at + begun.len()..];
        let list = rest.strip_prefix('{').map(|list| &list[..list.find(';').unwrap_or(list.len())]);
        let names: Vec<&str> = match list {
            Some(list) => top_level(list),
            None => vec![rest],
        };
        for name in names {
            let name = name.trim();
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
            found.insert(name[..end].to_owned());
        }
    }
    found
}

/// The parts of a list between braces, where a part may have braces of its own.
fn top_level(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&list[start..at]);
                return parts;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

#[test]
fn a_room_names_only_rooms_above_it() {
    let mut broken = Vec::new();
    for (room, path, code) in sources() {
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        let (_, allowed) = ROOMS
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{room} has no place in the plan"));
        for named in rooms_named(&code) {
            let is_room = ROOMS.iter().any(|(name, _)| *name == named);
            if is_room && named != room && !allowed.contains(&named.as_str()) {
                broken.push(format!("{}: {room} names {named}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn an_outside_crate_is_named_only_where_it_belongs() {
    let mut broken = Vec::new();
    for (room, path, code) in sources() {
        for named in named(&code) {
            if let Some((_, rooms)) = CRATES.iter().find(|(name, _)| *name == named)
                && !rooms.contains(&room.as_str())
            {
                broken.push(format!("{}: {room} names {named}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_dependency_has_a_place_in_the_plan() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    for line in dependencies.lines().filter(|line| line.contains('=')) {
        let name = line.split('=').next().unwrap().trim().replace('-', "_");
        let (_, rooms) = CRATES
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("{name}: say who may name it"));
        let used = sources()
            .iter()
            .any(|(room, _, code)| rooms.contains(&room.as_str()) && named(code).contains(&name));
        assert!(used, "{name} is a dependency that nobody names");
    }
}

#[test]
fn the_plan_is_in_the_order_of_the_map() {
    let map = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let rooms: Vec<&str> =
        map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(rooms, ROOMS.iter().map(|(room, _)| *room).collect::<Vec<_>>());
    for (at, (room, allowed)) in ROOMS.iter().enumerate() {
        for name in *allowed {
            assert!(rooms[..at].contains(name), "{room} may not name {name}, which stands below it");
        }
    }
}

#[test]
fn a_broken_wall_is_seen() {
    assert!(
        rooms_named("use crate::{tape, proxy::{self, upstream}, web};")
            .is_superset(&["tape", "proxy", "web"].map(String::from).into())
    );
    assert!(rooms_named("let x = crate::store::open();").contains("store"));
    assert!(named("let x = rusqlite::Connection::open();").contains("rusqlite"));
    assert!(!named("let x = a::b::c();").contains("b"));
    assert!(!code("let x = \"hyper::body\"; // hyper::x").contains("hyper"));
}
