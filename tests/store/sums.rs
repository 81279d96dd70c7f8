//! Sums of traces, sessions and hours stay what their observations add up to.

use serde_json::{Value, json};
use wiretape::model::{Kind, Micros, Usd};
use wiretape::store::{Filter, Order, Page, RollupFilter, Summary, Totals};

use super::support::*;

async fn sessions(place: &Place) -> Vec<Summary> {
    let mut found = place.store.sessions(Filter::default(), page(100)).await.unwrap();
    found.iter_mut().for_each(|one| one.cursor = wiretape::store::Cursor::default());
    found
}

fn of(session: &str, more: &Value) -> Value {
    let mut object = json!({"session_id": session, "user": "ada"});
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

#[tokio::test]
async fn sessions_and_traces_are_summed_up() {
    let place = Place::new().await;
    let mut entries: Vec<_> = (1..=25).map(|number| alone(number, &of("s", &json!({})))).collect();
    entries[0].observations[0].input_preview = "in".to_owned();
    entries[24].observations[0].output_preview = "out".to_owned();
    entries.push(alone(30, &of("t", &json!({"type": "tool", "usage": null, "cost": null, "tags": ["x"]}))));
    entries.push(alone(31, &of("t", &json!({"status": "error", "cost": {"missing": ["a price"]}}))));
    // They come in any order, and in several writes.
    entries.reverse();
    for part in entries.chunks(4) {
        place.write(part.to_vec()).await;
    }
    let found = sessions(&place).await;
    let names: Vec<&str> = found.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(names, ["t", "s"]);
    let s = &found[1];
    let expected = Totals {
        observations: 25,
        generations: 25,
        input: 2500,
        output: 250,
        cost: Usd::parse("6.25").unwrap(),
        model_time: 12_500_000,
        ..Totals::default()
    };
    assert_eq!(s.totals, expected);
    assert_eq!((s.first, s.last), (Micros(NOON + SECOND), Micros(NOON + 25 * SECOND + SECOND / 2)));
    assert_eq!((s.input_preview.as_str(), s.output_preview.as_str()), ("in", "out"));
    assert_eq!(
        (s.traces, &s.models[..], &s.users[..]),
        (3, &["m-1-2026".to_owned()][..], &["ada".to_owned()][..])
    );
    let t = &found[0].totals;
    assert_eq!((t.tools, t.errors, t.unknown_cost, t.unknown_usage), (1, 1, 1, 0));
    assert_eq!(found[0].tags, ["x"]);

    let traces = place.store.traces(Filter::default(), Page { limit: 2, ..page(2) }).await.unwrap();
    let after = traces.last().map(|trace| trace.cursor.clone());
    let rest = place.store.traces(Filter::default(), Page { order: Order::NewestFirst, limit: 9, after });
    let rest = rest.await.unwrap();
    let counts: Vec<u64> = traces.iter().chain(&rest).map(|trace| trace.totals.observations).collect();
    assert_eq!(counts, [2, 6, 10, 9]);
    assert_eq!(traces[0].session.as_deref(), Some("t"));
    let errors = Filter { status: Some(wiretape::model::Status::Error), ..Filter::default() };
    let failed = place.store.sessions(errors, page(9)).await.unwrap();
    assert_eq!(failed.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["t"]);
}

#[tokio::test]
async fn replacing_and_rereading_keep_sums_right() {
    let fresh = Place::new().await;
    let place = Place::new().await;
    let other = of("u", &json!({"request_model": "n", "response_model": "n", "losses": ["cut"]}));
    for number in 1..=6 {
        let one = exchange(number, "{}", "{}");
        place.write(vec![entry(one.clone(), number, &of("s", &json!({})))]).await;
        // Of two exchanges another observation is read, of two the same one as something else.
        let (id, more) = match number {
            2 | 3 => (number, other.clone()),
            4 | 5 => (number + 100, of("s", &json!({"cost": null}))),
            _ => (number, of("s", &json!({}))),
        };
        let last = entry(one, id, &more);
        place.store.reread(last.exchange.as_ref().unwrap().id, last.observations.clone()).await.unwrap();
        fresh.write(vec![last]).await;
    }
    assert_eq!(sessions(&place).await, sessions(&fresh).await);
    let rollups = place.store.rollups(RollupFilter::default()).await.unwrap();
    assert_eq!(rollups, fresh.store.rollups(RollupFilter::default()).await.unwrap());
    let (one, two) = (place.store.stats().await.unwrap(), fresh.store.stats().await.unwrap());
    assert_eq!(
        (one.observations, one.totals, one.with_losses),
        (two.observations, two.totals, two.with_losses)
    );
    assert_eq!(one.with_losses, 2);
    let missing = place.store.reread(id(99), Vec::new()).await;
    assert!(missing.is_err());
}

#[tokio::test]
async fn hours_are_summed_up() {
    let place = Place::new().await;
    let hour = 3600;
    for number in [1, 2, hour + 1, 2 * hour + 1] {
        let more = json!({"client": {"name": "agent"}, "first_token_time": Micros(NOON + number * SECOND + 100_000).rfc3339()});
        place.write(vec![alone(number, &more)]).await;
    }
    place.write(vec![alone(3, &json!({"type": "tool", "provider": "openai"}))]).await;
    let all = place.store.rollups(RollupFilter::default()).await.unwrap();
    assert_eq!(all.len(), 4);
    let first = &all[0];
    assert_eq!((first.hour, first.kind, first.client.as_str()), (Micros(NOON), Kind::Generation, "agent"));
    assert_eq!((first.totals.observations, first.duration.count(), first.first_token.count()), (2, 2, 2));
    let took = first.duration.quantile(0.95).unwrap();
    assert!((took / 500_000.0 - 1.0).abs() < 0.06, "{took}");
    let within = RollupFilter {
        since: Some(Micros(NOON + 3600 * SECOND)),
        until: Some(Micros(NOON + 2 * 3600 * SECOND)),
        ..RollupFilter::default()
    };
    assert_eq!(place.store.rollups(within).await.unwrap().len(), 1);
    let tools = RollupFilter {
        kind: Some(Kind::Tool),
        provider: Some("openai".to_owned()),
        ..RollupFilter::default()
    };
    assert_eq!(place.store.rollups(tools).await.unwrap().len(), 1);
    place.write(vec![alone(4, &json!({"user": "bob", "provider": null, "client": null}))]).await;
    let all = place.store.rollups(RollupFilter::default()).await.unwrap();
    for user in ["ada", "bob"] {
        for since in [None, Some(Micros(NOON + 3600 * SECOND))] {
            let filter = RollupFilter { user: Some(user.to_owned()), since, ..RollupFilter::default() };
            let own =
                all.iter().filter(|sums| sums.user == user && since.is_none_or(|since| sums.hour >= since));
            assert_eq!(
                place.store.rollups(filter).await.unwrap(),
                own.cloned().collect::<Vec<_>>(),
                "{user}"
            );
        }
    }
    let none = RollupFilter { model: Some("no*".to_owned()), ..RollupFilter::default() };
    assert!(place.store.rollups(none).await.unwrap().is_empty());
}
