//! Played sessions as a store has them: whatever the order, the batches and the recorders that they came through, every
//! record and every sum is the same; and so it stays when they are read again, and when a part of them goes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use serde_json::{Value, json};
use wiretape::model::{Exchange, ExchangeId, Micros, ObservationId};
use wiretape::price::Pricer;
use wiretape::recorder::Reader;
use wiretape::store::{
    Config, Cursor, Entry, Filter, Mode, Order, Page, Prune, Store, Summary, VerifyAt, open_with,
};
use wiretape::trace;

use crate::agent::Made;
use crate::sessions::plays;
use crate::wire::{Api, NOON};

/// A file, and those who write to it.
struct Place {
    folder: PathBuf,
    reader: Arc<Reader>,
    stores: Vec<Arc<dyn Store>>,
}

static FOLDERS: AtomicU64 = AtomicU64::new(0);

impl Place {
    async fn new(stores: usize) -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("wiretape-placed-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let reader = Reader::new(Pricer::default(), &trace::Config::default());
        let config = Config::default();
        let mut place = Self { folder, reader, stores: Vec::new() };
        for _ in 0..stores {
            let reread = place.reader.reread();
            let open = open_with("sqlite:store.db", &place.folder, Mode::ReadWrite, &config, reread).await;
            place.stores.push(open.unwrap());
        }
        place
    }

    fn entry(&self, exchange: &Exchange) -> Entry {
        let observations = self.reader.read(exchange).observed;
        Entry { exchange: Some(exchange.clone()), more: false, observations }
    }

    async fn write(&self, store: usize, exchanges: &[&Exchange]) {
        let entries: Arc<[Entry]> = exchanges.iter().map(|one| self.entry(one)).collect();
        self.stores[store].write(entries).await.unwrap();
    }

    async fn reread(&self, exchange: &Exchange) {
        self.stores[0].reread(exchange.id, self.reader.read(exchange).observed).await.unwrap();
    }

    fn count(&self, sql: &str) -> i64 {
        let db = tokio_rusqlite::rusqlite::Connection::open(self.folder.join("store.db")).unwrap();
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Everything that a check finds wrong.
    async fn wrong(&self) -> Vec<String> {
        let (mut at, mut wrong) = (VerifyAt::default(), Vec::new());
        loop {
            let verified = self.stores[0].verify(at).await.unwrap();
            wrong.extend(verified.wrong);
            match verified.next {
                Some(next) => at = next,
                None => return wrong,
            }
        }
    }

    /// All there is to see, by what it is.
    async fn all(&self) -> BTreeMap<String, Value> {
        let store = &self.stores[0];
        let page = || Page { order: Order::OldestFirst, limit: 10_000, after: None };
        let mut all = BTreeMap::new();
        for row in store.list(Filter::default(), page()).await.unwrap() {
            let id = row.head["id"].as_str().unwrap().to_owned();
            let stored = store.observation(ObservationId::parse(&id).unwrap()).await.unwrap().unwrap();
            let pinned = self.count(&format!(
                "SELECT pinned FROM observation WHERE id = {}",
                ObservationId::parse(&id).unwrap().0.cast_signed()
            ));
            let shown = json!({
                "head": stored.head, "listed": row.head, "input": row.input_preview, "output": row.output_preview,
                "pinned": pinned,
            });
            all.insert(format!("observation {id}"), shown);
        }
        for (name, sums) in [
            ("session", store.sessions(Filter::default(), page()).await.unwrap()),
            ("trace", store.traces(Filter::default(), page()).await.unwrap()),
        ] {
            all.extend(sums.into_iter().map(|sum| (format!("{name} {}", sum.id), of(sum))));
        }
        let marks = self.count("SELECT count(*) FROM mark");
        all.insert("marks".to_owned(), marks.into());
        all
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn of(mut sum: Summary) -> Value {
    sum.cursor = Cursor::default();
    // In the order they came.
    for words in [&mut sum.models, &mut sum.providers, &mut sum.users, &mut sum.tags, &mut sum.tools] {
        words.sort();
    }
    format!("{sum:?}").into()
}

/// All plays side by side, in the order of their times.
fn played(api: Api) -> Vec<Exchange> {
    let made = plays().into_iter().flat_map(|(_, made)| made);
    let mut all: Vec<Made> = made.collect();
    all.sort_by_key(|one| (one.facts.start, one.facts.id));
    all.iter().map(|one| one.spoken.exchange(api)).collect()
}

/// What differs, in words.
fn differences(found: &BTreeMap<String, Value>, expected: &BTreeMap<String, Value>) -> String {
    let keys: std::collections::BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let differing = keys.into_iter().filter(|key| found.get(*key) != expected.get(*key));
    let said = differing.map(|key| {
        let show =
            |all: &BTreeMap<String, Value>| all.get(key).map_or("nothing".to_owned(), Value::to_string);
        format!("{key}:\n  is        {}\n  should be {}", show(found), show(expected))
    });
    said.collect::<Vec<_>>().join("\n")
}

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from((mixed ^ (mixed >> 27)) >> 16).unwrap() % bound
    }

    fn shuffled<'a, T>(&mut self, all: &'a [T]) -> Vec<&'a T> {
        let mut all: Vec<&T> = all.iter().collect();
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
        all
    }
}

