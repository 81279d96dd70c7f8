//! What people add: it is there again, found by its tags, keeps what is pinned, and goes with what it is said of.

use serde_json::json;
use wiretape::model::{Annotation, AnnotationId, AnnotationKind, Micros, ObservationId, Target, TraceId};
use wiretape::store::{Filter, Prune, Store};

use super::support::*;

fn annotation(number: u64, target: &Target, kind: AnnotationKind, name: &str) -> Annotation {
    Annotation {
        id: AnnotationId(number),
        target: target.clone(),
        kind,
        name: Some(name.to_owned()),
        value: Some(json!(0.5)),
        comment: Some("because".to_owned()),
        author: Some("ada".to_owned()),
        at: Micros(NOON + number % 1000),
    }
}

async fn ten() -> Place {
    let place = Place::new().await;
    let session =
        |number: u64| json!({"session_id": if number < 5 { "one" } else { "two" }, "tags": ["own"]});
    place.write((1..=12).map(|number| alone(number, &session(number))).collect()).await;
    place
}

fn tagged(tag: &str) -> Filter {
    Filter { tag: Some(tag.to_owned()), ..Filter::default() }
}

async fn prune(store: &dyn Store, filter: Filter) {
    let prune = Prune { filter, ..Prune::default() };
    while !store.prune(prune.clone()).await.unwrap().done {}
}

#[tokio::test]
async fn what_is_added_is_there_again() {
    let place = ten().await;
    let target = Target::Observation(ObservationId(3));
    let score = annotation(u64::MAX, &target, AnnotationKind::Score, "helpful");
    assert!(place.store.annotate(score.clone()).await.unwrap());
    let note = Annotation { value: None, ..annotation(2, &target, AnnotationKind::Note, "n") };
    assert!(place.store.annotate(note.clone()).await.unwrap());
    let gone = annotation(9, &Target::Session("gone".to_owned()), AnnotationKind::Note, "n");
    assert!(!place.store.annotate(gone).await.unwrap());
    let found = place.store.annotations(vec![target.clone()]).await.unwrap();
    assert_eq!(found, [note.clone(), score.clone()]);
    assert_eq!(place.store.all_annotations(None, 1).await.unwrap(), std::slice::from_ref(&score));
    assert_eq!(place.store.all_annotations(Some(score.id), 5).await.unwrap(), [note]);
    let better = Annotation { value: Some(json!(true)), ..score.clone() };
    assert!(place.store.annotate(better.clone()).await.unwrap());
    assert!(place.store.annotations(vec![target.clone()]).await.unwrap().contains(&better));
    // They are not of the observation's row, which is written anew when it is read again.
    place.write(vec![alone(3, &json!({"name": "chat other"}))]).await;
    assert!(place.store.annotations(vec![target.clone()]).await.unwrap().contains(&better));
    assert!(place.store.unannotate(score.id).await.unwrap());
    assert!(!place.store.unannotate(score.id).await.unwrap());
    assert_eq!(place.store.annotations(vec![target]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn tags_that_people_give_are_found_like_others() {
    let place = ten().await;
    for (number, target) in
        [Target::Observation(ObservationId(11)), Target::Trace(TraceId(1)), Target::Session("two".to_owned())]
            .iter()
            .enumerate()
    {
        let name = ["step", "trace", "session"][number];
        let number = number as u64 + 1;
        place.store.annotate(annotation(number, target, AnnotationKind::Tag, name)).await.unwrap();
    }
    assert_eq!(place.ids(&tagged("step")).await, ["b"]);
    assert_eq!(place.ids(&tagged("trace")).await, ["9", "8", "7", "6", "5", "4", "3", "2", "1"]);
    assert_eq!(place.ids(&tagged("session")).await, ["c", "b", "a", "9", "8", "7", "6", "5"]);
    assert_eq!(place.ids(&tagged("none")).await, [""; 0]);
    assert_eq!(place.ids(&tagged("own")).await.len(), 12);
    // One that some calls have of themselves, and others from a person.
    let own = annotation(7, &Target::Observation(ObservationId(2)), AnnotationKind::Tag, "own");
    place.store.annotate(own).await.unwrap();
    assert_eq!(place.ids(&tagged("own")).await.len(), 12);
    let sessions = place.store.sessions(tagged("trace"), page(9)).await.unwrap();
    assert_eq!(sessions.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(), ["two", "one"]);
    assert_eq!(place.store.tags(9).await.unwrap(), ["own", "session", "step", "trace"]);
}

#[tokio::test]
async fn what_is_pinned_stays_and_the_rest_goes_with_what_was_said_of_it() {
    let place = ten().await;
    let session = Target::Session("one".to_owned());
    let pin = annotation(1, &session, AnnotationKind::Pin, "p");
    assert!(place.store.annotate(pin.clone()).await.unwrap());
    let note = annotation(2, &Target::Observation(ObservationId(12)), AnnotationKind::Note, "n");
    place.store.annotate(note.clone()).await.unwrap();
    let all = Filter { until: Some(Micros(NOON + 100 * SECOND)), ..Filter::default() };
    prune(&*place.store, all.clone()).await;
    assert_eq!(place.ids(&Filter::default()).await, ["4", "3", "2", "1"]);
    assert_eq!(place.store.annotations(vec![note.target]).await.unwrap(), []);
    assert_eq!(place.store.annotations(vec![session]).await.unwrap(), std::slice::from_ref(&pin));
    place.store.unannotate(pin.id).await.unwrap();
    prune(&*place.store, all).await;
    assert_eq!(place.ids(&Filter::default()).await, [""; 0]);
}
