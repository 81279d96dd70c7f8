//! What is being said right now, for those who look on.
//!
//! While nobody looks, nothing is done for it. While somebody does, each answer under way is read again now and then, by
//! one thread for all who look, and what is new in it is handed out. Who does not keep up is let go of, and asks again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::gather::{Gather, Open};
use super::observe::id_of;
use crate::dialect::{AnswerHead, Call, Reader};
use crate::model::{Body, Exchange, ExchangeId, Micros, Reading};
use crate::redact::Redactor;

/// What waits for one who looks; who is further behind is let go of.
const BEHIND: usize = 1024;
/// How often an answer is looked at, and how much longer that is at least than looking took.
pub const PAUSE: Duration = Duration::from_millis(150);
const SHARE: u32 = 20;
/// Longer answers are no longer shown as they grow.
const LONGEST: usize = 2 << 20;

/// Something new: what kind of thing, and the thing in JSON.
#[derive(Clone, Debug)]
pub struct News {
    pub kind: &'static str,
    pub data: Arc<str>,
}

/// Hands out news.
#[derive(Default)]
pub struct Live {
    state: Mutex<State>,
    viewers: AtomicUsize,
}

#[derive(Default)]
struct State {
    viewers: Vec<Sender<News>>,
    /// What has been told of each answer under way.
    current: HashMap<ExchangeId, Value>,
}

impl Live {
    /// From now on everything new, and first what has been said so far of what is under way.
    pub fn watch(&self) -> Receiver<News> {
        let (sender, receiver) = channel(BEHIND);
        let mut state = self.lock();
        for so_far in state.current.values() {
            // There is room: nothing else was sent yet, and what does not fit is told later.
            let _ = sender.try_send(News { kind: "progress", data: so_far.to_string().into() });
        }
        state.viewers.push(sender);
        self.viewers.store(state.viewers.len(), Ordering::Relaxed);
        receiver
    }

    pub fn is_watched(&self) -> bool {
        self.viewers.load(Ordering::Relaxed) > 0
    }

    /// Tells everyone.
    pub fn tell(&self, kind: &'static str, data: &Value) {
        self.send(&mut self.lock(), kind, data);
    }

    fn send(&self, state: &mut State, kind: &'static str, data: &Value) {
        let news = News { kind, data: data.to_string().into() };
        state.viewers.retain(|viewer| viewer.try_send(news.clone()).is_ok());
        self.viewers.store(state.viewers.len(), Ordering::Relaxed);
        if state.viewers.is_empty() {
            state.current.clear();
        }
    }

    /// Tells how far an answer has got: all of it to those who come later, what is new to those who are here.
    fn progress(&self, id: ExchangeId, now: &Value) {
        let mut state = self.lock();
        let mut news = now.clone();
        if let Some(before) = state.current.get(&id) {
            for (key, append) in [("text", "append"), ("reasoning", "append_reasoning")] {
                let of =
                    |value: &Value| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                let (was, is) = (of(before), of(now));
                // A redaction may have changed what was told: then all of it is told again.
                if let Some(more) = is.strip_prefix(&was)
                    && let Some(news) = news.as_object_mut()
                {
                    news.remove(key);
                    if !more.is_empty() {
                        news.insert(append.to_owned(), more.into());
                    }
                }
            }
        }
        state.current.insert(id, now.clone());
        self.send(&mut state, "progress", &news);
    }

