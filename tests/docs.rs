//! The documentation against the program: what there is is named, and what is named is there. And the sources are tidy.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use wiretape::cli::{Outlined, outline};
use wiretape::config::{SECTIONS, describe};
use wiretape::export::{COLUMNS, ColumnKind, FORMATS};
use wiretape::proxy::upstream::BUILT_IN;
use wiretape::trace::{CONVENTIONS, KEYS, MEANINGS, TRUSTS};

const LONGEST_FILE: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// README.md and docs/, by name.
fn pages() -> Vec<(String, String)> {
    let mut pages = vec![("README.md".to_owned(), read("README.md"))];
    for file in files(&root().join("docs"), "md") {
        pages.push((file.display().to_string(), fs::read_to_string(&file).unwrap()));
    }
    pages
}

fn all_pages() -> String {
    pages().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What a page shows as code: the lines of its blocks, and what stands between backticks on a line.
fn code(page: &str) -> Vec<&str> {
    let mut code = Vec::new();
    let mut in_block = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            code.push(line);
        } else {
            code.extend(line.split('`').skip(1).step_by(2));
        }
    }
    code
}

/// The words behind `wiretape` where a piece of code runs it, by its name or through cargo.
fn arguments(code: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = code.split_whitespace().collect();
    let at = match words.iter().position(|word| *word == "wiretape" || word.ends_with("/wiretape")) {
        Some(at) => at,
        None if words.starts_with(&["cargo", "run"]) => words.iter().position(|word| *word == "--")?,
        None => return None,
    };
    Some(words[at + 1..].to_vec())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

fn flag(word: &str) -> Option<&str> {
    let end = word.find('=').unwrap_or(word.len());
    (word.starts_with("--") && word.len() > 2).then(|| &word[..end])
}

#[test]
fn every_setting_is_documented() {
    let example = read("config.toml.example");
    for (section, key, _, _) in describe() {
        let headers = [format!("[{section}]"), format!("[{section}.mine]")];
        let mut lines = example.lines().map(|line| line.trim_start_matches(['#', ' ']));
        assert!(
            lines.any(|line| headers.iter().any(|header| line == header)),
            "[{section}] is not in the example"
        );
        let mut own = lines.take_while(|line| !line.starts_with('['));
        assert!(
            own.any(|line| line.starts_with(&format!("{key} = "))),
            "{section}.{key} is not in the example"
        );
    }
    let readme = read("README.md");
    for section in SECTIONS {
        assert!(
            readme.contains(&format!("`{}`", section.header())),
            "{} is not in README.md",
            section.header()
        );
    }
}

#[test]
fn every_setting_named_in_the_pages_exists() {
    let described = describe();
    for (page, text) in pages() {
        for code in code(&text) {
            let name = code.split(['=', ' ']).next().unwrap();
            let Some((section, key)) = name.split_once('.') else { continue };
            let ours = SECTIONS.iter().any(|known| !known.named && known.name == section);
            let known = described.iter().any(|(s, k, ..)| (*s, *k) == (section, key));
            // A file of tests may be called like a section.
            assert!(!ours || known || key == "mjs", "{page} names the setting {name}");
        }
    }
}

#[test]
fn every_command_and_flag_is_documented() {
    let pages = all_pages();
    let code: Vec<&str> = code(&pages);
    for Outlined { name, flags } in outline() {
        let command = format!("wiretape {name}");
        assert!(
            code.iter().any(|code| code.starts_with(command.trim_end())),
            "`{command}` is not in the pages"
        );
        for flag in flags {
            let named = code.iter().any(|code| code.split_whitespace().any(|word| word == flag));
            assert!(named, "{flag} of `{command}` is not in the pages");
        }
    }
}

#[test]
fn every_variable_that_a_run_sets_is_documented() {
    let page = read("docs/clients.md");
    for name in wiretape::cli::variables() {
        assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/clients.md");
    }
}

#[test]
fn every_command_and_flag_named_exists() {
    let outline = outline();
    let (program, commands) = outline.split_first().unwrap();
    for (page, text) in pages() {
        for code in code(&text) {
            let Some(arguments) = arguments(code) else {
                // A flag that stands alone may be any command's.
                let alone = code.split_whitespace().next().and_then(flag);
                let known = |flag: &str| outline.iter().any(|one| one.flags.iter().any(|own| own == flag));
                assert!(alone.is_none_or(known), "{page} names the flag {code}");
                continue;
            };
            let command = match arguments.first() {
                Some(name) if is_word(name) && !name.starts_with('-') => {
                    let known = commands.iter().find(|command| command.name == *name);
                    known.unwrap_or_else(|| panic!("{page} names the command in `{code}`"))
                }
                _ => program,
            };
            for flag in arguments.iter().filter_map(|word| flag(word)) {
                assert!(command.flags.iter().any(|own| own == flag), "{page} names {flag} in `{code}`");
            }
        }
    }
}

#[test]
fn every_upstream_is_documented() {
    let page = read("docs/upstreams.md");
    for (name, url) in BUILT_IN {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("{name} is not in docs/upstreams.md"));
        assert!(
            url.is_none_or(|url| row.contains(&format!("`{url}`"))),
            "docs/upstreams.md: {name} goes to {url:?}"
        );
    }
}

#[test]
fn every_form_of_export_is_documented() {
    let page = read("docs/export.md");
    for form in FORMATS {
        let row = format!("| [`{}`](#{}) | `.{}` |", form.name, form.name, form.extension);
        assert!(page.contains(&row), "docs/export.md has no row that begins with {row}");
        assert!(
            page.contains(&format!("\n## {}\n", form.name)),
            "docs/export.md says nothing of {}",
            form.name
        );
    }
    let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
    let named = headings.filter(|heading| is_word(heading)).collect::<Vec<_>>();
    for name in named {
        assert!(FORMATS.iter().any(|form| form.name == name), "docs/export.md tells of {name}");
    }
}

