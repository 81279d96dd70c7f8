//! What callers say, convention by convention.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{Answered, Asked, Body, ExchangeId, Headers, Label, Micros, Operation, Part};

mod agents;

fn exchange(headers: &[(&str, &str)], labels: &[(&str, &str)]) -> Exchange {
    let label = |(key, value): &(&str, &str)| Label { key: (*key).into(), value: (*value).into() };
    Exchange {
        id: ExchangeId::from_bytes([1; 16]),
        upstream: "test".into(),
        provider: "test".into(),
        dialect: None,
        method: "POST".into(),
        target: None,
        forwarded: "/v1/test".into(),
        version: "HTTP/1.1".into(),
        headers: Headers::of(|| headers.iter().map(|(name, value)| (*name, value.as_bytes()))),
        labels: labels.iter().map(label).collect(),
        upgrade: false,
        began: Micros(0),
        request: Body::default(),
        informational: Vec::new(),
        head: None,
        response: Body::default(),
        redactions: Vec::new(),
    }
}

fn reading(body: &Value) -> Reading {
    let mut asked = Asked { parameters: body.as_object().cloned().unwrap_or_default(), ..Asked::default() };
    asked.conversation = asked.parameters.remove("conversation").and_then(|own| own.as_str().map(Into::into));
    if let Some(Value::String(system)) = asked.parameters.remove("system") {
        asked.system.push(Part::text(system));
    }
    let (dialect, operation) = ("test", Operation::Chat);
    Reading { dialect, operation, asked, answered: Answered::default(), start: None, end: None }
}

fn of(headers: &[(&str, &str)], labels: &[(&str, &str)], body: &Value) -> Said {
    said(&exchange(headers, labels), Some(&reading(body)), &[])
}

/// What was said as JSON, ids without their places; without what was only seen.
fn plain(said: &Said) -> Value {
    let Said {
        session,
        parent_session,
        thread,
        parent_thread,
        turn,
        trace,
        parent,
        role,
        agent,
        user,
        tags,
        labels,
        prompt_version,
        trace_name,
        session_name,
        retries,
        tool_durations,
        seen: _,
    } = said;
    let mut object = serde_json::Map::new();
    let ids = [
        ("session", session),
        ("parent_session", parent_session),
        ("thread", thread),
        ("parent_thread", parent_thread),
        ("turn", turn),
        ("trace", trace),
        ("parent_span", parent),
        ("agent", agent),
        ("user", user),
        ("prompt_version", prompt_version),
        ("trace_name", trace_name),
        ("session_name", session_name),
    ];
    for (name, id) in ids {
        object.extend(id.iter().map(|id| (name.to_owned(), id.value.as_str().into())));
    }
    let role = role.as_ref().map(|(role, _)| format!("{role:?}").to_lowercase());
    object.extend(role.map(|role| ("role".to_owned(), role.into())));
    let rest = [
        ("tags", json!(tags), tags.is_empty()),
        ("labels", json!(labels), labels.is_empty()),
        ("retries", json!(retries), retries.is_none()),
        ("tool_durations", json!(tool_durations), tool_durations.is_empty()),
    ];
    object.extend(
        rest.into_iter().filter(|(.., empty)| !empty).map(|(name, value, _)| (name.to_owned(), value)),
    );
    object.into()
}

fn place(id: Option<&Id>) -> &str {
    id.map_or("", |id| id.place.as_str())
}

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UUID: &str = "9b2c0c3e-1d7e-4c0a-9a50-0f3c6a1f0001";

/// A value that the convention would take, and what it takes of it.
fn example(line: &Convention) -> (Value, String) {
    let old = format!("user_ab_account_{UUID}_session_{UUID}");
    let dotted = format!("20240601T120000000000Z{UUID}");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let (name, means) = (line.place.name, line.means);
    let (given, taken) = match (name, means) {
        ("langsmith-trace", _) => (dotted.as_str(), UUID),
        (name, Means::Trace) if name.ends_with("traceparent") => (TRACEPARENT, trace),
        (name, Means::ParentSpan) if name.ends_with("traceparent") => (TRACEPARENT, "b7ad6b7169203331"),
        ("metadata.user_id", _) => (old.as_str(), UUID),
        ("amz-sdk-request", _) => ("attempt=3; max=5", "2"),
        ("generate", _) => ("false", ""),
        (_, Means::Role) if line.cut.is_some() => ("1", ""),
        (_, Means::Role) => ("subagent", ""),
        (_, Means::Retries) => ("2", "2"),
        (_, Means::ToolDurations) => ("Bash=742;Read=9", ""),
        _ => (UUID, UUID),
    };
    (given.into(), taken.to_owned())
}

