//! What someone may have meant who wrote a name that is not known.

use super::section::{SECTIONS, Section};
use crate::model::setting::nearest;

/// The hint for a key that its section does not have, the section's own keys written by `name`.
pub(super) fn for_key(section: &Section, key: &str, name: impl Fn(&str) -> String) -> Option<String> {
    let entries = (section.entries)();
    let near = nearest(key, entries.iter().map(|entry| entry.key));
    owners(key).or_else(|| near.map(|near| format!("did you mean `{}`?", name(near))))
}

/// The hint for a section that there is not.
pub(super) fn for_section(name: &str) -> Option<String> {
    let near = nearest(name, SECTIONS.iter().map(|section| section.name));
    let section = near.and_then(Section::find);
    owners(name).or_else(|| section.map(|section| format!("did you mean {}?", section.header())))
}

/// Which sections have such a key.
fn owners(key: &str) -> Option<String> {
    let owners: Vec<String> =
        SECTIONS.iter().filter(|section| section.position(key).is_some()).map(Section::header).collect();
    if owners.is_empty() { None } else { Some(format!("`{key}` belongs to {}", owners.join(" or "))) }
}
