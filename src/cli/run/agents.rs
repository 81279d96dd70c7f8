//! What single agents need beside variables.

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};

/// Programs that run one of another name.
const LAUNCHERS: &[&str] = &["npx", "bunx", "pnpx", "env"];

/// Settings for opencode, as JSON.
const OPENCODE: &str = "OPENCODE_CONFIG_CONTENT";
/// The paths of the base URLs of its providers.
const OPENCODE_PROVIDERS: &[(&str, &str)] = &[
    ("anthropic", "/v1"),
    ("openai", "/v1"),
    ("google", "/v1beta"),
    ("groq", "/groq/openai/v1"),
    ("openrouter", "/openrouter/api/v1"),
    ("xai", "/xai/v1"),
    ("deepseek", "/deepseek"),
    ("mistral", "/mistral/v1"),
];

/// Fits command and variables to the agent that is run, where it is one that is known.
pub(super) fn fit(
    command: &mut Vec<OsString>,
    base: &str,
    environment: &impl Fn(&str) -> Option<String>,
    set: &mut Vec<(String, String)>,
    notes: &mut Vec<String>,
) {
    let Some((at, name)) = program(command) else { return };
    match name.as_str() {
        "codex" => {
            let url = codex(base, environment, notes);
            // A value that holds no TOML is taken as text; in quotes it is TOML.
            let own = [OsString::from("-c"), format!("openai_base_url={url:?}").into()];
            command.splice(at + 1..at + 1, own);
        }
        "opencode" => match opencode(base, environment(OPENCODE)) {
            Some(settings) => set.push((OPENCODE.to_owned(), settings)),
            None => notes.push(format!("{OPENCODE} is not JSON: opencode is not pointed at the recorder")),
        },
        // What it calls a host is a base URL; to others it is other things.
        "goose" => {
            for name in ["OPENAI_HOST", "ANTHROPIC_HOST"] {
                if environment(name).is_none() {
                    set.push((name.to_owned(), base.to_owned()));
                }
            }
        }
        // The server reads it as the address to listen on.
        "ollama" if command.get(at + 1).is_some_and(|word| word == "serve") => {
            set.retain(|(name, _)| name != "OLLAMA_HOST");
        }
        _ => {}
    }
}

/// Where the program's name stands, and what it is without folder and version.
fn program(command: &[OsString]) -> Option<(usize, String)> {
    let name = |word: &OsString| {
        let last = Path::new(word).file_name()?.to_str()?;
        Some(last.split_once('@').map_or(last, |(name, _)| name).to_owned())
    };
    let first = name(command.first()?)?;
    if !LAUNCHERS.contains(&first.as_str()) {
        return Some((0, first));
    }
    let is_word =
        |word: &OsString| word.to_str().is_some_and(|word| !word.starts_with('-') && !word.contains('='));
    let at = 1 + command.iter().skip(1).position(is_word)?;
    Some((at, name(&command[at])?))
}

/// Codex ignores the variables. With a login at ChatGPT its calls go to another host than with a key.
fn codex(base: &str, environment: &impl Fn(&str) -> Option<String>, notes: &mut Vec<String>) -> String {
    let has_key = ["CODEX_API_KEY", "OPENAI_API_KEY"].iter().any(|name| environment(name).is_some());
    if has_key || logged_in_by_key(environment) {
        return format!("{base}/v1");
    }
    notes.push("no key for Codex is set: it is taken to be logged in at ChatGPT".to_owned());
    format!("{base}/chatgpt/backend-api/codex")
}

/// What Codex notes about its login: only whether it is by a key is looked at.
fn logged_in_by_key(environment: &impl Fn(&str) -> Option<String>) -> bool {
    let home = environment("CODEX_HOME").or_else(|| Some(format!("{}/.codex", environment("HOME")?)));
    let Some(home) = home else { return false };
    let Ok(text) = std::fs::read(Path::new(&home).join("auth.json")) else { return false };
    let login: Value = serde_json::from_slice(&text).unwrap_or_default();
    login.get("OPENAI_API_KEY").is_some_and(Value::is_string)
        && login.get("auth_mode").and_then(Value::as_str).is_none_or(|mode| mode == "apikey")
}

/// opencode's providers with their base URLs; what the user says there already stays. Nothing where that is no JSON.
fn opencode(base: &str, own: Option<String>) -> Option<String> {
    let mut settings: Value = own.map_or(Some(json!({})), |own| serde_json::from_str(&own).ok())?;
    for (name, path) in OPENCODE_PROVIDERS {
        let providers = entry(&mut settings, "provider")?;
        let options = entry(entry(providers, name)?, "options")?.as_object_mut()?;
        options.entry("baseURL").or_insert_with(|| format!("{base}{path}").into());
    }
    Some(settings.to_string())
}

/// The object under a key, made if there is none.
fn entry<'a>(of: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    Some(of.as_object_mut()?.entry(key).or_insert_with(|| json!({})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(words: &[&str], set: &[(&str, &str)]) -> (Vec<String>, Vec<(String, String)>) {
        let mut command: Vec<OsString> = words.iter().map(OsString::from).collect();
        let environment =
            |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let mut variables = vec![("OLLAMA_HOST".to_owned(), "BASE/ollama".to_owned())];
        fit(&mut command, "BASE", &environment, &mut variables, &mut Vec::new());
        (command.into_iter().map(|word| word.into_string().unwrap()).collect(), variables)
    }

    #[test]
    fn codex_is_told_on_its_command_line() {
        let key = [("CODEX_API_KEY", "k")];
        let own = ["-c", "openai_base_url=\"BASE/v1\""];
        let (command, _) = fitted(&["/opt/codex", "exec", "hi"], &key);
        assert_eq!(command, ["/opt/codex", own[0], own[1], "exec", "hi"]);
        let (command, _) = fitted(&["npx", "-y", "@openai/codex@0.169.0", "exec"], &key);
        assert_eq!(command, ["npx", "-y", "@openai/codex@0.169.0", own[0], own[1], "exec"]);
        let (command, _) = fitted(&["codex"], &[]);
        assert_eq!(command[2], "openai_base_url=\"BASE/chatgpt/backend-api/codex\"");
    }

    #[test]
    fn opencode_is_told_in_its_settings() {
        let own = [(OPENCODE, r#"{"model":"m","provider":{"openai":{"options":{"baseURL":"mine"}}}}"#)];
        let (_, set) = fitted(&["opencode", "run"], &own);
        let settings: Value = serde_json::from_str(&set[1].1).unwrap();
        assert_eq!(settings["model"], "m");
        assert_eq!(settings["provider"]["openai"]["options"]["baseURL"], "mine");
        assert_eq!(settings["provider"]["google"]["options"]["baseURL"], "BASE/v1beta");
    }

    #[test]
    fn goose_calls_a_base_url_a_host() {
        let (_, set) = fitted(&["goose", "run"], &[("ANTHROPIC_HOST", "mine")]);
        assert!(set.contains(&("OPENAI_HOST".to_owned(), "BASE".to_owned())));
        assert!(!set.iter().any(|(name, _)| name == "ANTHROPIC_HOST"));
    }

    #[test]
    fn a_server_keeps_the_address_it_listens_on() {
        assert!(fitted(&["ollama", "serve"], &[]).1.is_empty());
        assert_eq!(fitted(&["ollama", "run", "m"], &[]).1.len(), 1);
    }
}
