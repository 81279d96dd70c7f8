//! Played sessions, each with what is hard about it.

use std::collections::BTreeMap;

use serde_json::json;
use wiretape::model::{ObservationId, Status};
use wiretape::trace::{Id, Role};

use crate::agent::{Answer, Line, Made, Play, says};
use crate::habits;
use crate::memory::Memory;

/// Plays a part.
pub type Played = fn(&mut Play);

/// All plays by name.
pub fn plays() -> Vec<(&'static str, Vec<Made>)> {
    let plays: [(&'static str, Played); 17] = [
        ("tools", tools),
        ("two turns", two_turns),
        ("no ids", no_ids),
        ("ids dropped", ids_dropped),
        ("parallel sub-agents", parallel_subagents),
        ("nested in the background", nested_in_the_background),
        ("retries", retries),
        ("the same words at the same time", same_words),
        ("the same words of two users", two_users),
        ("branch and rewind", branch_and_rewind),
        ("compaction", compaction),
        ("a window that slides", sliding_window),
        ("a title beside", title_beside),
        ("said ids", said_ids),
        ("seen twice", seen_twice),
        ("steered", steered),
        ("an agent known by its result", by_result),
    ];
    (0_u64..)
        .zip(plays.into_iter().chain(habits::PLAYS.iter().copied()))
        .map(|(at, (name, play))| {
            let mut all = Play { base: at * 1000, ..Play::default() };
            play(&mut all);
            (name, all.made)
        })
        .collect()
}

pub fn bash(play: &mut Play, command: &str) -> Answer {
    play.calls("Bash", json!({"command": command}))
}

/// A run of so many tools, then an answer.
pub fn work(play: &mut Play, line: &mut Line, rounds: usize, end: &str) {
    for round in 0..rounds {
        let answer = bash(play, &format!("step {round}"));
        play.turn(line, &answer);
        line.result(answer.calls[0].0.as_deref(), "done");
        play.wait(5000);
    }
    play.turn(line, &says(end));
}

fn tools(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Count the files.");
    work(play, &mut line, 3, "There are three.");
}

fn two_turns(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "hi");
    play.turn(&mut line, &says("Hello!"));
    line.user("2", "Count the files.");
    work(play, &mut line, 2, "Two.");
    line.user("3", "Thanks");
    play.turn(&mut line, &says("You are welcome."));
    // Another one says the same later.
    play.wait(3_600_000_000);
    let mut other = Line::new("t");
    other.user("1", "hi");
    play.turn(&mut other, &says("Hello!"));
    other.user("2", "What is the time?");
    play.turn(&mut other, &says("I do not know."));
}

fn nameless(name: &str, city: &str) -> Answer {
    Answer { text: String::new(), calls: vec![(None, name.to_owned(), json!({"city": city}))] }
}

/// As Gemini and Ollama have it: the same twice, at different times.
fn no_ids(play: &mut Play) {
    for session in ["a", "b"] {
        let mut line = Line { dialect: "gemini.generate", ..Line::new(session) };
        line.user("1", "What is the weather in Paris?");
        for _ in 0..2 {
            play.turn(&mut line, &nameless("weather", "Paris"));
            line.result(None, "sunny");
        }
        play.turn(&mut line, &says("It is sunny."));
        line.user("2", "And in Rome?");
        play.turn(&mut line, &nameless("weather", "Rome"));
        line.result(None, "rain");
        play.turn(&mut line, &says("It rains."));
        play.wait(1_000_000);
    }
}

fn ids_dropped(play: &mut Play) {
    let mut line = Line { dialect: "gemini.generate", ..Line::new("s") };
    line.user("1", "What is the weather in Oslo?");
    let answer = play.calls("weather", json!({"city": "Oslo"}));
    play.begin(&line, &answer, 100_000, Status::Ok);
    play.wait(100_000);
    let bare = Answer { calls: vec![(None, "weather".to_owned(), json!({"city": "Oslo"}))], ..answer };
    let mut sent = line.clone();
    let id = play.made.len();
    play.turn(&mut sent, &bare);
    play.made.truncate(id);
    line.messages = sent.messages;
    line.result(None, "sunny");
    play.turn(&mut line, &says("It is sunny."));
}

fn agent(play: &mut Play, prompt: &str) -> Answer {
    play.calls("Agent", json!({"description": "inner", "prompt": prompt}))
}

