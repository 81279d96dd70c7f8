//! What a call used, counted from its text where the provider said nothing.
//!
//! An estimate is never mixed with what a provider said: where it said anything, nothing is counted.
//!
//! Invariant: no I/O, no network, no panic. A vocabulary is part of the program and is made ready at its first use (some
//! tens of milliseconds, and some tens of megabytes from then on); time is bounded however long the text is.

mod count;
mod texts;

use std::borrow::Cow;

use crate::model::{Asked, Operation, Reading, Usage, UsageSource};

use count::{Counter, Encoding};
use texts::Texts;

/// What OpenAI's chats spend on each message, on a name in one, and on the beginning of the answer.
const PER_MESSAGE: u64 = 3;
const PER_NAME: u64 = 1;
const PER_ANSWER: u64 = 3;

/// What a call used; `None` where the provider said something of it, where nothing was answered, and where tokens are
/// not what is used.
pub fn estimate(reading: &Reading) -> Option<Usage> {
    let Reading { dialect: _, operation, asked, answered, start: _, end: _ } = reading;
    if answered.usage.is_some() || answered.error.is_some() && answered.output.is_empty() {
        return None;
    }
    let generates = match operation {
        Operation::Chat | Operation::TextCompletion | Operation::GenerateContent | Operation::Compact => true,
        Operation::Embeddings => false,
        Operation::Rerank
        | Operation::Image
        | Operation::Speech
        | Operation::Transcription
        | Operation::Moderation
        | Operation::CountTokens
        | Operation::FetchResponse
        | Operation::Other => return None,
    };
    // A prompt or a text to embed is no message.
    let is_chat = generates && *operation != Operation::TextCompletion;
    let (input, overhead) = asked_texts(asked, is_chat);
    let mut output = Texts::default();
    answered.output.iter().for_each(|message| output.parts(&message.parts));

    let model = answered.model.as_deref().or(asked.model.as_deref()).unwrap_or_default();
    let counter = Counter::new(Encoding::of(model));
    let mut notes = Vec::new();
    let mut count = |texts: &[Cow<'_, str>]| {
        let counted = counter.count(texts);
        if counted.sampled {
            note(&mut notes, "the text is long: a sample of it was counted".to_owned());
        }
        counted.tokens
    };
    let reasoning = output.reasoning.iter().any(|text| !text.is_empty()).then(|| count(&output.reasoning));
    let usage = Usage {
        input: Some(overhead + count(&input.texts) + count(&input.reasoning)),
        output: generates.then(|| count(&output.texts) + reasoning.unwrap_or_default()),
        reasoning: reasoning.filter(|_| generates),
        source: UsageSource::Estimated,
        ..Usage::default()
    };
    if !Encoding::is_exact_for(model) {
        note(&mut notes, format!("counted with {}, which may not be the model's own", counter.name()));
    }
    if asked.continues.is_some() || asked.conversation.is_some() {
        note(&mut notes, "the history that the provider keeps is not counted".to_owned());
    }
    input.left_out.into_iter().chain(output.left_out).for_each(|what| note(&mut notes, what));
    Some(Usage { anomalies: notes, ..usage })
}

/// The texts that were sent in, and what is spent on putting them together.
fn asked_texts(asked: &Asked, is_chat: bool) -> (Texts<'_>, u64) {
    let mut texts = Texts::default();
    let mut overhead = PER_ANSWER;
    if !asked.system.is_empty() {
        overhead += PER_MESSAGE;
        texts.parts(&asked.system);
    }
    for message in &asked.input {
        overhead += PER_MESSAGE + message.name.as_ref().map_or(0, |_| PER_NAME);
        if is_chat {
            texts.text(&message.role);
            texts.text(message.name.as_deref().unwrap_or_default());
        }
        texts.parts(&message.parts);
    }
    texts.tools(&asked.tools);
    (texts, if is_chat { overhead } else { 0 })
}

