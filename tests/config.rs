//! The configuration from the outside: the example file, the layers, and what is said about mistakes.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which clippy sees in functions marked so only"
)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use wiretape::config::{self, Config, Loaded, Mistakes, Override, Section, Sources};

/// A folder that goes when the test does.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("wiretape-config-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn sets(sets: &[(&str, &str)]) -> Vec<Override> {
    let set = |(key, value)| Override { flag: "--set".to_owned(), key, value };
    pairs(sets).into_iter().map(set).collect()
}

fn load(text: &str, env: &[(&str, &str)], overrides: &[(&str, &str)]) -> Result<Loaded, Mistakes> {
    let folder = Folder::new();
    let file = Some(folder.file("wiretape.toml", text));
    config::load(&Sources { file, env: pairs(env), overrides: sets(overrides), ..Sources::default() })
}

/// The mistakes as lines, the file called by its name only.
fn mistakes(text: &str, env: &[(&str, &str)], overrides: &[(&str, &str)]) -> Vec<String> {
    let mistakes = load(text, env, overrides).unwrap_err();
    let lines: Vec<String> = mistakes.to_string().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), mistakes.0.len(), "one line each");
    let short = |line: &String| match line.find("wiretape.toml") {
        Some(at) if line.starts_with('/') => line[at..].to_owned(),
        _ => line.clone(),
    };
    lines.iter().map(short).collect()
}

/// The example with its settings uncommented: those that show a default, or all.
fn uncommented(all: bool) -> String {
    let mut text = String::new();
    for line in config::example().lines() {
        let is_setting =
            |line: &str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| is_key(key));
        let line = match (line.strip_prefix("#   "), line.strip_prefix("# ")) {
            (Some(rest), _) if all && is_setting(rest) => rest,
            (None, Some(rest)) if is_setting(rest) => rest,
            _ => line,
        };
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn is_key(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_named(section: &str) -> bool {
    Section::find(section).unwrap().named
}

#[test]
fn the_example_is_the_one_in_the_repository() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml.example");
    let written = std::fs::read_to_string(path).unwrap();
    assert!(written == config::example(), "run: wiretape check --example > config.toml.example");
}

#[test]
fn the_example_shows_every_setting() {
    let example = config::example();
    let longest = example.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest <= 120, "{longest}");
    for (section, key, default, doc) in config::describe() {
        let named = is_named(section);
        let header = if named { format!("[{section}.") } else { format!("[{section}]") };
        let start = example.find(&header).unwrap();
        let line = match (named, &default) {
            (true, Some(default)) => format!("\n#   {key} = {default}\n"),
            (true, None) | (_, None) => format!("\n#   {key} = "),
            (_, Some(default)) => format!("\n# {key} = {default}\n"),
        };
        assert!(example[start..].contains(&line), "{section}.{key}: {line}");
        assert!(!doc.is_empty(), "{section}.{key} says nothing of itself");
        assert!(!example.contains(&format!(" {key} = \n")), "{section}.{key} is unset and has no example");
    }
}

/// Without its data folder, which is no setting.
fn homeless(config: Config) -> Config {
    Config { home: PathBuf::new(), ..config }
}

#[test]
fn data_lies_where_the_environment_says() {
    let home = |env: &[(&str, &str)], home: Option<&str>| {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let folder = Folder::new();
        let sources =
            Sources { env, home: home.map(PathBuf::from), folder: folder.0.clone(), ..Sources::default() };
        config::load(&sources).unwrap().config.home
    };
    let xdg = ("XDG_DATA_HOME", "/xdg");
    assert_eq!(home(&[("WIRETAPE_HOME", "/mine"), xdg], Some("/home/me")), PathBuf::from("/mine"));
    assert_eq!(home(&[xdg], Some("/home/me")), PathBuf::from("/xdg/wiretape"));
    assert_eq!(
        home(&[("XDG_DATA_HOME", "relative")], Some("/home/me")),
        PathBuf::from("/home/me/.local/share/wiretape")
    );
    assert_eq!(home(&[], None), PathBuf::from("wiretape-data"));
}

#[test]
fn the_example_changes_nothing() {
    assert_eq!(homeless(load(&config::example(), &[], &[]).unwrap().config), Config::default());
}

