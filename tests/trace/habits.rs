//! Played sessions of agents that change what they send back, each with a habit that some have.

use serde_json::json;
use wiretape::model::{Message, Part, PartKind, Status};

use crate::agent::{Answer, Line, Play, says};
use crate::sessions::{Played, bash, work};

pub const PLAYS: &[(&str, Played)] = &[
    ("results in words", results_in_words),
    ("calls and results in words", calls_in_words),
    ("a result behind the model's words", result_behind),
    ("a task in a frame", framed_task),
    ("agent's own words", own_words),
    ("a picture with a caption", captioned_picture),
    ("results one by one", results_one_by_one),
    ("ids that count", counted_ids),
    ("ids made up by the client", made_up_ids),
    ("left before the answer", left_before),
    ("left amid the answer", left_amid),
    ("a word of thanks", word_of_thanks),
    ("an answer that is begun", begun_answer),
    ("half a summary", half_a_summary),
    ("beside a history", beside_history),
];

const SHED: &str =
    "The walls were put up on all four sides first, then came windows and doors, and at last a floor of oak.";
const MILL: &str = "It stands by the river since a very long time ago, and turns only when there is enough water for its wheel.";
const TOWER: &str =
    "Two hundred steps lead up to a platform from which one sees as far as the hills behind the next town.";
const CHURCH: &str =
    "Nobody knows who built it or why, but each spring people come from far away to hear its only bell.";

/// Says something that is no new turn of the user.
fn aside(line: &mut Line, text: &str) {
    let trace = line.trace.clone();
    line.user("", text);
    line.trace = trace;
}

/// Of agents that ask a model for tools in plain words.
fn results_in_words(play: &mut Play) {
    for (session, begin) in [
        ("observation", "Observation: "),
        ("returncode", "<returncode>0</returncode>\n"),
        ("titled", "[run for 'ls'] Result:\n"),
        ("tag", "<tool_response>\n"),
    ] {
        let mut line = Line::new(session);
        line.user("1", &format!("Count the files, as {session} has it."));
        for round in 0..3 {
            play.turn(
                &mut line,
                &says(&format!("THOUGHT: I look once more, this is number {round}.\n```bash\nls\n```")),
            );
            aside(&mut line, &format!("{begin}{round} files"));
        }
        play.turn(&mut line, &says("Three."));
        line.user("2", "And the folders?");
        play.turn(&mut line, &says("None."));
    }
    // Who says such a thing first is no tool.
    let mut line = Line::new("own");
    line.user("1", "Observation: the sky is blue. Why?");
    play.turn(&mut line, &says("Because of the air."));
}

/// The model's last turn as a client writes it that has no other way to send calls back.
fn written(line: &mut Line, answer: &Answer) {
    let calls: Vec<String> = answer
        .calls
        .iter()
        .map(|(id, name, arguments)| {
            let arguments = arguments.to_string().replace('"', "'");
            let function = format!("{{'name': '{name}', 'arguments': {arguments}}}");
            format!("{{'id': '{}', 'type': 'function', 'function': {function}}}", id.as_deref().unwrap())
        })
        .collect();
    let text = format!("{}\nCalling tools:\n[{}]", answer.text, calls.join(", "));
    *line.messages.last_mut().unwrap() = Message::new("assistant", vec![Part::text(text)]);
}

fn calls_in_words(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "New task:\nCount the files.");
    for round in 0..3 {
        let mut answer = bash(play, &format!("step {round}"));
        if round == 1 {
            answer.calls.extend(bash(play, "another").calls);
        }
        play.turn(&mut line, &answer);
        written(&mut line, &answer);
        let result = match round {
            2 => format!("Call id: {}\nError:\nno such file", answer.calls[0].0.as_deref().unwrap()),
            _ => "Observation:\ndone".to_owned(),
        };
        aside(&mut line, &result);
    }
    play.turn(&mut line, &says("Three."));
}

fn result_behind(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Current Task: Count the files.");
    for round in 0..4 {
        let text = format!(
            "Thought: I do not know yet how many files there are, so I have to look at folder number {round}.\nAction: \
             ls\nAction Input: {{\"folder\": {round}}}"
        );
        play.turn(&mut line, &says(&text));
        let seen = format!(
            "{text}\nObservation: there are {round} files in it, and many more words to be read about each."
        );
        *line.messages.last_mut().unwrap() = Message::new("assistant", vec![Part::text(seen)]);
    }
    play.turn(&mut line, &says("Six."));
}

