//! Puts an answer of `generateContent` together: from one object, or from the many of a stream.

use serde_json::{Map, Value};

use super::content::{part, role};
use super::names::{Either, rest, word_or_number};
use super::partial;
use super::usage::{add_searches, tier, usage};
use crate::dialect::error::in_json;
use crate::dialect::finish::reason_of;
use crate::model::{Answered, Message, Part, PartKind, Usage, UsageSource};

/// What stands on the top of an answer and is said elsewhere in the record.
const KNOWN: &[&str] = &["candidates", "usageMetadata", "modelVersion", "responseId", "createTime", "error"];

/// What of a candidate is said elsewhere.
const KNOWN_CANDIDATE: &[&str] = &["content", "finishReason", "index"];

/// What Google would have one show for a search: a page of its own, as long as the answer.
const SHOWN: &[&str] = &["searchEntryPoint", "googleMapsWidgetContextToken"];

/// An answer under way.
#[derive(Debug, Default)]
pub struct Gathered {
    answered: Answered,
    candidates: Vec<Candidate>,
    usage: Option<Usage>,
    block: Option<String>,
}

#[derive(Debug, Default)]
struct Candidate {
    index: u64,
    role: Option<String>,
    parts: Vec<Part>,
    /// Which part is a call whose arguments are still coming.
    open: Option<usize>,
    finish: Option<String>,
    extra: Map<String, Value>,
}

impl Gathered {
    /// One object: the whole answer, or a piece of it. `streamed`: what comes goes on where the last piece ended. Says
    /// whether the model generated something in it.
    pub fn hear(&mut self, json: &Value, streamed: bool) -> bool {
        // The command line's own API wraps each object.
        if let Some(inner) = json.either("response").filter(|inner| inner.is_object()) {
            for (key, value) in rest(json, &["response"]) {
                self.answered.extra.insert(key, value);
            }
            return self.hear(inner, streamed);
        }
        if let Some(error) = in_json(json, None) {
            self.answered.error = Some(error);
        }
        self.top(json);
        let mut generated = false;
        for (place, candidate) in json.either_list("candidates").iter().enumerate() {
            let index = candidate.either_count("index").unwrap_or(place as u64);
            generated |= self.candidate(index).is_some_and(|own| own.hear(candidate, streamed));
        }
        generated
    }

    fn top(&mut self, json: &Value) {
        for (own, key) in [(&mut self.answered.id, "responseId"), (&mut self.answered.model, "modelVersion")]
        {
            if own.is_none() {
                *own = json.either_word(key).map(str::to_owned);
            }
        }
        if let Some(raw) = json.either("usageMetadata") {
            // A snapshot that may also fall: the last one counts, as a whole.
            self.usage = usage(raw).or(self.usage.take());
            self.answered.service_tier = tier(raw).or(self.answered.service_tier.take());
        }
        let feedback = json.either("promptFeedback");
        if let Some(word) = feedback.and_then(|feedback| word_or_number(feedback.either("blockReason")?)) {
            self.block = Some(word);
        }
        for (key, value) in rest(json, KNOWN) {
            self.answered.extra.insert(key, value);
        }
    }

    fn candidate(&mut self, index: u64) -> Option<&mut Candidate> {
        if !self.candidates.iter().any(|candidate| candidate.index == index) {
            self.candidates.push(Candidate { index, ..Candidate::default() });
        }
        self.candidates.iter_mut().find(|candidate| candidate.index == index)
    }

    /// Whether the model said why it stopped, for each candidate, or why it did not begin.
    fn ended(&self) -> bool {
        let finished = self.candidates.iter().all(|candidate| candidate.finish.is_some());
        self.block.is_some() || !self.candidates.is_empty() && finished
    }

    /// `whole`: the answer came as one body.
    pub fn finish(self, whole: bool) -> Answered {
        let complete = whole || self.ended();
        let Self { mut answered, mut candidates, mut usage, block } = self;
        candidates.sort_by_key(|candidate| candidate.index);
        answered.complete = complete;
        answered.finish_reasons =
            candidates.iter().filter_map(|candidate| candidate.finish.clone()).collect();
        if let Some(word) = block.filter(|_| answered.finish_reasons.is_empty()) {
            answered.finish_reasons.push(word);
            // A prompt that was blocked has no candidate that could say so.
            let refused = Message::new("assistant", Vec::new());
            answered.output.push(Message { finish_reason: Some("content_filter".to_owned()), ..refused });
        }
        if let Some(usage) = usage.as_mut().filter(|_| !complete) {
            usage.source = UsageSource::Partial;
        }
        let queries = candidates.iter().map(Candidate::queries).sum();
        add_searches(&mut usage, answered.model.as_deref(), queries);
        answered.usage = usage;
        for (key, value) in beside(&mut candidates) {
            answered.extra.insert(key, value);
        }
        answered.output.extend(candidates.into_iter().map(Candidate::finish));
        answered
    }
}

