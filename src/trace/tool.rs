//! Calls of tools: from the answer that asks for one to the request that brings its result.

use serde_json::Value;

use super::facts::{Facts, Outcome};
use super::mark::Marking;
use super::story::Story;
use super::written;
use crate::model::{Kind, Micros, ObservationId, PartKind, Reading};

/// A call of a tool as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    pub id: ObservationId,
    /// The generation that asks for it.
    pub asker: ObservationId,
    /// The how-manieth of its answer.
    pub place: usize,
    pub call_id: Option<String>,
    pub name: String,
    pub kind: Kind,
    pub start: Micros,
    /// The beginning of its arguments.
    pub preview: String,
    /// The provider ran it.
    pub at_provider: bool,
    pub answer: Option<Answer>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The call that brought the result.
    pub by: ObservationId,
    /// When that began.
    pub at: Micros,
    pub took: Took,
    pub is_error: Option<bool>,
    pub preview: String,
    /// It had been answered when it began, and this is what came of it.
    pub is_late: bool,
}

/// How long it took, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// As the client says.
    Client(u64),
    /// From the answer's end to the next request: what else the client did is in it.
    Gap(u64),
}

impl Took {
    pub fn micros(self) -> u64 {
        match self {
            Self::Client(micros) | Self::Gap(micros) => micros,
        }
    }

    pub const fn source(self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::Gap(_) => "gap",
        }
    }
}

/// The id of a call of a tool: it follows from who asked, so that reading again gives the same.
pub fn id_of(asker: ObservationId, place: usize) -> ObservationId {
    let marking = Marking::of("tool").and(&asker.to_string()).and(&place.to_string());
    ObservationId(marking.mark().0)
}

/// The calls that an answer asks for, and those that the provider made for it.
pub fn asked(facts: &Facts) -> Vec<Tool> {
    let start = facts.end.unwrap_or(facts.start);
    let client = facts
        .calls
        .iter()
        .map(|call| (call.id.clone(), call.name.clone(), Kind::Tool, start, call.preview.clone(), false));
    let server = facts
        .server_calls
        .iter()
        .map(|call| (call.id.clone(), call.name.clone(), call.kind, facts.start, call.preview.clone(), true));
    let all = client.chain(server).enumerate();
    all.map(|(place, (call_id, name, kind, start, preview, at_provider))| Tool {
        id: id_of(facts.id, place),
        asker: facts.id,
        place,
        call_id,
        name,
        kind,
        start,
        preview,
        at_provider,
        answer: None,
    })
    .collect()
}

/// Which results belong to which calls: by their ids; those without one by name, in order; what is left, in order.
pub fn paired<'a>(tools: &'a [Tool], outcomes: &'a [Outcome]) -> Vec<(&'a Tool, &'a Outcome)> {
    let mut pairs = Vec::new();
    let mut open: Vec<&Tool> = tools.iter().filter(|tool| !tool.at_provider).collect();
    let mut left: Vec<&Outcome> = Vec::new();
    let mut take = |open: &mut Vec<&'a Tool>, outcome: &'a Outcome, is: &dyn Fn(&Tool) -> bool| {
        let at = open.iter().position(|tool| is(tool));
        at.map(|at| pairs.push((open.remove(at), outcome))).is_some()
    };
    for outcome in outcomes {
        let by_id = outcome.id.is_some() && take(&mut open, outcome, &|tool| tool.call_id == outcome.id);
        if !by_id {
            left.push(outcome);
        }
    }
    for outcome in left {
        let is_free = |tool: &Tool| tool.call_id.is_none() || outcome.id.is_none();
        match &outcome.name {
            Some(name) => take(&mut open, outcome, &|tool| is_free(tool) && tool.name == *name),
            None => take(&mut open, outcome, &is_free),
        };
    }
    pairs
}

impl Tool {
    /// Whether an answer is to stand in the place of the one that is there: the first that came, but what an agent
    /// brings when the tool is done rather than what it said when the tool began.
    pub fn takes(&self, new: &Answer) -> bool {
        match &self.answer {
            None => true,
            Some(old) => (!new.is_late, new.at, new.by) < (!old.is_late, old.at, old.by),
        }
    }