async fn in_order(exchanges: &[Exchange]) -> Place {
    let place = Place::new(1).await;
    for one in exchanges {
        place.write(0, &[one]).await;
    }
    place
}

/// In any order, in batches of any size, some of them twice, through any of the stores.
async fn in_disorder(exchanges: &[Exchange], stores: usize, dice: &mut Dice) -> Place {
    let place = Place::new(stores).await;
    let mut order = dice.shuffled(exchanges);
    for _ in 0..order.len() / 5 {
        let (from, to) = (dice.below(order.len()), dice.below(order.len()));
        order.insert(to, order[from]);
    }
    let mut rest = &order[..];
    while !rest.is_empty() {
        let (batch, later) = rest.split_at((1 + dice.below(8)).min(rest.len()));
        place.write(dice.below(stores), batch).await;
        rest = later;
    }
    place
}

fn wait<T>(done: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(done)
}

fn until(at: Micros) -> Prune {
    Prune { filter: Filter { until: Some(at), ..Filter::default() }, ..Prune::default() }
}

const NOBODYS: &str = "SELECT count(*) FROM mark WHERE observation NOT IN (SELECT seq FROM observation)";

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_through_any_recorder_gives_the_same_records(seed: u64) {
        let mut dice = Dice(seed);
        let mut exchanges = played(Api::ALL[dice.below(2)]);
        // Of every other run some were never seen.
        let lost = dice.below(2) * 8;
        exchanges.retain(|_| lost == 0 || dice.below(lost) > 0);
        wait(async {
            let expected = in_order(&exchanges).await;
            let place = in_disorder(&exchanges, 3, &mut dice).await;
            let differing = differences(&place.all().await, &expected.all().await);
            prop_assert!(differing.is_empty(), "seed {seed}: {differing}");
            prop_assert_eq!(place.wrong().await, [""; 0]);
            prop_assert_eq!(expected.wrong().await, [""; 0]);
            Ok(())
        })?;
    }
}