fn note(notes: &mut Vec<String>, what: String) {
    if !notes.contains(&what) {
        notes.push(what);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Answered, ApiError, Message, Part, PartKind};

    fn reading(model: &str, asked: Asked, output: Vec<Part>) -> Reading {
        let output = if output.is_empty() { Vec::new() } else { vec![Message::new("assistant", output)] };
        Reading {
            dialect: "openai.chat",
            operation: Operation::Chat,
            asked: Asked { model: Some(model.to_owned()), ..asked },
            answered: Answered { output, ..Answered::default() },
            start: None,
            end: None,
        }
    }

    /// The conversation of OpenAI's cookbook on counting tokens, with the counts that its API gave.
    fn cookbook() -> Asked {
        let message = |name: Option<&str>, text: &str| Message {
            name: name.map(str::to_owned),
            ..Message::new("system", vec![Part::text(text)])
        };
        let mut input = vec![
            message(
                None,
                "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
            ),
            message(Some("example_user"), "New synergies will help drive top-line growth."),
            message(Some("example_assistant"), "Things working well together will increase revenue."),
            message(
                Some("example_user"),
                "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
            ),
            message(
                Some("example_assistant"),
                "Let's talk later when we're less busy about how to do better.",
            ),
            message(
                None,
                "This late pivot means we don't have time to boil the ocean for the client deliverable.",
            ),
        ];
        if let Some(last) = input.last_mut() {
            last.role = "user".to_owned();
        }
        Asked { input, ..Asked::default() }
    }

    #[test]
    fn a_chat_counts_as_openai_counts_it() {
        for (model, tokens) in
            [("gpt-3.5-turbo", 129), ("gpt-4-0613", 129), ("gpt-4o", 124), ("gpt-4o-mini", 124)]
        {
            let usage =
                estimate(&reading(model, cookbook(), vec![Part::text("tiktoken is great!")])).unwrap();
            assert_eq!(usage.input, Some(tokens), "{model}");
            assert_eq!(usage.output, Some(6), "{model}");
            assert_eq!((usage.source, usage.reasoning), (UsageSource::Estimated, None));
            assert_eq!(usage.anomalies, Vec::<String>::new());
        }
    }

    #[test]
    fn what_the_provider_said_is_left_alone() {
        let mut said = reading("gpt-4o", cookbook(), vec![Part::text("a")]);
        said.answered.usage =
            Some(Usage { input: Some(1), source: UsageSource::Partial, ..Usage::default() });
        assert_eq!(estimate(&said), None);
        let mut failed = reading("gpt-4o", cookbook(), Vec::new());
        failed.answered.error = Some(ApiError::default());
        assert_eq!(estimate(&failed), None);
        failed.answered.error = None;
        assert_eq!(estimate(&failed).unwrap().output, Some(0));
        failed.operation = Operation::Speech;
        assert_eq!(estimate(&failed), None);
    }

    #[test]
    fn reasoning_is_a_part_of_the_output_and_pictures_are_said_to_be_missing() {
        let picture = PartKind::Blob { modality: "image", mime_type: None, content: "AAAA".to_owned() };
        let asked = Asked {
            input: vec![Message::new("user", vec![Part::text("hello world"), picture.into()])],
            tools: vec![json!({"type": "function", "name": "f"})],
            continues: Some("resp_1".to_owned()),
            ..Asked::default()
        };
        let call = PartKind::ToolCall { id: None, name: "f".to_owned(), arguments: json!({"a": 1}) };
        let output = vec![PartKind::Reasoning("hello world".to_owned()).into(), call.into()];
        let usage = estimate(&reading("claude-x", asked, output)).unwrap();
        assert_eq!(usage.reasoning, Some(2));
        assert_eq!(usage.output, Some(2 + 1 + 5));
        assert_eq!(
            usage.anomalies,
            [
                "counted with o200k_base, which may not be the model's own",
                "the history that the provider keeps is not counted",
                "what is of the kind image is not counted",
            ]
        );
    }

    #[test]
    fn a_text_to_embed_has_nothing_about_it() {
        let asked =
            Asked { input: vec![Message::new("user", vec![Part::text("hello world")])], ..Asked::default() };
        let mut embedding = reading("text-embedding-3-small", asked, Vec::new());
        embedding.operation = Operation::Embeddings;
        let usage = estimate(&embedding).unwrap();
        assert_eq!((usage.input, usage.output), (Some(2), None));
    }
}
