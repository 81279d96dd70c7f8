//! Records of the tape into exchanges. Memory is bounded: what grows past it is let go of, and read back from the tape
//! when its end has come.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use crate::model::{Chunk, Closer, Direction, Ending, Exchange, ExchangeId, Head, Micros};
use crate::tape::{Begin, Entry, Event, ResponseHead};

/// Whose rules hold for an upstream, and what is spoken there if the configuration says so.
pub type Upstream = Box<dyn Fn(&str) -> (String, Option<String>) + Send>;

/// Exchanges under way.
pub struct Gather {
    open: HashMap<ExchangeId, Open>,
    /// Of those, the ones that may become sockets.
    upgrades: HashSet<ExchangeId>,
    /// Bytes of bodies held.
    held: usize,
    max_held: usize,
    max_body: usize,
    upstream: Upstream,
}

/// An exchange under way.
pub struct Open {
    /// All but the bodies' bytes.
    pub exchange: Exchange,
    request: Vec<u8>,
    response: Vec<u8>,
    /// Its bodies were let go of.
    pub on_tape: bool,
    /// So much of them, about.
    pub let_go: usize,
    /// Something came since it was looked at last.
    pub touched: bool,
}

impl Open {
    fn body(&mut self, direction: Direction) -> &mut Vec<u8> {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }

    /// The exchange with its bodies as far as they came.
    pub fn whole(self) -> Exchange {
        let Self { mut exchange, request, response, .. } = self;
        exchange.request.bytes = Bytes::from(request);
        exchange.response.bytes = Bytes::from(response);
        exchange
    }

    /// The same, while it goes on.
    pub fn so_far(&self) -> Exchange {
        let mut exchange = self.exchange.clone();
        exchange.request.bytes = Bytes::copy_from_slice(&self.request);
        exchange.response.bytes = Bytes::copy_from_slice(&self.response);
        exchange
    }

    pub fn response_bytes(&self) -> &[u8] {
        &self.response
    }

    pub fn held(&self) -> usize {
        self.request.len() + self.response.len()
    }
}

impl Gather {
    pub fn new(max_held: usize, max_body: usize, upstream: Upstream) -> Self {
        let (open, upgrades) = Default::default();
        Self { open, upgrades, held: 0, max_held, max_body, upstream }
    }

    /// Whose rules hold for an upstream of this name.
    pub fn upstream(&self, name: &str) -> (String, Option<String>) {
        (self.upstream)(name)
    }

    /// Exchanges under way.
    pub fn open_mut(&mut self) -> impl Iterator<Item = (&ExchangeId, &mut Open)> {
        self.open.iter_mut()
    }

    /// Those that may have become sockets.
    pub fn upgrades(&self) -> Vec<ExchangeId> {
        self.upgrades.iter().copied().collect()
    }

    pub fn get_mut(&mut self, id: ExchangeId) -> Option<&mut Open> {
        self.open.get_mut(&id)
    }

    /// Takes in what happened. `Some`: the exchange is over.
    pub fn take(&mut self, id: ExchangeId, at: Micros, entry: Entry) -> Option<Open> {
        let event = match entry {
            Entry::Event(Event::Begin(begin)) => {
                let exchange = self.begun(id, at, *begin);
                if exchange.upgrade {
                    self.upgrades.insert(id);
                }
                self.open.entry(id).or_insert_with(|| Open::of(exchange));
                return None;
            }
            Entry::Event(event) => event,
            Entry::Passed { direction, bytes, last } => {
                let open = self.open.get_mut(&id)?;
                open.exchange.body_mut(direction).lost += bytes;
                return if last { self.end(id, direction, at, Ending::Complete) } else { None };
            }
        };
        let open = self.open.get_mut(&id)?;
        open.touched = true;
        let ended = match event {
            Event::Begin(_) => None,
            Event::Informational(status) => {
                open.exchange.informational.push((status.as_u16(), at));
                None
            }
            Event::Head(head) => {
                let ResponseHead { status, version, headers, ours } = *head;
                let version = format!("{version:?}");
                open.exchange.head = Some(Head { at, status: status.as_u16(), version, headers, ours });
                None
            }
            Event::Data(direction, bytes) => {
                self.held += open.data(direction, at, &bytes, self.max_body);
                None
            }
            Event::Last(direction, bytes) => {
                self.held += open.data(direction, at, &bytes, self.max_body);
                Some((direction, Ending::Complete))
            }
            Event::Trailers(direction, trailers) => {
                open.exchange.body_mut(direction).trailers = Some(trailers);
                None
            }
            Event::Closed { direction, ending, lost } => {
                open.exchange.body_mut(direction).lost += lost;
                Some((direction, ending))
            }
        };
        self.let_go_of_the_largest();
        let (direction, ending) = ended?;
        self.end(id, direction, at, ending)
    }

