//! What keeps a version, and what changes it.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::{Answered, Asked, Operation};

fn reading(asked: Asked) -> Reading {
    let answered = Answered::default();
    Reading { dialect: "test", operation: Operation::Chat, asked, answered, start: None, end: None }
}

fn system(texts: &[&str]) -> Reading {
    reading(Asked { system: texts.iter().map(|text| Part::text(*text)).collect(), ..Asked::default() })
}

fn of(text: &str) -> Option<String> {
    version(&system(&[text]))
}

/// A terminal agent's prompt: a billing line, instructions, an environment and what a checkout looks like.
fn terminal(billing: &str, folder: &str, date: &str, git: &str, limit: &str) -> Reading {
    let billing = format!("x-anthropic-billing-header: cc_version={billing}; cc_entrypoint=cli;");
    let rules = format!(
        "You are a careful engineer in a terminal.\n\n# Rules\n - Never push to main. Take at most {limit} steps.\n - \
         Use /help for help, and read https://docs.example.com/v2/guide.\n - Write notes to {folder}/notes/today.md."
    );
    let environment = format!(
        "Here is useful information about where you run:\n<env>\nWorking directory: {folder}\nIs directory a git repo: \
         Yes\nPlatform: linux\nOS Version: Linux 6.8.0-45-generic\nToday's date: {date}\n</env>\n\nYou may use the \
         agent that is called reviewer.\n\n{git}"
    );
    system(&[&billing, &rules, &environment])
}

const CHECKOUT: &str = "gitStatus: This is the git status at the start of the conversation.\nCurrent branch: \
    feature/a\n\nMain branch (you will usually use this for PRs): main\n\nGit user: Jo Doe\n\nStatus:\nM src/a.rs\n?? \
    b.txt\n\nRecent commits:\n1a2b3c4 Mend the roof\n99999aa Say why\n";

#[test]
fn a_terminal_agents_prompt_is_the_same_tomorrow_and_elsewhere() {
    let first = terminal("2.1.329.a1b", "/home/jo/shop", "2026-11-21", CHECKOUT, "3");
    let other = terminal("2.1.330.ffe", "/tmp/run-8/x", "Sunday, November 22, 2026", "", "3");
    assert_eq!(
        system_text(&first).lines().next(),
        Some("x-anthropic-billing-header: cc_version=2.1.329.a1b; cc_entrypoint=cli;")
    );
    assert_eq!(normalised(&system_text(&first)), normalised(&system_text(&other)));
    assert_eq!(version(&first), version(&other));
    let changed = terminal("2.1.329.a1b", "/home/jo/shop", "2026-11-21", CHECKOUT, "4");
    assert_ne!(version(&first), version(&changed));
    assert_eq!(version(&first).unwrap().len(), 12);
}

#[test]
fn a_developers_messages_are_the_prompt_and_a_users_are_not() {
    let asked = |sandbox: &str, cwd: &str| {
        let context = format!(
            "<environment_context>\n  <cwd>{cwd}</cwd>\n  <shell>bash</shell>\n</environment_context>"
        );
        let developer =
            format!("<permissions>\nCommands run in a sandbox: {sandbox}.\n</permissions>\n{context}");
        reading(Asked {
            system: vec![Part::text("You are a coding agent.")],
            input: vec![
                Message::new("developer", vec![Part::text(developer)]),
                Message::new("user", vec![Part::text(context)]),
                Message::new("developer", vec![Part::text("Later words.")]),
            ],
            ..Asked::default()
        })
    };
    let first = asked("read-only", "/work/a");
    assert_eq!(version(&first), version(&asked("read-only", "/somewhere/else")));
    assert_ne!(version(&first), version(&asked("workspace-write", "/work/a")));
    assert!(!system_text(&first).contains("Later words"));
    let chat =
        reading(Asked { input: vec![Message::new("user", vec![Part::text("Hi")])], ..Asked::default() });
    assert_eq!((version(&chat), system_text(&chat)), (None, String::new()));
    assert_eq!(of("x-anthropic-billing-header: cc_version=1;"), None);
}

#[test]
fn the_cut_into_blocks_and_lines_does_not_matter() {
    let whole = of("Be kind.\n\nBe brief.");
    assert_eq!(whole, version(&system(&["Be kind.", "Be brief."])));
    assert_eq!(whole, of("Be kind.  Be\tbrief.\r\n"));
    let message = Message::new("system", vec![Part::text("Be kind. Be brief.")]);
    assert_eq!(whole, version(&reading(Asked { input: vec![message], ..Asked::default() })));
}

