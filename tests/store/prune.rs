//! Pruning takes out what it is told to and nothing else, while others write; and whatever is left is whole.

use serde_json::json;
use wiretape::model::{Micros, ObservationId};
use wiretape::store::{Filter, Prune, Pruned, RollupFilter, Store, StoreError, VerifyAt};

use super::support::*;

/// Everything that a check finds wrong.
pub async fn wrong(store: &dyn Store) -> Vec<String> {
    let (mut at, mut wrong) = (VerifyAt::default(), Vec::new());
    loop {
        let verified = store.verify(at).await.unwrap();
        wrong.extend(verified.wrong);
        match verified.next {
            Some(next) => at = next,
            None => return wrong,
        }
    }
}

async fn pruned(store: &dyn Store, prune: &Prune) -> Pruned {
    let mut sum = Pruned::default();
    for _ in 0..10_000 {
        let step = store.prune(prune.clone()).await.unwrap();
        sum.observations += step.observations;
        sum.exchanges += step.exchanges;
        sum.pieces += step.pieces;
        sum.bytes += step.bytes;
        if step.done {
            return sum;
        }
    }
    panic!("it is never done");
}

/// A call that repeats all texts up to its own.
fn growing(number: u64) -> wiretape::store::Entry {
    let texts: Vec<String> = (1..=number)
        .map(|number| {
            format!(r#"{{"role":"user","content":"{}"}}"#, format!("text{number} said once ").repeat(30))
        })
        .collect();
    let body = format!(r#"{{"messages":[{}]}}"#, texts.join(","));
    let mut one =
        entry(exchange(number, body, "{}"), number, &json!({"session_id": format!("s{}", number / 5)}));
    one.observations[0].text = format!("the answer to {number} ").repeat(30);
    one
}

fn until(number: u64) -> Prune {
    let filter = Filter { until: Some(Micros(NOON + number * SECOND)), ..Filter::default() };
    Prune { filter, ..Prune::default() }
}

fn search(text: &str) -> Filter {
    Filter { search: Some(text.to_owned()), ..Filter::default() }
}

#[tokio::test]
async fn what_is_old_goes_and_what_is_pinned_stays() {
    let place = Place::new().await;
    place.write((1..=20).map(growing).collect()).await;
    let own = "only here ".repeat(60);
    let lone = exchange(30, format!(r#"{{"a":"{own}"}}"#), "{}");
    let mut two = entry(lone, 30, &json!({}));
    two.observations.push(observed(40, &json!({"exchange_index": 1})));
    two.observations[0].head.insert("start_time".to_owned(), json!(Micros(NOON + 5 * SECOND).rfc3339()));
    place.write(vec![two]).await;
    assert!(place.store.pin(ObservationId(3), true).await.unwrap());
    assert!(!place.store.pin(ObservationId(99), true).await.unwrap());

    let dry = Prune { dry_run: true, ..until(15) };
    let would = place.store.prune(dry).await.unwrap();
    assert!(would.done);
    let before = place.store.stats().await.unwrap();
    let did = pruned(&*place.store, &until(15)).await;
    assert_eq!((would.observations, would.exchanges), (did.observations, did.exchanges));
    assert_eq!((did.observations, did.exchanges), (14, 13));
    assert!(did.pieces > 0);
    let after = place.store.stats().await.unwrap();
    assert_eq!((after.observations, after.exchanges), (8, 8));
    assert!(after.unique_bytes < before.unique_bytes && after.raw_bytes < before.raw_bytes);
    assert_eq!(wrong(&*place.store).await, [""; 0]);
    for number in [3, 15, 20] {
        let expected = growing(number).exchange.unwrap();
        assert_eq!(place.store.exchange(id(number)).await.unwrap(), Some(expected));
    }
    // Said in one that went, and found now in the first that still has it.
    assert_eq!(place.ids(&search("text1")).await, ["3"]);
    assert_eq!(place.ids(&search("text10")).await, ["f"]);
    assert_eq!(place.ids(&search("only here")).await, ["28"]);
    let hours = place.store.rollups(RollupFilter::default()).await.unwrap();
    assert_eq!(hours.iter().map(|hour| hour.totals.observations).sum::<u64>(), 8);
    assert!(place.store.pin(ObservationId(3), false).await.unwrap());
    assert_eq!(pruned(&*place.store, &until(15)).await.observations, 1);
    let nothing = place.store.prune(Prune::default()).await;
    assert!(matches!(nothing, Err(StoreError::Asked(_))));
}

#[tokio::test]
async fn what_others_are_packed_against_stays_as_long_as_they() {
    let place = Place::new().await;
    let texts = |what: &str| (0..400).map(|number| format!("{what}{number} ")).collect::<String>();
    let (prompt, said) = (texts("wordy"), texts("wordy").replace("7 ", "seven "));
    let said = &said[..1000];
    let both = format!(r#"{{"messages":[{{"content":"{said}"}}],"system":"{prompt}"}}"#);
    let one = format!(r#"{{"messages":[{{"content":"{said}"}}]}}"#);
    let other = entry(exchange(3, r#"{"content":"something else"}"#, "{}"), 3, &json!({}));
    let (first, second) =
        (entry(exchange(1, both, "{}"), 1, &json!({})), entry(exchange(2, one, "{}"), 2, &json!({})));
    place.write(vec![first, second, other]).await;
    let count = |sql: &str| -> i64 {
        let db = tokio_rusqlite::rusqlite::Connection::open(place.folder.join("store.db")).unwrap();
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let bases = "SELECT count(*) FROM base JOIN piece ON id = piece AND piece.base IS NULL WHERE uses = 1";
    assert_eq!(count(bases), 1);
    assert_eq!(place.ids(&search("wordy396")).await, ["1"]);
    let whole = place.store.exchange(id(2)).await.unwrap().unwrap();
    assert_eq!(pruned(&*place.store, &until(2)).await.observations, 1);
    assert_eq!(count(bases), 1);
    assert_eq!(wrong(&*place.store).await, [""; 0]);
    assert_eq!(place.store.exchange(id(2)).await.unwrap().unwrap(), whole);
    assert_eq!(place.ids(&search("wordy396")).await, [""; 0]);
    assert_eq!(place.ids(&search("wordy16")).await, ["2"]);
    assert_eq!(pruned(&*place.store, &until(3)).await.observations, 1);
    assert_eq!(count("SELECT count(*) FROM base") + count("SELECT count(*) FROM piece WHERE kind = 1"), 0);
    assert_eq!(wrong(&*place.store).await, [""; 0]);
}

#[tokio::test]
async fn pruning_to_a_size_gives_space_back() {
    let place = Place::new().await;
    for number in 1..=60_u64 {
        let mut state = number;
        let mut next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b' ' + (state >> 40) as u8 % 90)
        };
        let noise: String = (0..40_000).map(&mut next).collect();
        let noise = noise.replace(['"', '\\'], "x");
        place
            .write(vec![entry(exchange(number, format!(r#"{{"a":"{noise}"}}"#), "{}"), number, &json!({}))])
            .await;
    }
    let prune = Prune { down_to_bytes: Some(600_000), ..Prune::default() };
    let did = pruned(&*place.store, &prune).await;
    assert!(did.observations > 5 && did.observations < 60, "{did:?}");
    let stats = place.store.stats().await.unwrap();
    assert_eq!(stats.free_bytes, 0);
    assert!(place.ids(&Filter::default()).await.contains(&"3c".to_owned()), "the newest went");
    assert_eq!(wrong(&*place.store).await, [""; 0]);
}

#[tokio::test]
async fn others_write_while_it_is_pruned() {
    let place = Place::new().await;
    place.write((1..=30).map(growing).collect()).await;
    let other = place.again().await;
    let mut number = 31;
    let mut pruned = 0;
    // Each round writes again what just went, from here and from elsewhere, and an exchange that is still open.
    loop {
        let step = place.store.prune(until(29)).await.unwrap();
        pruned += step.observations;
        let mut fresh = growing(number);
        number += 1;
        if number % 3 == 0 {
            other.write(vec![fresh].into()).await.unwrap();
        } else {
            let open = fresh.exchange.as_mut().unwrap();
            open.response.end = None;
            place.write(vec![fresh.clone()]).await;
            let more = fresh.exchange.as_mut().unwrap();
            more.request.bytes = format!(r#"{{"more":"{}"}}"#, "text1 said once ".repeat(30)).into();
            more.response.end = Some((Micros(NOON), wiretape::model::Ending::Complete));
            place.write(vec![wiretape::store::Entry { more: true, ..fresh }]).await;
        }
        if step.done {
            break;
        }
        assert!(number < 500, "it is never done");
    }
    assert_eq!(pruned, 28);
    assert_eq!(wrong(&*place.store).await, [""; 0]);
    for number in 29..number {
        assert!(place.store.exchange(id(number)).await.unwrap().is_some(), "{number}");
    }
}