fn parallel_subagents(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Look at both folders.");
    let mut answer = agent(play, "Look at the folder a.");
    answer.calls.extend(agent(play, "Look at the folder b.").calls);
    // Two of the same words are told apart by their order.
    answer.calls.extend(agent(play, "Look at the folder b.").calls);
    let asker = play.turn(&mut line, &answer);
    let mut inner: Vec<Line> = (0..3)
        .map(|place| Line { under: Some((asker, place)), trace: line.trace.clone(), ..Line::new("s") })
        .collect();
    for (line, text) in
        inner.iter_mut().zip(["Look at the folder a.", "Look at the folder b.", "Look at the folder b."])
    {
        let trace = line.trace.clone();
        line.user("", text);
        line.trace = trace;
    }
    for round in 0..2 {
        for line in &mut inner {
            let answer = bash(play, &format!("ls {round}"));
            play.turn(line, &answer);
            line.result(answer.calls[0].0.as_deref(), "x");
        }
    }
    for (at, line) in inner.iter_mut().enumerate() {
        play.turn(line, &says(&format!("Folder {at} is empty.")));
    }
    for (id, _, _) in &answer.calls {
        line.result(id.as_deref(), "empty");
    }
    play.turn(&mut line, &says("Both are empty."));
}

fn nested_in_the_background(play: &mut Play) {
    let session =
        || Some(Id { value: "b8ca84f9-4a41-49aa".to_owned(), place: "header:x-session-id".to_owned() });
    let mut line = Line::new("b8ca84f9-4a41-49aa");
    line.said.session = session();
    line.user("1", "Do the work.");
    let outer = agent(play, "Do the outer work.");
    let asker = play.turn(&mut line, &outer);
    line.result(outer.calls[0].0.as_deref(), "Async agent launched successfully.");
    play.turn(&mut line, &says("It is under way."));

    let mut middle =
        Line { under: Some((asker, 0)), trace: line.trace.clone(), ..Line::new("b8ca84f9-4a41-49aa") };
    middle.said.session = session();
    middle.said.thread = Some(Id { value: "agent-1111".to_owned(), place: "header:x-agent-id".to_owned() });
    middle.said.role = Some((Role::Subagent, "header:x-class".to_owned()));
    middle.user("", "Do the outer work.");
    middle.trace.clone_from(&line.trace);
    let inner_call = agent(play, "Do the inner work.");
    let asker = play.turn(&mut middle, &inner_call);
    let mut inner = Line { under: Some((asker, 0)), messages: Vec::new(), ..middle.clone() };
    inner.said.thread = Some(Id { value: "agent-2222".to_owned(), place: "header:x-agent-id".to_owned() });
    inner.user("", "Do the inner work.");
    inner.trace.clone_from(&line.trace);
    work(play, &mut inner, 2, "INNER DONE");
    middle.result(inner_call.calls[0].0.as_deref(), "INNER DONE");
    play.turn(&mut middle, &says("OUTER DONE"));

    let note = format!(
        "<system-reminder>\n[SYSTEM NOTIFICATION - NOT USER INPUT]\n<task-notification>\n<tool-use-id>{}</tool-use-id>\n\
         <status>completed</status>\n<result>OUTER DONE</result>\n</task-notification>\n</system-reminder>",
        outer.calls[0].0.as_deref().unwrap()
    );
    let trace = line.trace.clone();
    line.user("", &note);
    line.trace = trace;
    play.turn(&mut line, &says("All is done."));
}

fn retries(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Count the files.");
    play.begin(&line, &says(""), 50_000, Status::Error);
    play.wait(500_000);
    play.begin(&line, &says(""), 50_000, Status::Error);
    play.last().attempt = 2;
    play.wait(500_000);
    let answer = bash(play, "ls");
    play.turn(&mut line, &answer);
    play.last().attempt = 3;
    line.result(answer.calls[0].0.as_deref(), "x");
    play.begin(&line, &says(""), 50_000, Status::Interrupted);
    play.wait(500_000);
    play.turn(&mut line, &says("One."));
    play.last().attempt = 2;
    // Asked again later, with success before: no attempt of the same.
    line.user("2", "Again.");
    play.turn(&mut line, &says("Still one."));
}

fn same_words(play: &mut Play) {
    let mut lines: Vec<Line> = (0..3)
        .map(|at| {
            let mut line = Line { dialect: "ollama.chat", ..Line::new(&format!("s{at}")) };
            line.user("1", "Tell me the weather.");
            line
        })
        .collect();
    for line in &mut lines {
        play.turn(line, &nameless("weather", &line.session.clone()));
    }
    for line in lines.iter_mut().rev() {
        line.result(None, "sunny");
        play.turn(line, &says("Sunny."));
    }
    for line in &mut lines {
        line.user("2", "Thanks");
        play.turn(line, &says("Welcome."));
    }
}