/// What candidates hold beside their parts: as it is where there is one, else a list of each one's.
fn beside(candidates: &mut [Candidate]) -> Map<String, Value> {
    let mut all = Map::new();
    let several = candidates.len() > 1;
    let count = candidates.len();
    for (at, candidate) in candidates.iter_mut().enumerate() {
        for (key, value) in std::mem::take(&mut candidate.extra) {
            if !several {
                all.insert(key, value);
                continue;
            }
            let list = all.entry(key).or_insert_with(|| Value::Array(vec![Value::Null; count]));
            if let Some(place) = list.get_mut(at) {
                *place = value;
            }
        }
    }
    all
}

impl Candidate {
    fn hear(&mut self, json: &Value, streamed: bool) -> bool {
        if let Some(word) = json.either("finishReason").and_then(word_or_number) {
            self.finish = Some(word);
        }
        for (key, mut value) in rest(json, KNOWN_CANDIDATE) {
            if let Some(object) = value.as_object_mut() {
                object.retain(|key, _| !SHOWN.contains(&key.as_str()));
            }
            let known = self.extra.entry(key.clone()).or_insert(Value::Null);
            match (known, value) {
                // A later chunk may say more of it, or nothing.
                (Value::Object(known), Value::Object(more)) => more_of(&key, known, more),
                (known, value) => *known = value,
            }
        }
        let Some(content) = json.either("content") else { return false };
        if let Some(word) = content.either_word("role") {
            self.role = Some(role(Some(word)).to_owned());
        }
        let mut generated = false;
        for piece in content.either_list("parts") {
            if self.goes_on(piece) {
                generated = true;
            } else if let Some(part) = part(piece) {
                generated |= says_something(&part);
                self.push(part, streamed);
                self.opens(piece);
            }
        }
        generated
    }

    /// Goes on with a call whose arguments come in pieces.
    fn goes_on(&mut self, piece: &Value) -> bool {
        let (Some(at), Some(call)) = (self.open, piece.either("functionCall")) else { return false };
        if call.either_word("name").is_some() {
            return false;
        }
        if let Some(Part { kind: PartKind::ToolCall { arguments, .. }, .. }) = self.parts.get_mut(at) {
            for piece in call.either_list("partialArgs") {
                partial::put(arguments, piece);
            }
        }
        if !call.either_truth("willContinue").unwrap_or_default() {
            self.open = None;
        }
        true
    }

    /// The call that was just begun may be one whose arguments come in pieces.
    fn opens(&mut self, piece: &Value) {
        let Some(call) = piece.either("functionCall") else { return };
        self.open = None;
        if call.either_truth("willContinue").unwrap_or_default() {
            self.open = Some(self.parts.len().saturating_sub(1));
        }
        if let Some(Part { kind: PartKind::ToolCall { arguments, .. }, .. }) = self.parts.last_mut() {
            for piece in call.either_list("partialArgs") {
                partial::put(arguments, piece);
            }
        }
    }

    /// A part; in a stream, text goes on in the last one of its kind, and a signature without text belongs to it.
    fn push(&mut self, part: Part, streamed: bool) {
        if let Some(last) = self.parts.last_mut().filter(|_| streamed) {
            let more = match (&mut last.kind, &part.kind) {
                (PartKind::Text(text), PartKind::Text(more))
                | (PartKind::Reasoning(text), PartKind::Reasoning(more))
                    if last.extra.is_empty() || more.is_empty() =>
                {
                    text.push_str(more);
                    true
                }
                _ => false,
            };
            if more {
                last.extra.extend(part.extra);
                return;
            }
        }
        self.parts.push(part);
    }

    /// How many searches the answer says were made for it.
    fn queries(&self) -> u64 {
        let grounding = self.extra.get("groundingMetadata").or_else(|| self.extra.get("grounding_metadata"));
        let lists = ["webSearchQueries", "imageSearchQueries"];
        let count = |key: &&str| grounding.map_or(0, |grounding| grounding.either_list(key).len() as u64);
        lists.iter().map(count).sum()
    }

