//! A research agent: three others look things up side by side, one of them asks a fourth, and the first writes a long
//! answer from what they found.

use serde_json::json;

use super::super::script::{Does, Script, Turn, Work, says, tool, turn};
use super::super::talk::Tool;
use super::super::wire::RESPONSES;

const LEAD: &str = "You lead a small team of research agents. Take the question apart, give each part to an agent with \
    delegate_research, and write the answer from what they bring. Every number needs its source. Where sources \
    contradict one another, say so.";
const HELPER: &str = "You look things up for a research lead. Search, open what looks trustworthy, and answer with findings \
    and their sources. You may delegate one part of your own.";

const LEADS: &[Tool] = &[Tool {
    name: "delegate_research",
    about: "Gives a question to another agent, which answers once.",
    parameters: &[("question", "The whole of it: the agent sees nothing else.")],
}];
const HELPS: &[Tool] = &[
    Tool { name: "web_search", about: "Searches the web.", parameters: &[("query", "A few words.")] },
    Tool { name: "open_page", about: "Fetches a page as text.", parameters: &[("url", "Its address.")] },
    Tool {
        name: "delegate_research",
        about: "Gives a question to another agent, which answers once.",
        parameters: &[("question", "The whole of it: the agent sees nothing else.")],
    },
];

pub fn scripts() -> Vec<Script> {
    let first = turn(
        "We have a warehouse roof of 1,900 m² near Leipzig and pay 24 ct/kWh. Does it make sense to put solar panels and a \
         battery on it? What would it cost, what would it bring, and what can go wrong?",
        [says("").thinking("Three parts: yield and cost of the panels at this place; the battery; the rules for feeding in. They \
            do not depend on one another, so they can run side by side.")
            .calling([ask(YIELD, yields()), ask(BATTERY, batteries()), ask(RULES, rules())])],
        says(ANSWER).thinking("Yield 930 kWh per kWp, about 190 kWp on 1,900 m² with paths and edges left free. At 24 ct/kWh \
            own use dominates everything. The battery is the weak part of the case: say so.")
            .slowly(500, 22),
    );
    let second = turn(
        "And if electricity becomes a quarter cheaper?",
        [],
        says("Then own use is worth 18 ct/kWh, and the panels' yearly return falls from about €29,000 to about €23,000: they pay \
            for themselves after 8 to 9 years instead of 6 to 7. The battery, which only just paid for itself before, no longer \
            does. So: panels in either case, the battery later.")
            .thinking("140 MWh of own use at 18 instead of 24 ct: 25.2 k instead of 33.6 k, less running costs. The battery \
            shifts 35 MWh; at 18 less 7.5 ct that is 3.7 k a year against 40 k."),
    );
    vec![Script { begins: 300, ..agent("gpt-5.5", LEAD, LEADS, vec![first, second]) }]
}

fn agent(model: &'static str, system: &'static str, tools: &'static [Tool], turns: Vec<Turn>) -> Script {
    Script {
        wire: &RESPONSES,
        model,
        snapshot: if model == "gpt-5.5" { "gpt-5.5-2026-04-23" } else { "gpt-5.4-mini-2026-03-17" },
        system,
        tools,
        streamed: true,
        reasons: true,
        schema: &[],
        client: "demo-research/0.9.1",
        labels: "user=grace,tag=research,project=rooftop".to_owned(),
        traced: false,
        begins: 0,
        turns,
    }
}

fn ask(question: &'static str, answer: Turn) -> Work {
    let agent = agent("gpt-5.4-mini", HELPER, HELPS, vec![answer]);
    Work {
        tool: "delegate_research",
        arguments: json!({"question": question}),
        does: Does::Agent(Box::new(agent)),
    }
}

const YIELD: &str = "How much electricity does a solar roof of 1,900 m² near Leipzig bring in a year, and what does it cost to \
    build in 2026? Give kWp, kWh a year, euros per kWp, with sources.";
const BATTERY: &str = "What does a battery of 150 to 200 kWh for a warehouse cost in 2026, how long does it last, and how much \
    more of its own solar electricity can a business use with one?";
const RULES: &str = "What does a business in Germany get for solar electricity that it feeds in, for a roof of about 190 kWp, \
    and what has to be registered?";
const PRICES: &str = "What did commercial battery systems of 100 to 500 kWh cost in Germany in 2025 and 2026, per kWh and \
    installed? Two sources at least.";