fn nested(path: &str, value: Value) -> Value {
    // One name has dots of its own and no members: it is found whole.
    path.rsplit('.').fold(value, |value, key| json!({ key: value }))
}

/// A call that says only what this convention is about.
fn call(line: &Convention, value: &Value) -> Said {
    let value =
        if line.means == Means::Metadata { json!({"session_id": UUID, "team": "a"}) } else { value.clone() };
    let (name, path) = (line.place.name.replace('*', "star"), line.place.path);
    let value = if path.is_empty() { value } else { nested(path, value) };
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let agent = line.agents.first().map_or("", |agent| agent);
    let agent = ("user-agent", agent);
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let none = json!({});
    match line.place.source {
        Source::Label => of(&[], &[(&name, &text)], &none),
        Source::Header => of(&[agent, (&name, &text)], &[], &none),
        Source::Baggage => of(&[("baggage", &format!("other=1, {name}={encoded};a=b"))], &[], &none),
        Source::Body => of(&[agent], &[], &nested(&name, value)),
        Source::System => of(
            &[],
            &[],
            &json!({"system": format!("x-anthropic-billing-header: cc_version=1; {name}={text};")}),
        ),
        Source::Query => unreachable!("no convention of the table is in a query"),
    }
}

#[test]
fn every_convention_is_understood() {
    for line in CONVENTIONS {
        let (value, taken) = example(line);
        let said = call(line, &value);
        let about = format!("{} {} {:?}: {said:?}", line.system, line.place, line.means);
        let told = plain(&said);
        match line.means {
            Means::Tag => assert_eq!(told["tags"], json!([taken]), "{about}"),
            Means::Label => {
                let key = line.label.unwrap_or("star");
                assert_eq!(told["labels"], json!({key: taken}), "{about}");
            }
            Means::Metadata => {
                assert_eq!(
                    (&told["session"], &told["labels"]),
                    (&UUID.into(), &json!({"team": "a"})),
                    "{about}"
                );
            }
            Means::Role => assert!(!told["role"].is_null(), "{about}"),
            Means::Retries => assert_eq!(told["retries"], 2, "{about}"),
            Means::ToolDurations => {
                assert_eq!(told["tool_durations"], json!([["Bash", 742.0], ["Read", 9.0]]));
            }
            means => {
                let seen = |seen: &Seen| seen.means == means.name() && seen.value == taken;
                assert!(!means.is_noted() || said.seen.iter().any(seen), "{about}");
                if !matches!(means, Means::Request | Means::Account | Means::Device) {
                    assert_eq!(told[means.name()], taken, "{about}");
                }
            }
        }
    }
}

/// Headers, labels, body, and all that is said by them.
type Case = (&'static [(&'static str, &'static str)], &'static [(&'static str, &'static str)], Value, Value);

fn check(cases: Vec<Case>) {
    for (headers, labels, body, expected) in cases {
        let said = of(headers, labels, &body);
        assert_eq!(plain(&said), expected, "{headers:?} {labels:?} {body}: {said:?}");
    }
}

#[test]
fn the_more_trusted_counts() {
    let headers = [
        ("x-foo-session-id", "generic-1"),
        ("baggage", "session.id=baggage-1"),
        ("x-claude-code-session-id", "native-1"),
        ("helicone-session-id", "vendor-1"),
        ("x-mine", "mine-1"),
    ];
    let own = OwnConvention {
        name: "mine".into(),
        place: Some(Where::new("header:X-Mine").unwrap()),
        means: Some(Means::Session),
    };
    let body = json!({"conversation": "conv_1234"});
    let order = ["own-1", "mine-1", "vendor-1", "native-1", "conv_1234", "baggage-1", "generic-1"];
    for at in 0..order.len() {
        let kept: Vec<_> = headers
            .iter()
            .copied()
            .filter(|(_, value)| order[at..].iter().any(|own| value.ends_with(own)))
            .collect();
        let labels: &[(&str, &str)] = if at == 0 { &[("session", "own-1")] } else { &[] };
        let body = if at <= 4 { body.clone() } else { json!({}) };
        let said = said(&exchange(&kept, labels), Some(&reading(&body)), std::slice::from_ref(&own));
        assert_eq!(said.session.unwrap().value, order[at]);
        let seen: Vec<_> = said.seen.iter().map(|seen| seen.value.as_str()).collect();
        assert_eq!(seen, order[at..]);
    }
}

