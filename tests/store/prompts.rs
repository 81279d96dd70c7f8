//! Versions of prompts and tools are summed up with every generation.

use serde_json::{Value, json};
use wiretape::model::{Kind, Micros, ObservationId, Status, Usd};
use wiretape::store::{Filter, Mode, PromptVersion, Prune};

use super::prune::wrong;
use super::support::*;

async fn prompts(place: &Place, filter: Filter) -> Vec<PromptVersion> {
    place.store.prompts(filter).await.unwrap()
}

fn with(version: Option<&str>, tools: Option<&str>) -> Value {
    json!({"prompt_version": version, "tools_version": tools})
}

fn names(found: &[PromptVersion]) -> Vec<(Option<&str>, Option<&str>, u64)> {
    let name = |one: &'_ PromptVersion| one.totals.observations;
    found.iter().map(|one| (one.version.as_deref(), one.tools.as_deref(), name(one))).collect()
}

async fn filled() -> Place {
    let place = Place::new().await;
    let mut entries = [
        alone(1, &with(Some("a"), Some("x"))),
        alone(2, &with(Some("a"), Some("x"))),
        alone(3, &with(Some("a"), Some("y"))),
        alone(4, &with(Some("b"), None)),
        alone(5, &with(None, Some("x"))),
        alone(6, &with(None, None)),
        alone(7, &json!({"prompt_version": "a", "tools_version": "x", "type": "span"})),
        alone(8, &json!({"prompt_version": "a", "tools_version": "x", "status": "error", "cost": null})),
    ];
    // They come in any order, and in several writes.
    entries.reverse();
    for part in entries.chunks(3) {
        place.write(part.to_vec()).await;
    }
    place
}

#[tokio::test]
async fn versions_are_summed_up() {
    let place = filled().await;
    let found = prompts(&place, Filter::default()).await;
    let expected =
        [(Some("a"), Some("x"), 3), (None, Some("x"), 1), (Some("b"), None, 1), (Some("a"), Some("y"), 1)];
    assert_eq!(names(&found), expected);
    let first = &found[0];
    assert_eq!((first.first, first.last), (Micros(NOON + SECOND), Micros(NOON + 8 * SECOND)));
    assert_eq!(first.example, ObservationId(8));
    let totals = &first.totals;
    assert_eq!((totals.errors, totals.input, totals.cost), (1, 300, Usd::parse("0.5").unwrap()));
    assert_eq!((first.duration.count(), first.first_token.count()), (3, 0));
    assert_eq!(wrong(&*place.store).await, [""; 0]);
}

#[tokio::test]
async fn a_filter_counts_what_passes() {
    let place = filled().await;
    let late = Filter { since: Some(Micros(NOON + 4 * SECOND)), ..Filter::default() };
    let found = prompts(&place, late).await;
    assert_eq!(names(&found), [(Some("a"), Some("x"), 1), (None, Some("x"), 1), (Some("b"), None, 1)]);
    let errors = Filter { status: Some(Status::Error), ..Filter::default() };
    assert_eq!(names(&prompts(&place, errors).await), [(Some("a"), Some("x"), 1)]);
    let tools = Filter { kind: Some(Kind::Tool), ..Filter::default() };
    assert_eq!(prompts(&place, tools).await, []);
    let all = Filter { provider: Some("anthropic".to_owned()), ..Filter::default() };
    assert_eq!(prompts(&place, all).await, prompts(&place, Filter::default()).await);
}

#[tokio::test]
async fn what_goes_is_taken_out() {
    let place = filled().await;
    // The newest of a version becomes another's, and the oldest is pruned.
    place.write(vec![alone(8, &with(Some("b"), None))]).await;
    let prune = Prune {
        filter: Filter { until: Some(Micros(NOON + 2 * SECOND)), ..Filter::default() },
        ..Prune::default()
    };
    while !place.store.prune(prune.clone()).await.unwrap().done {}
    let found = prompts(&place, Filter::default()).await;
    let expected =
        [(Some("b"), None, 2), (None, Some("x"), 1), (Some("a"), Some("y"), 1), (Some("a"), Some("x"), 1)];
    assert_eq!(names(&found), expected);
    let left = &found[3];
    assert_eq!((left.first, left.last), (Micros(NOON + 2 * SECOND), Micros(NOON + 2 * SECOND)));
    assert_eq!(left.example, ObservationId(2));
    assert_eq!(wrong(&*place.store).await, [""; 0]);
    let rest = Prune {
        filter: Filter { until: Some(Micros(NOON + 60 * SECOND)), ..Filter::default() },
        ..Prune::default()
    };
    while !place.store.prune(rest.clone()).await.unwrap().done {}
    assert_eq!(prompts(&place, Filter::default()).await, []);
    assert_eq!(wrong(&*place.store).await, [""; 0]);
}

/// A store of the first version, to which calls with versions of prompts were added.
#[tokio::test]
async fn what_an_earlier_version_wrote_is_counted() {
    let folder = folder();
    let db = tokio_rusqlite::rusqlite::Connection::open(folder.join("store.db")).unwrap();
    db.execute_batch(include_str!("fixtures/0001.sql")).unwrap();
    db.execute_batch(
        "INSERT INTO word (text) VALUES ('mine');
         UPDATE observation SET prompt_version = (SELECT id FROM word WHERE text = 'mine');",
    )
    .unwrap();
    drop(db);
    let config = wiretape::store::Config::default();
    let store = wiretape::store::open("sqlite:store.db", &folder, Mode::ReadWrite, &config).await.unwrap();
    let found = store.prompts(Filter::default()).await.unwrap();
    assert_eq!(names(&found), [(Some("mine"), None, 1)]);
    let wrong: Vec<String> =
        wrong(&*store).await.into_iter().filter(|wrong| wrong.contains("prompt")).collect();
    assert_eq!(wrong, [""; 0]);
    std::fs::remove_dir_all(folder).unwrap();
}
