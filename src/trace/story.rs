//! A history read as a conversation: where the user spoke, where the model answered, what was put beside.

use super::written::is_result;
use crate::model::{Message, Part, PartKind};

/// How agents mark what they tell the model beside what their user says. What stands between such a mark and its end is
/// no user's words; nor is what follows a mark that has no end.
const ASIDES: &[(&str, Option<&str>)] = &[
    ("<system-reminder>", Some("</system-reminder>")),
    ("<environment_context>", Some("</environment_context>")),
    ("<environment_details>", Some("</environment_details>")),
    ("<session_context>", Some("</session_context>")),
    ("<user_instructions>", Some("</user_instructions>")),
    ("<permissions instructions>", Some("</permissions instructions>")),
    ("<skills_instructions>", Some("</skills_instructions>")),
    ("<task-notification>", Some("</task-notification>")),
    ("<local-command-stdout>", Some("</local-command-stdout>")),
    ("<local-command-caveat>", Some("</local-command-caveat>")),
    ("<ide_opened_file>", Some("</ide_opened_file>")),
    ("<ide_selection>", Some("</ide_selection>")),
    ("<turn_aborted>", Some("</turn_aborted>")),
    ("<subagent_notification>", Some("</subagent_notification>")),
    ("<info-msg>", Some("</info-msg>")),
    ("<command-message>", Some("</command-message>")),
    ("<command-name>", Some("</command-name>")),
    ("<system-notification>", Some("</system-notification>")),
    ("<skill>", Some("</skill>")),
    ("[Request interrupted by user", Some("]")),
    ("[SYSTEM NOTIFICATION", None),
    ("# AGENTS.md instructions", None),
    ("Base directory for this skill:", None),
    ("Stop hook feedback:", None),
    ("System: Please continue.", None),
    ("[SYSTEM] This run is not complete until", None),
    ("[ERROR] You did not use a tool in your previous response", None),
    ("Continue if you have next steps, or stop and ask for clarification", None),
    ("Summarize the task tool output above and continue with your task", None),
];
/// A text of no more than this, with a colon at its end, says what the picture beside it is.
const LONGEST_CAPTION: usize = 80;

/// What of a text the user said: what stands behind an agent's asides.
pub fn words(text: &str) -> &str {
    let mut rest = text.trim();
    while let Some((_, end)) = ASIDES.iter().find(|(mark, _)| rest.starts_with(mark)) {
        rest = match end.and_then(|end| rest.find(end).map(|at| at + end.len())) {
            Some(at) => rest.get(at..).unwrap_or_default().trim_start(),
            None => "",
        };
    }
    rest
}

/// What a message is in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beat {
    Assistant,
    /// The user says something.
    Words,
    /// The user shows something without a word of his own.
    Shown,
    Results,
    /// Neither: a system prompt, an agent's aside.
    Beside,
}

fn beat(message: &Message, before: Before) -> Beat {
    match message.role.as_str() {
        "assistant" | "model" | "chatbot" | "CHATBOT" => return Beat::Assistant,
        "system" | "developer" | "SYSTEM" => return Beat::Beside,
        _ => {}
    }
    let (mut shown, mut results, mut caption, mut spoken) = (false, false, false, false);
    let is_caption = |words: &str| words.len() <= LONGEST_CAPTION && words.ends_with(':');
    for part in &message.parts {
        match &part.kind {
            PartKind::Text(text) => match words(text) {
                "" => {}
                words if before != Before::Nothing && is_result(words) => results = true,
                words if before == Before::Results && is_caption(words) => caption = true,
                _ => spoken = true,
            },
            PartKind::Reasoning(_) => {}
            PartKind::ToolCallResponse { .. } | PartKind::ServerToolCallResponse { .. } => results = true,
            _ => shown = true,
        }
    }
    match (results, shown) {
        // What follows the heading of a written result is that result.
        _ if spoken && !(results && message.role == "user") => Beat::Words,
        (true, _) => Beat::Results,
        (false, true) => Beat::Shown,
        (false, false) if caption => Beat::Words,
        (false, false) => Beat::Beside,
    }
}

/// What stands before a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Assistant,
    /// Results, behind the model's last turn.
    Results,
}

fn beats(messages: &[Message]) -> Vec<Beat> {
    let mut before = Before::Nothing;
    let all = messages.iter().map(|message| {
        let beat = beat(message, before);
        before = match beat {
            Beat::Assistant => Before::Assistant,
            Beat::Results => Before::Results,
            _ => before,
        };
        beat
    });
    all.collect()
}

