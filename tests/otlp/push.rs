//! What was recorded earlier is sent when somebody asks for it.

use super::calls::{SPANS, model, turn};
use super::collector::{Collector, Reply, attributes};
use super::live::recorder_before;
use super::support::{Home, Recorder};

#[test]
fn whole_traces_are_pushed_and_again_if_wanted() {
    let (home, collector) = (Home::new(), Collector::start());
    let model = model();
    let before = Recorder::start(&home, &model);
    turn(&before, "ann", "");
    turn(&before, "bob", "");
    before.recorded(4);
    before.stop();
    let idle = "export.c.idle=0s";
    let url = format!("export.c.url={}", collector.url);
    let push = |more: &[&str]| home.run(&[&["push", "--set", &url, "--set", idle], more].concat());
    push(&["--user", "bob"]);
    let users = |spans: Vec<serde_json::Value>| -> Vec<String> {
        spans.iter().map(|span| attributes(span)["user.id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(users(collector.spans()), vec!["bob"; SPANS]);
    push(&[]);
    // A root that was sent is known; steps from before the destination was kept up with are not.
    assert_eq!(collector.counted().len(), 2 * SPANS);
    // What goes out as it comes is not pushed a second time.
    let live = recorder_before(&home, &model, &collector, &[]);
    turn(&live, "cyd", "");
    super::support::until("all was sent", || super::live::count(&live, "sent_total") == SPANS as u64);
    live.stop();
    let counted = collector.spans().len();
    push(&["--user", "cyd"]);
    assert_eq!(collector.spans().len(), counted);
    push(&["--user", "cyd", "--again"]);
    assert_eq!(collector.spans().len(), counted + SPANS);
    let ids = collector.counted();
    assert_eq!(ids.len(), 3 * SPANS, "the same spans have the same ids: {ids:?}");
}

#[test]
fn a_destination_need_not_be_in_the_configuration() {
    let (home, collector) = (Home::new(), Collector::start());
    let before = Recorder::start(&home, &model());
    turn(&before, "ann", "");
    before.recorded(2);
    before.stop();
    // A trace that ended just now may go on.
    std::thread::sleep(std::time::Duration::from_millis(10));
    let said =
        home.command(&["push", "--url", &collector.url, "--kind", "openinference", "--header", "x-key: 1"]);
    let output = { said }.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("still under way") || collector.spans().len() == SPANS, "{said}");
    collector.says(|_| Reply::Status("400 Bad Request", ""));
    let none = home.command(&["push"]).output().unwrap();
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8(none.stderr).unwrap().contains("names no destination"));
    let unknown = home.command(&["push", "--url", &collector.url, "--kind", "paper"]).output().unwrap();
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(said.contains("no kind is called \"paper\""), "{said}");
}