#[test]
fn what_changes_by_itself_is_taken_out() {
    let cases = [
        ("Today is 2026-11-21.", "Today is ‹date›."),
        ("at 2026-11-21T15:51:22.123456Z, they", "at ‹date›, they"),
        ("now: 2026-11-21 15:51:22+01:00", "now: ‹date›"),
        ("(11/21/2026) 21.11.2026", "(‹date›) ‹date›"),
        ("It is Saturday, November 21, 2026.", "It is ‹date›."),
        ("It is Nov 21 2026, so", "It is ‹date›, so"),
        ("on 21st of November 2026 or 21 Nov", "on ‹date› or ‹date›"),
        ("Sat Nov 21 15:51:22 UTC 2026", "‹date›"),
        ("Sat, 21 Nov 2026 15:51:22 GMT.", "‹date›."),
        ("November 21, 2026 at 3:51 PM", "‹date›"),
        ("It is 15:51 and was 3:51 pm", "It is ‹time› and was ‹time›"),
        ("since 1795276282 or 1795276282123", "since ‹time› or ‹time›"),
        ("id=0f8fad5b-d9cb-469f-a165-70867728950e;", "id=‹id›;"),
        ("commit 3f2a9c1d7b", "commit ‹id›"),
        ("toolu_01A09q90qw90lq917835lq9 done", "toolu_‹id› done"),
        ("see `/home/jo/a b`", "see `‹path› b`"),
        ("in /tmp/agent-77/x.txt.", "in ‹path›."),
        ("C:\\Users\\jo\\x and C:/Users/jo", "‹path› and ‹path›"),
        (r"on \\host\share\x", "on ‹path›"),
        ("open file:///home/jo/x", "open file://‹path›"),
        ("call http://localhost:49152/mcp", "call http://localhost:‹port›/mcp"),
        ("call localhost:8080, then", "call localhost:‹port›, then"),
        ("<total_tokens>981234 tokens left</total_tokens>", ""),
        ("You have 12,345 tokens left.", "You have ‹n› tokens left."),
        ("server (pid 4711) runs", "server (pid ‹n›) runs"),
        ("- Platform: darwin\n- Shell: /bin/zsh\n - OS Version: Darwin 24.1.0\nEnd", "End"),
        ("On branch feature/x\nYour branch is up to date with 'origin/x'.\nGo", "Go"),
        ("<env>\n  Working directory: C:\\x y\n</env>", "<env>\n</env>"),
    ];
    for (text, expected) in cases {
        assert_eq!(normalised(text), expected, "{text}");
    }
}

#[test]
fn words_of_the_prompt_stay() {
    let stay = [
        "Take at most 3 steps, in v2 or 2.1.329, and 10000000000 bytes.",
        "Platform: we support Linux alone, so refuse the others",
        "Shell: always quote your paths",
        "Working directory: always stay in the working directory.",
        "Status:\nA good answer is short",
        "Use /help, /tmp, /v1/messages/batches, /etc/passwd and ~/.config/x.",
        "You are claude-sonnet-4-5-20250929 or gpt-4o-2024-11-20.",
        "Do not deploy on Friday. May 3 tools run? March 5 times.",
        "A ratio of 1:10, or 16:9; src/main.rs:12:30",
        "Call mcp__server2__read_file_lines_v3 with getUserById2AndName3",
        "deadbeef defaced facade, #ff8800, 0x1F",
        "Branch: only from main, never from others",
        "the <env> block; <cwd> is a tag; <shell>never use a shell for reading files, or for anything else</shell>",
        "use port 8080 on host:8080",
        r"def f():\\n- and \\d+ or \\w",
        "naïve 😀 Ωmega",
    ];
    for text in stay {
        assert_eq!(normalised(text), text);
    }
}

#[test]
fn a_changed_word_is_another_version() {
    let pairs = [
        ("at most 3 steps", "at most 4 steps"),
        ("follow style v2", "follow style v3"),
        ("Never push.", "Always push."),
        ("GET /v1/users", "GET /v1/groups"),
        ("use python 3.11", "use python 3.12"),
        ("a b", "ab"),
    ];
    for (one, other) in pairs {
        assert_ne!(of(one), of(other), "{one}");
    }
}

