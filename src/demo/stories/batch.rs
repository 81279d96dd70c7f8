//! A program that reads one invoice after another with a small model, at night: some calls fail, each in its own way.

use super::super::script::{End, RATE_LIMITED, SERVER_ERROR, Said, Script, TOO_LONG, says, turn};
use super::super::wire::CHAT;

const SYSTEM: &str = "Read the invoice and fill in the fields. Leave empty what is not there.";
const SUPPLIERS: &[(&str, &str, &str)] = &[
    ("Holm & Søn", "2026-1041", "412.50"),
    ("Kaltbrunn AG", "77120", "1,980.00"),
    ("Rivages SARL", "F-0093", "88.20"),
    ("Ostsee Papier", "R26-5518", "640.00"),
    ("Tramonto", "2026/311", "129.90"),
    ("Brücker Elektrik", "E-4410", "2,310.75"),
    ("Lindgren", "99-1203", "57.00"),
    ("Vega Logistics", "VL-88121", "745.10"),
    ("Morgenrot", "M-311", "301.00"),
    ("Ferrum", "26-0077", "9,120.00"),
];

pub fn scripts() -> Vec<Script> {
    let read = |(at, (supplier, number, total)): (usize, &(&str, &str, &str))| {
        let invoice = format!(
            "INVOICE\n{supplier}\nNo. {number}\nDelivered as ordered, payable within 14 days without deduction.\nTotal EUR {total}"
        );
        let fields = format!("{{\"supplier\":\"{supplier}\",\"number\":\"{number}\",\"total\":\"{total}\"}}");
        script(at, invoice, trouble(at, says(fields)))
    };
    SUPPLIERS.iter().enumerate().map(read).collect()
}

/// What goes wrong with which.
fn trouble(at: usize, said: Said) -> Said {
    match at {
        2 => said.after(&[RATE_LIMITED, RATE_LIMITED]),
        4 => said.ending(End::Refused(TOO_LONG)),
        6 => said.ending(End::Breaks(2)),
        8 => said.after(&[SERVER_ERROR]),
        _ => said,
    }
}

fn script(at: usize, invoice: String, said: Said) -> Script {
    Script {
        wire: &CHAT,
        model: "gpt-5-nano",
        snapshot: "gpt-5-nano-2025-08-07",
        system: SYSTEM,
        tools: &[],
        streamed: at.is_multiple_of(2),
        reasons: false,
        schema: &["supplier", "number", "total"],
        client: "demo-batch/0.3",
        labels: "session=invoices-nightly,tag=nightly,project=ledger".to_owned(),
        traced: false,
        begins: 400 * at as u64,
        turns: vec![turn(invoice, [], said)],
    }
}