#[test]
fn labels_are_taken_as_they_are() {
    let labels: &[(&str, &str)] = &[
        ("session", "s0"),
        ("session", "1"),
        ("tag", "a, b"),
        ("tags", "b,c"),
        ("user", "null"),
        ("Team", "x"),
        ("prompt-version", "v2"),
        ("name", "nightly"),
        ("role", "planner"),
        ("turn", "t"),
        ("team-key", "fp:0123456789abcdef"),
    ];
    let said = of(&[], labels, &json!({}));
    let expected = json!({
        "session": "1", "user": "null", "prompt_version": "v2", "trace_name": "nightly", "turn": "t",
        "tags": ["a", "b", "c"], "labels": {"Team": "x", "role": "planner", "team-key": "fp:0123456789abcdef"},
    });
    let mut told = plain(&said);
    told["tags"].as_array_mut().unwrap().sort_by_key(|tag| tag.as_str().map(str::to_owned));
    assert_eq!(told, expected);
    assert_eq!(place(said.session.as_ref()), "label:session");
    assert_eq!(place(said.prompt_version.as_ref()), "label:prompt-version");
}

#[test]
fn conventions_of_the_user_s_own_are_followed() {
    let own = |name: &str, place: &str, means| OwnConvention {
        name: name.into(),
        place: Some(Where::new(place).unwrap()),
        means: Some(means),
    };
    let own = [
        own("conv", "body:metadata.conv", Means::Session),
        own("who", "query:who", Means::User),
        own("team", "header:X-Ctx:team.name", Means::Label),
        own("props", "header:x-prop-*", Means::Label),
        own("job", "baggage:job.id", Means::Turn),
        own("run", "label:my-run", Means::Trace),
        OwnConvention { name: "half".into(), ..OwnConvention::default() },
    ];
    let headers = [("x-ctx", r#"{"team":{"name":"a"}}"#), ("x-prop-app", "b"), ("baggage", "job.id=7%2C8")];
    let mut exchange = exchange(&headers, &[("my-run", "r1")]);
    exchange.forwarded = "/v1/x?who=J%C3%BCrgen+M&who=2".into();
    let said = said(&exchange, Some(&reading(&json!({"metadata": {"conv": "c"}}))), &own);
    let expected = json!({
        "session": "c", "user": "Jürgen M", "turn": "7,8", "trace": "r1",
        "labels": {"team": "a", "app": "b", "my-run": "r1", "conv": "c"},
    });
    assert_eq!(plain(&said), expected);
}

#[test]
fn what_is_no_id_is_none() {
    check(vec![
        // Words that many share are noted only.
        (
            &[("session-id", "default"), ("x-foo-session-id", "a1")],
            &[],
            json!({"session_id": "null"}),
            json!({}),
        ),
        (&[("x-foo-session-id", "not an id at all")], &[], json!({"user": "unknown"}), json!({})),
        // Credentials never.
        (
            &[("x-session-id", "fp:0123456789abcdef"), ("x-user-id", "sk-proj-0123456789abcdef")],
            &[("session", "[redacted:keys:fp:01]")],
            json!({"user": "Bearer fp:0123456789abcdef"}),
            json!({}),
        ),
        // What is broken is passed over.
        (
            &[
                ("x-portkey-metadata", "{\"_user\":"),
                ("cf-aig-metadata", "[1]"),
                ("traceparent", "00-0-0-00"),
                ("baggage", ",=,;x,a=%ff"),
            ],
            &[],
            json!({"metadata": "text", "trace": 1}),
            json!({}),
        ),
        // Of several the first.
        (
            &[("X-Session-Id", "first-one"), ("x-session-id", "second-one")],
            &[],
            json!({}),
            json!({"session": "first-one"}),
        ),
        // A span belongs to the trace that it was said with.
        (
            &[("traceparent", TRACEPARENT), ("x-portkey-trace-id", "t-1")],
            &[],
            json!({}),
            json!({"trace": "t-1"}),
        ),
        // Names in metadata, and others.
        (
            &[(
                "x-portkey-metadata",
                r#"{"_user":"u1","env":"prod","n":1,"list":[1],"tags":["x"],"traceId":"t-1"}"#,
            )],
            &[],
            json!({"metadata": {"tags": ["y", "x"], "env": "dev"}, "safety_identifier": "u2"}),
            json!({"user": "u1", "trace": "t-1", "tags": ["x", "y"], "labels": {"env": "prod", "n": "1"}}),
        ),
    ]);
    let said = of(&[("session-id", "default")], &[], &json!({}));
    assert_eq!(
        said.seen[0],
        Seen { means: "session", place: "header:session-id".into(), value: "default".into() }
    );
}

#[test]
fn what_is_kept_is_bounded() {
    let long = "x".repeat(100_000);
    let tags = vec!["tag"; 1000].iter().enumerate().map(|(at, tag)| format!("{tag}{at}")).collect::<Vec<_>>();
    let metadata: serde_json::Map<_, _> =
        (0..1000).map(|at| (format!("k{at}"), long.as_str().into())).collect();
    let headers: Vec<(String, String)> =
        (0..1000).map(|at| (format!("x-{at}-session-id"), format!("session-{at}"))).collect();
    let mut all: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.push(("helicone-session-id", &long));
    let said =
        of(&all, &[], &json!({"metadata": metadata, "litellm_metadata": {"tags": tags}, "user": "a\u{0}b"}));
    assert_eq!(said.session.unwrap().value.len(), 256);
    assert_eq!(said.user.unwrap().value, "ab");
    assert_eq!((said.tags.len(), said.labels.len(), said.seen.len()), (64, 64, 64));
    assert!(said.labels.values().all(|value| value.len() == 256));
}

#[test]
fn no_line_stands_twice() {
    for (at, line) in CONVENTIONS.iter().enumerate() {
        let same = |other: &&Convention| {
            (other.place, other.means, other.trust, other.agents)
                == (line.place, line.means, line.trust, line.agents)
        };
        let others: Vec<_> = CONVENTIONS[at + 1..].iter().filter(same).collect();
        assert!(others.iter().all(|other| other.cut.is_some() != line.cut.is_some()), "{}", line.place);
        assert_eq!(line.place.name, line.place.name.trim());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_makes_it_panic(
        picked in prop::collection::vec((0..CONVENTIONS.len(), "(\\PC|[%={};,.\"\n-]|[0-9a-f]{4}){0,60}"), 0..12),
        lines in prop::collection::vec(any::<u8>(), 0..200),
        upgrade in any::<bool>(),
    ) {
        let mut bytes = lines;
        let mut body = serde_json::Map::new();
        let mut labels = Vec::new();
        for (at, value) in &picked {
            let place = CONVENTIONS[*at].place;
            let value = value.replace('\n', "");
            match place.source {
                Source::Body => { body.extend(nested(place.name, value.as_str().into()).as_object().cloned().unwrap()); }
                Source::Label => labels.push((place.name, value)),
                Source::System => { body.insert("system".into(), format!("x-anthropic-billing-header:{value}").into()); }
                Source::Baggage => bytes.extend(format!("\r\nbaggage: {}={value}\r\n", place.name).bytes()),
                _ => bytes.extend(format!("\r\n{}: {value}\r\n", place.name.replace('*', "a")).bytes()),
            }
        }
        let labels: Vec<(&str, &str)> = labels.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let mut exchange = exchange(&[], &labels);
        exchange.headers = Headers::from_lines(bytes);
        exchange.upgrade = upgrade;
        let said = said(&exchange, Some(&reading(&body.into())), &[]);
        prop_assert!(said.seen.iter().all(|seen| seen.value.chars().count() <= 256));
    }
}