#[test]
fn recorders_at_the_same_time_agree() {
    let exchanges = played(Api::Anthropic);
    let mut dice = Dice(5);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    runtime.block_on(async {
        let place = Place::new(3).await;
        let parts: Vec<Vec<Entry>> = (0..3)
            .map(|at| {
                let own = dice.shuffled(&exchanges);
                // Some are seen by two of them.
                own.iter().filter(|one| one.began.0 / 1000 % 3 != at).map(|one| place.entry(one)).collect()
            })
            .collect();
        let mut tasks = tokio::task::JoinSet::new();
        for (store, entries) in place.stores.iter().zip(parts) {
            let store = Arc::clone(store);
            tasks.spawn(async move {
                for few in entries.chunks(3) {
                    store.write(few.into()).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        let differing = differences(&place.all().await, &in_order(&exchanges).await.all().await);
        assert!(differing.is_empty(), "{differing}");
        assert_eq!(place.wrong().await, [""; 0]);
    });
}

#[test]
fn reading_again_changes_nothing_and_what_is_pinned_stays_so() {
    for (api, seed) in Api::ALL.into_iter().zip(7..) {
        let exchanges = played(api);
        wait(async {
            let place = in_order(&exchanges).await;
            let all = place.all().await;
            let ids: Vec<&String> = all.keys().filter(|key| key.starts_with("observation")).collect();
            for id in ids.iter().step_by(3) {
                let id = ObservationId::parse(id.split(' ').next_back().unwrap()).unwrap();
                assert!(place.stores[0].pin(id, true).await.unwrap());
            }
            let expected = place.all().await;
            for exchange in Dice(seed).shuffled(&exchanges) {
                place.reread(exchange).await;
            }
            let differing = differences(&place.all().await, &expected);
            assert!(differing.is_empty(), "{differing}");
            assert_eq!(place.wrong().await, [""; 0]);
        });
    }
}

#[test]
fn what_is_pruned_leaves_nothing_behind() {
    for seed in 1..4 {
        let mut dice = Dice(seed);
        let exchanges = played(Api::Anthropic);
        wait(async {
            let place = in_disorder(&exchanges, 2, &mut dice).await;
            let middle = exchanges[exchanges.len() / 3 + dice.below(exchanges.len() / 3)].began;
            let task = until(middle);
            let mut steps = 0;
            while !place.stores[0].prune(task.clone()).await.unwrap().done {
                steps += 1;
                assert!(steps < 10_000, "it is never done");
            }
            assert!(place.count("SELECT count(*) FROM observation") > 0);
            assert_eq!(
                place.count(&format!("SELECT count(*) FROM observation WHERE start < {}", middle.0)),
                0
            );
            assert_eq!(place.count(NOBODYS), 0);
            assert!(place.count("SELECT count(*) FROM mark") > 0);
            assert_eq!(place.wrong().await, [""; 0]);
            // What comes now finds its place among what is left, and nothing that went comes back.
            let later: Vec<Exchange> = exchanges.iter().filter(|one| one.began >= middle).cloned().collect();
            let kept = place.all().await;
            for exchange in &later {
                place.reread(exchange).await;
            }
            assert_eq!(place.wrong().await, [""; 0]);
            let count =
                |all: &BTreeMap<String, Value>| all.keys().filter(|key| key.starts_with("obs")).count();
            assert_eq!(count(&place.all().await), count(&kept));
        });
    }
}

#[test]
fn the_plays_are_what_they_are_on_the_wire() {
    // Nothing of the plays is lost on the way: what the store makes of them is what they were made of.
    for api in Api::ALL {
        for (name, made) in plays() {
            let exchanges: Vec<Exchange> = made.iter().map(|one| one.spoken.exchange(api)).collect();
            let reader = Reader::new(Pricer::default(), &trace::Config::default());
            for (one, exchange) in made.iter().zip(&exchanges) {
                let read = reader.read(exchange).observed;
                let facts = read[0].facts.as_ref().unwrap();
                let about = format!("{name} {api:?}");
                assert_eq!(facts.start.0, NOON + one.facts.start.0, "{about}");
                assert_eq!(facts.failed, one.facts.failed, "{about}: {:?}", read[0].head);
                assert_eq!(facts.calls.len(), one.facts.calls.len(), "{about}: {:?}", read[0].head);
                assert_eq!(facts.outcomes.len(), one.facts.outcomes.len(), "{about}");
                assert_eq!(facts.speaks, one.facts.speaks, "{about}");
            }
            let ids: std::collections::BTreeSet<ExchangeId> = exchanges.iter().map(|one| one.id).collect();
            assert_eq!(ids.len(), exchanges.len(), "{name}");
        }
    }
}
