//! A support bot with several users: two versions of its prompt, a picture, tools, and a limit that is hit.

use serde_json::json;

use super::super::picture::parcel;
use super::super::script::{RATE_LIMITED, Script, Turn, fails, says, tool, turn};
use super::super::talk::{Part, Tool};
use super::super::wire::CHAT;

/// What both versions of the prompt have in common.
macro_rules! prompt {
    ($last:literal) => {
        concat!(
            "You are the support of Nordlicht, a shop for lamps. Help with orders, returns and repairs. Use the tools; never \
    guess an order's state. Be friendly and brief.\n\n\
    # What the shop promises\n\
    - Delivery within the country takes two to four working days, to islands up to six. Parcels go with Bifrost, pendants and \
    floor lamps with a carrier that rings before.\n\
    - Returns are free for thirty days, in the box that the lamp came in. After that a lamp can be returned only if it is \
    broken. Bulbs cannot be returned once they have been lit.\n\
    - The guarantee is five years, on LED drivers three. It covers what failed by itself, not what was dropped, wired \
    wrongly or put where it is wet though its plate says IP20.\n\
    - Spare parts are kept for ten years: shades, sockets, drivers, cables, screws. Ask for the number on the plate below \
    the foot or inside the canopy.\n\
    - Refunds go back the way the money came, within five days. Vouchers are given back as vouchers.\n\n\
    # What is often asked\n\
    - Flicker: nearly always the dimmer. LEDs want one of the trailing edge kind, whose least load is below the lamp's \
    watts. If it flickers undimmed too, the driver is broken.\n\
    - Hum: a driver that is not quite broken. Replace it under guarantee.\n\
    - Warm or cold light: 2700 K is like a bulb, 3000 K like a halogen lamp, 4000 K like an office. Skog, Tinde and Fjell \
    are 2700 K; Bris and Aurora are 3000 K.\n\
    - Ceiling without an outlet: Kabel, a canopy with a textile cable of five metres and hooks, fits all pendants.\n\
    - Bathrooms: only lamps of IP44 and above near a basin or shower: Regn, Dråpe.\n\
    - Smart lamps: none of ours has an app. All with E27 sockets take smart bulbs of other makers.\n\n\
    # How to speak\n\
    - Use the customer's language and their name, where you know it. No exclamation marks in bad news.\n\
    - One question at a time. Never ask for what the tools can tell.\n\
    - Do not promise what is not written here. If you do not know, say so, and open a ticket.\n\
    - Never ask for a password, a card's number or an address; send people to their account for that.",
            $last
        )
    };
}

const FIRST: &str = prompt!("");
const SECOND: &str = prompt!(
    "\n\n# Refunds\nRefunds up to €150 you may grant yourself when a lamp came \
    broken; ask for a picture first. Anything above goes to a person: say so, and open a ticket."
);

const TOOLS: &[Tool] = &[
    Tool {
        name: "look_up_order",
        about: "What is known of an order.",
        parameters: &[("order", "Its number.")],
    },
    Tool {
        name: "refund",
        about: "Pays an amount back.",
        parameters: &[("order", "Its number."), ("euros", "How much."), ("reason", "Why.")],
    },
    Tool {
        name: "open_ticket",
        about: "Hands a conversation to a person.",
        parameters: &[("order", "Its number."), ("summary", "What it is about.")],
    },
    Tool {
        name: "find_lamp",
        about: "Searches the catalogue.",
        parameters: &[("words", "What is looked for.")],
    },
];

pub fn scripts() -> Vec<Script> {
    vec![
        bot("ines", 1, 0, where_is_it("NL-20417", "Tuesday")),
        bot("marek", 2, 500, broken()),
        bot("yuki", 2, 1100, dear()),
        bot("tom", 1, 1600, advice()),
        bot("fatima", 2, 2100, where_is_it("NL-20502", "Thursday")),
        bot("olaf", 1, 2600, wrong_number()),
    ]
}

fn bot(user: &str, version: u8, begins: u64, turns: Vec<Turn>) -> Script {
    Script {
        wire: &CHAT,
        model: "gpt-4.1-mini",
        snapshot: "gpt-4.1-mini-2025-04-14",
        system: if version == 1 { FIRST } else { SECOND },
        tools: TOOLS,
        streamed: true,
        reasons: false,
        schema: &[],
        client: "demo-support/1.7",
        labels: format!(
            "session=chat-{user},user={user},tag=support,tag=web,project=nordlicht,prompt_version=support-v{version}"
        ),
        traced: false,
        begins,
        turns,
    }
}

