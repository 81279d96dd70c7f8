//! The arithmetic: counts times prices, each part at its own.
//!
//! A whole is split where a part of it has a price of its own: of the input what was read from a cache, written to one, or is
//! sound; of the output reasoning, sound, images. What is left is at the plain price. Numbers that contradict each other
//! (more cached than sent) never make a negative count. What a provider says it bills is not split: it is all there is.

use super::table::Rates;
use super::unit::Unit;
use crate::model::{Cost, CostDetail, CostPart, CostSource, Usage, Usd};

/// One bill being added up.
struct Bill<'a> {
    rates: &'a Rates<'a>,
    details: Vec<CostDetail>,
    missing: Vec<(CostPart, String)>,
}

/// What a usage costs at these prices.
pub fn bill(rates: &Rates<'_>, usage: &Usage, source: CostSource) -> Cost {
    let mut bill = Bill { rates, details: Vec::new(), missing: Vec::new() };
    if usage.is_empty() {
        bill.missing.push((CostPart::Input, "what was used is unknown".to_owned()));
    } else {
        bill.input(usage);
        bill.output(usage);
        bill.extra(usage);
    }
    bill.sum(usage, source)
}

/// A cost of which nothing is known but why.
pub fn unknown(why: String, source: CostSource) -> Cost {
    Cost {
        input: None,
        output: None,
        extra: None,
        total: None,
        source,
        details: Vec::new(),
        missing: vec![why],
    }
}

/// A cost with that of work beside the answer, which is all extra. Where that is unknown, so is the whole.
pub fn with_beside(mut cost: Cost, what: &str, beside: Option<Cost>) -> Cost {
    let Some(beside) = beside else {
        cost.total = None;
        cost.missing.push(format!("{what}: its model has no price"));
        return cost;
    };
    let sum = |one: Option<Usd>, other: Option<Usd>| Some(one? + other?);
    cost.extra = sum(cost.extra.or(Some(Usd::ZERO)), beside.total);
    cost.total = sum(cost.total, beside.total);
    let details = beside.details.into_iter().map(|detail| CostDetail {
        part: CostPart::Extra,
        unit: format!("{what} {}", detail.unit),
        ..detail
    });
    cost.details.extend(details);
    cost.missing.extend(beside.missing.into_iter().map(|why| format!("{what}: {why}")));
    cost
}

