//! The views that people ask, the page that describes them, and stores of earlier versions.

use serde_json::json;
use tokio_rusqlite::rusqlite::Connection;
use wiretape::store::{Config, Filter, Mode, SqliteStore, Store, StoreError, open};

use super::prune::wrong;
use super::support::*;

/// A store of the first version, as its dump: kept for ever.
const FIRST: &str = include_str!("fixtures/0001.sql");

const VIEWS: [&str; 4] = ["observations", "traces", "sessions", "annotations"];

#[tokio::test]
async fn every_column_of_every_view_is_described() {
    let place = Place::new().await;
    let page = include_str!("../../docs/sql.md");
    let db = Connection::open(place.folder.join("store.db")).unwrap();
    for view in VIEWS {
        assert!(page.contains(&format!("\n## {view}\n")), "{view} is not in docs/sql.md");
        let columns = db.prepare(&format!("SELECT * FROM {view}")).unwrap();
        for column in columns.column_names() {
            assert!(page.contains(&format!("\n| `{column}` |")), "{view}.{column} is not in docs/sql.md");
        }
    }
}

#[tokio::test]
async fn views_say_what_was_recorded() {
    let place = Place::new().await;
    let more = json!({
        "session_id": "s", "tags": ["a", "b"], "parent_id": "00000000000000aa", "status": "error",
        "first_token_time": wiretape::model::Micros(NOON + SECOND + 250_000).rfc3339(), "ttft_ms": 250.0,
    });
    place.write(vec![entry(exchange(1, "{}", "{}"), 1, &more)]).await;
    let db = Connection::open(place.folder.join("store.db")).unwrap();
    let text = |sql: &str| db.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, f64>(0)).unwrap();
    for (column, expected) in [
        ("id", "0000000000000001"),
        ("trace_id", "00000000000000000000000000000001"),
        ("session_id", "s"),
        ("parent_id", "00000000000000aa"),
        ("exchange_id", "00000000000000010000000000000007"),
        ("type", "generation"),
        ("start_time", "2026-11-21T12:00:01.000000Z"),
        ("end_time", "2026-11-21T12:00:01.500000Z"),
        ("status", "error"),
        ("request_model", "m-1"),
        ("tags", "a,b"),
    ] {
        assert_eq!(text(&format!("SELECT {column} FROM observations")), expected, "{column}");
    }
    assert_eq!(number("SELECT duration_ms FROM observations"), 500.0);
    assert_eq!(number("SELECT ttft_ms FROM observations"), 250.0);
    assert_eq!(number("SELECT cost FROM observations"), 0.25);
    assert_eq!(number("SELECT cost + errors FROM traces WHERE session_id = 's'"), 1.25);
    assert_eq!(number("SELECT traces + observations + input_tokens * 1.0 FROM sessions"), 102.0);
}

#[tokio::test]
async fn stores_of_earlier_versions_open() {
    let folder = folder();
    let db = Connection::open(folder.join("store.db")).unwrap();
    db.execute_batch(FIRST).unwrap();
    drop(db);
    let store = open("sqlite:store.db", &folder, Mode::ReadWrite, &Config::default()).await.unwrap();
    assert_eq!(wrong(&*store).await, [""; 0]);
    let kept = fixture();
    assert_eq!(store.exchange(id(1)).await.unwrap(), kept.exchange);
    let stored = store.of_exchange(id(1)).await.unwrap();
    assert_eq!(stored[0].head, kept.observations[0].head);
    let found = Filter { search: Some("first version".to_owned()), ..Filter::default() };
    assert_eq!(ids(&store.list(found, page(5)).await.unwrap()), ["1"]);
    assert_eq!(store.sessions(Filter::default(), page(5)).await.unwrap().len(), 1);
    store.write(vec![entry(exchange(2, "{}", "x"), 2, &json!({"session_id": "s"}))].into()).await.unwrap();
    assert_eq!(wrong(&*store).await, [""; 0]);
    std::fs::remove_dir_all(folder).unwrap();
}

/// What is in the dump of the first version.
fn fixture() -> wiretape::store::Entry {
    let text = "said in the first version ".repeat(20);
    let request = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#);
    entry(exchange(1, request, "data: {}\n\n"), 1, &json!({"session_id": "s", "tags": ["t"]}))
}

/// Writes the dump above.
#[tokio::test]
#[ignore = "run it by hand when a version of the store is new, with WIRETAPE_FIXTURE naming a file"]
async fn write_the_fixture() {
    let folder = folder();
    let file = folder.join("store.db");
    let store = SqliteStore::open(&file, Mode::ReadWrite, &Config::default()).await.unwrap();
    store.write(vec![fixture()].into()).await.unwrap();
    store.close().await.unwrap();
    std::fs::write(std::env::var("WIRETAPE_FIXTURE").unwrap(), dump(&Connection::open(file).unwrap()))
        .unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

/// A database as the SQL that makes it. What a virtual table keeps its data in, it makes itself.
fn dump(db: &Connection) -> String {
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let mut sql = "PRAGMA auto_vacuum = incremental;\n".to_owned();
    let own = "name NOT LIKE 'sqlite_%' AND name NOT GLOB 'said_*' AND name NOT GLOB 'answer_*'";
    for made in
        texts(&format!("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND {own} ORDER BY rowid"))
    {
        sql.push_str(&format!("{made};\n"));
    }
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('said', 'answer') ORDER BY rowid";
    for table in texts(tables) {
        sql.push_str(&format!("DELETE FROM {table};\n"));
        let columns = texts(&format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}')"));
        for values in texts(&format!("SELECT {} FROM {table}", columns.join(" || ', ' || "))) {
            sql.push_str(&format!("INSERT INTO {table} VALUES ({values});\n"));
        }
    }
    sql.push_str(&format!("PRAGMA user_version = {version};\n"));
    sql
}

#[tokio::test]
async fn a_store_of_a_later_version_is_left_alone() {
    let place = Place::new().await;
    let db = Connection::open(place.folder.join("store.db")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    for mode in [Mode::ReadWrite, Mode::ReadOnly] {
        let later = open("sqlite:store.db", &place.folder, mode, &Config::default()).await.map(|_| ());
        assert!(matches!(&later, Err(StoreError::Broken(why)) if why.contains("later version")), "{later:?}");
    }
    let other = folder();
    let db = Connection::open(other.join("store.db")).unwrap();
    db.execute_batch("CREATE TABLE mine (x)").unwrap();
    let foreign = open("sqlite:store.db", &other, Mode::ReadWrite, &Config::default()).await.map(|_| ());
    assert!(matches!(&foreign, Err(StoreError::Broken(why)) if why.contains("no store")), "{foreign:?}");
    std::fs::remove_dir_all(other).unwrap();
}
