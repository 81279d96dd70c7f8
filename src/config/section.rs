//! The sections of the configuration, each with what its room says about its settings.

use super::Config;
use crate::model::setting::Raw;
use crate::proxy::upstream::Upstreams;

/// One `[section]`, without the type of its room's `Config`: its settings go by their place in `entries`.
pub struct Section {
    pub name: &'static str,
    /// There is a `[section.NAME]` for each name that a user gives. Elsewhere the name is empty.
    pub named: bool,
    pub intro: &'static str,
    pub entries: fn() -> Vec<Entry>,
    pub(super) open: fn(&mut Config, name: &str),
    pub(super) set: fn(&mut Config, name: &str, at: usize, &Raw) -> Result<(), String>,
    /// `None` where it is unset.
    pub(super) show: fn(&Config, name: &str, at: usize) -> Option<String>,
    pub(super) names: fn(&Config) -> Vec<String>,
    pub(super) check: fn(&Config) -> Vec<Fault>,
}

/// What a room finds wrong: under which name, at which key, and what.
pub(super) type Fault = (String, &'static str, String);

/// A setting, without the type of its room's `Config`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    pub key: &'static str,
    pub doc: &'static str,
    pub example: Option<&'static str>,
}

macro_rules! entries {
    ($settings:expr) => {
        || $settings.iter().map(|s| Entry { key: s.key, doc: s.doc, example: s.example }).collect()
    };
}

macro_rules! section {
    ($field:ident, $settings:expr, $intro:expr, $check:expr) => {
        Section {
            name: stringify!($field),
            named: false,
            intro: $intro,
            entries: entries!($settings),
            open: |_, _| {},
            set: |config, _, at, raw| ($settings[at].set)(&mut config.$field, raw),
            show: |config, _, at| ($settings[at].show)(&config.$field),
            names: |_| vec![String::new()],
            check: $check,
        }
    };
}

