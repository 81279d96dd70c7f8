//! Where a call goes: `…/models/MODEL:method`, with a model in one of the many places where Google keeps them.

use crate::dialect::Call;
use crate::dialect::call::decoded;

/// What stands before a model's name, and what of it belongs to the name.
const SHELVES: &[(&str, &str)] =
    &[("/models/", ""), ("/tunedModels/", "tunedModels/"), ("/endpoints/", "endpoints/")];

/// What a path says.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    pub model: Option<String>,
    /// What stands behind the colon.
    pub method: String,
}

/// The target of a POST; `None` where its path names no method.
pub fn target(call: &Call) -> Option<Target> {
    if !call.is_post() {
        return None;
    }
    let path = decoded(call.trimmed());
    let (before, method) = path.rsplit_once(':')?;
    if method.is_empty() || method.contains('/') {
        return None;
    }
    Some(Target { model: model_at(before), method: method.to_owned() })
}

/// Whether a POST goes to one of these methods.
pub fn posts_to(call: &Call, methods: &[&str]) -> bool {
    target(call).is_some_and(|target| methods.contains(&target.method.as_str()))
}

/// The model's name in a resource name: `models/M`, `projects/…/publishers/google/models/M`, or `M` itself.
pub fn model_name(name: &str) -> Option<String> {
    let rooted = format!("/{}", name.trim_start_matches('/'));
    model_at(&rooted).or_else(|| Some(name.to_owned()).filter(|name| !name.is_empty()))
}

fn model_at(path: &str) -> Option<String> {
    let found = SHELVES.iter().filter_map(|(shelf, kept)| Some((path.rfind(shelf)? + shelf.len(), kept)));
    let (at, kept) = found.max()?;
    let name = path.get(at..).filter(|name| !name.is_empty())?;
    Some(format!("{kept}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_found_wherever_they_stand() {
        for (path, model, method) in [
            ("/v1beta/models/gemini-2.5-flash:generateContent", Some("gemini-2.5-flash"), "generateContent"),
            ("/v1beta/models/gemini-2.5-flash%3AcountTokens", Some("gemini-2.5-flash"), "countTokens"),
            ("/v1/projects/p/locations/l/publishers/google/models/g@001:predict", Some("g@001"), "predict"),
            (
                "/v1/projects/p/locations/l/endpoints/42:generateContent",
                Some("endpoints/42"),
                "generateContent",
            ),
            ("/v1beta/tunedModels/mine-1:generateContent", Some("tunedModels/mine-1"), "generateContent"),
            ("/v1/publishers/google/models/g:generateContent/", Some("g"), "generateContent"),
            ("/v1internal:streamGenerateContent", None, "streamGenerateContent"),
        ] {
            let call = Call { method: "POST".to_owned(), path: path.to_owned(), ..Call::default() };
            let expected = Target { model: model.map(str::to_owned), method: method.to_owned() };
            assert_eq!(target(&call), Some(expected), "{path}");
        }
        let path = "/v1/models/a:b/c".to_owned();
        assert_eq!(target(&Call { method: "POST".to_owned(), path, ..Call::default() }), None);
        assert_eq!(model_name("models/g").as_deref(), Some("g"));
        assert_eq!(model_name("g").as_deref(), Some("g"));
        assert_eq!(model_name("projects/p/locations/l/publishers/google/models/g").as_deref(), Some("g"));
        assert_eq!(model_name(""), None);
    }
}
