//! The layers that are only names and text: `WIRETAPE_SECTION__KEY` in the environment, and flags.

use super::hint;
use super::load::{Layers, Sources};
use super::mistake::Place;
use super::section::{SECTIONS, Section};
use crate::model::setting::{Raw, nearest};

pub(super) const PREFIX: &str = "WIRETAPE_";

/// Reads our variables. Names without `__` are not settings, as `WIRETAPE_HOME` is not.
pub(super) fn variables(sources: &Sources, layers: &mut Layers) {
    // The environment has no order; mistakes and new upstreams should.
    let mut ours: Vec<_> =
        sources.env.iter().filter_map(|(name, value)| Some((name, setting_of(name)?, value))).collect();
    ours.sort();
    for (variable, name, value) in ours {
        let place = Place::Variable(variable.clone());
        let parts: Vec<&str> = name.split("__").collect();
        let spell = |section: &Section, name: &str, key: &str| {
            let path = section.path(name, key).replace('.', "__");
            format!("{PREFIX}{}", path.to_ascii_uppercase())
        };
        match parts[..] {
            [section, name, key] if is_named(section) => {
                let name = known_name(layers, section, name);
                set(layers, &place, [section, &name, key], value, spell);
            }
            [section, key] => set(layers, &place, [section, "", key], value, spell),
            _ => layers.wrong(place, "", "no such setting", None),
        }
    }
    for variable in sources.unreadable.iter().filter(|name| setting_of(name).is_some()) {
        layers.wrong(Place::Variable(variable.clone()), "", "its value is not UTF-8", None);
    }
}

/// Reads `SECTION.KEY`, and `SECTION.NAME.KEY` where a section has names.
pub(super) fn overrides(sources: &Sources, layers: &mut Layers) {
    for said in &sources.overrides {
        let place = Place::Flag(said.flag.clone());
        let spell = |section: &Section, name: &str, key: &str| section.path(name, key);
        let Some((section, rest)) = said.key.split_once('.') else {
            let hint = hint::for_section(&said.key);
            layers.wrong(place, &said.key, "expected SECTION.KEY", hint);
            continue;
        };
        // A name may hold dots; a key does not.
        let (name, key) = match rest.rsplit_once('.') {
            Some((name, key)) if is_named(section) => (name, key),
            _ => ("", rest),
        };
        set(layers, &place, [section, name, key], &said.value, spell);
    }
}

fn setting_of(variable: &str) -> Option<String> {
    let name = variable.strip_prefix(PREFIX)?;
    name.contains("__").then(|| name.to_ascii_lowercase())
}

fn is_named(section: &str) -> bool {
    Section::find(section).is_some_and(|section| section.named)
}

/// The name of an upstream or a rule as the file spells it: variables know neither case nor `-` nor `.`.
fn known_name(layers: &Layers, section: &str, name: &str) -> String {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '.'], "_");
    let known = Section::find(section).map(|section| (section.names)(&layers.config)).unwrap_or_default();
    known.into_iter().find(|known| plain(known) == name).unwrap_or_else(|| name.to_owned())
}

fn set(
    layers: &mut Layers,
    place: &Place,
    [section, name, key]: [&str; 3],
    value: &str,
    spell: impl Fn(&Section, &str, &str) -> String,
) {
    let Some(section) = Section::find(section) else {
        let known: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
        let hint = nearest(section, known.into_iter()).and_then(Section::find);
        let hint = hint.map(|near| format!("did you mean `{}`?", spell(near, name_or(near, name), key)));
        let path = format!("{section}.{key}");
        return layers.wrong(place.clone(), path, "no such section", hint);
    };
    if section.named && name.is_empty() {
        let path = format!("{}.{key}", section.name);
        let hint = format!("expected `{}`", spell(section, "NAME", key));
        return layers.wrong(place.clone(), path, "no such setting", Some(hint));
    }
    let path = section.path(name, key);
    let Some(at) = section.position(key) else {
        let hint = hint::for_key(section, key, |near| spell(section, name, near));
        return layers.wrong(place.clone(), path, "no such key", hint);
    };
    match (section.set)(&mut layers.config, name, at, &Raw::Text(value.to_owned())) {
        Ok(()) => layers.said(&path, place.clone()),
        Err(why) => layers.wrong(place.clone(), path, why, None),
    }
}

fn name_or<'a>(section: &Section, name: &'a str) -> &'a str {
    if section.named && name.is_empty() { "NAME" } else { name }
}