    /// The answer that a request of this time brings.
    pub fn answered(&self, by: &Facts, outcome: &Outcome) -> Answer {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a tool does not take centuries"
        )]
        let client = outcome.took.map(|millis| Took::Client((millis.max(0.0) * 1000.0) as u64));
        Answer {
            by: by.id,
            at: by.start,
            took: client.unwrap_or(Took::Gap(by.start.0.saturating_sub(self.start.0))),
            is_error: outcome.is_error,
            preview: outcome.preview.clone(),
            is_late: false,
        }
    }
}

/// What a call of a tool was given, as the answer has it that asked for it.
pub fn arguments(asker: &Reading, place: usize) -> Option<Value> {
    let answered = &asker.answered;
    let all = answered.tool_calls().chain(answered.server_tool_calls());
    all.map(|(_, _, value)| value.clone()).nth(place)
}

/// What came of it, as the request has it that brought the result.
pub fn result(bringer: &Reading, call_id: Option<&str>, name: &str, place: usize) -> Option<Value> {
    let story = Story::of(&bringer.asked.input);
    if let Some(late) = call_id.and_then(|id| super::facts::late_text(story.tail(), id)) {
        return Some(late.into());
    }
    let parts = story.tail().iter().flat_map(|message| &message.parts);
    let results: Vec<(Option<&str>, Option<&str>, &Value)> = parts
        .filter_map(|part| match &part.kind {
            PartKind::ToolCallResponse { id, name, response, .. } => {
                Some((id.as_deref(), name.as_deref(), response))
            }
            _ => None,
        })
        .collect();
    let by_id = results.iter().find(|(id, _, _)| id.is_some() && *id == call_id);
    let in_order = || results.get(place).filter(|(_, own, _)| own.is_none_or(|own| own == name));
    let by_name = || results.iter().find(|(_, own, _)| *own == Some(name));
    let found = by_id.or_else(in_order).or_else(by_name).map(|(_, _, response)| (*response).clone());
    found.or_else(|| written::result_of(&story, place).filter(|_| results.is_empty()))
}

/// What came of a tool that the provider ran, as the same answer has it.
pub fn result_at_provider(asker: &Reading, call_id: &str) -> Option<Value> {
    let parts = asker.answered.output.iter().flat_map(|message| &message.parts);
    parts
        .filter_map(|part| match &part.kind {
            PartKind::ServerToolCallResponse { id: Some(id), response, .. } if id == call_id => {
                Some(response.clone())
            }
            _ => None,
        })
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(place: usize, id: Option<&str>, name: &str) -> Tool {
        Tool {
            id: ObservationId(place as u64),
            asker: ObservationId(0),
            place,
            call_id: id.map(str::to_owned),
            name: name.to_owned(),
            kind: Kind::Tool,
            start: Micros(0),
            preview: String::new(),
            at_provider: false,
            answer: None,
        }
    }

    fn outcome(id: Option<&str>, name: Option<&str>, preview: &str) -> Outcome {
        Outcome {
            id: id.map(str::to_owned),
            name: name.map(str::to_owned),
            is_error: None,
            preview: preview.to_owned(),
            took: None,
        }
    }

    fn pairs(tools: &[Tool], outcomes: &[Outcome]) -> Vec<(usize, String)> {
        let mut pairs: Vec<(usize, String)> = paired(tools, outcomes)
            .into_iter()
            .map(|(tool, outcome)| (tool.place, outcome.preview.clone()))
            .collect();
        pairs.sort();
        pairs
    }

    #[test]
    fn results_find_their_calls() {
        let named = [tool(0, Some("a"), "x"), tool(1, Some("b"), "x")];
        let crossed = [outcome(Some("b"), None, "to b"), outcome(Some("a"), None, "to a")];
        assert_eq!(pairs(&named, &crossed), [(0, "to a".to_owned()), (1, "to b".to_owned())]);

        let bare = [tool(0, None, "x"), tool(1, None, "y"), tool(2, None, "x")];
        let mixed =
            [outcome(None, Some("y"), "1"), outcome(None, Some("x"), "2"), outcome(None, Some("x"), "3")];
        let expected = [(0, "2".to_owned()), (1, "1".to_owned()), (2, "3".to_owned())];
        assert_eq!(pairs(&bare, &mixed), expected);

        // The client dropped the ids.
        assert_eq!(pairs(&named, &[outcome(None, Some("x"), "1")]), [(0, "1".to_owned())]);
        // Another's result is no one's here.
        assert_eq!(pairs(&named, &[outcome(Some("z"), Some("x"), "1")]), []);
    }
}
