//! The settings of `[redact]` and `[redact_rule.NAME]`.

use regex::bytes::{Regex, RegexBuilder};

use super::built_in::BUILT_IN;
use crate::model::setting::{Raw, Setting, Value, quote};
use crate::setting;

#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Built-in rules that hold.
    pub rules: Vec<String>,
    /// Names of JSON members that are credentials, beside the built-in ones.
    pub fields: Vec<String>,
    /// The user's own rules by name, in the order in which they were first named.
    pub own: Vec<(String, RuleConfig)>,
}

impl Default for Config {
    fn default() -> Self {
        Self { rules: vec!["keys".to_owned()], fields: Vec::new(), own: Vec::new() }
    }
}

pub const SETTINGS: &[Setting<Config>] = &[
    setting!(
        rules,
        "Built-in rules that hold. keys: credentials by their form (keys of providers and clouds, private keys, JSON web \
         tokens, passwords in URLs); cards: numbers of payment cards; emails; phones, in the international form; ssn: \
         social security numbers of the United States."
    ),
    setting!(
        fields,
        "Names of JSON members whose values are credentials, beside the built-in ones (api_key, client_secret, \
         access_token, password, authorization and the like, which always hold). Neither case nor _ nor - matters."
    ),
];

/// A rule of the user's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleConfig {
    pub pattern: Option<String>,
    pub scope: Scope,
}

pub const RULE_SETTINGS: &[Setting<RuleConfig>] = &[
    setting!(
        pattern,
        "A regular expression, without look-around. Where it has a group called secret, only that is taken out. It sees the \
         text of JSON strings, without escapes and put together again where a stream cut it, not the JSON about it.",
        example = "\"EMP-[0-9]{6}\""
    ),
    setting!(scope, "Where it holds: \"headers\" (query and labels, too), \"bodies\" or \"both\"."),
];

/// Where a rule holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    Headers,
    Bodies,
    #[default]
    Both,
}

impl Scope {
    const NAMES: [(&'static str, Self); 3] =
        [("headers", Self::Headers), ("bodies", Self::Bodies), ("both", Self::Both)];
}

impl Value for Scope {
    fn read(raw: &Raw) -> Result<Self, String> {
        let known = match raw {
            Raw::Text(text) => Self::NAMES.iter().find(|(name, _)| name == text),
            _ => None,
        };
        let wrong = || "expected \"headers\", \"bodies\" or \"both\"".to_owned();
        known.map(|(_, scope)| *scope).ok_or_else(wrong)
    }

    fn show(&self) -> Option<String> {
        Self::NAMES.iter().find(|(_, scope)| scope == self).map(|(name, _)| quote(name))
    }
}

/// A mistake: the name of the rule where it is in one of the user's own, the key, and what is wrong.
pub type Fault = (String, &'static str, String);

/// What a compiled expression may take.
const LARGEST: usize = 4 << 20;

impl Config {
    /// The user's rule of this name.
    pub fn own(&self, name: &str) -> Option<&RuleConfig> {
        self.own.iter().find(|(known, _)| known == name).map(|(_, rule)| rule)
    }

    /// The user's rule of this name, made if there is none yet.
    pub fn own_mut(&mut self, name: &str) -> &mut RuleConfig {
        let at = self.own.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.own.push((name.to_owned(), RuleConfig::default()));
            self.own.len() - 1
        });
        &mut self.own[at].1
    }

    /// The same with every built-in rule.
    #[must_use]
    pub fn stricter(&self) -> Self {
        let rules = BUILT_IN.iter().map(|rule| rule.name.to_owned()).collect();
        Self { rules, ..self.clone() }
    }

    /// What is wrong with `[redact]`.
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let known: Vec<&str> = BUILT_IN.iter().map(|rule| rule.name).collect();
        let unknown = self.rules.iter().filter(|name| !known.contains(&name.as_str()));
        let mut faults: Vec<_> = unknown
            .map(|name| {
                ("rules", format!("no built-in rule is called {name:?}, there are {}", known.join(", ")))
            })
            .collect();
        // A name of signs alone would be any name of signs alone.
        let empty = self.fields.iter().filter(|name| !name.bytes().any(|byte| byte.is_ascii_alphanumeric()));
        faults.extend(empty.map(|name| ("fields", format!("{name:?} is no name of a member"))));
        faults
    }

    /// What is wrong with the user's own rules.
    pub fn check_own(&self) -> Vec<Fault> {
        let wrong =
            |(name, rule): &(String, RuleConfig)| Some((name.clone(), "pattern", rule.compile(name).err()?));
        self.own.iter().filter_map(wrong).collect()
    }
}

impl RuleConfig {
    /// The expression, and which of its groups is the secret.
    pub(super) fn compile(&self, name: &str) -> Result<(Regex, usize), String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(fits) || BUILT_IN.iter().any(|rule| rule.name == name) {
            return Err("its rule needs another name: letters, digits, - and _, not that of a built-in one"
                .to_owned());
        }
        let pattern = self.pattern.as_deref().ok_or("is missing")?;
        let short = |why: &dyn std::fmt::Display| {
            let text = why.to_string();
            let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            format!("is no regular expression: {}", line.trim_start_matches("error: "))
        };
        // As text, too: one that may match half a character could leave half a character.
        let of_text = regex::RegexBuilder::new(pattern).size_limit(LARGEST).build();
        of_text.map_err(|why| short(&why))?;
        let regex = RegexBuilder::new(pattern).size_limit(LARGEST).build().map_err(|why| short(&why))?;
        if regex.is_match(b"") {
            return Err("matches an empty text".to_owned());
        }
        let group = regex.capture_names().position(|name| name == Some("secret")).unwrap_or(0);
        Ok((regex, group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_with_their_key() {
        let mut config = Config { rules: vec!["keyz".to_owned()], ..Config::default() };
        config.fields.push("_".to_owned());
        let keys: Vec<_> = config.check().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["rules", "fields"]);
        for (name, pattern) in [("a", "("), ("b", "x*"), ("keys", "x"), ("a b", "x"), ("c", "(?-u:\\xff)")] {
            config.own_mut(name).pattern = Some(pattern.to_owned());
        }
        config.own_mut("d");
        config.own_mut("fine").pattern = Some("id=(?<secret>[0-9]+)".to_owned());
        let names: Vec<_> = config.check_own().into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["a", "b", "keys", "a b", "c", "d"]);
        assert_eq!(config.own_mut("fine").compile("fine").unwrap().1, 1);
    }
}
