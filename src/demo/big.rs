//! More than anyone has in a day: for whoever wants to see how lists and pages bear it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::client;
use super::player;
use super::random::Random;
use super::script::{Does, Script, Turn, Work, says, tool, turn};
use super::stage::{Stage, Staged};
use super::talk::{Answer, Message, Part, Reply, Request, Tool, Usage, tokens};
use super::wire::{ANTHROPIC, RESPONSES, Wire};

/// So many agents run side by side, so often does each of them ask for tools, and for so many.
const SIDE_BY_SIDE: usize = 10;
const ROUNDS: usize = 10;
const TOOLS_A_ROUND: usize = 2;
/// Steps that come of one agent: the call that starts it, its rounds with their tools, and its last words.
const STEPS: usize = 1 + ROUNDS * (1 + TOOLS_A_ROUND) + 1;

const TOOLS: &[Tool] = &[
    Tool { name: "Task", about: "Starts an agent.", parameters: &[("prompt", "What it is to do.")] },
    Tool { name: "Read", about: "Reads a file.", parameters: &[("path", "Which.")] },
];

/// One trace of about so many steps.
pub async fn trace(stage: Arc<Stage>, steps: usize) {
    let agents = steps.div_ceil(STEPS).max(1);
    let rounds = (0..agents).step_by(SIDE_BY_SIDE).map(|first| {
        let last = (first + SIDE_BY_SIDE).min(agents);
        says(format!("Files {first} to {last} next.")).calling((first..last).map(agent).collect::<Vec<_>>())
    });
    let user = format!("Rename `Account` to `Ledger` in all {} files, and read each again.", agents * ROUNDS);
    let turns = vec![turn(user, rounds.collect::<Vec<_>>(), says("All files are renamed and read."))];
    player::play(stage, script("session=big-trace,tag=big", turns), "big".to_owned()).await;
}

fn agent(number: usize) -> Work {
    let prompt = format!("Rename `Account` to `Ledger` in the files of part {number}.");
    let rounds = (0..ROUNDS).map(|round| {
        let read = |which: usize| {
            let path = format!("src/part{number}/file{round}_{which}.rs");
            let text = format!("1\tpub struct Ledger {{\n2\t    pub part: u32, // {number}\n3\t}}\n");
            tool("Read", json!({"path": path}), text, 0)
        };
        says("").calling((0..TOOLS_A_ROUND).map(read).collect::<Vec<_>>())
    });
    let done = says(format!("Part {number} is done."));
    let turns = vec![turn(prompt.clone(), rounds.collect::<Vec<_>>(), done)];
    let agent = script("session=big-trace,tag=big", turns);
    Work { tool: "Task", arguments: json!({"prompt": prompt}), does: Does::Agent(Box::new(agent)) }
}

fn script(labels: &str, turns: Vec<Turn>) -> Script {
    Script {
        wire: &ANTHROPIC,
        model: "claude-haiku-5-5",
        snapshot: "claude-haiku-5-5",
        system: "You rename things.",
        tools: TOOLS,
        streamed: false,
        reasons: false,
        schema: &[],
        client: "demo-renamer/1.0",
        labels: labels.to_owned(),
        traced: false,
        begins: 0,
        turns,
    }
}

/// One session of so many turns. The provider keeps the conversation, so that a turn sends what is new.
pub async fn session(stage: &Stage, turns: usize) -> Result<(), String> {
    const WIRE: &Wire = &RESPONSES;
    let mut random = Random::of("big-session");
    let mut before: Option<String> = None;
    for number in 1..=turns {
        let words = format!("What is {number} times {number}?");
        let messages = [Message::User(vec![Part::Text(words)])];
        let request = Request {
            model: "gpt-5-nano",
            system: "You calculate.",
            tools: &[],
            messages: &messages,
            streamed: false,
            reasons: false,
            schema: &[],
        };
        let mut body = (WIRE.request)(&request);
        body["store"] = true.into();
        if let Some(before) = before {
            body["previous_response_id"] = before.into();
        }
        let id = format!("{}{}", WIRE.id_prefix, random.hex(32));
        let reply =
            Reply { text: format!("{number} × {number} = {}.", number * number), ..Reply::default() };
        let usage = Usage { input: tokens(&body.to_string()), output: reply.tokens(), ..Usage::default() };
        let answer = Answer { id: id.clone(), model: "gpt-5-nano-2025-08-07".to_owned(), reply, usage };
        let body = Bytes::from(body.to_string());
        stage.put(body.clone(), Staged::at_once(&(WIRE.whole)(&answer)));
        let headers = WIRE.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let path = format!("/~session=big-session,tag=big/{}{}", WIRE.upstream, (WIRE.path)(&request));
        let call = client::Call { path, headers: headers.collect(), body, leaves_after: None };
        client::call(stage.proxy, call).await?;
        before = Some(id);
    }
    Ok(())
}