    /// Bytes of this exchange are missing here. It is read from the tape when it is over.
    pub fn missing(&mut self, marked: &HashMap<ExchangeId, usize>) {
        for (id, bytes) in marked {
            self.let_go(*id);
            if let Some(open) = self.open.get_mut(id) {
                open.let_go += bytes;
            }
        }
    }

    /// Gives an exchange up before its end.
    pub fn interrupt(&mut self, id: ExchangeId) -> Option<Open> {
        self.remove(id)
    }

    /// Whether an exchange is under way.
    pub fn has(&self, id: ExchangeId) -> bool {
        self.open.contains_key(&id)
    }

    /// Their ids.
    pub fn ids(&self) -> Vec<ExchangeId> {
        self.open.keys().copied().collect()
    }

    fn begun(&self, id: ExchangeId, at: Micros, begin: Begin) -> Exchange {
        let Begin { upstream, method, target, forwarded, version, headers, labels, upgrade } = begin;
        let (provider, dialect) = (self.upstream)(&upstream);
        Exchange {
            id,
            upstream: upstream.to_string(),
            provider,
            dialect,
            method: method.as_str().to_owned(),
            target: target.map(|target| target.to_string()),
            forwarded: forwarded.to_string(),
            version: format!("{version:?}"),
            headers,
            labels,
            upgrade,
            began: at,
            request: Default::default(),
            informational: Vec::new(),
            head: None,
            response: Default::default(),
            redactions: Vec::new(),
        }
    }

    fn let_go_of_the_largest(&mut self) {
        if self.held > self.max_held {
            let largest = self.open.iter().max_by_key(|(_, open)| open.held()).map(|(id, _)| *id);
            if let Some(largest) = largest {
                self.let_go(largest);
            }
        }
    }

    fn let_go(&mut self, id: ExchangeId) {
        let Some(open) = self.open.get_mut(&id) else { return };
        self.held -= open.held();
        open.on_tape = true;
        open.let_go += open.held();
        open.request = Vec::new();
        open.response = Vec::new();
    }

    fn end(&mut self, id: ExchangeId, direction: Direction, at: Micros, ending: Ending) -> Option<Open> {
        let open = self.open.get_mut(&id)?;
        let body = open.exchange.body_mut(direction);
        body.end.get_or_insert((at, ending));
        if !open.exchange.is_over() {
            return None;
        }
        self.remove(id)
    }

    fn remove(&mut self, id: ExchangeId) -> Option<Open> {
        let open = self.open.remove(&id)?;
        if open.exchange.upgrade {
            self.upgrades.remove(&id);
        }
        self.held -= open.held();
        Some(open)
    }
}

impl Open {
    fn of(exchange: Exchange) -> Self {
        Self { exchange, request: Vec::new(), response: Vec::new(), on_tape: false, let_go: 0, touched: true }
    }

    /// More of a body. Says how much more is held.
    fn data(&mut self, direction: Direction, at: Micros, bytes: &[u8], max_body: usize) -> usize {
        if bytes.is_empty() || self.on_tape {
            self.let_go += bytes.len();
            return 0;
        }
        let room = max_body.saturating_sub(self.body(direction).len());
        let after = at.0.saturating_sub(self.exchange.began.0);
        let body = self.exchange.body_mut(direction);
        // Cut, never holed.
        let kept = if body.lost > 0 { 0 } else { bytes.len().min(room) };
        let (bytes, lost) = bytes.split_at(kept);
        body.lost += lost.len() as u64;
        if bytes.is_empty() {
            return 0;
        }
        let length = bytes.len() as u64;
        match body.chunks.last_mut() {
            Some(last) if last.after == after => last.length += length,
            _ => body.chunks.push(Chunk { after, length }),
        }
        self.body(direction).extend_from_slice(bytes);
        bytes.len()
    }
}

/// Says that an exchange was cut off by the end of the program.
pub fn cut_off(exchange: &mut Exchange) {
    let last = [&exchange.request, &exchange.response]
        .into_iter()
        .filter_map(|body| body.chunks.last())
        .map(|chunk| chunk.after)
        .max()
        .unwrap_or_default();
    let answered = exchange.head.as_ref().map_or(exchange.began, |head| head.at);
    let at = Micros(exchange.began.0 + last).max(answered);
    for direction in [Direction::Request, Direction::Response] {
        let why = "the recorder was stopped".to_owned();
        exchange.body_mut(direction).end.get_or_insert((at, Ending::Broken { by: Closer::Us, why }));
    }
}