#[test]
fn the_defaults_it_shows_are_the_defaults() {
    let text = uncommented(false);
    let settings = config::describe().iter().filter(|s| !is_named(s.0) && s.2.is_some()).count();
    assert_eq!(text.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")).count(), settings);
    let config = load(&text, &[], &[]).unwrap().config;
    assert_eq!(config::show(&config), config::show(&Config::default()));
    assert_eq!(homeless(config), Config::default());
}

#[test]
fn the_examples_it_shows_can_be_read() {
    let config = load(&uncommented(true), &[], &[]).unwrap().config;
    let mut unset = Vec::new();
    for table in config::show(&config) {
        let section = table.section;
        unset.extend(
            table.values.iter().filter(|(_, v)| v.is_none()).map(|(key, _)| format!("{section}.{key}")),
        );
    }
    assert_eq!(unset, Vec::<String>::new());
    let named = [config.upstreams.len(), config.redact.own.len(), config.trace.conventions.len()];
    assert_eq!(named, [1, 1, 1]);
}

#[test]
fn what_is_printed_reads_back() {
    let text = "[proxy]\nworkers = 3\n[upstream.\"a.b\"]\nurl = \"http://127.0.0.1:1\"\n[upstream.own]\n\
                url = \"http://127.0.0.1:9000\"\nhosts = [\"x.internal\"]\n";
    let config = load(text, &[], &[]).unwrap().config;
    let printed = config.to_toml();
    assert_eq!(load(&printed, &[], &[]).unwrap().config, config);
    assert!(printed.contains("\n[upstream.\"a.b\"]\nurl = \"http://127.0.0.1:1\"\n"), "{printed}");
}

#[test]
fn every_mistake_is_reported_at_once() {
    let text = r#"colour = true
listen = "127.0.0.1:1"

[proxy]
lisen = "127.0.0.1:4750"
workers = "many"
connect_timeout = "30"
queue_bytes = "1MiB"

[weeb]
listen = 1

[[tape]]

[log]
format = "yaml"
zzzzzzzz = 1

[upstream]
xai = "http://127.0.0.1:9000"
[upstream.own]
url = 2024-01-01
urls = "http://127.0.0.1:9000"
"#;
    let env = [
        ("WIRETAPE_HOME", "/data"),
        ("WIRETAPE_UNKNOWN", "is not a setting"),
        ("WIRETAPE_PROXY__WORKRES", "1"),
        ("WIRETAPE_LOGS__LEVEL", "debug"),
        ("WIRETAPE_WEB__LISTEN", "localhost"),
        ("WIRETAPE_WEB__A__B", "1"),
        ("WIRETAPE_UPSTREAM__URL", "http://127.0.0.1"),
        ("OTHER__THING", "1"),
    ];
    let overrides =
        [("proxy.connect_timeout", "5"), ("tape.listen", "1"), ("listen", "1"), ("upstream.own.host", "x")];
    let expected = "\
wiretape.toml:1:1: colour: no section before this key, there are [proxy], [web], [tape], [recorder], [store], [prices], [redact], [redact_rule.NAME], [convention.NAME], [log], [upstream.NAME], [export.NAME]
wiretape.toml:2:1: listen: no section before this key, `listen` belongs to [proxy] or [web]
wiretape.toml:5:1: proxy.lisen: no such key, did you mean `listen`?
wiretape.toml:6:11: proxy.workers: expected a whole number from 0, got \"many\"
wiretape.toml:7:19: proxy.connect_timeout: expected a duration such as \"30s\", got \"30\"
wiretape.toml:8:1: proxy.queue_bytes: no such key, `queue_bytes` belongs to [tape]
wiretape.toml:10:2: weeb: no such section, did you mean [web]?
wiretape.toml:13:3: tape: expected a table, [tape]
wiretape.toml:16:10: log.format: expected \"text\" or \"json\", got \"yaml\"
wiretape.toml:17:1: log.zzzzzzzz: no such key
wiretape.toml:20:1: upstream.xai: expected a table, [upstream.NAME]
wiretape.toml:22:7: upstream.own.url: no setting is a date: text needs quotes
wiretape.toml:23:1: upstream.own.urls: no such key, did you mean `url`?
WIRETAPE_LOGS__LEVEL: logs.level: no such section, did you mean `WIRETAPE_LOG__LEVEL`?
WIRETAPE_PROXY__WORKRES: proxy.workres: no such key, did you mean `WIRETAPE_PROXY__WORKERS`?
WIRETAPE_UPSTREAM__URL: upstream.url: no such setting, expected `WIRETAPE_UPSTREAM__NAME__URL`
WIRETAPE_WEB__A__B: no such setting
WIRETAPE_WEB__LISTEN: web.listen: expected an address such as \"127.0.0.1:4750\", got \"localhost\"
--set: proxy.connect_timeout: expected a duration such as \"30s\", got \"5\"
--set: tape.listen: no such key, `listen` belongs to [proxy] or [web]
--set: listen: expected SECTION.KEY, `listen` belongs to [proxy] or [web]
--set: upstream.own.host: no such key, did you mean `upstream.own.hosts`?";
    assert_eq!(mistakes(text, &env, &overrides).join("\n"), expected);
}

#[test]
fn broken_syntax_has_a_place_too() {
    let lines = mistakes("[proxy]\nlisten = 127.0.0.1\nworkers = \n[log]\nfromat = \"json\"\n", &[], &[]);
    assert!(
        lines[0].starts_with("wiretape.toml:2:15: ") && lines[0].ends_with(", text needs quotes"),
        "{lines:#?}"
    );
    assert!(lines[1].starts_with("wiretape.toml:3:11: "), "{lines:#?}");
    assert_eq!(lines[2..], ["wiretape.toml:5:1: log.fromat: no such key, did you mean `format`?"]);
    for (text, place) in [
        ("[proxy]\nworkers = 1\nworkers = 2\n", "wiretape.toml:3:1: "),
        ("[proxy\nlisten = \"127.0.0.1:1\"\n", "wiretape.toml:1:7: "),
        ("[proxy]\nlisten = \"127.0.0.1:1\n", "wiretape.toml:2:22: "),
        ("[web]\n[proxy]\n[web]\n", "wiretape.toml:3:2: "),
    ] {
        let lines = mistakes(text, &[], &[]);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].starts_with(place), "{lines:#?}");
    }
}

