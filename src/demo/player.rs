//! Plays a script: sends what its agent sends, really, through the proxy, and puts on the stage what is to be answered.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use tokio::task::JoinSet;

use super::client;
use super::random::Random;
use super::retrieval;
use super::script::{Does, End, Round, Said, Script, Turn, Work};
use super::stage::{Ending, Stage, Staged};
use super::talk::{Answer, Call, Message, Outcome, Part, Refusal, Reply, Request, Usage, pieces, tokens};

/// What a provider takes until it answers, and between two pieces of a stream.
const THINK: u64 = 220;
const GAP: u64 = 14;
/// What a client waits before it asks again, and a user before saying something else.
const BACK_OFF: u64 = 300;
const READS: u64 = 700;
/// The fewest tokens that OpenAI's cache takes, and by how many it grows.
const CACHE_FROM: u64 = 1024;
const CACHE_STEP: u64 = 128;

/// Plays it to its end; its agent's last words.
pub fn play(stage: Arc<Stage>, script: Script, name: String) -> Pin<Box<dyn Future<Output = String> + Send>> {
    Box::pin(async move {
        stage.pause(script.begins).await;
        let system = script.system;
        let random = Random::of(&name);
        let mut player = Player {
            stage,
            script,
            name,
            system,
            random,
            messages: Vec::new(),
            cached: 0,
            trace: None,
            background: JoinSet::new(),
        };
        let turns = std::mem::take(&mut player.script.turns);
        let mut last = String::new();
        for (at, turn) in turns.into_iter().enumerate() {
            if at > 0 {
                player.stage.pause(READS).await;
            }
            last = player.turn(turn).await;
        }
        last
    })
}

struct Player {
    stage: Arc<Stage>,
    script: Script,
    name: String,
    system: &'static str,
    random: Random,
    messages: Vec<Message>,
    /// Tokens of the conversation that the provider has in its cache.
    cached: u64,
    trace: Option<String>,
    background: JoinSet<(Call, String)>,
}

impl Player {
    async fn turn(&mut self, turn: Turn) -> String {
        if let Some(system) = turn.system {
            (self.system, self.cached) = (system, 0);
        }
        if self.script.traced {
            self.trace = Some(self.random.hex(32));
        }
        let mut user = turn.user;
        if turn.awaits {
            user = vec![Part::Text(self.news().await)];
        }
        if !turn.retrieves.is_empty() {
            let question = first_text(&user);
            self.retrieve(&question, turn.retrieves).await;
        }
        if let Some(title) = turn.title {
            self.title(&first_text(&user), title).await;
        }
        self.messages.push(Message::User(user));
        for round in turn.rounds {
            if !self.round(round).await {
                return String::new();
            }
        }
        let text = turn.answer.text.clone();
        self.ask(turn.answer, Vec::new()).await;
        text
    }

    /// The model asks for tools, which run side by side. Whether it came to that.
    async fn round(&mut self, round: Round) -> bool {
        let calls: Vec<Call> = round.work.iter().map(|work| self.named(work)).collect();
        if !self.ask(round.said, calls.clone()).await {
            return false;
        }
        let mut running = JoinSet::new();
        for (at, (call, work)) in calls.iter().zip(round.work).enumerate() {
            let stage = Arc::clone(&self.stage);
            let name = format!("{}/{}", self.name, call.id);
            match work.does {
                Does::Answer(text, millis) => {
                    running.spawn(async move {
                        stage.pause(millis).await;
                        (at, text, false)
                    });
                }
                Does::Fail(text, millis) => {
                    running.spawn(async move {
                        stage.pause(millis).await;
                        (at, text, true)
                    });
                }
                Does::Agent(script) => {
                    running.spawn(async move { (at, play(stage, *script, name).await, false) });
                }
                Does::Background(script) => {
                    let text = format!("Agent launched in the background. agentId: {}", &call.id);
                    let call = call.clone();
                    self.background.spawn(async move { (call, play(stage, *script, name).await) });
                    running.spawn(async move { (at, text, false) });
                }
            }
        }
        let mut done = running.join_all().await;
        done.sort_by_key(|(at, ..)| *at);
        let outcomes = calls.into_iter().zip(done);
        let outcomes = outcomes.map(|(call, (_, text, is_error))| Outcome { call, text, is_error });
        self.messages.push(Message::Results(outcomes.collect()));
        true
    }