/// A conversation up to what is asked now.
pub struct Story<'a> {
    messages: &'a [Message],
    /// What each of them is.
    beats: Vec<Beat>,
    /// Where the last turn of the model stands.
    last: Option<(usize, usize)>,
    /// Where the messages begin that the user's turn under way began with.
    turn: usize,
    /// The user has said something that no one answered yet.
    pub opens: bool,
}

impl<'a> Story<'a> {
    pub fn of(messages: &'a [Message]) -> Self {
        let beats = beats(messages);
        let Some(end) = beats.iter().rposition(|beat| *beat == Beat::Assistant) else {
            // Where the provider keeps the history, results may come alone.
            let opens = !beats.contains(&Beat::Results) || beats.contains(&Beat::Words);
            return Self { messages, beats, last: None, turn: 0, opens };
        };
        let start = begin_of_block(&beats, end);
        let opens = opens_turn(beats.get(end + 1..).unwrap_or_default());
        let turn = if opens { end + 1 } else { begin_of_turn(&beats, start) };
        Self { messages, beats, last: Some((start, end)), turn, opens }
    }

    /// No model has spoken yet.
    pub fn is_first(&self) -> bool {
        self.last.is_none() && !self.beats.contains(&Beat::Results)
    }

    /// The model's last turn, if there is one.
    pub fn last(&self) -> Option<&'a [Message]> {
        let (start, end) = self.last?;
        self.messages.get(start..=end)
    }

    /// The first turn of the model in the user's turn under way, where it is not the last.
    pub fn first_of_turn(&self) -> Option<&'a [Message]> {
        self.block_behind(self.turn).filter(|block| !self.is_last(block))
    }

    /// The model's first turn of all, where it is not the last.
    pub fn first_of_all(&self) -> Option<&'a [Message]> {
        self.block_behind(0).filter(|block| !self.is_last(block))
    }

    fn is_last(&self, block: &[Message]) -> bool {
        self.last().is_some_and(|last| std::ptr::eq(last.as_ptr(), block.as_ptr()))
    }

    fn block_behind(&self, from: usize) -> Option<&'a [Message]> {
        let is_assistant = |beat: &Beat| *beat == Beat::Assistant;
        let start = from + self.beats.get(from..)?.iter().position(is_assistant)?;
        let length = self.beats.get(start..)?.iter().take_while(|beat| is_assistant(beat)).count();
        self.messages.get(start..start + length)
    }

    /// The turns of the model before the last one, the latest first, no more than these; and whether the user has been silent
    /// since.
    pub fn earlier(&self, most: usize) -> impl Iterator<Item = (&'a [Message], bool)> {
        let mut at = self.last.map_or(0, |(start, _)| start);
        let mut is_silent =
            self.last.is_some_and(|(_, end)| !opens_turn(self.beats.get(end + 1..).unwrap_or_default()));
        let next = move || {
            let end = self.beats.get(..at)?.iter().rposition(|beat| *beat == Beat::Assistant)?;
            is_silent &= !opens_turn(self.beats.get(end + 1..at).unwrap_or_default());
            at = begin_of_block(&self.beats, end);
            Some((self.messages.get(at..=end)?, is_silent))
        };
        std::iter::from_fn(next).take(most)
    }

    /// The messages with the user's first words, up to an answer.
    pub fn first_messages(&self) -> Vec<&'a Message> {
        let all = self.messages.iter().zip(&self.beats).take_while(|(_, beat)| **beat != Beat::Assistant);
        all.filter(|(_, beat)| **beat == Beat::Words).map(|(message, _)| message).collect()
    }

    /// What stands behind the model's last turn.
    pub fn tail(&self) -> &'a [Message] {
        let from = self.last.map_or(0, |(_, end)| end + 1);
        self.messages.get(from..).unwrap_or_default()
    }

    /// The user's words that the turn under way began with.
    pub fn turn_words(&self) -> Vec<&'a str> {
        self.words_until_answered(self.turn, self.messages.len())
    }

    /// The words before the model's last turn, where they are the user's.
    pub fn words_before_last(&self) -> Vec<&'a str> {
        match self.last {
            Some((start, _)) => self.words_until_answered(begin_of_turn(&self.beats, start), start),
            None => Vec::new(),
        }
    }

    /// The first words of all.
    pub fn first_words(&self) -> Vec<&'a str> {
        self.words_until_answered(0, self.messages.len())
    }

    fn words_until_answered(&self, from: usize, to: usize) -> Vec<&'a str> {
        let all = self.messages.iter().zip(&self.beats).take(to).skip(from);
        let asked = all.take_while(|(_, beat)| **beat != Beat::Assistant);
        let spoken = asked.filter(|(_, beat)| **beat == Beat::Words);
        spoken.flat_map(|(message, _)| texts(&message.parts)).collect()
    }
}