#[test]
fn a_later_layer_overrides_an_earlier() {
    let text =
        "[proxy]\nworkers = 1\n[log]\nlevel = \"debug\"\n[upstream.My-LLM]\nurl = \"http://127.0.0.1:1\"\n";
    let env = [
        ("WIRETAPE_PROXY__WORKERS", "2"),
        ("WIRETAPE_WEB__LISTEN", "127.0.0.1:5000"),
        ("WIRETAPE_UPSTREAM__MY_LLM__HOSTS", "a.internal, b.internal"),
        ("WIRETAPE_UPSTREAM__NEW__URL", "http://127.0.0.1:2"),
    ];
    let overrides =
        [("proxy.workers", "3"), ("proxy.workers", "4"), ("upstream.a.b.url", "http://127.0.0.1:3")];
    let config = load(text, &env, &overrides).unwrap().config;
    assert_eq!(config.proxy.workers, 4);
    assert_eq!(config.log.level, "debug");
    assert_eq!(config.web.listen.to_string(), "127.0.0.1:5000");
    let names: Vec<&str> = config.upstreams.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["My-LLM", "new", "a.b"]);
    assert_eq!(config.upstreams[0].1.hosts, ["a.internal", "b.internal"]);
    assert_eq!(load(text, &env[..1], &[]).unwrap().config.proxy.workers, 2);
    assert_eq!(load(text, &[], &[]).unwrap().config.proxy.workers, 1);
}

