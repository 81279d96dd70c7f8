//! What goes on being sent, so that there is something to watch: now and then a long answer, slowly.

use serde_json::json;

use super::super::script::{End, Script, says, tool, turn};
use super::super::talk::Tool;
use super::super::wire::{ANTHROPIC, CHAT};

const TOOLS: &[Tool] = &[Tool {
    name: "look_up",
    about: "Looks something up in the encyclopaedia.",
    parameters: &[("words", "What is looked for.")],
}];

/// Questions, what is looked up for them, and answers.
const ASKED: &[(&str, &str, &str, &str)] = &[
    (
        "Why is the sky blue, but red in the evening?",
        "Rayleigh scattering",
        "Molecules of air are much smaller than a wave of light, and scatter it the more the shorter it is: by the fourth power.",
        "Light from the sun is scattered by the molecules of the air, and blue light nearly six times as much as red. By day you see \
         that scattered light from everywhere: the sky is blue. In the evening the sun's light takes a path through the air that is \
         some forty times as long. On the way the blue is scattered out of it, towards other places where it is day, and what \
         comes straight at you is what is left: orange, then red. Dust and droplets add to it, which is why evenings after a \
         volcano has erupted are redder than others.",
    ),
    (
        "How does a sourdough starter work?",
        "sourdough microbiology",
        "Wild yeasts and lactic acid bacteria live in it together, about one to a hundred.",
        "A starter is flour and water in which wild yeasts and lactic acid bacteria live together. The bacteria make acids, which keep \
         moulds away and which these yeasts happen to bear well. The yeasts make carbon dioxide, which lifts the dough, and leave \
         the maltose to the bacteria. Each time that you feed it you thin them out and give them new food; after a week or two \
         those are left that grow best at your kitchen's temperature. That is why two starters of the same flour in two houses \
         taste different.",
    ),
    (
        "What is a monad? Explain it to someone who cooks.",
        "monad",
        "A structure that chains computations: a way to wrap a value, and a way to feed what is wrapped to the next step.",
        "Think of a recipe whose steps may fail. `Crack the egg` gives you an egg, or a mess. The next step wants an egg; if you check \
         for the mess before each step, the checks are soon longer than the recipe. So you agree on a way of handing things on: a \
         covered bowl that holds either what the step made or a note on what went wrong, and one rule for every step: lift the lid; \
         if there is a note, hand the bowl on untouched; otherwise cook. The bowl and that rule are the monad. Other bowls hold \
         other things: several results, a result that comes later, a shopping list that grows.",
    ),
];

/// The nth of them.
pub fn live(number: u64) -> (String, Script) {
    let at = usize::try_from(number).unwrap_or_default() % ASKED.len();
    let (question, words, found, answer) = ASKED[at];
    let mut said = says(answer).slowly(600, 90);
    // One in five is not heard to its end.
    if number % 5 == 4 {
        said = said.ending(End::Leaves(18));
    }
    let look = says("").calling([tool("look_up", json!({"words": words}), found, 700)]);
    let is_claude = number.is_multiple_of(2);
    let script = Script {
        wire: if is_claude { &ANTHROPIC } else { &CHAT },
        model: if is_claude { "claude-sonnet-5-5" } else { "gpt-4.1" },
        snapshot: if is_claude { "claude-sonnet-5-5" } else { "gpt-4.1-2025-04-14" },
        system: "You explain things to curious people, in one paragraph.",
        tools: TOOLS,
        streamed: true,
        reasons: false,
        schema: &[],
        client: "demo-explainer/1.0",
        labels: format!("session=live-{number},user=visitor-{},tag=live", number % 4),
        traced: false,
        begins: 0,
        turns: vec![turn(question, [look], said)],
    };
    (format!("live-{number}"), script)
}
