//! Heads come back as they were, and those of calls that are alike share their shapes.

use proptest::prelude::*;

use super::*;

fn headers() -> impl Strategy<Value = Headers> {
    let name = prop_oneof!["[a-z-]{1,12}", Just("date".to_owned()), Just("x-request-id".to_owned())];
    let value = prop_oneof![
        "[ -~]{0,20}".prop_map(String::into_bytes),
        any::<u64>().prop_map(|number| number.to_string().into_bytes()),
        Just(b"Sat, 21 Nov 2026 12:00:00 GMT".to_vec()),
        Just(b"Sun, 21 Nov 2026 12:00:00 GMT".to_vec()),
        Just(b"2026-11-21T12:00:00Z".to_vec()),
        Just(b"01234567-89ab-cdef-0123-456789abcdef".to_vec()),
        Just(b"0123456789ABCDEF0123456789abcdef".to_vec()),
        Just(b"007".to_vec()),
        "[0-9A-Za-z_-]{0,30}".prop_map(String::into_bytes),
        "[a-z]{2,6}_[0-9A-Za-z]{5,30}".prop_map(String::into_bytes),
        Just(b"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01".to_vec()),
        Just(b"0123456789abcdef-FRA-".to_vec()),
        Just(b"caf\xe9".to_vec()),
    ];
    let lines = prop::collection::vec((name, value), 0..8);
    let proper = lines.prop_map(|lines| {
        Headers::of(|| lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())))
    });
    prop_oneof![9 => proper, 1 => any::<Vec<u8>>().prop_map(Headers::from_lines)]
}

fn ending() -> impl Strategy<Value = Option<(Micros, Ending)>> {
    let closer = prop::sample::select(vec![Closer::Client, Closer::Upstream, Closer::Us]);
    let broken = (closer, ".{0,20}").prop_map(|(by, why)| Ending::Broken { by, why });
    let ending = prop_oneof![Just(Ending::Complete), broken];
    prop::option::of((any::<u64>().prop_map(Micros), ending))
}

fn body() -> impl Strategy<Value = Body> {
    (any::<bool>(), prop::option::of(headers()), ending(), prop_oneof![Just(0), any::<u64>()])
        .prop_map(|(decoded, trailers, end, lost)| Body { decoded, trailers, end, lost, ..Body::default() })
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let texts = prop::collection::vec(".{0,12}", 6);
    let head =
        (any::<u64>(), any::<u16>(), headers(), any::<bool>()).prop_map(|(at, status, headers, ours)| Head {
            at: Micros(at),
            status,
            version: "HTTP/2.0".to_owned(),
            headers,
            ours,
        });
    let small = (prop::option::of(".{0,9}"), prop::option::of(".{0,9}"), any::<bool>(), any::<u64>());
    let lists = (
        prop::collection::vec((".{0,9}", ".{0,9}"), 0..3),
        prop::collection::vec((any::<u16>(), any::<u64>()), 0..3),
        prop::collection::vec(".{0,9}", 0..3),
    );
    (texts, headers(), prop::option::of(head), small, lists, body(), body()).prop_map(
        |(
            texts,
            headers,
            head,
            (dialect, target, upgrade, began),
            (labels, informational, redactions),
            request,
            response,
        )| {
            let labels = labels.into_iter().map(|(key, value)| Label { key, value }).collect();
            Exchange {
                id: ExchangeId::from_bytes([7; 16]),
                upstream: texts[0].clone(),
                provider: texts[1].clone(),
                dialect,
                method: texts[2].clone(),
                target,
                forwarded: texts[3].clone(),
                version: texts[4].clone(),
                headers,
                labels,
                upgrade,
                began: Micros(began),
                request,
                informational: informational.into_iter().map(|(status, at)| (status, Micros(at))).collect(),
                head,
                response,
                redactions,
            }
        },
    )
}

proptest! {
    #[test]
    fn heads_come_back(exchanges in prop::collection::vec(exchange(), 1..4)) {
        let mut habits = Habits::default();
        for exchange in exchanges {
            let Packed { request, response, values } = pack(&exchange, &mut habits);
            let back = unpack(exchange.id, &request, response.as_deref(), &values);
            prop_assert_eq!(back.as_ref(), Some(&exchange));
        }
    }

    #[test]
    fn damaged_heads_are_no_panic(request: Vec<u8>, response: Option<Vec<u8>>, values: Vec<u8>) {
        let begun = |mut bytes: Vec<u8>| { bytes.insert(0, VERSION); bytes };
        let response = response.map(begun);
        let _ = unpack(ExchangeId::from_bytes([0; 16]), &begun(request), response.as_deref(), &begun(values));
    }
}

#[test]
fn calls_that_are_alike_share_their_shapes() {
    let call = |number: u64| {
        let lines = [
            ("user-agent", "agent/1.0".to_owned()),
            ("content-length", (1000 + number).to_string()),
            ("x-own-id", format!("own-{number}")),
            ("date", "Sat, 21 Nov 2026 12:00:00 GMT".to_owned()),
        ];
        Exchange {
            id: ExchangeId::from_bytes([1; 16]),
            upstream: "anthropic".to_owned(),
            provider: "anthropic".to_owned(),
            dialect: None,
            method: "POST".to_owned(),
            target: None,
            forwarded: "/v1/messages".to_owned(),
            version: "HTTP/1.1".to_owned(),
            headers: Headers::of(|| lines.iter().map(|(name, value)| (*name, value.as_bytes()))),
            labels: Vec::new(),
            upgrade: false,
            began: Micros(1_795_262_400_000_000 + number),
            request: Body::default(),
            informational: Vec::new(),
            head: None,
            response: Body::default(),
            redactions: Vec::new(),
        }
    };
    let mut habits = Habits::default();
    let packed: Vec<Packed> = (0..20).map(|number| pack(&call(number), &mut habits)).collect();
    let mut shapes: Vec<&[u8]> = packed.iter().map(|packed| &packed.request[..]).collect();
    shapes.dedup();
    assert!(shapes.len() <= 4, "{} shapes", shapes.len());
    assert!(packed[19].values.len() < 40, "{} bytes of values", packed[19].values.len());
}