#[test]
fn tools_are_a_set() {
    let tool = |name: &str, more: Value| {
        let mut tool = json!({"type": "function", "name": name, "description": "Reads. Today is 2026-11-21.",
            "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}});
        tool.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        tool
    };
    let of = |tools: &[Value]| tools_version(&reading(Asked { tools: tools.to_vec(), ..Asked::default() }));
    let (a, b) = (tool("a", json!({})), tool("b", json!({})));
    let both = of(&[a.clone(), b.clone()]);
    assert_eq!(of(&[]), None);
    assert_eq!(both.as_ref().unwrap().len(), 12);
    assert_eq!(both, of(&[b.clone(), a.clone()]));
    assert_eq!(both, of(&[tool("a", json!({"cache_control": {"type": "ephemeral"}})), b.clone()]));
    assert_eq!(both, of(&[tool("a", json!({"description": "Reads. Today is 2026-11-22."})), b.clone()]));
    let turned = json!({"parameters": {"properties": {"path": {"type": "string"}}, "type": "object"}});
    assert_eq!(both, of(&[tool("a", turned), b.clone()]));
    assert_ne!(both, of(&[tool("a", json!({"description": "Writes."})), b.clone()]));
    assert_ne!(both, of(&[tool("a", json!({"parameters": {"type": "object"}})), b.clone()]));
    assert_ne!(both, of(&[tool("c", json!({})), b]));
    assert_ne!(both, of(&[a]));
}

#[test]
fn what_looks_like_something_all_over_is_read_once() {
    // With work that grows by the square this would take minutes.
    let pieces =
        ["1,", "a:12", "1 ", "12:3", "/tmp/", "Nov ", "Status:\n", "<cwd>", "0f8fad5b-", "://1:80", "pid "];
    for piece in pieces {
        let text = piece.repeat(50_000);
        assert!(normalised(&text).len() <= text.len() * 8, "{piece}");
    }
}

#[test]
#[ignore = "measures; run it with --release --ignored --nocapture"]
fn speed() {
    let text = system_text(&terminal("1", "/home/jo/shop", "2026-11-21", CHECKOUT, "3")).repeat(120);
    let reading = system(&[&text]);
    let begun = std::time::Instant::now();
    for _ in 0..100 {
        std::hint::black_box(version(std::hint::black_box(&reading)));
    }
    let rate = text.len() as f64 * 100.0 / 1e6 / begun.elapsed().as_secs_f64();
    println!("{} bytes, {rate:.0} MB/s", text.len());
}

proptest! {
    #[test]
    fn nothing_panics(text in "\\PC*", tail in "[ -~\n\t]{0,200}") {
        let all = format!("{text}\n{tail}{text}");
        let short = normalised(&all);
        prop_assert!(short.len() <= all.len() * 8);
    }

    #[test]
    fn nor_does_what_looks_like_something(
        parts in proptest::collection::vec(prop_oneof![
            Just("2026"), Just("-"), Just("11"), Just(":"), Just("/"), Just("tmp/"), Just("Nov"), Just(" "), Just("ö"),
            Just("C:\\"), Just("\n"), Just("Status:"), Just("M "), Just("<cwd>"), Just("</cwd>"), Just("localhost"),
            Just("0f8fad5b-d9cb"), Just("May"), Just(","), Just("Sat"), Just("://"), Just("T"), Just("Z"), Just(".")
        ], 0..40)
    ) {
        let text = parts.concat();
        prop_assert!(normalised(&text).len() <= text.len() * 8);
    }

    #[test]
    fn days_folders_and_ids_keep_a_version(
        day in 1..28_u32, month in 1..12_u32, folder in "[a-z]{1,8}(/[a-z0-9_-]{1,8}){0,3}", id in any::<u128>(),
        seconds in 1_600_000_000_u64..2_000_000_000,
    ) {
        prop_assume!(seconds % 10_000_000 != 0);
        let hex = format!("{id:032x}");
        let uuid = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        let made = |date: &str, folder: &str, uuid: &str, at: u64| format!(
            "Be brief.\nIt is {date}. Work in /home/{folder} as {uuid} (since {at}).\nWorking directory: /{folder}\nEnd.");
        let one = made(&format!("2026-{month:02}-{day:02}"), &folder, &uuid, seconds);
        let other = made("2025-01-02", "x", "0f8fad5b-d9cb-469f-a165-70867728950e", 1_700_000_001);
        prop_assert_eq!(of(&one), of(&other));
    }

    #[test]
    fn one_changed_word_changes_a_version(words in proptest::collection::vec("[a-z]{1,9}[.,]?", 1..60), at in any::<prop::sample::Index>()) {
        let mut changed = words.clone();
        let at = at.index(words.len());
        changed[at] = format!("not-{}", changed[at]);
        prop_assert_ne!(of(&words.join(" ")), of(&changed.join(" ")));
        prop_assert_eq!(of(&words.join(" ")), of(&words.join("\n")));
    }
}