/// What an agent is asked stands amid what it is told about its work.
fn framed_task(play: &mut Play) {
    for (session, before, behind) in [
        ("manager", "New task:\nYou're a helpful agent named 'counter'.\n---\nTask:\n", "\n---\nBe brief."),
        ("crew", "\nCurrent Task: ", "\n\nThis is the expected criteria for your final answer: a number."),
    ] {
        let mut line = Line::new(session);
        line.user("1", &format!("Have someone count, {session}."));
        let task = format!("Count the files of the {session}.");
        let call = play.calls("counter", json!({"task": task}));
        let asker = play.turn(&mut line, &call);
        let mut inner = Line { under: Some((asker, 0)), ..Line::new(session) };
        inner.user("", &format!("{before}{task}{behind}"));
        inner.trace.clone_from(&line.trace);
        work(play, &mut inner, 2, "There are two.");
        line.result(call.calls[0].0.as_deref(), "Two, it says.");
        play.turn(&mut line, &says("Two."));
    }
}

fn own_words(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "<info-msg>\nIt is noon.\n</info-msg>\nCount the files.");
    let answer = bash(play, "ls");
    play.turn(&mut line, &answer);
    line.result(answer.calls[0].0.as_deref(), "Launching skill: counting");
    aside(&mut line, "Base directory for this skill: /skills/counting\n\nCount slowly.");
    aside(&mut line, "<info-msg>\nIt is later.\n</info-msg>");
    play.turn(&mut line, &says("Two."));
    for words in [
        "[SYSTEM] This run is not complete until you call one of these tools: done.",
        "Stop hook feedback:\n- not yet",
        "[ERROR] You did not use a tool in your previous response! Please retry with a tool use.",
    ] {
        aside(&mut line, words);
        play.turn(&mut line, &says(&format!("I did all that there was to do about this: {words}")));
    }
}

fn captioned_picture(play: &mut Play) {
    let mut line = Line { with_tools: true, ..Line::new("s") };
    line.user("1", "What is on the screen?");
    let answer = bash(play, "shot");
    play.turn(&mut line, &answer);
    line.result(answer.calls[0].0.as_deref(), "See file 1.");
    let picture =
        PartKind::Uri { modality: "image", mime_type: None, uri: "https://example.com/1.png".to_owned() };
    let parts = vec![Part::text("This is file 1:"), picture.into()];
    line.messages.push(Message::new("user", parts));
    play.turn(&mut line, &says("A window."));
}

/// What takes long is brought when another answer has come.
fn results_one_by_one(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Run both.");
    let mut both = bash(play, "fast");
    both.calls.extend(bash(play, "slow").calls);
    play.turn(&mut line, &both);
    line.result(both.calls[0].0.as_deref(), "fast is done");
    let third = bash(play, "third");
    play.turn(&mut line, &third);
    line.result(both.calls[1].0.as_deref(), "slow is done");
    line.result(third.calls[0].0.as_deref(), "third is done");
    play.turn(&mut line, &says("All are done."));
}

/// Some models count their calls: each conversation has the same ids.
fn counted_ids(play: &mut Play) {
    let mut lines: Vec<Line> = ["a", "b"].into_iter().map(Line::new).collect();
    for line in &mut lines {
        let session = line.session.clone();
        line.user("1", &format!("Write the list of {session}."));
        let id = Some("functions.TodoWriteTool2025:0".to_owned());
        let calls = vec![(id.clone(), "TodoWriteTool2025".to_owned(), json!({"list": session}))];
        play.turn(line, &Answer { text: String::new(), calls });
        line.result(id.as_deref(), "written");
    }
    for line in &mut lines {
        play.turn(line, &says("It is written."));
    }
}

