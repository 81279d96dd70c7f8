//! A program that answers from documents: it looks for the nearest, and asks a model that has to answer in JSON. It says
//! by OpenTelemetry's header what belongs together.

use super::super::script::{Script, Turn, says, turn};
use super::super::wire::GEMINI;

const SYSTEM: &str = "Answer the question from the documents only, and name the one that you used. Where they do not say, say \
    so: \"not in the documents\".";

const LEAVE: &[&str] = &[
    "handbook/leave.md: Everyone has 30 days of leave a year. Up to 5 may be taken over until the end of March.",
    "handbook/parents.md: Leave for parents is asked for seven weeks before it begins.",
    "handbook/sick.md: From the fourth day on a certificate is needed.",
];
const TRAVEL: &[&str] = &[
    "handbook/travel.md: Trains in second class; first class from four hours on. Flights need a lead's approval.",
    "handbook/expenses.md: Receipts are handed in within 30 days. Meals: the legal allowance, without receipts.",
];
const LAPTOP: &[&str] = &[
    "it/laptops.md: Laptops are replaced after four years, or when a repair costs more than €400.",
    "it/access.md: Access is asked for in the portal; the owner of the system decides within two days.",
];

pub fn scripts() -> Vec<Script> {
    let questions = vec![
        ask(
            "How many days of leave can I take over into next year?",
            LEAVE,
            "{\"answer\":\"Up to 5 days, until the end of March.\",\"source\":\"handbook/leave.md\"}",
        ),
        ask(
            "May I go first class to Munich? It is five hours.",
            TRAVEL,
            "{\"answer\":\"Yes: first class is allowed from four hours on.\",\"source\":\"handbook/travel.md\"}",
        ),
        ask(
            "My laptop is three years old and the battery is dead. Do I get a new one?",
            LAPTOP,
            "{\"answer\":\"Only if the repair costs more than €400; otherwise the battery is replaced.\",\"source\":\"it/laptops.md\"}",
        ),
        ask(
            "Do I need receipts for meals on a trip?",
            TRAVEL,
            "{\"answer\":\"No, meals are paid by the legal allowance.\",\"source\":\"handbook/expenses.md\"}",
        ),
        ask(
            "What is the company's policy on dogs?",
            LEAVE,
            "{\"answer\":\"not in the documents\",\"source\":\"\"}",
        ),
    ];
    vec![Script {
        wire: &GEMINI,
        model: "gemini-3.8-flash",
        snapshot: "gemini-3.8-flash",
        system: SYSTEM,
        tools: &[],
        streamed: false,
        reasons: true,
        schema: &["answer", "source"],
        client: "demo-documents/3.1",
        labels: "session=handbook,user=noor,tag=rag,project=intranet".to_owned(),
        traced: true,
        begins: 200,
        turns: questions,
    }]
}

fn ask(question: &'static str, documents: &'static [&'static str], answer: &'static str) -> Turn {
    let said = says(answer).thinking("The first document is the nearest. It says it outright.");
    Turn { retrieves: documents, ..turn(question, [], said) }
}
