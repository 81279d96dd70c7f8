//! What a response used beside tokens: searches and other things that are billed by the piece.

use serde_json::Value;

use crate::dialect::json::Look;

/// Where the provider itself says how many: a place in the response, and what the price table calls it.
const SAID: &[(&[&str], &str)] = &[
    (&["tool_usage", "web_search", "num_requests"], "web_search"),
    (&["tool_usage", "file_search", "num_requests"], "file_search"),
    (&["usage", "server_tool_use_details", "web_search_requests"], "web_search"),
    (&["usage", "server_side_tool_usage_details", "web_search_calls"], "web_search"),
    (&["usage", "server_side_tool_usage_details", "x_search_calls"], "social_search"),
    (&["usage", "server_side_tool_usage_details", "code_interpreter_calls"], "code_execution"),
    (&["usage", "server_side_tool_usage_details", "file_search_calls"], "file_search"),
    (&["usage", "server_side_tool_usage_details", "document_search_calls"], "document_search"),
    (&["usage", "server_side_tool_usage_details", "image_generation_calls"], "image_generation"),
];

/// Items that are counted where nobody says how many there were. An image is made by a model of its own, whose tokens are
/// in no sum: it stands here so that nobody takes the rest for the whole.
const COUNTED: &[(&str, &str)] = &[
    ("web_search_call", "web_search"),
    ("file_search_call", "file_search"),
    ("image_generation_call", "image_generation"),
];

/// What is billed by the piece.
pub fn requests(response: &Value, items: &[Value]) -> Vec<(String, u64)> {
    let mut found: Vec<(&str, u64)> = Vec::new();
    for (place, name) in SAID {
        let value = place.iter().try_fold(response, |value, key| value.get(key));
        if let Some(count) = value.and_then(crate::dialect::json::count)
            && !found.iter().any(|(known, _)| known == name)
        {
            found.push((name, count));
        }
    }
    for (kind, name) in COUNTED {
        if !found.iter().any(|(known, _)| known == name) {
            let count =
                items.iter().filter(|item| item.text("type") == Some(kind) && is_billed(item)).count();
            found.push((name, count as u64));
        }
    }
    found.retain(|(_, count)| *count > 0);
    found.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

/// Of what a search does, to open a page and to look into it are free.
fn is_billed(item: &Value) -> bool {
    let action = item.get("action").and_then(|action| action.text("type"));
    item.text("status") != Some("failed") && action.is_none_or(|action| action == "search")
}

/// Whether all the numbers in it are zero.
pub fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Object(object) => object.values().all(is_nothing),
        Value::Array(list) => list.iter().all(is_nothing),
        Value::Null => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_goes_before_what_is_counted() {
        let search = |action: &str| json!({"type": "web_search_call", "action": {"type": action}});
        let items = [search("search"), search("open_page"), json!({"type": "file_search_call"})];
        let read = |response: Value| requests(&response, &items);
        let named = |name: &str, count| (name.to_owned(), count);
        assert_eq!(read(json!({})), [named("web_search", 1), named("file_search", 1)]);
        assert_eq!(
            read(json!({"tool_usage": {"web_search": {"num_requests": 3}}})),
            [named("web_search", 3), named("file_search", 1)]
        );
    }
}