fn made_up_ids(play: &mut Play) {
    let mut line = Line { dialect: "gemini.generate", ..Line::new("s") };
    line.user("1", "What is the weather in Bergen?");
    let nameless =
        Answer { text: String::new(), calls: vec![(None, "weather".to_owned(), json!({"city": "Bergen"}))] };
    play.turn(&mut line, &nameless);
    let id = Some("pyd_ai_0f3c6a1f00012b2b".to_owned());
    for part in &mut line.messages.last_mut().unwrap().parts {
        if let PartKind::ToolCall { id: own, .. } = &mut part.kind {
            own.clone_from(&id);
        }
    }
    line.result(id.as_deref(), "sunny");
    play.turn(&mut line, &says("It is sunny."));
}

/// The user stops what he has asked for first, and says something else: nobody has answered by then.
fn left_before(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Build the house.");
    play.begin(&line, &says(""), 50_000, Status::Interrupted);
    play.wait(500_000);
    aside(&mut line, "[Request interrupted by user]");
    line.user("2", "No, build the barn.");
    work(play, &mut line, 2, "It stands.");
    // Who has the same first words another day has nothing to do with it.
    play.wait(86_400_000_000);
    let mut other = Line::new("t");
    other.user("1", "Build the house.");
    play.turn(&mut other, &says("It stands."));
    other.user("2", "Thanks");
    play.turn(&mut other, &says("Welcome."));
}

/// And half of it stays in the history.
fn left_amid(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Tell me of the shed.");
    play.begin(&line, &says(SHED), 50_000, Status::Interrupted);
    play.wait(500_000);
    let all = SHED;
    let half = all.split_once(", then").unwrap().0;
    line.messages.push(Message::new("assistant", vec![Part::text(half)]));
    line.user("2", "Shorter, please.");
    play.turn(&mut line, &says("It has four walls."));
}

/// An agent thanks itself for files that it shows; and what it was told before is hidden behind it.
fn word_of_thanks(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Tell me of the mill.");
    play.turn(&mut line, &says(MILL));
    let mut sent = line.clone();
    for (user, assistant) in [
        ("I committed it.", "Ok."),
        ("Here are the files: x.rs", "Ok, any changes I propose will be to those files."),
    ] {
        sent.user("2", user);
        sent.messages.push(Message::new("assistant", vec![Part::text(assistant)]));
    }
    sent.user("2", "Now the barn.");
    play.turn(&mut sent, &says("It is red."));
}

fn begun_answer(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Tell me of the tower.");
    play.turn(&mut line, &says(TOWER));
    line.user("2", "As JSON.");
    line.messages.push(Message::new("assistant", vec![Part::text("{")]));
    play.turn(&mut line, &says("\"walls\": 4}"));
}

/// What the model thought about before it wrote a summary is left out, and thanked for.
fn half_a_summary(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Build the house.");
    work(play, &mut line, 2, "It stands.");
    let thought =
        "First there was a plan of it on paper, with each room and each door in its place. ".repeat(4);
    let mut asking = line.clone();
    asking.user("1", "Provide a detailed summary of our conversation above.");
    asking.trace = format!("{}/compaction", asking.session);
    let summary = format!(
        "Summary: {}\nThe roof is still missing, and so are the stairs to the upper floor and the cellar.",
        CHURCH
    );
    play.begin(&asking, &says(&format!("<analysis>{thought}</analysis>\n{summary}")), 100_000, Status::Ok);
    play.last().side = Some("compaction");
    play.wait(100_000);
    let mut next = Line { messages: Vec::new(), ..line.clone() };
    next.user("2", &format!("<context>\n{summary}\n</context>"));
    next.messages
        .push(Message::new("assistant", vec![Part::text("Got it. Thanks for the additional context!")]));
    next.user("2", "Go on with the roof.");
    work(play, &mut next, 1, "The roof is on.");
}

/// What an agent asks for itself goes with all that was said, and with its tools.
fn beside_history(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Build the house.");
    work(play, &mut line, 1, "It stands.");
    for (side, words) in [
        ("suggestion", "[SUGGESTION MODE: Suggest what the user might naturally type next.]"),
        ("title", "Generate a concise 3-7 word title for this conversation, omitting punctuation."),
    ] {
        let mut asking = line.clone();
        aside(&mut asking, words);
        play.begin(&asking, &says("build the barn"), 30_000, Status::Ok);
        play.last().side = Some(side);
        play.wait(50_000);
    }
    line.user("2", "Build the barn.");
    work(play, &mut line, 1, "It is red.");
}