fn where_is_it(order: &str, day: &str) -> Vec<Turn> {
    let state = format!(
        "{{\"order\":\"{order}\",\"state\":\"on its way\",\"carrier\":\"Bifrost\",\"expected\":\"{day}\"}}"
    );
    vec![
        turn(
            format!("Hello, where is my order {order}?"),
            [says("").calling([tool("look_up_order", json!({"order": order}), state, 240)])],
            says(format!(
                "It is on its way with Bifrost and should be with you on {day}. Shall I send you the link to follow it?"
            )),
        ),
        turn(
            "Yes please. And can it be left with my neighbour?",
            [],
            says(
                "The link is on its way to your inbox. On the carrier's page you can choose a neighbour up to the evening before.",
            ),
        ),
    ]
}

fn broken() -> Vec<Turn> {
    let mut picture = turn(
        "Sure, here it is.",
        [says("").calling([
            tool("look_up_order", json!({"order": "NL-20388"}),
                "{\"order\":\"NL-20388\",\"state\":\"delivered\",\"lamp\":\"Fjell, desk lamp\",\"paid\":\"89.00\"}", 210),
            tool("refund", json!({"order": "NL-20388", "euros": "89.00", "reason": "crushed in transport, picture seen"}),
                "{\"refunded\":\"89.00\",\"arrives\":\"in 3 to 5 days\"}", 480),
        ])],
        says("Thank you, the corner is clearly crushed. I have paid the €89.00 back; it takes 3 to 5 days. You need not send the \
            lamp back."),
    );
    picture.user.push(Part::Image(parcel()));
    vec![
        turn(
            "My lamp came broken. Order NL-20388. The whole box is dented.",
            [],
            says(
                "I am sorry about that! Please send me a picture of the box, then I can pay it back at once.",
            ),
        ),
        picture,
    ]
}

fn dear() -> Vec<Turn> {
    vec![
        turn(
            "The Aurora pendant I bought for 640 € flickers. I want my money back. NL-19977",
            [
                says("").after(&[RATE_LIMITED]).calling([tool("look_up_order", json!({"order": "NL-19977"}),
                    "{\"order\":\"NL-19977\",\"state\":\"delivered\",\"lamp\":\"Aurora, pendant\",\"paid\":\"640.00\"}", 230)]),
                says("").calling([tool("open_ticket", json!({"order": "NL-19977",
                    "summary": "Aurora pendant flickers, customer wants 640 € back"}), "{\"ticket\":\"T-5512\"}", 310)]),
            ],
            says("That should not be. €640 is more than I may pay back myself, so I have handed it to a colleague: ticket \
                T-5512. You will hear from them today. Does it flicker at full brightness too, or only when dimmed?"),
        ),
        turn(
            "Only when dimmed.",
            [],
            says("Then it is often the dimmer: Aurora needs one for LEDs, trailing edge. I have added that to the ticket."),
        ),
    ]
}

fn advice() -> Vec<Turn> {
    vec![turn(
        "I'm looking for a reading lamp, warm light, not more than 120 €, and it must not look like an office.",
        [says("").calling([tool("find_lamp", json!({"words": "reading lamp warm dimmable floor"}),
            "[{\"name\":\"Skog\",\"price\":109,\"light\":\"2700 K\"},{\"name\":\"Tinde\",\"price\":94,\"light\":\"2700 K\"},\
             {\"name\":\"Bris\",\"price\":139,\"light\":\"3000 K\"}]", 330)])],
        says("Two come to mind: **Skog** (€109), an arc of oak with a linen shade, and **Tinde** (€94), slim and of brass. Both are \
            2700 K and can be dimmed. Skog is the cosier of the two."),
    )]
}

fn wrong_number() -> Vec<Turn> {
    vec![turn(
        "What about 20-41-7?",
        [says("").calling([fails(
            "look_up_order",
            json!({"order": "20-41-7"}),
            "error: no order has the number 20-41-7",
            120,
        )])],
        says(
            "I cannot find an order with that number. Ours begin with NL, as in NL-20417. You find it in the mail with the bill.",
        ),
    )]
}