#[test]
fn every_column_is_documented() {
    let page = read("docs/export.md");
    let table = page.split("\n## Columns\n").nth(1).unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), COLUMNS.len());
    for (row, column) in rows.iter().zip(COLUMNS) {
        let kind = match column.kind {
            ColumnKind::Text => "text",
            ColumnKind::Whole => "whole number",
            ColumnKind::Number => "number",
            ColumnKind::YesNo => "true or false",
            ColumnKind::Time => "time",
            ColumnKind::Json => "JSON",
        };
        let begin = format!("| `{}` | {kind} | ", column.name);
        assert!(row.starts_with(&begin), "docs/export.md: {row} should begin with {begin}");
    }
}

/// The tables that docs/callers.md should have, each by the name of its mark.
fn tables_of_callers() -> [(&'static str, String); 4] {
    let rows = |head: &str, rows: Vec<String>| {
        let line = head.matches(" | ").map(|_| "|---").collect::<String>();
        format!("{head}\n{line}|---|\n{}\n", rows.join("\n"))
    };
    let meanings = MEANINGS.iter().map(|(_, name, what)| format!("| `{name}` | {what} |")).collect();
    let trust = TRUSTS.iter().zip(1..).map(|((_, name), at)| format!("{at}. {name}\n")).collect();
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for line in CONVENTIONS {
        let name = TRUSTS.iter().find(|(trust, _)| *trust == line.trust).unwrap().1;
        let head = format!("| {name} | {} | `{}` |", line.system, line.means.name());
        let mut place = format!("`{}`", line.place);
        if !line.agents.is_empty() {
            place += " (from nobody else)";
        }
        if let Some(label) = line.label {
            place += &format!(" (as `{label}`)");
        }
        match lines.iter_mut().find(|(known, _)| *known == head) {
            Some((_, places)) => places.push(place),
            None => lines.push((head, vec![place])),
        }
    }
    let lines = lines.into_iter().map(|(head, places)| format!("{head} {} |", places.join(", "))).collect();
    let mut keys: Vec<(&str, Vec<String>)> = Vec::new();
    for (key, means) in KEYS {
        let key = format!("`{key}`");
        match keys.iter_mut().find(|(known, _)| *known == means.name()) {
            Some((_, known)) => known.push(key),
            None => keys.push((means.name(), vec![key])),
        }
    }
    let keys = keys.into_iter().map(|(means, keys)| format!("| `{means}` | {} |", keys.join(", "))).collect();
    [
        ("meanings", rows("| name | is |", meanings)),
        ("trust", trust),
        ("conventions", rows("| rank | of | means | where |", lines)),
        ("keys", rows("| means | names |", keys)),
    ]
}

#[test]
fn every_convention_is_documented() {
    let page = read("docs/callers.md");
    for (name, table) in tables_of_callers() {
        let (_, behind) = page.split_once(&format!("<!-- {name} -->\n")).unwrap();
        let (written, _) = behind.split_once("<!-- end -->").unwrap();
        assert!(written.trim() == table.trim(), "docs/callers.md, {name}, should be:\n\n{table}");
    }
}

#[test]
fn errors_are_documented_and_those_documented_exist() {
    let types = |text: &str| {
        let mut types: Vec<String> = Vec::new();
        for piece in text.split(['"', '`']).filter(|piece| piece.starts_with("wiretape_")) {
            if piece
                .strip_prefix("wiretape_")
                .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
            {
                types.push(piece.to_owned());
            }
        }
        types.sort();
        types.dedup();
        types
    };
    let known = types(&read("src/proxy/reply.rs"));
    assert!(!known.is_empty());
    assert_eq!(types(&read("README.md")), known);
}

#[test]
fn links_between_pages_lead_somewhere() {
    for (page, text) in pages() {
        let folder = root().join(&page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { root().join(&page) } else { folder.join(file) };
            if anchor.is_empty() {
                assert!(target.is_file(), "{page}: {link} is not there");
                continue;
            }
            let target = fs::read_to_string(&target).unwrap_or_else(|why| panic!("{page}: {link}: {why}"));
            let headings = target.lines().filter(|line| line.starts_with('#')).map(slug);
            assert!(headings.into_iter().any(|slug| slug == anchor), "{page}: {link}");
        }
    }
}

/// A heading as the anchor that forges make of it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[test]
fn every_source_says_what_it_is() {
    for file in files(&root().join("src"), "rs") {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} does not begin with //!", file.display());
    }
}

#[test]
fn no_file_is_long() {
    for folder in ["src", "tests", "benches"] {
        for file in files(&root().join(folder), "rs") {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= LONGEST_FILE, "{} has {lines} lines", file.display());
        }
    }
}

/// Every reason that the code gives for a link.
#[test]
fn every_reason_is_described() {
    let page = fs::read_to_string(root().join("docs/traces.md")).unwrap();
    let mut reasons = std::collections::BTreeSet::new();
    for file in files(&root().join("src/trace"), "rs") {
        let text = fs::read_to_string(&file).unwrap();
        let quoted = text.split('"').filter(|piece| piece.starts_with("inferred:"));
        reasons.extend(quoted.map(str::to_owned));
    }
    assert!(reasons.len() > 10, "they are looked for in the wrong place");
    for reason in reasons {
        assert!(page.contains(&format!("\n| `{reason}` |")), "{reason} is not in docs/traces.md");
    }
}