#[test]
fn a_room_s_own_check_points_at_the_last_word() {
    let text = "[proxy]\nlisten = \"0.0.0.0:4750\"\n[upstream.own]\nhosts = []\n";
    let lines = mistakes(text, &[], &[]);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].starts_with("wiretape.toml:2:1: proxy.listen: 0.0.0.0:4750 "), "{lines:#?}");
    assert!(lines[1].starts_with("wiretape.toml:3:11: upstream.own.url: "), "{lines:#?}");
    let lines = mistakes("", &[], &[("proxy.listen", "0.0.0.0:1")]);
    assert!(lines[0].starts_with("--set: proxy.listen: 0.0.0.0:1 "), "{lines:#?}");
    assert!(
        mistakes("[log]\nlevel = \"a=b=c\"\n", &[], &[])[0].starts_with("wiretape.toml:2:1: log.level: ")
    );
    let text = "[proxy]\nlisten = \"0.0.0.0:4750\"\ntoken = \"hunter2\"\n";
    assert_eq!(
        load(text, &[("WIRETAPE_LOG__LEVEL", "warn,wiretape::proxy=debug")], &[]).unwrap().config.log.level,
        "warn,wiretape::proxy=debug"
    );
    assert_eq!(mistakes(text, &[("WIRETAPE_PROXY__TOKEN", "none")], &[]).len(), 1, "none unsets");
}

#[test]
fn secrets_are_not_shown() {
    let text = "[proxy]\ntoken = \"hunter2\"\n";
    let config = load(text, &[], &[]).unwrap().config;
    for shown in [config.to_toml(), config.to_json().to_string(), format!("{config:?}")] {
        assert!(shown.contains('…') && !shown.contains("hunter2"), "{shown}");
    }
    for text in
        ["[proxy]\ntoken = [\"hunter2\"]\n", "[proxy]\ntokne = \"hunter2\"\n", "[proxy]\ntoken = hunter2\n"]
    {
        assert!(!mistakes(text, &[], &[]).join("\n").contains("hunter2"));
    }
}

#[test]
fn rules_of_redaction_are_checked_where_they_are_said() {
    let text = "[redact]\nrules = [\"keys\", \"card\"]\n[redact_rule.staff]\npattern = \"EMP-(\"\n\
                [redact_rule.b-c]\nscope = \"body\"\n";
    let env = [("WIRETAPE_REDACT_RULE__B_C__PATTERN", "x*"), ("WIRETAPE_REDACT_RULE__PATTERN", "x")];
    let lines = mistakes(text, &env, &[("redact_rule.new.scope", "both")]);
    let expected = [
        "wiretape.toml:2:1: redact.rules: no built-in rule is called \"card\", there are keys, cards, ",
        "wiretape.toml:4:1: redact_rule.staff.pattern: is no regular expression: unclosed group",
        "wiretape.toml:6:9: redact_rule.b-c.scope: expected \"headers\", \"bodies\" or \"both\"",
        "WIRETAPE_REDACT_RULE__B_C__PATTERN: redact_rule.b-c.pattern: matches an empty text",
        "WIRETAPE_REDACT_RULE__PATTERN: redact_rule.pattern: no such setting, expected `WIRETAPE_REDACT_RULE__NAME__PATTERN`",
        "default: redact_rule.new.pattern: is missing",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}");
    }
}

#[test]
fn conventions_are_checked_where_they_are_said() {
    let text = "[convention.a]\nwhere = \"x-my-session\"\nmeans = \"sesion\"\n[convention.b]\nmeans = \"user\"\n\
                [convention.c]\nwhere = \"header:X-Team\"\nmeans = \"label\"\nwher = 1\n";
    let lines = mistakes(text, &[], &[("convention.d.where", "heeder:x")]);
    let expected = [
        "wiretape.toml:2:9: convention.a.where: expected \"header:NAME\", \"body:PATH\"",
        "wiretape.toml:3:9: convention.a.means: \"sesion\" means nothing, did you mean \"session\"?",
        "wiretape.toml:4:13: convention.b.where: is missing",
        "wiretape.toml:9:1: convention.c.wher: no such key, did you mean `where`?",
        "--set: convention.d.where: nothing is called \"heeder\", did you mean \"header:x\"?",
        "default: convention.d.means: is missing",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}");
    }
    let text = "[convention.c]\nwhere = \"header:X-Team\"\nmeans = \"label\"\n";
    let config = load(text, &[], &[]).unwrap().config;
    assert!(config.to_toml().contains("[convention.c]\nwhere = \"header:x-team\"\nmeans = \"label\"\n"));
}

