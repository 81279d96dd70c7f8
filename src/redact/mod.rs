//! What must not be kept, taken out of an exchange before it is stored.
//!
//! ```text
//! Exchange ──▶ headers, query, labels ──▶ Finder: rules, names of members
//!          ──▶ bodies: content-encoding off ─▶ framing ─▶ texts put together ─▶ Finder ─▶ edits ─▶ the body again
//! ```
//!
//! A keyed fingerprint stands in the place of what was taken out, so that equal secrets can be grouped. Everything else
//! stays byte for byte, and a body with nothing in it stays the very same bytes. What is encoded and cannot be decoded is
//! left out: it may hold anything.
//!
//! What is found depends on what stands about it, and that is no longer the same once something is taken out. So all of it
//! is gone through again until nothing is found: what is kept is always something in which a further pass finds nothing.
//!
//! Invariant: no I/O, no clock, and no panic whatever the bytes are; time grows with the bytes alone.

mod body;
mod built_in;
mod cards;
mod chunks;
mod coding;
mod config;
mod edit;
mod encoding;
mod event_headers;
mod event_stream;
mod fields;
mod find;
mod gate;
mod head;
mod json;
mod lines;
mod pattern;
mod pem;
mod socket;
mod stand_in;
mod stream;

use std::sync::Arc;

use crate::dialect::framing::PerMessageDeflate;
use crate::model::{Direction, Exchange, Headers};

pub use config::{Config, Fault, RULE_SETTINGS, RuleConfig, SETTINGS, Scope};

use body::Changed;
use built_in::BUILT_IN;
use fields::Fields;
use find::Finder;
use pattern::{Pattern, Search, Sign, anything};

/// What tells one secret from another without telling it.
type Fingerprint = Arc<dyn Fn(&[u8]) -> String + Send + Sync>;

/// Why a body is written anew.
#[derive(Clone, Copy, PartialEq)]
enum Need {
    /// Something in it has to go.
    Secrets,
    /// The other direction of its socket was, and is no longer compressed.
    Plain,
}

/// So many passes and still something to take out: nothing is kept then. What secrets hide from each other takes two or
/// three.
const PASSES: usize = 8;
const NO_END: &str = "whatever is taken out, there is something to take out";

/// The rule that goes by the names of members, as it is called in stand-ins.
const BY_NAME: &str = "field";

/// Takes what must not be kept out of exchanges.
pub struct Redactor {
    heads: Finder,
    bodies: Finder,
}

impl Redactor {
    /// `fingerprint` tells one secret from another without telling it.
    pub fn new(
        config: &Config,
        fingerprint: impl Fn(&[u8]) -> String + Send + Sync + 'static,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults: Vec<Fault> =
            config.check().into_iter().map(|(key, what)| (String::new(), key, what)).collect();
        faults.extend(config.check_own());
        if !faults.is_empty() {
            return Err(faults);
        }
        let fingerprint: Fingerprint = Arc::new(fingerprint);
        let finder = |scope: Scope| {
            let (rules, patterns) = patterns(config, scope);
            let fields = Fields::new(&config.fields);
            Finder::new(rules, patterns, Some(fields), Arc::clone(&fingerprint))
        };
        Ok(Self { heads: finder(Scope::Headers), bodies: finder(Scope::Bodies) })
    }

    /// Takes out what has to go, adds a line to the exchange for each rule and place, and says how often rules struck.
    pub fn redact(&self, exchange: &mut Exchange) -> u64 {
        let mut struck = head::redact(&self.heads, exchange);
        const BOTH: [Direction; 2] = [Direction::Request, Direction::Response];
        let mut changed = BOTH.map(|direction| self.changed(exchange, direction, Need::Secrets));
        if changed.iter().any(Option::is_some) {
            // Compression was agreed on for both directions of a socket, and is taken off both or neither.
            for (direction, changed) in BOTH.into_iter().zip(&mut changed) {
                *changed = changed.take().or_else(|| self.changed(exchange, direction, Need::Plain));
            }
        }
        for (direction, changed) in BOTH.into_iter().zip(changed) {
            struck += changed.map_or(0, |changed| self.replace(exchange, direction, changed));
        }
        struck
    }

    /// A JSON document without what has to go; `None` where nothing has.
    pub fn json(&self, document: &str) -> Option<String> {
        self.typed(b"application/json", document)
    }

    /// The same of a text.
    pub fn text(&self, text: &str) -> Option<String> {
        self.typed(b"text/plain", text)
    }

    fn typed(&self, content_type: &[u8], text: &str) -> Option<String> {
        let pass = |bytes: &[u8], _| body::redact(&self.bodies, Some(content_type), b"", bytes);
        let changed = passes(pass(text.as_bytes(), false)?, pass);
        // Edits stand between whole characters, or around them.
        Some(String::from_utf8(changed.bytes).unwrap_or_default())
    }