    fn finish(self) -> Message {
        let Self { role, mut parts, finish, .. } = self;
        // What a stream sends to say that there is no more.
        parts.retain(
            |part| !matches!(&part.kind, PartKind::Text(text) if text.is_empty() && part.extra.is_empty()),
        );
        let finish_reason = finish.as_deref().map(|word| word_of(word, &parts));
        Message { finish_reason, ..Message::new(role.as_deref().unwrap_or("assistant"), parts) }
    }
}

/// Puts what a later chunk says of a candidate to what is known. Of likelihoods each chunk has those of its own tokens; of
/// all else the last word counts, field by field.
fn more_of(key: &str, known: &mut Map<String, Value>, more: Map<String, Value>) {
    let pieces = matches!(key, "logprobsResult" | "logprobs_result");
    for (field, value) in more {
        match (known.get_mut(&field), value) {
            (Some(Value::Array(list)), Value::Array(more)) if pieces => list.extend(more),
            (_, value) => {
                known.insert(field, value);
            }
        }
    }
}

/// Whether there is anything of the model in a part.
fn says_something(part: &Part) -> bool {
    match &part.kind {
        PartKind::Text(text) | PartKind::Reasoning(text) => !text.is_empty(),
        _ => true,
    }
}

/// Why a candidate ended, in OpenTelemetry's words.
fn word_of(word: &str, parts: &[Part]) -> String {
    match word {
        // Blocked, and blocked: the numbers stand for other words on Vertex, of one meaning.
        "7" | "8" => "content_filter".to_owned(),
        word => reason_of(word, parts),
    }
}

/// One object that is a whole answer, as a batch holds them.
pub fn whole(json: &Value) -> Answered {
    let mut gathered = Gathered::default();
    gathered.hear(json, false);
    gathered.finish(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_in_pieces_become_one_call() {
        let mut gathered = Gathered::default();
        for parts in [
            json!([{"functionCall": {"name": "go", "willContinue": true}}]),
            json!([{"functionCall": {"partialArgs": [{"jsonPath": "$.to", "stringValue": "No"}], "willContinue": true}}]),
            json!([{"functionCall": {"partialArgs": [{"jsonPath": "$.to", "stringValue": "rth"}], "willContinue": true}}]),
            json!([{"functionCall": {}}]),
            json!([{"functionCall": {"name": "stay", "args": {"for": 1}}}]),
        ] {
            gathered.hear(&json!({"candidates": [{"content": {"parts": parts}}]}), true);
        }
        let answered = gathered.finish(false);
        let calls: Vec<_> =
            answered.tool_calls().map(|(_, name, arguments)| (name, arguments.clone())).collect();
        assert_eq!(calls, [("go", json!({"to": "North"})), ("stay", json!({"for": 1}))]);
    }

    #[test]
    fn what_is_said_of_a_candidate_piece_by_piece_comes_together() {
        let mut gathered = Gathered::default();
        for candidate in [
            json!({"groundingMetadata": {"webSearchQueries": ["a", "b"], "searchEntryPoint": {"x": 1}},
                "logprobsResult": {"chosenCandidates": [{"token": "A"}], "logProbabilitySum": -1}}),
            json!({"groundingMetadata": {}, "citationMetadata": {"citationSources": [1]}}),
            json!({"groundingMetadata": {"groundingChunks": [{"web": {}}]}, "citationMetadata": {"citationSources": [1, 2]},
                "logprobsResult": {"chosenCandidates": [{"token": "B"}], "logProbabilitySum": -3}}),
        ] {
            let chunk = json!({"modelVersion": "gemini-3-pro", "candidates": [candidate]});
            gathered.hear(&chunk, true);
        }
        let answered = gathered.finish(false);
        let expected = json!({
            "groundingMetadata": {"webSearchQueries": ["a", "b"], "groundingChunks": [{"web": {}}]},
            "citationMetadata": {"citationSources": [1, 2]},
            "logprobsResult": {"chosenCandidates": [{"token": "A"}, {"token": "B"}], "logProbabilitySum": -3},
        });
        assert_eq!(Value::Object(answered.extra), expected);
        assert_eq!(answered.usage.unwrap().requests, [("web_search".to_owned(), 2)]);
    }
}