/// Where the block of the model's messages begins that ends here.
fn begin_of_block(beats: &[Beat], end: usize) -> usize {
    let before = beats.get(..end).unwrap_or_default();
    before.iter().rposition(|beat| *beat != Beat::Assistant).map_or(0, |at| at + 1)
}

/// Where the user's turn begins that a model's block belongs to.
fn begin_of_turn(beats: &[Beat], block: usize) -> usize {
    let mut at = block;
    loop {
        let before = beats.get(..at).unwrap_or_default();
        let Some(previous) = before.iter().rposition(|beat| *beat == Beat::Assistant) else {
            return 0;
        };
        if opens_turn(before.get(previous + 1..).unwrap_or_default()) {
            return previous + 1;
        }
        at = previous;
    }
}

/// Whether the user says something here. A picture beside a tool's result is part of that result, for want of a better
/// place.
fn opens_turn(beats: &[Beat]) -> bool {
    beats.contains(&Beat::Words) || (beats.contains(&Beat::Shown) && !beats.contains(&Beat::Results))
}

/// What the user says in these parts.
pub fn texts(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match &part.kind {
        PartKind::Text(text) => Some(words(text)).filter(|words| !words.is_empty()),
        _ => None,
    })
}

/// Text that is no user's words: what agents tell the model beside.
pub fn asides(messages: &[Message]) -> impl Iterator<Item = &str> {
    let parts = messages.iter().filter(|message| message.role == "user").flat_map(|message| &message.parts);
    parts.filter_map(|part| match &part.kind {
        PartKind::Text(text) if words(text).len() < text.trim().len() => Some(text.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(role: &str, text: &str) -> Message {
        Message::new(role, vec![Part::text(text)])
    }

    fn result() -> Message {
        let response = json!("ok");
        Message::new(
            "tool",
            vec![PartKind::ToolCallResponse { id: None, name: None, response, is_error: None }.into()],
        )
    }

    #[test]
    fn asides_are_not_words() {
        assert_eq!(words("<system-reminder>\nx\n</system-reminder>\n\nDo it"), "Do it");
        assert_eq!(words(" <system-reminder>x"), "");
        assert_eq!(words("[SYSTEM NOTIFICATION - NOT USER INPUT]\nx"), "");
        assert_eq!(
            words("<environment_context>a</environment_context><user_instructions>b</user_instructions>c"),
            "c"
        );
        assert_eq!(words("Look at <system-reminder>"), "Look at <system-reminder>");
    }

    #[test]
    fn a_turn_begins_with_words() {
        let messages = [
            says("system", "s"),
            says("user", "<environment_context>e</environment_context>"),
            says("user", "Do"),
        ];
        let story = Story::of(&messages);
        assert!(story.opens && story.is_first());
        assert_eq!(story.turn_words(), ["Do"]);

        let mut messages =
            vec![says("user", "one"), says("assistant", "a"), result(), says("assistant", "b"), result()];
        let story = Story::of(&messages);
        assert!(!story.opens);
        assert_eq!((story.turn_words(), story.first_words()), (vec!["one"], vec!["one"]));
        assert_eq!(story.last().unwrap()[0].text(), "b");
        assert_eq!(story.first_of_turn().unwrap()[0].text(), "a");

        messages.push(says("user", "<system-reminder>r</system-reminder>"));
        assert!(!Story::of(&messages).opens);
        messages.extend([says("assistant", "c"), says("user", "two")]);
        let story = Story::of(&messages);
        assert!(story.opens);
        assert_eq!((story.turn_words(), story.words_before_last()), (vec!["two"], vec!["one"]));
        assert!(story.first_of_turn().is_none());
        assert_eq!(story.first_of_all().unwrap()[0].text(), "a");
        messages.extend([says("assistant", "d"), result()]);
        let story = Story::of(&messages);
        assert!(!story.opens);
        assert_eq!(story.turn_words(), ["two"]);
        assert!(story.first_of_turn().is_none(), "the last is the first");
        assert_eq!(story.first_of_all().unwrap()[0].text(), "a");
    }

    #[test]
    fn a_picture_beside_a_result_is_no_turn() {
        let picture = PartKind::Uri { modality: "image", mime_type: None, uri: "data:".to_owned() };
        let picture = Message::new("user", vec![picture.into()]);
        let mut messages = vec![says("user", "one"), says("assistant", "a"), result(), picture.clone()];
        assert!(!Story::of(&messages).opens);
        messages.truncate(2);
        messages.push(picture);
        assert!(Story::of(&messages).opens);
    }
}
