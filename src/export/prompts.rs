//! Versions of prompts as values: what each came to, what it says, and what two of them differ in.

use serde_json::{Value, json};

use super::summary::millis;
use super::{Records, Source};
use crate::store::{PromptVersion, Sketch, StoreError};
use crate::trace::changes::{ToolChanges, changes};
use crate::trace::diff::DiffLine;
use crate::trace::prompt::{normalised, system_text};

/// As much of a prompt as a list shows.
const BEGINNING: usize = 200;

/// A percentile in milliseconds.
pub fn quantile(sketch: &Sketch, part: f64) -> Value {
    json!(sketch.quantile(part).map(|micros| micros / 1000.0))
}

/// A version with what it came to.
pub fn line(one: &PromptVersion) -> Value {
    let PromptVersion { version, tools, first, last, example, totals, duration, first_token } = one;
    json!({
        "prompt_version": version, "tools_version": tools, "first_time": first.rfc3339(), "last_time": last.rfc3339(),
        "example_id": example.to_string(), "calls": totals.generations, "errors": totals.errors,
        "cancelled": totals.cancelled, "interrupted": totals.interrupted, "retries": totals.retries,
        "input": totals.input, "output": totals.output, "cache_read": totals.cache_read,
        "cache_write": totals.cache_write, "reasoning": totals.reasoning, "cost": totals.cost.to_json(),
        "unknown_usage": totals.unknown_usage, "unknown_cost": totals.unknown_cost,
        "model_ms": millis(totals.model_time), "wasted_ms": millis(totals.wasted_time),
        "wasted_tokens": totals.wasted_tokens, "duration_p50_ms": quantile(duration, 0.5),
        "duration_p95_ms": quantile(duration, 0.95), "ttft_p50_ms": quantile(first_token, 0.5),
    })
}

/// Without what changes by itself: that is no part of a version.
pub fn beginning(prompt: &str) -> String {
    let prompt = normalised(prompt);
    let words: Vec<&str> = prompt.split_whitespace().take(BEGINNING / 2).collect();
    words.join(" ").chars().take(BEGINNING).collect()
}

/// The version that is named so, or begins so; of several with other tools the one seen last. `VERSION/TOOLS` names both.
pub fn pick<'a>(all: &'a [PromptVersion], name: &str) -> Option<&'a PromptVersion> {
    // A caller may call a version anything, also by the beginning of another's name or with a slash in it.
    let or_none = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".to_owned());
    let is_whole =
        |one: &&PromptVersion| format!("{}/{}", or_none(&one.version), or_none(&one.tools)) == name;
    let is_version = |one: &&PromptVersion| one.version.as_deref() == Some(name);
    if let Some(found) = all.iter().find(is_whole).or_else(|| all.iter().find(is_version)) {
        return Some(found);
    }
    let (version, tools) =
        name.split_once('/').map_or((name, None), |(version, tools)| (version, Some(tools)));
    let begins = |own: &Option<String>, wanted: &str| {
        own.as_deref().map_or(wanted == "-", |own| own.starts_with(wanted)) || wanted.is_empty()
    };
    all.iter()
        .find(|one| begins(&one.version, version) && tools.is_none_or(|tools| begins(&one.tools, tools)))
}

impl Records {
    /// The call that shows what a version says.
    pub async fn example(&mut self, version: &PromptVersion) -> Result<Option<Source>, StoreError> {
        match self.store.observation(version.example).await? {
            Some(stored) => self.source(&stored).await,
            None => Ok(None),
        }
    }

    /// What a version says.
    pub async fn prompt(&mut self, version: &PromptVersion) -> Result<String, StoreError> {
        let source = self.example(version).await?;
        Ok(source.as_ref().and_then(Source::reading).map(system_text).unwrap_or_default())
    }
}

/// Two calls' prompts, and what their tools differ in; `None` where one of the two has no content.
pub fn compared(before: &Source, after: &Source) -> Option<(String, String, ToolChanges)> {
    let (before, after) = (before.reading()?, after.reading()?);
    Some((system_text(before), system_text(after), changes(before, after).tools))
}

/// Lines as `{"is": "same", "text": …}`.
pub fn lines(difference: &[DiffLine]) -> Value {
    let line = |each: &DiffLine| match each {
        DiffLine::Same(text) => json!({"is": "same", "text": text}),
        DiffLine::Removed(text) => json!({"is": "removed", "text": text}),
        DiffLine::Added(text) => json!({"is": "added", "text": text}),
    };
    difference.iter().map(line).collect()
}

pub fn tools(changes: &ToolChanges) -> Value {
    let ToolChanges { added, removed, changed } = changes;
    json!({"added": added, "removed": removed, "changed": changed})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Micros, ObservationId};
    use crate::store::{Sketch, Totals};

    #[test]
    fn a_whole_name_goes_before_the_beginning_of_one() {
        let version = |version: &str, tools: Option<&str>| PromptVersion {
            version: Some(version.to_owned()),
            tools: tools.map(str::to_owned),
            first: Micros(0),
            last: Micros(0),
            example: ObservationId::parse("000000000000000a").unwrap(),
            totals: Totals::default(),
            duration: Sketch::default(),
            first_token: Sketch::default(),
        };
        let all = [version("v10", Some("ab")), version("v1", Some("ab")), version("team/v1", None)];
        let picked = |name: &str| pick(&all, name).map(|one| one.version.clone().unwrap());
        assert_eq!(picked("v1").as_deref(), Some("v1"));
        assert_eq!(picked("v1/ab").as_deref(), Some("v1"));
        assert_eq!(picked("team/v1/-").as_deref(), Some("team/v1"));
        assert_eq!(picked("team/v1").as_deref(), Some("team/v1"));
        assert_eq!(picked("v").as_deref(), Some("v10"));
        assert_eq!(picked("v10/a").as_deref(), Some("v10"));
        assert_eq!(picked("x"), None);
    }
}
