//! Files that are not as they should be, and ends that come early.

use serde_json::json;
use std::path::Path;
use wiretape::store::{Config, Filter, Mode, SqliteStore, Store, StoreError, open};

use super::prune::wrong;
use super::support::*;

async fn opened(folder: &Path, mode: Mode) -> Result<(), StoreError> {
    open("sqlite:store.db", folder, mode, &Config::default()).await.map(|_| ())
}

#[tokio::test]
async fn files_that_are_no_store_are_said_to_be_none() {
    let folder = folder();
    let missing = opened(&folder, Mode::ReadOnly).await;
    assert!(
        matches!(&missing, Err(StoreError::Unavailable(why)) if why.contains("there is no store")),
        "{missing:?}"
    );
    assert!(!folder.join("store.db").exists());
    std::fs::write(folder.join("store.db"), vec![b'x'; 10_000]).unwrap();
    for mode in [Mode::ReadWrite, Mode::ReadOnly] {
        let garbage = opened(&folder, mode).await;
        assert!(matches!(garbage, Err(StoreError::Broken(_))), "{garbage:?}");
    }
    let url = open("postgres:x", &folder, Mode::ReadWrite, &Config::default()).await.map(|_| ());
    assert!(matches!(url, Err(StoreError::Asked(_))));
    let nowhere = opened(&folder.join("none"), Mode::ReadWrite).await;
    assert!(matches!(nowhere, Err(StoreError::Unavailable(_))), "{nowhere:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_no_panic() {
    let copy = folder();
    let file = copy.join("store.db");
    let store = SqliteStore::open(&file, Mode::ReadWrite, &Config::default()).await.unwrap();
    let one = |number| entry(exchange(number, "{\"a\":1}", "x"), number, &json!({"session_id": "s"}));
    store.write((1..=40).map(one).collect()).await.unwrap();
    // Everything into the one file.
    store.close().await.unwrap();
    let bytes = std::fs::read(&file).unwrap();
    for cut in [bytes.len() / 2, 5000, 100] {
        std::fs::write(copy.join("store.db"), &bytes[..cut]).unwrap();
        if opened(&copy, Mode::ReadOnly).await.is_ok() {
            let store = open("sqlite:store.db", &copy, Mode::ReadOnly, &Config::default()).await.unwrap();
            let listed = store.list(Filter::default(), page(50)).await;
            assert!(matches!(listed, Ok(_) | Err(StoreError::Broken(_))), "{listed:?}");
        }
    }
    let mut holed = bytes.clone();
    holed.iter_mut().skip(8192).step_by(97).for_each(|byte| *byte ^= 0x55);
    std::fs::write(copy.join("store.db"), &holed).unwrap();
    if let Ok(store) = open("sqlite:store.db", &copy, Mode::ReadWrite, &Config::default()).await {
        for number in 1..=40 {
            let _ = store.exchange(id(number)).await;
            let _ = store.of_exchange(id(number)).await;
        }
        let _ = store.list(Filter::default(), page(50)).await;
        let _ = store.sessions(Filter::default(), page(50)).await;
        let _ = store.write(vec![entry(exchange(99, "{}", "x"), 99, &json!({}))].into()).await;
        let mut at = wiretape::store::VerifyAt::default();
        while let Ok(verified) = store.verify(at).await {
            match verified.next {
                Some(next) => at = next,
                None => break,
            }
        }
    }
    std::fs::remove_dir_all(copy).unwrap();
}

#[tokio::test]
async fn a_store_opened_to_read_is_not_written() {
    let place = Place::new().await;
    place.write(vec![alone(1, &json!({}))]).await;
    let reader = open("sqlite:store.db", &place.folder, Mode::ReadOnly, &Config::default()).await.unwrap();
    let refused = reader.write(vec![alone(2, &json!({}))].into()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    let version = reader.version().await.unwrap();
    place.write(vec![alone(2, &json!({}))]).await;
    assert_ne!(reader.version().await.unwrap(), version);
    assert_eq!(reader.stats().await.unwrap().observations, 2);
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let place = Place::new().await;
    let one = entry(exchange(1, r#"{"a":"b"}"#, "ok"), 1, &json!({}));
    place.write(vec![one.clone()]).await;
    // The files as a kill would leave them: nothing was closed.
    let copy = folder();
    for file in ["store.db", "store.db-wal"] {
        std::fs::copy(place.folder.join(file), copy.join(file)).unwrap();
    }
    // And a last write that only half came to the disk.
    let mut wal = std::fs::read(copy.join("store.db-wal")).unwrap();
    wal.extend_from_slice(&vec![7; 5000]);
    std::fs::write(copy.join("store.db-wal"), wal).unwrap();
    let store = open("sqlite:store.db", &copy, Mode::ReadWrite, &Config::default()).await.unwrap();
    assert_eq!(store.exchange(id(1)).await.unwrap(), one.exchange);
    assert_eq!(wrong(&*store).await, [""; 0]);
    std::fs::remove_dir_all(copy).unwrap();
}

#[tokio::test]
async fn a_session_of_many_turns_takes_space_by_what_is_new() {
    let place = Place::new().await;
    let turn = |number: u64| {
        let messages: Vec<String> = (1..=number)
            .map(|number| {
                let text: String =
                    (0..500).map(|at| format!("w{} ", (number * 7919 + at * at) % 4999)).collect();
                format!(r#"{{"role":"user","content":"{text}"}}"#)
            })
            .collect();
        entry(
            exchange(number, format!(r#"{{"messages":[{}]}}"#, messages.join(",")), "{}"),
            number,
            &json!({"session_id": "s"}),
        )
    };
    let mut at_half = 0;
    for number in 1..=100 {
        place.write(vec![turn(number)]).await;
        if number == 50 {
            at_half = place.store.stats().await.unwrap().unique_bytes;
        }
    }
    let stats = place.store.stats().await.unwrap();
    assert!(stats.unique_bytes < at_half * 5 / 2, "{} and then {}", at_half, stats.unique_bytes);
    assert!(stats.raw_bytes > stats.unique_bytes * 20, "{stats:?}");
}