    fn named(&mut self, work: &Work) -> Call {
        let id = format!("{}{}", self.script.wire.call_prefix, self.random.letters(22));
        Call { id, name: work.tool.to_owned(), arguments: work.arguments.clone() }
    }

    /// What came of what went on in the background, as agents tell their models.
    async fn news(&mut self) -> String {
        let mut news = String::new();
        while let Some(done) = self.background.join_next().await {
            let Ok((call, text)) = done else { continue };
            let id = call.id;
            news.push_str(&format!(
                "<task-notification>\n<task-id>{id}</task-id>\n<tool-use-id>{id}</tool-use-id>\n\
                 <status>completed</status>\n<result>{text}</result>\n</task-notification>"
            ));
        }
        news
    }

    /// Looks for what is said in the documents: an embedding, and a model that sorts what was found.
    async fn retrieve(&mut self, question: &str, documents: &[&str]) {
        for plain in [retrieval::embedding(question), retrieval::rerank(question, documents)] {
            let staged = self.staged(200, 90, &plain.answer);
            let path = self.path(plain.upstream, plain.path);
            self.send(path, &[plain.header], &plain.request, staged, None).await;
        }
    }

    /// Asks a smaller model what to call this.
    async fn title(&mut self, words: &str, (model, snapshot, title): (&str, &str, &str)) {
        let asked = [Message::User(vec![Part::Text(format!(
            "Write a title of at most six words for this conversation. Answer with the title only.\n\n{words}"
        ))])];
        let request = Request {
            model,
            system: "You name conversations with coding agents: a concise title, no quotes.",
            tools: &[],
            messages: &asked,
            streamed: false,
            reasons: false,
            schema: &[],
        };
        let wire = self.script.wire;
        let reply = Reply { text: title.to_owned(), ..Reply::default() };
        let body = (wire.request)(&request);
        let usage = Usage { input: tokens(&body.to_string()), output: reply.tokens(), ..Usage::default() };
        let answer = Answer { id: self.id(), model: snapshot.to_owned(), reply, usage };
        let staged = self.staged(200, THINK, &(wire.whole)(&answer));
        let path = self.path(wire.upstream, &(wire.path)(&request));
        self.send(path, wire.headers, &body, staged, None).await;
    }

    /// One call of the agent's model, with the attempts before it. Whether there was an answer to go on from.
    async fn ask(&mut self, said: Said, calls: Vec<Call>) -> bool {
        let wire = self.script.wire;
        let request = Request {
            model: self.script.model,
            system: self.system,
            tools: self.script.tools,
            messages: &self.messages,
            streamed: self.script.streamed,
            reasons: self.script.reasons,
            schema: self.script.schema,
        };
        let body = (wire.request)(&request);
        let path = self.path(wire.upstream, &(wire.path)(&request));
        for refusal in said.before {
            let staged = self.refused(refusal);
            self.send(path.clone(), wire.headers, &body, staged, None).await;
            self.stage.pause(BACK_OFF).await;
        }
        if let End::Refused(refusal) = said.end {
            let staged = self.refused(&refusal);
            self.send(path, wire.headers, &body, staged, None).await;
            return false;
        }
        let reply = Reply { reasoning: said.reasoning.to_owned(), text: said.text, calls };
        let usage = self.usage(&body, &reply);
        let answer = Answer { id: self.id(), model: self.script.snapshot.to_owned(), reply, usage };
        let think = if said.think > 0 { said.think } else { THINK + self.random.between(0, THINK) };
        let mut staged = self.staged(200, think, &(wire.whole)(&answer));
        if self.script.streamed {
            staged.content_type = "text/event-stream; charset=utf-8";
            staged.pieces = (wire.events)(&answer).into_iter().map(Bytes::from).collect();
            staged.gap = self.stage.paced(if said.gap > 0 { said.gap } else { GAP });
        }
        let mut leaves = None;
        match said.end {
            End::Leaves(pieces) => {
                staged.pieces.truncate(pieces);
                staged.ending = Ending::Waits;
                leaves = Some(staged.pieces.iter().map(Bytes::len).sum());
            }
            End::Breaks(pieces) => {
                staged.pieces.truncate(pieces);
                staged.ending = Ending::Breaks;
            }
            End::Whole | End::Refused(_) => {}
        }
        self.send(path, wire.headers, &body, staged, leaves).await;
        let mut reply = answer.reply;
        if let End::Leaves(heard) | End::Breaks(heard) = said.end {
            // What had come of it is kept, as agents do, and the calls that it was about to make are not made.
            reply.text = pieces(&reply.text).into_iter().take(heard).collect();
            reply.calls.clear();
        }
        self.messages.push(Message::Assistant(reply));
        matches!(said.end, End::Whole)
    }

