//! A million observations without bodies, and how long each kind of question takes.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use wiretape::model::{Micros, ObservationId, Status, TraceId};
use wiretape::store::{Config, Entry, Filter, Mode, Observed, Order, Page, RollupFilter, SqliteStore, Store};

use super::words::Dice;

pub const COUNT: u64 = 1_000_000;
const BATCH: u64 = 5000;
pub const BEGIN: u64 = 1_792_000_000_000_000;
/// A month of them.
pub const APART: u64 = 2_592_000;

pub fn entry(number: u64) -> Entry {
    let mut dice = Dice(number);
    let start = Micros(BEGIN + number * APART);
    let model = format!("model-{}", dice.below(12));
    let status = ["ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok", "error"][dice.below(10) as usize];
    // Forty to a session, four to a trace; some of each come late.
    let session = (number / 400) * 10 + dice.below(10);
    let head = json!({
        "id": ObservationId(dice.roll()).to_string(),
        "trace_id": TraceId(u128::from(session) << 32 | u128::from(dice.below(10))).to_string(),
        "session_id": format!("session-{session}"), "type": if dice.below(3) == 0 { "tool" } else { "generation" },
        "name": format!("chat {model}"), "start_time": start.rfc3339(),
        "end_time": Micros(start.0 + 1_000_000 + dice.below(9_000_000)).rfc3339(), "status": status,
        "provider": format!("provider-{}", dice.below(5)), "upstream": "up", "request_model": model,
        "response_model": format!("{model}-2026"), "usage": {"input": dice.below(90_000), "output": dice.below(2000), "source": "reported"},
        "cost": {"total": 0.0125, "currency": "USD"}, "user": format!("user-{}", dice.below(2000)),
        "tags": [format!("tag-{}", dice.below(200))], "attempt": 1, "losses": [],
    });
    let Value::Object(head) = head else { return Entry::default() };
    let preview = dice.text(60);
    let text = if number % 50_000 == 7 { format!("{preview} needle") } else { preview.clone() };
    let observed = Observed {
        head,
        content: None,
        input_preview: preview.clone(),
        output_preview: preview,
        text,
        facts: None,
    };
    Entry { exchange: None, more: false, observations: vec![observed] }
}

pub async fn run(file: &Path, again: bool) {
    let config = Config::default();
    if !again {
        write(file, &config).await;
    }
    let at = Instant::now();
    let store = SqliteStore::open(file, Mode::ReadWrite, &config).await.unwrap();
    println!("open             {:>9.1} ms", at.elapsed().as_secs_f64() * 1e3);
    ask(&store).await;
}

async fn write(file: &Path, config: &Config) {
    let store = SqliteStore::open(file, Mode::ReadWrite, config).await.unwrap();
    let at = Instant::now();
    for batch in 0..COUNT / BATCH {
        store.write((0..BATCH).map(|one| entry(batch * BATCH + one)).collect()).await.unwrap();
        if batch % 20 == 19 {
            eprintln!("{} observations: {:.0} s", (batch + 1) * BATCH, at.elapsed().as_secs_f64());
        }
    }
    println!("written          {:>9.0} observations a second", 1e6 / at.elapsed().as_secs_f64());
    store.close().await.unwrap();
    #[expect(clippy::cast_precision_loss, reason = "a size for people")]
    let disk = std::fs::metadata(file).unwrap().len() as f64;
    println!("on disk          {:>9.0} bytes an observation", disk / 1e6);
}

async fn ask(store: &SqliteStore) {
    let text = |text: &str| Some(text.to_owned());
    let middle = Micros(BEGIN + 500_000 * APART);
    let all = Filter::default;
    let questions = [
        ("newest", all()),
        ("session", Filter { session: text("session-12345"), ..all() }),
        ("trace", Filter { trace: Some(TraceId(12_345 << 32 | 3)), ..all() }),
        ("model", Filter { model: text("model-3"), ..all() }),
        ("model *", Filter { model: text("model-1*"), ..all() }),
        ("model unknown", Filter { model: text("none*"), ..all() }),
        ("provider", Filter { provider: text("provider-2"), ..all() }),
        ("status error", Filter { status: Some(Status::Error), ..all() }),
        ("status cancelled", Filter { status: Some(Status::Cancelled), ..all() }),
        ("tag", Filter { tag: text("tag-77"), ..all() }),
        ("user", Filter { user: text("user-77"), ..all() }),
        (
            "since until",
            Filter { since: Some(middle), until: Some(Micros(middle.0 + 1_000_000_000)), ..all() },
        ),
        ("search rare", Filter { search: text("needle"), ..all() }),
        ("search common", Filter { search: text("ra*"), ..all() }),
        ("search two words", Filter { search: text("lora elmi*"), ..all() }),
        ("user and error", Filter { user: text("user-77"), status: Some(Status::Error), ..all() }),
    ];
    let page = || Page { order: Order::NewestFirst, limit: 50, after: None };
    println!("{:<18}{:>8} {:>9} {:>9} {:>9}", "", "rows", "list", "sessions", "traces");
    for (name, filter) in questions {
        let mut times = [0.0; 3];
        let at = Instant::now();
        let rows = store.list(filter.clone(), page()).await.unwrap().len();
        times[0] = at.elapsed().as_secs_f64() * 1e3;
        let at = Instant::now();
        store.sessions(filter.clone(), page()).await.unwrap();
        times[1] = at.elapsed().as_secs_f64() * 1e3;
        let at = Instant::now();
        store.traces(filter, page()).await.unwrap();
        times[2] = at.elapsed().as_secs_f64() * 1e3;
        println!("{name:<18}{rows:>8} {:>6.1} ms {:>6.1} ms {:>6.1} ms", times[0], times[1], times[2]);
    }
    let day = 24 * 3600 * 1_000_000;
    let at = Instant::now();
    let filter =
        RollupFilter { since: Some(middle), until: Some(Micros(middle.0 + day)), ..RollupFilter::default() };
    let rows = store.rollups(filter).await.unwrap().len();
    println!("rollups of a day  {rows:>8} {:>6.1} ms", at.elapsed().as_secs_f64() * 1e3);
    let at = Instant::now();
    let rows =
        store.rollups(RollupFilter { user: text("user-77"), ..RollupFilter::default() }).await.unwrap().len();
    println!("rollups of a user {rows:>8} {:>6.1} ms", at.elapsed().as_secs_f64() * 1e3);
    let at = Instant::now();
    store.stats().await.unwrap();
    println!("stats             {:>15.1} ms", at.elapsed().as_secs_f64() * 1e3);
}