impl Bill<'_> {
    fn input(&mut self, usage: &Usage) {
        if let Some(billed) = usage.billed_input {
            return self.add(CostPart::Input, &Unit::Input, billed);
        }
        let Some(input) = usage.input else {
            // What is billed by the second or by the character has no tokens to count.
            let beside = usage.audio.is_some() || usage.characters.is_some() || !usage.requests.is_empty();
            return self.uncounted(CostPart::Input, &Unit::Input, beside);
        };
        let hour = usage.cache_write_1h.unwrap_or_default();
        let half_day = usage.cache_write_12h.unwrap_or_default();
        let listed = hour.saturating_add(half_day);
        let short = usage.cache_write_5m.unwrap_or_default();
        let written = usage.cache_write.unwrap_or_else(|| listed.saturating_add(short)).max(listed);
        let read = usage.cache_read.unwrap_or_default();
        let fresh = input.saturating_sub(read).saturating_sub(written);
        // Sound and images may be among what was cached. Where nobody says how much of them is, text is taken to be.
        let heard = usage.audio_cache_read.unwrap_or_default().min(read);
        let audio = usage.audio_input.unwrap_or_default().saturating_sub(heard).min(fresh);
        let image = match self.rates.price(&Unit::ImageInput) {
            Some(_) => usage.image_input.unwrap_or_default().min(fresh - audio),
            None => 0,
        };
        for (unit, count) in [
            (Unit::Input, fresh - audio - image),
            (Unit::AudioInput, audio),
            (Unit::ImageInput, image),
            (Unit::CacheRead, read - heard),
            (Unit::AudioCacheRead, heard),
            (Unit::CacheWrite, written - listed),
            (Unit::CacheWrite1h, hour),
            (Unit::CacheWrite12h, half_day),
        ] {
            self.add(CostPart::Input, &unit, count);
        }
    }

    fn output(&mut self, usage: &Usage) {
        if let Some(billed) = usage.billed_output {
            return self.add(CostPart::Output, &Unit::Output, billed);
        }
        let Some(output) = usage.output else {
            return self.uncounted(CostPart::Output, &Unit::Output, false);
        };
        let audio = usage.audio_output.unwrap_or_default().min(output);
        let own = |unit: &Unit, count: Option<u64>| {
            if self.rates.price(unit).is_some() { count.unwrap_or_default() } else { 0 }
        };
        let image = own(&Unit::ImageOutput, usage.image_output).min(output - audio);
        let reasoning = own(&Unit::Reasoning, usage.reasoning).min(output - audio - image);
        for (unit, count) in [
            (Unit::Output, output - audio - image - reasoning),
            (Unit::Reasoning, reasoning),
            (Unit::AudioOutput, audio),
            (Unit::ImageOutput, image),
        ] {
            self.add(CostPart::Output, &unit, count);
        }
    }

    fn extra(&mut self, usage: &Usage) {
        for (name, count) in &usage.requests {
            self.add(CostPart::Extra, &Unit::Thousand(name.clone()), *count);
        }
        self.add(CostPart::Extra, &Unit::Characters, usage.characters.unwrap_or_default());
        let heard = usage.audio.map_or(0, |audio| u64::try_from(audio.as_millis()).unwrap_or(u64::MAX));
        self.add(CostPart::Extra, &Unit::AudioHour, heard);
        if self.rates.price(&Unit::call()).is_some() {
            self.add(CostPart::Extra, &Unit::call(), 1);
        }
    }

    /// So many at their price. None of something needs no price.
    fn add(&mut self, part: CostPart, unit: &Unit, count: u64) {
        if count == 0 {
            return;
        }
        let name = unit.name().to_owned();
        match self.rates.price(unit) {
            Some(price) => {
                let amount = price.times(count, unit.per());
                self.details.push(CostDetail { part, unit: name, count, price, amount });
            }
            None => self.missing.push((part, format!("no price of {name}"))),
        }
    }

    /// A count that nobody gave matters where it would have cost something, unless the call is billed by other things.
    fn uncounted(&mut self, part: CostPart, unit: &Unit, beside: bool) {
        let costs = self.rates.price(unit).is_some_and(|price| price > Usd::ZERO);
        let instead = [Unit::Characters, Unit::AudioHour].iter().any(|unit| self.rates.price(unit).is_some());
        if costs && !(beside && instead) {
            self.missing.push((part, format!("how much {} there was is unknown", unit.name())));
        }
    }

    fn sum(self, usage: &Usage, source: CostSource) -> Cost {
        let known = |part: CostPart| !self.missing.iter().any(|(side, _)| *side == part);
        let amount = |part: CostPart| {
            self.details.iter().filter(|detail| detail.part == part).map(|detail| detail.amount).sum::<Usd>()
        };
        let side = |part: CostPart, counted: bool| (counted && known(part)).then(|| amount(part));
        let extra = self.details.iter().any(|detail| detail.part == CostPart::Extra);
        let total = self.missing.is_empty().then(|| self.details.iter().map(|detail| detail.amount).sum());
        Cost {
            input: side(CostPart::Input, usage.input.or(usage.billed_input).is_some()),
            output: side(CostPart::Output, usage.output.or(usage.billed_output).is_some()),
            extra: side(CostPart::Extra, extra),
            total,
            source,
            missing: self.missing.into_iter().map(|(_, what)| what).collect(),
            details: self.details,
        }
    }
}