    fn replace(&self, exchange: &mut Exchange, direction: Direction, changed: Changed) -> u64 {
        let Changed { bytes, counts, decoded, left_out, nothing } = changed;
        let place = match direction {
            Direction::Request => "the request's body",
            Direction::Response => "the response's body",
        };
        if left_out > 0 {
            note(exchange, format!("what could not be decoded in {place} was left out"));
        }
        if let Some(why) = nothing {
            note(exchange, format!("everything in {place}: {why}"));
            exchange.body_mut(direction).lose();
            return 0;
        }
        let body = exchange.body_mut(direction);
        body.cut(left_out);
        body.bytes = bytes.into();
        body.decoded |= decoded;
        report(&self.bodies, exchange, &counts, place)
    }

    fn changed(&self, exchange: &Exchange, direction: Direction, need: Need) -> Option<Changed> {
        let body = exchange.body(direction);
        let first = self.pass(exchange, direction, need, &body.bytes, body.decoded)?;
        Some(passes(first, |bytes, decoded| {
            self.pass(exchange, direction, Need::Secrets, bytes, body.decoded || decoded)
        }))
    }

    /// Goes through what there is of a body once.
    fn pass(
        &self,
        exchange: &Exchange,
        direction: Direction,
        need: Need,
        bytes: &[u8],
        decoded: bool,
    ) -> Option<Changed> {
        let answer = exchange.head.as_ref().map(|head| &head.headers);
        if exchange.upgrade && exchange.head.as_ref().is_some_and(|head| head.status == 101) {
            let joined = |name| answer.map(|headers: &Headers| headers.joined(name)).unwrap_or_default();
            let protocol = joined("upgrade");
            if !protocol.is_empty() && !protocol.eq_ignore_ascii_case(b"websocket") {
                // Frames of another kind, which nobody here can read.
                let secrets = need == Need::Secrets;
                return secrets.then(|| body::redact(&self.bodies, None, b"", bytes)).flatten();
            }
            let agreed = PerMessageDeflate::agreed(&joined("sec-websocket-extensions"), direction);
            return socket::redact(&self.bodies, agreed.filter(|_| !decoded), bytes, need);
        }
        if need == Need::Plain {
            return None;
        }
        let headers = match direction {
            Direction::Request => Some(&exchange.headers),
            Direction::Response => answer,
        };
        let content_type = headers.and_then(|headers| headers.get("content-type"));
        let encoding = headers.map(|headers| encoding(headers, decoded)).unwrap_or_default();
        body::redact(&self.bodies, content_type, &encoding, bytes)
    }
}

/// Goes on after the first pass until nothing is found. A pass gets the bytes, and whether what encoded them is off.
fn passes(mut changed: Changed, pass: impl Fn(&[u8], bool) -> Option<Changed>) -> Changed {
    for _ in 1..PASSES {
        if changed.nothing.is_some() {
            return changed;
        }
        match pass(&changed.bytes, changed.decoded) {
            Some(more) => changed = changed.and_then(more),
            None => return changed,
        }
    }
    Changed { nothing: Some(NO_END), ..Changed::default() }
}

/// The content-encoding that is still on.
fn encoding(headers: &Headers, decoded: bool) -> Vec<u8> {
    if decoded { Vec::new() } else { headers.joined("content-encoding") }
}

/// The patterns that hold here, with the names of all rules.
fn patterns(config: &Config, scope: Scope) -> (Vec<String>, Vec<Pattern>) {
    let mut rules = vec![BY_NAME.to_owned()];
    let mut all = Vec::new();
    for built_in in BUILT_IN.iter().filter(|rule| config.rules.iter().any(|name| name == rule.name)) {
        let rule = rules.len();
        all.extend((built_in.patterns)().into_iter().map(|(search, sign)| Pattern { rule, search, sign }));
        rules.push(built_in.name.to_owned());
    }
    for (name, own) in &config.own {
        let Ok((regex, group)) = own.compile(name) else { continue };
        let search = Search::Regex { regex, group, check: anything };
        if own.scope == Scope::Both || own.scope == scope {
            all.push(Pattern { rule: rules.len(), search, sign: Sign::None });
        }
        rules.push(name.clone());
    }
    (rules, all)
}

/// Adds a line for each rule that struck in this place; says how often they did.
fn report(finder: &Finder, exchange: &mut Exchange, counts: &[(usize, u64)], place: &str) -> u64 {
    for (rule, count) in counts {
        note(exchange, format!("{}: {count} in {place}", finder.rule(*rule)));
    }
    counts.iter().map(|(_, count)| count).sum()
}

fn note(exchange: &mut Exchange, line: String) {
    if !exchange.redactions.contains(&line) {
        exchange.redactions.push(line);
    }
}