    fn over(&self, id: ExchangeId) {
        let mut state = self.lock();
        if state.current.remove(&id).is_some() {
            let done = json!({"id": id_of(id, 0).to_string(), "done": true});
            self.send(&mut state, "progress", &done);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The recorder's side: when each answer may be looked at again.
#[derive(Default)]
pub struct Onlooker {
    live: Arc<Live>,
    again: HashMap<ExchangeId, (Instant, usize)>,
}

impl Onlooker {
    pub fn new(live: Arc<Live>) -> Self {
        Self { live, again: HashMap::new() }
    }

    pub fn is_watched(&self) -> bool {
        self.live.is_watched()
    }

    /// Looks at answers that have grown.
    pub fn look(&mut self, gather: &mut Gather, redactor: &Redactor) {
        if !self.live.is_watched() {
            self.again.clear();
            return;
        }
        let now = Instant::now();
        for (id, open) in gather.open_mut() {
            let length = open.held();
            if !open.exchange.upgrade && !open.on_tape && is_due(self.again.get(id), now, length) {
                if let Some(progress) = so_far(*id, open, redactor) {
                    self.live.progress(*id, &progress);
                }
                self.again.insert(*id, (now + PAUSE.max(now.elapsed() * SHARE), length));
            }
        }
    }

    pub fn over(&mut self, id: ExchangeId) {
        if self.again.remove(&id).is_some() {
            self.live.over(id);
        }
    }
}

fn is_due(known: Option<&(Instant, usize)>, now: Instant, length: usize) -> bool {
    known.is_none_or(|(again, before)| *again <= now && *before != length)
}

/// What an answer says as far as it has come. `None` where no dialect reads it, or it has become too long to look at.
fn so_far(id: ExchangeId, open: &Open, redactor: &Redactor) -> Option<Value> {
    let mut exchange = open.answer_so_far(LONGEST)?;
    let reading = std::panic::AssertUnwindSafe(|| {
        redactor.redact(&mut exchange);
        Some((read(&exchange)?, model(&exchange)))
    });
    // A reader that panics says so when the exchange has ended.
    let (reading, model) = std::panic::catch_unwind(reading).ok().flatten()?;
    let answered = &reading.answered;
    let mut progress = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            progress.insert(key.to_owned(), value);
        }
    };
    let model = answered.model.clone().or(model);
    let name = match &model {
        Some(model) => format!("{} {model}", reading.operation.name()),
        None => reading.operation.name().to_owned(),
    };
    put("id", id_of(id, 0).to_string().into());
    put("name", name.into());
    put("provider", exchange.provider.as_str().into());
    put("upstream", exchange.upstream.as_str().into());
    put("model", model.into());
    put("dialect", reading.dialect.into());
    put("started", exchange.began.rfc3339().into());
    put("text", whole_words(&answered.text()).into());
    put("reasoning", whole_words(&answered.reasoning()).into());
    let calls: Vec<Value> = answered.tool_calls().map(|(_, name, _)| json!({"name": name})).collect();
    if !calls.is_empty() {
        put("tool_calls", calls.into());
    }
    put("done", false.into());
    Some(Value::Object(progress))
}

/// The model as the path says it, where the answer has not said it yet.
fn model(exchange: &Exchange) -> Option<String> {
    let (path, _) = exchange.path_and_query();
    let (_, behind) = path.split_once("/models/").or_else(|| path.split_once("/model/"))?;
    let name = behind.split(['/', ':']).next().filter(|name| !name.is_empty())?;
    Some(name.to_owned())
}

fn read(exchange: &Exchange) -> Option<Reading> {
    // What was asked takes longest to read, and is shown when all is over.
    let mut reader = Reader::new(Call::of(exchange))?;
    if let Some(head) = &exchange.head {
        reader.head(
            AnswerHead { status: head.status, headers: head.headers.clone() },
            exchange.response.decoded,
        );
        reader.response(&exchange.response.bytes, Micros::now());
    }
    reader.finish().into_iter().next()
}

/// A word that is not over yet may be a secret of which the redaction has not seen enough.
fn whole_words(text: &str) -> &str {
    let end = text.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    text.get(..end).unwrap_or_default()
}

impl Open {
    /// The answer as far as it came, without what was asked; `None` where it is longer than `most`.
    fn answer_so_far(&self, most: usize) -> Option<Exchange> {
        let response = self.response_bytes();
        let mut exchange = Exchange { request: Body::default(), ..self.exchange.clone() };
        (response.len() <= most).then(|| {
            exchange.response.bytes = bytes::Bytes::copy_from_slice(response);
            exchange
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ExchangeId {
        ExchangeId::new(Micros(number), 1)
    }

    fn told(news: &mut Receiver<News>) -> Vec<Value> {
        let mut all = Vec::new();
        while let Ok(news) = news.try_recv() {
            all.push(serde_json::from_str(&news.data).unwrap());
        }
        all
    }

    #[test]
    fn who_looks_hears_what_is_new_and_who_comes_later_everything() {
        let live = Live::default();
        assert!(!live.is_watched());
        let (one, mut first) = (id(1), live.watch());
        live.progress(one, &json!({"id": "x", "text": "Hello "}));
        live.progress(one, &json!({"id": "x", "text": "Hello wide "}));
        let mut second = live.watch();
        live.progress(one, &json!({"id": "x", "text": "Hello wide world "}));
        let expected = [
            json!({"id": "x", "text": "Hello "}),
            json!({"id": "x", "append": "wide "}),
            json!({"id": "x", "append": "world "}),
        ];
        assert_eq!(told(&mut first), expected);
        assert_eq!(told(&mut second), [json!({"id": "x", "text": "Hello wide "}), expected[2].clone()]);
        // What was told and is no longer so is told anew.
        live.progress(one, &json!({"id": "x", "text": "Hello [redacted] "}));
        assert_eq!(told(&mut first), [json!({"id": "x", "text": "Hello [redacted] "})]);
        live.over(one);
        assert_eq!(told(&mut first)[0]["done"], true);
        live.over(one);
        assert_eq!(told(&mut first), [json!(null); 0]);
    }

    #[test]
    fn who_does_not_keep_up_is_let_go_of() {
        let live = Live::default();
        let mut slow = live.watch();
        for number in 0..BEHIND + 1 {
            live.tell("call", &json!(number));
        }
        assert!(!live.is_watched());
        assert_eq!(told(&mut slow).len(), BEHIND);
        drop(slow);
        let gone = live.watch();
        drop(gone);
        live.tell("call", &json!(1));
        assert!(!live.is_watched());
    }

    #[test]
    fn words_are_shown_when_they_are_over() {
        assert_eq!(whole_words("sk-ab"), "");
        assert_eq!(whole_words("the key is sk-ab"), "the key is ");
        assert_eq!(whole_words("it is so. "), "it is so. ");
    }
}
