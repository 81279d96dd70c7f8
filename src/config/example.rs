//! The configuration written out: the example file, the list of settings, and the one in effect.

use super::Config;
use super::section::SECTIONS;
use crate::model::setting::key as spelled;

/// A setting's section, key, default as a TOML literal (`None` where unset), and doc.
pub type Described = (&'static str, &'static str, Option<String>, &'static str);

const WIDTH: usize = 100;

/// What stands for a name of the user's own.
const EXAMPLE_NAME: &str = "mine";

const HEAD: &str = "\
wiretape's configuration. Every key is optional; those below show their defaults, so this file as it stands changes \
nothing. It is looked for at --config, $WIRETAPE_CONFIG, ./wiretape.toml, then ~/.config/wiretape/config.toml. \
WIRETAPE_SECTION__KEY in the environment overrides it, as in WIRETAPE_PROXY__LISTEN=127.0.0.1:5000; `--set \
SECTION.KEY=VALUE` overrides both. The value none unsets what has no default. \
`wiretape check` says what is wrong with a configuration, and `wiretape check --print` what is in effect.";

/// `config.toml.example`, whole.
///
/// A setting with a default is a line `# key = default`, to be changed once the `# ` is taken off. One without is
/// indented further, with an example for its value, and so is a table whose name is the user's to choose.
pub fn example() -> String {
    let mut default = Config::default();
    let mut text = wrapped(HEAD);
    for section in SECTIONS {
        (section.open)(&mut default, EXAMPLE_NAME);
        text.push('\n');
        text.push_str(&wrapped(section.intro));
        // An upstream that is named exists: unlike those of the others, its header is not without effect.
        text.push_str(&if section.named {
            format!("#   [{}.{EXAMPLE_NAME}]\n", section.name)
        } else {
            format!("{}\n", section.header())
        });
        for (at, entry) in (section.entries)().iter().enumerate() {
            let literal = (section.show)(&default, EXAMPLE_NAME, at);
            let indent = if section.named || literal.is_none() { "#   " } else { "# " };
            let literal = literal.or(entry.example.map(str::to_owned)).unwrap_or_default();
            text.push('\n');
            text.push_str(&wrapped(entry.doc));
            text.push_str(&format!("{indent}{} = {literal}\n", entry.key));
        }
    }
    text
}

/// Every setting there is.
pub fn describe() -> Vec<Described> {
    let mut default = Config::default();
    let mut all = Vec::new();
    for section in SECTIONS {
        (section.open)(&mut default, EXAMPLE_NAME);
        for (at, entry) in (section.entries)().iter().enumerate() {
            let literal = (section.show)(&default, EXAMPLE_NAME, at);
            all.push((section.name, entry.key, literal, entry.doc));
        }
    }
    all
}

/// A table of the configuration in effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub section: &'static str,
    /// As in `[upstream.NAME]`; `None` in a section that has no names.
    pub name: Option<String>,
    /// Its keys, with TOML literals (`None` where unset). Secrets are hidden.
    pub values: Vec<(&'static str, Option<String>)>,
}

/// A configuration as tables, in the order of the example.
pub fn show(config: &Config) -> Vec<Table> {
    let mut tables = Vec::new();
    for section in SECTIONS {
        for name in (section.names)(config) {
            let values = (section.entries)()
                .iter()
                .enumerate()
                .map(|(at, entry)| (entry.key, (section.show)(config, &name, at)))
                .collect();
            tables.push(Table { section: section.name, name: section.named.then_some(name), values });
        }
    }
    tables
}

impl Config {
    /// The configuration as TOML; what is unset is left out, secrets are hidden.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for table in show(self) {
            if !text.is_empty() {
                text.push('\n');
            }
            let name = table.name.map(|name| format!(".{}", spelled(&name))).unwrap_or_default();
            text.push_str(&format!("[{}{name}]\n", table.section));
            for (key, literal) in table.values {
                if let Some(literal) = literal {
                    text.push_str(&format!("{key} = {literal}\n"));
                }
            }
        }
        text
    }
}

/// Text as comment lines of a sane width.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count() + 1;
        if width == 0 || width + length > WIDTH {
            lines.push_str(if width == 0 { "#" } else { "\n#" });
            width = 1;
        }
        lines.push(' ');
        lines.push_str(word);
        width += length;
    }
    lines.push('\n');
    lines
}