#[test]
fn json_has_every_part() {
    let json = Config::default().to_json();
    assert_eq!(json["proxy"]["listen"], "127.0.0.1:4750");
    assert_eq!(json["proxy"]["workers"], 0);
    assert!(json["proxy"]["token"].is_null());
    let wrong = load("[proxy]\nlisen = 1\n", &[], &[]).unwrap_err().0[0].to_json();
    assert_eq!(
        (&wrong["line"], &wrong["column"], &wrong["key"]),
        (&2.into(), &1.into(), &"proxy.lisen".into())
    );
    assert_eq!(wrong["hint"], "did you mean `listen`?");
}

#[test]
fn the_file_is_looked_for_in_order() {
    let folder = Folder::new();
    let text = |workers: u32| format!("[proxy]\nworkers = {workers}\n");
    let mut sources =
        Sources { folder: folder.0.clone(), home: Some(folder.0.join("home")), ..Sources::default() };
    let workers = |sources: &Sources| config::load(sources).unwrap().config.proxy.workers;
    let none = config::load(&sources).unwrap();
    assert_eq!((homeless(none.config), none.file), (Config::default(), None));
    let user = folder.file("home/.config/wiretape/config.toml", &text(1));
    assert_eq!(config::load(&sources).unwrap().file, Some(user));
    folder.file("xdg/wiretape/config.toml", &text(2));
    sources.env.push(("XDG_CONFIG_HOME".to_owned(), folder.0.join("xdg").display().to_string()));
    assert_eq!(workers(&sources), 2);
    folder.file("wiretape.toml", &text(3));
    assert_eq!(workers(&sources), 3);
    let named = folder.file("named.toml", &text(4)).display().to_string();
    sources.env.push(("WIRETAPE_CONFIG".to_owned(), named));
    assert_eq!(workers(&sources), 4);
    sources.file = Some(folder.file("flag.toml", &text(5)));
    assert_eq!(workers(&sources), 5);
    sources.file = Some(folder.0.join("missing.toml"));
    sources.overrides = sets(&[("proxy.lisen", "1")]);
    let lines = config::load(&sources).unwrap_err().to_string();
    assert!(
        lines.contains("missing.toml: cannot be read: ") && lines.contains("(named by --config)"),
        "{lines}"
    );
    assert!(lines.contains("\n--set: proxy.lisen: "), "{lines}");
}

#[test]
fn bytes_that_are_no_text_are_a_mistake() {
    let folder = Folder::new();
    let file = folder.0.join("bad.toml");
    std::fs::write(&file, b"[proxy]\n# \xff\n").unwrap();
    let wrong = config::load(&Sources { file: Some(file), ..Sources::default() }).unwrap_err().to_string();
    assert!(wrong.ends_with("bad.toml:2:3: is not UTF-8"), "{wrong}");
    let sources = Sources { unreadable: vec!["WIRETAPE_PROXY__TOKEN".to_owned()], ..Sources::default() };
    assert_eq!(
        config::load(&sources).unwrap_err().to_string(),
        "WIRETAPE_PROXY__TOKEN: its value is not UTF-8"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_file_is_read_or_refused(text in "(\\[{0,2}(proxy|log|upstream|x)(\\.[a-z\"]{0,3})?\\]{0,2}\n|[a-z_.\"]{0,8} ?= ?[0-9a-z\"'\\[\\]{},.:-]{0,9}\r?\n|\\PC{0,9}\n|listen = \"[0-9.:]{0,14}\"\n){0,8}") {
        if let Err(mistakes) = load(&text, &[], &[]) {
            prop_assert!(!mistakes.0.is_empty());
            prop_assert!(!mistakes.to_string().is_empty());
        }
    }

    #[test]
    fn any_name_is_read_or_refused(name in "[A-Za-z_.é]{0,20}", value in "\\PC{0,12}") {
        let _ = load("", &[(&format!("WIRETAPE_{name}"), &value)], &[(&name, &value)]);
        let _ = load("", &[(&format!("WIRETAPE_PROXY__{name}"), &value)], &[(&format!("upstream.{name}"), &value)]);
    }
}
