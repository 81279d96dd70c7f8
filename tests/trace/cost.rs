//! What placing a call costs does not grow with the session it belongs to.

use serde_json::json;

use crate::agent::{Line, Play};
use crate::memory::Memory;

const TURNS: usize = 2000;
/// Clients cut long histories: so many messages are sent.
const SENT: usize = 20;
/// So many calls are looked at, at the begin and at the end.
const SOME: usize = 500;

/// An agent at work for long; after so many turns the user says something.
fn long(every: usize) -> Play {
    let mut play = Play::default();
    let mut line = Line::new("s");
    for turn in 0..TURNS {
        if turn % every == 0 {
            line.user(&turn.to_string(), &format!("Go on with part {} of the work.", turn / every));
        }
        let from = line.messages.len().saturating_sub(SENT);
        line.messages.drain(..from);
        let answer = play.calls("Bash", json!({"command": format!("step {turn}")}));
        play.turn(&mut line, &answer);
        line.result(answer.calls[0].0.as_deref(), "done");
    }
    play
}

#[test]
fn a_long_session_takes_no_more_look_ups_a_call() {
    for (every, near) in [(10, 1), (TURNS, 1), (10, 5), (TURNS, 5)] {
        let play = long(every);
        let mut book = Memory::default();
        let mut costs = Vec::new();
        for few in play.made.chunks(near) {
            // The last of each few comes first.
            for one in few.iter().rev() {
                let before = (book.looked_up, book.read_again);
                book.add(one.facts.clone());
                costs.push((book.looked_up - before.0, book.read_again - before.1));
            }
        }
        let sum =
            |costs: &[(usize, usize)]| costs.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        // Of the first calls many have nothing to look for.
        let first = sum(&costs[SENT..SENT + SOME]);
        let last = sum(&costs[TURNS - SOME..]);
        let about = format!("a turn of {every}, {near} at a time: {first:?} at first, {last:?} at last");
        assert!(last.0 <= first.0 + SOME / 10 && last.1 <= first.1 + SOME / 10, "{about}");
        assert!(last.0 <= 60 * SOME, "{about}");
        println!("{about}");
    }
}