/// Every section, in the order in which the example shows them.
pub const SECTIONS: &[Section] = &[
    section!(
        proxy,
        crate::proxy::SETTINGS,
        "The listener that agents' calls come to, and how they go on to the providers.",
        |config| plain(config.proxy.check())
    ),
    section!(
        web,
        crate::web::SETTINGS,
        "The listener for people and tools: pages, API, metrics. Nothing here is reachable through the proxy's address.",
        |config| plain(config.web.check())
    ),
    section!(
        tape,
        crate::tape::SETTINGS,
        "Where traffic is written down as it happens, until it is in the store. The wire never waits for it.",
        |config| plain(config.tape.check())
    ),
    section!(
        recorder,
        crate::recorder::SETTINGS,
        "What reads the tape: traffic becomes records here, on a thread of its own.",
        |config| plain(config.recorder.check())
    ),
    section!(store, crate::store::SETTINGS, "Where records are kept.", |config| plain(config.store.check())),
    section!(
        prices,
        crate::price::SETTINGS,
        "What models cost. The built-in table holds without any of this.",
        |_| Vec::new()
    ),
    section!(
        redact,
        crate::redact::SETTINGS,
        "What is taken out of headers, queries and bodies before anything is stored. A keyed fingerprint stands in its place. \
         Bodies that are encoded in a way that cannot be decoded are not kept, unless they are text all the same.",
        |config| plain(config.redact.check())
    ),
    Section {
        name: "redact_rule",
        named: true,
        intro: "Rules of your own by name, one table each: what matches the pattern is taken out. In the environment: \
                WIRETAPE_REDACT_RULE__NAME__PATTERN.",
        entries: entries!(crate::redact::RULE_SETTINGS),
        open: |config, name| {
            config.redact.own_mut(name);
        },
        set: |config, name, at, raw| (crate::redact::RULE_SETTINGS[at].set)(config.redact.own_mut(name), raw),
        show: |config, name, at| (crate::redact::RULE_SETTINGS[at].show)(config.redact.own(name)?),
        names: |config| config.redact.own.iter().map(|(name, _)| name.clone()).collect(),
        check: |config| config.redact.check_own(),
    },
    Section {
        name: "convention",
        named: true,
        intro: "How callers say whose call it is, by names of your own, one table each; those of other systems and of \
                agents are known, see docs/callers.md. In the environment: WIRETAPE_CONVENTION__NAME__WHERE.",
        entries: entries!(crate::trace::CONVENTION_SETTINGS),
        open: |config, name| {
            config.trace.own_mut(name);
        },
        set: |config, name, at, raw| {
            (crate::trace::CONVENTION_SETTINGS[at].set)(config.trace.own_mut(name), raw)
        },
        show: |config, name, at| (crate::trace::CONVENTION_SETTINGS[at].show)(config.trace.own(name)?),
        names: |config| config.trace.conventions.iter().map(|own| own.name.clone()).collect(),
        check: |config| config.trace.check_own(),
    },
    section!(log, super::log::SETTINGS, "What wiretape says about itself, on stderr.", |config| plain(
        config.log.check()
    )),
    Section {
        name: "upstream",
        named: true,
        intro: "Providers by name, one table each. Replace https://host by http://127.0.0.1:4750/NAME in a client's \
                base URL and keep the path. Of a built-in name (openai, anthropic, gemini, ollama and so on) say only \
                what differs; any other name is a new upstream. In the environment: WIRETAPE_UPSTREAM__NAME__URL.",
        entries: entries!(crate::proxy::upstream::SETTINGS),
        open: |config, name| {
            config.upstream_mut(name);
        },
        set: |config, name, at, raw| {
            (crate::proxy::upstream::SETTINGS[at].set)(config.upstream_mut(name), raw)
        },
        show: |config, name, at| (crate::proxy::upstream::SETTINGS[at].show)(config.upstream(name)?),
        names: |config| config.upstreams.iter().map(|(name, _)| name.clone()).collect(),
        check: |config| {
            let mut wrong = Upstreams::new(&config.upstreams).err().unwrap_or_default();
            wrong.extend(config.upstreams.iter().filter_map(unknown_dialect));
            wrong
        },
    },
    Section {
        name: "export",
        named: true,
        intro: "Where spans of what is recorded are sent as it comes, by names of your own, one table each; see \
                docs/opentelemetry.md. What was recorded before a destination was named is sent by wiretape push. In the \
                environment: WIRETAPE_EXPORT__NAME__URL.",
        entries: entries!(crate::push::SETTINGS),
        open: |config, name| {
            config.export_mut(name);
        },
        set: |config, name, at, raw| (crate::push::SETTINGS[at].set)(config.export_mut(name), raw),
        show: |config, name, at| (crate::push::SETTINGS[at].show)(config.export(name)?),
        names: |config| config.exports.iter().map(|(name, _)| name.clone()).collect(),
        check: |config| {
            let all = config.exports.iter();
            all.flat_map(|(name, own)| own.check().into_iter().map(|(key, why)| (name.clone(), key, why)))
                .collect()
        },
    },
];

impl Section {
    pub fn find(name: &str) -> Option<&'static Section> {
        SECTIONS.iter().find(|section| section.name == name)
    }

    pub(super) fn position(&self, key: &str) -> Option<usize> {
        (self.entries)().iter().position(|entry| entry.key == key)
    }

    /// Its header, as in `[upstream.NAME]`.
    pub fn header(&self) -> String {
        if self.named { format!("[{}.NAME]", self.name) } else { format!("[{}]", self.name) }
    }

    /// A setting's full name, as in `proxy.listen`.
    pub(super) fn path(&self, name: &str, key: &str) -> String {
        if self.named { format!("{}.{name}.{key}", self.name) } else { format!("{}.{key}", self.name) }
    }
}

fn unknown_dialect((name, upstream): &(String, crate::proxy::upstream::Config)) -> Option<Fault> {
    let said = upstream.dialect.as_deref()?;
    let known: Vec<&str> = crate::dialect::ALL.iter().map(|dialect| dialect.name()).collect();
    let what = || format!("no dialect is called {said:?}; there are {}", known.join(", "));
    (!known.contains(&said)).then(|| (name.clone(), "dialect", what()))
}

fn plain(faults: Vec<(&'static str, String)>) -> Vec<Fault> {
    faults.into_iter().map(|(key, what)| (String::new(), key, what)).collect()
}