fn two_users(play: &mut Play) {
    let mut lines: Vec<Line> = ["ann", "bob"]
        .into_iter()
        .map(|user| {
            let mut line = Line { key: format!("fp:{user}"), ..Line::new(user) };
            line.user("1", "hi");
            line
        })
        .collect();
    for _ in 0..3 {
        for line in &mut lines {
            play.turn(line, &says("Hello!"));
        }
        for (at, line) in lines.iter_mut().enumerate().rev() {
            let trace = format!("{}-{}", at, line.messages.len());
            line.user(&trace, "And now?");
        }
    }
}

fn branch_and_rewind(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Write a poem.");
    work(
        play,
        &mut line,
        1,
        "A first poem about the sea and its many shores, and about those who went out on it and came back late.",
    );
    let mut other = line.clone();
    line.user("2", "Make it longer.");
    work(play, &mut line, 2, "A longer poem.");
    other.user("3", "Make it shorter.");
    work(play, &mut other, 1, "A short poem.");
}

fn compaction(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Build the house.");
    work(play, &mut line, 2, "It stands.");
    let summary = format!(
        "Summary of what was done so far in this conversation: the user wanted a house to be built.\n{}\nNext: the roof.",
        "Walls were put up on all four sides, and the windows were put into three of them. ".repeat(3)
    );
    let mut asking = line.clone();
    asking.user("1", "Your task is to create a detailed summary of the conversation so far.");
    let trace = format!("{}/compaction", asking.session);
    asking.trace = trace;
    play.begin(&asking, &says(&summary), 100_000, Status::Ok);
    play.last().side = Some("compaction");
    play.wait(100_000);
    let mut next = Line { messages: Vec::new(), ..line.clone() };
    next.user(
        "2",
        &format!("This session is being continued from a previous one.\n{summary}\nGo on with the roof."),
    );
    work(play, &mut next, 2, "The roof is on.");
}

fn sliding_window(play: &mut Play) {
    let mut line = Line::new("s");
    for turn in 0..6 {
        line.user(&turn.to_string(), &format!("Question {turn}"));
        let mut sent = line.clone();
        let from = sent.messages.len().saturating_sub(3);
        sent.messages.drain(..from);
        let answer = says(&format!("The answer to question {turn} is, in many words, {turn}."));
        play.turn(&mut sent, &answer);
        line.messages.push(sent.messages.pop().unwrap());
    }
}

fn title_beside(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Fix the lock of the door.");
    let mut title = Line {
        with_tools: false,
        system: "Generate a concise title for the conversation.".to_owned(),
        ..line.clone()
    };
    title.messages.clear();
    title.user("1", "Generate a title for this conversation:\nFix the lock of the door.");
    play.begin(&title, &says("Fixing the lock"), 30_000, Status::Ok);
    play.last().side = Some("title");
    work(play, &mut line, 2, "It is fixed.");
    // A title that someone asked for himself is no title of anything.
    let mut own = Line { with_tools: false, ..Line::new("own") };
    own.user("1", "Generate a concise title for a chat about the sea.");
    play.turn(&mut own, &says("The sea"));
}

fn said_ids(play: &mut Play) {
    let id = |value: &str, place: &str| Some(Id { value: value.to_owned(), place: place.to_owned() });
    let mut line = Line::new("root-session-1");
    line.said.session = id("root-session-1", "header:session-id");
    line.said.thread = id("thread-main-1", "header:thread-id");
    line.said.turn = id("turn-1", "header:x-codex-turn-metadata");
    line.user("1", "Do it.");
    let spawn = play.calls("spawn_agent", json!({"message": "x"}));
    let asker = play.turn(&mut line, &spawn);
    line.result(spawn.calls[0].0.as_deref(), "{\"agent_id\": \"thread-child-1\"}");
    play.turn(&mut line, &says("Started."));
    // Its words are none of the call's: what it says of itself must do.
    let mut child = Line { under: Some((asker, 0)), messages: Vec::new(), ..line.clone() };
    child.said.thread = id("thread-child-1", "header:thread-id");
    child.said.parent_thread = id("thread-main-1", "header:x-codex-parent-thread-id");
    child.user("1", "Something else entirely, as the agent put it");
    work(play, &mut child, 1, "Done.");
    line.said.turn = id("turn-2", "header:x-codex-turn-metadata");
    line.user("2", "More.");
    play.turn(&mut line, &says("Fine."));
}