fn yields() -> Turn {
    turn(
        YIELD,
        [
            says("").calling([
                tool("web_search", json!({"query": "solar yield Leipzig kWh per kWp year"}),
                    "1. Yield atlas: Saxony 900 to 960 kWh/kWp\n2. Operator data of 14 roofs in Leipzig, mean 931 kWh/kWp", 620),
                tool("web_search", json!({"query": "rooftop solar 100-300 kWp price 2026 Germany"}),
                    "1. Price index, third quarter 2026: 820 to 980 €/kWp for 100 to 300 kWp\n2. Installers' association: 900 €/kWp", 540),
            ]),
            says("").calling([tool("open_page", json!({"url": "https://yield-atlas.example/saxony"}),
                "Roofs to the south, 15°: 930 kWh/kWp. East and west, 10°: 870 kWh/kWp. Losses of shade not counted.", 480)]),
        ],
        says("About 190 kWp fit (10 m² for each kWp with paths and edges left free). 930 kWh/kWp to the south [yield atlas, 14 \
            operators], so 177 MWh a year. 820 to 980 €/kWp [price index, third quarter 2026]: about €171,000."),
    )
}

fn batteries() -> Turn {
    let prices = turn(
        PRICES,
        [says("").calling([
            tool("web_search", json!({"query": "commercial battery storage price per kWh 2026"}),
                "1. Storage index: 310 €/kWh installed (2026), 395 (2025)\n2. Survey of 41 installers: 290 to 360 €/kWh", 450),
        ])],
        says("2025: 395 €/kWh. 2026: 310 €/kWh [storage index]; 290 to 360 €/kWh [survey of 41 installers]."),
    );
    turn(
        BATTERY,
        [says("").calling([
            ask(PRICES, prices),
            tool(
                "web_search",
                json!({"query": "warehouse solar self-consumption with battery share"}),
                "1. Measured, 22 logistics sites: 58 % without, 78 % with a battery of 0.9 kWh per kWp",
                520,
            ),
        ])],
        says(
            "180 kWh cost about €56,000 (310 €/kWh). Guaranteed for 10 years or 6,000 cycles. Own use rises from 58 to 78 % \
            [22 logistics sites, measured].",
        ),
    )
}

fn rules() -> Turn {
    turn(
        RULES,
        [says("").calling([
            tool("web_search", json!({"query": "feed-in tariff rooftop 100-400 kWp 2026"}),
                "1. Regulator: 7.4 ct/kWh for partial feed-in from August 2026, direct marketing from 100 kWp on", 510),
            tool("open_page", json!({"url": "https://regulator.example/tariffs"}),
                "Above 100 kWp: direct marketing is mandatory. Register within one month in the market master data register.", 430),
        ])],
        says("From 100 kWp on it has to be sold directly: about 7.5 ct/kWh. It is to be registered within a month. A smart meter \
            and remote control are mandatory [regulator]."),
    )
}

const ANSWER: &str = "**Yes for the panels, not yet for the battery.**\n\n\
    ## What fits, and what it costs\n\n\
    | | | source |\n|---|---:|---|\n| panels on 1,900 m² | 190 kWp | 10 m² for each kWp |\n| cost | €171,000 | price index, third \
    quarter 2026 |\n| yield | 177 MWh a year | yield atlas; 14 operators in Leipzig |\n| battery of 180 kWh | €56,000 | storage index; \
    survey of 41 installers |\n\n\
    ## What it brings\n\n\
    Without a battery you use 58 % yourselves (103 MWh at 24 ct) and sell 74 MWh at about 7.5 ct: **€30,300 a year**, of which \
    running costs take some €1,500. The panels have paid for themselves after **6 to 7 years**.\n\n\
    With a battery you use 78 %: 35 MWh more, each worth the difference between 24 and 7.5 ct. That is **€5,800 a year** for \
    €56,000, so nearly ten years, which is just as long as the battery is guaranteed for.\n\n\
    ## What can go wrong\n\n\
    1. **The roof.** Panels weigh 12 to 25 kg/m². Have the statics checked before anything else.\n\
    2. **Direct marketing.** Above 100 kWp you have to sell through a marketer, who wants a fee (0.3 to 0.5 ct/kWh).\n\
    3. **The grid connection.** Operators may take eight months to allow 190 kWp.\n\
    4. **Your own use.** 58 % is a mean of logistics sites. If you work in two shifts it is more; on five days only, less. Take \
    your meter's data of one year before you decide.\n\n\
    The sources contradict one another in one point: the price per kWp, 820 to 980 €. I have taken 900.";
