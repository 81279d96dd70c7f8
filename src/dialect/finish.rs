//! Why an answer ended: providers' words in OpenTelemetry's.

use crate::model::{Part, PartKind};

/// `stop`, `length`, `tool_call`, `content_filter`, `compaction` or `error`; another word stays as it is.
pub fn reason(word: &str) -> String {
    let lower = word.trim().to_ascii_lowercase();
    match lower.as_str() {
        "stop" | "end_turn" | "stop_sequence" | "eos" | "eos_token" | "complete" | "completed" | "finish"
        | "finished" | "end" | "endoftext" | "done" | "stop_criteria_met" | "1" => "stop",
        "length"
        | "max_tokens"
        | "max_output_tokens"
        | "model_context_window_exceeded"
        | "max_length"
        | "token_limit_reached"
        | "model_length"
        | "2" => "length",
        "tool_calls" | "tool_use" | "tool_call" | "function_call" | "requires_action" => "tool_call",
        "content_filter"
        | "content_filtered"
        | "safety"
        | "recitation"
        | "refusal"
        | "guardrail_intervened"
        | "blocklist"
        | "prohibited_content"
        | "spii"
        | "image_safety"
        | "image_prohibited_content"
        | "image_recitation"
        | "model_armor"
        | "jailbreak"
        | "sensitive"
        | "3"
        | "4" => "content_filter",
        "compaction" => "compaction",
        "error"
        | "failed"
        | "cancelled"
        | "error_toxic"
        | "timeout"
        | "malformed_function_call"
        | "malformed_tool_use"
        | "malformed_model_output"
        | "malformed_response"
        | "unexpected_tool_call"
        | "too_many_tool_calls"
        | "missing_thought_signature"
        | "network_error"
        | "model_error" => "error",
        _ => return lower,
    }
    .to_owned()
}

/// The same of a message with these parts, where a provider stops for a tool call as for anything else.
pub fn reason_of(word: &str, parts: &[Part]) -> String {
    let calls = parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall { .. }));
    match reason(word).as_str() {
        "stop" if calls => "tool_call".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_one_meaning_become_one() {
        for (words, expected) in [
            (&["stop", "END_TURN", "STOP", "COMPLETE"][..], "stop"),
            (&["length", "MAX_TOKENS", "max_tokens"], "length"),
            (&["tool_calls", "tool_use", "TOOL_CALL"], "tool_call"),
            (&["SAFETY", "guardrail_intervened"], "content_filter"),
            (&["pause_turn"], "pause_turn"),
        ] {
            for word in words {
                assert_eq!(reason(word), expected, "{word}");
            }
        }
    }
}