    fn usage(&mut self, body: &Value, reply: &Reply) -> Usage {
        let pictures = self.messages.iter().map(picture_bytes).sum::<u64>();
        let input = tokens(&body.to_string()) - pictures / 3;
        let reasoning = tokens(reply.reasoning.as_str());
        let output = reply.tokens() + reasoning;
        let had = std::mem::replace(&mut self.cached, input).min(input);
        if self.script.wire.pays_for_cache {
            return Usage { input, cached: had, written: input - had, output, reasoning };
        }
        let cached = if had < CACHE_FROM { 0 } else { had / CACHE_STEP * CACHE_STEP };
        Usage { input, cached, written: 0, output, reasoning }
    }

    fn id(&mut self) -> String {
        format!("{}{}", self.script.wire.id_prefix, self.random.letters(22))
    }

    /// Where a call goes: labels first, then the upstream, then the provider's own path.
    fn path(&self, upstream: &str, path: &str) -> String {
        let labels = &self.script.labels;
        let labels = if labels.is_empty() { String::new() } else { format!("/~{labels}") };
        format!("{labels}/{upstream}{path}")
    }

    fn staged(&mut self, status: u16, think: u64, body: &Value) -> Staged {
        let wire = self.script.wire;
        let own = wire.answer_headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut headers: Vec<(String, String)> = own.collect();
        headers.push((wire.id_header.to_owned(), format!("req_{}", self.random.letters(24))));
        Staged { status, headers, think: self.stage.paced(think), ..Staged::at_once(body) }
    }

    fn refused(&mut self, refusal: &Refusal) -> Staged {
        let body = (self.script.wire.refusal)(refusal);
        let mut staged = self.staged(refusal.status, 60, &body);
        if matches!(refusal.status, 429 | 529) {
            staged.headers.push(("retry-after".to_owned(), "1".to_owned()));
        }
        staged
    }

    async fn send(
        &mut self,
        path: String,
        headers: &[(&str, &str)],
        body: &Value,
        staged: Staged,
        leaves_after: Option<usize>,
    ) {
        let body = Bytes::from(body.to_string());
        let mut all = vec![("user-agent".to_owned(), self.script.client.to_owned())];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        if let Some(trace) = &self.trace {
            all.push(("traceparent".to_owned(), format!("00-{trace}-{}-01", self.random.hex(16))));
        }
        let breaks = staged.ending == Ending::Breaks;
        self.stage.put(body.clone(), staged);
        let call = client::Call { path, headers: all, body, leaves_after };
        if let Err(why) = client::call(self.stage.proxy, call).await
            && !breaks
        {
            tracing::warn!("a call of the demo's failed: {why}");
        }
    }
}

/// A picture does not count by its bytes: four for each three of them, of which four are a token.
fn picture_bytes(message: &Message) -> u64 {
    let Message::User(parts) = message else { return 0 };
    let bytes = |part: &Part| match part {
        Part::Image(png) => png.len() as u64,
        Part::Text(_) => 0,
    };
    parts.iter().map(bytes).sum()
}

fn first_text(parts: &[Part]) -> String {
    let text = parts.iter().find_map(|part| match part {
        Part::Text(text) => Some(text.clone()),
        Part::Image(_) => None,
    });
    text.unwrap_or_default()
}