fn seen_twice(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Count the files.");
    let answer = bash(play, "ls");
    // The outer recorder sees it from its begin to its end, the inner one within.
    play.begin(&line, &answer, 100_000, Status::Ok);
    let outer = play.last().facts.id;
    play.begin(&line, &answer, 90_000, Status::Ok);
    play.last().under = Some((outer, usize::MAX));
    play.wait(100_000);
    line.messages.push(agent_message(&answer));
    line.result(answer.calls[0].0.as_deref(), "x");
    play.turn(&mut line, &says("One."));
}

fn agent_message(answer: &Answer) -> wiretape::model::Message {
    let mut play = Play::default();
    let mut line = Line::new("");
    play.turn(&mut line, answer);
    line.messages.pop().unwrap()
}

/// The agent is told something else than the tool was given; what it says is the tool's result.
fn by_result(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Ask someone about the weather.");
    let call = play.calls("delegate", json!({"topic": "weather"}));
    let asker = play.turn(&mut line, &call);
    let mut inner = Line { under: Some((asker, 0)), ..Line::new("s") };
    inner.user("", "You are asked about this topic: weather. Answer briefly.");
    inner.trace.clone_from(&line.trace);
    let said = "It will rain in the morning and clear up later in the day.";
    play.turn(&mut inner, &says(said));
    line.result(call.calls[0].0.as_deref(), said);
    play.turn(&mut line, &says("Rain, then sun."));
    // The same was said before, by someone who had nothing to do with it.
    let mut other = Line::new("other");
    other.user("1", "What will the weather be tomorrow, please?");
    play.turn(&mut other, &says(said));
}

/// What the user says while tools run begins a turn of its own.
fn steered(play: &mut Play) {
    let mut line = Line::new("s");
    line.user("1", "Count the files.");
    let answer = bash(play, "ls");
    play.turn(&mut line, &answer);
    line.result(answer.calls[0].0.as_deref(), "x");
    line.user("2", "No, stop. Count the folders.");
    work(play, &mut line, 1, "Two.");
}

/// What is wrong with the places that a book has for the calls.
pub fn wrong(book: &Memory, made: &[Made]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut sessions: BTreeMap<String, String> = BTreeMap::new();
    let mut traces: BTreeMap<String, String> = BTreeMap::new();
    for (number, one) in made.iter().enumerate() {
        let placed = &book.placed[&one.facts.id];
        let session = placed.session.clone().unwrap_or_default();
        let trace = placed.trace.to_string();
        for (what, named, found) in [("session", &one.session, session), ("trace", &one.trace, trace)] {
            let names = if what == "session" { &mut sessions } else { &mut traces };
            let known = names.entry(found.clone()).or_insert_with(|| named.clone());
            if known != named {
                wrong.push(format!("call {number} of {what} {named} is in that of {known}"));
            }
            if let Some((other, _)) = names.iter().find(|(id, name)| *name == named && **id != found) {
                wrong.push(format!("call {number} of {what} {named} is in {found} and others in {other}"));
            }
        }
        let under = one.under.map(|(asker, place)| match place {
            usize::MAX => asker,
            place => book.tools.values().find(|tool| (tool.asker, tool.place) == (asker, place)).unwrap().id,
        });
        if placed.parent != under {
            wrong.push(format!("call {number} is under {:?}, not {under:?}", placed.parent));
        }
        if (placed.attempt, placed.side) != (one.attempt, one.side) {
            wrong.push(format!("call {number}: attempt {}, side {:?}", placed.attempt, placed.side));
        }
    }
    wrong
}

/// What the calls of tools came to.
pub fn results(book: &Memory) -> BTreeMap<ObservationId, Option<(ObservationId, bool)>> {
    let tools = book.tools.values();
    tools.map(|tool| (tool.id, tool.answer.as_ref().map(|answer| (answer.by, answer.is_late)))).collect()
}

#[test]
fn every_call_of_the_plays_is_in_its_place() {
    let mut all = Vec::new();
    for (name, made) in plays() {
        let mut book = Memory::default();
        made.iter().for_each(|one| book.add(one.facts.clone()));
        all.extend(wrong(&book, &made).into_iter().map(|wrong| format!("{name}: {wrong}")));
        let open = book.tools.values().filter(|tool| tool.answer.is_none()).count();
        if open > 0 {
            all.push(format!("{name}: {open} calls of tools are open"));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn plays_side_by_side_do_not_run_into_one_another() {
    let mut book = Memory::default();
    let mut all = Vec::new();
    for (name, made) in plays() {
        for mut one in made {
            one.session = format!("{name} {}", one.session);
            one.trace = format!("{name} {}", one.trace);
            all.push(one);
        }
    }
    all.sort_by_key(|one| one.facts.start);
    all.iter().for_each(|one| book.add(one.facts.clone()));
    let wrong = wrong(&book, &all);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
